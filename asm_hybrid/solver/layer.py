"""A differential equation as a layer of a network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.solver.adjoint import check_adjoint
from asm_hybrid.solver.changes import Event
from asm_hybrid.solver.delays import Delays
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
        ``dx/dt = field(x)``, on states ``(…, n)`` or tuples of tensors; ``field(t, x)`` with `timed`. With
        `delays`, its last argument is the state a delay ago.
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
    delays : float, Tensor, nn.Parameter, sequence of these or nn.Module, optional
        Constant delays above zero, as `solve` takes them. Parameters are learnt, as are those of a module that returns
        delays without being given anything; nothing but such a module keeps what is learnt above zero.
    history : callable, Tensor or nn.Parameter, optional
        The state before the first time: a function of time and the layer's input, or a constant; by default the initial
        state, held. Parameters of an `nn.Module` are learnt.
    method : str
        See `asm_hybrid.solver.solve.solve`, also for the other options.
    **options
        ``rtol``, ``atol``, ``steps``, ``options``, ``adjoint``, ``adjoint_options``, ``jacobian``, ``mass``,
        ``dense``, ``check``, ``stiffness``, ``noise``, ``interpretation``, ``seed`` and ``paths`` of `solve`. An
        adjoint that is not ``discrete`` gives gradients for the parameters of the field, the initial state and, unless
        it is ``checkpointed``, the span.

    References
    ----------
    .. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
       NeurIPS 31, https://arxiv.org/abs/1806.07366.
    """

    span: Any
    delays: Any
    history: Any

    def __init__(  # noqa: PLR0913 - as `solve`, its options by name
        self,
        field: nn.Module,
        span: tuple[float, ...] | float | Tensor | Callable[[], Tensor] = (0.0, 1.0),
        *,
        start: Callable[[Tensor], State] | None = None,
        timed: bool = False,
        path: bool = False,
        event: Field | Event | Sequence[Event] | None = None,
        delays: Any = None,
        history: Callable[[Tensor, Any], State] | Tensor | None = None,
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
        self._adjoint = options.get("adjoint", "discrete")
        asked = {"mass": options.get("mass"), "delays": delays, "event": event, "dense": options.get("dense") or None}
        check_adjoint(self._adjoint, method, [name for name, given in asked.items() if given is not None])
        if self._adjoint != "discrete" and not isinstance(field, nn.Module):
            raise InputError(
                f"adjoint={self._adjoint!r} is asked for, and the field is no module",
                fix="make it an nn.Module, or remove adjoint",
            )
        if isinstance(span, tuple | list | float | int):
            try:
                span = torch.tensor(span, dtype=torch.float64)
            except (TypeError, ValueError, RuntimeError):
                span = torch.empty(0)
        if not (isinstance(span, Tensor) and span.dim() < 2 and span.numel()) and not callable(span):
            raise InputError("the span holds no times", expected="the end alone, or times (k,) from start to end")
        self._keep("span", span)
        if delays is None and history is not None:
            raise InputError("'history' is given without 'delays'", fix="give delays=…, or remove 'history'")
        self._keep("delays", _lengths(delays))
        self._keep("history", history)

    def _keep(self, name: str, value: Any) -> None:
        """Keep a value as what it is to a module: a parameter, a module, a buffer, or something else."""
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            self.register_buffer(name, value)
        else:
            setattr(self, name, value)

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
        if self._adjoint != "discrete":
            options["parameters"] = tuple(self.field.parameters())
        right = self.field if self.timed else _Untimed(self.field)
        if self.diffusion is not None:
            options["diffusion"] = self.diffusion if self.timed else _Untimed(self.diffusion)
        begin = x if self.start is None else self.start(x)
        if self.delays is not None:
            options |= {"delays": self.delays() if isinstance(self.delays, nn.Module) else self.delays}
            options["history"] = begin if self.history is None else self.history
            if callable(self.history) and not isinstance(self.history, Tensor):
                options["history"] = partial(self._before, x=x)
        return solve(right, begin, self.times(), event=self.event, **options)

    def _before(self, t: Tensor, x: Any) -> State:
        """Return the history at a time."""
        return cast(State, self.history(t, x))

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


class _Several(nn.Module):
    """Several delays, some of them learnt."""

    def __init__(self, given: Sequence[Any]) -> None:
        super().__init__()
        self.given = list(given)
        self.learnt = nn.ParameterList([tau for tau in given if isinstance(tau, nn.Parameter)])

    def forward(self) -> list[Any]:
        """Return them in their order."""
        learnt = iter(self.learnt)
        return [next(learnt) if isinstance(tau, nn.Parameter) else tau for tau in self.given]


def _lengths(given: Any) -> Any:
    """Return delays as a module keeps them; refuse those that are none, or depend on something."""
    if given is None:
        return None
    if isinstance(given, nn.Module):
        try:
            inspect.signature(given.forward).bind()
        except TypeError:
            raise InputError(
                f"the delays are a {type(given).__name__} that is given something: delays that depend on time or state "
                "are not solved",
                expected="a module that returns constant delays, and takes nothing",
            ) from None
        return given
    Delays.of(given, torch.device("cpu"))  # refuses what is no delay
    return _Several(given) if isinstance(given, list | tuple) else given


class _Untimed:
    """A field that does not take the time, with its callbacks."""

    def __init__(self, field: nn.Module) -> None:
        self.field = field

    def __call__(self, t: Tensor, *states: Any) -> Any:
        return self.field(*states)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("callback_"):
            raise AttributeError(name)
        return getattr(self.field, name)
