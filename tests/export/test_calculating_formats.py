"""The formats that calculate, from a trained run to what stands in its folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_toys import COMPILER

from asm_hybrid.export import export_run
from asm_hybrid.export.exported_plant import read_plant
from asm_hybrid.export.format import Source

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")


def test_the_example_in_c_simulates_a_day_of_the_run(small_run: Path, tmp_path: Path) -> None:
    (folder,) = export_run(small_run, "c", tmp_path / "plant").paths["c"]
    assert {path.name for path in folder.iterdir()} == {"README.txt", "main.c", "model.c", "model.h"}
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
    sources = [str(folder / name) for name in ("main.c", "model.c")]
    subprocess.run([str(COMPILER), *flags, "-o", str(tmp_path / "day"), *sources, "-lm"], check=True)
    done = subprocess.run([str(tmp_path / "day")], check=True, capture_output=True, text=True)
    head, *rows = done.stdout.splitlines()
    assert len(rows) == 97
    assert head.split()[:2] == ["day", "aerobic.S_NH"]
    plant = read_plant(Source(small_run))
    start = plant.starts[plant.best][plant.states.index("aerobic.S_NH")]
    assert float(rows[0].split()[1]) == pytest.approx(start, rel=1e-5)
    assert "small_step" in (folder / "model.h").read_text(encoding="utf-8")


def test_the_fmus_of_a_run_start_where_its_test_block_does(small_run: Path, tmp_path: Path) -> None:
    fmpy = pytest.importorskip("fmpy")
    plant = read_plant(Source(small_run))
    start = plant.starts[plant.best]
    for path in export_run(small_run, "fmu", tmp_path / "out").paths["fmu"]:
        found = fmpy.simulate_fmu(str(path), fmi_type="CoSimulation", stop_time=1800.0, output=list(plant.states))
        np.testing.assert_allclose([found[name][0] for name in plant.states], start, rtol=1e-12)
        assert found["aerobic.S_NH"][-1] != found["aerobic.S_NH"][0]
