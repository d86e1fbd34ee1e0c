"""The tables of a file before anybody has said how it is to be read: rows of cells, and what reads them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.data.csvfile import read_csv
from asm_hybrid.data.files import TEXT, check_content, read_series_file
from asm_hybrid.data.limits import check_size
from asm_hybrid.data.parquetfile import read_parquet
from asm_hybrid.data.workbook import read_workbook, sheet_names
from asm_hybrid.errors import InputError

__all__ = ["Grid", "open_grids"]

HEAD = 60
"""Rows at the begin of a file that are looked at to find its header."""
TAIL = 20
"""Rows at its end among which a mean or a note is sought."""
LARGE = 50_000_000
"""Size of a file of text from which on its begin, pieces and its end are read alone [byte]."""
HEAD_BYTES, PIECE, PIECES = 4_000_000, 250_000, 8
SEPARATORS = (";", "\t", ",", "|")
LATIN, CHINESE = "cp1252", "gb18030"
_HIGH = re.compile(rb"[\x80-\xff]+")

Row = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class Grid:
    """One table of a file.

    Attributes
    ----------
    path : Path
        The file.
    options : dict
        What a source has to say so that it is read: separator, encoding, sheet; only what is no default.
    head, tail : tuple of (int, tuple of str)
        First and last rows with their numbers, as text.
    raw : bytes
        The file.
    names : tuple of str
        Names of the columns of a Parquet file; empty for others, whose names stand in a row.
    size : int
        Size of a file that is too large to be read as a whole [byte], of which `raw` is a sample; zero for others.
    """

    path: Path
    options: dict[str, Any]
    head: tuple[Row, ...]
    tail: tuple[Row, ...]
    raw: bytes = field(repr=False)
    names: tuple[str, ...] = ()
    size: int = 0

    @property
    def label(self) -> str:
        """The file, and the sheet of a workbook."""
        sheet = self.options.get("sheet")
        return f"{self.path}, sheet {sheet}" if sheet else str(self.path)

    def read(self, **shape: Any) -> tuple[list[str], pd.DataFrame]:
        """Return header and cells, read as a config with these options reads them.

        Parameters
        ----------
        **shape
            Options of a source beside `options`, such as ``header_row``.

        Returns
        -------
        header : list of str
            Every column.
        cells : DataFrame
            All columns by position; the index holds row numbers.
        """
        source = _source(self.path, self.options | shape)
        if self.path.suffix.lower() in TEXT:
            return read_csv(self.raw, self.path, source, _all)
        if self.path.suffix.lower() == ".parquet":
            return read_parquet(self.raw, self.path, _all)
        return read_workbook(self.raw, self.path, source, str(self.path), _all)


def _all(header: Sequence[str], _rows: object) -> list[int]:
    return list(range(len(header)))


def sampled(path: Path, size: int) -> bytes:
    """Return the begin, pieces and the end of a file of text, in whole lines.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Its size [byte].

    Returns
    -------
    bytes
    """
    starts = [HEAD_BYTES + k * (size - HEAD_BYTES - PIECE) // PIECES for k in range(1, PIECES + 1)]
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
        check_content(head, path)
        end = b"\n\0" if head[:2] == b"\xff\xfe" else b"\n"
        pieces = [head[: head.rfind(end) + len(end)]]
        for start in starts:
            stream.seek(start - start % 2)
            piece = stream.read(PIECE)
            last = len(piece) if start == starts[-1] else piece.rfind(end) + len(end)
            pieces.append(piece[piece.find(end) + len(end) : last])
    return b"".join(pieces)


def _source(path: Path, options: dict[str, Any]) -> SourceSection:
    """Return a source of which nothing is known but how its cells are read."""
    known = {"file": str(path), "time": {"column": "\0"}, "columns": {"\0 ": {"role": "ignored"}}}
    plain = SourceSection.model_validate(known | {"columns": {"-": {"role": "ignored"}}, "time": {"column": "="}})
    return plain.model_copy(update=options)


def open_grids(path: Path) -> list[Grid]:
    """Return the tables of a file.

    Parameters
    ----------
    path : Path
        A CSV, Excel or Parquet file.

    Returns
    -------
    list of Grid
        One; of a workbook one for every sheet that is not empty.

    Raises
    ------
    InputError
        If it is no file of series, or cannot be read.
    """
    size = path.stat().st_size if path.is_file() else 0
    if path.suffix.lower() in TEXT and size > LARGE:
        return [_text_grid(path, sampled(path, size), size)]
    raw, suffix = read_series_file(path, str(path))
    if suffix in TEXT:
        return [_text_grid(path, raw)]
    if suffix == ".parquet":
        header, cells = read_parquet(raw, path, _all)
        return [Grid(path, {}, _texts(cells.head(HEAD)), _texts(cells.tail(TAIL)), raw, tuple(header))]
    return _workbook_grids(path, raw)


def _texts(cells: pd.DataFrame) -> tuple[Row, ...]:
    return tuple(
        (int(row), tuple("" if pd.isna(cell) else str(cell).strip() for cell in values))
        for row, values in zip(cells.index, cells.itertuples(index=False), strict=True)
    )


def _workbook_grids(path: Path, raw: bytes) -> list[Grid]:
    names = sheet_names(raw, path)
    grids = []
    for name in names:
        grid = Grid(path, {"sheet": name}, (), (), raw)
        try:
            header, cells = grid.read()
        except InputError as error:
            if "empty" in error.found and len(names) > 1:
                continue
            raise
        head = ((1, tuple(header)), *_texts(cells.head(HEAD)))
        options = {} if len(names) == 1 else grid.options
        grids.append(replace(grid, options=options, head=head, tail=_texts(cells.tail(TAIL))))
    return grids


def _text_grid(path: Path, raw: bytes, size: int = 0) -> Grid:
    encoding = _encoding(raw)
    text = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    separator = _separator(text)
    lines = text.splitlines()
    first = max(0, len(lines) - TAIL)
    tail = tuple((first + k + 1, tuple(row)) for k, row in enumerate(_rows(lines[first:], separator)))
    head = _numbered(text, separator)
    check_size(1, max((len(cells) for _, cells in head), default=0), str(path))
    options: dict[str, Any] = {}
    if separator != ",":
        options["separator"] = separator
    if encoding != "utf-8":
        options["encoding"] = encoding
    return Grid(path, options, head, tail, raw, size=size)


def _numbered(text: str, separator: str) -> tuple[Row, ...]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    found, row = [], 1
    try:
        for cells in islice(reader, HEAD):
            found.append((row, tuple(cell.strip() for cell in cells)))
            row = reader.line_num + 1
    except csv.Error:  # what is wrong with that row is said when the file is read
        pass
    return tuple(found)


def _rows(lines: Sequence[str], separator: str) -> list[list[str]]:
    return [[cell.strip() for cell in _cells(line, separator)] for line in lines]


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of one line, whatever stands in it."""
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return line.split(separator)


def _encoding(raw: bytes) -> str:
    """Return the encoding of a text: what it begins with, or what its bytes can be."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        raw.decode("utf-8-sig")
        return "utf-8"
    except UnicodeDecodeError:
        pass
    runs = [len(run) for run in _HIGH.findall(raw)]
    if np.median(runs) >= 2:  # letters of Chinese are two bytes, those of western Europe one among others
        try:
            raw.decode(CHINESE)
            return CHINESE
        except UnicodeDecodeError:
            pass
    return LATIN


def _separator(text: str) -> str:
    """Return the separator that gives most rows the same number of cells."""
    lines = [line for line in text.splitlines()[:HEAD] if line.strip()]

    def regular(separator: str) -> tuple[int, int]:
        widths = [len(row) for row in _rows(lines, separator)]
        wide = [w for w in widths if w > 1]
        most = max(set(wide), key=wide.count, default=0)
        return wide.count(most), -SEPARATORS.index(separator)

    return max(SEPARATORS, key=regular)
