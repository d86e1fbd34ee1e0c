"""The pure neural ODE: the measured variables alone, without f."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.training.fit import FitProblem, FitResult
from asm_hybrid.training.run_context import RunContext
from asm_hybrid.training.simulation_models import NeuralModel
from asm_hybrid.training.window_fit import (
    FitPlace,
    fit_in_run,
    fit_settings,
    open_loop_validation,
    skipped_warnings,
    training_windows,
)

__all__ = ["NAME", "LearntNeural", "fit_neural"]

NAME = "the pure neural ODE"
"""Of the fit, in log, summary and messages."""
CARRY_FROM = 0.5
"""Share of the gradient steps after which windows start on the model's own trajectory instead of the measured one."""


@dataclass(frozen=True)
class LearntNeural:
    """The pure neural ODE.

    Attributes
    ----------
    ode : NeuralODE
        The model; a fit changes it in place, and leaves the best state of every member.
    start : Tensor, shape (variable,)
        Its state at the first knot.
    result : FitResult or None
        Of the fit; None before it has ended, or when it failed.
    warnings : tuple of str
        What the user should know.
    """

    ode: NeuralODE
    start: Tensor
    result: FitResult | None = None
    warnings: tuple[str, ...] = ()


def fit_neural(context: RunContext, keep: Callable[[LearntNeural], None], *, stopped: bool = False) -> LearntNeural:
    """Fit the pure neural ODE on the measured variables; as a baseline it may fail, and then has no score.

    Parameters
    ----------
    context : RunContext
        The run.
    keep : callable
        Gets the model as it starts, and after its fit.
    stopped : bool, optional
        Take no further step: the user has stopped it while another process worked on its checkpoints.

    Returns
    -------
    LearntNeural
        Without a result where the fit failed.

    Raises
    ------
    SimulationError
        When all windows diverge, and the run is one of mode ``neural``.
    KeyboardInterrupt
        When the user stopped it; `keep` has what was reached.
    """
    training, series = context.config.training, _series(context)
    ode = _first_neural(context, series)
    neural = LearntNeural(ode, series[0])
    keep(neural)
    windows = training_windows(context, 1, max(1, round(training.window / context.grid.interval)))
    model, members = NeuralModel(ode, context.grid), ode.network.members
    problem = FitProblem(
        ode,
        model,
        context.inputs,
        windows[0],
        series[windows[0].starts].repeat(members, 1, 1),
        open_loop_validation(context, model, series[0].expand(members, -1), windows),
    )
    settings = fit_settings(context, training.iterations, carry_from=CARRY_FROM)
    if stopped:
        settings = replace(settings, iterations=0)
    try:
        result = fit_in_run(
            context, FitPlace(NAME, "ODE", NAME), problem, settings, "a smaller learning_rate or step may help"
        )
    except SimulationError as error:
        if context.config.model.mode == "neural":
            raise
        return replace(neural, warnings=(f"{NAME} could not be fitted ({error})",))
    if stopped:
        result = replace(result, stopped="interrupted")
    neural = replace(neural, result=result, warnings=tuple(skipped_warnings(result, NAME)))
    keep(neural)
    if result.stopped == "interrupted":
        raise KeyboardInterrupt
    return neural


def _series(context: RunContext) -> Tensor:
    """Return the measured variables at the knots, ``(knot, variable)``, linear between samples."""
    knots = context.grid.interval * torch.arange(len(context.inputs), dtype=torch.float64)
    observations = context.dataset.observations
    measured = np.column_stack([np.interp(knots, o.times - o.period / 2, o.values) for o in observations])
    return torch.as_tensor(measured, device=context.device)


def _first_neural(context: RunContext, series: Tensor) -> NeuralODE:
    """Return the model as it starts, scaled by the training block."""
    begin, end = (round(t / context.grid.interval) for t in context.blocks["train"])
    seen, driven = series[begin:end], context.inputs[begin:end]
    std = driven.std(0)
    return NeuralODE(
        seen.mean(0),
        seen.std(0).clamp(min=1e-9),
        driven.mean(0),
        torch.where(std > 0, std, torch.zeros_like(std)).clamp(min=1e-12),
        tuple(context.config.network.hidden),
        context.config.network.activation,
        tuple(context.config.training.seeds),
    ).to(context.device)
