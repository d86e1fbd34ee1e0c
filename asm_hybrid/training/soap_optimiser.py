"""SOAP: Adam along the axes in which the gradient of a layer varies, for many networks side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["MEMORY", "Soap"]

BETAS = (0.9, 0.95)
"""Share of the past in the mean of the gradients, and in their mean squares and products."""
TINY = 1e-8
"""Added to the root mean square of the gradient."""
RIDGE = 1e-9
"""Added to the products of the gradient, relative to their trace: axes along which it has not moved are kept."""
RAMP = 10
"""Steps over which the step size rises: the first ones know little of the axes."""
MEMORY = ("step", "exp_avg", "exp_avg_sq", "left", "right", "left_axes", "right_axes")
"""What is remembered of a parameter; the last four only of the weights of a layer."""


class Soap(torch.optim.Optimizer):
    """Adam in the eigenbasis of Shampoo's preconditioner, every member on its own.

    The gradient G of a layer's weights is turned into the axes of the running means of ``G Gᵀ`` and ``Gᵀ G``, scaled
    there as Adam does, and turned back. Axes follow their matrix by one orthogonal iteration a step. A long simulation
    has gradients that differ by orders of magnitude between directions that no single weight stands for; Adam, which
    scales weight by weight, needs about three times as many steps there.

    The first gradient of a layer gives its axes and moves nothing, and the step size rises over `RAMP` steps.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them. Those of shape ``(member, in, out)`` are layers, or their biases with one row; all
        others are scaled as in Adam.
    lr : float
        Step size.

    References
    ----------
    .. [1] N. Vyas et al. (2024), "SOAP: Improving and stabilizing Shampoo using Adam",
       https://arxiv.org/abs/2409.11321, algorithm 3.
    """

    def __init__(self, params: Iterable[nn.Parameter] | Iterable[dict[str, Any]], lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move all parameters that have a gradient."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * _direction(self.state[p], p.grad))


def _direction(state: dict[str, Tensor], gradient: Tensor) -> Tensor:
    """Return the step for a step size of one, and remember the gradient."""
    old, older = BETAS
    left, right = None, None
    if gradient.dim() == 3:
        first = not state
        left = _follow(state, "left", gradient @ gradient.mT)
        right = _follow(state, "right", gradient.mT @ gradient)
        if first:
            return torch.zeros_like(gradient)
    if "step" not in state:
        state["step"] = torch.zeros((), dtype=gradient.dtype)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
    state["step"] += 1
    count = float(state["step"])

    def turn(x: Tensor) -> Tensor:
        return x if left is None or right is None else left.mT @ x @ right

    state["exp_avg"].mul_(old).add_(gradient, alpha=1.0 - old)
    state["exp_avg_sq"].mul_(older).add_(turn(gradient).square(), alpha=1.0 - older)
    mean = state["exp_avg"] / (1.0 - old**count)
    size = (state["exp_avg_sq"] / (1.0 - older**count)).sqrt() + TINY
    step: Tensor = min(1.0, count / RAMP) * turn(mean) / size
    return step if left is None or right is None else left @ step @ right.mT


def _follow(state: dict[str, Tensor], name: str, product: Tensor) -> Tensor:
    """Move the running mean of a product ``(member, n, n)``, and return its axes moved after it, largest first."""
    axes = f"{name}_axes"
    if name not in state:
        state[name] = torch.zeros_like(product)
        state[axes] = torch.linalg.eigh(product)[1].flip(-1)
    state[name].mul_(BETAS[1]).add_(product, alpha=1.0 - BETAS[1])
    trace = state[name].diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
    ridge = RIDGE * torch.eye(product.shape[-1], dtype=product.dtype, device=product.device)
    state[axes] = torch.linalg.qr((state[name] / trace.clamp(min=1e-300) + ridge) @ state[axes])[0]
    return state[axes]
