"""What the influent carries: the components that count as its load, and ammonium among them."""

from __future__ import annotations

from asm_hybrid.kinetics import Component, Table
from asm_hybrid.plant.plant import Plant

__all__ = ["inorganic_nitrogen", "load_inputs"]


def load_inputs(plant: Plant) -> list[str]:
    """Return the inputs that ``load`` stands for: what carries oxygen demand, nitrogen or phosphorus into a plant.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    list of str
        Names such as ``influent.S_S``.
    """
    table = plant.table
    return [f"influent.{c.name}" for c in table.components if c.name != table.oxygen and _is_load(c)]


def inorganic_nitrogen(table: Table) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the components of dissolved nitrogen with a positive and with a negative charge: ammonium, and nitrate.

    Parameters
    ----------
    table : Table
        The kinetics table.

    Returns
    -------
    (tuple of str, tuple of str)
        Such as ``S_NH``, and ``S_NO``, of which a table may have two; empty where a table has none.
    """
    charged: dict[bool, list[str]] = {True: [], False: []}
    for c in table.components:
        if c.phase == "soluble" and {"N", "charge"} <= set(c.composition):
            nitrogen, charge = (c.composition[m].value for m in ("N", "charge"))
            if nitrogen.is_positive and charge.is_nonzero:
                charged[bool(charge.is_positive)].append(c.name)
    return tuple(charged[True]), tuple(charged[False])


def _is_load(component: Component) -> bool:
    """Return whether a component is fed: not what takes up oxygen demand, as oxidised nitrogen and dinitrogen do."""
    held = component.composition
    return bool(set(held) & {"COD", "N", "P"}) and not ("COD" in held and held["COD"].value.is_negative)
