"""From step to step along the times: steps that follow from a tolerance, and steps of fixed lengths.

A step may end at a returned time, or run over it where the method's interpolation is as good as its steps. Where times
carry gradients, steps end at them, and the last step to each carries its length through, so that gradients are those of
the discrete solution; the lengths of all other steps are held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.stepoptions import StepOptions, sizes
from asm_hybrid.solver.steppers import Step, Stepper, Time, drift

__all__ = ["Callback", "Callbacks", "Control", "Instant", "Segment", "Stop", "controlled", "fixed"]

SAFETY, LEAST, MOST = 0.9, 0.2, 10.0
"""Share of the step that the error allows, and least and greatest change from step to step [-]."""


@dataclass(frozen=True)
class Instant:
    """A time.

    Attributes
    ----------
    value : float
        As a number.
    time : Time
        As what carries its gradient; the number again where nothing does.
    """

    value: float
    time: Time


@dataclass(frozen=True)
class Stop(Instant):
    """A time at which a step ends.

    Attributes
    ----------
    value, time
        As in `Instant`.
    jump : bool
        Whether f may jump there.
    kink : bool
        Whether f has a kink there that moves with its time.
    """

    jump: bool = False
    kink: bool = False


Callback = Callable[[float, Tensor, float], Any]
"""Called with time, state and length of a step."""


def _silent(t: float, x: Tensor, h: float) -> None:
    """Take no notice of a step."""


@dataclass(frozen=True)
class Callbacks:
    """What is called at each step, with time, state and length of the step.

    Attributes
    ----------
    step, accept, reject : callable
        Where a step is tried, taken and refused; nothing happens by default.
    """

    step: Callback = _silent
    accept: Callback = _silent
    reject: Callback = _silent


@dataclass
class Segment:
    """A step that was taken, from ``begin`` to ``end``.

    Attributes
    ----------
    stepper : Stepper
        The method.
    begin, end : Instant
        When.
    length : Time
        How long; negative where times run backwards.
    x : Tensor, shape (…, n)
        The state at the begin.
    known : object
        What the method knows there.
    step : Step
        The step.
    """

    stepper: Stepper
    begin: Instant
    end: Instant
    length: Time
    x: Tensor
    known: Any
    step: Step
    _slope: Tensor | None = None

    def again(self, length: Time) -> Tensor:
        """Return the state after a step of another length from the same begin."""
        if isinstance(length, float) and length == 0.0:
            return self.x
        at = self.begin.time
        return self.stepper.step(at, self.x, length, self.known, at + length).end

    def at(self, time: Instant) -> Tensor:
        """Return the state at a time within the step, as good as the step itself."""
        for edge, x in ((self.end, self.step.end), (self.begin, self.x)):
            moves = isinstance(time.time, Tensor) and not self.stepper.interpolates
            if time.value == edge.value and (moves or isinstance(edge.time, Tensor)):
                return drift(self.stepper.rate, edge.time, x, cast(Tensor, time.time - edge.time))
        if time.value == self.end.value and not isinstance(time.time, Tensor):
            return self.step.end
        if not self.stepper.interpolates:
            plain = not isinstance(time.time, Tensor) and not isinstance(self.begin.time, Tensor)
            return self.again(time.value - self.begin.value if plain else time.time - self.begin.time)
        place = (time.time - self.begin.time) / self.length
        return self.stepper.within(self.step, self.x, (self.known, self.slope()), self.length, place)

    @property
    def handed_on(self) -> Any:
        """What the next step can use; None where it has to be worked out."""
        if isinstance(self.end, Stop) and self.end.kink:
            return None
        return self._slope if self.step.known is None else self.step.known

    def slope(self) -> Any:
        """Return what the method knows at the end."""
        if self.step.known is not None:
            return self.step.known
        if self._slope is None:
            self._slope = self.stepper.known(self.end.time, self.step.end)
        return self._slope


@dataclass(frozen=True)
class Control:
    """How long steps are: by a tolerance, or fixed.

    Attributes
    ----------
    rtol, atol : float or Tensor
        Tolerances of the local error, relative and in the unit of the states.
    options : StepOptions
        What the user says.
    norm : callable
        From errors over their tolerances ``(…, n)`` to one number an element, or one in all.
    direction : float
        One, or minus one where times run backwards.
    dtype : torch.dtype
        Type of the times.
    steps : int or None
        Fixed steps from time to time.
    reach : float
        Length that no step exceeds, whatever else is said: the smallest delay.
    """

    rtol: float | Tensor
    atol: float | Tensor
    options: StepOptions
    norm: Callable[[Tensor], Tensor]
    direction: float
    dtype: torch.dtype
    steps: int | None = None
    reach: float = math.inf

    @property
    def fixed(self) -> bool:
        """Whether steps are fixed, by their number or by their greatest length."""
        return self.steps is not None or self.options.step_size is not None

    def beside(self, t: float, way: float) -> float:
        """Return the time next to one in its type, in a direction."""
        kind = np.float32 if self.dtype == torch.float32 else np.float64
        return float(np.nextafter(kind(t), kind(math.inf * way * self.direction)))

    def first(self, stepper: Stepper, t: float, x: Tensor, slope: Tensor, span: float) -> float:
        """Return the length of the first step, see `StepOptions`."""
        with torch.no_grad():
            size = sizes(x, x, self.rtol, self.atol)
            level, change = (float(self.norm(v / size).max()) for v in (x, slope))
            h = 0.01 * level / change if level > 1e-5 and change > 1e-5 else 1e-6
            h = min(h, span) or 1e-6 * min(1.0, span)
            bent = stepper.rate(t + self.direction * h, x + self.direction * h * slope) - slope
            bend = float(self.norm(bent / size).max()) / h
            most = max(change, bend)
            other = (0.01 / most) ** (1.0 / stepper.order) if most > 1e-15 else max(1e-6, 1e-3 * h)
            guess = min(100.0 * h, other)
        return guess if math.isfinite(guess) and guess > 0.0 else 1e-6 * min(1.0, span)


def _shortest(t: float) -> float:
    """Return the length below which a step from a time is lost in rounding."""
    return 16.0 * float(np.spacing(abs(t)))


def controlled(
    stepper: Stepper,
    x: Tensor,
    begin: Instant,
    stops: Sequence[Stop],
    control: Control,
    calls: Callbacks,
    open_end: bool,
) -> Iterator[Segment]:
    """Take steps under a tolerance from stop to stop, and on without end where there is none.

    Parameters
    ----------
    stepper : Stepper
        The method.
    x : Tensor, shape (…, n)
        The initial state.
    begin : Instant
        Its time.
    stops : sequence of Stop
        Where steps end, in the order of the times, all behind the begin.
    control : Control
        The tolerance.
    calls : Callbacks
        What to call.
    open_end : bool
        Whether to go on behind the last stop.

    Yields
    ------
    Segment
        The steps that are taken. An element of a batch without a solution has no finite numbers from there on where the
        method is stiff and others go on.

    Raises
    ------
    SimulationError
        When the tolerance cannot be met.
    """
    options, way = control.options, control.direction
    most = min(options.max_step, control.reach)
    alive = torch.isfinite(x.detach()).all(-1)
    h, known, now, before = options.first_step, None, begin, begin.time
    for stop in [*stops, *([None] if open_end else [])]:
        taken = 0
        while stop is None or now.value != stop.value:
            rest = math.inf if stop is None else abs(stop.value - now.value)
            if known is None:
                known = stepper.known(before, x)
            if h is None:
                slope = known if not stepper.stiff else stepper.rate(before, x)
                h = control.first(stepper, now.value, x.detach(), slope.detach(), rest)
            h = min(max(h, options.min_step), most)
            size = rest if rest <= min(1.01 * h, most) else min(h, max(rest / 2.0, options.min_step))
            ends = stop is not None and size == rest
            lost = not ends and size <= _shortest(now.value)
            if lost and not (stepper.stiff and int(alive.sum()) > 1):
                raise _too_short(stepper, now.value, size, x, known)
            if taken >= options.max_num_steps:
                raise (
                    _no_event(now.value, taken) if stop is None else _too_many(stepper, now.value, size, taken, control)
                )
            taken += 1
            calls.step(now.value, x, way * size)
            end, length, last = _aim(now, before, stop if ends else None, way * size, control)
            step = stepper.step(before, x, length, known, last)
            errors = _errors(step, x, control)
            if lost:  # the element that asks for it is given up
                alive = alive & (errors < errors[alive].max())
                if not bool(alive.any()):
                    raise _too_short(stepper, now.value, size, x, known)
                step = Step(torch.where(alive.unsqueeze(-1), step.end, torch.nan), None, None, step.stages)
            error = float(errors[alive].max()) if stepper.stiff else float(errors)
            factor = min(MOST, max(LEAST, SAFETY * max(error, 1e-10) ** (-1.0 / stepper.order)))
            if not error <= 1.0 and not lost and (size > options.min_step or not math.isfinite(error)):
                calls.reject(now.value, x, way * size)
                if size <= options.min_step:
                    raise _too_short(stepper, now.value, size, x, known)
                h = size * min(factor, 1.0) if math.isfinite(error) else size * LEAST
                continue
            calls.accept(now.value, x, way * size)
            segment = Segment(stepper, Instant(now.value, before), end, length, x, known, step)
            yield segment
            h = max(h, size * factor) if ends and factor >= 1.0 else size * factor
            x, now, before = step.end, end, end.time
            known = segment.handed_on
            if end is stop and stop is not None and stop.jump:
                known, before = None, control.beside(stop.value, 1.0)
                x = stepper.settled(before, x, control.rtol, control.atol)


def _aim(now: Instant, before: Time, stop: Stop | None, size: float, control: Control) -> tuple[Instant, Time, Time]:
    """Return where a step ends, at a stop or after a length, how long it is, and when its last stages are."""
    if stop is None:
        end = Instant(now.value + size, now.time + size)
        return end, size, end.time
    return stop, stop.time - before, control.beside(stop.value, -1.0) if stop.jump else stop.time


def _errors(step: Step, x: Tensor, control: Control) -> Tensor:
    """Return the local error over its tolerance; infinite where the state is no number."""
    with torch.no_grad():
        assert step.error is not None
        errors = control.norm(step.error / sizes(x, step.end, control.rtol, control.atol))
        return torch.where(torch.isfinite(errors), errors, torch.inf)


def _too_short(stepper: Stepper, t: float, size: float, x: Tensor, known: Any) -> SimulationError:
    if isinstance(known, Tensor) and not bool(torch.isfinite(known).all()):
        what = "the Jacobian" if stepper.stiff else "f"
        return SimulationError(f"{what} gives numbers that are not finite at time {t:.6g}, where the state is finite")
    remedy = (
        f"the tolerance may be too small for {str(x.dtype).removeprefix('torch.')}: take a larger one, or float64"
        if stepper.stiff
        else "take a stiff method (rodas5p) if the problem is stiff, and name the times at which f jumps in jump_t"
    )
    other = ", or its algebraic Jacobian singular (index 2 and more)" if stepper.algebraic else ""
    return SimulationError(
        f"{stepper.name} does not converge at time {t:.6g}: no step is short enough, and {size:.2g} was "
        f"the last. The solution may become infinite there{other}; otherwise, {remedy}"
    )


def _no_event(t: float, taken: int) -> SimulationError:
    return SimulationError(
        f"the event has not come until time {t:.6g}, after {taken} steps; give a last time if it need not come, or "
        "raise max_num_steps if it comes later"
    )


def _too_many(stepper: Stepper, t: float, size: float, taken: int, control: Control) -> SimulationError:
    if size >= control.reach / 2.0:
        return SimulationError(
            f"{taken} steps from one time to the next have come to time {t:.6g}: no step is longer than the smallest "
            f"delay, {control.reach:.2g}; leave out a delay that is so short, or raise max_num_steps"
        )
    remedy = "" if stepper.stiff else ", take a stiff method (rodas5p) if the problem is stiff,"
    return SimulationError(
        f"{stepper.name} does not converge: {taken} steps from one time to the next have come to time "
        f"{t:.6g}, and the last was {size:.2g} long; take larger tolerances{remedy} or raise max_num_steps"
    )


def fixed(
    stepper: Stepper,
    x: Tensor,
    begin: Instant,
    stops: Sequence[Stop],
    control: Control,
    calls: Callbacks,
    open_end: bool,
) -> Iterator[Segment]:
    """Take steps of even length from stop to stop, and on without end where there is none.

    Parameters
    ----------
    stepper, x, begin, stops, control, calls, open_end
        See `controlled`; of the control, the steps, the options and the direction count alone. Without a number of
        steps there are as many as the greatest length of the options asks for.

    Yields
    ------
    Segment
        The steps.
    """
    most, way, known, now, taken = control.options.step_size, control.direction, None, begin, 0
    before = begin.time
    for stop in stops:
        start, origin, steps = now, before, control.steps
        count = steps if steps is not None else math.ceil(abs(stop.value - now.value) / (most or math.inf) - 1e-9)
        asked = count = max(count, 1)
        if math.isfinite(control.reach):
            count = max(count, math.ceil(abs(stop.value - now.value) / control.reach - 1e-9))
        if (steps is None or count > asked) and count > control.options.max_num_steps:
            limit = f"a step_size of {most:.6g}" if count == asked else f"the smallest delay of {control.reach:.6g}"
            raise InputError(
                f"{limit} asks for {count:.6g} steps from time {start.value:.6g} to {stop.value:.6g}",
                expected=f"{control.options.max_num_steps} steps at most",
                fix=f"{'take a larger step_size' if count == asked else 'leave the delay out'}, or raise max_num_steps",
            )
        whole = stop.time - origin
        length = whole / count
        value = (stop.value - start.value) / count
        for i in range(count):
            if i == count - 1:
                end: Instant = stop
            else:
                end = Instant(start.value + (i + 1) * value, origin + (i + 1) * length)
            last = control.beside(stop.value, -1.0) if end is stop and stop.jump else end.time
            known = stepper.known(before, x) if known is None else known
            segment = _even(stepper, Instant(now.value, before), end, length, x, known, last, calls)
            yield segment
            x, now, before = segment.step.end, end, end.time
            known = known if stepper.holds and i < count - 1 else segment.handed_on
        if stop.jump:
            known, before = None, control.beside(stop.value, 1.0)
            x = stepper.settled(before, x, control.rtol, control.atol)
    while open_end:
        assert most is not None
        most = min(most, control.reach)
        if taken >= control.options.max_num_steps:
            raise _no_event(now.value, taken)
        end = Instant(now.value + way * most, now.time + way * most)
        segment = _even(stepper, Instant(now.value, before), end, way * most, x, known, end.time, calls)
        yield segment
        taken += 1
        x, now, before, known = segment.step.end, end, end.time, segment.handed_on


def _even(
    stepper: Stepper,
    begin: Instant,
    end: Instant,
    length: Time,
    x: Tensor,
    known: Any,
    last: Time,
    calls: Callbacks,
) -> Segment:
    known = stepper.known(begin.time, x) if known is None else known
    calls.step(begin.value, x, end.value - begin.value)
    step = stepper.step(begin.time, x, length, known, last)
    return Segment(stepper, begin, end, length, x, known, step)
