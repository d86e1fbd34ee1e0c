"""By how much a model errs less than the best baseline, with an interval from a bootstrap over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Improvement", "improvement"]

DRAWS = 2000
LEVEL = 0.9
"""Share of the draws inside the interval [-]."""
FEWEST = 5
"""Days with measurements below which there is no interval."""


@dataclass(frozen=True)
class Improvement:
    """Change of the RMSE against a baseline on one block.

    Attributes
    ----------
    low, high : float
        Limits of the change [%]; below zero where the model is better.
    days, block : int
        Days with measurements, and length of the blocks that are drawn [d].
    """

    low: float
    high: float
    days: int
    block: int


def improvement(times: np.ndarray, own: np.ndarray, baseline: np.ndarray) -> Improvement | None:
    """Return the interval of the change of the RMSE by a moving-block bootstrap.

    Errors persist from sample to sample, so blocks of whole days are drawn with replacement, both models on the same
    ones. Their length is the cube root of the number of days (Hall, Horowitz and Jing 1995 [1]_), rounded. The RMSE of
    a model is the median over its seeds, in every draw.

    Parameters
    ----------
    times : ndarray, shape (sample,)
        Times of the measurements [d].
    own, baseline : ndarray, shape (seed, sample)
        Predicted minus measured.

    Returns
    -------
    Improvement or None
        None where fewer than `FEWEST` days have measurements, an error is not finite, or a baseline has none.

    References
    ----------
    .. [1] P. Hall, J. L. Horowitz, B.-Y. Jing (1995), "On blocking rules for the bootstrap with dependent data",
       Biometrika 82, 561-574, https://doi.org/10.1093/biomet/82.3.561.
    """
    day = np.floor(times - times.min()).astype(int)
    present, day = np.unique(day, return_inverse=True)
    days = len(present)
    if days < FEWEST or not (np.isfinite(own).all() and np.isfinite(baseline).all()):
        return None
    block = round(days ** (1 / 3))
    rng = np.random.default_rng(0)
    first = rng.integers(0, days - block + 1, (DRAWS, -(-days // block)))
    drawn = (first[..., None] + np.arange(block)).reshape(DRAWS, -1)[:, :days]
    count = np.bincount(day, minlength=days)[drawn].sum(1)

    def rmse(errors: np.ndarray) -> np.ndarray:
        daily = np.stack([np.bincount(day, e**2, days) for e in errors])
        return np.asarray(np.median(np.sqrt(daily[:, drawn].sum(-1) / count), axis=0))

    with np.errstate(over="ignore", invalid="ignore"):
        change = 100 * (rmse(own) / np.maximum(rmse(baseline), 1e-300) - 1)
        low, high = np.quantile(change, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if not np.isfinite([low, high]).all():
        return None
    return Improvement(float(low), float(high), days, block)
