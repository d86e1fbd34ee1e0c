"""The hybrid model: f + n."""

from __future__ import annotations

import numpy as np
import torch

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.training.state_forecast import plant_forecast

__all__ = ["MODEL"]


class Hybrid(ComparedModel):
    """Recalibrated f, and n on top."""

    name, order = "hybrid", 70
    title, phrase = "Hybrid", "the hybrid model"
    colour, line = "#0072b2", "-"
    mode = "hybrid"
    learns = states = bands = True

    def is_in(self, fitted: FittedModel) -> bool:
        """Return whether there is an n."""
        return fitted.term is not None

    def simulate(self, record: FittedRecord) -> OpenLoop | None:
        """Simulate the record; None where the run has no n."""
        model = record.model
        if model.term is None:
            return None
        start = model.start[1].expand(model.term.members, -1, -1)
        solution = without_gradients(model.hybrid()).simulate(start, record.inputs, record_knots=True)
        with torch.no_grad():
            shown = model.sensors.read(solution.outputs, record.grid.spacing)
        return OpenLoop(record.read(shown, record.grid.points), solution.knots, int((~solution.ok).sum()))

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray] | None:
        """Forecast from updated states."""
        model = task.record.model
        return None if loop is None else plant_forecast(task, loop, model.hybrid(), model.sensors.read)


MODEL = Hybrid()
