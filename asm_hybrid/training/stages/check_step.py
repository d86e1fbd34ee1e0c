"""What the solver's step costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import PlantModel, without_gradients
from asm_hybrid.training.stages.simulate_f import SimulatedF

__all__ = ["StepCheck", "check_step"]

DAYS = 2.0
"""Length of the piece that is simulated [d]."""
FINER = 3
"""Steps in its place of one step."""
SMALL = 0.25
"""Error of the step, in the sensor's noise, that nobody is warned of [-]."""


@dataclass(frozen=True)
class StepCheck:
    """What a smaller step changes.

    Attributes
    ----------
    error : dict of str to float
        Largest change of each variable, in its unit.
    warnings : tuple of str
        About those that change by more than their sensor can show.
    """

    error: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def check_step(context: RunContext, simulated: SimulatedF) -> StepCheck:
    """Compare recalibrated f over two days with itself at a third of the step.

    Parameters
    ----------
    context : RunContext
        The run.
    simulated : SimulatedF
        f and its trajectory.

    Returns
    -------
    StepCheck
    """
    grid, trajectory = context.grid, simulated.trajectory
    first = round(context.blocks["train"][0] / grid.interval)
    inputs = context.inputs[first : first + round(DAYS / grid.interval) + 1]
    model = PlantModel(context.system(simulated.f.parameters), grid)
    fine = replace(model, grid=replace(grid, substeps=FINER * grid.substeps))
    found, finer = (without_gradients(m).simulate(trajectory[first], inputs).outputs for m in (model, fine))
    change = (found - finer).abs().amax(0)
    warnings = []
    sizes = dict(zip(context.labels, change.tolist(), strict=True))
    for o, size in zip(context.dataset.observations, sizes.values(), strict=True):
        if not size <= SMALL * o.noise:
            by = f"by up to {size:.2g} {o.unit}" if math.isfinite(size) else "beyond all numbers"
            warnings.append(
                f"the step of the solver changes {o.label} {by}, against a sensor noise of {o.noise:.2g}: "
                "set a smaller training.step"
            )
    return StepCheck(sizes, tuple(warnings))
