"""The plant of a run with the controllers and time tables of a scenario, to be used elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.scenario.carried_state import carried_state
from asm_hybrid.scenario.changed_plant import changed_file
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.definition import NamedChanges, Scenario, load_scenario
from asm_hybrid.scenario.fitted_subject import FittedSubject, Period
from asm_hybrid.yamlfile import YamlSource

__all__ = ["steered"]

LOST = {"influent": "what comes in", "spin_up": "what comes before the start", "changes": "changes of inputs"}
LOST |= {"process_noise": "noise of states", "draws": "draws of noise"}
"""Keys of a scenario that a model cannot hold, and what they say. What is reckoned from results is of no concern."""


@dataclass(frozen=True)
class _SteeredSubject(FittedSubject):
    """The plant of a run in one scenario.

    Attributes
    ----------
    base : FittedSubject
        The run.
    scenario : Scenario
        The scenario, whose period tells where it starts.
    """

    base: FittedSubject | None = None
    scenario: Scenario | None = None

    @property
    def _base(self) -> FittedSubject:
        assert self.base is not None
        return self.base

    @cached_property
    def knots(self) -> np.ndarray:
        """Inputs at the knots of the record: set points and the like are constants."""
        place, constants = self._base.plant.input_index, self.plant.layout.constants
        recorded = self._base.knots
        columns = [
            recorded[:, place[name]] if name in place else np.full(len(recorded), constants.get(name, 0.0))
            for name in self.plant.inputs.names
        ]
        return np.stack(columns, axis=-1)

    def period(self, scenario: Scenario | None) -> Period:
        """See `FittedSubject.period`."""
        return self._base.period(self.scenario if scenario is None else scenario)

    def starts(self, first: int) -> tuple[np.ndarray, ...]:
        """See `FittedSubject.starts`: those of the run, with new controllers that start afresh."""
        base, compiled = self._base, CompiledPlant(self.plant, self.parameters)
        before, now = base.knots[first], self.knots[first]
        return tuple(carried_state(base.plant, compiled, start, before, now) for start in base.starts(first))


def steered(found: FittedSubject, source: YamlSource, name: str | None = None) -> FittedSubject:
    """Return the plant of a run in the scenario of a file.

    Parameters
    ----------
    found : FittedSubject
        The run.
    source : str, Path or mapping
        The scenario file: controllers and time tables, and the start of the period.
    name : str, optional
        Which of its scenarios, where it holds several.

    Returns
    -------
    FittedSubject

    Raises
    ------
    InputError
        When the scenario changes inputs, or it is not told which of several is meant.
    """
    scenario = load_scenario(source)
    case = _case(scenario, name)
    lost = [key for key in LOST if key in scenario.content.model_fields_set]
    if lost or (case and case.changes):
        key = lost[0] if lost else "changes"
        raise InputError(
            f"the scenario has {LOST[key]}",
            where=scenario.document.where(*((key,) if lost or case is None else case.keys)),
            expected="controllers and time tables, and period.start",
            fix="leave that out: whoever runs the exported model gives its inputs",
        )
    file = found.file if case is None else changed_file(found.file, found.plant.table.oxygen, scenario, case)[0]
    plant = found.changed_plant(file)
    if plant.late:
        raise InputError(
            f"in the scenario {', '.join(s.name for s in plant.late)} arrives late",
            where=scenario.document.where(*(() if case is None else case.keys)),
            expected="sensors without dead time: an exported model knows no past",
            fix="leave out 'delay' of the sensor, or give it a response with an order of 8",
        )
    model = found.fitted(plant, file)
    return _SteeredSubject(file, plant, model, found.run, found.silent, found, scenario)


def _case(scenario: Scenario, name: str | None) -> NamedChanges | None:
    """Return the scenario of a name, or the only one; None where there is none and none is named."""
    cases = {case.name: case for case in scenario.cases}
    if name is None and len(cases) < 2:
        return next(iter(cases.values()), None)
    if name not in cases:
        raise InputError(
            f"the file has no scenario {name!r}" if name else f"the file holds {len(cases)} scenarios",
            where=scenario.document.where("scenarios"),
            expected="the name of one, since a model has one plant: " + ", ".join(cases),
            fix=nearest(name, cases) if name else "choose one with --case",
        )
    return cases[name]
