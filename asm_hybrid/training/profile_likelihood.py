"""Profile widths: how far a calibrated parameter can move while the others make up for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["LEVEL", "ROUNDS", "Profile", "profile_widths", "quantile"]

LEVEL = 0.95
"""Confidence of an interval."""
ROUNDS = 3
"""Batches of true simulations that check the ends, at most."""
CLOSE = 0.1
"""An end is settled when the rise of the sum of squares there is within this share of what it should be."""


@dataclass(frozen=True)
class Profile:
    """Ends of the profile-likelihood intervals.

    Attributes
    ----------
    low, high : ndarray, shape (profiled,)
        Ends, in the coordinate of the search; a bound where the sum of squares does not rise enough before it.
    low_open, high_open : tuple of bool
        Whether the interval runs into the bound there.
    checked : tuple of bool
        Whether simulations confirmed both ends; else they are those of the linear model.
    simulations : int
        Parameter sets that were simulated.
    """

    low: np.ndarray
    high: np.ndarray
    low_open: tuple[bool, ...]
    high_open: tuple[bool, ...]
    checked: tuple[bool, ...]
    simulations: int


class _End:
    """The search for one end of one interval, by a linear model of the residuals that simulations correct."""

    def __init__(
        self, index: int, sign: int, x: np.ndarray, residual: np.ndarray, slope: np.ndarray, rise: float
    ) -> None:
        self.index, self.sign, self.best, self.rise = index, sign, float(residual @ residual), rise
        self.origin, self.start = x, residual
        self.x, self.residual, self.slope = x, residual, slope
        self.place, self.open, self.settled = x, False, False

    def propose(self, bounds: np.ndarray) -> None:
        """Set `place` to where the linear model reaches the rise, the others re-optimised within their bounds."""
        from scipy.optimize import brentq, lsq_linear

        others = np.arange(len(self.x)) != self.index
        # The residuals enter by their projection on the slopes, so that a step of the search costs next to nothing.

        factor = np.asarray(np.linalg.qr(np.column_stack([self.slope, self.residual]), mode="r"))
        matrix, constant = factor[:, :-1], factor[:, -1]
        least, most = (bounds[others, k] - self.x[others] for k in (0, 1))
        room = np.minimum(least, -1e-12), np.maximum(most, 1e-12)

        def moved(value: float) -> tuple[float, np.ndarray]:
            shift = value - self.x[self.index]
            target = constant + matrix[:, self.index] * shift
            x = self.x.copy()
            x[self.index] = value
            if others.any():
                step = lsq_linear(matrix[:, others], -target, bounds=(room[0], room[1]), tol=1e-12).x
                target = target + matrix[:, others] @ step
                x[others] += step
            return float(target @ target) - self.best - self.rise, x

        bound = float(bounds[self.index, int(self.sign > 0)])
        self.open = moved(bound)[0] <= 0.0
        begin = float(self.origin[self.index])
        end = bound
        if not self.open and moved(begin)[0] < 0.0:
            end = float(brentq(lambda value: moved(value)[0], begin, bound, xtol=1e-9))
        elif not self.open:
            end = 0.5 * (begin + float(self.x[self.index]))
        self.place = np.clip(moved(end)[1], bounds[:, 0], bounds[:, 1])

    def correct(self, residual: np.ndarray) -> None:
        """Take in the residuals that were simulated at `place`."""
        if not np.isfinite(residual).all():  # it cannot be simulated there: half the way
            self.open = False
            self.place = 0.5 * (self.origin + self.place)
            return
        rise = float(residual @ residual) - self.best
        self.settled = rise <= self.rise if self.open else abs(rise - self.rise) <= CLOSE * self.rise
        step = self.place - self.origin
        lack = residual - self.start - self.slope @ step
        self.slope = self.slope + np.outer(lack, step) / max(float(step @ step), 1e-30)
        self.x, self.residual = self.place, residual


def quantile(level: float) -> float:
    """Return what the square of a standard normal number does not exceed, with a probability.

    Parameters
    ----------
    level : float
        The probability [-].

    Returns
    -------
    float
    """
    from scipy.special import gammaincinv

    return 2.0 * float(gammaincinv(0.5, level))


def profile_widths(
    x: np.ndarray,
    residual: np.ndarray,
    slope: np.ndarray,
    bounds: np.ndarray,
    simulate: Callable[[np.ndarray], np.ndarray],
    rise: np.ndarray,
    which: np.ndarray,
    rounds: int = ROUNDS,
) -> Profile:
    """Return the profile-likelihood intervals of some unknowns.

    The interval of an unknown holds the values at which the least sum of squares over all others rises by no more than
    `rise` [1]_. The ends come from the linear model of the residuals at the optimum. All of them are simulated as one
    batch, which corrects the linear model of each end by a rank-one update [2]_, and gives a better end, a few times
    over.

    Parameters
    ----------
    x : ndarray, shape (unknown,)
        The optimum.
    residual : ndarray, shape (sample,)
        Residuals there, such that half their sum of squares is the negative logarithm of the density.
    slope : ndarray, shape (sample, unknown)
        Their derivatives.
    bounds : ndarray, shape (unknown, 2)
        Lowest and highest value.
    simulate : callable
        From places ``(set, unknown)`` to residuals ``(set, sample)``; not finite where one diverges.
    rise : ndarray, shape (profiled,)
        By how much the sum of squares is higher at an end.
    which : ndarray of int, shape (profiled,)
        The unknowns that get an interval.
    rounds : int
        Batches of simulations at most.

    Returns
    -------
    Profile

    References
    ----------
    .. [1] D. M. Bates, D. G. Watts (1988), "Nonlinear Regression Analysis and Its Applications", Wiley, chapter 6.
    .. [2] C. G. Broyden (1965), "A class of methods for solving nonlinear simultaneous equations", Math. Comput. 19,
       577-593, https://doi.org/10.1090/S0025-5718-1965-0198670-6.
    """
    ends = [
        _End(int(i), sign, x, residual, slope, float(r)) for i, r in zip(which, rise, strict=True) for sign in (-1, 1)
    ]
    for end in ends:
        end.propose(bounds)
    simulations = 0
    for _ in range(rounds):
        left = [end for end in ends if not end.settled]
        if not left:
            break
        found = simulate(np.stack([end.place for end in left]))
        simulations += len(left)
        for end, values in zip(left, found, strict=True):
            end.correct(values)
            if not end.settled and np.isfinite(values).all():
                end.propose(bounds)
    low, high = ends[::2], ends[1::2]
    return Profile(
        low=np.array([end.place[end.index] for end in low]),
        high=np.array([end.place[end.index] for end in high]),
        low_open=tuple(end.open for end in low),
        high_open=tuple(end.open for end in high),
        checked=tuple(a.settled and b.settled for a, b in zip(low, high, strict=True)),
        simulations=simulations,
    )
