"""Checks of one series: they report, with row numbers, and change nothing."""

from __future__ import annotations

from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.data.drift import check_drift
from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.frozen import check_frozen
from asm_hybrid.data.gross import check_far, check_impossible
from asm_hybrid.data.low import check_low

__all__ = ["check_twins", "check_values"]

Values = NDArray[np.float64]

GAP_TIME = 0.25
"""Shortest gap that is reported [d]."""
GAP_INTERVALS = 4
"""Shortest gap that is reported, in median sampling intervals."""
SAME = 0.01
"""Share of a composite's period by which stamps may miss its end [-]."""
TEMPERATURE = (-2.0, 45.0)
"""Plausible water temperature [°C]."""


def check_values(
    values: Values,
    internal: Values,
    days: Values,
    column: ColumnSection,
    place: Place,
    censored: NDArray[np.int8],
    unit: str,
    *,
    gaps: bool = True,
) -> list[QualityFinding]:
    """Check one column.

    Parameters
    ----------
    values, internal : float array, (row,)
        Values in the column's unit, and in the internal unit; NaN where there is none.
    days : float array, (row,)
        Time [d], ascending.
    column : ColumnSection
        What the column means.
    place : Place
        File, header and row numbers.
    censored : int array, (row,)
        Not zero for samples beyond a limit of the sensor, which may well stay at one value.
    unit : str
        The internal unit.
    gaps : bool
        Whether long times without a row are gaps; not of a value that holds until the next row.

    Returns
    -------
    list of QualityFinding
        Kinds ``impossible value`` and ``sentinel`` (errors), ``range``, ``far outside``, ``zeros``, ``thousandths``,
        ``constant column``, ``frozen sensor``, ``drift``, ``overlapping composites``, ``gap``.
    """
    found = check_impossible(values, internal, place, str(column.target), unit, column.range)
    if any(f.severity == "error" for f in found):
        return found
    found += _range(values, internal, column, place) + check_far(values, internal, place, unit, column.range)
    found += check_low(values, place, str(column.target), limited=column.detection_limit is not None)
    valid = ~np.isnan(values)
    if valid.sum() > 1 and np.ptp(values[valid]) == 0:
        found.append(place.finding("warning", "constant column", f"every value is {values[valid][0]:g}"))
    else:
        uncensored = np.where(censored == 0, values, np.nan)
        found += check_frozen(
            uncensored, days, place, temperature=column.target == "T", analyser=column.role == "observation"
        )
    if column.role == "imposed" and (column.target or "").endswith(".S_O"):
        found += check_drift(values, days, place)
    if column.sample is not None and column.role == "input":
        found += _overlaps(days[~np.isnan(values)], column.sample.composite, place)
    return found + (_gaps(values, days, place) if gaps else [])


def _range(values: Values, internal: Values, column: ColumnSection, place: Place) -> list[QualityFinding]:
    if column.range is not None:
        lower = -np.inf if column.range[0] is None else column.range[0]
        upper = np.inf if column.range[1] is None else column.range[1]
        out = (values < lower) | (values > upper)
        stated = f"[{lower:g}, {upper:g}] {place.unit}"
    elif column.target == "T":
        out = (internal < TEMPERATURE[0]) | (internal > TEMPERATURE[1])
        stated = f"[{TEMPERATURE[0]:g}, {TEMPERATURE[1]:g}] degC"
    else:
        out, stated = internal < 0, f"zero or above [{place.unit}]"
    if not out.any():
        return []
    impossible = column.role == "input" and column.target != "T" and bool((internal[out] < 0).any())
    severity: Literal["error", "warning"] = "error" if impossible else "warning"
    worst = values[out][np.argmax(np.abs(values[out]))]
    return [
        place.finding(
            severity,
            "range",
            f"{out.sum()} of {values.size} values lie outside the plausible range, as {worst:g} does",
            out,
            expected=f"values in {stated}",
            fix="flows and influent concentrations below zero cannot be simulated: correct or empty the cells"
            if impossible
            else "empty the cells that are no measurement, or widen the column's range",
        )
    ]


def _overlaps(time: Values, period: float, place: Place) -> list[QualityFinding]:
    """Return a warning for composites whose periods begin before the last one has ended."""
    early = int((np.diff(time) < period * (1 - SAME)).sum())
    if not early:
        return []
    return [
        place.finding(
            "warning",
            "overlapping composites",
            f"{early} of {time.size} periods of {period * 24:.4g} h begin before the last one has ended, and a time "
            "has one mean only",
            expected="periods that do not overlap, each ending at its stamp",
            fix="correct the length under the column's 'sample', or the stamps",
        )
    ]


def _gaps(values: Values, days: Values, place: Place) -> list[QualityFinding]:
    time = days[~np.isnan(values)]
    if time.size < 3:
        return []
    step = np.diff(time)
    limit = max(GAP_TIME, GAP_INTERVALS * float(np.median(step)))
    long = step > limit
    if not long.any():
        return []
    rows = place.rows[~np.isnan(values)]
    worst = int(np.argmax(step))
    return [
        QualityFinding(
            "warning",
            place.file,
            place.column,
            f"rows {rows[worst]}-{rows[worst + 1]}",
            "gap",
            f"{long.sum()} gap{'s' if long.sum() > 1 else ''} of more than {limit:.2g} d, "
            f"{step[long].sum():.1f} d together; "
            f"the longest is {step[worst]:.1f} d",
        )
    ]


def check_twins(columns: dict[str, Values], file: str) -> list[QualityFinding]:
    """Return a warning for every two columns of a file that hold the same values.

    Parameters
    ----------
    columns : dict of str to float array
        Values by header.
    file : str
        The file.

    Returns
    -------
    list of QualityFinding
        Kind ``duplicate columns``.
    """
    found = []
    for (first, a), (second, b) in combinations(columns.items(), 2):
        valid = a[~np.isnan(a)]
        if valid.size > 1 and valid.max() > valid.min() and np.array_equal(a, b, equal_nan=True):
            found.append(
                QualityFinding(
                    "warning",
                    file,
                    second,
                    "",
                    "duplicate columns",
                    f"the column holds the same values as {first!r}",
                    "columns that were measured apart",
                    "check the export, or the column map",
                )
            )
    return found
