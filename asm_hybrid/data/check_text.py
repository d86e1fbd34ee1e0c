"""What ``asm-hybrid check`` prints: the data of a config as the program understands them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.config import Config, build_fractionation, calibration_bounds, parameter_values
from asm_hybrid.config.builders.influent_split import influent_sums
from asm_hybrid.config.schema.data_sections import SourceSection
from asm_hybrid.config.schema.sensor import LEARN
from asm_hybrid.data.assembly import build_dataset
from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.data.corrections import correction_texts
from asm_hybrid.data.dataset import Dataset
from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.data.headers import used_headers
from asm_hybrid.data.series import Series, Source, read_sources
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.document.words import reads
from asm_hybrid.plant.inputs import INFLUENT, PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = ["CheckReport", "aligned", "check_data", "constant_rows", "finding_lines", "table_text"]

SHOWN_UNUSED = 30
"""Columns or tags that are not used of which the names are listed."""


@dataclass(frozen=True)
class CheckReport:
    """The text of a check.

    Attributes
    ----------
    facts : tuple of str
        The data as the program understands them: plain text, one line each.
    findings : tuple of QualityFinding
        What is wrong, or worth a look.
    failure : InputError or None
        Why the series could not be put together.
    dataset : Dataset or None
        The series; None where there are errors.
    """

    facts: tuple[str, ...]
    findings: tuple[QualityFinding, ...]
    failure: InputError | None
    dataset: Dataset | None

    @property
    def errors(self) -> int:
        """Number of errors; a run would be refused if there are any."""
        return sum(f.severity == "error" for f in self.findings) + (self.failure is not None)

    @property
    def lines(self) -> tuple[str, ...]:
        """Facts, findings, and their number."""
        return (*self.facts, *finding_lines(self.findings, self.failure))


def table_text(table: Table) -> str:
    """Return the name of a table, and which inputs of the plant its rates read.

    Parameters
    ----------
    table : Table
        The kinetics table.

    Returns
    -------
    str
        The name alone where the rates read no input.
    """
    return f"{table.name} (rates read {reads(table)})" if table.inputs else table.name


def check_data(config: Config, table: Table, layout: Layout, name: str) -> CheckReport:
    """Check the data of a config.

    Parameters
    ----------
    config, table, layout
        See `read_dataset`.
    name : str
        What the config is called in the first line.

    Returns
    -------
    CheckReport

    Raises
    ------
    InputError
        If files cannot be read at all.
    """
    sources, findings = read_sources(config, table, layout)
    dataset: Dataset | None = None
    failure: InputError | None = None
    if not any(f.severity == "error" for f in findings):
        try:
            dataset = build_dataset(config, table, layout, sources, findings)
        except InputError as error:
            failure = error
    findings = list(dataset.quality) if dataset else findings
    lines = [f"{name}: {config.name}, {table_text(table)}, mode {config.model.mode}", ""]
    for name in config.data.sources:
        own = [source for source in sources if source.name == name]
        lines += [line for source in own for line in _source_lines(source)]
        lines += [*_unused_line(config.data.sources[name], own[0].table.header), ""] if own else []
    lines += [*_constant_lines(config, table, layout), ""]
    if texts := correction_texts(config, table, layout):
        head = "corrections of the record: all that follows, and every run, takes it as corrected"
        lines += [head, *(f"  {text}" for text in texts), ""]
    if dataset:
        lines += [*_influent_lines(config, table, layout, dataset), *_block_lines(dataset), ""]
    return CheckReport(tuple(lines), tuple(findings), failure, dataset)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as aligned lines.

    Parameters
    ----------
    rows : sequence of sequence of str
        One row or more, all with the same number of cells.

    Returns
    -------
    list of str
        One line a row, indented by two spaces.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _source_lines(source: Source) -> list[str]:
    times = source.times
    step = np.diff(np.sort(source.days(times[0]))) * 1440
    lines = [
        f"source {source.name}: {source.table.label}, {len(times)} rows",
        f"  {times.min():%Y-%m-%d %H:%M:%S} to {times.max():%Y-%m-%d %H:%M:%S} UTC"
        + (f", median interval {np.median(step):.3g} min, longest {step.max():.4g} min" if step.size else ""),
    ]
    rows: list[tuple[str, ...]] = [("column", "role", "stands for", "unit", "range", "missing", "sensor")]
    rows += [_series_row(series) for series in source.series]
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    return lines + aligned(rows)


def _unused_line(section: SourceSection, headers: Sequence[str]) -> list[str]:
    """Say which columns, or tags, are not used: a historian may hold thousands."""
    used = {*used_headers(section), *(h for h, column in section.columns.items() if column.role != "ignored")}
    unused = [header for header in headers if header and header not in used]
    more = f" and {len(unused) - SHOWN_UNUSED} more" if len(unused) > SHOWN_UNUSED else ""
    return [f"  not used: {', '.join(unused[:SHOWN_UNUSED])}{more}"] if unused else []


def _series_row(series: Series) -> tuple[str, ...]:
    valid = series.raw[~np.isnan(series.raw)]
    span = f"{valid.min():.4g} … {valid.max():.4g}" if valid.size else "no value"
    missing = 100 * (1 - valid.size / series.raw.size)
    unit = str(series.column.unit)
    sensor = ", ".join(_sensor_facts(series))
    return series.header, series.column.role, series.target, unit, span, f"{missing:.1f} %", sensor


def _sensor_facts(series: Series) -> Iterator[str]:
    """Yield what is special about the sensor or sampler of a column."""
    column = series.column
    if series.lasting:
        yield "holds until changed"
    for mark, limit in ((BELOW, "below the detection limit"), (ABOVE, "at saturation")):
        if (series.censored == mark).any():
            yield f"{(series.censored == mark).sum()} {limit}"
    if column.exclude:
        yield f"{len(column.exclude)} periods left out" if len(column.exclude) > 1 else "one period left out"
    if column.sample:
        weight = ", by flow" if column.sample.weight == "flow" else ""
        yield f"composite of {column.sample.composite * 24:g} h{weight}"
    if column.bias:
        yield "bias learnt"
    if column.lag == LEARN:
        yield "lag learnt"
    elif column.lag is not None:
        yield f"lag {column.lag * 1440:g} min"
    if column.delay == LEARN:
        yield "delay learnt"
    elif column.delay is not None:
        yield f"delay {column.delay * 1440:g} min"


def constant_rows(layout: Layout, units: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return name, value and unit of inputs that no column gives.

    Parameters
    ----------
    layout : Layout
        The plant, with its constants.
    units : mapping
        Inputs, with their units.

    Returns
    -------
    list of tuple
        A row for every one that the plant gives; for what a time table or a controller moves, its name is the value.
    """
    given = {name: f"{value:g}" for name, value in layout.constants.items()}
    given |= {name: f"by {cycle.name}" for cycle in layout.cycles for name in cycle.inputs}
    given |= {name: f"by {controller.name}" for controller in layout.controllers for name in controller.sets}
    return [(name, given[name], unit) for name, unit in units.items() if name in given]


def _constant_lines(config: Config, table: Table, layout: Layout) -> list[str]:
    units = PlantInputs.of(layout, table).units | influent_sums(config, table)
    rows = constant_rows(layout, units)
    values = parameter_values(config, table)
    rows += [(p.name, f"{values[p.name]:g}", p.unit) for p in table.parameters if p.name in values]
    calibrated = calibration_bounds(config, table)
    lines = ["constants in use", *(aligned(rows) if rows else ["  none"])]
    if calibrated:
        listed = [f"{name} [{low:g}, {high:g}]" for name, (low, high) in calibrated.items()]
        lines.append("  calibrated: " + ", ".join(listed))
    return lines


def _influent_lines(config: Config, table: Table, layout: Layout, dataset: Dataset) -> list[str]:
    """Return what the fractionation made of the influent; nothing where there is none."""
    section, fractionation = config.plant.influent.fractionation, build_fractionation(config, table, layout)
    if section is None or fractionation is None:
        return []
    shares = ", ".join(f"{name} {share:.4g}" for name, share in fractionation.fractions.items())
    rows: list[tuple[str, ...]] = [("component", "mean", "range", "unit")]
    for name in fractionation.computed:
        i = dataset.input_names.index(f"{INFLUENT}{name}")
        values = dataset.inputs[:, i]
        span = f"{values.min():.4g} … {values.max():.4g}"
        rows.append((name, f"{values.mean():.4g}", span, dataset.input_units[i]))
    lines = [f"influent, fractionated as {section.type} sewage for {fractionation.family.name}", f"  {shares}"]
    lines += aligned(rows)
    if fractionation.absent:
        lines.append("  taken as zero: " + ", ".join(fractionation.absent))
    return [*lines, ""]


def _block_lines(dataset: Dataset) -> list[str]:
    labels = [o.label for o in dataset.observations]
    rows: list[tuple[str, ...]] = [("block", "from (UTC)", "to (UTC)", "days", *labels)]
    for name, (begin, end) in dataset.blocks.items():
        counts = [str(int(((o.times >= begin) & (o.times <= end)).sum())) for o in dataset.observations]
        stamps = [f"{dataset.to_stamp(t):%Y-%m-%d %H:%M}" for t in (begin, end)]
        rows.append((name, *stamps, f"{end - begin:.1f}", *counts))
    knots = f"{dataset.times.size} knots every {dataset.interval * 1440:.4g} min ({dataset.inputs.nbytes / 1e6:.2g} MB)"
    return [f"blocks, with samples of each observed variable; input grid of {knots}", *aligned(rows)]


def finding_lines(findings: Iterable[QualityFinding], *failures: InputError | None) -> list[str]:
    """Return findings as lines, errors first, and how many there are.

    Parameters
    ----------
    findings : iterable of QualityFinding
        What was found.
    *failures : InputError or None
        Errors beside them.

    Returns
    -------
    list of str
        The last line has the numbers of errors and warnings.
    """
    ordered = sorted(findings, key=lambda f: f.severity)
    raised = [failure for failure in failures if failure is not None]
    lines = ["findings" if ordered or raised else "findings: none"]
    for failure in raised:
        first, *rest = str(failure).splitlines()
        lines += [f"  error: {first}", *(f"  {line}" for line in rest)]
    for finding in ordered:
        lines.append(f"  {finding}")
        if finding.expected:
            lines.append(f"    expected: {finding.expected}")
        if finding.fix:
            lines.append(f"    fix: {finding.fix}")
    errors = sum(f.severity == "error" for f in ordered) + len(raised)
    warnings = sum(f.severity == "warning" for f in ordered)
    return [*lines, "", f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}"]
