"""f with the parameters that were calibrated."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.state_forecast import loop_of_f, plant_forecast

__all__ = ["MODEL"]


class Recalibrated(ComparedModel):
    """f, recalibrated on its block."""

    name, order = "recalibrated", 50
    title, phrase = "Mechanistic, recalibrated", "recalibrated f"
    colour = "#d55e00"
    mode = "mechanistic"
    states = True

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Return the simulation of the record."""
        return loop_of_f(record, 1)

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray] | None:
        """Forecast from updated states."""
        assert loop is not None
        model = task.record.model
        return plant_forecast(task, loop, model.recalibrated(), model.sensors.of_f)


MODEL = Recalibrated()
