"""The adjoint equation with the state integrated backwards beside it, which needs no memory for the steps [1]_.

What decays forwards grows backwards, and every error of the state with it: over a time t by ``exp(λ t)``, λ the
fastest decay. So a stiff problem is lost within a few of its fast time constants. From every returned time on the state
starts anew, and where it then misses that of the next one, a warning says so.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366.
.. [2] P. Kidger, R. T. Q. Chen, T. Lyons (2021), "Hey, that's not an ODE: faster ODE adjoints via seminorms", ICML,
   https://arxiv.org/abs/2009.09457.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from asm_hybrid.solver.march import Callbacks, Control
from asm_hybrid.solver.path import Way, travel
from asm_hybrid.solver.stepoptions import StepOptions
from asm_hybrid.solver.steppers import Slopes, Time, stepper_of
from asm_hybrid.solver.stiffness import PRODUCTS, fastest_decay

__all__ = ["LOST", "AdjointWarning", "Backsolve", "warn_if_lost"]

LOST = 100.0
"""Time to go back, in units of the fastest time constant, from which a problem is called stiff for it: errors grow by
up to exp(100). The decay is that of one state, and may be milder on the way, so that less proves nothing."""

MISS = 0.01
"""Share of the state by which it may miss on the way back before it is said [-]."""


class AdjointWarning(UserWarning):
    """A state that is integrated backwards is lost, and the gradient with it.

    Attributes
    ----------
    args : tuple of str
        The message: how far it goes back or misses, and what to take instead.
    """


@dataclass(frozen=True)
class Backsolve:
    """How state and adjoint equation are integrated backwards.

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
        span: tuple[float, float],
        ends: tuple[Tensor, Tensor],
        a: Tensor,
        sums: list[Tensor],
        parameters: tuple[Tensor, ...],
        like: Tensor,
    ) -> tuple[Tensor, list[Tensor]]:
        """Go back from one time to another; return the adjoint state and the parameters' gradients there."""
        (end, begin), (x, before) = span, ends
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
        back, adjoint, *found = parts(path.states[-1])
        _warn_if_missed(back, before, end, begin)
        return adjoint, found


_INSTEAD = "take adjoint='discrete', 'checkpointed' or 'interpolated', or ask for the states at more times"


def _warn_if_missed(back: Tensor, before: Tensor, end: float, begin: float) -> None:
    """Warn where the state on the way back is not the one that was there."""
    size = float(before.abs().max())
    miss = float((back - before).abs().max()) / size if size > 0.0 else 0.0
    if not miss <= MISS:
        warnings.warn(
            f"the state integrated backwards from time {end:.6g} to {begin:.6g} misses the one that was there by "
            f"{miss:.2g} of its size, and the gradient is as wrong; {_INSTEAD}",
            AdjointWarning,
            stacklevel=2,
        )


def warn_if_lost(f: Slopes, values: Sequence[float], states: Tensor) -> None:
    """Warn where a problem is so stiff that its state cannot be integrated backwards.

    Parameters
    ----------
    f : callable
        f, on states as they are laid out.
    values : sequence of float
        Times of the states.
    states : Tensor, shape (k, …, n)
        States there.
    """
    longest = max((abs(b - a) for a, b in pairwise(values) if math.isfinite(b)), default=0.0)
    if states.dtype not in (torch.float32, torch.float64):
        return
    last = values[-1]
    try:
        decay = fastest_decay(f, last, states[-1], states.abs().amax(0), PRODUCTS)
    except Exception:  # f may fail beside its solution
        return
    if decay * longest > LOST:
        warnings.warn(
            f"the problem is stiff for adjoint='backsolve': its fastest time constant is {1 / decay:.2g}, and the "
            f"state is integrated backwards over {longest:.3g}, where errors grow as fast; {_INSTEAD}",
            AdjointWarning,
            stacklevel=3,
        )


def _flat(v: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor as a row of real numbers."""
    return (torch.view_as_real(v.resolve_conj()) if v.is_complex() else v).flatten().to(dtype)


def _shaped(row: Tensor, like: Tensor) -> Tensor:
    """Return a row of real numbers as what it stands for."""
    if like.is_complex():
        return torch.complex(*row.view(*like.shape, 2).unbind(-1))
    return row.view(like.shape)
