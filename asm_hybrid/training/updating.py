"""The update of a model's states by the latest measurements, from which a forecast starts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data.sampling import usual_distance

__all__ = ["Fluctuations", "Innovations", "fluctuations", "innovations", "latest", "update"]

REMEMBERED = 24
"""Samples over which the mean square of a model's open-loop error is taken."""
FRESH = 2.0
"""Age, in usual distances of samples, up to which a sample corrects a state."""
SAME = 1e-6
"""Time [d] within which a sample is at the origin."""
RIDGE = 0.01
"""Share of the variances of fluctuation and sensor that is added to the former."""
FARTHEST = 4.0
"""Standard deviations of its fluctuation by which a state moves at most."""


@dataclass(frozen=True)
class Innovations:
    """What the latest sample says about a model's open-loop simulation, at every origin.

    Attributes
    ----------
    error : ndarray, shape (member, origin)
        Measured minus simulated, at the time of that sample, in the unit of the variable; zero where it is too old.
    variance : ndarray, shape (member, origin)
        Variance of the model's own error, in the unit squared.
    fresh : ndarray of bool, shape (origin,)
        Whether there is a sample that is not too old.
    """

    error: np.ndarray
    variance: np.ndarray
    fresh: np.ndarray


def latest(times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the position of the last sample that is not after each time.

    Parameters
    ----------
    times : ndarray, shape (sample,)
        Times of the samples, sorted [d].
    at : ndarray, shape (origin,)
        Origins [d].

    Returns
    -------
    ndarray of int, shape (origin,)
        The positions; -1 where there is none.
    """
    return np.searchsorted(times, at + SAME, side="right") - 1


def innovations(times: np.ndarray, errors: np.ndarray, noise: float, at: np.ndarray) -> Innovations:
    """Return error and variance at every origin, from samples up to the origin alone.

    The variance of the model's error is what the mean square of the last `REMEMBERED` errors exceeds the sensor's by.

    Parameters
    ----------
    times : ndarray, shape (sample,)
        Times of the samples, sorted [d].
    errors : ndarray, shape (member, sample)
        Measured minus simulated in open loop.
    noise : float
        Standard deviation of the sensor's error.
    at : ndarray, shape (origin,)
        Origins [d].

    Returns
    -------
    Innovations
    """
    last = latest(times, at)
    fresh = (last >= 0) & (at - times[last] <= FRESH * usual_distance(times) + SAME)
    first = np.maximum(last + 1 - REMEMBERED, 0)
    with np.errstate(over="ignore", invalid="ignore"):  # a member that diverged stays undefined
        sums = np.concatenate([np.zeros((len(errors), 1)), np.cumsum(errors**2, axis=1)], axis=1)
        square = (sums[:, last + 1] - sums[:, first]) / np.maximum(last + 1 - first, 1)
    return Innovations(np.where(fresh, errors[:, last], 0.0), np.maximum(square - noise**2, 0.0), fresh)


@dataclass(frozen=True)
class Fluctuations:
    """How measured variables and states move together along a model's own trajectory.

    Attributes
    ----------
    correlation : Tensor, shape (member, variable, variable)
        Of the measured variables [-].
    response : Tensor, shape (member, variable, n)
        By how much every state moves with each measured variable, the others held.
    spread : Tensor, shape (member, n)
        Standard deviation of every state.
    """

    correlation: Tensor
    response: Tensor
    spread: Tensor

    def moves(self, measured: Tensor) -> Tensor:
        """Return the moves of the states, ``(member, origin, n)``, that belong to those of the measured variables.

        A regression says nothing far from where it was made: none exceeds `FARTHEST` spreads.
        """
        limit = FARTHEST * self.spread.unsqueeze(1)
        return torch.minimum(torch.maximum(measured @ self.response, -limit), limit)


def fluctuations(states: Tensor, measured: Tensor, noise: Tensor, width: int) -> Fluctuations:
    """Return how states and measured variables move together within about a day.

    Taken are the differences from a running mean, so that what drifts together over weeks counts for nothing.

    Parameters
    ----------
    states : Tensor, shape (member, time, n)
        States at equal distances of time.
    measured : Tensor, shape (member, time, variable)
        The measured variables, simulated.
    noise : Tensor, shape (variable,)
        Standard deviations of the sensors' errors.
    width : int
        Times in the running mean.

    Returns
    -------
    Fluctuations
    """
    x, y = _without_mean(states, width), _without_mean(measured, width)
    count = y.shape[1]
    joint = y.mT @ y / count
    own = joint.diagonal(dim1=-2, dim2=-1)
    ridge = RIDGE * (own + noise**2)
    sizes = (own + ridge).sqrt()
    correlation = joint / (sizes.unsqueeze(-1) * sizes.unsqueeze(-2))
    correlation.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    response = torch.linalg.solve_ex(joint + torch.diag_embed(ridge), y.mT @ x / count).result
    return Fluctuations(correlation, response, x.square().mean(1).sqrt())


def _without_mean(series: Tensor, width: int) -> Tensor:
    """Return the difference from a centred running mean, which is shorter at both ends."""
    count = series.shape[1]
    sums = torch.cat([torch.zeros_like(series[:, :1]), series.cumsum(1)], dim=1)
    middle = torch.arange(count, device=series.device)
    low, high = (middle - width // 2).clamp(min=0), (middle + width // 2 + 1).clamp(max=count)
    return series - (sums[:, high] - sums[:, low]) / (high - low).unsqueeze(-1)


def update(error: Tensor, variance: Tensor, fresh: Tensor, noise: Tensor, correlation: Tensor) -> Tensor:
    """Return by how much the measured variables are moved: the analysis of a Kalman filter, all sensors at once.

    Errors of the model have the given variances, and correlate as the variables fluctuate. For one sensor the move is
    ``P / (P + noise²)`` of its innovation: a model that errs no more than its sensor is left alone.

    Parameters
    ----------
    error, variance : Tensor, shape (member, origin, variable)
        See `Innovations`.
    fresh : Tensor of bool, shape (origin, variable)
        See `Innovations`; the other variables move with those that are fresh.
    noise : Tensor, shape (variable,)
        Standard deviations of the sensors' errors.
    correlation : Tensor, shape (member, variable, variable)
        See `Fluctuations`.

    Returns
    -------
    Tensor, shape (member, origin, variable)

    References
    ----------
    .. [1] J. L. Anderson (2003), "A local least squares framework for ensemble filtering", Mon. Weather Rev. 131,
       634-642: states follow the measured variables by regression. Fluctuations of one trajectory stand for an ensemble
       as in G. Evensen (2003), Ocean Dyn. 53, 343-367, section 5.
    """
    sizes, known = variance.sqrt(), fresh.to(error.dtype)
    prior = correlation.unsqueeze(1) * sizes.unsqueeze(-1) * sizes.unsqueeze(-2)
    seen = prior * known.unsqueeze(-1) * known.unsqueeze(-2) + torch.diag(noise**2)
    weights = torch.linalg.solve_ex(seen, (known * error).unsqueeze(-1)).result
    moves: Tensor = (prior * known.unsqueeze(-2)) @ weights
    return moves.squeeze(-1)
