"""The last measurement: for forecasts alone."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop
from asm_hybrid.training.updating import latest

__all__ = ["MODEL"]


class Persistence(ComparedModel):
    """What was measured last stays."""

    name, order = "persistence", 0
    title, phrase = "Persistence", "persistence"
    colour = "#777777"

    def simulate(self, record: FittedRecord) -> None:
        """Predict nothing: in open loop nothing is measured."""
        return

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray]:
        """Forecast the last measurement before the origin."""
        return [
            o.values[latest(o.times, task.origins)][at.origin][None]
            for o, at in zip(task.record.observations, task.targets, strict=True)
        ]


MODEL = Persistence()
