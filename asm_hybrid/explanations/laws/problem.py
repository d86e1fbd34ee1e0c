"""A fit of a law within the plant: what is to be found, and how least squares find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from asm_hybrid.explanations.explained_plant import ExplainedPlant
from asm_hybrid.explanations.fit import Problem, fit
from asm_hybrid.explanations.knobs import Knob
from asm_hybrid.explanations.record import Record
from asm_hybrid.plant import Plant
from asm_hybrid.training.compared_model import FittedRecord
from asm_hybrid.training.first_state import FIRST_BOUND, FIRST_SPREAD, FirstState
from asm_hybrid.training.simulation_models import SETTLING

__all__ = ["START_DAYS", "Fit", "LawProblem", "Solution", "least_squares"]

ROUNDS = 12
"""Linearisations of a fit, at most."""
REPEATS = 2
"""How often the noise is worked out anew from the errors that are left."""
LEAST = 1e-4
"""Least variance of the errors, in that of the stated noise [-]."""
START_DAYS = 10.0
"""Time whose mean inputs give the steady state from which a record begins [d]."""
NORMAL = 1.644854
"""Half width of an interval that holds 90 % of a normal distribution, in standard deviations."""


@dataclass(frozen=True, eq=False)
class LawProblem:
    """What a fit within the plant has to solve.

    Attributes
    ----------
    record : FittedRecord
        Of the run; its training block is fitted.
    plant : Plant
        With the law in its table.
    parameters : Tensor, shape (parameter,)
        All parameters, those to be fitted at their start.
    names : tuple of str
        Parameters to be fitted: those that the run calibrates, what takes up the scale of the law, and its constants.
    bounds : ndarray, shape (fitted, 2)
        Lowest and highest value; all positive.
    usual, spread : ndarray, shape (fitted,)
        Middle of the prior, and its standard deviation in the logarithm.
    first : ndarray, shape (factor,)
        Logarithms of the factors by which the record begins with more particulate matter than the steady state has, at
        the start of the fit.
    """

    record: FittedRecord
    plant: Plant
    parameters: Tensor
    names: tuple[str, ...]
    bounds: np.ndarray
    usual: np.ndarray
    spread: np.ndarray
    first: np.ndarray

    @property
    def index(self) -> list[int]:
        """Places of the fitted parameters among all."""
        return [self.plant.table.parameter_names.index(name) for name in self.names]

    @property
    def start(self) -> np.ndarray:
        """Where the fit begins, ``(fitted,)``."""
        return np.asarray(self.parameters[self.index].cpu())


@dataclass(frozen=True, eq=False)
class Solution:
    """Parameters that were fitted within the plant.

    Attributes
    ----------
    values : ndarray, shape (fitted,)
        Where the fit has ended.
    intervals : ndarray, shape (fitted, 2)
        90 % intervals, from the linearised errors; a bound where they reach it.
    correlation : ndarray, shape (fitted, fitted)
        Linearised correlation of the logarithms.
    first : ndarray, shape (factor,)
        Logarithms of the factors of the first state, which are fitted beside them.
    arrived : bool
        Whether the last step was small against the uncertainty.
    """

    values: np.ndarray
    intervals: np.ndarray
    correlation: np.ndarray
    first: np.ndarray
    arrived: bool


Fit = Callable[[LawProblem], Solution]
"""What fits the parameters of a plant to its record."""


def least_squares(problem: LawProblem, rounds: int = ROUNDS) -> Solution:
    """Fit to the training block by least squares on the open-loop simulation, in the logarithms of the parameters.

    Priors are those of the calibration of f, the state that the record begins with included. Errors that persist count
    as fewer. Their size is worked out from those that are left, so that intervals widen with what the law does not
    explain.

    Parameters
    ----------
    problem : LawProblem
        What is to be fitted.
    rounds : int, optional
        Linearisations at most.

    Returns
    -------
    Solution

    Raises
    ------
    SimulationError
        When the plant cannot be simulated at the start.
    """
    usual, (low, high) = np.log(problem.usual), np.log(problem.bounds.T)
    seen = _training_record(problem)
    plant = ExplainedPlant(problem.plant, seen.targets, seen.grid)
    start = np.asarray(problem.record.model.start[1].cpu())[plant.active]
    knobs = [
        Knob(name, problem.spread[k], low[k] - usual[k], high[k] - usual[k], entry=name, moved=_scaled)
        for k, name in enumerate(problem.names)
    ]
    names = FirstState(problem.plant).names
    knobs += [Knob(name, FIRST_SPREAD, -FIRST_BOUND, FIRST_BOUND, begins=name) for name in names]
    whole = Problem(plant, seen, seen.defaults, start)
    begin = np.append(np.log(problem.start) - usual, problem.first)
    found = fit(whole, knobs, begin, seen.weights, rounds=rounds)
    for _ in range(REPEATS):  # with the noise that the errors show, in place of that which the config states
        left = float(seen.weights @ found.near.errors**2 / seen.weights.sum())
        weights = seen.weights / max(left, LEAST)
        found = fit(whole, knobs, found.near.at, weights, near=found.near, rounds=rounds)
    own = slice(len(usual))
    at, covariance = found.near.at[own], found.covariance[own, own]
    spread = np.sqrt(np.diag(covariance))
    ends = np.exp(usual + at + NORMAL * np.stack([-spread, spread]))
    return Solution(
        values=np.exp(usual + at),
        intervals=np.clip(ends, *problem.bounds.T[:, None]).T,
        correlation=covariance / np.outer(spread, spread),
        first=found.near.at[len(usual) :],
        arrived=found.arrived,
    )


def _scaled(before: float, log: float) -> float:
    return before * float(np.exp(log))


def _training_record(problem: LawProblem) -> Record:
    """Return the record with the training block alone, up to its end, but with all inputs that its start depends on.

    Measurements are free of the biases that were found beside the parameters of f.
    """
    given = problem.record
    parameters = np.asarray(problem.parameters.cpu())
    usual = parameters.copy()
    usual[problem.index] = problem.usual
    block = given.blocks["train"]
    last = min(len(given.inputs) - 1, int(np.ceil(max(block[1], START_DAYS) / given.grid.interval)))
    return Record(
        config=given.model.config,
        plant=problem.plant,
        grid=replace(given.grid, settling=SETTLING),
        inputs=np.asarray(given.inputs[: last + 1].cpu()),
        observations=tuple(
            replace(o, values=o.values - bias)
            for o, bias in zip(given.observations, given.model.sensors.beside_f.tolist(), strict=True)
        ),
        blocks=dict.fromkeys(("calibrate", "train", "validate"), block),
        defaults=usual,
        parameters=parameters,
        bounds={},
        delays=tuple(given.model.sensors.delays.tolist()),
    )
