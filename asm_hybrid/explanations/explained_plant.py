"""f with everything that an explanation may move, compiled once: its simulation, and what small changes do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import casadi
import numpy as np
import torch

from asm_hybrid.explanations.rate_factors import RateFactors, Shape
from asm_hybrid.hybrid.compiled_system import CompiledSystem
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.plant.casadi_plant import SymbolicSystem
from asm_hybrid.plant.namespace import Matrix
from asm_hybrid.solver.compiled_calls import call
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.steady import steady_state
from asm_hybrid.solver.variation import sensitivities

__all__ = ["ExplainedPlant", "Simulated"]


@dataclass(frozen=True)
class Simulated:
    """One simulation of the record.

    Attributes
    ----------
    values : ndarray, shape (value,)
        Parameters of the table, and coefficients of the shapes.
    inputs : ndarray, shape (knot, input)
        Inputs.
    outputs : ndarray, shape (point, target)
        What is recorded.
    states : ndarray, shape (knot, state)
        Active states.
    steady : ndarray, shape (state,)
        The steady state that the first one was made from.
    """

    values: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    states: np.ndarray
    steady: np.ndarray


@dataclass(frozen=True, eq=False)
class _System(CompiledSystem):
    """f with factors on its rates; values are parameters and coefficients."""

    shapes: tuple[Shape, ...] = ()

    @cached_property
    def _terms(self) -> list[Any]:
        return []

    @cached_property
    def _learnt(self) -> Any:
        return RateFactors(self.system.plant, self.shapes)

    @cached_property
    def values(self) -> Matrix:
        return casadi.vertcat(self._parameters, self._learnt.coefficients)

    @property
    def symbols(self) -> SymbolicSystem:
        return self._symbols

    def _function(self, name: str, results: Sequence[Matrix], more: Sequence[Matrix] = ()) -> Matrix:
        s = self._symbols
        found = [casadi.densify(r) for r in results]
        return casadi.Function(name, [s.state, s.inputs, self.values, *more], found, {"cse": True})


@dataclass(frozen=True, eq=False)
class ExplainedPlant:
    """A plant whose rates may have factors.

    Attributes
    ----------
    plant : Plant
        f, with all candidates whose rate constants may be other than zero.
    targets : tuple of str
        What is recorded.
    grid : Grid
        Knots and steps.
    shapes : tuple of Shape
        The φ of the factors.
    """

    plant: Plant
    targets: tuple[str, ...]
    grid: Grid
    shapes: tuple[Shape, ...] = ()
    _functions: dict[str, dict[int, Any]] = field(default_factory=dict, repr=False)

    @cached_property
    def _system(self) -> _System:
        defaults = torch.tensor([p.default for p in self.plant.table.parameters], dtype=torch.float64)
        return _System(PlantSystem(self.plant, defaults, self.targets), self.shapes)

    @cached_property
    def _steps(self) -> CompiledSteps:
        return CompiledSteps(self._system, self.grid)

    @cached_property
    def places(self) -> dict[str | Shape, int]:
        """Which of the values a parameter or the coefficient of a shape is."""
        entries: list[str | Shape] = [*self.plant.table.parameter_names, *self.shapes]
        return {entry: i for i, entry in enumerate(entries)}

    @property
    def active(self) -> np.ndarray:
        """Which entries of the plant's state are states, bool ``(row, component)``."""
        return self._system.active

    @property
    def _held(self) -> np.ndarray:
        """One for states that do not move, since their concentrations are imposed, ``(state,)``."""
        held = np.zeros(self.plant.shape)
        held[: self.plant.tanks] = 1.0 - self.plant.free
        return np.asarray(held[self.active])

    def prepare(self, knots: int) -> None:
        """Write all functions, before threads use them."""
        self._steps.write(knots - 1)
        _ = self._slopes, self._shown, self._system.derivative, self._steps

    @cached_property
    def _slopes(self) -> Any:
        """From state, inputs and values to df/dx, df/du and df/dv."""
        s, v = self._system.symbols, self._system.values
        rows = [casadi.jacobian(s.derivative, a) for a in (s.state, s.inputs, v)]
        return casadi.Function("slopes", [s.state, s.inputs, v], rows, {"cse": True})

    @cached_property
    def _shown(self) -> Any:
        """From state, inputs and values to dy/dx, dy/du and dy/dv."""
        s, v = self._system.symbols, self._system.values
        x, u, values = (
            casadi.SX.sym("x", s.state.numel()),
            casadi.SX.sym("u", s.inputs.numel()),
            casadi.SX.sym("v", v.numel()),
        )
        y = self._system.output(x, u, values)
        return casadi.Function("shown", [x, u, values], [casadi.jacobian(y, a) for a in (x, u, values)], {"cse": True})

    def steady(self, values: np.ndarray, u: np.ndarray, guess: np.ndarray) -> np.ndarray:
        """Return the steady state under constant inputs, ``(state,)``, from a guess near it."""
        system, imposed = self._system, np.diag(self._held)
        positive = torch.as_tensor(np.broadcast_to(self.plant.limiting > 0, self.plant.shape)[self.active].copy())

        def derivative(x: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(np.array(system.derivative(x[0].numpy(), u, values)).T)

        def jacobian(x: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self._slopes(x[0].numpy(), u, values)[0].full() - imposed)[None]

        found = steady_state(derivative, jacobian, torch.as_tensor(guess)[None], positive=positive)
        return np.asarray(found[0])

    def simulate(self, values: np.ndarray, inputs: np.ndarray, steady: np.ndarray, factors: np.ndarray) -> Simulated:
        """Run over inputs ``(knot, input)`` from a steady state ``(state,)`` times factors on it ``(state,)``."""
        inputs = np.ascontiguousarray(inputs)
        outputs, states = self._steps.run(steady * factors, inputs, values)
        return Simulated(values, inputs, outputs, states, steady)

    def responses(
        self,
        run: Simulated,
        typical: np.ndarray,
        directions: np.ndarray,
        drives: Sequence[np.ndarray],
        firsts: Sequence[np.ndarray],
    ) -> np.ndarray:
        """Return what small changes of values and inputs do to what is recorded at the knots.

        Parameters
        ----------
        run : Simulated
            The simulation that is changed. It begins in the steady state under the mean of its first inputs.
        typical : ndarray, shape (knot,)
            Weights of the inputs whose mean that is.
        directions : ndarray, shape (value, change)
            Changes of values.
        drives : sequence of ndarray, shape (knot, input)
            Changes of inputs.
        firsts : sequence of ndarray, shape (state,)
            Changes of the first state.

        Returns
        -------
        ndarray, shape (knot, target, change)
            First those of values, then those of inputs, then those of the first state.
        """
        knots = len(run.states)
        m, p, q, r = run.inputs.shape[1], directions.shape[1], len(drives), len(firsts)
        used = np.flatnonzero((directions != 0.0).any(1))
        drive = np.stack(drives, axis=-1) if q else np.zeros((knots, m, 0))
        moved = np.flatnonzero((drive != 0).any((0, 2)))
        held = self._held
        slopes, shown = self._subset("slopes", used, moved), self._subset("shown", used, moved)
        lo = typical @ run.inputs

        def direct(fv: np.ndarray, fu: np.ndarray, du: np.ndarray) -> np.ndarray:
            rest = np.zeros((*fv.shape[:-1], r))
            return np.concatenate([fv @ directions[used], fu @ du[..., moved, :], rest], axis=-1)

        def at(begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
            jac, fu, fv = _mapped(slopes, run.states[begin:end], run.inputs[begin:end], run.values)
            return jac, direct(fv, fu, drive[begin:end])

        jac, fu, fv = _mapped(slopes, run.steady[None], lo[None], run.values)
        mean = np.einsum("k,kmq->mq", typical, drive)
        start = np.linalg.solve(jac[0] - np.diag(held), -direct(fv[0], fu[0], mean) * (1.0 - held)[:, None])
        whole = run.steady != 0.0
        start[whole] *= (run.states[0, whole] / run.steady[whole])[:, None]
        for k, first in enumerate(firsts):
            start[:, p + q + k] = first
        out = np.empty((knots, len(self.targets), p + q + r))

        def see(begin: int, found: np.ndarray) -> None:
            end = begin + len(found)
            yx, yu, yv = _mapped(shown, run.states[begin:end], run.inputs[begin:end], run.values)
            out[begin:end] = yx @ found + direct(yv, yu, drive[begin:end])

        sensitivities(at, start, self.grid.interval, knots, see)
        return out

    def _subset(self, name: str, used: np.ndarray, moved: np.ndarray) -> dict[int, Any]:
        """Return the slopes with respect to states, some inputs and some values, by how many knots they take."""
        key = f"{name} {used.tolist()} {moved.tolist()}"
        if key not in self._functions:
            full = self._slopes if name == "slopes" else self._shown
            s, v = self._system.symbols, self._system.values
            x, u, values = (casadi.SX.sym(t, a.numel()) for t, a in (("x", s.state), ("u", s.inputs), ("v", v)))
            found = full(x, u, values)
            parts = [found[0], found[1][:, moved.tolist()], found[2][:, used.tolist()]]
            self._functions[key] = {1: casadi.Function(name, [x, u, values], parts, {"cse": True})}
        return self._functions[key]


def _mapped(functions: dict[int, Any], states: np.ndarray, inputs: np.ndarray, values: np.ndarray) -> list[np.ndarray]:
    """Evaluate a function at many knots, its sparse results as dense arrays ``(knot, row, column)``."""
    count, function = len(states), functions[1]
    if count not in functions:
        functions[count] = function.map(count)
    found = [np.empty((count, function.nnz_out(k))) for k in range(function.n_out())]
    call(
        functions[count],
        [np.ascontiguousarray(states), np.ascontiguousarray(inputs), np.tile(values, (count, 1))],
        found,
    )
    out = []
    for k, entries in enumerate(found):
        rows, columns = (np.asarray(i, dtype=int) for i in function.sparsity_out(k).get_triplet())
        dense = np.zeros((count, *function.size_out(k)))
        dense[:, rows, columns] = entries
        out.append(dense)
    return out
