"""Finished runs side by side: scores, forecasts, coverage, and what differs in their configs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import restored
from asm_hybrid.data.censoring import censored_error
from asm_hybrid.diagnosis.verdict import signed_percent
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.report.run_files import flat, read_config, read_summary
from asm_hybrid.report.run_record import Summary
from asm_hybrid.training.compared import compared_models, own_model
from asm_hybrid.training.improvement import improvement
from asm_hybrid.unpacked import source_of

__all__ = ["COLUMNS", "compare_runs", "told_apart"]

COLUMNS = ["what", "variable", "unit", "model"]
"""Columns of the comparison before those of the runs."""
_TEST_DATA = ["time", "variable", "unit", "measured", "censored"]


def compare_runs(folders: Sequence[Path]) -> pd.DataFrame:
    """Lay runs side by side that were judged by the same measurements.

    Parameters
    ----------
    folders : sequence of Path
        At least two run folders.

    Returns
    -------
    DataFrame
        One row a figure: `what` is ``simulation`` or ``forecast 6 h`` (RMSE on the test block, median over seeds),
        ``coverage`` or ``coverage 6 h`` (share of the test measurements in the band of simulation or forecast [-]) or
        ``config`` (a setting that differs, named under `variable`); then variable, unit, model, and one column a run,
        empty where the run has none.

    Raises
    ------
    InputError
        If a folder holds no finished run, or the test data of two runs differ.
    """
    if len(folders) < 2:
        raise InputError("there is one run only", expected="two run folders or more", fix="name another run")
    runs = dict(zip(_names(folders), folders, strict=True))
    for folder in folders:
        verify_manifest(folder, ["config.yaml", "predictions.csv", "summary.json"])
    _check_same_data(runs)
    rows: dict[tuple[str, str, str, str], dict[str, float | str]] = {}
    for name, folder in runs.items():
        for figure, value in _figures(read_summary(folder)).items():
            rows.setdefault(figure, {})[name] = value
    figures = list(rows)
    whats, variables = ([*dict.fromkeys(figure[k] for figure in figures)] for k in (0, 1))
    figures.sort(key=lambda f: (f[0].startswith("coverage"), whats.index(f[0]), variables.index(f[1]), _rank(f[3])))
    settings = {name: dict(flat(read_config(folder)[0])) for name, folder in runs.items()}
    for setting in dict.fromkeys(setting for found in settings.values() for setting in found):
        values = [found.get(setting) for found in settings.values()]
        if len(set(values)) > 1:
            figures.append(("config", setting, "", ""))
            rows[figures[-1]] = {name: v for name, v in zip(runs, values, strict=True) if v is not None}
    return pd.DataFrame([[*f, *(rows[f].get(name) for name in runs)] for f in figures], columns=[*COLUMNS, *runs])


def told_apart(folders: Sequence[Path]) -> list[str]:
    """Say for each variable which run's own model is best on the test block, and from which it can be told apart.

    By the medians over seeds, with the interval of the change of the RMSE from a bootstrap over blocks of days, as in
    the verdict of a run.

    Parameters
    ----------
    folders : sequence of Path
        Run folders that `compare_runs` accepts.

    Returns
    -------
    list of str
        One sentence a variable in which two models or more have a score.
    """
    errors: dict[str, dict[str, np.ndarray]] = {}
    times: dict[str, np.ndarray] = {}
    for name, folder in zip(_names(folders), folders, strict=True):
        summary = read_summary(folder)
        frame = pd.read_csv(folder / "predictions.csv")
        own = own_model(summary.mode)
        for variable, part in frame[frame["block"] == "test"].sort_values("time").groupby("variable", sort=False):
            if own.name in part and np.isfinite(part[own.name]).all():
                error = censored_error(
                    (part[own.name] - part["measured"]).to_numpy(float), part["censored"].to_numpy(int)
                )
                errors.setdefault(str(variable), {})[f"{name} ({own.phrase})"] = error
                stamps = pd.to_datetime(part["time"], utc=True)
                times[str(variable)] = np.asarray((stamps - stamps.min()) / pd.Timedelta(days=1), dtype=float)
    return [_told(variable, times[variable], found) for variable, found in errors.items() if len(found) > 1]


def _told(variable: str, times: np.ndarray, errors: dict[str, np.ndarray]) -> str:
    best, *others = sorted(errors, key=lambda name: float(np.mean(errors[name] ** 2)))
    parts = []
    for name in others:
        change = improvement(times, errors[best][None], errors[name][None])
        if change is None:
            parts.append(f"cannot be told apart from {name}, for want of days")
            continue
        word = "is better than" if change.high < 0 else "cannot be told apart from"
        limits = f"{signed_percent(change.low)} to {signed_percent(change.high)} %"
        parts.append(f"{word} {name} (90 % interval of the change {limits})")
    return f"{variable}: {best} has the lowest RMSE; it " + "; it ".join(parts) + "."


def _rank(model: str) -> int:
    """Return the place of a model in the order of the tables; models of another version are the last."""
    order = list(compared_models())
    return order.index(model) if model in order else len(order)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the names of the folders, whole paths where two are called the same."""
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(source_of(folder)) for folder in folders]
    if len(set(names)) < len(names):
        raise InputError("a run is named twice", where=", ".join(names), expected="different run folders")
    return names


def _figures(summary: Summary) -> dict[tuple[str, str, str, str], float]:
    """Return the figures of one run by what, variable, unit and model."""
    return _errors(summary) | _coverages(summary)


def _errors(summary: Summary) -> dict[tuple[str, str, str, str], float]:
    tables = {"simulation": summary.scores.get("test", {})}
    if summary.forecast:
        tables |= {f"forecast {horizon}": scores for horizon, scores in summary.forecast.scores.get("test", {}).items()}
    return {
        (what, variable, summary.variables[variable].unit, model): score.rmse
        for what, scores in tables.items()
        for variable, models in scores.items()
        for model, score in models.items()
        if score.rmse is not None
    }


def _coverages(summary: Summary) -> dict[tuple[str, str, str, str], float]:
    out: dict[tuple[str, str, str, str], float] = {}
    if summary.bands:
        for variable, band in summary.bands.variables.items():
            if band.test:
                out["coverage", variable, "-", own_model(summary.mode).name] = band.test.coverage
    if summary.forecast and summary.verdict:
        for horizon, found in summary.forecast.bands.get("test", {}).items():
            for variable, held in found.items():
                out[f"coverage {horizon}", variable, "-", summary.verdict.model] = held.coverage
    return out


def _check_same_data(runs: dict[str, Path]) -> None:
    """Refuse runs whose measurements on the test block differ, and say which run and what."""
    data = {name: _test_data(folder) for name, folder in runs.items()}
    digests = {name: hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest() for name, frame in data.items()}
    first, *others = data
    differ = [name for name in others if digests[name] != digests[first]]
    if differ:
        raise InputError(
            f"the test data of {', '.join(differ)} are not those of {first}: "
            + "; ".join(f"{name} {_difference(data[first], data[name])}" for name in differ),
            where=", ".join(str(runs[name]) for name in differ),
            expected="runs with the same measurements on the test block",
            fix=f"compare runs of the same data and blocks; leave out {', '.join(differ)}",
        )


def _test_data(folder: Path) -> pd.DataFrame:
    """Return the measurements of the test block as text, as they stand in ``predictions.csv``."""
    path = folder / "predictions.csv"
    with readable("the predictions cannot be read", where=str(path), expected="the file as asm-hybrid writes it"):
        frame = restored(pd.read_csv(path, dtype=str, usecols=[*_TEST_DATA, "block"]))
    return frame.loc[frame["block"] == "test", _TEST_DATA].sort_values(["variable", "time"], ignore_index=True)


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> str:
    variables = [set(frame["variable"]) for frame in (one, other)]
    if variables[0] != variables[1]:
        return f"measures {', '.join(sorted(variables[1])) or 'nothing'} instead of {', '.join(sorted(variables[0]))}"
    spans = [f"{frame['time'].min()} to {frame['time'].max()}" for frame in (one, other)]
    if spans[0] != spans[1]:
        return f"goes from {spans[1]} instead of {spans[0]}"
    shared = one.merge(other, how="outer", indicator=True)
    changed = sorted(set(shared.loc[shared["_merge"] != "both", "variable"]))
    return f"has other measurements of {', '.join(changed)}"
