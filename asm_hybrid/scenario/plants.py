"""Scenarios of a plant without training: base case and changes, side by side, with energies, quality and violations."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import pandas as pd

from asm_hybrid.config import PlantFile
from asm_hybrid.data import QualityFinding
from asm_hybrid.errors import InputError, SimulationError, nearest
from asm_hybrid.plant import Plant
from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.scenario.case_findings import find
from asm_hybrid.scenario.changes import DayClock, Knots, apply_changes, change_texts, unusual_changes
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.definition import NamedChanges, Scenario, load_scenario
from asm_hybrid.scenario.impossible_water import check_base_water, check_changed_water
from asm_hybrid.scenario.influents import DAYS, Influent, find_influent
from asm_hybrid.scenario.kpi import BSM_LIMITS, Indicator
from asm_hybrid.scenario.kpi_series import PlantSeries
from asm_hybrid.scenario.scoring import NAMES, counted, score
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs
from asm_hybrid.scenario.subject import Subject, load_subject, told
from asm_hybrid.yamlfile import YamlSource, source_name

__all__ = ["BASE", "DAYS", "Case", "PlantScenarios", "indicator_table", "simulate_plant"]

BASE = "base"
"""Name of the case without changes."""
NO_REST = "see that what piles up can leave, with wastage or effluent, and that what runs out comes in"
"""Advice where a plant has no steady state."""
SERIAL = 4.0
"""Work that is done at once instead of in other processes, which take seconds to start [s]."""


@dataclass(frozen=True)
class Case:
    """The base case, or a scenario.

    Attributes
    ----------
    name : str
        Its name.
    changes : tuple of str
        Its changes in words.
    record : PlantRecord
        Its simulation.
    indicators : tuple of Indicator
        What came out.
    warnings : tuple of str
        What may make its figures wrong, a sentence each.
    left_out : tuple of str
        Indicators that cannot be told, and why.
    balance : str
        How far the balances of water and matter close.
    """

    name: str
    changes: tuple[str, ...]
    record: PlantRecord
    indicators: tuple[Indicator, ...]
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    balance: str = ""


@dataclass(frozen=True)
class PlantScenarios:
    """Cases of one plant.

    Attributes
    ----------
    name : str
        Name of the scenario file, or of the plant.
    file : PlantFile
        The plant as its file gives it.
    plant : Plant
        The plant.
    cases : tuple of Case
        The base case first.
    limits : mapping of str to float
        Effluent limits [g/m3].
    start : float
        Day from which on indicators count.
    residual : float or None
        Largest relative rate of change of the steady state at the start [1/d]; None where a plant has none.
    scenario : Scenario or None
        The scenario file; None where the base case alone was simulated.
    parameters : mapping of str to float
        Values of the table's parameters.
    influent : str
        What comes in, in words.
    findings : tuple of QualityFinding
        What is unusual in constants and influent.
    """

    name: str
    file: PlantFile
    plant: Plant
    cases: tuple[Case, ...]
    limits: Mapping[str, float]
    start: float
    residual: float | None
    scenario: Scenario | None
    parameters: Mapping[str, float]
    influent: str
    findings: tuple[QualityFinding, ...]

    def window(self, case: Case) -> PlantSeries:
        """Return the part of a case that counts, as its indicators are made from it."""
        return counted(self.plant, case.record, self.parameters, self.start)


@dataclass(frozen=True)
class _Job:
    """One case for another process: its name, files, since it compiles equations anew, the start, and the inputs."""

    case: str
    plant: YamlSource
    start: np.ndarray
    inputs: InputSeries


def simulate_plant(
    subject: YamlSource,
    scenario_path: YamlSource | None = None,
    progress: Callable[[str, float], None] | None = None,
    workers: int = 1,
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
    found = load_subject(subject)
    scenario = load_scenario(scenario_path) if scenario_path is not None else None
    influent = find_influent(found, scenario)
    with told((*found.findings, *influent.findings)):
        return _simulate(subject, found, scenario, influent, progress or (lambda _, __: None), workers)


def _simulate(
    subject: YamlSource,
    found: Subject,
    scenario: Scenario | None,
    influent: Influent,
    tell: Callable[[str, float], None],
    workers: int,
) -> PlantScenarios:
    file, plant, parameters = found.file, found.plant, found.parameters
    named = dict(zip(plant.table.parameter_names, parameters.tolist(), strict=True))
    limits = _limits(plant, scenario)
    name = source_name(subject)
    where = f"{name}, with {influent.text}" if influent.frame is not None else name
    base, changed, texts = _inputs(plant, scenario, influent, where)
    compiled = CompiledPlant(plant, parameters)
    tell("steady state", 0.0)
    start, residual = _start(compiled, base)
    if scenario is not None and scenario.content.spin_up > 0:
        tell("spin-up", 0.0)
        warm = _spin_up(plant, scenario, influent)
        start = compiled.simulate(start, warm, lambda share: tell("spin-up", share)).states[-1]
    began = time.perf_counter()
    records = [compiled.simulate(start, base, lambda share: tell(BASE, share))]
    spent = time.perf_counter() - began
    if changed:
        tell("scenarios", 0.0)
    if spent * len(changed) < SERIAL or workers < 2:
        for i, inputs in enumerate(changed):
            with _in_case(texts[i + 1][0]):
                records.append(compiled.simulate(start, inputs))
            tell("scenarios", (i + 1) / len(changed))
    else:
        jobs = [_Job(name, subject, start, inputs) for (name, _), inputs in zip(texts[1:], changed, strict=True)]
        with ProcessPoolExecutor(min(len(jobs), workers), mp_context=get_context("spawn")) as pool:
            for i, record in enumerate(pool.map(_run, jobs)):
                records.append(record)
                tell("scenarios", (i + 1) / len(jobs))
    since = scenario.content.score_from if scenario else 0.0
    factors = scenario.content.factors.factors() if scenario and scenario.content.factors else None
    cases = []
    for (name, words), record, inputs in zip(texts, records, [base, *changed], strict=True):
        seen, worth = find(compiled, record, inputs), score(plant, record, named, since, limits, factors)
        warnings = (*unusual_changes(plant, base, inputs), *seen.warnings)
        cases.append(Case(name, words, record, worth.indicators, warnings, worth.left_out, seen.balance))
    title = scenario.content.name if scenario and "name" in scenario.content.model_fields_set else file.name
    findings = (*found.findings, *influent.findings)
    return PlantScenarios(
        title, file, plant, tuple(cases), limits, since, residual, scenario, named, influent.text, findings
    )


def _run(job: _Job) -> PlantRecord:
    found = load_subject(job.plant)
    compiled = CompiledPlant(found.plant, found.parameters)
    with _in_case(job.case):
        return compiled.simulate(job.start, job.inputs)


@contextmanager
def _in_case(case: str) -> Iterator[None]:
    """Say which of several cases fails."""
    try:
        yield
    except SimulationError as error:
        raise SimulationError(f"{case}: {error}") from None


def _limits(plant: Plant, scenario: Scenario | None) -> dict[str, float]:
    """Return the limits of what the table has; one that a user gave must be of something it has."""
    given = scenario.content.limits if scenario else BSM_LIMITS
    components = set(plant.table.component_names)
    short = [name for name, names in NAMES.items() if components & set(names)]
    known = tuple(dict.fromkeys((*plant.table.composites, *short)))
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


def _inputs(
    plant: Plant, scenario: Scenario | None, influent: Influent, where: str
) -> tuple[InputSeries, list[InputSeries], list[tuple[str, tuple[str, ...]]]]:
    """Return the inputs of the base case and of every scenario, and the names and changes of all cases."""
    days = influent.days
    if scenario is None:
        base = assemble_inputs(plant, days, influent.frame, held=influent.held)
        check_base_water(plant, base, where)
        return base, [], [(BASE, ())]
    clock, cases = DayClock(), list(scenario.cases)
    for case in cases:
        if case.name == BASE:
            raise InputError(
                f"a scenario has the name {BASE!r}, which is that of the case without changes",
                where=scenario.document.where(*case.keys),
                expected="another name",
            )
        _check_moved(plant, scenario, case)
    if scenario.content.score_from >= days:
        raise InputError(
            f"indicators count from day {scenario.content.score_from:g} on, and {days:g} d are simulated",
            where=scenario.document.where("score_from"),
            expected=f"a time before day {days:g}",
        )
    for key in ("period", "zone"):
        if key in scenario.content.model_fields_set:
            raise InputError(
                f"the scenario gives {key!r}, which belongs to the record of a run",
                where=scenario.document.where(key),
                expected="days, spin_up, score_from and influent, for the scenario of a plant",
                fix=f"remove {key!r}, or simulate a run folder",
            )
    jumps = [
        clock.read(scenario, moment, *case.keys, i, key)
        for case in cases
        for i, change in enumerate(case.changes)
        for key, moment in (("start", change.start), ("end", change.end))
        if moment is not None
    ]
    base = assemble_inputs(
        plant, days, influent.frame, held=influent.held, seed=scenario.content.seed, more_times=jumps
    )
    check_base_water(plant, base, where)
    pollutants, knots = load_inputs(plant), Knots(base.times[:-1], (0.0, days), clock, linear=False)
    changed = []
    for case in cases:
        values, end = (
            None if inputs is None else apply_changes(scenario, case, plant.inputs, pollutants, knots, inputs)
            for inputs in (base.begin, base.end)
        )
        assert values is not None
        check_changed_water(plant, scenario, case, base.times[:-1], base.begin, values, clock)
        changed.append(InputSeries(base.times, values, end))
    words = [(case.name, change_texts(scenario, case, plant.inputs, pollutants)) for case in cases]
    return base, changed, [(BASE, ()), *words]


def _check_moved(plant: Plant, scenario: Scenario, case: NamedChanges) -> None:
    """Refuse to change what a controller moves: nothing would come of it."""
    movers = {name: c for c in plant.layout.controllers for name in c.sets}
    for i, change in enumerate(case.changes):
        for name in fnmatch.filter(movers, change.input):
            controller = movers[name]
            setpoint = plant.inputs.owned(controller.name, "setpoint")
            raise InputError(
                f"{name} is moved by the controller {controller.name!r}, so that a change has no effect",
                where=scenario.document.where(*case.keys, i, "input"),
                expected="an input that no controller moves",
                fix=f"change {setpoint.name}" if setpoint else "drop the controller from the plant",
            )


def _spin_up(plant: Plant, scenario: Scenario, influent: Influent) -> InputSeries:
    seed = None if scenario.content.seed is None else scenario.content.seed + 1
    return assemble_inputs(plant, scenario.content.spin_up, influent.frame, held=influent.held, seed=seed)


def _start(compiled: CompiledPlant, inputs: InputSeries) -> tuple[np.ndarray, float | None]:
    """Return the steady state of the mean inputs; a plant with cycles or on/off control has none and starts cold."""
    mean = inputs.mean
    if compiled.plant.layout.cycles or compiled.problem.after:
        return compiled.start(mean), None
    try:
        found = compiled.steady_state(mean)
    except SimulationError as error:
        raise SimulationError(f"{error}\n  fix: {NO_REST}") from None
    return found.state, found.residual


def indicator_table(cases: Sequence[Case]) -> pd.DataFrame:
    """Return the indicators of all cases.

    Parameters
    ----------
    cases : sequence of Case
        The cases.

    Returns
    -------
    DataFrame
        A row an indicator: ``indicator``, ``unit``, ``description``, and a column a case; NaN where a case has none.
    """
    known = {i.name: i for case in cases for i in case.indicators}
    rows = [{"indicator": i.name, "unit": i.unit, "description": i.description} for i in known.values()]
    table = pd.DataFrame(rows)
    for case in cases:
        values = {i.name: i.value for i in case.indicators}
        table[case.name] = [values.get(name, np.nan) for name in known]
    return table
