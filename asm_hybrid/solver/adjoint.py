"""Gradients from the adjoint equation, which needs no memory for the steps [1]_.

Backwards from time to time, the state is integrated again, and beside it ``da/dt = -aᵀ ∂f/∂x`` and the gradients of the
parameters, ``dg/dt = -aᵀ ∂f/∂p``. That of the first time is ``-aᵀ f`` there, and of every other ``∂L/∂x · f``.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366.
.. [2] P. Kidger, R. T. Q. Chen, T. Lyons (2021), "Hey, that's not an ODE: faster ODE adjoints via seminorms", ICML,
   https://arxiv.org/abs/2009.09457.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asm_hybrid.solver.march import Callbacks, Control
from asm_hybrid.solver.path import Path, Way, travel
from asm_hybrid.solver.stepoptions import StepOptions
from asm_hybrid.solver.steppers import Slopes, Time, stepper_of

__all__ = ["Backward", "solved_with_adjoint"]


@dataclass(frozen=True)
class Backward:
    """How the adjoint equation is integrated.

    Attributes
    ----------
    f : callable
        f, on states as they are laid out.
    method : str
        An explicit method.
    rtol, atol : float
        Tolerances.
    options : StepOptions
        Options of its steps.
    steps : int or None
        Fixed steps from time to time.
    seminorm : bool
        Whether the parameters' gradients are left out of the error, which saves steps [2]_.
    calls : Callbacks
        What is called at its steps.
    """

    f: Slopes
    method: str
    rtol: float
    atol: float
    options: StepOptions
    steps: int | None
    seminorm: bool
    calls: Callbacks

    def interval(
        self,
        end: float,
        begin: float,
        x: Tensor,
        a: Tensor,
        sums: list[Tensor],
        parameters: tuple[Tensor, ...],
        like: Tensor,
    ) -> tuple[Tensor, list[Tensor]]:
        """Go back from one time to another; return the adjoint state and the parameters' gradients there."""
        all_of = (x, a, *parameters)
        sizes = [_flat(v, x.dtype).numel() for v in all_of]

        def parts(z: Tensor) -> list[Tensor]:
            return [_shaped(part, v) for part, v in zip(torch.split(z, sizes), all_of, strict=True)]

        def right(t: Time, z: Tensor) -> Tensor:
            at, adjoint, *_ = parts(z)
            with torch.enable_grad():
                at = at.detach().requires_grad_()
                slope = self.f(t, at)
                if slope.requires_grad:
                    found: tuple[Tensor | None, ...] = torch.autograd.grad(
                        slope, (at, *parameters), -adjoint, allow_unused=True
                    )
                else:
                    found = (None,) * (1 + len(parameters))
            own = [torch.zeros_like(v) if g is None else g for v, g in zip((at, *parameters), found, strict=True)]
            return torch.cat([slope.detach().flatten(), *(_flat(g, z.dtype) for g in own)])

        def norm(errors: Tensor) -> Tensor:
            shares = torch.split(errors, sizes)
            return torch.stack(
                [s.square().mean().sqrt() for s in (shares[:2] if self.seminorm else shares) if len(s)]
            ).max()

        way = Way(
            (end, begin), torch.tensor([end, begin], dtype=like.dtype, device=like.device), 1.0 if begin > end else -1.0
        )
        control = Control(self.rtol, self.atol, self.options, norm, way.direction, like.dtype, self.steps)
        z0 = torch.cat([_flat(v, x.dtype) for v in (x, a, *sums)])
        path = travel(stepper_of(self.method, right, right), z0, way, control, self.calls)
        _, adjoint, *found = parts(path.states[-1])
        return adjoint, found


def _flat(v: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as a row of real numbers."""
    return (torch.view_as_real(v.resolve_conj()) if v.is_complex() else v).flatten().to(dtype)


def _shaped(row: Tensor, like: Tensor) -> Tensor:
    """Return a row of real numbers as what it stands for."""
    if like.is_complex():
        return torch.complex(*row.view(*like.shape, 2).unbind(-1))
    return row.view(like.shape)


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
                    a, sums = backward.interval(values[i], values[i - 1], states[i], a, sums, tuple(parameters), times)
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
