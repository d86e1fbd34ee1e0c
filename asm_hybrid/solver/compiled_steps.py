"""The steps of `rosenbrock` without gradients, through compiled functions of numbers, one window after the other.

The scheme is the same to rounding: W-method, matrix held from knot to knot, floor, and outputs within the steps. All
steps from knot to knot are one CasADi function, written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import casadi
import numpy as np

from asm_hybrid.solver.compiled_calls import IntervalCalls, call
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.schedule import Schedule
from asm_hybrid.solver.tableaus import ROS34PW2

__all__ = ["CompiledSteps", "StepFunctions"]

TABLEAU = ROS34PW2
"""The method of `integrate` unless it is told otherwise."""


class StepFunctions(Protocol):
    """What is needed of a model: CasADi functions of a state ``(n,)``, inputs ``(input,)`` and values ``(value,)``."""

    @property
    def floor(self) -> np.ndarray:
        """What a state is raised to after a step that went below, ``(n,)``."""

    @property
    def derivative(self) -> Any:
        """From state, inputs and values to dx/dt [unit/d], ``(n,)``."""

    @property
    def begin(self) -> Any:
        """From state, inputs, values and a shift [1/d] to what `solve` divides by ``shift I - J`` with, and dx/dt."""

    @property
    def solve(self) -> Any:
        """From what `begin` gives, and a right side ``(n,)``, to their quotient."""

    @property
    def output(self) -> Any:
        """From state, inputs and values to the quantities to be recorded, ``(output,)``."""


@dataclass(frozen=True, eq=False)
class CompiledSteps:
    """A model on a grid, ready to be integrated, in several threads at once too.

    Attributes
    ----------
    system : StepFunctions
        The model.
    grid : Grid
        The knots, the steps between them, and what is recorded.
    """

    system: StepFunctions
    grid: Grid

    def write(self, count: int) -> None:
        """Write the functions that so many intervals need; what runs in several threads has them written before.

        Parameters
        ----------
        count : int
            Intervals of a window.
        """
        self._first.write(self._settled(count))
        self._others.write(count - self._settled(count))

    def run(self, x0: np.ndarray, inputs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Integrate one window.

        Parameters
        ----------
        x0 : ndarray, shape (n,)
            Initial state.
        inputs : ndarray, shape (knot, input)
            Inputs at the knots, contiguous.
        values : ndarray, shape (value,)
            Values that the functions of the system take.

        Returns
        -------
        tuple of ndarray, shape (point, output) and (knot, n)
            What is recorded, the first at the first knot, and the states at the knots. Both are NaN from where the
            state leaves the finite numbers.
        """
        count, points, output = len(inputs) - 1, self.grid.points, self.system.output
        outputs, states = np.empty((count * points + 1, output.numel_out(0))), np.empty((count + 1, len(x0)))
        states[0] = x0
        call(output, [states[0], inputs[0], values], [outputs[0]])
        settled = self._settled(count)
        self._first.run(states[: settled + 1], inputs[: settled + 1], values, outputs[1 : settled * points + 1])
        self._others.run(states[settled:], inputs[settled:], values, outputs[settled * points + 1 :])
        return _cut(outputs, states, points)

    def _settled(self, count: int) -> int:
        """Return how many intervals have more steps."""
        return min(1, count) if self.grid.settling != 1 else 0

    @cached_property
    def _first(self) -> IntervalCalls:
        return IntervalCalls(self._interval(self.grid.substeps * self.grid.settling))

    @cached_property
    def _others(self) -> IntervalCalls:
        return IntervalCalls(self._interval(self.grid.substeps))

    def _interval(self, steps: int) -> Any:
        """Return the function of one interval with so many steps."""
        system, schedule = self.system, Schedule.of(TABLEAU, self.grid, steps)
        x0, left, right, values = (casadi.MX.sym("v", *system.derivative.size_in(k)) for k in (0, 1, 1, 2))
        at = [left if t == 0.0 else right if t == 1.0 else left + (right - left) * t for t in schedule.positions]
        factors, first = system.begin(x0, at[0], values, 1.0 / (schedule.h * TABLEAU.gamma))
        x, outputs = x0, []
        for entries, recorded in zip(schedule.stages, schedule.recorded, strict=True):
            begin, stages = x, list[Any]()
            for k, a, c in zip(entries, TABLEAU.a, TABLEAU.c, strict=True):
                known = begin is x0 and not stages
                slope = first if known else system.derivative(_plus(begin, a, stages), at[k], values)
                stages.append(system.solve(factors, _plus(slope, [w / schedule.h for w in c], stages)))
            x = _raised(_plus(begin, TABLEAU.m, stages), system.floor)
            for where, k in recorded:
                state = x if where >= 1.0 else _plus(begin, TABLEAU.within(where), stages)
                outputs.append(system.output(state, at[k], values))
        return casadi.Function("interval", [x0, left, right, values], [x, casadi.horzcat(*outputs)])


def _plus(x: Any, weights: Sequence[float], stages: Sequence[Any]) -> Any:
    for weight, k in zip(weights, stages, strict=True):
        if weight != 0.0:
            x = x + weight * k
    return x


def _raised(x: Any, floor: np.ndarray) -> Any:
    """Raise what fell below the floor, and leave alone what is not a number."""
    own = casadi.SX.sym("x", len(floor))
    entries = zip(casadi.vertsplit(own), floor, strict=True)
    raised = casadi.vertcat(*(casadi.if_else(e < b, b, e) if np.isfinite(b) else e for e, b in entries))
    return casadi.Function("raised", [own], [raised])(x)


def _cut(outputs: np.ndarray, states: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Put NaN from the first knot on whose state is not finite, and what is recorded in the interval before it."""
    lost = ~np.isfinite(states).all(axis=1)
    if lost.any():
        first = int(lost.argmax())
        states[first:] = np.nan
        outputs[max(0, (first - 1) * points + 1) :] = np.nan
    return outputs, states
