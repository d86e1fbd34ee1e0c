"""Studies from their file to their folder, stopped and gone on with, and refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.studies.noted import noted

FACTORS: dict[str, Any] = {
    "load": {"input": "load", "scale": {"uniform": [0.8, 1.2]}},
    "mu_A": {"parameter": "mu_A", "set": {"normal": [0.6, 0.1], "bounds": [0.4, 0.8]}},
    "volume": {"key": "plant.tanks.tank.volume", "set": {"values": ["1500 m3", "2500 m3"]}},
}
STUDY: dict[str, Any] = {
    "name": "small",
    "scenario": {"days": 0.25},
    "factors": FACTORS,
    "design": {"method": "latin_hypercube", "cases": 6, "seed": 3},
    "outputs": {"indicators": ["EQI", "effluent.NH4 mean"], "series": ["effluent.NH4"], "every": "1 h"},
    "pareto": ["EQI", "aeration energy"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> ah.Sweep:
    """Return a study that ran in one go in this process."""
    return ah.sweep("cstr", STUDY, tmp_path_factory.mktemp("sweep") / "whole", workers=1)


def test_a_study_leaves_tables_a_page_and_what_it_was_begun_with(whole: ah.Sweep) -> None:
    folder, result = whole.folder, whole.found
    assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} >= {
        "study.yaml",
        "plant.yaml",
        "design.csv",
        "journal",
        "results.csv",
        "results.parquet",
        "series.parquet",
        "summary.json",
        "report.html",
    }
    assert [figure.name for figure in result.figures] == ["EQI", "effluent.NH4 mean", "aeration energy"]
    assert len(result.outcomes) == len(whole.cases) == 6
    assert result.base is not None
    assert result.base.figures["EQI"] == ah.simulate("cstr", {"days": 0.25}).indicators.loc["EQI", "base"]
    assert len(result.times) == 7
    assert result.outcomes[2].series["effluent.NH4"].shape == (7,)
    assert set(pd.read_parquet(folder / "series.parquet")["case"]) == {-1, *range(6)}
    kept = pd.read_parquet(folder / "results.parquet")
    np.testing.assert_array_equal(kept["EQI [kg PU/d]"], result.values("EQI"))
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["cases"], summary["failed"]) == (6, 0)
    assert summary["figures"]["EQI"]["base"] == result.base.figures["EQI"]
    assert "sensitivity" in whole.report.read_text().lower()
    assert "6" in repr(whole)
    assert "effluent.NH4 mean" in whole._repr_html_()


def test_the_study_in_the_folder_does_it_again(whole: ah.Sweep, tmp_path: Path) -> None:
    again = ah.sweep(whole.folder / "plant.yaml", whole.folder / "study.yaml", tmp_path / "again", workers=1)
    assert (again.folder / "results.csv").read_bytes() == (whole.folder / "results.csv").read_bytes()
    listed = {**STUDY, "design": {"method": "list", "file": str(whole.folder / "design.csv")}}
    once_more = ah.sweep("cstr", listed, tmp_path / "listed", workers=1)
    assert (once_more.folder / "results.csv").read_bytes() == (whole.folder / "results.csv").read_bytes()


@pytest.mark.slow
def test_two_processes_give_the_same_bytes(whole: ah.Sweep, tmp_path: Path) -> None:
    found = ah.sweep("cstr", STUDY, tmp_path / "two", workers=2)
    for name in ("results.csv", "series.parquet"):
        assert (found.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def stopped(whole: ah.Sweep, folder: Path, rows: int) -> Path:
    """Return a folder of the same study in which so many cases have come in."""
    folder.mkdir()
    for name in ("study.yaml", "plant.yaml", "design.csv", "begun.json"):
        (folder / name).write_bytes((whole.folder / name).read_bytes())
    lines = (whole.folder / "journal").read_bytes().splitlines(keepends=True)
    (folder / "journal").write_bytes(b"".join(lines[: rows + 1]) + lines[rows + 1][:40])
    return folder


def test_a_study_that_was_stopped_goes_on_to_the_same_bytes(
    whole: ah.Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stopped(whole, tmp_path / "stopped", 3)
    with pytest.raises(SystemExit) as end:
        main(["sweep", "--resume", str(folder), "--workers", "1"])
    assert end.value.code == 0
    told = capsys.readouterr()
    assert "Figures over 6 cases" in told.out
    assert f"page: {folder / 'report.html'}" in told.out
    assert "cases: step 7 of 7" in told.err
    for name in ("results.csv", "series.parquet", "summary.json"):
        changing = name == "summary.json"
        ours, theirs = (p.joinpath(name).read_bytes() for p in (folder, whole.folder))
        assert changing or ours == theirs
    assert len((folder / "journal").read_bytes().splitlines()) == 8


def test_a_study_does_not_go_on_with_what_has_changed(whole: ah.Sweep, tmp_path: Path) -> None:
    folder = stopped(whole, tmp_path / "changed", 3)
    plant = (folder / "plant.yaml").read_text()
    (folder / "plant.yaml").write_text(plant.replace("120", "119"))
    with pytest.raises(InputError, match="was changed or damaged since the study began"):
        ah.resume_sweep(folder, workers=1)
    with pytest.raises(InputError, match="holds a study already"):
        ah.sweep("cstr", STUDY, folder, workers=1)
    with pytest.raises(InputError, match="no study to go on with"):
        ah.resume_sweep(tmp_path, workers=1)


def test_a_case_that_fails_is_listed_and_stops_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = tmp_path / "cases.csv"
    cases.write_text("age\n6\n5000\n7\n")
    study = tmp_path / "study.yaml"
    study.write_text(
        "scenario: {days: 0.1}\nfactors: {age: {sludge_age: {uniform: [5, 9000]}}}\n"
        "design: {method: list, file: cases.csv}\noutputs: {indicators: [EQI]}\n"
    )
    with pytest.raises(SystemExit) as end:
        main(["sweep", "mle", "--study", str(study), "--out", str(tmp_path / "out"), "--workers", "1"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert "2 cases, 1 more failed" in told
    assert "failed, 1 case (1):" in told
    assert "no wastage gives a sludge age of 5000 d" in " ".join(told.split())
    table = pd.read_csv(tmp_path / "out" / "results.csv")
    assert table["error"].notna().to_list() == [False, True, False]
    assert table["EQI [kg PU/d]"].notna().to_list() == [True, False, True]


def test_nothing_is_written_where_a_value_cannot_be(tmp_path: Path) -> None:
    out = tmp_path / "out"
    impossible = {**STUDY, "factors": {"a": {"input": "T", "set": {"uniform": [5, 90]}}}}
    for study in (impossible, {**STUDY, "pareto": ["EQI", "OCJ"]}, {**STUDY, "scenario": {"score_from": 3, "days": 1}}):
        with pytest.raises(InputError):
            ah.sweep("cstr", study, out, workers=1)
    assert not out.exists()


def test_ctrl_c_says_how_the_study_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("asm_hybrid.sweeps.running.run_cases", stop)
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    study.write_text(
        "scenario: {days: 0.1}\nfactors: {a: {input: T, shift: {uniform: [0, 1]}}}\ndesign: {method: grid}\n"
    )
    with pytest.raises(SystemExit) as end:
        main(["sweep", "cstr", "-s", str(study), "-o", str(out)])
    assert end.value.code == 130
    assert f"asm-hybrid sweep --resume {out}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["cstr"], ["--study", "x.yaml"], ["cstr", "-s", "x.yaml", "--resume", "y"]])
def test_the_command_wants_a_study_or_one_to_go_on_with(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["sweep", *words])
    assert end.value.code == 2
    assert "--resume FOLDER alone" in " ".join(capsys.readouterr().err.split()).replace("│ ", "")


@pytest.mark.slow
def test_keys_of_a_config_are_trained_and_gone_on_with(tmp_path: Path) -> None:
    config = write_case(tmp_path, CONFIG.replace("mode: hybrid", "mode: mechanistic"))
    study = {
        "factors": {"tries": {"key": "training.calibration_evaluations", "set": {"values": [1, 3]}}},
        "design": {"method": "grid"},
    }
    found = ah.sweep(config, study, tmp_path / "out", workers=1)
    assert found.found.base is not None
    assert found.found.values("validation")[1] == found.found.base.figures["validation"]
    before = (found.folder / "results.csv").read_bytes()
    os.unlink(found.folder / "results.csv")
    assert (ah.resume_sweep(found.folder, workers=1).folder / "results.csv").read_bytes() == before
    with pytest.raises(InputError, match="no scenario"):
        ah.sweep(config, {**study, "scenario": {"days": 3}}, tmp_path / "other", workers=1)


def test_sentences_that_differ_in_numbers_are_gathered() -> None:
    said = [(0, ("leaves 3.5 h at tank_1", "other")), (4, ("leaves 1e-3 h at tank_1",)), (5, ("leaves 3 h at tank_2",))]
    found = noted(said)
    assert [(note.text, note.count, note.cases) for note in found] == [
        ("leaves 3.5 h at tank_1", 2, (0, 4)),
        ("other", 1, (0,)),
        ("leaves 3 h at tank_2", 1, (5,)),
    ]


@pytest.mark.parametrize("name", ["study.yaml", "plant.yaml", "begun.json"])
def test_a_study_does_not_go_on_from_a_file_that_was_changed(whole: ah.Sweep, tmp_path: Path, name: str) -> None:
    folder = stopped(whole, tmp_path / "stopped", 3)
    text = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(text.replace("cstr", "cstR", 1) if "cstr" in text else text + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"was changed or damaged") as error:
        ah.resume_sweep(folder, workers=1)
    assert name in str(error.value)
