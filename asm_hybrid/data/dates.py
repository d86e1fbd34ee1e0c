"""Samples that carry a date and no time of day, as laboratories write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.config.schema.timestamps import TimeSection
from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.stamps import zone

__all__ = ["check_dates"]

FEW = 3
"""Samples below which midnight may be chance."""


def check_dates(
    times: pd.DatetimeIndex, time: TimeSection, columns: Mapping[str, ColumnSection], place: Place
) -> list[QualityFinding]:
    """Return a warning where every stamp is a midnight and a column depends on the time of day.

    Parameters
    ----------
    times : DatetimeIndex
        Stamps in UTC.
    time : TimeSection
        How they were read; its ``shift``, also one of zero, says that the stamps are understood.
    columns : mapping of str to ColumnSection
        The used columns, by header.
    place : Place
        The file.

    Returns
    -------
    list of QualityFinding
        Kind ``date alone``, one for each such column: observations, and composites of inputs, whose period ends at the
        stamp. A mean of the day that is held from its midnight on is in its place.
    """
    if time.zone is None or "shift" in time.model_fields_set or len(times) < FEW:
        return []
    local = times.tz_convert(zone(time.zone))
    if not (local == local.normalize()).all():
        return []
    return [
        replace(place, column=name).finding(
            "warning",
            "date alone",
            _meaning(column),
            expected="stamps with the time of day, or time.shift of the source",
            fix=_remedy(column),
        )
        for name, column in columns.items()
        if column.role == "observation" or column.sample is not None
    ]


def _meaning(column: ColumnSection) -> str:
    if column.sample is None:
        return (
            "the stamps are dates alone, so that every sample is taken for one of the midnight at which its day begins"
        )
    return "the stamps are dates alone, and a composite ends at its stamp: at the midnight at which that day begins"


def _remedy(column: ColumnSection) -> str:
    if column.sample is None:
        move = "set time.shift to the hour of sampling, such as 8 h; for a composite of that day, sample and shift: 1 d"
    else:
        move = "where a composite is that of the day it is dated, set time.shift: 1 d"
    return f"{move}. shift: 0 d says that the stamps are right"
