"""What earlier forecasts of a horizon erred by: the correction of the next ones, and their bands.

Forecasts of one variable and one horizon stand in the order of their origins. The error of one is known from the time
of its sample on, and no earlier.
"""

from __future__ import annotations

import numpy as np

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.training.bands import HALF_WIDTH, LEVEL
from asm_hybrid.training.updating import latest

__all__ = ["corrected", "correction_share", "radius"]

PRIOR = 24
"""Forecasts, each from an innovation as large as the sensor's error, that speak for no correction."""
RATE = 0.2
"""Step of the radius, as a share of the size that 90 % of the recent errors do not exceed [-]."""
RECENT = 100
"""Errors of which that is taken."""


def corrected(
    forecast: np.ndarray,
    innovation: np.ndarray,
    measured: np.ndarray,
    censored: np.ndarray,
    origin: np.ndarray,
    time: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Return forecasts moved by the share of the innovation that earlier forecasts erred by.

    What the model lacks goes on after its states were set to the measurements, so part of its error comes back. The
    share is the slope of measured minus forecast over the innovation at the origin, by least squares without intercept
    over all forecasts known at the origin, with a ridge, and between 0 and 1. It is updating of the output, as in
    Refsgaard 1997 [1]_, with a slope for each horizon.

    Parameters
    ----------
    forecast : ndarray, shape (member, target)
        Forecasts from updated states.
    innovation : ndarray, shape (member, target)
        Measured minus simulated in open loop, at the last sample before the origin; zero where that is too old.
    measured, censored : ndarray, shape (target,)
        Measurements, and where they are a limit of the sensor.
    origin, time : ndarray, shape (target,)
        Times of the origins, ascending, and of the samples [d].
    noise : float
        Standard deviation of the sensor's error.

    Returns
    -------
    ndarray, shape (member, target)
        Not moved below zero.

    References
    ----------
    .. [1] J. C. Refsgaard (1997), "Validation and intercomparison of different updating procedures for real-time
       forecasting", Nordic Hydrology 28, 65-84, https://doi.org/10.2166/nh.1997.0005.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a member that diverged stays undefined
        share = correction_share(forecast, innovation, measured, censored, origin, time, noise)
        return np.asarray(np.maximum(forecast + share * innovation, np.minimum(forecast, 0.0)))


def correction_share(
    forecast: np.ndarray,
    innovation: np.ndarray,
    measured: np.ndarray,
    censored: np.ndarray,
    origin: np.ndarray,
    time: np.ndarray,
    noise: float,
) -> np.ndarray:
    """Return by which share of its innovation each forecast is moved; see `corrected`.

    Parameters
    ----------
    forecast, innovation : ndarray, shape (member, target)
        See `corrected`.
    measured, censored, origin, time : ndarray, shape (target,)
        See `corrected`; what was measured after the last origin counts for nothing.
    noise : float
        Standard deviation of the sensor's error.

    Returns
    -------
    ndarray, shape (member, target)
    """
    order, known = _known(origin, time)
    with np.errstate(over="ignore", invalid="ignore"):
        error = -censored_error(forecast - measured, censored)
        product, square = (_sums((x * innovation)[:, order])[:, known] for x in (error, innovation))
        return np.asarray(np.clip(product / (square + PRIOR * noise**2), 0.0, 1.0))


def _known(origin: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of the samples in time, ``(target,)``, and how many of them are known at each origin."""
    order = np.argsort(time, kind="stable")
    return order, latest(time[order], origin) + 1


def _sums(values: np.ndarray) -> np.ndarray:
    """Return the sums of the first 0, 1, 2, … columns."""
    return np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)


def radius(error: np.ndarray, origin: np.ndarray, time: np.ndarray, noise: float) -> np.ndarray:
    """Return half the width of the band of each forecast, which follows the errors known at its origin.

    It begins as for a model that errs by its sensor alone. Each error that becomes known outside its own band widens
    the next ones by ``0.9 η``, each inside narrows them by ``0.1 η``, so that in the long run 90 % lie inside whatever
    the errors do: the quantile tracking of Angelopoulos, Candès and Tibshirani 2023 [1]_. ``η`` is a fifth of what 90 %
    of the last hundred errors do not exceed. They take a tenth of the largest error instead, which for normal errors is
    about as much, but one spike of a sensor then swings the band for long.

    Errors far ahead become known long after the band was given, so that many misses in a row widen it before the first
    wider band is judged. Half the width is therefore never above the largest of the last hundred errors, and never
    below what 90 % of them do not exceed.

    Parameters
    ----------
    error : ndarray, shape (target,)
        Forecast minus measured; zero where both lie beyond a limit of the sensor.
    origin, time : ndarray, shape (target,)
        Times of the origins, ascending, and of the samples [d].
    noise : float
        Standard deviation of the sensor's error.

    Returns
    -------
    ndarray, shape (target,)

    References
    ----------
    .. [1] A. N. Angelopoulos, E. J. Candès, R. J. Tibshirani (2023), "Conformal PID control for time series
       prediction", Advances in Neural Information Processing Systems 36, https://arxiv.org/abs/2307.16895.
    """
    size = np.abs(error)
    order, known = _known(origin, time)
    out = np.empty(len(size))
    now = first = HALF_WIDTH * noise
    usual, seen = 0.0, 0
    for i, until in enumerate(known):
        for k in range(seen, until):
            recent = size[order[max(0, k + 1 - RECENT) : k + 1]]
            usual = np.quantile(recent, LEVEL)
            missed = size[order[k]] > out[order[k]]
            now = min(max(0.0, now + RATE * usual * (missed - (1 - LEVEL))), max(recent.max(), first))
        seen = max(seen, until)
        out[i] = max(now, usual)
    return out
