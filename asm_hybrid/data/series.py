"""From the files of a config to series in internal units, with what the checks found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.config.builders.targets import column_unit
from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.data.cells import RawTable, read_source
from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.data.exclusion import without_excluded
from asm_hybrid.data.findings import Place, QualityFinding, merged
from asm_hybrid.data.numbers import parse_numbers
from asm_hybrid.data.quality import check_twins, check_values
from asm_hybrid.data.species import check_header
from asm_hybrid.data.stamped import StampedRows, stamped_rows
from asm_hybrid.data.stated import check_stated_unit
from asm_hybrid.data.unusual import constant_findings
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.layout import Layout
from asm_hybrid.units import conversion

__all__ = ["Series", "Source", "on_change", "read_sources"]

Values = NDArray[np.float64]
Kind = Literal["linear", "previous"]

REGULAR = 0.6
"""Share of the distances between samples that lie near their median, from which on a series is sampled by a clock; of a
pump that is logged when it switches, half of them may be one and the same."""
NEAR = 0.05
"""How far a distance may lie from the median to be near it, as a share of it [-]."""
FEW = 10
"""Samples below which a held series counts as logged on change, whatever their distances."""


@dataclass(frozen=True)
class Series:
    """One column.

    Attributes
    ----------
    header : str
        Name of the column.
    column : ColumnSection
        What it means.
    place : Place
        File, header, unit and row numbers.
    raw, values : float array, (row,)
        Values in the column's unit, and in the internal unit; NaN where there is none.
    unit : str
        Internal unit.
    noise : float
        Standard deviation of the sensor's error, in the internal unit; zero but for observations.
    censored : int array, (row,)
        `BELOW` or `ABOVE` a limit of the sensor, which `values` then holds; else zero.
    kind : {'linear', 'previous'}
        How an input runs between its samples.
    lasting : bool
        Whether its last value stays in force until the next row, however late, and to the end of the record.
    """

    header: str
    column: ColumnSection
    place: Place
    raw: Values
    values: Values
    unit: str
    noise: float
    censored: NDArray[np.int8]
    kind: Kind = "linear"
    lasting: bool = False

    @property
    def period(self) -> float:
        """Length of a composite's period [d], zero for samples of a moment."""
        return self.column.sample.composite if self.column.sample else 0.0

    @property
    def supposed(self) -> bool:
        """Whether nobody said that the last value of what is usually measured, not set, stays in force."""
        return self.lasting and self.measured and self.column.interpolation is None

    @property
    def measured(self) -> bool:
        """Whether an input is one that is usually measured, not set."""
        return self.column.role == "imposed" or self.target in ("Q_in", "T") or self.target.startswith("influent.")

    @property
    def target(self) -> str:
        """Name in the model."""
        return str(self.column.target)


@dataclass(frozen=True)
class Source:
    """The columns of a file; of a long table, the tags that stand at the same times.

    Attributes
    ----------
    name : str
        Name of the source in the config.
    table : RawTable
        The file.
    times : DatetimeIndex
        Stamps in UTC.
    series : tuple of Series
        The used columns.
    """

    name: str
    table: RawTable
    times: pd.DatetimeIndex
    series: tuple[Series, ...]

    def days(self, origin: pd.Timestamp) -> Values:
        """Return the stamps as days from an origin."""
        return np.asarray((self.times - origin) / pd.Timedelta(days=1), dtype=np.float64)


def read_sources(
    config: Config, table: Table, layout: Layout, until: pd.Timestamp | None = None
) -> tuple[list[Source], list[QualityFinding]]:
    """Read every file and check every used column.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    until : Timestamp, optional
        Rows after it are as if they were not there.

    Returns
    -------
    sources : list of Source
        Files, with series in internal units; of a long table one for all tags that stand at the same times.
    findings : list of QualityFinding
        What the checks found, of constants first; with errors among them, the series must not be used.
    """
    sources, findings = [], constant_findings(config, table, layout)
    for name in config.data.sources:
        read, found = _read(config, table, layout, name, until)
        sources += read
        findings += found
    return sources, findings


def _read(
    config: Config, table: Table, layout: Layout, name: str, until: pd.Timestamp | None
) -> tuple[list[Source], list[QualityFinding]]:
    raw = read_source(config, name)
    together, findings = stamped_rows(config, name, raw, until)
    found: dict[bytes, Source] = {}
    for rows in together:
        checked = rows.check(config.data.sources[name])
        ordered = not any(f.severity == "error" for f in checked)
        findings += checked
        series = []
        for header in rows.cells:
            one, more = _series(config, table, layout, name, raw, rows, header, ordered)
            series.append(one)
            findings += more
        key = rows.times.asi8.tobytes()
        earlier = found[key].series if key in found else ()
        found[key] = Source(name, raw, rows.times, (*earlier, *series))
    for source in found.values():
        findings += check_twins({s.header: s.raw for s in source.series}, os.path.normpath(raw.label))
    return list(found.values()), merged(findings)


def _series(
    config: Config,
    table: Table,
    layout: Layout,
    name: str,
    raw: RawTable,
    rows: StampedRows,
    header: str,
    ordered: bool,
) -> tuple[Series, list[QualityFinding]]:
    """Return one column in its internal unit, and what the checks found in it."""
    section, times = config.data.sources[name], rows.times
    column, days = section.columns[header], np.asarray((times - times[0]) / pd.Timedelta(days=1), dtype=np.float64)
    place = Place(rows.place.file, header, str(column.unit), rows.place.rows)
    cells, findings = without_excluded(rows.cells[header], times, config, name, place)
    findings += check_stated_unit(header, raw.above.get(header, {}), place)
    values, censored, found = parse_numbers(
        cells,
        section.missing,
        place,
        decimal=section.decimal,
        thousands=section.thousands,
        limits=column.role == "observation",
    )
    unit = column_unit(config, table, layout, name, header)
    factor, offset = conversion(str(column.unit), unit)
    limited, censored = _limited(values, censored, column)
    kind = column.interpolation or config.data.interpolation
    lasting = kind == "previous" and column.role != "observation" and column.sample is None
    if lasting and column.interpolation is None:
        lasting = on_change(days[~np.isnan(values)])
    noise = (column.noise or 0.0) * abs(factor)
    internal = _converted(limited, factor, offset)
    one = Series(header, column, place, values, internal, unit, noise, censored, kind, lasting)
    if ordered and not found:
        gaps = not lasting or one.supposed
        found = check_values(values, _converted(values, factor, offset), days, column, place, censored, unit, gaps=gaps)
    return one, [*findings, *found, *check_header(one.target, place)]


def _converted(values: Values, factor: float, offset: float) -> Values:
    """Return values in the internal unit; what is too large for a number is infinite, and told as impossible."""
    with np.errstate(over="ignore"):
        return values * factor + offset


def on_change(days: Values) -> bool:
    """Return whether a held series seems to be written when it changes, not by a clock.

    Parameters
    ----------
    days : float array, (sample,)
        Times [d], ascending.

    Returns
    -------
    bool
        True for few samples, and for distances most of which are not near their median.
    """
    if days.size < FEW:
        return True
    step = np.diff(days)
    usual = float(np.median(step))
    return bool(np.mean(np.abs(step - usual) <= NEAR * usual) < REGULAR)


def _limited(values: Values, censored: NDArray[np.int8], column: ColumnSection) -> tuple[Values, NDArray[np.int8]]:
    """Return values with those beyond a limit of the column at it, and which they are."""
    for mark, limit in ((BELOW, column.detection_limit), (ABOVE, column.saturation)):
        if limit is not None:
            beyond = (censored == 0) & (mark * values <= mark * limit)
            values, censored = np.where(beyond, limit, values), np.where(beyond, mark, censored).astype(np.int8)
    return values, censored
