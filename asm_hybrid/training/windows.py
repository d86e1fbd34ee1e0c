"""Windows of the record, with the measurements that fall into them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Dataset, Observation
from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.training.observation import Loss, composite_weights, robust

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
    point, variable : Tensor of int, shape (window, grab)
        First of the recorded points that a sample of a moment is read from, and the variable it measures.
    stencil : Tensor, shape (window, grab, node)
        Weights of that point and the following ones [-].
    mean : Tensor, shape (window, composite, point)
        Weights of all recorded points in a composite sample [-].
    mean_variable : Tensor of int, shape (window, composite)
        The variable that it measures.
    value, weight : Tensor, shape (window, sample)
        Measured value, and one over the sensor's noise, of grab samples and then of composites; a weight of zero pads
        windows with fewer samples.
    censored : Tensor of int, shape (window, sample)
        `BELOW` or `ABOVE` where a value is a limit of the sensor that the sample is beyond, else zero.
    left_out : int
        Composites of the block that do not lie in one window as a whole.
    show : callable, optional
        From recorded outputs to what sensors show of them, of the same shape.
    loss : {'squares', 'huber'}
        What a residual costs.
    """

    starts: Tensor
    length: int
    point: Tensor
    variable: Tensor
    stencil: Tensor
    mean: Tensor
    mean_variable: Tensor
    value: Tensor
    weight: Tensor
    censored: Tensor
    left_out: int
    show: Callable[[Tensor], Tensor] | None = None
    loss: Loss = "squares"

    def __len__(self) -> int:
        return len(self.starts)

    def inputs(self, inputs: Tensor, index: Tensor) -> Tensor:
        """Cut the inputs of some windows, ``(window, knot, input)``, from those of the record."""
        knots = self.starts[index].unsqueeze(1) + torch.arange(self.length + 1, device=inputs.device)
        return inputs[knots]

    def residuals(self, outputs: Tensor, index: Tensor) -> Tensor:
        """Return ``(simulated - measured) / noise`` of some windows, so that their squares are the loss.

        Parameters
        ----------
        outputs : Tensor, shape (…, window, point, variable)
            Recorded outputs of those windows.
        index : Tensor of int, shape (window,)
            Which windows they are.

        Returns
        -------
        Tensor, shape (…, window, sample)
            Zero for padding, and for a simulation beyond the limit of the sensor that the sample is beyond, too.
        """
        if self.show is not None:
            outputs = self.show(outputs)
        variables = outputs.shape[-1]
        flat = outputs.flatten(-2)
        nodes = torch.arange(self.stencil.shape[-1], device=outputs.device)
        places = (self.point[index].unsqueeze(-1) + nodes) * variables + self.variable[index].unsqueeze(-1)
        found = torch.gather(flat, -1, places.flatten(-2).expand(*flat.shape[:-1], -1))
        predicted: Tensor = (found.reshape(*found.shape[:-1], *places.shape[-2:]) * self.stencil[index]).sum(-1)
        if self.mean.shape[1]:
            means = self.mean[index] @ outputs
            which = self.mean_variable[index].unsqueeze(-1).expand(*means.shape[:-1], 1)
            predicted = torch.cat([predicted, torch.gather(means, -1, which).squeeze(-1)], dim=-1)
        residual = (predicted - self.value[index]) * self.weight[index]
        censored = self.censored[index]
        residual = torch.where(censored == BELOW, residual.clamp(min=0.0), residual)
        residual = torch.where(censored == ABOVE, residual.clamp(max=0.0), residual)
        return robust(residual, self.loss)

    def counts(self, index: Tensor) -> Tensor:
        """Return the number of samples of some windows, ``(window,)``."""
        return (self.weight[index] > 0).sum(-1)


def recorded_points(
    observations: Sequence[Observation], interval: float, substeps: int, *, between: bool = False
) -> int:
    """Return how many points an interval must be recorded for some measurements.

    The knots are enough where all samples of a moment are at knots; else every step needs three points, through which
    and its start goes a cubic.

    Parameters
    ----------
    observations : sequence of Observation
        The measurements.
    interval : float
        Distance of two knots [d].
    substeps : int
        Steps of the solver in an interval.
    between : bool, optional
        Whether sensors show what was between knots also at knots, since they have a dead time.

    Returns
    -------
    int
        One, or three a step.
    """
    places = [np.asarray(o.times) / interval for o in observations if not o.period]
    off = any(np.abs(p - np.round(p)).max(initial=0.0) > SAME for p in places)
    return 3 * substeps if off or between else 1


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
    lead: bool = False,
    delays: Sequence[float] | None = None,
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
    lead : bool, optional
        Whether as many windows as the record holds go before the block; they have no samples.
    delays : sequence of float, optional
        Dead time of every sensor [d]: a sample lies where that is which it shows.

    Returns
    -------
    Windows
        Samples after the end of the block are left out.
    """
    interval = dataset.interval
    first = int(np.ceil(block[0] / interval - 1e-9))
    last = int(np.floor(block[1] / interval + 1e-9))
    length = max(1, min(length, last - first))
    ahead = first // length if lead else 0
    count = ahead + max(1, (last - first) // length)
    first -= ahead * length
    starts = first + length * np.arange(count)
    grabs: list[list[tuple[float, ...]]] = [[] for _ in range(count)]
    means: list[list[tuple[float, ...]]] = [[] for _ in range(count)]
    weights: list[list[np.ndarray]] = [[] for _ in range(count)]
    left_out = 0
    for variable, series in enumerate(dataset.observations):
        times, late = np.asarray(series.times), 0.0 if delays is None else delays[variable]
        position = (times / interval - first) / length
        if late:
            inside = (position < count) & (position - late / interval / length >= ahead)
            position = position - late / interval / length
        else:
            inside = (position >= ahead) & (position < count)
        if series.period:  # the end of a period may be that of a window
            position = np.ceil(position - SAME) - 1
            inside = (position >= ahead) & (position < count)
        if samples_from is not None:
            inside &= times >= samples_from
        for i in np.flatnonzero(inside):
            where = int(position[i])
            place = ((series.times[i] - late) / interval - starts[where]) * points
            row = variable, float(series.values[i]), 1.0 / series.noise, float(series.censored[i])
            if not series.period:
                grabs[where].append((place, *row))
                continue
            begin = place - series.period / interval * points
            if begin < -SAME * points:
                left_out += 1
                continue
            flow = None
            if series.flow is not None:
                flow = _at_points(series.flow[starts[where] : starts[where] + length + 1], points)
            whole = np.zeros(length * points + 1)
            at, found = composite_weights(begin, place, length * points, flow)
            whole[at : at + len(found)] = found
            means[where].append(row)
            weights[where].append(whole)
    grab = _padded(grabs, 5, least=1)
    mean = _padded(means, 4, least=0)
    whole = np.zeros((count, mean.shape[1], length * points + 1))
    for w, rows in enumerate(weights):
        if rows:
            whole[w, : len(rows)] = rows
    point, stencil = _stencil(grab[..., 0], points, length * points)
    variable_of, value, weight, censored = (
        torch.as_tensor(np.concatenate([grab[..., 1 + k], mean[..., k]], axis=1), device=device) for k in range(4)
    )
    width = grab.shape[1]
    return Windows(
        starts=torch.as_tensor(starts, device=device),
        length=length,
        point=torch.as_tensor(point, device=device),
        variable=variable_of[:, :width].long(),
        stencil=torch.as_tensor(stencil, device=device),
        mean=torch.as_tensor(whole, device=device),
        mean_variable=variable_of[:, width:].long(),
        value=value,
        weight=weight,
        censored=censored.to(torch.int8),
        left_out=left_out,
    )


def _padded(rows: list[list[tuple[float, ...]]], columns: int, *, least: int) -> np.ndarray:
    """Return rows of all windows as one array, ``(window, row, column)``, padded with zeros."""
    out = np.zeros((len(rows), max(least, *(len(r) for r in rows)), columns))
    for w, found in enumerate(rows):
        if found:
            out[w, : len(found)] = found
    return out


def _at_points(knots: np.ndarray, points: int) -> np.ndarray:
    """Return a series at the recorded points, from its values at the knots."""
    at = np.arange((len(knots) - 1) * points + 1) / points
    return np.asarray(np.interp(at, np.arange(len(knots)), knots))


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
        Linear between knots where these alone are recorded, else cubic within a step; of composites means over their
        periods.
    """
    out = []
    last = outputs.shape[-2] - 1
    for variable, series in enumerate(observations):
        if series.period:
            flow = None if series.flow is None else _at_points(series.flow, points)
            found = np.empty((*outputs.shape[:-2], len(series.times)))
            for i, end in enumerate(np.asarray(series.times) / interval * points):
                first, mean = composite_weights(end - series.period / interval * points, end, last, flow)
                found[..., i] = outputs[..., first : first + len(mean), variable] @ mean
            out.append(found)
            continue
        left, weights = _stencil(np.asarray(series.times) / interval * points, points, last)
        found = outputs[..., left[:, None] + np.arange(weights.shape[-1]), variable]
        out.append((found * weights).sum(-1))
    return out
