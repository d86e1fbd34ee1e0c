"""The last day, again."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop

__all__ = ["MODEL"]


class Yesterday(ComparedModel):
    """The median of the training block; as a forecast, the mean of the day before the origin."""

    name, order = "yesterday", 25
    title, phrase = "Day before", "the day before"
    colour = "#56b4e9"

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Predict the median for all times."""
        return OpenLoop(
            tuple(np.full((1, len(o.times)), np.median(o.values[record.trained(o)])) for o in record.observations)
        )

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray]:
        """Forecast the mean of the day before the origin; without any, the median."""
        assert loop is not None
        found = []
        for o, at, y in zip(task.record.observations, task.targets, loop.values, strict=True):
            means = []
            for origin in task.origins:
                day = (o.times <= origin) & (o.times > origin - 1.0)
                means.append(o.values[day].mean() if day.any() else y[0, 0])
            found.append(np.array(means)[at.origin][None])
        return found


MODEL = Yesterday()
