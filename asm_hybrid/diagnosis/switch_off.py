"""Which target of n, in which tank, f failed to capture: n switched off piece by piece."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.training import FittedModel, PlantModel, without_gradients

__all__ = ["missing_dynamics", "ranked", "switch_off_effects"]

DAYS = 24
"""Most one-day windows that the effect is averaged over, spread evenly over the record."""


def switch_off_effects(
    model: FittedModel, term: LearntTerm, others: LearntTerms, states: Tensor, inputs: Tensor, noise: np.ndarray
) -> np.ndarray:
    """Return how much the predictions of a day change when n is switched off in one place.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    term : LearntTerm
        One member of one of its terms.
    others : LearntTerms
        The same member of all terms, `term` among them; the others stay.
    states : Tensor, shape (window, tank, component)
        Start states of the windows, on the hybrid's own trajectory.
    inputs : Tensor, shape (window, knot, input)
        Inputs of the windows.
    noise : ndarray, shape (variable,)
        Sensor noise, the unit in which changes of different variables are added.

    Returns
    -------
    ndarray, shape (spot, target)
        Mean square of the change over windows, steps and measured variables [-]; zero where n does not act.
    """
    placement = term.placement
    spots, cases = len(placement.spots), 1 + len(placement.places)
    mask = torch.ones(1, cases, 1, spots, placement.width, dtype=states.dtype, device=states.device)
    for i, (spot, target) in enumerate(placement.places):
        mask[0, i + 1, 0, spot, placement.columns[target]] = 0.0
    switched = term.member(0)
    switched.mask = mask if placement.in_tanks else mask.unsqueeze(3)  # inputs have an axis of time
    kept = [switched if other is term else other for other in others]
    system = PlantSystem(model.plant, model.parameters, model.targets, LearntTerms(kept))
    start = states.expand(1, cases, *states.shape)
    outputs = without_gradients(PlantModel(system, model.grid)).simulate(start, inputs).outputs[0]
    change = (outputs[1:] - outputs[:1]) / torch.as_tensor(noise, dtype=states.dtype, device=states.device)
    effects = np.zeros((spots, len(placement.targets)))
    effects[tuple(zip(*placement.places, strict=True))] = change.square().mean((1, 2, 3)).cpu()
    return effects


def missing_dynamics(
    model: FittedModel,
    term: LearntTerm,
    effects: np.ndarray,
    own: np.ndarray,
    learnt: np.ndarray,
) -> list[dict[str, Any]]:
    """Return where one term of n matters.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    term : LearntTerm
        One of its terms.
    effects : ndarray, shape (spot, target)
        From :func:`switch_off_effects`.
    own, learnt : ndarray, shape (time, spot, column of n)
        What f has by itself, and what n adds.

    Returns
    -------
    list of dict
        One a target and spot, with its ``effect`` [-].
    """
    placement, table, rows = term.placement, model.plant.table, []
    for spot, i in placement.places:
        target, k = placement.targets[i], placement.columns[i]
        rows.append(
            {
                "kind": placement.kind,
                "name": target,
                "tank": placement.spots[spot],
                "effect": float(effects[spot, i]),
                "own": float(own[:, spot, k].mean()),
                "learnt": float(learnt[:, spot, k].mean()),
                "unit": placement.unit(target, table),
            }
        )
    return rows


def ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of all terms, the largest share of the effect first.

    Parameters
    ----------
    rows : list of dict
        From `missing_dynamics`, of all terms.

    Returns
    -------
    list of dict
        With ``share`` [-] in the place of ``effect``. The shares add up to one, or are all zero.
    """
    total = sum(row["effect"] for row in rows)
    shared = [
        {**{k: v for k, v in row.items() if k != "effect"}, "share": row["effect"] / total if total > 0 else 0.0}
        for row in rows
    ]
    return sorted(shared, key=lambda row: -row["share"])


def window_starts(knots: int, per_day: int) -> list[int]:
    """Return the first knots of at most :data:`DAYS` one-day windows, spread evenly."""
    days = max(1, (knots - 1) // per_day)
    chosen = np.unique(np.linspace(0, days - 1, min(DAYS, days)).astype(int))
    return [int(d) * per_day for d in chosen]
