"""A continuous-discrete extended Kalman filter over a plant.

Between measurements the state follows f, or f + n, by the steps of the solver, and its covariance the exact Jacobian.
Each measurement moves both at its own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.data import Observation
from asm_hybrid.errors import InputError
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.training.kalman_moments import seen, transition
from asm_hybrid.training.kalman_steps import KalmanSteps

__all__ = ["Belief", "Filtered", "KalmanFilter"]

LONGEST = 15.0 / 1440.0
"""Longest step along which one Jacobian moves the covariance [d]."""
SAME = 1e-6
"""Time [d] within which samples and knots are at the same time."""
LEAST_SIZE = 1e-3
"""Size of a state below which it does not scale its row of the covariance, in its unit."""


@dataclass(frozen=True)
class Belief:
    """What is known of a state.

    Attributes
    ----------
    mean : ndarray, shape (state,)
        Its expectation.
    covariance : ndarray, shape (state, state)
        Its covariance.
    """

    mean: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Filtered:
    """What a filter has found along a record.

    Attributes
    ----------
    times : ndarray, shape (sample,)
        Times of the samples, sorted [d].
    columns : ndarray of int, shape (sample,)
        The column each belongs to.
    errors, variances : ndarray, shape (sample,)
        Measured minus expected from all samples before, and the variance of this difference.
    costs : ndarray, shape (sample,)
        Minus the logarithm of the density of each sample, given those before; infinite where the filter diverges.
    states : ndarray, shape (knot, state)
        Expected states at the knots, from all samples until then.
    first : ndarray, shape (state,)
        Expected state at the first knot, from all samples.
    last : Belief
        What is known at the last knot.
    """

    times: np.ndarray
    columns: np.ndarray
    errors: np.ndarray
    variances: np.ndarray
    costs: np.ndarray
    states: np.ndarray
    first: np.ndarray
    last: Belief

    @property
    def cost(self) -> float:
        """Minus the logarithm of the likelihood."""
        return float(self.costs.sum())


@dataclass(frozen=True, eq=False)
class KalmanFilter:
    """A filter over a record [1]_, [2]_.

    Attributes
    ----------
    steps : KalmanSteps
        The equations.
    observations : sequence of Observation
        What is measured, in the order of the recorded quantities; samples of a moment, without lags of sensors.
    inputs : ndarray, shape (knot, input)
        Inputs at the knots, contiguous.
    interval : float
        Distance of two knots [d].
    begin, end : float
        Samples before and after count for nothing [d].

    References
    ----------
    .. [1] A. H. Jazwinski (1970), "Stochastic Processes and Filtering Theory", Academic Press, chapter 8.
    .. [2] N. R. Kristensen, H. Madsen, S. B. Jørgensen (2004), "Parameter estimation in stochastic grey-box models",
       Automatica 40, 225-237, https://doi.org/10.1016/j.automatica.2003.10.001.
    """

    steps: KalmanSteps
    observations: Sequence[Observation]
    inputs: np.ndarray
    interval: float
    begin: float
    end: float

    def __post_init__(self) -> None:
        for o in self.observations:
            if o.period:
                raise InputError(
                    f"{o.label} is a mean over {24 * o.period:g} h",
                    where=f"column {o.label}",
                    expected="for a Kalman filter, samples of a moment",
                    fix="leave the column out, or calibrate by least squares",
                )

    @cached_property
    def _samples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Times, columns, values and marks of the samples, sorted by time."""
        parts = [(o.times, np.full(len(o.times), i), o.values, o.censored) for i, o in enumerate(self.observations)]
        times, columns, values, beyond = (np.concatenate(p) for p in zip(*parts, strict=True))
        order = np.argsort(times, kind="stable")
        order = order[(times[order] >= self.begin - SAME) & (times[order] <= self.end + SAME)]
        return times[order], columns[order], values[order], beyond[order]

    @property
    def beyond(self) -> np.ndarray:
        """Marks of the samples that are limits of their sensors, ``(sample,)``; see `asm_hybrid.data.censoring`."""
        return self._samples[3]

    @cached_property
    def _stops(self) -> _Stops:
        knots = self.interval * np.arange(len(self.inputs))
        pieces = max(1, int(np.ceil(self.interval / LONGEST - SAME)))
        even = self.interval * (np.arange((len(knots) - 1) * pieces + 1) / pieces)
        times = self._samples[0]
        apart = times[np.abs(times[:, None] - even[_nearest(even, times)]).min(axis=1) > SAME]
        stops = np.sort(np.concatenate([even, apart]))
        stops = stops[np.append(True, np.diff(stops) > SAME)]
        return _Stops.of(stops, times, self.inputs, self.interval, linear=self.steps.linear)

    def run(self, first: Belief, noise: ProcessNoise, values: np.ndarray) -> Filtered:
        """Filter the record.

        Parameters
        ----------
        first : Belief
            What is known at the first knot.
        noise : ProcessNoise
            Diffusion of the states, ``(state,)``.
        values : ndarray, shape (value,)
            Parameters, masks and weights; see `open_values`.

        Returns
        -------
        Filtered
            Where the state leaves the finite numbers, all costs from there on are infinite.
        """
        times, columns, measured, beyond = self._samples
        errors, variances, costs = np.full(len(times), np.nan), np.full(len(times), np.nan), np.full(len(times), np.inf)
        states = np.full((len(self.inputs), len(first.mean)), np.nan)
        at, stops = _Running(self.steps, noise, values, first), self._stops
        deviations = np.array([o.noise for o in self.observations])
        with np.errstate(over="ignore", invalid="ignore"):  # what leaves the numbers has no likelihood
            for i, (sample, end, knot) in enumerate(zip(stops.first, stops.behind, stops.knots, strict=True)):
                if i:
                    at.move(stops.inputs[i - 1 : i + 1], stops.times[i] - stops.times[i - 1])
                if not at.finite:
                    break
                if end > sample:
                    shown, slopes = self.steps.sensors(at.x, stops.inputs[i], values)
                    expected = at.x
                    for k in range(sample, end):
                        c = columns[k]
                        errors[k] = measured[k] - shown[c] - slopes[c] @ (at.x - expected)
                        variances[k], costs[k] = at.measure(errors[k], slopes[c], deviations[c], beyond[k])
                    at.x = _above_zero(at.x, expected)
                if knot >= 0:
                    states[knot] = at.x
        return Filtered(times, columns, errors, variances, costs, states, _above_zero(at.first, first.mean), at.belief)


@dataclass(frozen=True)
class _Stops:
    """Where the steps of a filter end: at knots, between them, and at samples.

    ``times`` and ``inputs`` are those of the stops; the samples at each are those from ``first`` to before ``behind``;
    ``knots`` says which knot each is, -1 for none.
    """

    times: np.ndarray
    inputs: np.ndarray
    first: list[int]
    behind: list[int]
    knots: list[int]

    @classmethod
    def of(cls, stops: np.ndarray, samples: np.ndarray, inputs: np.ndarray, interval: float, *, linear: bool) -> _Stops:
        place, last = stops / interval, len(inputs) - 1
        left = np.minimum((place + SAME / interval).astype(int), last)
        share = np.clip(place - left, 0.0, 1.0)[:, None] if linear else 0.0
        between = (1.0 - share) * inputs[left] + share * inputs[np.minimum(left + 1, last)]
        first = np.searchsorted(samples, stops - SAME)
        knots = np.where(np.abs(place - left) < SAME / interval, left, -1)
        behind = np.append(first[1:], len(samples))
        return cls(stops, np.ascontiguousarray(between), first.tolist(), behind.tolist(), knots.tolist())


def _nearest(even: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return which two of some sorted times lie around others, ``(other, 2)``."""
    right = np.clip(np.searchsorted(even, times), 1, len(even) - 1)
    return np.stack([right - 1, right], axis=1)


class _Running:
    """A belief that moves; its covariance is held in units of the sizes of the states.

    Parameters
    ----------
    steps, noise, values, first
        See `KalmanFilter.run`.
    """

    def __init__(self, steps: KalmanSteps, noise: ProcessNoise, values: np.ndarray, first: Belief) -> None:
        self.x = np.ascontiguousarray(first.mean, dtype=float)
        self._steps, self._noise, self._values = steps, noise, values
        self._size = np.maximum(np.abs(first.mean), LEAST_SIZE)
        self._ratio = self._size / self._size[:, None]
        self._P = first.covariance / np.outer(self._size, self._size)
        self.first, self._with_first = (
            self.x,
            self._P,
        )  # the latter is the covariance of the present and the first state

    @property
    def belief(self) -> Belief:
        return Belief(self.x, self._P * np.outer(self._size, self._size))

    @property
    def finite(self) -> bool:
        """Whether mean and covariance are numbers."""
        return bool(np.isfinite(self.x).all() and np.isfinite(self._P).all())

    def move(self, inputs: np.ndarray, length: float) -> None:
        """Go on along inputs at both ends ``(2, input)``."""
        before, self.x = self.x, self._steps.state(self.x, inputs, self._values, length)
        middle, u = 0.5 * (before + self.x), inputs.mean(axis=0) if self._steps.linear else inputs[0]
        if not np.isfinite(middle).all():
            return
        J = self._steps.jacobian(middle, u, self._values) * self._ratio
        if not np.isfinite(J).all():
            self.x = np.full_like(self.x, np.nan)
            return
        spread = self._noise.relative * self._size
        D = (self._noise.diffusion(middle) ** 2 + spread**2 * self._P.diagonal()) / self._size**2
        F, Q = transition(J, D, length)
        P = F @ self._P @ F.T + Q
        self._P, self._with_first = 0.5 * (P + P.T), F @ self._with_first

    def measure(self, error: float, slope: np.ndarray, deviation: float, beyond: int) -> tuple[float, float]:
        """Take in one sample; return the variance of its error, and its cost."""
        h = slope * self._size
        with_it = self._P @ h
        variance = float(h @ with_it) + deviation**2
        if not 0.0 < variance < np.inf:
            self.x = np.full_like(self.x, np.nan)
            return np.nan, np.inf
        says = seen(error, variance, beyond)
        first_with_it = h @ self._with_first
        self.x = self.x + self._size * with_it * says.move
        self.first = self.first + self._size * first_with_it * says.move
        self._P = self._P - np.outer(with_it, with_it) * (says.kept / variance)
        self._with_first = self._with_first - np.outer(with_it, first_with_it) * (says.kept / variance)
        return variance, says.cost


def _above_zero(x: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Raise what measurements have moved below zero, but for what was there before."""
    return np.asarray(np.maximum(x, np.minimum(before, 0.0)))
