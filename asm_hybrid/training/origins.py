"""From where, and for which samples, forecasts are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, gcd

import numpy as np

from asm_hybrid.data import Observation
from asm_hybrid.training.updating import latest

__all__ = [
    "FORECAST_BLOCKS",
    "HORIZONS",
    "HOUR",
    "MOST_ORIGINS",
    "Origins",
    "Targets",
    "choose_origins",
    "choose_targets",
    "knots_ahead",
]

HORIZONS = (1, 6, 24)
"""Lead times [h]."""
FORECAST_BLOCKS = ("validate", "test")
MOST_ORIGINS = 500
"""Origins in a block, at most; 10 days hold 263 of them an hour apart, and these take seconds."""
HOUR = 1.0 / 24.0
"""An hour [d]."""
SAME = 1e-6
"""Time [d] within which two times are the same."""


@dataclass(frozen=True)
class Origins:
    """From where the forecasts of one block start.

    Attributes
    ----------
    knots : ndarray of int, shape (origin,)
        Knots of the record.
    spacing : int
        Distance of two origins [h].
    """

    knots: np.ndarray
    spacing: int


@dataclass(frozen=True)
class Targets:
    """The samples of one variable that are forecast.

    Attributes
    ----------
    origin, sample : ndarray of int, shape (target,)
        Positions of the origin and of the sample.
    horizon : ndarray of int, shape (target,)
        Lead time [h].
    """

    origin: np.ndarray
    sample: np.ndarray
    horizon: np.ndarray


def choose_origins(
    blocks: Mapping[str, tuple[float, float]], block: str, interval: float, most: int = MOST_ORIGINS
) -> Origins:
    """Return the origins whose forecasts reach into a block.

    They begin up to the longest horizon before it, but not before an earlier block has ended: what was fitted or chosen
    with later measurements must not forecast them. They are whole hours apart, one or the next number that shares no
    divisor with 24, so that all hours of the day come up.

    Parameters
    ----------
    blocks : mapping
        Start and end of every block [d].
    block : str
        The block.
    interval : float
        Distance of two knots [d].
    most : int
        Origins at most.

    Returns
    -------
    Origins
    """
    begin, end = blocks[block]
    ended = max([blocks["train"][0], *(e for b, e in blocks.values() if b < begin)])
    first = ceil((max(begin - max(HORIZONS) * HOUR, ended)) / interval - SAME)
    last = floor((end - min(HORIZONS) * HOUR) / interval + SAME)
    hours = (last - first) * interval / HOUR
    spacing = next(s for s in count(1) if gcd(s, 24) == 1 and hours / s + 1 <= most)
    return Origins(np.arange(first, last + 1, max(1, round(spacing * HOUR / interval))), spacing)


def _tolerance(interval: float) -> float:
    """Time [d] by which a sample may be later than the horizon; shorter than the distance of two origins."""
    return max(HOUR, interval)


def knots_ahead(interval: float, horizons: Sequence[float] = HORIZONS) -> int:
    """Return how many knot intervals are simulated from an origin on.

    Parameters
    ----------
    interval : float
        Distance of two knots [d].
    horizons : sequence of float
        Lead times [h].

    Returns
    -------
    int
        Enough for the samples of the longest horizon.
    """
    return ceil((max(horizons) * HOUR + _tolerance(interval)) / interval) + 1


def choose_targets(
    observation: Observation,
    origins: np.ndarray,
    limits: tuple[np.ndarray, np.ndarray],
    interval: float,
    horizons: Sequence[float] = HORIZONS,
) -> Targets:
    """Return the first sample of a block from each horizon on, where anything was measured before the origin.

    Of composites those whose whole period lies after the origin.

    Parameters
    ----------
    observation : Observation
        The variable.
    origins : ndarray, shape (origin,)
        Times of the origins [d].
    limits : pair of ndarray, shape (origin,)
        Start and end of the block of every origin [d].
    interval : float
        Distance of two knots [d].
    horizons : sequence of float
        Lead times [h].

    Returns
    -------
    Targets
    """
    times, (begin, end) = observation.times, limits
    parts = []
    for horizon in horizons:
        lead = origins + horizon * HOUR
        sample = np.searchsorted(times, lead - SAME)
        at = times[np.minimum(sample, len(times) - 1)] if len(times) else np.full(len(origins), np.inf)
        near = (sample < len(times)) & (at < lead + _tolerance(interval) - SAME)
        near &= at - observation.period >= origins - SAME
        kept = np.flatnonzero(near & (at >= begin) & (at <= end) & (latest(times, origins) >= 0))
        parts.append((kept, sample[kept], np.full(len(kept), horizon)))
    return Targets(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
