"""One case of a study, simulated on a plant or a run by the same code as `asm-hybrid simulate`, and its outcome."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Value
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.cases import Case
from asm_hybrid.scenario.changed_plant import changed_file
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent, find_influent
from asm_hybrid.scenario.neural_cases import simulate_neural
from asm_hybrid.scenario.simulation import Simulation
from asm_hybrid.scenario.sludge_age import wastage_for
from asm_hybrid.scenario.subject import CaseModel, Subject
from asm_hybrid.scenario.summary import main_rows
from asm_hybrid.studies.case_changes import CaseChanges, case_changes, case_scenario, changed_subject
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.factors import Factors, find_factors

__all__ = ["Bench", "open_bench", "open_evaluate"]

KEPT = 4
"""Plants with their equations that are kept; those of other cases are compiled anew, in 15 to 30 ms."""
SAME = 1e-7
"""Times that differ by less than this [d] are one."""
ENDS = (" low", " high")
"""Behind the name of a figure: the ends of its range over the seeds of a run."""


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One case, ready to be simulated."""

    simulation: Simulation
    model: CaseModel
    notes: tuple[str, ...]
    wastage: float | None


@dataclass(frozen=True, eq=False)
class Bench:
    """What is studied, read once, on which cases are simulated one after the other.

    Attributes
    ----------
    study : Study
        The study.
    subject : Subject
        The plant, or the run.
    name : str
        What it is called in messages.
    influent : Influent
        What comes in.
    factors : Factors
        The factors of the study, fitted to the plant.
    """

    study: Study
    subject: Subject
    name: str
    influent: Influent
    factors: Factors
    _models: OrderedDict[Any, tuple[Subject, Any, CaseModel, tuple[str, ...]]] = field(default_factory=OrderedDict)
    _starts: OrderedDict[Any, tuple[np.ndarray, ...]] = field(default_factory=OrderedDict)

    @property
    def of_record(self) -> bool:
        """Whether a part of the record of a run is simulated, so that cases start where that has come to."""
        return self.influent.first is not None

    @cached_property
    def parameters(self) -> dict[str, float]:
        """Values of the table's parameters without factors."""
        return dict(zip(self.subject.plant.table.parameter_names, self.subject.parameters.tolist(), strict=True))

    def case(self, values: Mapping[str, Value]) -> tuple[Case, dict[str, float]]:
        """Simulate a case.

        Parameters
        ----------
        values : mapping of str to (float or str)
            Values by factor; without any the base case.

        Returns
        -------
        Case
            As `asm-hybrid simulate` gives it for the same changes.
        dict of str to float
            Figures beside its indicators: the wastage that gives a sludge age [m3/d].

        Raises
        ------
        InputError
            When a value cannot be, with the place of its factor.
        SimulationError
            When the simulation fails.
        """
        if isinstance(self.subject, FittedSubject) and not self.subject.has_plant:
            return self._neural(values), {}
        prepared = self.prepare(values)
        simulation, model = prepared.simulation, prepared.model
        given = simulation.given[-1]
        case = simulation.one(given, model, self._begin(simulation, model, values))
        if prepared.notes:
            case = replace(case, warnings=(*prepared.notes, *case.warnings))
        age = next((f.name for f in self.factors.columns if f.kind == "sludge_age" and f.name in values), None)
        return case, {} if prepared.wastage is None else {f"{age}: wastage": prepared.wastage}

    def prepare(self, values: Mapping[str, Value]) -> _Prepared:
        """Do all of a case but its simulation: look whether its values can be, and find the wastage of a sludge age.

        Parameters
        ----------
        values : mapping of str to (float or str)
            Values by factor.

        Returns
        -------
        object
            What `case` simulates.

        Raises
        ------
        InputError
            When a value cannot be, with the place of its factor.
        """
        changes = case_changes(self.factors, values, self.parameters)
        subject, file, model, notes = self._changed(changes)
        wastage = None
        if changes.sludge_age is not None:
            before = self._simulation(subject, file, changes, None)
            factor, days = changes.sludge_age
            compiled = model.compiled[-1]
            wastage = wastage_for(compiled, before.given[-1].lasting.mean, days, self.study.where(factor.section))
        simulation = self._simulation(subject, file, changes, wastage)
        assert simulation.given
        return _Prepared(simulation, model, notes, wastage)

    def _simulation(self, subject: Subject, file: Any, changes: CaseChanges, wastage: float | None) -> Simulation:
        scenario = case_scenario(self.study, changes, wastage, of_record=self.of_record)
        own = subject.file if file is None else file
        influent = self.influent if self._same_influent(changes) else self._influent(subject, own)
        return Simulation(subject, self.name, scenario, influent, file=own)

    def _influent(self, subject: Subject, file: Any) -> Influent:
        """Return what comes into a plant whose file is another one."""
        changed = subject if file is subject.file else replace(subject, file=file, plant=subject.changed_plant(file))
        return find_influent(changed, self.study.scenario)

    def _same_influent(self, changes: CaseChanges) -> bool:
        """Whether what comes in does not depend on what a case changes of the plant."""
        if self.of_record:
            return True
        split = self.subject.file.plant.influent.fractionation is not None and bool(changes.parameters)
        roots = ("plant.influent", "plant.temperature", "data.", "corrections.")
        return not split and not any(key.startswith(roots) for key in changes.keys)

    def _changed(self, changes: CaseChanges) -> tuple[Subject, Any, CaseModel, tuple[str, ...]]:
        """Return subject and file of a case, and what simulates it, which cases of one plant have in common."""
        key = changes.of_plant
        if key not in self._models:
            subject, file, notes = changed_subject(self.subject, self.study, self.factors, changes)
            simulation = self._simulation(subject, file, changes, None)
            self._models[key] = subject, file, simulation.model(simulation.given[-1], by_knots=self.by_knots), notes
            while len(self._models) > KEPT:
                self._models.popitem(last=False)
        self._models.move_to_end(key)
        return self._models[key]

    @cached_property
    def by_knots(self) -> bool:
        """Whether all cases are integrated by the steps of the training of a run: no factor changes the plant."""
        if any(factor.kind == "key" for factor in self.factors.columns):
            return False
        none = CaseChanges((), {}, {}, None)
        return self._simulation(self.subject, None, none, None).by_knots

    def _begin(self, simulation: Simulation, model: CaseModel, values: Mapping[str, Value]) -> tuple[np.ndarray, ...]:
        """Return the states from which a case starts."""
        given = simulation.given[-1]
        if not self.of_record:
            return simulation.starts(model, given)[0]
        key = case_changes(self.factors, values, self.parameters).parameters
        drawn = tuple(sorted(key.items()))
        if drawn not in self._starts:
            self._starts[drawn] = simulation.starts(model, given)[0]
            while len(self._starts) > KEPT:
                self._starts.popitem(last=False)
        return simulation.carried(model, given, self._starts[drawn])

    def _neural(self, values: Mapping[str, Value]) -> Case:
        assert isinstance(self.subject, FittedSubject)
        changes = case_changes(self.factors, values, self.parameters)
        other = [f for f in self.factors.columns if f.kind != "input"]
        if other:
            raise InputError(
                f"a pure neural model has no plant in which {other[0].target} could change",
                where=self.study.where(other[0].section),
                expected="factors that change inputs",
            )
        scenario = case_scenario(self.study, changes, None, of_record=self.of_record)
        return simulate_neural(self.subject, scenario, self.influent).cases[-1]

    def outcome(self, number: int, values: Mapping[str, Value]) -> Outcome:
        """Simulate a case and keep what the study wants of it.

        Parameters
        ----------
        number : int
            Number of the case.
        values : mapping of str to (float or str)
            Values by factor.

        Returns
        -------
        Outcome

        Raises
        ------
        InputError, SimulationError
            As `case`.
        """
        began = time.process_time()
        case, more = self.case(values)
        figures = self._figures(case) | more
        trust = (case.trust.text,) if case.trust and case.trust.text else ()
        notes = tuple(dict.fromkeys((*trust, *case.warnings, *case.left_out)))
        return Outcome(number, figures, self._series(case), notes, "", time.process_time() - began)

    def _figures(self, case: Case) -> dict[str, float]:
        """Return the wanted indicators; of a run with several seeds the median, and the ends of their range."""
        values = {i.name: i.value for i in case.indicators}
        wanted = self.study.content.outputs.indicators
        if wanted == "main":
            names = [row.name for row in main_rows([case])]
        else:
            names = list(values) if wanted == "all" else [name for name in wanted if name in values]
        names += [name for name in self.study.content.pareto if name in values and name not in names]
        found = {name: values[name] for name in names}
        if case.ends is not None:
            for end, own in zip(ENDS, case.ends, strict=True):
                found |= {name + end: own[name] for name in names if name in own}
        return found

    def _series(self, case: Case) -> dict[str, np.ndarray]:
        record, wanted = case.record, self.study.content.outputs.series
        if not wanted:
            return {}
        kept = self.kept(record.times)
        return {name: np.array(record.columns[name][kept], dtype=float) for name in wanted}

    def kept(self, times: np.ndarray) -> np.ndarray:
        """Return which times of a record are kept, by their index.

        Parameters
        ----------
        times : ndarray, shape (k,)
            Times that are recorded [d].

        Returns
        -------
        ndarray of int
        """
        every = self.study.content.outputs.every
        return np.flatnonzero(np.abs(times / every - np.round(times / every)) * every < SAME)


def open_bench(load: Callable[[], Subject], name: str, study: Study) -> Bench:
    """Read what is studied, and fit a study to it.

    Parameters
    ----------
    load : callable
        Reads the subject.
    name : str
        What it is called in messages.
    study : Study
        The study.

    Returns
    -------
    Bench

    Raises
    ------
    InputError
        When subject, influent or factors cannot be used.
    """
    subject = load()
    influent = find_influent(subject, study.scenario)
    run = subject.run if isinstance(subject, FittedSubject) else None
    plant, file = _plant(subject, study)
    return Bench(study, subject, name, influent, find_factors(study, plant, file, subject.parameters, run))


def _plant(subject: Subject, study: Study) -> tuple[Plant, Any]:
    """Return the plant that all cases have in common, with the controllers of the scenario, and the file of keys."""
    for case in study.scenario.cases:
        file, _ = changed_file(subject.file, subject.plant.table.oxygen, study.scenario, case)
        return subject.changed_plant(file), subject.file
    return subject.plant, subject.file


def open_evaluate(
    load: Callable[[], Subject], name: str, study: Study
) -> Callable[[int, Mapping[str, Value]], Outcome]:
    """Return what simulates cases of a study, for a process that keeps it warm; see `asm_hybrid.parallel`.

    Parameters
    ----------
    load, name, study
        As in `open_bench`.

    Returns
    -------
    callable
        From number and values of a case to its outcome.
    """
    return open_bench(load, name, study).outcome
