"""The documentation of a table, from the table itself: Gujer matrix, rates, components, parameters."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from asm_hybrid.kinetics.document.acids import ACID_HEAD, acid_rows, balanced
from asm_hybrid.kinetics.document.words import GAS_HEAD, gas_numbers
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.table import Table

__all__ = ["gujer_text"]

WIDTH = 100
"""Width of the text [character]."""

_CELL = 9
"""Longest coefficient that stands in the matrix itself; longer ones get a label."""


def gujer_text(table: Table) -> str:
    """Return a table as plain text.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    str
        Stoichiometric matrix (components down, processes across), rates, components, parameters, acids, gases,
        composites.
    """
    parts = [f"{table.name}: {table.title}", *textwrap.wrap(table.description, WIDTH)]
    if table.source:
        parts.append(f"source: {table.source}")
    conserved = ", ".join(table.materials) or "nothing"
    within = f", within {table.tolerance:g}" if table.tolerance else ", exactly"
    parts.append(f"every process conserves: {conserved}{within if table.materials else ''}")
    if table.inputs:
        parts.append(f"rates read inputs of the plant: {', '.join(f'{i.name} in {i.unit}' for i in table.inputs)}")
    parts += ["", "Stoichiometry", *_matrix(table)]
    parts += ["", "Rates", *_rates(table)]
    parts += ["", "Components", *_components(table)]
    parts += ["", "Parameters", *_parameters(table)]
    if table.equilibrium:
        parts += ["", "Acids and bases", f"  {balanced(table)}", *_aligned([ACID_HEAD, *acid_rows(table)])]
    if table.gases:
        parts += ["", "Gases that aeration transfers", *_gases(table)]
    if table.composites:
        parts += ["", "Composites", *_composites(table)]
    return "\n".join(line.rstrip() for line in parts)


def _label(index: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[index % 26] * (index // 26 + 1)


def _matrix(table: Table) -> list[str]:
    notes: dict[str, str] = {}

    def cell(text: str) -> str:
        if len(text) <= _CELL:
            return text
        notes.setdefault(text, f"({_label(len(notes))})")
        return notes[text]

    per_block = max(1, (WIDTH - 12) // (_CELL + 2))
    lines: list[str] = []
    for start in range(0, len(table.processes), per_block):
        block = table.processes[start : start + per_block]
        rows = [["", *(f"({start + i + 1})" for i in range(len(block)))]]
        for name in table.component_names:
            coefficients = [p.stoichiometry.get(name) for p in block]
            if any(coefficients):
                rows.append([name, *("" if c is None else cell(str(c)) for c in coefficients)])
        lines += [*([""] if lines else []), *_aligned(rows, last_ragged=False)]
    lines += [f"  {label} {text}" for text, label in notes.items()]
    return [*lines, "  coefficients that the table leaves to continuity:", *_solved(table)]


def _solved(table: Table) -> list[str]:
    out = []
    for i, process in enumerate(table.processes, start=1):
        names = [n for n in table.component_names if n in process.solved]
        out += [f"  ({i}) {', '.join(names)}"] if names else []
    return out or ["  none"]


def _rates(table: Table) -> list[str]:
    lines = []
    for i, process in enumerate(table.processes, start=1):
        lines.append(f"  ({i}) {process.name}, in {process.unit}")
        lines += textwrap.wrap(process.description, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)
        lines += textwrap.wrap(
            str(process.rate),
            WIDTH,
            initial_indent=" " * 6,
            subsequent_indent=" " * 8,
            break_long_words=False,
        )
    return lines


def _components(table: Table) -> list[str]:
    rows = [["name", "unit", "phase", "holds", ""]]
    rows += [[c.name, c.unit, c.phase, _sum(c.composition), c.description] for c in table.components]
    return _aligned(rows)


def _parameters(table: Table) -> list[str]:
    rows = [["name", "default", "unit", "temperature", "bounds", "", "source"]]
    for p in table.parameters:
        law = "" if p.theta is None else f"{p.theta:.4f}^(T - {p.T_ref:g})"
        bounds = f"{p.bounds[0]:g} to {p.bounds[1]:g}"
        source = f"{p.source}: {p.note}" if p.note else p.source
        rows.append([p.name, f"{p.default:g}", p.unit, law, bounds, p.description, source])
    return _aligned(rows)


def _gases(table: Table) -> list[str]:
    rows = [["name", *GAS_HEAD, "source"]]
    rows += [[g.component, *gas_numbers(g), f"{g.source}: {g.note}" if g.note else g.source] for g in table.gases]
    return _aligned(rows)


def _composites(table: Table) -> list[str]:
    rows = [["name", "unit", ""]]
    rows += [[name, c.unit, f"{_sum(c.weights)}"] for name, c in table.composites.items()]
    return _aligned(rows)


def _sum(parts: Mapping[str, Expression]) -> str:
    """Write a weighted sum, such as ``S_S + i_XB X_BH``."""
    terms = []
    for name, weight in parts.items():
        text = str(weight)
        factor = f"({text})" if any(sign in text[1:] for sign in "+- ") else text
        terms.append(name if text == "1" else f"{factor} {name}")
    return " + ".join(terms).replace("+ -", "- ")


def _aligned(rows: Sequence[Sequence[str]], *, last_ragged: bool = True) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    if last_ragged:
        widths[-1] = 0
    else:
        widths[1:] = [max(w, 5) for w in widths[1:]]
    return ["  " + "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)) for row in rows]
