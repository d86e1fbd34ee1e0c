"""Gradients through the steps, with the steps taken again on the way back [1]_.

Forwards, the state of every k-th step is kept, and of every step no more than its begin and end. Backwards, from one
kept state to the next, the steps are taken again, with gradients. Of N steps there are about √N states and the graph of
√N steps at a time, so memory grows with √N. The gradient is that of the steps themselves, within rounding.

References
----------
.. [1] A. Griewank (1992), "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
   differentiation", Optimization Methods and Software 1, 35-54, https://doi.org/10.1080/10556789208805505.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from asm_hybrid.solver.march import Control, Instant, Segment, Stop
from asm_hybrid.solver.path import Path
from asm_hybrid.solver.steppers import Stepper

__all__ = ["Trail", "solved_with_checkpoints"]


@dataclass(frozen=True, slots=True)
class _Mark:
    """A step: its begin and end, how long it is, when its last stages are, and whether it took over what it knew."""

    begin: Instant
    end: Instant
    length: float
    last: float
    held: bool
    handed: bool


class Trail(list[Segment]):
    """Takes note of the steps in place of keeping them.

    Parameters
    ----------
    stepper : Stepper
        The method.
    control : Control
        How long its steps are.
    """

    def __init__(self, stepper: Stepper, control: Control) -> None:
        super().__init__()
        self.stepper, self.control = stepper, control
        self.marks: list[_Mark] = []
        self.kept: dict[int, tuple[Tensor, Any]] = {}
        self._every = 1
        self._before: tuple[Any, Any] = (None, None)

    def append(self, segment: Segment) -> None:
        """Take note of a step."""
        end, (known, handed) = segment.end, self._before
        jumps = isinstance(end, Stop) and end.jump
        last = self.control.beside(end.value, -1.0) if jumps else cast(float, end.time)
        same = segment.known is not None
        mark = _Mark(
            segment.begin,
            end,
            cast(float, segment.length),
            last,
            held=same and segment.known is known,
            handed=same and segment.known is handed,
        )
        number = len(self.marks)
        if number % self._every == 0:
            self.kept[number] = (segment.x.detach(), segment.known if mark.held else None)
        if len(self.kept) > 2 * self._every:
            self._every *= 2
            self.kept = {i: v for i, v in self.kept.items() if i % self._every == 0}
        self.marks.append(mark)
        self._before = (segment.known, segment.step.known)

    def again(
        self, first: int, asked: dict[int, list[tuple[int, float]]], x: Tensor
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """Take the steps from a kept state to the next again; return the state there, and those that were asked for."""
        known, found = self.kept[first][1], {}
        for number in range(first, min(first + self._every, len(self.marks))):
            mark = self.marks[number]
            if not (known is not None and (mark.held or mark.handed)):
                known = self.stepper.known(mark.begin.time, x)
            step = self.stepper.step(mark.begin.time, x, mark.length, known, mark.last)
            segment = Segment(self.stepper, mark.begin, mark.end, mark.length, x, known, step)
            for i, t in asked.get(number, ()):
                found[i] = step.end if t == mark.end.value else segment.at(Instant(t, t))
            following = self.marks[number + 1] if number + 1 < len(self.marks) else None
            known = known if following is not None and following.held else step.known
            x = step.end
        return x, found


class _Checkpointed(torch.autograd.Function):
    """The states at the times, with the gradients of the steps."""

    @staticmethod
    def forward(ctx: Any, run: Callable[[], Path], trail: Trail, x0: Tensor, *parameters: Tensor) -> Tensor:
        """Return states ``(k, …, n)``."""
        path = run()
        ctx.values, ctx.trail = path.values, trail
        ctx.save_for_backward(*parameters)
        return torch.stack(path.states)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        """Take the steps again, from the last kept state to the first."""
        trail, parameters = ctx.trail, ctx.saved_tensors
        way = trail.control.direction
        begins = [way * mark.begin.value for mark in trail.marks]
        asked: dict[int, list[tuple[int, float]]] = {}
        first = torch.zeros_like(given[0])
        for i, t in enumerate(ctx.values):
            if t == ctx.values[0]:
                first = first + given[i]
                continue
            number = bisect_right(begins, way * t) - 1
            number -= number > 0 and way * t == begins[number]  # a state at an end is that of the step before
            asked.setdefault(number, []).append((i, t))
        a, sums = torch.zeros_like(given[0]), [torch.zeros_like(p) for p in parameters]
        for number in sorted(trail.kept, reverse=True):
            with torch.enable_grad():
                x = trail.kept[number][0].detach().requires_grad_()
                end, found = trail.again(number, asked, x)
            outputs, weights = [end, *found.values()], [a, *(given[i] for i in found)]
            by = torch.autograd.grad(outputs, (x, *parameters), weights, allow_unused=True)
            a = torch.zeros_like(x) if by[0] is None else by[0]
            sums = [s if g is None else s + g for s, g in zip(sums, by[1:], strict=True)]
        return (None, None, a + first, *sums)


def solved_with_checkpoints(
    run: Callable[[], Path], trail: Trail, x0: Tensor, parameters: tuple[Tensor, ...]
) -> tuple[Path, Tensor]:
    """Return a solution, and its states with the gradients of its steps.

    Parameters
    ----------
    run : callable
        Solves forwards and lets the trail take note; called without gradients.
    trail : Trail
        What took note of the steps.
    x0 : Tensor, shape (…, n)
        The initial state.
    parameters : tuple of Tensor
        What gradients are wanted for, beside it.

    Returns
    -------
    path : Path
        The solution.
    states : Tensor, shape (k, …, n)
        Its states; they carry the gradients.
    """
    kept: list[Path] = []

    def once() -> Path:
        kept.append(run())
        return kept[-1]

    states = cast(Tensor, _Checkpointed.apply(once, trail, x0, *parameters))  # type: ignore[no-untyped-call]
    return kept[-1], states
