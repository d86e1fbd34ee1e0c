"""Means of an input over the stretches of time for which the knots stand, so that its integral is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.knots import GAP_INTERVALS, ROUNDED, TOLERANCE, bridged, interpolate

__all__ = ["Curve", "OnKnots", "check_load", "check_means", "on_knots"]

Values = NDArray[np.float64]
Kind = Literal["linear", "previous"]

FASTER = 1.2
"""Samples for each interval that holds any, on average, from which on an input counts as sampled faster than the
knots: five samples to four intervals. Below, two clocks of one rate are a little out of step."""


SWITCHING = 0.25
"""Movement within the knots' times, over the mean, above which the mean alone is no longer what happens [-]."""
LOST_LOAD = 0.03
"""Share of a load that may be lost or gained on the knots before it is told [-]."""
WITHIN = 0.5
"""The same as a share of all the movement of the series, in squares [-]."""


@dataclass(frozen=True)
class Curve:
    """An input as a function of time.

    Attributes
    ----------
    times, values : float array, (sample,)
        Samples without gaps in them, ascending in time [d].
    kind : {'linear', 'previous'}
        How it runs between its samples; before the first and after the last it keeps their values.
    lasting : bool
        Whether the last value stays in force however long nothing is written, as of a set point that is logged when it
        changes.
    """

    times: Values
    values: Values
    kind: Kind
    lasting: bool = False


@dataclass(frozen=True)
class OnKnots:
    """An input on the knots.

    Attributes
    ----------
    values : float array, (knot,)
        Values in the unit of the samples.
    filled : bool array, (knot,)
        Where there are no samples: the value bridges a long gap.
    spread : float array, (knot,), or None
        Standard deviation of the samples' curve around each mean; None where values were taken at the knots.
    """

    values: Values
    filled: NDArray[np.bool_]
    spread: Values | None = None


def on_knots(knots: Values, curve: Curve, kind: Kind, weight: Curve | None = None) -> OnKnots:
    """Return an input on the knots.

    An input that runs in lines and is sampled no faster than the knots is read at them. Of every other a knot holds a
    mean: with held knots over the interval that follows it, with knots joined by lines over the time that is nearer to
    it than to any other. So the integral of what the model sees is that of the samples: over every interval when it is
    held, and over the record when it is joined by lines (no line through the intervals' means stays near them).

    Parameters
    ----------
    knots : float array, (knot,)
        Times of the knots [d], evenly spaced.
    curve : Curve
        The input.
    kind : {'linear', 'previous'}
        How the model joins the knots.
    weight : Curve, optional
        By what a mean is weighted: the flow that carries a concentration, so that its load is kept. Where none flows
        the mean is over time.

    Returns
    -------
    OnKnots
        Values, complete.
    """
    if curve.kind == kind == "linear" and not _faster(knots, curve.times):
        return OnKnots(interpolate(knots, curve.times, curve.values, kind), _bridged(knots, curve))
    edges = _edges(knots, kind)
    curve = _snapped(curve, edges)
    pieces = _Pieces.of(edges, curve if weight is None else weight, curve)
    values = interpolate(knots, curve.times, curve.values, curve.kind)
    low, high = values.copy(), values.copy()
    pieces.reduce(np.minimum, pieces.low, low)
    pieces.reduce(np.maximum, pieces.high, high)
    length = pieces.sum(pieces.length)
    some = length > 0
    mean, square = values.copy(), values**2
    mean[some] = (pieces.sum(pieces.length * pieces.first) / np.where(some, length, 1.0))[some]
    square[some] = (pieces.sum(pieces.length * pieces.second) / np.where(some, length, 1.0))[some]
    spread = np.sqrt(np.maximum(square - mean**2, 0.0)) * (high > low)
    if weight is not None:
        volume = pieces.sum(pieces.length * pieces.volume)
        flows = volume > 0
        mean[flows] = (pieces.sum(pieces.length * pieces.load) / np.where(flows, volume, 1.0))[flows]
    return OnKnots(np.clip(mean, low, high), _without_samples(knots, edges, curve), spread)


def check_means(place: Place, curve: Curve, put: OnKnots, interval: float) -> list[QualityFinding]:
    """Return a warning for an input that switches within the times over which it was averaged.

    Parameters
    ----------
    place : Place
        Where the input comes from.
    curve : Curve
        The input.
    put : OnKnots
        What became of it.
    interval : float
        Distance of the knots [d].

    Returns
    -------
    list of QualityFinding
        Kind ``averaged``.
    """
    if put.spread is None:
        return []
    within, mean = float(np.mean(put.spread**2)), float(np.abs(np.mean(put.values)))
    if within <= max((SWITCHING * mean) ** 2, WITHIN * (within + float(np.var(put.values)))):
        return []
    crossed = curve.times[1:][np.diff(curve.values > np.mean(put.values))]
    half = float(np.quantile(np.diff(crossed), 0.25)) * 720 if crossed.size > 2 else 0.0
    finer = f"'interval: {max(1, int(half))} min' if" if half >= 0.5 else "a shorter interval where"
    return [
        place.finding(
            "warning",
            "averaged",
            f"the input moves by more within an interval of {interval * 1440:.4g} min than between intervals, about "
            f"{100 * np.sqrt(within) / mean:.0f} % of its mean: the mean is kept, and what happens within is not seen",
            expected="inputs that move little within an interval, where the plant does not answer in proportion, as it "
            "does not to aeration",
            fix=f"choose {finer} the plant answers within it; of a flow the mean is usually enough",
        )
    ]


def check_load(
    place: Place, knots: Values, curve: Curve, carrier: Curve, concentrations: Values, flows: Values, kind: Kind
) -> list[QualityFinding]:
    """Return a warning where flow times concentration on the knots is not the load that the samples carry.

    Held knots keep it. Two lines between knots do not where flow and concentration jump together from knot to knot: the
    product of the lines is not a line.

    Parameters
    ----------
    place : Place
        Where the concentration comes from.
    knots : float array, (knot,)
        Times of the knots [d].
    curve, carrier : Curve
        The concentration, and the flow that carries it.
    concentrations, flows : float array, (knot,)
        What became of them.
    kind : {'linear', 'previous'}
        How the model joins the knots.

    Returns
    -------
    list of QualityFinding
        Kind ``load``.
    """
    pieces = _Pieces.of(_edges(knots, kind), carrier, curve)
    carried = float(np.sum(pieces.length * pieces.load))
    a, b, u, v = concentrations[:-1], concentrations[1:], flows[:-1], flows[1:]
    loads = a * u if kind == "previous" else (2 * u * a + u * b + v * a + 2 * v * b) / 6
    seen = float(np.sum(np.diff(knots) * loads))
    if abs(seen - carried) <= LOST_LOAD * carried:
        return []
    return [
        place.finding(
            "warning",
            "load",
            f"flow times concentration is {100 * abs(seen / carried - 1):.0f} % {'less' if seen < carried else 'more'} "
            "on the knots, joined by lines, than in the samples, since both jump together",
            expected="a load that is kept",
            fix="set 'interpolation: previous' under data, with which loads are kept, or a shorter interval",
        )
    ]


def _faster(knots: Values, times: Values) -> bool:
    """Return whether samples come faster than knots."""
    inside = times[(times >= knots[0] - TOLERANCE) & (times <= knots[-1] + TOLERANCE)]
    if inside.size < 2:
        return False
    interval = np.floor((inside - knots[0]) / (knots[1] - knots[0]) + TOLERANCE)
    return bool(inside.size > FASTER * np.unique(interval).size)


def _edges(knots: Values, kind: Kind) -> Values:
    """Return the limits, one more than knots, of the times for which the knots stand."""
    if kind == "previous":
        return np.append(knots, knots[-1])
    return np.concatenate([knots[:1], (knots[1:] + knots[:-1]) / 2, knots[-1:]])


def _snapped(curve: Curve, edges: Values) -> Curve:
    """Return a held input whose changes lie on an edge when they miss it by the rounding of stamps alone."""
    if curve.kind == "linear":
        return curve
    after = np.clip(np.searchsorted(edges, curve.times), 1, edges.size - 1)
    before = edges[after - 1]
    nearest = np.where(curve.times - before < edges[after] - curve.times, before, edges[after])
    step = np.diff(curve.times)
    near = np.abs(curve.times - nearest) <= (min(ROUNDED, float(np.median(step)) / 4) if step.size else ROUNDED)
    return Curve(np.where(near, nearest, curve.times), curve.values, "previous", curve.lasting)


def _ends(curve: Curve, begin: Values, end: Values) -> tuple[Values, Values]:
    """Return the values just after the begin and just before the end of pieces without a sample inside."""
    if curve.kind == "linear":
        return np.interp(begin, curve.times, curve.values), np.interp(end, curve.times, curve.values)
    held = curve.values[np.clip(np.searchsorted(curve.times, begin, side="right") - 1, 0, None)]
    return held, held


@dataclass(frozen=True)
class _Pieces:
    """Stretches of time in which input and weight are straight, none across an edge.

    Attributes
    ----------
    cell : int array, (piece,)
        The knot to which a piece belongs, ascending.
    cells : int
        Number of knots.
    length : float array, (piece,)
        Length [d].
    low, high, first, second : float array, (piece,)
        Least and largest value of the input, and the means of it and of its square.
    volume, load : float array, (piece,)
        Means of the weight, and of weight times input.
    """

    cell: NDArray[np.intp]
    cells: int
    length: Values
    low: Values
    high: Values
    first: Values
    second: Values
    volume: Values
    load: Values

    @classmethod
    def of(cls, edges: Values, weight: Curve, curve: Curve) -> _Pieces:
        times = np.unique(np.concatenate([edges, curve.times, weight.times]))
        times = times[(times >= edges[0]) & (times <= edges[-1])]
        begin, end = times[:-1], times[1:]
        a, b = _ends(curve, begin, end)
        u, v = _ends(weight, begin, end)
        return cls(
            cell=np.searchsorted(edges, begin, side="right") - 1,
            cells=edges.size - 1,
            length=end - begin,
            low=np.minimum(a, b),
            high=np.maximum(a, b),
            first=(a + b) / 2,
            second=(a * a + a * b + b * b) / 3,
            volume=(u + v) / 2,
            load=(2 * u * a + u * b + v * a + 2 * v * b) / 6,
        )

    def sum(self, values: Values) -> Values:
        """Return the sums over the pieces of each knot."""
        return np.bincount(self.cell, weights=values, minlength=self.cells).astype(np.float64)

    def reduce(self, by: np.ufunc, values: Values, into: Values) -> None:
        """Write the extremes over the pieces of each knot, where it has any."""
        cell, start = np.unique(self.cell, return_index=True)
        into[cell] = by.reduceat(values, start)


def _bridged(knots: Values, curve: Curve) -> NDArray[np.bool_]:
    return np.zeros(knots.size, dtype=bool) if curve.lasting else bridged(knots, curve.times)


def _without_samples(knots: Values, edges: Values, curve: Curve) -> NDArray[np.bool_]:
    """Return for which knots long gaps take over half of the time; a held sample is in force for one usual step."""
    if curve.lasting:
        return np.zeros(knots.size, dtype=bool)
    if curve.times.size < 2:
        return np.ones(knots.size, dtype=bool)
    step = np.diff(curve.times)
    usual = float(np.median(step))
    long = step > max(GAP_INTERVALS * usual, float(knots[1] - knots[0]) * (1 + TOLERANCE))
    held = usual if curve.kind == "previous" else 0.0
    begin = np.concatenate(
        [[min(edges[0], curve.times[0]) - 1], curve.times[:-1][long] + held, curve.times[-1:] + held]
    )
    end = np.concatenate([curve.times[:1], curve.times[1:][long], [max(edges[-1], curve.times[-1] + held) + 1]])
    missing = np.cumsum(np.concatenate([[0.0], end - begin]))
    at = np.clip(np.searchsorted(begin, edges, side="right") - 1, 0, None)
    lost = missing[at] + np.minimum(edges - begin[at], (end - begin)[at])
    length = np.diff(edges)
    return np.asarray(np.where(length > 0, np.diff(lost) > length / 2, bridged(knots, curve.times)))
