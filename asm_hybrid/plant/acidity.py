"""Water whose charge balance has no solution at a pH that water in a plant can have."""

from __future__ import annotations

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.kinetics import Table

__all__ = ["HIGHEST", "LOWEST", "check_acidity", "influent_warnings", "unbalanced"]

LOWEST, HIGHEST = 2.0, 12.0
"""The range of pH that a state may have. The stages of a step may be outside: there a pH from 0 to 14 is returned."""


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
    carbonate = [acid.total for acid in table.equilibrium.acids if acid.name == "carbonate"]
    base = "more alkalinity than the weak acids hold: " + (
        f"give {carbonate[0]} to the influent (in g C/m3 about 13 times an alkalinity in mol/m3), and let less of it "
        "be stripped"
        if carbonate
        else "give the influent their totals, carbonate among them"
    )
    acid = (
        "more acid than the alkalinity holds: check the alkalinity of the influent and the nitrification, which takes "
        "it, or add the ions of a base that is dosed"
    )
    raise SimulationError(
        f"no pH from {LOWEST:g} to {HIGHEST:g} balances the charges of the water in {tanks[i]} {when}: {held}\n"
        f"  expected: components whose charges balance between pH {LOWEST:g} and {HIGHEST:g}\n"
        f"  fix: this is {base if pH[k, i] >= HIGHEST else acid}"
    )


def influent_warnings(pH: np.ndarray, times: np.ndarray) -> list[str]:
    """Return what is to be said of an influent whose charges balance at no pH from 2 to 12.

    No tank need leave that range with it, since carbon dioxide from oxidation hides that none comes in.

    Parameters
    ----------
    pH : ndarray, shape (time,)
        The pH of the influent.
    times : ndarray, shape (time,)
        When [d].

    Returns
    -------
    list of str
        One warning, or none.
    """
    outside = unbalanced(pH)
    if not outside.any():
        return []
    k = int(np.argmax(outside))
    given = (
        "does it bring its inorganic carbon, in g C/m3 about 13 times an alkalinity in mol/m3?"
        if pH[k] >= HIGHEST
        else "does it bring its alkalinity?"
    )
    return [
        f"the pH of the influent is {pH[k]:.3g} at {times[k]:.4g} d and outside {LOWEST:g} to {HIGHEST:g} for "
        f"{100 * outside.mean():.3g} % of the time: {given}"
    ]
