"""The mean day of the training block."""

from __future__ import annotations

import numpy as np
import pandas as pd

from asm_hybrid.data import Observation
from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, ForecastTask, OpenLoop

__all__ = ["MODEL", "diurnal_mean"]


def diurnal_mean(hours: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Predict the mean of the hour of the day.

    Parameters
    ----------
    hours : ndarray of int, shape (sample,)
        Local hours of the training measurements, 0 to 23.
    values : ndarray, shape (sample,)
        Training measurements.
    at : ndarray of int, shape (prediction,)
        Local hours to predict.

    Returns
    -------
    ndarray, shape (prediction,)
        An hour without measurements gets the mean of all.
    """
    overall = values.mean()
    table = np.array([values[hours == h].mean() if (hours == h).any() else overall for h in range(24)])
    return np.asarray(table[at])


class Diurnal(ComparedModel):
    """The mean of the hour of the day, by local time, in the training block."""

    name, order = "diurnal", 20
    title, phrase = "Diurnal mean", "diurnal mean"
    colour = "#cc79a7"

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Predict the same day again and again."""
        return OpenLoop(tuple(self._predicted(record, o) for o in record.observations))

    def _predicted(self, record: FittedRecord, observation: Observation) -> np.ndarray:
        stamps = [record.dataset.to_stamp(t) for t in observation.times]
        local = np.asarray(pd.DatetimeIndex(stamps).tz_convert(record.dataset.zone).hour)
        seen = record.trained(observation)
        return diurnal_mean(local[seen], observation.values[seen], local)[None]

    def forecast(self, task: ForecastTask, loop: OpenLoop | None) -> list[np.ndarray]:
        """Forecast the same: what was measured last changes nothing."""
        assert loop is not None
        return [y[:, at.sample] for y, at in zip(loop.values, task.targets, strict=True)]


MODEL = Diurnal()
