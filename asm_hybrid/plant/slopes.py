"""Slopes of primary clarifier and settler layers with their own state, for linearly implicit methods."""

from __future__ import annotations

from typing import Any

from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.settler import TakacsSettler

__all__ = ["own_slopes"]

Array = Any


def own_slopes(plant: Plant, X: Array, tanks: Array, forcing: Forcing, xp: ArrayNamespace) -> Array:
    """Return how the derivative of every entry behind the tanks changes with that entry [1/d].

    What layers of a settler do to each other is left out, and of the settling only what leaves a layer by its own
    velocity is counted: a method that keeps its order with any matrix needs no more.

    Parameters
    ----------
    plant : Plant
        A plant without controllers, cycles and volumes that vary.
    X, tanks : array, shape (…, row, component) and (…, tank, component)
        The state, and the effective state of the tanks.
    forcing : Forcing
        At the same time.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array, shape (…, row - tank, component)
    """
    rows, settler, parts = plant.rows, plant.layout.settler, []
    if plant.layout.primary is not None:
        leaving = xp.column(plant.input(forcing.u, "Q_in", xp)) / plant.layout.primary.volume
        parts.append(0.0 * xp.block(X, rows.tanks, rows.tanks + 1) - leaving)
    first, last = rows.layers
    if isinstance(settler, TakacsSettler):
        water = xp.block(X, first, last)
        under = forcing.feed_flow - forcing.overflow
        rise, sink = (xp.constant(matrix, X) for matrix in settler.own)
        own = xp.column(forcing.overflow) * rise + xp.column(under) * sink
        fed = xp.column(plant.amount(xp.matmul(forcing.feed, tanks), forcing, "TSS", xp))
        solids = xp.maximum(xp.column(xp.columns(water)[rows.solids_column]), 0.0)
        settling = settler.velocity(solids, fed, xp) / settler.thickness * xp.constant(settler.floor, X)
        parts.append(0.0 * water + own - xp.matmul(settling, xp.constant(plant.constants.solids_mark, X)))
    if rows.extra:
        tail = 0.0 * xp.block(X, last, rows.count)
        assert plant.layout.primary is not None
        parts.append(tail - 1.0 / plant.layout.primary.smoothing)
    return xp.rows(parts)
