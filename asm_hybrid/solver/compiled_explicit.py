"""The steps of `integrate_explicit` through compiled functions of numbers, one window after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import casadi
import numpy as np

from asm_hybrid.solver.compiled_calls import IntervalCalls
from asm_hybrid.solver.grid import Grid

__all__ = ["CompiledExplicit"]


@dataclass(frozen=True, eq=False)
class CompiledExplicit:
    """A model that is not stiff, ready to be integrated with one step from knot to knot.

    The method is that of torchdiffeq's ``rk4``: the 3/8 rule of order four [1]_.

    Attributes
    ----------
    derivative : casadi.Function
        From a state ``(n,)``, inputs ``(input,)`` and values ``(value,)`` to dx/dt [unit/d], ``(n,)``.
    grid : Grid
        The knots, and whether inputs are linear between them.

    References
    ----------
    .. [1] W. Kutta (1901), "Beitrag zur naeherungsweisen Integration totaler Differentialgleichungen", Z. Math. Phys.
       46, 435-453.
    """

    derivative: Any
    grid: Grid

    def write(self, count: int) -> None:
        """Write the functions that so many intervals need; what runs in several threads has them written before.

        Parameters
        ----------
        count : int
            Intervals of a window.
        """
        self._intervals.write(count)

    def run(self, x0: np.ndarray, inputs: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Integrate one window.

        Parameters
        ----------
        x0 : ndarray, shape (n,)
            Initial state.
        inputs : ndarray, shape (knot, input)
            Inputs at the knots, contiguous.
        values : ndarray, shape (value,)
            Values that the derivative takes.

        Returns
        -------
        ndarray, shape (knot, n)
            States at the knots.
        """
        states = np.empty((len(inputs), len(x0)))
        states[0] = x0
        self._intervals.run(states, inputs, values, None)
        return states

    @cached_property
    def _intervals(self) -> IntervalCalls:
        x, left, right, values = (casadi.MX.sym("v", *self.derivative.size_in(k)) for k in (0, 1, 1, 2))
        h, third = self.grid.interval, 1.0 / 3.0
        at = [left + (right - left) * t if self.grid.linear else left for t in (0.0, third, 2.0 * third, 1.0)]
        k1 = self.derivative(x, at[0], values)
        k2 = self.derivative(x + h * k1 * third, at[1], values)
        k3 = self.derivative(x + h * (k2 - k1 * third), at[2], values)
        k4 = self.derivative(x + h * (k1 - k2 + k3), at[3], values)
        return IntervalCalls(
            casadi.Function("interval", [x, left, right, values], [x + h * (k1 + 3.0 * (k2 + k3) + k4) / 8.0])
        )
