"""Series of a later time than those of a run, on the grid of its knots; what was measured may be absent there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.config.schema.data_sections import ColumnSection, SourceSection
from asm_hybrid.data.assembly import build_series, curve_of
from asm_hybrid.data.cells import read_source
from asm_hybrid.data.corrections import Corrections
from asm_hybrid.data.dataset import Dataset
from asm_hybrid.data.findings import QualityFinding, raise_errors
from asm_hybrid.data.knots import TOLERANCE
from asm_hybrid.data.means import Curve, on_knots
from asm_hybrid.data.series import read_sources
from asm_hybrid.data.unusual import CONSTANTS
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout
from asm_hybrid.text import same_name

__all__ = ["LaterData", "read_later", "read_planned"]

SAID_BEFORE = ("exclude", *CONSTANTS)
"""Kinds of findings that concern the record of the run, or the constants of its plant."""


@dataclass(frozen=True)
class LaterData:
    """Series of a later time.

    Attributes
    ----------
    dataset : Dataset
        The series, without blocks.
    lacking : tuple of str
        Headers of the observed columns that the files do not have.
    empty : tuple of str
        Headers of those that hold no value.
    """

    dataset: Dataset
    lacking: tuple[str, ...]
    empty: tuple[str, ...]


def read_later(
    config: Config,
    table: Table,
    layout: Layout,
    corrections: Corrections,
    knot: pd.Timestamp,
    until: pd.Timestamp | None = None,
) -> LaterData:
    """Read, convert and check the series of a later time.

    Parameters
    ----------
    config : Config
        The config of the run, with other files.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet of the run.
    corrections : Corrections
        Of the inputs, as in the record of the run; observations stay as they are recorded.
    knot : Timestamp
        A knot of the run's record; the series are put on the grid that goes on from it.
    until : Timestamp, optional
        Rows after it are as if they were not there.

    Returns
    -------
    LaterData

    Raises
    ------
    InputError
        If a file cannot be used, or lacks an input.
    """
    config, lacking = _without_absent(config)
    sources, findings = read_sources(config, table, layout, until)
    empty = [s.header for source in sources for s in source.series if s.noise and np.isnan(s.values).all()]
    if empty:
        for source in sources:
            config = _without(config, source.name, [s.header for s in source.series if s.header in empty])
        sources, findings = read_sources(config, table, layout, until)
    raise_errors(findings)
    findings = [f for f in findings if f.kind not in SAID_BEFORE]
    dataset, _ = build_series(config, table, layout, sources, findings, corrections, knot)
    raise_errors(dataset.quality)
    dataset = replace(dataset, quality=tuple(_coarse(f, config) for f in dataset.quality))
    return LaterData(dataset, tuple(lacking), tuple(empty))


def _coarse(finding: QualityFinding, config: Config) -> QualityFinding:
    """Return a finding; that of a fine interval, which cannot be another one here, as what it means for new data."""
    if finding.kind != "fine interval":
        return finding
    files = ", ".join(config.source_label(name) for name in config.data.sources)
    return replace(
        finding,
        file=files,
        message=f"the inputs lie much further apart than the {1440 * config.data.interval:g} min of the run's knots: "
        "their course over the day, which the model has learnt from, is missing",
        expected="inputs about as often as in the record of the run",
        fix="give inputs at a shorter distance",
    )


def _without_absent(config: Config) -> tuple[Config, list[str]]:
    """Return the config without columns that need not be there and are not, and the observed ones among them."""
    lacking = []
    for name, section in config.data.sources.items():
        spared = [h for h, column in section.columns.items() if not _drives(column)]
        try:
            header = read_source(_without(config, name, spared), name).header
        except InputError as error:
            raise _renamed(error, section) from None
        present = {same_name(h) for h in header}
        absent = [h for h in spared if same_name(h) not in present]
        lacking += [h for h in absent if section.columns[h].role == "observation"]
        config = _without(config, name, absent)
    return config, lacking


def _drives(column: ColumnSection) -> bool:
    return column.role in ("input", "imposed")


def _without(config: Config, name: str, headers: list[str]) -> Config:
    """Return a config without some columns of a source."""
    source = config.data.sources[name]
    columns = {h: column for h, column in source.columns.items() if h not in headers}
    sources = {**config.data.sources, name: source.model_copy(update={"columns": columns})}
    return config.model_copy(update={"data": config.data.model_copy(update={"sources": sources})})


def _renamed(error: InputError, section: SourceSection) -> InputError:
    """Return the error with the remedy for columns that have other names than in the record of the run."""
    if not any(f"no column {header!r}" in error.found for header in (*section.columns, *section.time.columns)):
        return error
    more = "where columns, units or stamps differ from the record's, describe them in a YAML file with a section data"
    return InputError(
        error.found, where=error.where, expected=error.expected, fix=f"{error.fix}; {more}" if error.fix else more
    )


def read_planned(
    config: Config, table: Table, layout: Layout, corrections: Corrections, now: pd.Timestamp, end: pd.Timestamp
) -> tuple[dict[str, NDArray[np.float64]], list[QualityFinding]]:
    """Read what will come in: those of the inputs that a file has.

    Parameters
    ----------
    config : Config
        The config of the run, with other files.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet of the run.
    corrections : Corrections
        Of the inputs, as in the record of the run.
    now, end : Timestamp
        A knot, and the last knot that is asked for, UTC.

    Returns
    -------
    dict of str to float array, shape (knot,)
        Inputs at the knots after `now`, by name, in internal units.
    list of QualityFinding
        What the checks found.

    Raises
    ------
    InputError
        If a file has none of the inputs, does not reach from `now` to `end`, or holds what must be split up first.
    """
    for name in config.data.sources:
        config = _without_missing(config, name)
    sources, findings = read_sources(config, table, layout)
    raise_errors(findings)
    specs, found = PlantInputs.of(layout, table), {}
    count = round((end - now) / pd.Timedelta(days=config.data.interval))
    knots = np.arange(1, count + 1, dtype=np.float64) * config.data.interval
    for source in sources:
        days = source.days(now)
        for s in source.series:
            if s.target not in specs.positions:
                raise InputError(
                    f"{s.target} is split into components, which a plan cannot be yet",
                    where=s.place.file,
                    expected="inputs of the plant: " + ", ".join(specs.names),
                    fix="remove the column, and let --influent diurnal or last-week say what comes",
                )
            curve = curve_of(s, days)
            begins, ends = curve.times[0], curve.times[-1]
            if begins > config.data.interval + TOLERANCE or (ends < knots[-1] - TOLERANCE and not s.lasting):
                stamps = [now + pd.Timedelta(days=float(t)) for t in (begins, ends)]
                raise InputError(
                    f"{s.header} is there from {stamps[0]:%Y-%m-%d %H:%M} to {stamps[1]:%Y-%m-%d %H:%M} UTC",
                    where=s.place.file,
                    expected=f"values from {now:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, over the whole horizon",
                    fix="give a longer file, or a shorter --horizon",
                )
            found[s.target] = _true(s.target, curve, config, corrections, count)
    return found, [f for f in findings if f.kind not in SAID_BEFORE]


def _true(name: str, curve: Curve, config: Config, corrections: Corrections, count: int) -> NDArray[np.float64]:
    """Return an input at the knots after now, corrected; what a shift asks for is read before them, or after them."""
    interval, kind = config.data.interval, config.data.interpolation
    more = int(np.ceil(abs(corrections.shifts.get(name, 0.0)) / interval - TOLERANCE))
    wide = np.arange(1 - more, count + more + 1, dtype=np.float64) * interval
    values = corrections.course(name, on_knots(wide, curve, kind).values, interval, kind)
    return values[more : more + count]


def _without_missing(config: Config, name: str) -> Config:
    """Return the config without what is measured, and without inputs that the file of a source does not have."""
    section = config.data.sources[name]
    source = section.model_copy(update={"columns": {}})
    bare = config.model_copy(update={"data": config.data.model_copy(update={"sources": {name: source}})})
    present = {same_name(h) for h in read_source(bare, name).header}
    spared = [h for h, c in section.columns.items() if not _drives(c) or same_name(h) not in present]
    if len(spared) == len(section.columns):
        wanted = [h for h, c in section.columns.items() if _drives(c)]
        raise InputError(
            "the file has none of the inputs",
            where=config.source_label(name),
            expected="one or more of the columns " + ", ".join(wanted),
            fix="name the columns as the data of the run do",
        )
    return _without(config, name, spared)
