"""Where the header of a table stands, where its units, its first and its last sample."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from asm_hybrid.data.header_units import cell_unit
from asm_hybrid.data.headers import grouped
from asm_hybrid.errors import InputError
from asm_hybrid.proposal.grid import Grid, Row
from asm_hybrid.text import same_name

__all__ = ["Shape", "cell_kind", "find_shape"]

_STAMP = re.compile(
    r"\d{1,4}[-/.年]\d{1,2}[-/.月]\d{1,4}日?(?:[ T,].*)?"
    r"|\d{1,2}[-. ]{1,2}[^\W\d_]{3,9}\.?[- ]\d{2,4}(?:[ ,].*)?|[A-Za-z]{3,9} \d{1,2}, \d{4}.*"
)
_CLOCK = re.compile(r"\d{1,2}[:h]\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp]\.?[Mm]\.?)?")
_NUMBER = re.compile(r"[<>]?\s*[-+]?\d[\d.,' \u00a0\u202f]*(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Shape:
    """Rows of a table.

    Attributes
    ----------
    header : tuple of str
        Names of the columns, as a config writes them.
    units : tuple of str
        Cells of the row of units; empty text where there is none.
    options : dict
        ``header_row``, ``first_row``, ``last_row`` of a source, as far as they are no defaults.
    notes : tuple of str
        What is to be said of it.
    """

    header: tuple[str, ...]
    units: tuple[str, ...]
    options: dict[str, Any]
    notes: tuple[str, ...] = ()


def cell_kind(cell: str) -> str:
    """Return what a cell looks like.

    Parameters
    ----------
    cell : str
        Its text.

    Returns
    -------
    str
        ``""``, ``"stamp"``, ``"clock"``, ``"number"`` or ``"word"``.
    """
    text = cell.strip()
    if not text:
        return ""
    for kind, pattern in (("stamp", _STAMP), ("clock", _CLOCK), ("number", _NUMBER)):
        if pattern.fullmatch(text):
            return kind
    return "word"


def find_shape(grid: Grid, understood: Callable[[str, str], int]) -> Shape:
    """Find header, units and samples.

    Parameters
    ----------
    grid : Grid
        The table.
    understood : callable
        Says of a header, with its cell of units, how much is known by it.

    Returns
    -------
    Shape

    Raises
    ------
    InputError
        If no row looks like a sample, or none like a header.
    """
    if grid.names:
        return Shape(grid.names, ("",) * len(grid.names), {})
    typed = _typed(grid.head)
    data = [_is_sample(cells, typed) for _, cells in grid.head]
    first = next((i for i in range(len(data)) if data[i] and (i + 1 == len(data) or data[i + 1])), None)
    if first is None:
        raise InputError(
            "no row looks like a sample",
            where=grid.label,
            expected="a table with a row for each time, whose cells are stamps and numbers",
            fix="export the series as a table; a sheet without one is left out",
        )
    width = max(len(cells) for _, cells in grid.head)
    above = [(row, _padded(cells, width)) for row, cells in grid.head[:first] if sum(map(bool, cells)) > 1]
    if not above:
        raise InputError(
            f"no row of names stands above the samples, which begin in row {grid.head[first][0]}",
            where=grid.label,
            expected="a row of names above the samples",
            fix="export the names of the columns too, or write them into a row of their own",
        )
    is_units = [_is_units(cells) for _, cells in above]
    units = next((cells for (_, cells), yes in zip(above, is_units, strict=True) if yes), ("",) * width)
    names = [row for row, yes in zip(above, is_units, strict=True) if not yes]
    if not names:
        raise InputError(
            "above the samples stand units, and no names",
            where=grid.label,
            expected="a row of names above the samples",
            fix="export the names of the columns too",
        )
    (row, header), group = _best(names, units, understood)
    options: dict[str, Any] = {}
    if row != 1:
        options["header_row"] = row
    if group:
        options["group_row"] = group[0]
        header = tuple(grouped(header, group[1]))
    if grid.head[first][0] != row + 1:
        options["first_row"] = grid.head[first][0]
    last, notes = _last(grid, typed)
    if last:
        options["last_row"] = last
    return Shape(tuple(header), units, options, notes)


def _last(grid: Grid, typed: dict[int, str]) -> tuple[int | None, tuple[str, ...]]:
    """Return the row of the last sample, and what stands below it; None where nothing does."""
    below: list[str] = []
    for row, cells in reversed(grid.tail):
        if _is_sample(cells, typed):
            return (
                (row, (f"below the samples stands {' / '.join(below)[:80]!r}, which is left out",))
                if below
                else (None, ())
            )
        if any(cells):
            below.insert(0, " ".join(filter(None, cells)))
    return None, ()


def _typed(head: Sequence[Row]) -> dict[int, str]:
    """Return what most cells of a column look like, for those that hold no words."""
    found: dict[int, Counter[str]] = {}
    for _, cells in head[len(head) // 2 :]:
        for i, cell in enumerate(cells):
            if kind := cell_kind(cell):
                found.setdefault(i, Counter())[kind] += 1
    usual = {i: kinds.most_common(1)[0][0] for i, kinds in found.items()}
    return {i: kind for i, kind in usual.items() if kind != "word"}


def _is_sample(cells: Sequence[str], typed: dict[int, str]) -> bool:
    kinds = {i: cell_kind(cells[i]) for i in typed if i < len(cells) and cells[i].strip()}
    if any(kind == "stamp" and kinds.get(i) != "stamp" for i, kind in typed.items()):
        return False
    fitting = sum(kind != "word" for kind in kinds.values())
    return bool(kinds) and fitting >= max(1, len(kinds) / 2)


def _padded(cells: Sequence[str], width: int) -> tuple[str, ...]:
    return (*cells, *[""] * (width - len(cells)))


def _is_units(cells: Sequence[str]) -> bool:
    """Return whether a row holds units, beside a word at its begin that says so."""
    shown = [cell for cell in cells[1:] if cell]
    known = sum(bool(cell_unit(cell)) or cell in ("-", "[-]") for cell in shown)
    return known > 0 and known >= 0.6 * len(shown)


def _best(names: Sequence[Row], units: Sequence[str], understood: Callable[[str, str], int]) -> tuple[Row, Row | None]:
    """Return the row whose names say most, alone or below a row of groups; of equals the last row, alone."""

    def known(choice: tuple[Row, Row | None]) -> int:
        (_, cells), group = choice
        if group:
            cells = tuple(grouped(cells, group[1]))
        plain = [same_name(cell) for cell in cells]
        count = Counter(plain)
        return sum(
            understood(cell, unit)
            for name, cell, unit in zip(plain, cells, units, strict=True)
            if name and count[name] == 1
        )

    choices: list[tuple[Row, Row | None]] = [(row, None) for row in reversed(names)]
    choices += [(row, above) for above, row in pairwise(names)]
    return max(choices, key=known)
