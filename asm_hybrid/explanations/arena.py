"""The plants that explanations of one record are tried in, and recalibrated f that they have to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from asm_hybrid.explanations.explained_plant import ExplainedPlant
from asm_hybrid.explanations.fit import Fitted, Problem, fit
from asm_hybrid.explanations.knobs import Knob
from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.explanations.record import Record
from asm_hybrid.explanations.suspects import calibrated
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics.candidates import Candidate, with_candidates
from asm_hybrid.plant import Plant
from asm_hybrid.training.simulation_models import start_state

__all__ = ["Arena"]

ROUNDS = 2
"""Times that f is recalibrated, each with the weights that its last errors give."""


@dataclass(frozen=True, eq=False)
class Arena:
    """One record, and all the plants that are simulated over it.

    Attributes
    ----------
    record : Record
        The record.
    """

    record: Record
    _problems: dict[tuple[tuple[str, ...], tuple[Shape, ...]], Problem] = field(default_factory=dict, repr=False)

    @cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """The calibrated parameters, which move beside every explanation."""
        return calibrated(self.record)

    @cached_property
    def start(self) -> np.ndarray:
        """The steady state of f under the mean of its first inputs, ``(row, component)``."""
        record = self.record
        system = PlantSystem(record.plant, torch.as_tensor(record.parameters), record.targets)
        return np.asarray(start_state(system, torch.as_tensor(record.typical @ record.inputs))[0])

    def problem(self, candidates: Sequence[Candidate] = (), shapes: Sequence[Shape] = ()) -> Problem:
        """Return a plant that holds some processes that f lacks, and factors on some rates."""
        key = tuple(c.name for c in candidates), tuple(shapes)
        if key not in self._problems:
            record = self.record
            plant = record.plant
            if candidates:
                plant = Plant(with_candidates(plant.table, candidates), plant.layout)
            explained = ExplainedPlant(plant, record.targets, record.grid, tuple(shapes))
            own = [p.default for p in plant.table.parameters[len(record.defaults) :]]
            values = np.concatenate([record.defaults, own, np.zeros(len(shapes))])
            explained.prepare(len(record.inputs))
            self._problems[key] = Problem(explained, record, values, self.start[explained.active])
        return self._problems[key]

    @cached_property
    def f(self) -> tuple[Fitted, np.ndarray]:
        """F recalibrated to all that is fitted, and the weight of every squared error ``(sample,)``."""
        record = self.record
        names = record.plant.table.parameter_names
        places = [names.index(k.name) if k.entry else None for k in self.knobs]
        ratios = [0.0 if i is None else np.log(record.parameters[i] / record.defaults[i]) for i in places]
        at, weights = np.array(ratios), record.weights
        for _ in range(ROUNDS):
            found = fit(self.problem(), self.knobs, at, weights)
            at, weights = found.near.at, self.weights(found.near.errors)
        return found, weights

    def weights(self, errors: np.ndarray) -> np.ndarray:
        """Return weights of squared errors, from what models leave of each column ``(sample,)`` [noise]."""
        columns = self.record.columns
        mean = np.bincount(columns, errors**2) / np.maximum(np.bincount(columns), 1)
        return np.asarray(self.record.weights / np.maximum(mean, 1.0)[columns])

    def states(self, run_states: np.ndarray) -> np.ndarray:
        """Return active states ``(knot, state)`` in the shape of the plant ``(knot, row, component)``."""
        active = self.problem().plant.active
        out = np.zeros((len(run_states), *active.shape))
        out[:, active] = run_states
        return out

    def recalibrated(self) -> Record:
        """Return the record with the parameters of recalibrated f."""
        values, _ = self.problem().set_to(self.knobs, self.f[0].near.at)
        return replace(self.record, parameters=values)
