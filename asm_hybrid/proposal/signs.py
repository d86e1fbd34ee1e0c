"""The decimal sign of a file of text, and the sign between thousands."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice

import pandas as pd

__all__ = ["find_signs"]

LOOK = 5000
"""Cells of a column that are looked at."""
_BOTH = re.compile(r"[<>]?\s*[-+]?\d{1,3}(?:([.,' \u00a0\u2009\u202f])\d{3})+([.,])\d+")
_ONE = re.compile(r"[<>]?\s*[-+]?\d+([.,])\d+")
_GROUPS = re.compile(r"[<>]?\s*[-+]?[1-9]\d{0,2}(?:([.,' \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*")


def find_signs(cells: pd.DataFrame) -> tuple[str, str]:
    """Return decimal sign and sign between thousands.

    Parameters
    ----------
    cells : DataFrame
        A table, by position; only its cells of text tell.

    Returns
    -------
    (str, str)
        The second is empty where nothing stands between thousands. A sign that always stands before three digits, and
        beside no other sign, is taken for the decimal one.
    """
    decimal: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    texts = (cells.iloc[:, i] for i in range(cells.shape[1]) if cells.dtypes.iloc[i].kind == "O")
    for cell in (c.strip() for text in texts for c in islice(text, LOOK) if isinstance(c, str)):
        if (found := _BOTH.fullmatch(cell)) and found[1] != found[2]:
            decimal[found[2]] += 1
            thousands[" " if found[1].isspace() else found[1]] += 1
        elif found := _GROUPS.fullmatch(cell):
            groups[" " if found[1].isspace() else found[1]] += 1
        elif found := _ONE.fullmatch(cell):
            decimal[found[1]] += 1
    alone = "," if groups[","] and not groups["."] else "."
    sign = decimal.most_common(1)[0][0] if decimal else alone
    others = thousands or Counter({mark: count for mark, count in groups.items() if mark != sign})
    return sign, others.most_common(1)[0][0] if others else ""
