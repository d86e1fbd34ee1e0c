"""A solution along the times that are asked for: states there, an event, and what was seen on the way."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.changes import Changes
from asm_hybrid.solver.events import Found, Values, Watch
from asm_hybrid.solver.march import Callbacks, Control, Instant, Segment, Stop, controlled, fixed
from asm_hybrid.solver.steppers import Slopes, Stepper, drift

__all__ = ["Path", "Way", "interpolated", "timelike", "travel"]


def timelike(times: Any, x0: Tensor) -> Tensor:
    """Return times as a tensor.

    Parameters
    ----------
    times : Tensor or sequence of float
        What a user has given.
    x0 : Tensor, shape (…, n)
        The initial state.

    Returns
    -------
    Tensor
        Where the state is, at least as precise as the times and the state, and in single precision at least.

    Raises
    ------
    InputError
        When they are no real numbers.
    """
    if not isinstance(times, Tensor):
        try:
            times = times if hasattr(times, "__array__") or not isinstance(times, Iterable) else list(times)
            if isinstance(times, list) and any(isinstance(t, Tensor) for t in times):
                times = torch.stack([torch.as_tensor(t, dtype=torch.float64) for t in times])
            else:
                times = torch.as_tensor(times, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise InputError("the times are no numbers", expected="a tensor or a sequence of numbers (k,)") from None
    if times.is_complex() or times.dtype == torch.bool:
        raise InputError(f"the times have type {times.dtype}", expected="real numbers")
    if not times.is_floating_point():
        times = times.to(torch.float64)
    return cast(
        Tensor, times.to(x0.device, torch.promote_types(times.dtype, torch.promote_types(x0.dtype, torch.float32)))
    )


@dataclass(frozen=True)
class Way:
    """The times.

    Attributes
    ----------
    values : tuple of float
        Times of the states, in order; the last is infinite where the solution goes on until an event.
    times : Tensor, shape (k,)
        The same, as a tensor that may carry gradients.
    direction : float
        One, or minus one where they run backwards.
    """

    values: tuple[float, ...]
    times: Tensor
    direction: float

    @staticmethod
    def of(times: Tensor, event: bool) -> Way:
        """Check the order of times, and read them."""
        if times.dim() != 1 or len(times) < 1:
            raise InputError(f"the times have shape {tuple(times.shape)}", expected="(k,), with one time at least")
        values = times.detach().tolist()
        if any(math.isnan(v) for v in values) or any(math.isinf(v) for v in values[: -1 if event else None]):
            raise InputError("a time is not finite", expected="finite times; the last may be infinite with an event")
        if event and len(values) == 1:
            values.append(math.inf)
        rises = [b - a for a, b in pairwise(values)]
        if any(r > 0.0 for r in rises) and any(r < 0.0 for r in rises):
            raise InputError("the times neither ascend nor descend", expected="times in order, forwards or backwards")
        return Way(tuple(values), times, -1.0 if any(r < 0.0 for r in rises) else 1.0)

    @property
    def carries(self) -> bool:
        """Whether the times carry gradients."""
        return self.times.requires_grad and torch.is_grad_enabled()

    def instant(self, i: int) -> Instant:
        """Return a time."""
        return Instant(self.values[i], self.times[i] if self.carries else self.values[i])

    @property
    def open(self) -> bool:
        """Whether there is no last time."""
        return math.isinf(self.values[-1])

    def stops(self, control: Control, all_times: bool, kinks: Sequence[Stop] = ()) -> list[Stop]:
        """Return where steps end: at the last time, or at all; where the options say, and at kinks."""
        finite = [i for i, v in enumerate(self.values) if math.isfinite(v) and v != self.values[0]]
        chosen = finite if all_times else finite[-1:]
        found = {self.values[i]: Stop(self.instant(i).value, self.instant(i).time) for i in reversed(chosen)}
        last = self.direction * self.values[-1]
        for jump, extra in ((False, control.options.step_t), (True, control.options.jump_t)):
            for t in extra:
                if self.direction * self.values[0] < self.direction * t <= last:
                    found[t] = Stop(t, found[t].time if t in found else t, jump)
        for kink in kinks:
            found[kink.value] = replace(kink, jump=kink.value in found and found[kink.value].jump)
        return [found[t] for t in sorted(found, reverse=self.direction < 0.0)]


@dataclass
class Path:
    """A solution.

    Attributes
    ----------
    values : list of float
        Times of the states.
    states : list of Tensor, shape (…, n)
        States there; the last is that of the event where one has come.
    steps : int
        Steps that were taken.
    found : Found or None
        The event.
    watch : Watch or None
        What found it.
    segments : list of Segment
        All steps, where they were asked for.
    """

    values: list[float]
    states: list[Tensor]
    steps: int = 0
    found: Found | None = None
    watch: Watch | None = None
    segments: list[Segment] = field(default_factory=list)

    def within(self, when: Instant, direction: float) -> Tensor:
        """Return the state at a time, from the steps that were kept; where states jump, the one before the jump."""
        first, last, t = self.values[0], self.values[-1], when.value
        if not direction * first <= direction * t <= direction * last:
            raise InputError(f"the time {t} is outside of the solution", expected=f"a time from {first} to {last}")
        if not self.segments:
            return self.states[0]
        begins = [direction * s.begin.value for s in self.segments]
        segment = self.segments[max(0, bisect_left(begins, direction * t) - 1)]
        held = not isinstance(segment.begin.time, Tensor) and not isinstance(when.time, Tensor)
        return segment.x if t == segment.begin.value and held else segment.at(when)


def travel(
    stepper: Stepper,
    x0: Tensor,
    way: Way,
    control: Control,
    calls: Callbacks,
    *,
    event: Values | Changes | None = None,
    keep: list[Segment] | None = None,
    kinks: Sequence[Stop] = (),
) -> Path:
    """Solve along the times.

    Parameters
    ----------
    stepper : Stepper
        The method.
    x0 : Tensor, shape (…, n)
        The initial state.
    way : Way
        The times.
    control : Control
        Tolerances, options, and whether steps are fixed.
    calls : Callbacks
        What to call at steps.
    event : callable or Changes, optional
        Ends the solution, or changes it.
    keep : list of Segment, optional
        Where to keep the steps.
    kinks : sequence of Stop
        Where f has kinks, at which steps end.

    Returns
    -------
    Path
        The solution up to the last time, or to the event that ends it.
    """
    begin = way.instant(0)
    x0 = stepper.settled(begin.time, x0, control.rtol, control.atol)
    path = Path([begin.value], [x0], segments=[] if keep is None else keep)
    changes = event if isinstance(event, Changes) else None
    watch = path.watch = None if event is None else _watching(event, begin, x0)
    stops = way.stops(control, control.fixed or way.carries or not stepper.interpolates, kinks)
    march = fixed if control.fixed else controlled
    segments = march(stepper, x0, begin, stops, control, calls, way.open)
    i, count = 1, len(way.values)
    i = _repeated(path, way, i, stepper.rate)
    while i < count:
        segment = next(segments)
        path.steps += 1
        if watch is not None and watch.waits:
            watch.leave_zero(segment)
        if keep is not None:
            keep.append(segment)
        i, found = _along(path, way, i, segment, watch, stepper.rate)
        if found is None:
            continue
        if changes is None or watch is None or changes.ends(found, watch):
            return _ended(path, found)
        i = _before(path, way, i, found, stepper.rate)
        begin, x, onward = changes.onward(watch, found, stepper, control, i)
        if onward is None:
            return _ended(path, Found(begin, x, jump=True))
        watch = path.watch = onward
        begin, stops = _again(begin, stops, control)
        segments = march(stepper, x, begin, stops, control, calls, way.open)
    if watch is not None and count > 1:
        ending = None if changes is None else changes.ending
        found = watch.at_the_end(way.instant(count - 1), path.states[-1], stepper.rate, control, ending)
        if found is not None:
            last = way.direction * way.values[-1]
            keep_until = sum(way.direction * v < last for v in path.values)
            path.values, path.states = path.values[:keep_until], path.states[:keep_until]
            return _ended(path, found)
    return path


def _watching(event: Values | Changes, begin: Instant, x: Tensor) -> Watch:
    return event.watch(begin, x) if isinstance(event, Changes) else Watch(event, begin, x)


def _along(
    path: Path, way: Way, i: int, segment: Segment, watch: Watch | None, rate: Slopes
) -> tuple[int, Found | None]:
    """Add the states at the times within a step, up to an event; return the next time, and the event."""
    count = len(way.values)
    while i < count and way.direction * (segment.end.value - way.values[i]) >= 0.0:
        when = way.instant(i)
        x = segment.step.end if when.value == segment.end.value and _carried(segment, when) else segment.at(when)
        if watch is not None and (found := watch.look(segment, when, x)) is not None:
            return i, found
        path.values.append(when.value)
        path.states.append(x)
        i = _repeated(path, way, i + 1, rate)
    if watch is not None and i < count:
        return i, watch.look(segment, segment.end, segment.step.end)
    return i, None


def _before(path: Path, way: Way, i: int, found: Found, rate: Slopes) -> int:
    """Add the state before an event at times that are its own, and return the next time that is not."""
    if i == len(way.values) or way.values[i] != found.when.value:
        return i
    when, x = way.instant(i), found.state
    if isinstance(when.time, Tensor) or isinstance(found.when.time, Tensor):
        x = drift(rate, found.when.time, x, cast(Tensor, when.time - found.when.time))
    path.values.append(when.value)
    path.states.append(x)
    return _repeated(path, way, i + 1, rate)


def _again(begin: Instant, stops: Sequence[Stop], control: Control) -> tuple[Instant, list[Stop]]:
    """Return where steps begin behind an event, just behind where f jumps there too, and the stops that are left."""
    left = [s for s in stops if control.direction * (s.value - begin.value) > 0.0]
    if any(s.jump and s.value == begin.value for s in stops):
        begin = Instant(begin.value, begin.time + (control.beside(begin.value, 1.0) - begin.value))
    return begin, left


def _carried(segment: Segment, when: Instant) -> bool:
    """Whether the end of a segment carries the gradient of a time and of nothing else, or there is none."""
    end = segment.end
    if isinstance(end.time, Tensor) and (not isinstance(when.time, Tensor) or (isinstance(end, Stop) and end.kink)):
        return False
    return not isinstance(when.time, Tensor) or isinstance(segment.length, Tensor)


def _ended(path: Path, found: Found) -> Path:
    path.found = found
    path.values.append(found.when.value)
    path.states.append(found.state)
    return path


def _repeated(path: Path, way: Way, i: int, rate: Slopes) -> int:
    """Add the state again where a time stands again, and return the next time that does not."""
    while i < len(way.values) and way.values[i] == way.values[i - 1]:
        x, before, again = path.states[-1], way.instant(i - 1), way.instant(i)
        if isinstance(again.time, Tensor) and isinstance(before.time, Tensor):
            x = drift(rate, before.time, x, again.time - before.time)
        path.values.append(again.value)
        path.states.append(x)
        i += 1
    return i


def interpolated(path: Path, direction: float) -> Callable[[Sequence[Instant]], Tensor]:
    """Return what gives states at any times.

    Parameters
    ----------
    path : Path
        A solution whose steps were kept.
    direction : float
        One, or minus one where times run backwards.

    Returns
    -------
    callable
        From a sequence of k times within the solution to states, ``(k, …, n)``.
    """
    return lambda times: torch.stack([path.within(when, direction) for when in times])
