"""Windows of the record, with the measurements that fall into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Dataset, Observation

__all__ = ["Windows", "interpolate_outputs", "make_windows"]


@dataclass(frozen=True)
class Windows:
    """Consecutive windows of equal length; window ``w + 1`` starts where window ``w`` ends.

    Attributes
    ----------
    starts : Tensor of int, shape (window,)
        First knot of every window.
    length : int
        Knot intervals in a window.
    step, variable : Tensor of int, shape (window, sample)
        Recorded step before every sample, and the variable it measures.
    fraction : Tensor, shape (window, sample)
        Position of the sample between that step and the next [-].
    value, weight : Tensor, shape (window, sample)
        Measured value, and one over the sensor's noise; a weight of zero pads windows with fewer samples.
    """

    starts: Tensor
    length: int
    step: Tensor
    variable: Tensor
    fraction: Tensor
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
        outputs : Tensor, shape (…, window, step, variable)
            Recorded outputs of those windows.
        index : Tensor of int, shape (window,)
            Which windows they are.

        Returns
        -------
        Tensor, shape (…, window, sample)
            Zero for padding.
        """
        steps, variables = outputs.shape[-2:]
        flat = outputs.flatten(-2)
        left = self.step[index] * variables + self.variable[index]
        left = left.expand(*flat.shape[:-1], -1)
        low = torch.gather(flat, -1, left)
        high = torch.gather(flat, -1, (left + variables).clamp(max=steps * variables - 1))
        predicted = torch.lerp(low, high, self.fraction[index].expand_as(low))
        return (predicted - self.value[index]) * self.weight[index]

    def counts(self, index: Tensor) -> Tensor:
        """Return the number of samples of some windows, ``(window,)``."""
        return (self.weight[index] > 0).sum(-1)


def make_windows(
    dataset: Dataset,
    block: tuple[float, float],
    length: int,
    substeps: int,
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
    substeps : int
        Recorded steps per knot interval.
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
    samples: list[list[tuple[int, int, float, float, float]]] = [[] for _ in range(count)]
    for variable, series in enumerate(dataset.observations):
        position = (np.asarray(series.times) / interval - first) / length
        inside = (position >= 0) & (position < count)
        if samples_from is not None:
            inside &= np.asarray(series.times) >= samples_from
        for time, value, where in zip(
            series.times[inside], series.values[inside], position[inside].astype(int), strict=True
        ):
            step = (time / interval - starts[where]) * substeps
            whole = min(int(step), length * substeps - 1)
            samples[where].append((whole, variable, step - whole, float(value), 1.0 / series.noise))
    width = max(1, max(len(s) for s in samples))
    table = np.zeros((5, count, width))
    for w, rows in enumerate(samples):
        if rows:
            table[:, w, : len(rows)] = np.array(rows).T
    real = torch.as_tensor(table, dtype=torch.float64, device=device)
    return Windows(
        starts=torch.as_tensor(starts, device=device),
        length=length,
        step=real[0].long(),
        variable=real[1].long(),
        fraction=real[2],
        value=real[3],
        weight=real[4],
    )


def interpolate_outputs(
    outputs: np.ndarray, observations: Sequence[Observation], interval: float, substeps: int
) -> list[np.ndarray]:
    """Read a simulation of the whole record at the times of the measurements.

    Parameters
    ----------
    outputs : ndarray, shape (…, step, variable)
        Recorded outputs from the first knot on.
    observations : sequence of Observation
        One a variable.
    interval : float
        Distance of two knots [d].
    substeps : int
        Recorded steps per knot interval.

    Returns
    -------
    list of ndarray, each (…, sample)
        Linear between recorded steps.
    """
    out = []
    for variable, series in enumerate(observations):
        step = np.asarray(series.times) / interval * substeps
        left = np.clip(step.astype(int), 0, outputs.shape[-2] - 2)
        fraction = step - left
        out.append(outputs[..., left, variable] * (1.0 - fraction) + outputs[..., left + 1, variable] * fraction)
    return out
