"""Recalibration of f on its block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import calibration_bounds
from asm_hybrid.training.calibration import Calibration, calibrate
from asm_hybrid.training.observation import robust
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import PlantModel, start_state, without_gradients
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["CalibratedF", "calibrate_f", "uncalibrated_f"]


@dataclass(frozen=True)
class CalibratedF:
    """f with the parameters that were found.

    Attributes
    ----------
    parameters : Tensor, shape (parameter,)
        Parameters.
    start : Tensor, shape (2, row, component)
        Steady states, with the default parameters and with these.
    calibration : Calibration or None
        The outcome of the search; None as long as it has not ended, or where nothing is calibrated.
    """

    parameters: Tensor
    start: Tensor
    calibration: Calibration | None = None


def uncalibrated_f(context: RunContext) -> CalibratedF:
    """Return f as a run begins with it.

    Parameters
    ----------
    context : RunContext
        The run.

    Returns
    -------
    CalibratedF
        With the default parameters, or those of an earlier run, and zeros for the steady states.
    """
    first = context.defaults if context.warm_start is None else context.warm_start.parameters
    start = torch.zeros(2, *context.plant.shape, dtype=torch.float64, device=context.device)
    return CalibratedF(first.to(context.device).clone(), start)


def calibrate_f(context: RunContext, f: CalibratedF, keep: Callable[[CalibratedF], None]) -> CalibratedF:
    """Recalibrate f, where the config asks for it.

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
        With the best parameters and their steady state; as it was where nothing is calibrated.
    """
    chosen = calibration_bounds(context.config, context.plant.table)
    if not chosen or "calibration" not in context.config.training.stages:
        return f
    names = list(chosen)
    index = [context.plant.table.parameter_names.index(n) for n in names]
    evaluations = context.config.training.calibration_evaluations
    least = np.inf

    def moved(values: np.ndarray) -> CalibratedF:
        parameters, start = f.parameters.clone(), f.start.clone()
        parameters[index] = torch.as_tensor(values, device=context.device)
        start[1] = start_state(context.system(parameters), context.typical_inputs, f.start[:1])[0]
        return CalibratedF(parameters, start)

    def report(evaluation: int, cost: float, values: np.ndarray) -> None:
        nonlocal least
        if cost < least:
            least = cost
            keep(moved(values))
        context.log.write(
            {"stage": "calibration", "evaluation": evaluation, "loss": cost}
            | {"parameters": dict(zip(names, values.tolist(), strict=True))}
        )
        context.progress.advance(f"mean squared residual {cost:.4g}")

    context.progress.stage("recalibrating f", evaluations)
    found = calibrate(
        names,
        np.asarray(f.parameters[index].cpu()),
        np.array([chosen[n] for n in names]),
        _remembered(context, "calibration", _residuals(context, f, index)),
        max_evaluations=evaluations,
        report=report,
    )
    best = moved(found.values)
    return CalibratedF(best.parameters, best.start, found)


def _residuals(context: RunContext, f: CalibratedF, index: list[int]) -> Callable[[Tensor], np.ndarray]:
    """Return the function from values of some parameters ``(set, parameter)`` to residuals ``(set, sample)``."""
    grid, observations, sensors = context.grid, context.dataset.observations, context.new_sensors()
    begin, end = context.blocks["calibrate"]
    last = min(len(context.inputs) - 1, int(np.ceil(end / grid.interval)))
    inputs = context.inputs[: last + 1]
    used = [(np.asarray(o.times) >= begin) & (np.asarray(o.times) <= end) for o in observations]

    def residuals(sets: Tensor) -> np.ndarray:
        full = f.parameters.repeat(len(sets), 1)
        full[:, index] = sets.to(context.device)
        system = context.system(full)
        with torch.no_grad():
            first = start_state(system, context.typical_inputs, f.start[:1])
        solution = without_gradients(PlantModel(system, grid)).simulate(first, inputs)
        shown = np.asarray(sensors.known(solution.outputs, grid.spacing).cpu())
        found = interpolate_outputs(shown, observations, grid.interval, grid.points)
        parts = [o.error(y)[..., u] / o.noise for y, o, u in zip(found, observations, used, strict=True)]
        return np.asarray(robust(torch.as_tensor(np.concatenate(parts, axis=-1)), context.config.training.loss))

    return residuals


def _remembered(
    context: RunContext, stage: str, function: Callable[[Tensor], np.ndarray]
) -> Callable[[Tensor], np.ndarray]:
    """Return a function that answers from the checkpoint of a stage, call by call, as far as that goes."""
    saved = context.checkpoints.load(stage)
    known = dict(saved.tensors) if saved else {}
    calls = 0

    def answer(sets: Tensor) -> np.ndarray:
        nonlocal calls
        asked, found = f"asked.{calls}", f"found.{calls}"
        calls += 1
        if asked not in known or not torch.equal(known[asked], sets):
            known[found] = torch.as_tensor(function(sets)).clone(memory_format=torch.contiguous_format)
            known[asked] = sets
            context.save(stage, known)
        return np.asarray(known[found])

    return answer
