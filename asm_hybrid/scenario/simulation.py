"""The cases of one subject, simulated from their states at the begin, with all members of n and all draws of noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.config import PlantFile
from asm_hybrid.errors import InputError, SimulationError, nearest
from asm_hybrid.parallel.side_processes import side_processes
from asm_hybrid.plant import Plant, switch_names
from asm_hybrid.scenario.carried_state import carried_state
from asm_hybrid.scenario.case_inputs import Given, case_inputs, spin_up_inputs
from asm_hybrid.scenario.case_scoring import Scoring
from asm_hybrid.scenario.cases import BASE, Case, Fitted, PlantScenarios
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.draws import Draws, asks_for_draws, draws_of
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent
from asm_hybrid.scenario.kpi import BSM_LIMITS
from asm_hybrid.scenario.memory import Memory, key_of
from asm_hybrid.scenario.scoring import may_be_limited
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.subject import CaseModel, Subject
from asm_hybrid.scenario.trust import Trust, find_trust

__all__ = ["Simulation", "Tell", "limits_of", "steady_state"]

NO_REST = "see that what piles up can leave, with wastage or effluent, and that what runs out comes in"
"""Advice where a plant has no steady state."""
SERIAL = 8.0
"""Work that is done at once instead of in other processes, which take seconds to start [s of the processor]."""

Tell = Callable[[str, float], None]
Starts = tuple[np.ndarray, ...]
"""States at the begin, one for each of `CaseModel.compiled`."""


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


@dataclass(frozen=True, eq=False)
class Simulation:
    """One call: the subject, the scenario, and what comes in.

    Attributes
    ----------
    found : Subject
        What is simulated.
    name : str
        What it is called in messages.
    scenario : Scenario or None
        The scenario file.
    influent : Influent
        What comes in.
    load : callable or None
        Reads the subject in another process; None where there is none.
    workers : int
        Processes at most.
    memory : Memory or None
        Simulations of before.
    file : PlantFile or None
        Another file of the plant, which the only scenario has; see `case_inputs`.
    """

    found: Subject
    name: str
    scenario: Scenario | None
    influent: Influent
    load: Callable[[], Subject] | None = None
    workers: int = 1
    memory: Memory | None = None
    file: PlantFile | None = None

    @property
    def tolerance(self) -> float | None:
        """Relative tolerance that a scenario asks for."""
        return self.scenario.content.tolerance if self.scenario else None

    @cached_property
    def given(self) -> list[Given]:
        """What the cases are given, the base case first."""
        return case_inputs(self.found, self.scenario, self.influent, self.name, self.file)

    @cached_property
    def by_knots(self) -> bool:
        """Whether all cases are integrated by the steps of the training of a run."""
        found = self.found
        of_record = self.influent.first is not None and self.tolerance is None
        own = of_record and all(g.file is found.file for g in self.given)
        return own and not asks_for_draws(self.scenario) and not switch_names(found.plant)

    @cached_property
    def limits(self) -> dict[str, float]:
        """Effluent limits."""
        return limits_of(self.found.plant, self.scenario)

    @cached_property
    def scoring(self) -> Scoring:
        """What cases are scored by."""
        found, content = self.found, self.scenario.content if self.scenario else None
        named = dict(zip(found.plant.table.parameter_names, found.parameters.tolist(), strict=True))
        factors = content.factors.factors() if content and content.factors else None
        measured = tuple(dict.fromkeys(found.model.targets)) if isinstance(found, FittedSubject) else ()
        return Scoring(named, content.score_from if content else 0.0, self.limits, factors, measured)

    def model(self, given: Given, *, by_knots: bool = True) -> CaseModel:
        """Return what simulates a case.

        Parameters
        ----------
        given : Given
            What it is given.
        by_knots : bool
            Whether it may be integrated by the steps of the training of a run.

        Returns
        -------
        CaseModel
        """
        by_knots = by_knots and self.by_knots and given.file is self.found.file
        return self.found.case_model(given.file, by_knots=by_knots, tolerance=self.tolerance)

    def run(self, tell: Tell) -> PlantScenarios:
        """Simulate all cases.

        Parameters
        ----------
        tell : callable
            Called with what is done and the share of it.

        Returns
        -------
        PlantScenarios

        Raises
        ------
        InputError
            For changes that cannot be.
        SimulationError
            When a simulation fails.
        """
        found, scenario, influent, given, limits = self.found, self.scenario, self.influent, self.given, self.limits
        models = self._models(given)
        draws = [draws_of(m.plant, g.file, scenario) for m, g in zip(models, given, strict=True)]
        tell("steady state" if influent.first is None else "until the period", 0.0)
        starts, residual = self.starts(models[0], given[0], tell)
        begins = [starts, *(self._begin(m, g, starts) for m, g in zip(models[1:], given[1:], strict=True))]
        everything = self._records(given, models, begins, draws, tell)
        records = [found[: len(m.members)] for m, found in zip(models, everything, strict=True)]
        drawn = [found[len(m.members) :] for m, found in zip(models, everything, strict=True)]
        trusts = [self._trust(g, m, r) for g, m, r in zip(given, models, records, strict=True)]
        alone: list[PlantRecord] | list[None] = [None] * len(given)
        if any(t is not None and t.hours for t in trusts):
            tell("f alone", 0.0)
            alone = [_alone(g, m, own[-1]) for g, m, own in zip(given, models, begins, strict=True)]
        cases = [
            self.scoring.case(g, m, r, d, t, a)
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
            self.scoring.since,
            residual,
            scenario,
            dict(self.scoring.parameters),
            influent.text,
            (*found.findings, *influent.findings),
            self._fitted(models[0]),
            0 if draws[0] is None else draws[0].count,
        )

    def one(self, given: Given, model: CaseModel, starts: Starts) -> Case:
        """Simulate one case by itself, as `run` does beside others; f alone is not simulated beside f + n.

        Parameters
        ----------
        given : Given
            What it is given.
        model : CaseModel
            What simulates it, from `model`.
        starts : tuple of ndarray, shape (n,)
            States at the begin, from `starts`.

        Returns
        -------
        Case

        Raises
        ------
        SimulationError
            When the simulation fails.
        """
        draws = draws_of(model.plant, given.file, self.scenario)
        found = self._members(model, given, starts, draws)
        records, drawn = found[: len(model.members)], found[len(model.members) :]
        return self.scoring.case(given, model, records, drawn, self._trust(given, model, records), None)

    def _fitted(self, model: CaseModel) -> Fitted | None:
        if not isinstance(self.found, FittedSubject):
            return None
        clock = self.influent.clock
        origin, zone = getattr(clock, "origin", None), getattr(clock, "zone", "UTC")
        return Fitted(len(model.members), self.scoring.measured, self.by_knots, origin, zone, self.found.silent)

    def _models(self, given: Sequence[Given]) -> list[CaseModel]:
        """Return what simulates each case; cases without a change of the plant share one."""
        own = self.model(given[0])
        return [own if g.file is self.found.file else self.model(g) for g in given]

    def starts(self, model: CaseModel, given: Given, tell: Tell = lambda _, __: None) -> tuple[Starts, float | None]:
        """Return the states from which a case starts by itself, and the residual of a steady state.

        Parameters
        ----------
        model : CaseModel
            What simulates it.
        given : Given
            What it is given.
        tell : callable, optional
            As in `run`.

        Returns
        -------
        tuple of ndarray, shape (n,)
            One for each of `CaseModel.compiled`: those of the record of a run; otherwise those of a steady state, or
            of seed sludge, and of a spin-up behind it.
        float or None
            Largest relative rate of change of the steady state [1/d].

        Raises
        ------
        SimulationError
            When there is no steady state.
        """
        found, scenario, influent = self.found, self.scenario, self.influent
        if isinstance(found, FittedSubject) and influent.first is not None:
            return found.starts(influent.first), None
        pairs = [steady_state(compiled, given.lasting.mean, model.steady) for compiled in model.compiled]
        starts, residual = tuple(state for state, _ in pairs), pairs[0][1]
        if scenario is not None and scenario.content.spin_up > 0:
            tell("spin-up", 0.0)
            warm = spin_up_inputs(model.plant, scenario, influent, given.case, found.parameters)
            starts = tuple(
                compiled.simulate(start, warm, lambda share: tell("spin-up", share)).states[-1]
                for compiled, start in zip(model.compiled, starts, strict=True)
            )
        return starts, residual

    def carried(self, model: CaseModel, given: Given, starts: Starts) -> Starts:
        """Return the states of the base case in the plant of another case.

        Parameters
        ----------
        model : CaseModel
            What simulates the case.
        given : Given
            What it is given.
        starts : tuple of ndarray, shape (n,)
            States of the base case.

        Returns
        -------
        tuple of ndarray, shape (n,)
        """
        before, now = self.given[0].inputs.begin[0], given.inputs.begin[0]
        return tuple(carried_state(self.found.plant, model.compiled[0], start, before, now) for start in starts)

    def _begin(self, model: CaseModel, given: Given, starts: Starts) -> Starts:
        """Return the states from which a scenario starts."""
        if self.scenario is None or self.scenario.content.starts == "base":
            return self.carried(model, given, starts)
        with _in_case(given.name):
            return self.starts(model, given)[0]

    def _records(
        self,
        given: Sequence[Given],
        models: Sequence[CaseModel],
        begins: Sequence[Starts],
        draws: Sequence[Draws | None],
        tell: Tell,
    ) -> list[list[PlantRecord]]:
        """Return the records of all members of all cases, each followed by those of all draws."""
        base = given[0]
        began = time.process_time()
        found = [self._members(models[0], base, begins[0], draws[0], lambda share: tell(BASE, share))]
        spent, others = time.process_time() - began, list(zip(given, models, begins, draws, strict=True))[1:]
        if others:
            tell("scenarios", 0.0)
        if spent * len(others) < SERIAL or self.workers < 2 or self.load is None:
            for i, (g, m, own, noisy) in enumerate(others):
                with _in_case(g.name):
                    found.append(self._members(m, g, own, noisy))
                tell("scenarios", (i + 1) / len(others))
            return found
        jobs = [
            _Job(
                g.name,
                self.load,
                None if g.file is base.file else g.file,
                self.by_knots,
                self.tolerance,
                own,
                g.inputs,
                noisy,
            )
            for g, _, own, noisy in others
        ]
        with side_processes(min(len(jobs), self.workers)) as pool:
            for i, records in enumerate(pool.map(_run, jobs)):
                found.append(records)
                tell("scenarios", (i + 1) / len(jobs))
        return found

    def _members(
        self,
        model: CaseModel,
        given: Given,
        starts: Starts,
        draws: Draws | None,
        progress: Callable[[float], None] = lambda _: None,
    ) -> list[PlantRecord]:
        """Return the records of all members of a case, as they were before where nothing differs."""
        memory = self.memory
        if memory is None or draws is not None:
            return _members(model, starts, given.inputs, draws, progress)
        key = key_of(self.found, given.file, starts, given.inputs, self.by_knots, self.tolerance)
        return memory.of(key, lambda: _members(model, starts, given.inputs, None, progress))

    def _trust(self, given: Given, model: CaseModel, records: Sequence[PlantRecord]) -> Trust | None:
        found = self.found
        if not isinstance(found, FittedSubject) or not found.learns:
            return None
        fitted = found.fitted(model.plant, given.file)
        return find_trust(found, fitted, records, given.inputs.at(given.inputs.sampled))


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


def _alone(given: Given, model: CaseModel, start: np.ndarray) -> PlantRecord:
    assert model.alone is not None
    with _in_case(f"{given.name}, f alone"):
        return model.alone.simulate(start, given.inputs)


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


def steady_state(compiled: CompiledPlant, mean: np.ndarray, steady: bool) -> tuple[np.ndarray, float | None]:
    """Return the steady state of mean inputs; a plant with cycles or on/off control has none and starts cold.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    mean : ndarray, shape (m,)
        Mean inputs.
    steady : bool
        Whether it has a steady state.

    Returns
    -------
    state : ndarray, shape (n,)
        The state.
    residual : float or None
        Largest relative rate of change [1/d]; None of a cold start.

    Raises
    ------
    SimulationError
        When none is found.
    """
    if not steady:
        return compiled.start(mean), None
    try:
        found = compiled.steady_state(mean)
    except SimulationError as error:
        raise SimulationError(f"{error}\n  fix: {NO_REST}") from None
    return found.state, found.residual
