"""Loggers whose clock follows a summer time that their zone does not have."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_clock", "shifting_place"]

PLACES = (
    "Europe/Amsterdam",
    "Europe/London",
    "Europe/Helsinki",
    "America/New_York",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Mexico_City",
    "America/Havana",
    "America/Asuncion",
    "Atlantic/Azores",
    "Africa/Cairo",
    "Asia/Jerusalem",
    "Asia/Amman",
    "Asia/Beirut",
    "Asia/Tehran",
)
"""Places whose clocks change at local times that differ; one stands for all with the same local times."""
HOUR = pd.Timedelta(hours=1)
DAY = pd.Timedelta(days=1)
TOLERANCE = pd.Timedelta(minutes=1)
SHOWN = "%Y-%m-%d %H:%M"


def shifting_place(local: pd.Timestamp, *, forward: bool) -> str | None:
    """Return a place where the clocks change at a local time.

    Parameters
    ----------
    local : Timestamp
        Time of a clock on the wall, without a zone.
    forward : bool
        Whether the time is sought that the clocks leave out; else that which they show twice.

    Returns
    -------
    str or None
        Name in the tz database.
    """
    for place in PLACES:
        index = pd.DatetimeIndex([local])
        summer = np.ones(1, dtype=bool)
        if forward:
            changed = index.tz_localize(ZoneInfo(place), ambiguous=summer, nonexistent="NaT").isna()
        else:
            changed = index.tz_localize(ZoneInfo(place), ambiguous="NaT", nonexistent="shift_forward").isna()
        if changed[0]:
            return place
    return None


def check_clock(times: pd.DatetimeIndex, zone: str, place: Place) -> list[QualityFinding]:
    """Return a warning where stamps leave out an hour as clocks of some place do then, and those of their zone do not.

    Parameters
    ----------
    times : DatetimeIndex
        Stamps in UTC, ascending.
    zone : str
        Their zone.
    place : Place
        File, header and row numbers.

    Returns
    -------
    list of QualityFinding
        Kind ``summer time``.
    """
    if len(times) < 3:
        return []
    step = np.diff(times.as_unit("ns").asi8)
    usual = pd.Timedelta(int(np.median(step)))
    if not pd.Timedelta(0) < usual <= DAY:
        return []
    local = _wall(times, zone)
    missing = np.flatnonzero(np.abs(step - (usual + HOUR).value) <= TOLERANCE.value)
    for i in map(int, missing):
        if _alone(missing, i, times):
            for left_out in pd.date_range(end=local[i] + usual, periods=max(1, 2 * usual // HOUR), freq=HOUR / 2):
                place_name = shifting_place(left_out.round("s"), forward=True)
                if place_name:
                    return [_finding(local, i, usual, zone, place_name, place)]
    return []


def _alone(missing: NDArray[np.intp], i: int, times: pd.DatetimeIndex) -> bool:
    """Return whether no other hour of the week around is missing, so that it is no habit of the logger."""
    near = np.abs((times[missing] - times[i]) / DAY) < 7
    return int(near.sum()) == 1


def _wall(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Return what a clock on the wall shows in a zone."""
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", zone)
    if offset:
        shift = pd.Timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return times.tz_localize(None) + (shift if offset[1] == "+" else -shift)
    return times.tz_convert(ZoneInfo(zone)).tz_localize(None)


def _finding(
    local: pd.DatetimeIndex, i: int, usual: pd.Timedelta, zone: str, place_name: str, place: Place
) -> QualityFinding:
    chosen = np.zeros(len(local), dtype=bool)
    chosen[[i, i + 1]] = True
    if usual <= HOUR:
        found = (
            f"the hour from {local[i] + usual:{SHOWN}} is missing, which clocks leave out when summer time begins in"
        )
    else:
        found = (
            f"from {local[i]:{SHOWN}} to {local[i + 1]:{SHOWN}} an hour more passes than between other stamps, as "
            "where clocks leave out an hour when summer time begins, then in"
        )
    return place.finding(
        "warning",
        "summer time",
        f"{found} {place_name}; the zone {zone} leaves out none then. If the logger follows that summer time, all "
        "later stamps are an hour off",
        chosen,
        expected=f"stamps by the clock of the zone {zone}",
        fix="if the logger shifts, set zone to the place of the plant; if not, nothing has to be done",
    )
