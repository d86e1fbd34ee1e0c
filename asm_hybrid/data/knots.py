"""Inputs on the uniform grid of knots."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.plant.cycle import Cycle

__all__ = ["TOLERANCE", "bridged", "interpolate", "placed", "scheduled"]

Values = NDArray[np.float64]

GAP_INTERVALS = 4.0
"""A gap is bridged, and said to be, when it exceeds this many median sampling intervals."""
TOLERANCE = 1e-9
"""Times closer than this are the same [d]."""
ROUNDED = 1.0 / 86400.0
"""A held sample is in force from this long before its stamp on [d]: stamps in files are rounded, and a knot that is
read a moment too early would get the sample before."""


def interpolate(knots: Values, times: Values, values: Values, kind: Literal["linear", "previous"]) -> Values:
    """Return a series at the knots.

    Parameters
    ----------
    knots : float array, (knot,)
        Times of the knots [d], within the span of `times`.
    times, values : float array, (sample,)
        Samples without gaps in them, ascending in time [d].
    kind : {'linear', 'previous'}
        On a straight line between the samples, or the last sample held.

    Returns
    -------
    float array, (knot,)
        Values in the unit of `values`.
    """
    if kind == "linear":
        return np.interp(knots, times, values)
    return values[np.clip(np.searchsorted(times, knots + ROUNDED, side="right") - 1, 0, None)]


def placed(times: Values, values: Values, period: float, kind: Literal["linear", "previous"]) -> tuple[Values, Values]:
    """Return the samples from which means over periods are interpolated, so that the means are kept.

    Parameters
    ----------
    times, values : float array, (sample,)
        Ends of the periods [d], and the means.
    period : float
        Length of a period [d]; zero for samples of a moment, which stay as they are.
    kind : {'linear', 'previous'}
        See `interpolate`. A mean is held over its own period, or stands at its middle.

    Returns
    -------
    times, values : float array
        From the begin of the first period to the end of the last.
    """
    if not period:
        return times, values
    if kind == "previous":
        return np.append(times - period, times[-1]), np.append(values, values[-1])
    at = np.concatenate([[times[0] - period], times - period / 2, [times[-1]]])
    return at, np.concatenate([values[:1], values, values[-1:]])


def bridged(knots: Values, times: Values) -> NDArray[np.bool_]:
    """Return which knots lie inside a long gap of a series.

    Parameters
    ----------
    knots : float array, (knot,)
        Times of the knots [d].
    times : float array, (sample,)
        Times of the samples [d], ascending.

    Returns
    -------
    bool array, (knot,)
        True between two samples that are more than `GAP_INTERVALS` median sampling intervals apart.
    """
    if times.size < 2:
        return np.ones(knots.size, dtype=bool)
    step = np.diff(times)
    after = np.searchsorted(times, knots - TOLERANCE, side="left")
    inside = (after > 0) & (after < times.size)
    gap = step[np.clip(after - 1, 0, step.size - 1)]
    on_sample = np.abs(times[np.clip(after, 0, times.size - 1)] - knots) <= TOLERANCE
    return np.asarray((~inside | (gap > GAP_INTERVALS * np.median(step))) & ~on_sample)


def scheduled(cycles: Iterable[Cycle], times: Values) -> dict[str, Values]:
    """Return the inputs that time tables give, from each knot on.

    Parameters
    ----------
    cycles : iterable of Cycle
        Time tables; those whose phases end by what is measured give nothing here.
    times : float array, (knot,)
        Times of the knots [d], from the begin of the first phases.

    Returns
    -------
    dict of str to float array, (knot,)
        By input, in internal units.
    """
    return {name: cycle.values(name, times) for cycle in cycles if not cycle.states for name in cycle.inputs}
