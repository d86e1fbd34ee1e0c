"""The predictions of every model that is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.training.compared import compared_models, model_of
from asm_hybrid.training.compared_model import FittedRecord, OpenLoop
from asm_hybrid.training.rolling_forecast import Forecast

__all__ = ["Predictions", "predict_all"]


@dataclass(frozen=True)
class Predictions:
    """Predictions of every model.

    Attributes
    ----------
    record : FittedRecord
        What they were made from.
    loops : dict of str to OpenLoop
        In open loop, by model, in the order of the tables.
    forecast : Forecast or None
        The other task, from rolling origins; None before it is done.
    """

    record: FittedRecord
    loops: dict[str, OpenLoop]
    forecast: Forecast | None = None

    @property
    def values(self) -> dict[str, dict[str, np.ndarray]]:
        """Predictions at the times of the measurements, by variable and model, ``(seed, sample)``."""
        return {
            o.label: {name: loop.values[i] for name, loop in self.loops.items()}
            for i, o in enumerate(self.record.observations)
        }

    @property
    def hours(self) -> Tensor:
        """Knots at the full hours, ``(hour,)``."""
        return torch.arange(0, len(self.record.inputs), max(1, round(1.0 / 24.0 / self.record.grid.interval)))

    @property
    def states(self) -> Tensor | None:
        """States of the hybrid's best seed at the full hours, ``(hour, row, component)``; None without n."""
        model = self.record.model
        if model.term is None:
            return None
        trajectory = self.loops[model_of(model).name].trajectory
        assert trajectory is not None
        return trajectory[model.best, self.hours].cpu()


def predict_all(record: FittedRecord) -> Predictions:
    """Run every model, open loop, over the whole record and read it at the measurements.

    Parameters
    ----------
    record : FittedRecord
        The record, and what was fitted.

    Returns
    -------
    Predictions
        Of the models that the run has; without forecasts.
    """
    loops = {model.name: model.simulate(record) for model in compared_models().values()}
    return Predictions(record, {name: loop for name, loop in loops.items() if loop is not None})
