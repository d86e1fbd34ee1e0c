"""Steps of a batch in which something switches: each window's step is split where its own switch comes.

The time of a switch is found on the dense output of the step, and carries its gradient (implicit function theorem). The
rest of the step is taken from there, with a length of its own in every window; windows in which nothing switches keep
the step that they have. No window depends on the others.

In the rest of a step the method is a W-method whose matrix is scaled with the length, so that what divides by it is
``(h / h₀) (I / (h₀ γ) - J)⁻¹``: it keeps its order, and the gradient with respect to the length is that of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.tableaus import RosenbrockTableau

__all__ = ["Attempt", "Switches", "through_switches"]

MOST = 20
"""Switches of one window within one step, at most: more chatter."""

HALVINGS = 12
"""How often the part of a step in which a switch comes is halved, before two steps of Newton's iteration."""

LEAST = 1e-9
"""Least share of a step that is taken behind a switch: the last switch may come at its end."""

Attempt = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, list[Tensor]]]
"""From a state, the share of the step that is over ``(…, 1, 1)`` and that which is left to the state at its end, and
the stages."""


class Switches(Protocol):
    """What switches in a model.

    Attributes
    ----------
    names : sequence of str
        What switches, by name.
    """

    @property
    def names(self) -> Sequence[str]:
        """What switches, by name."""

    def distances(self, x: Tensor, forcing: Any) -> Tensor:
        """Return how far each is from switching, ``(…, switch)``; below zero it switches."""

    def switched(self, x: Tensor, forcing: Any, which: Tensor) -> Tensor:
        """Return the state behind a switch; ``which`` marks what switches, bool ``(…, switch)``."""


@dataclass(frozen=True)
class _Step:
    """A step that something may switch in.

    Attributes
    ----------
    switches : Switches
        What switches.
    tableau : RosenbrockTableau
        The method.
    forcing : object
        At the begin of the step: what distances are measured with.
    length : float
        Its length [d], for messages.
    """

    switches: Switches
    tableau: RosenbrockTableau
    forcing: Any
    length: float

    def settled(self, x: Tensor) -> Tensor:
        """Let switch at once what is below zero, as an input has jumped."""
        for _ in range(MOST):
            with torch.no_grad():
                distances = self.switches.distances(x, self.forcing)
                which = _first(distances, distances < 0.0)
            if not bool(which.any()):
                return x
            x = self.switches.switched(x, self.forcing, which)
        raise self._chatters(which, "again and again at one time")

    def within(self, x: Tensor, stages: Sequence[Tensor], place: Tensor | float) -> Tensor:
        """Return the state at a place of a step, ``(…, 1, 1)``, by the dense output."""
        for weight, k in zip(self.tableau.within(place), stages, strict=True):
            x = x + weight * k
        return x

    def place(self, x: Tensor, stages: list[Tensor], over: Tensor) -> tuple[Tensor, Tensor]:
        """Return where in a step the first switch comes, ``(…, 1, 1)``, and what switches there, ``(…, switch)``."""
        with torch.no_grad():
            plain, own = x.detach(), [k.detach() for k in stages]
            low = torch.zeros_like(plain[..., :1, :1])
            high = torch.ones_like(low)
            for _ in range(HALVINGS):
                middle = 0.5 * (low + high)
                distances = self.switches.distances(self.within(plain, own, middle), self.forcing)
                beyond = (distances.amin(-1) < 0.0)[..., None, None]
                low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
            distances = self.switches.distances(self.within(plain, own, high), self.forcing)
            which = _first(distances, over.unsqueeze(-1).expand(distances.shape))
        near = high - self._beyond(plain, own, high, which) / self._slope(plain, own, high, which)
        near = torch.minimum(torch.maximum(near, low), high)
        slope = self._slope(plain, own, near, which)
        return near - self._beyond(x, stages, near, which) / slope, which

    def _beyond(self, x: Tensor, stages: Sequence[Tensor], place: Tensor, which: Tensor) -> Tensor:
        """Return how far what switches is from it, ``(…, 1, 1)``; zero where nothing does."""
        values = self.switches.distances(self.within(x, stages, place), self.forcing)
        return torch.where(which, values, 0.0).sum(-1)[..., None, None]

    def _slope(self, x: Tensor, stages: Sequence[Tensor], place: Tensor, which: Tensor) -> Tensor:
        """Return how this distance changes with the place, ``(…, 1, 1)``; one where it does not."""
        with torch.enable_grad():
            at = place.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self._beyond(x, stages, at, which).sum(), at)
        return torch.where(slope == 0.0, torch.ones_like(slope), slope)

    def _chatters(self, which: Tensor, how: str) -> SimulationError:
        name = self.switches.names[int(which.reshape(-1, which.shape[-1]).any(0).int().argmax())]
        return SimulationError(
            f"{name!r} chatters: it switches {how}, more than {MOST} times within a step of "
            f"{1440 * self.length:.3g} min. Widen its dead band, give its sensor a response time, or take a shorter "
            "training.step"
        )

    def refuse(self, which: Tensor) -> None:
        """Raise where something still switches."""
        raise self._chatters(which, "back and forth")


def _first(distances: Tensor, where: Tensor) -> Tensor:
    """Return which entry of ``(…, switch)`` is the least, one at most, among those that count."""
    least = distances.argmin(-1, keepdim=True)
    mark = torch.zeros_like(distances, dtype=torch.bool).scatter(-1, least, True)
    return mark & where


def through_switches(
    switches: Switches,
    x: Tensor,
    attempt: Attempt,
    tableau: RosenbrockTableau,
    forcing: Any,
    h: float,
    places: Sequence[float],
) -> tuple[Tensor, list[Tensor]]:
    """Take a step, and let everything switch that does within.

    Parameters
    ----------
    switches : Switches
        What switches.
    x : Tensor, shape (…, block, n)
        The state at the begin.
    attempt : callable
        Takes the rest of the step.
    tableau : RosenbrockTableau
        The method, which has a dense output.
    forcing : object
        At the begin of the step.
    h : float
        The length of the step [d], for messages.
    places : sequence of float
        Places within the step at which the state is asked for.

    Returns
    -------
    tuple of Tensor and list of Tensor, shape (…, block, n)
        The state at the end, and those at the places.

    Raises
    ------
    SimulationError
        When something chatters; with its name.
    """
    step = _Step(switches, tableau, forcing, h)
    x = step.settled(x)
    done = torch.zeros_like(x[..., :1, :1])
    final, found = x, [x] * len(places)
    open_ = torch.ones(x.shape[:-2], dtype=torch.bool, device=x.device)
    for _ in range(MOST):
        left = torch.clamp(1.0 - done, min=LEAST)
        end, stages = attempt(x, done, left)
        with torch.no_grad():
            over = open_ & (switches.distances(end, forcing).amin(-1) < 0.0)
        where, which = step.place(x, stages, over) if bool(over.any()) else (torch.ones_like(done), None)
        passed = torch.where(over[..., None, None], done + where * left, 1.0)
        for i, place in enumerate(places):
            inside = open_[..., None, None] & (place > done.detach()) & (place <= passed.detach())
            if bool(inside.any()):
                found[i] = torch.where(inside, step.within(x, stages, (place - done) / left), found[i])
        closed = open_ & ~over
        final = torch.where(closed[..., None, None], end, final)
        open_ = over
        if which is None:
            return final, found
        behind = step.settled(switches.switched(step.within(x, stages, where), forcing, which))
        x = torch.where(over[..., None, None], behind, x.detach())
        done = torch.where(over[..., None, None], passed, done.detach())
    step.refuse(cast(Tensor, which))
    return final, found
