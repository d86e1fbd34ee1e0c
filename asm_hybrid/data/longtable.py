"""Long tables, which have a row for each value of each tag: from their rows to columns of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import LongSection, SourceSection
from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.numbers import to_floats
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.text import printable, same_name

__all__ = ["Cells", "split", "used_tags"]

SHOWN = 100
"""Longest tag that a message offers."""


@dataclass(frozen=True)
class Cells:
    """Columns that stand in the same rows.

    Attributes
    ----------
    times : DataFrame
        The column of time, or those of date and time; the index holds row numbers.
    columns : dict of str to Series
        The cells of the used columns, by header or tag.
    """

    times: pd.DataFrame
    columns: dict[str, pd.Series]

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row numbers."""
        return self.times.index.to_numpy(dtype=np.int64)

    @property
    def turned(self) -> Cells:
        """The same with the last row first, for files whose newest row comes first."""
        return Cells(self.times[::-1], {header: column[::-1] for header, column in self.columns.items()})


def used_tags(frame: pd.DataFrame, config: Config, name: str, path: Path) -> tuple[list[str], pd.DataFrame]:
    """Return the tags of a long table, and the rows of those that a config uses.

    Parameters
    ----------
    frame : DataFrame
        The columns of time, tag, value and quality, by header.
    config : Config
        The config.
    name : str
        The source.
    path : Path
        The file.

    Returns
    -------
    tags : list of str
        Every tag, as it stands in the file.
    rows : DataFrame
        The rows of the used tags, with these as the config writes them.

    Raises
    ------
    InputError
        If the file lacks a tag that the config names.
    """
    source = config.data.sources[name]
    assert source.long is not None
    written = {same_name(tag): tag for tag in source.columns}
    codes, cells = pd.factorize(frame[source.long.tag])
    tags = [_tag(cell) for cell in cells]
    present = {same_name(tag) for tag in tags}
    for plain, tag in written.items():
        if plain not in present:
            raise InputError(
                f"{path} has no tag {tag!r}",
                where=config.where("data", "sources", name, "columns", tag),
                expected=f"a tag that stands in its column {source.long.tag!r}",
                fix=nearest(tag, [printable(t) for t in tags if t and len(t) <= SHOWN]),
            )
    used = {tag for tag, column in source.columns.items() if column.role != "ignored"}
    names = [written.get(same_name(tag)) for tag in tags]
    kept = np.asarray([one in used for one in names] + [False])[codes]  # the code of an empty cell is -1
    rows = frame[kept].assign(**{source.long.tag: [names[code] for code in codes[kept]]})
    return list(dict.fromkeys(tags)), rows


def _tag(cell: object) -> str:
    """Return a tag as text; workbooks hold whole numbers with a fraction of zero."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def split(frame: pd.DataFrame, source: SourceSection, file: str) -> Iterator[tuple[Cells, list[QualityFinding]]]:
    """Yield the columns that stand in the same rows: all of a wide table at once, those of a long one by tag.

    Parameters
    ----------
    frame : DataFrame
        The used columns of the file, see `asm_hybrid.data.cells.RawTable`.
    source : SourceSection
        The source.
    file : str
        The file, for messages.

    Yields
    ------
    cells : Cells
        The columns.
    findings : list of QualityFinding
        Kind ``quality``: values that are left out, since they are not good.
    """
    times = list(source.time.columns)
    if source.long is None:
        headers = [header for header in frame.columns if header not in times]
        yield Cells(frame[times], {header: frame[header] for header in headers}), []
        return
    for tag, rows in frame.groupby(source.long.tag, sort=False):
        cells, place = rows[source.long.value], Place(file, str(tag), "", rows.index.to_numpy(dtype=np.int64))
        found: list[QualityFinding] = []
        if source.long.quality is not None:
            bad = ~_is_good(rows[source.long.quality], source.long)
            cells, found = cells.mask(bad), _left_out(rows[source.long.quality], bad, source.long, place)
        yield Cells(rows[times], {str(tag): cells.infer_objects()}), found


def _is_good(quality: pd.Series, long: LongSection) -> NDArray[np.bool_]:
    """Return where a quality is one of those that the config calls good."""
    words = {word.casefold() for word in long.good if isinstance(word, str)}
    numbers = [number for number in long.good if not isinstance(number, str)]
    named = quality.astype(str).str.strip().str.casefold().isin(words) & quality.notna()
    return named.to_numpy(dtype=bool) | np.isin(to_floats(quality), numbers)


def _left_out(quality: pd.Series, bad: NDArray[np.bool_], long: LongSection, place: Place) -> list[QualityFinding]:
    if not bad.any():
        return []
    first = quality[bad].iloc[0]
    shown = "is empty" if pd.isna(first) else f"says {printable(_tag(first))[:SHOWN]!r}"
    good = " or ".join(str(g) if isinstance(g, str) else f"{g:g}" for g in long.good)
    return [
        place.finding(
            "warning",
            "quality",
            f"{bad.sum()} of {bad.size} values are left out: the column {long.quality!r} does not call them good, as "
            f"where it {shown}",
            bad,
            expected=f"{good} in that column",
            fix="add other words or numbers of good values to 'good', if these are",
        )
    ]
