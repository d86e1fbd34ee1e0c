"""Predictions of every model, their scores, and the files that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from asm_hybrid import __version__
from asm_hybrid.artefacts import write_bytes_atomic, write_csv_atomic, write_json_atomic, write_manifest
from asm_hybrid.data import Dataset
from asm_hybrid.data.unusual import CONSTANTS
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.bands import Band, band_summary, coverage_warnings, prediction_band
from asm_hybrid.training.baselines import diurnal_mean, features, least_squares_prediction
from asm_hybrid.training.calibration import Calibration
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.improvement import improvement
from asm_hybrid.training.learnt import Learnt
from asm_hybrid.training.progress import finite
from asm_hybrid.training.rolling_forecast import Forecast
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.run_folder import environment
from asm_hybrid.training.scores import score
from asm_hybrid.training.sensors import sensor_warnings
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["MODELS", "Predictions", "predict_all", "write_results"]

MODELS = ("mean", "diurnal", "least_squares", "mechanistic", "recalibrated", "neural", "hybrid")
SCORED = ("train", "validate", "test")


@dataclass(frozen=True)
class Predictions:
    """Predictions at the times of the measurements.

    Attributes
    ----------
    values : dict
        By variable and model, arrays ``(seed, sample)``.
    failed : dict
        By model, the number of seeds whose simulation of the record left the finite numbers.
    states : Tensor or None, shape (hour, tank, component)
        States of the hybrid's best seed at every full hour, or of recalibrated f.
    hours : Tensor of int, shape (hour,)
        Knots of those states.
    trajectories : dict
        States at all knots, open loop, by model: ``(seed, knot, tank, component)``, of the pure neural ODE
        ``(seed, knot, variable)``.
    forecast : Forecast or None
        The other task, from rolling origins; None before it is done.
    """

    values: dict[str, dict[str, np.ndarray]]
    failed: dict[str, int]
    states: Tensor
    hours: Tensor
    trajectories: dict[str, Tensor]
    forecast: Forecast | None = None


def predict_all(
    model: FittedModel,
    dataset: Dataset,
    inputs: Tensor,
    own: Solution,
    blocks: Mapping[str, tuple[float, float]],
) -> Predictions:
    """Run every model, open loop, over the whole record and read it at the measurements.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    dataset : Dataset
        The record.
    inputs : Tensor, shape (knot, input)
        Inputs of the record.
    own : Solution
        That of f, default and recalibrated, with its states at the knots.
    blocks : mapping
        Start and end of every block [d].

    Returns
    -------
    Predictions
    """
    grid, observations = model.grid, dataset.observations
    assert own.knots is not None
    of_f = np.asarray(model.sensors.known(own.outputs, grid.spacing).cpu())
    outputs = {"mechanistic": (of_f[:1], grid.points), "recalibrated": (of_f[1:], grid.points)}
    trajectories = {"mechanistic": own.knots[:1], "recalibrated": own.knots[1:]}
    failed: dict[str, int] = {}
    per_hour = max(1, round(1.0 / 24.0 / grid.interval))
    hours = torch.arange(0, len(inputs), per_hour)
    states = torch.empty(0)
    with torch.no_grad():
        if model.term is not None:
            start = model.start[1].expand(model.term.members, -1, -1)
            solution = model.hybrid().simulate(start, inputs, record_knots=True)
            outputs["hybrid"] = np.asarray(model.sensors.read(solution.outputs, grid.spacing).cpu()), grid.points
            failed["hybrid"] = int((~solution.ok).sum())
            assert solution.knots is not None
            states = solution.knots[model.best, hours].cpu()
            trajectories["hybrid"] = solution.knots
        if model.neural is not None:
            from asm_hybrid.training.simulation_models import NeuralModel

            assert model.neural_start is not None
            first = model.neural_start.expand(model.neural.network.members, -1)
            found = NeuralModel(model.neural, grid).simulate(first, inputs, record_knots=True)
            assert found.knots is not None
            trajectories["neural"] = found.knots
            outputs["neural"] = np.asarray(found.outputs.cpu()), 1
            failed["neural"] = int((~found.ok).sum())
    values: dict[str, dict[str, np.ndarray]] = {o.label: {} for o in observations}
    for name, (series, points) in outputs.items():
        read = interpolate_outputs(series, observations, grid.interval, points)
        for observation, y in zip(observations, read, strict=True):
            values[observation.label][name] = y
    begin, end = blocks["train"]
    table = np.asarray(inputs.cpu())
    for o in observations:
        seen = (o.times >= begin) & (o.times <= end)
        clock = pd.DatetimeIndex([dataset.to_stamp(t) for t in o.times]).tz_convert(dataset.zone)
        local = np.asarray(clock.hour)
        regressors = features(table, grid.interval, o.times)
        values[o.label] |= {
            "mean": np.full((1, len(o.times)), o.values[seen].mean()),
            "diurnal": diurnal_mean(local[seen], o.values[seen], local)[None],
            "least_squares": least_squares_prediction(regressors[seen], o.values[seen], regressors)[None],
        }
    return Predictions(values, failed, states, hours, trajectories)


def _block_of(times: np.ndarray, blocks: Mapping[str, tuple[float, float]]) -> np.ndarray:
    out = np.full(len(times), "", dtype=object)
    for name in SCORED:
        begin, end = blocks[name]
        out[(times >= begin) & (times <= end)] = name
    return out


def prediction_table(
    dataset: Dataset, predictions: Predictions, bands: Mapping[str, Band], blocks: Mapping[str, tuple[float, float]]
) -> pd.DataFrame:
    """Return one row a measurement with the median of every model, and range of seeds and band of the hybrid."""
    frames = []
    for o in dataset.observations:
        models = predictions.values[o.label]
        columns: dict[str, Any] = {
            "time": [dataset.to_stamp(t).isoformat() for t in o.times],
            "block": _block_of(o.times, blocks),
            "variable": o.label,
            "unit": o.unit,
            "measured": o.values,
            "censored": o.censored,
        }
        columns |= {name: np.median(models[name], axis=0) for name in MODELS if name in models}
        if "hybrid" in models:
            columns["hybrid_low"] = models["hybrid"].min(axis=0)
            columns["hybrid_high"] = models["hybrid"].max(axis=0)
        if o.label in bands:
            columns["band_low"], columns["band_high"] = bands[o.label].low, bands[o.label].high
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def hybrid_bands(
    dataset: Dataset, predictions: Predictions, blocks: Mapping[str, tuple[float, float]]
) -> dict[str, Band]:
    """Return the prediction band of every variable of the hybrid that has one."""
    found = {
        o.label: prediction_band(
            o.values, predictions.values[o.label]["hybrid"], _block_of(o.times, blocks) == "validate", o.censored
        )
        for o in dataset.observations
        if "hybrid" in predictions.values[o.label]
    }
    return {label: band for label, band in found.items() if band is not None}


def scores(dataset: Dataset, predictions: Predictions, blocks: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the scores by block, variable and model."""
    out: dict[str, Any] = {}
    for block in SCORED:
        out[block] = {}
        for o in dataset.observations:
            inside = _block_of(o.times, blocks) == block
            if inside.any():
                models = predictions.values[o.label]
                out[block][o.label] = {
                    m: score(o.values[inside], models[m][:, inside], o.censored[inside])
                    for m in MODELS
                    if m in models and np.isfinite(models[m][:, inside]).all()
                }
    return out


def improvements(
    dataset: Dataset, predictions: Predictions, blocks: Mapping[str, tuple[float, float]]
) -> dict[str, dict[str, Any]]:
    """Return intervals of the change of the RMSE on the test block, by variable, model and baseline."""
    out: dict[str, dict[str, Any]] = {}
    for o in dataset.observations:
        inside = _block_of(o.times, blocks) == "test"
        found = {m: o.error(y)[:, inside] for m, y in predictions.values[o.label].items()}
        out[o.label] = {
            own: {
                other: asdict(interval)
                for other in found
                if other != own and (interval := improvement(o.times[inside], found[own], found[other]))
            }
            for own in ("hybrid", "neural", "recalibrated")
            if own in found and inside.any()
        }
    return out


def parameter_rows(model: FittedModel, calibration: Calibration | None) -> list[dict[str, Any]]:
    """Return every parameter with its value, default, bounds, unit, source and calibration."""
    fitted = list(calibration.names) if calibration else []
    bounds = model.config.calibration_bounds(model.plant.table)
    rows = []
    for i, p in enumerate(model.plant.table.parameters):
        k = fitted.index(p.name) if p.name in fitted else None
        error = float(calibration.std_errors[k]) if calibration and k is not None else np.nan
        low, high = bounds.get(p.name, p.bounds)
        profile = calibration.interval(k) if calibration and k is not None else None
        rows.append(
            {
                "name": p.name,
                "value": float(model.parameters[i]),
                "default": float(p.default),
                "lower": float(low),
                "upper": float(high),
                "unit": p.unit,
                "source": p.source,
                "calibrated": k is not None,
                "at_bound": bool(calibration and k is not None and calibration.at_bound[k]),
                "std_error": error if np.isfinite(error) else None,
                "profile_low": profile.low if profile else None,
                "profile_high": profile.high if profile else None,
                "profile_open": profile.open if profile else None,
                "profile_checked": profile.checked if profile else None,
            }
        )
    return rows


def correlations(calibration: Calibration | None) -> dict[str, dict[str, float | None]]:
    """Return the correlation of the calibrated parameters, by name."""
    if calibration is None:
        return {}
    return {
        a: {b: float(v) if np.isfinite(v) else None for b, v in zip(calibration.names, row, strict=True)}
        for a, row in zip(calibration.names, calibration.correlation, strict=True)
    }


def write_results(
    folder: Path, context: RunContext, learnt: Learnt, predictions: Predictions | None, stopped: str
) -> None:
    """Write everything but weights and metrics into the run folder, and its manifest.

    Parameters
    ----------
    folder : Path
        The run folder.
    context : RunContext
        The run.
    learnt : Learnt
        What it has learnt.
    predictions : Predictions or None
        Of every model; None when the run was stopped before.
    stopped : str
        How it ended.
    """
    dataset, blocks, calibration = context.dataset, context.blocks, learnt.f.calibration
    model = learnt.model(context)
    quality = [asdict(finding) for finding in dataset.quality]
    write_json_atomic(folder / "data.json", {"files": list(dataset.fingerprint), "quality": quality})
    facts = environment(context.device)
    write_json_atomic(folder / "environment.json", facts)
    frame = pd.DataFrame(dataset.inputs, columns=dataset.input_names)
    frame.insert(0, "time", [dataset.to_stamp(t).isoformat() for t in dataset.times])
    write_csv_atomic(folder / "inputs.csv", frame)
    sensors = model.sensors.table([o.unit for o in dataset.observations]) if model.term is not None else {}
    rows = {"parameters": parameter_rows(model, calibration), "correlations": correlations(calibration)}
    write_json_atomic(folder / "parameters.json", rows | {"sensors": sensors})
    summary: dict[str, Any] = {
        "name": model.config.name,
        "mode": model.config.model.mode,
        "placements": list(model.config.network.placement) if model.term is not None else [],
        "created": facts["created"],
        "version": __version__,
        "device": facts["device"],
        "seconds": context.clock.seconds,
        "step_error": {label: _finite(size) for label, size in learnt.step.error.items()},
        "gradient_error": _finite(learnt.n.gradient_error if learnt.n else None),
        "blocks": {n: [dataset.to_stamp(t).isoformat() for t in b] for n, b in blocks.items()},
        "variables": {o.label: {"target": o.target, "unit": o.unit, "noise": o.noise} for o in dataset.observations},
        "sensors": sensors,
        "seeds": list(model.config.training.seeds),
        "fits": {n: {k: _finite(v) for k, v in vars(r).items()} for n, r in learnt.fits.items()},
        "scores": {},
        "missing": [],
        "warnings": _warnings(context, learnt, sensors),
        "stopped": stopped,
    }
    if predictions is not None:
        summary |= _write_predictions(folder, context, predictions)
        summary["warnings"] += _prediction_warnings(dataset, predictions, summary)
    write_json_atomic(folder / "summary.json", summary)
    write_manifest(folder)


def _warnings(context: RunContext, learnt: Learnt, sensors: dict[str, Any]) -> list[str]:
    """Return what the user should know of data, stages, sensors and calibration."""
    dataset, calibration = context.dataset, learnt.f.calibration
    return [
        *learnt.warnings,
        *(f"{f.where}: {f.message}" for f in dataset.quality if f.kind in CONSTANTS),
        *sensor_warnings(sensors, {o.label: o.noise for o in dataset.observations}),
        *(calibration.warnings() if calibration else ()),
    ]


def _write_predictions(folder: Path, context: RunContext, predictions: Predictions) -> dict[str, Any]:
    """Write predictions, forecasts and states; return what the summary says of them."""
    dataset, blocks = context.dataset, context.blocks
    bands = hybrid_bands(dataset, predictions, blocks)
    write_csv_atomic(folder / "predictions.csv", prediction_table(dataset, predictions, bands, blocks))
    summary: dict[str, Any] = {
        "scores": scores(dataset, predictions, blocks),
        "improvement": improvements(dataset, predictions, blocks),
    }
    if bands:
        measured = {o.label: o.values for o in dataset.observations}
        inside = {o.label: _block_of(o.times, blocks) for o in dataset.observations}
        censored = {o.label: o.censored for o in dataset.observations}
        summary["bands"] = band_summary(measured, bands, inside, censored)
    if predictions.forecast is not None:
        write_csv_atomic(folder / "forecasts.csv", predictions.forecast.table)
        summary["forecast"] = predictions.forecast.summary
    if len(predictions.states):
        content = save_tensors({"X": predictions.states.contiguous(), "knot": predictions.hours})
        write_bytes_atomic(folder / "states.safetensors", content)
    return summary


def _prediction_warnings(dataset: Dataset, predictions: Predictions, summary: dict[str, Any]) -> list[str]:
    """Return what the user should know of bands that do not hold, and of seeds that diverge."""
    forecast_bands = summary.get("forecast", {}).get("bands", {}).get("test", {})
    sizes = {o.label: {"unit": o.unit, "noise": o.noise} for o in dataset.observations}
    return [
        *coverage_warnings(summary.get("bands", {}), forecast_bands, sizes),
        *(
            f"{count} seeds of the {name} model diverge over the record; it has no score"
            for name, count in predictions.failed.items()
            if count
        ),
    ]


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return finite(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
