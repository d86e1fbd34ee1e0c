"""The cells of a CSV file, as text."""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.data.headers import PREVIEW, Choose, Rows, grouped
from asm_hybrid.data.limits import MAX_COLUMNS, check_size
from asm_hybrid.errors import InputError

__all__ = ["read_csv"]

NO_VALUE = frozenset(
    ("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "null", "NULL", "None")
)
"""Cells by which programs write that there is no value."""

DISTINCT = 100_000
"""Cells of a column that are kept once, however often they stand in it: tags, stamps of a long table, whole numbers."""
_DIGITS = re.compile(r"\s*[-+]?\d+\s*", re.ASCII)


def read_csv(raw: bytes, path: Path, source: SourceSection, choose: Choose) -> tuple[list[str], pd.DataFrame]:
    """Return the header of a CSV file, and its used columns.

    Parameters
    ----------
    raw : bytes
        The file.
    path : Path
        Its name, for messages.
    source : SourceSection
        Separator, encoding, row of the header.
    choose : callable
        Finds the used columns, see `asm_hybrid.data.headers`.

    Returns
    -------
    header : list of str
        Every column.
    cells : DataFrame
        The used columns by position: text, NaN where there is none; the index holds row numbers. Rows without any
        cell are left out.

    Raises
    ------
    InputError
        If the file is not in its encoding, its quotes do not close, or a row is not as wide as the header.
    """
    raw = _in_utf8(raw, path, source.encoding)
    rows = _rows(raw, path, source)
    row, header = next(rows, (source.header_row, []))
    header = grouped([cell.strip() for cell in header], _groups(raw, source))
    check_size(1, len(header), str(path))
    preview = _preview(raw, source)
    if not any(header) and not any(cell.strip() for _, cells in preview for cell in cells):
        raise InputError("the file has no header", where=f"{path}, row {row}", expected="names of columns")
    chosen = choose(header, preview)
    columns: list[list[str | float]] = [[] for _ in chosen]
    known: list[dict[str, str | float]] = [dict.fromkeys(NO_VALUE, np.nan) for _ in chosen]
    numbers = array("q")
    first, width = source.first_row or 0, len(header)
    for row, cells in rows:
        if row < first:
            continue
        if source.last_row is not None and row > source.last_row:
            break
        if len(cells) != width:
            cells = _fitted(cells, header, source, f"{path}, row {row}")
        if not any(cells[i] for i in chosen) and not any(map(str.strip, cells)):
            continue
        numbers.append(row)
        for column, seen, i in zip(columns, known, chosen, strict=True):
            cell = cells[i]
            column.append(seen.setdefault(cell, cell) if len(seen) < DISTINCT else seen.get(cell, cell))
        check_size(len(numbers), width, str(path))
    frame = pd.DataFrame({i: pd.Series(column, dtype=object) for i, column in enumerate(columns)})
    return header, frame.set_axis(np.asarray(numbers), axis="index")


def _groups(raw: bytes, source: SourceSection) -> list[str]:
    """Return the cells of the row that names groups of columns; none where there is no such row."""
    if source.group_row is None:
        return []
    text = io.StringIO(raw.decode("utf-8-sig"), newline="")
    line = next(islice(text, source.group_row - 1, None), "")
    return next(csv.reader([line], delimiter=source.separator), [])


def _in_utf8(raw: bytes, path: Path, encoding: str) -> bytes:
    """Return a file in UTF-8, after checking that it is text in its encoding."""
    try:
        text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        row = raw.count(b"\n", 0, error.start) + 1
        found = f"the file is not {encoding.upper()}"
        remedy = ""
        if encoding == "utf-8":
            found += " but UTF-16, which Excel calls Unicode text" if wide else ""
            remedy = f", or add encoding: {'utf-16' if wide else 'cp1252'} to the source"
            remedy += "" if wide else ", if Windows wrote it"
        raise InputError(
            found,
            where=f"{path}, row {row}",
            expected=f"a CSV file in {encoding.upper()}",
            fix=f"save it again as 'CSV UTF-8'{remedy}"
            if remedy
            else "save it again as 'CSV UTF-8', and remove 'encoding'",
        ) from None
    if encoding != "utf-8":
        raw = text.encode()
    if b"\0" in raw:
        row = raw.count(b"\n", 0, raw.index(b"\0")) + 1
        raise InputError(
            "the file holds NUL characters, so that it is damaged, or no text in UTF-8",
            where=f"{path}, row {row}",
            expected="a CSV file in UTF-8",
            fix="copy or export it again; save it as 'CSV UTF-8'",
        )
    return raw


def _lines(raw: bytes, separator: str, path: Path) -> Iterator[str]:
    for line in io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline=""):
        if line.count(separator) >= MAX_COLUMNS:
            check_size(0, line.count(separator) + 1, str(path))
        yield line


def _rows(raw: bytes, path: Path, source: SourceSection) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a row begins, and its cells; the header comes first."""
    lines = islice(_lines(raw, source.separator, path), source.header_row - 1, None)
    reader = csv.reader(lines, delimiter=source.separator, strict=True)
    row, width = source.header_row, 0
    try:
        for cells in reader:
            width = width or len(cells)
            after = source.header_row + reader.line_num
            if after > row + 1:
                _check_swallowed(cells, width, source.separator, f"{path}, row {row}")
            yield row, cells
            row = after
    except csv.Error as error:
        raise InputError(
            f"not a readable CSV file: {error}",
            where=f"{path}, row {row}",
            expected="cells with closed quotes, or without quotes",
            fix="close or remove the quote that opens in this row",
        ) from None


def _check_swallowed(cells: Sequence[str], width: int, separator: str, where: str) -> None:
    """Refuse a quoted cell that holds whole rows, as it does when a quote is not closed."""
    for cell in cells:
        inner = cell.splitlines()[1:]
        if width > 1 and any(line.count(separator) >= width - 1 for line in inner):
            raise InputError(
                f"a quote opens in this row and closes {len(inner)} rows later, so that the rows between are one cell",
                where=where,
                expected="cells with closed quotes, or without quotes",
                fix="close or remove the quote",
            )


def _preview(raw: bytes, source: SourceSection) -> Rows:
    """Return the first rows, whatever stands there."""
    text = io.StringIO(raw[:1_000_000].decode("utf-8-sig", errors="ignore"), newline="")
    found = []
    for row, line in enumerate(islice(text, PREVIEW), start=1):
        try:
            found.append((row, next(csv.reader([line], delimiter=source.separator), [])))
        except csv.Error:
            continue
    return found


def _fitted(cells: list[str], header: Sequence[str], source: SourceSection, where: str) -> list[str]:
    """Return a row as wide as the header, which it is but for empty cells at its end."""
    width = len(header)
    if (not any(map(str.strip, cells[width:])) and not any(header[len(cells) :])) or not any(cells):
        return [*cells[:width], *[""] * (width - len(cells))]
    raise InputError(
        f"the row has {len(cells)} cells and the header has {width}",
        where=where,
        expected="as many cells in every row as in the header",
        fix=_width_fix(cells, width, source),
    )


def _width_fix(cells: Sequence[str], width: int, source: SourceSection) -> str:
    extra = len(cells) - width
    if extra < 0:
        return "check the row for a missing separator; a line that is no sample, such as a note at the end, is removed"
    pairs = sum(bool(_DIGITS.fullmatch(a) and _DIGITS.fullmatch(b)) for a, b in pairwise(cells))
    if source.separator == "," and pairs >= extra:
        return 'numbers with a decimal comma need separator: ";" and decimal: ",", in the export and in the source'
    return "check the row for an extra separator; text that holds one stands between quotes"
