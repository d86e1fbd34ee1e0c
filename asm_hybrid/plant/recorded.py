"""What f gives of measured variables, in tanks, effluent and off-gas."""

from __future__ import annotations

from collections.abc import Sequence

from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.layout import EFFLUENT
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.offgas import emission, offgas_of
from asm_hybrid.plant.outlets import effluent
from asm_hybrid.plant.plant import Plant

__all__ = ["recorded"]


def recorded(
    plant: Plant,
    target: str,
    X: Array,
    tanks: Array,
    forcing: Forcing[Array],
    parameters: Sequence[Array],
    xp: ArrayNamespace[Array],
) -> Array:
    """Return one measured variable.

    Parameters
    ----------
    plant : Plant
        The plant.
    target : str
        ``TANK.QUANTITY``, ``effluent.QUANTITY``, ``TANK.offgas_COMPONENT`` or ``offgas.COMPONENT``.
    X : array, shape (…, row, component)
        The state.
    tanks : array, shape (…, tank, component)
        The effective state of its tanks.
    forcing : Forcing
        At the same time; as controllers make it (`steer`) where there are any.
    parameters : sequence of array
        By which composites are made; the pH and what follows from it are those at the temperature of the water.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array, shape (…, 1)
        In the unit of `target_unit`.

    Raises
    ------
    InputError
        For a place or a quantity that the plant does not have.
    """
    gas = offgas_of(plant.table, plant.layout, target)
    if gas is not None:
        leaves = xp.columns(emission(plant, X, tanks, forcing, xp))[plant.table.component_names.index(gas.component)]
        parts = [xp.entry(leaves, i) for i in gas.tanks]
        return sum(parts[1:], parts[0])
    place, quantity = plant.quantities.observation(target)
    if place == EFFLUENT:
        water = effluent(plant, X, forcing, xp)[1]
    else:
        i = plant.layout.tank_index(place)
        water = xp.block(tanks, i, i + 1)
    given = xp.entries(forcing.parameters) if quantity in plant.table.quantity_names else parameters
    return plant.quantities.mixed(quantity, xp.columns(water), given, xp)
