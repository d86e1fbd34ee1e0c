"""One case of a study, simulated on a plant or a run by the same code as `asm-hybrid simulate`, and its outcome."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from asm_hybrid.config.builders.located import known
from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome, Value
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.cases import Case
from asm_hybrid.scenario.changed_plant import changed_file
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent, find_influent
from asm_hybrid.scenario.kpi import Indicator
from asm_hybrid.scenario.neural_cases import simulate_neural
from asm_hybrid.scenario.scoring import NAMES
from asm_hybrid.scenario.simulation import Simulation
from asm_hybrid.scenario.sludge_age import wastage_for
from asm_hybrid.scenario.subject import CaseModel, Subject
from asm_hybrid.scenario.summary import is_main
from asm_hybrid.studies.case_changes import CaseChanges, case_changes, case_scenario, changed_subject
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.factors import Factors, find_factors
from asm_hybrid.studies.result import FigureInfo

__all__ = ["Bench", "OpenBench", "Rehearsal", "open_bench"]

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
class Rehearsal:
    """What the cases of a study give.

    Attributes
    ----------
    figures : tuple of FigureInfo
        Their figures.
    times : ndarray, shape (time,)
        Times of their series [d].
    units : mapping of str to str
        Units of the series by name.
    limits : mapping of str to float
        Limits of series, such as ``effluent.TN``.
    """

    figures: tuple[FigureInfo, ...]
    times: np.ndarray
    units: Mapping[str, str]
    limits: Mapping[str, float]


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
    def neural(self) -> bool:
        """Whether it is a pure neural model, which has no plant."""
        return isinstance(self.subject, FittedSubject) and not self.subject.has_plant

    @property
    def seeds(self) -> int:
        """Seeds of n that are simulated; one without n."""
        return self.subject.members if isinstance(self.subject, FittedSubject) else 1

    @property
    def learns(self) -> bool:
        """Whether anything was learnt."""
        return isinstance(self.subject, FittedSubject) and self.subject.learns

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
        if self.neural:
            return self._neural(values), {}
        prepared = self.prepare(values)
        simulation, model = prepared.simulation, prepared.model
        given = simulation.given[-1]
        case = simulation.one(given, model, self.begin(simulation, model, values))
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

    def begin(self, simulation: Simulation, model: CaseModel, values: Mapping[str, Value]) -> tuple[np.ndarray, ...]:
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
        found = {i.name: i.value for i in case.indicators if self._wanted(i)}
        if case.ends is not None:
            for end, own in zip(ENDS, case.ends, strict=True):
                found |= {name + end: own[name] for name in tuple(found) if name in own}
        return found

    def _wanted(self, indicator: Indicator) -> bool:
        name, wanted = indicator.name, self.study.content.outputs.indicators
        chosen = is_main(name, indicator.description) if wanted == "main" else wanted == "all" or name in wanted
        return chosen or name in self.study.content.pareto

    def _series(self, case: Case) -> dict[str, np.ndarray]:
        wanted = self.study.content.outputs.series
        if not wanted:
            return {}
        columns, kept = case.record.columns, self.kept(case.record.times)
        return {name: np.array(columns[column_of(columns, name)][kept], dtype=float) for name in wanted}

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

    def rehearse(self) -> Rehearsal:
        """Simulate the begin of the base case, from seed sludge, to learn what cases give.

        Returns
        -------
        Rehearsal

        Raises
        ------
        InputError
            For an indicator or a series that cases do not give, and for times that are not recorded.
        SimulationError
            When the begin cannot be simulated.
        """
        if self.neural:
            case = self._neural({})
            return self._rehearsal(case.record, case.indicators, case.record.times, {})
        prepared = self.prepare({})
        simulation, model, given = prepared.simulation, prepared.model, prepared.simulation.given[-1]
        sampled = given.inputs.sampled
        short = given.inputs.until(int(sampled[min(2, len(sampled) - 1)]))
        start = model.compiled[0].start(given.inputs.begin[0])
        record = model.members[0].simulate(start, short)
        indicators = replace(simulation.scoring, since=0.0).score(model.plant, record)[0]
        return self._rehearsal(record, indicators, given.inputs.times[sampled], simulation.limits)

    def _rehearsal(
        self, record: PlantRecord, indicators: Sequence[Indicator], times: np.ndarray, limits: Mapping[str, float]
    ) -> Rehearsal:
        outputs, document = self.study.content.outputs, self.study.document
        names = [i.name for i in indicators]
        if not isinstance(outputs.indicators, str):
            for k, name in enumerate(outputs.indicators):
                known(name, names, "an indicator of this plant", document.where("outputs", "indicators", k))
        for name in self.study.content.pareto:
            known(name, names, "an indicator of this plant", document.where("pareto"))
        for k, name in enumerate(outputs.series):
            if column_of(record.columns, name) not in record.columns:
                where = document.where("outputs", "series", k)
                known(name, record.columns, "a recorded quantity of this plant", where)
        kept = self.kept(times)
        step = float(times[1] - times[0])
        if outputs.series and (len(kept) < 2 or abs(times[kept[1]] - times[kept[0]] - outputs.every) > SAME):
            raise InputError(
                f"series are recorded every {1440 * step:g} min, and kept every {1440 * outputs.every:g} min",
                where=document.where("outputs", "every"),
                expected="a multiple of the former, of which the simulation has some",
            )
        bounds = {f"effluent.{name}": limit for name, limit in limits.items()}
        bounds |= {column_of(record.columns, name): limit for name, limit in bounds.items()}
        units = {name: record.units[column_of(record.columns, name)] for name in (*bounds, *outputs.series)}
        return Rehearsal(self._infos(indicators), times[kept] if outputs.series else np.empty(0), units, bounds)

    def _infos(self, indicators: Sequence[Indicator]) -> tuple[FigureInfo, ...]:
        """Return what cases give: as the study lists it, else in the order in which they give it."""
        wanted = self.study.content.outputs.indicators
        if not isinstance(wanted, str):
            listed = {name: k for k, name in enumerate(wanted)}
            indicators = sorted(indicators, key=lambda i: listed.get(i.name, len(listed)))
        found = [FigureInfo(i.name, i.unit, i.description) for i in indicators if self._wanted(i)]
        if self.seeds > 1:
            for end, word in zip(ENDS, ("lowest", "highest"), strict=True):
                found += [
                    FigureInfo(i.name + end, i.unit, f"{i.description}; {word} of the seeds")
                    for i in indicators
                    if self._wanted(i)
                ]
        for factor in self.factors.columns:
            if factor.kind == "sludge_age":
                found.append(FigureInfo(f"{factor.name}: wastage", "m3/d", "wastage that gives this sludge age"))
        return tuple(found)


def column_of(columns: Collection[str], name: str) -> str:
    """Return the recorded quantity that a series names: itself, or ammonium or nitrate by their short names.

    Parameters
    ----------
    columns : collection of str
        What is recorded.
    name : str
        Such as ``effluent.NH4``.

    Returns
    -------
    str
        The name as it is where nothing of it is recorded.
    """
    place, _, quantity = name.rpartition(".")
    options = [f"{place}.{own}" for own in NAMES.get(quantity, ())]
    return name if name in columns else next((option for option in options if option in columns), name)


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


@dataclass
class OpenBench:
    """Opens a study in a process that keeps it; see `asm_hybrid.parallel`.

    Attributes
    ----------
    load, name, study
        As in `open_bench`.
    bench : Bench or None
        What this process has opened before; no other process gets it.
    """

    load: Callable[[], Subject]
    name: str
    study: Study
    bench: Bench | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "bench": None}

    def __call__(self) -> Callable[[int, Mapping[str, Value]], Outcome]:
        """Return what gives the outcome of a case, by its number and the values of its factors."""
        return (self.bench or open_bench(self.load, self.name, self.study)).outcome
