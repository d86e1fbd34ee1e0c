"""What the components of a table hold of the materials that its processes conserve."""

from __future__ import annotations

import numpy as np

from asm_hybrid.kinetics.table import Table

__all__ = ["material_contents"]


def material_contents(table: Table, parameters: np.ndarray) -> np.ndarray:
    """Return what a unit of every component holds of every conserved material.

    Parameters
    ----------
    table : Table
        The kinetics table.
    parameters : ndarray, shape (parameter,)
        Values of its parameters; some compositions depend on them.

    Returns
    -------
    ndarray, shape (material, component)
        In units of the material by unit of the component; zero where it holds none.
    """
    values = dict(zip(table.parameter_names, map(float, parameters), strict=True))
    found = np.zeros((len(table.materials), len(table.components)))
    for j, component in enumerate(table.components):
        for i, material in enumerate(table.materials):
            if material in component.composition:
                held = component.composition[material].value
                found[i, j] = float(held.subs({s: values[s.name] for s in held.free_symbols}))
    return found
