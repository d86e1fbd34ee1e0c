"""f as its table has it."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.state_forecast import loop_of_f, plant_forecast

__all__ = ["MODEL"]


class Mechanistic(ComparedModel):
    """f with its default parameters."""

    name, order = "mechanistic", 40
    title, phrase = "Mechanistic, default", "f with default parameters"
    colour, line = "#7a5195", ":"
    states = True

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Return the simulation of the record."""
        return loop_of_f(record, 0)

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray] | None:
        """Forecast from updated states."""
        assert loop is not None
        model = task.record.model
        return plant_forecast(task, loop, model.default(), model.sensors.known)


MODEL = Mechanistic()
