"""A fitted model on new data, and everything written of it: series, scores, plot, facts, page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from asm_hybrid.artefacts import (
    TEMPORARY,
    csv_text,
    json_text,
    make_folder,
    write_bytes_atomic,
    write_json_atomic,
)
from asm_hybrid.errors import InputError
from asm_hybrid.locking import locked
from asm_hybrid.manifest import MANIFEST
from asm_hybrid.newdata.forecast import Forecast, forecast
from asm_hybrid.newdata.given import NewData
from asm_hybrid.newdata.judgement import Day
from asm_hybrid.newdata.predict import Prediction, predict
from asm_hybrid.report.new_data_figures import forecast_figure, prediction_figure
from asm_hybrid.report.templating import get_template
from asm_hybrid.scenario.result_folder import check_target
from asm_hybrid.training.bands import LEVEL
from asm_hybrid.training.recorded_run import RunRecord
from asm_hybrid.unpacked import refuse_zip, source_of

__all__ = ["PAGE", "forecast_files", "prediction_files", "run_forecast", "run_prediction"]

PAGE = "index.html"
HEADS = {
    "broken": ("loss", "The model no longer holds"),
    "doubtful": ("mixed", "The model may not hold"),
    "holds": ("win", "The model still holds"),
    "short": ("", "Too short to tell whether the model holds"),
    "unknown": ("", "Nothing to compare the errors with"),
}
ORDER = ("broken", "doubtful", "short", "unknown", "holds")
"""The worst first."""


def run_prediction(run: Path, data: NewData, out: Path | None = None) -> tuple[Prediction, Path]:
    """Predict new data with a run, and write the result.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    data : str, Path, mapping, or sequence of str or Path
        See `asm_hybrid.newdata.given.config_with`.
    out : Path, optional
        The folder, in which files of the same name are replaced; ``predictions/NAME`` in the run folder without it,
        by the name of the first file.

    Returns
    -------
    Prediction
        The prediction.
    Path
        The folder.

    Raises
    ------
    InputError
        When run, data or folder cannot be used; nothing is written then.
    SimulationError
        When the simulation diverges.
    """
    folder = _folder(run, "predictions", data, out)
    found = predict(run, data)
    _write(folder, prediction_files(found))
    return found, folder


def run_forecast(
    run: Path,
    data: NewData,
    out: Path | None = None,
    *,
    horizon: str = "48 h",
    influent: NewData = "diurnal",
    now: str | None = None,
) -> tuple[Forecast, Path]:
    """Forecast with a run, and write the result.

    Parameters
    ----------
    run : Path
        A run folder.
    data : str, Path, mapping, or sequence of str or Path
        See `asm_hybrid.newdata.given.config_with`.
    out : Path, optional
        The folder, in which files of the same name are replaced; ``forecasts/NAME`` in the run folder without it.
    horizon, influent, now
        See `asm_hybrid.newdata.forecast.forecast`.

    Returns
    -------
    Forecast
        The forecast.
    Path
        The folder.

    Raises
    ------
    InputError
        When run, data or folder cannot be used; nothing is written then.
    SimulationError
        When the simulation diverges.
    """
    folder = _folder(run, "forecasts", data, out)
    found = forecast(run, data, horizon, influent, now)
    _write(folder, forecast_files(found))
    return found, folder


def prediction_files(found: Prediction) -> dict[str, bytes]:
    """Return the files of a prediction by name, the page last.

    Parameters
    ----------
    found : Prediction
        The prediction.

    Returns
    -------
    dict of str to bytes
    """
    record, models = found.record, [name for name in (found.alone, found.own) if name]
    drawn = prediction_figure(found.series, found.measured, models, display(record), record.interval)
    facts = prediction_facts(found)
    kinds = [row["judgement"]["kind"] for row in facts["variables"].values() if row["judgement"]]
    worst = next((kind for kind in ORDER if kind in kinds), None)
    css, head = HEADS[worst] if worst else ("", "Nothing was measured that is new: no score")
    page = get_template("prediction.html.j2").render(
        facts=facts,
        scored={label: row for label, row in facts["variables"].items() if row["scores"]},
        days=_by_day(found),
        css=css,
        head=head,
        figure=drawn.svg,
        models=models,
        own=found.own,
        version=version("asm-hybrid"),
    )
    return {
        "series.csv": _csv(found.series),
        "measured.csv": _csv(found.measured),
        "days.csv": _csv(days_table(found)),
        "prediction.json": json_text(facts).encode(),
        "plot.png": drawn.png,
        PAGE: page.encode(),
    }


def forecast_files(found: Forecast) -> dict[str, bytes]:
    """Return the files of a forecast by name, the page last.

    Parameters
    ----------
    found : Forecast
        The forecast.

    Returns
    -------
    dict of str to bytes
    """
    record, facts = found.record, forecast_facts(found)
    specs = record.model.plant.inputs
    at = specs.positions["Q_in"]
    recent = found.joined.stamps >= found.now - pd.Timedelta(days=3)
    known = found.joined.dataset.inputs[found.joined.lead :, at]
    flow = (
        pd.Series(found.joined.stamps[recent]),
        known[recent],
        pd.Series(found.stamps),
        found.inputs[:, at],
        specs[at].unit,
    )
    drawn = forecast_figure(found.series, found.measured, flow, found.own, found.now, display(record))
    page = get_template("forecast.html.j2").render(facts=facts, figure=drawn.svg, version=version("asm-hybrid"))
    return {
        "forecast.csv": _csv(found.series),
        "inputs.csv": _csv(found.foreseen),
        "forecast.json": json_text(facts).encode(),
        "plot.png": drawn.png,
        PAGE: page.encode(),
    }


def prediction_facts(found: Prediction) -> dict[str, Any]:
    """Return what a prediction found, for ``prediction.json``.

    Parameters
    ----------
    found : Prediction
        The prediction.

    Returns
    -------
    dict of str to object
        ``alarm``: whether the model holds no more for a variable; ``alarms``, ``verdicts``, ``warnings``: sentences;
        ``variables`` with scores, judgement and coverage of the band; ``hours`` by what they are; ``outside``.
    """
    record, joined = found.record, found.joined
    variables = {}
    for v in record.variables:
        judged = found.judgements.get(v.label, {})
        variables[v.label] = {
            "unit": v.unit,
            "target": v.target,
            "scores": found.scores.get(v.label, {}),
            "validation": {name: record.rmse(v.label, name, "validate") for name in found.passed},
            "judgement": asdict(judged[found.own]) if judged else None,
            "alone": asdict(judged[found.alone]) if judged and found.alone else None,
            "band": found.coverage.get(v.label),
        }
    return {
        **_common(record, joined.first, joined.last),
        "files": list(joined.dataset.fingerprint),
        "begin": joined.begin,
        "scored_from": joined.counts_from.isoformat(),
        "hours": dict(found.counted),
        "model": found.own,
        "alarm": bool(found.alarms),
        "alarms": list(found.alarms),
        "verdicts": list(found.verdicts),
        "variables": variables,
        "outside_hours": found.outside_hours,
        "outside": [asdict(d) for d in found.outside],
        "warnings": list(found.warnings),
    }


def forecast_facts(found: Forecast) -> dict[str, Any]:
    """Return what a forecast found, for ``forecast.json``.

    Parameters
    ----------
    found : Forecast
        The forecast.

    Returns
    -------
    dict of str to object
        ``now``, ``horizon`` [h], ``influent`` in words; ``variables`` with the age of the last measurement [h] and
        what such forecasts erred by until now, by lead time; ``level`` of the band; ``warnings``.
    """
    median = found.series
    variables = {}
    for v in found.variables:
        label = v.observation.label
        rows = median[median["variable"] == label]
        peak = rows.iloc[int(rows[found.own].argmax())]
        variables[label] = {
            "unit": v.observation.unit,
            "age": v.age,
            "fresh": v.fresh,
            "highest": {
                "time": peak["time"].isoformat(),
                "value": float(peak[found.own]),
                "low": float(peak["band_low"]),
                "high": float(peak["band_high"]),
            },
            "errors": found.errors[label],
        }
    return {
        **_common(found.record, found.now, found.stamps[-1]),
        "files": list(found.joined.dataset.fingerprint),
        "now": found.now.isoformat(),
        "horizon": found.horizon,
        "influent": found.ahead.text,
        "planned": found.ahead.past is not found.ahead,
        "model": found.own,
        "level": LEVEL,
        "variables": variables,
        "warnings": list(found.warnings),
    }


def days_table(found: Prediction) -> pd.DataFrame:
    """Return the errors by day: ``date``, ``variable``, ``unit``, ``model``, ``rmse``, ``bias``, ``n``, ``large``.

    Parameters
    ----------
    found : Prediction
        The prediction.

    Returns
    -------
    DataFrame
    """
    units = {v.label: v.unit for v in found.record.variables}
    rows = [
        {"date": d.date, "variable": label, "unit": units[label], "model": model} | _without_date(asdict(d))
        for label, models in found.judgements.items()
        for model, judgement in models.items()
        for d in judgement.days
    ]
    return pd.DataFrame(rows, columns=["date", "variable", "unit", "model", "rmse", "bias", "n", "large"])


def _by_day(found: Prediction) -> dict[str, dict[str, Day]]:
    """Return the days of the run's own model, by date and variable."""
    days: dict[str, dict[str, Day]] = {}
    for label, models in found.judgements.items():
        for day in models[found.own].days:
            days.setdefault(day.date, {})[label] = day
    return dict(sorted(days.items()))


def display(record: RunRecord) -> ZoneInfo:
    """Return the zone in which figures show times: that of the run, or UTC where it is an offset."""
    try:
        return ZoneInfo(record.zone)
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")


def _without_date(day: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in day.items() if k != "date"}


def _common(record: RunRecord, first: pd.Timestamp, last: pd.Timestamp) -> dict[str, Any]:
    return {
        "name": record.model.config.name,
        "run": str(source_of(record.folder)),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": version("asm-hybrid"),
        "zone": record.zone,
        "first": first.isoformat(),
        "last": last.isoformat(),
    }


def _csv(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV, its times in ISO 8601."""
    if "time" in frame:
        stamps = {t: t.isoformat() for t in frame["time"].unique()}
        frame = frame.assign(time=frame["time"].map(stamps))
    return csv_text(frame).encode()


def _folder(run: Path, kind: str, data: NewData, out: Path | None) -> Path:
    """Return where a result goes, once it is clear that it can be written."""
    folder = out
    if folder is None:
        refuse_zip(run, "name a folder for the result with --out")
        first = next(iter(data.values())) if isinstance(data, Mapping) and "data" not in data else data
        first = first if isinstance(first, str | Path) else first[0] if isinstance(first, list | tuple) else "data"
        folder = run / kind / Path(str(first).partition("=")[2] or str(first)).stem
    check_target(folder)
    if (folder / "weights.safetensors").exists():
        raise InputError(
            "this is the folder of a run, whose files must stay as they are",
            where=str(folder),
            expected="a folder for the result",
            fix="give another one with --out, or none",
        )
    return folder


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, each as a whole, the page and the manifest last; one process at a time."""
    make_folder(folder)
    with locked(folder / f".lock{TEMPORARY}", folder):
        for name, content in files.items():
            write_bytes_atomic(folder / name, content)
        write_json_atomic(folder / MANIFEST, {n: hashlib.sha256(files[n]).hexdigest() for n in sorted(files)})
