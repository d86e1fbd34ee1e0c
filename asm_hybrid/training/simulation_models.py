"""Models that can be simulated: what training, scoring and scenarios share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.hybrid.compiled_system import CompiledSystem
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.solver.compiled_steps import CompiledSteps
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.solver.explicit import integrate_explicit
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import Solution, integrate
from asm_hybrid.solver.steady import steady_state

__all__ = ["SETTLING", "CompiledModel", "NeuralModel", "PlantModel", "SimulationModel", "start_state"]


SETTLING = 4
"""Steps in the first interval of a window for every one in the others: a start that is learnt, carried over or measured
does not fit the slow course of its fast states, and these settle within minutes. In `benchmarks/train_step.py` the
gradient errs by 4.0e-3 with one step of 15 min in all intervals, and by 7.6e-4 with four in the first."""


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
        Knots and steps; the first interval has `SETTLING` times as many.
    compiled : bool
        Whether the solver's step is compiled.
    checkpoint : int or None
        Knot intervals whose steps are held in memory at once for the backward pass; None for all.
    """

    system: PlantSystem
    grid: Grid
    compiled: bool = False
    checkpoint: int | None = None

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``."""
        return integrate(
            self.system,
            x0,
            inputs,
            replace(self.grid, settling=SETTLING),
            record_knots=record_knots,
            compiled=self.compiled,
            checkpoint=self.checkpoint,
        )


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """f, or f + n, as a `PlantModel` gives it, to rounding: without gradients, in float64 on the CPU, and faster.

    Windows and members run one after the other, so that none depends on what else is simulated beside it.

    Attributes
    ----------
    system : PlantSystem
        The model.
    grid : Grid
        Knots and steps; the first interval has `settling` times as many.
    settling : int
        One where a simulation goes on from a state that it has reached, so that it ends as it would have in one go.
    """

    system: PlantSystem
    grid: Grid
    settling: int = SETTLING

    @cached_property
    def _equations(self) -> CompiledSystem:
        return CompiledSystem(self.system)

    @cached_property
    def _steps(self) -> CompiledSteps:
        return CompiledSteps(self._equations, replace(self.grid, settling=self.settling))

    def simulate(self, x0: Tensor, inputs: Tensor, *, record_knots: bool = False) -> Solution:
        """Run from ``x0`` over ``inputs`` ``(…, knot, input)``; a window holds NaN from where it leaves the numbers."""
        equations, term = self._equations, self.system.term
        lead = np.broadcast_shapes(x0.shape[:-2], inputs.shape[:-2], self.system.parameters.shape[:-1])
        start, driven, parameters = (
            np.broadcast_to(v.detach().numpy(), (*lead, *v.shape[v.dim() - axes :]))
            for v, axes in ((x0, 2), (inputs, 2), (self.system.parameters, 1))
        )
        knots = np.repeat(start[..., None, :, :], inputs.shape[-2], axis=-3)
        outputs = np.empty((*lead, (inputs.shape[-2] - 1) * self.grid.points + 1, len(self.system.targets)))
        for window in np.ndindex(lead):
            values = equations.values(parameters[window], window[0] if term is not None else 0)
            outputs[window], states = self._steps.run(start[window][equations.active], driven[window], values)
            knots[window][:, equations.active] = states
        final = torch.as_tensor(knots[..., -1, :, :])
        return Solution(
            outputs=torch.as_tensor(outputs),
            knots=torch.as_tensor(knots) if record_knots else None,
            final=final,
            ok=torch.isfinite(final).flatten(-2).all(-1),
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
        final = path[..., -1, :]
        return Solution(
            outputs=path,
            knots=path if record_knots else None,
            final=final,
            ok=torch.isfinite(final).all(-1),
        )


def start_state(system: PlantSystem, u: Tensor, guess: Tensor | None = None) -> Tensor:
    """Return the steady state of a plant under constant inputs.

    Parameters
    ----------
    system : PlantSystem
        The plant; its parameters may lead with a batch axis.
    u : Tensor, shape (input,)
        Constant inputs.
    guess : Tensor, shape (batch, row, component), optional
        Start of the search; without it, sludge of 2 000 g COD/m³ and 5 of everything else.

    Returns
    -------
    Tensor, shape (batch, row, component)
    """
    plant = system.plant
    batch = max(1, system.parameters.numel() // system.parameters.shape[-1])
    shape = (batch, *plant.shape)
    if guess is None:
        named = {spec.name: float(v) for spec, v in zip(plant.inputs, u, strict=True)}
        guess = torch.as_tensor(cold_start(plant, named), dtype=u.dtype, device=u.device)
    guess = guess.expand(shape)
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


def _compiled_start(system: PlantSystem, u: Tensor, guess: Tensor) -> Tensor:
    """Return the steady states of a plant with more than tanks, one after the other, by CVODES."""
    plant, active = system.plant, system.plant.rows.active > 0
    found = guess.detach().cpu().numpy().copy()
    for x, p in zip(found, system.parameters.detach().cpu().reshape(len(found), -1).numpy(), strict=True):
        symbols = symbolic_system(plant, p)
        problem = CompiledProblem(symbols.state, symbols.inputs, symbols.derivative, symbols.names)
        x[active] = problem.steady_state(x[active], u.detach().cpu().numpy()).state
    return torch.as_tensor(found, dtype=u.dtype, device=u.device)
