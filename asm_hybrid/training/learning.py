"""Learning n: its stages one after the other, within a run."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import torch_namespace
from asm_hybrid.training.collocation import collocate, prepare_collocation
from asm_hybrid.training.fit import FitResult
from asm_hybrid.training.fitted import checkpoint_knots, term_specs
from asm_hybrid.training.progress import finite
from asm_hybrid.training.scaling import measured_spread, term_scaling
from asm_hybrid.training.schedule import schedule
from asm_hybrid.training.shooting import Shooting
from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.solver_step import LARGEST_GRADIENT_ERROR, compiled_model, gradient_error
from asm_hybrid.training.windows import Windows

if TYPE_CHECKING:
    from asm_hybrid.training.stages import Stages

__all__ = ["learn"]

TITLES = {"growing": "n on growing windows", "windows": "n", "shooting": "n and the starts of windows"}


def learn(run: Stages) -> None:
    """Learn n inside the plant, by the stages that the config names.

    Parameters
    ----------
    run : Stages
        The run, with recalibrated f and its trajectory; its model holds n from here on.
    """
    training, model = run.config.training, run.model
    term = _first_term(run)
    model.term = term
    if run.earlier is not None and run.earlier.term is not None:
        model.sensors.begin_from(run.earlier.sensors)
    if run.config.reads_clock:
        run.warnings.append(
            "n reads the time of day: it can repeat the mean day of the training block instead of learning from "
            "the state, which will not hold when loads or operation shift"
        )
    system = PlantSystem(run.plant, model.parameters, model.targets, term)
    hybrid = PlantModel(system, run.grid, checkpoint=checkpoint_knots(run.config))
    full = max(1, round(training.window / run.grid.interval))
    windows = _windows(run, full)
    if windows[0].left_out:
        run.warnings.append(
            f"{windows[0].left_out} composite samples of the train block do not lie in one training window as a whole, "
            "and n does not learn from them: set a longer training.window"
        )
    if "collocation" in training.stages:
        _collocation(run, hybrid, windows)
    starts = run.trajectory[windows[0].starts].expand(term.members, *[-1] * 3).clone()
    checked = windows[0], run.inputs, starts.clone()
    plain, before = hybrid, gradient_error(hybrid, *checked)
    if training.compile:
        run.progress.stage("compiling the step of the solver")
        began = time.perf_counter()
        hybrid, failure = compiled_model(hybrid, *checked, training.batch)
        run.seconds["compile"] = run.seconds.get("compile", 0.0) + time.perf_counter() - began
        if failure:
            run.warnings.append(f"the step of the solver was not compiled, and ran as it is: {failure}")
    _descend(run, hybrid, windows, starts)
    found = [before, gradient_error(plain, *checked)]
    run.gradient_error = max(found, key=lambda error: (math.isnan(error), error))
    if not run.gradient_error < LARGEST_GRADIENT_ERROR:
        when = "of n as it is learnt" if run.gradient_error != before else "at the start of learning"
        what = (
            f"the step of the solver changes the gradient {when} by {100 * run.gradient_error:.2g} %"
            if math.isfinite(run.gradient_error)
            else f"the gradient {when} is not finite on some windows"
        )
        run.warnings.append(f"{what}, so that learning may have gone astray: set a smaller training.step")


def _first_term(run: Stages) -> LearntTerms:
    """Return n as it starts: zero, or as an earlier run has left it."""
    if run.earlier is not None and run.earlier.term is not None:
        return copy.deepcopy(run.earlier.term).to(run.device)
    system = PlantSystem(run.plant, run.model.parameters, run.model.targets)
    takes_part = participants(run.plant, run.plant.stoichiometry(run.model.parameters, torch_namespace()))
    specs = term_specs(run.config, run.plant.table)
    return LearntTerms([LearntTerm(s, run.plant, _scaling(run, s, system), takes_part) for s in specs]).to(run.device)


def _scaling(run: Stages, spec: TermSpec, system: PlantSystem) -> TermScaling:
    """Typical sizes along f's trajectory over the training block."""
    first, last = (round(t / run.grid.interval) for t in run.blocks["train"])
    spread = measured_spread(run.dataset.observations, run.blocks["train"])
    return term_scaling(spec, system, run.trajectory[first:last], run.inputs[first:last], spread)


def _windows(run: Stages, length: int) -> tuple[Windows, Windows]:
    """Return windows of the training block, and the validation block, as the sensors show them."""
    show = partial(run.model.sensors.read, step=run.grid.spacing)
    lead = run.config.training.gradient == "record"
    train, validation = (replace(w, show=show) for w in run.windows(run.grid.points, length, lead=lead))
    return train, validation


def _collocation(run: Stages, hybrid: PlantModel, windows: tuple[Windows, Windows]) -> None:
    """Give n its start from slopes; a member that validates worse with it starts as it was."""
    term = run.model.term
    assert term is not None
    if not any(part.placement.on_derivative for part in term):
        run.progress.say("collocation is left out: n does not act on the derivative")
        return
    run.progress.stage("collocation of n")
    first, last = windows[0].starts[0], windows[0].starts[-1] + windows[0].length
    knots = slice(int(first), int(last) + 1)
    system = PlantSystem(run.plant, run.model.parameters, run.model.targets)
    times = run.grid.interval * np.arange(len(run.inputs))[knots]
    data = prepare_collocation(
        system, run.dataset.observations, times, run.trajectory[knots], run.inputs[knots], run.blocks["train"]
    )
    if data is None:
        run.progress.say("collocation is left out: no measured state is sampled often enough for a slope")
        return
    validate = run.validation(hybrid, run.model.start[1].expand(term.members, -1, -1), windows)
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
    run.model.best = int(kept.argmin())
    record = {"stage": "collocation", "loss": misfit, "refused": int(worse.sum())}
    run.log.write(record | {"validation": finite(found.tolist()), "best": finite(kept.tolist())})


def _descend(run: Stages, hybrid: PlantModel, windows: tuple[Windows, Windows], starts: Tensor) -> None:
    """Take the gradient steps of all stages."""
    training, term, sensors = run.config.training, run.model.term, run.model.sensors
    assert term is not None
    begin, end = run.blocks["train"]

    def penalty(X: Tensor, u: Tensor) -> Tensor:
        size = training.penalty * term.size(hybrid.system.effective(X, hybrid.system.forcing(u)), u)
        return size + sensors.prior(end - begin) if sensors.learns else size

    learnt = torch.nn.ModuleList([term, sensors])
    results: list[FitResult] = []
    for number, part in enumerate(schedule(training.stages, windows[0].length, training.iterations)):
        if part.length != windows[0].length:
            windows = _windows(run, part.length)
            starts = run.trajectory[windows[0].starts].expand(term.members, *[-1] * 3).clone()
        shooting = None
        if part.stage == "shooting":
            block = run.trajectory[int(windows[0].starts[0]) : int(windows[0].starts[-1]) + part.length]
            free = torch.as_tensor(run.plant.free, dtype=block.dtype, device=block.device)
            shooting = Shooting(term.members, len(windows[0]), block, free)
        result = run.fit(
            "n",
            learnt,
            hybrid,
            run.model.start[1].expand(term.members, -1, -1),
            starts,
            windows,
            carries_adjoint=training.gradient != "window",
            penalty=penalty,
            shooting=shooting,
            iterations=part.iterations,
            title=TITLES[part.stage],
            done=sum(r.iterations for r in results),
            key="n" if number == 0 else f"n-{number + 1}",
        )
        results.append(result)
        run.model.best = int(np.argmin(result.best))
        run.fits["n"] = _together(results)
    if results:
        run.stopped = results[-1].stopped


def _together(results: Sequence[FitResult]) -> FitResult:
    last = results[-1]
    return FitResult(last.best, last.stopped, sum(r.iterations for r in results), sum(r.skipped for r in results))
