"""What a fitted model predicts of new data, open loop, how it scores there, and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from asm_hybrid.data import Observation
from asm_hybrid.data.quality import GAP_TIME
from asm_hybrid.newdata.courses import Passed, courses_of, kept_in
from asm_hybrid.newdata.given import NewData
from asm_hybrid.newdata.joined import Joined, join
from asm_hybrid.newdata.judgement import FEWEST, LIMIT, Judgement, judge
from asm_hybrid.training.bands import Band, band_around, held
from asm_hybrid.training.recorded_run import RunRecord, read_record
from asm_hybrid.training.scores import score
from asm_hybrid.training.trained_range import Departure, course_departures, departures_text

__all__ = ["Prediction", "predict"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a fitted model predicts of new data.

    Attributes
    ----------
    joined : Joined
        The new data, and what goes before them.
    passed : mapping of str to Passed
        The run's own model, and f alone where that is another.
    outside : tuple of Departure
        Inputs, and what n reads, that leave their trained range; the longest first, inputs before the rest.
    outside_knots : ndarray of bool, shape (knot,)
        Where any does.
    """

    joined: Joined
    passed: Mapping[str, Passed]
    outside: tuple[Departure, ...]
    outside_knots: np.ndarray

    @property
    def record(self) -> RunRecord:
        """The run."""
        return self.joined.record

    @property
    def own(self) -> str:
        """The run's own model."""
        return self.record.own.name

    @property
    def alone(self) -> str | None:
        """F alone, where that is not the run's own model."""
        name = self.record.alone.name
        return name if name != self.own else None

    @property
    def outside_hours(self) -> float:
        """For how long the trained range is left [h]."""
        return float(self.outside_knots.sum() * self.record.interval * 24)

    @cached_property
    def parts(self) -> tuple[np.ndarray, ...]:
        """Of every sample, one entry a variable: ``training``, ``warm-up`` or ``new``."""
        return tuple(self.joined.parts(o.times) for o in self.joined.dataset.observations)

    @cached_property
    def scores(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Scores of the new samples by variable and model, as the run has them; nothing of one without such samples."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for i, (o, part) in enumerate(zip(self.joined.dataset.observations, self.parts, strict=True)):
            new = part == "new"
            if new.any():
                found[o.label] = {
                    name: score(o.values[new], passed.loop.values[i][:, new], o.censored[new])
                    for name, passed in self.passed.items()
                }
        return found

    @cached_property
    def judgements(self) -> dict[str, dict[str, Judgement]]:
        """Whether each model still holds, by variable and model; of what is measured in the new data."""
        found: dict[str, dict[str, Judgement]] = {}
        bridged = self._bridged
        for i, (o, part) in enumerate(zip(self.joined.dataset.observations, self.parts, strict=True)):
            if not (part == "new").any():
                continue
            stamps = self.joined.dataset.origin + pd.to_timedelta(o.times, unit="D")
            days = np.asarray(stamps.tz_convert(self.record.clock).strftime("%Y-%m-%d"))
            chosen = (part == "new") & ~np.isin(days, bridged)
            found[o.label] = {
                name: judge(
                    (stamps[chosen], np.median(o.error(passed.loop.values[i])[:, chosen], axis=0)),
                    self.record.errors(o.label, name, "validate"),
                    o.noise,
                    self.record.clock,
                )
                for name, passed in self.passed.items()
            }
        return found

    @property
    def alarms(self) -> tuple[str, ...]:
        """For which variables the run's own model holds no more, a sentence each."""
        return tuple(
            verdict_text(label, self._variable(label).unit, models[self.own])
            for label, models in self.judgements.items()
            if models[self.own].kind == "broken"
        )

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is said of the run's own model for every variable, a sentence each."""
        return tuple(
            verdict_text(label, self._variable(label).unit, models[self.own])
            for label, models in self.judgements.items()
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader must know, a sentence each."""
        found = list(self.joined.notes)
        if hours := self._bridged_hours():
            named = ", ".join(f"{name} {h:.3g} h" for name, h in hours.items())
            found.append(
                f"inputs have gaps of more than {24 * GAP_TIME:g} h, which are filled from the values around them: "
                f"{named}; days of which a gap takes more than half are not judged"
            )
        if self.outside:
            found.append(
                f"outside of what training saw for {self.outside_hours:.3g} h: {departures_text(self.outside)}"
            )
        found += self.record.unit_doubts(self.joined.dataset.inputs[self.joined.lead :])
        found += [f"{f.where}: {f.message}" for f in self.joined.dataset.quality]
        return tuple(found)

    @property
    def counted(self) -> Mapping[str, float]:
        """Hours of the new data by what they are: ``training``, ``warm-up`` or ``new``."""
        times = self.joined.dataset.times[self.joined.lead :]
        kinds, counts = np.unique(self.joined.parts(times), return_counts=True)
        return {str(k): float(c * self.record.interval * 24) for k, c in zip(kinds, counts, strict=True)}

    @cached_property
    def series(self) -> pd.DataFrame:
        """All variables at the knots of the new data: a row a time and variable.

        Columns ``time`` (UTC), ``part``, ``variable``, ``unit``, the models (median of the seeds), ``MODEL_low`` and
        ``MODEL_high`` (range of the seeds), ``band_low`` and ``band_high``, and ``outside``.
        """
        times = self.joined.dataset.times[self.joined.lead :]
        frames = []
        for i, variable in enumerate(self.record.variables):
            members = {name: p.shown[:, self.joined.lead :, i] for name, p in self.passed.items()}
            frames.append(
                pd.DataFrame(
                    {
                        "time": self.joined.stamps,
                        "part": self.joined.parts(times),
                        "variable": variable.label,
                        "unit": variable.unit,
                        **self._columns(variable, members),
                        "outside": self.outside_knots,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def measured(self) -> pd.DataFrame:
        """Every measurement beside the models, as in ``predictions.csv`` of the run, with ``part`` for ``block``."""
        frames = []
        for i, (o, part) in enumerate(zip(self.joined.dataset.observations, self.parts, strict=True)):
            members = {name: p.loop.values[i] for name, p in self.passed.items()}
            stamps = (self.joined.dataset.origin + pd.to_timedelta(o.times, unit="D")).round("ms")
            facts = {"time": stamps, "part": part, "variable": o.label, "unit": o.unit}
            samples = {"measured": o.values, "censored": o.censored}
            frames.append(pd.DataFrame({**facts, **samples, **self._columns(o, members)}))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def coverage(self) -> dict[str, dict[str, Any]]:
        """How well the band holds the new measurements, by variable; see `asm_hybrid.training.bands.held`."""
        found = {}
        for i, (o, part) in enumerate(zip(self.joined.dataset.observations, self.parts, strict=True)):
            new, band = part == "new", self._band(o, self.passed[self.own].loop.values[i])
            if band is not None and new.any():
                limits = band.centre[new], band.low[new], band.high[new]
                found[o.label] = held(o.values[new], *limits, o.censored[new])
        return found

    def _columns(self, variable: Observation, members: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        own = members[self.own]
        columns = {name: np.median(y, axis=0) for name, y in members.items()}
        if len(own) > 1:
            columns |= {f"{self.own}_low": own.min(axis=0), f"{self.own}_high": own.max(axis=0)}
        band = self._band(variable, own)
        return columns if band is None else columns | {"band_low": band.low, "band_high": band.high}

    def _band(self, variable: Observation, members: np.ndarray) -> Band | None:
        residual = self.record.residual(variable.label)
        return None if residual is None else band_around(members, residual)

    def _variable(self, label: str) -> Observation:
        return next(v for v in self.record.variables if v.label == label)

    @cached_property
    def _long_gaps(self) -> np.ndarray:
        """Where an input lies in a gap of more than `GAP_TIME`, ``(knot, input)``."""
        filled = self.joined.dataset.input_filled[self.joined.lead :]
        least = int(GAP_TIME / self.record.interval)
        out = np.zeros_like(filled)
        for k in np.flatnonzero(filled.any(0)):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], filled[:, k].astype(int), [0]])))
            for begin, end in edges.reshape(-1, 2):
                out[begin:end, k] = end - begin > least
        return out

    def _bridged_hours(self) -> dict[str, float]:
        hours = self._long_gaps.sum(0) * self.record.interval * 24
        return {name: float(h) for name, h in zip(self.joined.dataset.input_names, hours, strict=True) if h}

    @property
    def _bridged(self) -> list[str]:
        """Dates of which bridged gaps take more than half."""
        gaps = np.asarray(self._long_gaps.any(axis=1))
        if not gaps.any():
            return []
        days = np.asarray(self.joined.stamps.tz_convert(self.record.clock).strftime("%Y-%m-%d"))
        return [str(d) for d in np.unique(days) if gaps[days == d].mean() > 0.5]


def predict(run: Path, data: NewData) -> Prediction:
    """Predict new data with the fitted model of a run.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    data : str, Path, mapping, or sequence of str or Path
        See `asm_hybrid.newdata.given.config_with`.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        When run or data cannot be used.
    SimulationError
        When the simulation diverges.
    """
    record = read_record(run)
    courses = courses_of(record)
    joined = join(record, courses, kept_in(record, courses), data)
    passed = {course.name: joined.passed(course) for course in courses}
    return Prediction(joined, passed, *departures(joined, passed[record.own.name]))


def departures(joined: Joined, own: Passed) -> tuple[tuple[Departure, ...], np.ndarray]:
    """Return what of new data lies outside of training, and when.

    Parameters
    ----------
    joined : Joined
        The new data.
    own : Passed
        The run's own model over them.

    Returns
    -------
    (tuple of Departure, ndarray of bool, shape (knot,))
        Inputs before what n reads, the longest first; nothing for f alone, which was not trained.
    """
    record, driven = joined.record, joined.dataset.inputs[joined.lead :]
    if not record.own.learns:
        return (), np.zeros(len(driven), dtype=bool)
    found, outside = record.input_departures(driven)
    model = record.model
    if model.term is None or not record.own.states:
        return tuple(found), outside
    assert own.loop.trajectory is not None
    best = own.loop.trajectory[model.best if len(own.loop.trajectory) > 1 else 0, joined.lead :]
    read, faded = course_departures(model, model.term, best, torch.as_tensor(driven), 24.0 * record.interval)
    return (*found, *read), outside | faded


def verdict_text(label: str, unit: str, judgement: Judgement) -> str:
    """Return what is said of a model for one variable.

    Parameters
    ----------
    label, unit : str
        The variable.
    judgement : Judgement
        Of the model.

    Returns
    -------
    str
        A sentence without its full stop.
    """
    j = judgement
    if j.rmse is None:
        return f"{label} has no new measurement"
    days = len(j.days)
    errs = f"{label} errs by {j.rmse:.2g} {unit} on {days} day{'s' if days != 1 else ''}"
    if j.kind == "unknown":
        return f"{errs}; the folder holds no error on the validation block to compare with"
    against = f"{j.ratio:.2g} times the validation error of {j.validation:.2g}"
    if j.reference != j.validation:
        against = (
            f"{j.ratio:.2g} times the noise of the sensor, which exceeds the validation error of {j.validation:.2g}"
        )
    if j.kind == "short":
        few = "these" if days < FEWEST else "those of the validation block"
        return f"{errs}, {against}: {few} are fewer than the {FEWEST} days that are needed to tell whether it holds"
    if j.since is not None:
        errs = f"{label} errs by {j.rmse:.2g} {unit} since {j.since}"
    large = sum(day.large for day in j.days)
    named = f"{large} of {days} days err more than any of the validation block and {2:g} times its error"
    body = f"{errs}, {against} (90 % interval {j.low:.2g} to {j.high:.2g})" + (f"; {named}" if large else "")
    endings = {
        "broken": "the model no longer holds there",
        "doubtful": f"more than {LIMIT:g} times, though the interval reaches below that: the model may not hold there",
        "holds": "the model still holds there",
    }
    return f"{body}: {endings[j.kind]}"
