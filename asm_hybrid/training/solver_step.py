"""The solver in a training: what its step does to the gradient, and its compilation."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.windows import Windows

__all__ = ["LARGEST_GRADIENT_ERROR", "compiled_model", "gradient_error"]

LARGEST_GRADIENT_ERROR = 0.1
"""Relative error of a gradient that is warned of [-]."""
FEW = 8
"""Windows with samples whose gradient is compared."""


def gradient_error(model: PlantModel, windows: Windows, inputs: Tensor, starts: Tensor) -> float:
    """Return what the step of the solver does to the gradient of the loss: against a third of it, on a few windows.

    A loss that looks right says nothing about its gradient: a method at its limit of stability gives an accurate
    trajectory and a worthless gradient.

    Parameters
    ----------
    model : PlantModel
        A hybrid; the gradient is that with respect to its networks.
    windows : Windows
        The training block.
    inputs : Tensor, shape (knot, input)
        Inputs of the record.
    starts : Tensor, shape (member, window, row, component)
        States at the windows' starts.

    Returns
    -------
    float
        Relative difference of the two gradients [-].
    """
    assert model.system.term is not None
    parameters = list(model.system.term.parameters())
    every = torch.arange(len(windows), device=inputs.device)
    few = every[windows.counts(every) > 0][:FEW]
    found = []
    for factor in (1, 3):
        finer = replace(model, grid=replace(model.grid, substeps=factor * model.grid.substeps))
        outputs = finer.simulate(starts[:, few], windows.inputs(inputs, few)).outputs
        loss = windows.residuals(outputs, few).square().sum()
        gradient = torch.autograd.grad(loss, parameters)
        found.append(torch.cat([g.flatten() for g in gradient]))
    coarse, fine = found
    return float((coarse - fine).norm() / fine.norm().clamp(min=1e-30))


def compiled_model(
    model: PlantModel, windows: Windows, inputs: Tensor, starts: Tensor, batch: int
) -> tuple[PlantModel, str]:
    """Compile the step of the solver, forward and backward, and for validations.

    Parameters
    ----------
    model : PlantModel
        A hybrid.
    windows, inputs, starts
        As in `gradient_error`.
    batch : int
        Windows per gradient step.

    Returns
    -------
    tuple of PlantModel and str
        The model with a compiled step; or as it was, and why.
    """
    assert model.system.term is not None
    index = torch.arange(min(len(windows), batch), device=inputs.device)
    compiled = replace(model, compiled=True)
    try:
        outputs = compiled.simulate(starts[:, index], windows.inputs(inputs, index)[:, :3]).outputs
        torch.autograd.grad(outputs.sum(), list(model.system.term.parameters()))
        with torch.no_grad():
            compiled.simulate(starts[:, 0], inputs[:3])
    except (RuntimeError, OSError) as error:
        return model, (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return compiled, ""
