"""The formulas of a workbook: LibreOffice works out the rates that our own kinetics work out, of every table."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from office import recalculated, sheet_rows, typed

from asm_hybrid.export.workbook.model import model_sheets
from asm_hybrid.export.workbook.point import Point, Values
from asm_hybrid.export.workbook.sheets import Sheets
from asm_hybrid.export.workbook.tables import new_workbook, parameter_sheets
from asm_hybrid.kinetics import Table, available_tables, candidates_for, load_table, with_candidates

LIMIT = 1e-9


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
    for change, own, size in zip(matrix["dC/dt"][3:], found.changes, moved.sum(axis=0), strict=False):
        assert change == pytest.approx(own, rel=LIMIT, abs=LIMIT * size)
    if table.composites:
        rows = {row[0]: row for row in sheet_rows(content, "Composites")}
        values = [value for _, value in found.composites.values()]
        assert rows["Value"][1 : 1 + len(values)] == pytest.approx(values, rel=LIMIT, abs=0.0)


def test_every_process_of_every_table_is_worked_out_as_by_us(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    cases, books = {}, {}
    for name in available_tables():
        table = widest(name)
        parameters = parameters_of(table, rng)
        made = book_of(table, parameters, drawn(table, rng, "all"))
        for kind in ("all", "zero", "patchy"):
            point = drawn(table, rng, kind)
            cases[f"{name}-{kind}"] = table, parameters, point
            typing = {**point.state, "T": point.temperature, **{k: v for k, v in point.inputs.items() if k != "T"}}
            books[f"{name}-{kind}"] = typed(made, typing)
    for name, content in recalculated(books, tmp_path).items():
        check(content, *cases[name])
