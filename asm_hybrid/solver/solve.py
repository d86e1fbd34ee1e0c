"""One call for all methods: explicit Runge-Kutta methods with the adjoint of neural ODEs [1]_, and stiff ones.

Times may carry gradients, whatever the method: see `asm_hybrid.solver.march`.

References
----------
.. [1] R. T. Q. Chen, Y. Rubanova, J. Bettencourt, D. Duvenaud (2018), "Neural Ordinary Differential Equations",
   NeurIPS 31, https://arxiv.org/abs/1806.07366.
.. [2] R. T. Q. Chen, B. Amos, M. Nickel (2021), "Learning Neural Event Functions for Ordinary Differential Equations",
   ICLR, https://arxiv.org/abs/2011.03902.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import InputError, SimulationError, nearest
from asm_hybrid.solver import butcher
from asm_hybrid.solver.adjoint import check_adjoint, wanted_parameters
from asm_hybrid.solver.algebra import algebra_of
from asm_hybrid.solver.backsolve import AdjointWarning, Backsolve, warn_if_lost
from asm_hybrid.solver.checkpointed import Trail, solved_with_checkpoints
from asm_hybrid.solver.continuous import Backward, solved_with_adjoint
from asm_hybrid.solver.delays import Delayed, past_of
from asm_hybrid.solver.events import differentiable
from asm_hybrid.solver.inside import Field, Inside, jacobian_of, values_of
from asm_hybrid.solver.interpolated import Interpolated
from asm_hybrid.solver.march import Callback, Callbacks, Control, Segment
from asm_hybrid.solver.path import Path, Way, interpolated, timelike, travel
from asm_hybrid.solver.solution import OdeSolution
from asm_hybrid.solver.states import Layout, State, check_start
from asm_hybrid.solver.stepoptions import StepOptions, as_tolerance, default_tolerances
from asm_hybrid.solver.steppers import Slopes, stepper_of
from asm_hybrid.solver.stiffness import STIFF_FROM, fastest_decay, products_for
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["ADAPTIVE", "FIXED", "AdjointWarning", "Field", "OdeSolution", "StiffnessWarning", "check_method", "solve"]

ADAPTIVE = tuple(butcher.ADAPTIVE)
"""Explicit methods that choose their steps."""

FIXED = tuple(butcher.FIXED)
"""Explicit methods with fixed steps."""

FEW_STEPS = 30
"""An adaptive method that needs fewer steps than this is not accused of anything."""

_IN_THEIR_PLACE = {
    **dict.fromkeys(("explicit_adams", "implicit_adams", "fixed_adams"), "use dopri8 or tsit5, or torchdiffeq itself"),
    "scipy_solver": "use rodas5p in place of Radau, BDF and LSODA, and dopri5 or dopri8 in place of RK45 and DOP853",
    **dict.fromkeys(
        (
            "implicit_euler",
            "implicit_midpoint",
            "trapezoid",
            "radauIIA3",
            "radauIIA5",
            "gl4",
            "gl6",
            "sdirk2",
            "trbdf2",
        ),
        "use ros34pw2, rodas4 or rodas5p, with steps or without",
    ),
}
"""What to use for methods of torchdiffeq that are not offered here."""


class StiffnessWarning(UserWarning):
    """An explicit method was given a stiff problem.

    Attributes
    ----------
    args : tuple of str
        The message: the fastest time constant, the length of the steps, and what to take instead.
    """


def check_method(method: str, steps: int | None, where: str | None = None, step_size: float | None = None) -> None:
    """Check the name of a method, and that steps are given where it takes fixed ones, and only there.

    Parameters
    ----------
    method : str
        Its name.
    steps : int or None
        Steps from one time to the next.
    where : str, optional
        Where it is written, for messages.
    step_size : float, optional
        Greatest length of fixed steps.
    """
    options = (*ADAPTIVE, *FIXED, *STIFF)
    if method not in options:
        raise InputError(
            f"there is no method {method!r}",
            where=where,
            expected="a method",
            fix=_IN_THEIR_PLACE.get(str(method)) or nearest(str(method), options),
        )
    if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int)):
        raise InputError(f"'steps' is {steps!r}", where=where, expected="a whole number")
    if steps is not None and step_size is not None:
        raise InputError("'steps' and 'step_size' are given", where=where, expected="one of them")
    given = "steps" if steps is not None else "step_size" if step_size is not None else None
    if method in ADAPTIVE and given:
        raise InputError(
            f"{method} chooses its steps itself, and {given!r} is given",
            where=where,
            expected="rtol and atol alone",
            fix=f"remove {given!r}, or use {' or '.join((*FIXED, *STIFF))}",
        )
    if (given is None and method in FIXED) or (steps is not None and steps < 1):
        found = "'steps' is missing" if steps is None else f"'steps' is {steps}"
        raise InputError(f"{method} takes fixed steps, and {found}", where=where, expected="steps from time to time")


def solve(  # noqa: PLR0913 - as users know it from torchdiffeq and SciPy, its options by name
    f: Field,
    x0: State,
    times: Tensor | Iterable[float],
    *,
    method: str = "dopri5",
    rtol: float | Tensor | tuple[float | Tensor, ...] | None = None,
    atol: float | Tensor | tuple[float | Tensor, ...] | None = None,
    steps: int | None = None,
    options: Mapping[str, Any] | None = None,
    adjoint: str = "discrete",
    parameters: Iterable[Tensor] | None = None,
    adjoint_options: Mapping[str, Any] | None = None,
    jacobian: Field | None = None,
    mass: Any = None,
    event: Field | None = None,
    delays: float | Tensor | Sequence[float | Tensor] | None = None,
    history: Callable[[Tensor], Any] | State | None = None,
    dense: bool = False,
    check: bool = True,
    stiffness: bool = True,
) -> OdeSolution:
    """Solve ``dx/dt = f(t, x)``, or ``M dx/dt = f(t, x)``, or ``dx/dt = f(t, x, x(t - τ))``.

    Parameters
    ----------
    f : callable
        From a time ``()``, of the type of the times, and a state to its slopes, shaped as the state. With a stiff
        method, the elements of a batch ``(…, n)`` must not depend on each other. With `delays`, its third argument is
        the state a delay ago. Where f has attributes
        ``callback_step``, ``callback_accept_step`` or ``callback_reject_step``, they are called with time, state and
        length of each step that is tried, taken or refused; with ``_adjoint`` behind the name, in the backward pass.
    x0 : Tensor, shape (…, n), or tuple of Tensor
        The initial state, real or complex, of any shape; several tensors of any shapes make a tuple.
    times : Tensor or sequence of float, shape (k,)
        Times of the states that are returned, ascending or descending; the first is that of the initial state. They may
        stand several times, and may carry gradients. They keep their precision, whatever that of the state. With an
        event, the last may be infinite, or the first may stand alone: then there is no end but the event.
    method : str
        One of `ADAPTIVE` (steps from `rtol` and `atol`, one for the whole batch), `FIXED`, or of the stiff methods
        ``ros34pw2``, ``rodas4`` and ``rodas5p``, of which the last two have the gradient of the discrete solution.
    rtol, atol : float, Tensor or tuple, optional
        Tolerances of methods that choose their steps, relative and in the unit of the states; tensors that fit the
        state, or one entry for every tensor of a tuple. By default 1e-7 and 1e-9 in double precision, 1e-5 and 1e-6 in
        single precision, and more in half precision.
    steps : int, optional
        Steps from one time to the next, whose error is not controlled; `FIXED` methods need it, or the option
        ``step_size``, and stiff methods choose their steps without it.
    options : mapping, optional
        Options of the steps, see `asm_hybrid.solver.stepoptions.StepOptions`: ``first_step``, ``min_step``,
        ``max_step``, ``max_num_steps``, ``step_size``, ``step_t``, ``jump_t`` and ``norm``.
    adjoint : str
        How gradients are found: ``discrete``, through the steps; ``checkpointed``, through the steps, which are taken
        again on the way back, in the memory of about the root of their number; ``backsolve``, from the adjoint equation
        [1]_ with the state integrated backwards, which needs no memory for the steps, for explicit methods alone; and
        ``interpolated``, from the adjoint equation with the state interpolated between the steps. Only the first has
        second derivatives.
    parameters : iterable of Tensor, optional
        What all but ``discrete`` give gradients for, beside the initial states and, with ``backsolve`` and
        ``interpolated``, the times; by default the parameters of f, where it is an `nn.Module`.
    adjoint_options : mapping, optional
        For ``backsolve`` and ``interpolated``: ``method``, ``rtol``, ``atol``, ``steps``, ``seminorm`` (of the first
        alone) and options of the steps for the backward pass; by default those of the forward pass, without its step_t
        and norm.
    jacobian : callable, optional
        df/dx, ``(…, n, n)``, of the arguments of f, for a state that is one real tensor; by default torch works it out.
    mass : array or Tensor, shape (n, n) or (n,), optional
        The constant mass matrix M or its diagonal, singular where equations are algebraic; `rodas4` and `rodas5p` only.
        Algebraic states are then found from those of ``x0``, while ``M x0`` stays as it is, and the first of the
        returned states has them. The algebraic Jacobian must be regular (index 1).
    event : callable, optional
        From time and state to values that have a sign. Integration ends where the first of them changes it [2]_; the
        sign is looked at after every step and at every returned time. A value that is zero at the start has the sign
        that it takes when it leaves zero.
    delays : float, Tensor or sequence of these, optional
        Constant delays τ above zero, shared by a batch, which may carry gradients. f has a third argument: for one
        delay the state that long ago, for a sequence, or a tensor ``(d,)``, these states along an axis in front,
        ``(d, …, n)``. No step is longer than the smallest delay; see `asm_hybrid.solver.delays`.
    history : callable, Tensor or tuple of Tensor, optional
        The state before the first time, from the largest delay before it: a function of time, or a constant state.
        At the first time, `x0` holds. Times at which it has kinks or jumps are named in ``jump_t``.
    dense : bool
        Whether the solution is kept between the times, for `OdeSolution.at`.
    check : bool
        Raise when an element of the batch leaves the finite numbers; without it, the caller has to read `ok`.
    stiffness : bool
        Whether to look out for stiff problems, which costs a few evaluations of f.

    Returns
    -------
    OdeSolution

    Raises
    ------
    InputError
        When an argument cannot be used.
    SimulationError
        When a tolerance cannot be met, too many steps are needed, and see `check`.

    Warns
    -----
    StiffnessWarning
        When an explicit method is at the limit of its stability: the mean step times the fastest decay, the largest
        ``-Re λ`` of the Jacobian at the last state, is above `STIFF_FROM`. States in half precision are not looked at.
    AdjointWarning
        When ``backsolve`` is asked for and the problem is so stiff that its state cannot be integrated backwards, or,
        in the backward pass, where that state misses the one that was there.
    """
    _check_callable(f, jacobian, event)
    own = StepOptions.of(options)
    check_method(method, steps, step_size=own.step_size)
    layout = Layout.of(x0)
    start = layout.pack(x0)
    check_start(start, "all" if check or method in ADAPTIVE else "any" if method in STIFF else "none")
    if method in STIFF and start.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{method} is used with {start.dtype}", expected="single or double precision")
    way = Way.of(timelike(times, start), event is not None)
    past = past_of(delays, history, layout, way, own, method, mass)
    inside = Inside(f, layout, way.times, past)
    slopes = jacobian_of(inside, jacobian, layout)
    stepper = stepper_of(method, inside, slopes, algebra_of(mass, layout, start, method))
    stepper = stepper if past is None else Delayed(stepper, past)
    if steps is not None and way.open:
        raise InputError(f"{method} has no end but the event, and 'steps' is given", fix="options={'step_size': …}")
    relative, absolute = default_tolerances(start.dtype)
    control = Control(
        relative if rtol is None else layout.tolerance(rtol, start, "rtol"),
        absolute if atol is None else layout.tolerance(atol, start, "atol"),
        own,
        _norm(own, layout, method),
        way.direction,
        way.times.dtype,
        steps,
        math.inf if past is None else past.delays.least,
    )
    watched = None if event is None else values_of(event, inside)
    beside = {"mass": mass, "delays": past, "event": event, "dense": dense or None}
    beside["times that carry gradients"] = way.carries or None
    check_adjoint(adjoint, method, [name for name, given in beside.items() if given is not None])
    wanted = wanted_parameters(adjoint, f, parameters, adjoint_options)

    def run(asked: Way = way, kept: list[Segment] | None = None) -> Path:
        return travel(
            stepper,
            start,
            asked,
            control,
            _callbacks(f, layout, method, ""),
            event=watched,
            keep=past.segments if past is not None else [] if dense else kept,
            kinks=() if past is None else past.kinks,
        )

    back = partial(_backward, inside, slopes, method, control, adjoint_options)
    path, states = _with_gradients(adjoint, run, partial(Trail, stepper, control), back, start, way, wanted)
    evaluations = inside.calls
    ok = torch.isfinite(states.detach()).all(-1).all(0)
    fine = bool(ok.all())
    if check and not fine:
        raise SimulationError(
            f"{method}: {int((~ok).sum())} of {ok.numel()} solutions left the finite numbers; "
            + ("they may become infinite" if method in STIFF else _REMEDY)
        )
    if stiffness and fine and method not in STIFF:
        _warn_if_stiff(inside, path, states.detach(), method, evaluations)
        if adjoint == "backsolve":
            warn_if_lost(inside, path.values, states.detach())
    event_time = event_state = None
    if path.found is not None and path.watch is not None:
        event_time, last = differentiable(path.watch, path.found, stepper.rate, way.times.dtype)
        states, event_state = torch.cat([states[:-1], last.unsqueeze(0)]), layout.unpack(last)
        before = len(path.values) - 1
        returned = torch.cat([way.times[:before], event_time.unsqueeze(0)])
    else:
        returned = way.times
    within = None
    if dense:
        inner = interpolated(path, way.direction)
        within = lambda at: layout.unpack(inner(at))  # noqa: E731
    return OdeSolution(returned, layout.unpack(states), ok, evaluations, path.steps, event_time, event_state, within)


def _check_callable(f: Any, jacobian: Any, event: Any) -> None:
    """Refuse what cannot be called."""
    for name, given in (("f", f), ("jacobian", jacobian), ("event", event)):
        if not callable(given) and (given is not None or name == "f"):
            raise InputError(f"{name} is {type(given).__name__}, and cannot be called", expected="a function (t, x)")


def _with_gradients(
    adjoint: str,
    run: Callable[..., Path],
    trail_of: Callable[[], Trail],
    back: Callable[[list[Segment] | None], Backward],
    start: Tensor,
    way: Way,
    wanted: tuple[Tensor, ...],
) -> tuple[Path, Tensor]:
    """Solve, and return the states with their gradients, however they are found."""
    if adjoint == "discrete":
        path = run()
        return path, torch.stack(path.states)
    if adjoint == "checkpointed":
        trail = trail_of()
        return solved_with_checkpoints(lambda: run(kept=trail), trail, start, wanted)
    kept: list[Segment] | None = [] if adjoint == "interpolated" else None
    plain = Way(way.values, way.times.detach(), way.direction)
    path, states = solved_with_adjoint(lambda: run(plain, kept), back(kept), start, way.times, wanted)
    if path.found is not None:
        path.found = replace(path.found, state=states[-1])
    return path, states


_REMEDY = "take more steps or smaller tolerances, or a stiff method (rodas5p) if the problem is stiff"


def _norm(options: StepOptions, layout: Layout, method: str) -> Callable[[Tensor], Tensor]:
    """Return the norm of errors over their tolerances: one number an element for stiff methods, else one in all."""
    if options.norm is not None:
        own = options.norm

        def norm(errors: Tensor) -> Tensor:
            found = own(layout.unpack(errors))
            if not isinstance(found, Tensor | float | int) or (isinstance(found, Tensor) and found.numel() != 1):
                raise InputError("options['norm'] does not give one number", expected="one number for all errors")
            return torch.as_tensor(found).abs().reshape(())

        return norm
    if method in STIFF:
        return lambda errors: errors.square().mean(-1).sqrt()
    if layout.several:
        return lambda errors: (
            torch.stack([e.square().mean() for e in torch.split(errors, list(layout.widths), -1)]).max().sqrt()
        )
    return lambda errors: errors.square().mean().sqrt()


def _callbacks(f: Any, layout: Layout, method: str, behind: str) -> Callbacks:
    """Return the callbacks that f has as attributes."""
    names = {"step": "step", "accept": "accept_step", "reject": "reject_step"}
    given = {name: getattr(f, f"callback_{call}{behind}", None) for name, call in names.items()}

    def laid_out(call: Callable[[float, Any, float], Any]) -> Callback:
        return call if behind else lambda t, x, h: call(t, layout.unpack(x), h)

    found = {name: laid_out(call) for name, call in given.items() if call is not None}
    if method in FIXED and not found.keys() <= {"step"}:
        warnings.warn(f"{method} takes every step, and calls callback_step alone", stacklevel=4)
    return Callbacks(**found)


def _backward(
    inside: Inside,
    slopes: Slopes,
    method: str,
    control: Control,
    adjoint_options: Mapping[str, Any] | None,
    kept: list[Segment] | None,
) -> Backward:
    """Return how the adjoint equation is integrated, along the steps that are kept or with the state beside it."""
    if not isinstance(adjoint_options, Mapping | None):
        raise InputError(f"adjoint_options is {type(adjoint_options).__name__}", expected="a mapping")
    given = dict(adjoint_options or {})
    adjoint = "backsolve" if kept is None else "interpolated"
    chosen = str(given.pop("method", method))
    seminorm = bool(given.pop("seminorm", False)) if kept is None else False
    count = given.pop("steps", control.steps)
    tolerances = [
        float(as_tolerance(given.pop(name, getattr(control, name)), f"adjoint_options[{name!r}]").min())
        for name in ("rtol", "atol")
    ]
    own = control.options
    if not given:
        given = {"jump_t": own.jump_t, "max_num_steps": own.max_num_steps, "max_step": own.max_step}
        given |= {"min_step": own.min_step, "step_size": own.step_size if chosen == method else None}
    options = StepOptions.of(given, "adjoint_options")
    if chosen in ADAPTIVE:
        count = None
    check_method(chosen, count, "adjoint_options", options.step_size)
    check_adjoint(adjoint, chosen, where="adjoint_options")
    calls = _callbacks(inside.f, inside.layout, chosen, "_adjoint")
    if kept is None:
        return Backsolve(inside, chosen, tolerances[0], tolerances[1], options, count, seminorm, calls)
    norm = _norm(replace(options, norm=None), inside.layout, chosen)
    back = Control(tolerances[0], tolerances[1], options, norm, -control.direction, control.dtype, count)
    return Interpolated(inside, slopes, chosen, back, calls, control.direction, kept)


def _warn_if_stiff(f: Slopes, path: Path, states: Tensor, method: str, evaluations: int) -> None:
    """Compare the mean step with the fastest decay at the end."""
    products, last = products_for(evaluations), path.values[-1]
    few = method in ADAPTIVE and path.steps < FEW_STEPS
    if products < 1 or few or states.dtype not in (torch.float32, torch.float64) or not math.isfinite(last):
        return
    step = abs(last - path.values[0]) / path.steps
    try:
        decay = fastest_decay(f, last, states[-1], states.abs().amax(0), products)
    except Exception:  # f may fail beside its solution, and hides its numbers within torch.func
        return
    if decay * step > STIFF_FROM:
        warnings.warn(
            f"the problem is stiff for {method}: its fastest time constant is {1 / decay:.2g}, and steps of {step:.2g} "
            "are at the limit of stability, not of accuracy; take ros34pw2, rodas4 or rodas5p",
            StiffnessWarning,
            stacklevel=3,
        )
