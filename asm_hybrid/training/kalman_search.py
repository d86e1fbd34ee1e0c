"""The most likely unknowns of a filter, by Fisher's scoring within bounds, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.training.unknowns import Unknowns

__all__ = ["Likely", "Scores", "most_likely"]

DIFFERENCE = 1e-4
"""By how much an unknown is moved for a derivative, in its coordinate."""
LONGEST = 1.0
"""Largest move of an unknown in a step, in standard deviations of its prior."""
KEPT = 0.5
"""Share of its promise that a good step keeps."""
FIRST, EASIER, HARDER, LEAST = 0.01, 0.1, 10.0, 1e-3
"""Damping of the first step, factors on it after a step that was good and one that was not, and its least value."""
LONGER = 4.0
"""How many times as long as it should be a step is at most, after good ones: far from the noise that there is, the
information promises too little."""
STIFFEST = 1e6
"""Damping at which a search is given up."""
CLOSE = 0.1
"""A search has arrived when no unknown has farther to go, in its standard deviations."""
LITTLE = 0.05
"""Gain of the objective below which a search has arrived too."""


@dataclass(frozen=True)
class Scores:
    """What a filter has found with several sets of unknowns, ``(set, sample)`` each.

    Attributes
    ----------
    errors, variances, costs : ndarray
        See `asm_hybrid.training.kalman.Filtered`.
    exact : ndarray of bool, shape (sample,)
        Whether a sample is a value, not a limit of its sensor.
    """

    errors: np.ndarray
    variances: np.ndarray
    costs: np.ndarray
    exact: np.ndarray


@dataclass(frozen=True)
class Likely:
    """Where a search has arrived.

    Attributes
    ----------
    x : ndarray, shape (unknown,)
        The place.
    cost : float
        Minus the logarithm of the likelihood there.
    covariance : ndarray, shape (unknown, unknown)
        Inverse of Fisher's information, that of the prior included.
    evaluations : int
        Batches of filters.
    converged : bool
        Whether it has arrived.
    """

    x: np.ndarray
    cost: float
    covariance: np.ndarray
    evaluations: int
    converged: bool


@dataclass(frozen=True)
class _At:
    """A place, with value, slope and information of the objective there."""

    x: np.ndarray
    cost: float
    value: float
    slope: np.ndarray
    information: np.ndarray


def most_likely(
    unknowns: Unknowns,
    start: np.ndarray,
    filtered: Callable[[np.ndarray], Scores],
    *,
    max_evaluations: int,
    report: Callable[[int, float, np.ndarray], None] | None = None,
) -> Likely:
    """Search for the unknowns at which likelihood and prior are highest.

    Steps are those of Fisher's scoring, damped where they promise too much; information is that of the errors and of
    their variances [1]_.

    Parameters
    ----------
    unknowns : Unknowns
        What to search for.
    start : ndarray, shape (unknown,)
        Where to begin.
    filtered : callable
        From places ``(set, unknown)`` to what the filter finds there; costs are infinite where it diverges.
    max_evaluations : int
        Bound on the number of batches.
    report : callable, optional
        Called with the number of the batch, the cost of the best place and that place, after each step.

    Returns
    -------
    Likely

    Raises
    ------
    SimulationError
        When the filter diverges at the start.

    References
    ----------
    .. [1] R. H. Shumway, D. S. Stoffer (2017), "Time Series Analysis and Its Applications", 4th ed., Springer,
       section 6.3.
    """
    search = _Search(unknowns, filtered)
    margin = 1e-9 * (unknowns.high - unknowns.low)
    first = search.tried(np.clip(start, unknowns.low + margin, unknowns.high - margin))
    at = search.judged(first) if np.isfinite(first.value) else None
    if at is None:
        shown = ", ".join(f"{n} = {v:.4g}" for n, v in unknowns.shown(start))
        raise SimulationError(f"the Kalman filter diverges over the calibration block at {shown}")
    damping, stretch = FIRST, 1.0
    while True:
        if report is not None:
            report(search.batches, at.cost, at.x)
        full = _step(unknowns, at, 0.0)
        covariance = np.linalg.inv(at.information)
        near = np.max(np.abs(full) / np.sqrt(np.diag(covariance))) < CLOSE
        converged = bool(near) or _promise(at, full) < LITTLE
        following = None
        while not converged and following is None and damping < STIFFEST and search.batches < max_evaluations:
            step = _step(unknowns, at, damping)
            reach = LONGEST * unknowns.spread
            moved = at.x + np.clip(stretch * step, -reach, reach)
            trial = search.tried(np.clip(moved, unknowns.low, unknowns.high))
            gain = at.value - trial.value
            if gain <= 0.0 and stretch > 1.0:
                stretch = 1.0
                continue
            good = gain > KEPT * _promise(at, step)
            damping = max(EASIER * damping, LEAST) if good else HARDER * damping
            stretch = min(2.0 * stretch, LONGER) if good else 1.0
            following = search.judged(trial) if gain > 0.0 else None
        if following is None:
            return Likely(at.x, at.cost, covariance, search.batches, converged)
        at = following


@dataclass(frozen=True)
class _Trial:
    """A place, what the filter finds there, and the objective."""

    x: np.ndarray
    scores: Scores
    value: float


class _Search:
    """What counts the batches of filters."""

    def __init__(self, unknowns: Unknowns, filtered: Callable[[np.ndarray], Scores]) -> None:
        self.unknowns, self.batches, self._filtered = unknowns, 0, filtered

    def tried(self, x: np.ndarray) -> _Trial:
        """Return the value of the objective at a place; infinite where the filter diverges."""
        self.batches += 1
        found, away = self._filtered(x[None]), (x - self.unknowns.centre) / self.unknowns.spread
        return _Trial(x, found, float(found.costs.sum() + 0.5 * away @ away))

    def judged(self, trial: _Trial) -> _At | None:
        """Return slope and information at a place; None where the filter diverges beside it."""
        self.batches += 1
        u, x, base = self.unknowns, trial.x, trial.scores
        moves = np.where(x + DIFFERENCE > u.high, -DIFFERENCE, DIFFERENCE)
        beside = self._filtered(x + np.diag(moves))
        if not np.isfinite(beside.costs).all():
            return None
        errors, variances, costs = (
            (getattr(beside, name) - getattr(base, name)) / moves[:, None] for name in ("errors", "variances", "costs")
        )
        size, exact = base.variances[0], base.exact
        parts = [
            exact * errors / np.sqrt(size),
            exact * variances / size / np.sqrt(2.0),
            ~exact * costs,  # of a limit the square of its own slope stands for what it tells
        ]
        return _At(
            x,
            float(base.costs.sum()),
            trial.value,
            costs.sum(axis=1) + (x - u.centre) / u.spread**2,
            sum((part @ part.T for part in parts), np.diag(u.spread**-2.0)),
        )


def _step(u: Unknowns, at: _At, damping: float) -> np.ndarray:
    """Return the damped step within the bounds; unknowns that a bound stops stay there."""
    stopped = np.zeros(len(u), dtype=bool)
    low, high = u.low - at.x, u.high - at.x
    most = LONGEST * u.spread
    low, high = np.maximum(low, -most), np.minimum(high, most)
    step = np.zeros(len(u))
    matrix = at.information + damping * np.diag(np.diag(at.information))
    for _ in range(len(u)):
        free = ~stopped
        right = -at.slope[free] - matrix[np.ix_(free, stopped)] @ step[stopped]
        step[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
        outside = (step < low) | (step > high)
        step = np.clip(step, low, high)
        if not (outside & free).any():
            break
        stopped |= outside
        if stopped.all():
            break
    return step


def _promise(at: _At, step: np.ndarray) -> float:
    """Return by how much the objective falls along a step, to second order."""
    return float(-at.slope @ step - 0.5 * step @ at.information @ step)
