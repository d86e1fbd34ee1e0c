"""From the files of a config to a dataset: every series on one time axis, with what the checks found."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config, build_fractionation
from asm_hybrid.config.builders.columns import check_delays
from asm_hybrid.data.blocks import check_blocks, check_inputs, place_blocks, zone_name
from asm_hybrid.data.corrections import Corrections, build_corrections, correction_findings
from asm_hybrid.data.dataset import Dataset, Observation
from asm_hybrid.data.findings import QualityFinding, merged, raise_errors
from asm_hybrid.data.influent import fractionate
from asm_hybrid.data.knots import TOLERANCE, placed, scheduled
from asm_hybrid.data.means import Curve, check_load, check_means, on_knots
from asm_hybrid.data.record_backflow import backflow_findings
from asm_hybrid.data.record_span import Record, check_size, find_record, on_grid, place_knots
from asm_hybrid.data.series import Series, Source, read_sources
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import CLOCK, PlantInputs
from asm_hybrid.plant.inputs import INFLUENT
from asm_hybrid.plant.layout import Layout

__all__ = ["build_dataset", "build_series", "curve_of", "read_dataset"]

Values = NDArray[np.float64]


def read_dataset(config: Config, table: Table, layout: Layout) -> Dataset:
    """Read, convert and check the series of a config.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet, from `build_layout`.

    Returns
    -------
    Dataset
        Series in internal units. Observations are never resampled, and nothing is corrected but what the config says.
        Where ``training.test`` is false, it ends before the test block.

    Raises
    ------
    InputError
        If a file cannot be used; with file, column and rows.
    """
    sources, findings = read_sources(config, table, layout)
    raise_errors(findings)
    dataset = build_dataset(config, table, layout, sources, findings)
    raise_errors(dataset.quality)
    return dataset if config.training.test else _before_test(config, table, layout, dataset)


def _before_test(config: Config, table: Table, layout: Layout, whole: Dataset) -> Dataset:
    """Return the record as if no row were there from the begin of the test block on, where `whole` has placed it.

    A row where the validation block ends and the test block begins at once is one of the former.
    """
    until = max(
        whole.to_stamp(whole.blocks["test"][0]) - pd.Timedelta(milliseconds=1),
        whole.to_stamp(whole.blocks["validate"][1]),
    )
    sources, findings = read_sources(config, table, layout, until)
    corrections = build_corrections(config, table, layout)
    dataset, measured = build_series(config, table, layout, sources, findings, corrections, whole.origin)
    recorded = dataset.observations
    blocks = {name: (begin, min(end, dataset.span)) for name, (begin, end) in whole.blocks.items() if name != "test"}
    dataset = replace(dataset, observations=corrections.observed(recorded), blocks=blocks)
    found = correction_findings(config, corrections, recorded, dataset)
    found += check_blocks(config, blocks, dataset.observations)
    found += check_inputs(config, blocks, dataset.times, measured)
    quality = merged([*dataset.quality, *found])
    raise_errors(quality)
    return replace(dataset, quality=tuple(quality))


def build_dataset(
    config: Config, table: Table, layout: Layout, sources: list[Source], findings: list[QualityFinding]
) -> Dataset:
    """Put series that were read onto one time axis.

    Parameters
    ----------
    config, table, layout
        See `read_dataset`.
    sources : list of Source
        Series without errors.
    findings : list of QualityFinding
        What the checks found so far.

    Returns
    -------
    Dataset
        Its `quality` may hold errors about the blocks.
    """
    check_delays(config)
    corrections = build_corrections(config, table, layout)
    dataset, measured = build_series(config, table, layout, sources, findings, corrections)
    recorded = dataset.observations
    dataset = replace(dataset, observations=corrections.observed(recorded))
    blocks = place_blocks(config, dataset.origin, dataset.span)
    found = correction_findings(config, corrections, recorded, dataset)
    found += check_blocks(config, blocks, dataset.observations)
    found += check_inputs(config, blocks, dataset.times, measured)
    return replace(dataset, blocks=blocks, quality=tuple(merged([*dataset.quality, *found])))


def build_series(
    config: Config,
    table: Table,
    layout: Layout,
    sources: list[Source],
    findings: list[QualityFinding],
    corrections: Corrections,
    knot: pd.Timestamp | None = None,
) -> tuple[Dataset, dict[str, NDArray[np.bool_]]]:
    """Put series that were read onto one time axis, without blocks.

    Parameters
    ----------
    config, table, layout
        See `read_dataset`.
    sources : list of Source
        Series without errors.
    findings : list of QualityFinding
        What the checks found so far.
    corrections : Corrections
        Of the inputs; observations stay as they are recorded.
    knot : Timestamp, optional
        A knot of another record: this one begins at the first knot of its grid that it holds, not at its first value.

    Returns
    -------
    Dataset
        The series; it has no blocks.
    dict of str to bool array, (knot,)
        For every input that a column gives: where a long gap was bridged.
    """
    record = find_record(config, sources)
    if knot is not None:
        record = on_grid(record, knot, config.data.interval)
    first = record.first
    times, found = place_knots(config, record, sources)
    found += record.findings
    specs = PlantInputs.of(layout, table)
    found += check_size(config, times.size, len(specs), len(layout.tanks) * len(table.components))
    inputs = np.empty((times.size, len(specs)))
    filled = np.zeros(inputs.shape, dtype=bool)
    series = {s.target: (s, source.days(first)) for source, s in _driving(sources)}
    known: dict[str, Values | float] = dict(layout.constants)
    known |= _clock(first, times, zone_name(config))
    known |= scheduled(layout.cycles, times if knot is None else times + (first - knot) / pd.Timedelta(days=1))
    bridges: dict[str, NDArray[np.bool_]] = {}
    curves = {name: curve_of(one, days) for name, (one, days) in series.items()}
    for name, curve in curves.items():
        carrier = curves.get("Q_in") if name.startswith(INFLUENT) else None
        put = on_knots(times, curve, config.data.interpolation, carrier)
        known[name], bridges[name] = put.values, put.filled
        found += check_means(series[name][0].place, curve, put, config.data.interval)
    if "Q_in" in curves:
        for name in (n for n in curves if n.startswith(INFLUENT)):
            concentrations, flows = np.asarray(known[name]), np.asarray(known["Q_in"])
            place, how = series[name][0].place, config.data.interpolation
            found += check_load(place, times, curves[name], curves["Q_in"], concentrations, flows, how)
    measured = dict(bridges)
    observations, outside = _observations(sources, record, float(times[-1]))
    found += outside
    fractionation = build_fractionation(config, table, layout)
    if fractionation:
        components, problems = fractionate(config, fractionation, known, series, first, times)
        known |= components
        found += problems
        used = [bridges[f"{INFLUENT}{name}"] for name in fractionation.used if f"{INFLUENT}{name}" in bridges]
        if used:
            bridges |= {f"{INFLUENT}{name}": np.logical_or.reduce(used) for name in fractionation.computed}
    for i, spec in enumerate(specs):
        inputs[:, i] = known[spec.name]
        if spec.name in bridges:
            filled[:, i] = bridges[spec.name]
    inputs = corrections.driven(inputs, specs, config.data.interval, config.data.interpolation)
    filled = corrections.bridged(filled, specs, config.data.interval)
    if config.model.mode != "neural":
        stamps = (first + pd.to_timedelta(times, unit="D")).round("s").tz_convert(zone_name(config))
        found += corrections.suspected(backflow_findings(table, layout, sources, stamps, inputs))
    flow = inputs[:, specs.positions["Q_in"]]
    weighted = {s.header for _, s in _observed(sources) if s.column.sample and s.column.sample.weight == "flow"}
    observations = [replace(o, flow=flow) if o.label in weighted else o for o in observations]
    dataset = Dataset(
        origin=first,
        interval=config.data.interval,
        zone=zone_name(config),
        input_names=specs.names,
        input_units=tuple(specs.units.values()),
        times=times,
        inputs=inputs,
        input_filled=filled,
        observations=tuple(observations),
        blocks={},
        quality=tuple(merged([*findings, *found])),
        fingerprint=tuple(
            _fingerprint(source, long=config.data.sources[source.name].long is not None) for source in sources
        ),
    )
    return dataset, measured


def _clock(first: pd.Timestamp, times: Values, zone: str) -> dict[str, Values | float]:
    """Return sine and cosine of the local time of day."""
    local = (first + pd.to_timedelta(times, unit="D")).tz_convert(zone)
    angle = 2 * np.pi * np.asarray(local.hour + local.minute / 60 + local.second / 3600) / 24
    return dict(zip(CLOCK, (np.sin(angle), np.cos(angle)), strict=True))


def _driving(sources: list[Source]) -> list[tuple[Source, Series]]:
    return [(source, s) for source in sources for s in source.series if s.column.role != "observation"]


def _observed(sources: list[Source]) -> list[tuple[Source, Series]]:
    return [(source, s) for source in sources for s in source.series if s.column.role == "observation"]


def curve_of(series: Series, days: Values) -> Curve:
    """Return an input as a function of time; means over periods are kept.

    Parameters
    ----------
    series : Series
        Its samples.
    days : float array, (row,)
        Their times [d].

    Returns
    -------
    Curve
    """
    valid = ~np.isnan(series.values)
    times, values = placed(days[valid], series.values[valid], series.period, series.kind)
    return Curve(times, values, series.kind, series.lasting)


def _observations(sources: list[Source], record: Record, span: float) -> tuple[list[Observation], list[QualityFinding]]:
    out, found = [], []
    for source, s in _observed(sources):
        days = source.days(record.first)
        valid, period = ~np.isnan(s.values), s.period
        before, after = days - period < -TOLERANCE, days > span + TOLERANCE
        inside = valid & ~before & ~after
        outside = int(valid.sum() - inside.sum())
        if outside:
            found.append(
                s.place.finding(
                    "warning",
                    "outside the inputs",
                    f"{outside} of {valid.sum()} observations lie outside of the inputs' time, since "
                    f"{record.limited_by(bool((valid & before).any()), bool((valid & after).any()))}: not used",
                    valid & ~inside,
                )
            )
        out.append(
            Observation(
                s.header,
                s.target,
                np.minimum(days[inside], span),
                s.values[inside],
                s.noise,
                s.unit,
                s.place.rows[inside],
                s.censored[inside],
                period,
            )
        )
    return out, found


def _fingerprint(source: Source, *, long: bool) -> dict[str, Any]:
    return {
        "file": os.path.basename(source.table.label),
        "sha256": source.table.sha256,
        "rows": len(source.times),
        "columns": [s.header for s in source.series] if long else list(source.table.header),
        "first": source.times[0].isoformat(),
        "last": source.times[-1].isoformat(),
    }
