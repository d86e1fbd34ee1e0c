"""The workbook of a run."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import read_json
from asm_hybrid.errors import readable
from asm_hybrid.export.format import as_written, read_tables
from asm_hybrid.export.workbook.law import learnt_sheet, read_law
from asm_hybrid.export.workbook.learnt import effect_sheet, finding_sheet
from asm_hybrid.export.workbook.model import TYPED, model_sheets
from asm_hybrid.export.workbook.origin import Origin, origin_of
from asm_hybrid.export.workbook.sheets import FLAGGED, WRAPPED, Sheets
from asm_hybrid.export.workbook.tables import new_workbook, parameter_sheets, result_sheets
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import verify_manifest

__all__ = ["model_workbook"]

DIAGNOSIS = "diagnosis.json"
NO_DIAGNOSIS = (
    "There is no diagnosis.json, which a bundle leaves out and `asm-hybrid diagnose` makes for a run: the workbook has "
    "no findings and no law."
)
NEURAL = (
    "The model of the run is a pure neural ODE, which is not in the workbook: what stands here of f is its table with "
    "the parameters of the config, and the scores of the neural model are not those of f."
)
CONTENTS = {
    "State": "type concentrations, temperature and further inputs of the rates here, into the yellow cells",
    "Rates": "the rate of every process at that state, as a live formula",
    "Gujer matrix": "stoichiometry as live formulas, and what all processes change together, dC/dt",
    "Composites": "COD, TSS, TKN and the other sums that are measured, at that state",
    "Switches": "every switching function of the rates with its value: what limits which process",
    "Parameters at T": "the parameters at the temperature of the state",
    "Parameters": "fitted values with defaults, bounds, intervals, units, sources; tinted where at a bound. "
    "A value that you change here changes all rates",
    "Correlations": "of the fitted parameters",
    "Sensors": "offsets, drifts and response times of sensors",
    "Findings": "what the diagnosis found, in words, and the explanations that competed",
    "Learnt factor": "the learnt factor on a rate as a table with a chart, and its law as a live formula",
    "Effects": "what each input of n does to that factor",
    "Scores": "errors of every model on every block",
    "Indicators": "quality, energy, sludge and effluent of the fitted plant over the test block",
    "Missing": "which rates n changes most",
    "Run": "what the run was",
}
"""What the sheets hold, by name."""


def model_workbook(run: Path) -> tuple[bytes, list[str]]:
    """Return the workbook of a run, and what the user should know of it.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.

    Returns
    -------
    (bytes, list of str)
        The XLSX file, and notes.

    Raises
    ------
    InputError
        If a file of the run is missing, differs from the manifest or is of another version, or a rate holds what no
        spreadsheet has.
    """
    manifest = verify_manifest(run)
    parameters, summary = read_tables(run, ("kinetics.yaml",))
    table = load_table(run / "kinetics.yaml")
    with as_written("a workbook", run):
        values = {str(row["name"]): float(row["value"]) for row in parameters["parameters"]}
    found = read_json(run / DIAGNOSIS) if DIAGNOSIS in manifest else {}
    with _diagnosed(run):
        driver = dict(found.get("driver") or {})
        law = read_law(found["law"], values, run / DIAGNOSIS) if found.get("law") else None
    origin = origin_of(run, law.table if law else table, driver.get("tank"))
    notes = [*origin.notes, *([] if found else [NO_DIAGNOSIS])]
    notes += [NEURAL] if summary.get("mode") == "neural" else []
    stream = io.BytesIO()
    with as_written("a workbook", run):
        book = new_workbook(stream, summary)
    sheets = Sheets(book)
    first = sheets.new("Read me")
    model = model_sheets(sheets, table, values, origin.point, law.table.inputs if law else ())
    with as_written("a workbook", run):
        parameter_sheets(sheets, parameters)
    with _diagnosed(run):
        if found:
            finding_sheet(sheets, found)
            learnt_sheet(sheets, model, driver, law)
        if driver.get("inputs"):
            effect_sheet(sheets, driver)
    if origin.indicators:
        _indicators(sheets, origin)
    with as_written("a workbook", run):
        result_sheets(sheets, summary)
        _read_me(sheets, first, summary, notes)
    book.close()
    return stream.getvalue(), notes


def _diagnosed(run: Path) -> Any:
    """Guard the reading of a diagnosis: one of another shape becomes an `InputError`."""
    return readable(
        "the diagnosis does not make sheets of a workbook",
        where=str(run / DIAGNOSIS),
        expected="the file as this version of asm-hybrid writes it",
        fix=f"make the diagnosis anew with `asm-hybrid diagnose {run}`",
    )


def _indicators(sheets: Sheets, origin: Origin) -> None:
    """Add the indicators of the fitted plant."""
    notes = [f"Of the fitted plant over {origin.period}. Low and high are the range of the members of n."]
    sheet, row = sheets.page("Indicators", "Indicators", notes)
    sheets.header(sheet, row, 0, ["Indicator", "Value", "Low", "High", "Unit", "What it is"])
    for group, rows in origin.indicators.items():
        row += 1
        sheets.put(sheet, row, 0, group, sheets.style(bold=True, italic=True))
        for one in rows:
            row += 1
            low, high = one.ranges[0] if one.members else (None, None)
            sheets.put(sheet, row, 0, one.name)
            for j, value in enumerate((one.values[0], low, high)):
                sheets.number(sheet, row, 1 + j, value if value == value else None)
            sheets.put(sheet, row, 4, one.unit)
            sheets.put(sheet, row, 5, one.description)
    sheets.widths(sheet, [40, 14, 14, 14, 18, 60])


def _read_me(sheets: Sheets, sheet: Any, summary: Mapping[str, Any], notes: Sequence[str]) -> None:
    """Say on the first sheet what is in the workbook, and what is not."""
    wrapped, bold = sheets.style(**WRAPPED), sheets.style(bold=True, valign="top")
    sheet.hide_gridlines(2)
    sheets.put(sheet, 0, 0, f"The fitted model of {summary['name']}", sheets.style(bold=True, font_size=14))
    lines = [
        "This workbook was written by asm-hybrid. It holds f, the mechanistic model, with the parameters that were "
        "fitted: its rates and its Gujer matrix are live formulas that follow the state that you type.",
        "The learnt term n is a neural network and is not in the workbook. What it has learnt is here as tables and, "
        "where a law was found that stands for it, as a formula. The rates on the sheets Rates and Gujer matrix are "
        "therefore those of f alone; to run f + n, export the format fmu, onnx or c, or use `asm-hybrid simulate`.",
        "All formulas refer to cells by name, such as mu_H or S_O. A name without an underscore has one at its end "
        "here (T_), since spreadsheets would take T1 for a cell; of names that differ in capitals alone, such as K_h "
        "and k_h, the second has a number at its end.",
        "Units: g/m3, mol/m3 for alkalinity, d, degC, unless a column says otherwise.",
    ]
    verdict = (summary.get("verdict") or {}).get("sentence")
    lines += [f"Verdict: {verdict}"] if verdict else []
    row = 2
    for text in (*lines, *notes):
        sheet.merge_range(row, 0, row, 1, "", wrapped)
        sheets.put(sheet, row, 0, text, wrapped)
        sheets.lines(sheet, row, (text, 124))
        row += 1
    sheets.header(sheet, row + 1, 0, ["Sheet", "What it holds"])
    row += 2
    link = sheets.style(font_color="#1F6FB2", underline=1, valign="top")
    present = {one.get_name() for one in sheets.book.worksheets()}
    for name, text in CONTENTS.items():
        if name in present:
            sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
            sheets.put(sheet, row, 1, text, wrapped)
            sheets.lines(sheet, row, (text, 100))
            row += 1
    sheets.put(sheet, row + 1, 0, "Colours", bold)
    sheets.put(sheet, row + 2, 0, "you may type here", sheets.style(**TYPED))
    sheets.put(sheet, row + 3, 0, "a parameter at its bound", sheets.style(**FLAGGED))
    sheets.widths(sheet, [24, 100])
    sheet.activate()
