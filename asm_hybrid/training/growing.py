"""Growing windows: n learns on short windows first, whose gradients are tame, and on the full length last."""

from __future__ import annotations

import torch
from torch import Tensor

from asm_hybrid.training.simulate import SimulationModel
from asm_hybrid.training.windows import Windows

__all__ = ["states_at", "window_lengths"]

SHARES = (8, 4, 2, 1)
"""Full length over that of the windows, one phase each."""


def window_lengths(full: int) -> tuple[int, ...]:
    """Return the lengths of the windows, phase by phase, in knot intervals; the last is the full one."""
    return tuple(dict.fromkeys(max(1, full // share) for share in SHARES))


def states_at(model: SimulationModel, starts: Tensor, windows: Windows, inputs: Tensor, knots: Tensor) -> Tensor:
    """Return the states of a model at some knots, from where other windows start.

    Parameters
    ----------
    model : SimulationModel
        The model.
    starts : Tensor, shape (member, window, row, component)
        Where the other windows start.
    windows : Windows
        These.
    inputs : Tensor, shape (knot, input)
        Inputs of the record.
    knots : Tensor of int, shape (wanted,)
        Knots within these windows.

    Returns
    -------
    Tensor, shape (member, wanted, row, component)
        Those at the end of a window are of the next.
    """
    everything = torch.arange(len(windows), device=inputs.device)
    with torch.no_grad():
        path = model.simulate(starts, windows.inputs(inputs, everything), record_knots=True).knots
    assert path is not None
    offset = knots - int(windows.starts[0])
    which = (offset // windows.length).clamp(max=len(windows) - 1)
    found = path[:, which, offset - which * windows.length]
    return torch.where(torch.isfinite(found), found, starts[:, which])
