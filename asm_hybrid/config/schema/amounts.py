"""Numbers of a config that may carry a unit: durations, volumes, flows, temperatures, aeration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from asm_hybrid.config.schema.section import refuse
from asm_hybrid.errors import InputError
from asm_hybrid.units import parse_quantity

__all__ = [
    "NOISE",
    "TEMPERATURES",
    "Aeration",
    "Air",
    "Amount",
    "Duration",
    "Flow",
    "Saturation",
    "Shift",
    "Temperature",
    "Volume",
    "duration",
    "duration_text",
]

MAX_SATURATION = 75.0
"""Largest saturation of oxygen that is accepted [g/m³]: that of air is 14.6 at 0 degC, of pure oxygen five times it."""
TEMPERATURES = (-5, 60)
"""Temperatures that water of a plant can have [degC]."""


def _reader(unit: str, example: str) -> Callable[[Any], float]:
    """Return a validator that reads a number, or a text with number and unit, into `unit`."""
    expected = f"a number in {unit}, or a text such as {example!r}"

    def read(value: Any) -> float:
        """Read a number, or a text with number and unit.

        Parameters
        ----------
        value : float or str
            As the user wrote it.

        Returns
        -------
        float
            In the unit of this reader: [d] for a duration.

        Raises
        ------
        PydanticCustomError
            If it is no number, or its unit does not fit.
        """
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise refuse(f"the value is {value!r}", expected)
        try:
            return parse_quantity(value, unit)
        except InputError as error:
            raise refuse(error.found, error.expected or expected, error.fix or "") from None

    return read


def _schema(unit: str, example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": ["number", "string"], "description": f"[{unit}], or text with a unit", "examples": [example]}
    )


def duration_text(days: float) -> float | str:
    """Return a duration the way a person writes it, when that reads back to the same number.

    Parameters
    ----------
    days : float
        Duration [d].

    Returns
    -------
    str or float
        For instance ``"15 min"``; the number of days when no such text is exact.
    """
    for unit, per_day in (("d", 1), ("h", 24), ("min", 1440), ("s", 86400)):
        count = round(days * per_day)
        text = f"{count} {unit}"
        if count > 0 and parse_quantity(text, "d") == days:
            return text
    return days


duration = _reader("d", "15 min")
"""Read a duration as the user writes it [d]."""
LONGEST = 36525.0
"""A century, above which no duration of a plant makes sense [d]."""
LONGEST_SHIFT = 366.0
"""A year, beyond which stamps are not shifted but wrong [d]."""
Duration = Annotated[
    float,
    BeforeValidator(duration),
    Field(ge=0, le=LONGEST),
    PlainSerializer(duration_text),
    _schema("d", "15 min"),
]
Shift = Annotated[
    float,
    BeforeValidator(duration),
    Field(ge=-LONGEST_SHIFT, le=LONGEST_SHIFT),
    PlainSerializer(duration_text),
    _schema("d", "1 d"),
]
"""A time by which stamps are moved, later or earlier [d]."""
_saturation = _reader("g O2/m3", "8 mg/L")


def _formula(value: Any) -> float | str:
    return "bsm2" if value == "bsm2" else _saturation(value)


def _positive(value: float | str) -> float | str:
    if isinstance(value, float) and not 0 < value <= MAX_SATURATION:
        raise refuse(
            f"the saturation is {value:g} g/m3",
            f"a concentration above 0, up to {MAX_SATURATION:g} g/m3, or the word bsm2",
            "correct the unit",
        )
    return value


Saturation = Annotated[
    float | Literal["bsm2"],
    BeforeValidator(_formula),
    AfterValidator(_positive),
    _schema("g O2/m3, or 'bsm2'", "8 mg/L"),
]
"""A constant saturation of oxygen [g/m³], or the formula of BSM2."""
LARGEST = 1e9
"""Largest volume [m³] and flow [m³/d]: a cubic kilometre, and many times the sewage of any city."""
Volume = Annotated[float, BeforeValidator(_reader("m3", "1000 m3")), Field(gt=0, le=LARGEST), _schema("m3", "1000 m3")]
Flow = Annotated[
    float, BeforeValidator(_reader("m3/d", "9800 m3/h")), Field(ge=0, le=LARGEST), _schema("m3/d", "9800 m3/h")
]
Temperature = Annotated[
    float,
    BeforeValidator(_reader("degC", "15 degC")),
    Field(ge=TEMPERATURES[0], le=TEMPERATURES[1]),
    _schema("degC", "15 degC"),
]


def _measured(unit: str, example: str, what: str) -> Callable[[Any], float | str]:
    """Return a validator that reads a quantity of zero or above, or the word 'measured'."""

    def read(value: Any) -> float | str:
        rate = value if value == "measured" else _reader(unit, example)(value)
        if isinstance(rate, float) and rate < 0:
            raise refuse(f"the value is {value!r}", f"{what} of zero or above, or 'measured'")
        return rate

    return read


Aeration = Annotated[
    float | Literal["measured"],
    BeforeValidator(_measured("1/d", "120 1/d", "a kLa")),
    _schema("1/d, or 'measured'", "120 1/d"),
]
"""A constant kLa [1/d], or ``"measured"``: a column of the data gives it."""
Air = Annotated[
    float | Literal["measured"],
    BeforeValidator(_measured("m3/d", "4000 m3/h", "an air flow")),
    _schema("m3/d, or 'measured'", "4000 m3/h"),
]
"""A constant air flow [m³/d at 0 °C and 1 atm], or ``"measured"``."""


def _amount(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refuse(f"the value is {value!r}", "a number, or a text with number and unit such as '7 mol/m3'")
    return value if isinstance(value, str) else float(value)


Amount = Annotated[
    float | str,
    BeforeValidator(_amount),
    WithJsonSchema({"type": ["number", "string"], "description": "in the table's unit, or text with a unit"}),
]
"""A number in the unit that the kinetics table gives the name, or a text with its own unit."""
NOISE = (
    "Noise of the states of tanks, for the square root of a day: by COMPONENT for all tanks or TANK.COMPONENT, as an "
    "amount such as 0.2 g/m3, or as a share of the state such as 5 %."
)
"""What a section ``process_noise`` holds, in words."""
