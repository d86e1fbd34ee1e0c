"""Events that change a solution, which then goes on: resets of the state, and modes that switch the equation.

An event waits while its value is above zero, and comes when the value falls below. The state, its time and what follows
carry the gradient of the event's time: with f before the change up to it, and f behind the change from there on, which
is the saltation matrix [1]_. Where infinitely many events come in a finite time, there is no solution of this kind
[2]_: the solver names such an event.

References
----------
.. [1] R. I. Leine, H. Nijmeijer (2004), "Dynamics and Bifurcations of Non-Smooth Mechanical Systems", Springer,
   chapter 7 (saltation matrix), https://doi.org/10.1007/978-3-540-44398-8.
.. [2] R. Goebel, R. G. Sanfelice, A. R. Teel (2009), "Hybrid dynamical systems", IEEE Control Systems Magazine 29(2),
   28-93, https://doi.org/10.1109/MCS.2008.931718 (Zeno solutions).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.events import Found, Values, Watch, differentiable, open_of
from asm_hybrid.solver.march import Control, Instant
from asm_hybrid.solver.states import State
from asm_hybrid.solver.steppers import Stepper, Time

__all__ = ["Change", "Changes", "Event", "Happened"]

Change = Callable[[Time, Tensor], Tensor]
"""The state behind an event, from its time and the state before, as states are laid out."""

AS_GOOD_AS_NOW = 1e-6
"""Share of the time since the start that is left until events accumulate, below which they are refused."""

IN_A_ROW = 12
"""Distances between events, each shorter than the last, that show that they accumulate."""

DENSE, MANY = 1e-8, 50
"""Events that chatter: so many in a row, no further apart than this share of the time since the start."""


@dataclass(frozen=True)
class Event:
    """Something that happens where a value falls below zero.

    Attributes
    ----------
    value : callable
        From time and state to one number. The event waits while it is above zero, and comes when it falls below.
    change : callable, optional
        From time and state to the state behind the event, from which the solution goes on. A mode that the equation
        depends on is a state whose slope is zero. Without a change, the solution ends at the event.
    name : str, optional
        What messages call it.

    Examples
    --------
    A ball that leaves the floor with 0.8 of its speed:

    >>> import torch
    >>> from asm_hybrid.solver.changes import Event
    >>> from asm_hybrid.solver.solve import solve
    >>> floor = Event(lambda t, x: x[0], lambda t, x: torch.stack([x[0], -0.8 * x[1]]), "floor")
    >>> x0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
    >>> found = solve(lambda t, x: torch.stack([x[1], -9.81 + 0.0 * x[0]]), x0, [0.0, 1.0], event=floor)
    >>> [round(float(e.time), 3) for e in found.events]
    [0.452]
    """

    value: Callable[..., Any]
    change: Callable[..., Any] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if not callable(self.value) or not (self.change is None or callable(self.change)):
            raise InputError(
                "the value or the change of an event cannot be called",
                expected="functions (t, x)",
                fix="ah.Event(lambda t, x: x[0], change=lambda t, x: -x)",
            )


@dataclass(frozen=True)
class Happened:
    """An event that has come, and has changed the solution.

    Attributes
    ----------
    index : int
        Which of the events, from zero on.
    name : str
        What messages call it.
    time : Tensor, shape ()
        When.
    before, after : Tensor, shape (…, n), or tuple of these
        The state before and behind its change.
    """

    index: int
    name: str
    time: Tensor
    before: State
    after: State


@dataclass
class Changes:
    """The events of a solution, and those that have come.

    Attributes
    ----------
    names : sequence of str
        What messages call them.
    values : callable
        Their values ``(k,)``, from time and state as it is laid out.
    changes : sequence of callable or None
        Their changes, on states as they are laid out; None for an event that ends the solution.
    unpacked : callable
        From a state as it is laid out to the user's.
    begin, end : float
        First and last time; the last may be infinite.
    happened : list of Happened
        What has come.
    """

    names: Sequence[str]
    values: Values
    changes: Sequence[Change | None]
    unpacked: Callable[[Tensor], State]
    begin: float
    end: float
    happened: list[Happened] = field(default_factory=list)
    _times: dict[int, list[float]] = field(default_factory=dict)
    _since: tuple[int, int] = (0, 0)

    @property
    def ending(self) -> list[int]:
        """Which of the events end the solution."""
        return [k for k, change in enumerate(self.changes) if change is None]

    def ends(self, found: Found, watch: Watch) -> bool:
        """Return whether an event ends the solution."""
        return self.changes[watch.which(found)] is None

    def watch(self, begin: Instant, x: Tensor) -> Watch:
        """Return what looks for the first event, from the start on.

        Raises
        ------
        InputError
            When a value is below zero there.
        """
        watch = Watch(self.values, begin, x, falls=True)
        for k, sign in enumerate(watch.signs.tolist()):
            if sign < 0.0:
                raise InputError(
                    f"the value of {self.names[k]} is below zero at the start, time {begin.value:.6g}",
                    expected="zero or more: an event comes when its value falls below zero",
                    fix="begin with the state behind the event, or write its value so that it is above zero while the "
                    "event is waited for, such as m * x with a mode m",
                )
        return watch

    def onward(
        self, watch: Watch, found: Found, stepper: Stepper, control: Control, reached: int
    ) -> tuple[Instant, Tensor, Watch | None]:
        """Change the state at an event, and by all events that this change makes come at the same time.

        Parameters
        ----------
        watch : Watch
            What found the event.
        found : Found
            The event.
        stepper : Stepper
            The method.
        control : Control
            Tolerances and options.
        reached : int
            Returned times so far.

        Returns
        -------
        tuple of Instant, Tensor and Watch
            When the solution goes on, from which state, and what looks for the next event. None in its place when the
            change has brought an event that ends the solution.

        Raises
        ------
        SimulationError
            When events come infinitely often in a finite time.
        """
        time, x = differentiable(watch, found, stepper.rate, control.dtype)
        when = Instant(found.when.value, time if time.requires_grad else found.when.time)
        which, time = watch.which(found), time.to(control.dtype)
        while True:
            change = self.changes[which]
            if change is None:
                return when, x, None
            before = x
            x = stepper.settled(when.time, change(when.time, x), control.rtol, control.atol)
            self._add(Happened(which, self.names[which], time, self.unpacked(before), self.unpacked(x)), when.value)
            self._police(which, watch, control, reached)
            if not bool(torch.isfinite(x.detach()).all()):
                raise SimulationError(
                    f"{self.names[which]} changes the state to numbers that are not finite at time {when.value:.6g}"
                )
            signs, below = self._signs(which, when, x, control)
            if below is None:
                return when, x, Watch(self.values, when, x, falls=True, signs=signs)
            which = below

    def _signs(self, which: int, when: Instant, x: Tensor, control: Control) -> tuple[Tensor, int | None]:
        """Return the signs that values have behind a change, and an event that comes at once."""
        with torch.no_grad():
            values = self.values(when.time, x)
        if not bool(torch.isfinite(values).all()):
            raise SimulationError(f"the value of an event is not a number at time {when.value:.6g}")
        slack = open_of(self.values, which, when, x, control)
        signs = torch.sign(values)
        if -slack <= float(values[which]) < 0.0:  # zero, as far as the tolerances can tell
            signs[which] = 0.0
        if signs[which] < 0.0:
            raise SimulationError(
                f"{self.names[which]} would come always: its value is still {float(values[which]):.4g} behind its "
                f"change at time {when.value:.6g}. Let the change bring the value to zero or above, or let the value "
                "depend on a mode that the change switches"
            )
        below = (signs < 0.0).nonzero().flatten().tolist()
        return signs, below[0] if below else None

    def _add(self, happened: Happened, t: float) -> None:
        self.happened.append(happened)
        self._times.setdefault(happened.index, []).append(t)

    def _police(self, which: int, watch: Watch, control: Control, reached: int) -> None:
        """Refuse events that come infinitely often in a finite time, or too often to go on."""
        times, name = self._times[which], self.names[which]
        t, passed = times[-1], abs(times[-1] - self.begin)
        gaps = [abs(b - a) for a, b in pairwise(times[-MANY - 1 :])]
        recent = gaps[-IN_A_ROW:]
        shrinks = len(recent) == IN_A_ROW and all(b < 0.999 * a for a, b in pairwise(recent))
        if shrinks and recent[-1] > 0.0:
            ratio = (recent[-1] / recent[0]) ** (1.0 / (IN_A_ROW - 1))
            rest = recent[-1] * ratio / (1.0 - ratio)
            if rest < AS_GOOD_AS_NOW * passed and abs(self.end - self.begin) > passed + rest:
                raise SimulationError(
                    f"{name} comes ever faster and accumulates at time {t + control.direction * rest:.6g} (Zeno): "
                    f"{len(times)} times so far, each distance {ratio:.3g} of the one before. Let an event before that "
                    "time end the solution, or switch to an equation that rests there, such as when the speed is small"
                )
        resolution = 16.0 * float(np.spacing(max(abs(t), abs(watch.reach))))
        if gaps and gaps[-1] <= resolution:
            raise self._chatters(name, t, "comes again at the same time")
        if len(gaps) == MANY and max(gaps) <= DENSE * passed:
            raise self._chatters(name, t, f"has come {len(times)} times, the last {MANY} within {sum(gaps):.2g}")
        count = self._since[1] + 1 if self._since[0] == reached else 1
        self._since = (reached, count)
        if count > control.options.max_num_steps:
            raise self._chatters(
                name, t, f"is one of {count} events from one time to the next", "; or raise max_num_steps"
            )

    @staticmethod
    def _chatters(name: str, t: float, how: str, other: str = "") -> SimulationError:
        return SimulationError(
            f"{name} chatters at time {t:.6g}: it {how}. The equations on both sides of the event push back to it. "
            "Give a dead band between switching there and back, or write the motion along the event as an equation of "
            f"its own{other}"
        )
