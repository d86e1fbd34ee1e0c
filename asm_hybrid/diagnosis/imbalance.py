"""What n makes or destroys of the materials that every process conserves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from asm_hybrid.hybrid import LearntTerms, PlantSystem
from asm_hybrid.kinetics import Table

__all__ = ["contents", "imbalance", "imbalance_warning"]

CHARGE = "charge"
"""The conserved quantity that has no mass."""


def contents(table: Table, parameters: Tensor) -> dict[str, Tensor]:
    """Return what one unit of every component holds of every material that has mass, by material, ``(component,)``.

    Parameters
    ----------
    table : Table
        The reactions.
    parameters : Tensor, shape (parameter,)
        Values of its parameters.
    """
    values = dict(zip(table.parameter_names, parameters.tolist(), strict=True))
    out = {}
    for material in table.materials:
        if material != CHARGE:
            held = [c.composition[material].value if material in c.composition else None for c in table.components]
            numbers = [0.0 if h is None else float(h.subs({s: values[s.name] for s in h.free_symbols})) for h in held]
            out[material] = torch.tensor(numbers, dtype=torch.float64)
    return out


def imbalance(system: PlantSystem, x: Tensor, u: Tensor) -> dict[str, dict[str, float]]:
    """Return what n makes of every material along a trajectory of the hybrid, in all tanks together.

    Parameters
    ----------
    system : PlantSystem
        The hybrid, with one member of n.
    x : Tensor, shape (time, row, component)
        States.
    u : Tensor, shape (time, input)
        Inputs at the same times.

    Returns
    -------
    dict
        By material:

        - ``net``: mean of what n makes, below zero where it destroys more [kg/d];
        - ``absolute``: mean of its size, hour by hour [kg/d];
        - ``influent``: mean load of the influent as measured [kg/d];
        - ``relative``: largest size at any time, by the sum of the sizes of all reaction terms then [-].

        Empty for placements that change no reaction.
    """
    plant, terms = system.plant, system.term
    if not isinstance(terms, LearntTerms) or not any(term.spec.placement in ("rates", "parameters", "state") for term in terms):
        return {}
    with torch.no_grad():
        forcing = system.forcing(u)
        X = system.effective(x.unsqueeze(0), forcing)
        p = terms.adjusted(system.xp.entries(forcing.parameters), X, u)
        rho = terms.rates(system.xp.stack(plant.kinetics.rates(X, p, system.xp)), X, u)
        learnt = (rho - system.own_rates(X, forcing)) @ system.stoichiometry
        # what n adds to an imposed concentration has no effect
        learnt = learnt + terms.changed(torch.zeros_like(X), X, u) * torch.as_tensor(plant.free, dtype=X.dtype)
    volume = torch.tensor([tank.volume for tank in plant.layout.tanks], dtype=torch.float64)
    first = plant.input_index[f"influent.{plant.table.component_names[0]}"]
    water = u[:, plant.input_index["Q_in"], None] * u[:, first : first + X.shape[-1]]
    out = {}
    for material, content in contents(plant.table, system.parameters).items():
        made = (learnt @ content @ volume)[0]
        terms_size = (rho.abs() @ (system.stoichiometry.abs() @ content.abs()) @ volume)[0]
        out[material] = {
            "net": float(made.mean()) / 1000,
            "absolute": float(made.abs().mean()) / 1000,
            "influent": float((water @ content).mean()) / 1000,
            "relative": float((made.abs() / terms_size.clamp(min=1e-300)).max()),
        }
    return out


def imbalance_warning(found: dict[str, dict[str, Any]]) -> str:
    """Return what the user of a placement that does not conserve has to know."""
    parts = []
    for material, row in found.items():
        share = f" ({row['absolute'] / row['influent']:.1%} of the influent's)" if row["influent"] > 0 else ""
        parts.append(f"{row['absolute']:.3g} kg {material}/d{share}, on balance {row['net']:+.3g}")
    return "n on derivatives does not conserve: it makes or destroys " + "; ".join(parts)
