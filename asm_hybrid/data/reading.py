"""Reading a file of series as it is, without interpreting its cells."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from asm_hybrid.config import Config
from asm_hybrid.config.data import SourceSection
from asm_hybrid.errors import InputError, nearest

__all__ = ["RawTable", "read_source"]

SUFFIXES = (".csv", ".parquet", ".xlsx")


@dataclass(frozen=True)
class RawTable:
    """The cells of those columns that a config uses.

    Attributes
    ----------
    path : Path
        The file.
    sha256 : str
        Hash of the file.
    header : tuple of str
        Every column of the file.
    frame : DataFrame
        The used columns, by header; the index holds row numbers as a spreadsheet counts them.
    """

    path: Path
    sha256: str
    header: tuple[str, ...]
    frame: pd.DataFrame


def read_source(config: Config, name: str) -> RawTable:
    """Read the used columns of one source.

    Parameters
    ----------
    config : Config
        The config.
    name : str
        The source.

    Returns
    -------
    RawTable
        Cells as they stand in the file, rows without any value left out.

    Raises
    ------
    InputError
        If the file or a column is missing, or the file cannot be read.
    """
    source = config.data.sources[name]
    path = config.resolve(source.file)
    raw = _read_bytes(config, name, path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        header, cells = _read_csv(raw, path, source)
    elif suffix == ".xlsx":
        header, cells = _read_excel(raw, path, source, config.where("data", "sources", name, "sheet"))
    else:
        header, cells = _read_parquet(raw, path)
    used = [h for h, column in source.columns.items() if column.role != "ignored"]
    _check_header(config, name, path, header, used)
    wanted = [source.time.column, *used]
    frame = cells.iloc[:, [header.index(h) for h in wanted]]
    frame = frame.set_axis(wanted, axis="columns")
    frame = frame[cells.notna().any(axis="columns")]
    if frame.empty:
        raise InputError("the file has no row of data", where=str(path), expected="a header and rows")
    return RawTable(path, hashlib.sha256(raw).hexdigest(), tuple(header), frame)


def _read_bytes(config: Config, name: str, path: Path) -> bytes:
    where = config.where("data", "sources", name, "file")
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"the file {path.name!r} is of a kind that is not read",
            where=where,
            expected="a file with the ending " + " or ".join(SUFFIXES),
            fix="save the series as CSV, Parquet or Excel (.xlsx)",
        )
    try:
        return path.read_bytes()
    except FileNotFoundError:
        near = []
        if path.parent.is_dir():
            near = sorted(p.name for p in path.parent.iterdir() if p.suffix.lower() in SUFFIXES)
        raise InputError(
            f"the file {path} does not exist",
            where=where,
            expected="a file of series; its path is relative to the config",
            fix=nearest(path.name, near) if near else f"check the path; {path.parent} has no file of series",
        ) from None
    except OSError as error:
        raise InputError(f"the file {path} cannot be read: {error.strerror or error}", where=where) from None


def _check_header(config: Config, name: str, path: Path, header: list[str], used: Sequence[str]) -> None:
    source = config.data.sources[name]
    wanted = {source.time.column: ("time", "column")} | {h: ("columns", h) for h in used}
    declared = wanted | {h: ("columns", h) for h in source.columns}
    for column, keys in declared.items():
        where = config.where("data", "sources", name, *keys)
        if column not in header:
            raise InputError(
                f"{path} has no column {column!r}",
                where=where,
                expected="the header of a column in that file",
                fix=_header_fix(column, header, source),
            )
        if column in wanted and header.count(column) > 1:
            places = [str(i + 1) for i, h in enumerate(header) if h == column]
            raise InputError(
                f"{path} has {len(places)} columns named {column!r}, at positions {', '.join(places)}",
                where=where,
                expected="headers that differ",
                fix="rename one of them in the file",
            )


def _header_fix(column: str, header: list[str], source: SourceSection) -> str:
    if len(header) == 1:
        for separator, shown in ((";", '";"'), ("\t", '"\\t"'), (",", '","'), ("|", '"|"')):
            if separator != source.separator and separator in header[0]:
                return f"the cells seem to be separated otherwise: add separator: {shown} to the source"
    return nearest(column, [h for h in header if h])


def _read_csv(raw: bytes, path: Path, source: SourceSection) -> tuple[list[str], pd.DataFrame]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise InputError(
            "the file is not UTF-8",
            where=f"{path}, row {row}",
            expected="a CSV file in UTF-8",
            fix="save it again as 'CSV UTF-8'",
        ) from None
    try:
        return _parse_csv(text, path, source)
    except (csv.Error, pd.errors.ParserError) as error:
        raise _damaged("CSV", error, path) from None


def _parse_csv(text: str, path: Path, source: SourceSection) -> tuple[list[str], pd.DataFrame]:
    header, lines = _check_widths(text, path, source)
    time = header.index(source.time.column) if source.time.column in header else 0
    cells = pd.read_csv(
        io.StringIO(text),
        sep=source.separator,
        decimal=source.decimal,
        header=None,
        names=range(len(header)),
        skiprows=1,
        index_col=False,
        skip_blank_lines=False,
        dtype={time: str} if source.time.format else None,
        low_memory=False,
    )
    return header, cells.set_axis(lines[: len(cells)], axis="index")


def _check_widths(text: str, path: Path, source: SourceSection) -> tuple[list[str], list[int]]:
    """Return the header, and the line on which every row begins, after comparing the rows' widths with it."""
    header: list[str] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=source.separator)
    begin = 1
    for cells in reader:
        if not header:
            header = [cell.strip() for cell in cells]
            if not any(header):
                break
        else:
            lines.append(begin)
            if cells and len(cells) != len(header):
                commas = source.separator == "," and len(cells) > len(header)
                raise InputError(
                    f"the row has {len(cells)} cells and the header has {len(header)}",
                    where=f"{path}, row {begin}",
                    expected="as many cells in every row as in the header",
                    fix='numbers with a decimal comma need separator: ";" and decimal: ","'
                    if commas
                    else "check the row for a missing or an extra separator",
                )
        begin = reader.line_num + 1
    if not header or not any(header):
        raise InputError("the file has no header", where=f"{path}, row 1", expected="names of columns")
    return header, lines


def _read_excel(raw: bytes, path: Path, source: SourceSection, where: str) -> tuple[list[str], pd.DataFrame]:
    try:
        with pd.ExcelFile(io.BytesIO(raw), engine="calamine") as book:
            names = [str(sheet) for sheet in book.sheet_names]
            if source.sheet is not None and source.sheet not in names:
                raise InputError(
                    f"{path} has no sheet {source.sheet!r}",
                    where=where,
                    expected="the name of a sheet",
                    fix=nearest(source.sheet, names),
                )
            cells = pd.read_excel(book, sheet_name=source.sheet or names[0], header=None)
    except InputError:
        raise
    except Exception as error:  # calamine has no public base class for what a damaged file can raise
        raise _damaged("Excel", error, path) from None
    if cells.empty:
        raise InputError("the sheet is empty", where=str(path), expected="a header and rows of values")
    header = ["" if pd.isna(cell) else str(cell).strip() for cell in cells.iloc[0]]
    rows = np.arange(2, len(cells) + 1)
    return header, cells.iloc[1:].infer_objects().set_axis(rows, axis="index")


def _read_parquet(raw: bytes, path: Path) -> tuple[list[str], pd.DataFrame]:
    try:
        content = pq.read_table(pa.BufferReader(raw))
    except (pa.ArrowException, OSError) as error:
        raise _damaged("Parquet", error, path) from None
    cells = content.to_pandas(ignore_metadata=True)
    return list(content.column_names), cells.set_axis(np.arange(1, len(cells) + 1), axis="index")


def _damaged(kind: str, error: Exception, path: Path) -> InputError:
    reason = str(error).splitlines()[0][:200]
    return InputError(
        f"not a readable {kind} file: {reason}",
        where=str(path),
        expected=f"a file in the {kind} format",
        fix="export or copy the file again; its ending must tell its format",
    )
