"""The field's own unit grammar, in front of pint.

pint alone reads ``mg N/L`` as milligram newton per litre and does not know ``MGD``. Here a unit is a product
of names with exponents, ``g COD/(m3 d)``, in which a mass may be followed by the substance it is the mass of.
Masses of alkalinity (``mg CaCO3/L``, ``mg HCO3/L``) are read as amounts, masses of ammonium, nitrate and the
like as masses of N or P. Volumes of gas are counted at 0 degC and 1 atm: Nm3 is an m3, scf and scfm (20 degC, 1 atm)
are converted, and cfm and m3 are taken as they are. pint supplies sizes and dimensions of all single names but the
commonest, in exact fractions. A power of ten may stand before them: ``1000 m3/d``, ``10^4 m3/d``.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar

import numpy as np

from asm_hybrid.errors import InputError

__all__ = ["Unit", "conversion", "parse_quantity", "parse_unit", "to_internal", "without_substances"]

Number = TypeVar("Number", float, np.ndarray)

_EXAMPLES = "a unit such as g COD/m3, mg N/L, m3/h, 1/d, g N/(g COD), mol/m3, degC or -"

_TAGS = {"COD": "COD", "BOD": "BOD", "BOD5": "BOD", "O2": "O2", "N": "N", "P": "P", "C": "C"}
_TAGS |= {
    "TSS": "TSS",
    "SS": "TSS",
    "MLSS": "TSS",
    "VSS": "VSS",
    "MLVSS": "VSS",
    "TKN": "N",
    "TN": "N",
    "TP": "P",
    "Mg": "Mg",
    "K": "K",
    "Ca": "Ca",
}
_TAGS |= {f"{ion}-{e}": e for ion, e in [("NH4", "N"), ("NH3", "N"), ("NO3", "N"), ("NO2", "N"), ("PO4", "P")]}
"""What may follow a mass, and the substance it stands for."""

_IONS = {
    "NH4": ("N", Fraction("14.007") / Fraction("18.039")),
    "NH3": ("N", Fraction("14.007") / Fraction("17.031")),
    "NO3": ("N", Fraction("14.007") / Fraction("62.004")),
    "NO2": ("N", Fraction("14.007") / Fraction("46.005")),
    "PO4": ("P", Fraction("30.974") / Fraction("94.970")),
}
"""Substances that are counted as an element: the element and its mass share (IUPAC atomic weights)."""

_AMOUNTS = {"HCO3": Fraction(61), "CaCO3": Fraction(50)}
"""Substances that stand for alkalinity: grams that hold one mole of charge."""

_OWN = {
    "MGD": "1000000 gallon / day",
    "MLD": "1000000 litre / day",
    "gpm": "gallon / minute",
    "cfs": "foot ** 3 / second",
    "cfm": "foot ** 3 / minute",
    "scf": "foot ** 3",
    "scfm": "foot ** 3 / minute",
    "eq": "mole",
    "meq": "millimole",
}
_OWN |= {name.upper(): _OWN[name] for name in ("cfm", "scf", "scfm")}
_STANDARD = {"scf", "scfm", "SCF", "SCFM"}
"""Gas at 20 degC (68 degF) and 1 atm, the standard conditions of aeration in the USA (ASCE/EWRI 2-06, whose relative
humidity of 36 %, 0.8 % of the volume, is left out)."""
_WARM = Fraction("273.15") / Fraction("293.15")
"""Volume at 0 degC and 1 atm, in which air flows are counted here, over that at 20 degC and 1 atm."""
_NORMAL = re.compile(r"(?<![A-Za-z])Nm\^?3(?![0-9])")
"""A cubic metre of gas at 0 degC and 1 atm (DIN 1343): as the volumes of air are counted here, so that it is an m3."""
_COMMON: dict[str, tuple[str, str, int]] = {
    "g": ("1", "gram", 1),
    "kg": ("1000", "gram", 1),
    "mg": ("1/1000", "gram", 1),
    "ug": ("1/1000000", "gram", 1),
    "m": ("1", "meter", 1),
    "L": ("1/1000", "meter", 3),
    "l": ("1/1000", "meter", 3),
    "s": ("1", "second", 1),
    "min": ("60", "second", 1),
    "h": ("3600", "second", 1),
    "d": ("86400", "second", 1),
    "mol": ("1", "mole", 1),
    "mmol": ("1/1000", "mole", 1),
}
"""Size, root unit and its exponent of the commonest names, the same as in pint, whose start takes a third of a second:
what uses no other names does without it."""
_CELSIUS = Fraction("273.15")
"""Zero of the Celsius scale [K]."""
_TEMPERATURES = {
    "degC": "degC",
    "C": "degC",
    "deg C": "degC",
    "celsius": "degC",
    "degF": "degF",
    "K": "kelvin",
}
_SUBSTANCES = "|".join(sorted(map(re.escape, _TAGS | _IONS | _AMOUNTS), key=len, reverse=True))
_TOKEN = re.compile(
    rf"\s*(?:(?P<tag>{_SUBSTANCES})(?![A-Za-z0-9])|(?P<name>[A-Za-z]+)(?:\^|\*\*)?(?P<power>-?[0-9])?"
    r"(?![A-Za-z0-9])|(?P<one>1(?:0\^[0-9]|0*))(?![0-9.^])|(?P<sign>[/()]))"
)
_GLUED = re.compile(rf"(?<![A-Za-z])([kmun]?g)(?=(?:{_SUBSTANCES})(?![A-Za-z0-9]))")
_BEHIND = re.compile(rf"([kmun]?g)\s*/\s*(L|l|m\^?3)\s+(?:as\s+)?({_SUBSTANCES})")
"""A concentration with its substance at the end, as laboratories write it: ``mg/l NH4``, ``mg/L as N``."""
_POWER_OF_TEN = re.compile("(?<![0-9])10(?=[⁰¹²³⁴⁵⁶⁷⁸⁹])")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")

Powers = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Unit:
    """A unit: its size, its dimension, and the substances whose mass it measures.

    Attributes
    ----------
    text : str
        The unit as it was written.
    size : Fraction
        Size in g, m, s, K, mol.
    dimension : tuple of (str, int)
        Exponents of pint's root units.
    substances : tuple of (str, int)
        Exponents of the substances, such as ``(("COD", -1), ("N", 1))`` for g N/(g COD).
    zero : Fraction
        Zero of the scale [K]; non-zero for temperatures only.
    """

    text: str
    size: Fraction
    dimension: Powers
    substances: Powers
    zero: Fraction = Fraction(0)

    def __mul__(self, other: Unit) -> Unit:
        return _combine([(self, 1), (other, 1)])

    def __truediv__(self, other: Unit) -> Unit:
        return _combine([(self, 1), (other, -1)])

    def __pow__(self, exponent: int) -> Unit:
        return _combine([(self, exponent)])

    def compatible(self, other: Unit) -> bool:
        """Tell whether both measure the same thing; a side that names no substance fits any."""
        same = not self.substances or not other.substances or self.substances == other.substances
        return self.dimension == other.dimension and same

    @property
    def coherent(self) -> bool:
        """Whether it is a product of g, m, mol and d, without a factor."""
        return self.size == Fraction(86400) ** dict(self.dimension).get("second", 0) and self.zero == 0

    def __str__(self) -> str:
        return self.text or "-"


def _powers(counts: dict[str, int]) -> Powers:
    return tuple(sorted((name, n) for name, n in counts.items() if n))


def _combine(factors: Iterable[tuple[Unit, int]]) -> Unit:
    """Multiply powers of units, and write the product out in g, m, d and mol."""
    size = Fraction(1)
    dimension: Counter[str] = Counter()
    substances: Counter[str] = Counter()
    for unit, exponent in factors:
        size *= unit.size**exponent
        for name, n in unit.dimension:
            dimension[name] += n * exponent
        for name, n in unit.substances:
            substances[name] += n * exponent
    dimensions, tags = _powers(dimension), _powers(substances)
    return Unit(_written(size, dimensions, tags), size, dimensions, tags)


_SYMBOL = {"gram": "g", "meter": "m", "second": "d", "mole": "mol", "kelvin": "K"}


def _written(size: Fraction, dimension: Powers, substances: Powers) -> str:
    counts = dict(dimension)
    days = counts.get("second", 0)
    rest = size / Fraction(86400) ** days
    mass = counts.pop("gram", 0) - sum(n for _, n in substances)
    parts = [(f"g {tag}", n) for tag, n in substances] + [("g", mass)]
    parts += [(_SYMBOL.get(name, name), n) for name, n in counts.items()]
    above = [f"{name}{n if n > 1 else ''}" for name, n in parts if n > 0]
    below = [f"{name}{-n if n < -1 else ''}" for name, n in parts if n < 0]
    factor = [] if rest == 1 else [f"{float(rest):g}"]
    text = " ".join(factor + above)
    if not below:
        return text or "-"
    bottom = f"({' '.join(below)})" if len(below) > 1 or " " in below[0] else below[0]
    return f"{text or '1'}/{bottom}"


@cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction, autoconvert_offset_to_baseunit=False)


@cache
def _named(name: str) -> Unit | None:
    """Return the unit of one name, or None when pint has none."""
    if name in _COMMON:
        size, root, power = _COMMON[name]
        return Unit(name, Fraction(size), ((root, power),), ())
    import pint

    registry = _registry()
    try:
        quantity = registry.parse_expression(_OWN.get(name, name))
        factor, roots = registry.get_root_units(quantity.units)
        scale = Fraction(factor) * Fraction(quantity.magnitude)
    except (pint.PintError, AttributeError, TypeError, ValueError, ArithmeticError):  # nan and inf are numbers to pint
        return None
    powers = {str(key): int(n) for key, n in roots._units.items()}
    return Unit(name, scale * (_WARM if name in _STANDARD else 1), _powers(powers), ())


class _Parser:
    """Recursive descent over ``product / factor / factor``, where a factor may be a product in brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[re.Match[str]] = []
        source, start = _GLUED.sub(r"\1 ", text), 0
        while source[start:].strip():
            match = _TOKEN.match(source, start)
            if match is None:
                raise self.error(f"{source[start:].strip()[:20]!r} cannot be read")
            self.tokens.append(match)
            start = match.end()
        self.position = 0

    def error(self, found: str) -> InputError:
        return InputError(f"the unit {self.text[:60]!r}: {found}", expected=_EXAMPLES)

    def peek(self, kind: str) -> str | None:
        """Return the next token if it is of a kind."""
        if self.position == len(self.tokens):
            return None
        found: str | None = self.tokens[self.position][kind]
        return found

    def parse(self) -> Unit:
        unit = self.quotient(0)
        if self.position < len(self.tokens):
            raise self.error("a bracket is closed that was not opened")
        return Unit(self.text, unit.size, unit.dimension, unit.substances)

    def quotient(self, depth: int) -> Unit:
        factors, exponent = [(self.factor(depth), 1)], 1
        while self.position < len(self.tokens) and self.peek("sign") != ")":
            if self.peek("sign") == "/":
                self.position += 1
                exponent = -1
            elif exponent < 0:
                raise self.error("what follows '/' is not clear; put the divisor in brackets, as in g/(m3 d)")
            factors.append((self.factor(depth), exponent))
        return _combine(factors)

    def factor(self, depth: int) -> Unit:
        if self.peek("sign") == "(" and depth < 5:
            self.position += 1
            unit = self.quotient(depth + 1)
            if self.peek("sign") != ")":
                raise self.error("a bracket is not closed")
            self.position += 1
            return unit
        if one := self.peek("one"):
            self.position += 1
            return Unit(one, Fraction(10) ** (int(one[3:]) if "^" in one else len(one) - 1), (), ())
        tag, name = self.peek("tag"), self.peek("name")
        if tag is not None:
            raise self.error(f"the substance {tag} has to follow a mass, as in g {tag}/m3")
        if name is None:
            raise self.error("a name is missing")
        known = _named(name)
        if known is None:
            raise self.error(f"{name!r} is not known")
        power = int(self.tokens[self.position]["power"] or 1)
        self.position += 1
        return self.substance(known) ** power

    def substance(self, unit: Unit) -> Unit:
        """Take the substance that follows a mass, if one does."""
        tag = self.peek("tag")
        if tag is None or unit.dimension != (("gram", 1),):
            return unit
        self.position += 1
        if tag in _AMOUNTS:
            return Unit(unit.text, unit.size / _AMOUNTS[tag], (("mole", 1),), ())
        element, share = _IONS.get(tag) or (_TAGS[tag], Fraction(1))
        return Unit(unit.text, unit.size * share, unit.dimension, ((element, 1),))


@cache
def parse_unit(text: str) -> Unit:
    """Read a unit.

    Parameters
    ----------
    text : str
        Such as ``g COD/m3``, ``mg N/L``, ``mg/L NH4``, ``mg CaCO3/L``, ``m3/h``, ``MGD``, ``1/d``, ``m3/(g COD d)`` or
        ``degC``; ``-`` or nothing for a pure number.

    Returns
    -------
    Unit
        Size, dimension and substances.

    Raises
    ------
    InputError
        If a name is not known, a substance follows no mass, or a divisor is ambiguous.
    """
    plain = (
        _POWER_OF_TEN.sub("10^", text.strip())
        .translate(_SUPERSCRIPT)
        .replace("·", " ")
        .replace("µ", "u")
        .replace("μ", "u")
    )
    plain = _NORMAL.sub("m3", plain.replace("°", "deg").replace("**", "^").replace("*", " "))
    if len(plain) > 80:
        raise InputError(f"the unit {plain[:40]!r}… is too long", expected=_EXAMPLES)
    behind = _BEHIND.fullmatch(plain)
    if behind:
        plain = f"{behind[1]} {behind[3]}/{behind[2]}"
    if plain in ("", "-"):
        return Unit("-", Fraction(1), (), ())
    if plain == "%":
        return Unit("%", Fraction(1, 100), (), ())
    if plain in _TEMPERATURES:
        name = _TEMPERATURES[plain]
        if name in ("degC", "kelvin"):
            return Unit(plain, Fraction(1), (("kelvin", 1),), (), _CELSIUS if name == "degC" else Fraction(0))
        registry = _registry()
        zero = registry.Quantity(Fraction(0), name).to("kelvin").magnitude
        one = registry.Quantity(Fraction(1), name).to("kelvin").magnitude
        return Unit(plain, Fraction(one - zero), (("kelvin", 1),), (), Fraction(zero))
    return _Parser(plain).parse()


def without_substances(text: str) -> str:
    """Return a unit as it is written by those who name no substance.

    Parameters
    ----------
    text : str
        A unit, such as ``mg NH4/L``.

    Returns
    -------
    str
        The unit without its substances, such as ``mg/L``.
    """
    return re.sub(rf"(?<![A-Za-z])(?:as\s+)?({_SUBSTANCES})(?![A-Za-z0-9-])", "", _GLUED.sub(r"\1 ", text)).strip()


def conversion(text_from: str, text_to: str) -> tuple[float, float]:
    """Return the factor and offset that turn values in one unit into another.

    Parameters
    ----------
    text_from, text_to : str
        Units, see `parse_unit`. A side that names no substance fits any substance.

    Returns
    -------
    tuple of (float, float)
        ``y = x * factor + offset``.

    Raises
    ------
    InputError
        If they do not measure the same thing.
    """
    a, b = parse_unit(text_from), parse_unit(text_to)
    if not a.compatible(b):
        why = "they measure different substances" if a.dimension == b.dimension else "they differ in dimension"
        raise InputError(
            f"the unit {a} cannot be converted to {b}: {why}",
            expected=f"a unit that converts to {b}",
            fix="correct the unit, or what the value stands for",
        )
    return float(a.size / b.size), float((a.zero - b.zero) / b.size)


def to_internal(value: Number, unit_text: str, internal_unit_text: str) -> Number:
    """Convert a number or an array to an internal unit; see `conversion`.

    Parameters
    ----------
    value : float or ndarray, any shape
        In the unit `unit_text`.
    unit_text, internal_unit_text : str
        Units, see `parse_unit`.

    Returns
    -------
    float or ndarray, shape of `value`
        In the internal unit.

    Raises
    ------
    InputError
        If the units do not measure the same thing.
    """
    factor, offset = conversion(unit_text, internal_unit_text)
    return value * factor + offset


_QUANTITY = re.compile(r"\s*([-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)(?![0-9.])\s*(.*)", re.S)


def parse_quantity(value: str | float, internal_unit: str, *, difference: bool = False) -> float:
    """Read a number with or without a unit.

    Parameters
    ----------
    value : str or float
        ``9800``, ``"9800"`` or ``"9800 m3/h"``; without a unit it is in `internal_unit`.
    internal_unit : str
        Unit of the result.
    difference : bool
        Whether it is a difference of two values: ``"2 K"`` are then 2 degC.

    Returns
    -------
    float
        Value in `internal_unit`.

    Raises
    ------
    InputError
        If it is no number, or its unit does not fit.
    """
    expected = f"a number in {internal_unit}, or a number with its unit"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{value!r} is not a quantity", expected=expected)
    if not isinstance(value, str):
        number, unit = float(value) if abs(value) <= sys.float_info.max else np.inf, ""
    else:
        match = _QUANTITY.fullmatch(value)
        if match is None:
            raise InputError(f"{value[:60]!r} is not a quantity", expected=expected)
        number, unit = float(match[1]), match[2]
        if re.match(r",[0-9]", unit):
            fix = "write a decimal point, and nothing between thousands"
            raise InputError(f"{value[:60]!r} has a comma within the number", expected=expected, fix=fix)
    if unit.strip():
        scale = conversion(unit, internal_unit)[0]
        number = number * scale if difference else float(to_internal(number, unit, internal_unit))
    if not np.isfinite(number):
        raise InputError(f"{_short(value)} is no number that can be reckoned with", expected=expected)
    return number


def _short(value: str | float) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}… ({len(text)} characters)"
