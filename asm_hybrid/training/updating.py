"""The update of a model's states by the latest measurements, from which a forecast starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid import PlantSystem
from asm_hybrid.plant import Plant

__all__ = ["Innovations", "correct", "innovations", "latest", "slopes"]

REMEMBERED = 24
"""Samples over which the mean square of a model's open-loop error is taken."""
FRESH = 2.0
"""Age, in median distances of samples, up to which a sample corrects a state."""
SAME = 1e-6
"""Time [d] within which a sample is at the origin, and slope [-] below which a state takes no part."""


@dataclass(frozen=True)
class Innovations:
    """What the latest sample says about a model's open-loop simulation, at every origin.

    Attributes
    ----------
    error : ndarray, shape (member, origin)
        Measured minus simulated, at the time of that sample, in the unit of the variable; zero where it is too old.
    gain : ndarray, shape (member, origin)
        Share of it that is corrected [-], from 0 to below 1.
    """

    error: np.ndarray
    gain: np.ndarray


def latest(times: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the position of the last sample that is not after each time; -1 where there is none.

    Parameters
    ----------
    times : ndarray, shape (sample,)
        Times of the samples, sorted [d].
    at : ndarray, shape (origin,)
        Origins [d].
    """
    return np.searchsorted(times, at + SAME, side="right") - 1


def innovations(times: np.ndarray, errors: np.ndarray, noise: float, at: np.ndarray) -> Innovations:
    """Return error and gain at every origin, from samples up to the origin alone.

    The gain is that of a scalar Kalman filter, ``P / (P + noise²)``. The variance P of the model's error is what the
    mean square of the last `REMEMBERED` errors exceeds the sensor's by: a model that errs no more than its sensor is
    left alone.

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
    reach = FRESH * np.median(np.diff(times)) if len(times) > 1 else 0.0
    fresh = (last >= 0) & (at - times[last] <= reach + SAME)
    first = np.maximum(last + 1 - REMEMBERED, 0)
    with np.errstate(over="ignore", invalid="ignore"):  # a member that diverged stays undefined
        sums = np.concatenate([np.zeros((len(errors), 1)), np.cumsum(errors**2, axis=1)], axis=1)
        square = (sums[:, last + 1] - sums[:, first]) / np.maximum(last + 1 - first, 1)
    gain = 1.0 - noise**2 / np.maximum(square, noise**2)
    return Innovations(np.where(fresh, errors[:, last], 0.0), np.where(fresh, gain, 0.0))


def slopes(system: PlantSystem, targets: Sequence[str], X: Tensor, u: Tensor) -> Tensor:
    """Return by how much the measured variables change with the states that a measurement may correct.

    In a tank these are the components that the variable is made of. In the effluent they are soluble components, one by
    one: the solids that a settler lets pass say nothing about those it holds back.

    Parameters
    ----------
    system : PlantSystem
        The plant.
    targets : sequence of str
        What it records: the measured variables.
    X : Tensor, shape (…, row, component)
        States.
    u : Tensor, shape (…, input)
        Inputs.

    Returns
    -------
    Tensor, shape (…, variable, row, component)
        Not below zero; zero for states that stay.
    """
    with torch.enable_grad():
        x = X.detach().requires_grad_()
        outputs = system.output(x, system.forcing(u))
        found = [torch.autograd.grad(y.sum(), x, retain_graph=True)[0] for y in outputs.unbind(-1)]
    takes_part = torch.as_tensor(np.stack([_takes_part(system.plant, t) for t in targets]), device=X.device)
    slope = torch.stack(found, dim=-3) * takes_part.unsqueeze(-2)
    return torch.where(slope > SAME, slope, torch.zeros_like(slope))


def _takes_part(plant: Plant, target: str) -> np.ndarray:
    place, quantity = plant.observation(target)
    if place != "effluent":
        return np.ones(len(plant.table.components))
    return np.array([float(c.name == quantity and c.phase == "soluble") for c in plant.table.components])


def correct(states: Tensor, slope: Tensor, error: Tensor, gain: Tensor) -> Tensor:
    """Correct states by innovations, one variable after the other.

    A variable made of several components moves them in proportion to their parts in it; what an earlier variable has
    already corrected is taken off.

    Parameters
    ----------
    states : Tensor, shape (…, n)
        Open-loop states.
    slope : Tensor, shape (…, variable, n)
        See `slopes`.
    error, gain : Tensor, shape (…, variable)
        See `Innovations`.

    Returns
    -------
    Tensor, shape (…, n)
        What is corrected is not below zero; all else is as it was.
    """
    x = states
    for v in range(slope.shape[-2]):
        h = slope[..., v, :]
        moves = h > 0
        left = error[..., v : v + 1] - (h * (x - states)).sum(-1, keepdim=True)
        parts = h * x
        total = parts.sum(-1, keepdim=True)
        even = moves / moves.sum(-1, keepdim=True).clamp(min=1)
        share = torch.where(total > SAME, parts / total.clamp(min=SAME), even)
        change = gain[..., v : v + 1] * left * share / torch.where(moves, h, torch.ones_like(h))
        x = torch.where(moves, (x + change).clamp(min=0.0), x)
    return x
