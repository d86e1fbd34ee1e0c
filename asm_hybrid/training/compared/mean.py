"""The mean of the training block."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, OpenLoop

__all__ = ["MODEL"]


class Mean(ComparedModel):
    """The mean of the measurements in the training block."""

    name, order = "mean", 10
    title, phrase = "Training mean", "mean"
    colour = "#777777"

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Predict the same for all times."""
        return OpenLoop(
            tuple(np.full((1, len(o.times)), o.values[record.trained(o)].mean()) for o in record.observations)
        )


MODEL = Mean()
