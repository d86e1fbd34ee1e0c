"""Schedules by gradients: the equations of the plant as constraints of a nonlinear program, solved by IPOPT.

States and schedule are unknowns together [1]_, [2]_. Within an element of time the states follow a polynomial whose
slopes are right at the two points of Radau IIA, an implicit method of order 3 that bears stiffness [3]_::

    Σ_j C_ji x_j = h (f + n)(x_i, u_i),   i = 1, 2

Inputs count as their means over the part of an element that a point stands for, so that loads are kept. Means over
time are sums with the weights of the same method, 3/4 and 1/4.

References
----------
.. [1] Biegler, L. T. (2010): Nonlinear Programming. SIAM, chapter 10: simultaneous methods for dynamic optimisation.
.. [2] Waechter, A. and Biegler, L. T. (2006): On the implementation of an interior-point filter line-search algorithm
   for large-scale nonlinear programming. Mathematical Programming 106, 25-57: IPOPT.
.. [3] Hairer, E. and Wanner, G. (1996): Solving Ordinary Differential Equations II. Springer, section IV.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import casadi
import numpy as np

from asm_hybrid.optimisation.schedules import Schedule
from asm_hybrid.optimisation.symbolic_figures import SymbolicFigures
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.solver.interrupts import interruptible

__all__ = ["Planned", "Transcription", "mean_of_inputs"]

ELEMENT = 1.0 / 24.0
"""Longest element of time [d]."""
POINTS = 2
"""Points of Radau IIA in an element."""
SAME = 1e-7
"""Times that differ by less than this [d] are one."""
SMOOTHING = 1e-3
"""What a schedule costs that goes from one end of its range to the other at every step, by what is minimised [-]. It
decides between schedules that are all but equally good."""
IPOPT: Any = {
    "max_iter": 200,
    "tol": 1e-6,
    "acceptable_tol": 1e-4,
    "mu_strategy": "adaptive",
    "print_level": 0,
    "sb": "yes",
}
"""Options of IPOPT; the program is scaled."""
RADAU = casadi.collocation_points(POINTS, "radau")
SLOPES, _, WEIGHTS = casadi.collocation_coeff(RADAU)
"""What takes the states of an element to slopes, and the weights of its points."""
INSIDE = 1e-4
"""Share by which steps stay within what they may be, so that rounded ones do as well."""
LEAST = 1e-3
"""Least size by which a state is scaled, in its unit."""


@dataclass(frozen=True)
class Planned:
    """What the program gave. None of its figures is a result: these come from a simulation.

    Attributes
    ----------
    values : ndarray, shape (variable,)
        The values of the schedules, one after the other, within their bounds.
    figures : mapping of str to float
        Indicators as the program has them.
    status : str
        IPOPT's word for how it ended.
    converged : bool
        Whether it found a local optimum.
    iterations : int
        Its iterations.
    """

    values: np.ndarray
    figures: Mapping[str, float]
    status: str
    converged: bool
    iterations: int


@dataclass(frozen=True, eq=False)
class Transcription:
    """One plant over one period, with schedules to be found.

    Attributes
    ----------
    compiled : CompiledPlant
        f, or f + n with one of its members, without anything that switches or arrives late.
    figures : SymbolicFigures
        What is minimised and limited.
    inputs : InputSeries
        Inputs at present.
    record : PlantRecord
        The simulation at present, from which the search begins.
    schedules : sequence of Schedule
        What is to be found.
    since : float
        Day from which on figures count.
    """

    compiled: CompiledPlant
    figures: SymbolicFigures
    inputs: InputSeries
    record: PlantRecord
    schedules: Sequence[Schedule]
    since: float

    @cached_property
    def edges(self) -> np.ndarray:
        """Times between the elements [d], ``(element + 1,)``."""
        end = float(self.inputs.times[-1])
        fixed = np.unique(np.concatenate([[0.0, self.since, end], *(s.edges for s in self.schedules)]))
        fixed = fixed[np.concatenate([[True], np.diff(fixed) > SAME]) & (fixed >= 0) & (fixed <= end)]
        parts = [np.linspace(a, b, int(np.ceil((b - a) / ELEMENT - SAME)) + 1)[:-1] for a, b in pairwise(fixed)]
        return np.append(np.concatenate(parts), fixed[-1])

    @cached_property
    def _element(self) -> Any:
        """From the states at begin, first and second point, inputs there, values of the schedules, and length.

        It gives the defects of the equations ``(2 n,)`` and the integral of what counts, ``(mean,)``.
        """
        system, figures = self.compiled.system, self.figures
        n, m = system.state.numel(), system.inputs.numel()
        x = [casadi.SX.sym(f"x{i}", n) for i in range(POINTS + 1)]
        u = [casadi.SX.sym(f"u{i}", m) for i in range(POINTS)]
        p, length = casadi.SX.sym("p", len(self.schedules)), casadi.SX.sym("length")
        slope = casadi.Function("slope", [system.state, system.inputs], [system.derivative])
        defects, integral = [], casadi.SX.zeros(figures.moment.numel_out(0))
        for i in range(POINTS):
            moved = casadi.SX(u[i])
            for k, schedule in enumerate(self.schedules):
                for place in schedule.places:
                    moved[place] = schedule.moved(u[i][place], p[k])
            own = sum(float(SLOPES[j, i]) * x[j] for j in range(POINTS + 1))
            defects.append(own - length * slope(x[i + 1], moved))
            integral += length * float(WEIGHTS[i]) * figures.moment(x[i + 1], moved)
        return casadi.Function("element", [*x, *u, p, length], [casadi.vertcat(*defects), integral], {"cse": True})

    @cached_property
    def _scale(self) -> np.ndarray:
        """Sizes of the states, ``(n,)``."""
        return np.asarray(np.maximum(np.abs(self.record.states).max(axis=0), LEAST))

    @cached_property
    def _given(self) -> list[np.ndarray]:
        """Inputs at both points of every element, ``(element, m)`` each."""
        edges = self.edges
        cut = edges[:-1] + float(WEIGHTS[0]) * np.diff(edges)
        return [mean_of_inputs(self.inputs, a, b) for a, b in ((edges[:-1], cut), (cut, edges[1:]))]

    @cached_property
    def _counts(self) -> np.ndarray:
        """Which elements count for the figures, one or zero, ``(element,)``."""
        return (self.edges[:-1] >= self.since - SAME).astype(float)

    @cached_property
    def _elements(self) -> Any:
        """`_element` of all elements side by side, what passes before figures count being none."""
        return self._element.map(len(self.edges) - 1)

    def _present(self, times: np.ndarray) -> np.ndarray:
        """Return the states at present at some times, ``(n, time)``."""
        return np.stack([np.interp(times, self.record.times, column) for column in self.record.states.T])

    @cached_property
    def _at_present(self) -> tuple[np.ndarray, np.ndarray]:
        """States at the first point and at the end of every element at present, ``(n, element)``."""
        edges = self.edges
        return self._present(edges[:-1] + RADAU[0] * np.diff(edges)), self._present(edges[1:])

    def _rows(self, p: Any) -> Any:
        """Return the values of the schedules by element, ``(schedule, element)``."""
        parts = zip(self.schedules, self._offsets, strict=True)
        return casadi.vertcat(*(p[(offset + s.variable_at(self.edges[:-1])).tolist()].T for s, offset in parts))

    def _run(self, p: Any, first: Any, nodes: Any) -> tuple[Any, Any]:
        """Return defects, and what passes by element, of values of the schedules and states."""
        before = casadi.horzcat(casadi.DM(self.record.states[0]), nodes[:, :-1])
        given = [casadi.DM(u.T) for u in self._given]
        lengths = casadi.DM(np.diff(self.edges)).T
        defects, passing = self._elements(before, first, nodes, *given, self._rows(p), lengths)
        return defects, passing * casadi.repmat(casadi.DM(self._counts).T, passing.shape[0], 1)

    @cached_property
    def _sizes(self) -> np.ndarray:
        """What passes in the whole at present, by which it is scaled, ``(mean,)``."""
        start = casadi.DM([schedule.low for schedule in self.schedules for _ in range(schedule.count)])
        _, passing = self._run(start, *map(casadi.DM, self._at_present))
        return np.asarray(np.maximum(np.abs(np.array(casadi.sum2(passing))).ravel(), LEAST))

    @cached_property
    def _unknowns(self) -> tuple[Any, Any, Any, Any]:
        """Values of the schedules, scaled states at the first point and the end of elements, and what has passed."""
        n, count = len(self._scale), len(self.edges) - 1
        return (
            casadi.MX.sym("p", sum(s.count for s in self.schedules)),
            casadi.MX.sym("first", n, count),
            casadi.MX.sym("nodes", n, count),
            casadi.MX.sym("passed", len(self._sizes), count),
        )

    @cached_property
    def _equations(self) -> Any:
        """What must be zero: the defects, and what has passed until the end of each element, summed up.

        The sums are unknowns of their own, so that every row of the equations holds those of one element alone.
        """
        p, first, nodes, passed = self._unknowns
        count = len(self.edges) - 1
        spread, sizes = (casadi.repmat(casadi.DM(v), 1, count) for v in (self._scale, self._sizes))
        defects, passing = self._run(p, first * spread, nodes * spread)
        sums = passed - casadi.horzcat(casadi.DM.zeros(len(self._sizes)), passed[:, :-1]) - passing / sizes
        return casadi.vertcat(casadi.vec(defects / casadi.vertcat(spread, spread)), casadi.vec(sums))

    @cached_property
    def _figures(self) -> Any:
        """Indicators as functions of the unknowns, ``(name,)``."""
        _, _, nodes, passed = self._unknowns
        days, scale = float(self.edges[-1] - self.since), casadi.DM(self._scale)
        stored, first = self.figures.stored, int(np.argmax(self._counts > 0))
        start = casadi.DM(self.record.states[0]) if first == 0 else nodes[:, first - 1] * scale
        inputs = self._given[-1]
        rises = stored(nodes[:, -1] * scale, inputs[-1]) - stored(start, inputs[first])
        return self.figures.total(passed[:, -1] * casadi.DM(self._sizes) / days, rises, days)

    def _guess(self, start: np.ndarray) -> list[np.ndarray]:
        """Return states at present and what passes there with values of the schedules, scaled, to begin with."""
        states = self._at_present
        _, passing = self._run(casadi.DM(start), *map(casadi.DM, states))
        passed = np.cumsum(np.array(passing), axis=1) / self._sizes[:, None]
        return [*((x / self._scale[:, None]).ravel(order="F") for x in states), passed.ravel(order="F")]

    def solve(
        self,
        objective: Mapping[str, float],
        limits: Mapping[str, float],
        start: np.ndarray,
        present: Mapping[str, float],
    ) -> Planned:
        """Find the schedules with the smallest weighted sum of figures within limits.

        Parameters
        ----------
        objective : mapping of str to float
            Weights by figure.
        limits : mapping of str to float
            Largest values by figure.
        start : ndarray, shape (variable,)
            Values of the schedules to begin with.
        present : mapping of str to float
            Figures at present, by whose size the program is scaled.

        Returns
        -------
        Planned
        """
        p, first, nodes, passed = self._unknowns
        figures = self._figures
        named = {name: figures[i] for i, name in enumerate(self.figures.names)}
        size = sum(abs(w * present[name]) for name, w in objective.items()) or 1.0
        smooth, changes, most = self._changes(p)
        goal = sum(w * named[name] for name, w in objective.items()) / size + smooth
        held = [named[name] / max(abs(bound), LEAST) for name, bound in limits.items()]
        upper = [bound / max(abs(bound), LEAST) for bound in limits.values()]
        program = {
            "x": casadi.vertcat(p, *map(casadi.vec, (first, nodes, passed))),
            "f": goal,
            "g": casadi.vertcat(self._equations, *held, *changes),
        }
        low, high = self._bounds
        equal = np.zeros(self._equations.numel())
        solver = casadi.nlpsol("plan", "ipopt", program, {"ipopt": IPOPT, "print_time": False})
        with interruptible():
            found = solver(
                x0=np.concatenate([start, *self._guess(start)]),
                lbx=low,
                ubx=high,
                lbg=np.concatenate([equal, np.full(len(upper), -np.inf), [-m for m in most]]),
                ubg=np.concatenate([equal, upper, most]),
            )
        stats, values = solver.stats(), np.array(found["x"]).ravel()[: len(start)]
        numbers = casadi.Function("figures", [program["x"]], [figures])(found["x"])
        return Planned(
            np.clip(values, low[: len(start)], high[: len(start)]),
            dict(zip(self.figures.names, np.array(numbers).ravel().tolist(), strict=True)),
            str(stats["return_status"]),
            bool(stats["success"]),
            int(stats["iter_count"]),
        )

    @property
    def _offsets(self) -> list[int]:
        """Where the values of each schedule begin."""
        return [int(first) for first in np.cumsum([0, *(s.count for s in self.schedules)])[:-1]]

    def _changes(self, p: Any) -> tuple[Any, list[Any], list[float]]:
        """Return what unsteady schedules cost, and the steps between values with the largest that they may be."""
        smooth, changes, most = casadi.MX(0.0), list[Any](), list[float]()
        for schedule, offset in zip(self.schedules, self._offsets, strict=True):
            pairs = schedule.neighbours
            if not len(pairs):
                continue
            steps = (p[offset + pairs[:, 1]] - p[offset + pairs[:, 0]]) / (schedule.high - schedule.low)
            smooth += SMOOTHING * casadi.sumsqr(steps) / len(pairs) / len(self.schedules)
            if schedule.most is not None:
                changes.append(steps)
                most += [(1.0 - INSIDE) * schedule.most / (schedule.high - schedule.low)] * len(pairs)
        return smooth, changes, most

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of all unknowns; concentrations are not negative where they are not at present."""
        steered = {name for controller in self.compiled.plant.controllers for name in controller.states}
        own = np.array([name in steered for name in self.compiled.system.names])
        floor = np.where(own | (self.record.states.min(axis=0) < 0), -np.inf, 0.0)
        count, sums = POINTS * (len(self.edges) - 1), (len(self.edges) - 1) * len(self._sizes)
        low = [np.full(s.count, s.low) for s in self.schedules]
        high = [np.full(s.count, s.high) for s in self.schedules]
        return (
            np.concatenate([*low, np.tile(floor, count), np.full(sums, -np.inf)]),
            np.concatenate([*high, np.full(count * len(floor) + sums, np.inf)]),
        )


def mean_of_inputs(inputs: InputSeries, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the means of inputs over spans of time.

    Parameters
    ----------
    inputs : InputSeries
        The inputs.
    begin, end : ndarray, shape (k,)
        Begin and end of each span [d].

    Returns
    -------
    ndarray, shape (k, m)
    """
    last = inputs.begin if inputs.end is None else inputs.end
    lengths = np.diff(inputs.times)[:, None]
    whole = np.vstack([np.zeros(inputs.begin.shape[1]), np.cumsum(lengths * (inputs.begin + last) / 2, axis=0)])

    def integral(times: np.ndarray) -> np.ndarray:
        k = np.clip(np.searchsorted(inputs.times, times, side="right") - 1, 0, len(lengths) - 1)
        passed = (times - inputs.times[k])[:, None]
        slope = (last[k] - inputs.begin[k]) / lengths[k]
        return np.asarray(whole[k] + passed * inputs.begin[k] + slope * passed**2 / 2)

    return np.asarray((integral(end) - integral(begin)) / (end - begin)[:, None])
