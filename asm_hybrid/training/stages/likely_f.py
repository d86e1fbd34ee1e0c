"""Recalibration of f by the likelihood that a Kalman filter gives, with the noise of its states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from asm_hybrid.config import calibration_bounds, searched_noises
from asm_hybrid.training.calibration import AT_BOUND, USUAL, Calibration, Starts
from asm_hybrid.training.kalman import Filtered, KalmanFilter
from asm_hybrid.training.kalman_likelihood import Likelihood, lost_without
from asm_hybrid.training.kalman_search import Likely, Scores, most_likely
from asm_hybrid.training.kalman_steps import kalman_steps
from asm_hybrid.training.profile_likelihood import LEVEL, Profile, quantile
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.stages.calibrate_f import CalibratedF, remembered

__all__ = ["likely_f"]


def likely_f(context: RunContext, f: CalibratedF, keep: Callable[[CalibratedF], None]) -> CalibratedF:
    """Recalibrate f by likelihood.

    Parameters
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f at its steady start.
    keep : callable
        Gets f with the best parameters so far.

    Returns
    -------
    CalibratedF
        With the most likely parameters and noises, and the state that the record most likely begins with.
    """
    task = _Task(context, f)
    evaluations = context.config.training.calibration_evaluations

    def report(evaluation: int, cost: float, place: np.ndarray) -> None:
        keep(task.moved(place))
        shown = dict(task.likelihood.unknowns.shown(place))
        context.log.write({"stage": "calibration", "evaluation": evaluation, "loss": cost, "parameters": shown})
        context.progress.advance(f"minus log-likelihood {cost:.6g}")

    context.progress.stage("recalibrating f", min(USUAL, evaluations))
    likelihood = task.likelihood
    scores = task.scores(likelihood, "calibration")
    found = most_likely(likelihood.unknowns, task.start, scores, max_evaluations=evaluations, report=report)
    (filtered,) = likelihood.filtered(found.x[None])
    assert filtered is not None  # the search has been there
    moved = task.moved(found.x)
    moved.start[1] = torch.as_tensor(likelihood.start(filtered), device=context.device)
    moved = replace(moved, calibration=task.judged(found, filtered))
    keep(moved)
    lost = lost_without(likelihood, found, lambda k, less: task.scores(less, f"calibration-without-{k}"))
    return replace(moved, noises=likelihood.noises_found(found, lost))


@dataclass(eq=False)
class _Task:
    """The likelihood of the calibration block, and what a place of the search stands for.

    Attributes
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f at its steady start.
    """

    context: RunContext
    f: CalibratedF

    @cached_property
    def likelihood(self) -> Likelihood:
        context, grid = self.context, self.context.grid
        bounds = calibration_bounds(context.config, context.plant.table)
        index = [context.plant.table.parameter_names.index(n) for n in bounds]
        defaults, limits = np.asarray(context.defaults.cpu())[index], np.array(list(bounds.values()))
        noises = searched_noises(context.config, context.plant.table, context.plant.layout)
        begin, end = context.blocks["calibrate"]
        knots = int(np.ceil(end / grid.interval - 1e-9)) + 1
        system = context.system(self.f.parameters.cpu())
        kalman = KalmanFilter(
            kalman_steps(system, grid.substeps, grid.linear),
            context.dataset.observations,
            np.ascontiguousarray(context.inputs[:knots].cpu()),
            grid.interval,
            begin,
            end,
        )
        unknowns = Likelihood.unknowns_of(tuple(bounds), defaults, limits, noises)
        return Likelihood(system, kalman, unknowns, noises, context.typical_inputs.cpu(), self.f.start[:1].cpu())

    @property
    def start(self) -> np.ndarray:
        """Where the search begins, ``(unknown,)``."""
        unknowns, table = self.likelihood.unknowns, self.context.plant.table
        index = [table.parameter_names.index(n) for n in unknowns.names[: unknowns.parameters]]
        own = np.log(np.asarray(self.f.parameters.cpu())[index])
        return np.concatenate([own, np.zeros(len(unknowns) - unknowns.parameters)])

    def scores(self, likelihood: Likelihood, stage: str) -> Callable[[np.ndarray], Scores]:
        """Return the scores of a likelihood, which are remembered under the name of a stage."""

        def filtered(places: torch.Tensor) -> np.ndarray:
            found = likelihood.scores(places.numpy())
            return np.stack([found.errors, found.variances, found.costs], axis=1)

        answer = remembered(self.context, stage, filtered)

        def scores(places: np.ndarray) -> Scores:
            errors, variances, costs = answer(torch.as_tensor(places)).transpose(1, 0, 2)
            return Scores(errors, variances, costs, likelihood.filter.beyond == 0)

        return scores

    def moved(self, place: np.ndarray) -> CalibratedF:
        """Return f at a place of the search, at its steady state."""
        parameters = self.likelihood.parameters(place[None])
        start = self.f.start.clone()
        start[1] = self.likelihood.first(parameters)[0].to(start.device)
        return replace(self.f, parameters=parameters[0].to(self.context.device), start=start)

    def judged(self, found: Likely, filtered: Filtered) -> Calibration:
        """Return the outcome as that of any calibration: intervals are those of the information at the optimum."""
        unknowns, count = self.likelihood.unknowns, self.likelihood.unknowns.parameters
        deviations = np.sqrt(np.diag(found.covariance))
        wide = np.sqrt(quantile(LEVEL)) * deviations
        low, high = found.x - wide, found.x + wide
        edge = AT_BOUND * (unknowns.high - unknowns.low)
        values, own = np.exp(found.x[:count]), slice(0, count)
        bounds = (found.x - unknowns.low < edge) | (unknowns.high - found.x < edge)
        return Calibration(
            names=unknowns.names[own],
            values=values,
            std_errors=deviations[own] * values,
            correlation=(found.covariance / np.outer(deviations, deviations))[own, own],
            at_bound=tuple(bool(v) for v in bounds[own]),
            information=1.0 - (deviations / unknowns.spread)[own] ** 2,
            cost=self.likelihood.misfit(found.x, filtered),
            evaluations=found.evaluations,
            converged=found.converged,
            starts=Starts(1, 1, 1, 0),
            effective=float(len(self.likelihood.filter.beyond)),
            unknowns=unknowns,
            place=found.x,
            spread=deviations,
            profile=Profile(
                low=np.maximum(low, unknowns.low),
                high=np.minimum(high, unknowns.high),
                low_open=tuple(bool(v) for v in low < unknowns.low),
                high_open=tuple(bool(v) for v in high > unknowns.high),
                checked=(False,) * len(unknowns),
                simulations=0,
            ),
        )
