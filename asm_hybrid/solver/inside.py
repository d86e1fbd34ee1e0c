"""f as the methods see it: on states as they are laid out, with its Jacobian and the values of an event beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from asm_hybrid.errors import InputError
from asm_hybrid.solver.changes import Change, Changes, Event
from asm_hybrid.solver.delays import Past
from asm_hybrid.solver.events import Values
from asm_hybrid.solver.path import Way
from asm_hybrid.solver.states import Layout
from asm_hybrid.solver.steppers import Slopes, Time

__all__ = ["Field", "Inside", "changes_of", "jacobian_of", "values_of"]

Field = Callable[..., Any]
"""f(t, x), with delays f(t, x, lags), or its Jacobian; or the values of an event, of (t, x)."""


@dataclass
class Inside:
    """f on states as they are laid out; counts its evaluations.

    Attributes
    ----------
    f : callable
        What the user gives.
    layout : Layout
        How states are laid out.
    times : Tensor
        The times, whose type and device f gets its time in.
    past : Past or None
        What lies behind, for an f that looks back.
    calls : int
        Evaluations so far.
    """

    f: Field
    layout: Layout
    times: Tensor
    past: Past | None = None
    calls: int = 0
    _last: tuple[Tensor, int] | None = None

    def at(self, t: Time) -> Tensor:
        """Return a time as f has it."""
        return t if isinstance(t, Tensor) else torch.full((), t, dtype=self.times.dtype, device=self.times.device)

    def arguments(self, t: Time, x: Tensor) -> tuple[Any, ...]:
        """Return the arguments of f."""
        given = (self.at(t), self.layout.unpack(x))
        return given if self.past is None else (*given, self.past.lags(t))

    def slopes(self, t: Time, x: Tensor) -> Tensor:
        """Return what f gives."""
        return self.layout.pack(self.f(*self.arguments(t, x)))

    def __call__(self, t: Time, x: Tensor) -> Tensor:
        """Return the slopes; refuse an f that changes what it was given, or what it gave."""
        self.calls += 1
        if x.is_inference():
            return self.slopes(t, x)
        before = x._version
        slopes = self.slopes(t, x)
        if x._version != before:
            raise InputError("f changes the state that it is given", fix="return slopes, and leave the state as it is")
        if self._last is not None and self._last[0]._version != self._last[1]:
            raise InputError("f changes the slopes that it returned before", fix="return a new tensor every time")
        self._last = None if slopes.is_inference() else (slopes, slopes._version)
        return slopes


def values_of(event: Field, inside: Inside) -> Values:
    """Return the values of an event for states as they are laid out.

    Parameters
    ----------
    event : callable
        From time and state to values that have a sign.
    inside : Inside
        f, which knows how states are laid out.

    Returns
    -------
    callable
        From time and state to values ``(k,)``.
    """

    def values(t: Time, x: Tensor) -> Tensor:
        found = event(inside.at(t), inside.layout.unpack(x))
        if not isinstance(found, Tensor) or found.is_complex() or found.numel() == 0:
            raise InputError("the event function gives no real tensor", expected="values that have a sign")
        return found.reshape(-1)

    return values


def changes_of(events: Sequence[Event], inside: Inside, way: Way) -> Changes:
    """Return events that change a solution, for states as they are laid out.

    Parameters
    ----------
    events : sequence of Event
        What the user gives.
    inside : Inside
        f, which knows how states are laid out.
    way : Way
        The times.

    Returns
    -------
    Changes

    Raises
    ------
    InputError
        When none of them ends a solution that has no last time.
    """
    names = [e.name or ("the event" if len(events) == 1 else f"event {k}") for k, e in enumerate(events)]
    if way.open and all(e.change is not None for e in events):
        raise InputError(
            "no event ends the solution, and it has no last time",
            expected="a last time, or an event without a change",
        )

    def values(t: Time, x: Tensor) -> Tensor:
        at, state, found = inside.at(t), inside.layout.unpack(x), []
        for name, event in zip(names, events, strict=True):
            value = event.value(at, state)
            if not isinstance(value, Tensor) or value.is_complex() or value.numel() != 1:
                shape = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"type {type(value).__name__}"
                raise InputError(
                    f"the value of {name} has {shape}",
                    expected="one real number: a batch has its events at the same time",
                    fix="solve the rows of a batch one by one, as each has its events at its own times",
                )
            found.append(value.reshape(1).to(x.dtype))
        return torch.cat(found)

    def laid_out(name: str, change: Field) -> Change:
        return lambda t, x: inside.layout.pack(
            change(inside.at(t), inside.layout.unpack(x)), f"the change of {name} gives"
        )

    changes = [None if e.change is None else laid_out(n, e.change) for n, e in zip(names, events, strict=True)]
    return Changes(names, values, changes, inside.layout.unpack, way.values[0], way.values[-1])


def jacobian_of(inside: Inside, given: Field | None, layout: Layout) -> Slopes:
    """Return df/dx; the sum over the batch has every element's own slopes, as none sees another.

    Parameters
    ----------
    inside : Inside
        f.
    given : callable or None
        What the user gives; worked out by torch without.
    layout : Layout
        How states are laid out.

    Returns
    -------
    callable
        From time and state to ``(…, n, n)``.
    """
    if given is not None:
        if not layout.plain:
            raise InputError(
                "a Jacobian is given for a state of several tensors, complex numbers or no axes",
                expected="one real tensor (…, n)",
                fix="remove 'jacobian': torch works it out",
            )

        def checked(t: Time, x: Tensor) -> Tensor:
            found = given(*inside.arguments(t, x))
            wide = (*x.shape, x.shape[-1])
            if not isinstance(found, Tensor) or found.is_complex() or found.shape not in (wide, wide[-2:]):
                shape = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
                raise InputError(f"the Jacobian has {shape} for states {tuple(x.shape)}", expected=f"df/dx, {wide}")
            return found.to(x).expand(wide)

        return checked

    def jacobian(t: Time, x: Tensor) -> Tensor:
        def summed(at: Tensor) -> Tensor:
            return inside.slopes(t, at).reshape(-1, x.shape[-1]).sum(0)

        return cast(Tensor, torch.func.jacrev(summed)(x)).movedim(0, -2)

    return jacobian
