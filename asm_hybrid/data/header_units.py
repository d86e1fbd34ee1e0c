"""The unit that a header or a cell above the samples states, in the spellings of several countries."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from asm_hybrid.errors import InputError
from asm_hybrid.text import printable
from asm_hybrid.units import Unit, parse_unit

__all__ = ["StatedUnit", "cell_unit", "header_unit", "unread_unit"]

_BRACKET = re.compile(r"[\[(<{]\s*([^\[\](){}<>]{1,40}?)\s*[\])>}]")
_TAIL = re.compile(
    r"[\s_,;:]((?:[kmunµ]?g|m3|l|L|(?:M[Ll]|k?gal|hm3)(?=\s?/)|Nm3)[^\s,;:/_]{0,8}(?:\s[A-Za-z]\w{0,4})?\s?/\s?[^\s,;:_]{1,10}(?:\s+(?:as\s+)?[A-Z][\w-]{0,6})?)\s*$"
)
"""A quotient at the end of a header, as in ``NH4 mg/l N``."""
_PER = re.compile(r"[\s_]([A-Za-z]+\d?)[\s_]per[\s_]([A-Za-z]+\d?)\s*$")
"""A quotient spelt out, as in ``flow_m3_per_h``."""
_WORD = re.compile(
    r"[\s_,;:]((?:°|deg[\s_]?|o)[CF]|[CF](?<=[\s_][CF])|%|MGD|mgd|MLD|mld|gpm|GPM|cfs|CFS|s?cfm|S?CFM|ppm|degC|degF)\s*$"
)
_TEN = re.compile(r"(?:^|[\s_,;:])[x×]?\s?(10\^\d|10{2,6})\s*$", re.I)
"""A power of ten before a unit, as in ``Flow x1000 m3/d``: a part of it."""
_SCALED = re.compile(
    r"(?:[x×*/]\s?\d+|\b10\s?[\^e]\s?-?\d+|\b0[.,]\d+|\b(?:thousands?|tausend|tsd|milliers(?:\sde)?|duizend|mil(?:es)?"
    r"(?:\sde)?|k|imp|imperial|uk)\b\.?)\s*$",
    re.I,
)
_SCALED_BEHIND = re.compile(r"\s*[(\[]?\s*[x×*/]\s?\d", re.I)
"""What stands before or behind a unit, and makes another one of it."""
_LIKE_UNIT = re.compile(
    r"\S\s?/\s?\d*\s?(?:m?l|d?m\^?3|d|days?|h|hrs?|min|s|k?g|j|jr|tag|dia|天|日|小时|时)\b|(?<![a-z])m\^?3|\b[munpk]?(?:mol|eq)\b"
    r"|\bpp[bt]\b|\bmigd\b",
    re.I,
)
"""What looks like a unit, and may be one that is not known."""
_TIMES = {
    "d": "d day days j jour jours jr tag tage dag dagen dia dias 天 日",
    "h": "h hr hrs hour hours u uur std stunde stunden heure heures hora horas 小时 时",
    "min": "min mins minute minutes minuten 分钟 分",
    "s": "s sec second seconds sek seg 秒",
}
_ALIASES = {word: unit for unit, words in _TIMES.items() for word in words.split()}
_TENS = {"千": "10^3 ", "万": "10^4 "}
_CHINESE_TEN = re.compile("^[千万]")
_RAISED = re.compile("(?<![0-9])10(?=[²³⁴⁵⁶])")
_WHOLE = {
    "mgd": "MGD",
    "mld": "MLD",
    "gpm": "gpm",
    "cfs": "cfs",
    "ppm": "mg/L",
    "c": "degC",
    "f": "degF",
    "oc": "degC",
    "of": "degF",
}
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
            return None if _scaled(plain, found) else StatedUnit(*unit, rest=_without(plain, found))
    for pattern in (_PER, _TAIL, _WORD):
        if end := pattern.search(plain):
            text = re.sub(r"^([kmu]?g)([A-Z])", r"\1 \2", "/".join(end.groups()))
            if ten := _TEN.search(plain, 0, end.start()):
                plain, text = plain[: ten.start()] + " " * (end.start() - ten.start()) + end.group(), f"{ten[1]} {text}"
            elif _scaled(plain, end):
                return None
            if unit := _read(text):
                return StatedUnit(*unit, rest=_without(plain, end))
    return None


def unread_unit(header: str, cell: str = "") -> str:
    """Return the text in which a unit seems to stand that is not known.

    Parameters
    ----------
    header : str
        Such as ``PO4 (umol/l)``, ``NH4 (mg/l) x10``.
    cell : str
        What stands in the row of units.

    Returns
    -------
    str
        The cell or the header; empty where they state none, or one that is known.
    """
    if header_unit(header) or cell_unit(cell):
        return ""
    if _normal(cell).strip(" -[]()"):
        return _normal(cell)
    return _normal(header) if _LIKE_UNIT.search(_normal(header)) else ""


def _scaled(text: str, unit: re.Match[str]) -> bool:
    """Return whether what stands beside a unit makes another one of it: ``1000 m3/d`` in words, ``mg/l x10``."""
    return bool(_SCALED.search(text[: unit.start()]) or _SCALED_BEHIND.match(text, unit.end()))


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
    plain = _RAISED.sub("10^", text.replace("º", "°").replace("˚", "°"))
    return printable(unicodedata.normalize("NFKC", plain))


def _without(text: str, found: re.Match[str]) -> str:
    return " ".join((text[: found.start()] + " " + text[found.end() :]).split())


def _read(text: str) -> tuple[str, Unit] | None:
    """Return a text that is a unit, as a config writes it, and the unit."""
    text = _CHINESE_TEN.sub(lambda found: _TENS[found[0]], text.strip().removeprefix("x").removeprefix("×"))
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
