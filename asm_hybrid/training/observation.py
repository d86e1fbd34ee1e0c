"""What lies between a simulation and a measurement: a slow or late sensor, a mean over a period, and what it costs."""

from __future__ import annotations

import math
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["CUBIC", "Loss", "composite_weights", "delayed", "lagged", "robust"]

Loss = Literal["squares", "huber"]

TRANSITION = 3.0
"""Residual, in units of noise, beyond which Huber's loss grows in proportion only."""
CUBIC = 3
"""Points of a step, with whose start they make a cubic."""
SAME = 1e-6
"""Distance from a point, in points, within which a place is at it."""
SHORTEST_LAG = 1e-9
"""Lag below which there is none [d]."""
BEFORE = 0.5 / 24.0
"""Time [d] whose mean slope stands for that before the first point."""


def lagged(signal: Tensor, lag: Tensor, step: float) -> Tensor:
    """Return the response of a first-order sensor, ``lag dz/dt = y - z``.

    It is exact for a signal that is a straight line between points. The sensor begins as if the signal had always
    changed as it does on the mean of the first `BEFORE`.

    Parameters
    ----------
    signal : Tensor, shape (…, point)
        The signal y at equal distances.
    lag : Tensor, shape (…)
        Response time [d], to broadcast against the leading axes of the signal.
    step : float
        Distance of two points [d].

    Returns
    -------
    Tensor, shape (…, point)
    """
    tau = lag.clamp(min=SHORTEST_LAG).unsqueeze(-1)
    keep = torch.exp(-step / tau)
    slope = signal.diff(dim=-1) / step
    reach = min(signal.shape[-1] - 1, max(1, round(BEFORE / step)))
    before = (signal[..., reach : reach + 1] - signal[..., :1]) / (reach * step)
    # z - y + lag slope decays within a step; what the changes of slope add to it is summed with that decay by doubling.
    behind = tau * slope.diff(dim=-1, prepend=before)
    reach = 1
    while reach < behind.shape[-1]:
        shifted = nn.functional.pad(behind[..., :-reach], (reach, 0))
        behind, keep, reach = behind + keep * shifted, keep * keep, 2 * reach
    keep = torch.exp(-step / tau)
    shown = signal[..., 1:] - tau * slope + keep * behind
    return torch.cat([signal[..., :1] - tau * before, shown], dim=-1)


def delayed(signal: Tensor, delay: Tensor, step: float) -> Tensor:
    """Return what a sensor with a dead time shows, ``z(t) = y(t - delay)``.

    Between points the signal is the cubic through the start and the three points of a step, as a record with three
    points a step is read; at a point it is that point. Before its first point the signal is as there.

    Parameters
    ----------
    signal : Tensor, shape (…, point)
        The signal y at equal distances.
    delay : Tensor, shape (…)
        Dead time [d], zero or more, to broadcast against the leading axes of the signal.
    step : float
        Distance of two points [d].

    Returns
    -------
    Tensor, shape (…, point)
        Differentiable with respect to signal and delay; where the delay is a multiple of three points, the slope of the
        signal at a point between two steps is that after it.
    """
    last = signal.shape[-1] - 1
    size = min(CUBIC, last)
    points = torch.arange(last + 1, dtype=signal.dtype, device=signal.device)
    place = (points - delay.unsqueeze(-1) / step).clamp(min=0.0)
    left = (torch.floor(place.detach() / CUBIC + SAME) * CUBIC).clamp(max=float(last - size))
    local = place - left
    left = left.long().expand(signal.shape)
    shown = torch.zeros_like(signal)
    for i in range(size + 1):
        others = [j for j in range(size + 1) if j != i]
        weight = math.prod(((local - j) / (i - j) for j in others), start=torch.ones_like(local))
        shown = shown + weight * torch.gather(signal, -1, left + i)
    return shown


def robust(residual: Tensor, loss: Loss) -> Tensor:
    """Return residuals whose squares are their cost.

    Parameters
    ----------
    residual : Tensor, any shape
        In units of noise.
    loss : {'squares', 'huber'}
        Squares; or Huber's loss, ``r²`` up to ``k =`` `TRANSITION` and ``2 k |r| - k²`` beyond.

    Returns
    -------
    Tensor
        Of the same shape.
    """
    if loss == "squares":
        return residual
    size = residual.abs().clamp(min=TRANSITION)
    root = torch.sqrt(2.0 * TRANSITION * size - TRANSITION**2)
    return torch.where(residual.abs() > TRANSITION, torch.sign(residual) * root, residual)


def composite_weights(begin: float, end: float, last: int, flow: np.ndarray | None = None) -> tuple[int, np.ndarray]:
    """Return from which points on, and with what weights, a mean over a period is taken.

    Parameters
    ----------
    begin, end : float
        The period, counted in points.
    last : int
        The last point there is.
    flow : ndarray, shape (point,), optional
        Flow at all points, for a mean weighted by flow.

    Returns
    -------
    first : int
        The first point.
    weights : ndarray
        Of that point and the following ones; they add up to one. Without flow the mean is that of straight lines
        between points, exactly.
    """
    begin, end = max(begin, 0.0), min(end, float(last))
    first, final = int(np.floor(begin)), min(int(np.ceil(end)), last)
    nodes = np.arange(first, final + 1)
    weights = _hat_integral(end - nodes) - _hat_integral(begin - nodes)
    if flow is not None:
        weights = weights * np.maximum(flow[nodes], 1e-12)
    return first, cast(np.ndarray, weights / weights.sum())


def _hat_integral(x: np.ndarray) -> np.ndarray:
    """Return the integral from -∞ to x of the hat function that is one at zero and zero at ±1."""
    x = np.clip(x, -1.0, 1.0)
    return np.where(x < 0, (1.0 + x) ** 2 / 2, 1.0 - (1.0 - x) ** 2 / 2)
