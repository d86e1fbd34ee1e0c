"""How a file tells the time: columns, format, unit, zone; and times in the config."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from asm_hybrid.config.schema.amounts import Shift
from asm_hybrid.config.schema.section import Section, refuse

__all__ = ["YEARS", "Stamp", "TimeSection", "stamp"]

YEARS = (1900, 2200)
"""Years of a record; nanoseconds since 1970 in 64 bits, in which series are kept, reach little further."""
ORIGINS = (1800, YEARS[1])
"""Years of an origin of numeric time, which spreadsheets set to 1899 and astronomers to 1858."""

_OFFSET = re.compile(r"[+-](\d\d):([0-5]\d)", re.ASCII)
_REVERSED = re.compile(r"Etc/GMT([+-])(\d{1,2})")
_SHIFTING = {"WET": 0, "CET": 1, "MET": 1, "EET": 2}
"""Names of a standard time that the tz database gives to places with summer time, with the hours of their offset."""

_NO_PLACE = ("localtime", "posixrules", "Factory")
"""Files of the tz database that are zones of no place."""

_DATE = (("Y", "y"), ("m", "b", "B", "j"), ("d", "j"))
_DIRECTIVES = frozenset("YymbBdjHIpMSfzaA%")
"""Codes of strptime that tell an instant by themselves, in any language of the machine but for names of months."""


def _zone(value: str) -> str:
    offset, reverse = _OFFSET.fullmatch(value), _REVERSED.fullmatch(value)
    if offset and int(offset[1]) <= 14:
        return value
    if value in _SHIFTING:
        fixed = f"+{_SHIFTING[value]:02d}:00"
        raise refuse(
            f"the time zone {value!r} can be meant in two ways: always {fixed}, or with summer time",
            f"an offset such as '{fixed}', or a place such as Europe/Amsterdam",
            f"write '{fixed}' if the logger does not shift in summer, the place of the plant if it does "
            f"(the tz database gives {value} summer time)",
        )
    if reverse and int(reverse[2]):
        ahead = "-" if reverse[1] == "+" else "+"
        hours = f"{int(reverse[2]):02d}:00"
        raise refuse(
            f"the time zone {value!r} has the sign that the tz database reverses: it is {ahead}{hours}",
            "an offset such as '+01:00', or a place such as Europe/Amsterdam",
            f"write '+{hours}' for a time ahead of UTC, '-{hours}' for one behind",
        )
    if value in _NO_PLACE or value.startswith(("right/", "posix/")):
        raise refuse(
            f"the time zone {value!r} is that of no place: it means something else on every machine, or nothing",
            "UTC, a place such as Europe/Amsterdam, or an offset such as '+01:00'",
        )
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise refuse(
            f"the time zone {value!r} is not known",
            "a name such as UTC or Europe/Amsterdam, or an offset such as '+01:00'",
            "a logger that does not shift in summer has an offset, for instance '+01:00'",
        ) from None
    return value


def _time_format(value: str) -> str:
    if value == "ISO8601":
        return value
    if "%" not in value:
        raise refuse(
            f"the time format is {value!r}",
            "strptime codes such as '%Y-%m-%d %H:%M:%S', or ISO8601",
            "'mixed' and guessed formats are not accepted: they read 03/04 and 13/04 as March and April",
        )
    fault = _format_fault(re.findall(r"%(.?)", value, re.DOTALL))
    if fault:
        raise refuse(
            f"the time format {value!r} {fault[0]}",
            "strptime codes for date and time, each once, such as '%Y-%m-%d %H:%M:%S'",
            fault[1],
        )
    return value


def _format_fault(codes: list[str]) -> tuple[str, str] | None:
    """Return what is wrong with the codes of a format, and the fix."""
    known = ", ".join(f"%{c}" for c in sorted(_DIRECTIVES - {"%"}))
    for code, count in Counter(codes).items():
        if code not in _DIRECTIVES:
            fix = {
                "Z": "names of zones are ambiguous: leave them out of the file, and set zone; %z reads +01:00",
                "-": "%d, %m and %H read numbers with and without a leading zero",
                "T": "write %H:%M:%S",
                "s": "for seconds since 1970 remove format, and set unit: s and origin: '1970-01-01'",
            }.get(code, f"use {known}")
            return f"has the code '%{code}', which is not read", fix
        if count > 1 and code != "%":
            minute = " (%M is the minute, %m the month)" if code in "mM" else ""
            return f"has the code %{code} twice", f"keep one of the two{minute}"
    for options in _DATE:
        if not set(options) & set(codes):
            listed = " or ".join(f"%{c}" for c in options)
            return f"does not tell the date: it lacks {listed}", (
                f"add {listed}; where another column holds the date, set column: [DATE, TIME]"
            )
    for one, other in (("Y", "y"), ("H", "I"), ("b", "B"), ("m", "b"), ("m", "B"), ("j", "m"), ("j", "d"), ("H", "p")):
        if one in codes and other in codes:
            fix = "%I is the hour from 1 to 12, with %p; %H from 0 to 23, without" if one == "H" else "keep one of them"
            return f"has both %{one} and %{other}", fix
    if ("I" in codes) != ("p" in codes):
        return "has %I without %p" if "I" in codes else "has %p without %I", "add the other, or use %H"
    return None


def _columns(value: Any) -> Any:
    if isinstance(value, str):
        return value
    pair = isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)
    if not pair or value[0] == value[1]:
        raise refuse(
            "the time column is no header",
            "the header of one column, or two as in [Date, Time]",
            "put it between quotes",
        )
    return tuple(value)


def stamp(value: str, years: tuple[int, int] = YEARS) -> str:
    """Return a time of the config, after checking that it is one.

    Parameters
    ----------
    value : str
        The time, in ISO 8601.
    years : (int, int)
        The first year that is accepted, and the one after the last.

    Returns
    -------
    str
        The same text.

    Raises
    ------
    PydanticCustomError
        If it is no time, or lies in another year.
    """
    try:
        year = datetime.fromisoformat(value).year
    except ValueError:
        raise refuse(f"the time is {value!r}", "a time such as '2021-06-01' or '2021-06-01 12:00'") from None
    if not years[0] <= year < years[1]:
        raise refuse(f"the time is {value!r}", f"a time in the years {years[0]} to {years[1] - 1}")
    return value


Zone = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
Stamp = Annotated[str, AfterValidator(stamp)]
Origin = Annotated[str, AfterValidator(lambda value: stamp(value, ORIGINS))]
Columns = Annotated[
    str | tuple[str, str],
    BeforeValidator(_columns),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}]}
    ),
]
"""Header of the time column, or of date and time."""


class TimeSection(Section):
    """How a file says when a sample was taken: as text (``format``) or as a number (``unit``, ``origin``).

    Attributes
    ----------
    column : str or (str, str)
        Header of time, or those of date and time.
    format : str or None
        strptime codes, or ``"ISO8601"``.
    unit, origin : str or None
        Of time given as a number: its unit, and the stamp at zero.
    zone : str or None
        Zone of stamps or origin.
    shift : float
        Added to every stamp [d].
    """

    column: Columns = Field(
        description="Name of the time column; [DATE, TIME] where two columns tell the time, one space then joins their "
        "cells."
    )
    format: TimeFormat | None = Field(
        default=None, description="Format of stamps given as text: strptime codes, or ISO8601."
    )
    unit: Literal["d", "h", "min", "s", "ms", "us", "ns"] | None = Field(
        default=None, description="Unit of time given as a number."
    )
    origin: Origin | None = Field(default=None, description="Stamp at which numeric time is zero.")
    zone: Zone | None = Field(
        default=None,
        description="Time zone of the stamps, or of the origin: UTC, Europe/Amsterdam, '+01:00'. "
        "Needed unless every stamp carries its own offset.",
    )
    shift: Shift = Field(
        default=0.0,
        description="Added to every stamp [d]: '1 d' where a composite carries the date of its begin, '8 h' where "
        "samples are taken at eight and carry a date alone, '-5 min' for a clock that is fast.",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """The one column of time, or those of date and time."""
        return (self.column,) if isinstance(self.column, str) else self.column

    @property
    def label(self) -> str:
        """The columns, for messages."""
        return " + ".join(self.columns)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.unit and self.format:
            raise refuse(
                "the time has both a format and a unit",
                "a format for stamps given as text, or unit and origin for numbers",
                "remove one of the two",
            )
        if (self.unit is None) != (self.origin is None):
            lacks = "origin" if self.unit else "unit"
            raise refuse(
                f"numeric time lacks {lacks!r}",
                "both, for instance unit: d and origin: '2021-05-05 11:57:00'",
                f"add {lacks!r}",
            )
        if self.unit and len(self.columns) > 1:
            raise refuse(
                "numeric time stands in two columns", "one column of numbers, or date and time as text with a format"
            )
        return self
