"""The first stage: f at its steady state, from which every simulation of the record begins."""

from __future__ import annotations

from dataclasses import replace

import torch

from asm_hybrid.errors import SimulationError
from asm_hybrid.training.acidity import check_states
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import start_state
from asm_hybrid.training.stages.calibrate_f import CalibratedF

__all__ = ["find_start"]


def find_start(context: RunContext, f: CalibratedF) -> CalibratedF:
    """Bring f to its steady start, with its default parameters and with those that it begins with.

    Parameters
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f without its steady start.

    Returns
    -------
    CalibratedF

    Raises
    ------
    SimulationError
        When there is none, or its water has no pH.
    """
    try:
        found = start_state(context.system(context.defaults), context.typical_inputs, grid=context.grid)[0]
    except SimulationError as error:
        raise SimulationError(
            f"{error}, for f with its default parameters under the mean inputs of the first ten days; check "
            "volumes, flows and the units of the influent"
        ) from None
    check_states(context.system(context.defaults), found.unsqueeze(0), context.typical_inputs.unsqueeze(0))
    own = found
    if context.warm_start is not None:
        own = start_state(context.system(f.parameters), context.typical_inputs, found.unsqueeze(0), context.grid)[0]
    return replace(f, start=torch.stack([found, own]))
