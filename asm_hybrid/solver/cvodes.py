"""Long simulations of one plant: CVODES through CasADi, with the sparse Jacobian.

Inputs are constant or linear from one time to the next, and no step crosses such a time. Each of these intervals is
integrated over its own unit time, so that one compiled integrator serves any times, `CHUNK` intervals a call.

References
----------
.. [1] Hindmarsh, A. C. et al. (2005): SUNDIALS: suite of nonlinear and differential/algebraic equation solvers. ACM
   Transactions on Mathematical Software 31, 363-396.
.. [2] Andersson, J. A. E. et al. (2019): CasADi: a software framework for nonlinear optimization and optimal control.
   Mathematical Programming Computation 11, 1-36.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import casadi
import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.interrupts import interruptible
from asm_hybrid.solver.moving import moving_states

__all__ = ["CHUNK", "CompiledProblem", "SteadyState"]

CHUNK = 96
"""Intervals that one call integrates."""

SETTLING_TIMES = (50.0, 200.0, 800.0, 3200.0, 12800.0)
"""Times over which a start is left to settle before Newton's iteration is tried, one after the other [d]."""

MAX_EVENTS = 50
"""Bound on events at one time."""

NEWTON_STEPS = 25
"""Bound on Newton's iterations."""

BELOW, MOVED = -1e-6, 1e-3
"""A state that falls below the first, and moves by more than the second of its size, is another root's."""

GROWTH = 1e-5
"""A disturbance of a steady state that grows faster than this is not taken for rounding [1/d]."""

LEFT = 36.0
"""Growth times time after which a plant would have left a state, even from rounding: e^36 is 4e15. One that still
stands there is held, as at a kink of the settler's fluxes, where the Jacobian tells of one side alone."""

TRACE = 1e-12
"""Concentration of what has run out [g/m3]."""

VOLUME = ".volume"
"""How the names of volumes end."""


@dataclass(frozen=True)
class SteadyState:
    """A steady state under constant inputs.

    Attributes
    ----------
    state : ndarray, shape (n,)
        The state.
    residual : float
        Largest ``|f| / (|x| + 1)`` [1/d].
    """

    state: np.ndarray
    residual: float


@dataclass(frozen=True)
class CompiledProblem:
    """``dx/dt = f(x, u)`` as CasADi expressions, and what integrates it.

    Attributes
    ----------
    state, inputs : SX, shape (n,) and (m,)
        Symbols.
    derivative : SX, shape (n,)
        f [unit/d].
    names : sequence of str
        Names of the states, for messages.
    events : SX, shape (k,), optional
        An event happens where an entry falls below zero.
    after : sequence of SX, shape (n,), optional
        The state after each event.
    tolerance, absolute : float
        Relative and absolute tolerance of the integration.
    chunk : int
        Intervals that one call integrates.
    """

    state: Any
    inputs: Any
    derivative: Any
    names: Sequence[str]
    events: Any = None
    after: Sequence[Any] = ()
    tolerance: float = 1e-5
    absolute: float = 1e-13
    chunk: int = CHUNK
    _integrators: dict[tuple[str, float, bool], Any] = field(default_factory=dict, repr=False)

    def run(
        self,
        x0: np.ndarray,
        times: np.ndarray,
        begin: np.ndarray,
        end: np.ndarray | None = None,
        *,
        progress: Callable[[float], None] | None = None,
    ) -> np.ndarray:
        """Integrate from the first time to the last.

        Parameters
        ----------
        x0 : ndarray, shape (n,)
            State at the first time.
        times : ndarray, shape (k + 1,)
            Ascending times [d]; inputs may jump there, and the state is returned there.
        begin, end : ndarray, shape (k, m)
            Inputs at both ends of each interval between times, linear in between; without the latter they are held.
        progress : callable, optional
            Called with the share that is done.

        Returns
        -------
        ndarray, shape (k + 1, n)
            States at the times.

        Raises
        ------
        SimulationError
            When the integrator fails, with standard and with tighter settings; names time, states and the likely cause.
        """
        for values in (begin, end):
            if values is not None and not np.isfinite(values).all():
                row = int(np.argmin(np.isfinite(values).all(axis=1)))
                raise SimulationError(f"an input is not a number from {times[row]:.6g} d on")
        lengths, linear = np.diff(times), end is not None
        controls = np.hstack([begin, lengths[:, None]])
        if end is not None:
            controls = np.hstack([controls, end - begin, np.zeros((len(lengths), 1))])
        found, size = [np.asarray(x0, dtype=float)[None]], self._size
        for first in range(0, len(lengths), size):
            part = controls[first : first + size]
            padded = np.vstack([part, np.repeat(part[-1:], size - len(part), axis=0)])
            padded[len(part) :, self.inputs.numel()] = 0.0
            if linear:
                padded[:, -1] = np.arange(size)
            start = self._switched(found[-1][-1], begin[first]) if self.after else found[-1][-1]
            found.append(self._chunk(start, padded, times[first], times[first + len(part)], linear)[: len(part)])
            if progress is not None:
                progress((first + len(part)) / len(lengths))
        return np.vstack(found)

    def _chunk(self, x0: np.ndarray, controls: np.ndarray, start: float, end: float, linear: bool) -> np.ndarray:
        """Integrate over one call's intervals, with other settings where it fails."""
        tries = [("rosenbrock", 1.0), ("rosenbrock", 0.01)] if self.after else [("cvodes", 1.0), ("cvodes", 0.01)]
        for plugin, factor in [*tries, ("rosenbrock", 0.1)]:
            try:
                with interruptible():
                    found = np.array(self._integrator(plugin, factor, linear)(x0=x0, u=controls.T)["xf"]).T
            except RuntimeError:
                continue
            if np.isfinite(found).all():
                return found
        raise SimulationError(self._failure(x0, controls[0, : self.inputs.numel()], start, end))

    def _failure(self, x: np.ndarray, u: np.ndarray, start: float, end: float) -> str:
        slope = self._slope(x, u)
        speed = np.abs(slope) / (np.abs(x) + 1.0)
        worst = np.argsort(np.where(np.isfinite(speed), -speed, -np.inf))[:3]
        named = ", ".join(f"{self.names[i]} = {x[i]:.4g} (changing by {slope[i]:.3g} a day)" for i in worst)
        empty = [
            n for n, v, s in zip(self.names, x, slope, strict=True) if n.endswith(VOLUME) and v + s * (end - start) < 0
        ]
        if empty:
            cause = f"that a tank runs empty: {empty[0]} falls to zero"
        elif not np.isfinite(slope).all():
            cause = "some rate of change is not a number: a flow, volume or concentration is out of its range"
        else:
            cause = "an input that jumps to an extreme value, or a controller that is too fast for its actuator"
        return (
            f"the integration fails between {start:.4g} and {end:.4g} d, with standard and with tighter settings. "
            f"At its start the fastest states are {named}. The likely cause is {cause}"
        )

    @property
    def _size(self) -> int:
        """Intervals of one call; one where there are events, since a jump of the inputs may cause some."""
        return 1 if self.after else self.chunk

    def _switched(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Let events happen that are due at once.

        An entry that is zero and falls is due, too: the integrator looks for a change of sign, which it has behind it.
        """
        for _ in range(MAX_EVENTS):
            distance, speed = (np.array(found).ravel() for found in self._events(x, u))
            due = (distance < 0.0) | ((distance == 0.0) & (speed < 0.0))
            if not due.any():
                return x
            x = np.array(self._after[int(np.where(due, distance, np.inf).argmin())](x, u)).ravel()
        raise SimulationError("switches follow each other without end: the conditions of two contradict each other")

    @cached_property
    def _events(self) -> Any:
        speed = casadi.jtimes(self.events, self.state, self.derivative)
        return casadi.Function("events", [self.state, self.inputs], [self.events, speed])

    @cached_property
    def _after(self) -> list[Any]:
        return [casadi.Function("after", [self.state, self.inputs], [after]) for after in self.after]

    @cached_property
    def function(self) -> Any:
        """f(x, u) as a function of numbers."""
        return casadi.Function("f", [self.state, self.inputs], [self.derivative])

    @cached_property
    def jacobian(self) -> Any:
        """df/dx(x, u) as a function of numbers, sparse."""
        return casadi.Function("J", [self.state, self.inputs], [casadi.jacobian(self.derivative, self.state)])

    def _integrator(self, plugin: str, factor: float, linear: bool) -> Any:
        key = (plugin, factor, linear)
        if key not in self._integrators:
            m = self.inputs.numel()
            t, length, number = (casadi.SX.sym(n) for n in ("t", "length", "number"))
            base, slope = casadi.SX.sym("base", m), casadi.SX.sym("slope", m)
            now = base + slope * (t - number) if linear else base
            controls = casadi.vertcat(base, length, slope, number) if linear else casadi.vertcat(base, length)
            f = casadi.substitute(self.derivative, self.inputs, now)
            problem = {"t": t, "x": self.state, "u": controls, "ode": length * f}
            options: dict[str, Any] = {
                "reltol": self.tolerance * factor,
                "abstol": self.absolute * factor,
                "max_num_steps": 100_000,
                "show_eval_warnings": False,
            }
            if plugin == "cvodes":
                options["disable_internal_warnings"] = True
            if self.after:
                problem["zero"] = casadi.substitute(self.events, self.inputs, now)
                options["transition"] = self._transition(t, controls, now)
                options["max_events"] = 100_000
            grid = [float(k + 1) for k in range(self._size)]
            with contextlib.redirect_stderr(io.StringIO()):  # CasADi calls events experimental, each time
                self._integrators[key] = casadi.integrator("F", plugin, problem, 0.0, grid, options)
        return self._integrators[key]

    def _transition(self, t: Any, controls: Any, now: Any) -> Any:
        index, nothing = casadi.SX.sym("index"), casadi.SX.sym("nothing", 0)
        post = self.state
        for k, after in enumerate(self.after):
            post = casadi.if_else(index == k, after, post)
        post = casadi.substitute(post, self.inputs, now)
        given = {"index": index, "t": t, "x": self.state, "z": nothing, "p": casadi.SX.sym("p", 0), "u": controls}
        names = casadi.event_in()
        return casadi.Function("after", [given[n] for n in names], [post, nothing], names, casadi.event_out())

    def steady_state(self, x0: np.ndarray, u: np.ndarray, tolerance: float = 1e-9) -> SteadyState:
        """Find the steady state under constant inputs, also from far away.

        The start is left to settle by time integration, then Newton's iteration takes over (pseudo-transient
        continuation). What it finds is left again where small disturbances grow, as at a washout that nitrifiers would
        leave: no plant comes to rest there. Such a state is taken only where the plant stands at it all the same.

        Parameters
        ----------
        x0 : ndarray, shape (n,)
            Start.
        u : ndarray, shape (m,)
            Inputs.
        tolerance : float
            Largest ``|f| / (|x| + 1)`` [1/d] at the end.

        Returns
        -------
        SteadyState

        Raises
        ------
        SimulationError
            When there is none to be found; gives the residual.
        """
        x, passed, stands = np.asarray(x0, dtype=float), 0.0, None
        for time in SETTLING_TIMES:
            try:
                x = self.run(x, np.array([0.0, time]), u[None])[-1]
            except SimulationError as error:
                if stands is not None:
                    return stands
                moves = moving_states(self.names, x, self._slope(x, u))
                raise SimulationError(
                    f"no steady state was found: {error}. After {passed:.0f} d of constant inputs {moves}"
                ) from None
            passed += time
            state, residual = self._newton(x, u, tolerance)
            if not residual < tolerance or _elsewhere(x, state):
                stands = None
                continue
            found, growth = SteadyState(state, residual), self._growth(x0, state, u)
            stands = None if _moved(x, state).any() else found
            growing = growth[growth > GROWTH]
            if not growing.size or (stands is not None and (growing * passed > LEFT).all()):
                return found
        if stands is not None:
            return stands
        slope = self._slope(x, u)
        residual = float(np.max(np.abs(slope) / (np.abs(x) + 1.0)))
        moves = moving_states(self.names, x, slope)
        raise SimulationError(
            f"no steady state was found after {passed:.0f} d of constant inputs: {moves}. "
            f"The largest relative rate of change is still {residual:.2g} 1/d"
        )

    def _slope(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.array(self.function(x, u)).ravel()

    def _newton(self, x: np.ndarray, u: np.ndarray, tolerance: float) -> tuple[np.ndarray, float]:
        """Return the state of Newton's iteration with the smallest residual, and that.

        It goes on while its steps become shorter, which no scale of the equations changes; the residual may grow on the
        way (Deuflhard 2004, Newton methods for nonlinear problems, section 3.3).
        """
        best, smallest, shortest, scale = x, np.inf, np.inf, np.abs(x) + 1.0
        for _ in range(NEWTON_STEPS):
            f = self._slope(x, u)
            residual = float(np.max(np.abs(f) / scale))
            if residual < smallest:
                best, smallest = x, residual
            if not residual > tolerance / 100:
                break
            J = self.jacobian(x, u)
            still = np.array(casadi.sum2(casadi.fabs(J))).ravel() == 0.0
            try:
                solved = casadi.solve(J - casadi.diag(casadi.DM(still.astype(float))), casadi.DM(f), "csparse")
            except RuntimeError:  # a singular matrix: there is no state near by, or more than one
                break
            step = np.array(solved).ravel()
            length = float(np.max(np.abs(step) / scale))
            if not length < shortest:
                break
            x, shortest = x - step, length
        return best, smallest

    def _growth(self, start: np.ndarray, found: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return how fast disturbances grow [1/d]; what was absent from the start stays so, and is none.

        What has run out is taken as a trace: below zero its rates are cut off, and so would be its growth.
        """
        gone = np.abs(found) < TRACE
        present = ~gone | (start != 0.0)
        J = np.array(self.jacobian(np.where(gone & present, TRACE, found), u))[np.ix_(present, present)]
        return np.asarray(np.linalg.eigvals(J).real)


def _elsewhere(settled: np.ndarray, found: np.ndarray) -> bool:
    """Return whether Newton's iteration left for a root below zero, which the plant itself does not go to."""
    return bool(((found < BELOW) & (settled >= 0.0) & _moved(settled, found)).any())


def _moved(settled: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return which states Newton's iteration moved by more than a little."""
    return np.asarray(np.abs(found - settled) > MOVED * (np.abs(settled) + 1.0))
