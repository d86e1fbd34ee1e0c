"""The formulas of a workbook: LibreOffice works out the rates that our own kinetics work out, of every table."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sympy
from office import recalculated, sheet_rows, typed

from asm_hybrid.errors import InputError
from asm_hybrid.export.workbook.formulas import FormulaWriter
from asm_hybrid.export.workbook.model import model_sheets
from asm_hybrid.export.workbook.point import Point, Values
from asm_hybrid.export.workbook.sheets import Sheets
from asm_hybrid.export.workbook.tables import new_workbook, parameter_sheets
from asm_hybrid.kinetics import Table, available_tables, candidates_for, load_table, parse_table, with_candidates
from asm_hybrid.kinetics.expression import parse_expression

Case = tuple[Table, dict[str, float], Point]

LIMIT = 1e-12
ODD = """\
name: odd
continuity: {materials: []}
components:
  T1: {unit: g N/m3, phase: soluble}
  R: {unit: g N/m3, phase: soluble}
  X_M: {unit: g COD/m3, phase: particulate}
parameters:
  TRUE: {default: 1.5, unit: 1/d, T_ref: 20, theta: 1.07, bounds: [0.1, 5], source: none}
  XFD1: {default: 1, unit: g N/m3, bounds: [0.1, 5], source: none}
  k_h: {default: 30, unit: g N/m3, T_ref: 15, theta: 0.95, bounds: [0.5, 50], source: none}
  K_h: {default: 3, unit: g N/m3, bounds: [0, 5], source: none}
  K_h_2: {default: 0.4, unit: "-", T_ref: 20, theta: 0.98, bounds: [0.1, 0.9], source: none}
  C: {default: 22, unit: degC, bounds: [15, 30], source: none}
  w: {default: 1.5, unit: K, bounds: [0.5, 5], source: none}
  L: {default: 5e4, unit: g N/d, bounds: [1e3, 1e6], source: none}
processes:
  deep:
    rate: TRUE * monod(k_h - K_h_2 * min(T1, R, XFD1), K_h) / (1 + exp((T - C) / w)) * X_M
    stoichiometry: {T1: -1/K_h_2, R: -(K_h_2 - 1)**2 / 14, X_M: 1}
  hinged:
    rate: TRUE * max(0, T1 - K_h)**3 / (max(T1, XFD1)**2 * k_h) * ratio(load.T1, L + load.T1) * here.aerated * X_M
    stoichiometry: {X_M: -1}
  folded:
    rate: -TRUE * (R - T1)**4 / (k_h + XFD1)**3 * inhibition(R**2, K_h**2)
    stoichiometry: {R: 1}
  steady: {rate: TRUE * XFD1, stoichiometry: {T1: 1}}
composites:
  SUM: {unit: g N/m3, weights: {T1: 1, R: K_h_2}}
"""
"""Names that are cells, constants or the same to a spreadsheet, and every function that a rate may hold."""


def book_of(table: Table, parameters: dict[str, float], point: Point) -> bytes:
    """Return a workbook that holds the model alone."""
    stream = io.BytesIO()
    with new_workbook(stream, {"name": table.name, "created": "2026-02-03T14:05:09+00:00"}) as book:
        sheets = Sheets(book)
        model_sheets(sheets, table, parameters, point)
        rows = [{"name": name, "value": value} for name, value in parameters.items()]
        parameter_sheets(sheets, {"parameters": rows})
    return stream.getvalue()


def widest(name: str) -> Table:
    """Return a shipped table with all processes of the library that fit it."""
    table = load_table(name)
    return with_candidates(table, candidates_for(table))


def parameters_of(table: Table, rng: np.random.Generator) -> dict[str, float]:
    """Return values within the bounds, other than the defaults."""
    return {
        p.name: float(np.clip(p.default * rng.uniform(0.8, 1.2), *p.bounds)) or p.bounds[1] for p in table.parameters
    }


def drawn(table: Table, rng: np.random.Generator, kind: str) -> Point:
    """Return a random point: with all components, without any, or with every second one absent or tiny."""
    sizes = 10.0 ** rng.uniform(-3, 3.5, len(table.components))
    if kind == "zero":
        sizes *= 0.0
    if kind == "patchy":
        sizes *= rng.choice([0.0, 1.0, 1e-14], len(sizes))
    state = dict(zip(table.component_names, sizes.tolist(), strict=True))
    inputs = {i.name: float(10.0 ** rng.uniform(-1, 4)) for i in table.inputs}
    return Point(float(rng.uniform(4, 32)), state, inputs)


def check(content: bytes, table: Table, parameters: dict[str, float], point: Point) -> None:
    """Compare every rate, coefficient, change and composite of a workbook with our own."""
    found = Values(table, parameters, point)
    rates = {row[0]: row[1] for row in sheet_rows(content, "Rates")}
    matrix = {row[0]: row for row in sheet_rows(content, "Gujer matrix") if row[0]}
    for i, process in enumerate(table.processes):
        assert rates[process.name] == pytest.approx(found.rates[i], rel=LIMIT, abs=0.0), process.name
        assert matrix[process.name][1] == rates[process.name]
        own = [0.0 if c is None else c for c in found.coefficients[i]]
        given = [cell or 0.0 for cell in matrix[process.name][3 : 3 + len(own)]]
        assert given == pytest.approx(own, rel=LIMIT, abs=1e-15), process.name
    moved = np.abs(np.array(found.rates)[:, None] * np.array([[c or 0.0 for c in row] for row in found.coefficients]))
    for change, own, size in zip(matrix["dC/dt"][3:], found.changes, moved.sum(axis=0), strict=True):
        assert change == pytest.approx(own, rel=LIMIT, abs=LIMIT * size)
    if table.composites:
        rows = {row[0]: row for row in sheet_rows(content, "Composites")}
        values = [value for _, value in found.composites.values()]
        assert rows["Value"][1 : 1 + len(values)] == pytest.approx(values, rel=LIMIT, abs=0.0)


def books_of(table: Table, name: str, rng: np.random.Generator) -> Iterator[tuple[str, Case, bytes]]:
    """Go through a workbook with three other states typed in: the values beside its formulas are those of none."""
    parameters = parameters_of(table, rng)
    made = book_of(table, parameters, drawn(table, rng, "all"))
    for kind in ("all", "zero", "patchy"):
        point = drawn(table, rng, kind)
        typing = {**point.state, **point.inputs, "T": point.temperature}
        yield f"{name}-{kind}", (table, parameters, point), typed(made, typing)


@pytest.mark.slow
def test_every_process_of_every_table_is_worked_out_as_by_us(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    tables = {name: widest(name) for name in available_tables()} | {"odd": parse_table(ODD, "odd.yaml")}
    made = [row for name, table in tables.items() if not table.equilibrium for row in books_of(table, name, rng)]
    for (_, case, before), after in zip(
        made, recalculated({name: book for name, _, book in made}, tmp_path).values(), strict=True
    ):
        with pytest.raises(AssertionError):
            check(before, *case)
        check(after, *case)


def test_a_rate_that_reads_the_ph_is_refused_by_name() -> None:
    table, rng = widest("asm1_2n_ph"), np.random.default_rng(7)
    with pytest.raises(InputError, match=r"reads S_NH3, which follows from a charge balance"):
        book_of(table, parameters_of(table, rng), drawn(table, rng, "all"))


def test_formulas_hold_names_and_functions_that_every_spreadsheet_has() -> None:
    table = parse_table(ODD, "odd.yaml")
    rng = np.random.default_rng(3)
    content = book_of(table, parameters_of(table, rng), drawn(table, rng, "all"))
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")]
        names = re.findall(r'<definedName name="([^"]+)"[^>]*>([^<]+)<', book.read("xl/workbook.xml").decode())
    own = [name for name, _ in names if not name.startswith("_xlnm.")]
    assert {"T_", "T1_", "R_", "TRUE_", "XFD1_", "k_h", "K_h_2", "K_h_2_2", "K_h_2_ref"} <= {*own}
    assert len({name.lower() for name in own}) == len(own)
    formulas = [html.unescape(text) for sheet in sheets for text in re.findall("<f>([^<]*)</f>", sheet)]
    words = {
        word
        for text in formulas
        for word in re.findall(r"(?<![\w$])[A-Za-z_$][\w$]*[(!]?", re.sub("'[^']*'!", "", text))
        if not re.fullmatch(r"\$?[A-Z]{1,3}\$?\d+", word)
    }
    assert words - {*own} == {"MAX(", "MIN(", "EXP(", "SUMPRODUCT(", "Rates!", "State!", "Parameters!"}
    assert max(map(len, formulas)) < 8192


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("-(a - b)**2 * c", "=-((a_-b_)^2)*c_"),
        ("a - b - (c - a)", "=2*a_-b_-c_"),
        ("a / b / c * 3", "=3*a_/(b_*c_)"),
        ("a / 14 - 1 / 14", "=a_/14-1/14"),
        ("a**2 / (b + c)**3", "=(a_^2)/((b_+c_)^3)"),
        ("1e-7 * a + 0.086", "=1E-07*a_+0.086"),
        ("a * (b + c) - (b - c) / a", "=a_*(b_+c_)-(b_-c_)/a_"),
    ],
)
def test_a_formula_binds_as_a_spreadsheet_does(text: str, formula: str) -> None:
    symbols = {name: sympy.Symbol(name, positive=True) for name in "abc"}
    value = parse_expression(text, symbols, "here", frozenset("abc")).value
    found = FormulaWriter({name: f"{name}_" for name in "abc"}).formula(value, "a test")
    assert found == formula


@pytest.mark.parametrize("value", [sympy.Symbol("a") ** sympy.Rational(1, 2), sympy.sin(sympy.Symbol("a"))])
def test_what_no_spreadsheet_has_is_refused(value: sympy.Expr) -> None:
    with pytest.raises(InputError, match="the rate of p cannot be written as a formula"):
        FormulaWriter({"a": "a_"}).formula(value, "the rate of p")


def test_a_formula_too_long_for_a_cell_is_refused() -> None:
    names = [f"a{i}" for i in range(400)]
    value = sympy.Add(*(sympy.Symbol(name) for name in names))
    with pytest.raises(InputError, match="characters, and a cell takes"):
        FormulaWriter({name: f"{name}_{'x' * 30}" for name in names}).formula(value, "a rate")


def test_parameters_that_are_not_those_of_the_table_are_refused() -> None:
    table = load_table("lotka_volterra")
    point = Point(20.0, dict.fromkeys(table.component_names, 1.0), {})
    with pytest.raises(InputError, match="the parameters of the run are not those of its table: alpha"):
        book_of(table, {"beta": 0.1, "gamma": 1.0, "y_p": 0.5}, point)
