"""The files of a run folder that hold what was found: data, parameters, predictions with their scores, summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import save as save_tensors

from asm_hybrid import __version__
from asm_hybrid.artefacts import write_bytes_atomic, write_csv_atomic, write_json_atomic
from asm_hybrid.config import calibration_bounds
from asm_hybrid.data.corrections import CORRECTION, correction_texts
from asm_hybrid.data.unusual import CONSTANTS
from asm_hybrid.manifest import write_manifest
from asm_hybrid.training.bands import Band, band_summary, coverage_warnings, prediction_band
from asm_hybrid.training.best_so_far import BestSoFar
from asm_hybrid.training.calibration import Calibration
from asm_hybrid.training.compared import compared_models, model_of
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.improvement import improvement
from asm_hybrid.training.predictions import Predictions
from asm_hybrid.training.progress import finite
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.run_folder import environment
from asm_hybrid.training.scores import score
from asm_hybrid.training.sensors import SensorTable, sensor_warnings

__all__ = ["write_results"]

SCORED = ("train", "validate", "test")


def _block_of(times: np.ndarray, blocks: Mapping[str, tuple[float, float]]) -> np.ndarray:
    out = np.full(len(times), "", dtype=object)
    for name in (name for name in SCORED if name in blocks):
        begin, end = blocks[name]
        out[(times >= begin) & (times <= end)] = name
    return out


def _banded(predictions: Predictions) -> str | None:
    """Return the run's own model if it has bands."""
    own = model_of(predictions.record.model)
    return own.name if own.bands and own.name in predictions.loops else None


def prediction_table(predictions: Predictions, bands: Mapping[str, Band]) -> pd.DataFrame:
    """Return one row a measurement with the median of every model, and range of seeds and band of the run's own."""
    frames = []
    dataset, own, values = predictions.record.dataset, _banded(predictions), predictions.values
    for o in dataset.observations:
        models = values[o.label]
        columns: dict[str, Any] = {
            "time": [dataset.to_stamp(t).isoformat() for t in o.times],
            "block": _block_of(o.times, predictions.record.blocks),
            "variable": o.label,
            "unit": o.unit,
            "measured": o.values,
            "censored": o.censored,
        }
        columns |= {name: np.median(y, axis=0) for name, y in models.items()}
        if own is not None:
            columns[f"{own}_low"] = models[own].min(axis=0)
            columns[f"{own}_high"] = models[own].max(axis=0)
        if o.label in bands:
            columns["band_low"], columns["band_high"] = bands[o.label].low, bands[o.label].high
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def prediction_bands(predictions: Predictions) -> dict[str, Band]:
    """Return the prediction band of every variable, of the run's own model, where there is one."""
    own, values = _banded(predictions), predictions.values
    if own is None:
        return {}
    found = {
        o.label: prediction_band(
            o.values, values[o.label][own], _block_of(o.times, predictions.record.blocks) == "validate", o.censored
        )
        for o in predictions.record.observations
    }
    return {label: band for label, band in found.items() if band is not None}


def scores(predictions: Predictions) -> dict[str, Any]:
    """Return the scores by block, variable and model."""
    out: dict[str, Any] = {}
    values = predictions.values
    for block in (name for name in SCORED if name in predictions.record.blocks):
        out[block] = {}
        for o in predictions.record.observations:
            inside = _block_of(o.times, predictions.record.blocks) == block
            if inside.any():
                out[block][o.label] = {
                    name: score(o.values[inside], y[:, inside], o.censored[inside])
                    for name, y in values[o.label].items()
                    if np.isfinite(y[:, inside]).all()
                }
    return out


def improvements(predictions: Predictions) -> dict[str, dict[str, Any]]:
    """Return intervals of the change of the RMSE on the test block, by variable, model and baseline."""
    out: dict[str, dict[str, Any]] = {}
    if "test" not in predictions.record.blocks:
        return out
    values, owned = predictions.values, [model.name for model in compared_models().values() if model.mode]
    for o in predictions.record.observations:
        inside = _block_of(o.times, predictions.record.blocks) == "test"
        found = {m: o.error(y)[:, inside] for m, y in values[o.label].items()}
        out[o.label] = {
            own: {
                other: asdict(interval)
                for other in found
                if other != own and (interval := improvement(o.times[inside], found[own], found[other]))
            }
            for own in owned
            if own in found and inside.any()
        }
    return out


def parameter_rows(model: FittedModel, calibration: Calibration | None) -> list[dict[str, Any]]:
    """Return every parameter with its value, default, bounds, unit, source and calibration."""
    fitted = list(calibration.names) if calibration else []
    bounds = calibration_bounds(model.config, model.plant.table)
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
                "information": float(calibration.information[k]) if calibration and k is not None else None,
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
    folder: Path, context: RunContext, learnt: BestSoFar, predictions: Predictions | None, stopped: str
) -> None:
    """Write everything but weights and metrics into the run folder, and its manifest.

    Parameters
    ----------
    folder : Path
        The run folder.
    context : RunContext
        The run.
    learnt : BestSoFar
        What it has learnt.
    predictions : Predictions or None
        Of every model; None when the run was stopped before.
    stopped : str
        How it ended.
    """
    dataset, blocks, calibration = context.dataset, context.blocks, learnt.f.calibration
    model = learnt.model(context)
    quality = [asdict(finding) for finding in dataset.quality]
    texts = correction_texts(model.config, model.plant.table, model.plant.layout)
    data = {"files": list(dataset.fingerprint), "corrections": texts, "quality": quality}
    write_json_atomic(folder / "data.json", data)
    facts = environment(context.device)
    write_json_atomic(folder / "environment.json", facts)
    frame = pd.DataFrame(dataset.inputs, columns=dataset.input_names)
    frame.insert(0, "time", [dataset.to_stamp(t).isoformat() for t in dataset.times])
    write_csv_atomic(folder / "inputs.csv", frame)
    sensors = _sensors(context, learnt, model)
    rows = {"parameters": parameter_rows(model, calibration), "correlations": correlations(calibration)}
    noises = {n.name: {k: v for k, v in asdict(n).items() if k != "name"} for n in learnt.f.noises}
    write_json_atomic(folder / "parameters.json", rows | {"sensors": sensors, "process_noise": noises})
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
        "calibration": calibration_facts(calibration),
        "seeds": list(model.config.training.seeds),
        "fits": {n: {k: _finite(v) for k, v in vars(r).items()} for n, r in learnt.fits.items()},
        "scores": {},
        "missing": [],
        "warnings": _warnings(context, learnt, sensors),
        "stopped": stopped,
        "trial": not model.config.training.test,
    }
    if predictions is not None:
        summary |= _write_predictions(folder, predictions)
        summary["warnings"] += _prediction_warnings(predictions, summary)
    write_json_atomic(folder / "summary.json", summary)
    write_manifest(folder)


def _sensors(context: RunContext, learnt: BestSoFar, model: FittedModel) -> SensorTable:
    """Return bias, lag and dead time of the sensors: those of the hybrid, or of f where the run is about that."""
    of_f = model.term is None
    if of_f and model.config.model.mode == "neural":
        return {}
    ends = learnt.f.sensor_ends(context.labels, model.sensors.noise)
    return model.sensors.table([o.unit for o in context.dataset.observations], ends, of_f=of_f)


def calibration_facts(calibration: Calibration | None) -> dict[str, Any] | None:
    """Return how the calibration ended, for ``summary.json``; None where there was none."""
    if calibration is None:
        return None
    own, starts = calibration.unknowns.parameters, calibration.starts
    return {
        "cost": calibration.cost,
        "evaluations": calibration.evaluations,
        "converged": calibration.converged,
        "starts": asdict(starts),
        "starts_agree": calibration.starts_agree,
        "independent_errors": calibration.effective,
        "first_state": {
            name: float(np.exp(x))
            for name, x, profiled in zip(
                calibration.unknowns.names[own:],
                calibration.place[own:],
                calibration.unknowns.profiled[own:],
                strict=True,
            )
            if not profiled
        },
    }


def _warnings(context: RunContext, learnt: BestSoFar, sensors: dict[str, Any]) -> list[str]:
    """Return what the user should know of data, stages, sensors and calibration."""
    dataset, calibration = context.dataset, learnt.f.calibration
    return [
        *learnt.warnings,
        *(f"{f.where}: {f.message}" for f in dataset.quality if f.kind in (*CONSTANTS, CORRECTION)),
        *sensor_warnings(sensors, {o.label: o.noise for o in dataset.observations}),
        *(calibration.warnings() if calibration else ()),
    ]


def _write_predictions(folder: Path, predictions: Predictions) -> dict[str, Any]:
    """Write predictions, forecasts and states; return what the summary says of them."""
    observations, blocks = predictions.record.observations, predictions.record.blocks
    bands = prediction_bands(predictions)
    write_csv_atomic(folder / "predictions.csv", prediction_table(predictions, bands))
    summary: dict[str, Any] = {"scores": scores(predictions), "improvement": improvements(predictions)}
    if bands:
        measured = {o.label: o.values for o in observations}
        inside = {o.label: _block_of(o.times, blocks) for o in observations}
        censored = {o.label: o.censored for o in observations}
        summary["bands"] = band_summary(measured, bands, inside, censored)
    if predictions.forecast is not None:
        write_csv_atomic(folder / "forecasts.csv", predictions.forecast.table)
        summary["forecast"] = predictions.forecast.summary
    states = predictions.states
    if states is not None:
        content = save_tensors({"X": states.contiguous(), "knot": predictions.hours})
        write_bytes_atomic(folder / "states.safetensors", content)
    return summary


def _prediction_warnings(predictions: Predictions, summary: dict[str, Any]) -> list[str]:
    """Return what the user should know of bands that do not hold, and of seeds that diverge."""
    forecast_bands = summary.get("forecast", {}).get("bands", {}).get("test", {})
    sizes = {o.label: {"unit": o.unit, "noise": o.noise} for o in predictions.record.observations}
    return [
        *coverage_warnings(summary.get("bands", {}), forecast_bands, sizes),
        *(
            f"{loop.failed} seeds of the {name} model diverge over the record; it has no score"
            for name, loop in predictions.loops.items()
            if loop.failed
        ),
    ]


def _finite(value: Any) -> Any:
    if isinstance(value, list):
        return finite(value)
    return None if isinstance(value, float) and not np.isfinite(value) else value
