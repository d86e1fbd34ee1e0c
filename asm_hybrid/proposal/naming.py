"""What a header says: the quantity, its unit, and the place of the sensor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from asm_hybrid.data.header_units import StatedUnit, cell_unit, header_unit, unread_unit
from asm_hybrid.data.words import Found, plain_words, vocabulary
from asm_hybrid.units import parse_unit

__all__ = ["TANK_KINDS", "Meaning", "meaning"]

TANK_KINDS = ("aerobic", "anoxic", "anaerobic")
"""Places that are kinds of tanks; the others are streams."""
_ENDS = {"in": "influent", "out": "effluent"}
"""Words that tell a place at the end of a header only."""
_TAG = re.compile(r"\b[a-z]{2,5} ?\d{2,5}[a-z]?\b")
"""Tag of an instrument, whose letters may look like a quantity: NT-02."""
_FLOW, _MASS = parse_unit("m3/d").dimension, parse_unit("mg/L").dimension
NOTHING = ("set point",)
"""Quantities that win over all others in a header."""


@dataclass(frozen=True)
class Meaning:
    """What a header says.

    Attributes
    ----------
    quantities : tuple of str
        Quantities that are named; more than one where it is not clear.
    streams : tuple of str
        Streams that are named.
    kinds : tuple of str
        Kinds of tanks that are named.
    unit : StatedUnit or None
        The unit, from the header or from the row of units.
    unread : str
        The text in which a unit seems to stand that is not known.
    words : str
        The words of the header without its unit.
    rest : str
        Those that are no quantity and no stream: they may name a tank.
    """

    quantities: tuple[str, ...]
    streams: tuple[str, ...]
    kinds: tuple[str, ...]
    unit: StatedUnit | None
    unread: str
    words: str
    rest: str

    @property
    def quantity(self) -> str:
        """The quantity; empty where none is named, or several are."""
        return self.quantities[0] if len(self.quantities) == 1 else ""


def meaning(header: str, unit_cell: str = "") -> Meaning:
    """Return what a header says.

    Parameters
    ----------
    header : str
        Name of a column.
    unit_cell : str
        What stands in the row of units below it.

    Returns
    -------
    Meaning
    """
    stated = header_unit(header)
    words = plain_words(stated.rest if stated else header)
    unit = stated or cell_unit(unit_cell)
    places = vocabulary("places").find(words)
    quantities = _outside(vocabulary("quantities").find(words), places)
    if len({found.name for found in quantities}) > 1:
        tags = [(tag.start(), tag.end()) for tag in _TAG.finditer(words)]
        quantities = [q for q in quantities if not any(a <= q.begin and q.end <= b for a, b in tags)] or quantities
    names = [found.name for found in places]
    last = words.rpartition(" ")[2]
    if last in _ENDS and not set(names) - set(TANK_KINDS):
        names.append(_ENDS[last])
    whats = tuple(dict.fromkeys(found.name for found in quantities))
    if set(whats) & set(NOTHING):
        whats = NOTHING
    if not whats and unit and unit.unit.dimension == _MASS and re.search(r"\b(?:do|od)\b", words):
        whats = ("oxygen",)
    if not whats and unit and unit.unit.dimension == _FLOW and set(names) - set(TANK_KINDS):
        whats = ("flow",)
    if "flow" in whats and "air flow" in whats:
        whats = tuple(what for what in whats if what != "flow")
    streams = tuple(dict.fromkeys(name for name in names if name not in TANK_KINDS))
    kinds = tuple(dict.fromkeys(name for name in names if name in TANK_KINDS))
    told = [*quantities, *(p for p in places if p.name not in TANK_KINDS)]
    return Meaning(whats, streams, kinds, unit, unread_unit(header, unit_cell), words, _without(words, told))


def _outside(quantities: Sequence[Found], places: Sequence[Found]) -> list[Found]:
    """Return quantities without those that are a part of a place, as in "nitrate recycle"."""
    return [
        q
        for q in quantities
        if not any(p.begin <= q.begin and q.end <= p.end and p.end - p.begin > q.end - q.begin for p in places)
    ]


def _without(words: str, found: Sequence[Found]) -> str:
    kept = list(words)
    for part in found:
        kept[part.begin : part.end] = " " * (part.end - part.begin)
    return " ".join("".join(kept).split())
