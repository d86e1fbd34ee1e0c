"""Explicit integration with torchdiffeq, for models that are not stiff."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["integrate_explicit"]


def integrate_explicit(
    derivative: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    inputs: Tensor,
    interval: float,
    *,
    linear: bool = True,
) -> Tensor:
    """Integrate a batch of windows with the classical Runge-Kutta method, one step a knot interval.

    Parameters
    ----------
    derivative : callable
        dx/dt [unit/d] of states ``(…, n)`` and inputs ``(…, input)``.
    x0 : Tensor, shape (…, n)
        Initial states.
    inputs : Tensor, shape (…, knot, input)
        Inputs at the knots; leading axes broadcast against those of ``x0``.
    interval : float
        Distance of two knots [d].
    linear : bool
        Inputs are linear between knots when true, held from the previous knot otherwise.

    Returns
    -------
    Tensor, shape (…, knot, n)
        States at the knots.
    """
    from torchdiffeq import odeint

    knots = inputs.unbind(-2)
    last = len(knots) - 1

    def right(t: Tensor, x: Tensor) -> Tensor:
        position = float(t)
        index = min(int(position), last - 1)
        u = knots[index]
        if linear:
            u = torch.lerp(u, knots[index + 1], position - index)
        return interval * derivative(x, u)

    times = torch.arange(last + 1, dtype=x0.dtype, device=x0.device)

    path = odeint(right, x0, times, method="rk4", options={"step_size": 1.0, "perturb": True})
    return torch.movedim(path, 0, -2)
