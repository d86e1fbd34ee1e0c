"""Events: where a function of time and state changes its sign along a solution [1]_.

The sign is looked at wherever the solution is known: at the end of every step and at every returned time. Where it has
changed, the last step is taken again from its begin, with lengths between, until the sign changes within rounding: the
time is then as good as the method's steps, whatever the method.

References
----------
.. [1] R. T. Q. Chen, B. Amos, M. Nickel (2021), "Learning Neural Event Functions for Ordinary Differential Equations",
   ICLR, https://arxiv.org/abs/2011.03902.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.march import Control, Instant, Segment
from asm_hybrid.solver.stepoptions import sizes
from asm_hybrid.solver.steppers import Slopes, Time, drift

__all__ = ["Found", "Values", "Watch", "differentiable", "open_of"]

NEAR_THE_END = 10.0
"""How far from its sign change an event at the last time may be, in what the tolerances leave open in the state."""

TRIES = 12
"""Tries to come to the near side of an event, from a time that is right within rounding."""

HALVINGS = 10
"""How often a step is halved to see which sign a value takes that was zero at its begin."""

Values = Callable[[Time, Tensor], Tensor]
"""Values that have a sign, ``(k,)``, from a time and a state as it is laid out."""


@dataclass(frozen=True)
class Found:
    """An event.

    Attributes
    ----------
    when : Instant
        When.
    state : Tensor, shape (…, n)
        The state then.
    jump : bool
        Whether the values jump over zero there, so that their slopes do not tell how the time moves.
    which : int or None
        Which of the values it is; None where the values tell.
    """

    when: Instant
    state: Tensor
    jump: bool = False
    which: int | None = None


class Watch:
    """Looks for the first change of a sign.

    Parameters
    ----------
    event : callable
        The values.
    begin : Instant
        The first time.
    x : Tensor, shape (…, n)
        The state then.
    falls : bool
        Whether an event is a value that falls below zero, and not one that rises above.
    signs : Tensor, shape (k,), optional
        The signs of the values at the first time, where they are known.

    Attributes
    ----------
    reach : float
        The end of the last step that was looked at.
    """

    def __init__(
        self, event: Values, begin: Instant, x: Tensor, *, falls: bool = False, signs: Tensor | None = None
    ) -> None:
        self.event, self.seen, self.falls, self.reach = event, begin, falls, begin.value
        if signs is None:
            with torch.no_grad():
                values = event(begin.time, x)
            if not bool(torch.isfinite(values).all()):
                raise InputError(
                    "the event function is not a number at the start", expected="a value with a sign there"
                )
            signs = torch.sign(values)
        self.signs = signs

        self.waits = bool((self.signs == 0.0).any())
        self._above = not self.waits

    def leave_zero(self, segment: Segment) -> None:
        """Give values that were zero so far the sign that they have just behind, within a step.

        It is looked for at ever larger parts of the step, so that what comes back to zero within it is an event.
        """
        with torch.no_grad():
            for k in range(HALVINGS, -1, -1):
                length = (segment.end.value - segment.begin.value) * 0.5**k
                when = Instant(segment.begin.value + length, segment.begin.time + length)
                values = self.event(when.time, segment.again(length))
                self.signs = torch.where(self.signs == 0.0, torch.sign(values), self.signs)
                self.waits = bool((self.signs == 0.0).any())
                if bool((values * self.signs > 0.0).all()):
                    self.seen, self._above = when, True
                if not self.waits:
                    return

    def _signed(self, values: Tensor) -> Tensor:
        """Return values times their sign at the start; infinite where they have none yet."""
        return torch.where(self.signs == 0.0, torch.inf, values * self.signs)

    def _least(self, t: Time, x: Tensor) -> float:
        """Return the least of the values, each times its sign at the start: an event has come where it is not above."""
        with torch.no_grad():
            least = float(self._signed(self.event(t, x)).min())
        if np.isnan(least):
            raise SimulationError(f"the event function is not a number at time {float(t):.6g}")
        return least

    def look(self, segment: Segment, when: Instant, x: Tensor) -> Found | None:
        """Return the event if it has come at a time of a segment, with all times before looked at."""
        self.reach = segment.end.value
        if self.falls and bool((self.signs < 0.0).any()):  # zero at the begin, and below behind
            return Found(segment.begin, segment.x, jump=True, which=int(self.signs.argmin()))
        if self._least(when.time, x) > 0.0:
            self.seen, self._above = when, not self.waits
            return None
        begin = segment.begin
        low, high = self.seen.value - begin.value, when.value - begin.value
        if self._above and low == 0.0 and not self._least(begin.time, segment.x) > 0.0:
            return Found(begin, segment.x, jump=True)

        def again(length: float) -> Tensor:
            return segment.again(length)

        def between(length: float) -> Tensor:
            return x if length == high else segment.at(Instant(begin.value + length, begin.time + length))

        with torch.no_grad():
            for state in (
                again,
                between,
            ):  # where the interpolation is not of one mind with the steps, it is asked itself
                found = self._root(state, begin, low, high)
                if found is not None:
                    break
        found = high if found is None else found
        return Found(Instant(begin.value + found, begin.time + found), state(found))

    def _root(self, state: Callable[[float], Tensor], begin: Instant, low: float, high: float) -> float | None:
        """Return the length after which the sign changes; None where the ends have the same."""
        from scipy.optimize import brentq

        def value(length: float) -> float:
            return self._least(begin.time + length, state(length))

        if not value(low) > 0.0 or value(high) > 0.0:
            return None
        resolution = 4.0 * float(np.spacing(max(abs(begin.value), abs(high))))

        found = float(brentq(value, low, high, xtol=resolution, rtol=4.0 * np.finfo(float).eps))
        for k in range(TRIES):  # the state of an event is not beyond it
            if value(found) >= 0.0:
                return found
            found = max(low, found - resolution * 2.0**k) if high > low else min(low, found + resolution * 2.0**k)
        return found

    def at_the_end(
        self, when: Instant, x: Tensor, rate_of: Slopes, control: Control, only: Sequence[int] | None = None
    ) -> Found | None:
        """Return an event that comes at the last time, as far as the tolerances can tell; of some values alone."""
        for k, (value, by_time, by_state) in enumerate(_slopes(self.event, when, x, control)):
            sign = float(self.signs[k])
            with torch.no_grad():
                rate = sign * (float((by_state * rate_of(when.time, x)).sum()) + by_time)
                open_ = _open(by_state, x, control) + abs(rate) * 4.0 * float(np.spacing(abs(when.value)))
            fits = only is None or k in only
            if fits and rate * control.direction < 0.0 and sign * value <= NEAR_THE_END * open_:
                return Found(when, x, which=k)
        return None

    def which(self, found: Found) -> int:
        """Return which of the values has changed its sign."""
        if found.which is not None:
            return found.which
        with torch.no_grad():
            return int(self._signed(self.event(found.when.time, found.state)).argmin())


def _slopes(event: Values, when: Instant, x: Tensor, control: Control) -> list[tuple[float, float, Tensor]]:
    """Return every value with its slopes in time and state; none where nothing carries gradients."""
    with torch.enable_grad():
        t = torch.as_tensor(when.value, dtype=control.dtype, device=x.device).requires_grad_()
        at = x.detach().requires_grad_()
        values = event(t, at)
        if not values.requires_grad:
            return []
        found = []
        for value in values:
            by_time, by_state = torch.autograd.grad(value, (t, at), retain_graph=True, allow_unused=True)
            state = torch.zeros_like(at) if by_state is None else by_state
            found.append((float(value.detach()), 0.0 if by_time is None else float(by_time), state))
    return found


def _open(by_state: Tensor, x: Tensor, control: Control) -> float:
    """Return what the tolerances leave open in a value."""
    return float((by_state.abs() * sizes(x.detach(), x.detach(), control.rtol, control.atol)).sum())


def open_of(event: Values, which: int, when: Instant, x: Tensor, control: Control) -> float:
    """Return what the tolerances of the state leave open in a value of an event.

    Parameters
    ----------
    event : callable
        The values.
    which : int
        Which of them.
    when : Instant
        When.
    x : Tensor, shape (…, n)
        The state then.
    control : Control
        The tolerances.

    Returns
    -------
    float
    """
    found = _slopes(event, when, x, control)
    return _open(found[which][2], x, control) if found else 0.0


def differentiable(watch: Watch, found: Found, rate_of: Slopes, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return time and state of an event with first and second derivatives, and unchanged in value.

    Two steps of Newton's iteration with a held slope, along the solution: the first has the first derivative of the
    time, the second its second derivative.

    Parameters
    ----------
    watch : Watch
        What found the event.
    found : Found
        The event.
    rate_of : callable
        dx/dt, on states as they are laid out.
    dtype : torch.dtype
        Type of the time.

    Returns
    -------
    time : Tensor, shape ()
        The time.
    state : Tensor, shape (…, n)
        The state.
    """
    which, time, state = watch.which(found), found.when.time, found.state
    plain = torch.as_tensor(found.when.value, dtype=dtype, device=state.device)
    with torch.enable_grad():
        t, x = plain.clone().requires_grad_(), state.detach().requires_grad_()
        value = watch.event(t, x)[which]
        slopes = torch.autograd.grad(value, (t, x), allow_unused=True) if value.requires_grad else (None, None)
    with torch.no_grad():
        by_time, by_state = slopes
        rate = torch.zeros_like(plain) if by_time is None else by_time
        if by_state is not None:
            rate = rate + (by_state * rate_of(plain, x)).sum().to(dtype)
    when = time if isinstance(time, Tensor) else plain
    if not torch.is_grad_enabled() or found.jump or not bool(rate != 0.0):
        return when.detach().clone() if not torch.is_grad_enabled() else when, state
    value = watch.event(when, state)[which]
    moved = (value.detach() - value).to(dtype) / rate
    value = watch.event(when + moved, drift(rate_of, when, state, moved))[which]
    moved = moved + (value.detach() - value).to(dtype) / rate
    return when + moved, drift(rate_of, when, state, moved)
