"""Gradients from the adjoint equation, integrated backwards from time to time [1]_.

The adjoint state obeys ``da/dt = -aᵀ ∂f/∂x``, and the gradients of the parameters ``dg/dt = -aᵀ ∂f/∂p``. That of the
first time is ``-aᵀ f`` there, and of every other ``∂L/∂x · f``. `asm_hybrid.solver.backsolve` integrates the state
backwards beside it, `asm_hybrid.solver.interpolated` reads it from the steps.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asm_hybrid.solver.path import Path
from asm_hybrid.solver.steppers import Slopes

__all__ = ["Backward", "solved_with_adjoint"]


class Backward(Protocol):
    """How the adjoint equation is integrated.

    Attributes
    ----------
    f : callable
        f, on states as they are laid out.
    """

    @property
    def f(self) -> Slopes:
        """f, on states as they are laid out."""

    def interval(
        self,
        span: tuple[float, float],
        ends: tuple[Tensor, Tensor],
        a: Tensor,
        sums: list[Tensor],
        parameters: tuple[Tensor, ...],
        like: Tensor,
    ) -> tuple[Tensor, list[Tensor]]:
        """Go back from one time to another; return the adjoint state and the parameters' gradients there."""


class _Adjoint(torch.autograd.Function):
    """The states at the times, with the gradients of the adjoint."""

    @staticmethod
    def forward(
        ctx: Any, run: Callable[[], Path], backward: Backward, x0: Tensor, times: Tensor, *parameters: Tensor
    ) -> Tensor:
        """Return states ``(k, …, n)``."""
        path = run()
        states = torch.stack(path.states)
        ctx.backward_, ctx.values = backward, path.values
        ctx.own = len(path.values) - (path.found is not None)  # that of an event is not among the times
        ctx.save_for_backward(states, times, *parameters)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        """Integrate backwards."""
        states, times, *parameters = ctx.saved_tensors
        values, backward = ctx.values, ctx.backward_
        wanted = ctx.needs_input_grad
        by_time = torch.zeros_like(times)
        sums = [torch.zeros_like(p) for p in parameters]
        a = torch.zeros_like(states[0])
        with torch.no_grad():
            for i in range(len(values) - 1, 0, -1):
                if wanted[3] and i < ctx.own:
                    by_time[i] = (given[i] * backward.f(values[i], states[i])).sum()
                a = a + given[i]
                if values[i] != values[i - 1]:
                    span, ends = (values[i], values[i - 1]), (states[i], states[i - 1])
                    a, sums = backward.interval(span, ends, a, sums, tuple(parameters), times)
            if wanted[3]:
                by_time[0] = -(a * backward.f(values[0], states[0])).sum()
            a = a + given[0]
        own = [s.to(p.dtype) if needed else None for s, p, needed in zip(sums, parameters, wanted[4:], strict=True)]
        return (None, None, a, by_time if wanted[3] else None, *own)


def solved_with_adjoint(
    run: Callable[[], Path], backward: Backward, x0: Tensor, times: Tensor, parameters: tuple[Tensor, ...]
) -> tuple[Path, Tensor]:
    """Return a solution, and its states with the gradients of the adjoint.

    Parameters
    ----------
    run : callable
        Solves forwards; called without gradients.
    backward : Backward
        How to go backwards.
    x0 : Tensor, shape (…, n)
        The initial state.
    times : Tensor, shape (k,)
        The times.
    parameters : tuple of Tensor
        What gradients are wanted for, beside these.

    Returns
    -------
    path : Path
        The solution.
    states : Tensor, shape (k, …, n)
        Its states; they carry the gradients.
    """
    kept: list[Path] = []

    def once() -> Path:
        kept.append(run())
        return kept[-1]

    states = cast(Tensor, _Adjoint.apply(once, backward, x0, times, *parameters))  # type: ignore[no-untyped-call]
    return kept[-1], states
