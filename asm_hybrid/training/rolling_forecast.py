"""Forecasts from rolling origins: a task apart from simulation, with states updated by what was measured until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import count
from math import ceil, floor, gcd
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from asm_hybrid.data import Dataset, Observation
from asm_hybrid.data.censoring import censored_error
from asm_hybrid.training.bands import held
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.forecast_errors import corrected, radius
from asm_hybrid.training.improvement import improvement
from asm_hybrid.training.scores import score
from asm_hybrid.training.simulation_models import NeuralModel, PlantModel
from asm_hybrid.training.updating import fluctuations, innovations, latest, update
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["FORECASTERS", "HORIZONS", "Forecast", "Origins", "choose_origins", "forecast"]

HORIZONS = (1, 6, 24)
"""Lead times [h]."""
FORECASTERS = ("persistence", "diurnal", "mechanistic", "recalibrated", "neural", "hybrid")
FORECAST_BLOCKS = ("validate", "test")
MOST_ORIGINS = 500
"""Origins in a block, at most; 10 days hold 263 of them an hour apart, and these take seconds."""
HOUR = 1.0 / 24.0
DAY = 24
"""Hours of the running mean from which a trajectory fluctuates."""
SAME = 1e-6
"""Time [d] within which two times are the same."""


@dataclass(frozen=True)
class Origins:
    """From where the forecasts of one block start.

    Attributes
    ----------
    knots : ndarray of int, shape (origin,)
        Knots of the record.
    spacing : int
        Distance of two origins [h].
    """

    knots: np.ndarray
    spacing: int


@dataclass(frozen=True)
class Forecast:
    """Forecasts of all models.

    Attributes
    ----------
    table : DataFrame
        One row for each block, variable, horizon and forecast sample, with the median of every model, and the 90 %
        band of the run's own.
    summary : dict
        ``horizons`` [h]; ``origins`` and ``spacing`` [h] by block; ``scores`` by block, horizon (``"6 h"``), variable
        and model; ``improvement``: interval of the change of the RMSE of the run's own model against persistence, by
        block, horizon and variable; ``bands``: coverage [-], mean width, bias and number of samples likewise.
    """

    table: pd.DataFrame
    summary: dict[str, Any]


@dataclass(frozen=True)
class _Targets:
    """The samples of one variable that are forecast: arrays ``(target,)``."""

    origin: np.ndarray
    sample: np.ndarray
    horizon: np.ndarray


def choose_origins(blocks: Mapping[str, tuple[float, float]], block: str, interval: float) -> Origins:
    """Return the origins whose forecasts reach into a block.

    They begin up to the longest horizon before it, but not before an earlier block has ended: what was fitted or chosen
    with later measurements must not forecast them. They are whole hours apart, one or the next number that shares no
    divisor with 24, so that all hours of the day come up.

    Parameters
    ----------
    blocks : mapping
        Start and end of every block [d].
    block : str
        The block.
    interval : float
        Distance of two knots [d].
    """
    begin, end = blocks[block]
    ended = max([blocks["train"][0], *(e for b, e in blocks.values() if b < begin)])
    first = ceil((max(begin - max(HORIZONS) * HOUR, ended)) / interval - SAME)
    last = floor((end - min(HORIZONS) * HOUR) / interval + SAME)
    hours = (last - first) * interval / HOUR
    spacing = next(s for s in count(1) if gcd(s, 24) == 1 and hours / s + 1 <= MOST_ORIGINS)
    return Origins(np.arange(first, last + 1, max(1, round(spacing * HOUR / interval))), spacing)


def forecast(
    model: FittedModel,
    dataset: Dataset,
    inputs: Tensor,
    values: Mapping[str, Mapping[str, np.ndarray]],
    trajectories: Mapping[str, Tensor],
    blocks: Mapping[str, tuple[float, float]],
) -> Forecast:
    """Forecast with every model from rolling origins, inputs over the horizon taken as they were measured.

    Every model restarts at an origin from its own open-loop state, moved by the last measurements: what is measured by
    the gain of a Kalman filter, all states as they fluctuate with it in the training block. No state depends on another
    origin, and all run as one batch. The forecasts are then corrected by what the earlier ones erred by.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    dataset : Dataset
        The record.
    inputs : Tensor, shape (knot, input)
        Inputs of the record.
    values : mapping
        Open-loop predictions at the measurements by variable and model, ``(member, sample)``.
    trajectories : mapping
        Open-loop states at the knots by model, ``(member, knot, row, component)``; of the pure neural ODE
        ``(member, knot, variable)``.
    blocks : mapping
        Start and end of every block [d].

    Returns
    -------
    Forecast
    """
    interval = model.grid.interval
    chosen = {name: choose_origins(blocks, name, interval) for name in FORECAST_BLOCKS}
    knots = np.concatenate([o.knots for o in chosen.values()])
    names = np.repeat(list(chosen), [len(o.knots) for o in chosen.values()])
    targets = [_targets(o, knots * interval, names, blocks, interval) for o in dataset.observations]
    reach = ceil((max(HORIZONS) * HOUR + _tolerance(interval)) / interval) + 1
    hourly = np.arange(ceil(blocks["train"][0] / interval), blocks["train"][1] / interval, max(1, HOUR / interval))
    found = {
        name: _run(name, model, dataset, inputs, values, states, knots, targets, reach, np.unique(hourly.astype(int)))
        for name, states in trajectories.items()
        if len(knots)
    }
    frames = []
    scores: dict[str, dict[str, Any]] = {name: {f"{h} h": {} for h in HORIZONS} for name in FORECAST_BLOCKS}
    bands: dict[str, dict[str, Any]] = {name: {f"{h} h": {} for h in HORIZONS} for name in FORECAST_BLOCKS}
    against: dict[str, dict[str, Any]] = {name: {f"{h} h": {} for h in HORIZONS} for name in FORECAST_BLOCKS}
    for v, (o, at) in enumerate(zip(dataset.observations, targets, strict=True)):
        simulated = values[o.label]
        models = {
            "persistence": o.values[latest(o.times, knots * interval)][at.origin][None],
            "diurnal": simulated["diurnal"][:, at.sample],
        } | {name: _corrected(series[v], o, at, knots * interval, simulated[name]) for name, series in found.items()}
        models = {name: models[name] for name in FORECASTERS if name in models}
        measured, censored, block = o.values[at.sample], o.censored[at.sample], names[at.origin]
        median = {name: np.median(y, axis=0) for name, y in models.items()}
        unknown = np.full(len(measured), np.nan)
        own = median.get(model.kind, unknown)
        low, high = _band(own, o, at, knots * interval)
        for name, horizon in ((b, h) for b in FORECAST_BLOCKS for h in HORIZONS):
            inside = (block == name) & (at.horizon == horizon)
            if not inside.any():
                continue
            scores[name][f"{horizon} h"][o.label] = {
                m: score(measured[inside], y[:, inside], censored[inside])
                for m, y in models.items()
                if np.isfinite(y[:, inside]).all()
            }
            if model.kind in models:
                errors = (
                    censored_error(models[m] - measured, censored)[:, inside] for m in (model.kind, "persistence")
                )
                if change := improvement(o.times[at.sample][inside], *errors):
                    against[name][f"{horizon} h"][o.label] = asdict(change)
            if np.isfinite(low[inside]).all():
                bands[name][f"{horizon} h"][o.label] = held(
                    measured[inside], own[inside], low[inside], high[inside], censored[inside]
                )
        columns = {
            "origin": [dataset.to_stamp(t).isoformat() for t in knots[at.origin] * interval],
            "time": [dataset.to_stamp(t).isoformat() for t in o.times[at.sample]],
            "block": block,
            "variable": o.label,
            "unit": o.unit,
            "horizon": at.horizon,
            "measured": measured,
            "censored": censored,
        }
        frames.append(pd.DataFrame(columns | median | {"band_low": low, "band_high": high}))
    summary = {
        "horizons": list(HORIZONS),
        "origins": {name: len(o.knots) for name, o in chosen.items()},
        "spacing": {name: o.spacing for name, o in chosen.items()},
        "scores": scores,
        "improvement": against,
        "bands": bands,
    }
    return Forecast(pd.concat(frames, ignore_index=True), summary)


def _corrected(
    series: np.ndarray, observation: Observation, at: _Targets, origins: np.ndarray, simulated: np.ndarray
) -> np.ndarray:
    """Return forecasts ``(member, target)`` of one model, each horizon corrected by what it erred by before."""
    found = innovations(observation.times, -observation.error(simulated), observation.noise, origins)
    out = np.empty_like(series)
    for horizon in HORIZONS:
        k = at.horizon == horizon
        sample, origin = at.sample[k], at.origin[k]
        measured, censored = observation.values[sample], observation.censored[sample]
        times = origins[origin], observation.times[sample]
        out[:, k] = corrected(series[:, k], found.error[:, origin], measured, censored, *times, observation.noise)
    return out


def _band(
    median: np.ndarray, observation: Observation, at: _Targets, origins: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the limits of the bands of forecasts ``(target,)``, not below zero; undefined where a model diverged."""
    error = censored_error(median - observation.values[at.sample], observation.censored[at.sample])
    half = np.full(len(median), np.nan)
    for horizon in HORIZONS:
        k = at.horizon == horizon
        if np.isfinite(error[k]).all():
            half[k] = radius(error[k], origins[at.origin[k]], observation.times[at.sample[k]], observation.noise)
    return np.maximum(median - half, 0.0), np.maximum(median + half, 0.0)


def _tolerance(interval: float) -> float:
    """Time [d] by which a sample may be later than the horizon; shorter than the distance of two origins."""
    return max(HOUR, interval)


def _targets(
    observation: Observation,
    origins: np.ndarray,
    names: np.ndarray,
    blocks: Mapping[str, tuple[float, float]],
    interval: float,
) -> _Targets:
    """Return the first sample of a block from each horizon on, where anything was measured before the origin.

    Of composites those whose whole period lies after the origin.
    """
    times = observation.times
    begin, end = (np.array([blocks[n][k] for n in names]) for k in (0, 1))
    parts = []
    for horizon in HORIZONS:
        lead = origins + horizon * HOUR
        sample = np.searchsorted(times, lead - SAME)
        at = times[np.minimum(sample, len(times) - 1)]
        near = (sample < len(times)) & (at < lead + _tolerance(interval) - SAME)
        near &= at - observation.period >= origins - SAME
        kept = np.flatnonzero(near & (at >= begin) & (at <= end) & (latest(times, origins) >= 0))
        parts.append((kept, sample[kept], np.full(len(kept), horizon)))
    return _Targets(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _run(
    name: str,
    model: FittedModel,
    dataset: Dataset,
    inputs: Tensor,
    values: Mapping[str, Mapping[str, np.ndarray]],
    trajectory: Tensor,
    knots: np.ndarray,
    targets: list[_Targets],
    reach: int,
    trained: np.ndarray,
) -> list[np.ndarray]:
    """Update and run one model from all origins; return its forecasts, ``(member, target)`` for each variable."""
    grid, observations = model.grid, dataset.observations
    device, origins = inputs.device, knots * grid.interval
    found = [innovations(o.times, -o.error(values[o.label][name]), o.noise, origins) for o in observations]
    # a mean over hours that have passed says little about a state now
    found = [
        replace(i, fresh=np.zeros_like(i.fresh)) if o.period else i for i, o in zip(found, observations, strict=True)
    ]
    error, variance, fresh = (
        torch.as_tensor(np.stack([getattr(i, field) for i in found], axis=-1), device=device)
        for field in ("error", "variance", "fresh")
    )
    noise = torch.as_tensor([o.noise for o in observations], dtype=error.dtype, device=device)
    start, seen = (torch.as_tensor(at, device=device) for at in (knots, trained))
    states = trajectory[:, start]
    window = (start.unsqueeze(1) + torch.arange(reach + 1, device=device)).clamp(max=len(inputs) - 1)
    with torch.no_grad():
        if name == "neural":
            assert model.neural is not None
            apart = torch.eye(len(noise), dtype=noise.dtype, device=device).expand(len(states), -1, -1)
            first = states + update(error, variance, fresh, noise, apart)
            solution = NeuralModel(model.neural, grid).simulate(first, inputs[window])
            points = 1
        else:
            plant = _plant_model(name, model)
            past = trajectory[:, seen]
            shown = plant.system.output(past, plant.system.forcing(inputs[seen]))
            moving = fluctuations(past.flatten(-2), shown, noise, DAY)
            moves = moving.moves(update(error, variance, fresh, noise, moving.correlation))
            first = torch.maximum(states + moves.reshape(states.shape), states.clamp(max=0.0))
            solution = plant.simulate(first, inputs[window])
            points = grid.points
            show = model.sensors.read if name == "hybrid" else model.sensors.known
            solution = replace(solution, outputs=show(solution.outputs, grid.spacing))
    # The windows are laid end to end, without their last points: one series that is read like that of a record.
    outputs = np.asarray(solution.outputs.cpu())[..., :-1, :]
    series = outputs.reshape(len(outputs), -1, outputs.shape[-1])
    at = np.asarray(window[:, :-1].cpu()).ravel()
    placed = [
        replace(
            o,
            times=o.times[t.sample] - origins[t.origin] + t.origin * reach * grid.interval,
            flow=None if o.flow is None else np.append(o.flow[at], o.flow[at[-1]]),
        )
        for o, t in zip(observations, targets, strict=True)
    ]
    return interpolate_outputs(series, placed, grid.interval, points)


def _plant_model(name: str, model: FittedModel) -> PlantModel:
    if name == "hybrid":
        return model.hybrid()
    return model.recalibrated() if name == "recalibrated" else model.default()
