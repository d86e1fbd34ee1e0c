"""What a Kalman filter needs of f + n: steps of any length, the exact Jacobian, and sensors with their slopes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import casadi
import numpy as np

from asm_hybrid.hybrid.compiled_system import CompiledSystem, structure
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.solver.compiled_calls import call
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.solver.grid import Grid

__all__ = ["KalmanSteps", "kalman_steps"]


@dataclass(frozen=True, eq=False)
class _Stretched:
    """A system in units of the length of a step [d], which stands behind its values."""

    system: CompiledSystem

    @property
    def floor(self) -> np.ndarray:
        return self.system.floor

    @cached_property
    def derivative(self) -> Any:
        x, u, values, length = self._symbols
        return casadi.Function(
            "derivative", [x, u, casadi.vertcat(values, length)], [length * self.system.derivative(x, u, values)]
        )

    @cached_property
    def begin(self) -> Any:
        x, u, values, length = self._symbols
        shift = casadi.MX.sym("shift")
        factors, slope = self.system.begin(x, u, values, shift / length)
        given = [x, u, casadi.vertcat(values, length), shift]
        return casadi.Function("begin", given, [casadi.vertcat(factors, length), length * slope])

    @cached_property
    def solve(self) -> Any:
        factors, right = (casadi.MX.sym("v", *self.system.solve.size_in(k)) for k in (0, 1))
        length = casadi.MX.sym("length")
        return casadi.Function(
            "solve", [casadi.vertcat(factors, length), right], [self.system.solve(factors, right) / length]
        )

    @cached_property
    def output(self) -> Any:
        x, u, values, length = self._symbols
        return casadi.Function("output", [x, u, casadi.vertcat(values, length)], [self.system.output(x, u, values)])

    @property
    def _symbols(self) -> tuple[Any, ...]:
        sizes = (self.system.derivative.size_in(k) for k in range(3))
        return (*(casadi.MX.sym("v", *size) for size in sizes), casadi.MX.sym("length"))


@dataclass(frozen=True, eq=False)
class KalmanSteps:
    """The equations of one member and one set of parameters, for a filter.

    States are the active entries of the plant's, ``(state,)``; values are those of `open_values`.

    Attributes
    ----------
    system : CompiledSystem
        f, or f + n.
    substeps : int
        Steps of the solver in each step of the filter.
    linear : bool
        Whether inputs are straight lines between knots.
    """

    system: CompiledSystem
    substeps: int
    linear: bool

    @cached_property
    def _steps(self) -> CompiledSteps:
        return CompiledSteps(_Stretched(self.system), Grid(1.0, self.substeps, self.linear))

    @cached_property
    def _slopes(self) -> Any:
        return self._with_slopes("slopes", self.system.derivative, values_too=False)

    @cached_property
    def _sensors(self) -> Any:
        return self._with_slopes("sensors", self.system.output, values_too=True)

    def _with_slopes(self, name: str, function: Any, *, values_too: bool) -> Any:
        """Return a function with its Jacobian by the state, transposed, since CasADi goes by columns."""
        x, u, values = (casadi.MX.sym("v", *function.size_in(k)) for k in range(3))
        found = function(x, u, values)
        slopes = casadi.densify(casadi.jacobian(found, x).T)
        return casadi.Function(name, [x, u, values], [found, slopes] if values_too else [slopes])

    def state(self, x: np.ndarray, inputs: np.ndarray, values: np.ndarray, length: float) -> np.ndarray:
        """Return the state after a step.

        Parameters
        ----------
        x : ndarray, shape (state,)
            The state before.
        inputs : ndarray, shape (2, input)
            Inputs at both ends.
        values : ndarray, shape (value,)
            Parameters, masks and weights.
        length : float
            Length of the step [d].

        Returns
        -------
        ndarray, shape (state,)
            NaN where it leaves the finite numbers.
        """
        return np.asarray(self._steps.run(x, inputs, np.append(values, length))[1][1])

    def jacobian(self, x: np.ndarray, u: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return d(dx/dt)/dx [1/d], ``(state, state)``, exact and with the slope of n.

        Parameters
        ----------
        x, u, values : ndarray
            State, inputs and values.

        Returns
        -------
        ndarray, shape (state, state)
        """
        found = np.empty((len(x), len(x)))
        call(self._slopes, [x, u, values], [found])
        return found

    def sensors(self, x: np.ndarray, u: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the recorded quantities and their derivatives by the state.

        Parameters
        ----------
        x, u, values : ndarray
            State, inputs and values.

        Returns
        -------
        tuple of ndarray, shape (target,) and (target, state)
        """
        count = self.system.output.numel_out(0)
        shown, slopes = np.empty(count), np.empty((count, len(x)))
        call(self._sensors, [x, u, values], [shown, slopes])
        return shown, slopes


def kalman_steps(system: PlantSystem, substeps: int, linear: bool) -> KalmanSteps:
    """Return the equations of a system for a filter; they are written once and kept with the plant.

    Parameters
    ----------
    system : PlantSystem
        f, or f + n.
    substeps : int
        Steps of the solver in each step of the filter.
    linear : bool
        Whether inputs are straight lines between knots.

    Returns
    -------
    KalmanSteps
    """
    key = ("kalman", substeps, linear, structure(system))
    found = system.plant.once(key, lambda: KalmanSteps(CompiledSystem(system), substeps, linear))
    return cast(KalmanSteps, found)
