"""The tables of a run folder that the figures draw: predictions and contributions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import restored
from asm_hybrid.data.sampling import usual_distance
from asm_hybrid.errors import InputError, readable
from asm_hybrid.report.run_record import YEARS

__all__ = ["read_answers", "read_contributions", "read_forecasts", "read_predictions", "thin", "with_gaps"]

_TEXTS = ("origin", "block", "variable", "unit", "tank", "kind", "name", "change", "inputs", "step", "finding")
_AS_WRITTEN = "the file as this version of asm-hybrid writes it"


def read_predictions(run_dir: Path) -> pd.DataFrame:
    """Return ``predictions.csv``: one row for each measured sample, `time` in UTC.

    Parameters
    ----------
    run_dir : Path
        Run folder.

    Returns
    -------
    DataFrame
        Columns time, block ("" between blocks), variable, unit, measured, and one for each model.
    """
    return _read(run_dir / "predictions.csv", ("block", "variable", "unit", "measured"))


def read_forecasts(run_dir: Path) -> pd.DataFrame | None:
    """Return ``forecasts.csv``: one row for each forecast of a sample, `time` in UTC.

    Parameters
    ----------
    run_dir : Path
        Run folder.

    Returns
    -------
    DataFrame or None
        Columns origin, time, block, variable, unit, horizon [h], measured, one for each model, and the limits of the
        band; None when there is no such file.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks a column.
    """
    path = run_dir / "forecasts.csv"
    if not path.is_file():
        return None
    return _read(path, ("block", "variable", "unit", "horizon", "measured"))


def read_contributions(run_dir: Path) -> pd.DataFrame | None:
    """Return ``contributions.csv``: one row for each time, target of n and tank, `time` in UTC.

    Parameters
    ----------
    run_dir : Path
        Run folder.

    Returns
    -------
    DataFrame or None
        Columns time, block, tank, kind and name of the target, own and learnt [unit], unit, and S_O [g/m3]; None when
        there is no such file.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks a column.
    """
    path = run_dir / "contributions.csv"
    if not path.is_file():
        return None
    return _read(path, ("tank", "kind", "name", "own", "learnt", "unit"))


def read_answers(run_dir: Path) -> pd.DataFrame | None:
    """Return ``answers.csv``: one row for each standard change, step and variable.

    Parameters
    ----------
    run_dir : Path
        Run folder.

    Returns
    -------
    DataFrame or None
        Columns as `asm_hybrid.notebook.run_result.RunResult.answers` has them; None when there is no such file.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks a column.
    """
    path = run_dir / "answers.csv"
    if not path.is_file():
        return None
    own = ("own_base", "own", "own_low", "own_high")
    return _read(path, ("change", "step", "variable", "unit", "f_base", "f", *own, "least", "finding"), timed=False)


def _read(path: Path, needed: Sequence[str], *, timed: bool = True) -> pd.DataFrame:
    if not path.exists():
        raise InputError(
            f"the run folder has no {path.name}",
            where=str(path.parent),
            fix="give the folder that `asm-hybrid train` named at its end",
        )
    with readable("the file cannot be read", where=str(path), expected=_AS_WRITTEN):
        frame = restored(pd.read_csv(path, dtype=dict.fromkeys(_TEXTS, "str")))
    absent = [name for name in (("time",) if timed else ()) + tuple(needed) if name not in frame]
    if absent:
        raise InputError("the column " + ", ".join(absent) + " is missing", where=str(path), expected=_AS_WRITTEN)
    with readable("a time cannot be read", where=str(path), expected=_AS_WRITTEN):
        if timed:
            frame["time"] = pd.to_datetime(frame["time"], utc=True, format="ISO8601")
        if timed and not frame["time"].dt.year.between(*YEARS).all():
            raise ValueError(f"the year is not one from {YEARS[0]} to {YEARS[1]}")
    for name in frame.columns.difference(["time", *_TEXTS]):
        with readable(f"the column {name} does not hold numbers", where=str(path), expected=_AS_WRITTEN):
            frame[name] = pd.to_numeric(frame[name])
    figures = frame.select_dtypes("number").columns
    frame[figures] = frame[figures].replace([np.inf, -np.inf], np.nan)
    for name in ("block", "unit", "finding"):
        if name in frame:
            frame[name] = frame[name].astype(object).fillna("")  # a column of nothing is read as numbers
    return frame


def thin(values: np.ndarray, limit: int) -> np.ndarray:
    """Return the positions of samples that draw the same line with fewer points.

    Each of `limit / 2` stretches of equal length keeps its least and its greatest value: no peak is lost.

    Parameters
    ----------
    values : ndarray, shape (n,)
        The series; may hold NaN.
    limit : int
        Number of points to keep, about.

    Returns
    -------
    ndarray of int
        Sorted positions.
    """
    n = len(values)
    if n <= limit:
        return np.arange(n)
    edges = np.linspace(0, n, limit // 2 + 1).astype(int)
    kept = set()
    for start, stop in pairwise(edges):
        part = values[start:stop]
        if np.isfinite(part).any():
            kept |= {start + int(np.nanargmin(part)), start + int(np.nanargmax(part))}
        else:
            kept.add(int(start))
    return np.array(sorted(kept))


def with_gaps(days: np.ndarray, *columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Insert NaN where samples are far apart, so that no line bridges an outage.

    Parameters
    ----------
    days : ndarray, shape (n,)
        Sorted times [d].
    *columns : ndarray, shape (n,)
        Series at those times.

    Returns
    -------
    tuple of ndarray
        Times and series, with one NaN row in each gap longer than four times the usual distance.
    """
    if len(days) < 3:
        return (days, *columns)
    breaks = np.flatnonzero(np.diff(days) > 4 * usual_distance(days)) + 1
    filled = [np.insert(column.astype(float), breaks, np.nan) for column in columns]
    return (np.insert(days, breaks, (days[breaks] + days[breaks - 1]) / 2), *filled)
