"""Windows of the record, with the measurements that fall into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Dataset, Observation

__all__ = ["Windows", "interpolate_outputs", "make_windows", "recorded_points"]

SAME = 1e-6
"""Distance from a knot, in knot intervals, within which a sample is at the knot."""


@dataclass(frozen=True)
class Windows:
    """Consecutive windows of equal length; window ``w + 1`` starts where window ``w`` ends.

    Attributes
    ----------
    starts : Tensor of int, shape (window,)
        First knot of every window.
    length : int
        Knot intervals in a window.
    point, variable : Tensor of int, shape (window, sample)
        First of the recorded points that a sample is read from, and the variable it measures.
    stencil : Tensor, shape (window, sample, node)
        Weights of that point and the following ones [-].
    value, weight : Tensor, shape (window, sample)
        Measured value, and one over the sensor's noise; a weight of zero pads windows with fewer samples.
    """

    starts: Tensor
    length: int
    point: Tensor
    variable: Tensor
    stencil: Tensor
    value: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.starts)

    def inputs(self, inputs: Tensor, index: Tensor) -> Tensor:
        """Cut the inputs of some windows, ``(window, knot, input)``, from those of the record."""
        knots = self.starts[index].unsqueeze(1) + torch.arange(self.length + 1, device=inputs.device)
        return inputs[knots]

    def residuals(self, outputs: Tensor, index: Tensor) -> Tensor:
        """Return ``(simulated - measured) / noise`` of some windows.

        Parameters
        ----------
        outputs : Tensor, shape (…, window, point, variable)
            Recorded outputs of those windows.
        index : Tensor of int, shape (window,)
            Which windows they are.

        Returns
        -------
        Tensor, shape (…, window, sample)
            Zero for padding.
        """
        variables = outputs.shape[-1]
        flat = outputs.flatten(-2)
        nodes = torch.arange(self.stencil.shape[-1], device=outputs.device)
        places = (self.point[index].unsqueeze(-1) + nodes) * variables + self.variable[index].unsqueeze(-1)
        found = torch.gather(flat, -1, places.flatten(-2).expand(*flat.shape[:-1], -1))
        predicted: Tensor = (found.reshape(*found.shape[:-1], *places.shape[-2:]) * self.stencil[index]).sum(-1)
        return (predicted - self.value[index]) * self.weight[index]

    def counts(self, index: Tensor) -> Tensor:
        """Return the number of samples of some windows, ``(window,)``."""
        return (self.weight[index] > 0).sum(-1)


def recorded_points(observations: Sequence[Observation], interval: float, substeps: int) -> int:
    """Return how many points an interval must be recorded for some measurements.

    The knots are enough where all samples are at knots; else every step needs three points, through which and its start
    goes a cubic.
    """
    places = [np.asarray(o.times) / interval for o in observations]
    off = any(np.abs(p - np.round(p)).max(initial=0.0) > SAME for p in places)
    return 3 * substeps if off else 1


def _stencil(position: np.ndarray, points: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return from where, and with what weights, a series is read at positions that are counted in recorded points.

    With one point an interval that is a straight line between knots, with more the cubic through the start and the
    three points of a step. ``last`` is the last point there is.
    """
    size = 1 if points == 1 else 3
    left = np.clip(np.floor(position / size + SAME).astype(int) * size, 0, last - size)
    local = (position - left)[..., None]
    nodes = np.arange(size + 1)
    weights = [
        np.prod([(local[..., 0] - j) / (i - j) for j in nodes if j != i], axis=0).reshape(position.shape) for i in nodes
    ]
    return left, np.stack(weights, axis=-1)


def make_windows(
    dataset: Dataset,
    block: tuple[float, float],
    length: int,
    points: int,
    device: torch.device,
    *,
    samples_from: float | None = None,
) -> Windows:
    """Cut a block into consecutive windows.

    Parameters
    ----------
    dataset : Dataset
        The record.
    block : tuple of float
        Start and end [d].
    length : int
        Knot intervals in a window; shortened when the block is shorter.
    points : int
        Recorded points per knot interval.
    device : torch.device
        Where the tensors go.
    samples_from : float, optional
        Leave out samples before this time [d].

    Returns
    -------
    Windows
        Samples after the end of the block are left out.
    """
    interval = dataset.interval
    first = int(np.ceil(block[0] / interval - 1e-9))
    last = int(np.floor(block[1] / interval + 1e-9))
    length = max(1, min(length, last - first))
    count = max(1, (last - first) // length)
    starts = first + length * np.arange(count)
    samples: list[list[tuple[float, int, float, float]]] = [[] for _ in range(count)]
    for variable, series in enumerate(dataset.observations):
        position = (np.asarray(series.times) / interval - first) / length
        inside = (position >= 0) & (position < count)
        if samples_from is not None:
            inside &= np.asarray(series.times) >= samples_from
        for time, value, where in zip(
            series.times[inside], series.values[inside], position[inside].astype(int), strict=True
        ):
            place = (time / interval - starts[where]) * points
            samples[where].append((place, variable, float(value), 1.0 / series.noise))
    width = max(1, max(len(s) for s in samples))
    table = np.zeros((4, count, width))
    for w, rows in enumerate(samples):
        if rows:
            table[:, w, : len(rows)] = np.array(rows).T
    point, stencil = _stencil(table[0], points, length * points)
    real = torch.as_tensor(table, dtype=torch.float64, device=device)
    return Windows(
        starts=torch.as_tensor(starts, device=device),
        length=length,
        point=torch.as_tensor(point, device=device),
        variable=real[1].long(),
        stencil=torch.as_tensor(stencil, device=device),
        value=real[2],
        weight=real[3],
    )


def interpolate_outputs(
    outputs: np.ndarray, observations: Sequence[Observation], interval: float, points: int
) -> list[np.ndarray]:
    """Read a simulation of the whole record at the times of the measurements.

    Parameters
    ----------
    outputs : ndarray, shape (…, point, variable)
        Recorded outputs from the first knot on.
    observations : sequence of Observation
        One a variable.
    interval : float
        Distance of two knots [d].
    points : int
        Recorded points per knot interval.

    Returns
    -------
    list of ndarray, each (…, sample)
        Linear between knots where these alone are recorded, else cubic within a step.
    """
    out = []
    for variable, series in enumerate(observations):
        left, weights = _stencil(np.asarray(series.times) / interval * points, points, outputs.shape[-2] - 1)
        found = outputs[..., left[:, None] + np.arange(weights.shape[-1]), variable]
        out.append((found * weights).sum(-1))
    return out
