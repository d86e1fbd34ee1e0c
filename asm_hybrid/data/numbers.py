"""Cells to numbers, with the rows of those that are none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["parse_numbers"]

_DECIMAL_COMMA = re.compile(r"<?\s*[-+]?\d+,\d+")


def parse_numbers(
    cells: pd.Series, missing: tuple[float, ...], place: Place, *, decimal: str = ".", below: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[QualityFinding]]:
    """Return the numbers of a column.

    Parameters
    ----------
    cells : Series
        The column as read.
    missing : tuple of float
        Numbers that stand for "no value".
    place : Place
        File, header and row numbers.
    decimal : str
        Decimal sign of cells that are text.
    below : bool
        Whether a cell such as ``<0.05`` is a value: less than that number, which is above zero.

    Returns
    -------
    values : float array, (row,)
        Numbers in the column's unit, NaN where there is no value; of ``<0.05`` the number.
    censored : bool array, (row,)
        True where a cell said ``<``.
    findings : list of QualityFinding
        Errors of the kinds ``non-numeric cell``, ``not finite`` and ``no value``.
    """
    cells, censored = _without_sign(cells)
    numbers = _numbers(cells, decimal)
    refused = censored & ~(numbers > 0) if below else censored
    numbers = np.where(refused, np.nan, numbers)
    empty = cells.isna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        empty = empty | cells.astype(str).str.strip().eq("").to_numpy(dtype=bool)
    findings = []
    bad = np.isnan(numbers) & ~(empty & ~censored)
    if bad.any():
        first = ("<" if censored[bad][0] else "") + str(cells[bad].iloc[0])
        comma = decimal == "." and _DECIMAL_COMMA.fullmatch(first.strip())
        findings.append(
            place.finding(
                "error",
                "non-numeric cell",
                f"the cell {first!r} is not a number",
                bad,
                expected="numbers, or empty cells where there is no value"
                + ("; below a detection limit '<' and a number above zero, such as '<0.05'" if below else ""),
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
    return values, censored & ~np.isnan(values), findings


def _without_sign(cells: pd.Series) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Return cells without a leading ``<``, and where one stood."""
    if pd.api.types.is_numeric_dtype(cells.dtype) or pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return cells, np.zeros(len(cells), dtype=bool)
    marked = cells.map(lambda cell: isinstance(cell, str) and cell.lstrip().startswith("<")).to_numpy(dtype=bool)
    return cells.where(~marked, cells.astype(str).str.replace("<", "", n=1)), marked


def _numbers(cells: pd.Series, decimal: str) -> NDArray[np.float64]:
    kind = cells.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_datetime64_any_dtype(kind):
        return np.full(len(cells), np.nan)
    if pd.api.types.is_object_dtype(kind):
        cells = cells.where(cells.map(lambda cell: isinstance(cell, int | float | str) and cell is not True))
    if decimal != "." and not pd.api.types.is_numeric_dtype(kind):
        cells = cells.map(lambda cell: _pointed(cell, decimal) if isinstance(cell, str) else cell)
    return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _pointed(cell: str, decimal: str) -> str:
    """Return a number with a decimal point; what has one already is none in a file with another sign."""
    return "" if "." in cell else cell.replace(decimal, ".")
