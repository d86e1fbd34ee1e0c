"""A state that goes on in another plant, with other controllers."""

from __future__ import annotations

import numpy as np

from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant

__all__ = ["carried_state"]


def carried_state(
    base: Plant, compiled: CompiledPlant, start: np.ndarray, before: np.ndarray, now: np.ndarray
) -> np.ndarray:
    """Return a state of one plant in another one, whose new controllers start afresh.

    Parameters
    ----------
    base : Plant
        The plant of the state.
    compiled : CompiledPlant
        The other plant.
    start : ndarray, shape (n,)
        The state.
    before, now : ndarray, shape (m,)
        Inputs of the one plant and of the other at that time.

    Returns
    -------
    ndarray, shape (k,)
        What was imposed, and is free now, begins as it was imposed.
    """
    plant = compiled.plant
    if plant is base:
        return start
    state = compiled.start(now)
    known = dict(zip(base.rows.names, start, strict=True))
    free = set(base.inputs.names) - set(plant.inputs.names)
    for i, name in enumerate(plant.rows.names):
        if name in free:
            state[i] = before[base.input_index[name]]
        elif name in known:
            state[i] = known[name]
    return state
