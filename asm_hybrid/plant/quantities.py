"""What can be measured in the water of a plant: components, and composites such as COD and TSS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Kinetics, Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.namespace import ArrayNamespace

__all__ = ["Quantities"]


@dataclass(frozen=True, eq=False)
class Quantities:
    """Components and composites of a table in the tanks of a plant.

    Attributes
    ----------
    table : Table
        The kinetics table.
    kinetics : Kinetics
        Its functions.
    tanks : tuple of str
        Names of the tanks, in order.
    """

    table: Table
    kinetics: Kinetics
    tanks: tuple[str, ...]

    def observation(self, target: str) -> tuple[str, str]:
        """Split ``tank.quantity`` or ``effluent.quantity`` and check both names.

        Raises
        ------
        InputError
            When the place or the quantity is not known.
        """
        place, _, quantity = target.partition(".")
        places = (*self.tanks, "effluent")
        if place not in places:
            raise InputError(
                f"the observation {target!r} is at {place!r}, which the plant does not have",
                expected="TANK.COMPONENT or effluent.COMPONENT",
                fix=nearest(place, places),
            )
        quantities = self.table.units
        if quantity not in quantities:
            raise InputError(
                f"the observation {target!r} is of {quantity!r}, which the model {self.table.name!r} does not have",
                expected="a component or a composite of the table",
                fix=nearest(quantity, quantities),
            )
        return place, quantity

    def in_tank(self, tanks: Array, forcing: Forcing[Array], target: str, xp: ArrayNamespace[Array]) -> Array:
        """Return a component or composite in a tank, ``(…, 1)``, from the effective state."""
        place, name = self.observation(target)
        i = self.tanks.index(place)
        return self.amount(xp.block(tanks, i, i + 1), forcing, name, xp)

    def amount(self, water: Array, forcing: Forcing[Array], name: str, xp: ArrayNamespace[Array]) -> Array:
        """Return a component or composite of a row ``(…, 1, component)``, ``(…, 1)``."""
        return self.mixed(name, xp.columns(water), xp.entries(forcing.parameters), xp)

    def amounts(self, water: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> dict[str, Array]:
        """Return all components and composites of a row as `amount` does, by name."""
        columns = xp.columns(water)
        parameters = xp.entries(forcing.parameters)
        found = dict(zip(self.table.component_names, columns, strict=True))
        found |= {name: self.mixed(name, columns, parameters, xp) for name in self.table.composites}
        return found | self.of_equilibrium(columns, parameters, xp)

    def of_equilibrium(
        self, columns: Sequence[Array], parameters: Sequence[Array], xp: ArrayNamespace[Array]
    ) -> dict[str, Array]:
        """Return the pH of water and what follows from it, by name; nothing without an equilibrium.

        Parameters
        ----------
        columns : sequence of array, shape (…)
            Components.
        parameters : sequence of array, shape (…)
            As `Forcing.parameters` holds them, at the temperature of the water and with what the rates read behind.
        xp : ArrayNamespace
            Array operations.

        Returns
        -------
        dict of str to array, shape (…)
        """
        if self.kinetics.quantities is None:
            return {}
        values = self.kinetics.quantities(list(columns), parameters, xp)
        return dict(zip(self.table.quantity_names, values, strict=True))

    def mixed(
        self, name: str, columns: Sequence[Array], parameters: Sequence[Array], xp: ArrayNamespace[Array]
    ) -> Array:
        """Return what can be measured in water, from its components and parameters at its temperature."""
        if name in self.table.component_names:
            return columns[self.table.component_names.index(name)]
        if name in self.table.quantity_names:
            return self.of_equilibrium(columns, parameters, xp)[name]
        weights = self.kinetics.composite(name, parameters, xp)
        parts = [w * c for w, c in zip(weights, columns, strict=True) if not (isinstance(w, float) and w == 0.0)]
        return sum(parts[1:], parts[0])
