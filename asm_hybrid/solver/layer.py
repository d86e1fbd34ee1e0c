"""A differential equation as a layer of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from asm_hybrid.errors import InputError
from asm_hybrid.solver.solve import check_method, solve

__all__ = ["ODELayer"]


class ODELayer(nn.Module):
    """Integrates a vector field from what it is given; stands inside any `torch.nn.Sequential` [1]_.

    Parameters
    ----------
    field : nn.Module
        ``dx/dt = field(x)``, on states ``(…, n)``; ``field(t, x)`` with `timed`.
    span : tuple of float, Tensor, nn.Parameter or callable
        Times ``(k,)`` from start to end, or the end alone ``()``, counted from zero; a callable without arguments
        returns either. A parameter is learnt, as are those of a callable that is an `nn.Module`.
    start : callable, optional
        From the layer's input to the initial states ``(…, n)``; the input itself by default.
    timed : bool
        Whether the field takes the time.
    path : bool
        Return the states at all times of the span, ``(k, …, n)``, not the last alone.
    method : str
        See `asm_hybrid.solver.solve.solve`, also for the other options.
    **options
        ``rtol``, ``atol``, ``steps``, ``adjoint`` and ``jacobian`` of `solve`. The adjoint gives gradients for the
        parameters of the field, the initial state and the span.

    References
    ----------
    .. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
       NeurIPS 31, https://arxiv.org/abs/1806.07366.
    """

    def __init__(
        self,
        field: nn.Module,
        span: tuple[float, ...] | Tensor | Callable[[], Tensor] = (0.0, 1.0),
        *,
        start: Callable[[Tensor], Tensor] | None = None,
        timed: bool = False,
        path: bool = False,
        method: str = "dopri5",
        **options: Any,
    ) -> None:
        super().__init__()
        unknown = sorted(set(options) - {"rtol", "atol", "steps", "adjoint", "jacobian"})
        if unknown:
            raise InputError(f"ODELayer has no option {unknown[0]!r}", expected="an option of solve")
        check_method(method, options.get("steps"))
        self.field, self.start, self.timed, self.path = field, start, timed, path
        self.options = options | {"method": method}
        if isinstance(span, tuple):
            span = torch.tensor(span, dtype=torch.float64)
        if isinstance(span, Tensor) and not isinstance(span, nn.Parameter):
            self.register_buffer("span", span)
        else:
            self.span = span

    def times(self) -> Tensor:
        """Return the times of the states, ``(k,)``."""
        span = self.span if isinstance(self.span, Tensor) else self.span()
        return torch.stack([torch.zeros_like(span), span]) if span.dim() == 0 else span

    def forward(self, x: Tensor) -> Tensor:
        """Integrate.

        Parameters
        ----------
        x : Tensor, shape (…, m)
            Initial states, or what `start` makes them of.

        Returns
        -------
        Tensor, shape (…, n), or (k, …, n) with `path`
            The states at the end, or at all times.
        """
        options = dict(self.options)
        if options.get("adjoint"):
            options["parameters"] = tuple(self.field.parameters())
        right = self.field if self.timed else lambda t, at: self.field(at)
        solution = solve(right, x if self.start is None else self.start(x), self.times(), **options)
        return solution.states if self.path else solution.states[-1]
