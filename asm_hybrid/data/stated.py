"""The units that a file states of its columns, beside those of the config.

Historians write a unit into the header, ``Q (m3/h)``, or into a row of its own. Nothing is converted by it: a unit that
contradicts the config is told, since a factor of 1.29 (NH4 for N) or of 24 (per hour for per day) shows nowhere else.
"""

from __future__ import annotations

import re

from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.header_units import header_unit
from asm_hybrid.errors import InputError
from asm_hybrid.text import printable
from asm_hybrid.units import Unit, parse_unit, without_substances

__all__ = ["check_stated_unit"]

_BRACKETS = re.compile(r"[\[(<]\s*([^\[\]<>]{1,40}?)\s*[\])>]\s*$")
"""A unit in brackets, at the end of a header or as a cell."""
_TAIL = re.compile(r"[\s_,;:]([^\s_,;:/]{1,10}\s?/\s?[^\s,;:]{1,10}(?:\s+(?:as\s+)?[A-Z][\w-]{0,6})?)\s*$")
"""A quotient at the end of a header, as in ``NH4 mg/l N``."""
_WHOLE = re.compile(r"(?:°|deg ?)[CF]|%|MGD|gpm|GPM|cfs|CFS|s?cfm|S?CFM")
"""Units that are no quotient; other words could be anything."""
_ROOTS = {"gram", "meter", "second", "mole", "kelvin"}
"""What units of a plant are made of; ``A/B`` is a name, not amperes by bytes."""
SAME = 1e-3
"""Relative difference of sizes that is none: digits of atomic weights, and of the litre."""


def check_stated_unit(header: str, cells: dict[int, str], place: Place) -> list[QualityFinding]:
    """Compare the unit of a column with what the file says of it.

    Parameters
    ----------
    header : str
        The header, as it stands in the file.
    cells : dict of int to str
        What stands above the first sample of the column, by row.
    place : Place
        File, header and unit of the column.

    Returns
    -------
    list of QualityFinding
        Kind ``unit``: the first statement that contradicts the config, if one does.
    """
    stated = [(f"row {row}", *found) for row, cell in cells.items() if (found := _unit(cell))]
    bracket, tail = _BRACKETS.search(header), _TAIL.search(header)
    named = _unit(bracket[1]) if bracket else None
    if tail and not bracket and (whole := header_unit(header)):  # with a power of ten before it
        named = whole.text, whole.unit
    if named and (bracket or named[1].dimension == parse_unit(place.unit).dimension):
        stated.append(("its header", *named))
    for where, text, unit in stated:
        difference = _difference(unit, place.unit)
        if difference:
            return [
                place.finding(
                    "warning",
                    "unit",
                    f"the config has the unit {place.unit!r}, and the file says {text!r} in {where}: {difference}",
                    expected="the unit of the numbers in the file",
                    fix=f"write unit: {text!r} if the file is right; if the config is, nothing has to be done",
                )
            ]
    return []


def _unit(text: str) -> tuple[str, Unit] | None:
    """Return a text that is a unit beyond doubt, without brackets, and the unit."""
    bracket = _BRACKETS.fullmatch(text.strip())
    plain = printable(bracket[1] if bracket else text)
    if "/" not in plain and not _WHOLE.fullmatch(plain):
        return None
    try:
        unit = parse_unit(plain)
    except InputError:
        return None
    return (plain, unit) if {name for name, _ in unit.dimension} <= _ROOTS else None


def _difference(stated: Unit, written: str) -> str:
    """Say how a stated unit differs from the one that is written in the config; empty if it does not."""
    config = parse_unit(written)
    if not stated.substances and config.substances:  # 'mg/l' of a file names no substance, and contradicts none
        config = parse_unit(without_substances(written))
    if stated.dimension != config.dimension:
        return "they measure different things"
    factor = float(config.size / stated.size)
    if abs(factor - 1) <= SAME:
        return "" if stated.zero == config.zero else "their zeros differ"
    taken = f"{factor:.3g} times too large" if factor > 1 else f"{1 / factor:.3g} times too small"
    return f"if the file is right, the values are taken {taken}"
