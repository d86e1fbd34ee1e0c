"""Which cases belong together, and what intervals may be told from them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.stats import beta, binom

from asm_hybrid.errors import InputError
from asm_hybrid.studies.result import StudyResult

__all__ = [
    "CONFIDENCE",
    "DRAWN",
    "RESAMPLES",
    "block_size",
    "independent",
    "quantile_interval",
    "resampled",
    "share_interval",
    "whole_blocks",
]

CONFIDENCE = 0.95
"""Of every interval that is told [-]."""
RESAMPLES = 1000
"""Draws of a bootstrap."""
DRAWN = ("latin_hypercube", "sobol", "sobol_indices", "list")
"""Designs whose cases are draws from the distributions of the factors, those of a list by the word of its author."""
MANY, FEWER = 2000, 250
"""Cases from which on a bootstrap makes fewer draws, and how many: ends of intervals are told well enough by these."""
_CHUNK = 2_000_000
"""Numbers that a bootstrap holds at a time."""


def block_size(result: StudyResult) -> int:
    """Return the number of cases that are worth something together only.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    int
        One for designs whose cases stand alone.

    Raises
    ------
    InputError
        When the design is not made of whole blocks.
    """
    groups = len(dict.fromkeys(result.dimensions))
    if result.method == "morris":
        size = groups + 1
    elif result.method == "sobol_indices":
        size = (2 * groups if result.second_order else groups) + 2
    else:
        return 1
    cases = len(result.outcomes)
    if result.cube is None or result.cube.shape != (cases, len(result.dimensions)) or not groups or cases % size:
        raise InputError(
            f"the design {result.method} has {cases} cases in {groups} factors, which are no whole blocks",
            where=f"study {result.name}",
            expected=f"blocks of {size} cases, and their places in the unit cube",
            fix="let asm-hybrid sweep make the design",
        )
    return size


def whole_blocks(result: StudyResult, values: np.ndarray) -> np.ndarray:
    """Return the blocks in which every case gives a value.

    Parameters
    ----------
    result : StudyResult
        The study.
    values : ndarray, shape (case,)
        One figure of all cases; NaN where there is none.

    Returns
    -------
    ndarray, shape (block, case in a block)
        Numbers of the cases.
    """
    cases = np.arange(values.size).reshape(-1, block_size(result))
    return np.asarray(cases[np.isfinite(values)[cases].all(axis=1)])


def independent(result: StudyResult, values: np.ndarray) -> int:
    """Return how many independent draws the values are worth at least.

    Parameters
    ----------
    result : StudyResult
        The study.
    values : ndarray, shape (case,)
        One figure of all cases; NaN where there is none.

    Returns
    -------
    int
        The cases that give a value; those of one block, which share their factors, count once. Zero for designs whose
        cases are not drawn.
    """
    if result.method not in DRAWN:
        return 0
    return int(np.isfinite(values).reshape(-1, block_size(result)).any(axis=1).sum())


def quantile_interval(values: np.ndarray, probability: float, count: int) -> tuple[float, float]:
    """Return the interval of a quantile, by order statistics [1]_.

    Parameters
    ----------
    values : ndarray, shape (case,)
        Finite values.
    probability : float
        Of the quantile [-].
    count : int
        Independent draws that the values are worth.

    Returns
    -------
    float, float
        An end is NaN where the draws are too few to tell it.

    References
    ----------
    .. [1] G. J. Hahn and W. Q. Meeker (1991), Statistical Intervals, section 5.2.
    """
    if count == 0:
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    first, last = binom.ppf(tail, count, probability), binom.ppf(1 - tail, count, probability) + 1
    ordered, each = np.sort(values), values.size / count
    low = ordered[math.floor((first - 1) * each)] if first >= 1 else np.nan
    high = ordered[min(math.ceil(last * each), values.size) - 1] if last <= count else np.nan
    return float(low), float(high)


def share_interval(hits: float, count: int) -> tuple[float, float]:
    """Return the interval of a share, after Clopper and Pearson [1]_.

    Parameters
    ----------
    hits : float
        Draws that count.
    count : int
        All independent draws.

    Returns
    -------
    float, float
        Shares [-]; NaN without draws.

    References
    ----------
    .. [1] C. J. Clopper and E. S. Pearson (1934), Biometrika 26, 404-413. https://doi.org/10.1093/biomet/26.4.404
    """
    if count == 0:
        return np.nan, np.nan
    tail = (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, hits, count - hits + 1) if hits > 0 else 0.0
    high = beta.ppf(1 - tail, hits + 1, count - hits) if hits < count else 1.0
    return float(low), float(high)


def resampled(statistic: Callable[[np.ndarray], np.ndarray], count: int, seed: int) -> np.ndarray:
    """Return a statistic of blocks drawn again with replacement.

    Parameters
    ----------
    statistic : callable
        Takes how often each block is drawn, of shape (draw, block), and gives an array with the draws first.
    count : int
        Blocks.
    seed : int
        Fixes the draws.

    Returns
    -------
    ndarray, shape (2, ...)
        Ends of the interval, by percentiles; NaN with fewer than two blocks.
    """
    rng, step = np.random.default_rng([abs(seed), count]), max(1, _CHUNK // max(count, 1))
    resamples = RESAMPLES if count <= MANY else FEWER
    found = []
    for first in range(0, resamples, step):
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=min(step, resamples - first))
        found.append(statistic(drawn.astype(float)))
    tail = (1 - CONFIDENCE) / 2
    ends = np.nanquantile(np.concatenate(found), [tail, 1 - tail], axis=0)
    return ends if count > 1 else np.full_like(ends, np.nan)
