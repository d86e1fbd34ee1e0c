"""Cells to numbers, with the rows of those that are none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["parse_numbers", "to_floats"]

SIGNS = {BELOW: "<", ABOVE: ">"}
"""How a laboratory writes that a sample lies beyond a limit."""

SHOWN = 40
"""Characters of a cell that a message shows."""
_DECIMAL_COMMA = re.compile(r"[<>]?\s*[-+]?\d+,\d+")
_THOUSANDS = re.compile(r"[<>]?\s*[-+]?[1-9]\d{0,2}(?:([.,' \u00a0\u202f])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")
_WORD = re.compile(r"[^\W\d_][^\[\]{},:#]*")
_SIGNS = re.compile(r"[^\w\s']+")
"""What stands in a list of YAML in quotes only, such as ``---``."""


def parse_numbers(
    cells: pd.Series,
    missing: Sequence[float | str],
    place: Place,
    *,
    decimal: str = ".",
    thousands: str = "",
    limits: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.int8], list[QualityFinding]]:
    """Return the numbers of a column.

    Parameters
    ----------
    cells : Series
        The column as read.
    missing : sequence of float or str
        Numbers and words that stand for "no value"; words in capitals or not.
    place : Place
        File, header and row numbers.
    decimal, thousands : str
        Signs of cells that are text: before decimals, and between thousands, if any.
    limits : bool
        Whether a cell such as ``<0.05`` or ``>10`` is a value: less or more than that number, which is above zero.

    Returns
    -------
    values : float array, (row,)
        Numbers in the column's unit, NaN where there is no value; of ``<0.05`` the number.
    censored : int array, (row,)
        `BELOW` where a cell said ``<``, `ABOVE` where it said ``>``, else zero.
    findings : list of QualityFinding
        Errors of the kinds ``non-numeric cell``, ``thousands``, ``not finite`` and ``no value``.
    """
    cells = _without_words(cells, [word for word in missing if isinstance(word, str)])
    cells, censored = _without_sign(cells)
    if thousands:
        cells = _without_thousands(cells, decimal, thousands)
    numbers = to_floats(cells, decimal)
    marked = censored != 0
    refused = marked & ~(numbers > 0) if limits else marked
    numbers = np.where(refused, np.nan, numbers)
    empty = cells.isna().to_numpy(dtype=bool)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        empty = empty | cells.astype(str).str.strip().eq("").to_numpy(dtype=bool)
    findings = []
    bad = np.isnan(numbers) & ~(empty & ~marked)
    if bad.any():
        first = SIGNS.get(censored[bad][0], "") + _shown(cells[bad].iloc[0])
        findings.append(
            place.finding(
                "error",
                "non-numeric cell",
                f"the cell {first!r} is not a number",
                bad,
                expected="numbers, or empty cells where there is no value"
                + ("; beyond a limit '<' or '>' and a number above zero, such as '<0.05'" if limits else ""),
                fix=_fix(first.strip(), decimal, cells[~np.isnan(numbers)])
                if isinstance(cells[bad].iloc[0], str)
                else "map a column of numbers, or give this one the role 'ignored'",
            )
        )
    findings += _check_thousands(cells, numbers, decimal, place)
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
    absent = [number for number in missing if not isinstance(number, str)]
    values = np.where(np.isin(numbers, absent) | infinite, np.nan, numbers)
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


def to_floats(cells: pd.Series, decimal: str = ".") -> NDArray[np.float64]:
    """Return the numbers of cells.

    Parameters
    ----------
    cells : Series
        Numbers, or text, or both.
    decimal : str
        Decimal sign of cells that are text.

    Returns
    -------
    float array, (row,)
        NaN where there is no number; true and false, dates and durations are none.
    """
    kind = cells.dtype
    if pd.api.types.is_bool_dtype(kind) or kind.kind in "mM":
        return np.full(len(cells), np.nan)
    if not pd.api.types.is_numeric_dtype(kind):
        cells = cells.map(lambda cell: _plain(cell, decimal)).astype(object)
    return pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _without_thousands(cells: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """Return cells without the sign between thousands, where it parts groups of three digits."""
    if pd.api.types.is_numeric_dtype(cells.dtype) or cells.dtype.kind in "mM":
        return cells
    sign = r"[ \u00a0\u2009\u202f]" if thousands == " " else re.escape(thousands)
    grouped = re.compile(rf"[-+]?\d{{1,3}}(?:{sign}\d{{3}})+(?:{re.escape(decimal)}\d+)?")

    def joined(cell: object) -> object:
        if isinstance(cell, str) and grouped.fullmatch(text := cell.strip()):
            return re.sub(sign, "", text)
        return cell

    return cells.map(joined)


def _plain(cell: object, decimal: str) -> float | str | None:
    """Return a cell as text with a decimal point, or a number; None for what is neither."""
    if isinstance(cell, str):
        text = cell.strip()
        if decimal == ".":
            return text
        # what has a point already is no number in a file with another sign
        return "" if "." in text else text.replace(decimal, ".")
    if isinstance(cell, bool | np.bool_) or not isinstance(cell, int | float | Decimal | np.number):
        return None
    try:
        return float(cell)
    except OverflowError:
        return np.inf


def _shown(cell: object) -> str:
    text = str(cell)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _fix(cell: str, decimal: str, others: pd.Series) -> str:
    """Return the remedy for a cell that is no number."""
    thousands, sign = _THOUSANDS.fullmatch(cell), "." if decimal == "," else ","
    pointed = any("." in other for other in others if isinstance(other, str))
    both = "." in cell and "," in cell
    if thousands and (both or pointed or thousands[1] not in (".", ",") or decimal == ","):
        sign = " " if thousands[1].isspace() else thousands[1]
        return f'add thousands: "{sign}" to the source, or remove that sign between thousands in every row'
    if thousands:
        plain = cell.replace(sign, "")
        return f'if the comma parts thousands, write {plain}; if it is the decimal sign, add decimal: "," to the source'
    if decimal == "." and _DECIMAL_COMMA.fullmatch(cell):
        if pointed:
            return "write it with a decimal point, as other cells of the column are"
        return 'add decimal: "," to the source'
    if (_WORD.fullmatch(cell) or _SIGNS.fullmatch(cell)) and len(cell) < SHOWN:
        name = cell if _WORD.fullmatch(cell) else f"'{cell}'"
        return f"if it means that there is no value, add missing: [{name}] to the source; else correct the cell"
    return "correct the cell, or leave it empty"


def _check_thousands(
    cells: pd.Series, numbers: NDArray[np.float64], decimal: str, place: Place
) -> list[QualityFinding]:
    """Return an error where the decimal sign seems to part thousands in some rows: 1.050 beside 980.

    So it seems when whole numbers stand beside numbers with groups of three digits after the sign, no cell
    has another number of decimals or begins with zero, and a thousand times the grouped numbers lie closer to the whole
    ones than they do themselves.
    """
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return []
    grouped = np.zeros(len(cells), dtype=bool)
    group = re.compile(rf"[-+]?[1-9]\d{{0,2}}{re.escape(decimal)}\d{{3}}")
    for i, cell in enumerate(cells):
        if isinstance(cell, str) and decimal in cell:
            if not group.fullmatch(cell.strip()):
                return []
            grouped[i] = True
    whole = np.abs(numbers[~grouped & np.isfinite(numbers)])
    if not grouped.any() or not whole.size or (whole % 1).any():
        return []
    typical = float(np.median(whole))
    if np.median(np.abs(numbers[grouped])) * np.sqrt(1000) >= typical:
        return []
    example = str(cells[grouped].iloc[0]).strip()
    return [
        place.finding(
            "error",
            "thousands",
            f"the cell {example!r} stands beside {typical:g} and the like: {decimal!r} seems to part thousands in some "
            "rows",
            grouped,
            expected=f"numbers with {decimal!r} as decimal sign, and none between thousands",
            fix=f"write {example.replace(decimal, '')}; if these are decimals, write them with one more, as {example}0",
        )
    ]


def _without_words(cells: pd.Series, words: Sequence[str]) -> pd.Series:
    """Return cells, empty where one of the words stands."""
    if not words or pd.api.types.is_numeric_dtype(cells.dtype):
        return cells
    folded = {word.casefold() for word in words}
    absent = cells.map(lambda cell: isinstance(cell, str) and cell.strip().casefold() in folded)
    return cells.mask(absent.astype(bool))


def _without_sign(cells: pd.Series) -> tuple[pd.Series, NDArray[np.int8]]:
    """Return cells without a leading ``<`` or ``>``, and which of them stood there."""
    censored = np.zeros(len(cells), dtype=np.int8)
    if pd.api.types.is_numeric_dtype(cells.dtype) or cells.dtype.kind in "mM":
        return cells, censored
    first = cells.map(lambda cell: cell.lstrip()[:1] if isinstance(cell, str) else "")
    for mark, sign in SIGNS.items():
        marked = first.eq(sign).to_numpy(dtype=bool)
        if marked.any():
            censored[marked] = mark
            cells = cells.where(~marked, cells.astype(str).str.replace(sign, "", n=1))
    return cells, censored
