"""From schedules of a goal to their values: programs are solved, rounded and simulated until limits are kept."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from asm_hybrid.config.builders.located import located_quantity
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.optimisation.definition import Goal
from asm_hybrid.optimisation.judging import Judge, Limit, case_figures
from asm_hybrid.optimisation.schedules import Schedule
from asm_hybrid.optimisation.search import Trial, better
from asm_hybrid.optimisation.symbolic_figures import SymbolicFigures, symbolic_figures
from asm_hybrid.optimisation.transcription import Planned, Transcription
from asm_hybrid.parallel import Outcome, Value
from asm_hybrid.scenario.changes import SAME, StampClock
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.studies.evaluation import Bench

__all__ = ["Plan", "Round", "plan_schedules", "resolve_schedules", "schedule_changes"]

ROUNDS = 5
"""Programs that are solved at most, each with tighter limits than the one before."""
TIGHTER, NARROWER = 0.5, 0.7
"""What a bound on an excess, and a range that leaves what training saw, is multiplied by for the next program."""
LEAST_EXCESS = 1e-3
"""Least bound on a mean excess, as a share of the limit."""
ABOVE = re.compile(r"effluent\.(?P<quantity>.+?) (?P<what>violation .+|95 %)")
"""Indicators that have no slope, in the place of which the mean excess is bounded."""


@dataclass(frozen=True)
class Round:
    """One program and the simulation of what it gave.

    Attributes
    ----------
    planned : Planned
        What the program gave.
    values : ndarray, shape (variable,)
        Rounded values.
    trial : Trial
        What their simulation gave.
    """

    planned: Planned
    values: np.ndarray
    trial: Trial


@dataclass(frozen=True)
class Plan:
    """Schedules that were found.

    Attributes
    ----------
    schedules : tuple of Schedule
        The schedules.
    values : ndarray, shape (variable,)
        Their values, one after the other.
    rounds : tuple of Round
        All programs.
    notes : tuple of str
        What is to be said of them.
    """

    schedules: tuple[Schedule, ...]
    values: np.ndarray
    rounds: tuple[Round, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Problem:
    """What all programs of one plan have in common."""

    compiled: CompiledPlant
    inputs: InputSeries
    record: PlantRecord
    figures: SymbolicFigures
    excesses: Mapping[str, tuple[str, float]]
    since: float

    @property
    def present(self) -> dict[str, float]:
        """The figures of the record."""
        index, record = self.inputs.sampled, self.record
        given = self.inputs.at(index)
        counts = np.flatnonzero(record.times >= self.since - SAME)[:-1]
        moments = np.array(self.figures.moment(record.states[counts].T, given[counts].T))
        ends = [counts[0], counts[-1]]
        stored = np.array(self.figures.stored(record.states[ends].T, given[ends].T))
        days = float(record.times[-1] - self.since)
        found = self.figures.total(moments.mean(axis=1), stored[:, 1] - stored[:, 0], days)
        return dict(zip(self.figures.names, np.array(found).ravel().tolist(), strict=True))


def resolve_schedules(goal: Goal, bench: Bench, inputs: InputSeries, influent: Influent) -> tuple[Schedule, ...]:
    """Fit the schedules of a goal to a plant and a period.

    Parameters
    ----------
    goal : Goal
        The goal.
    bench : Bench
        The plant, with the controllers that the goal gives it.
    inputs : InputSeries
        Its inputs.
    influent : Influent
        What comes in, and the clock by which it does.

    Returns
    -------
    tuple of Schedule

    Raises
    ------
    InputError
        For an input that the plant does not have, or a range that training did not see; with file and line.
    """
    model = bench.prepare({}).model
    specs, days = list(model.plant.inputs), float(inputs.times[-1])
    names, found = [spec.name for spec in specs], []
    for name, section in goal.content.schedules.items():
        places = tuple(k for k, own in enumerate(names) if fnmatch.fnmatchcase(own, section.input))
        where = goal.document.where("schedules", name)
        if not places:
            raise InputError(
                f"the plant has no input {section.input!r}",
                where=goal.document.where("schedules", name, "input"),
                expected="one of " + ", ".join(names),
                fix=nearest(section.input, names),
            )
        way = section.way
        unit = "-" if way == "scale" else specs[places[0]].unit
        low, high = (located_quantity(v, unit, where, difference=way == "shift") for v in getattr(section, way))
        if not low < high:
            raise InputError(f"the range is {low:g} to {high:g} {unit}", where=where, expected="the lower end first")
        if way == "set" and not goal.content.beyond_training:
            low, high = _trained(bench, [names[k] for k in places], low, high, where)
        step, change = (
            None if v is None else located_quantity(v, unit, where, difference=True)
            for v in (section.step, section.change)
        )
        if step is not None and np.floor(high / step + SAME) < np.ceil(low / step - SAME):
            raise InputError(f"no multiple of {step:g} {unit} lies from {low:g} to {high:g} {unit}", where=where)
        edges, variables = _intervals(influent, section.every, section.daily, days)
        found.append(Schedule(name, section.input, unit, way, places, low, high, edges, variables, step, change))
    return tuple(found)


def _trained(bench: Bench, inputs: Sequence[str], low: float, high: float, where: str) -> tuple[float, float]:
    """Return a range within what the training block of a run holds of some inputs."""
    subject = bench.subject
    if not isinstance(subject, FittedSubject) or not subject.learns:
        return low, high
    begin, end = subject.block("train")
    times = subject.record.frame["time"].to_numpy()
    block = subject.knots[(times >= begin - SAME) & (times <= end + SAME)]
    for name in (n for n in inputs if n in subject.plant.input_index):
        values = block[:, subject.plant.input_index[name]]
        least, most = max(low, float(values.min())), min(high, float(values.max()))
        if not least < most:
            raise InputError(
                f"training saw {name} from {values.min():.4g} to {values.max():.4g}, and the schedule has {low:g} to "
                f"{high:g}",
                where=where,
                expected="a range of which training saw a part",
                fix="write beyond_training: true, and trust the result less",
            )
        low, high = least, most
    return low, high


def _intervals(influent: Influent, every: float, daily: bool, days: float) -> tuple[np.ndarray, np.ndarray]:
    """Return where intervals begin and end [d], and which value holds in each; days begin at midnight."""
    clock, offset = influent.clock, 0.0
    if isinstance(clock, StampClock):
        local = clock.origin.tz_convert(clock.zone)
        offset = float((local - local.normalize()) / pd.Timedelta(days=1))
    first = int(np.floor(offset / every + SAME))
    last = int(np.ceil((offset + days) / every - SAME))
    edges = np.arange(first, last + 1) * every - offset
    edges[0], edges[-1] = 0.0, days
    number = np.arange(first, last)
    return edges, number % round(1.0 / every) if daily else number - first


def schedule_changes(schedules: Sequence[Schedule], values: np.ndarray, influent: Influent) -> list[dict[str, object]]:
    """Return schedules as changes of a scenario.

    Parameters
    ----------
    schedules : sequence of Schedule
        The schedules.
    values : ndarray, shape (variable,)
        Their values, one after the other.
    influent : Influent
        What comes in, and the clock by which times are written.

    Returns
    -------
    list of dict
    """
    found, first, clock = list[dict[str, object]](), 0, influent.clock
    for schedule in schedules:
        moments: list[str] | list[float]
        if isinstance(clock, StampClock):
            stamps = clock.origin + pd.to_timedelta(np.round(schedule.edges * 86400.0), unit="s")
            moments = [t.tz_localize(None).isoformat(sep=" ") for t in stamps.tz_convert(clock.zone)]
        else:
            moments = [float(np.round(t, 9)) for t in schedule.edges]
        found += schedule.changes(values[first : first + schedule.count], moments)
        first += schedule.count
    return found


def plan_schedules(
    goal: Goal, judge: Judge, bench: Bench, values: Mapping[str, Value], tell: Callable[[str, float], None]
) -> Plan:
    """Find schedules by gradients, and simulate them until they keep the limits.

    Parameters
    ----------
    goal : Goal
        The goal.
    judge : Judge
        What judges cases.
    bench : Bench
        The plant, with the decisions as factors.
    values : mapping of str to (float or str)
        Decisions that were made.
    tell : callable
        Called with what is done and the share of it.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        When the plant switches by what is measured, has delays, or what is minimised has no slope.
    SimulationError
        When the plant cannot be simulated.
    """
    problem, inputs = _problem(goal, judge, bench, values)
    schedules = resolve_schedules(goal, bench, inputs, bench.influent)
    start = np.concatenate([np.full(s.count, _present(s, inputs)) for s in schedules])
    present = problem.present
    bounds, notes = _bounds(judge, problem, present)
    rounds, centre = list[Round](), start.copy()
    for number in range(ROUNDS):
        tell("schedules", number / ROUNDS)
        program = Transcription(
            problem.compiled, problem.figures, problem.inputs, problem.record, schedules, problem.since
        )
        planned = program.solve(judge.weights, bounds, start, present)
        rounded = _rounded(schedules, planned.values)
        case = replace(bench, study=goal.study(schedule_changes(schedules, rounded, bench.influent))).case(values)[0]
        outcome = Outcome(number, case_figures(case, judge.names))
        rounds.append(Round(planned, rounded, judge.trial(rounded, outcome)))
        if rounds[-1].trial.beyond <= 0:
            break
        bounds = _tighter(judge, bounds, outcome, problem)
        if any(hours > 0 for hours in judge.left(outcome.figures).values()):
            schedules = tuple(_narrower(s, c) for s, c in zip(schedules, _centres(schedules, centre), strict=True))
        start = np.clip(planned.values, *_ends(schedules))
    best = better([r.trial for r in rounds])
    chosen = next(r for r in rounds if r.trial is best)
    return Plan(schedules, chosen.values, tuple(rounds), tuple(notes))


def _problem(goal: Goal, judge: Judge, bench: Bench, values: Mapping[str, Value]) -> tuple[_Problem, InputSeries]:
    """Return the member of n in the middle with what it is given, to write programs of."""
    prepared = bench.prepare(values)
    simulation, model, given = prepared.simulation, prepared.model, prepared.simulation.given[-1]
    plant, where = model.plant, goal.document.where("schedules")
    switching = model.members[0].problem.after or any(tank.variable for tank in plant.layout.tanks)
    if switching or plant.late:
        raise InputError(
            "schedules are found by the slopes of the equations, and this plant "
            + ("switches by what is measured, or changes volumes" if switching else "has streams that arrive late"),
            where=where,
            expected="a plant whose equations are smooth",
            fix="write decisions in the place of schedules: these are found by simulations alone",
        )
    goals = judge.objectives(case_figures(bench.case(values)[0], judge.names))
    middle = int(np.argsort(goals)[len(goals) // 2])
    compiled, start = model.members[middle], bench.begin(simulation, model, values)[middle]
    record = compiled.simulate(start, given.inputs)
    limits = dict(simulation.limits)
    excesses = {limit.name: found for limit in judge.limits if (found := _excess_of(limit, limits)) is not None}
    scoring = simulation.scoring
    figures = symbolic_figures(compiled, scoring.parameters, excesses, scoring.factors, judge.names)
    lost = [name for name in judge.weights if name not in figures.names]
    if lost:
        raise InputError(
            f"{lost[0]} has no slope by which schedules could be found",
            where=goal.document.where("minimise"),
            expected="energies, costs, OCI, EQI, sludge, means or loads",
            fix="write decisions in the place of schedules: these are found by simulations alone",
        )
    return _Problem(compiled, given.inputs, record, figures, excesses, scoring.since), given.inputs


def _excess_of(limit: Limit, limits: Mapping[str, float]) -> tuple[str, float] | None:
    """Return the quantity and the concentration whose mean excess stands for a limit; None where it has a slope."""
    found = ABOVE.fullmatch(limit.name)
    if found is None or (found["quantity"] not in limits and found["what"] != "95 %"):
        return None
    return found["quantity"], min(limit.bounds) if found["what"] == "95 %" else limits[found["quantity"]]


def _bounds(judge: Judge, problem: _Problem, present: Mapping[str, float]) -> tuple[dict[str, float], list[str]]:
    """Return the bounds of the first program, and what is to be said of limits that it cannot have."""
    bounds, notes = {}, []
    for limit in judge.limits:
        if limit.name in problem.excesses:
            least = LEAST_EXCESS * problem.excesses[limit.name][1]
            bounds[limit.name] = max(present[limit.name], least)
        elif limit.name in problem.figures.names:
            bounds[limit.name] = present[limit.name] if limit.present else min(limit.bounds)
        else:
            notes.append(f"{limit.name} has no slope: schedules were found without it, and simulated with it")
    return bounds, notes


def _tighter(judge: Judge, bounds: Mapping[str, float], outcome: Outcome, problem: _Problem) -> dict[str, float]:
    """Return tighter bounds for limits that a simulation exceeds."""
    found = dict(bounds)
    for limit in judge.limits:
        over = judge.excess(limit, outcome.figures)
        if over <= 0 or limit.name not in found:
            continue
        found[limit.name] = found[limit.name] * TIGHTER if limit.name in problem.excesses else found[limit.name] - over
    return found


def _present(schedule: Schedule, inputs: InputSeries) -> float:
    """Return the value of a schedule that is nearest to the present, within its bounds."""
    mean = float(inputs.mean[list(schedule.places)].mean())
    value = {"set": mean, "scale": 1.0, "shift": 0.0}[schedule.how]
    return float(np.clip(value, schedule.low, schedule.high))


def _centres(schedules: Sequence[Schedule], values: np.ndarray) -> list[float]:
    firsts = np.cumsum([0, *(s.count for s in schedules)])[:-1]
    return [float(values[k]) for k in firsts]


def _narrower(schedule: Schedule, centre: float) -> Schedule:
    low, high = (centre + NARROWER * (end - centre) for end in (schedule.low, schedule.high))
    return replace(schedule, low=low, high=high)


def _ends(schedules: Sequence[Schedule]) -> tuple[np.ndarray, np.ndarray]:
    low, high = (np.concatenate([np.full(s.count, getattr(s, end)) for s in schedules]) for end in ("low", "high"))
    return low, high


def _rounded(schedules: Sequence[Schedule], values: np.ndarray) -> np.ndarray:
    parts = np.split(values, np.cumsum([s.count for s in schedules])[:-1])
    return np.concatenate([s.rounded(part) for s, part in zip(schedules, parts, strict=True)])
