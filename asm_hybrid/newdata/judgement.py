"""Whether a model still holds: its errors on new data against those on the validation block, by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

import numpy as np
import pandas as pd

__all__ = ["FEWEST", "LIMIT", "RECENT", "Day", "Judgement", "judge"]

LIMIT = 1.5
"""Ratio to the validation error that the whole interval must exceed before a model is said to hold no more [-]."""
LEVEL = 0.9
"""Share of the draws inside the interval [-]."""
DRAWS = 2000
FEWEST = 5
"""Days with measurements, new and of the validation block, below which nothing is said."""
RECENT = 7
"""Length of the latest stretch that is judged by itself [d]: a month may hide what has broken in its last week."""
LARGE = 2.0
"""Times the validation error from which on a day is named, if it also exceeds every day of the validation block."""


@dataclass(frozen=True)
class Day:
    """The error of one day.

    Attributes
    ----------
    date : str
        The local date.
    rmse, bias : float
        In the unit of the variable.
    n : int
        Measurements.
    large : bool
        Whether the day errs more than any of the validation block, and more than `LARGE` times its error.
    """

    date: str
    rmse: float
    bias: float
    n: int
    large: bool


@dataclass(frozen=True)
class Judgement:
    """Whether a model still holds for one variable.

    Attributes
    ----------
    kind : {'holds', 'doubtful', 'broken', 'short', 'unknown'}
        ``broken`` where the whole interval lies above `LIMIT`; ``doubtful`` where the ratio does and the interval
        reaches below; ``short`` with fewer than `FEWEST` days on either side; ``unknown`` without a validation error.
    rmse, validation : float or None
        Errors on the new data and on the validation block, of the median of the seeds [unit of the variable].
    reference : float or None
        What is compared with: the latter, and at least the noise of the sensor.
    ratio, low, high : float or None
        `rmse` over `reference`, and its interval of 90 % [-].
    since : str or None
        The first day of the stretch that is judged, where that is the latest alone.
    days : tuple of Day
        The days.
    """

    kind: str
    rmse: float | None
    validation: float | None
    reference: float | None
    ratio: float | None
    low: float | None
    high: float | None
    since: str | None
    days: tuple[Day, ...]


@dataclass(frozen=True)
class _Daily:
    """Sums of squares and numbers of errors by day, in order of time."""

    dates: np.ndarray
    squares: np.ndarray
    sums: np.ndarray
    counts: np.ndarray

    @staticmethod
    def of(times: pd.DatetimeIndex, errors: np.ndarray, zone: tzinfo) -> _Daily:
        dates, day = np.unique(np.asarray(times.tz_convert(zone).strftime("%Y-%m-%d")), return_inverse=True)
        size = len(dates)
        squares, sums = np.bincount(day, errors**2, size), np.bincount(day, errors, size)
        return _Daily(dates, squares, sums, np.bincount(day, minlength=size))

    @property
    def rmse(self) -> np.ndarray:
        return np.asarray(np.sqrt(self.squares / self.counts))

    @property
    def total(self) -> float:
        return float(np.sqrt(self.squares.sum() / self.counts.sum()))

    def last(self, days: int) -> _Daily:
        return _Daily(self.dates[-days:], self.squares[-days:], self.sums[-days:], self.counts[-days:])

    def drawn(self, rng: np.random.Generator) -> np.ndarray:
        """Return root mean squares of draws of blocks of days, ``(draw,)``."""
        days = len(self.dates)
        block = min(days, max(2, round(days ** (1 / 3))))
        first = rng.integers(0, days - block + 1, (DRAWS, -(-days // block)))
        chosen = (first[..., None] + np.arange(block)).reshape(DRAWS, -1)[:, :days]
        return np.asarray(np.sqrt(self.squares[chosen].sum(1) / self.counts[chosen].sum(1)))


def judge(
    new: tuple[pd.DatetimeIndex, np.ndarray],
    validation: tuple[pd.DatetimeIndex, np.ndarray] | None,
    noise: float,
    zone: tzinfo,
) -> Judgement:
    """Judge the errors of a model on new data by those on the validation block.

    Compared are root mean squares. Errors persist from hour to hour and from day to day, so that the interval of their
    ratio is from a bootstrap that draws blocks of whole days on both sides, of the cube root of their number and at
    least two days [1]_. The model is said to hold no more where all of it lies above `LIMIT`, over all new days or over
    the latest `RECENT`; the noise of the sensor is the least that counts as an error.

    Parameters
    ----------
    new, validation : pair of DatetimeIndex and ndarray, shape (sample,)
        Times (UTC), ascending, and errors [unit of the variable]; None where nothing is known of the validation block.
    noise : float
        Standard deviation of the sensor's error, in that unit.
    zone : tzinfo
        Zone of the days.

    Returns
    -------
    Judgement

    References
    ----------
    .. [1] P. Hall, J. L. Horowitz, B.-Y. Jing (1995), "On blocking rules for the bootstrap with dependent data",
       Biometrika 82, 561-574, https://doi.org/10.1093/biomet/82.3.561.
    """
    daily = _Daily.of(*new, zone) if len(new[1]) else None
    known = _Daily.of(*validation, zone) if validation is not None and len(validation[1]) else None
    if daily is None or known is None:
        rmse = daily.total if daily else None
        days = _days(daily, np.inf) if daily else ()
        return Judgement("unknown", rmse, known.total if known else None, None, None, None, None, None, days)
    reference = max(known.total, noise)
    days = _days(daily, max(LARGE * reference, float(known.rmse.max())))
    if min(len(daily.dates), len(known.dates)) < FEWEST:
        return Judgement("short", daily.total, known.total, reference, daily.total / reference, None, None, None, days)
    stretches = [daily] + ([daily.last(RECENT)] if len(daily.dates) >= 2 * RECENT else [])
    found = [_judged(part, known, noise, days, recent=i > 0) for i, part in enumerate(stretches)]
    return next((j for j in found if j.kind == "broken"), found[0])


def _judged(part: _Daily, known: _Daily, noise: float, days: tuple[Day, ...], *, recent: bool) -> Judgement:
    """Judge one stretch of days."""
    rng = np.random.default_rng(0)
    reference = max(known.total, noise)
    ratio = part.total / reference
    draws = part.drawn(rng) / np.maximum(known.drawn(rng), noise)
    low, high = (float(q) for q in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    kind = "broken" if low > LIMIT else "doubtful" if ratio > LIMIT else "holds"
    since = str(part.dates[0]) if recent else None
    return Judgement(kind, part.total, known.total, reference, ratio, low, high, since, days)


def _days(daily: _Daily, limit: float) -> tuple[Day, ...]:
    bias = daily.sums / daily.counts
    return tuple(
        Day(str(date), float(rmse), float(b), int(n), bool(rmse > limit))
        for date, rmse, b, n in zip(daily.dates, daily.rmse, bias, daily.counts, strict=True)
    )
