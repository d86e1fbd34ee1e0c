"""Constant delays: the method of steps on the interpolation of the steps that were taken [1]_, [2]_.

No step is longer than the smallest delay, so that what f asks for lies behind its begin, and explicit methods stay
explicit. Where the solution starts it has a kink, which comes back a delay later with one more derivative that is
smooth, and so on: steps end there up to the order of the method, which is kept so. These ends move with the delays, and
so does the gradient: it is that of the discrete solution, with respect to the delays too.

References
----------
.. [1] A. Bellen, M. Zennaro (2003), "Numerical Methods for Delay Differential Equations", Oxford University Press,
   chapters 3 (the method of steps), 4 (breaking points) and 6 (order: that of the interpolation plus one, at most that
   of the method), https://doi.org/10.1093/acprof:oso/9780198506546.001.0001.
.. [2] E. Hairer, S. P. Nørsett, G. Wanner (1993), "Solving Ordinary Differential Equations I", second edition,
   Springer, section II.17.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.butcher import TABLEAUS
from asm_hybrid.solver.march import Instant, Segment, Stop
from asm_hybrid.solver.path import Way
from asm_hybrid.solver.states import Layout, State
from asm_hybrid.solver.stepoptions import MOST_STEPS, StepOptions
from asm_hybrid.solver.steppers import Slopes, Step, Stepper, Time, as_number
from asm_hybrid.solver.tableaus import METHODS as STIFF

__all__ = ["WITHOUT", "Delayed", "Delays", "History", "Past", "check_bears_delays", "past_of"]

WITHOUT = ("dopri8", "rodas5p")
"""Methods whose steps have no interpolation of their order here."""

ROUNDING = 1e-12
"""Share of a time within which two times are the same [-]: sums of delays are rounded."""


@dataclass(frozen=True)
class Delays:
    """Delays as they were given.

    Attributes
    ----------
    lengths : tuple of Instant
        Each as a number, and as what carries its gradient.
    several : bool
        Whether they stand along an axis.
    """

    lengths: tuple[Instant, ...]
    several: bool

    @staticmethod
    def of(given: Any, device: torch.device) -> Delays:
        """Check delays, and read them."""
        several = isinstance(given, list | tuple) or (isinstance(given, Tensor) and given.dim() > 0)
        if isinstance(given, Tensor) and given.dim() > 1:
            raise InputError(
                f"'delays' has shape {tuple(given.shape)}",
                expected="one delay (), or delays (d,) that the whole batch shares",
                fix="solve elements of a batch with delays of their own one by one",
            )
        parts = list(given) if several else [given]
        if not parts:
            raise InputError("'delays' is empty", expected="one delay at least", fix="remove 'delays' for an ODE")
        return Delays(tuple(_length(part, i if several else None, device) for i, part in enumerate(parts)), several)

    @property
    def least(self) -> float:
        """The smallest."""
        return min(tau.value for tau in self.lengths)

    @property
    def greatest(self) -> float:
        """The largest."""
        return max(tau.value for tau in self.lengths)

    @property
    def shape(self) -> tuple[int, ...]:
        """The axis in front of lagged states, if there is one."""
        return (len(self.lengths),) if self.several else ()


def _length(given: Any, i: int | None, device: torch.device) -> Instant:
    """Return a delay; refuse what is none."""
    name = "the delay" if i is None else f"delay {i}"
    if callable(given) and not isinstance(given, Tensor):
        raise InputError(
            f"{name} is a function: delays that depend on time or state are not solved",
            expected="constant lengths above zero",
            fix="give a number, or a tensor whose gradient is wanted",
        )
    if isinstance(given, bool | str) or given is None:
        raise InputError(f"{name} is {given!r}", expected="a length above zero")
    try:
        found = given if isinstance(given, Tensor) else torch.as_tensor(given, dtype=torch.float64)
        if found.is_complex() or found.numel() != 1 or found.dtype == torch.bool:
            raise ValueError
        found = found.to(device, torch.float64).reshape(())
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{name} is no real number: {given!r}", expected="a length above zero") from None
    value = float(found.detach())
    if not 0.0 < value < math.inf:
        fix = {0.0: "f has the present state already: leave the delay out"}.get(value)
        if value < 0.0:
            fix = "write what lies a time tau back as a delay of +tau; the future cannot be asked for"
        raise InputError(f"{name} is {value:g}", expected="a finite length above zero", fix=fix)
    return Instant(value, found if isinstance(given, Tensor) else value)


class History:
    """States before the start.

    Parameters
    ----------
    given : callable or State
        From a time to a state, or a state that was constant.
    layout : Layout
        How states are laid out.
    way : Way
        The times of the solution.
    delays : Delays
        How far it is asked back.
    """

    def __init__(self, given: Any, layout: Layout, way: Way, delays: Delays) -> None:
        self.layout, self.times, self.begin = layout, way.times, way.values[0]
        self.earliest = self.begin - delays.greatest
        self._of: Callable[[Tensor], State] | None = None
        self._constant: Tensor | None = None
        if callable(given) and not isinstance(given, Tensor):
            self._of = given
        else:
            self._constant = self._checked(given, self.begin)
        with torch.no_grad():
            for t in (*(self.begin - tau.value for tau in delays.lengths), math.nextafter(self.begin, -math.inf)):
                self.at(t)

    def at(self, t: Time) -> Tensor:
        """Return the state at a time, laid out."""
        if self._of is None:
            assert self._constant is not None
            return self._constant
        at = t.to(self.times.dtype) if isinstance(t, Tensor) else torch.full_like(self.times[0], t)
        try:
            found = self._of(at)
        except Exception as error:
            raise self._refused(f"the history fails at time {as_number(t):.6g}: {error}") from error
        return self._checked(found, as_number(t))

    def _checked(self, given: Any, t: float) -> Tensor:
        when = f"at time {t:.6g}, " if self._of is not None else ""
        try:
            found = self.layout.pack(given, f"{when}the history has")
        except InputError as error:
            raise self._refused(error.found, "a state of the shape of the initial one, at every time") from None
        if not bool(torch.isfinite(found.detach()).all()):
            raise self._refused(f"{when}the history has numbers that are not finite")
        return found

    def _refused(self, found: str, expected: str = "") -> InputError:
        return InputError(
            found,
            where="history",
            expected=expected
            or f"a state at every time from {self.earliest:.6g}, the largest delay before the start, to "
            f"{self.begin:.6g}",
            fix="let the history reach as far back, or take shorter delays; history=x0 is one that was constant",
        )


class Past:
    """What lies behind: the history, and the steps that were taken.

    Parameters
    ----------
    delays : Delays
        How far f looks back.
    history : History
        States before the start.
    layout : Layout
        How states are laid out.
    kinks : tuple of Stop
        Where steps end.
    bounds : tuple of float
        Times between which the solution is smooth, in order: no step looks over one of them.

    Attributes
    ----------
    delays, history, layout, kinks, bounds
        As above.
    segments : list of Segment
        The steps that were taken.
    """

    def __init__(
        self,
        delays: Delays,
        history: History,
        layout: Layout,
        kinks: tuple[Stop, ...],
        bounds: tuple[float, ...],
    ) -> None:
        self.delays, self.history, self.layout, self.kinks, self.bounds = delays, history, layout, kinks, bounds
        self.segments: list[Segment] = []
        self._middle: float | None = None

    @contextmanager
    def during(self, t: Time, h: Time) -> Iterator[None]:
        """Within a step, look at that side of a kink on which the middle of the step looks."""
        self._middle = as_number(t) + 0.5 * as_number(h)
        try:
            yield
        finally:
            self._middle = None

    def lags(self, t: Time) -> State:
        """Return the states a delay before a time, along an axis in front where there are several delays."""
        found = [self._lag(t, tau) for tau in self.delays.lengths]
        return self.layout.unpack(torch.stack(found) if self.delays.several else found[0])

    def _lag(self, t: Time, tau: Instant) -> Tensor:
        now = as_number(t)
        at = now - tau.value
        near = ROUNDING * (abs(now) + tau.value)
        until = self.segments[-1].end.value if self.segments else self.history.begin
        behind = min(at, until - 2.0 * near) + near  # between steps, look on from a kink, if that is known already
        piece = bisect_right(self.bounds, behind if self._middle is None else self._middle - tau.value)
        low = self.bounds[piece - 1] if piece else -math.inf
        high = self.bounds[piece] if piece < len(self.bounds) else math.inf
        lag = t - tau.time
        if high <= self.history.begin:
            inner = min(max(at, math.nextafter(low, math.inf)), math.nextafter(high, -math.inf))
            return self.history.at(lag if inner == at else lag + (inner - at))
        first = bisect_left(self.segments, low, key=_begin)
        last = bisect_left(self.segments, high, key=_begin) - 1
        segment = self.segments[min(max(bisect_right(self.segments, at, key=_begin) - 1, first), last)]
        assert segment.begin.value - near <= at <= segment.end.value + near, "f looks beyond what is known"
        place = (lag - segment.begin.time) / segment.length
        known = (segment.known, segment.step.known)
        return segment.stepper.within(segment.step, segment.x, known, segment.length, place)


def _begin(segment: Segment) -> float:
    return segment.begin.value


def past_of(
    delays: Any, history: Any, layout: Layout, way: Way, options: StepOptions, method: str, mass: Any
) -> Past | None:
    """Check delays and history, and return what lies behind; None without delays.

    Parameters
    ----------
    delays : float, Tensor or sequence of these, or None
        Constant delays.
    history : callable or State, or None
        From a time to a state, or a state that was constant.
    layout : Layout
        How states are laid out.
    way : Way
        The times.
    options : StepOptions
        Options of the steps; their jumps come back after the delays.
    method : str
        The method.
    mass : array or Tensor, or None
        A mass matrix, which cannot stand beside delays.

    Returns
    -------
    Past or None

    Raises
    ------
    InputError
        When delays, history, times or method cannot be used together.
    """
    if delays is None:
        if history is not None:
            raise InputError("'history' is given without 'delays'", fix="give delays=…, or remove 'history'")
        return None
    if mass is not None:
        raise InputError(
            "'mass' and 'delays' are given: a mass matrix before dx/dt is not solved with delays",
            expected="one of them",
            fix="divide f by M where it is regular; else solve the algebraic equations within f, or write the delay as "
            "a chain of lags",
        )
    if history is None:
        raise InputError(
            "'delays' is given without 'history'",
            expected="the states before the start, as a function of time or a constant state",
            fix="history=x0 is one that was constant",
        )
    check_bears_delays(method)
    if way.direction < 0.0:
        raise InputError(
            "the times descend, and delays are given: f would look at states that are not known yet",
            expected="ascending times",
            fix="solve forwards; substitute t -> -t for an equation that looks ahead",
        )
    found = Delays.of(delays, layout.device)
    if options.min_step > found.least:
        raise InputError(
            f"options['min_step'] is {options.min_step:g}, above the smallest delay of {found.least:g}",
            expected="steps that may be as short as the smallest delay",
        )
    order = STIFF[method].order if method in STIFF else TABLEAUS[method].order
    kinks, bounds = _kinks(found, way, options, order)
    return Past(found, History(history, layout, way, found), layout, kinks, bounds)


def check_bears_delays(method: str, where: str | None = None) -> None:
    """Refuse a method that cannot be used with delays.

    Parameters
    ----------
    method : str
        Its name.
    where : str, optional
        Where it is written, for messages.
    """
    if method in WITHOUT:
        raise InputError(
            f"{method} is used with delays, and has no interpolation of its order",
            where=where,
            fix="use dopri5 or tsit5" if method == "dopri8" else "use rodas4 or ros34pw2",
        )


def _kinks(delays: Delays, way: Way, options: StepOptions, order: int) -> tuple[tuple[Stop, ...], tuple[float, ...]]:
    """Return where the solution has kinks up to the order, and between which times no step looks over one.

    Kinks start where the solution starts and where f or the history jumps, and come back after every delay. Two sums of
    delays at the same time are one kink, and where a step ends anyhow it has that end's time.
    """
    begin, end = way.instant(0), way.values[-1]
    jumps = [Instant(t, t) for t in options.jump_t if begin.value - delays.greatest <= t < end]
    ends = sorted({*way.values, *options.step_t, *options.jump_t})
    front: list[Instant] = [begin, *(jump for jump in jumps if jump.value != begin.value)]
    seen, kinks = sorted(origin.value for origin in front), []
    bounds = tuple(seen)
    for _ in range(order):
        bounds, behind = tuple(seen), []
        for origin in front:
            for tau in delays.lengths:
                value = origin.value + tau.value
                near = ROUNDING * (abs(value) + tau.value)
                value = _same(ends, value, near, value)
                if not begin.value + near < value <= end or _same(seen, value, near) is not None:
                    continue
                behind.append(Stop(value, origin.time + tau.time, kink=True))
                seen.insert(bisect_left(seen, value), value)
        kinks += behind
        front = [*behind]
        if len(kinks) > MOST_STEPS:
            raise InputError(
                f"{len(delays.lengths)} delays have more than {MOST_STEPS} sums at which steps end",
                expected="fewer delays, or a method of lower order",
            )
    return tuple(kinks), bounds


def _same(ordered: Sequence[float], value: float, near: float, default: float | None = None) -> Any:
    """Return what is the same within rounding."""
    i = bisect_left(ordered, value - near)
    return ordered[i] if i < len(ordered) and ordered[i] <= value + near else default


class Delayed:
    """A method whose f looks back.

    Parameters
    ----------
    inner : Stepper
        The method.
    past : Past
        What lies behind.

    Attributes
    ----------
    f, name, order, stiff, interpolates, holds, algebraic
        As in `asm_hybrid.solver.steppers.Stepper`.
    """

    f: Slopes
    name: str
    order: int
    stiff: bool
    interpolates: bool
    holds: bool
    algebraic: bool

    def __init__(self, inner: Stepper, past: Past) -> None:
        self.inner, self.past = inner, past
        self.f, self.name, self.order, self.stiff = inner.f, inner.name, inner.order, inner.stiff
        self.interpolates, self.holds, self.algebraic = inner.interpolates, inner.holds, inner.algebraic

    def known(self, t: Time, x: Tensor) -> Any:
        """Return what the method knows at a begin."""
        return self.inner.known(t, x)

    def step(self, t: Time, x: Tensor, h: Time, known: Any, last: Time) -> Step:
        """Take a step, and work out the slope at its end, which the interpolation of explicit methods needs."""
        with self.past.during(t, h):
            step = self.inner.step(t, x, h, known, last)
            if step.known is None and not self.stiff:
                step = replace(step, known=self.inner.known(last, step.end))
        return step

    def within(self, step: Step, x: Tensor, known: tuple[Any, Any], h: Time, place: Time) -> Tensor:
        """Interpolate."""
        return self.inner.within(step, x, known, h, place)

    def rate(self, t: Time, x: Tensor) -> Tensor:
        """Return dx/dt along a solution."""
        return self.inner.rate(t, x)

    def settled(self, t: Time, x: Tensor, rtol: float | Tensor, atol: float | Tensor) -> Tensor:
        """Return a state from which steps can begin."""
        return self.inner.settled(t, x, rtol, atol)
