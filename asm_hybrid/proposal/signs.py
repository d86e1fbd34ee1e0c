"""The decimal sign of a file of text, and the sign between thousands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import pandas as pd

__all__ = ["Signs", "find_signs"]

LOOK = 5000
"""Cells of a column that are looked at."""
SPREAD = 100.0
"""Ratio of the largest and the smallest number that numbers above 999 alone do not have."""
_BOTH = re.compile(r"[<>]?\s*[-+]?\d{1,3}(?:([.,' \u00a0\u2009\u202f])\d{3})+([.,])\d+")
_ONE = re.compile(r"[<>]?\s*[-+]?\d+([.,])\d+")
_GROUPS = re.compile(r"[<>]?\s*[-+]?[1-9]\d{0,2}(?:([.,' \u00a0\u2009\u202f])\d{3})(?:\1\d{3})*")


@dataclass(frozen=True)
class Signs:
    """How a table writes numbers.

    Attributes
    ----------
    decimal, thousands : str
        The decimal sign, and the sign between thousands; empty where there is none.
    doubt : str
        A number such as 8.123, where nothing in the table tells whether its sign parts thousands; empty where all is
        clear.
    column : int
        The column in which it stands.
    """

    decimal: str
    thousands: str
    doubt: str = ""
    column: int = 0


def find_signs(cells: pd.DataFrame, given: str | None = None) -> Signs:
    """Return decimal sign and sign between thousands.

    Parameters
    ----------
    cells : DataFrame
        A table, by position; only its cells of text tell.
    given : str, optional
        The decimal sign, where the user tells it.

    Returns
    -------
    Signs
        A sign that always stands before three digits, and beside no other sign, stands before decimals where a number
        above 999 of the same column has none, or where all numbers have three digits behind it and differ a
        hundredfold.
    """
    decimal: Counter[str] = Counter()
    thousands: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    doubts: dict[str, tuple[str, int]] = {}
    for i, cell in _texts(cells):
        if (found := _BOTH.fullmatch(cell)) and found[1] != found[2]:
            decimal[found[2]] += 1
            thousands[" " if found[1].isspace() else found[1]] += 1
        elif found := _GROUPS.fullmatch(cell):
            mark = " " if found[1].isspace() else found[1]
            (thousands if cell.count(found[1]) > 1 else groups)[mark] += 1
            doubts.setdefault(mark, (cell, i))
        elif found := _ONE.fullmatch(cell):
            decimal[found[1]] += 1
    doubt = ("", 0)
    if given or decimal:
        sign = given or decimal.most_common(1)[0][0]
    elif thousands["."] or thousands[","]:
        sign = "," if thousands["."] else "."
    else:
        sign = "," if groups[","] and not groups["."] else "."
        doubt = doubts.get(sign, doubt)
        if doubt[0] and (_above_999(cells.iloc[:, doubt[1]]) or _three_decimals(cells, sign)):
            doubt = ("", 0)
    others = Counter({mark: count for mark, count in (thousands + groups).items() if mark != sign})
    return Signs(sign, others.most_common(1)[0][0] if others else "", *doubt)


def _texts(cells: pd.DataFrame) -> Iterable[tuple[int, str]]:
    """Yield cells of text, each with its column."""
    for i in range(cells.shape[1]):
        if cells.dtypes.iloc[i].kind == "O":
            yield from ((i, cell.strip()) for cell in islice(cells.iloc[:, i], LOOK) if isinstance(cell, str))


def _above_999(column: pd.Series) -> bool:
    """Return whether a number of four digits stands there without a sign."""
    return any(isinstance(cell, str) and re.fullmatch(r"[-+]?\d{4,}", cell.strip()) for cell in islice(column, LOOK))


def _three_decimals(cells: pd.DataFrame, sign: str) -> bool:
    """Return whether all numbers are written with three digits behind a sign, small ones and large ones."""
    numbers = [cell for _, cell in _texts(cells) if re.fullmatch(r"[-+]?[\d.,]+", cell)]
    if not all(_GROUPS.fullmatch(cell) for cell in numbers):
        return False
    sizes = [abs(float(cell.replace(sign, "."))) for cell in numbers if sign in cell]
    return max(sizes) >= SPREAD * min(sizes)
