"""What the checks of a table looked at, and what they found."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import sympy

from asm_hybrid.kinetics.continuity import imbalance
from asm_hybrid.kinetics.document.acids import balanced
from asm_hybrid.kinetics.document.words import number, reads, size
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.functions import not_below_zero
from asm_hybrid.kinetics.table import Process, Table

__all__ = ["check_text"]

WIDTH = 100
"""Width of the text [character]."""


def check_text(table: Table) -> str:
    """Return what was checked in a table that was read without an error, and what was found.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Counts, the largest imbalance of every conserved material, the coefficients that continuity determines, the
        unit of every rate, which inputs of the plant are read, which rates may be below zero, and what is defined and
        not used.
    """
    counts = ", ".join(f"{n} {what}" for n, what in size(table))
    composites = f", {len(table.composites)} composites" if table.composites else ""
    lines = [f"{table.name}: {table.title}", f"file: {table.path}", f"found: {counts}{composites}", ""]
    lines += ["Names, units, defaults, bounds and temperature laws: no error", ""]
    lines += ["Continuity, at the defaults and at the lower and upper bounds of all parameters", *_balances(table), ""]
    lines += ["Coefficients that continuity determines", *_solved(table), ""]
    lines += ["Units of the rates, checked against components whose coefficient is 1 or -1", *_units(table), ""]
    if table.equilibrium:
        lines += ["Equilibrium", *_wrapped(f"  {balanced(table)}"), *_wrapped(f"  {_quantities(table)}"), ""]
    if table.inputs:
        lines += ["Inputs of the plant that rates read", *_wrapped(f"  {reads(table)}"), ""]
    lines += ["Rates that may be below zero", *_signs(table), ""]
    lines += ["Defined and not used", *_unused(table), ""]
    return "\n".join([*lines, "Not checked: whether the kinetics make sense."])


def _balances(table: Table) -> list[str]:
    if not table.materials:
        return ["  nothing is conserved in this table"]
    composition = {c.name: {m: e.value for m, e in c.composition.items()} for c in table.components}
    symbols = {str(s): s for expression in _expressions(table) for s in expression.value.free_symbols}
    rows = [(symbols[p.name], p.default, *p.bounds) for p in table.parameters if p.name in symbols]
    points = [{row[0]: row[k] for row in rows} for k in (1, 2, 3)]
    largest: dict[str, tuple[float, str]] = {}
    for process in table.processes:
        coefficients = {name: e.value for name, e in process.stoichiometry.items()}
        kept = [m for m in table.materials if m not in process.exchanges]
        for material, (_, rest) in imbalance(coefficients, composition, kept, points).items():
            largest[material] = max(largest.get(material, (0.0, "")), (rest, process.name))
    lines = []
    for material in table.materials:
        rest, name = largest.get(material, (0.0, ""))
        where = (
            f"largest imbalance {rest:.3g} for one unit of rate, in {name}" if name else "no imbalance in any process"
        )
        lines.append(f"  {material.ljust(max(map(len, table.materials)))}  {where}")
    allowed = f"at most {number(table.tolerance)}" if table.tolerance else "none"
    lines.append(f"  the table allows: {allowed}")
    exchanged = [f"{', '.join(p.exchanges)} ({p.name})" for p in table.processes if p.exchanges]
    return [*lines, *_wrapped(f"  exchanged with the outside: {'; '.join(exchanged)}")] if exchanged else lines


def _solved(table: Table) -> list[str]:
    lines = []
    for process in table.processes:
        for name, coefficient in process.stoichiometry.items():
            if name in process.solved:
                lines += _wrapped(f"  {process.name}, {name} = {coefficient}")
    return lines or ["  none"]


def _units(table: Table) -> list[str]:
    width = max(len(p.name) for p in table.processes)
    return [f"  {p.name.ljust(width)}  {p.unit}" for p in table.processes]


def _quantities(table: Table) -> str:
    return "it gives rates " + ", ".join(f"{name} [{table.units[name]}]" for name in table.quantity_names)


def _signs(table: Table) -> list[str]:
    """Return the processes whose rate is not zero or above by its form; flows and loads are."""
    flows = {sympy.Symbol(n, real=True): sympy.Symbol(n, nonnegative=True) for n in table.input_names if n != "T"}
    doubtful = [p.name for p in table.processes if not not_below_zero(p.rate.value.xreplace(flows))]
    return [f"  {name}" for name in doubtful] or ["  none, by their form"]


def _unused(table: Table) -> list[str]:
    named = {str(s) for expression in _expressions(table) for s in expression.value.free_symbols}
    parameters = [name for name in table.parameter_names if name not in named]
    lines = _wrapped(f"  parameters: {', '.join(parameters)}") if parameters else []
    moved = {name for process in table.processes for name in process.stoichiometry}
    still = [name for name in table.component_names if name not in moved]
    lines += _wrapped(f"  components that no process changes: {', '.join(still)}") if still else []
    return lines or ["  nothing"]


def _expressions(table: Table) -> Iterator[Expression]:
    """Yield everything that may hold a parameter."""
    for component in table.components:
        yield from component.composition.values()
    for process in table.processes:
        yield from _of(process)
    for composite in table.composites.values():
        yield from composite.weights.values()


def _of(process: Process) -> Iterator[Expression]:
    yield process.rate
    yield from process.stoichiometry.values()


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="", subsequent_indent=" " * 6, drop_whitespace=True) or [text]
