"""What explanations are fitted to: the record of one run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from asm_hybrid.config import Config
from asm_hybrid.data import Observation
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.observation import delayed, lagged
from asm_hybrid.training.persistence import PERSISTENCE
from asm_hybrid.training.sensors import sensor_specs
from asm_hybrid.training.windows import interpolate_outputs

__all__ = ["Record"]

FIRST = 10.0
"""Time whose mean inputs bring a plant to its start; see `training.run_context` [d]."""


@dataclass(frozen=True)
class Record:
    """Inputs and measurements up to the end of the validation block; what is later is not seen.

    Attributes
    ----------
    config : Config
        The run's.
    plant : Plant
        f.
    grid : Grid
        Knots and steps.
    inputs : ndarray, shape (knot, input)
        Inputs.
    observations : tuple of Observation
        Measurements.
    blocks : dict
        Begin and end of every block [d].
    defaults, parameters : ndarray, shape (parameter,)
        Of f before and after its recalibration.
    bounds : dict
        Lowest and highest value of every calibrated parameter.
    delays : tuple of float
        Dead times of the sensors [d]; zero for those that move beside every explanation.
    """

    config: Config
    plant: Plant
    grid: Grid
    inputs: np.ndarray
    observations: tuple[Observation, ...]
    blocks: dict[str, tuple[float, float]]
    defaults: np.ndarray
    parameters: np.ndarray
    bounds: dict[str, tuple[float, float]]
    delays: tuple[float, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """What is measured."""
        return tuple(o.target for o in self.observations)

    @cached_property
    def typical(self) -> np.ndarray:
        """Weights ``(knot,)`` of the inputs whose mean is that under which the plant starts, in its steady state."""
        knots = max(2, min(len(self.inputs), round(FIRST / self.grid.interval)))
        weights = np.zeros(len(self.inputs))
        weights[:knots] = 1.0 / knots
        return weights

    @cached_property
    def _used(self) -> list[np.ndarray]:
        """Which samples are fitted, of every observation."""
        out = []
        for o in self.observations:
            inside = np.zeros(len(o.times), dtype=bool)
            for name in ("calibrate", "train", "validate"):
                begin, end = self.blocks[name]
                inside |= (o.times >= begin) & (o.times <= end)
            out.append(inside)
        return out

    @cached_property
    def times(self) -> np.ndarray:
        """Times of the samples, all observations one after the other [d]."""
        return np.concatenate([o.times[u] for o, u in zip(self.observations, self._used, strict=True)])

    @cached_property
    def columns(self) -> np.ndarray:
        """Which observation a sample is of."""
        return np.concatenate([np.full(int(u.sum()), i) for i, u in enumerate(self._used)])

    @cached_property
    def days(self) -> np.ndarray:
        """Which day a sample is of, counted among the days that have any."""
        return np.unique(np.floor(self.times).astype(int), return_inverse=True)[1]

    @cached_property
    def day_of(self) -> np.ndarray:
        """The days that have samples [d]."""
        return np.unique(np.floor(self.times))

    @cached_property
    def weights(self) -> np.ndarray:
        """Share of an independent error that a sample counts for, since errors persist."""
        slots = np.floor(self.times / PERSISTENCE).astype(int)
        out = np.empty(len(self.times))
        for i in range(len(self.observations)):
            own = self.columns == i
            if own.any():
                out[own] = min(1.0, len(np.unique(slots[own])) / own.sum())
        return out

    def _shown(self, outputs: np.ndarray) -> np.ndarray:
        """Return what sensors with a given response or dead time show of what is recorded ``(…, point, target)``."""
        slow = [(i, spec.lag) for i, spec in enumerate(sensor_specs(self.config)) if spec.lag]
        late = [(i, delay) for i, delay in enumerate(self.delays) if delay]
        if not slow and not late:
            return outputs
        shown = outputs.copy()
        for applied, sensors in ((lagged, slow), (delayed, late)):
            for i, time in sensors:
                own = torch.as_tensor(shown[..., i])
                shown[..., i] = applied(own, torch.tensor(time, dtype=own.dtype), self.grid.spacing)
        return shown

    def read(self, outputs: np.ndarray) -> np.ndarray:
        """Return what is recorded ``(…, point, target)`` at the samples, ``(…, sample)``, in units of noise."""
        found = interpolate_outputs(self._shown(outputs), self.observations, self.grid.interval, self.grid.points)
        parts = [y[..., u] / o.noise for y, o, u in zip(found, self.observations, self._used, strict=True)]
        return np.concatenate(parts, axis=-1)

    def errors(self, outputs: np.ndarray) -> np.ndarray:
        """Return predicted minus measured ``(sample,)`` of what is recorded ``(point, target)``, in units of noise."""
        found = interpolate_outputs(self._shown(outputs), self.observations, self.grid.interval, self.grid.points)
        parts = [o.error(y)[u] / o.noise for y, o, u in zip(found, self.observations, self._used, strict=True)]
        return np.concatenate(parts)
