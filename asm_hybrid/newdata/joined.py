"""New data joined to the record of a run: from which state its models go on, and which hours are new to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from torch import Tensor

from asm_hybrid.config.builders.columns import observed_targets
from asm_hybrid.data import Dataset, Observation
from asm_hybrid.data.corrections import correction_texts
from asm_hybrid.data.knots import scheduled
from asm_hybrid.data.later import LaterData, read_later
from asm_hybrid.data.quality import GAP_TIME
from asm_hybrid.errors import InputError
from asm_hybrid.newdata.courses import Course, Kept, Passed, pass_over, state_before
from asm_hybrid.newdata.given import NewData, config_with
from asm_hybrid.plant.volumes import unscheduled_flows
from asm_hybrid.training.recorded_run import SAME, RunRecord

__all__ = ["Begin", "Joined", "join"]

Begin = Literal["inside", "after", "bridged", "gap", "before"]
"""Where new data begin: inside the record, at its end, up to `GAP_TIME` after it, later, or before it."""
LEAD = 1.0
"""Time before the new data over which models run as well, so that lags and means over periods have their past [d]."""
DIFFERENT = 0.02
"""Mean difference of an input from the record over the same time from which on it is told, as a share of its range."""
SHOWN = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, eq=False)
class Joined:
    """New data, and what goes before them.

    Attributes
    ----------
    record : RunRecord
        The run and its record.
    later : LaterData
        The new data as they were read.
    begin : str
        Where they begin, see `Begin`.
    lead : int
        Knots before the new data.
    dataset : Dataset
        Lead and new data: inputs at the knots; of every variable of the run what the new data have, in the order of
        the run; times [d] from the first knot of the lead.
    starts : mapping of str to Tensor, shape (member, …)
        States at the first knot, by model.
    reached : bool
        Whether these were reached under the inputs, so that nothing has to settle.
    notes : tuple of str
        What a reader must know of how the new data were taken, a sentence each.
    """

    record: RunRecord
    later: LaterData
    begin: Begin
    lead: int
    dataset: Dataset
    starts: Mapping[str, Tensor]
    reached: bool
    notes: tuple[str, ...]

    @property
    def first(self) -> pd.Timestamp:
        """The first knot of the new data, UTC."""
        return self.dataset.to_stamp(self.lead * self.dataset.interval)

    @property
    def last(self) -> pd.Timestamp:
        """The last knot, UTC."""
        return self.dataset.to_stamp(self.dataset.span)

    @property
    def stamps(self) -> pd.DatetimeIndex:
        """Times of the knots of the new data, UTC."""
        days = self.dataset.times[self.lead :]
        return (self.dataset.origin + pd.to_timedelta(days, unit="D")).round("ms")

    @property
    def counts_from(self) -> pd.Timestamp:
        """From when on measurements are new to the models, and these have settled."""
        if self.begin in ("gap", "before"):
            return self.first + pd.Timedelta(days=self.record.model.config.training.warmup)
        return max(self.first, self.record.learnt_until)

    def parts(self, times: np.ndarray) -> np.ndarray:
        """Return of times [d] what they are: ``training``, ``warm-up`` or ``new``."""
        stamps = self.dataset.origin + pd.to_timedelta(times, unit="D")
        known = (stamps <= self.record.learnt_until) & (stamps >= self.record.first)
        settling = (stamps < self.counts_from) & (self.begin in ("gap", "before"))
        return np.where(known, "training", np.where(settling, "warm-up", "new"))

    def passed(self, course: Course) -> Passed:
        """Return what a model makes of lead and new data."""
        observations = self.dataset.observations
        return pass_over(course, self.starts[course.name], self.dataset.inputs, observations, reached=self.reached)


def join(
    record: RunRecord,
    courses: tuple[Course, ...],
    kept: Kept,
    data: NewData,
    until: pd.Timestamp | None = None,
    lead: float = LEAD,
) -> Joined:
    """Read new data and join them to the record of a run.

    Parameters
    ----------
    record : RunRecord
        The run.
    courses : tuple of Course
        Its models.
    kept : Kept
        States along the record.
    data : str, Path, mapping, or sequence of str or Path
        What the user names.
    until : Timestamp, optional
        Rows after it are as if they were not there.
    lead : float, optional
        Time before the new data over which the models run as well [d].

    Returns
    -------
    Joined

    Raises
    ------
    InputError
        When the data cannot be used.
    """
    config = config_with(record.model.config, data)
    plant = record.model.plant
    later = read_later(config, plant.table, plant.layout, record.corrections, record.first, until)
    observations, notes = _in_order(record, later, observed_targets(config))
    first = record.knot(later.dataset.origin)
    new = _with_record(record, later.dataset, first)
    texts = correction_texts(record.model.config, plant.table, plant.layout)
    told = [f"the new data are corrected as the record of the run: {'; '.join(texts)}"] if texts else []
    notes = [*told, *notes, *_overlap(record, new, first)]
    gap = (first - record.last) * record.interval
    begin: Begin = (
        "before"
        if first < 0
        else "inside"
        if first <= record.last
        else "after"
        if gap <= 1.5 * record.interval
        else "bridged"
        if gap <= GAP_TIME
        else "gap"
    )
    _check_volumes(record, begin)
    if begin in ("before", "gap"):
        at, ahead, inputs = 0, 0, new.inputs
        place = 0 if begin == "before" else len(kept.knots) - 1
        notes.append(_apart(record, new, begin, gap))
    else:
        longest = max((o.period for o in observations), default=0.0)
        place = state_before(kept, first - int(np.ceil((lead + longest) / record.interval)))
        at = int(kept.knots[place])
        ahead, before = first - at, record.inputs[at : min(first, record.last + 1)]
        if bridge := ahead - len(before):
            share = np.arange(1, bridge + 1)[:, None] / (bridge + 1)
            bridge_inputs = before[-1] + share * (new.inputs[0] - before[-1])
            knots = np.arange(record.last + 1, first, dtype=np.float64) * record.interval
            for name, values in scheduled(plant.layout.cycles, knots).items():
                bridge_inputs[:, plant.input_index[name]] = values
            before = np.vstack([before, bridge_inputs])
            notes.append(
                f"the {24 * gap:.3g} h between the record and the new data are filled: every input runs evenly from "
                "its last value to its first one, and time tables go on"
            )
        inputs = np.vstack([before, new.inputs])
    true = record.corrections.observed(observations, record.days(new.origin))
    moved = [_moved(record, o, ahead, inputs) for o in true]
    reached = begin in ("inside", "after", "bridged") and at > 0
    starts = {c.name: kept.states[c.name][:, place] if reached or begin == "gap" else c.start for c in courses}
    dataset = replace(
        new,
        origin=record.stamp(first - ahead),
        times=np.arange(len(inputs), dtype=np.float64) * record.interval,
        inputs=inputs,
        input_filled=np.vstack([np.zeros((ahead, inputs.shape[1]), dtype=bool), new.input_filled]),
        observations=tuple(moved),
    )
    return Joined(record, later, begin, ahead, dataset, starts, reached, tuple(notes))


def _check_volumes(record: RunRecord, begin: Begin) -> None:
    """Refuse new data before which the volumes that vary are not known."""
    plant = record.model.plant
    varying = [tank.name for tank in plant.layout.tanks if tank.variable]
    if not varying or begin in ("inside", "after") or (begin == "bridged" and not unscheduled_flows(plant)):
        return
    raise InputError(
        f"the new data do not go on where the record ends, and how full {varying[0]!r} is when they begin is not known",
        expected=f"data from within the record, or from its end, {record.stamp(record.last):{SHOWN}} UTC, on",
        fix="give the data of the time between as well",
    )


def _with_record(record: RunRecord, new: Dataset, first: int) -> Dataset:
    """Return new data; where a correction shifts an input, and the record knows what came before, as there."""
    inputs, filled = new.inputs.copy(), new.input_filled.copy()
    for name, shift in record.corrections.shifts.items():
        count = min(int(np.ceil(shift / record.interval - SAME)), record.last + 1 - first, len(inputs))
        if first >= 0 and count > 0:
            i = record.model.plant.inputs.positions[name]
            inputs[:count, i], filled[:count, i] = record.inputs[first : first + count, i], False
    return replace(new, inputs=inputs, input_filled=filled)


def _moved(record: RunRecord, observation: Observation, lead: int, inputs: np.ndarray) -> Observation:
    """Return a variable with its times counted from the begin of the lead."""
    flow = None if observation.flow is None else inputs[:, record.model.plant.inputs.positions["Q_in"]]
    return replace(observation, times=observation.times + lead * record.interval, flow=flow)


def _in_order(record: RunRecord, later: LaterData, targets: Mapping[str, str]) -> tuple[list[Observation], list[str]]:
    """Return what the new data have of every variable of the run, under its name there, and what is to be said."""
    left = list(later.dataset.observations)
    found = []
    for variable in record.variables:
        match = next((o for o in left if o.label == variable.label and o.target == variable.target), None)
        match = match or next((o for o in left if o.target == variable.target), None)
        if match is None:
            found.append(_none(variable))
            continue
        left.remove(match)
        found.append(replace(match, label=variable.label, noise=variable.noise))
    notes = [f"{o.label} ({o.target}) is not a variable of the run: it is not used" for o in left]
    absent = {targets[h]: h for h in later.empty}
    for variable in (v for v, o in zip(record.variables, found, strict=True) if not o.times.size):
        empty = variable.target in absent
        name = absent.get(variable.target, variable.label)
        notes.append(f"{name} holds no value in the new data" if empty else f"the new data have no {variable.label}")
    return found, notes


def _none(variable: Observation) -> Observation:
    """Return a variable without any sample."""
    none = np.zeros(0)
    return replace(
        variable,
        times=none,
        values=none,
        rows=np.zeros(0, dtype=np.int64),
        censored=np.zeros(0, dtype=np.int8),
    )


def _overlap(record: RunRecord, new: Dataset, first: int) -> list[str]:
    """Return which inputs differ from those of the record over the same time."""
    begin, end = max(first, 0), min(first + len(new.inputs) - 1, record.last)
    if end - begin < 2:
        return []
    old, own = record.inputs[begin:end], new.inputs[begin - first : end - first]
    size = np.abs(record.inputs).max(axis=0)
    known = ~new.input_filled[begin - first : end - first]
    off = (np.abs(own - old) * known).sum(axis=0) / np.maximum(known.sum(axis=0), 1) / np.where(size > 0, size, 1.0)
    worst = np.argsort(-off)[:3]
    return [
        f"{new.input_names[i]} differs from the record over the same time, {own[:, i].mean():.4g} instead of "
        f"{old[:, i].mean():.4g} {new.input_units[i]} on average, by {100 * off[i]:.2g} % of its size from hour to "
        "hour: check unit and time zone of the new data"
        for i in worst
        if off[i] > DIFFERENT
    ]


def _apart(record: RunRecord, new: Dataset, begin: Begin, gap: float) -> str:
    """Say from which state a simulation begins that cannot go on from the record."""
    warm = record.model.config.training.warmup
    state = "the start of the record" if begin == "before" else "the end of the record"
    where = (
        f"before the record, which begins at {record.first:{SHOWN}} UTC"
        if begin == "before"
        else f"{gap:.3g} d after the record, which ends at {record.stamp(record.last):{SHOWN}} UTC"
    )
    if new.span <= warm:
        raise InputError(
            f"the new data begin {where}, and are {new.span:.3g} d long, shorter than the warm-up that they need then",
            expected=f"more than {warm:g} d, training.warmup of the run; or data that begin where the record ends",
            fix="give the data of the time between as well",
        )
    return (
        f"the new data begin {where}: the simulation starts from the state at {state}, and its first {warm:g} d, "
        "training.warmup of the run, are a warm-up that is not scored. Sludge changes more slowly than that, so that "
        "errors may stem from the gap"
    )
