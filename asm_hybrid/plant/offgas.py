"""What is measured of the gases that leave the tanks with the air: names, units and amounts."""

from __future__ import annotations

from dataclasses import dataclass

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.kinetics.gases import OFFGAS
from asm_hybrid.plant.forcing import Forcing
from asm_hybrid.plant.layout import WHOLE_OFFGAS, Layout
from asm_hybrid.plant.namespace import ArrayNamespace
from asm_hybrid.plant.plant import Plant
from asm_hybrid.plant.transfer import saturations
from asm_hybrid.units import parse_unit

__all__ = ["KILO", "OffGas", "emission", "is_offgas", "offgas_of", "offgas_targets", "target_unit"]

KILO = 1e-3
"""Emissions are in kg, concentrations in g."""


@dataclass(frozen=True)
class OffGas:
    """A gas in the off-gas of one tank, or of all.

    Attributes
    ----------
    component : str
        The dissolved component.
    tanks : tuple of int
        The tanks, by their place.
    """

    component: str
    tanks: tuple[int, ...]


def is_offgas(target: str) -> bool:
    """Return whether a target has the form of one: ``TANK.offgas_COMPONENT`` or ``offgas.COMPONENT``.

    Parameters
    ----------
    target : str
        The name of a measured variable.

    Returns
    -------
    bool
    """
    place, _, quantity = target.partition(".")
    return place == WHOLE_OFFGAS or quantity.startswith(OFFGAS)


def offgas_of(table: Table, layout: Layout, target: str) -> OffGas | None:
    """Return which gas a target is, and where it leaves.

    Parameters
    ----------
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    target : str
        The name of a measured variable.

    Returns
    -------
    OffGas or None
        None for what is measured in the water.

    Raises
    ------
    InputError
        For a gas that the table does not transfer, a tank that is not there, or one that is not aerated.
    """
    if not is_offgas(target):
        return None
    place, _, quantity = target.partition(".")
    component, gases = quantity.removeprefix(OFFGAS), [gas.component for gas in table.gases]
    if component not in gases:
        raise InputError(
            f"{target!r} is the off-gas of {component!r}, which the model {table.name!r} does not strip",
            expected=f"one of its gases: {', '.join(gases)}" if gases else "a table with a section 'gases'",
            fix=nearest(component, gases) if gases else "take asm1_2n, or add the section 'gases' to the table",
        )
    aerated = {t.name: i for i, t in enumerate(layout.tanks) if t.aerated or t.air}
    if not aerated or place not in (WHOLE_OFFGAS, *aerated):
        known = place in layout.tank_names or place == WHOLE_OFFGAS
        raise InputError(
            f"{target!r} is the off-gas of {place!r}, "
            + ("where nothing is aerated" if known else "which the plant does not have"),
            expected=f"{WHOLE_OFFGAS}.{component}, or TANK.{OFFGAS}{component} of a tank with kla or air"
            + (f": {', '.join(aerated)}" if aerated else ""),
            fix="give a tank 'kla' or 'air'" if not aerated else nearest(place, aerated),
        )
    return OffGas(component, tuple(aerated.values()) if place == WHOLE_OFFGAS else (aerated[place],))


def offgas_targets(table: Table, layout: Layout) -> tuple[str, ...]:
    """Return all that can be measured in the off-gas of a plant.

    Parameters
    ----------
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    tuple of str
        Tank by tank, then of the whole plant; empty where nothing is aerated or the table has no gases.
    """
    aerated = [t.name for t in layout.tanks if t.aerated or t.air]
    if not aerated:
        return ()
    gases = [gas.component for gas in table.gases]
    tanks = [f"{tank}.{OFFGAS}{gas}" for tank in aerated for gas in gases]
    return (*tanks, *(f"{WHOLE_OFFGAS}.{gas}" for gas in gases))


def target_unit(table: Table, target: str) -> str:
    """Return the unit of a measured variable.

    Parameters
    ----------
    table : Table
        The kinetics table.
    target : str
        ``PLACE.QUANTITY`` with what can be measured in water, or an off-gas.

    Returns
    -------
    str
        Unit of the table; of an off-gas a mass or an amount by the day, such as kg N/d.
    """
    _, _, quantity = target.partition(".")
    if is_offgas(target):
        return f"k{parse_unit(table.units[quantity.removeprefix(OFFGAS)]) * parse_unit('m3/d')}"
    return table.units[quantity]


def emission(plant: Plant, X: Array, tanks: Array, forcing: Forcing[Array], xp: ArrayNamespace[Array]) -> Array:
    """Return what leaves the tanks with the air, less what it brings.

    Parameters
    ----------
    plant : Plant
        A plant with an aerated tank.
    X : array, shape (…, row, component)
        The state.
    tanks : array, shape (…, tank, component)
        The effective state of its tanks.
    forcing : Forcing
        At the same time; as controllers make it (`steer`) where there are any.
    xp : ArrayNamespace
        Array operations.

    Returns
    -------
    array, shape (…, tank, component)
        For gases [kg/d], or [kmol/d] for components in mol.
    """
    assert forcing.loss is not None
    constants = plant.constants
    air = xp.matmul(xp.constant(constants.every_tank, X), saturations(constants, forcing.u, xp))
    return xp.scale(forcing.loss * (tanks - air), KILO * plant.volumes(X, xp))
