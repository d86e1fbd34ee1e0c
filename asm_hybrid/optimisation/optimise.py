"""From a goal to an optimum: the present operation, the search, schedules, and the simulation that counts."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc

from asm_hybrid.errors import InputError
from asm_hybrid.optimisation.definition import Goal
from asm_hybrid.optimisation.judging import Judge, OpenCases, judge_of
from asm_hybrid.optimisation.planning import Plan, plan_schedules, resolve_schedules, schedule_changes
from asm_hybrid.optimisation.result import Drawn, Optimum, Verified, gain_of, kept_limits
from asm_hybrid.optimisation.search import Trial, better, search
from asm_hybrid.parallel import Outcome, Pool, Value, open_pool
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.subject import Subject
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.evaluation import Bench, open_bench
from asm_hybrid.studies.factors import Factor

__all__ = ["find_optimum"]

Tell = Callable[[str, float], None]
ALONE = Pool(workers=1)
"""All is done in this process."""


def find_optimum(
    load: Callable[[], Subject], name: str, goal: Goal, pool: Pool = ALONE, tell: Tell = lambda _, __: None
) -> Optimum:
    """Find the best operation for a goal.

    Parameters
    ----------
    load : callable
        Reads the plant or the run, also in other processes.
    name : str
        What it is called.
    goal : Goal
        The goal.
    pool : Pool, optional
        The processes of the search. The result is the same with any.
    tell : callable, optional
        Called with what is done and the share of it.

    Returns
    -------
    Optimum

    Raises
    ------
    InputError
        When goal, plant or influent cannot be used.
    SimulationError
        When the present operation, or the optimum, cannot be simulated.
    """
    return _Call(load, name, goal, pool, tell).run()


@dataclass(frozen=True, eq=False)
class _Call:
    load: Callable[[], Subject]
    name: str
    goal: Goal
    pool: Pool
    tell: Tell

    def run(self) -> Optimum:
        goal, tell = self.goal, self.tell
        tell("present operation", 0.0)
        bench = open_bench(self.load, self.name, goal.study())
        if bench.neural:
            raise InputError(
                "a pure neural model has no plant that could be operated",
                where=self.name,
                expected="a plant, or the run of a plant",
            )
        now = replace(bench, study=goal.present())
        present, _ = now.case({})
        judge = judge_of(goal, present, self._decided(bench))
        columns = [f for f in bench.factors.columns if f.section in goal.content.decisions]
        at_present = self._at_present(now, columns)
        trials, cases = self._search(bench, judge, columns, at_present)
        best = better(trials) if trials else None
        values = cases[trials.index(best)] if best is not None else {}
        plan = plan_schedules(goal, judge, bench, values, tell) if goal.content.schedules else None
        tell("optimum", 0.0)
        study = goal.study([] if plan is None else schedule_changes(plan.schedules, plan.values, bench.influent))
        simulation = self._side_by_side(replace(bench, study=study), values)
        return Optimum(
            goal,
            self.name,
            simulation,
            values,
            tuple(columns),
            at_present,
            plan,
            gain_of(simulation, judge.weights),
            kept_limits(simulation, judge),
            _outside(simulation, judge),
            _table(trials, cases, judge),
            tuple(self._verified(key, judge, values, plan) for key in goal.content.verify),
            self._drawn(study, judge, values),
            tuple(plan.notes if plan else ()),
        )

    def _decided(self, bench: Bench) -> list[str]:
        """Return the inputs that are decided."""
        names = bench.subject.plant.inputs.names
        patterns = [f.target for f in bench.factors.columns if f.section in self.goal.content.decisions]
        patterns += [section.input for section in self.goal.content.schedules.values()]
        patterns += ["wastage"] if any(f.kind == "sludge_age" for f in bench.factors.columns) else []
        return list(dict.fromkeys(n for pattern in patterns for n in fnmatch.filter(names, pattern)))

    def _at_present(self, now: Bench, columns: Sequence[Factor]) -> dict[str, float]:
        """Return what is decided as it is at present, where it is an input of the plant."""
        given = now.prepare({}).simulation.given[-1]
        index, found = now.subject.plant.input_index, {}
        for factor in columns:
            chosen = fnmatch.filter(index, factor.target) if factor.kind == "input" else []
            if factor.kind == "input" and factor.way != "set":
                found[factor.name] = 1.0 if factor.way == "scale" else 0.0
            elif chosen:
                found[factor.name] = float(given.inputs.mean[index[chosen[0]]])
        return found

    def _search(
        self, bench: Bench, judge: Judge, columns: Sequence[Factor], present: Mapping[str, float]
    ) -> tuple[list[Trial], list[dict[str, Value]]]:
        """Return all trials of the search, and the decisions of each."""
        if not columns:
            return [], []
        section, names = self.goal.content.search, [f.name for f in columns]
        cases: list[dict[str, Value]] = []
        own = OpenCases(self.load, self.name, bench.study, judge.names, bench if self.pool.processes < 2 else None)
        with open_pool(own, self.pool) as workers:

            def evaluate(places: np.ndarray) -> list[Trial]:
                new = [_values(columns, place) for place in places]
                outcomes = workers.map(new)
                cases.extend(new)
                self.tell(f"search in {len(names)} decisions", min(len(cases) / section.evaluations, 1.0))
                return [judge.trial(place, outcome) for place, outcome in zip(places, outcomes, strict=True)]

            begin = np.array([_place(f, present.get(f.name)) for f in columns])
            choices = np.array([len(f.distribution.choices) if f.distribution else 0 for f in columns])
            trials = search(evaluate, begin, choices, judge.count, section.evaluations, section.seed)
        if all(trial.error for trial in trials):
            raise InputError(
                f"none of {len(trials)} cases could be simulated; the first: {trials[0].error}",
                where=self.goal.document.where("decisions"),
                expected="ranges in which the plant can be operated",
            )
        return trials, cases

    def _side_by_side(self, bench: Bench, values: Mapping[str, Value]) -> PlantScenarios:
        """Simulate present operation and optimum as ``simulate`` does."""
        found = bench.prepare(values).simulation.run(self.tell)
        return replace(found, name=self.goal.content.name)

    def _verified(self, key: str, judge: Judge, values: Mapping[str, Value], plan: Plan | None) -> Verified:
        """Simulate present operation and optimum under other conditions."""
        self.tell(f"verified: {key}", 0.0)
        goal = self.goal
        bench = open_bench(self.load, self.name, goal.study((), key))
        changes: list[dict[str, Any]] = []
        if plan is not None:
            given = bench.prepare(values).simulation.given[-1]
            schedules = resolve_schedules(goal, bench, given.inputs, bench.influent)
            if not all(section.daily for section in goal.content.schedules.values()):
                raise InputError(
                    "a schedule for each interval of one period says nothing of another one",
                    where=goal.document.where("verify", key),
                    expected="schedules with daily: true, or nothing to verify",
                )
            changes = schedule_changes(schedules, plan.values, bench.influent)
        found = self._side_by_side(replace(bench, study=goal.study(changes, key)), values)
        return Verified(key, found, gain_of(found, judge.weights), kept_limits(found, judge))

    def _drawn(self, study: Study, judge: Judge, values: Mapping[str, Value]) -> Drawn | None:
        """Simulate present operation and optimum with draws of what is uncertain."""
        goal = self.goal
        if not goal.content.uncertain:
            return None
        bench = open_bench(self.load, self.name, study)
        columns = [f.name for f in bench.factors.columns if f.section in goal.content.uncertain]
        places = np.full((goal.content.draws, len(bench.factors.columns)), 0.5)
        own = [i for i, f in enumerate(bench.factors.columns) if f.name in columns]
        places[:, own] = qmc.LatinHypercube(len(own), seed=goal.content.search.seed).random(goal.content.draws)
        table = bench.factors.values(places)[columns]
        draws: list[dict[str, Value]] = table.to_dict("records")  # type: ignore[assignment]
        pairs = list[list[Outcome]]()
        for what, each in ((goal.present(), draws), (study, [{**values, **draw} for draw in draws])):
            self.tell("draws of what is uncertain", len(pairs) / 2)
            kept = replace(bench, study=what) if self.pool.processes < 2 else None
            with open_pool(OpenCases(self.load, self.name, what, judge.names, kept), self.pool) as workers:
                pairs.append(workers.map(each))
        return _drawn(table, judge, *pairs)


def _drawn(table: pd.DataFrame, judge: Judge, present: Sequence[Outcome], optimum: Sequence[Outcome]) -> Drawn:
    gains, kept, failed = np.full(len(table), np.nan), 0, []
    for i, (before, after) in enumerate(zip(present, optimum, strict=True)):
        if before.error or after.error:
            failed.append(before.error or after.error)
            continue
        old, new = (np.array(judge.objectives(outcome.figures)) for outcome in (before, after))
        gains[i] = float(np.median((old - new) / np.abs(old)))
        own = [
            replace(limit, bounds=tuple(before.figures[f"{m}|{limit.name}"] for m in range(len(limit.bounds))))
            if limit.present
            else limit
            for limit in judge.limits
        ]
        kept += all(judge.excess(limit, after.figures) <= 0 for limit in own)
    known = len(table) - len(failed)
    return Drawn(table, gains, kept / known if known else float("nan"), tuple(dict.fromkeys(failed)))


def _values(columns: Sequence[Factor], place: np.ndarray) -> dict[str, Value]:
    """Return the decisions at a place of the unit cube."""
    found: dict[str, Value] = {}
    for factor, share in zip(columns, place, strict=True):
        assert factor.distribution is not None
        found[factor.name] = factor.distribution.values(np.array([share]))[0]
    return found


def _place(factor: Factor, value: float | None) -> float:
    """Return where a value lies in the range of a decision, from zero to one; the middle where it does not."""
    assert factor.distribution is not None
    if value is None or factor.distribution.choices:
        return 0.5
    shares = np.linspace(0.0, 1.0, 1001)
    known = np.asarray(factor.distribution.values(shares), dtype=float)
    return float(np.interp(value, known, shares)) if known[0] <= value <= known[-1] else 0.5


def _outside(simulation: PlantScenarios, judge: Judge) -> tuple[float, float] | None:
    if judge.outside is None:
        return None
    return simulation.cases[0].outside_hours, simulation.cases[-1].outside_hours


def _table(trials: Sequence[Trial], cases: Sequence[Mapping[str, Value]], judge: Judge) -> pd.DataFrame:
    """Return the search as a table."""
    names = [*(limit.name for limit in judge.limits), *(judge.outside or {})]
    rows = []
    for trial, values in zip(trials, cases, strict=True):
        excess = {f"excess of {name}": x for name, x in zip(names, trial.excess, strict=True)}
        rows.append({**values, "goal": trial.goal, "within limits": trial.beyond <= 0, **excess, "error": trial.error})
    return pd.DataFrame(rows)
