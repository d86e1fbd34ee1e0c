"""Collocation: n gets its start from the slopes of what is measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from asm_hybrid.training.collocation import collocate, prepare_collocation
from asm_hybrid.training.progress import finite
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.stages.learnt_n import LearntN
from asm_hybrid.training.stages.simulate_f import SimulatedF
from asm_hybrid.training.window_fit import open_loop_validation
from asm_hybrid.training.windows import Windows

__all__ = ["collocate_n"]


def collocate_n(
    context: RunContext, simulated: SimulatedF, n: LearntN, hybrid: PlantModel, windows: tuple[Windows, Windows]
) -> LearntN:
    """Give n its start from slopes; a member that validates worse with it starts as it was.

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
        The training block and the validation block.

    Returns
    -------
    LearntN
        With the seed that validates best now; as it was where collocation is left out.
    """
    term, grid, f = n.term, context.grid, simulated.f
    if not any(part.placement.on_derivative for part in term):
        context.progress.say("collocation is left out: n does not act on the derivative")
        return n
    context.progress.stage("collocation of n")
    first, last = windows[0].starts[0], windows[0].starts[-1] + windows[0].length
    knots = slice(int(first), int(last) + 1)
    data = prepare_collocation(
        context.system(f.parameters),
        n.sensors.earlier(context.dataset.observations),
        grid.interval * np.arange(len(context.inputs))[knots],
        simulated.trajectory[knots],
        context.inputs[knots],
        context.blocks["train"],
    )
    if data is None:
        context.progress.say("collocation is left out: no measured state is sampled often enough for a slope")
        return n
    validate = open_loop_validation(context, hybrid, f.start[1].expand(term.members, -1, -1), windows)
    before = [p.detach().clone() for p in term.parameters()]
    with torch.no_grad():
        without = validate()[0]
    misfit = collocate(hybrid.system, data)
    with torch.no_grad():
        found = validate()[0]
        worse = ~(found < without)
        for p, old in zip(term.parameters(), before, strict=True):
            p[worse] = old[worse]
    kept = torch.where(worse, without, found)
    record = {"stage": "collocation", "loss": misfit, "refused": int(worse.sum())}
    context.log.write(record | {"validation": finite(found.tolist()), "best": finite(kept.tolist())})
    return replace(n, best=int(kept.argmin()))
