"""Loggers whose clock follows summer time although their zone says that it does not."""

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
)
"""Places whose clocks change at local times that differ; one stands for all with the same local times."""
HOUR = pd.Timedelta(hours=1)
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
    """Return a warning where stamps of a zone without summer time leave out the hour that clocks leave out in spring.

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
    local = _wall(times, zone)
    if local is None or len(local) < 3:
        return []
    step = np.diff(local.as_unit("ns").asi8)
    usual = pd.Timedelta(int(np.median(step)))
    if not pd.Timedelta(0) < usual <= HOUR:
        return []
    missing = np.flatnonzero(np.abs(step - (usual + HOUR).value) <= TOLERANCE.value)
    for i in map(int, missing):
        place_name = shifting_place((local[i] + usual).round("s"), forward=True)
        if place_name and _alone(missing, i, local):
            return [_finding(local, i, usual, zone, place_name, place)]
    return []


def _alone(missing: NDArray[np.intp], i: int, local: pd.DatetimeIndex) -> bool:
    """Return whether no other hour of the week around is missing, so that it is no habit of the logger."""
    near = np.abs((local[missing] - local[i]) / pd.Timedelta(days=1)) < 7
    return int(near.sum()) == 1


def _wall(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex | None:
    """Return what a clock in a zone without summer time shows; None for other zones."""
    offset = re.fullmatch(r"([+-])(\d\d):(\d\d)", zone)
    if offset:
        shift = pd.Timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return times.tz_localize(None) + (shift if offset[1] == "+" else -shift)
    tz = ZoneInfo(zone)
    seasons = pd.date_range(times.min(), times.min() + pd.Timedelta(days=366), freq="30D").tz_convert(tz)
    if len({stamp.utcoffset() for stamp in seasons}) > 1:
        return None
    return times.tz_convert(tz).tz_localize(None)


def _finding(
    local: pd.DatetimeIndex, i: int, usual: pd.Timedelta, zone: str, place_name: str, place: Place
) -> QualityFinding:
    begin = local[i] + usual
    chosen = np.zeros(len(local), dtype=bool)
    chosen[[i, i + 1]] = True
    return place.finding(
        "warning",
        "summer time",
        f"the hour from {begin:{SHOWN}} is missing, which clocks leave out when summer time begins in {place_name}; "
        f"the zone {zone} has none. If the logger follows summer time, all later stamps are an hour off",
        chosen,
        expected=f"stamps that do not shift in summer, as the zone {zone} says",
        fix="if the logger shifts, set zone to the place of the plant; if not, nothing has to be done",
    )
