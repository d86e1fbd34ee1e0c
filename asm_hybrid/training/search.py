"""The search of a calibration: bounded trust-region least squares with a prior, from several starts side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from asm_hybrid.training.unknowns import Unknowns

__all__ = ["Found", "Search"]

DIFFERENCE = 1e-4
"""Step of the finite differences, in the coordinate of an unknown. The simulation is a smooth function of the unknowns
(fixed steps, no random numbers), so a forward difference of this size errs by about its own size."""
LEAST = 1e-4
"""What is added to the mean squared residual, in units of noise, so that a perfect fit has no infinite weight."""
REACH = 1.0
"""First size of the trust region, which holds the parameters, in standard deviations of the prior."""
SHORTEST = 1e-3
"""Size of the trust region at which a run is given up."""
LENGTHS = 1.0, 0.3
"""Lengths of the steps that are tried, in sizes of the trust region."""
KEPT = 0.75
"""Share of its promise that a step must keep for the linear model to be trusted."""
CLOSE = 0.1
"""A run has converged when no unknown has farther to go, in its standard deviations."""
LITTLE = 0.02
"""… and the objective, minus two logarithms of the likelihood, has no more than this to fall."""
NEGLIGIBLE = 0.1
"""Share of the variance of its prior that the data take away of an optional unknown, below which it is held."""


@dataclass(frozen=True, eq=False)
class Found:
    """A place that a run has reached.

    Attributes
    ----------
    x : ndarray, shape (unknown,)
        The unknowns.
    residual : ndarray, shape (sample,)
        Residuals there, in units of noise.
    slope : ndarray, shape (sample, unknown)
        Their derivatives.
    """

    x: np.ndarray
    residual: np.ndarray
    slope: np.ndarray

    @cached_property
    def square(self) -> float:
        """Mean squared residual."""
        return float(np.mean(self.residual**2))

    @cached_property
    def gram(self) -> np.ndarray:
        """Products of the derivatives, summed over the samples, ``(unknown, unknown)``."""
        return np.asarray(self.slope.T @ self.slope)


@dataclass(eq=False)
class _Run:
    """A search from one start."""

    at: Found
    reach: float = REACH
    converged: bool = False
    given_up: bool = False
    tries: list[_Try] = field(default_factory=list)

    @property
    def going(self) -> bool:
        return not (self.converged or self.given_up)

    @property
    def best(self) -> _Try:
        return max(self.tries, key=lambda t: t.gain)


@dataclass(eq=False)
class _Try:
    """A step that is tried: where it leads, what the linear model promises, what it is worth, and residuals there."""

    place: np.ndarray
    promised: float
    gain: float = -np.inf
    residual: np.ndarray | None = None


class Search:
    """Trust-region least squares from several starts, each simulation of all of them in one batch.

    What falls is ``N ln(mean squared residual) + Σ ((x - centre) / spread)²``, with N the number of independent errors:
    minus two logarithms of the posterior density when the size of the errors is unknown.

    Parameters
    ----------
    unknowns : Unknowns
        What is searched for.
    residuals : callable
        From places ``(set, unknown)`` to residuals in units of noise, ``(set, sample)``; not finite where a simulation
        fails.
    effective : float
        Number of independent errors.
    most : int
        Bound on the number of batches.
    report : callable, optional
        Called after every batch with its number, the lowest mean squared residual and the place that has it.
    """

    def __init__(
        self,
        unknowns: Unknowns,
        residuals: Callable[[np.ndarray], np.ndarray],
        effective: float,
        most: int,
        report: Callable[[int, float, np.ndarray], None] | None = None,
    ) -> None:
        self.unknowns, self.effective, self.most = unknowns, effective, most
        self.evaluations = 0
        self.held = np.zeros(len(unknowns), dtype=bool)
        self.residuals, self._report = residuals, report

    def objective(self, x: np.ndarray, square: float) -> float:
        """Return what falls."""
        u = self.unknowns
        return float(self.effective * np.log(square + LEAST) + np.sum(((x - u.centre) / u.spread) ** 2))

    def scan(self, places: np.ndarray) -> np.ndarray:
        """Return the objective at some places, ``(set,)``, infinite where a simulation fails; one batch."""
        found = self.residuals(places)
        self._count(places, found)
        with np.errstate(invalid="ignore", over="ignore"):
            values = [self.objective(x, float(np.mean(r**2))) for x, r in zip(places, found, strict=True)]
        return np.asarray(np.nan_to_num(values, nan=np.inf))

    def evaluate(self, places: list[np.ndarray]) -> list[Found | None]:
        """Return residuals and their derivatives at some places, None where a simulation fails; one batch."""
        u, free = self.unknowns, np.flatnonzero(~self.held)
        signs = [np.where(x + DIFFERENCE > u.high, -1.0, 1.0) for x in places]
        sets = [np.vstack([x, x + np.diag(s * DIFFERENCE)[free]]) for x, s in zip(places, signs, strict=True)]
        if not places:
            return []
        batch = self.residuals(np.concatenate(sets)).reshape(len(places), 1 + len(free), -1)
        self._count(np.stack(places), batch[:, 0])
        out: list[Found | None] = []
        for x, sign, found in zip(places, signs, batch, strict=True):
            if not np.isfinite(found).all():
                out.append(None)
                continue
            slope = np.zeros((found.shape[1], len(u)))
            slope[:, free] = (found[1:] - found[0]).T / (sign[free] * DIFFERENCE)
            out.append(Found(x, found[0], slope))
        return out

    def hold_what_tells_nothing(self, at: Found) -> None:
        """Hold the optional unknowns of which the data tell next to nothing."""
        told = 1.0 - (self.spread(at) / self.unknowns.spread) ** 2
        self.held = self.held | (self.unknowns.optional & (told < NEGLIGIBLE))

    def weight(self, at: Found) -> float:
        """Return by what squared residuals count in the objective near a place."""
        return self.effective / len(at.residual) / (at.square + LEAST)

    def curvature(self, at: Found) -> np.ndarray:
        """Return half the second derivative of the objective, ``(unknown, unknown)``, after Gauss and Newton."""
        return np.asarray(self.weight(at) * at.gram + np.diag(self.unknowns.spread**-2.0))

    def spread(self, at: Found) -> np.ndarray:
        """Return the standard deviations of the unknowns near a place, ``(unknown,)``."""
        return np.asarray(np.sqrt(np.diag(np.linalg.inv(self.curvature(at)))))

    def descend(self, starts: list[Found], steps: int, until: int) -> list[tuple[Found, bool]]:
        """Go down from some places, side by side.

        In each step two lengths are tried. Where the linear model has promised too much, both are tried once more,
        bent by the curvature that they have shown. Derivatives are simulated where the best of them leads.

        Parameters
        ----------
        starts : list of Found
            Where to begin.
        steps : int
            Steps at most.
        until : int
            Bound on the number of batches that were ever simulated.

        Returns
        -------
        list of (Found, bool)
            Where each run has arrived, and whether it has converged there.
        """
        runs = [_Run(at) for at in starts]
        for run in runs:
            self._propose(run)
        for _ in range(steps):
            going = [run for run in runs if run.going]
            if not going or self.evaluations >= until:
                break
            self._probe(going, [run.tries for run in going])
            doubtful = [run for run in going if run.best.gain < KEPT * max(t.promised for t in run.tries)]
            self._probe(doubtful, [self._bent(run) for run in doubtful])
            moved = [run for run in going if self._resized(run)]
            for run, found in zip(moved, self.evaluate([run.best.place for run in moved]), strict=True):
                run.at = run.at if found is None else found
            for run in going:
                self._propose(run)
        return [(run.at, run.converged) for run in runs]

    def _count(self, places: np.ndarray, found: np.ndarray) -> None:
        """Count a batch, and tell of it."""
        self.evaluations += 1
        if self._report is not None:
            with np.errstate(invalid="ignore", over="ignore"):
                squares = np.nan_to_num(np.mean(found**2, axis=1), nan=np.inf)
            best = int(squares.argmin())
            self._report(self.evaluations, float(squares[best]), places[best])

    def _step(self, at: Found, reach: float) -> tuple[np.ndarray, float]:
        """Return where the linear model of the residuals is best within the trust region, and how far it falls."""
        u = self.unknowns
        step = self._least(at, at.residual, at.x - u.centre, reach)
        x = np.clip(at.x + step, u.low, u.high)
        square = float(np.mean((at.residual + at.slope @ (x - at.x)) ** 2))
        return x, self._value(at) - self.objective(x, square)

    def _least(self, at: Found, residual: np.ndarray, away: np.ndarray, reach: float) -> np.ndarray:
        """Return the step within bounds and trust region by which slopes and prior make up best for residuals."""
        from scipy.optimize import lsq_linear  # slow to load, and for training alone

        u, free = self.unknowns, ~self.held
        spread, weight = u.spread[free], self.weight(at)
        curvature = weight * at.gram[np.ix_(free, free)] * np.outer(spread, spread) + np.eye(len(spread))
        downhill = weight * (at.slope.T @ residual)[free] * spread + away[free] / spread
        root = np.linalg.cholesky(curvature)  # the prior keeps it away from zero
        target = -np.linalg.solve(root, downhill)
        low, high = ((bound - at.x)[free] / spread for bound in (u.low, u.high))
        most = np.where(np.arange(len(u)) < u.parameters, reach, np.inf)[free]
        low, high = np.minimum(np.maximum(low, -most), -1e-12), np.maximum(np.minimum(high, most), 1e-12)
        step = np.zeros(len(u))
        step[free] = lsq_linear(root.T, target, bounds=(low, high), method="bvls", tol=1e-12).x * spread
        return step

    def _propose(self, run: _Run) -> None:
        """Set where a run tries to go next, or that it has arrived."""
        if not run.going:
            return
        full, promised = self._step(run.at, np.inf)
        if np.max(np.abs(full - run.at.x) / self.spread(run.at)) < CLOSE and promised < LITTLE:
            run.converged = True
            return
        if run.reach < SHORTEST:
            run.given_up = True
            return
        run.tries = [_Try(*self._step(run.at, share * run.reach)) for share in LENGTHS]

    def _probe(self, runs: list[_Run], tries: list[list[_Try]]) -> None:
        """Simulate what is tried, all of it in one batch, and add it to what the runs have tried."""
        every = [t for some in tries for t in some]
        if not every:
            return
        for t, residual in zip(every, self.residuals(np.stack([t.place for t in every])), strict=True):
            t.residual = residual
        for run, some in zip(runs, tries, strict=True):
            for t in some:
                assert t.residual is not None
                if np.isfinite(t.residual).all():
                    t.gain = self._value(run.at) - self.objective(t.place, float(np.mean(t.residual**2)))
            run.tries = [*run.tries, *(t for t in some if t not in run.tries)]

    def _length(self, step: np.ndarray) -> float:
        """Return the size of a step in the parameters, in standard deviations of the prior; the rest is near linear."""
        own = slice(0, self.unknowns.parameters)
        return float(np.max(np.abs(step[own]) / self.unknowns.spread[own]))

    def _value(self, at: Found) -> float:
        return self.objective(at.x, at.square)

    def _bent(self, run: _Run) -> list[_Try]:
        """Return the steps that were tried, bent along the curvature that the residuals have shown there.

        What the residuals at the end of a step d lack of the linear model is c = r(x + d) - r - J d. Along the curve
        ``x + t d + t² a`` they are ``r + t J d + t² (c + J a)``, to second order, with a such that the last bracket is
        least: the geodesic acceleration of Transtrum and Sethna 2012 [1]_. The t is taken at which the objective is
        least.

        References
        ----------
        .. [1] M. K. Transtrum, J. P. Sethna (2012), "Improvements to the Levenberg-Marquardt algorithm for nonlinear
           least-squares minimization", https://arxiv.org/abs/1201.5885.
        """
        u, at, out = self.unknowns, run.at, []
        times = np.linspace(0.1, 1.0, 10)
        for t in run.tries:
            if t.residual is None or not np.isfinite(t.residual).all():
                continue
            step = t.place - at.x
            straight = at.slope @ step
            lack = t.residual - at.residual - straight
            bend = self._least(at, lack, np.zeros(len(u)), 2.0 * self._length(step))
            curved = lack + at.slope @ bend
            places = [np.clip(at.x + k * step + k**2 * bend, u.low, u.high) for k in times]
            squares = [float(np.mean((at.residual + k * straight + k**2 * curved) ** 2)) for k in times]
            values = [self.objective(x, square) for x, square in zip(places, squares, strict=True)]
            best = int(np.argmin(values))
            out.append(_Try(places[best], self._value(at) - values[best]))
        return out

    def _resized(self, run: _Run) -> bool:
        """Fit the trust region to what the best step has kept of its promise; return whether to go there."""
        best = run.best
        length = self._length(best.place - run.at.x)
        if best.gain <= 0.0:
            run.reach *= LENGTHS[-1] ** 2
            return False
        if best.gain > KEPT * best.promised and length > 0.8 * run.reach:
            run.reach *= 2.5
        elif run.tries[0].gain < KEPT * run.tries[0].promised:
            run.reach = min(run.reach, 1.5 * length)
        return True
