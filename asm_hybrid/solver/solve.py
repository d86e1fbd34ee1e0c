"""One call for all methods: explicit ones of torchdiffeq [1]_, and the stiff ones of this project.

Times may carry gradients, whatever the method. Methods that choose their steps themselves take the times as plain
numbers, and each state is then moved along its own slope, ``x(t_i) + f(t_i, x(t_i)) (t_i - value of t_i)``, which
changes no value and has the derivative of the exact flow; the start is moved likewise. Methods with fixed steps carry
the times through every step, so that the gradient is that of the discrete solution.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366; the program torchdiffeq belongs to it.
.. [2] R. T. Q. Chen, B. Amos, M. Nickel (2021), "Learning Neural Event Functions for Ordinary Differential Equations",
   ICLR, https://arxiv.org/abs/2011.03902.
.. [3] E. Hairer, G. Wanner (1996), "Solving Ordinary Differential Equations II", second edition, Springer, section IV.2
   (stability domains, and how an explicit method notices that a problem is stiff).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchdiffeq import odeint, odeint_adjoint, odeint_event

from asm_hybrid.errors import InputError, SimulationError, nearest
from asm_hybrid.solver.adaptive import Controlled
from asm_hybrid.solver.rosenbrock import integrate
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["ADAPTIVE", "FIXED", "Field", "OdeSolution", "StiffnessWarning", "check_method", "solve"]

ADAPTIVE = ("dopri5", "dopri8", "bosh3", "adaptive_heun")
"""Explicit methods that choose their steps."""

FIXED = ("euler", "midpoint", "rk4")
"""Explicit methods with fixed steps."""

MOST_STEPS = 100_000
"""Steps of an adaptive method from one time to the next, at most."""

STIFF_FROM = 1.5
"""Step of an explicit method, in units of the fastest time constant, from which the problem is called stiff for it. The
stability of the methods here ends between 2.0 (Euler) and 3.3 (dopri5) [3]_; where accuracy limits the step it is
smaller by far."""

FEW_STEPS = 30
"""An adaptive method that needs fewer steps than this is not accused of anything."""

LARGEST = 200
"""States up to which stiffness is looked for; the eigenvalues of larger Jacobians cost too much."""

Field = Callable[[Tensor, Tensor], Tensor]
"""f(t, x), or its Jacobian."""


class StiffnessWarning(UserWarning):
    """An explicit method was given a stiff problem."""


@dataclass(frozen=True)
class OdeSolution:
    """The result of `solve`.

    Attributes
    ----------
    times : Tensor, shape (k,)
        Times of the states; with an event, those before it, and its own.
    states : Tensor, shape (k, …, n)
        States at these times; the first is the initial state.
    ok : Tensor of bool, shape (…)
        Whether the states stayed finite, one entry an element of the batch.
    evaluations : int
        Evaluations of f, without those for Jacobians and for the backward pass.
    event_time : Tensor or None, shape ()
        When the event came; None when it did not come, or was not asked for.
    event_state : Tensor or None, shape (…, n)
        The state then.
    """

    times: Tensor
    states: Tensor
    ok: Tensor
    evaluations: int
    event_time: Tensor | None = None
    event_state: Tensor | None = None


class _Counted:
    """f, which counts its evaluations and, called back by torchdiffeq, its accepted steps."""

    def __init__(self, f: Field) -> None:
        self.f, self.calls, self.steps = f, 0, 0

    def __call__(self, t: Tensor, x: Tensor) -> Tensor:
        self.calls += 1
        return self.f(t, x)


class _AdaptiveField(_Counted):
    def callback_accept_step(self, t: Tensor, x: Tensor, dt: Tensor) -> None:
        """Count a step."""
        self.steps += 1


class _OnUnitInterval:
    """``dx/ds = T f(t_0 + s T, x)`` on [0, 1] as a `StiffSystem` of one block; its inputs are t and T."""

    def __init__(self, f: Field, jacobian: Field) -> None:
        self.f, self.slopes = f, jacobian

    def prepare(self, inputs: Tensor) -> list[Tensor]:
        return list(inputs.unbind(-2))

    def derivative(self, x: Tensor, forcing: Tensor) -> Tensor:
        t, span = forcing.unbind(-1)
        return span * self.f(t, x.squeeze(-2)).unsqueeze(-2)

    def full_jacobian(self, x: Tensor, forcing: Tensor) -> Tensor:
        t, span = forcing.unbind(-1)
        return span * self.slopes(t, x.squeeze(-2))

    def inverse(self, x: Tensor, forcing: Tensor, shift: float | Tensor) -> Tensor:
        own = self.full_jacobian(x, forcing)
        return cast(
            Tensor, torch.linalg.inv(shift * torch.eye(own.shape[-1], dtype=own.dtype, device=own.device) - own)
        )

    def solve(self, inverse: Tensor, right: Tensor) -> Tensor:
        return torch.einsum("...ij,...bj->...bi", inverse, right)

    def output(self, x: Tensor, forcing: Tensor) -> Tensor:
        return x


def check_method(method: str, steps: int | None, where: str | None = None) -> None:
    """Check the name of a method, and that steps are given where it takes fixed ones, and only there.

    Parameters
    ----------
    method : str
        Its name.
    steps : int or None
        Steps from one time to the next.
    where : str, optional
        Where it is written, for messages.
    """
    options = (*ADAPTIVE, *FIXED, *STIFF)
    if method not in options:
        raise InputError(
            f"there is no method {method!r}", where=where, expected="a method", fix=nearest(method, options)
        )
    if method in ADAPTIVE and steps is not None:
        raise InputError(
            f"{method} chooses its steps itself, and 'steps' is given",
            where=where,
            expected="rtol and atol alone",
            fix=f"remove 'steps', or use {' or '.join((*FIXED, *STIFF))}",
        )
    if (steps is None and method in FIXED) or (steps is not None and steps < 1):
        found = "'steps' is missing" if steps is None else f"'steps' is {steps}"
        raise InputError(f"{method} takes fixed steps, and {found}", where=where, expected="steps from time to time")


def solve(
    f: Field,
    x0: Tensor,
    times: Tensor,
    *,
    method: str = "dopri5",
    rtol: float = 1e-7,
    atol: float = 1e-9,
    steps: int | None = None,
    adjoint: bool = False,
    parameters: Iterable[Tensor] | None = None,
    jacobian: Field | None = None,
    event: Field | None = None,
    check: bool = True,
) -> OdeSolution:
    """Solve ``dx/dt = f(t, x)``.

    Parameters
    ----------
    f : callable
        From a time ``()`` and states ``(…, n)`` to their slopes ``(…, n)``; the elements of a batch must not depend on
        each other.
    x0 : Tensor, shape (…, n)
        Initial states.
    times : Tensor, shape (k,)
        Times of the states that are returned, ascending; the first is that of the initial states. They may carry
        gradients.
    method : str
        One of `ADAPTIVE` (steps from `rtol` and `atol`, one for the whole batch), `FIXED`, or of the stiff methods
        ``ros34pw2``, ``rodas4`` and ``rodas5p``, of which the last two have the gradient of the discrete solution.
    rtol, atol : float
        Tolerances of methods that choose their steps, relative and in the unit of the states.
    steps : int, optional
        Steps from one time to the next, whose error is not controlled; `FIXED` methods need it, and stiff methods
        choose their steps without it.
    adjoint : bool
        Gradients from the adjoint equation [1]_, which needs no memory for the steps; explicit methods only.
    parameters : iterable of Tensor, optional
        What the adjoint gives gradients for, beside the initial states and the times; by default the parameters of f,
        where it is an `nn.Module`.
    jacobian : callable, optional
        df/dx, ``(…, n, n)``; by default torch works it out.
    event : callable, optional
        From time and states to values that have a sign. Integration ends where the first of them changes it [2]_;
        adaptive methods only.
    check : bool
        Raise when an element of the batch leaves the finite numbers; without it, the caller has to read `ok`.

    Returns
    -------
    OdeSolution

    Raises
    ------
    InputError
        When an argument cannot be used.
    SimulationError
        When the step of an adaptive method becomes too small or too many are needed, and see `check`.

    Warns
    -----
    StiffnessWarning
        When an explicit method is at the limit of its stability: the mean step times the fastest decay, the largest
        ``-Re λ`` of the Jacobian at the start or the end, is above `STIFF_FROM`.
    """
    check_method(method, steps)
    times = torch.as_tensor(times, dtype=x0.dtype, device=x0.device)
    _check_arguments(f, x0, times)
    adjoined = _adjoined(f, method, adjoint, parameters)
    if event is not None and method not in ADAPTIVE:
        raise InputError(f"an event is given with {method}", expected="one of " + ", ".join(ADAPTIVE))
    slopes = jacobian or _jacobian_of(f)
    counted = _AdaptiveField(f) if method in ADAPTIVE else _Counted(f)
    options: dict[str, Any] = {"method": method, "rtol": rtol, "atol": atol}
    found = _event_time(f, x0, times, event, options) if event is not None else None
    asked = times if found is None else torch.cat([times[times < found], found.unsqueeze(0)])
    if method in STIFF:
        states = _stiff(counted, slopes, x0, asked, method, steps, (rtol, atol))
    elif method in FIXED:
        options["options"] = {"grid_constructor": lambda f, x, t: _grid(t, cast(int, steps))}
        states = _explicit(counted, x0, asked, options, adjoined)
    else:
        states = _adaptive(counted, x0, asked, options, adjoined)
    ok = torch.isfinite(states).all(-1).all(0)
    if check and not bool(ok.all()):
        raise SimulationError(
            f"{method}: {int((~ok).sum())} of {ok.numel()} solutions left the finite numbers; take more steps, or a "
            "stiff method (rodas5p) if the problem is stiff"
        )
    if method not in STIFF and bool(ok.all()):
        _warn_if_stiff(slopes, asked, states, method, counted.steps if method in ADAPTIVE else steps)
    if event is None or found is None:
        return OdeSolution(asked, states, ok, counted.calls)
    time, state = _at_event(counted, event, found, states[-1], x0, times)
    states = torch.cat([states[:-1], state.unsqueeze(0)])
    return OdeSolution(torch.cat([asked[:-1], time.unsqueeze(0)]), states, ok, counted.calls, time, state)


def _check_arguments(f: Field, x0: Tensor, times: Tensor) -> None:
    """Check shapes and order; costs one evaluation of f."""
    if x0.dim() == 0 or not x0.is_floating_point():
        raise InputError(f"the initial state has shape {tuple(x0.shape)} and type {x0.dtype}", expected="(…, n), float")
    if times.dim() != 1 or len(times) < 2:
        raise InputError(f"the times have shape {tuple(times.shape)}", expected="(k,), with two times at least")
    if not bool((times[1:] > times[:-1]).all()) or not bool(torch.isfinite(times).all()):
        raise InputError("the times do not ascend", expected="finite times, each larger than the one before")
    with torch.no_grad():
        shape = f(times[0], x0).shape
    if shape != x0.shape:
        raise InputError(
            f"f returns shape {tuple(shape)} for states {tuple(x0.shape)}", expected="one slope for every state"
        )


def _adjoined(f: Field, method: str, adjoint: bool, parameters: Iterable[Tensor] | None) -> tuple[Tensor, ...] | None:
    """Return the parameters for the adjoint; None without it."""
    if not adjoint:
        if parameters is not None:
            raise InputError("'parameters' is given without the adjoint", fix="set adjoint=True, or remove it")
        return None
    if method in STIFF:
        raise InputError(
            f"the adjoint is asked for with {method}",
            expected="adjoint=True with " + ", ".join((*ADAPTIVE, *FIXED)),
            fix="remove adjoint: stiff methods have their gradient from the steps themselves",
        )
    if parameters is not None:
        return tuple(parameters)
    if not isinstance(f, nn.Module):
        raise InputError(
            "the adjoint is asked for, and f is no module",
            expected="parameters=…, what gradients are wanted for; () for none",
        )
    return tuple(f.parameters())


def _jacobian_of(f: Field) -> Field:
    """Return df/dx, ``(…, n, n)``; the sum over the batch has every element's own slopes, as none sees another."""

    def jacobian(t: Tensor, x: Tensor) -> Tensor:
        def summed(at: Tensor) -> Tensor:
            return f(t, at).reshape(-1, x.shape[-1]).sum(0)

        return cast(Tensor, torch.func.jacrev(summed)(x)).movedim(0, -2)

    return jacobian


def _stiff(
    f: Field,
    jacobian: Field,
    x0: Tensor,
    times: Tensor,
    method: str,
    steps: int | None,
    tolerances: tuple[float, float],
) -> Tensor:
    """Integrate from time to time with a Rosenbrock method."""
    system = _OnUnitInterval(f, jacobian)
    controlled = Controlled(system, *tolerances, tableau=STIFF[method])
    x, states, last = x0.unsqueeze(-2), [x0], 1.0
    for begin, end in pairwise(times):
        span = end - begin
        left, right = torch.stack([begin, span]), torch.stack([end, span])
        if steps is not None:
            x = integrate(system, x, torch.stack([left, right]), 1.0, steps, tableau=STIFF[method]).final
        else:
            if controlled.step is not None:  # in units of the interval before
                controlled.step *= last / float(span)
            x, last = controlled.interval(x, left, right, 1.0), float(span)
        states.append(x.squeeze(-2))
    return torch.stack(states)


def _grid(times: Tensor, steps: int) -> Tensor:
    """Return the times and ``steps - 1`` even ones between any two, with their gradients."""
    share = torch.arange(steps, dtype=times.dtype, device=times.device) / steps
    inner = times[:-1, None] + (times[1:] - times[:-1]).unsqueeze(-1) * share
    return torch.cat([inner.flatten(), times[-1:]])


def _explicit(
    f: Field, x0: Tensor, times: Tensor, options: dict[str, Any], adjoined: tuple[Tensor, ...] | None
) -> Tensor:
    """Call torchdiffeq."""
    try:
        if adjoined is None:
            return cast(Tensor, odeint(f, x0, times, **options))
        # the backward pass goes from time to time on its own, and need not hit others
        own = {k: v for k, v in options["options"].items() if k != "step_t"}
        return cast(Tensor, odeint_adjoint(f, x0, times, adjoint_params=adjoined, adjoint_options=own, **options))
    except AssertionError as error:  # how torchdiffeq reports a step that is too small, or too many
        raise SimulationError(_failure(options["method"], error)) from None


def _failure(method: str, error: AssertionError) -> str:
    reason = str(error).split(":", 1)[0].strip() or "no reason given"
    return f"{method} does not converge ({reason}); take a stiff method (rodas5p) if the problem is stiff"


def _adaptive(
    f: Field, x0: Tensor, times: Tensor, options: dict[str, Any], adjoined: tuple[Tensor, ...] | None
) -> Tensor:
    """Integrate with steps that end at the times, where torchdiffeq would interpolate, and attach the times' slopes."""
    fixed = times.detach()
    options = options | {"options": {"step_t": fixed[1:], "max_num_steps": MOST_STEPS}}
    if not (torch.is_grad_enabled() and times.requires_grad):
        return _explicit(f, x0, fixed, options, adjoined)
    states = _explicit(f, x0 - f(fixed[0], x0) * (times[0] - fixed[0]), fixed, options, adjoined)
    moved = [x + f(t, x) * (own - t) for t, own, x in zip(fixed[1:], times[1:], states[1:], strict=True)]
    return torch.stack([x0, *moved])


def _event_time(f: Field, x0: Tensor, times: Tensor, event: Field, options: dict[str, Any]) -> Tensor | None:
    """Return when the event comes, as a plain number, or None where it does not come before the last time."""
    end = times[-1].detach()

    def with_end(t: Tensor, x: Tensor) -> Tensor:
        return torch.cat([event(t, x).reshape(-1), (end - t).reshape(1).to(x)])

    with torch.no_grad():
        if bool((event(times[0], x0) == 0).any()):
            raise InputError("the event function is zero at the start", expected="a value with a sign there")
        limits = {"max_num_steps": MOST_STEPS}
        try:
            found, states = odeint_event(f, x0, times[0].detach(), event_fn=with_end, options=limits, **options)
        except AssertionError as error:
            raise SimulationError(_failure(options["method"], error)) from None
        before, after = event(times[0], x0), event(found, states[-1])
        near_end = bool(end - found <= 4 * options["atol"] + 1e-12 * end.abs())
        if near_end and bool((torch.sign(before) == torch.sign(after)).all()):
            return None
    return cast(Tensor, found)


def _at_event(f: Field, event: Field, time: Tensor, state: Tensor, x0: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return time and state of an event with their gradients, by one step of Newton's iteration along the solution."""
    t, x = time.detach().requires_grad_(), state.detach().requires_grad_()
    with torch.enable_grad():
        values = event(t, x).reshape(-1)
        with torch.no_grad():
            which = int((values * torch.sign(event(times[0], x0).reshape(-1))).argmin())
        by_time, by_state = torch.autograd.grad(values[which], (t, x), allow_unused=True)
    with torch.no_grad():
        slope = (0.0 if by_time is None else by_time) + (0.0 if by_state is None else (by_state * f(t, x)).sum())
    moved = -event(time, state).reshape(-1)[which] / slope
    return time + moved, state + f(time, state) * moved


def _warn_if_stiff(jacobian: Field, times: Tensor, states: Tensor, method: str, steps: int | None) -> None:
    """Compare the step with the fastest decay at the start and at the end."""
    spans = (times[1:] - times[:-1]).detach()
    if method in ADAPTIVE:
        step = float(spans.sum()) / max(1, cast(int, steps))
    else:
        step = float(spans.max()) / cast(int, steps)
    if states.shape[-1] > LARGEST or (method in ADAPTIVE and cast(int, steps) < FEW_STEPS):
        return
    decay = 0.0
    with torch.no_grad():
        for at in (0, -1):
            slopes = jacobian(times[at].detach(), states[at].detach()).detach()
            decay = max(decay, -float(torch.linalg.eigvals(slopes).real.min()))
    if decay * step > STIFF_FROM:
        warnings.warn(
            f"the problem is stiff for {method}: its fastest time constant is {1 / decay:.2g}, and steps of {step:.2g} "
            "are at the limit of stability, not of accuracy; take ros34pw2, rodas4 or rodas5p",
            StiffnessWarning,
            stacklevel=3,
        )
