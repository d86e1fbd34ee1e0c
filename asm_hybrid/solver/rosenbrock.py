"""Batched Rosenbrock-W integration from input knot to input knot.

The method is ROS34PW2 [1]_: four stages, order 3, L-stable. As a W-method it keeps its order whatever matrix stands
for the Jacobian. Three freedoms follow, and all are used: the matrix is what is cheap to divide by (the model decides;
learnt terms stay explicit), it is held constant between two input knots, and it is held constant in the backward pass.
The gradient then errs by about the square of the step, not by the step as in a plain Rosenbrock method, as long as the
step resolves what is explicit.

Rodas4 and Rodas5P are there to be accurate: with the whole Jacobian, exact at every step and in the backward pass too,
so that the gradient is that of the discrete solution. Coefficients and references stand in `tableaus`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as recomputed

from asm_hybrid.solver.compiling import compiled as as_compiled
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.schedule import NEAR, Schedule
from asm_hybrid.solver.switched import Switches, through_switches
from asm_hybrid.solver.tableaus import ROS34PW2, RosenbrockTableau

__all__ = ["CHUNK", "Solution", "StiffSystem", "advance", "exact_solve", "integrate", "slope_in_time"]

CHUNK = 96
"""Knot intervals whose forcings are worked out, and held in memory, at once."""


class StiffSystem(Protocol):
    """What the solver needs of a model. States ``(…, block, n)``.

    Attributes
    ----------
    floor : Tensor or None, shape (n,)
        What a state is raised to after a step that went below.
    switches : Switches or None
        What switches by itself.
    """

    @property
    def floor(self) -> Tensor | None:
        """What a state is raised to after a step that went below, ``(n,)``, such as zero where something runs out."""

    @property
    def switches(self) -> Switches | None:
        """What switches by itself; None where nothing does."""

    def prepare(self, inputs: Tensor) -> Sequence[Any]:
        """Work out all that does not depend on the state, one entry a time, from inputs ``(…, time, input)``."""

    def derivative(self, x: Tensor, forcing: Any) -> Tensor:
        """Return dx/dt [unit/d], shaped as ``x``."""

    def inverse(self, x: Tensor, forcing: Any, shift: float | Tensor) -> Any:
        """Return what `solve` needs to divide by ``shift I - J``, with J an approximation of the Jacobian [1/d]."""

    def solve(self, inverse: Any, right: Tensor) -> Tensor:
        """Divide a tensor, shaped as a state, by what `inverse` returned."""

    def full_jacobian(self, x: Tensor, forcing: Any) -> Tensor:
        """Return the whole Jacobian [1/d], ``(…, block · n, block · n)``; for methods that are no W-methods."""

    def output(self, x: Tensor, forcing: Any) -> Tensor:
        """Return the quantities to be recorded, ``(…, output)``."""


@dataclass(frozen=True)
class Solution:
    """The result of an integration.

    Attributes
    ----------
    outputs : Tensor, shape (…, knot, output)
        What :meth:`StiffSystem.output` gave at the knots; with more points an interval, at these too.
    knots : Tensor or None, shape (…, knot, block, n)
        States at the knots, when they were asked for.
    final : Tensor, shape (…, block, n)
        State at the end.
    ok : Tensor of bool, shape (…)
        Whether the state stayed finite, one entry a window.
    """

    outputs: Tensor
    knots: Tensor | None
    final: Tensor
    ok: Tensor


Solve = Callable[[Tensor], Tensor]
"""Multiplies by ``(I/(hγ) - J)⁻¹``, with a mass matrix in the place of I where there is one."""


def advance(
    system: StiffSystem,
    x: Tensor,
    solve: Solve,
    forcings: Sequence[Any],
    h: float | Tensor,
    tableau: RosenbrockTableau,
    slope: Tensor | None = None,
    mass: Tensor | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Advance by one step.

    Parameters
    ----------
    system : StiffSystem
        The model.
    x : Tensor, shape (…, block, n)
        The state.
    solve : callable
        Multiplies by ``(I/(hγ) - J)⁻¹``, or ``(M/(hγ) - J)⁻¹``.
    forcings : sequence
        One entry a stage.
    h : float or Tensor
        The step [d].
    tableau : RosenbrockTableau
        The method.
    slope : Tensor, shape (…, block, n), optional
        Slope of f in time [unit/d²], for methods that need it.
    mass : Tensor, shape (n, n), optional
        Mass matrix M of every block; the identity by default.

    Returns
    -------
    tuple of Tensor and list of Tensor
        The next state, and the stages.
    """
    stages: list[Tensor] = []
    for i, (forcing, a_row, c_row) in enumerate(zip(forcings, tableau.a, tableau.c, strict=True)):
        right = system.derivative(_plus(x, a_row, stages), forcing)
        if slope is not None and tableau.d[i] != 0.0:
            right = right + slope * (h * tableau.d[i])
        weighted = _sum(c_row, stages)
        if mass is not None and weighted is not None:
            weighted = weighted @ mass.T
        stages.append(solve(right if weighted is None else right + weighted / h))
    return _plus(x, tableau.m, stages), stages


def _sum(weights: Sequence[float], stages: Sequence[Tensor]) -> Tensor | None:
    total = None
    for weight, k in zip(weights, stages, strict=True):
        if weight != 0.0:
            total = weight * k if total is None else torch.add(total, k, alpha=weight)
    return total


def _plus(x: Tensor, weights: Sequence[float], stages: Sequence[Tensor]) -> Tensor:
    for weight, k in zip(weights, stages, strict=True):
        if weight != 0.0:
            x = torch.add(x, k, alpha=weight)
    return x


def _compiled_step(
    system: StiffSystem, tableau: RosenbrockTableau, keep: bool, arguments: Sequence[Any]
) -> tuple[Tensor, list[Tensor]]:
    """Take a compiled step of a W-method, from state, inverse, step ``()`` and the forcings of the stages."""

    def step(x: Tensor, inverse: Any, h: Tensor, *forcings: Any) -> tuple[Tensor, list[Tensor]]:
        x, stages = advance(system, x, partial(system.solve, inverse), forcings, h, tableau)
        return x, stages if keep else []

    return cast(tuple[Tensor, list[Tensor]], as_compiled(system, (tableau.name, keep), step, arguments))


def _compiled_inverse(system: StiffSystem, x: Tensor, forcing: Any, shift: float) -> Any:
    """Work out compiled what the stages divide by."""

    def inverse(x: Tensor, forcing: Any, shift: Tensor) -> Any:
        return system.inverse(x, forcing, shift)

    at = torch.tensor(shift, dtype=x.dtype, device=x.device)
    return as_compiled(system, ("inverse",), inverse, (x.detach(), forcing, at), whole=False)


def exact_solve(full: Tensor, shift: float | Tensor, mass: Tensor | None = None) -> Solve:
    """Return what divides by ``shift I - J``, or ``shift M - J``, in the graph.

    Parameters
    ----------
    full : Tensor, shape (…, block · n, block · n)
        The whole Jacobian J [1/d].
    shift : float or Tensor
        Multiplies the identity [1/d], or M.
    mass : Tensor, shape (block · n, block · n), optional
        Mass matrix M in the place of the identity.

    Returns
    -------
    callable
        From a tensor, shaped as a state ``(…, block, n)``, to another.
    """
    eye = torch.eye(full.shape[-1], dtype=full.dtype, device=full.device) if mass is None else mass
    factors, pivots, _ = torch.linalg.lu_factor_ex(eye * shift - full)

    def solve(right: Tensor) -> Tensor:
        flat = right.flatten(-2).unsqueeze(-1)
        return cast(Tensor, torch.linalg.lu_solve(factors, pivots, flat)).reshape(right.shape)

    return solve


def slope_in_time(system: StiffSystem, x: Tensor, near: Sequence[Any], distance: float) -> Tensor:
    """Return the slope of f in time.

    Parameters
    ----------
    system : StiffSystem
        The model.
    x : Tensor, shape (…, block, n)
        The state at the begin of a step.
    near : sequence
        Forcings at the begin, and one and two distances later.
    distance : float
        Distance of these times [d].

    Returns
    -------
    Tensor, shape (…, block, n)
        The slope [unit/d²], right to second order.
    """
    one, two, three = (system.derivative(x, forcing) for forcing in near)
    return (4.0 * two - 3.0 * one - three) / (2.0 * distance)


@dataclass(frozen=True)
class _Engine:
    """What stays the same along an integration."""

    system: StiffSystem
    tableau: RosenbrockTableau
    grid: Grid
    compiles: bool

    def run(self, x: Tensor, knots: Tensor, schedule: Schedule) -> tuple[list[Tensor], list[Tensor]]:
        """Go over some knot intervals; return the states at their ends and what is recorded."""
        prepared = self.system.prepare(schedule.inputs(knots))
        width = len(schedule.positions)
        states, outputs = [], []
        for begin in range(0, len(prepared), width):
            ends = knots[..., begin // width : begin // width + 2, :]
            x, found = self._interval(x, prepared[begin : begin + width], schedule, ends)
            states.append(x)
            outputs += found
        return states, outputs

    def _interval(
        self, x: Tensor, forcings: Sequence[Any], schedule: Schedule, knots: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        system, h, floor = self.system, schedule.h, self.system.floor
        inverse, outputs = None, []
        if self.tableau.any_matrix and system.switches is None:
            with torch.no_grad():
                shift = 1.0 / (h * self.tableau.gamma)
                inverse = (
                    _compiled_inverse(system, x, forcings[0], shift)
                    if self.compiles
                    else system.inverse(x, forcings[0], shift)
                )
        for i, (entries, recorded) in enumerate(zip(schedule.stages, schedule.recorded, strict=True)):
            begin, at = x, [forcings[k] for k in entries]
            if system.switches is not None:
                x, within = self._switching(x, at, schedule, i, knots)
            elif inverse is None:
                near = [forcings[k] for k in schedule.near[i]]
                solve = exact_solve(system.full_jacobian(x, near[0]), 1.0 / (h * self.tableau.gamma))
                slope = slope_in_time(system, x, near, NEAR * self.grid.interval) if self.grid.linear else None
                x, stages = advance(system, x, solve, at, h, self.tableau, slope)
            elif self.compiles:
                keep = any(where < 1.0 for where, _ in recorded)
                step = torch.tensor(h, dtype=x.dtype, device=x.device)
                x, stages = _compiled_step(system, self.tableau, keep, (x, inverse, step, *at))
            else:
                x, stages = advance(system, x, partial(system.solve, inverse), at, h, self.tableau)
            if floor is not None:
                x = torch.where(x < floor, floor, x)
            for n, (where, k) in enumerate(recorded):
                if where >= 1.0:
                    state = x
                else:
                    state = _plus(begin, self.tableau.within(where), stages) if system.switches is None else within[n]
                outputs.append(system.output(state, forcings[k]))
        return x, outputs

    def _switching(
        self, x: Tensor, at: Sequence[Any], schedule: Schedule, i: int, knots: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Take a step in which something may switch; return the states at its end and at what is recorded.

        The matrix is worked out anew for every step, as a switch makes another of it.
        """
        system, tableau, h = self.system, self.tableau, schedule.h
        assert system.switches is not None

        def attempt(x: Tensor, done: Tensor, left: Tensor) -> tuple[Tensor, list[Tensor]]:
            if not bool((done > 0.0).any()):
                with torch.no_grad():
                    inverse = system.inverse(x, at[0], 1.0 / (h * tableau.gamma))
                return advance(system, x, partial(system.solve, inverse), at, h, tableau)
            length, forcings = h * left, self._forcings(i, done, left, at, schedule, knots)
            with torch.no_grad():
                inverse = system.inverse(x, at[0], 1.0 / (length * tableau.gamma))
            scale = length / length.detach()
            return advance(system, x, lambda right: system.solve(inverse, right) * scale, forcings, length, tableau)

        places = [where for where, _ in schedule.recorded[i]]
        return through_switches(system.switches, x, attempt, tableau, at[0], h, places)

    def _forcings(
        self, i: int, done: Tensor, left: Tensor, at: Sequence[Any], schedule: Schedule, knots: Tensor
    ) -> Sequence[Any]:
        """Return the forcings of the stages of what is left of a step, of a length of its own in every window."""
        if not self.grid.linear:
            return at
        alpha = torch.tensor(self.tableau.alpha, dtype=done.dtype, device=done.device)
        place = (i + done + left * alpha).squeeze(-2) * (schedule.h / self.grid.interval)
        begin, end = knots[..., :1, :], knots[..., 1:, :]
        return self.system.prepare(begin + (end - begin) * place.unsqueeze(-1))


def integrate(
    system: StiffSystem,
    x0: Tensor,
    inputs: Tensor,
    grid: Grid,
    *,
    record_knots: bool = False,
    tableau: RosenbrockTableau = ROS34PW2,
    compiled: bool = False,
    checkpoint: int | None = None,
) -> Solution:
    """Integrate a batch of windows with fixed steps.

    Parameters
    ----------
    system : StiffSystem
        The model.
    x0 : Tensor, shape (…, block, n)
        Initial states.
    inputs : Tensor, shape (…, knot, input)
        Inputs at the knots; leading axes broadcast against those of ``x0``.
    grid : Grid
        The knots, the steps between them, and what is recorded.
    record_knots : bool
        Keep the states at all knots.
    tableau : RosenbrockTableau
        The method.
    compiled : bool
        Whether torch compiles the step and what it divides by, for W-methods.
    checkpoint : int, optional
        Knot intervals whose steps are held in memory at once for the backward pass, which then integrates them a second
        time; all by default.

    Returns
    -------
    Solution
        Outputs, final state and a status for every window. A window that left the finite numbers does not raise: the
        caller decides.
    """
    engine = _Engine(system, tableau, grid, compiled and tableau.any_matrix and system.switches is None)
    count, chunk = inputs.shape[-2] - 1, min(CHUNK, checkpoint or CHUNK)
    starts = [0, *range(1 if grid.settling != 1 else chunk, count, chunk)]
    x, states = x0, [x0]
    if engine.compiles and torch.is_grad_enabled() and not x.requires_grad:
        x = x.detach().requires_grad_()  # as all later states; torch would else compile the first step on its own
    outputs = [system.output(x, system.prepare(inputs[..., :1, :])[0])]
    for begin, end in pairwise([*starts, count]):
        schedule = Schedule.of(tableau, grid, grid.substeps if begin else grid.settling * grid.substeps)
        knots = inputs[..., begin : end + 1, :]
        if checkpoint is not None and torch.is_grad_enabled():
            passed, found = recomputed(engine.run, x, knots, schedule, use_reentrant=False, preserve_rng_state=False)
        else:
            passed, found = engine.run(x, knots, schedule)
        x = passed[-1]
        outputs += found
        states += passed if record_knots else []
    shape = np.broadcast_shapes(*(tuple(y.shape) for y in outputs))
    return Solution(
        outputs=torch.stack([y.expand(shape) for y in outputs], dim=-2),
        knots=torch.stack([s.expand(x.shape) for s in states], dim=-3) if record_knots else None,
        final=x,
        ok=torch.isfinite(x).flatten(-2).all(-1),
    )
