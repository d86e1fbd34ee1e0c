"""The inputs that drive a fitted model: those of its record, and what a user gives instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import restored
from asm_hybrid.config.schema.amounts import TEMPERATURES
from asm_hybrid.errors import InputError, nearest, readable
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.plant import Plant
from asm_hybrid.plant.backflow import flow_problems
from asm_hybrid.unpacked import run_folder

__all__ = ["INPUTS", "check_possible", "first_knot", "inputs_until", "knot_times", "knot_values", "read_inputs"]

INPUTS = "inputs.csv"
TOLERANCE = 0.5, 0.01
"""How far a row may lie from its knot: seconds, and share of the distance of two knots; the smaller one counts."""


def read_inputs(folder: str | Path) -> pd.DataFrame:
    """Return the inputs that a run folder or bundle holds, to the last bit.

    Parameters
    ----------
    folder : str or Path
        The folder, or the zip of the bundle.

    Returns
    -------
    DataFrame
        ``time`` in UTC, and one column an input, as :meth:`FittedModel.predict` takes them.

    Raises
    ------
    InputError
        When the file is missing or is not the one that was written.
    """
    folder = run_folder(folder)
    verify_manifest(folder, [INPUTS])
    return _read(folder / INPUTS)


def first_knot(folder: Path) -> pd.Timestamp:
    """Return the time of the first row of the inputs of a run.

    Parameters
    ----------
    folder : Path
        Run folder or bundle whose manifest was checked.

    Returns
    -------
    Timestamp
        In UTC.
    """
    found: pd.Timestamp = _read(folder / INPUTS, rows=1)["time"].iloc[0]
    return found


def _read(path: Path, rows: int | None = None) -> pd.DataFrame:
    expected = "'time', and a column of numbers for every input, as asm-hybrid writes them"
    with readable("the inputs cannot be read", where=str(path), expected=expected, fix="train again"):
        # Numbers are read as text first: pandas' own default has been off by one in the last place, version by version.
        text = restored(pd.read_csv(path, dtype=str, nrows=rows))
        numbers = text.drop(columns="time").to_numpy(dtype=str).astype(float)
        times = pd.to_datetime(text["time"], utc=True, format="ISO8601")
    table = pd.DataFrame(numbers, columns=text.columns.drop("time"))
    table.insert(0, "time", times)
    if not len(table) or times.isna().any() or not times.is_monotonic_increasing:
        raise InputError("the times do not increase, or are missing", where=str(path), expected=expected)
    _refuse_gaps(numbers, list(table.columns[1:]), table["time"], str(path))
    return table


def knot_times(inputs: pd.DataFrame, where: str = "inputs") -> pd.DatetimeIndex:
    """Return the times of inputs.

    Parameters
    ----------
    inputs : DataFrame
        With its times in a column ``time`` or as its index; without a zone they are UTC.
    where : str, optional
        What the inputs are called in messages.

    Returns
    -------
    DatetimeIndex
        In UTC, named ``time``.

    Raises
    ------
    InputError
        When it is no data frame, or a time is missing or cannot be read.
    """
    return pd.DatetimeIndex(_times(inputs, where), name="time")


def knot_values(
    inputs: pd.DataFrame,
    names: Sequence[str],
    begin: pd.Timestamp | None,
    interval: float,
    where: str = "inputs",
) -> np.ndarray:
    """Return the values of inputs at the knots, once it is clear that they are meant for them.

    Parameters
    ----------
    inputs : DataFrame
        One row a knot, read by the names of its columns; its times as `knot_times` finds them.
    names : sequence of str
        The inputs of the plant.
    begin : Timestamp or None
        Time of the first knot, UTC; that of the first row without it.
    interval : float
        Distance of two knots [d].
    where : str, optional
        What the inputs are called in messages.

    Returns
    -------
    ndarray, shape (knot, input)
        Finite, in the order of `names`.

    Raises
    ------
    InputError
        When the columns are not those of the plant, a row does not lie at its knot, or a value is missing.
    """
    times = _times(inputs, where)
    values = _columns(inputs, names, where)
    if len(values) < 2:
        raise InputError(f"the inputs have {len(values)} rows", where=where, expected="two knots or more")
    _check_times(times, begin, pd.Timedelta(days=interval), where)
    _refuse_gaps(values, names, times, where)
    return values


def inputs_until(record: pd.DataFrame, names: Sequence[str], stamp: pd.Timestamp, interval: float) -> np.ndarray:
    """Return the inputs of a record up to one of its knots.

    Parameters
    ----------
    record : DataFrame
        From `read_inputs`.
    names : sequence of str
        The inputs of the plant.
    stamp : Timestamp
        Time of the knot, UTC.
    interval : float
        Distance of two knots [d].

    Returns
    -------
    ndarray, shape (knot, input)

    Raises
    ------
    InputError
        When there is no knot at that time.
    """
    times = record["time"]
    knot = int((times - stamp).abs().to_numpy().argmin())
    if abs(times.iloc[knot] - stamp) > pd.Timedelta(seconds=TOLERANCE[0]):
        raise InputError(
            f"the record has no knot at {_show(stamp)}",
            where="start",
            expected=f"a time every {24 * 60 * interval:g} min from {_show(times.iloc[0])} to {_show(times.iloc[-1])}",
            fix=f"the nearest one is {_show(times.iloc[knot])}",
        )
    return np.asarray(record[list(names)].to_numpy()[: knot + 1])


def check_possible(plant: Plant, values: np.ndarray, interval: float, where: str = "inputs") -> None:
    """Refuse inputs that cannot be: temperatures of no water, what is negative, water that would flow backwards.

    Parameters
    ----------
    plant : Plant
        The plant.
    values : ndarray, shape (knot, input)
        Inputs in the order of ``plant.inputs``. Imposed concentrations are taken as they are measured.
    interval : float
        Distance of two knots [d].
    where : str, optional
        What the inputs are called in messages.

    Raises
    ------
    InputError
        For the first input that holds such a value, or flows that run backwards for more than 1 % of the time and an
        hour or more at a stretch.
    """
    for k, spec in enumerate(plant.inputs):
        low, high = TEMPERATURES if spec.name == "T" else (0.0, np.inf)
        bad = (values[:, k] < low) | (values[:, k] > high)
        if spec.kind not in ("imposed", "clock") and bad.any():
            row = int(bad.argmax())
            raise InputError(
                f"the value is {values[row, k]:g} {spec.unit}",
                where=f"{where}, column {spec.name}, row {row} (counted from 0)",
                expected=f"{low:g} to {high:g} {spec.unit}" if spec.name == "T" else f"zero or above [{spec.unit}]",
                fix="correct the sign or the unit",
            )
    for problem in flow_problems(plant, values, np.full(len(values), interval)):
        if problem.impossible and problem.lasting:
            error = problem.error
            found = f"{error.found}, in {100 * problem.share:.3g} % of the time"
            raise InputError(found, where=where, expected=error.expected, fix=error.fix)


def _times(frame: Any, where: str) -> pd.Series:
    """Return the times of a frame in UTC."""
    expected = "one column 'time' of stamps, or of texts such as 2024-03-31T08:00:00+00:00"
    if not isinstance(frame, pd.DataFrame):
        kind, fix = type(frame).__name__, "give a data frame such as asm_hybrid.read_inputs(RUN) returns"
        raise InputError(f"the inputs are a {kind}", where=where, expected="a DataFrame with times", fix=fix)
    column: Any = frame.get("time", frame.index)
    if "time" not in frame and not isinstance(frame.index, pd.DatetimeIndex):
        raise InputError("the inputs have no times", where=where, expected=expected + "; or times as the index")
    with readable("the times cannot be read", where=f"{where}, column time", expected=expected):
        if isinstance(column, pd.DataFrame):
            raise ValueError("there are several columns 'time'")
        if pd.api.types.is_numeric_dtype(column):
            raise ValueError("they are numbers")
        iso = None if pd.api.types.is_datetime64_any_dtype(column) else "ISO8601"
        times = pd.Series(pd.to_datetime(column, utc=True, format=iso)).reset_index(drop=True)
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise InputError("there is no time", where=f"{where}, row {row} (counted from 0)", expected=expected)
    return times


def _columns(frame: pd.DataFrame, names: Sequence[str], where: str) -> np.ndarray:
    """Return the named columns of a frame as numbers."""
    lacking = [n for n in names if n not in frame]
    others = [str(c) for c in frame.columns if c not in names and c != "time"]
    if lacking:
        raise InputError(
            "the inputs lack " + ", ".join(lacking),
            where=where,
            expected="the columns " + ", ".join(names),
            fix=f"{lacking[0]}: {nearest(lacking[0], others)}" if others else "give them, as read_inputs(RUN) does",
        )
    twice = [n for n in names if isinstance(frame[n], pd.DataFrame)]
    if twice:
        raise InputError(f"the column {twice[0]} is there twice", where=where, expected="every input once")
    columns = []
    for name in names:
        with readable("the column does not hold numbers", where=f"{where}, column {name}", expected="numbers"):
            columns.append(_numbers(frame[name].to_numpy(na_value=np.nan)))
    return np.column_stack(columns)


def _numbers(values: Any) -> np.ndarray:
    """Return real numbers."""
    if np.iscomplexobj(values):
        raise ValueError("they are complex")
    return np.asarray(values, dtype=float)


def _check_times(times: pd.Series, begin: pd.Timestamp | None, interval: pd.Timedelta, where: str) -> None:
    """Refuse rows that do not lie at the knots."""
    first = times.iloc[0] if begin is None else begin
    distance = interval.total_seconds()
    seconds = (times - first).dt.total_seconds().to_numpy()
    off = np.flatnonzero(
        np.abs(seconds - np.arange(len(times)) * distance) > min(TOLERANCE[0], TOLERANCE[1] * distance)
    )
    if not len(off):
        return
    minutes = f"{distance / 60:g} min"
    row, expected = int(off[0]), f"one row every {minutes} from {_show(first)} on, in order and without a gap"
    if not times.is_monotonic_increasing:
        row = int((times.diff() < pd.Timedelta(0)).to_numpy().argmax())
        found, fix = "the row lies before the one above it", "sort the rows by their time"
    elif row == 0:
        found = (
            f"the inputs begin at {_show(times.iloc[0])}, and the start state of the model is that of {_show(first)}"
        )
        fix = "give the rows from there on, such as those of read_inputs(RUN), and use the part of the result you need"
    else:
        found = f"the row is at {_show(times.iloc[row])}, and the knot there at {_show(first + row * interval)}"
        fix = f"bring the inputs to one row every {minutes}, and fill what is missing"
    raise InputError(found, where=f"{where}, row {row} (counted from 0)", expected=expected, fix=fix)


def _refuse_gaps(values: np.ndarray, names: Sequence[str], times: pd.Series, where: str) -> None:
    """Refuse values that are not finite, and name the first one."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        when = f", {_show(times.iloc[row])}"
        raise InputError(
            f"the value is {values[row, column]}" + (f"; {len(bad)} values are not finite" if len(bad) > 1 else ""),
            where=f"{where}, column {names[column]}, row {row} (counted from 0{when})",
            expected="a finite number at every knot",
            fix="fill the gaps, for example by interpolation, or keep the value that the record has there",
        )


def _show(stamp: pd.Timestamp) -> str:
    return f"{stamp:%Y-%m-%d %H:%M:%S} UTC".replace(":00 UTC", " UTC")
