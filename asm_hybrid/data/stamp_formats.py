"""Formats of stamps: reading by one, and which of the usual ones read a column."""

from __future__ import annotations

import re
from collections import Counter

import pandas as pd

from asm_hybrid.data.midnight import without_24

__all__ = ["fitting_formats", "read_formatted", "with_offset"]

_DATES = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%Y%m%d",
    "%Y年%m月%d日",
)
_CLOCKS = (
    " %H:%M:%S",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M",
    " %I:%M:%S %p",
    " %I:%M %p",
    " %H:%M:%S.%f",
    " %H.%M",
    " %Hh%M",
    "",
)
_COMMON = (*(date + clock for clock in _CLOCKS for date in _DATES), "%Y%m%d%H%M%S", "%Y%m%d%H%M")
"""Formats that are suggested, never assumed."""
_SIGNS = {form: Counter(re.sub(r"%.|\s", "", form)) for form in _COMMON}
"""What a stamp of each of them has between its numbers and names."""
_SHORT_OFFSET = r"((?::\d\d(?:[.,]\d+)?|T\d\d(?:\d\d){0,2})\s*[+-]\d\d)$"
_OFFSET = r"(?::\d\d(?:[.,]\d+)?|T\d\d(?:\d\d){0,2})\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"
"""Offset from UTC at the end of a stamp, after its time of day: Z, +02, +0200, +02:00."""
FIRST = 100
"""Stamps on which a format is tried first."""


def read_formatted(text: pd.Series, form: str, *, utc: bool) -> pd.Series:
    """Return the stamps that texts in one format tell; 24:00 is the midnight that follows.

    Parameters
    ----------
    text : Series
        Stamps.
    form : str
        strptime codes, or ISO8601.
    utc : bool
        Whether they carry offsets.

    Returns
    -------
    Series
        NaT where a text does not fit the format.

    Raises
    ------
    ValueError
        If some stamps carry an offset, and others do not.
    """
    if utc:
        text = text.str.replace(_SHORT_OFFSET, r"\1:00", regex=True)
        text = text.str.replace(r"\s+(?=[+-][\d:]+$)", "", regex=True) if form == "ISO8601" else text
    text, late = without_24(text, form)
    stamps = pd.to_datetime(text, format=form, errors="coerce", utc=utc)
    if not utc and not pd.api.types.is_datetime64_dtype(stamps.dtype):
        raise ValueError("some stamps carry an offset from UTC")
    return stamps.where(~late, stamps + pd.Timedelta(days=1)) if late.any() else stamps


def with_offset(text: pd.Series) -> pd.Series:
    """Return which stamps carry an offset from UTC.

    Parameters
    ----------
    text : Series
        Stamps.

    Returns
    -------
    Series of bool
    """
    return text.str.contains(_OFFSET, regex=True)


def fitting_formats(text: pd.Series) -> list[str]:
    """Return the usual formats that read every stamp.

    Parameters
    ----------
    text : Series
        Stamps.

    Returns
    -------
    list of str
        strptime codes, or ISO8601 where no other fits; empty where none does.
    """

    def reads(cells: pd.Series, candidate: str) -> bool:
        try:
            return not read_formatted(cells, candidate, utc=True).isna().any()
        except (ValueError, TypeError, OverflowError):
            return False

    found = [c for c in _likely(text) if reads(text.iloc[:FIRST], c) and reads(text, c)]
    return found or (["ISO8601"] if reads(text, "ISO8601") else [])


def _likely(text: pd.Series) -> list[str]:
    """Return the usual formats of which the first stamp has all signs; the others cannot read it."""
    signs = Counter("" if text.empty else str(text.iloc[0]).lower())
    return [form for form in _COMMON if all(signs[sign.lower()] >= count for sign, count in _SIGNS[form].items())]
