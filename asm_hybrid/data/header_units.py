"""The unit that a header or a cell above the samples states, in the spellings of several countries."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from asm_hybrid.errors import InputError
from asm_hybrid.text import printable
from asm_hybrid.units import Unit, parse_unit

__all__ = ["StatedUnit", "cell_unit", "header_unit"]

_BRACKET = re.compile(r"[\[(<{]\s*([^\[\](){}<>]{1,40}?)\s*[\])>}]")
_TAIL = re.compile(
    r"[\s_,;:]((?:[kmunµ]?g|m3|l|L|Nm3)[^\s,;:/_]{0,8}(?:\s[A-Za-z]\w{0,4})?\s?/\s?[^\s,;:_]{1,10}(?:\s+(?:as\s+)?[A-Z][\w-]{0,6})?)\s*$"
)
"""A quotient at the end of a header, as in ``NH4 mg/l N``."""
_PER = re.compile(r"[\s_]([A-Za-z]+\d?)[\s_]per[\s_]([A-Za-z]+\d?)\s*$")
"""A quotient spelt out, as in ``flow_m3_per_h``."""
_WORD = re.compile(
    r"[\s_,;:]((?:°|deg[\s_]?|o)[CF]|[CF](?<=[\s_][CF])|%|MGD|mgd|gpm|GPM|cfs|CFS|s?cfm|S?CFM|ppm|degC|degF)\s*$"
)
_TIMES = {
    "d": "d day days j jour jours jr tag tage dag dagen dia dias 天 日",
    "h": "h hr hrs hour hours u uur std stunde stunden heure heures hora horas 小时 时",
    "min": "min mins minute minutes minuten 分钟 分",
    "s": "s sec second seconds sek seg 秒",
}
_ALIASES = {word: unit for unit, words in _TIMES.items() for word in words.split()}
_WHOLE = {"mgd": "MGD", "gpm": "gpm", "cfs": "cfs", "ppm": "mg/L", "c": "degC", "f": "degF", "oc": "degC", "of": "degF"}
_WHOLE |= {"°c": "degC", "°f": "degF", "deg c": "degC", "deg f": "degF", "degc": "degC", "degf": "degF"}
_WHOLE |= {"deg_c": "degC", "deg_f": "degF", "celsius": "degC", "grad c": "degC", "%": "%", "% sat": "%", "%sat": "%"}
_WHOLE |= {"scfm": "scfm", "cfm": "cfm"}
_ROOTS = {"gram", "meter", "second", "mole", "kelvin"}


@dataclass(frozen=True)
class StatedUnit:
    """A unit that a file states.

    Attributes
    ----------
    text : str
        As a config writes it.
    unit : Unit
        What it measures.
    rest : str
        What is left of the header.
    """

    text: str
    unit: Unit
    rest: str


def header_unit(header: str) -> StatedUnit | None:
    """Return the unit in a header.

    Parameters
    ----------
    header : str
        Such as ``NH4-N (mg/l)``, ``Q [m³/h]``, ``MLSS g/L``, ``flow_m3_per_h``.

    Returns
    -------
    StatedUnit or None
        None where there is none.
    """
    plain = _normal(header)
    for found in reversed(list(_BRACKET.finditer(plain))):
        if unit := _read(found[1]):
            return StatedUnit(*unit, rest=_without(plain, found))
    for pattern in (_PER, _TAIL, _WORD):
        if end := pattern.search(plain):
            text = "/".join(end.groups())
            if unit := _read(re.sub(r"^([kmu]?g)([A-Z])", r"\1 \2", text)):
                return StatedUnit(*unit, rest=_without(plain, end))
    return None


def cell_unit(cell: str) -> StatedUnit | None:
    """Return the unit that stands in a cell of its own.

    Parameters
    ----------
    cell : str
        Such as ``[mg/l]`` or ``m3/h``.

    Returns
    -------
    StatedUnit or None
        None where the cell is no unit.
    """
    plain = _normal(cell)
    bracket = _BRACKET.fullmatch(plain)
    unit = _read(bracket[1] if bracket else plain)
    return StatedUnit(*unit, rest="") if unit else None


def _normal(text: str) -> str:
    return printable(unicodedata.normalize("NFKC", text.replace("º", "°").replace("˚", "°")))


def _without(text: str, found: re.Match[str]) -> str:
    return " ".join((text[: found.start()] + " " + text[found.end() :]).split())


def _read(text: str) -> tuple[str, Unit] | None:
    """Return a text that is a unit, as a config writes it, and the unit."""
    plain = _WHOLE.get(text.strip().casefold(), "")
    if not plain:
        if "/" not in text:
            return None
        plain = "/".join(_ALIASES.get(part.strip().casefold(), part.strip()) for part in text.split("/"))
        plain = plain.replace("cbm", "m3")
    try:
        unit = parse_unit(plain)
    except InputError:
        return None
    return (plain, unit) if {name for name, _ in unit.dimension} <= _ROOTS else None
