"""The gradient steps of n: growing windows, whole ones, and multiple shooting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import calibration_bounds
from asm_hybrid.training.descent_schedule import schedule
from asm_hybrid.training.fit import FitProblem
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.shooting import Shooting
from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.stages.learnt_n import LearntN, n_windows
from asm_hybrid.training.stages.simulate_f import SimulatedF
from asm_hybrid.training.watching import Glimpse
from asm_hybrid.training.window_fit import (
    FitPlace,
    fit_in_run,
    fit_settings,
    open_loop_validation,
    skipped_warnings,
)
from asm_hybrid.training.windows import Windows

__all__ = ["descend_n"]

TITLES = {"growing": "n on growing windows", "windows": "n", "shooting": "n and the starts of windows"}


def descend_n(
    context: RunContext,
    simulated: SimulatedF,
    n: LearntN,
    hybrid: PlantModel,
    windows: tuple[Windows, Windows],
    keep: Callable[[LearntN], None],
) -> LearntN:
    """Take the gradient steps of all stages.

    Parameters
    ----------
    context : RunContext
        The run.
    simulated : SimulatedF
        f and its trajectory.
    n : LearntN
        n, which is changed in place.
    hybrid : PlantModel
        f + n.
    windows : pair of Windows
        The training block, in windows of the full length, and the validation block.
    keep : callable
        Gets what is known of n after every fit.

    Returns
    -------
    LearntN
        With the results of all fits.

    Raises
    ------
    SimulationError
        When all windows diverge.
    KeyboardInterrupt
        When the user stopped it; `keep` has what was reached.
    """
    training, members = context.config.training, n.term.members
    learnt = torch.nn.ModuleList([n.term, n.sensors])
    origin = simulated.f.start[1].expand(members, -1, -1)
    penalty, remedy = _penalty(context, n, hybrid), _remedy(context, simulated.f.parameters)
    starts = None
    for number, part in enumerate(schedule(training.stages, windows[0].length, training.iterations)):
        if part.length != windows[0].length:
            windows, starts = n_windows(context, n.sensors, part.length), None
        if starts is None:
            starts = simulated.trajectory[windows[0].starts].expand(members, *[-1] * 3).clone()
        problem = FitProblem(
            learnt,
            hybrid,
            context.inputs,
            windows[0],
            starts,
            open_loop_validation(context, hybrid, origin, windows, _seen(context, simulated, n)),
            penalty,
            _shooting(context, simulated, members, windows[0]) if part.stage == "shooting" else None,
        )
        place = FitPlace("n", "n" if number == 0 else f"n-{number + 1}", TITLES[part.stage], n.iterations)
        settings = fit_settings(context, part.iterations, carries_adjoint=training.gradient != "window")
        result = fit_in_run(context, place, problem, settings, remedy)
        n = replace(n, results=(*n.results, result), best=int(np.argmin(result.best)))
        n = n.warned(skipped_warnings(result, "n"))
        keep(n)
        if result.stopped == "interrupted":
            raise KeyboardInterrupt
    return n


def _seen(context: RunContext, simulated: SimulatedF, n: LearntN) -> Callable[[Tensor, Tensor], None]:
    """Return what lets those who watch the run see a validation."""

    def seen(outputs: Tensor, loss: Tensor) -> None:
        best = int(loss.argmin())
        shown = n.sensors.read(outputs.unsqueeze(1), context.grid.spacing).squeeze(1)
        context.watch.see(
            Glimpse(context.dataset, context.blocks, context.grid, simulated.solution.outputs[1], shown[best])
        )

    return seen


def _penalty(context: RunContext, n: LearntN, hybrid: PlantModel) -> Callable[[Tensor, Tensor], Tensor]:
    """Return what the size of n, and of what is learnt of sensors, adds to the loss."""
    begin, end = context.blocks["train"]
    weight, system = context.config.training.penalty, hybrid.system

    def penalty(X: Tensor, u: Tensor) -> Tensor:
        size = weight * n.term.size(system.effective(X, system.forcing(u)), u)
        return size + n.sensors.prior(end - begin) if n.sensors.learns else size

    return penalty


def _shooting(context: RunContext, simulated: SimulatedF, members: int, windows: Windows) -> Shooting:
    """Return corrections of the windows' starts."""
    block = simulated.trajectory[int(windows.starts[0]) : int(windows.starts[-1]) + windows.length]
    free = torch.as_tensor(context.plant.free, dtype=block.dtype, device=block.device)
    return Shooting(members, len(windows), block, free)


def _remedy(context: RunContext, parameters: Tensor) -> str:
    """Say with what f, and what may help, where all windows diverge."""
    chosen = calibration_bounds(context.config, context.plant.table)
    values = dict(zip(context.plant.table.parameter_names, parameters.tolist(), strict=True))
    shown = ", ".join(f"{name} = {values[name]:.4g}" for name in chosen) or "the default parameters"
    return f"with {shown}; a smaller learning_rate or step may help"
