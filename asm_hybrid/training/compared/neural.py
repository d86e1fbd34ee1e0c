"""The pure neural ODE of the measured variables."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.simulation_models import NeuralModel, without_gradients
from asm_hybrid.training.state_forecast import neural_outputs, read_forecasts

__all__ = ["MODEL"]

POINTS = 1
"""Recorded outputs from one knot to the next: its states, at the knots."""


class Neural(ComparedModel):
    """A neural ODE without f."""

    name, order = "neural", 60
    title, phrase = "Pure neural ODE", "the pure neural ODE"
    colour, line = "#009e73", "-."
    mode = "neural"
    learns = True

    def simulate(self, record: FittedRecord) -> OpenLoop | None:
        """Simulate the record from its first measurements; None where the run has no such model."""
        ode, start = record.model.neural, record.model.neural_start
        if ode is None or start is None:
            return None
        first = start.expand(ode.network.members, -1)
        found = without_gradients(NeuralModel(ode, record.grid)).simulate(first, record.inputs, record_knots=True)
        return OpenLoop(record.read(found.outputs, POINTS), found.knots, int((~found.ok).sum()))

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray] | None:
        """Forecast from the last measurements, each of which moves its own variable."""
        ode = task.record.model.neural
        if loop is None or ode is None or not len(task.knots):
            return None
        outputs = neural_outputs(task, loop, NeuralModel(ode, task.record.grid))
        return read_forecasts(task, loop, outputs, POINTS)


MODEL = Neural()
