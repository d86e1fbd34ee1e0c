"""Time stamps: from cells to UTC, with every ambiguity named instead of guessed."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config.schema.timestamps import YEARS, TimeSection
from asm_hybrid.data.clocks import shifting_place
from asm_hybrid.data.findings import Place, QualityFinding, row_summary
from asm_hybrid.data.numbers import to_floats
from asm_hybrid.data.stamp_formats import fitting_formats, read_formatted, with_offset
from asm_hybrid.errors import InputError, readable

__all__ = ["check_order", "joined_columns", "likely_unit", "parse_stamps", "read_stamp", "zone"]

SHOWN = "%Y-%m-%d %H:%M:%S"
FOOTER = 5
"""Most lines at the end of a file that may be no samples: a mean, a note, a signature."""
_UNITS = {"d": 1.0, "h": 1 / 24, "min": 1 / 1440, "s": 1 / 86400, "ms": 1e-3 / 86400, "us": 1e-6 / 86400}
_UNITS["ns"] = 1e-9 / 86400
"""Units of numeric time [d]."""
_EPOCH = (9e8, 4.2e9)
"""Seconds from 1970 to the years 1998 and 2103."""
_SPREADSHEET = (36000.0, 74000.0)
"""Days from 1899-12-30 to the same years."""
LONGEST = 200
"""Longest time between two stamps of a file [a]: 64 bits of nanoseconds hold 292 years."""
OLDEST = 1980
"""Year before which a record was not logged in numbers of the size of these: their unit is another."""


def zone(name: str) -> tzinfo:
    """Return a time zone.

    Parameters
    ----------
    name : str
        Name in the tz database, or an offset such as ``+01:00``.

    Returns
    -------
    tzinfo
    """
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
    stamp = pd.Timestamp(datetime.fromisoformat(text))
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


def parse_stamps(
    cells: pd.DataFrame, time: TimeSection, place: Place, where: str, decimal: str = "."
) -> pd.DatetimeIndex:
    """Return the stamps of a file in UTC.

    Parameters
    ----------
    cells : DataFrame
        The time column, or those of date and time.
    time : TimeSection
        How to read it.
    place : Place
        File, header and row numbers.
    where : str
        Place of the `time` section in the config.
    decimal : str
        Decimal sign of numeric time that is text.

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
    times = _parse(cells, time, place, where, decimal)
    years = times.max().year - times.min().year
    if years > LONGEST:
        first, last = f"{times.min():%Y-%m-%d}", f"{times.max():%Y-%m-%d}"
        raise InputError(
            f"the stamps reach from {first} to {last}, over {years} years",
            where=f"{place.file}, column {place.column}",
            expected=f"a record of at most {LONGEST} years",
            fix="correct the first and the last stamps, or the format",
        )
    return times


def _parse(cells: pd.DataFrame, time: TimeSection, place: Place, where: str, decimal: str) -> pd.DatetimeIndex:
    empty = np.asarray(cells.isna().any(axis="columns"), dtype=bool)
    if empty.any():
        fix = _units_fix(empty, place) or "remove the row"
        raise _refusal(empty, "the time cell is empty", place, "a time in every row", fix)
    column = cells.iloc[:, 0] if cells.shape[1] == 1 else joined_columns(cells)
    if time.unit is not None:
        return _from_numbers(column, time, place, where, decimal)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return _plausible(pd.DatetimeIndex(column).tz_convert("UTC"), time, place)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return _localize(pd.DatetimeIndex(column), time, place, where)
    if pd.api.types.is_numeric_dtype(column.dtype) and time.format and not (column % 1).any():
        column = column.astype(np.int64)
    elif time.format is None:
        numbers = to_floats(column, decimal)
        if np.isfinite(numbers).all():
            raise _no_unit(numbers, column.astype(str), place, where)
    return _from_text(column, time, place, where)


def _units_fix(bad: NDArray[np.bool_], place: Place) -> str:
    """Return the remedy where the first row alone is no sample."""
    if not bad[0] or bad[1:].any() or bad.size < 3:
        return ""
    return (
        f"if row {place.rows[0]} holds units, add first_row: {place.rows[0] + 1} to the source; else correct the cell"
    )


def joined_columns(cells: pd.DataFrame) -> pd.Series:
    """Return date and time as one text.

    Parameters
    ----------
    cells : DataFrame
        The columns of date and of time.

    Returns
    -------
    Series
        What Excel knows as a date or a time is written in the order of ISO 8601.
    """
    date, time = cells.iloc[:, 0], cells.iloc[:, 1].map(_time_of_day)
    written = date.dt.strftime("%Y-%m-%d") if date.dtype.kind == "M" else date.astype(str).str.strip()
    return written + " " + time


def _time_of_day(cell: object) -> str:
    """Return a time as text; Excel holds 24:00 as one day, which is read as a duration or as the first day of 1900."""
    if isinstance(cell, datetime):
        return "24:00:00" if cell == datetime(1900, 1, 1) else f"{cell:%H:%M:%S}"
    if isinstance(cell, timedelta) and timedelta(0) <= cell <= timedelta(days=1):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell).strip()


def _no_unit(numbers: NDArray[np.float64], text: pd.Series, place: Place, where: str) -> InputError:
    fitting = fitting_formats(text) if text.str.fullmatch(r"(?:19|20)\d{6}(?:\d{4}|\d{6})?").all() else []
    fix = " or ".join(f"add format: '{form}'" for form in fitting)
    return InputError(
        f"the time column of {place.file} holds numbers, such as {text.iloc[0]}",
        where=where,
        expected="for numeric time: unit (d, h, min, s, ms, us or ns), origin and zone",
        fix=fix or _unit_fix(numbers) or "add unit: d and origin: 'YYYY-MM-DD HH:MM:SS'",
    )


def likely_unit(values: NDArray[np.float64]) -> tuple[str, str, str | None] | None:
    """Return what numbers of this size are likely to be.

    Parameters
    ----------
    values : float array, (row,)
        Numeric time.

    Returns
    -------
    (str, str, str or None) or None
        Unit, origin, and the zone where it follows; None for numbers that may be anything.
    """
    least, most = values.min(), values.max()
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if least > _EPOCH[0] * factor and most < _EPOCH[1] * factor:
            return unit, "1970-01-01", "UTC"
    return ("d", "1899-12-30", None) if least > _SPREADSHEET[0] and most < _SPREADSHEET[1] else None


def _unit_fix(values: NDArray[np.float64]) -> str:
    """Return what is told of numbers whose unit is likely another."""
    likely = likely_unit(values)
    if likely is None:
        return ""
    unit, origin, zone_name = likely
    if zone_name:
        return f"numbers of this size are {unit} since 1970 in UTC: unit: {unit}, origin: '{origin}', zone: {zone_name}"
    return f"numbers of this size are days of a spreadsheet: unit: {unit} and origin: '{origin}'"


def _refusal(bad: NDArray[np.bool_], found: str, place: Place, expected: str, fix: str) -> InputError:
    where = f"{place.file}, column {place.column}, {row_summary(place.rows[bad])}"
    return InputError(found, where=where, expected=expected, fix=fix)


def _from_numbers(cells: pd.Series, time: TimeSection, place: Place, where: str, decimal: str) -> pd.DatetimeIndex:
    values = to_floats(cells, decimal)
    bad = ~np.isfinite(values)
    if bad.any():
        raise _refusal(bad, "the time is not a number", place, f"numbers in {time.unit}", "correct the row")
    unit = str(time.unit)
    likely = _unit_fix(values)
    origin = read_stamp(str(time.origin), _zone_name(time, where, str(time.origin)), where)
    ends = [origin.year + days * _UNITS[unit] / 365.2425 for days in (values.min(), values.max())]
    if not YEARS[0] <= ends[0] <= ends[1] < YEARS[1]:
        raise InputError(
            f"numeric time reaches {np.abs(values).max():g} {unit}, beyond what a calendar holds",
            where=f"{place.file}, column {place.column!r}",
            expected=f"time in {unit} since {time.origin}, in the years {YEARS[0]} to {YEARS[1] - 1}",
            fix=likely or "check the unit of time",
        )
    if likely and ends[1] < OLDEST:
        raise InputError(
            f"numeric time in {unit} since {time.origin} lies in the years {int(ends[0])} to {int(ends[1])}",
            where=f"{place.file}, column {place.column!r}",
            expected=f"a record that ends after {OLDEST}",
            fix=likely,
        )
    elapsed = _microseconds(values, unit).view("m8[us]")
    return pd.DatetimeIndex(origin.as_unit("us") + elapsed).as_unit("ns")


def _microseconds(values: NDArray[np.float64], unit: str) -> NDArray[np.int64]:
    """Return numeric time in whole microseconds, in which 64 bits hold any origin."""
    if unit == "ns":
        return np.round(values / 1e3).astype(np.int64)
    each = round(86400e6 * _UNITS[unit])
    whole = np.floor(values)
    return whole.astype(np.int64) * each + np.round((values - whole) * each).astype(np.int64)


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
    offset = np.full(len(text), "%z" in time.format)
    if time.format == "ISO8601":
        offset = with_offset(text).to_numpy(dtype=bool)
    if offset.any() and not offset.all():
        found = "the stamp has no offset from UTC"
        raise _refusal(~offset, found, place, "an offset in every stamp", "add it, or remove it from the others")
    with readable(
        f"the stamps cannot be read with the format {time.format!r}",
        where=f"{place.file}, column {place.column}",
        expected="stamps in this format, all with an offset from UTC or none",
        fix="write every stamp in the same form, with an offset such as +02:00 or without",
    ):
        stamps = read_formatted(text, time.format, utc=bool(offset.any()))
    bad = stamps.isna().to_numpy()
    if bad.any():
        raise _refusal(
            bad,
            f"the time {text[bad].iloc[0][:60]!r} does not fit the format {time.format!r}",
            place,
            f"stamps in the format {time.format!r}",
            _units_fix(bad, place) or _format_advice(text, bad),
        )
    if offset.any():
        return _plausible(pd.DatetimeIndex(stamps), time, place)
    return _localize(pd.DatetimeIndex(stamps), time, place, where)


def _format_advice(text: pd.Series, bad: NDArray[np.bool_]) -> str:
    fitting = fitting_formats(text)
    if fitting:
        return "set format: " + " or ".join(map(repr, fitting))
    if bad[-1] and not bad[:-FOOTER].any() and bad.size > 2 * FOOTER:
        return "remove the lines at the end that are no samples, such as a mean or a note; else correct the cell"
    most = fitting_formats(text[:-FOOTER]) if bad.size > 2 * FOOTER else []
    if most:
        return "set format: " + " or ".join(map(repr, most)) + ", and remove lines at the end that are no samples"
    return "correct the cell, or the format"


def _plausible(stamps: pd.DatetimeIndex, time: TimeSection, place: Place) -> pd.DatetimeIndex:
    """Return stamps after checking their years."""
    years = np.asarray(stamps.year)
    bad = (years < YEARS[0]) | (years >= YEARS[1])
    if bad.any():
        raise _refusal(
            bad,
            f"the time lies in the year {years[bad][0]}",
            place,
            f"years from {YEARS[0]} to {YEARS[1] - 1}",
            "correct the cell" + (", or the format" if time.format else ""),
        )
    return stamps


def _no_format(text: pd.Series, place: Place, where: str) -> InputError:
    fitting, example = fitting_formats(text), text.iloc[0]
    ambiguous = len({f.replace("%m", "#").replace("%d", "#") for f in fitting}) < len(fitting)
    found = f"the stamps of {place.file}, such as {example[:60]!r}, are text and no format is given"
    if ambiguous:
        found += "; day and month cannot be told apart"
    listed = " or ".join(f"format: '{f}'" for f in fitting)
    return InputError(
        found,
        where=where,
        expected="the format of the stamps",
        fix=f"add {listed}" if listed else "add format, with strptime codes such as '%d/%m/%Y %H:%M'",
    )


def _localize(stamps: pd.DatetimeIndex, time: TimeSection, place: Place, where: str) -> pd.DatetimeIndex:
    name, stamps = _zone_name(time, where), _plausible(stamps, time, place)
    local = stamps.tz_localize(zone(name), ambiguous="NaT", nonexistent="NaT")
    bad = np.asarray(local.isna())
    if bad.any() and (summer := _told_apart(stamps, bad)) is not None:
        local = stamps.tz_localize(zone(name), ambiguous=summer, nonexistent="NaT")
        bad = np.asarray(local.isna())
    if not bad.any():
        return local.tz_convert("UTC")
    raise _clock_change(stamps, bad, name, place)


def _told_apart(stamps: pd.DatetimeIndex, bad: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return which stamps lie in summer time, where every hour that exists twice stands twice, one after the other.

    The first time is before the clocks go back then, the second after it. None where an hour stands once, or the rows
    are not in order.
    """
    summer, rows = np.ones(len(stamps), dtype=bool), np.flatnonzero(bad)
    for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1):
        times = stamps[run].asi8
        half = len(run) // 2
        if len(run) % 2 or not np.array_equal(times[:half], times[half:]) or (np.diff(times[:half]) <= 0).any():
            return None
        summer[run[half:]] = False
    return summer


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


def check_order(times: pd.DatetimeIndex, place: Place, zone_name: str | None = None) -> list[QualityFinding]:
    """Return errors for stamps that go back or stand twice.

    Parameters
    ----------
    times : DatetimeIndex
        Stamps, in the order of the file.
    place : Place
        File, header and row numbers.
    zone_name : str, optional
        Zone of stamps that carry no offset.

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
                fix=_summer_fix(times[first], zone_name)
                or "sort the file by time (a query by ORDER BY); if day and month are exchanged, correct the format",
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
                fix=_summer_fix(times[twice][0], zone_name) or "remove or merge the rows",
            )
        )
    return found


def _summer_fix(time: pd.Timestamp, zone_name: str | None) -> str:
    """Return the remedy where clocks of some place go back at a stamp, and the zone has no summer time."""
    if zone_name is None:
        return ""
    place_name = shifting_place(time.tz_convert(zone(zone_name)).tz_localize(None).round("s"), forward=False)
    if place_name is None:
        return ""
    return (
        f"clocks go back then, as in {place_name}: the logger seems to follow summer time, which the zone {zone_name} "
        "does not; export the series in UTC, or with offsets and %z in the format"
    )
