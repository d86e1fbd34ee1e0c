"""Times in which the user says that a column measures nothing."""

from __future__ import annotations

import pandas as pd

from asm_hybrid.config import Config
from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.stamps import read_stamp
from asm_hybrid.errors import InputError

__all__ = ["without_excluded"]


def without_excluded(
    cells: pd.Series, times: pd.DatetimeIndex, config: Config, source: str, place: Place
) -> tuple[pd.Series, list[QualityFinding]]:
    """Return the cells of a column, empty where its key ``exclude`` says so.

    Parameters
    ----------
    cells : Series
        The column as read.
    times : DatetimeIndex
        Its stamps, in UTC.
    config : Config
        The config.
    source : str
        Name of the source.
    place : Place
        File, header and row numbers.

    Returns
    -------
    cells : Series
        The column; both ends of a period belong to it.
    findings : list of QualityFinding
        Kind ``exclude``: a period that holds no row.

    Raises
    ------
    InputError
        If a period ends before it begins, or a time of it does not exist once.
    """
    section = config.data.sources[source]
    found = []
    for i, period in enumerate(section.columns[place.column].exclude):
        where = config.where("data", "sources", source, "columns", place.column, "exclude", i)
        begin, end = (read_stamp(text, section.time.zone or "UTC", where) for text in period)
        if not begin <= end:
            raise InputError(
                f"the excluded period of {place.column!r} ends before it begins",
                where=where,
                expected="[begin, end] with begin before end, or both the stamp of one row",
            )
        inside = (times >= begin) & (times <= end)
        if not inside.any():
            found.append(
                QualityFinding(
                    "warning",
                    where,
                    place.column,
                    "",
                    "exclude",
                    f"no row of {place.file} lies between {period[0]} and {period[1]}",
                    f"a period within {times.min():%Y-%m-%d %H:%M} to {times.max():%Y-%m-%d %H:%M} UTC",
                    "correct it, or remove it",
                )
            )
        cells = cells.mask(inside)
    return cells, found
