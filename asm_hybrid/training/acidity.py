"""The pH of simulated states, where the table has one: refused where it is that of no water."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics.equilibrium import PH
from asm_hybrid.plant.acidity import check_acidity

__all__ = ["check_states"]


def check_states(system: PlantSystem, states: Tensor, inputs: Tensor, times: Tensor | None = None) -> None:
    """Refuse states whose charges balance at no pH from 2 to 12; without an equilibrium, accept all.

    Parameters
    ----------
    system : PlantSystem
        The model, with one set of parameters.
    states : Tensor, shape (time, row, component)
        States that a simulation has accepted.
    inputs : Tensor, shape (time, input)
        Inputs at the same times.
    times : Tensor, shape (time,), optional
        When [d]; without them the state is the one that the simulation begins with.

    Raises
    ------
    SimulationError
        For the first such state.
    """
    plant = system.plant
    if plant.table.equilibrium is None:
        return
    with torch.no_grad():
        forcing = system.forcing(inputs)
        X = system.effective(states, forcing)
        parameters = system.xp.entries(forcing.parameters)
        pH = plant.quantities.of_equilibrium(system.xp.columns(X), parameters, system.xp)[PH]
    when = None if times is None else np.asarray(times.cpu())
    water = np.asarray(X.cpu())
    check_acidity(plant.table, plant.layout.tank_names, np.asarray(pH.cpu()), water, when)
