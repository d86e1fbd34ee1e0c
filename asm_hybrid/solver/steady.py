"""Steady states under constant inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.moving import moving_states

__all__ = ["steady_state"]

LARGEST_CHANGE = 0.5
"""Relative change of a state that a step aims at, at most."""

LEFT = 0.1
"""Share of a state that is kept above zero which a step leaves at least."""


def steady_state(
    derivative: Callable[[Tensor], Tensor],
    jacobian: Callable[[Tensor], Tensor],
    x0: Tensor,
    *,
    positive: Tensor | None = None,
    names: Sequence[str] = (),
    tolerance: float = 1e-9,
    max_steps: int = 400,
) -> Tensor:
    """Find the steady state by pseudo-transient continuation.

    Linearly implicit Euler steps, ``(I/h - J) dx = f(x)``, grow as long as the relative change of a step stays
    moderate, and turn into Newton's iteration (Kelley and Keyes 1998, SIAM J. Numer. Anal. 35, 508-523).

    Parameters
    ----------
    derivative : callable
        f(x), from ``(batch, n)`` to ``(batch, n)`` [unit/d].
    jacobian : callable
        The full Jacobian of f, ``(batch, n, n)`` [1/d].
    x0 : Tensor, shape (batch, n)
        Start; above zero wherever `positive` is true.
    positive : Tensor of bool, shape (n,), optional
        States that are kept above zero on the way. Rates are cut off there, and Newton's iteration would crawl.
    names : sequence of str, optional
        Names of the states, for messages.
    tolerance : float
        Largest ``|f| / (|x| + 1)`` [1/d] at the end.
    max_steps : int
        Bound on the iterations.

    Returns
    -------
    Tensor, shape (batch, n)
        The steady states.

    Raises
    ------
    SimulationError
        When the iteration does not converge; the message gives the residual.
    """
    x, h = x0, 1e-4
    eye = torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
    residual = float("inf")
    for _ in range(max_steps):
        slope = derivative(x)
        residual = float((slope.abs() / (x.abs() + 1.0)).max())
        if residual < tolerance:
            return x
        step, info = torch.linalg.solve_ex(eye / h - jacobian(x), slope)
        change = float((step.abs() / (x.abs() + 1.0)).max())
        if not bool((info == 0).all()) or not change < 4.0 * LARGEST_CHANGE:
            h /= 4.0
            if h < 1e-12:
                break
            continue
        moved = x + step
        x = moved if positive is None else torch.where(positive, torch.maximum(moved, LEFT * x), moved)
        h = min(h * min(2.0, LARGEST_CHANGE / max(change, 1e-12)), 1e8)
    slope = derivative(x)
    worst = int((slope.abs() / (x.abs() + 1.0)).amax(-1).argmax())
    last = (t[worst].detach().cpu().numpy() for t in (x, slope))
    moves = f"{moving_states(names, *last)}. The" if names else "the"
    raise SimulationError(
        f"no steady state was found: {moves} largest relative rate of change is still {residual:.2g} 1/d"
    )
