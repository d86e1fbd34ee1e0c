"""States that are moved to what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant, is_offgas

__all__ = ["correct", "slopes"]

SAME = 1e-6
"""Slope [-] below which a state takes no part."""


def slopes(system: PlantSystem, targets: Sequence[str], X: Tensor, u: Tensor) -> Tensor:
    """Return by how much the measured variables change with the states that a measurement may correct.

    In a tank these are the components that the variable is made of; of the off-gas, the gas in the water that it
    leaves. In the effluent they are soluble components, one by one: the solids that a settler lets pass say nothing
    about those it holds back.

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
    if system.plant.steered:  # volumes and states of controllers are no concentrations
        slope[..., system.plant.rows.layers[1] :, :] = 0.0
    return torch.where(slope > SAME, slope, torch.zeros_like(slope))


def _takes_part(plant: Plant, target: str) -> np.ndarray:
    if is_offgas(target):
        return np.ones(len(plant.table.components))
    place, quantity = plant.quantities.observation(target)
    if quantity in plant.table.quantity_names:  # which of the ions is off, a pH does not tell
        return np.zeros(len(plant.table.components))
    if place != "effluent":
        return np.ones(len(plant.table.components))
    return np.array([float(c.name == quantity and c.phase == "soluble") for c in plant.table.components])


def correct(states: Tensor, slope: Tensor, error: Tensor, gain: Tensor) -> Tensor:
    """Correct states by what is measured, one variable after the other.

    A variable made of several components moves them in proportion to their parts in it; what an earlier variable has
    already corrected is taken off.

    Parameters
    ----------
    states : Tensor, shape (…, n)
        States.
    slope : Tensor, shape (…, variable, n)
        See `slopes`.
    error : Tensor, shape (…, variable)
        Measured minus simulated.
    gain : Tensor, shape (…, variable)
        Share of it that is corrected [-].

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
