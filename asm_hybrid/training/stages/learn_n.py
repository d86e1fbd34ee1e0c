"""Learning n inside the plant, by the stages that the config names."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import replace

from torch import nn

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace
from asm_hybrid.training.from_config import checkpoint_knots, term_specs
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.scaling import half_saturations, measured_spread, term_scaling
from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.solver_step import LARGEST_GRADIENT_ERROR, compiled_model, gradient_error
from asm_hybrid.training.stages.collocate_n import collocate_n
from asm_hybrid.training.stages.descend_n import descend_n
from asm_hybrid.training.stages.learnt_n import LearntN, n_windows
from asm_hybrid.training.stages.simulate_f import SimulatedF
from asm_hybrid.training.windows import Windows

__all__ = ["learn_n"]


def learn_n(context: RunContext, simulated: SimulatedF, keep: Callable[[LearntN], None]) -> LearntN:
    """Learn n.

    Parameters
    ----------
    context : RunContext
        The run.
    simulated : SimulatedF
        f and its trajectory.
    keep : callable
        Gets n as it starts, and what is known of it after every part.

    Returns
    -------
    LearntN
    """
    training, leads = context.config.training, context.ranks.leads
    n = _first_n(context, simulated)
    context.ranks.match(nn.ModuleList([n.term, n.sensors]))
    keep(n)
    system = context.system(simulated.f.parameters, n.term)
    hybrid = PlantModel(system, context.grid, checkpoint=checkpoint_knots(context.config))
    windows = n_windows(context, n.sensors, max(1, round(training.window / context.grid.interval)))
    n = n.warned(_warnings_before(context, windows[0]))
    if "collocation" in training.stages and leads:  # a fit begins with what the first process has
        n = collocate_n(context, simulated, n, hybrid, windows)
    keep(n)
    starts = simulated.trajectory[windows[0].starts].expand(n.term.members, *[-1] * 3).clone()
    checked = windows[0], context.inputs, starts
    plain, before = hybrid, gradient_error(hybrid, *checked) if leads else 0.0
    if training.compile:
        context.progress.stage("compiling the step of the solver")
        began = time.perf_counter()
        hybrid, failure = compiled_model(hybrid, *checked, training.batch)
        context.clock.add("compile", time.perf_counter() - began)
        if failure:
            n = n.warned([f"the step of the solver was not compiled, and ran as it is: {failure}"])
    n = descend_n(context, simulated, n, hybrid, windows, keep)
    if not leads:
        return n
    found = max([before, gradient_error(plain, *checked)], key=lambda error: (math.isnan(error), error))
    when = "of n as it is learnt" if found != before else "at the start of learning"
    return replace(n, gradient_error=found).warned(_gradient_warnings(found, when))


def _first_n(context: RunContext, simulated: SimulatedF) -> LearntN:
    """Return n as it starts: zero, or as an earlier run has left it."""
    sensors, earlier = context.new_sensors(), context.warm_start
    if earlier is not None and earlier.term is not None:
        sensors.begin_from(earlier.sensors)
        if simulated.f.calibration is not None:
            sensors.begin_with(simulated.f.biases, simulated.f.delays)
        learnt = copy.deepcopy(earlier.term).to(context.device)
        for term in learnt:
            if term.halves is not None:  # of f as it is now, so that the signs hold
                term.halves = half_saturations(term.spec, context.plant, simulated.f.parameters)
        return LearntN(learnt, sensors)
    sensors.begin_with(simulated.f.biases, simulated.f.delays)
    parameters = simulated.f.parameters
    system = context.system(parameters)
    takes_part = participants(context.plant, context.plant.stoichiometry(parameters, torch_namespace()))
    terms = [
        LearntTerm(spec, context.plant, _scaling(context, simulated, spec, system), takes_part)
        for spec in term_specs(context.config, context.plant.table)
    ]
    return LearntN(LearntTerms(terms).to(context.device), sensors)


def _scaling(context: RunContext, simulated: SimulatedF, spec: TermSpec, system: PlantSystem) -> TermScaling:
    """Typical sizes along f's trajectory over the training block."""
    block = context.blocks["train"]
    first, last = (round(t / context.grid.interval) for t in block)
    spread = measured_spread(context.dataset.observations, block)
    return term_scaling(spec, system, simulated.trajectory[first:last], context.inputs[first:last], spread)


def _warnings_before(context: RunContext, windows: Windows) -> list[str]:
    found = []
    if context.config.reads_clock:
        found.append(
            "n reads the time of day: it can repeat the mean day of the training block instead of learning from "
            "the state, which will not hold when loads or operation shift"
        )
    if windows.left_out:
        found.append(
            f"{windows.left_out} composite samples of the train block do not lie in one training window as a whole, "
            "and n does not learn from them: set a longer training.window"
        )
    return found


def _gradient_warnings(error: float, when: str) -> list[str]:
    if error < LARGEST_GRADIENT_ERROR:
        return []
    what = (
        f"the step of the solver changes the gradient {when} by {100 * error:.2g} %"
        if math.isfinite(error)
        else f"the gradient {when} is not finite on some windows"
    )
    return [f"{what}, so that learning may have gone astray: set a smaller training.step"]
