"""Gradient steps by Adam, whose size falls along a cosine to a tenth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

__all__ = ["descend"]


def descend(
    parameters: Iterable[nn.Parameter], stages: Sequence[tuple[str, Callable[[], Tensor]]], rate: float
) -> Iterator[tuple[str, float]]:
    """Take one step a stage; a new kind of loss begins afresh, since the gradients of another one mislead Adam.

    Parameters
    ----------
    parameters : iterable of Parameter
        What is learnt.
    stages : sequence of (str, callable)
        The kind of loss of every step, and what gives it, ``()``.
    rate : float
        Size of the first step.

    Yields
    ------
    tuple of (str, float)
        The kind of loss and its value, before the step is taken.
    """
    learnt, before = list(parameters), None
    for iteration, (stage, loss) in enumerate(stages):
        if stage != before:
            optimiser, before = torch.optim.Adam(learnt, lr=rate), stage
        share = 0.1 + 0.45 * (1.0 + math.cos(math.pi * iteration / len(stages)))
        optimiser.param_groups[0]["lr"] = rate * share
        found = loss()
        yield stage, float(found.detach())
        optimiser.zero_grad()
        torch.autograd.backward(found)
        nn.utils.clip_grad_norm_(learnt, 1.0)
        optimiser.step()
