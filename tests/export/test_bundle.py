"""The exported bundle: complete, checked, repeatable, and never half-written."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from run_files import bundle_of

from asm_hybrid.artefacts import write_json_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import verify_manifest, write_manifest

PARAMETERS = {
    "parameters": [
        {
            "name": "mu_A",
            "value": 0.61,
            "default": 0.8,
            "lower": 0.3,
            "upper": 1.5,
            "unit": "1/d",
            "source": "henze1987",
            "calibrated": True,
            "at_bound": False,
            "std_error": 0.03,
        },
        {
            "name": "=cmd()",
            "value": 3.0,
            "default": 1.0,
            "lower": 0.1,
            "upper": 3.0,
            "unit": "g N/m3",
            "source": None,
            "calibrated": True,
            "at_bound": True,
            "std_error": None,
        },
    ],
    "correlations": {"mu_A": {"mu_A": 1.0, "=cmd()": 0.9}, "=cmd()": {"mu_A": 0.9, "=cmd()": None}},
}
SUMMARY = {
    "name": "plant",
    "mode": "hybrid",
    "placements": ["rates"],
    "created": "2026-02-03T14:05:09+00:00",
    "version": "0.1.0",
    "device": "cpu",
    "blocks": {"test": ["2021-05-29T00:00:00Z", "2021-06-09T00:00:00Z"]},
    "variables": {"NH4": {"target": "a.S_NH", "unit": "g N/m3", "noise": 0.3}},
    "scores": {"test": {"NH4": {"hybrid": {"rmse": 0.5, "mae": 0.4, "bias": -0.1, "r2": None, "n": 9}}}},
    "missing": [
        {
            "kind": "process",
            "name": "nitrification",
            "tank": "a",
            "share": 0.7,
            "own": 5.0,
            "learnt": -1.0,
            "unit": "g/m3/d",
        }
    ],
    "verdict": {"sentence": "The hybrid model wins."},
    "warnings": ["X_BH is not measured."],
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("name: plant\n", encoding="utf-8")
    (folder / "kinetics.yaml").write_text("name: asm1\n", encoding="utf-8")
    (folder / "kinetics.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "weights.safetensors").write_bytes(bytes(range(256)))
    (folder / "inputs.csv").write_text("time,Q_in\n", encoding="utf-8")
    (folder / "predictions.csv").write_text("time\n", encoding="utf-8")
    write_json_atomic(folder / "parameters.json", PARAMETERS)
    write_json_atomic(folder / "summary.json", SUMMARY)
    write_manifest(folder)
    return folder


def test_bundle_holds_a_loadable_model_and_its_manifest(run: Path, tmp_path: Path) -> None:
    from asm_hybrid.training import MODEL_FILES

    bundle = bundle_of(run, tmp_path / "deep" / "bundle")
    manifest = verify_manifest(bundle, [*MODEL_FILES, "parameters.xlsx", "summary.json", "kinetics.py"])
    assert set(manifest) == {p.name for p in bundle.iterdir()} - {"manifest.json"}
    assert "predictions.csv" not in manifest
    for name in MODEL_FILES:
        assert (bundle / name).read_bytes() == (run / name).read_bytes()


def test_the_fitted_values_stand_beside_the_defaults_in_a_table(run: Path, tmp_path: Path) -> None:
    from asm_hybrid.kinetics import load_table

    own = {**PARAMETERS, "parameters": PARAMETERS["parameters"][:1]}
    write_json_atomic(run / "parameters.json", own)
    (run / "kinetics.yaml").write_text(load_table("asm1").text, encoding="utf-8")
    write_manifest(run)
    bundle = bundle_of(run, tmp_path / "bundle")
    fitted, plain = load_table(bundle / "kinetics-fitted.yaml"), load_table(bundle / "kinetics.yaml")
    mu_A, old = (next(p for p in table.parameters if p.name == "mu_A") for table in (fitted, plain))
    assert (mu_A.default, old.default) == (0.61, 0.8)
    assert (mu_A.theta, mu_A.bounds, mu_A.source) == (old.theta, (0.3, 1.5), "run plant")
    assert mu_A.note == "fitted, standard error 0.03; default 0.8 (henze1987)"
    assert [p for p in fitted.parameters if p.name != "mu_A"] == [p for p in plain.parameters if p.name != "mu_A"]


def test_workbook_states_value_default_bounds_unit_and_source(run: Path, tmp_path: Path) -> None:
    bundle = bundle_of(run, tmp_path / "bundle")
    book = CalamineWorkbook.from_path(bundle / "parameters.xlsx")
    assert book.sheet_names == ["Parameters", "Correlations", "Scores", "Missing", "Run"]
    rows = book.get_sheet_by_name("Parameters").to_python()
    assert rows[0][:7] == [
        "Parameter",
        "Value",
        "Default",
        "Lower bound",
        "Upper bound",
        "Unit",
        "Source of default",
    ]
    assert rows[1][:10] == ["mu_A", 0.61, 0.8, 0.3, 1.5, "1/d", "henze1987", "yes", "no", 0.03]
    assert rows[2][0] == "=cmd()"
    assert book.get_sheet_by_name("Scores").to_python()[1] == [
        "test", "NH4", "g N/m3", "hybrid", 0.5, 0.4, -0.1, "", 9.0,
    ]  # fmt: skip
    assert book.get_sheet_by_name("Missing").to_python()[1][:4] == ["process", "nitrification", "a", 0.7]
    assert book.get_sheet_by_name("Correlations").to_python()[1] == ["mu_A", 1.0, 0.9]


def test_workbook_has_a_sheet_of_sensors_that_have_a_bias_or_a_lag(run: Path, tmp_path: Path) -> None:
    lag = {"value": 10.0, "low": 10.0, "high": 10.0, "unit": "min", "learnt": False}
    write_json_atomic(run / "parameters.json", PARAMETERS | {"sensors": {"NH4": {"lag": lag}}})
    write_manifest(run)
    book = CalamineWorkbook.from_path(bundle_of(run, tmp_path / "bundle") / "parameters.xlsx")
    assert book.get_sheet_by_name("Sensors").to_python()[1] == ["NH4", "lag", 10.0, 10.0, 10.0, "", "", "min", "no"]


def test_two_exports_are_the_same_byte_for_byte(run: Path, tmp_path: Path) -> None:
    first, second = (bundle_of(run, tmp_path / name) for name in ("one", "two"))
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()


def test_a_bundle_can_be_exported_again(run: Path, tmp_path: Path) -> None:
    first = bundle_of(run, tmp_path / "one")
    second = bundle_of(first, tmp_path / "two")
    assert (first / "manifest.json").read_bytes() == (second / "manifest.json").read_bytes()


@pytest.mark.parametrize("name", ["weights.safetensors", "predictions.csv", "config.yaml"])
def test_corrupted_file_is_named_and_nothing_is_written(run: Path, tmp_path: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        bundle_of(run, tmp_path / "bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_missing_file_is_named(run: Path, tmp_path: Path) -> None:
    (run / "parameters.json").unlink()
    write_manifest(run)
    with pytest.raises(InputError, match=r"parameters\.json"):
        bundle_of(run, tmp_path / "bundle")


def test_folder_without_manifest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        bundle_of(tmp_path / "nowhere", tmp_path / "bundle")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"manifest\.json"):
        bundle_of(tmp_path / "empty", tmp_path / "bundle")


def test_occupied_target_is_left_alone(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    (target / "mine.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(InputError, match="holds files"):
        bundle_of(run, target)
    assert [p.name for p in target.iterdir()] == ["mine.txt"]
    with pytest.raises(InputError, match="a file of that name"):
        bundle_of(run, target / "mine.txt")
    (target / "mine.txt").unlink()
    assert (bundle_of(run, target) / "manifest.json").is_file()


def test_failure_while_writing_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asm_hybrid.export.formats.bundle.parameter_workbook", fail)
    with pytest.raises(InputError, match="No space left"):
        bundle_of(run, tmp_path / "bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_interrupted_run_without_scores(run: Path, tmp_path: Path) -> None:
    summary = {k: v for k, v in SUMMARY.items() if k != "verdict"} | {
        "scores": {},
        "missing": [],
        "warnings": [],
    }
    write_json_atomic(run / "summary.json", summary)
    write_manifest(run)
    assert (bundle_of(run, tmp_path / "bundle") / "parameters.xlsx").is_file()


def test_manifest_may_not_point_outside(run: Path, tmp_path: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    (run / "manifest.json").write_text(json.dumps(manifest | {"../secret": "0" * 64}), encoding="utf-8")
    with pytest.raises(InputError, match="outside"):
        bundle_of(run, tmp_path / "bundle")


def test_copy_of_a_bundle_verifies(run: Path, tmp_path: Path) -> None:
    bundle = bundle_of(run, tmp_path / "bundle")
    shutil.copytree(bundle, tmp_path / "copy")
    verify_manifest(tmp_path / "copy")


def test_a_killed_export_leaves_nothing_once_another_is_made(run: Path, tmp_path: Path) -> None:
    script = """
import os, signal, sys
from asm_hybrid.export import exporting
def kill(*args):
    os.kill(os.getpid(), signal.SIGKILL)
exporting._put = kill
exporting.export_run(sys.argv[1], "bundle", sys.argv[2])
"""
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", script, str(run), str(tmp_path / "bundle")], check=False)
        assert done.returncode == -signal.SIGKILL
    assert sorted(p.name for p in tmp_path.iterdir()) == [".run-export.partial", "run"]
    bundle_of(run, tmp_path / "bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle", "run"]
    verify_manifest(tmp_path / "bundle")


@pytest.mark.parametrize("name", ["parameters.json", "summary.json"])
@pytest.mark.parametrize("text", ["[]", "{}", '{"created": 1, "parameters": 3}', '{"created": NaN}', "{"])
def test_tables_that_make_no_workbook_are_refused(run: Path, tmp_path: Path, name: str, text: str) -> None:
    (run / name).write_text(text, encoding="utf-8")
    write_manifest(run)
    with pytest.raises(InputError, match=re.escape(name)):
        bundle_of(run, tmp_path / "bundle")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_a_full_disk_leaves_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        bundle_of(run, tmp_path / "bundle")
    monkeypatch.undo()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_a_folder_that_cannot_be_made_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    for target in (tmp_path / "file" / "bundle", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match=re.escape(str(target))[:60]):
            bundle_of(run, target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "run"]
