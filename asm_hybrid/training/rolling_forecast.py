"""Forecasts from rolling origins: a task apart from simulation, with states updated by what was measured until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.data import Observation
from asm_hybrid.data.censoring import censored_error
from asm_hybrid.training.bands import held
from asm_hybrid.training.compared import compared_models, model_of
from asm_hybrid.training.compared.persistence import MODEL as PERSISTENCE
from asm_hybrid.training.compared_model import FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.forecast_errors import radius
from asm_hybrid.training.improvement import improvement
from asm_hybrid.training.origins import (
    FORECAST_BLOCKS,
    HORIZONS,
    HOUR,
    Origins,
    Targets,
    choose_origins,
    choose_targets,
    knots_ahead,
)
from asm_hybrid.training.scores import score

__all__ = ["Forecast", "forecast"]


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
class _Forecasts:
    """The forecasts of one variable.

    Attributes
    ----------
    observation : Observation
        The variable.
    at : Targets
        The samples that are forecast.
    block : ndarray of str, shape (target,)
        The block of each.
    origins : ndarray, shape (origin,)
        Times of the origins [d].
    models : dict of str to ndarray, each (member, target)
        By model.
    own : str
        The run's own model.
    """

    observation: Observation
    at: Targets
    block: np.ndarray
    origins: np.ndarray
    models: dict[str, np.ndarray]
    own: str

    @property
    def measured(self) -> np.ndarray:
        """The measurements, ``(target,)``."""
        return np.asarray(self.observation.values[self.at.sample])

    @property
    def censored(self) -> np.ndarray:
        """Where they are limits of the sensor, ``(target,)``."""
        return np.asarray(self.observation.censored[self.at.sample])

    @cached_property
    def medians(self) -> dict[str, np.ndarray]:
        """Medians over the members, ``(target,)`` each."""
        return {name: np.median(y, axis=0) for name, y in self.models.items()}

    @cached_property
    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """Limits of the bands, ``(target,)``, not below zero; undefined where the run's model diverged."""
        median = self.medians.get(self.own, np.full(len(self.measured), np.nan))
        error = censored_error(median - self.measured, self.censored)
        half = np.full(len(median), np.nan)
        for horizon in HORIZONS:
            k = self.at.horizon == horizon
            if np.isfinite(error[k]).all():
                times = self.origins[self.at.origin[k]], self.observation.times[self.at.sample[k]]
                half[k] = radius(error[k], *times, self.observation.noise)
        return np.maximum(median - half, 0.0), np.maximum(median + half, 0.0)

    def table(self, record: FittedRecord) -> pd.DataFrame:
        """Return one row for each forecast sample."""
        stamp = record.dataset.to_stamp
        low, high = self.band
        columns = {
            "origin": [stamp(t).isoformat() for t in self.origins[self.at.origin]],
            "time": [stamp(t).isoformat() for t in self.observation.times[self.at.sample]],
            "block": self.block,
            "variable": self.observation.label,
            "unit": self.observation.unit,
            "horizon": self.at.horizon,
            "measured": self.measured,
            "censored": self.censored,
        }
        return pd.DataFrame(columns | self.medians | {"band_low": low, "band_high": high})

    def scored(self, block: str, horizon: int) -> dict[str, Any]:
        """Return the entries of one block and horizon in the summary's ``scores``, ``improvement`` and ``bands``."""
        inside = (self.block == block) & (self.at.horizon == horizon)
        if not inside.any():
            return {}
        measured, censored, (low, high) = self.measured[inside], self.censored[inside], self.band
        out: dict[str, Any] = {
            "scores": {
                name: score(measured, y[:, inside], censored)
                for name, y in self.models.items()
                if np.isfinite(y[:, inside]).all()
            }
        }
        if self.own in self.models:
            errors = (
                censored_error(self.models[m] - self.measured, self.censored)[:, inside]
                for m in (self.own, PERSISTENCE.name)
            )
            if change := improvement(self.observation.times[self.at.sample][inside], *errors):
                out["improvement"] = asdict(change)
        if np.isfinite(low[inside]).all():
            median = self.medians[self.own][inside]
            out["bands"] = held(measured, median, low[inside], high[inside], censored)
        return out


def forecast(record: FittedRecord, loops: Mapping[str, OpenLoop]) -> Forecast:
    """Forecast with every model from rolling origins, inputs over the horizon taken as they were measured.

    Parameters
    ----------
    record : FittedRecord
        The record, and what was fitted.
    loops : mapping of str to OpenLoop
        Open-loop predictions by model.

    Returns
    -------
    Forecast
    """
    chosen = {name: choose_origins(record.blocks, name, record.grid.interval) for name in FORECAST_BLOCKS}
    variables = _forecasts(record, loops, chosen)
    summary: dict[str, Any] = {
        "horizons": list(HORIZONS),
        "origins": {name: len(o.knots) for name, o in chosen.items()},
        "spacing": {name: o.spacing for name, o in chosen.items()},
    }
    for key in ("scores", "improvement", "bands"):
        summary[key] = {name: {f"{h} h": {} for h in HORIZONS} for name in FORECAST_BLOCKS}
    for variable, block, horizon in product(variables, FORECAST_BLOCKS, HORIZONS):
        for key, found in variable.scored(block, horizon).items():
            summary[key][block][f"{horizon} h"][variable.observation.label] = found
    return Forecast(pd.concat([v.table(record) for v in variables], ignore_index=True), summary)


def _forecasts(record: FittedRecord, loops: Mapping[str, OpenLoop], chosen: Mapping[str, Origins]) -> list[_Forecasts]:
    """Return the forecasts of every variable."""
    interval = record.grid.interval
    knots = np.concatenate([o.knots for o in chosen.values()])
    names = np.repeat(list(chosen), [len(o.knots) for o in chosen.values()])
    limits = [np.array([record.blocks[n][k] for n in names]) for k in (0, 1)]
    begin, end = record.blocks["train"]
    hourly = np.unique(np.arange(ceil(begin / interval), end / interval, max(1, HOUR / interval)).astype(int))
    targets = tuple(choose_targets(o, knots * interval, (limits[0], limits[1]), interval) for o in record.observations)
    task = ForecastTask(record, knots, targets, knots_ahead(interval), hourly)
    found = {model.name: model.forecast(task, loops.get(model.name)) for model in compared_models().values()}
    return [
        _Forecasts(
            o,
            at,
            names[at.origin],
            task.origins,
            {name: series[v] for name, series in found.items() if series is not None},
            model_of(record.model).name,
        )
        for v, (o, at) in enumerate(zip(record.observations, targets, strict=True))
    ]
