"""What n adds, hour by hour, beside what f does by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from asm_hybrid.hybrid import LearntTerm
from asm_hybrid.training import FittedModel

__all__ = ["contributions"]


def contributions(model: FittedModel, term: LearntTerm, X: Tensor, u: Tensor) -> dict[str, np.ndarray]:
    """Evaluate what f has by itself and what n adds along a trajectory.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    term : LearntTerm
        One member of one of its terms.
    X : Tensor, shape (time, tank, component)
        States.
    u : Tensor, shape (time, input)
        Inputs at the same times.

    Returns
    -------
    dict of str to ndarray
        ``own`` and ``learnt``, each ``(time, spot, target of the plant)``: rates, changes of components
        [g/(m³ d)] for the placement ``state``, parameters at the temperature of the liquid, concentrations of the
        influent, or measured variables; ``oxygen`` ``(time, spot)`` [g/m³] in tanks, when the table names the
        dissolved oxygen.
    """
    placement = term.spec.placement
    system = model.recalibrated(term.spec.targets if placement == "output" else None).system
    with torch.no_grad():
        forcing = system.forcing(u)
        x, X = X, system.effective(X, forcing)
        own = system.own_rates(X, forcing)
        if placement == "rates":
            learnt = term.rates(own, X.unsqueeze(0), u)[0] - own
        elif placement == "parameters":
            own = forcing.parameters[:, None, list(term.positions)].expand(-1, X.shape[1], -1)
            learnt = own * (term.factors(X.unsqueeze(0), u)[0] - 1.0)
        elif placement == "forcing":
            own = (u @ term.driven_at.T).unsqueeze(-2)
            learnt = own * (term.factors(None, u)[0] - 1.0)
        elif placement == "output":
            own = system.output(x, forcing).unsqueeze(-2).expand(-1, X.shape[1], -1)
            learnt = term.corrections(X.unsqueeze(0), u)[0].unsqueeze(-2) * term.at
        else:
            own = own @ system.stoichiometry
            learnt = term.additions(X.unsqueeze(0), u)[0]
    out = {"own": own, "learnt": learnt}
    table = model.plant.table
    if table.oxygen is not None and placement != "forcing":
        out["oxygen"] = X[..., table.component_names.index(table.oxygen)]
    return {k: np.asarray(v.cpu()) for k, v in out.items()}


def contribution_table(
    model: FittedModel, term: LearntTerm, found: dict[str, np.ndarray], times: list[str], blocks: list[str]
) -> pd.DataFrame:
    """Return the contributions as a long table: one row a time, and spot and target where n acts."""
    spec = term.spec
    names = spec.universe(model.plant.table)
    keep = [names.index(t) for t in spec.targets]
    spots = spec.spots(model.plant)
    shape = len(times), len(spots), len(keep)
    oxygen = found.get("oxygen", np.full(shape[:2], np.nan))

    def spread(values: list[str], axis: int) -> np.ndarray:
        view = np.array(values, dtype=object).reshape([-1 if i == axis else 1 for i in range(3)])
        return np.broadcast_to(view, shape).ravel()

    rows = np.broadcast_to(np.asarray(term.at.cpu()) > 0, shape).ravel()
    return pd.DataFrame(
        {
            "time": spread(times, 0),
            "block": spread(blocks, 0),
            "tank": spread(list(spots), 1),
            "kind": spec.kind,
            "name": spread(list(spec.targets), 2),
            "own": found["own"][..., keep].ravel(),
            "learnt": found["learnt"][..., keep].ravel(),
            "unit": spread([target_unit(model, spec.kind, t) for t in spec.targets], 2),
            "S_O": np.repeat(oxygen, len(keep), axis=-1).ravel(),
        }
    ).loc[rows]


def target_unit(model: FittedModel, kind: str, target: str) -> str:
    """Return the unit of a process's rate (its reference component's, per day), or of what else n changes."""
    table = model.plant.table
    if kind in ("variable", "influent"):
        quantity = target.partition(".")[2]
        if quantity in table.composites:
            return table.composites[quantity].unit
        return table.components[table.component_names.index(quantity)].unit
    if kind == "process":
        return str(table.processes[table.process_names.index(target)].unit)
    if kind == "parameter":
        return table.parameters[table.parameter_names.index(target)].unit
    return f"{table.components[table.component_names.index(target)].unit}/d"
