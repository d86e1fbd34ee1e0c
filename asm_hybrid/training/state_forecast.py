"""Forecasts of a model with states: it restarts from its open-loop state, moved by the last measurements.

What is measured moves by the gain of a Kalman filter, all states of a plant as they fluctuate with it in the training
block. No state depends on another origin. The forecasts are then corrected by what the
earlier ones erred by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Observation
from asm_hybrid.training.compared_model import FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.forecast_errors import corrected
from asm_hybrid.training.observation import CUBIC
from asm_hybrid.training.origins import Targets
from asm_hybrid.training.simulation_models import NeuralModel, PlantModel, without_gradients
from asm_hybrid.training.updating import Fluctuations, fluctuations, innovations, update
from asm_hybrid.training.windows import interpolate_outputs

__all__ = [
    "KnownAtOrigins",
    "known_at_origins",
    "loop_of_f",
    "neural_outputs",
    "plant_fluctuations",
    "plant_forecast",
    "plant_outputs",
    "raw_forecasts",
    "read_forecasts",
]

SAME = 1e-6
"""Share of a knot interval that rounding makes."""
DAY = 24
"""Hours of the running mean from which a trajectory fluctuates."""


@dataclass(frozen=True)
class KnownAtOrigins:
    """What a forecast starts from.

    Attributes
    ----------
    states : Tensor, shape (member, origin, …)
        Open-loop states.
    inputs : Tensor, shape (origin, knot, input)
        Inputs from the origins on.
    error, variance : Tensor, shape (member, origin, variable)
        Measured minus simulated at the last sample, and the variance of the model's own error.
    fresh : Tensor of bool, shape (origin, variable)
        Whether there is a sample that is not too old.
    noise : Tensor, shape (variable,)
        Standard deviations of the sensors' errors.
    """

    states: Tensor
    inputs: Tensor
    error: Tensor
    variance: Tensor
    fresh: Tensor
    noise: Tensor

    def update(self, correlation: Tensor) -> Tensor:
        """Return by how much the measured variables are moved; see `asm_hybrid.training.updating.update`."""
        return update(self.error, self.variance, self.fresh, self.noise, correlation)


def _driven(task: ForecastTask) -> Tensor:
    """Return the inputs from every origin on, ``(origin, knot, input)``; the last of a record stand for later ones."""
    if task.ahead is not None:
        return task.ahead
    device = task.record.inputs.device
    start = torch.as_tensor(task.knots, device=device)
    ahead = start.unsqueeze(1) + torch.arange(task.reach + 1, device=device)
    return task.record.inputs[ahead.clamp(max=len(task.record.inputs) - 1)]


def known_at_origins(task: ForecastTask, loop: OpenLoop) -> KnownAtOrigins:
    """Return what is known at the origins of a model.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    loop : OpenLoop
        The model's open-loop prediction, with its states.

    Returns
    -------
    KnownAtOrigins
    """
    record, device = task.record, task.record.inputs.device
    assert loop.trajectory is not None
    found = [
        innovations(o.times, -o.error(y), o.noise, task.origins)
        for o, y in zip(record.observations, loop.values, strict=True)
    ]
    # a mean over hours that have passed says little about a state now
    found = [
        replace(i, fresh=np.zeros_like(i.fresh)) if o.period else i
        for i, o in zip(found, record.observations, strict=True)
    ]
    error, variance, fresh = (
        torch.as_tensor(np.stack([getattr(i, field) for i in found], axis=-1), device=device)
        for field in ("error", "variance", "fresh")
    )
    return KnownAtOrigins(
        states=loop.trajectory[:, torch.as_tensor(task.knots, device=device)],
        inputs=_driven(task),
        error=error,
        variance=variance,
        fresh=fresh,
        noise=torch.as_tensor([o.noise for o in record.observations], dtype=error.dtype, device=device),
    )


def read_forecasts(task: ForecastTask, loop: OpenLoop, outputs: Tensor, points: int) -> list[np.ndarray]:
    """Return forecasts from simulations that start at the origins, corrected by what the earlier ones erred by.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    loop : OpenLoop
        The open-loop prediction of the same model.
    outputs : Tensor, shape (member, origin, point, variable)
        What the sensors show.
    points : int
        Recorded points per knot interval.

    Returns
    -------
    list of ndarray, each (member, target)
        One a variable, in its unit.
    """
    found = raw_forecasts(task, outputs, points)
    return [
        _corrected(y, o, t, task.origins, simulated)
        for y, o, t, simulated in zip(found, task.record.observations, task.targets, loop.values, strict=True)
    ]


def raw_forecasts(task: ForecastTask, outputs: Tensor, points: int) -> list[np.ndarray]:
    """Return forecasts from simulations that start at the origins.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    outputs : Tensor, shape (member, origin, point, variable)
        What the sensors show.
    points : int
        Recorded points per knot interval.

    Returns
    -------
    list of ndarray, each (member, target)
        One a variable, in its unit.
    """
    interval, observations = task.record.grid.interval, task.record.observations
    # The windows are laid end to end, without their last points: one series that is read like that of a record.
    cut = np.asarray(outputs.cpu())[..., :-1, :]
    series = cut.reshape(len(cut), -1, cut.shape[-1])
    carried = _driven(task)[:, :-1, task.record.model.plant.inputs.positions["Q_in"]]
    flow = np.asarray(torch.cat([carried.flatten(), carried[-1:, -1]]).cpu())
    placed = [
        replace(
            o,
            times=o.times[t.sample] - task.origins[t.origin] + t.origin * task.reach * interval,
            flow=None if o.flow is None else flow,
        )
        for o, t in zip(observations, task.targets, strict=True)
    ]
    return interpolate_outputs(series, placed, interval, points)


def _corrected(
    series: np.ndarray, observation: Observation, at: Targets, origins: np.ndarray, simulated: np.ndarray
) -> np.ndarray:
    """Return forecasts ``(member, target)`` of one model, each horizon corrected by what it erred by before."""
    found = innovations(observation.times, -observation.error(simulated), observation.noise, origins)
    out = np.empty_like(series)
    for horizon in np.unique(at.horizon):
        k = at.horizon == horizon
        sample, origin = at.sample[k], at.origin[k]
        measured, censored = observation.values[sample], observation.censored[sample]
        times = origins[origin], observation.times[sample]
        out[:, k] = corrected(series[:, k], found.error[:, origin], measured, censored, *times, observation.noise)
    return out


def plant_forecast(
    task: ForecastTask, loop: OpenLoop, plant: PlantModel, show: Callable[[Tensor, float], Tensor]
) -> list[np.ndarray] | None:
    """Forecast with a plant.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    loop : OpenLoop
        Its open-loop prediction.
    plant : PlantModel
        f, or f + n.
    show : callable
        From outputs and the distance of two points [d] to what the sensors show.

    Returns
    -------
    list of ndarray, each (member, target), or None
        One a variable, in its unit; None where there is no origin.
    """
    if not len(task.knots):
        return None
    assert loop.trajectory is not None
    seen = torch.as_tensor(task.hourly, device=task.record.inputs.device)
    noise = [o.noise for o in task.record.observations]
    moving = plant_fluctuations(plant, loop.trajectory[:, seen], task.record.inputs[seen], noise)
    return read_forecasts(task, loop, plant_outputs(task, loop, plant, show, moving), task.record.grid.points)


def plant_fluctuations(plant: PlantModel, states: Tensor, inputs: Tensor, noise: Sequence[float]) -> Fluctuations:
    """Return how states and measured variables of a plant move together.

    Parameters
    ----------
    plant : PlantModel
        f, or f + n.
    states : Tensor, shape (member, hour, row, component)
        Its states, an hour apart.
    inputs : Tensor, shape (hour, input)
        Inputs there.
    noise : sequence of float
        Standard deviations of the sensors' errors.

    Returns
    -------
    Fluctuations
    """
    of_plant = plant.system.plant
    with torch.no_grad():
        shown = plant.system.output(states, plant.system.forcing(inputs))
        if of_plant.steered:  # volumes and controllers do not follow what is measured in the water
            matter = torch.arange(of_plant.rows.count) < of_plant.rows.layers[1]
            states = torch.where(matter.to(states.device).unsqueeze(-1), states, 0.0)
        return fluctuations(states.flatten(-2), shown, shown.new_tensor(noise), DAY)


def plant_outputs(
    task: ForecastTask,
    loop: OpenLoop,
    plant: PlantModel,
    show: Callable[[Tensor, float], Tensor],
    moving: Fluctuations,
) -> Tensor:
    """Simulate a plant from its updated states at the origins.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    loop : OpenLoop
        Its open-loop prediction.
    plant : PlantModel
        f, or f + n.
    show : callable
        From outputs and the distance of two points [d] to what the sensors show.
    moving : Fluctuations
        From `plant_fluctuations`, over the training block.

    Returns
    -------
    Tensor, shape (member, origin, point, variable)
        What the sensors show.
    """
    known = known_at_origins(task, loop)
    with torch.no_grad():
        moves = moving.moves(known.update(moving.correlation))
        first = torch.maximum(known.states + moves.reshape(known.states.shape), known.states.clamp(max=0.0))
        outputs = without_gradients(plant).simulate(first, known.inputs).outputs
        before = _before(task, loop, plant, outputs)
        shown = show(torch.cat([before, outputs], dim=-2), task.record.grid.spacing)
        return shown[..., before.shape[-2] :, :]


def _before(task: ForecastTask, loop: OpenLoop, plant: PlantModel, outputs: Tensor) -> Tensor:
    """Return what was before the origins, as far back as sensors are late, ``(member, origin, point, variable)``.

    It is the open-loop simulation, moved as the measured variables are at the origins, so that no jump stands there.
    """
    record, grid, size = task.record, task.record.grid, CUBIC
    knots = math.ceil(record.model.sensors.longest / grid.interval - SAME)
    if not knots:
        return outputs[..., :0, :]
    knots += -knots % size  # whole steps of three points, also where only knots are recorded
    assert loop.trajectory is not None
    back = torch.as_tensor(task.knots, device=outputs.device).unsqueeze(1) + torch.arange(-knots, 1)
    back = back.clamp(min=0)
    found = plant.system.output(loop.trajectory[:, back], plant.system.forcing(record.inputs[back]))
    found = found + (outputs[..., :1, :] - found[..., -1:, :])
    share = torch.arange(grid.points, dtype=found.dtype, device=found.device).unsqueeze(-1) / grid.points
    first, then = found[..., :-1, None, :], found[..., 1:, None, :]
    return (first + share * (then - first)).flatten(-3, -2)


def neural_outputs(task: ForecastTask, loop: OpenLoop, model: NeuralModel) -> Tensor:
    """Simulate a neural ODE from the last measurements at the origins, each of which moves its own variable.

    Parameters
    ----------
    task : ForecastTask
        What is to be forecast.
    loop : OpenLoop
        Its open-loop prediction.
    model : NeuralModel
        The neural ODE.

    Returns
    -------
    Tensor, shape (member, origin, knot, variable)
    """
    known = known_at_origins(task, loop)
    variables = len(known.noise)
    apart = torch.eye(variables, dtype=known.noise.dtype, device=known.noise.device)
    with torch.no_grad():
        first = known.states + known.update(apart.expand(len(known.states), -1, -1))
    return without_gradients(model).simulate(first, known.inputs).outputs


def loop_of_f(record: FittedRecord, which: int) -> OpenLoop:
    """Return the open loop of f.

    Parameters
    ----------
    record : FittedRecord
        The record.
    which : {0, 1}
        With the default parameters, or with the calibrated ones.

    Returns
    -------
    OpenLoop
        As one member.
    """
    assert record.f is not None
    assert record.f.knots is not None
    part = slice(which, which + 1)
    sensors = record.model.sensors
    shown = (sensors.of_f if which else sensors.known)(record.f.outputs[part], record.grid.spacing)
    return OpenLoop(record.read(shown, record.grid.points), record.f.knots[part])
