"""24:00, by which loggers write the midnight that ends a day [1]_; strptime knows no such hour.

References
----------
.. [1] ISO 8601:2004, section 4.2.3.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["without_24"]

_PARTS = {
    "Y": r"\d{4}",
    "y": r"\d\d",
    "j": r"\d{1,3}",
    "M": "00?",
    "S": "00?",
    "f": "0+",
    "z": r"(?:Z|[+-]\d\d:?\d\d)",
    "%": "%",
}
_NUMBER, _NAME = r"\d{1,2}", r"[^\W\d_]+\.?"
_ISO = re.compile(r"(.*[T ])24(:?00(?::?00(?:[.,]0+)?)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)?)")


def without_24(text: pd.Series, form: str) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Return stamps with 00:00 for 24:00, and which of them are a day later than they say.

    Parameters
    ----------
    text : Series
        Stamps.
    form : str
        Their format: strptime codes, or ISO8601.

    Returns
    -------
    text : Series
        Stamps that strptime can read.
    late : bool array, (row,)
        Those to which a day has to be added.
    """
    late = np.zeros(len(text), dtype=bool)
    if form != "ISO8601" and "%H" not in form:
        return text, late
    suspect = text.str.contains("24", regex=False).to_numpy(dtype=bool)
    if not suspect.any():
        return text, late
    pattern = _ISO if form == "ISO8601" else _pattern(form)
    out = text.to_numpy(dtype=object, copy=True)
    for i in np.flatnonzero(suspect):
        found = pattern.fullmatch(out[i])
        if found:
            out[i], late[i] = f"{found[1]}00{found[2]}", True
    return pd.Series(out, index=text.index), late


def _pattern(form: str) -> re.Pattern[str]:
    """Return what matches a stamp whose hour is 24, with what stands before and after the hour."""
    pieces = re.split(r"%(.)", form)
    out = [re.escape(pieces[0])]
    for code, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        part = _PARTS.get(code, _NAME if code in "aAbBp" else _NUMBER)
        out.append((")24(" if code == "H" else part) + re.escape(literal))
    return re.compile("(" + "".join(out) + ")", re.ASCII if not re.search("%[aAbB]", form) else 0)
