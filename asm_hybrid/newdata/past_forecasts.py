"""Forecasts as they would have been made before now: what they erred by makes the correction and the band of the next.

The method is that of the run's own rolling forecasts; `asm_hybrid.training.rolling_forecast`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Dataset, Observation
from asm_hybrid.newdata.ahead import Ahead
from asm_hybrid.newdata.courses import Course, kept_tensors, pass_over
from asm_hybrid.training.compared_model import FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.origins import HOUR, Targets, choose_origins, choose_targets, knots_ahead
from asm_hybrid.training.recorded_run import RunRecord
from asm_hybrid.training.simulation_models import NeuralModel
from asm_hybrid.training.state_forecast import neural_outputs, plant_fluctuations, plant_outputs, raw_forecasts
from asm_hybrid.training.updating import Fluctuations, innovations, latest
from asm_hybrid.training.windows import recorded_points

__all__ = [
    "LEADS",
    "MOST_VALIDATION",
    "PastForecasts",
    "Stretch",
    "fluctuations_of",
    "leads_until",
    "validation_forecasts",
]

LEADS = (1.0, 2.0, 3.0, 6.0, 12.0, 18.0, 24.0, 36.0, 48.0, 72.0, 96.0, 120.0, 144.0, 168.0)
"""Lead times at which errors are collected [h]."""
MOST_VALIDATION = 240
"""Origins in the validation block at most; their forecasts are kept."""


def leads_until(horizon: float) -> tuple[float, ...]:
    """Return the lead times at which errors are collected.

    Parameters
    ----------
    horizon : float
        The last of them [h].

    Returns
    -------
    tuple of float
        In hours.
    """
    return (*(lead for lead in LEADS if lead < horizon - 1e-9), horizon)


@dataclass(frozen=True, eq=False)
class PastForecasts:
    """Forecasts of past measurements, one variable, uncorrected.

    Attributes
    ----------
    lead : ndarray, shape (target,)
        Lead time [h].
    origin, time : ndarray, shape (target,)
        Times of the origins and of the samples [d] from the first knot of the record.
    raw : ndarray, shape (member, target)
        The forecasts.
    innovation : ndarray, shape (member, target)
        Measured minus simulated at the last sample before the origin; zero where that is too old.
    measured, last, censored : ndarray, shape (target,)
        Measurements; the last ones before the origins; where the former are a limit of the sensor.
    """

    lead: np.ndarray
    origin: np.ndarray
    time: np.ndarray
    raw: np.ndarray
    innovation: np.ndarray
    measured: np.ndarray
    last: np.ndarray
    censored: np.ndarray

    def at(self, lead: float) -> PastForecasts:
        """Return those of one lead time."""
        return self._chosen(self.lead == lead)

    def then(self, later: PastForecasts) -> PastForecasts:
        """Return these, and later ones."""
        return PastForecasts(**{k: np.concatenate([v, getattr(later, k)], axis=-1) for k, v in vars(self).items()})

    def _chosen(self, chosen: np.ndarray) -> PastForecasts:
        return PastForecasts(**{k: v[..., chosen] for k, v in vars(self).items()})


@dataclass(frozen=True, eq=False)
class Made:
    """Forecasts that were made at once.

    Attributes
    ----------
    past : tuple of PastForecasts
        Of past measurements, one entry a variable.
    series : ndarray, shape (member, knot, variable)
        What the sensors will show at the knots from the last one on, uncorrected; empty where that was not asked for.
    """

    past: tuple[PastForecasts, ...]
    series: np.ndarray


@dataclass(frozen=True, eq=False)
class Stretch:
    """A stretch of time over which a model was simulated, and from whose knots it can forecast.

    Attributes
    ----------
    record : RunRecord
        The run.
    course : Course
        The run's own model.
    first : int
        Knot of the record at which it begins.
    inputs : ndarray, shape (knot, input)
        Its inputs.
    history : ndarray, shape (before + knot, input)
        What is known of inputs, also before it.
    observations : tuple of Observation
        What was measured until its end, also before its begin; times [d] from its begin.
    loop : OpenLoop
        The model at those measurements, and its states at the knots of the stretch.
    """

    record: RunRecord
    course: Course
    first: int
    inputs: np.ndarray
    history: np.ndarray
    observations: tuple[Observation, ...]
    loop: OpenLoop

    def past_and_now(
        self,
        knots: np.ndarray,
        limits: tuple[float, float],
        horizon: float,
        ahead: Ahead,
        moving: Fluctuations | None,
        *,
        now: bool = True,
    ) -> Made:
        """Forecast what was measured within limits from some knots, and what comes from the last knot, in one batch.

        Parameters
        ----------
        knots : ndarray of int, shape (origin,)
            Knots of the stretch, before the last one.
        limits : pair of float
            Between which measurements are forecast [d].
        horizon : float
            How far [h].
        ahead : Ahead
            What comes in.
        moving : Fluctuations or None
            How states and measured variables move together; None for a neural ODE.
        now : bool
            Whether to forecast from the last knot.

        Returns
        -------
        Made
        """
        interval, model = self.record.interval, self.course.model
        reach, before = knots_ahead(interval, (horizon,)), len(self.history) - len(self.inputs)
        origins, (low, high) = knots * interval, (np.full(len(knots), limit) for limit in limits)
        leads = leads_until(horizon)
        targets = tuple(choose_targets(o, origins, (low, high), interval, leads) for o in self.observations)
        foreseen = [ahead.past.inputs(self.history, before + int(k), reach) for k in knots]
        if now:
            foreseen.append(ahead.inputs(self.history, len(self.history) - 1, reach))
        if not foreseen:
            return Made(self._none(), np.zeros(0))
        neural = isinstance(model, NeuralModel)
        between = self.course.between
        points = 1 if neural else recorded_points(self.observations, interval, model.grid.substeps, between=between)
        grid = replace(model.grid, points=points)
        fitted = replace(self.record.model, grid=grid)
        task = ForecastTask(
            FittedRecord(fitted, _dataset(self), torch.as_tensor(self.inputs), {}, None),
            np.append(knots, len(self.inputs) - 1) if now else knots,
            targets,
            reach,
            np.zeros(0, dtype=int),
            torch.as_tensor(np.stack(foreseen)),
        )
        if isinstance(model, NeuralModel):
            outputs = neural_outputs(task, self.loop, model)
        else:
            assert moving is not None
            outputs = plant_outputs(task, self.loop, replace(model, grid=grid), self.course.show, moving)
        raw = raw_forecasts(task, outputs, points)
        found = tuple(self._collected(v, knots, t, y) for v, (t, y) in enumerate(zip(targets, raw, strict=True)))
        return Made(found, np.asarray(outputs[:, -1, ::points, :]) if now else np.zeros(0))

    def _none(self) -> tuple[PastForecasts, ...]:
        """Return no forecasts, where there is no origin."""
        empty, members = np.zeros(0), len(self.course.start)
        rows = np.zeros((members, 0))
        none = PastForecasts(empty, empty, empty, rows, rows, empty, empty, np.zeros(0, dtype=np.int8))
        return (none,) * len(self.observations)

    def _collected(self, v: int, knots: np.ndarray, at: Targets, raw: np.ndarray) -> PastForecasts:
        o, origins = self.observations[v], knots * self.record.interval
        known = known_innovation(o, self.loop.values[v], origins)
        start = self.first * self.record.interval
        last = latest(o.times, origins)
        return PastForecasts(
            lead=at.horizon.astype(float),
            origin=origins[at.origin] + start,
            time=o.times[at.sample] + start,
            raw=raw,
            innovation=known[:, at.origin],
            measured=o.values[at.sample],
            last=o.values[last[at.origin]] if len(at.origin) else np.zeros(0),
            censored=o.censored[at.sample],
        )


def known_innovation(observation: Observation, simulated: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Return measured minus simulated at the last sample before each origin; zero where that is too old.

    Parameters
    ----------
    observation : Observation
        The variable.
    simulated : ndarray, shape (member, sample)
        In open loop.
    origins : ndarray, shape (origin,)
        Times [d].

    Returns
    -------
    ndarray, shape (member, origin)
    """
    if not len(observation.times):
        return np.zeros((len(simulated), len(origins)))
    return innovations(observation.times, -observation.error(simulated), observation.noise, origins).error


def _dataset(stretch: Stretch) -> Dataset:
    """Return a stretch as the dataset that a forecast reads its measurements from."""
    record, count = stretch.record, len(stretch.inputs)
    specs = record.model.plant.inputs
    return Dataset(
        origin=record.stamp(stretch.first),
        interval=record.interval,
        zone=record.zone,
        input_names=specs.names,
        input_units=tuple(specs.units.values()),
        times=np.arange(count, dtype=np.float64) * record.interval,
        inputs=stretch.inputs,
        input_filled=np.zeros(stretch.inputs.shape, dtype=bool),
        observations=stretch.observations,
        blocks={},
        quality=(),
        fingerprint=(),
    )


def fluctuations_of(tensors: dict[str, Tensor]) -> Fluctuations | None:
    """Return what is kept of how states and measured variables move together.

    Parameters
    ----------
    tensors : dict of str to Tensor
        What is kept.

    Returns
    -------
    Fluctuations or None
        None for a neural ODE.
    """
    if "moving.response" not in tensors:
        return None
    return Fluctuations(*(tensors[f"moving.{name}"] for name in ("correlation", "response", "spread")))


def validation_forecasts(
    record: RunRecord, course: Course, horizon: float, ahead: Ahead
) -> tuple[tuple[PastForecasts, ...], Fluctuations | None]:
    """Return forecasts over the validation block, and how states move; those that an earlier call has kept, or new.

    Parameters
    ----------
    record : RunRecord
        The run.
    course : Course
        Its own model.
    horizon : float
        How far [h].
    ahead : Ahead
        What comes in; of a file its rule for what the file does not hold.

    Returns
    -------
    tuple of PastForecasts
        One a variable.
    Fluctuations or None
        None for a neural ODE.
    """
    tensors = kept_tensors(
        record, f"forecasts-{ahead.name}-{horizon:g}h", lambda: _validation(record, course, horizon, ahead)
    )
    fields = PastForecasts.__dataclass_fields__
    found = tuple(
        PastForecasts(**{name: tensors[f"{v}.{name}"].numpy() for name in fields}) for v in range(len(record.variables))
    )
    return found, fluctuations_of(tensors)


def _validation(record: RunRecord, course: Course, horizon: float, ahead: Ahead) -> dict[str, Tensor]:
    """Simulate the record, and forecast from origins in its validation block."""
    passed = pass_over(course, course.start, record.inputs, record.variables, reached=False)
    loop = passed.loop
    assert loop.trajectory is not None
    blocks = {name: (record.days(begin), record.days(end)) for name, (begin, end) in record.blocks.items()}
    out: dict[str, Tensor] = {}
    moving = None
    if not isinstance(course.model, NeuralModel):
        begin, end = blocks["train"]
        step = max(1.0, HOUR / record.interval)
        hourly = torch.as_tensor(
            np.unique(np.arange(np.ceil(begin / record.interval), end / record.interval, step).astype(int))
        )
        noise = [o.noise for o in record.variables]
        inputs = torch.as_tensor(record.inputs)[hourly]
        moving = plant_fluctuations(course.model, loop.trajectory[:, hourly], inputs, noise)
        out |= {f"moving.{name}": value for name, value in vars(moving).items()}
    stretch = Stretch(record, course, 0, record.inputs, record.inputs, record.variables, loop)
    knots = choose_origins(blocks, "validate", record.interval, MOST_VALIDATION).knots
    knots = knots[knots * record.interval >= ahead.needed]
    made = stretch.past_and_now(knots, blocks["validate"], horizon, ahead, moving, now=False)
    for v, forecasts in enumerate(made.past):
        out |= {f"{v}.{name}": torch.as_tensor(np.asarray(value)) for name, value in vars(forecasts).items()}
    return out
