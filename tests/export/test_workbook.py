"""The workbook of a run: its sheets, what was learnt in it, and what is refused."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import casadi
import numpy as np
import pytest
import xlsxwriter
from office import recalculated, sheet_rows, typed
from python_calamine import CalamineWorkbook

from asm_hybrid.artefacts import read_json, write_json_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.export import export_run
from asm_hybrid.export.workbook.book import model_workbook
from asm_hybrid.export.workbook.sheets import Sheets
from asm_hybrid.export.workbook.tables import parameter_workbook
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import casadi_namespace
from asm_hybrid.scenario.plants import simulate_run

PROCESS = "aerobic_growth_autotrophs"
RATE = next(p.rate.text for p in load_table("asm1").processes if p.name == PROCESS)
FACTOR = "inhibition(load.COD, K_I_COD_aut) * ratio(S_NO, S_NO + K_NO_aut * X_BA)"
CONSTANTS = {"K_I_COD_aut": (2.5e6, "g COD/d"), "K_NO_aut": (0.05, "g N/(g COD)")}
CURVE = {"x": [0.5, 1.0, 2.0, 4.0], "factor": [0.5, 0.8, 1.0, 1.1], "low": [0.4, 0.7, 0.9, 1.0]}
CURVE |= {"high": [0.6, 0.9, 1.1, 1.2], "density": [0.1, 0.4, 0.3, 0.1]}
EFFECT = {"name": "S_NH", "unit": "g N/m3", "share": 0.6, "low": 0.5, "high": 0.7, "x": [0.1, 1.0, 9.0]}
EFFECT |= {"effect": [[-0.2, 0.0, 0.1], [-0.1, 0.0, 0.2]], "density": [0.1, 0.2, 0.1]}


def diagnosis() -> dict[str, Any]:
    """Return a diagnosis whose law reads what f does not, over another driver than n."""
    lines = [f"  {name}: {{default: {v}, unit: {u!r}, bounds: [{v / 10}, {v * 10}], source: fitted}}"
             for name, (v, u) in CONSTANTS.items()]  # fmt: skip
    table = "\n".join(["name: law", "extends: asm1", "source: fitted", "parameters:", *lines, "processes:",
                       f"  {PROCESS}: {{rate: {RATE + ' * ' + FACTOR!r}}}"])  # fmt: skip
    law = {"process": PROCESS, "kind": "inhibition * surface", "drivers": ["load.COD", "S_NO/X_BA"], "table": table}
    law |= {"text": "it falls with the load", "expression": FACTOR, "rate": f"{RATE} * {FACTOR}", "kept": True}
    law |= {
        "constants": [{"name": n, "value": v, "low": None, "high": 2 * v, "unit": u} for n, (v, u) in CONSTANTS.items()]
    }
    law |= {
        "parameters": {"mu_A": 0.7},
        "share_of_gain": 0.93,
        "curve": {"x": [1e5, 1e6, 9e6], "factor": [1.2, 1, 0.7]},
    }
    law["scores"] = {"NH4": {"f": 1.0, "law": 0.5, "n": None, "unit": "g N/m3"}}
    driver = {"process": PROCESS, "tank": "aerobic", "driver": "S_NH", "share": 0.6, "in_rate": True}
    driver |= {"curve": {**CURVE, "unit": "g N/m3"}, "inputs": [EFFECT]}
    driver["when"] = [{"condition": "T below 9 degC", "share_of_time": 0.2, "share_of_effect": 0.8}]
    row = {"name": "process.x", "title": "=A1", "family": None, "removed": None, "in_set": True, "plausible": True}
    return {"sentences": ["=HYPERLINK(1)"], "notes": ["one seed"], "explanations": [row], "driver": driver, "law": law}


@pytest.fixture(scope="module")
def make(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any] | None], Path]:
    """Return a function that gives a copy of the small run with a diagnosis of the test's own, or without any."""

    def copy(found: dict[str, Any] | None) -> Path:
        folder = tmp_path_factory.mktemp("runs") / "small"
        shutil.copytree(small_run, folder)
        (folder / "diagnosis.json").unlink(missing_ok=True)
        if found is not None:
            write_json_atomic(folder / "diagnosis.json", found)
        write_manifest(folder)
        return folder

    return copy


def cells(content: bytes, sheet: str) -> dict[str, list[Any]]:
    """Return the rows of a sheet by what stands first; of several the last."""
    return {str(row[0]): row[1:] for row in sheet_rows(content, sheet) if row}


@pytest.fixture(scope="module")
def plain(make: Callable[..., Path]) -> tuple[Path, bytes]:
    """Return a run without a diagnosis, and its workbook."""
    run = make(None)
    return run, model_workbook(run)[0]


def test_the_export_of_a_run_is_one_workbook_that_says_what_it_lacks(plain: tuple[Path, bytes], tmp_path: Path) -> None:
    run, content = plain
    done = export_run(run, "xlsx", tmp_path / "plant.xlsx")
    assert done.paths["xlsx"] == (tmp_path / "plant.xlsx",)
    assert any("no findings and no law" in note for note in done.notes)
    assert (tmp_path / "plant.xlsx").read_bytes() == content
    names = CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names
    assert names[:7] == ["Read me", "State", "Rates", "Gujer matrix", "Composites", "Switches", "Parameters at T"]
    assert names[7:] == ["Parameters", "Correlations", "Indicators", "Scores", "Missing", "Run"]
    told = " ".join(str(cell) for row in sheet_rows(content, "Read me") for cell in row)
    assert "is a neural network and is not in the workbook" in told
    assert "no findings and no law" in told
    fitted = {row["name"]: row["value"] for row in read_json(run / "parameters.json")["parameters"]}
    shown = cells(content, "Parameters")
    assert {name: shown[name][0] for name in fitted} == pytest.approx(fitted)


def test_a_workbook_begins_with_the_mean_state_of_a_tank(plain: tuple[Path, bytes]) -> None:
    run, content = plain
    found = simulate_run(run).cases[0]
    state, shown = cells(content, "State"), cells(content, "Indicators")
    for name in ("S_NH", "X_BH"):
        assert state[name][2] == pytest.approx(found.record.columns[f"aerobic.{name}"].mean(), rel=1e-4)
    assert state["T"][2] == 18.0
    for one in found.indicators:
        assert shown[one.name][0] == pytest.approx(one.value, abs=1e-6), one.name


def test_values_beside_the_formulas_are_those_of_the_plant(plain: tuple[Path, bytes]) -> None:
    run, content = plain
    found = simulate_run(run)
    plant, xp, state = found.plant, casadi_namespace(), cells(content, "State")
    names = plant.table.component_names
    X = casadi.DM([[state[name][2] for name in names]] * plant.tanks)
    u = casadi.DM([float(found.cases[0].record.columns[name].mean()) for name in plant.inputs.names])
    p = casadi.DM([found.parameters[name] for name in plant.table.parameter_names])
    rates = np.array(plant.rates(X, plant.forcing(u, p, xp), xp))[-1]
    matrix = cells(content, "Gujer matrix")
    own = [[cell or 0.0 for cell in matrix[name][2 : 2 + len(names)]] for name in plant.table.process_names]
    assert [matrix[name][0] for name in plant.table.process_names] == pytest.approx(rates.tolist(), rel=1e-12)
    np.testing.assert_allclose(own, np.array(plant.stoichiometry(p, xp)), rtol=1e-12)
    assert matrix["dC/dt"][2 : 2 + len(names)] == pytest.approx((rates @ np.array(own)).tolist(), rel=1e-9, abs=1e-9)


@pytest.mark.slow
def test_learnt_factor_and_law_are_tables_and_live_formulas(make: Callable[..., Path], tmp_path: Path) -> None:
    content, notes = model_workbook(make(diagnosis()))
    assert not any("no law" in note for note in notes)
    typing = {"load.COD": 4e6, "S_NO": 6.0, "X_BA": 150.0, "T": 11.0}
    books = {"as": content, "typed": typed(content, typing), "words": typed(content, {"S_NH": "1,5 mg"})}
    found = recalculated(books, tmp_path)
    for sheet in CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names:
        for before, after in zip(sheet_rows(content, sheet), sheet_rows(found["as"], sheet), strict=True):
            assert after == [pytest.approx(v, rel=1e-12, abs=1e-13) if isinstance(v, float) else v for v in before]
    law = cells(found["typed"], "Learnt factor")
    factor = 2.5 / (2.5 + 4.0) * 6.0 / (6.0 + 0.05 * 150.0)
    assert law["Law at the state"][0] == pytest.approx(factor, rel=1e-9)
    mu_A = cells(content, "Parameters")["mu_A"][0]
    assert law["Rate with the law"][0] == pytest.approx(law["Rate of f as the run has it"][0] * factor * 0.7 / mu_A)
    assert law["RMSE on the test block"][:3] == ["f", "f + law", "f + n"]
    points = sheet_rows(content, "Learnt factor")
    at = next(i for i, row in enumerate(points) if row[0] == "load.COD [g COD/d]")
    assert [row[0] for row in points[at + 1 : at + 4]] == [1e5, 1e6, 9e6]
    assert cells(found["words"], "Rates")[PROCESS][0] == ""  # an error, which calamine shows as nothing, and no zero
    assert isinstance(cells(found["words"], "Rates")["decay_heterotrophs"][0], float)
    findings = [row[0] for row in sheet_rows(content, "Findings")]
    assert {"=HYPERLINK(1)", "one seed", "=A1", "T below 9 degC"} <= {*findings}
    assert cells(content, "Effects")["9.0"][:3] == pytest.approx([1.16, 1.105, 1.221], abs=0.01)


def test_a_diagnosis_of_another_shape_is_refused(make: Callable[..., Path]) -> None:
    found = diagnosis()
    for broken in (
        found | {"law": {**found["law"], "table": "name: asm1"}},
        found | {"law": {**found["law"], "expression": "open('x')"}},
        found | {"driver": {**found["driver"], "curve": {"x": [1.0]}}},
        found | {"driver": 3},
    ):
        with pytest.raises(InputError):
            model_workbook(make(broken))


def test_a_changed_file_is_refused(make: Callable[..., Path], tmp_path: Path) -> None:
    run = make(diagnosis())
    with (run / "diagnosis.json").open("a", encoding="utf-8") as stream:
        stream.write(" ")
    with pytest.raises(InputError, match=r"diagnosis\.json"):
        export_run(run, "xlsx", tmp_path / "plant.xlsx")
    assert not (tmp_path / "plant.xlsx").exists()


def test_a_run_that_cannot_be_simulated_has_a_workbook_without_indicators(make: Callable[..., Path]) -> None:
    run = make(None)
    (run / "weights.safetensors").write_bytes(b"no weights")
    write_manifest(run)
    content, notes = model_workbook(run)
    assert any("indicators are left out" in note for note in notes)
    assert "Indicators" not in CalamineWorkbook.from_filelike(io.BytesIO(content)).sheet_names
    assert cells(content, "State")["S_NH"][2] == 0.0


def test_numbers_look_right_whatever_is_typed() -> None:
    """Digits stay where a live number becomes small, and titles stand over their numbers."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheets = Sheets(book)
        sheet, row = sheets.page("Page", "Title")
        sheets.header(sheet, row, 0, ["Name", "Rate"])
        for i, value in enumerate((-413.0876, 2325.44, -0.0153)):
            sheets.put(sheet, row + 1 + i, 0, "x")
            sheets.formula(sheet, row + 1 + i, 1, "=A1", value)
        sheets.widths(sheet, [10, 10])
    with zipfile.ZipFile(stream) as parts:
        styles = ElementTree.fromstring(parts.read("xl/styles.xml"))
        page = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    space = {"s": styles.tag[1:].partition("}")[0]}
    formats = {f.get("numFmtId"): f.get("formatCode") for f in styles.iterfind(".//s:numFmt", space)}
    looks = styles.findall("s:cellXfs/s:xf", space)
    look = {c.get("r"): looks[int(c.get("s", "0"))] for c in page.iterfind(".//s:c", space)}
    assert [formats[look[f"B{row + 2 + i}"].get("numFmtId")] for i in range(3)] == ["0.000_)", "#,##0.0_)", "0.00000_)"]
    sides = [look[f"{column}{row + 1}"].find("s:alignment", space) for column in "AB"]
    assert [side.get("horizontal") for side in sides if side is not None] == [None, "right"]


def test_a_bias_of_rounding_is_zero() -> None:
    scores = {"test": {"NH4": {"mean": {"rmse": 2.0, "bias": -4e-16}, "hybrid": {"rmse": 2.0, "bias": -4e-6}}}}
    summary = {"name": "x", "created": "2020-01-01T00:00:00", "variables": {"NH4": {"unit": "g N/m3"}}}
    content = parameter_workbook({"parameters": []}, summary | {"scores": scores})
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("Scores").to_python()
    assert [row[6] for row in rows[1:]] == [0.0, -4e-6]
