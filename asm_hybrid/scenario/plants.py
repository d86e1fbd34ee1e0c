"""Scenarios of a plant, with or without what was learnt: base case and changes, side by side, with their indicators."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from asm_hybrid.config import PlantFile
from asm_hybrid.errors import InputError, SimulationError, nearest
from asm_hybrid.plant import Plant, switch_names
from asm_hybrid.scenario.carried_state import carried_state
from asm_hybrid.scenario.case_findings import find
from asm_hybrid.scenario.case_inputs import Given, case_inputs
from asm_hybrid.scenario.cases import BASE, Alone, Case, Fitted, PlantScenarios, spread
from asm_hybrid.scenario.changes import unusual_changes
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.definition import Scenario, load_scenario
from asm_hybrid.scenario.draws import HELD, Draws, asks_for_draws, draws_of, lowest_states
from asm_hybrid.scenario.fitted_subject import FittedSubject, load_fitted
from asm_hybrid.scenario.influents import DAYS, Influent, find_influent
from asm_hybrid.scenario.kpi import BSM_LIMITS, Indicator
from asm_hybrid.scenario.kpi_factors import Factors
from asm_hybrid.scenario.memory import Memory, key_of
from asm_hybrid.scenario.neural_cases import simulate_neural
from asm_hybrid.scenario.scoring import may_be_limited, measured_means, score
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs
from asm_hybrid.scenario.subject import CaseModel, Subject, load_subject, told
from asm_hybrid.scenario.trust import Trust, find_trust
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["DAYS", "limits_of", "simulate_plant", "simulate_run"]

NO_REST = "see that what piles up can leave, with wastage or effluent, and that what runs out comes in"
"""Advice where a plant has no steady state."""
SERIAL = 8.0
"""Work that is done at once instead of in other processes, which take seconds to start [s of the processor]."""

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class _Job:
    """One case for another process, which reads the subject and compiles its equations anew."""

    case: str
    load: Callable[[], Subject]
    file: PlantFile | None
    by_knots: bool
    tolerance: float | None
    starts: tuple[np.ndarray, ...]
    inputs: InputSeries
    draws: Draws | None


def simulate_plant(
    subject: YamlSource,
    scenario_path: YamlSource | None = None,
    progress: Tell | None = None,
    workers: int = 1,
    memory: Memory | None = None,
) -> PlantScenarios:
    """Simulate a plant, and what scenarios change.

    Parameters
    ----------
    subject : str, Path or mapping
        A shipped layout, the file of a plant, or the config of a training, whose data then are the inputs; or the
        content of such a file.
    scenario_path : str, Path or mapping, optional
        The scenario file; without it the base case is simulated, for 14 d of constant influent or over the record.
    progress : callable, optional
        Called with what is done and the share of it.
    workers : int
        Processes at most for the scenarios. With more than one, a script must guard its main part by
        ``if __name__ == "__main__"``, as `multiprocessing` wants it.
    memory : Memory, optional
        Simulations of before, which are not done again, and to which these are added; with one worker.

    Returns
    -------
    PlantScenarios

    Raises
    ------
    InputError
        When plant or scenarios cannot be used.
    SimulationError
        When a simulation fails.
    """
    call = _Call(partial(load_subject, subject), source_name(subject), workers, memory)
    return call.simulate(scenario_path, progress)


def simulate_run(
    run: str | Path,
    scenario_path: YamlSource | None = None,
    progress: Tell | None = None,
    workers: int = 1,
    memory: Memory | None = None,
) -> PlantScenarios:
    """Simulate the plant of a run with what was calibrated and learnt, and what scenarios change.

    Parameters
    ----------
    run : str or Path
        A run folder or an exported bundle.
    scenario_path : str, Path or mapping, optional
        The scenario file; without it the base case is simulated over the test block.
    progress, workers, memory
        As in `simulate_plant`.

    Returns
    -------
    PlantScenarios
        Every case with all members of n.

    Raises
    ------
    InputError
        When run or scenarios cannot be used.
    SimulationError
        When a simulation fails.
    """
    return _Call(partial(load_fitted, run), str(run), workers, memory).simulate(scenario_path, progress)


@dataclass(frozen=True, eq=False)
class _Call:
    """How the subject is read, also by another process, what it is called, and with what it is simulated."""

    load: Callable[[], Subject]
    name: str
    workers: int
    memory: Memory | None

    def simulate(self, scenario_path: YamlSource | None, progress: Tell | None) -> PlantScenarios:
        found = self.load()
        scenario = load_scenario(scenario_path) if scenario_path is not None else None
        influent = find_influent(found, scenario)
        if isinstance(found, FittedSubject) and not found.has_plant:
            return simulate_neural(found, scenario, influent)
        with told((*found.findings, *influent.findings)):
            return _Simulation(self, found, scenario, influent).run(progress or (lambda _, __: None))


@dataclass(frozen=True, eq=False)
class _Simulation:
    """One call: the subject, the scenario, and what comes in."""

    call: _Call
    found: Subject
    scenario: Scenario | None
    influent: Influent

    @property
    def tolerance(self) -> float | None:
        """Relative tolerance that a scenario asks for."""
        return self.scenario.content.tolerance if self.scenario else None

    def run(self, tell: Tell) -> PlantScenarios:
        found, scenario, influent = self.found, self.scenario, self.influent
        named = dict(zip(found.plant.table.parameter_names, found.parameters.tolist(), strict=True))
        limits = limits_of(found.plant, scenario)
        given = case_inputs(found, scenario, influent, self.call.name)
        by_knots = influent.first is not None and self.tolerance is None and all(g.file is found.file for g in given)
        by_knots = by_knots and not asks_for_draws(scenario) and not switch_names(found.plant)
        models = self._models(given, by_knots)
        draws = [draws_of(m.plant, g.file, scenario) for m, g in zip(models, given, strict=True)]
        tell("steady state" if influent.first is None else "until the period", 0.0)
        starts, residual = self._starts(models[0], given[0].inputs, tell)
        everything = self._records(given, models, starts, draws, by_knots, tell)
        records = [found[: len(m.members)] for m, found in zip(models, everything, strict=True)]
        drawn = [found[len(m.members) :] for m, found in zip(models, everything, strict=True)]
        trusts = [self._trust(g, m, r) for g, m, r in zip(given, models, records, strict=True)]
        alone: list[PlantRecord] | list[None] = [None] * len(given)
        if any(t is not None and t.hours for t in trusts):
            tell("f alone", 0.0)
            alone = [_alone(g, m, given[0], found.plant, starts[-1]) for g, m in zip(given, models, strict=True)]
        since = scenario.content.score_from if scenario else 0.0
        factors = scenario.content.factors.factors() if scenario and scenario.content.factors else None
        fitted = self._fitted(models[0], by_knots)
        scoring = _Scoring(named, since, limits, factors, fitted.measured if fitted else ())
        cases = [
            scoring.case(g, m, r, d, t, a)
            for g, m, r, d, t, a in zip(given, models, records, drawn, trusts, alone, strict=True)
        ]
        titled = scenario is not None and "name" in scenario.content.model_fields_set
        return PlantScenarios(
            scenario.content.name if scenario and titled else found.file.name,
            found.file,
            found.plant,
            tuple(cases),
            tuple(m.plant for m in models),
            limits,
            since,
            residual,
            scenario,
            named,
            influent.text,
            (*found.findings, *influent.findings),
            fitted,
            0 if draws[0] is None else draws[0].count,
        )

    def _fitted(self, model: CaseModel, by_knots: bool) -> Fitted | None:
        if not isinstance(self.found, FittedSubject):
            return None
        clock = self.influent.clock
        origin, zone = getattr(clock, "origin", None), getattr(clock, "zone", "UTC")
        targets = tuple(dict.fromkeys(self.found.model.targets))
        return Fitted(len(model.members), targets, by_knots, origin, zone, self.found.silent)

    def _models(self, given: Sequence[Given], by_knots: bool) -> list[CaseModel]:
        """Return what simulates each case; cases without a change of the plant share one."""
        found, file, tolerance = self.found, self.found.file, self.tolerance
        own = found.case_model(file, by_knots=by_knots, tolerance=tolerance)
        return [own if g.file is file else found.case_model(g.file, tolerance=tolerance) for g in given]

    def _starts(self, model: CaseModel, inputs: InputSeries, tell: Tell) -> tuple[tuple[np.ndarray, ...], float | None]:
        """Return the states at the begin, one for each of `CaseModel.compiled`, and the residual of a steady state."""
        found, scenario, influent = self.found, self.scenario, self.influent
        if isinstance(found, FittedSubject) and influent.first is not None:
            return found.starts(influent.first), None
        pairs = [_rest(compiled, inputs.mean, model.steady) for compiled in model.compiled]
        starts, residual = tuple(state for state, _ in pairs), pairs[0][1]
        if scenario is not None and scenario.content.spin_up > 0:
            tell("spin-up", 0.0)
            seed = None if scenario.content.seed is None else scenario.content.seed + 1
            warm = assemble_inputs(model.plant, scenario.content.spin_up, influent.frame, held=influent.held, seed=seed)
            starts = tuple(
                compiled.simulate(start, warm, lambda share: tell("spin-up", share)).states[-1]
                for compiled, start in zip(model.compiled, starts, strict=True)
            )
        return starts, residual

    def _records(
        self,
        given: Sequence[Given],
        models: Sequence[CaseModel],
        starts: tuple[np.ndarray, ...],
        draws: Sequence[Draws | None],
        by_knots: bool,
        tell: Tell,
    ) -> list[list[PlantRecord]]:
        """Return the records of all members of all cases, each followed by those of all draws."""
        plant, base = self.found.plant, given[0]
        began = time.process_time()
        found = [self._members(models[0], base, starts, draws[0], by_knots, lambda share: tell(BASE, share))]
        spent, others = time.process_time() - began, given[1:]
        if others:
            tell("scenarios", 0.0)
        carried = [
            tuple(
                carried_state(plant, m.compiled[0], start, base.inputs.begin[0], g.inputs.begin[0]) for start in starts
            )
            for g, m in zip(others, models[1:], strict=True)
        ]
        if spent * len(others) < SERIAL or self.call.workers < 2:
            for i, (g, m, own, noisy) in enumerate(zip(others, models[1:], carried, draws[1:], strict=True)):
                with _in_case(g.name):
                    found.append(self._members(m, g, own, noisy, by_knots))
                tell("scenarios", (i + 1) / len(others))
            return found
        jobs = [
            _Job(
                g.name,
                self.call.load,
                None if g.file is base.file else g.file,
                by_knots,
                self.tolerance,
                own,
                g.inputs,
                noisy,
            )
            for g, own, noisy in zip(others, carried, draws[1:], strict=True)
        ]
        with ProcessPoolExecutor(min(len(jobs), self.call.workers), mp_context=get_context("spawn")) as pool:
            for i, records in enumerate(pool.map(_run, jobs)):
                found.append(records)
                tell("scenarios", (i + 1) / len(jobs))
        return found

    def _members(
        self,
        model: CaseModel,
        given: Given,
        starts: Sequence[np.ndarray],
        draws: Draws | None,
        by_knots: bool,
        progress: Callable[[float], None] = lambda _: None,
    ) -> list[PlantRecord]:
        """Return the records of all members of a case, as they were before where nothing differs."""
        memory = self.call.memory
        if memory is None or draws is not None:
            return _members(model, starts, given.inputs, draws, progress)
        key = key_of(self.found, given.file, starts, given.inputs, by_knots, self.tolerance)
        return memory.of(key, lambda: _members(model, starts, given.inputs, None, progress))

    def _trust(self, given: Given, model: CaseModel, records: Sequence[PlantRecord]) -> Trust | None:
        found = self.found
        if not isinstance(found, FittedSubject) or not found.learns:
            return None
        fitted = found.fitted(model.plant, given.file)
        return find_trust(found, fitted, records, given.inputs.at(given.inputs.sampled))


@dataclass(frozen=True)
class _Scoring:
    """What cases are scored by."""

    parameters: Mapping[str, float]
    since: float
    limits: Mapping[str, float]
    factors: Factors | None
    measured: tuple[str, ...]

    def _score(self, plant: Plant, record: PlantRecord) -> tuple[tuple[Indicator, ...], tuple[str, ...]]:
        found = score(plant, record, self.parameters, self.since, self.limits, self.factors)
        return (*measured_means(record, self.measured, self.since), *found.indicators), found.left_out

    def case(
        self,
        given: Given,
        model: CaseModel,
        records: Sequence[PlantRecord],
        drawn: Sequence[PlantRecord],
        trust: Trust | None,
        alone: PlantRecord | None,
    ) -> Case:
        """Return a case with all that is to be said of it; balances are those of a simulation without noise."""
        plant, shown = model.plant, drawn or records
        held = HELD if drawn else 1.0
        scores = [self._score(plant, record) for record in shown]
        median, low, high = spread(shown, held)
        found = find(model.members[0], records[0], given.inputs, lowest_states(drawn) if drawn else low)
        warnings = (
            *unusual_changes(plant, given.unchanged, given.inputs),
            *(trust.warnings if trust else ()),
            *found.warnings,
        )
        members = tuple(indicators for indicators, _ in scores) if len(scores) > 1 else ()
        return Case(
            given.name,
            given.texts,
            median,
            _medians(members) if members else scores[0][0],
            tuple(dict.fromkeys(warnings)),
            tuple(dict.fromkeys(text for _, left in scores for text in left)),
            found.balance,
            low,
            high,
            members,
            None if alone is None else Alone(alone, self._score(plant, alone)[0]),
            trust,
            held,
        )


def _medians(members: Sequence[Sequence[Indicator]]) -> tuple[Indicator, ...]:
    """Return the median of every indicator that all members have."""
    values = [{i.name: i.value for i in indicators} for indicators in members]
    return tuple(
        replace(i, value=float(np.median([own[i.name] for own in values])))
        for i in members[0]
        if all(i.name in own for own in values)
    )


def _members(
    model: CaseModel,
    starts: Sequence[np.ndarray],
    inputs: InputSeries,
    draws: Draws | None,
    progress: Callable[[float], None] = lambda _: None,
) -> list[PlantRecord]:
    """Return the simulations of all members, and behind them those of all draws of each."""
    found, drawn, count = [], list[PlantRecord](), len(model.members)
    for i, (compiled, start) in enumerate(zip(model.members, starts, strict=False)):
        found.append(compiled.simulate(start, inputs, _part(progress, i, count) if draws is None else None))
        if draws is not None:
            drawn += draws.records(compiled, start, inputs, found[-1], _part(progress, i, count))
    return [*found, *drawn]


def _part(progress: Callable[[float], None], i: int, count: int) -> Callable[[float], None]:
    return lambda share: progress((i + share) / count)


def _alone(given: Given, model: CaseModel, base: Given, plant: Plant, start: np.ndarray) -> PlantRecord:
    assert model.alone is not None
    own = carried_state(plant, model.alone, start, base.inputs.begin[0], given.inputs.begin[0])
    with _in_case(f"{given.name}, f alone"):
        return model.alone.simulate(own, given.inputs)


def _run(job: _Job) -> list[PlantRecord]:
    subject = job.load()
    file = subject.file if job.file is None else job.file
    model = subject.case_model(file, by_knots=job.by_knots, tolerance=job.tolerance)
    with _in_case(job.case):
        return _members(model, job.starts, job.inputs, job.draws)


@contextmanager
def _in_case(case: str) -> Iterator[None]:
    """Say which of several cases fails."""
    try:
        yield
    except SimulationError as error:
        raise SimulationError(f"{case}: {error}") from None


def limits_of(plant: Plant, scenario: Scenario | None) -> dict[str, float]:
    """Return the effluent limits of what the table has; one that a user gave must be of something it has.

    Parameters
    ----------
    plant : Plant
        The plant.
    scenario : Scenario or None
        The scenario file; the limits of the benchmark without it.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        For a limit of something that the effluent does not have.
    """
    given = scenario.content.limits if scenario else BSM_LIMITS
    known = may_be_limited(plant)
    if scenario and "limits" in scenario.content.model_fields_set:
        for name in given:
            if name not in known:
                raise InputError(
                    f"there is no {name!r} in the effluent of this plant",
                    where=scenario.document.where("limits", name),
                    expected="one of " + ", ".join(known),
                    fix=nearest(name, known),
                )
    return {name: limit for name, limit in given.items() if name in known}


def _rest(compiled: CompiledPlant, mean: np.ndarray, steady: bool) -> tuple[np.ndarray, float | None]:
    """Return the steady state of mean inputs; a plant with cycles or on/off control has none and starts cold."""
    if not steady:
        return compiled.start(mean), None
    try:
        found = compiled.steady_state(mean)
    except SimulationError as error:
        raise SimulationError(f"{error}\n  fix: {NO_REST}") from None
    return found.state, found.residual
