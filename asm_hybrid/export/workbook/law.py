"""The law of a learnt factor as a live formula, beside the curve that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from asm_hybrid.export.workbook.formulas import FormulaWriter
from asm_hybrid.export.workbook.learnt import add_chart, driver_table
from asm_hybrid.export.workbook.model import TYPED, Model, name_cell
from asm_hybrid.export.workbook.point import Point, Values
from asm_hybrid.export.workbook.sheets import PLAIN, Sheets
from asm_hybrid.kinetics import Process, Table, parse_table
from asm_hybrid.kinetics.expression import parse_expression

__all__ = ["Law", "learnt_sheet", "read_law"]

LEARNT = "Learnt factor"
CHART_COLUMN = 8


@dataclass(frozen=True)
class Law:
    """A law, read.

    Attributes
    ----------
    found : mapping
        ``law`` of ``diagnosis.json``.
    table : Table
        The table that holds it.
    process : Process
        The process with it.
    factor : Expr
        The law.
    values : dict of str to float
        Parameters of that table, at their reference temperatures.
    over : str
        What it is drawn over: a component, an input of the plant, or one component by another, ``X_S/X_BH``.
    """

    found: Mapping[str, Any]
    table: Table
    process: Process
    factor: Any
    values: Mapping[str, float]
    over: str

    def moved(self, point: Point, x: float) -> Point:
        """Return a point at which the law reads a value of what it is drawn over."""
        above, _, per = self.over.partition("/")
        if above == "T":
            return replace(point, temperature=x)
        if above in point.state:
            return replace(point, state={**point.state, above: x} | ({per: 1.0} if per else {}))
        return replace(point, inputs={**point.inputs, above: x})


def read_law(law: Mapping[str, Any], parameters: Mapping[str, float], where: Path) -> Law:
    """Read a law: its table, and the factor in the symbols of the table.

    Parameters
    ----------
    law : mapping
        ``law`` of ``diagnosis.json``.
    parameters : mapping of str to float
        Values of the run at the reference temperature of each parameter.
    where : Path
        ``diagnosis.json``.

    Returns
    -------
    Law
    """
    table = parse_table(str(law["table"]), where.with_name("kinetics.yaml"))
    process = next(p for p in table.processes if p.name == law["process"])
    symbols = {s.name: s for s in process.rate.value.free_symbols}
    own = frozenset(table.parameter_names)
    factor = parse_expression(str(law["expression"]), symbols, str(where), own, symbols.get).value
    values = {p.name: parameters.get(p.name, p.default) for p in table.parameters}
    values |= {row["name"]: float(row["value"]) for row in law["constants"]}
    values |= {name: float(value) for name, value in (law.get("parameters") or {}).items()}
    read = sorted(s.name for s in factor.free_symbols if s.name not in own)
    return Law(law, table, process, factor, values, [*(law.get("drivers") or []), *read][0])


def learnt_sheet(sheets: Sheets, model: Model, driver: Mapping[str, Any] | None, law: Law | None) -> None:
    """Add the learnt factor over its driver, and the law that stands for it, with a chart of both.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    model : Model
        Its sheets of the model.
    driver : mapping or None
        ``driver`` of ``diagnosis.json``.
    law : Law or None
        Its law. Without a law and without a curve there is no sheet.
    """
    learnt = driver if driver and driver.get("curve") else None
    if learnt is None and law is None:
        return
    process = learnt["process"] if learnt else law.process.name if law else ""
    notes = ["n itself is not in this workbook: this table, and the law where there is one, are what it says."]
    if learnt:
        notes.insert(0, f"Factor on the rate of {process} that {_origin(learnt)}; 1 is the rate of f.")
    sheet, row = sheets.page(LEARNT, f"The learnt factor on {process}", notes)
    cells: dict[str, str] = {}
    if law is not None:
        row, cells = _law_cells(sheets, sheet, row, model, law)
    if learnt is not None:
        beside = law if law is not None and law.over == learnt["driver"] else None
        row = _drawn(sheets, sheet, row, model, learnt, (beside, cells))
    if law is not None and (learnt is None or law.over != learnt["driver"]):
        _drawn(sheets, sheet, row, model, _own_curve(law), (law, cells))
    sheets.widths(sheet, [34, 18, 14, 14, 16, 14, 16])


def _origin(driver: Mapping[str, Any]) -> str:
    """Say whose factor a curve is."""
    if driver.get("share") is not None:
        place = f" in {driver['tank']}" if driver.get("tank") else ""
        return f"n has learnt{place}: median and range of the seeds"
    return "the explanation gives that was fitted to the record"


def _own_curve(law: Law) -> dict[str, Any]:
    """Return the curve of a law in the place of a learnt one."""
    curve = law.found["curve"]
    units = {c.name: c.unit for c in law.table.components} | {i.name: i.unit for i in law.table.inputs}
    alike = {key: curve["factor"] for key in ("factor", "low", "high")}
    density = [1.0 / len(curve["x"])] * len(curve["x"])
    content = {"x": curve["x"], **alike, "density": density, "unit": units.get(law.over, "-")}
    return {"process": law.process.name, "driver": law.over, "curve": content}


def _drawn(
    sheets: Sheets,
    sheet: Any,
    row: int,
    model: Model,
    driver: Mapping[str, Any],
    beside: tuple[Law | None, Mapping[str, str]],
) -> int:
    """Write a curve and the law beside it, with their chart; return the first free row."""
    law, cells = beside
    rows = driver_table(sheets, sheet, row + (2 if law else 0), driver)
    series = [("learnt factor", 1, "line"), ("low", 2, "dash"), ("high", 3, "dash")]
    if law is not None:
        _law_columns(sheets, sheet, rows, model, (law, cells), driver["curve"])
        series = [("learnt factor", 1, "points"), ("low", 2, "dash"), ("high", 3, "dash"), ("law", 6, "law")]
    title = f"{driver['driver']} [{driver['curve'].get('unit') or '-'}]"
    add_chart(sheets, sheet, (max(3, row - 16), CHART_COLUMN), title, rows, series)
    return max(rows[1], row + 8) + 2


def _law_columns(
    sheets: Sheets,
    sheet: Any,
    rows: tuple[int, int],
    model: Model,
    of: tuple[Law, Mapping[str, str]],
    curve: Mapping[str, Any],
) -> None:
    """Write the law at the points of a curve, and the level at which it comes nearest to it."""
    (law, cells), (first, last) = of, rows
    above, _, per = law.over.partition("/")
    density, factor, own = (xl_range_abs(first, j, last, j) for j in (4, 1, 5))
    point = _point(model, law.table)
    at = [Values(law.table, law.values, law.moved(point, float(x))).of([law.factor])[0] for x in curve["x"]]
    weight, learnt, plain = (np.asarray(v, dtype=float) for v in (curve["density"], curve["factor"], at))
    level = float(np.sum(weight * plain * learnt) / max(float(np.sum(weight * plain**2)), 1e-300))
    sheets.put(sheet, first - 3, 0, "Level of the law in the chart", sheets.style(bold=True))
    formula = f"=SUMPRODUCT({density},{own},{factor})/MAX(SUMPRODUCT({density},{own},{own}),1E-300)"
    sheets.formula(sheet, first - 3, 1, formula, level)
    sheets.put(sheet, first - 3, 2, "a learnt factor is relative: the rate constant makes up for its level")
    scale = xl_rowcol_to_cell(first - 3, 1, row_abs=True, col_abs=True)
    sheets.header(sheet, first - 1, 5, ["Law [-]", "Law at that level [-]"])
    for i, value in enumerate(at):
        here = {**cells, above: xl_rowcol_to_cell(first + i, 0, col_abs=True)} | ({per: "1"} if per else {})
        writer = FormulaWriter({name: here[name] for name in _order(law.table) if name in here})
        sheets.formula(sheet, first + i, 5, writer.formula(law.factor, f"the law of {law.process.name}"), value)
        sheets.formula(sheet, first + i, 6, f"={scale}*{xl_rowcol_to_cell(first + i, 5)}", level * value)


def _law_cells(sheets: Sheets, sheet: Any, row: int, model: Model, law: Law) -> tuple[int, dict[str, str]]:
    """Write the law with its constants in cells, and the rate with it; return the first free row, and the cells."""
    found, table = law.found, law.table
    share = found.get("share_of_gain")
    held = "" if share is None else f" It keeps {100 * share:.0f} % of what the learnt term gains (validation block)."
    kept = "" if found.get("kept") else " It was NOT kept: less than 80 % is too little to stand for what was learnt."
    bold = sheets.style(bold=True)
    for label, text in (
        ("Law", str(found["expression"])),
        ("Rate in the language of the table", str(found["rate"])),
        ("What it says", f"{found.get('text', found.get('kind', ''))}.{held}{kept}"),
    ):
        sheets.put(sheet, row, 0, label, bold)
        sheets.put(sheet, row, 1, text)
        row += 1
    sheets.header(sheet, row + 1, 0, ["Constant", "Value", "Low", "High", "Unit"])
    row += 2
    cells = {**model.cells}
    constants = {str(one["name"]): one for one in found["constants"]}
    used = {s.name for s in law.process.rate.value.free_symbols}
    for name, one in constants.items():
        row = _constant(sheets, sheet, row, model, law, cells, name, (one.get("low"), one.get("high"), one.get("unit")))
    beside = [name for name in table.parameter_names if name in used and name not in constants]
    sheets.header(sheet, row + 1, 0, ["Parameters beside it", "Value with the law", "theta", "T_ref [degC]", "At T"])
    row += 2
    for name in beside:
        row = _parameter(sheets, sheet, row, model, law, cells, name)
    row += 1
    values = Values(table, law.values, _point(model, table))
    writer = FormulaWriter({n: cells[n] for n in _order(table) if n in cells})
    rate = next(p.rate.value for p in model.table.processes if p.name == law.process.name)
    own = Values(model.table, model.parameters, model.point).of([rate])[0]
    shown = zip((law.factor, law.process.rate.value), values.of([law.factor, law.process.rate.value]), strict=True)
    for label, (value, number) in zip(("Law at the state", "Rate with the law"), shown, strict=True):
        sheets.put(sheet, row, 0, label, bold)
        sheets.formula(sheet, row, 1, writer.formula(value, f"the law of {law.process.name}"), number, bold=True)
        row += 1
    plain = FormulaWriter(model.cells)
    sheets.put(sheet, row, 0, "Rate of f as the run has it", bold)
    sheets.formula(sheet, row, 1, plain.formula(rate, f"the rate of {law.process.name}"), own)
    return _scores(sheets, sheet, row + 2, found.get("scores") or {}), cells


def _scores(sheets: Sheets, sheet: Any, row: int, scores: Mapping[str, Mapping[str, Any]]) -> int:
    """Write what f, the law and n err by; return the first free row."""
    sheets.header(sheet, row, 0, ["RMSE on the test block", "f", "f + law", "f + n", "Unit"])
    for i, (variable, own) in enumerate(scores.items()):
        sheets.put(sheet, row + 1 + i, 0, variable, sheets.style(bold=True))
        for j, model in enumerate(("f", "law", "n")):
            sheets.number(sheet, row + 1 + i, 1 + j, own.get(model))
        sheets.put(sheet, row + 1 + i, 4, own.get("unit"))
    return row + len(scores) + 2


def _order(table: Table) -> list[str]:
    """Return the names of a table in the order in which products are written."""
    return [*table.parameter_names, *table.input_names, *table.component_names]


def _point(model: Model, table: Table) -> Point:
    """Return the point of the state, with what a table with a law reads beside what the run's reads."""
    return replace(model.point, inputs={i.name: model.point.read(i.name) for i in table.inputs})


def _constant(
    sheets: Sheets,
    sheet: Any,
    row: int,
    model: Model,
    law: Law,
    cells: dict[str, str],
    name: str,
    rest: tuple[float | None, float | None, str | None],
) -> int:
    """Write a constant into a cell with a name."""
    cells[name] = model.names.new(name)
    sheets.put(sheet, row, 0, name, sheets.style(bold=True))
    sheets.number(sheet, row, 1, law.values[name], **TYPED)
    low, high, unit = rest
    sheets.number(sheet, row, 2, low)
    sheets.number(sheet, row, 3, high)
    sheets.put(sheet, row, 4, unit)
    name_cell(sheets, cells[name], LEARNT, row, 1)
    return row + 1


def _parameter(sheets: Sheets, sheet: Any, row: int, model: Model, law: Law, cells: dict[str, str], name: str) -> int:
    """Write a parameter as it is beside the law, and take it to the temperature of the state."""
    parameter = next(p for p in law.table.parameters if p.name == name)
    warm = law.values[name] * (parameter.theta or 1.0) ** (model.point.temperature - (parameter.T_ref or 0.0))
    cells[name] = model.names.new(f"{name}_law")
    sheets.put(sheet, row, 0, name, sheets.style(bold=True))
    sheets.number(sheet, row, 1, law.values[name], **TYPED)
    value, theta, reference = (xl_rowcol_to_cell(row, j) for j in (1, 2, 3))
    formula = f"={value}"
    if parameter.theta is not None and parameter.T_ref is not None:
        sheets.put(sheet, row, 2, parameter.theta, sheets.style(num_format=PLAIN))
        sheets.put(sheet, row, 3, parameter.T_ref, sheets.style(num_format=PLAIN))
        formula = f"={value}*{theta}^({model.cells['T']}-{reference})"
    sheets.formula(sheet, row, 4, formula, warm)
    name_cell(sheets, cells[name], LEARNT, row, 4)
    return row + 1
