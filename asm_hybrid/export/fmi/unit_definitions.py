"""Units as the standard defines them: a name, exponents of SI base units, a factor and an offset."""

from __future__ import annotations

from dataclasses import dataclass

from asm_hybrid.units import parse_unit

__all__ = ["UnitDefinition", "define_unit"]

_BASE = {
    "gram": "kg",
    "meter": "m",
    "second": "s",
    "ampere": "A",
    "kelvin": "K",
    "mole": "mol",
    "candela": "cd",
    "radian": "rad",
}


@dataclass(frozen=True)
class UnitDefinition:
    """A unit of a model description.

    Attributes
    ----------
    name : str
        As variables refer to it.
    exponents : tuple of (str, int)
        Of the base units ``kg``, ``m``, ``s``, ``A``, ``K``, ``mol``, ``cd`` and ``rad``.
    factor, offset : float
        A value times the factor plus the offset is the value in base units.
    """

    name: str
    exponents: tuple[tuple[str, int], ...]
    factor: float
    offset: float


def define_unit(text: str, *, per_second: bool = False) -> UnitDefinition | None:
    """Return the definition of a unit, in which substances do not show.

    Parameters
    ----------
    text : str
        The unit, such as ``g COD/m3``.
    per_second : bool
        Whether the unit of a rate of change in time is asked for, ``(g COD/m3)/s``.

    Returns
    -------
    UnitDefinition or None
        None for a pure number.

    Raises
    ------
    InputError
        If the unit cannot be read.
    """
    unit = parse_unit(text)
    exponents = {_BASE[root]: n for root, n in unit.dimension if root in _BASE}
    factor, offset = float(unit.size) * 1e-3 ** exponents.get("kg", 0), float(unit.zero)
    if per_second:
        exponents["s"] = exponents.get("s", 0) - 1
        name = f"{text}/s" if text.isalnum() else f"({text})/s"
        return UnitDefinition("1/s" if text in ("", "-") else name, _sorted(exponents), factor, 0.0)
    if not exponents and factor == 1.0:
        return None
    return UnitDefinition(text, _sorted(exponents), factor, offset)


def _sorted(exponents: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((base, exponents[base]) for base in _BASE.values() if exponents.get(base))
