"""The adjoint equation on the interpolation of the steps that were taken forwards.

The state is not integrated backwards, so that nothing grows on the way back but what grows in the adjoint equation
itself, which is as stable backwards as the equation is forwards: a stiff method takes it on for a stiff problem. The
steps are kept, without what gradients through them would need. The gradients of the parameters are integrals along the
way, by Gauss's rule in every step of the adjoint state.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import torch
from torch import Tensor

from asm_hybrid.solver.march import Callbacks, Control, Segment
from asm_hybrid.solver.path import Way, travel
from asm_hybrid.solver.steppers import Slopes, Time, as_number, stepper_of

__all__ = ["Interpolated"]

_HALF = math.sqrt(0.15)
GAUSS = ((0.5 - _HALF, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.5 + _HALF, 5.0 / 18.0))
"""Places in a step and their weights: order 6."""


@dataclass(frozen=True)
class Interpolated:
    """How the adjoint equation is integrated along a solution whose steps were kept.

    Attributes
    ----------
    f, jacobian : callable
        f and its Jacobian, on states as they are laid out.
    method : str
        A method with an interpolation of its order.
    control : Control
        Tolerances and options of its steps.
    calls : Callbacks
        What is called at its steps.
    forwards : float
        One, or minus one where the times run backwards.
    segments : list of Segment
        The steps that were taken; filled by the solution.
    """

    f: Slopes
    jacobian: Slopes
    method: str
    control: Control
    calls: Callbacks
    forwards: float
    segments: list[Segment]

    def state(self, t: float) -> Tensor:
        """Return the state at a time."""
        found = bisect_right(self.segments, self.forwards * t, key=lambda s: self.forwards * s.begin.value) - 1
        segment = self.segments[max(found, 0)]
        return _between(segment, (t - segment.begin.value) / as_number(segment.length))

    def product(self, t: Time, a: Tensor, wanted: tuple[Tensor, ...] | None = None) -> list[Tensor]:
        """Return ``-aᵀ ∂f/∂x``, or ``-aᵀ ∂f/∂p`` for the wanted parameters."""
        with torch.enable_grad():
            x = self.state(as_number(t)).detach().requires_grad_()
            slope = self.f(t, x)
            of = (x,) if wanted is None else wanted
            found: tuple[Tensor | None, ...] = (None,) * len(of)
            if slope.requires_grad and of:
                found = torch.autograd.grad(slope, of, -a, allow_unused=True)
        return [torch.zeros_like(v) if g is None else g for v, g in zip(of, found, strict=True)]

    def interval(
        self,
        span: tuple[float, float],
        ends: tuple[Tensor, Tensor],
        a: Tensor,
        sums: list[Tensor],
        parameters: tuple[Tensor, ...],
        like: Tensor,
    ) -> tuple[Tensor, list[Tensor]]:
        """Go back from one time to another; return the adjoint state and the parameters' gradients there."""

        def right(t: Time, at: Tensor) -> Tensor:
            return self.product(t, at)[0]

        def jacobian(t: Time, at: Tensor) -> Tensor:
            return -self.jacobian(t, self.state(as_number(t))).mT

        way = Way(span, torch.tensor(span, dtype=like.dtype, device=like.device), -self.forwards)
        kept: list[Segment] = []
        path = travel(stepper_of(self.method, right, jacobian), a, way, self.control, self.calls, keep=kept)
        for segment in kept:
            length = as_number(segment.length)
            for place, weight in GAUSS:
                at, adjoint = segment.begin.value + place * length, _between(segment, place)
                rates = self.product(at, adjoint, parameters)
                sums = [g + weight * length * r for g, r in zip(sums, rates, strict=True)]
        return path.states[-1], sums


def _between(segment: Segment, place: float) -> Tensor:
    """Return the state at a place of a step, by the interpolation of the method."""
    stepper = segment.stepper
    known = (None, None) if stepper.stiff else (segment.known, segment.slope())
    return stepper.within(segment.step, segment.x, known, segment.length, place)
