"""What n makes of nothing: the imbalance of conserved materials along the trajectory of the hybrid."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerms
from asm_hybrid.plant import torch_namespace
from asm_hybrid.training import FittedModel

__all__ = ["composition", "imbalance", "imbalance_warning"]

TOLD = 0.01
"""Imbalance, as a share of what n moves, from which on the run warns; tables with rounded coefficients stay below."""


def composition(model: FittedModel) -> Tensor:
    """Return what one unit of each component holds of the conserved materials.

    Parameters
    ----------
    model : FittedModel
        The fitted model, whose table and parameters are used.

    Returns
    -------
    Tensor, shape (component, material)
        In [g], charge in [mol], by unit of the component; zero where it holds none.
    """
    table = model.plant.table
    values = dict(zip(table.parameter_names, model.parameters.tolist(), strict=True))

    def held(expression: Any) -> float:
        return float(expression.value.subs({s: values[str(s)] for s in expression.value.free_symbols}))

    rows = [[held(c.composition[m]) if m in c.composition else 0.0 for m in table.materials] for c in table.components]
    return torch.tensor(rows, dtype=torch.float64)


def imbalance(model: FittedModel, terms: LearntTerms, X: Tensor, u: Tensor) -> dict[str, dict[str, float]]:
    """Return what n creates of every conserved material in the tanks.

    The change of dX/dt by n, that is ``(ρ_hybrid - ρ_f) S`` and what n adds to derivatives, times what the components
    hold, times the volumes. Gases that leave (S_N2) and oxygen that is supplied are components and are counted. What n
    makes of an imposed state has no effect, and is left out.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    terms : LearntTerms
        One member of its n.
    X : Tensor, shape (time, row, component)
        States of the hybrid.
    u : Tensor, shape (time, input)
        Inputs at the same times.

    Returns
    -------
    dict
        By material: ``created`` and ``size`` [kg/d, kmol/d of charge], the mean over time, and that of its absolute
        value; ``of_influent`` [-], size over the mean load of the influent, absent where that is zero; ``of_moved``
        [-], size over what n moves: the absolute changes of all components in all tanks, added up.
    """
    plant, xp = model.plant, torch_namespace()
    system = model.recalibrated().system
    holds = composition(model)
    volumes = torch.tensor([tank.volume for tank in plant.layout.tanks], dtype=torch.float64)[:, None]
    free = torch.as_tensor(plant.free, dtype=torch.float64)
    with torch.no_grad():
        forcing = system.steered(X, system.forcing(u))
        growth = plant.growth(X, xp)
        volumes = volumes if growth is None else volumes * growth
        X = system.effective(X, forcing)
        own = system.own_rates(X, forcing)
        rates = plant.rates(X.unsqueeze(0), forcing, xp, terms)[0]
        change = (rates - own) @ system.stoichiometry
        change = change + free * terms.changed(torch.zeros_like(X).unsqueeze(0), X.unsqueeze(0), u)[0]
        made = (volumes * change @ holds).sum(-2)
        moved = ((volumes * change).abs() @ holds.abs()).sum(-2).mean(0)
        load = (u[:, [plant.input_index["Q_in"]]] * u[:, plant.inputs.influent] @ holds).mean(0)
    found: dict[str, dict[str, float]] = {}
    for i, material in enumerate(plant.table.materials):
        size = float(made[:, i].abs().mean())
        found[material] = {"created": float(made[:, i].mean()) / 1e3, "size": size / 1e3}
        if load[i] != 0:
            found[material]["of_influent"] = size / abs(float(load[i]))
        found[material]["of_moved"] = size / float(moved[i]) if moved[i] > 0 else 0.0
    return found


def imbalance_warning(found: dict[str, dict[str, float]]) -> str | None:
    """Return a sentence on what n makes of nothing.

    Parameters
    ----------
    found : dict
        By material, from `imbalance`.

    Returns
    -------
    str or None
        None where it is within what rounded coefficients make.
    """
    parts = [
        f"{row['size']:.3g} {'kmol' if material == 'charge' else 'kg'}/d of {material}"
        + (f" ({100 * row['of_influent']:.2g} % of the influent's load)" if "of_influent" in row else "")
        for material, row in found.items()
        if row["of_moved"] > TOLD
    ]
    if not parts:
        return None
    return f"n does not conserve mass: on average it makes or destroys {', '.join(parts)}"
