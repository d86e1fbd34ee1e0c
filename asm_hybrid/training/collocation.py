"""Collocation: a first n from the slopes of the smoothed measurements, without solving the differential equation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.data import Observation
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.training.measured_states import correct, slopes

__all__ = ["Collocation", "Smoothed", "collocate", "prepare_collocation", "smooth"]

GAP = 0.125
"""Distance of two samples [d] across which a series is not smoothed: a plant changes within hours."""
FEWEST = 12
"""Samples that a stretch needs."""
EDGE = 2
"""Samples at either end of a stretch where its slope is not used."""
KNOTS = 600
"""Knots that are used, at most, evenly spread."""
STEPS = 300
"""Gradient steps."""
LEARNING_RATE = 0.02
"""Of Adam, falling along a cosine to zero."""
PENALTY = 0.01
"""Weight of the size of n: n is to be a start, and the slopes are uncertain."""


@dataclass(frozen=True)
class Smoothed:
    """A measured series, smoothed.

    Attributes
    ----------
    value, slope : ndarray, shape (knot,)
        Smoothed series and its slope [unit, unit/d]; zero where they are not known.
    known : ndarray of bool, shape (knot,)
        Within a stretch of close samples.
    """

    value: np.ndarray
    slope: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Collocation:
    """What n is fitted to, at the knots of the training block where some slope is known.

    Attributes
    ----------
    states : Tensor, shape (knot, row, component)
        Those of recalibrated f, measured ones replaced.
    inputs : Tensor, shape (knot, input)
        Inputs.
    seen : Tensor, shape (knot, variable, row, component)
        Change of the measured variables with the states.
    slope : Tensor, shape (knot, variable)
        Slopes of the smoothed series [unit/d].
    weight : Tensor, shape (knot, variable)
        One over the typical size of a slope [d/unit]; zero where it is not known.
    """

    states: Tensor
    inputs: Tensor
    seen: Tensor
    slope: Tensor
    weight: Tensor


def smooth(times: np.ndarray, values: np.ndarray, noise: float, at: np.ndarray) -> Smoothed:
    """Smooth a measured series by cubic splines, never across a gap.

    Of all splines whose residuals have the size of the sensor's noise the one with the fewest knots is taken [1]_.

    Parameters
    ----------
    times, values : ndarray, shape (sample,)
        The series; times sorted [d].
    noise : float
        Standard deviation of the sensor's error.
    at : ndarray, shape (knot,)
        Where it is wanted [d].

    Returns
    -------
    Smoothed

    References
    ----------
    .. [1] P. Dierckx (1975), "An algorithm for smoothing, differentiation and integration of experimental data using
       spline functions", J. Comput. Appl. Math. 1, 165-184, https://doi.org/10.1016/0771-050X(75)90034-0.
    """
    from scipy.interpolate import UnivariateSpline  # slow to load, and for training alone

    value, slope, known = np.zeros(len(at)), np.zeros(len(at)), np.zeros(len(at), dtype=bool)
    for part in np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > GAP) + 1):
        if len(part) < FEWEST:
            continue
        spline = UnivariateSpline(times[part], values[part], w=np.full(len(part), 1.0 / noise), s=len(part))
        inside = (at >= times[part[EDGE]]) & (at <= times[part[-1 - EDGE]])
        value[inside], slope[inside] = spline(at[inside]), spline.derivative()(at[inside])
        known |= inside
    return Smoothed(value, slope, known)


def prepare_collocation(
    system: PlantSystem,
    observations: Sequence[Observation],
    times: np.ndarray,
    states: Tensor,
    inputs: Tensor,
    block: tuple[float, float],
) -> Collocation | None:
    """Return states and slopes over the training block.

    Parameters
    ----------
    system : PlantSystem
        Recalibrated f; records the observed variables.
    observations : sequence of Observation
        The measured series, in the order of what the system records; composites and samples beyond a limit of the
        sensor are not used.
    times : ndarray, shape (knot,)
        Knots of the training block [d].
    states : Tensor, shape (knot, row, component)
        Trajectory of recalibrated f.
    inputs : Tensor, shape (knot, input)
        Inputs.
    block : tuple of float
        Begin and end of the training block [d]; samples outside are not used.

    Returns
    -------
    Collocation or None
        None when no slope of a state is known: no variable is sampled closely enough.
    """
    found = []
    for o in observations:
        inside = (o.times >= block[0]) & (o.times <= block[1]) & (o.censored == 0) & (o.period == 0)
        found.append(smooth(o.times[inside], o.values[inside], o.noise, times))
    seen = slopes(system, system.targets, states, inputs)
    value, slope, known = (
        torch.as_tensor(np.stack([getattr(s, name) for s in found], axis=1), device=states.device)
        for name in ("value", "slope", "known")
    )
    known = known & (seen.flatten(-2) > 0).any(-1)
    used = known.any(1).nonzero().flatten()
    if not len(used):
        return None
    used = used[:: math.ceil(len(used) / KNOTS)]
    states, inputs, seen, value, slope, known = (a[used] for a in (states, inputs, seen, value, slope, known))
    with torch.no_grad():
        forcing = system.forcing(inputs)
        error = value - system.output(states, forcing)
        moved = correct(states.flatten(-2), seen.flatten(-2), torch.where(known, error, 0.0), known.to(error.dtype))
        states = moved.reshape(states.shape)
        own = torch.einsum("kvrc,krc->kv", seen, system.derivative(states, forcing))
    size = torch.maximum(_spread(slope, known), _spread(own, known))
    return Collocation(states, inputs, seen, slope, known / size.clamp(min=1e-9))


def _spread(series: Tensor, known: Tensor) -> Tensor:
    count = known.sum(0).clamp(min=1)
    mean = (series * known).sum(0) / count
    return (((series - mean).square() * known).sum(0) / count).sqrt()


def collocate(system: PlantSystem, data: Collocation) -> list[float]:
    """Fit n so that the derivative of the measured states is the slope of the smoothed measurements.

    Parameters
    ----------
    system : PlantSystem
        The hybrid, whose n is fitted in place.
    data : Collocation
        What it is fitted to.

    Returns
    -------
    list of float
        Mean squared misfit of every member, in typical sizes of a slope.
    """
    term = system.term
    assert term is not None
    parameters = list(term.parameters())
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE)
    states = data.states.expand(term.members, *data.states.shape)
    count = (data.weight > 0).sum().clamp(min=1)
    misfit = torch.zeros(term.members)
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 0.5 * LEARNING_RATE * (1.0 + math.cos(math.pi * step / STEPS))
        forcing = system.forcing(data.inputs)
        change = torch.einsum("kvrc,mkrc->mkv", data.seen, system.derivative(states, forcing))
        misfit = ((change - data.slope) * data.weight).square().flatten(1).sum(1) / count
        loss = misfit + PENALTY * term.size(system.effective(states, forcing), data.inputs)
        optimiser.zero_grad()
        torch.autograd.backward(loss.sum())
        optimiser.step()
    return [float(m) for m in misfit.detach()]
