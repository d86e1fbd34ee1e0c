"""The rows of a source with their stamps in UTC, as far as they are known at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.data.cells import RawTable
from asm_hybrid.data.clocks import check_clock
from asm_hybrid.data.dates import check_dates
from asm_hybrid.data.findings import Place, QualityFinding
from asm_hybrid.data.longtable import split
from asm_hybrid.data.stamps import check_order, parse_stamps
from asm_hybrid.errors import InputError

__all__ = ["StampedRows", "stamped_rows"]


@dataclass(frozen=True)
class StampedRows:
    """Columns that stand in the same rows.

    Attributes
    ----------
    place : Place
        File, column of time (of a long table the tag), and row numbers.
    stamps : DatetimeIndex, (row,)
        As the file tells them, in UTC.
    shift : Timedelta
        What the config adds to them.
    cells : dict of str to Series
        The columns, by header or tag.
    """

    place: Place
    stamps: pd.DatetimeIndex
    shift: pd.Timedelta
    cells: dict[str, pd.Series]

    @property
    def times(self) -> pd.DatetimeIndex:
        """The stamps, shifted."""
        return self.stamps + self.shift

    def check(self, section: SourceSection) -> list[QualityFinding]:
        """Return what is wrong with the stamps.

        Parameters
        ----------
        section : SourceSection
            The source.

        Returns
        -------
        list of QualityFinding
            See `check_order`, `check_clock` and `check_dates`; the first alone finds errors.
        """
        zone, columns = section.time.zone, {header: section.columns[header] for header in self.cells}
        found = check_order(self.stamps, self.place, zone)
        if not found and zone is not None:
            found += check_clock(self.stamps, zone, self.place)
        return found + check_dates(self.stamps, section.time, columns, self.place)

    def chosen(self, mask: NDArray[np.bool_]) -> StampedRows:
        """Return the rows that a mask chooses."""
        cells = {header: column[mask] for header, column in self.cells.items()}
        return StampedRows(replace(self.place, rows=self.place.rows[mask]), self.stamps[mask], self.shift, cells)

    def empty_at(self, stamp: pd.Timestamp) -> StampedRows:
        """Return one row without a value."""
        first = self.chosen(np.arange(len(self.stamps)) == 0)
        cells = {header: column.mask(np.ones(1, dtype=bool)) for header, column in first.cells.items()}
        return StampedRows(first.place, pd.DatetimeIndex([stamp]), self.shift, cells)


def stamped_rows(
    config: Config, name: str, raw: RawTable, until: pd.Timestamp | None
) -> tuple[list[StampedRows], list[QualityFinding]]:
    """Return the rows of a source with their stamps: those of a long table for each tag.

    Parameters
    ----------
    config : Config
        The config.
    name : str
        The source.
    raw : RawTable
        Its cells.
    until : Timestamp or None
        Rows after it are as if they were not there.

    Returns
    -------
    rows : list of StampedRows
        At least one row each; where a tag has none until then, one without a value.
    findings : list of QualityFinding
        See `split`.

    Raises
    ------
    InputError
        If a stamp cannot be read, or no row is known at that time.
    """
    section, file = config.data.sources[name], os.path.normpath(raw.label)
    where = config.where("data", "sources", name, "time")
    together, findings = [], []
    for cells, quality in split(raw.frame, section, file):
        place = Place(file, section.time.label, "", cells.rows)
        stamps = parse_stamps(cells.times, section.time, place, where, section.decimal)
        if len(stamps) > 1 and stamps[::-1].is_monotonic_increasing and stamps[0] > stamps[-1]:
            cells, stamps, place = cells.turned, stamps[::-1], replace(place, rows=place.rows[::-1])
        if section.long is not None:
            place = replace(place, column=next(iter(cells.columns)))
        together.append(StampedRows(place, stamps, pd.Timedelta(days=section.time.shift), cells.columns))
        findings += quality
    return (_known(together, until) if until is not None and together else together), findings


def _known(together: Sequence[StampedRows], until: pd.Timestamp) -> list[StampedRows]:
    """Return the rows up to a time."""
    known = [rows.chosen(np.asarray(rows.times <= until)) for rows in together]
    begins = [rows.stamps.min() for rows in known if len(rows.stamps)]
    if not begins:
        first = min(rows.times.min() for rows in together)
        raise InputError(
            f"no row lies at or before {until:%Y-%m-%d %H:%M} UTC",
            where=together[0].place.file,
            expected=f"rows before that time; the first is at {first:%Y-%m-%d %H:%M} UTC",
        )
    return [
        rows if len(rows.stamps) else whole.empty_at(min(begins)) for rows, whole in zip(known, together, strict=True)
    ]
