"""f, by default and recalibrated, over the whole record."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.acidity import check_states
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import PlantModel, without_gradients
from asm_hybrid.training.stages.calibrate_f import CalibratedF

__all__ = ["SimulatedF", "simulate_f"]


@dataclass(frozen=True)
class SimulatedF:
    """f and what it does over the record.

    Attributes
    ----------
    f : CalibratedF
        Its parameters and start states.
    solution : Solution
        Outputs and states at the knots, with the default and with the calibrated parameters, ``(2, …)``.
    """

    f: CalibratedF
    solution: Solution

    @property
    def trajectory(self) -> Tensor:
        """States of recalibrated f at the knots, ``(knot, row, component)``."""
        assert self.solution.knots is not None
        return self.solution.knots[1]


def simulate_f(context: RunContext, f: CalibratedF) -> SimulatedF:
    """Simulate f, by default and recalibrated, over the record.

    Parameters
    ----------
    context : RunContext
        The run.
    f : CalibratedF
        f at its steady start.

    Returns
    -------
    SimulatedF

    Raises
    ------
    SimulationError
        When it diverges, or comes to water of no pH.
    """
    context.progress.stage("simulating f over the record")
    saved = context.checkpoints.load("f")
    if saved is not None:
        with context.checkpoints.readable("f"):
            solution = Solution(**{name: t.to(context.device) for name, t in saved.tensors.items()})
    else:
        model = PlantModel(context.system(torch.stack([context.defaults, f.parameters])), context.grid)
        solution = without_gradients(model).simulate(f.start, context.inputs, record_knots=True)
        context.save("f", {k: v for k, v in vars(solution).items() if v is not None})
    assert solution.knots is not None
    times = torch.arange(len(context.inputs), dtype=torch.float64) * context.grid.interval
    for parameters, states in zip((context.defaults, f.parameters), solution.knots, strict=True):
        check_states(context.system(parameters), states, context.inputs, times)
    if not bool(solution.ok.all()):
        which = ["default", "recalibrated"][int((~solution.ok).nonzero()[0])]
        raise SimulationError(
            f"f with its {which} parameters diverges over the record; a smaller training.step may help"
        )
    return SimulatedF(f, solution)
