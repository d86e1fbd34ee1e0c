"""Scenarios of a pure neural model: the series of what it predicts, and their means; it has no plant."""

from __future__ import annotations

import numpy as np
import torch

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.plant import target_unit
from asm_hybrid.scenario.case_inputs import Given, case_inputs
from asm_hybrid.scenario.cases import Case, Fitted, PlantScenarios, spread
from asm_hybrid.scenario.changes import StampClock
from asm_hybrid.scenario.compiled import PlantRecord
from asm_hybrid.scenario.definition import Scenario
from asm_hybrid.scenario.fitted_subject import FittedSubject
from asm_hybrid.scenario.influents import Influent
from asm_hybrid.scenario.kpi import Indicator
from asm_hybrid.scenario.negative import negative_targets
from asm_hybrid.scenario.scoring import measured_means
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.scenario.trust import find_trust

__all__ = ["simulate_neural"]


def simulate_neural(found: FittedSubject, scenario: Scenario | None, influent: Influent) -> PlantScenarios:
    """Simulate a pure neural model, and what scenarios change.

    Parameters
    ----------
    found : FittedSubject
        The run.
    scenario : Scenario or None
        The scenario file.
    influent : Influent
        The part of the record that is simulated.

    Returns
    -------
    PlantScenarios
        Cases with the series of the measured quantities, and their means.

    Raises
    ------
    InputError
        When the scenario cannot be used.
    SimulationError
        When the simulation leaves the finite numbers.
    """
    for key in ("control", "cycles", "influent", "limits", "factors", "process_noise", "draws"):
        cases = scenario.content.scenarios.values() if scenario else ()
        if scenario and (key in scenario.content.model_fields_set or any(key in c.model_fields_set for c in cases)):
            raise InputError(
                f"the scenario gives {key!r}, and a pure neural model has no plant",
                where=scenario.document.where(key),
                expected="period, zone and changes of the inputs of the record",
                fix="train with mode: hybrid or mechanistic",
            )
    given = case_inputs(found, scenario, influent, str(found.run))
    since = scenario.content.score_from if scenario else 0.0
    name = scenario.content.name if scenario and "name" in scenario.content.model_fields_set else found.file.name
    clock = influent.clock
    assert isinstance(clock, StampClock)
    targets = tuple(dict.fromkeys(found.model.targets))
    count = len(found.model.config.training.seeds)
    return PlantScenarios(
        name,
        found.file,
        found.plant,
        tuple(_case(found, influent, one, targets, since) for one in given),
        tuple(found.plant for _ in given),
        {},
        since,
        None,
        scenario,
        {},
        influent.text,
        (),
        Fitted(count, targets, True, clock.origin, clock.zone),
    )


def _knots(inputs: InputSeries) -> np.ndarray:
    """Return the values at the knots; what is changed jumps at the first one."""
    if inputs.end is None:
        return np.vstack([inputs.begin, inputs.begin[-1:]])
    return np.vstack([inputs.begin[:1], inputs.end])


def _case(found: FittedSubject, influent: Influent, given: Given, targets: tuple[str, ...], since: float) -> Case:
    first = influent.first
    assert first is not None
    u = np.vstack([found.knots[:first], _knots(given.inputs)])
    solution = found.model.simulate(torch.as_tensor(u), targets)
    if not bool(solution.ok.all()):
        raise SimulationError(f"{given.name}: the simulation leaves the finite numbers; make the change smaller")
    times = given.inputs.times
    values = np.asarray(solution.outputs)[:, first:]
    units = {target: target_unit(found.plant.table, target) for target in targets}
    records = [
        PlantRecord(times, np.zeros((len(times), 0)), {t: own[:, i] for i, t in enumerate(targets)}, units)
        for own in values
    ]
    members = [measured_means(record, targets, since) for record in records]
    medians = tuple(
        Indicator(i.name, float(np.median([m[k].value for m in members])), i.unit, i.description)
        for k, i in enumerate(members[0])
    )
    median, low, high = spread(records)
    return Case(
        given.name,
        given.texts,
        median,
        medians,
        negative_targets(targets, values, units.values()),
        low=low,
        high=high,
        members=tuple(members) if len(members) > 1 else (),
        trust=find_trust(found, found.model, records, given.inputs.at(given.inputs.sampled)),
    )
