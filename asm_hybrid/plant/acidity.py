"""Water whose charge balance has no solution at a pH that water in a plant can have."""

from __future__ import annotations

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.kinetics import Table

__all__ = ["HIGHEST", "LOWEST", "check_acidity", "sewage_doubt", "unbalanced"]

LOWEST, HIGHEST = 2.0, 12.0
"""The range of pH that a state may have. The stages of a step may be outside: there a pH from 0 to 14 is returned."""

SEWAGE = (5.5, 9.5)
"""The pH of an influent outside which it is doubted [-]: 6.5 to 8 as a rule, trade effluents beyond."""


def unbalanced(pH: np.ndarray) -> np.ndarray:
    """Return where the charges of a water balance at no pH from 2 to 12.

    Parameters
    ----------
    pH : ndarray, shape (…)
        What `asm_hybrid.kinetics.charge_balance.log_hydrogen` gives; what is not a number belongs to another failure.

    Returns
    -------
    ndarray of bool, shape (…)
    """
    return np.asarray((pH <= LOWEST) | (pH >= HIGHEST))


def check_acidity(
    table: Table, tanks: tuple[str, ...], pH: np.ndarray, water: np.ndarray, times: np.ndarray | None = None
) -> None:
    """Refuse states whose charges balance at no pH from 2 to 12.

    Parameters
    ----------
    table : Table
        A table with an equilibrium.
    tanks : tuple of str
        Names of the tanks.
    pH : ndarray, shape (time, tank)
        What the charge balance gives.
    water : ndarray, shape (time, tank, component)
        Concentrations in the tanks.
    times : ndarray, shape (time,), optional
        When [d]; without it the state is the one that the simulation begins with.

    Raises
    ------
    SimulationError
        For the first such state: it names the time, the tank, the components, and what to look at.
    """
    outside = unbalanced(pH)
    if not outside.any():
        return
    assert table.equilibrium is not None
    k, i = (int(n) for n in np.argwhere(outside)[0])
    held = ", ".join(
        f"{name} {water[k, i, table.component_names.index(name)]:.4g} {table.units[name]}"
        for name in table.equilibrium.components
    )
    when = "in the state that the simulation begins with" if times is None else f"{times[k]:.6g} d after the start"
    base = f"{_carbonate(table)}, and let less of it be stripped" if _carbonate_name(table) else _carbonate(table)
    acid = (
        "check the alkalinity of the influent and the nitrification, which takes it, or add the ions of a base that is "
        "dosed"
    )
    high = f"more alkalinity than the weak acids hold: {base}"
    raise SimulationError(
        f"no pH from {LOWEST:g} to {HIGHEST:g} balances the charges of the water in {tanks[i]} {when}: {held}\n"
        f"  expected: components whose charges balance between pH {LOWEST:g} and {HIGHEST:g}\n"
        f"  fix: this is {high if pH[k, i] >= HIGHEST else f'more acid than the alkalinity holds: {acid}'}"
    )


def sewage_doubt(table: Table, pH: float) -> tuple[str, str, str] | None:
    """Return what is to be said of the pH of an influent.

    Parameters
    ----------
    table : Table
        A table with an equilibrium.
    pH : float
        What the charge balance of the influent gives [-]; nothing is said of what is not a number.

    Returns
    -------
    tuple of str or None
        What was found, what is expected, and the remedy; None where the pH is that of sewage.
    """
    low, high = SEWAGE
    if not (pH < low or pH > high):
        return None
    fix = _carbonate(table) if pH > high else "check the alkalinity and the acids of the influent"
    return f"the charges of the influent balance at pH {pH:.3g}", f"{low:g} to {high:g} in sewage", fix


def _carbonate_name(table: Table) -> str | None:
    assert table.equilibrium is not None
    return next((acid.total for acid in table.equilibrium.acids if acid.name == "carbonate"), None)


def _carbonate(table: Table) -> str:
    name = _carbonate_name(table)
    if name is None:
        return "give the influent their totals, carbonate among them"
    return f"give {name} to the influent (in g C/m3 about 13 times an alkalinity in mol/m3)"
