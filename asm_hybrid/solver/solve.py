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

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.adjoint import check_adjoint, wanted_parameters
from asm_hybrid.solver.algebra import algebra_of
from asm_hybrid.solver.backsolve import AdjointWarning, Backsolve, warn_if_lost
from asm_hybrid.solver.changes import Event
from asm_hybrid.solver.checkpointed import Trail, solved_with_checkpoints
from asm_hybrid.solver.continuous import Backward, solved_with_adjoint
from asm_hybrid.solver.delays import Delayed, past_of
from asm_hybrid.solver.events import differentiable
from asm_hybrid.solver.inside import Field, Inside, changes_of, jacobian_of, values_of
from asm_hybrid.solver.interpolated import Interpolated
from asm_hybrid.solver.march import Callback, Callbacks, Control, Segment
from asm_hybrid.solver.methods import ADAPTIVE, FIXED, check_method
from asm_hybrid.solver.noise import (
    Noise,
    Stepping,
    check_noise,
    refuse_beside_noise,
    spread,
    travel_noisily,
)
from asm_hybrid.solver.noise_steps import NOISY
from asm_hybrid.solver.path import Path, Way, interpolated, timelike, travel
from asm_hybrid.solver.solution import OdeSolution
from asm_hybrid.solver.states import Layout, State, check_start
from asm_hybrid.solver.stepoptions import StepOptions, as_tolerance, default_tolerances
from asm_hybrid.solver.steppers import Slopes, Stepper, stepper_of
from asm_hybrid.solver.stiffness import StiffnessWarning, warn_if_stiff
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["ADAPTIVE", "FIXED", "AdjointWarning", "Field", "OdeSolution", "StiffnessWarning", "check_method", "solve"]

FEW_STEPS = 30
"""An adaptive method that needs fewer steps than this is not accused of anything."""


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
    event: Field | Event | Sequence[Event] | None = None,
    delays: float | Tensor | Sequence[float | Tensor] | None = None,
    history: Callable[[Tensor], Any] | State | None = None,
    diffusion: Field | None = None,
    noise: str = "diagonal",
    interpretation: str = "ito",
    seed: int | None = None,
    paths: int | None = None,
    dense: bool = False,
    check: bool = True,
    stiffness: bool = True,
) -> OdeSolution:
    """Solve ``dx/dt = f(t, x)``, or ``M dx/dt = f``, or ``dx/dt = f(t, x, x(t - τ))``, or ``dx = f dt + g dW``.

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
    event : callable, Event or sequence of Event, optional
        From time and state to values that have a sign. Integration ends where the first of them changes it [2]_; the
        sign is looked at after every step and at every returned time. A value that is zero at the start has the sign
        that it takes when it leaves zero. An `asm_hybrid.solver.changes.Event` comes where its value falls below zero,
        and may change the state, from which the solution goes on.
    delays : float, Tensor or sequence of these, optional
        Constant delays τ above zero, shared by a batch, which may carry gradients. f has a third argument: for one
        delay the state that long ago, for a sequence, or a tensor ``(d,)``, these states along an axis in front,
        ``(d, …, n)``. No step is longer than the smallest delay; see `asm_hybrid.solver.delays`.
    history : callable, Tensor or tuple of Tensor, optional
        The state before the first time, from the largest delay before it: a function of time, or a constant state.
        At the first time, `x0` holds. Times at which it has kinks or jumps are named in ``jump_t``.
    diffusion : callable, optional
        g, from time and state to what multiplies the Wiener processes [unit/√time]; every element of a batch has its
        own. Methods are then those of `asm_hybrid.solver.noise_steps`: ``euler_maruyama``, ``milstein``,
        ``stochastic_heun``, and for stiff drift ``implicit_euler_maruyama`` and ``implicit_milstein``, all with fixed
        steps. Gradients are those along each path.
    noise : {'diagonal', 'scalar', 'general'}
        g is shaped as the state, with a process for every state; shaped as the state, with one process for all; or
        ``(…, n, w)`` with w processes.
    interpretation : {'ito', 'stratonovich'}
        Which integral over the processes is meant.
    seed : int, optional
        Fixes the paths: the same seed follows the same path, at twice the steps too. Drawn by torch without.
    paths : int, optional
        Number of paths from each initial state, along an axis in front of the state.
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
    ending, switching = _separated(event, delays, adjoint)
    for name, given in (("f", f), ("jacobian", jacobian)):
        if not callable(given) and (given is not None or name == "f"):
            raise InputError(f"{name} is {type(given).__name__}, and cannot be called", expected="a function (t, x)")
    if diffusion is not None:
        beside = {"rtol": rtol, "atol": atol, "adjoint": adjoint != "discrete", "parameters": parameters, "mass": mass}
        beside |= {"adjoint_options": adjoint_options, "event": event, "dense": dense}
        beside |= {"delays": delays, "history": history}
        noisy = Noise(diffusion, noise, interpretation, seed, paths)
        return _with_noise(f, x0, times, noisy, Stepping(method, steps, options, jacobian), beside, check, stiffness)
    _refuse_without_noise({"seed": seed, "paths": paths})
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
    watched = None if ending is None else values_of(ending, inside)
    changes = changes_of(switching, inside, way) if switching else None
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
            event=watched if changes is None else changes,
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
    few = method in ADAPTIVE and path.steps < FEW_STEPS
    if stiffness and fine and not few and method not in STIFF:
        warn_if_stiff(inside, path, states.detach(), method, evaluations, "ros34pw2, rodas4 or rodas5p")
    if stiffness and fine and adjoint == "backsolve":
        warn_if_lost(inside, path.values, states.detach())
    returned, states, event_time, event_state = _ended(path, states, way, stepper, layout)
    within = None
    if dense:
        inner = interpolated(path, way.direction)
        within = lambda at: layout.unpack(inner(at))  # noqa: E731
    events = () if changes is None else tuple(changes.happened)
    return OdeSolution(
        returned, layout.unpack(states), ok, evaluations, path.steps, event_time, event_state, events, within
    )


def _separated(event: Any, delays: Any, adjoint: str) -> tuple[Field | None, tuple[Event, ...]]:
    """Return what ends the solution at any change of its sign, and the events of the other kind."""
    if event is None or (callable(event) and not isinstance(event, Event)):
        return event, ()
    found = (event,) if isinstance(event, Event) else tuple(event) if isinstance(event, list | tuple) else ()
    if not found or not all(isinstance(e, Event) for e in found):
        raise InputError(
            f"event is {type(event).__name__}", expected="a function (t, x), an ah.Event, or a list of these events"
        )
    changes = any(e.change is not None for e in found)
    if changes and delays is not None:
        raise InputError(
            "an event changes the solution of an equation with delays",
            expected="events that end it",
            fix="end the solution at the event, and solve again from there with history=earlier.at and the time of the "
            "event in jump_t",
        )
    if changes and adjoint != "discrete":
        raise InputError(
            f"adjoint={adjoint!r} is asked for, and an event changes the solution",
            fix="use adjoint='discrete': its gradient comes from the steps themselves",
        )
    return None, found


def _ended(
    path: Path, states: Tensor, way: Way, stepper: Stepper, layout: Layout
) -> tuple[Tensor, Tensor, Tensor | None, State | None]:
    """Return times and states, and those of the event if one has come; the last ones are then its own."""
    if path.found is None or path.watch is None:
        return way.times, states, None, None
    event_time, last = differentiable(path.watch, path.found, stepper.rate, way.times.dtype)
    states = torch.cat([states[:-1], last.unsqueeze(0)])
    before = len(path.values) - 1
    return torch.cat([way.times[:before], event_time.unsqueeze(0)]), states, event_time, layout.unpack(last)


def _refuse_without_noise(given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        if value is not None:
            raise InputError(f"{name!r} is given without noise", fix=f"give diffusion=…, or remove {name!r}")


def _with_noise(
    f: Field,
    x0: Any,
    times: Any,
    noise: Noise,
    how: Stepping,
    beside: Mapping[str, Any],
    check: bool,
    stiffness: bool,
) -> OdeSolution:
    """Solve an equation with noise."""
    own = StepOptions.of(how.options)
    check_method(how.method, how.steps, step_size=own.step_size, noisy=True)
    method = check_noise(noise, how.method)
    x0 = spread(x0, noise.paths)
    layout = Layout.of(x0)
    refuse_beside_noise(beside, how.options, layout)
    start = layout.pack(x0)
    check_start(start, "all" if check else "any")
    if start.dtype not in (torch.float32, torch.float64):
        raise InputError(f"{how.method} is used with {start.dtype}", expected="single or double precision")
    way = Way.of(timelike(times, start), False)
    inside = Inside(f, layout, way.times)
    calls = _callbacks(f, layout, how.method, "")
    path = travel_noisily(inside, start, way, noise, method, how, calls.step)
    states, evaluations = torch.stack(path.states), inside.calls
    finite = torch.isfinite(states.detach()).all(-1)
    ok = finite.all(0)
    if check and not bool(ok.all()):
        lost = finite.reshape(len(finite), -1).all(-1)
        raise SimulationError(
            f"{how.method}: {int((~ok).sum())} of {ok.numel()} paths left the finite numbers by time "
            f"{path.values[int(lost.int().argmin())]:.6g}; take more steps, or an implicit method if the drift is stiff"
        )
    if stiffness and bool(ok.all()) and not method.implicit:
        instead = "implicit_milstein" if method.corrected else "implicit_euler_maruyama"
        warn_if_stiff(inside, path, states.detach(), how.method, evaluations, instead, level=4)
    return OdeSolution(way.times, layout.unpack(states), ok, evaluations, path.steps)


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
    if (method in FIXED or method in NOISY) and not found.keys() <= {"step"}:
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
