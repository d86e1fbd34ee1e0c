"""Time stamps: from cells to UTC, with every ambiguity named instead of guessed."""

from __future__ import annotations

import re
from datetime import tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config.data import TimeSection
from asm_hybrid.data.findings import Place, QualityFinding, row_summary
from asm_hybrid.errors import InputError

__all__ = ["check_order", "parse_stamps", "read_stamp", "zone"]

SHOWN = "%Y-%m-%d %H:%M:%S"
_COMMON = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %H:%M",
    "%d/%m/%y %H:%M",
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
)
"""Formats that are suggested, never assumed."""


def zone(name: str) -> tzinfo:
    """Return a time zone by its name, or by an offset such as ``+01:00``."""
    if re.fullmatch(r"[+-]\d\d:\d\d", name):
        parsed = pd.Timestamp(f"2000-01-01 00:00{name}").tz
        assert parsed is not None
        return parsed
    return ZoneInfo(name)


def read_stamp(text: str, zone_name: str, where: str) -> pd.Timestamp:
    """Return a time of the config in UTC.

    Parameters
    ----------
    text : str
        The time, in ISO 8601.
    zone_name : str
        Its zone, when the text has no offset.
    where : str
        Place of the text, for messages.

    Returns
    -------
    Timestamp
        UTC.
    """
    stamp = pd.Timestamp(text)
    if stamp.tzinfo is None:
        try:
            stamp = stamp.tz_localize(zone(zone_name))
        except ValueError:
            raise InputError(
                f"the time {text} falls in the hour in which the clocks change in {zone_name}",
                where=where,
                expected="a time that exists once",
                fix=f"write it with its offset, for instance '{text}+01:00'",
            ) from None
    return stamp.tz_convert("UTC")


def parse_stamps(cells: pd.Series, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    """Return the stamps of a file in UTC.

    Parameters
    ----------
    cells : Series
        The time column.
    time : TimeSection
        How to read it.
    place : Place
        File, header and row numbers.
    where : str
        Place of the `time` section in the config.

    Returns
    -------
    DatetimeIndex
        One stamp per row, in UTC, in the order of the file.

    Raises
    ------
    InputError
        If a cell is empty or does not fit the format, if format or zone are not known, or if a local time
        exists twice or not at all.
    """
    empty = cells.isna().to_numpy(dtype=bool)
    if empty.any():
        raise _refusal(empty, "the time cell is empty", place, "a time in every row", "remove the row")
    if time.unit is not None:
        return _from_numbers(cells, time, place, where)
    if isinstance(cells.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(cells).tz_convert("UTC")
    if pd.api.types.is_datetime64_dtype(cells.dtype):
        return _localize(pd.DatetimeIndex(cells), time, place, where)
    if pd.api.types.is_numeric_dtype(cells.dtype):
        raise InputError(
            f"the time column of {place.file} holds numbers",
            where=where,
            expected="for numeric time: unit (d, h, min or s), origin and zone",
            fix="add unit: d and origin: 'YYYY-MM-DD HH:MM:SS'",
        )
    return _from_text(cells, time, place, where)


def _refusal(bad: NDArray[np.bool_], found: str, place: Place, expected: str, fix: str) -> InputError:
    where = f"{place.file}, column {place.column}, {row_summary(place.rows[bad])}"
    return InputError(found, where=where, expected=expected, fix=fix)


def _from_numbers(cells: pd.Series, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(values)
    if bad.any():
        raise _refusal(bad, "the time is not a number", place, f"numbers in {time.unit}", "correct the row")
    unit = {"d": "D", "min": "min", "h": "h", "s": "s"}[str(time.unit)]
    origin = read_stamp(str(time.origin), _zone_name(time, where, str(time.origin)), where)
    try:
        return pd.DatetimeIndex(origin.as_unit("ns") + pd.to_timedelta(values, unit=unit))  # type: ignore[call-overload]
    except (pd.errors.OutOfBoundsTimedelta, pd.errors.OutOfBoundsDatetime, OverflowError):
        raise InputError(
            f"numeric time reaches {np.abs(values).max():g} {time.unit}, beyond what a calendar holds",
            where=f"{place.file}, column {place.column!r}",
            expected=f"time in {time.unit} since the origin",
            fix="check the unit of time",
        ) from None


def _zone_name(time: TimeSection, where: str, stamp: str = "") -> str:
    if time.zone is None and not (stamp and pd.Timestamp(stamp).tzinfo):
        raise InputError(
            "the time zone is not given",
            where=where,
            expected="zone: UTC, Europe/Amsterdam, '+01:00' …",
            fix="add the zone of the logger; without summer time that is an offset such as '+01:00'",
        )
    return time.zone or "UTC"


def _from_text(cells: pd.Series, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    text = cells.astype(str).str.strip()
    if time.format is None:
        raise _no_format(text, place, where)
    if "%z" in time.format or time.format == "ISO8601":
        return _with_offsets(text, time, place, where)
    stamps = pd.to_datetime(text, format=time.format, errors="coerce")
    _check_parsed(stamps, text, time, place)
    return _localize(pd.DatetimeIndex(stamps), time, place, where)


def _with_offsets(text: pd.Series, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    """Read stamps that may carry an offset each: all of them do, or none."""
    offset = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True).to_numpy(dtype=bool)
    offset = offset & text.str.contains(":", regex=False).to_numpy(dtype=bool)
    if not offset.any() and "%z" not in str(time.format):
        stamps = pd.to_datetime(text, format=time.format, errors="coerce")
        _check_parsed(stamps, text, time, place)
        return _localize(pd.DatetimeIndex(stamps), time, place, where)
    if not offset.all():
        found = "the stamp has no offset from UTC"
        raise _refusal(~offset, found, place, "an offset in every stamp", "add it, or remove %z")
    stamps = pd.to_datetime(text, format=time.format, errors="coerce", utc=True)
    _check_parsed(stamps, text, time, place)
    return pd.DatetimeIndex(stamps)


def _check_parsed(stamps: pd.Series, text: pd.Series, time: TimeSection, place: Place) -> None:
    bad = stamps.isna().to_numpy()
    if bad.any():
        example = text.iloc[int(np.flatnonzero(bad)[0])]
        fitting = _fitting(text)
        raise _refusal(
            bad,
            f"the time {example!r} does not fit the format {time.format!r}",
            place,
            f"stamps in the format {time.format!r}",
            "set format: " + " or ".join(map(repr, fitting)) if fitting else "correct the cell, or the format",
        )


def _no_format(text: pd.Series, place: Place, where: str) -> InputError:
    fitting, example = _fitting(text), text.iloc[0]
    ambiguous = len({f.replace("%m", "#").replace("%d", "#") for f in fitting}) < len(fitting)
    found = f"the stamps of {place.file}, such as {example!r}, are text and no format is given"
    if ambiguous:
        found += "; day and month cannot be told apart"
    listed = " or ".join(f"format: '{f}'" for f in fitting)
    return InputError(
        found,
        where=where,
        expected="the format of the stamps",
        fix=f"add {listed}" if listed else "add format, with strptime codes such as '%d/%m/%Y %H:%M'",
    )


def _fitting(text: pd.Series) -> list[str]:
    """Return the common formats that read every stamp."""

    def reads(cells: pd.Series, candidate: str) -> bool:
        return not pd.to_datetime(cells, format=candidate, errors="coerce", utc=True).isna().any()

    found = [c for c in _COMMON if reads(text.iloc[:100], c) and reads(text, c)]
    return found or (["ISO8601"] if reads(text, "ISO8601") else [])


def _localize(stamps: pd.DatetimeIndex, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    name = _zone_name(time, where)
    local = stamps.tz_localize(zone(name), ambiguous="NaT", nonexistent="NaT")
    bad = np.asarray(local.isna())
    if not bad.any():
        return local.tz_convert("UTC")
    raise _clock_change(stamps, bad, name, place)


def _clock_change(stamps: pd.DatetimeIndex, bad: NDArray[np.bool_], name: str, place: Place) -> InputError:
    """Return the error for local times that exist twice, or not at all."""
    summer = np.ones(len(stamps), dtype=bool)
    absent = np.asarray(stamps.tz_localize(zone(name), ambiguous=summer, nonexistent="NaT").isna())
    fix = (
        "if the logger does not shift in summer, set zone to its offset, for instance '+01:00'; "
        "otherwise export the series in UTC, or with offsets and %z in the format"
    )
    if absent.any():
        return _refusal(
            absent,
            f"the local time {stamps[absent][0]} does not exist in {name}: the clocks go forward then",
            place,
            "local times that exist",
            fix,
        )
    twice = "and stands twice in the file" if stamps[bad].has_duplicates else "and cannot be told apart"
    return _refusal(
        bad,
        f"the local time {stamps[bad][0]} exists twice in {name}, when the clocks go back, {twice}",
        place,
        "stamps that name one instant",
        fix,
    )


def check_order(times: pd.DatetimeIndex, place: Place) -> list[QualityFinding]:
    """Return errors for stamps that go back or stand twice.

    Parameters
    ----------
    times : DatetimeIndex
        Stamps, in the order of the file.
    place : Place
        File, header and row numbers.

    Returns
    -------
    list of QualityFinding
        Kinds ``unsorted`` and ``duplicate stamps``.
    """
    found = []
    step = np.diff(times.asi8)
    back = np.concatenate([[False], step < 0])
    if back.any():
        first = int(np.flatnonzero(back)[0])
        found.append(
            place.finding(
                "error",
                "unsorted",
                f"time goes back, from {times[first - 1]:{SHOWN}} to {times[first]:{SHOWN}} UTC",
                back,
                expected="rows in order of time",
                fix="sort the file by time; if day and month are exchanged, correct the format",
            )
        )
    twice = np.asarray(times.duplicated(keep=False))
    if twice.any():
        found.append(
            place.finding(
                "error",
                "duplicate stamps",
                f"the stamp {times[twice][0]:{SHOWN}} UTC stands more than once",
                twice,
                expected="one row for each instant",
                fix="remove or merge the rows; at the end of summer time, export in UTC",
            )
        )
    return found
