"""What n adds, hour by hour, beside what f does by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm
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
        ``own`` and ``learnt``, each ``(time, spot, column of n)``, of what the placement of the term changes;
        ``oxygen`` ``(time, spot)`` [g/m³] in tanks, when the table names the dissolved oxygen.
    """
    table = model.plant.table
    with torch.no_grad():
        f = model.recalibrated().system.along(X, u)
        own, learnt = term.placement.contributions(term, f)
    out = {"own": own, "learnt": learnt}
    if table.oxygen is not None and term.placement.in_tanks:
        out["oxygen"] = f.X[..., table.component_names.index(table.oxygen)]
    return {k: np.asarray(v.cpu()) for k, v in out.items()}


def contribution_table(
    model: FittedModel, term: LearntTerm, found: dict[str, np.ndarray], times: list[str], blocks: list[str]
) -> pd.DataFrame:
    """Return the contributions as a long table: one row a time, and spot and target where n acts."""
    placement, table = term.placement, model.plant.table
    keep, spots = list(placement.columns), placement.spots
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
            "kind": placement.kind,
            "name": spread(list(placement.targets), 2),
            "own": found["own"][..., keep].ravel(),
            "learnt": found["learnt"][..., keep].ravel(),
            "unit": spread([placement.unit(t, table) for t in placement.targets], 2),
            "S_O": np.repeat(oxygen, len(keep), axis=-1).ravel(),
        }
    ).loc[rows]
