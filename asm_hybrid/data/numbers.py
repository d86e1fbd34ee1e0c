"""Cells to numbers, with the rows of those that are none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["parse_numbers"]

SIGNS = {BELOW: "<", ABOVE: ">"}
"""How a laboratory writes that a sample lies beyond a limit."""

_DECIMAL_COMMA = re.compile(r"[<>]?\s*[-+]?\d+,\d+")


def parse_numbers(
    cells: pd.Series, missing: tuple[float, ...], place: Place, *, decimal: str = ".", limits: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.int8], list[QualityFinding]]:
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
    limits : bool
        Whether a cell such as ``<0.05`` or ``>10`` is a value: less or more than that number, which is above zero.

    Returns
    -------
    values : float array, (row,)
        Numbers in the column's unit, NaN where there is no value; of ``<0.05`` the number.
    censored : int array, (row,)
        `BELOW` where a cell said ``<``, `ABOVE` where it said ``>``, else zero.
    findings : list of QualityFinding
        Errors of the kinds ``non-numeric cell``, ``not finite`` and ``no value``.
    """
    cells, censored = _without_sign(cells)
    numbers = _numbers(cells, decimal)
    marked = censored != 0
    refused = marked & ~(numbers > 0) if limits else marked
    numbers = np.where(refused, np.nan, numbers)
    empty = cells.isna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        empty = empty | cells.astype(str).str.strip().eq("").to_numpy(dtype=bool)
    findings = []
    bad = np.isnan(numbers) & ~(empty & ~marked)
    if bad.any():
        first = SIGNS.get(censored[bad][0], "") + str(cells[bad].iloc[0])
        comma = decimal == "." and _DECIMAL_COMMA.fullmatch(first.strip())
        findings.append(
            place.finding(
                "error",
                "non-numeric cell",
                f"the cell {first!r} is not a number",
                bad,
                expected="numbers, or empty cells where there is no value"
                + ("; beyond a limit '<' or '>' and a number above zero, such as '<0.05'" if limits else ""),
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
    return values, np.where(np.isnan(values), 0, censored).astype(np.int8), findings


def _without_sign(cells: pd.Series) -> tuple[pd.Series, NDArray[np.int8]]:
    """Return cells without a leading ``<`` or ``>``, and which of them stood there."""
    censored = np.zeros(len(cells), dtype=np.int8)
    if pd.api.types.is_numeric_dtype(cells.dtype) or pd.api.types.is_datetime64_any_dtype(cells.dtype):
        return cells, censored
    first = cells.map(lambda cell: cell.lstrip()[:1] if isinstance(cell, str) else "")
    for mark, sign in SIGNS.items():
        marked = first.eq(sign).to_numpy(dtype=bool)
        censored[marked] = mark
        cells = cells.where(~marked, cells.astype(str).str.replace(sign, "", n=1))
    return cells, censored


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
