"""A run or a bundle as what is simulated: the plant with what was calibrated and learnt, and its own record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.artefacts import read_json
from asm_hybrid.config import PlantFile
from asm_hybrid.data import QualityFinding
from asm_hybrid.errors import InputError, SimulationError, nearest, readable
from asm_hybrid.hybrid.compiled_system import CompiledSystem, open_values
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermScaling
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.manifest import verified_files
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.changes import SAME, StampClock
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.subject import CaseModel, Record, Subject
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.training import FittedModel, load_model, read_inputs
from asm_hybrid.training.compared import model_of
from asm_hybrid.training.model_inputs import INPUTS, knot_values
from asm_hybrid.training.simulation_models import without_gradients

__all__ = ["FittedSubject", "Period", "load_fitted"]

OUTPUT = "output"
"""The placement whose n corrects what is measured, and no state."""


@dataclass(frozen=True)
class Period:
    """What of a record is simulated.

    Attributes
    ----------
    first, last : int
        Its first and last knot.
    """

    first: int
    last: int


@dataclass(frozen=True)
class _KnotSteps:
    """The method of the training, from knot to knot."""

    steps: CompiledSteps
    values: np.ndarray

    def __call__(self, start: np.ndarray, inputs: InputSeries) -> np.ndarray:
        end = inputs.begin if inputs.end is None else inputs.end
        jumps = (inputs.begin[1:] != end[:-1]).any(axis=1) & (inputs.end is not None)
        states, edges = start[None], [0, *(np.flatnonzero(jumps) + 1).tolist(), len(inputs.begin)]
        for i, j in pairwise(edges):  # inputs run without a jump from one edge to the next
            _, found = self.steps.run(states[-1], np.vstack([inputs.begin[i:j], end[j - 1 : j]]), self.values)
            states = np.vstack([states, found[1:]])
        lost = ~np.isfinite(states).all(axis=1)
        if lost.any():
            when = inputs.times[int(lost.argmax())]
            raise SimulationError(
                f"the simulation leaves the finite numbers {when:.4g} d after its begin; make the change smaller"
            )
        return states


@dataclass(frozen=True)
class FittedSubject(Subject):
    """The plant of a run.

    Attributes
    ----------
    model : FittedModel
        What the run has learnt.
    run : Path
        Its folder.
    silent : bool
        Whether n is zero with all members, since validation confirmed nothing of what it learnt; the model is left
        without it then, as recalibrated f.
    """

    model: FittedModel
    run: Path
    silent: bool = False

    @property
    def learns(self) -> bool:
        """Whether anything was learnt, so that inputs may leave what training saw."""
        return model_of(self.model).learns

    @property
    def members(self) -> int:
        """Members of n that are simulated; one without n."""
        return 1 if self.model.term is None else self.model.term.members

    @property
    def has_plant(self) -> bool:
        """Whether the model has states of a plant; a pure neural one has none."""
        return model_of(self.model).states

    @property
    def parameters(self) -> np.ndarray:
        """Calibrated values of the table's parameters, ``(parameter,)``."""
        return self.model.parameters.numpy()

    def with_parameters(self, values: Mapping[str, float]) -> FittedSubject:
        """Return the run with other values of some parameters in the place of those that were fitted; n stays.

        Parameters
        ----------
        values : mapping of str to float
            By name [unit of the table].

        Returns
        -------
        FittedSubject
        """
        names = self.plant.table.parameter_names
        own = [values.get(name, before) for name, before in zip(names, self.parameters.tolist(), strict=True)]
        model = replace(self.model, parameters=torch.tensor(own, dtype=self.model.parameters.dtype))
        found = replace(self, model=model)
        for name in ("knots", "record"):  # what was read of its folder
            if name in self.__dict__:
                found.__dict__[name] = self.__dict__[name]
        return found

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What is unusual in its data stands in the report of the run."""
        return ()

    @property
    def interval(self) -> float:
        """Distance of two knots [d]."""
        return self.model.grid.interval

    @cached_property
    def knots(self) -> np.ndarray:
        """The inputs of the record at the knots, ``(knot, input)``."""
        table = read_inputs(self.run)
        names = self.plant.inputs.names
        return knot_values(table, names, self.model.begin, self.interval, str(self.run / INPUTS))

    @cached_property
    def record(self) -> Record:
        """The inputs that the run keeps."""
        origin = self.model.begin
        assert origin is not None
        frame = pd.DataFrame(self.knots, columns=list(self.plant.inputs.names))
        frame.insert(0, "time", np.arange(len(frame)) * self.interval)
        end = origin + pd.Timedelta(days=float(frame["time"].iloc[-1]))
        text = f"{origin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
        return Record(frame, not self.model.grid.linear, text, (), origin)

    def block(self, name: str) -> tuple[float, float]:
        """Return start and end of a block from the first knot [d]; those of the record without a summary."""
        path, record = self.run / "summary.json", self.record
        last, origin = float(record.frame["time"].iloc[-1]), record.origin
        if not verified_files(self.run, [path.name]):
            return 0.0, last
        content = read_json(path)
        assert origin is not None
        with readable(
            f"the block {name!r} cannot be read",
            where=f"{path} (blocks.{name})",
            expected="start and end in the notation of ISO 8601, with a zone",
            fix="use the version of asm-hybrid that made the run, or train again",
        ):
            start, end = (float((pd.Timestamp(t) - origin) / pd.Timedelta(days=1)) for t in content["blocks"][name])
            if not (start < end and start <= last and end >= 0.0):
                raise ValueError(f"from {start} d to {end} d is no part of the record, which has {last} d")
            return start, end

    def period(self, scenario: Scenario | None) -> Period:
        """Return the knots of the period of a scenario, or of the test block.

        Raises
        ------
        InputError
            When the period is none of the record, or too short.
        """
        record, (start, end) = self.record, self.block("test")
        assert record.origin is not None
        times = record.frame["time"].to_numpy()
        if scenario is not None:
            clock, given = StampClock(record.origin, scenario.content.zone), scenario.content.period
            if given.start is not None:
                start = clock.read(scenario, given.start, "period", "start")
            if given.end is not None:
                end = clock.read(scenario, given.end, "period", "end")
            if scenario.content.days:
                end = min(end, start + scenario.content.days)
            if start >= end or start < times[0] - SAME or end > times[-1] + 1 / 1440:
                raise InputError(
                    f"the period from {clock.show(start)} to {clock.show(end)} is not one of the record",
                    where=scenario.document.where("period"),
                    expected=f"a start before its end, from {clock.show(times[0])} to {clock.show(times[-1])}",
                )
        last = int(np.searchsorted(times, end + SAME, side="right")) - 1
        first = int(np.searchsorted(times, start - SAME))
        if last - first < 2:
            raise InputError(
                "the period holds fewer than three knots of the record",
                where=scenario.document.where("period") if scenario else str(self.run),
                expected="a longer period",
            )
        return Period(first, last)

    def starts(self, first: int) -> tuple[np.ndarray, ...]:
        """Return the states at a knot of the record, of every member and then of f alone, ``(state,)`` each."""
        model, active = self.model, self.plant.rows.active > 0
        u = torch.as_tensor(self.knots[: max(first, 1) + 1])
        found = []
        for own in (model.hybrid(), model.recalibrated()) if model.term is not None else (model.recalibrated(),):
            count = 1 if own.system.term is None else own.system.term.members
            x0 = model.start[1].expand(count, -1, -1)
            solution = without_gradients(own).simulate(x0, u, record_knots=True)
            if not bool(solution.ok.all()):
                raise SimulationError("the model of the run leaves the finite numbers before the period begins")
            assert solution.knots is not None
            found += [state.numpy()[active] for state in solution.knots[:, first]]
        return tuple(found)

    def case_model(self, file: PlantFile, *, by_knots: bool = False, tolerance: float | None = None) -> CaseModel:
        """See `Subject.case_model`."""
        plant, parameters = self.changed_plant(file), self.parameters
        model = self.fitted(plant, file)
        own = self._steps(plant, None)[0] if by_knots else None
        alone = CompiledPlant(plant, parameters, tolerance=tolerance, steps=own)
        term = model.term
        if term is None:
            return CaseModel(plant, (alone,))
        shown = tuple(t for part in term if part.placement.name == OUTPUT for t in part.placement.targets)
        steps = self._steps(plant, term) if by_knots else [None] * term.members
        members = tuple(
            CompiledPlant(plant, parameters, symbolic_term(term, i), tolerance, shown=shown, steps=own)
            for i, own in enumerate(steps)
        )
        return CaseModel(plant, members, alone)

    def _steps(self, plant: Plant, term: LearntTerms | None) -> list[_KnotSteps]:
        """Return what integrates on the knots of the run, one a member."""
        system = PlantSystem(plant, self.model.parameters, self.model.targets, term)
        steps = CompiledSteps(CompiledSystem(system), self.model.grid)
        count = 1 if term is None else term.members
        values = open_values(system, (count,))
        return [_KnotSteps(steps, values((i,))) for i in range(count)]

    def fitted(self, plant: Plant, file: PlantFile) -> FittedModel:
        """Return the fitted model in the plant of a scenario.

        Raises
        ------
        InputError
            When n reads what that plant does not have.
        """
        model = self.model
        if plant is self.plant or model.term is None:
            return replace(model, plant=plant)
        for term in model.term:
            self._check_readings(term, plant, file)
        parts = [
            LearntTerm(
                term.spec,
                plant,
                TermScaling(**{item.name: getattr(term, item.name) for item in fields(TermScaling)}),
                term.participants.numpy() > 0,
            )
            for term in model.term
        ]
        learnt = LearntTerms(parts)
        learnt.load_state_dict(model.term.state_dict())
        return replace(model, plant=plant, term=learnt)

    def _check_readings(self, term: LearntTerm, plant: Plant, file: PlantFile) -> None:
        """Refuse a plant in which n would read nothing, or another quantity than in training."""
        given = {name for name in self.plant.input_index if name not in plant.input_index}
        new = {spec.owner for spec in plant.inputs.of_kind("kla") if spec.name not in self.plant.input_index}
        for name in term.spec.inputs:
            if name in given or (name == "air" and new):
                raise InputError(
                    f"n reads {name!r}, which the controllers and time tables of this scenario take away or replace",
                    where=file.where("plant", "control" if file.plant.control else "cycles"),
                    expected="a plant that gives n what it read in training",
                    fix=f"train without {name} among network.inputs: the states say the same; "
                    + nearest(name, [s.name for s in plant.inputs]),
                )


def load_fitted(run: str | Path) -> FittedSubject:
    """Read a run folder or a bundle as what is to be simulated.

    Parameters
    ----------
    run : str or Path
        The folder.

    Returns
    -------
    FittedSubject

    Raises
    ------
    InputError
        When a file is missing or is not the one that was written.
    """
    model = load_model(run)
    silent = model.term is not None and model.term.silent
    if silent:
        model = replace(model, term=None)
    return FittedSubject(model.config, model.plant, model, Path(run), silent)
