"""The kinetics of a table as live formulas: state, parameters at its temperature, limitations, rates, Gujer matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell

from asm_hybrid.errors import InputError
from asm_hybrid.export.workbook.formulas import FormulaWriter
from asm_hybrid.export.workbook.names import CellNames
from asm_hybrid.export.workbook.point import Point, Values
from asm_hybrid.export.workbook.sheets import PLAIN, WRAPPED, Sheets
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.rate_inputs import RateInput
from asm_hybrid.text import process_words

__all__ = ["TYPED", "Model", "model_sheets", "name_cell"]

STATE, RATES, MATRIX, SWITCHES, PARAMETERS, WARM, COMPOSITES = (
    "State",
    "Rates",
    "Gujer matrix",
    "Switches",
    "Parameters",
    "Parameters at T",
    "Composites",
)
TYPED = {"bg_color": "#FFF8C5", "border": 1, "border_color": "#D4B106"}
"""Cells in which a user types."""
TOP = {"valign": "top"}


@dataclass(frozen=True)
class Model:
    """What the sheets of a model are made of, for those that read its cells.

    Attributes
    ----------
    table : Table
        The kinetics table.
    parameters : mapping of str to float
        Values at the reference temperature of each parameter.
    point : Point
        What is typed.
    inputs : tuple of RateInput
        Inputs of the plant that are typed, without the temperature.
    names : CellNames
        Names that are taken.
    cells : dict of str to str
        For every name of the table, the name of its cell: parameters at the temperature, inputs, concentrations.
    """

    table: Table
    parameters: Mapping[str, float]
    point: Point
    inputs: tuple[RateInput, ...]
    names: CellNames
    cells: dict[str, str]


def model_sheets(
    sheets: Sheets,
    table: Table,
    parameters: Mapping[str, float],
    point: Point,
    more: Sequence[RateInput] = (),
) -> Model:
    """Add the sheets State, Rates, Gujer matrix, Composites, Switches and Parameters at T.

    Parameters
    ----------
    sheets : Sheets
        The workbook. Its sheet Parameters, which comes later, has the parameters of the table below one line of header,
        in the order of `parameters`, with their values in the second column.
    table : Table
        The kinetics table.
    parameters : mapping of str to float
        Values at the reference temperature of each parameter.
    point : Point
        What is typed at first.
    more : sequence of RateInput
        Inputs of the plant that other sheets read, beside those of the table.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If a rate or a coefficient holds what no spreadsheet has, or parameters are missing.
    """
    if set(parameters) != set(table.parameter_names):
        odd = sorted({*parameters} ^ {*table.parameter_names})
        raise InputError(
            f"the parameters of the run are not those of its table: {', '.join(odd[:5])}",
            where=str(table.path),
            expected="one value for each parameter of the table",
            fix="use the version of asm-hybrid that made the run, or train again",
        )
    names = CellNames()
    inputs = {i.name: i for i in (*table.inputs, *more) if i.name != "T"}
    cells = {n: names.new(n) for n in (*table.parameter_names, "T", *inputs, *table.component_names)}
    model = Model(table, parameters, point, tuple(inputs.values()), names, cells)
    cold = _cold(table, names)
    values, writer = Values(table, parameters, point), FormulaWriter(cells, names)
    stoichiometry = FormulaWriter(cells | cold)
    rates = [writer.formula(p.rate.value, f"the rate of {p.name}") for p in table.processes]
    coefficients = {
        (i, component): stoichiometry.formula(e.value, f"the coefficient of {component} in {p.name}")
        for i, p in enumerate(table.processes)
        for component, e in p.stoichiometry.items()
    }
    weights = {
        (name, component): writer.formula(e.value, f"the weight of {component} in {name}")
        for name, composite in table.composites.items()
        for component, e in composite.weights.items()
    }
    concentrations = _state(sheets, model, values)
    first = _rates(sheets, model, values, rates)
    _matrix(sheets, model, values, coefficients, first)
    _composites(sheets, model, values, weights, concentrations)
    _switches(sheets, model, values, writer)
    _warm(sheets, model, values, cold)
    return model


def _cold(table: Table, names: CellNames) -> dict[str, str]:
    """Return names for the values of parameters that follow temperature and that coefficients hold.

    Coefficients are those of the reference temperature, as in our plants.
    """
    held = {s.name for p in table.processes for e in p.stoichiometry.values() for s in e.value.free_symbols}
    return {p.name: names.new(f"{p.name}_ref") for p in table.parameters if p.theta is not None and p.name in held}


def _state(sheets: Sheets, model: Model, values: Values) -> str:
    """Add the sheet on which a state is typed; return the range of the concentrations that formulas use."""
    table, point = model.table, model.point
    others = dict(point.others or {})
    notes = [
        "Type into the yellow cells. Rates, matrix, composites and changes follow at once.",
        f"The first values are {point.origin}." if point.origin else "",
        "A concentration below zero counts as zero, as in our simulations.",
    ]
    sheet, row = sheets.page(STATE, "State", [note for note in notes if note])
    titles = ["Name", "What it is", "Unit", "Type here", "Used by the formulas"]
    sheets.header(sheet, row, 0, [*titles, *(f"Mean in {name}" for name in others)])
    first = row + 1
    rows: list[tuple[str, str, str, float, str]] = [("T", "temperature of the liquid", "degC", point.temperature, "")]
    rows += [(c.name, c.description, c.unit, float(point.state[c.name]), "max") for c in table.components]
    rows += [(i.name, _input_words(i.name), i.unit, point.read(i.name), "") for i in model.inputs]
    for i, (name, words, unit, value, floor) in enumerate(rows):
        at = first + i
        sheets.put(sheet, at, 0, name, sheets.style(bold=True))
        sheets.put(sheet, at, 1, words)
        sheets.put(sheet, at, 2, unit)
        sheets.put(sheet, at, 3, value, sheets.style(num_format=PLAIN, **TYPED))
        typed = xl_rowcol_to_cell(at, 3)
        formula, shown = (f"=MAX({typed}+0,0)", values.used[name]) if floor else (f"={typed}+0", value)
        sheets.formula(sheet, at, 4, formula, shown)
        _validated(sheet, at, 3, floor != "")
        name_cell(sheets, model.cells[name], STATE, at, 4)
        for j, other in enumerate(others.values()):
            if name in other:
                sheets.number(sheet, at, 5 + j, other[name])
    sheets.widths(sheet, [22, 44, 16, 14, 14, *(14 for _ in others)])
    sheet.freeze_panes(first, 1)
    return f"{STATE}!{xl_range_abs(first + 1, 4, first + len(table.components), 4)}"


def _validated(sheet: Any, row: int, column: int, nonnegative: bool) -> None:
    """Let a cell take numbers alone."""
    rule = {"criteria": ">=", "value": 0} if nonnegative else {"criteria": "between", "minimum": -1e9, "maximum": 1e12}
    words = "Type a number of zero or above." if nonnegative else "Type a number."
    sheet.data_validation(
        row, column, row, column, {"validate": "decimal", "error_title": "Not a number", "error_message": words, **rule}
    )


def _input_words(name: str) -> str:
    """Return what an input is that rates read."""
    known = {
        "Q_in": "flow of the influent",
        "return_sludge": "flow of the return sludge",
        "wastage": "flow of the wastage",
        "here.volume": "volume of the tank",
        "here.influent": "share of the influent that enters the tank",
        "here.returned": "share of the return sludge that enters the tank",
        "here.aerated": "1 where the tank is aerated, 0 where it is not",
        "here.unaerated": "1 where the tank is not aerated, 0 where it is",
    }
    place, _, what = name.partition(".")
    forms = {"influent": f"{what} of the influent", "load": f"load of {what}", "recycle": f"flow of the recycle {what}"}
    return known.get(name) or forms.get(place) or f"{what} of {place}"


def name_cell(sheets: Sheets, name: str, sheet: str, row: int, column: int) -> None:
    """Give a name to a cell.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    name, sheet : str
        The name, from `CellNames`, and the sheet of the cell.
    row, column : int
        Where it stands, from zero.
    """
    cell = xl_rowcol_to_cell(row, column, row_abs=True, col_abs=True)
    if sheets.book.define_name(name, f"='{sheet}'!{cell}") != 0:
        raise ValueError(f"{name!r} cannot be the name of a cell")


def _rates(sheets: Sheets, model: Model, values: Values, rates: list[str]) -> int:
    """Add the rates, a line a process; return the row of the first."""
    notes = ["Rates of f at the state on the sheet State, with the parameters at its temperature; without n."]
    sheet, row = sheets.page(RATES, "Rates", notes)
    sheets.header(sheet, row, 0, ["Process", "Rate", "Unit", "What happens", "The rate in the language of the table"])
    for i, process in enumerate(model.table.processes):
        at = row + 1 + i
        sheets.put(sheet, at, 0, process.name, sheets.style(bold=True, **TOP))
        sheets.formula(sheet, at, 1, rates[i], values.rates[i], **TOP)
        sheets.put(sheet, at, 2, process.unit, sheets.style(**TOP))
        words, rate = process.description or process_words(process.name), str(process.rate)
        sheets.put(sheet, at, 3, words, sheets.style(**WRAPPED))
        sheets.put(sheet, at, 4, rate, sheets.style(**WRAPPED))
        sheets.lines(sheet, at, (words, 48), (rate, 60))
    sheets.widths(sheet, [34, 14, 18, 48, 60])
    sheet.freeze_panes(row + 1, 1)
    return row + 1


def _matrix(
    sheets: Sheets, model: Model, values: Values, coefficients: Mapping[tuple[int, str], str], first_rate: int
) -> None:
    """Add the Gujer matrix, and what the processes change together."""
    table = model.table
    notes = [
        "Coefficients: what a process makes (above zero) or takes up (below) of a component per unit of its rate.",
        "The last line is the sum of coefficient times rate in each column: dC/dt by all reactions together.",
    ]
    sheet, row = sheets.page(MATRIX, "Gujer matrix", notes)
    sheets.header(sheet, row, 0, ["Process", "Rate", "Unit of the rate", *table.component_names])
    sheet.write_row(
        row + 1, 0, ["", "", "", *(c.unit for c in table.components)], sheets.style(italic=True, align="right")
    )
    first, last = row + 2, row + 1 + len(table.processes)
    rates = xl_range_abs(first, 1, last, 1)
    for i, process in enumerate(table.processes):
        sheets.put(sheet, first + i, 0, process.name, sheets.style(bold=True))
        sheets.formula(sheet, first + i, 1, f"={RATES}!{xl_rowcol_to_cell(first_rate + i, 1)}", values.rates[i])
        sheets.put(sheet, first + i, 2, process.unit)
        for j, component in enumerate(table.component_names):
            if (i, component) in coefficients:
                formula, value = coefficients[i, component], values.coefficients[i][j]
                sheets.formula(sheet, first + i, 3 + j, formula, 0.0 if value is None else value)
    total = {"bold": True, "top": 1}
    for j, text in enumerate(("dC/dt", None, "unit of the component per d")):
        sheets.put(sheet, last + 1, j, text, sheets.style(**total))
    for j, change in enumerate(values.changes):
        column = f"{xl_rowcol_to_cell(first, 3 + j)}:{xl_rowcol_to_cell(last, 3 + j)}"
        sheets.formula(sheet, last + 1, 3 + j, f"=SUMPRODUCT({rates},{column})", change, **total)
    sheets.widths(sheet, [34, 12, 26, *(max(11, len(name) + 2) for name in table.component_names)])
    sheet.freeze_panes(row + 1, 2)


def _composites(
    sheets: Sheets, model: Model, values: Values, weights: Mapping[tuple[str, str], str], concentrations: str
) -> None:
    """Add the composites at the state, with their weights."""
    table, found = model.table, model.table.composites
    if not found:
        return
    notes = ["What is measured as a sum, at the state on the sheet State. Below: what a unit of a component adds."]
    sheet, row = sheets.page(COMPOSITES, "Composites", notes)
    sheets.header(sheet, row, 0, ["", *found])
    for i, text in enumerate(("What it is", "Unit", "Value")):
        sheets.put(sheet, row + 1 + i, 0, text, sheets.style(bold=True, **TOP))
    first = row + 4
    for i, component in enumerate(table.component_names):
        sheets.put(sheet, first + i, 0, component, sheets.style(bold=True))
    sheets.lines(sheet, row + 1, *((composite.description, 14) for composite in found.values()))
    for j, (name, composite) in enumerate(found.items()):
        sheets.put(sheet, row + 1, 1 + j, composite.description, sheets.style(align="right", **WRAPPED))
        sheets.put(sheet, row + 2, 1 + j, composite.unit, sheets.style(align="right"))
        own, value = values.composites[name]
        column = f"{xl_rowcol_to_cell(first, 1 + j)}:{xl_rowcol_to_cell(first + len(table.components) - 1, 1 + j)}"
        sheets.formula(sheet, row + 3, 1 + j, f"=SUMPRODUCT({column},{concentrations})", value, bold=True, bottom=1)
        for i, component in enumerate(table.component_names):
            if (name, component) in weights:
                sheets.formula(sheet, first + i, 1 + j, weights[name, component], own[i])
    sheets.widths(sheet, [16, *(16 for _ in found)])
    sheet.freeze_panes(row + 1, 1)


def _switches(sheets: Sheets, model: Model, values: Values, writer: FormulaWriter) -> None:
    """Add the functions that rates are made of: what limits each process can be read here."""
    if not writer.switches:
        return
    notes = [
        "Functions in the rates, each with a cell of its own: monod is S/(K + S), inhibition K/(K + S), ratio a/b.",
        "A monod or inhibition near 1 does not limit; one near 0 holds the process back.",
    ]
    sheet, row = sheets.page(SWITCHES, "Switches", notes)
    sheets.header(sheet, row, 0, ["Name of the cell", "Function", "Value", "Read by"])
    found = list(writer.switches.values())
    readers = {s.value: [p.name for p in model.table.processes if p.rate.value.has(s.value)] for s in found}
    for i, (switch, value) in enumerate(zip(found, values.of([s.value for s in found]), strict=True)):
        at = row + 1 + i
        sheets.put(sheet, at, 0, switch.name, sheets.style(bold=True, **TOP))
        sheets.put(sheet, at, 1, switch.text, sheets.style(**WRAPPED))
        sheets.formula(sheet, at, 2, switch.formula, value, **TOP)
        names = ", ".join(readers[switch.value])
        sheets.put(sheet, at, 3, names, sheets.style(**WRAPPED))
        sheets.lines(sheet, at, (switch.text, 52), (names, 60))
        name_cell(sheets, switch.name, SWITCHES, at, 2)
    sheets.widths(sheet, [30, 52, 14, 60])
    sheet.freeze_panes(row + 1, 1)


def _warm(sheets: Sheets, model: Model, values: Values, cold: Mapping[str, str]) -> None:
    """Add the parameters at the temperature of the state."""
    notes = [
        "Values come from the sheet Parameters and may be changed there; at T they are value * theta^(T - T_ref).",
        "Rates and composites take them at T, coefficients at T_ref.",
    ]
    sheet, row = sheets.page(WARM, "Parameters at the temperature of the state", notes)
    sheets.header(sheet, row, 0, ["Parameter", "What it is", "Unit", "Value", "theta", "T_ref [degC]", "At T"])
    own = {p.name: p for p in model.table.parameters}
    for i, name in enumerate(model.parameters):
        at, parameter = row + 1 + i, own[name]
        sheets.put(sheet, at, 0, name, sheets.style(bold=True))
        sheets.put(sheet, at, 1, parameter.description)
        sheets.put(sheet, at, 2, parameter.unit)
        sheets.formula(sheet, at, 3, f"={PARAMETERS}!{xl_rowcol_to_cell(i + 1, 1)}+0", model.parameters[name])
        if parameter.theta is not None and parameter.T_ref is not None:
            sheets.put(sheet, at, 4, parameter.theta, sheets.style(num_format=PLAIN))
            sheets.put(sheet, at, 5, parameter.T_ref, sheets.style(num_format=PLAIN))
        value, theta, reference = (xl_rowcol_to_cell(at, j) for j in (3, 4, 5))
        warm = f"={value}*{theta}^({model.cells['T']}-{reference})" if parameter.theta is not None else f"={value}"
        sheets.formula(sheet, at, 6, warm, values.parameters[name], bold=True)
        name_cell(sheets, model.cells[name], WARM, at, 6)
        if name in cold:
            name_cell(sheets, cold[name], WARM, at, 3)
    sheets.widths(sheet, [18, 60, 20, 12, 12, 12, 12])
    sheet.freeze_panes(row + 1, 1)
