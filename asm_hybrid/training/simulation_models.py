"""Models that can be simulated: what training, scoring and scenarios share."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.compiled_neural import neural_derivative, neural_values
from asm_hybrid.hybrid.compiled_system import CompiledSystem, open_values, structure
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import OnOff, Plant
from asm_hybrid.plant.acidity import unbalanced
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.solver.compiled_explicit import CompiledExplicit
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.solver.explicit import integrate_explicit
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution, integrate
from asm_hybrid.solver.steady import steady_state

__all__ = [
    "SETTLING",
    "CompiledModel",
    "CompiledNeural",
    "NeuralModel",
    "PlantModel",
    "SimulationModel",
    "returns",
    "start_state",
    "without_gradients",
]


SETTLING = 4
"""Steps in the first interval of a window for every one in the others: a start that is learnt, carried over or measured
does not fit the slow course of its fast states, and these settle within minutes. In `benchmarks/train_step.py` the
gradient errs by 4.0e-3 with one step of 15 min in all intervals, and by 7.6e-4 with four in the first."""
RETURNS = 90
"""Bound on the times that a course of inputs is run."""
RETURNED = 1e-6
"""Largest change of a state over its size plus one, in its unit, from one time to the next at the end [-]."""


class SimulationModel(Protocol):
    """Anything with states that runs over inputs.

    Attributes
    ----------
    simulate : callable
        From a state and inputs to a `Solution`.
    """

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``."""


@dataclass(frozen=True)
class PlantModel:
    """f, or f + n, on a grid. States ``(…, row, component)``.

    Attributes
    ----------
    system : PlantSystem
        The model.
    grid : Grid
        Knots and steps; the first interval has `settling` times as many.
    compiled : bool
        Whether the solver's step is compiled.
    checkpoint : int or None
        Knot intervals whose steps are held in memory at once for the backward pass; None for all.
    settling : int
        One where a simulation goes on from a state that it has reached, so that it ends as it would have in one go.
    """

    system: PlantSystem
    grid: Grid
    compiled: bool = False
    checkpoint: int | None = None
    settling: int = SETTLING

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``."""
        term = self.system.term
        again = self.compiled or self.checkpoint is not None  # weights enter each step, as it is compiled or repeated
        with nullcontext() if term is None or again else term.fixed():
            return integrate(
                self.system,
                x0,
                inputs,
                replace(self.grid, settling=self.settling),
                record_knots=record_knots,
                compiled=self.compiled,
                checkpoint=self.checkpoint,
            )


@dataclass(frozen=True)
class NeuralModel:
    """The pure neural ODE on a grid. States ``(member, …, variable)`` are the outputs.

    Attributes
    ----------
    ode : NeuralODE
        The model.
    grid : Grid
        Knots, at which it is recorded.
    """

    ode: NeuralODE
    grid: Grid

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``."""
        grid = self.grid
        path = integrate_explicit(self.ode.derivative, x0, inputs, grid.interval, linear=grid.linear)
        return _of_path(path, record_knots)


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """f, or f + n, as a `PlantModel` gives it, to rounding: without gradients, in float64 on the CPU, and faster.

    Windows and members run one by one, several at a time on the cores there are, and none depends on what else is
    simulated beside it. Equations are written at the first call and kept with the plant: the weights of n and the
    parameters are those that the system has at the time of a call.

    Attributes
    ----------
    system : PlantSystem
        The model.
    grid : Grid
        Knots and steps; the first interval has `settling` times as many.
    settling : int
        See `PlantModel`.
    """

    system: PlantSystem
    grid: Grid
    settling: int = SETTLING

    @property
    def _steps(self) -> CompiledSteps:
        grid = replace(self.grid, settling=self.settling)
        key = (grid, structure(self.system))
        return cast(
            CompiledSteps, self.system.plant.once(key, lambda: CompiledSteps(CompiledSystem(self.system), grid))
        )

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``.

        A window holds NaN from where it leaves the numbers. Where it comes to water of no pH from 2 to 12 its outputs
        do, and its states stay, so that what the water is can be told.
        """
        steps, system, active = self._steps, self.system, self.system.plant.rows.active > 0
        lead = np.broadcast_shapes(x0.shape[:-2], inputs.shape[:-2], system.parameters.shape[:-1])
        start, driven = (_everywhere(v, lead, 2) for v in (x0, inputs))
        values, count = open_values(system, lead), inputs.shape[-2]
        outputs = np.empty((*lead, (count - 1) * self.grid.points + 1, len(system.targets)))
        knots = np.empty((*lead, count if record_knots else 1, *x0.shape[-2:]))

        steps.write(count - 1)
        acidity, balanced = cast(CompiledSystem, steps.system).acidity, np.ones(lead, dtype=bool)

        def run(window: tuple[int, ...]) -> None:
            outputs[window], states = steps.run(start[window][active], driven[window], values(window))
            if acidity is not None:
                pH = np.array(acidity(states.T, driven[window].T, values(window)))
                without = np.flatnonzero(unbalanced(pH).any(axis=0))
                balanced[window] = not without.size
                outputs[window][self.grid.points * without[0] if without.size else len(outputs[window]) :] = np.nan
            knots[window][:] = start[window]
            knots[window][:, active] = states[-len(knots[window]) :]

        side_by_side(run, lead)
        final = torch.as_tensor(knots[..., -1, :, :])
        return Solution(
            outputs=torch.as_tensor(outputs),
            knots=torch.as_tensor(knots) if record_knots else None,
            final=final,
            ok=torch.isfinite(final).flatten(-2).all(-1) & torch.as_tensor(balanced),
        )


@dataclass(frozen=True, eq=False)
class CompiledNeural:
    """The pure neural ODE as a `NeuralModel` gives it, to rounding: without gradients, on the CPU, and faster.

    Attributes
    ----------
    ode : NeuralODE
        The model.
    grid : Grid
        Knots, at which it is recorded.
    """

    ode: NeuralODE
    grid: Grid

    @cached_property
    def _steps(self) -> CompiledExplicit:
        return CompiledExplicit(neural_derivative(self.ode), self.grid)

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``."""
        lead = np.broadcast_shapes(x0.shape[:-1], inputs.shape[:-2])
        start, driven = _everywhere(x0, lead, 1), _everywhere(inputs, lead, 2)
        steps, values = self._steps, neural_values(self.ode)
        path = np.empty((*lead, inputs.shape[-2], x0.shape[-1]))
        steps.write(inputs.shape[-2] - 1)

        def run(window: tuple[int, ...]) -> None:
            path[window] = steps.run(start[window], driven[window], values(window[0]))

        side_by_side(run, lead)
        found = torch.as_tensor(path)
        return _of_path(found, record_knots)


@dataclass(frozen=True)
class _Detached:
    """A model without its gradients."""

    model: SimulationModel

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        with torch.no_grad():
            return self.model.simulate(x0, inputs, record_knots=record_knots)


def without_gradients(model: SimulationModel) -> SimulationModel:
    """Return what simulates as a model does, to rounding, in the fastest way there is without gradients.

    All that needs no gradients goes through here. It is compiled on a CPU, in float64; elsewhere torch does it, as it
    does where something switches by what is measured.

    Parameters
    ----------
    model : SimulationModel
        The model. Its weights and parameters may change later.

    Returns
    -------
    SimulationModel
    """
    like = None
    if isinstance(model, PlantModel):
        like = None if model.system.switches else model.system.parameters
    elif isinstance(model, NeuralModel):
        like = model.ode.z_mean
    if like is None or like.device.type != "cpu" or like.dtype != torch.float64:
        return _Detached(model)
    if isinstance(model, PlantModel):
        return CompiledModel(model.system, model.grid, model.settling)
    assert isinstance(model, NeuralModel)
    return CompiledNeural(model.ode, model.grid)


def side_by_side(run: Callable[[tuple[int, ...]], None], lead: tuple[int, ...]) -> None:
    """Call a function for every window, as many at a time as there are cores.

    Parameters
    ----------
    run : callable
        Gets the place of a window in the leading axes, and fills in what is found there.
    lead : tuple of int
        The leading axes.
    """
    windows = list(np.ndindex(lead))
    threads = min(len(windows), available_cores())
    if threads < 2:
        for window in windows:
            run(window)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(run, windows):
            pass


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _everywhere(values: Tensor, lead: tuple[int, ...], own: int) -> np.ndarray:
    """Return values for every window; those of a window are contiguous."""
    found = np.ascontiguousarray(values.detach().numpy())
    return np.broadcast_to(found, (*lead, *found.shape[found.ndim - own :]))


def _of_path(path: Tensor, record_knots: bool) -> Solution:
    """Return the solution of a model whose states ``(…, knot, variable)`` are what is recorded."""
    final = path[..., -1, :]
    return Solution(path, path if record_knots else None, final, torch.isfinite(final).all(-1))


def returns(plant: Plant) -> bool:
    """Return whether a plant never comes to rest, but returns to where it was: by time tables, or volumes that vary.

    Parameters
    ----------
    plant : Plant
        The plant.

    Returns
    -------
    bool
    """
    return bool(plant.layout.cycles) or any(tank.variable for tank in plant.layout.tanks)


def start_state(system: PlantSystem, u: Tensor, guess: Tensor | None = None, grid: Grid | None = None) -> Tensor:
    """Return the steady state of a plant under constant inputs, or the state to which a course of inputs returns.

    Parameters
    ----------
    system : PlantSystem
        The plant; its parameters may lead with a batch axis.
    u : Tensor, shape (input,) or (knot, input)
        Constant inputs; or, for a plant that never comes to rest (`returns`), a course of them.
    guess : Tensor, shape (batch, row, component), optional
        Start of the search; without it, sludge of 2 000 g COD/m³ and 5 of everything else.
    grid : Grid, optional
        Knots and steps of the course.

    Returns
    -------
    Tensor, shape (batch, row, component)

    Raises
    ------
    SimulationError
        When there is none.
    """
    plant = system.plant
    batch = max(1, system.parameters.numel() // system.parameters.shape[-1])
    shape = (batch, *plant.shape)
    if guess is None:
        means = u if u.dim() == 1 else u.mean(0)
        named = {spec.name: float(v) for spec, v in zip(plant.inputs, means, strict=True)}
        guess = torch.as_tensor(cold_start(plant, named), dtype=u.dtype, device=u.device)
    guess = guess.expand(shape)
    if u.dim() > 1:
        assert grid is not None
        return _returning_state(system, u, guess, grid)
    if plant.rows.count > plant.tanks:
        return _compiled_start(system, u, guess)
    flat = guess.reshape(batch, -1)
    forcing = system.forcing(u.unsqueeze(0))

    def derivative(x: Tensor) -> Tensor:
        return system.derivative(x.reshape(shape), forcing).reshape(batch, -1)

    def jacobian(x: Tensor) -> Tensor:
        full = system.full_jacobian(x.reshape(shape), forcing)
        imposed = torch.as_tensor(1.0 - plant.free, dtype=u.dtype, device=u.device).flatten()
        return full - torch.diag(imposed)

    with torch.no_grad():
        limiting = torch.as_tensor(plant.limiting > 0, device=u.device)
        names = [f"{tank}.{c}" for tank in plant.layout.tank_names for c in plant.table.component_names]
        found = steady_state(derivative, jacobian, flat, positive=limiting.repeat(plant.tanks), names=names)
    return system.effective(found.reshape(shape), forcing)


def _returning_state(system: PlantSystem, inputs: Tensor, guess: Tensor, grid: Grid) -> Tensor:
    """Run a course of inputs again and again until the state at its end is that at its begin.

    Volumes, and phases that end by what is measured, begin each time as the layout has them: flows that were measured
    do not add to nothing. Every third time each concentration goes on to where the last changes lead to, as a geometric
    series (Aitken).
    """
    plant, model = system.plant, without_gradients(PlantModel(system, grid))
    matter = torch.as_tensor(plant.rows.active > 0, device=guess.device)
    again = [f"{t.name}.volume" for t in plant.layout.tanks if t.variable]
    again += [name for cycle in plant.layout.cycles for name in cycle.states]
    kept = [plant.rows.extra.index(name) for name in again]
    first = plant.rows.layers[1] * plant.shape[1]
    x, before, change = guess, None, torch.full_like(guess, torch.inf)
    for number in range(1, RETURNS + 1):
        found = model.simulate(x, inputs).final.clone()
        flat, begun = found.flatten(-2), guess.flatten(-2)
        flat[..., [first + k for k in kept]] = begun[..., [first + k for k in kept]]
        if not bool(torch.isfinite(found).all()):
            raise SimulationError("f leaves the finite numbers on the way to the state to which its inputs bring it")
        before, change = change, found - x
        moved = float((change.abs() / (found.abs() + 1.0) * matter).max())
        if moved < RETURNED:
            return found
        x = found
        if number % 3 == 0:
            ratio = torch.where(before.abs() > 1e-12, change / before, 0.0).clamp(0.0, 0.9)
            further = (found + change * ratio / (1.0 - ratio)).maximum(0.5 * found)
            x = torch.cat([further[..., : plant.rows.layers[1], :], found[..., plant.rows.layers[1] :, :]], dim=-2)
    names, worst = plant.rows.names, int((change.abs() / (x.abs() + 1.0))[..., matter].amax(0).argmax())
    raise SimulationError(
        f"f does not come back to a state: after {RETURNS} times the inputs of the first "
        f"{(len(inputs) - 1) * grid.interval:.3g} d {names[worst]} still changes by "
        f"{float(change[..., matter][..., worst].abs().max()):.3g}"
    )


def _compiled_start(system: PlantSystem, u: Tensor, guess: Tensor) -> Tensor:
    """Return the steady states of a plant with more than tanks, one after the other, by CVODES.

    A controller that switches comes to no rest: it is on for the share of the time that holds what it measures in the
    middle of its dead band, and begins on or off, whichever it is for longer.
    """
    plant, active = system.plant, system.plant.rows.active > 0
    modes = [plant.rows.names.index(f"{c.name}.mode") for c in plant.controllers if isinstance(c.law, OnOff)]
    found = guess.detach().cpu().numpy().copy()
    for x, p in zip(found, system.parameters.detach().cpu().reshape(len(found), -1).numpy(), strict=True):
        symbols = symbolic_system(plant, p)
        problem = CompiledProblem(symbols.state, symbols.inputs, symbols.mean_derivative, symbols.names)
        settled = problem.steady_state(x[active], u.detach().cpu().numpy()).state
        settled[modes] = np.round(settled[modes])
        x[active] = settled
    return torch.as_tensor(found, dtype=u.dtype, device=u.device)
