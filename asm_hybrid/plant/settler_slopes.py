"""Slopes of what stands behind the tanks in a state, for linearly implicit methods."""

from __future__ import annotations

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.settler import TakacsSettler

__all__ = ["layer_slopes", "other_slopes"]


def layer_slopes(
    plant: Plant, settler: TakacsSettler, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
) -> tuple[Array, Array]:
    """Return how the layers of a settler change with each other.

    Parameters
    ----------
    plant : Plant
        A plant without controllers, cycles and volumes that vary.
    settler : TakacsSettler
        Its settler.
    X, tanks : array, shape (…, row, component) and (…, tank, component)
        The state, and the effective state of the tanks.
    forcing : Forcing[Array]
        At the same time.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    solubles, solids : array, shape (…, layer, layer)
        Slopes [1/d] of what is dissolved, and of solids, which settle as well.
    """
    under = forcing.feed_flow - forcing.overflow
    water = xp.column(forcing.overflow) * xp.constant(settler.rise, X)
    water = water + xp.column(under) * xp.constant(settler.sink, X)
    fed = xp.column(plant.quantities.amount(xp.matmul(forcing.feed, tanks), forcing, "TSS", xp))
    solids = xp.column(xp.columns(xp.block(X, *plant.rows.layers))[plant.rows.solids_column])
    return water, water + settler.settling_slopes(solids, fed, xp)


def other_slopes(plant: Plant, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> tuple[Array | None, float]:
    """Return how a primary clarifier and its smoothed flow change with themselves.

    Parameters
    ----------
    plant, forcing, xp
        As in `layer_slopes`.

    Returns
    -------
    clarifier : array or None, shape (…, 1, 1)
        Slope of its concentrations [1/d]; None where there is none.
    smoothed : float
        Slope of the flow [1/d]; zero without a clarifier.
    """
    if plant.layout.primary is None:
        return None, 0.0
    leaving = xp.column(plant.input(forcing.u, "Q_in", xp)) / plant.layout.primary.volume
    return -leaving, -1.0 / plant.layout.primary.smoothing
