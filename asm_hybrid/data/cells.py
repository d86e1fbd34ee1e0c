"""Reading a file of series as it is, without interpreting its cells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.data.answers import answer_of
from asm_hybrid.data.csvfile import read_csv
from asm_hybrid.data.files import TEXT, read_series_file
from asm_hybrid.data.headers import Rows, chooser, used_headers
from asm_hybrid.data.longtable import used_tags
from asm_hybrid.data.parquetfile import read_parquet
from asm_hybrid.data.workbook import read_workbook
from asm_hybrid.errors import InputError
from asm_hybrid.text import printable, same_name

__all__ = ["RawTable", "read_source"]


@dataclass(frozen=True)
class RawTable:
    """The cells of those columns that a config uses.

    Attributes
    ----------
    label : str
        Path of the file, or words for the query.
    sha256 : str
        Hash of the file, or of the answer to the query as a Parquet file.
    header : tuple of str
        Every column of the file, or every tag of a long table; those that the config names, as it writes them.
    frame : DataFrame
        The used columns, by header; the index holds row numbers as a spreadsheet counts them. Of a long table the
        columns of time, tag, value and quality, with used tags as the config writes them.
    above : dict of str to dict of int to str
        What stands above the first sample of a used column, apart from the header, by row: units, as a rule. At most
        the first `PREVIEW` rows; nothing of a long table.
    """

    label: str
    sha256: str
    header: tuple[str, ...]
    frame: pd.DataFrame
    above: dict[str, dict[int, str]]


def read_source(config: Config, name: str) -> RawTable:
    """Read the used columns of one source, from its file or from a database.

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
        If the file or a column is missing, or the file cannot be read, or the database does not answer.
    """
    source, path = config.data.sources[name], Path(config.source_label(name))
    if source.file is None:
        raw, suffix = answer_of(config, name), ".parquet"
    else:
        raw, suffix = read_series_file(path, config.where("data", "sources", name, "file"))
    find = chooser(config, name, path)
    seen: list[tuple[list[int], Rows]] = []

    def choose(header: Sequence[str], preview: Rows) -> list[int]:
        seen[:] = [(find(header, preview), preview)]
        return seen[0][0]

    if suffix in TEXT:
        header, frame = read_csv(raw, path, source, choose)
    elif suffix == ".xlsx":
        where = config.where("data", "sources", name, "sheet")
        header, frame = read_workbook(raw, path, source, where, choose)
    else:
        header, frame = read_parquet(raw, path, choose)
    if frame.empty:
        raise InputError("the file has no row of data", where=str(path), expected="a header and rows")
    used = used_headers(source)
    frame, above = frame.set_axis(used, axis="columns"), {}
    if source.long is not None:
        header, frame = used_tags(frame, config, name, path)
    else:
        above = {h: _above(i, seen[0][1], source) for h, i in zip(used, seen[0][0], strict=True)}
    written = {same_name(h): h for h in (*source.columns, *used)}
    shown = tuple(written.get(same_name(h), printable(h)) for h in header)
    return RawTable(str(path), hashlib.sha256(raw).hexdigest(), shown, frame, above)


def _above(position: int, preview: Rows, source: SourceSection) -> dict[int, str]:
    """Return the cells of a column that stand above its first sample, apart from the header."""
    first = source.first_row or source.header_row + 1
    return {
        row: cells[position]
        for row, cells in preview
        if row < first and row != source.header_row and len(cells) > position and cells[position].strip()
    }
