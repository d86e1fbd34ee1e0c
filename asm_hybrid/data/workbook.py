"""The cells of an Excel workbook, after a look at its size.

Calamine lays a sheet out as a full rectangle from A1 to its last cell: one cell in the far corner would ask for half a
terabyte, which ends the process. So the references in the XML of the sheet are read first, as a stream.

References
----------
.. [1] ECMA-376 (2021): Office Open XML File Formats, part 1, sections 18.3.1.4 (cells) and 18.3.1.73 (rows).
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.data.csvfile import NO_VALUE
from asm_hybrid.data.headers import PREVIEW, Choose, grouped
from asm_hybrid.data.limits import MAX_COLUMNS, check_size
from asm_hybrid.errors import AsmHybridError, InputError, nearest, readable
from asm_hybrid.text import printable

__all__ = ["MAX_SHEET_CELLS", "read_workbook", "sheet_names"]

MAX_SHEET_CELLS = 20_000_000
"""Most cells of the rectangle from A1 to the last cell: a year at one minute with 38 columns."""
MAX_ROWS = 1_048_576
"""Rows of a sheet of Excel."""
MAX_UNPACKED = 500_000_000
"""Largest part of a workbook, unpacked [byte]."""
MAX_INDEX = 5_000_000
"""Largest list of sheets, unpacked [byte]."""
MAX_PARTS = 10_000
"""Most parts of a workbook."""
SHOWN = 8
"""Sheets that a message offers."""

CHUNK = 1 << 20
_ATTRIBUTES = rb"""(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*"""
_ELEMENT = re.compile(rb"<(?:[\w.-]+:)?(row|c)(?=[\s/>])(?:(" + _ATTRIBUTES + rb")\s*(/?)>)?")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']\s*([^"']*?)\s*["']""")
_IS_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_VALUE = re.compile(rb"(?:<(?:[\w.-]+:)?f[^>]*>[^<]*</[^>]*>)?<(?:[\w.-]+:)?v>(#[A-Z0-9/!?_]{1,20})<")
_CELL = re.compile(rb"([A-Za-z]{1,3})([1-9]\d{0,6})")
_LETTERS = 26


NOT_READABLE = "not a readable Excel file"
EXPECTED = "a workbook of Excel (.xlsx)"
FIX = "open it in Excel and save it again, or save the sheet as CSV; its ending must tell its format"


Errors = dict[tuple[int, int], str]
"""Errors of Excel such as ``#DIV/0!``, by row and column from 1."""


class _UnreadableError(AsmHybridError):
    """The workbook is not as the format says."""


def read_workbook(
    raw: bytes, path: Path, source: SourceSection, where: str, choose: Choose
) -> tuple[list[str], pd.DataFrame]:
    """Return the header of a sheet, and its used columns.

    Parameters
    ----------
    raw : bytes
        The file.
    path : Path
        Its name, for messages.
    source : SourceSection
        Sheet, row of the header.
    where : str
        Place of the key ``sheet`` in the config.
    choose : callable
        Finds the used columns, see `asm_hybrid.data.headers`.

    Returns
    -------
    header : list of str
        Every column.
    cells : DataFrame
        The used columns by position; the index holds row numbers. Rows without any cell are left out.
    """
    try:
        with readable(NOT_READABLE, where=str(path), expected=EXPECTED, fix=FIX):
            sheet, others, errors = _checked_sheet(raw, path, source, where)
            cells = _with_errors(_laid_out(raw, sheet), errors)
    except _UnreadableError as error:
        raise InputError(f"{NOT_READABLE}: {error}", where=str(path), expected=EXPECTED, fix=FIX) from None
    top = source.header_row - 1
    if len(cells) <= top:
        found = "the sheet is empty" if cells.empty else f"the sheet has {len(cells)} rows, and header_row is {top + 1}"
        raise InputError(
            found,
            where=str(path),
            expected="a header and rows of values",
            fix=_other_sheet(source, sheet, others) or None,
        )
    check_size(len(cells), cells.shape[1], str(path))
    groups = [] if source.group_row is None else _texts(cells.iloc[source.group_row - 1])
    header = grouped(_texts(cells.iloc[top]), groups)
    preview = [(i + 1, _texts(cells.iloc[i])) for i in range(min(PREVIEW, len(cells)))]
    try:
        chosen = choose(header, preview)
    except InputError as error:
        other = _other_sheet(source, sheet, others)
        fix = f"{error.fix}; or {other}" if other else error.fix
        raise InputError(error.found, where=error.where, expected=error.expected, fix=fix) from None
    first = source.first_row - 1 if source.first_row else source.header_row
    cells = cells.iloc[: source.last_row]
    body = cells.iloc[first:].set_axis(np.arange(first + 1, len(cells) + 1), axis="index")
    body = body[body.notna().any(axis="columns")]
    return header, body.iloc[:, chosen].set_axis(range(len(chosen)), axis="columns").infer_objects()


def sheet_names(raw: bytes, path: Path) -> list[str]:
    """Return the names of the worksheets of a workbook, in their order, hidden ones behind those that are seen.

    Parameters
    ----------
    raw : bytes
        The file.
    path : Path
        Its name, for messages.

    Returns
    -------
    list of str
    """
    try:
        guard = readable(NOT_READABLE, where=str(path), expected=EXPECTED, fix=FIX)
        with guard, zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return list(_sheets(archive, _parts(archive)))
    except _UnreadableError as error:
        raise InputError(f"{NOT_READABLE}: {error}", where=str(path), expected=EXPECTED, fix=FIX) from None


def _parts(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the parts of a workbook by their names in small letters."""
    parts = {info.filename.lower(): info for info in archive.infolist()}
    if len(parts) != len(archive.infolist()) or len(parts) > MAX_PARTS:
        raise _UnreadableError("its parts are too many, or not named apart")
    return parts


def _other_sheet(source: SourceSection, sheet: str, others: list[str]) -> str:
    """Return the remedy where the config names no sheet and there are several; empty otherwise."""
    if source.sheet is not None or not others:
        return ""
    listed = ", ".join(map(printable, others[:SHOWN]))
    return f"name another sheet, since the first one, {printable(sheet)!r}, was read: sheet: {listed}"


def _texts(cells: pd.Series) -> list[str]:
    return ["" if pd.isna(cell) else str(cell).strip() for cell in cells]


def _with_errors(cells: pd.DataFrame, errors: Errors) -> pd.DataFrame:
    """Return cells with the words of Excel's errors, which calamine leaves empty: they are found as in a CSV."""
    by_column: dict[int, dict[int, str]] = {}
    for (row, column), word in errors.items():
        if word not in NO_VALUE and row <= len(cells) and column <= cells.shape[1]:
            by_column.setdefault(column - 1, {})[row - 1] = word
    for column, words in by_column.items():
        texts = cells[column].astype(object)
        texts.iloc[list(words)] = list(words.values())
        cells[column] = texts
    return cells


def _laid_out(raw: bytes, sheet: str) -> pd.DataFrame:
    try:
        with pd.ExcelFile(io.BytesIO(raw), engine="calamine") as book:
            return pd.read_excel(book, sheet_name=sheet, header=None)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how Rust's faults come through; no `Exception`
            raise
        raise _UnreadableError("the cells cannot be read") from None


def _checked_sheet(raw: bytes, path: Path, source: SourceSection, where: str) -> tuple[str, list[str], Errors]:
    """Return the sheet to read, the other sheets, and its errors, after checking the size of all that is read."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = _parts(archive)
        sheets = _sheets(archive, parts)
        name = next(iter(sheets)) if source.sheet is None else source.sheet
        if name not in sheets:
            raise InputError(
                f"{path} has no sheet {name!r}",
                where=where,
                expected="the name of a sheet",
                fix=nearest(name, sheets),
            )
        for part, info in parts.items():
            if part.startswith("xl/") and part.count("/") == 1:
                for _ in _unpacked(archive, info, MAX_UNPACKED):
                    pass
        rows, columns, errors = _extent(_unpacked(archive, parts[sheets[name]], MAX_UNPACKED))
    if rows * columns > MAX_SHEET_CELLS:
        raise InputError(
            f"the sheet is too large: its last cell stands in row {rows} and column {columns}",
            where=f"{path}, sheet {name}",
            expected=f"at most {MAX_SHEET_CELLS // 1_000_000} million cells from A1 to the last cell",
            fix="delete what stands far from the table (Ctrl+End shows the last cell), or save the table as CSV",
        )
    return name, [other for other in sheets if other != name], errors


def _sheets(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
    """Return the parts of the worksheets by name, in their order, hidden ones behind those that are seen."""
    related = {
        element.get("Id"): str(element.get("Target"))
        for element in _document(archive, parts["xl/_rels/workbook.xml.rels"]).iter()
        if element.tag.endswith("}Relationship")
    }
    seen, hidden = dict[str, str](), dict[str, str]()
    for element in _document(archive, parts["xl/workbook.xml"]).iter():
        if element.tag.endswith("}sheet"):
            identity = next((value for key, value in element.items() if key.endswith("}id")), None)
            part = posixpath.normpath(posixpath.join("/xl", related.get(identity, ""))).lstrip("/").lower()
            if part in parts and "worksheets/" in part:
                found = seen if element.get("state", "visible") == "visible" else hidden
                found[str(element.get("name"))] = part
    if not seen and not hidden:
        raise _UnreadableError("it has no worksheet")
    return seen | hidden


def _document(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Any:
    text = b"".join(_unpacked(archive, info, MAX_INDEX))
    if b"<!" in text.replace(b"<!--", b""):
        raise _UnreadableError("its list of sheets declares entities")
    return ElementTree.fromstring(text)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> Iterator[bytes]:
    """Yield a part in pieces, up to a limit, whatever size the archive tells of it."""
    told, total = info.file_size, 0
    info.file_size = (
        2 * limit + CHUNK
    )  # else a part that is larger than told would be cut off here, and by calamine not
    try:
        with archive.open(info) as stream:
            while chunk := stream.read(CHUNK):
                total += len(chunk)
                if total > limit:
                    raise _UnreadableError(
                        f"the part {info.filename[:40]!r} unpacks to more than {limit // 1_000_000} MB"
                    )
                yield chunk
    finally:
        info.file_size = told


def _extent(chunks: Iterator[bytes]) -> tuple[int, int, Errors]:
    """Return the last row and column that hold anything, and the words of errors, from the XML of a sheet."""
    rows = columns = row = column = 0
    errors: Errors = {}
    rest = b""
    for chunk in chunks:
        data = rest + chunk
        if b"\0" in chunk or len(rest) > CHUNK:
            raise _UnreadableError("the sheet is no XML in UTF-8")
        cut = data.rfind(b"<")
        data, rest = data[:cut], data[cut:]
        for found in _ELEMENT.finditer(data):
            kind, attributes, closed = found.groups()
            if attributes is None:
                raise _UnreadableError("a cell of the sheet is no XML")
            stated = _REFERENCE.search(attributes)
            if kind == b"row":
                row, column = _row(stated[1]) if stated else row + 1, 0
                continue
            column += 1
            if stated:
                row, column = _position(stated[1])
            if not closed:
                rows, columns = max(rows, row), max(columns, column)
                if _IS_ERROR.search(attributes):
                    word = _VALUE.match(data, found.end())
                    errors[row, column] = word[1].decode() if word else "#ERROR!"
    return rows, columns, errors


def _row(text: bytes) -> int:
    if not re.fullmatch(rb"\d{1,7}", text) or int(text) > MAX_ROWS:
        raise _UnreadableError(f"there is no row {text[:20].decode(errors='replace')!r}")
    return int(text)


def _position(text: bytes) -> tuple[int, int]:
    """Return row and column of a reference such as ``AB12``, from 1."""
    cell = _CELL.fullmatch(text)
    column = 0
    for letter in cell[1].upper() if cell else b"":
        column = column * _LETTERS + letter - ord("A") + 1
    if not cell or int(cell[2]) > MAX_ROWS or column > MAX_COLUMNS:
        raise _UnreadableError(f"there is no cell {text[:20].decode(errors='replace')!r}")
    return int(cell[2]), column
