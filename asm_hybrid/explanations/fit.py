"""Fits of explanations to a record: least squares on the open-loop simulation, with priors and bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from asm_hybrid.errors import SimulationError
from asm_hybrid.explanations.explained_plant import ExplainedPlant, Simulated
from asm_hybrid.explanations.knobs import Knob
from asm_hybrid.explanations.record import Record
from asm_hybrid.training.first_state import FirstState
from asm_hybrid.training.observation import delayed

ARRIVED = 0.05
"""Step, in units of uncertainty, below which a fit has arrived."""
SMALL = 1e-3
"""Share of the cost that a last step may gain."""
LEAST_DAMPING, MOST_DAMPING = 0.01, 100.0
"""Range of the damping of a step, relative to the diagonal of the products of slopes."""
EPSILON = 1e-14
"""Least curvature along a direction of the knobs, as a share of the largest one; below it stands rounding alone."""
STEP = 1e-4
"""Step of the differences that give the direction in which a knob moves values and inputs, in spreads; see `Knob`."""


@dataclass(frozen=True)
class Linearised:
    """Errors at the samples near one point of the knobs.

    Attributes
    ----------
    knobs : tuple of Knob
        The knobs.
    at : ndarray, shape (knob,)
        The point.
    errors : ndarray, shape (sample,)
        Predicted minus measured there, in units of noise.
    slopes : ndarray, shape (sample, knob)
        Their derivatives.
    """

    knobs: tuple[Knob, ...]
    at: np.ndarray
    errors: np.ndarray
    slopes: np.ndarray


@dataclass(frozen=True, eq=False)
class Problem:
    """One record, and the plant that explanations are tried in.

    Attributes
    ----------
    plant : ExplainedPlant
        The plant.
    record : Record
        The record.
    values : ndarray, shape (value,)
        Default parameters, and zeros.
    start : ndarray, shape (state,)
        A steady state near those of all fits.
    """

    plant: ExplainedPlant
    record: Record
    values: np.ndarray
    start: np.ndarray

    def set_to(self, knobs: Sequence[Knob], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return values and inputs with knobs at a point."""
        values, inputs = self.values.copy(), self.record.inputs
        for knob, size in zip(knobs, at, strict=True):
            if knob.entry is not None:
                place = self.plant.places[knob.entry]
                values[place] = knob.moved(values[place], size)
            if knob.driven is not None and size != 0.0:
                inputs = knob.driven(inputs, size)
        return values, inputs

    def simulate(self, knobs: Sequence[Knob], at: np.ndarray) -> Simulated:
        """Simulate the record with knobs at a point."""
        values, inputs = self.set_to(knobs, at)
        steady = self.plant.steady(values, self.record.typical @ inputs, self.start)
        return self.plant.simulate(values, inputs, steady, self.first(knobs, at, steady) / _safe(steady))

    def first(self, knobs: Sequence[Knob], at: np.ndarray, steady: np.ndarray) -> np.ndarray:
        """Return the first state ``(state,)`` with knobs at a point, from the steady one."""
        logs = {k.begins: size for k, size in zip(knobs, at, strict=True) if k.begins}
        if not logs:
            return steady
        first, active = FirstState(self.record.plant), self.plant.active
        whole = torch.zeros(active.shape, dtype=torch.float64)
        whole[torch.as_tensor(active)] = torch.as_tensor(steady)
        moved = first.moved(whole, torch.tensor([logs.get(n, 0.0) for n in first.names], dtype=torch.float64))
        return np.asarray(moved[torch.as_tensor(active)])

    def errors(self, knobs: Sequence[Knob], at: np.ndarray, run: Simulated) -> np.ndarray:
        """Return the errors of a simulation at the samples, in units of noise."""
        record = self.record
        outputs = run.outputs.copy()
        times = np.arange(len(outputs)) * record.grid.spacing
        for knob, size in zip(knobs, at, strict=True):
            if knob.seen is not None:
                target, adds = knob.seen
                outputs[:, target] += size * adds(times)
            if knob.late is not None:
                outputs[:, knob.late] = _later(outputs[:, knob.late], size, record.grid.spacing)
        return record.errors(outputs)

    def linearise(self, knobs: Sequence[Knob], at: np.ndarray, run: Simulated | None = None) -> Linearised:
        """Return the errors near a point."""
        record = self.record
        run = run or self.simulate(knobs, at)
        times = np.arange(len(run.states)) * record.grid.interval
        directions: list[np.ndarray] = []
        drives: list[np.ndarray] = []
        firsts: list[np.ndarray] = []
        order: dict[int, tuple[str, int]] = {}
        responses = np.zeros((len(run.states), len(record.observations), len(knobs)))
        for k, knob in enumerate(knobs):
            h = knob.step or STEP * knob.spread
            ahead, behind = at.copy(), at.copy()
            ahead[k] += h
            behind[k] -= h
            if knob.entry is not None:
                place = self.plant.places[knob.entry]
                base = self.values[place]
                one = np.zeros(len(self.values))
                one[place] = (knob.moved(base, ahead[k]) - knob.moved(base, behind[k])) / (2 * h)
                order[k] = ("v", len(directions))
                directions.append(one)
            elif knob.begins:
                ends = [self.first(knobs, end, run.steady) for end in (ahead, behind)]
                order[k] = ("x", len(firsts))
                firsts.append((ends[0] - ends[1]) / (2 * h))
            elif knob.driven is not None:
                one = (self.set_to(knobs, ahead)[1] - self.set_to(knobs, behind)[1]) / (2 * h)
                order[k] = ("u", len(drives))
                drives.append(one)
            if knob.seen is not None:
                responses[:, knob.seen[0], k] += knob.seen[1](times)
        if order:
            matrix = np.stack(directions, axis=1) if directions else np.zeros((len(self.values), 0))
            found = self.plant.responses(run, self.record.typical, matrix, drives, firsts)
            before = {"v": 0, "u": len(directions), "x": len(directions) + len(drives)}
            for k, (kind, i) in order.items():
                responses[:, :, k] += found[:, :, before[kind] + i]
        errors = self.errors(knobs, at, run)
        at_points = _between(responses, record.grid.points)
        for k, knob in enumerate(knobs):
            if knob.late is not None:
                i, spacing, h = knob.late, record.grid.spacing, STEP * knob.spread
                at_points[:, i] = _later(at_points[:, i].T, at[k], spacing).T
                ends = [_later(run.outputs[:, i], at[k] + step, spacing) for step in (h, 0.0)]
                at_points[:, i, k] = (ends[0] - ends[1]) / h
        slopes = record.read(np.moveaxis(at_points, -1, 0)).T
        return Linearised(tuple(knobs), at, errors, slopes)


def _later(series: np.ndarray, delay: float, spacing: float) -> np.ndarray:
    """Return what a sensor with a dead time [d] shows of a series ``(…, point)``."""
    shown = delayed(torch.as_tensor(np.ascontiguousarray(series)), torch.tensor(delay, dtype=torch.float64), spacing)
    return np.asarray(shown)


def _safe(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.where(values == 0.0, 1.0, values))


def _between(values: np.ndarray, points: int) -> np.ndarray:
    """Return values at the knots ``(knot, …)`` at the recorded points, linear between knots."""
    if points == 1:
        return values
    knots = len(values)
    at = np.arange((knots - 1) * points + 1) / points
    left = np.minimum(at.astype(int), knots - 2)
    share = (at - left).reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(values[left] * (1 - share) + values[left + 1] * share)


def bounded_ridge(gram: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the minimum of ``δᵀ G δ + 2 rᵀ δ`` within bounds, by an active set; G may be singular to rounding."""
    from scipy.optimize import lsq_linear

    try:
        found = np.linalg.solve(gram, -right)
        if ((found >= low) & (found <= high)).all():
            return found
        root = np.linalg.cholesky(gram).T
        target = np.linalg.solve(root.T, -right)
    except (
        np.linalg.LinAlgError
    ):  # knobs that do nearly the same, of which rounding leaves a curvature of zero or below
        size, values, vectors = _axes(gram)
        root, target = (vectors * np.sqrt(values)).T * size, -(vectors.T @ (right / size)) / np.sqrt(values)
    room = np.maximum(high, low + 1e-9)
    return np.asarray(lsq_linear(root, target, bounds=(low, room), method="bvls").x)


def _axes(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the size of every knob, and curvatures and axes of ``G`` in them, none below what rounding hides."""
    size = np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    return size, np.maximum(values, EPSILON * values[-1]), vectors


def _covariance(gram: np.ndarray) -> np.ndarray:
    size, values, vectors = _axes(gram)
    return np.asarray((vectors / values) @ vectors.T / np.outer(size, size))


@dataclass(frozen=True)
class Fitted:
    """Knobs at their optimum.

    Attributes
    ----------
    near : Linearised
        The errors near the optimum.
    covariance : ndarray, shape (knob, knob)
        Linearised covariance of the knobs, priors counted in.
    run : Simulated
        The simulation there.
    arrived : bool
        Whether the last step was small against the uncertainty.
    """

    near: Linearised
    covariance: np.ndarray
    run: Simulated
    arrived: bool


def fit(
    problem: Problem,
    knobs: Sequence[Knob],
    start: np.ndarray,
    weights: np.ndarray,
    *,
    near: Linearised | None = None,
    rounds: int = 8,
) -> Fitted:
    """Fit knobs by Levenberg and Marquardt's method, within their bounds.

    Parameters
    ----------
    problem : Problem
        The problem.
    knobs : sequence of Knob
        What is fitted.
    start : ndarray, shape (knob,)
        Where to begin.
    weights : ndarray, shape (sample,)
        Weight of every squared error.
    near : Linearised, optional
        The errors near the start, where they are known.
    rounds : int
        Most linearisations.

    Returns
    -------
    Fitted

    Raises
    ------
    SimulationError
        When the plant cannot be simulated at the start.
    """
    spread, low, high = (np.array([getattr(k, name) for k in knobs]) for name in ("spread", "low", "high"))

    def cost(at: np.ndarray, errors: np.ndarray) -> float:
        total = float(weights @ errors**2 + ((at / spread) ** 2).sum())
        return total if np.isfinite(total) else np.inf

    at = np.clip(start, low, high)
    run = None if near is not None else problem.simulate(knobs, at)
    here = near if near is not None else problem.linearise(knobs, at, run)
    best, damping, arrived = cost(at, here.errors), 0.0, False
    for _ in range(rounds):
        gram = here.slopes.T @ (weights[:, None] * here.slopes) + np.diag(spread**-2.0)
        right = here.slopes.T @ (weights * here.errors) + at / spread**2
        accepted = None
        while accepted is None and damping <= MOST_DAMPING:
            step = bounded_ridge(gram + damping * np.diag(np.diag(gram)), right, low - at, high - at)
            size = float(np.sqrt(max(step @ gram @ step, 0.0) / len(at)))
            try:
                there = problem.simulate(knobs, at + step)
                found = cost(at + step, problem.errors(knobs, at + step, there))
            except SimulationError:
                found = np.inf
            if found <= best:
                accepted = there
                damping = damping / 10 if damping > LEAST_DAMPING else 0.0
            elif size < ARRIVED:
                break
            else:
                damping = max(LEAST_DAMPING, 5 * damping)
        if accepted is None:
            arrived = size < ARRIVED
            break
        gain, at, best, run = best - found, at + step, found, accepted
        here = problem.linearise(knobs, at, run)
        arrived = size < ARRIVED or gain < SMALL * best
        if arrived:
            break
    gram = here.slopes.T @ (weights[:, None] * here.slopes) + np.diag(spread**-2.0)
    return Fitted(here, _covariance(gram), run or problem.simulate(knobs, at), arrived)
