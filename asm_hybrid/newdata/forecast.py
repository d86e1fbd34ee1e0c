"""What comes next: a forecast from now on, with its states updated by what was measured until now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.config.schema.amounts import duration
from asm_hybrid.data import Observation
from asm_hybrid.data.censoring import censored_error
from asm_hybrid.data.sampling import usual_distance
from asm_hybrid.data.stamps import read_stamp
from asm_hybrid.errors import InputError, SimulationError, readable
from asm_hybrid.newdata.ahead import Ahead, choose_ahead
from asm_hybrid.newdata.courses import Course, Kept, Passed, courses_of, kept_in
from asm_hybrid.newdata.given import NewData
from asm_hybrid.newdata.joined import Joined, join
from asm_hybrid.newdata.past_forecasts import (
    PastForecasts,
    Stretch,
    known_innovation,
    leads_until,
    validation_forecasts,
)
from asm_hybrid.training.bands import ENOUGH, HALF_WIDTH, held
from asm_hybrid.training.compared_model import OpenLoop
from asm_hybrid.training.forecast_errors import corrected, correction_share, radius
from asm_hybrid.training.origins import HOUR, choose_origins
from asm_hybrid.training.recorded_run import SAME, RunRecord, read_record
from asm_hybrid.training.updating import FRESH

__all__ = ["Forecast", "forecast"]

MOST_ORIGINS = 48
"""Origins in the new data at most, whose forecasts are made again at every call."""
LONGEST = 168.0
"""Longest horizon [h]."""
SHOWN = 3.0
"""Time before now that the series holds as well [d]."""


@dataclass(frozen=True, eq=False)
class Variable:
    """The forecast of one variable.

    Attributes
    ----------
    observation : Observation
        What was measured of it until now; times [d] from the first knot of the record.
    members : ndarray, shape (member, knot)
        The forecast at the knots from now on, corrected.
    low, high : ndarray, shape (knot,)
        Its band.
    validation, past : PastForecasts
        Forecasts over the validation block, and over the new data, before correction.
    age : float or None
        Age of the last measurement [h]; None where there is none.
    fresh : bool
        Whether it is recent enough to update the states.
    """

    observation: Observation
    members: np.ndarray
    low: np.ndarray
    high: np.ndarray
    validation: PastForecasts
    past: PastForecasts
    age: float | None
    fresh: bool

    def errors(self, leads: tuple[float, ...]) -> list[dict[str, Any]]:
        """Return by lead time what past forecasts of new measurements erred by, and how their bands held.

        Parameters
        ----------
        leads : tuple of float
            Lead times [h].

        Returns
        -------
        list of dict
            ``lead`` [h], ``n``, ``rmse``, ``persistence``, its RMSE, ``coverage`` and ``width`` of the band; of the
            validation block where the new data hold fewer than `ENOUGH` forecasts, which ``on`` says.
        """
        rows = []
        for lead in leads:
            before, own = self.validation.at(lead), self.past.at(lead)
            both, new = before.then(own), np.arange(len(before.lead), len(before.lead) + len(own.lead))
            on = "new data" if len(new) >= ENOUGH else "validation block"
            chosen = new if len(new) >= ENOUGH else np.arange(len(before.lead))
            if len(chosen):
                rows.append({"lead": lead, "on": on, **self._scored(both, chosen)})
        return rows

    def _scored(self, past: PastForecasts, chosen: np.ndarray) -> dict[str, Any]:
        noise = self.observation.noise
        times = past.origin, past.time
        median = np.median(corrected(past.raw, past.innovation, past.measured, past.censored, *times, noise), axis=0)
        error = censored_error(median - past.measured, past.censored)
        half = radius(error, *times, noise)
        low, high = np.maximum(median - half, 0.0), median + half
        found = held(past.measured[chosen], median[chosen], low[chosen], high[chosen], past.censored[chosen])
        stay = censored_error(past.last - past.measured, past.censored)[chosen]
        return {
            "n": len(chosen),
            "rmse": float(np.sqrt(np.mean(error[chosen] ** 2))),
            "persistence": float(np.sqrt(np.mean(stay**2))),
            "coverage": found["coverage"],
            "width": found["width"],
        }


@dataclass(frozen=True, eq=False)
class Forecast:
    """A forecast from now on.

    Attributes
    ----------
    joined : Joined
        The data until now, and what goes before them.
    passed : Passed
        The run's own model over them, open loop.
    now : Timestamp
        From when, UTC.
    horizon : float
        How far [h].
    ahead : Ahead
        What comes in.
    inputs : ndarray, shape (knot, input)
        The inputs that are foreseen, from now on.
    variables : tuple of Variable
        The measured variables.
    notes : tuple of str
        What a reader must know, a sentence each.
    """

    joined: Joined
    passed: Passed
    now: pd.Timestamp
    horizon: float
    ahead: Ahead
    inputs: np.ndarray
    variables: tuple[Variable, ...]
    notes: tuple[str, ...]

    @property
    def record(self) -> RunRecord:
        """The run."""
        return self.joined.record

    @property
    def own(self) -> str:
        """The run's own model."""
        return self.record.own.name

    @property
    def stamps(self) -> pd.DatetimeIndex:
        """Times of the knots from now on, UTC."""
        days = np.arange(len(self.inputs)) * self.record.interval
        return (self.now + pd.to_timedelta(days, unit="D")).round("ms")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        doubts = self.record.unit_doubts(self.joined.dataset.inputs[self.joined.lead :])
        quality = (f"{f.where}: {f.message}" for f in self.joined.dataset.quality)
        return (*self.joined.notes, *self.notes, *doubts, *self.ahead.notes, *quality)

    @cached_property
    def errors(self) -> dict[str, list[dict[str, Any]]]:
        """What forecasts by this method erred by until now, by variable and lead time; see `Variable.errors`."""
        leads = leads_until(self.horizon)
        return {v.observation.label: v.errors(leads) for v in self.variables}

    @cached_property
    def series(self) -> pd.DataFrame:
        """The forecast at the knots: a row a time and variable.

        Columns ``time`` (UTC), ``lead`` [h], ``variable``, ``unit``, the model (median of the seeds), ``MODEL_low`` and
        ``MODEL_high`` (range of the seeds), ``band_low`` and ``band_high``.
        """
        frames = []
        for v in self.variables:
            columns: dict[str, Any] = {
                "time": self.stamps,
                "lead": np.arange(len(self.inputs)) * self.record.interval * 24,
                "variable": v.observation.label,
                "unit": v.observation.unit,
                self.own: np.median(v.members, axis=0),
            }
            if len(v.members) > 1:
                columns |= {f"{self.own}_low": v.members.min(axis=0), f"{self.own}_high": v.members.max(axis=0)}
            frames.append(pd.DataFrame({**columns, "band_low": v.low, "band_high": v.high}))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def measured(self) -> pd.DataFrame:
        """What was measured in the `SHOWN` days before now: ``time``, ``variable``, ``unit``, ``measured``."""
        frames = []
        now = self.record.days(self.now)
        for o in (v.observation for v in self.variables):
            recent = o.times > now - SHOWN
            stamps = (self.record.first + pd.to_timedelta(o.times[recent], unit="D")).round("ms")
            facts = {"time": stamps, "variable": o.label, "unit": o.unit, "measured": o.values[recent]}
            frames.append(pd.DataFrame({**facts, "censored": o.censored[recent]}))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def foreseen(self) -> pd.DataFrame:
        """The inputs that are foreseen: ``time`` (UTC), and a column an input."""
        frame = pd.DataFrame(self.inputs, columns=list(self.record.model.plant.inputs.names))
        frame.insert(0, "time", self.stamps)
        return frame


def forecast(
    run: Path,
    data: NewData,
    horizon: str = "48 h",
    influent: NewData = "diurnal",
    now: str | None = None,
) -> Forecast:
    """Forecast what comes after the data that are known now.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    data : str, Path, mapping, or sequence of str or Path
        See `asm_hybrid.newdata.given.config_with`.
    horizon : str
        How far, such as ``"48 h"``; a multiple of the interval of the run.
    influent : str, Path, mapping, or sequence of str or Path
        ``diurnal``, ``last-week``, or a file with what will come.
    now : str, optional
        From when, in ISO 8601, in the zone of the data where it has no offset; what the data hold after it is as if it
        were not there. The end of the inputs without it.

    Returns
    -------
    Forecast

    Raises
    ------
    InputError
        When run or data cannot be used, or the horizon cannot be.
    SimulationError
        When the simulation diverges.
    """
    record = read_record(run)
    hours = _hours(horizon, record.interval)
    _check_finished(record)
    until = None if now is None else read_stamp(_iso(now), record.zone, "now")
    courses = courses_of(record)
    kept = kept_in(record, courses)
    joined = join(record, courses, kept, data, until, lead=max(hours / 24, 1.0))
    if not any(o.times.size for o in joined.dataset.observations):
        raise InputError(
            "the data hold none of the measured variables, from which a forecast starts",
            expected="one or more of " + ", ".join(record.model.labels),
            fix="asm-hybrid predict simulates without measurements",
        )
    passed = joined.passed(courses[0])
    stretch = _stretch(joined, passed, courses[0], kept)
    ahead = choose_ahead(record, influent, joined.last, joined.last + pd.Timedelta(hours=hours))
    if len(stretch.history) < ahead.needed * ahead.per_day:
        raise InputError(
            f"{len(stretch.history) / ahead.per_day:.3g} d of inputs are known before {joined.last:%Y-%m-%d %H:%M} UTC",
            expected=f"{ahead.needed:g} d or more, for the influent by the rule {ahead.name}",
            fix="give more of the past" + (", or --influent diurnal" if ahead.needed > 1 else ""),
        )
    return _forecast(joined, passed, stretch, hours, ahead, until)


def _hours(text: str, interval: float) -> float:
    """Return a horizon [h]; refuse one that is none, or does not end at a knot."""
    expected = (
        f"more than 0 h, at most {LONGEST:g} h, and a multiple of {1440 * interval:g} min, the interval of the run"
    )
    with readable("the horizon cannot be read", where=f"horizon: {text!r}", expected=expected, fix="for instance 48h"):
        if not isinstance(text, str):
            raise ValueError("it has no unit")
        hours = 24 * duration(text)
    knots = hours / 24 / interval
    if not 0 < hours <= LONGEST or round(knots) < 1 or abs(knots - round(knots)) > SAME * max(1.0, knots):
        raise InputError(f"the horizon is {text}", where="horizon", expected=expected, fix="for instance 48h")
    return round(knots) * interval * 24


def _check_finished(record: RunRecord) -> None:
    """Refuse a folder that does not hold the validation block, by which forecasts are corrected and get their bands."""
    if record.predictions is None or not {"train", "validate"} <= record.blocks.keys():
        raise InputError(
            "the folder does not hold the measurements of the validation block, from which forecasts have their bands",
            where=str(record.folder),
            expected="the folder of a finished run; a bundle has no predictions.csv",
            fix="give the run folder, or end the run with `asm-hybrid train --resume`",
        )


def _iso(text: str) -> str:
    """Return a time, once it can be read."""
    with readable("the time cannot be read", where=f"now: {text!r}", expected="a time such as 2024-06-01T12:00"):
        datetime.fromisoformat(text)
    return text


def _stretch(joined: Joined, passed: Passed, course: Course, kept: Kept) -> Stretch:
    """Return lead and new data, with what the record has measured before them."""
    record, goes_on = joined.record, joined.begin in ("inside", "after", "bridged")
    first = record.knot(joined.first) - joined.lead
    start = first * record.interval
    begin = joined.lead * record.interval
    observations, values = [], []
    own = zip(joined.dataset.observations, passed.loop.values, strict=True)
    for old, simulated, (new, found) in zip(record.variables, kept.values[course.name], own, strict=True):
        before = (old.times - start < begin - SAME) & goes_on
        observations.append(
            replace(
                new,
                times=np.concatenate([old.times[before] - start, new.times]),
                values=np.concatenate([old.values[before], new.values]),
                rows=np.concatenate([old.rows[before], new.rows]),
                censored=np.concatenate([old.censored[before], new.censored]),
            )
        )
        values.append(np.concatenate([simulated[:, before], found], axis=1))
    inputs = joined.dataset.inputs
    history = np.vstack([record.inputs[:first], inputs]) if goes_on else inputs
    loop = OpenLoop(tuple(values), passed.loop.trajectory)
    return Stretch(record, course, first, inputs, history, tuple(observations), loop)


def _origins(joined: Joined, stretch: Stretch, ahead: Ahead) -> tuple[np.ndarray, tuple[float, float]]:
    """Return from which knots past forecasts of new measurements are made, and the limits of those [d]."""
    record = joined.record
    start = stretch.first * record.interval
    blocks = {name: (record.days(a) - start, record.days(b) - start) for name, (a, b) in record.blocks.items()}
    begin, end = record.days(joined.counts_from) - start - SAME, joined.dataset.span + SAME
    if end - begin <= 2 * HOUR:
        return np.zeros(0, dtype=int), (begin, end)
    earlier = {name: blocks[name] for name in ("train", "validate")} if joined.begin != "before" else {}
    earlier = earlier or {"train": (begin, begin)}
    knots = choose_origins({**earlier, "test": (begin, end)}, "test", record.interval, MOST_ORIGINS).knots
    least = 0.0 if joined.begin in ("inside", "after", "bridged") else begin
    known = (knots + 1 + len(stretch.history) - len(stretch.inputs)) >= ahead.needed * ahead.per_day
    return knots[(knots * record.interval >= least - SAME) & (knots < len(stretch.inputs) - 1) & known], (begin, end)


def _forecast(
    joined: Joined, passed: Passed, stretch: Stretch, horizon: float, ahead: Ahead, until: pd.Timestamp | None
) -> Forecast:
    """Forecast from the last knot."""
    record, course = joined.record, stretch.course
    validation, moving = validation_forecasts(record, course, horizon, ahead.past)
    knots, limits = _origins(joined, stretch, ahead.past)
    now = len(stretch.inputs) - 1
    reach = round(horizon / 24 / record.interval)
    made = stretch.past_and_now(knots, limits, horizon, ahead, moving)
    if not bool(np.isfinite(made.series).all()):
        raise SimulationError("the forecast leaves the finite numbers: check the inputs and the last measurements")
    at, leads = record.days(joined.last), np.arange(reach + 1) * record.interval * 24
    variables = []
    for v, o in enumerate(stretch.observations):
        innovation = known_innovation(o, stretch.loop.values[v], np.array([now * record.interval]))[:, 0]
        age = round(24 * (now * record.interval - float(o.times[-1])), 4) if len(o.times) else None
        fresh = age is not None and not o.period and age / 24 <= FRESH * usual_distance(o.times) + SAME
        least = 0.0 if fresh else HALF_WIDTH * (record.residual(o.label) or o.noise)
        shares, radii = _next(validation[v].then(made.past[v]), innovation, at, horizon, o.noise)
        known = np.array(leads_until(horizon))
        raw = made.series[:, : reach + 1, v]
        share = np.stack([np.interp(leads, known, s) for s in shares])
        members = np.maximum(raw + share * innovation[:, None], np.minimum(raw, 0.0))
        half, median = np.maximum(np.interp(leads, known, radii), least), np.median(members, axis=0)
        moved = replace(o, times=o.times + stretch.first * record.interval)
        variables.append(
            Variable(
                moved,
                members,
                np.maximum(np.minimum(median - half, members.min(axis=0)), 0.0),
                np.maximum(median + half, members.max(axis=0)),
                validation[v],
                made.past[v],
                age,
                fresh,
            )
        )
    inputs = ahead.inputs(stretch.history, len(stretch.history) - 1, reach)
    notes = tuple(_notes(joined, variables, until))
    return Forecast(joined, passed, joined.last, horizon, ahead, inputs, tuple(variables), notes)


def _next(
    past: PastForecasts, innovation: np.ndarray, now: float, horizon: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the innovation ``(member, lead)`` and half the band ``(lead,)`` of the next forecast.

    It stands behind the past ones, as the next of the run's own rolling forecasts would.
    """
    shares, radii = [], []
    for lead in leads_until(horizon):
        known = past.at(lead)
        times = np.append(known.origin, now), np.append(known.time, now + lead * HOUR)
        censored = np.append(known.censored, 0).astype(np.int8)
        measured = np.append(known.measured, 0.0)
        raw = np.column_stack([known.raw, np.zeros(len(innovation))])
        own = np.column_stack([known.innovation, innovation])
        shares.append(correction_share(raw, own, measured, censored, *times, noise)[:, -1])
        median = np.median(corrected(raw, own, measured, censored, *times, noise), axis=0)
        radii.append(radius(censored_error(median - measured, censored), *times, noise)[-1])
    return np.column_stack(shares), np.array(radii)


def _notes(joined: Joined, variables: list[Variable], until: pd.Timestamp | None) -> list[str]:
    """Return what is to be said of what the forecast starts from."""
    found = []
    late = None if until is None else (until - joined.last) / pd.Timedelta(hours=1)
    if late is not None and late > 24 * joined.record.interval:
        found.append(
            f"the inputs end at {joined.last:%Y-%m-%d %H:%M} UTC, {late:.3g} h before now: the forecast starts there"
        )
    open_loop = "its band is at least that of an open-loop simulation"
    for v in (v for v in variables if not v.fresh):
        label, period = v.observation.label, v.observation.period
        if v.age is None:
            found.append(f"{label} was never measured")
        elif period:
            found.append(f"{label} is a mean over {24 * period:g} h, which updates no state; {open_loop}")
        else:
            found.append(f"the last {label} is {v.age:.3g} h old, too old to update the states; {open_loop}")
    if not any(v.fresh for v in variables):
        found.append("nothing was measured of late: this is an open-loop simulation of what comes, not a forecast")
    return found
