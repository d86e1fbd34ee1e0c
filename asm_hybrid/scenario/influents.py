"""The influent of a simulation: constant, from a file of the benchmarks, made, or the record of a config."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from asm_hybrid.artefacts import user_path
from asm_hybrid.config.schema.counts import MAX_DAYS
from asm_hybrid.data import QualityFinding
from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.data.generator import generate_influent
from asm_hybrid.data.knots import interpolate
from asm_hybrid.data.unusual import unusual
from asm_hybrid.errors import InputError
from asm_hybrid.plant import CLOCK, Plant
from asm_hybrid.scenario.changes import Clock, DayClock, StampClock
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.sections import MadeInfluent
from asm_hybrid.scenario.simulation_inputs import SAME, SAMPLE
from asm_hybrid.scenario.subject import Record, Subject

__all__ = ["DAYS", "Influent", "find_influent"]

DAYS = 14.0
"""Length of a simulation without an influent file, unless it is given [d]."""
DAY_CLOCK = DayClock()
"""Times are days from the start, unless they are those of a record."""
FAR = 10.0
"""Factor between the mean flow of a file and the flow of the plant's own influent from which on it is a finding."""


@dataclass(frozen=True)
class Influent:
    """What comes in, and for how long.

    Attributes
    ----------
    frame : DataFrame or None
        ``time`` [d], and inputs of the plant by name in internal units; None where all are constant.
    days : float
        How long is simulated [d].
    held : bool
        Whether values are held until the next, or straight lines run between them.
    text : str
        What it is, in words.
    findings : tuple of QualityFinding
        What was found in it.
    first : int or None
        The knot of the record of a run at which it begins; None where it is no part of one.
    sample : float
        Interval at which results are recorded [d].
    clock : Clock
        How a scenario writes the times in it.
    """

    frame: pd.DataFrame | None
    days: float
    held: bool
    text: str
    findings: tuple[QualityFinding, ...] = ()
    first: int | None = None
    sample: float = SAMPLE
    clock: Clock = DAY_CLOCK


def find_influent(subject: Subject, scenario: Scenario | None) -> Influent:
    """Return the influent that a scenario gives, or that the plant has.

    Parameters
    ----------
    subject : Subject
        The plant.
    scenario : Scenario or None
        The scenario file.

    Returns
    -------
    Influent

    Raises
    ------
    InputError
        When it cannot be read, does not fit the plant, or would stand beside the record of a config.
    """
    plant, content = subject.plant, scenario.content if scenario else None
    if isinstance(subject, FittedSubject):
        if scenario is None or scenario.content.influent is None:
            return _part(subject, scenario)
        return _filled(subject, _travelled(subject, _given(subject.plant, scenario)))
    _refuse(scenario, ("period", "zone"), "belongs to the record of a run", "simulate a run folder")
    if subject.record is not None:
        return _recorded(subject.record, scenario)
    if scenario is None or content is None or content.influent is None:
        text = "by a time table" if plant.layout.cycles else "constant"
        return Influent(None, (content.days if content else None) or DAYS, True, text)
    return _travelled(subject, _given(plant, scenario))


def _travelled(subject: Subject, influent: Influent) -> Influent:
    """Return an influent whose concentrations arrive as late as the plant has it."""
    delay, frame = subject.file.plant.influent.delay, influent.frame
    if not delay or frame is None:
        return influent
    times = frame["time"].to_numpy(dtype=float)
    own = [c for c in frame.columns if c.startswith("influent.")]
    before = (times - delay).clip(times[0], times[-1])
    kind: Literal["previous", "linear"] = "previous" if influent.held else "linear"
    moved = {c: interpolate(before, times, frame[c].to_numpy(dtype=float), kind) for c in own}
    text = f"{influent.text}; its concentrations arrive {1440 * delay:g} min later"
    return replace(influent, frame=frame.assign(**moved), text=text)


def _refuse(scenario: Scenario | None, keys: tuple[str, ...], why: str, otherwise: str) -> None:
    """Refuse keys of a scenario that have no meaning for what is simulated."""
    for key in keys:
        if scenario is not None and key in scenario.content.model_fields_set:
            raise InputError(
                f"the scenario gives {key!r}, which {why}",
                where=scenario.document.where(key),
                expected="the other keys of a scenario",
                fix=f"remove {key!r}, or {otherwise}",
            )


def _part(subject: FittedSubject, scenario: Scenario | None) -> Influent:
    """Return the part of the record of a run that a scenario names, or its test block."""
    why = "belongs to an influent of its own: the record before the period is simulated as it is"
    _refuse(scenario, ("spin_up", "starts"), why, "give an 'influent'")
    zone = _zone(scenario) if scenario else "UTC"
    period, record = subject.period(scenario), subject.record
    assert record.origin is not None
    frame = record.frame.iloc[period.first : period.last + 1].reset_index(drop=True)
    origin = record.origin + pd.Timedelta(days=float(frame["time"][0]))
    frame = frame.assign(time=np.arange(len(frame)) * subject.interval)
    clock, days = StampClock(origin, zone), float(frame["time"].iloc[-1])
    text = f"the record of the run, {clock.show(0.0)} to {clock.show(days)}"
    return Influent(frame, days, record.held, text, first=period.first, sample=subject.interval, clock=clock)


def _zone(scenario: Scenario) -> str:
    """Return the time zone of a scenario, after a look whether there is such a one."""
    zone = scenario.content.zone
    try:
        pd.Timestamp(0, tz=zone)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{zone!r} is no time zone ({error})",
            where=scenario.document.where("zone"),
            expected="a zone such as Europe/Amsterdam, or UTC",
        ) from None
    return zone


def _filled(subject: FittedSubject, influent: Influent) -> Influent:
    """Give the inputs of a run that an influent leaves open their means over the record."""
    given, missing = influent.frame, []
    assert given is not None
    means = subject.record.frame.drop(columns="time").mean()
    for spec in subject.plant.inputs:
        if spec.name not in given and spec.kind != "clock":
            missing.append(spec.name)
    frame = given.assign(**{name: float(means[name]) for name in missing})
    hours = frame["time"].to_numpy() * 2.0 * np.pi
    for name, wave in zip(CLOCK, (np.sin(hours), np.cos(hours)), strict=True):
        if name in subject.plant.input_index:
            frame[name] = wave  # the influent begins at midnight
    constant = ", ".join(name for name in missing if not name.startswith("influent."))
    text = f"{influent.text}; {constant} as on average in the record of the run" if constant else influent.text
    return replace(influent, frame=frame, text=text)


def _given(plant: Plant, scenario: Scenario) -> Influent:
    """Return the influent of a scenario."""
    content = scenario.content
    _refuse(scenario, ("period", "zone"), "belongs to a record, and there is an influent", "remove 'influent'")
    assert content.influent is not None
    days, findings = content.days, tuple[QualityFinding, ...]()
    if content.influent.file is not None:
        key, text = "file", f"the file {content.influent.file}"
        read = read_bsm_influent(scenario.document.path.parent / user_path(content.influent.file))
        frame, file = read.frame, str(read.path)
        findings = (*read.findings, *_flow_finding(plant, frame, file))
        days = days or _length(frame, file)
    else:
        assert content.influent.generate is not None
        key, days = "generate", days or DAYS
        frame = _made(plant, scenario, content.influent.generate, days)
        low, mean, high = (getattr(frame["T"], name)() for name in ("min", "mean", "max"))
        made = content.influent.generate
        people = f"for {made.population:g} population equivalents, " if made.population else ""
        text = f"made, {people}from day {made.start_day:g} of the year, seed {made.seed}"
        text += f"; water of {mean:.1f} °C ({low:.1f} to {high:.1f})"
    known = [c for c in frame.columns if c == "time" or c in plant.input_index]
    lost = [c for c in frame.columns if c not in known and c.startswith("influent.") and frame[c].any()]
    if lost:
        raise InputError(
            f"the influent carries {', '.join(lost)}, which the kinetics table {plant.table.name!r} does not have",
            where=scenario.document.where("influent", key),
            expected="a plant with the components of ASM1, as the files of the benchmarks have them",
        )
    file = str(content.influent.file or scenario.document.path)
    return Influent(frame[known], days, True, text, (*findings, *_range_findings(plant, frame[known], file)))


def _recorded(record: Record, scenario: Scenario | None) -> Influent:
    """Return the record of a config, whole or as many days of it as a scenario wants."""
    end = float(record.frame["time"].iloc[-1])
    content = scenario.content if scenario else None
    if scenario is not None and content is not None and content.influent is not None:
        raise InputError(
            "the scenario gives an influent, and the config has its data",
            where=scenario.document.where("influent"),
            expected="the inputs of the record, whole, since those that columns give belong to it",
            fix="remove 'influent', or simulate a plant file that gives constants for all inputs",
        )
    days = content.days if content and content.days else end
    if scenario is not None and days > end + 1e-7:
        raise InputError(
            f"{days:g} d are to be simulated, and the record of the config has {end:.6g} d",
            where=scenario.document.where("days"),
            expected=f"at most {end:.6g} d, the whole record",
        )
    return Influent(record.frame, days, record.held, f"the record of the config, {record.text}")


def _made(plant: Plant, scenario: Scenario, made: MadeInfluent, days: float) -> pd.DataFrame:
    """Make an influent with the means of the simulated days, at the temperature of the plant unless one is given."""
    length = int(np.ceil(max(days, scenario.content.spin_up)))
    try:
        settings = made.settings(plant.layout.constants.get("T"))
        return generate_influent(settings, plant.table, length, made.start_day, made.seed, days)
    except InputError as error:
        where = scenario.document.where("influent", "generate")
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None


def _length(frame: pd.DataFrame, file: str) -> float:
    """Return how long a file is simulated [d]: its whole days; all of it where it has none."""
    end = float(frame["time"].iloc[-1]) + SAMPLE
    if len(frame) < 2 or end > MAX_DAYS + SAMPLE + SAME:
        raise InputError(
            f"the influent has {len(frame)} row{'s' if len(frame) > 1 else ''}, the last at {end - SAMPLE:.6g} d",
            where=file,
            expected=f"two rows or more, of at most {MAX_DAYS:g} d, with times in days",
            fix="check the unit of the times, or give the scenario 'days'",
        )
    return float(np.floor(end + SAME)) or end - SAMPLE


def _range_findings(plant: Plant, frame: pd.DataFrame, file: str) -> Iterator[QualityFinding]:
    """Yield a warning for every input whose values are outside what is usual."""
    for spec in plant.inputs:
        if spec.name in frame:
            ends = (float(frame[spec.name].min()), float(frame[spec.name].max()))
            doubt = next((found for value in ends if (found := unusual(spec.name, value, spec.unit))), None)
            if doubt is not None:
                fix = "check the order of the columns and the unit"
                yield QualityFinding("warning", file, spec.name, "", "range", *doubt, fix)


def _flow_finding(plant: Plant, frame: pd.DataFrame, file: str) -> tuple[QualityFinding, ...]:
    """Return a warning where the mean flow is far from that of the plant's own influent."""
    own, mean = plant.layout.constants.get("Q_in", 0.0), float(frame["Q_in"].mean())
    if not own or own / FAR <= mean <= own * FAR:
        return ()
    message = f"the mean flow is {mean:.4g} m3/d, and the influent of the plant has {own:.4g} m3/d"
    expected = "a flow of the size for which the plant is built"
    fix = "check the order of the columns and the unit"
    return (QualityFinding("warning", file, "Q_in", "", "flow", message, expected, fix),)
