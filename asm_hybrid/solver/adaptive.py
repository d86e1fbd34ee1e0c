"""Rosenbrock methods with steps that follow from a tolerance.

All windows of a batch share their steps, which end at the knots. A step is as long as the window with the largest error
allows; a step that is refused leaves nothing behind, neither in the result nor in the gradient, which is that of the
steps taken, with their lengths held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.rosenbrock import Solution, StiffSystem, advance, exact_solve, slope_in_time
from asm_hybrid.solver.schedule import NEAR
from asm_hybrid.solver.tableaus import ROS34PW2, RosenbrockTableau

__all__ = ["Controlled", "integrate_adaptive"]

SAFETY, LEAST, MOST = 0.9, 0.2, 5.0
"""Share of the step that the error allows, and least and largest change from step to step [-]."""

SHORTEST = 1e-12
"""Step [knot interval] at which the window that asks for it is given up."""

MOST_STEPS = 100_000
"""Steps from knot to knot, at most."""


@dataclass
class Controlled:
    """Steps from knot to knot under a tolerance, and what has been seen of them so far.

    Attributes
    ----------
    system : StiffSystem
        The model.
    rtol, atol : float
        Tolerances of the local error, relative and in the unit of the states; of the root mean square over the states
        of a window.
    linear : bool
        Inputs are linear between knots when true, held otherwise.
    tableau : RosenbrockTableau
        The method.
    step : float or None
        The next step [d]; None before the first.
    steps, refused : int
        Steps taken, and steps that were tried and refused.
    """

    system: StiffSystem
    rtol: float
    atol: float
    linear: bool = True
    tableau: RosenbrockTableau = ROS34PW2
    step: float | None = None
    steps: int = 0
    refused: int = 0

    def interval(self, x: Tensor, left: Tensor, right: Tensor, length: float) -> Tensor:
        """Go from one knot to the next.

        Parameters
        ----------
        x : Tensor, shape (…, block, n)
            The state.
        left, right : Tensor, shape (…, input)
            Inputs at the two knots.
        length : float
            Their distance [d].

        Returns
        -------
        Tensor, shape (…, block, n)
            The state; without finite numbers in windows that were given up.

        Raises
        ------
        SimulationError
            When too many steps are needed.
        """
        done, most = 0.0, self.steps + MOST_STEPS
        alive = torch.isfinite(x.detach()).flatten(-2).all(-1)
        prepare = partial(self._prepare, left, right)
        h = self.step or self._first(x, prepare([0.0])[0], length)
        while done < length and bool(alive.any()):
            rest = length - done
            h = rest if rest <= 1.01 * h else min(h, rest / 2.0)
            fallen = False
            full = None if self.tableau.any_matrix else self.system.full_jacobian(x, prepare([done / length])[0])
            while True:
                found, stages = self._try(x, prepare, done, h, length, full)
                with torch.no_grad():
                    errors = self._errors(x, found, stages)
                    error = float(errors[alive].max())
                factor = min(MOST, max(LEAST, SAFETY * max(error, 1e-10) ** (-1.0 / self.tableau.order)))
                if h <= SHORTEST * length and h < rest:  # towards a singularity, step by step or at once
                    alive &= errors < error
                    factor = rest / h
                    break
                if error <= 1.0:
                    break
                self.refused, fallen = self.refused + 1, True
                h *= factor if error < float("inf") else LEAST
            x = torch.where(alive[..., None, None], found, torch.nan)
            self.steps, done = self.steps + 1, length if h >= rest else done + h
            if h < rest or self.step is None:
                self.step = h * (min(factor, 1.0) if fallen else factor)
            h = self.step
            if self.steps > most:
                raise SimulationError(
                    f"{self.tableau.name} needs more than {MOST_STEPS} steps from one knot to the next, at steps of "
                    f"{h:.2g}; take larger tolerances"
                )
        return x

    def _prepare(self, left: Tensor, right: Tensor, places: Sequence[float]) -> Sequence[Any]:
        inputs = [left + (right - left) * place if self.linear else left for place in places]
        return self.system.prepare(torch.stack(inputs, dim=-2))

    def _try(
        self, x: Tensor, prepare: Any, done: float, h: float, length: float, full: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """Take a step; ``full`` is the whole Jacobian at its begin, for methods that need it."""
        tableau, system = self.tableau, self.system
        forcings = prepare([(done + a * h) / length for a in tableau.alpha])
        shift = 1.0 / (h * tableau.gamma)
        if full is None:
            with torch.no_grad():
                inverse = system.inverse(x, forcings[0], shift)
            return advance(system, x, partial(system.solve, inverse), forcings, h, tableau)
        slope = None
        if self.linear:
            near = NEAR * h / length
            slope = slope_in_time(system, x, prepare([done / length + k * near for k in range(3)]), NEAR * h)
        return advance(system, x, exact_solve(full, shift), forcings, h, tableau, slope)

    def _errors(self, x: Tensor, found: Tensor, stages: Sequence[Tensor]) -> Tensor:
        """Return the local error over the tolerance, one entry a window; infinite where it is no number."""
        zero = torch.zeros_like(found)
        difference = sum((e * k for e, k in zip(self.tableau.e, stages, strict=True) if e != 0.0), zero)
        size = self.atol + self.rtol * torch.maximum(x.abs(), found.abs())
        errors = (difference / size).square().flatten(-2).mean(-1).sqrt()
        return torch.where(torch.isfinite(errors) & torch.isfinite(found).flatten(-2).all(-1), errors, torch.inf)

    def _first(self, x: Tensor, forcing: Any, length: float) -> float:
        """Return a step in which the states change by about a hundredth of their size."""
        with torch.no_grad():
            size = self.atol + self.rtol * x.abs()
            level = (x / size).square().flatten(-2).mean(-1).sqrt()
            change = (self.system.derivative(x, forcing) / size).square().flatten(-2).mean(-1).sqrt()
            guess = float((0.01 * level / change.clamp(min=1e-10)).nan_to_num(0.0).min())
        return min(length, max(guess, 1e-6 * length))


def integrate_adaptive(
    system: StiffSystem,
    x0: Tensor,
    inputs: Tensor,
    interval: float,
    *,
    rtol: float = 1e-4,
    atol: float = 1e-6,
    linear: bool = True,
    tableau: RosenbrockTableau = ROS34PW2,
) -> tuple[Solution, Controlled]:
    """Integrate a batch of windows with steps that follow from a tolerance.

    Parameters
    ----------
    system, x0, inputs, interval, linear, tableau
        As in `asm_hybrid.solver.rosenbrock.integrate`.
    rtol, atol : float
        See `Controlled`.

    Returns
    -------
    tuple of Solution and Controlled
        Outputs at the knots and all states there; and how many steps there were. A window that had to be given up has
        no finite numbers from there on, and a status that says so; the others go on.
    """
    run = Controlled(system, rtol, atol, linear, tableau)
    x, states = x0, [x0]
    outputs = [system.output(x, system.prepare(inputs[..., :1, :])[0])]
    for left, right in pairwise(inputs.unbind(-2)):
        x = run.interval(x, left, right, interval)
        states.append(x)
        outputs.append(system.output(x, system.prepare((right if linear else left).unsqueeze(-2))[0]))
    return Solution(
        outputs=torch.stack(outputs, dim=-2),
        knots=torch.stack([s.expand(x.shape) for s in states], dim=-3),
        final=x,
        ok=torch.isfinite(x).flatten(-2).all(-1),
    ), run
