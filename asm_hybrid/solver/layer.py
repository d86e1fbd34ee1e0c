"""A differential equation as a layer of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.solver.changes import Event
from asm_hybrid.solver.solution import OdeSolution
from asm_hybrid.solver.solve import Field, check_method, solve
from asm_hybrid.solver.states import State
from asm_hybrid.solver.stepoptions import StepOptions

__all__ = ["ODELayer"]

_OPTIONS = (
    *("rtol", "atol", "steps", "options", "adjoint", "adjoint_options", "jacobian", "mass", "dense"),
    *("check", "stiffness", "noise", "interpretation", "seed", "paths"),
)


class ODELayer(nn.Module):
    """Integrates a vector field from what it is given; stands inside any `torch.nn.Sequential` [1]_.

    Parameters
    ----------
    field : nn.Module
        ``dx/dt = field(x)``, on states ``(…, n)`` or tuples of tensors; ``field(t, x)`` with `timed`.
    span : tuple of float, float, Tensor, nn.Parameter or callable
        Times ``(k,)`` from start to end, or the end alone ``()``, counted from zero; a callable without arguments
        returns either. A parameter is learnt, as are those of a callable that is an `nn.Module`. With an event, the end
        may be infinite.
    start : callable, optional
        From the layer's input to the initial states ``(…, n)``; the input itself by default.
    timed : bool
        Whether the field takes the time.
    path : bool
        Return the states at all times of the span, ``(k, …, n)``, not the last alone.
    event : callable, Event or sequence of Event, optional
        From time and states to values that have a sign: integration ends where the first of them changes it, for the
        whole batch; or events that change the states, from which it goes on. Parameters of an `nn.Module` are learnt,
        which may be the value or the change of an event.
    diffusion : nn.Module, optional
        What noise does to the states, ``diffusion(x)``, or ``diffusion(t, x)`` with `timed`: see `solve`, also for
        methods. Without a seed, every call has paths of its own, which `torch.manual_seed` fixes.
    method : str
        See `asm_hybrid.solver.solve.solve`, also for the other options.
    **options
        ``rtol``, ``atol``, ``steps``, ``options``, ``adjoint``, ``adjoint_options``, ``jacobian``, ``mass``,
        ``dense``, ``check``, ``stiffness``, ``noise``, ``interpretation``, ``seed`` and ``paths`` of `solve`. The
        adjoint gives gradients for the parameters of the field, the initial state and the span.

    References
    ----------
    .. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
       NeurIPS 31, https://arxiv.org/abs/1806.07366.
    """

    def __init__(
        self,
        field: nn.Module,
        span: tuple[float, ...] | float | Tensor | Callable[[], Tensor] = (0.0, 1.0),
        *,
        start: Callable[[Tensor], State] | None = None,
        timed: bool = False,
        path: bool = False,
        event: Field | Event | Sequence[Event] | None = None,
        diffusion: nn.Module | None = None,
        method: str = "dopri5",
        **options: Any,
    ) -> None:
        super().__init__()
        for name in options:
            if name not in _OPTIONS:
                raise InputError(
                    f"ODELayer has no option {name!r}", expected="an option of solve", fix=nearest(name, _OPTIONS)
                )
        size = StepOptions.of(options.get("options")).step_size
        check_method(method, options.get("steps"), step_size=size, noisy=diffusion is not None)
        self.field, self.start, self.timed, self.path, self.event = field, start, timed, path, event
        self.diffusion = diffusion
        listed = (event,) if isinstance(event, Event) else event if isinstance(event, list | tuple) else ()
        parts = (part for e in listed if isinstance(e, Event) for part in (e.value, e.change))
        self.event_parts = nn.ModuleList([part for part in parts if isinstance(part, nn.Module)])
        self.options = options | {"method": method}
        if not callable(field):
            raise InputError(f"the field is {type(field).__name__}, and cannot be called", expected="an nn.Module")
        if options.get("adjoint") and not isinstance(field, nn.Module):
            raise InputError(
                "the adjoint is asked for, and the field is no module", fix="make it an nn.Module, or remove adjoint"
            )
        if isinstance(span, tuple | list | float | int):
            try:
                span = torch.tensor(span, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError):
                span = torch.empty(0)
        if not (isinstance(span, Tensor) and span.dim() < 2 and span.numel()) and not callable(span):
            raise InputError("the span holds no times", expected="the end alone, or times (k,) from start to end")
        if isinstance(span, Tensor) and not isinstance(span, nn.Parameter):
            self.register_buffer("span", span)
        else:
            self.span = span

    def times(self) -> Tensor:
        """Return the times of the states.

        Returns
        -------
        Tensor, shape (k,)
        """
        span = self.span if isinstance(self.span, Tensor) else self.span()
        return torch.stack([torch.zeros_like(span), span]) if span.dim() == 0 else span

    def solve(self, x: Any) -> OdeSolution:
        """Integrate, and return all that is known of the solution, such as the time of the event.

        Parameters
        ----------
        x : Tensor, shape (…, m)
            Initial states, or what `start` makes them of.

        Returns
        -------
        OdeSolution

        Raises
        ------
        SimulationError
            When the integration fails.
        """
        options = dict(self.options)
        if options.get("adjoint"):
            options["parameters"] = tuple(self.field.parameters())
        right = self.field if self.timed else _Untimed(self.field)
        if self.diffusion is not None:
            options["diffusion"] = self.diffusion if self.timed else _Untimed(self.diffusion)
        begin = x if self.start is None else self.start(x)
        return solve(right, begin, self.times(), event=self.event, **options)

    def forward(self, x: Any) -> State:
        """Integrate.

        Parameters
        ----------
        x : Tensor, shape (…, m)
            Initial states, or what `start` makes them of.

        Returns
        -------
        Tensor, shape (…, n), or (k, …, n) with `path`; or tuple of these
            The states at the end, which is the event's where one comes; or at all times.
        """
        states = self.solve(x).states
        if self.path:
            return states
        return tuple(part[-1] for part in states) if isinstance(states, tuple) else states[-1]


class _Untimed:
    """A field that does not take the time, with its callbacks."""

    def __init__(self, field: nn.Module) -> None:
        self.field = field

    def __call__(self, t: Tensor, x: Any) -> Any:
        return self.field(x)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("callback_"):
            raise AttributeError(name)
        return getattr(self.field, name)
