"""What lies between a simulation and a measurement: a slow sensor, a mean over a period, and what a residual costs."""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["Loss", "composite_weights", "lagged", "robust"]

Loss = Literal["squares", "huber"]

TRANSITION = 3.0
"""Residual, in units of noise, beyond which Huber's loss grows in proportion only."""
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
