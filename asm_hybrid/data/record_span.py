"""From when to when the record runs, which columns say so, and its knots."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.config import Config
from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.data.knots import TOLERANCE
from asm_hybrid.data.series import Series, Source, on_change
from asm_hybrid.errors import InputError

__all__ = ["Record", "check_size", "find_record", "on_grid", "place_knots"]

Values = NDArray[np.float64]
Stamps = tuple[pd.Timestamp, pd.Timestamp]

MAX_KNOTS = 2_000_000
MAX_YEARS = 100
"""Longest record: what is longer has a stamp that is wrong."""
MANY_KNOTS = 200_000
"""Knots from which on time and memory are told: nearly six years at 15 min, 139 d at 1 min."""
FINE = 10
"""Knots for each sample of the input that is sampled most often, above which the knots are too close."""
LOST_TIME = 1.0
"""Shortest time that a column takes off the record for which it is named [d]."""
LOST_SHARE = 0.05
"""The same, as a share of the time that other columns have [-]."""
NAMED = 4
"""Columns that a message names."""
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Record:
    """The time that all inputs have in common.

    Attributes
    ----------
    first, last : Timestamp
        Begin and end, UTC.
    beginning, ending : str
        The columns whose first or last value says so.
    findings : tuple of QualityFinding
        Kinds ``record cut`` (a column takes much of the record away), ``last value held`` and ``joined by lines``.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    beginning: str
    ending: str
    findings: tuple[QualityFinding, ...]

    def limited_by(self, before: bool, after: bool) -> str:
        """Return which columns begin or end the record, as words for a message."""
        parts = [f"{self.beginning} begins at {self.first:%Y-%m-%d %H:%M}"] * before
        return " and ".join(parts + [f"{self.ending} ends at {self.last:%Y-%m-%d %H:%M}"] * after)


def find_record(config: Config, sources: list[Source]) -> Record:
    """Return the time that all inputs have in common.

    A column whose last value stays in force ends nothing.

    Parameters
    ----------
    config : Config
        The config.
    sources : list of Source
        Series without errors.

    Returns
    -------
    Record
        With what is to be said of it.

    Raises
    ------
    InputError
        If there is no such time, or no observation falls in it.
    """
    driving = [(source, s) for source in sources for s in source.series if s.column.role != "observation"]
    observed = [(source, s) for source in sources for s in source.series if s.column.role == "observation"]
    base = driving or observed
    begins = [_limits(*pair)[0] for pair in base]
    first = max(begins)
    ending = [pair for pair in base if not pair[1].lasting]
    ends = [_limits(*pair)[1] for pair in ending]
    last = min(ends) if ends else max(_limits(*pair)[1] for pair in driving + observed)
    where = config.where("data", "sources")
    if not first < last:
        raise InputError(
            "the input series have no time in common: " + _named_spans(base),
            where=where,
            expected="inputs that overlap in time",
            fix=_single_fix(base) or "check format, zone and origin of the time columns, or supply the missing part",
        )
    if observed and all(_limits(*pair)[1] < first or _limits(*pair)[0] > last for pair in observed):
        raise InputError(
            f"inputs and observations do not overlap: inputs from {first:%Y-%m-%d %H:%M} to "
            f"{last:%Y-%m-%d %H:%M}; {_named_spans(observed)}",
            where=where,
            expected="observations within the span of the inputs (UTC)",
            fix="check format, zone and origin of the time columns",
        )
    late = [s for (_, s), begin in zip(base, begins, strict=True) if begin == first]
    early = [s for (_, s), end in zip(ending, ends, strict=True) if end == last]
    # a value from before the record that stays in force is what the record needs, and no time that it loses
    earliest = min((_limits(*pair)[0] for pair in ending), default=first)
    found = _cuts(first, last, late, early, earliest, max(ends, default=last))
    return Record(
        first,
        last,
        _headers(late),
        _headers(early) or "the last row",
        (*found, *_held(driving, last), *_lines(driving)),
    )


def on_grid(record: Record, knot: pd.Timestamp, interval: float) -> Record:
    """Return a record that begins at a knot of a grid.

    Parameters
    ----------
    record : Record
        Begin and end.
    knot : Timestamp
        One of the grid's knots, UTC.
    interval : float
        Distance of two knots [d].

    Returns
    -------
    Record
        From the first knot on that is not before the begin, or `TOLERANCE` before it.
    """
    count = int(np.ceil((record.first - knot) / DAY / interval - TOLERANCE / interval))
    return replace(record, first=knot + count * interval * DAY)


def _limits(source: Source, series: Series) -> Stamps:
    valid = np.flatnonzero(~np.isnan(series.values))
    return source.times[valid[0]] - pd.Timedelta(days=series.period), source.times[valid[-1]]


def _single_fix(base: list[tuple[Source, Series]]) -> str:
    """Return the remedy where an input has one value, which joined by lines lasts no time."""
    single = [s.header for _, s in base if np.count_nonzero(~np.isnan(s.values)) == 1 and not s.lasting]
    if not single or len(single) == len(base):
        return ""
    return (
        f"{single[0]} has one value: add 'interpolation: previous' to the column, so that it holds to the end, or "
        "remove the column and give the value as a constant of the plant"
    )


def _headers(columns: list[Series]) -> str:
    names = [f"{s.header} ({s.place.file})" if len(columns) == 1 else s.header for s in columns]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def _named_spans(pairs: list[tuple[Source, Series]]) -> str:
    spans = {s.header: _limits(source, s) for source, s in pairs}
    ends = sorted(spans, key=lambda name: spans[name][1])
    chosen = dict.fromkeys([ends[0], *sorted(spans, key=lambda name: spans[name][0], reverse=True)[:1]])
    return ", ".join(f"{n} from {spans[n][0]:%Y-%m-%d %H:%M} to {spans[n][1]:%Y-%m-%d %H:%M}" for n in chosen)


def _cuts(
    first: pd.Timestamp,
    last: pd.Timestamp,
    late: list[Series],
    early: list[Series],
    earliest: pd.Timestamp,
    latest: pd.Timestamp,
) -> list[QualityFinding]:
    """Return which inputs take much of the time away that other inputs have."""
    much = max(LOST_TIME * DAY, LOST_SHARE * (latest - earliest))
    cuts = [
        (late, first, first - earliest, f"begins the record; other inputs begin at {earliest:%Y-%m-%d %H:%M}"),
        (early, last, latest - last, f"ends the record; other inputs go on to {latest:%Y-%m-%d %H:%M}"),
    ]
    return [
        QualityFinding(
            "warning",
            ", ".join(dict.fromkeys(s.place.file for s in columns)),
            _headers(columns) if len(columns) > 1 else columns[0].header,
            "",
            "record cut",
            f"at {at:%Y-%m-%d %H:%M} UTC this column {what}",
            "inputs over the same time",
            "supply the missing part"
            + (
                ", or add 'interpolation: previous' to a column whose last value holds until it is changed, such as a "
                "set point"
                if at == last
                else ", for instance the value that was in force before"
            ),
        )
        for columns, at, lost, what in cuts
        if columns and lost > much
    ]


def _held(driving: list[tuple[Source, Series]], last: pd.Timestamp) -> list[QualityFinding]:
    """Return of which measured inputs the last value is taken to hold for long, though nobody said so."""
    found = []
    for source, s in driving:
        valid = np.flatnonzero(~np.isnan(s.values))
        held = last - source.times[valid[-1]]
        if s.supposed and held > LOST_TIME * DAY:
            found.append(
                s.place.finding(
                    "warning",
                    "last value held",
                    f"the rows look as if written when the value changes: the last one holds for {held / DAY:.1f} d, "
                    "to the end of the record",
                    np.arange(s.values.size) == valid[-1],
                    expected="values up to the end of the record",
                    fix="add 'interpolation: previous' to the column if this is so; if its sensor stopped, end the "
                    "blocks there",
                )
            )
    return found


def _lines(driving: list[tuple[Source, Series]]) -> list[QualityFinding]:
    """Return which inputs look like set points that are written when they change, and are joined by lines."""
    found = []
    for source, s in driving:
        valid = np.flatnonzero(~np.isnan(s.values))
        days = source.days(source.times[0])[valid]
        longest = float(np.diff(days).max(initial=0.0))
        set_by_hand = s.kind == "linear" and not s.measured and not s.period and s.column.interpolation is None
        if set_by_hand and longest > LOST_TIME and np.ptp(s.values[valid]) > 0 and on_change(days):
            found.append(
                s.place.finding(
                    "warning",
                    "joined by lines",
                    f"the rows look as if written when a set point changes, and are joined by lines, over up to "
                    f"{longest:.1f} d",
                    expected="a value that holds until it is changed, or samples by a clock",
                    fix="add 'interpolation: previous' to the column, or 'interpolation: linear' if it runs in lines",
                )
            )
    return found


def place_knots(config: Config, record: Record, sources: list[Source]) -> tuple[Values, list[QualityFinding]]:
    """Return the knots; the last lies at or just after the end of the inputs, and holds their last values.

    Parameters
    ----------
    config : Config
        The config.
    record : Record
        Begin and end.
    sources : list of Source
        The series.

    Returns
    -------
    times : float array, (knot,)
        Times of the knots [d].
    findings : list of QualityFinding
        Kind ``fine interval``: knots far closer than the samples of any input.

    Raises
    ------
    InputError
        If there are fewer than three knots, or more than `MAX_KNOTS`, or more than `MAX_YEARS`.
    """
    span, interval = float((record.last - record.first) / DAY), config.data.interval
    count = int(np.ceil(span / interval - TOLERANCE)) + 1
    columns = dict.fromkeys([record.beginning, record.ending])
    if not 3 <= count <= MAX_KNOTS or span > MAX_YEARS * 365.25:
        raise InputError(
            f"the record from {record.first:%Y-%m-%d %H:%M} to {record.last:%Y-%m-%d %H:%M} UTC, {span:.4g} d long, "
            f"has {count} knots at an interval of {_length(interval)}",
            where=config.where("data", "interval"),
            expected=f"from 3 to {MAX_KNOTS} knots, in at most {MAX_YEARS} years",
            fix="choose an interval near the sampling interval of the inputs, for instance 15 min; if the record "
            f"should be shorter, look at the stamps of {' and '.join(columns)}",
        )
    steps = [
        float(np.median(step))
        for source in sources
        for s in source.series
        if s.column.role != "observation" and (step := np.diff(source.days(record.first)[~np.isnan(s.values)])).size
    ]
    found = []
    if steps and min(steps) > FINE * interval:
        found.append(
            QualityFinding(
                "warning",
                config.where("data", "interval"),
                "",
                "",
                "fine interval",
                f"an interval of {_length(interval)} makes {count} knots; the inputs are {_length(min(steps))} or more "
                "apart, so time and memory grow, and nothing is gained",
                "an interval near the sampling interval of the inputs",
                f"set 'interval: {_length(min(steps))}', or leave the default of 15 min",
            )
        )
    return np.arange(count, dtype=np.float64) * interval, found


def check_size(config: Config, knots: int, inputs: int, states: int) -> list[QualityFinding]:
    """Return a warning about a record with very many knots.

    Parameters
    ----------
    config : Config
        The config.
    knots, inputs, states : int
        Numbers of knots, of inputs, and of states of the plant.

    Returns
    -------
    list of QualityFinding
        Kind ``large record``.
    """
    if knots < MANY_KNOTS:
        return []
    megabytes = 8e-6 * knots * (inputs + states)
    return [
        QualityFinding(
            "warning",
            config.where("data", "interval"),
            "",
            "",
            "large record",
            f"the record has {knots} knots at an interval of {_length(config.data.interval)}: its inputs ({inputs}) "
            f"and the states of one simulation ({states}) take {megabytes:.0f} MB, those of training several times as "
            f"much, and every simulation takes {knots / 35_040:.0f} times as long as a year at 15 min",
            f"fewer than {MANY_KNOTS} knots",
            "choose a longer interval: what is sampled faster is averaged over it",
        )
    ]


def _length(days: float) -> str:
    """Return a duration in the unit in which it is easily read."""
    for unit, per_day in (("d", 1), ("h", 24), ("min", 1440)):
        if days * per_day >= 0.995:
            return f"{days * per_day:.4g} {unit}"
    return f"{days * 86400:.4g} s"
