"""What each case of a simulation is given: the plant's file with its controllers, inputs, and changes in words."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from asm_hybrid.config import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.cycle import Cycle
from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.scenario.cases import BASE
from asm_hybrid.scenario.changed_plant import changed_file
from asm_hybrid.scenario.changes import Knots, apply_changes, change_texts
from asm_hybrid.scenario.definition import NamedChanges, Scenario
from asm_hybrid.scenario.impossible_water import check_base_water, check_changed_water
from asm_hybrid.scenario.influent_shares import InfluentShares
from asm_hybrid.scenario.influents import Influent
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs, sample_of_phases
from asm_hybrid.scenario.subject import Subject

__all__ = ["Given", "case_inputs", "spin_up_inputs"]


@dataclass(frozen=True, eq=False)
class Given:
    """What one case is given.

    Attributes
    ----------
    name : str
        Its name.
    texts : tuple of str
        Its changes in words.
    file : PlantFile
        Its plant.
    inputs, unchanged, lasting : InputSeries
        Its inputs; those that it has without changes of inputs; and those with the changes that have neither start nor
        end, from which its own steady state follows.
    case : NamedChanges or None
        Its changes; None of the base case.
    """

    name: str
    texts: tuple[str, ...]
    file: PlantFile
    inputs: InputSeries
    unchanged: InputSeries
    lasting: InputSeries
    case: NamedChanges | None = None


def case_inputs(
    found: Subject, scenario: Scenario | None, influent: Influent, name: str, file: PlantFile | None = None
) -> list[Given]:
    """Return what the cases are given, the base case first.

    Parameters
    ----------
    found : Subject
        What is simulated.
    scenario : Scenario or None
        The scenario file.
    influent : Influent
        What comes in.
    name : str
        What the subject is called in messages.
    file : PlantFile, optional
        Another file of the plant, which its only case has, with and without changes.

    Returns
    -------
    list of Given

    Raises
    ------
    InputError
        For changes that cannot be, with the place in the scenario file.
    """
    cases = [] if scenario is None else list(scenario.cases)
    if scenario is not None and file is not None:
        cases = cases or [NamedChanges(scenario.content.name, ("changes",), ())]
    own = found.file if file is None else file
    changed = [changed_file(own, found.plant.table.oxygen, scenario, case) for case in cases if scenario]
    plants = [found.changed_plant(file) for file, _ in changed]
    if scenario is not None:
        _check_cases(scenario, cases, plants, influent)
    if influent.first is None:
        tables = [cycle for plant in (found.plant, *plants) for cycle in plant.layout.cycles]
        influent = replace(influent, sample=sample_of_phases(tables))
    same = all(changed is found.file for changed, _ in changed)
    jumps = [] if influent.first is not None and same else _jumps(scenario, cases, influent)
    recorded = () if influent.first is None else found.plant.layout.cycles
    base = _assembled(found.plant, scenario, influent, jumps, recorded)
    if influent.first is None:
        check_base_water(found.plant, base, f"{name}, with {influent.text}" if influent.frame is not None else name)
    result = [Given(BASE, (), found.file, base, base, base)]
    for case, plant, (file, texts) in zip(cases, plants, changed, strict=True):
        assert scenario is not None
        unchanged = base if plant is found.plant else _assembled(plant, scenario, influent, jumps, recorded)
        inputs = _with_changes(plant, scenario, case, influent, unchanged, found.parameters)
        check_changed_water(plant, scenario, case, unchanged.times[:-1], unchanged.begin, inputs.begin, influent.clock)
        lasting = _lasting(case)
        settled = (
            inputs
            if lasting == case
            else _with_changes(plant, scenario, lasting, influent, unchanged, found.parameters)
        )
        words = (*texts, *change_texts(scenario, case, plant.inputs, load_inputs(plant)))
        result.append(Given(case.name, words, file, inputs, unchanged, settled, case))
    return result


def spin_up_inputs(
    plant: Plant, scenario: Scenario, influent: Influent, case: NamedChanges | None, parameters: np.ndarray
) -> InputSeries:
    """Return the inputs of the time before a simulation: the influent from its begin, with the lasting changes.

    Parameters
    ----------
    plant : Plant
        The plant.
    scenario : Scenario
        The scenario file, with a spin-up.
    influent : Influent
        What comes in.
    case : NamedChanges or None
        The case whose changes act, but for those that have a start or an end; None for the base case.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.

    Returns
    -------
    InputSeries
    """
    seed, days = scenario.content.seed, scenario.content.spin_up
    frame = _frame(plant, influent, ())
    series = assemble_inputs(plant, days, frame, held=influent.held, seed=None if seed is None else seed + 1)
    if case is None:
        return series
    return _with_changes(plant, scenario, _lasting(case), replace(influent, days=days), series, parameters)


def _lasting(case: NamedChanges) -> NamedChanges:
    """Return a case without the changes that have a start or an end."""
    return replace(case, changes=tuple(c for c in case.changes if c.start is None and c.end is None))


def _with_changes(
    plant: Plant,
    scenario: Scenario,
    case: NamedChanges,
    influent: Influent,
    unchanged: InputSeries,
    parameters: np.ndarray,
) -> InputSeries:
    """Return inputs with the changes of a case."""
    knots = Knots(unchanged.times[:-1], (0.0, influent.days), influent.clock)
    pollutants, shares = load_inputs(plant), InfluentShares(plant.table, parameters)
    begin, end = (
        None if values is None else apply_changes(scenario, case, plant.inputs, pollutants, knots, values, shares)
        for values in (unchanged.begin, unchanged.end)
    )
    assert begin is not None
    return replace(unchanged, begin=begin, end=end)


def _jumps(scenario: Scenario | None, cases: Sequence[NamedChanges], influent: Influent) -> list[float]:
    """Return the times at which changes begin and end; on the knots of a run they act from knot to knot."""
    return [
        influent.clock.read(scenario, moment, *case.keys, i, key)
        for case in cases
        for i, change in enumerate(case.changes)
        for key, moment in (("start", change.start), ("end", change.end))
        if moment is not None and scenario is not None
    ]


def _check_cases(
    scenario: Scenario, cases: Sequence[NamedChanges], plants: Sequence[Plant], influent: Influent
) -> None:
    """Refuse names that are taken, changes without an effect, and indicators of a time that is not simulated."""
    for case, plant in zip(cases, plants, strict=True):
        if case.name == BASE:
            raise InputError(
                f"a scenario has the name {BASE!r}, which is that of the case without changes",
                where=scenario.document.where(*case.keys),
                expected="another name",
            )
        _check_moved(plant, scenario, case)
    if scenario.content.score_from >= influent.days:
        raise InputError(
            f"indicators count from day {scenario.content.score_from:g} on, and {influent.days:g} d are simulated",
            where=scenario.document.where("score_from"),
            expected=f"a time before day {influent.days:g}",
        )


def _check_moved(plant: Plant, scenario: Scenario, case: NamedChanges) -> None:
    """Refuse to change what a controller or a phase moves, or a calibrated set point: nothing would come of it."""
    movers = {name: c for c in plant.layout.controllers for name in c.sets}
    phased = {name: c for c in plant.layout.cycles if c.states for name in c.inputs}
    for i, change in enumerate(case.changes):
        for name in fnmatch.filter(set(plant.table.parameter_names) & set(plant.input_index), change.input):
            raise InputError(
                f"{name} was calibrated, so that a change of what the config gives has no effect",
                where=scenario.document.where(*case.keys, i, "input"),
                expected="an input that is not calibrated",
                fix=f"train without {name} in model.calibrate, with the value that was found as the setpoint",
            )
        for name in fnmatch.filter(phased, change.input):
            cycle = phased[name].name
            raise InputError(
                f"{name} is given by the time table {cycle!r}, whose phases end by themselves: a change has no effect",
                where=scenario.document.where(*case.keys, i, "input"),
                expected="an input that no such time table gives",
                fix=f"give the scenario phases with other values, as cycles.{cycle}",
            )
        for name in fnmatch.filter(movers, change.input):
            controller = movers[name]
            setpoint = plant.inputs.owned(controller.name, "setpoint")
            raise InputError(
                f"{name} is moved by the controller {controller.name!r}, so that a change has no effect",
                where=scenario.document.where(*case.keys, i, "input"),
                expected="an input that no controller moves",
                fix=f"change {setpoint.name}" if setpoint else "drop the controller from the plant",
            )


def _assembled(
    plant: Plant, scenario: Scenario | None, influent: Influent, jumps: Sequence[float], recorded: Sequence[Cycle]
) -> InputSeries:
    """Return the inputs of a plant without changes; the phases of recorded time tables are those of the record."""
    frame = _frame(plant, influent, recorded)
    seed = scenario.content.seed if scenario else None
    days, held, sample = influent.days, influent.held, influent.sample
    return assemble_inputs(plant, days, frame, held=held, seed=seed, more_times=jumps, sample=sample)


def _frame(plant: Plant, influent: Influent, recorded: Sequence[Cycle]) -> pd.DataFrame | None:
    """Return what an influent gives of a plant's inputs, without what controllers and own time tables move."""
    frame = influent.frame
    if frame is None:
        return None
    moved = {name for c in plant.layout.controllers for name in c.sets}
    moved |= {name for cycle in plant.layout.cycles if cycle not in recorded for name in cycle.inputs}
    return frame[[c for c in frame.columns if c == "time" or (c in plant.input_index and c not in moved)]]
