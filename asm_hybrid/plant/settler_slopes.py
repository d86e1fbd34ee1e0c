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
        The plant.
    settler : TakacsSettler
        Its settler.
    X, tanks : array, shape (…, row, component) and (…, tank, component)
        The state, and the effective state of the tanks.
    forcing : Forcing[Array]
        At the same time; as controllers and volumes make it (`Plant.steer`) where there are any.
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


def other_slopes(
    plant: Plant, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]
) -> tuple[Array | None, Array | float]:
    """Return how a primary clarifier, and each state that is no concentration, change with themselves.

    Parameters
    ----------
    plant, X, tanks, forcing, xp
        As in `layer_slopes`.

    Returns
    -------
    clarifier : array or None, shape (…, 1, 1)
        Slope of its concentrations [1/d]; None where there is none.
    others : array or float, shape (…, row, component)
        Slopes of what stands in the last rows [1/d]; one number for all where that is a smoothed flow alone.
    """
    clarifier, smoothed = None, 0.0
    if plant.layout.primary is not None:
        clarifier = -xp.column(plant.input(forcing.u, "Q_in", xp)) / plant.layout.primary.volume
        smoothed = -1.0 / plant.layout.primary.smoothing
    return clarifier, _steered_slopes(plant, X, tanks, forcing, smoothed, xp) if plant.steered else smoothed


def _steered_slopes(
    plant: Plant, X: Array, tanks: Array, forcing: Forcing[Array], smoothed: float, xp: ArrayNamespace[Array]
) -> Array:
    """Return how the states of volumes, the smoothed flow, controllers and cycles change with themselves."""
    names, u = plant.rows.extra, forcing.u
    nothing = 0.0 * plant.extra(X, names[0], xp)
    found = dict.fromkeys(names, nothing) | {"primary.flow": nothing + smoothed}
    for controller in plant.controllers:
        setpoint, noise = (
            plant.input(u, key, xp) if key in plant.input_index else 0.0
            for key in (f"{controller.name}.setpoint", f"{controller.name}.noise")
        )
        z = [plant.extra(X, name, xp) for name in controller.states]
        value = plant.measured(X, tanks, forcing, controller.measured, xp)
        own = controller.own_slopes(z, value, setpoint, noise, xp)
        found |= dict(zip(controller.states, own, strict=True))
    return xp.rows(plant.extra_rows([found[name] for name in names], xp))
