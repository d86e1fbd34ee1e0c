"""The steps of `rosenbrock` without gradients, through compiled functions of numbers, one window after the other.

The scheme is the same to rounding: W-method, matrix held from knot to knot, floor, and outputs within the steps. All
steps from knot to knot are one CasADi function, written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import casadi
import numpy as np

from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import CHUNK
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
    """A model on a grid, ready to be integrated.

    Attributes
    ----------
    system : StepFunctions
        The model.
    grid : Grid
        The knots, the steps between them, and what is recorded.
    """

    system: StepFunctions
    grid: Grid
    _functions: dict[tuple[int, int], Any] = field(default_factory=dict, repr=False)

    def run(self, x0: np.ndarray, inputs: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Integrate one window.

        Parameters
        ----------
        x0 : ndarray, shape (n,)
            Initial state.
        inputs : ndarray, shape (knot, input)
            Inputs at the knots.
        values : ndarray, shape (value,)
            Values that the functions of the system take.

        Returns
        -------
        tuple of ndarray, shape (point, output) and (knot, n)
            What is recorded, the first at the first knot, and the states at the knots. Both are NaN from where the
            state leaves the finite numbers.
        """
        count, settling = len(inputs) - 1, min(1, len(inputs) - 1) if self.grid.settling != 1 else 0
        outputs, states = [np.array(self.system.output(x0, inputs[0], values)).T], [x0[None]]
        for begin, end in _parts(count, settling):
            steps = self.grid.substeps * (self.grid.settling if begin < settling else 1)
            function = self._intervals(steps, end - begin)
            passed, found = function(states[-1][-1], inputs[begin:end].T, inputs[begin + 1 : end + 1].T, values)
            states.append(np.array(passed).T)
            outputs.append(np.array(found).T)
        return _cut(np.vstack(outputs), np.vstack(states), self.grid.points)

    def _intervals(self, steps: int, count: int) -> Any:
        """Return the function of so many intervals: from the state and inputs at both ends to states and outputs."""
        if (steps, count) not in self._functions:
            one = self._interval(steps) if count == 1 else self._intervals(steps, 1)
            self._functions[steps, count] = one if count == 1 else one.mapaccum(count)
        return self._functions[steps, count]

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


def _parts(count: int, settling: int) -> list[tuple[int, int]]:
    """Return begin and end of the intervals that one call integrates."""
    starts = [*range(settling), *range(settling, count, CHUNK), count]
    return list(pairwise(starts))


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
