"""A state to begin with, before anything was simulated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from asm_hybrid.plant.inputs import INFLUENT
from asm_hybrid.plant.plant import Plant

__all__ = ["cold_start"]

SLUDGE = 2000.0
"""Particulate COD in the tanks [g COD/m³]."""
OTHER = 5.0
"""Every other concentration in the tanks, in its own unit."""
TOP, BOTTOM = 10.0, 5000.0
"""Suspended solids in the first and last layer of a settler, in geometric steps [g TSS/m³]."""


def cold_start(plant: Plant, inputs: Mapping[str, float]) -> np.ndarray:
    """Return a state from which the steady state can be found: every organism is there, nothing is at zero.

    Parameters
    ----------
    plant : Plant
        The plant.
    inputs : mapping of str to float
        Its inputs: setpoints, the influent flow, and where the table has a pH what of the influent decides on it.

    Returns
    -------
    ndarray, shape (row, component)
        The state.
    """
    table, layout, rows = plant.table, plant.layout, plant.rows
    sludge = np.array([c.phase == "particulate" and "COD" in c.composition for c in table.components])
    water = np.where(sludge, SLUDGE / max(1, sludge.sum()), OTHER)
    if table.equilibrium is not None:  # any concentrations together have no pH; those of the influent have
        for name in table.equilibrium.components:
            water[table.component_names.index(name)] = inputs.get(f"{INFLUENT}{name}") or OTHER
    X = np.tile(water, (rows.count, 1))
    first, last = rows.layers
    X[first:last, rows.solids_column if last > first else 0] = np.geomspace(TOP, BOTTOM, last - first)
    extra = {f"{t.name}.volume": t.volume for t in layout.tanks} | {"primary.flow": inputs["Q_in"]}
    for controller in layout.controllers:
        start = controller.start(inputs.get(f"{controller.name}.setpoint", 0.0))
        extra |= dict(zip(controller.states, start, strict=True))
    tail = np.zeros(X[last:].size)
    tail[: len(rows.extra)] = [extra.get(name, 0.0) for name in rows.extra]  # a cycle begins with its first phase
    X[last:] = tail.reshape(X[last:].shape)
    return np.asarray(X * rows.active)
