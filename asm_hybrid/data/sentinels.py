"""Numbers that number formats and loggers write where there is no value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["FEW_LEVELS", "Sentinel", "sentinels"]

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]
Range = tuple[float | None, float | None]

COUNTS = (32767.0, 65535.0, 2147483647.0, 4294967295.0)
"""Largest values of the integers that loggers and controllers count with; each also divided by 10 and 100."""
BELOW_COUNTS = (-32768.0, -2147483648.0)
"""Their least values."""
WORDS = (9999.0, 99999.0, 999999.0, 9999.9, 99999.9)
"""Numbers by which loggers say that there is no value."""
NEGATIVE_WORDS = (-99.0, -999.0, -9999.0, -99999.0, -999999.0, -999.9, -9999.9, -6999.0, -7999.0, -8888.0)
"""The same below zero."""
WEAK_WORDS = (888.0, 999.0, 999.9, 8888.0, 88888.0, 7999.0)
"""The same, of numbers that are also read off."""

APART = 2.0
"""How many times larger than all other values such a number is."""
APART_COUNT = 1.5
"""The same for the largest value of an integer."""
APART_TWICE = 1.1
"""The same for one that stands there at least twice."""
APART_WEAK = 5.0
"""The same for a number that is also read off and stands there once; `APART` when it stands there more often."""
APART_DOUBT = 1.5
"""How many times larger, or smaller, than all others a number is that may, but need not, be such a word."""

FEW_LEVELS = 20
"""Different values up to which a series moves in steps."""


@dataclass(frozen=True)
class Sentinel:
    """A number in a series that seems to stand for no value.

    Attributes
    ----------
    word : str
        What it looks like.
    rows : bool array, (row,)
        Where it stands.
    certain : bool
        Whether it is so far from all others that it cannot be a value.
    """

    word: str
    rows: Rows
    certain: bool


def sentinels(values: Values, declared: Range | None = None) -> list[Sentinel]:
    """Return the numbers of a series that seem to stand for no value.

    Parameters
    ----------
    values : float array, (row,)
        The series, NaN where there is no value.
    declared : (float or None, float or None), optional
        Range that the user gives; what it holds is a value.

    Returns
    -------
    list of Sentinel
    """
    counts = [count / scale for count in COUNTS for scale in (1.0, 10.0, 100.0)]
    numbers = [*counts, *BELOW_COUNTS, *WORDS, *NEGATIVE_WORDS, *WEAK_WORDS]
    hits = {number: _near(values, number, above=number in counts[::3]) for number in numbers}
    rest = values[~np.logical_or.reduce(list(hits.values())) & ~np.isnan(values)]
    highest = rest.max(initial=0.0)
    lowest = rest.min() if rest.size else 0.0
    steps = np.unique(rest).size <= FEW_LEVELS
    found = []
    for number, hit in hits.items():
        if not hit.any() or _declared(number, declared):
            continue
        if number < 0:
            certain = doubtful = bool(number < APART * min(lowest, 0.0))
        else:
            weak = number in WEAK_WORDS
            apart = number > _needed(number, twice=bool(hit.sum() > 1)) * highest
            certain = bool(apart and not (weak and steps))
            doubtful = (number > APART_DOUBT * highest and (highest > 0 or not weak)) or number < lowest / APART_DOUBT
        if certain or doubtful:
            word = "the largest value of a number format" if number in counts else "a logger's word for 'no value'"
            word = "the least value of a number format" if number in BELOW_COUNTS else word
            found.append(Sentinel(word, hit, certain))
    return found


def _needed(number: float, *, twice: bool) -> float:
    """Return how many times larger than all others a number is when it is certainly no value."""
    if number in WORDS:
        return APART
    if number in WEAK_WORDS:
        return APART if twice else APART_WEAK
    return APART_TWICE if twice else APART_COUNT


def _near(values: Values, number: float, *, above: bool) -> Rows:
    """Return which values are a number, or, of a count, between it and the next or the one before."""
    if not above:
        return np.asarray(np.abs(values - number) <= 1e-7 * abs(number))
    return np.asarray(np.abs(values - number) <= np.maximum(1.0, 1e-7 * number))


def _declared(value: float, declared: Range | None) -> bool:
    """Return whether the user's range, closed at the value's side, holds the value."""
    if declared is None:
        return False
    lower, upper = declared
    if value < 0:
        return lower is not None and lower <= value
    return upper is not None and value <= upper
