"""Cells to numbers, with the rows of those that are none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["parse_numbers"]

_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


def parse_numbers(
    cells: pd.Series, missing: tuple[float, ...], place: Place
) -> tuple[NDArray[np.float64], list[QualityFinding]]:
    """Return the numbers of a column.

    Parameters
    ----------
    cells : Series
        The column as read.
    missing : tuple of float
        Numbers that stand for "no value".
    place : Place
        File, header and row numbers.

    Returns
    -------
    values : float array, (row,)
        Numbers in the column's unit, NaN where there is no value.
    findings : list of QualityFinding
        Errors of the kinds ``non-numeric cell``, ``not finite`` and ``no value``.
    """
    numbers = _numbers(cells)
    empty = cells.isna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        empty = empty | cells.astype(str).str.strip().eq("").to_numpy(dtype=bool)
    findings = []
    bad = np.isnan(numbers) & ~empty
    if bad.any():
        first = str(cells[bad].iloc[0])
        comma = _DECIMAL_COMMA.fullmatch(first.strip())
        findings.append(
            place.finding(
                "error",
                "non-numeric cell",
                f"the cell {first!r} is not a number",
                bad,
                expected="numbers, or empty cells where there is no value",
                fix='add decimal: "," to the source' if comma else "correct the cell, or leave it empty",
            )
        )
    infinite = np.isinf(numbers)
    if infinite.any():
        findings.append(
            place.finding(
                "error",
                "not finite",
                f"the cell {numbers[infinite][0]} is not finite",
                infinite,
                expected="finite numbers, or empty cells",
                fix="correct the cell, or leave it empty",
            )
        )
    values = np.where(np.isin(numbers, missing) | infinite, np.nan, numbers)
    if not findings and np.isnan(values).all():
        findings.append(
            place.finding(
                "error",
                "no value",
                f"no cell has a value ({values.size} rows)",
                expected="a column with numbers",
                fix="map another column, or give this one the role 'ignored'",
            )
        )
    return values, findings


def _numbers(cells: pd.Series) -> NDArray[np.float64]:
    kind = cells.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind):
        return np.full(len(cells), np.nan)
    if pd.api.types.is_object_dtype(kind):
        cells = cells.where(cells.map(lambda cell: isinstance(cell, int | float | str) and cell is not True))
    return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
