"""Batched Rosenbrock-W integration from input knot to input knot.

The method is ROS34PW2 [1]_: four stages, order 3, L-stable. As a W-method it keeps its order whatever matrix stands
for the Jacobian. Three freedoms follow, and all are used: the matrix is made of one block a tank (transport between
tanks and the learnt terms stay explicit), it is held constant between two input knots, and it is held constant in the
backward pass. The gradient then errs by about the square of the step, not by the step as in a plain Rosenbrock method,
as long as the step resolves what is explicit: transport between tanks, and a learnt term.

Rodas4 and Rodas5P are there to be accurate: with the whole Jacobian, exact at every step and in the backward pass too,
so that the gradient is that of the discrete solution. Coefficients and references stand in `tableaus`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.solver.tableaus import ROS34PW2, RosenbrockTableau

__all__ = ["Solution", "StiffSystem", "compiled_step", "integrate"]

NEAR = 1e-4
"""Distance of the times from which the slope of f in time is taken [knot interval]."""

CHUNK = 96
"""Knot intervals whose forcings are worked out, and held in memory, at once."""


class StiffSystem(Protocol):
    """What the solver needs of a model. States ``(…, block, n)``."""

    def prepare(self, inputs: Tensor) -> Sequence[Any]:
        """Work out all that does not depend on the state, one entry a time, from inputs ``(…, time, input)``."""

    def derivative(self, x: Tensor, forcing: Any) -> Tensor:
        """Return dx/dt [unit/d], shaped as ``x``."""

    def inverse(self, x: Tensor, forcing: Any, shift: float) -> Any:
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
    outputs : Tensor, shape (…, step + 1, output)
        What :meth:`StiffSystem.output` gave at the start and after every step.
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


_COMPILED: WeakKeyDictionary[Any, dict[tuple[str, float], Callable[..., Tensor]]] = WeakKeyDictionary()
"""Compiled steps by system, method and step."""

Solve = Callable[[Tensor], Tensor]
"""Multiplies by ``(I/(hγ) - J)⁻¹``."""


def _step(
    system: StiffSystem,
    x: Tensor,
    solve: Solve,
    forcings: Sequence[Any],
    h: float,
    tableau: RosenbrockTableau,
    slope: Tensor | None,
) -> Tensor:
    """Advance by one step; ``forcings`` holds one entry a stage, ``slope`` is that of f in time."""
    stages: list[Tensor] = []
    for i, (forcing, a_row, c_row) in enumerate(zip(forcings, tableau.a, tableau.c, strict=True)):
        at = x
        for a, k in zip(a_row, stages, strict=True):
            if a != 0.0:
                at = torch.add(at, k, alpha=a)
        right = system.derivative(at, forcing)
        if slope is not None and tableau.d[i] != 0.0:
            right = torch.add(right, slope, alpha=h * tableau.d[i])
        for c, k in zip(c_row, stages, strict=True):
            if c != 0.0:
                right = torch.add(right, k, alpha=c / h)
        stages.append(solve(right))
    for m, k in zip(tableau.m, stages, strict=True):
        x = torch.add(x, k, alpha=m)
    return x


def _held_step(
    system: StiffSystem, x: Tensor, inverse: Any, forcings: Sequence[Any], h: float, tableau: RosenbrockTableau
) -> Tensor:
    """Advance by one step of a W-method."""
    return _step(system, x, lambda right: system.solve(inverse, right), forcings, h, tableau, None)


def compiled_step(system: StiffSystem, tableau: RosenbrockTableau, h: float) -> Callable[..., Tensor]:
    """Return the step of a W-method as torch compiles it; the first call with tensors of a shape compiles.

    Parameters
    ----------
    system : StiffSystem
        The model.
    tableau : RosenbrockTableau
        The method.
    h : float
        The step [d].

    Returns
    -------
    callable
        From state, inverse and the forcings of the stages to the next state.
    """
    steps = _COMPILED.setdefault(system, {})
    key = (tableau.name, h)
    if key not in steps:

        def advance(x: Tensor, inverse: Any, *forcings: Any) -> Tensor:
            return _held_step(system, x, inverse, forcings, h, tableau)

        steps[key] = torch.compile(advance, fullgraph=True)
    return steps[key]


def _exact(system: StiffSystem, x: Tensor, forcing: Any, h: float, gamma: float) -> Solve:
    """Return what solves with the whole Jacobian, as part of the graph."""
    full = system.full_jacobian(x, forcing)
    eye = torch.eye(full.shape[-1], dtype=full.dtype, device=full.device) / (h * gamma)
    factors, pivots, _ = torch.linalg.lu_factor_ex(eye - full)

    def solve(right: Tensor) -> Tensor:
        flat = right.flatten(-2).unsqueeze(-1)
        return cast(Tensor, torch.linalg.lu_solve(factors, pivots, flat)).reshape(right.shape)

    return solve


def _slope(system: StiffSystem, x: Tensor, near: Sequence[Any], distance: float) -> Tensor:
    """Return the slope of f in time [unit/d²], from f at the begin of a step and at two times just behind."""
    one, two, three = (system.derivative(x, forcing) for forcing in near)
    return (4.0 * two - 3.0 * one - three) / (2.0 * distance)


@dataclass(frozen=True)
class _Schedule:
    """When, within a knot interval, the stages of all its steps need the inputs.

    Attributes
    ----------
    positions : tuple of float
        The distinct times, ascending, in units of the interval; 1.0 is the last.
    stages : tuple of tuple of int
        By step, the entry of ``positions`` for every stage.
    ends : tuple of int
        By step, the entry for its end.
    near : tuple of tuple of int
        By step, the entries for its begin and two times just behind, from which the slope in time follows; empty for
        methods that do not need it.
    """

    positions: tuple[float, ...]
    stages: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]
    near: tuple[tuple[int, int, int], ...]

    @staticmethod
    def of(tableau: RosenbrockTableau, substeps: int, linear: bool) -> _Schedule:
        """Return the schedule; inputs that are held are needed once."""
        if not linear:
            count = len(tableau.alpha)
            return _Schedule((0.0,), ((0,) * count,) * substeps, (0,) * substeps, ((0, 0, 0),) * substeps)
        times = [[round((i + a) / substeps, 12) for a in tableau.alpha] for i in range(substeps)]
        ends = [round((i + 1) / substeps, 12) for i in range(substeps)]
        near = (
            []
            if tableau.any_matrix
            else [[round(i / substeps + k * NEAR, 12) for k in range(3)] for i in range(substeps)]
        )
        positions = sorted({0.0, *ends, *(t for row in (*times, *near) for t in row)})
        place = {t: k for k, t in enumerate(positions)}
        return _Schedule(
            tuple(positions),
            tuple(tuple(place[t] for t in row) for row in times),
            tuple(place[t] for t in ends),
            tuple((place[a], place[b], place[c]) for a, b, c in near),
        )

    def inputs(self, knots: Tensor) -> Tensor:
        """Return the inputs at all those times of the intervals between knots, ``(…, interval · position, input)``."""
        left = knots[..., :-1, :].unsqueeze(-2)
        if len(self.positions) == 1:
            return left.squeeze(-2)
        slope = (knots[..., 1:, :] - knots[..., :-1, :]).unsqueeze(-2)
        at = torch.tensor(self.positions, dtype=knots.dtype, device=knots.device).unsqueeze(-1)
        return (left + slope * at).flatten(-3, -2)


def integrate(
    system: StiffSystem,
    x0: Tensor,
    inputs: Tensor,
    interval: float,
    substeps: int,
    *,
    linear: bool = True,
    record_knots: bool = False,
    tableau: RosenbrockTableau = ROS34PW2,
    compiled: bool = False,
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
    interval : float
        Distance of two knots [d].
    substeps : int
        Steps from one knot to the next.
    linear : bool
        Inputs are linear between knots when true, held from the previous knot otherwise. No step crosses a knot.
    record_knots : bool
        Keep the states at all knots.
    tableau : RosenbrockTableau
        The method.
    compiled : bool
        Whether torch compiles the step, for W-methods.

    Returns
    -------
    Solution
        Outputs, final state and a status for every window. A window that left the finite numbers does not raise: the
        caller decides.
    """
    h = interval / substeps
    schedule = _Schedule.of(tableau, substeps, linear)
    width = len(schedule.positions)
    x = x0
    outputs = [system.output(x, system.prepare(inputs[..., :1, :])[0])]
    states = [x]
    for first in range(0, inputs.shape[-2] - 1, CHUNK):
        prepared = system.prepare(schedule.inputs(inputs[..., first : first + CHUNK + 1, :]))
        for begin in range(0, len(prepared), width):
            forcings = prepared[begin : begin + width]
            inverse = None
            if tableau.any_matrix:
                with torch.no_grad():
                    inverse = system.inverse(x, forcings[0], 1.0 / (h * tableau.gamma))
            for i, (stages, end) in enumerate(zip(schedule.stages, schedule.ends, strict=True)):
                at = [forcings[k] for k in stages]
                if inverse is None:
                    near = [forcings[k] for k in schedule.near[i]]
                    solve = _exact(system, x, near[0], h, tableau.gamma)
                    slope = _slope(system, x, near, NEAR * interval) if linear else None
                    x = _step(system, x, solve, at, h, tableau, slope)
                elif compiled:
                    x = compiled_step(system, tableau, h)(x, inverse, *at)
                else:
                    x = _held_step(system, x, inverse, at, h, tableau)
                outputs.append(system.output(x, forcings[end]))
            if record_knots:
                states.append(x)
    shape = np.broadcast_shapes(*(tuple(y.shape) for y in outputs))
    return Solution(
        outputs=torch.stack([y.expand(shape) for y in outputs], dim=-2),
        knots=torch.stack([s.expand(x.shape) for s in states], dim=-3) if record_knots else None,
        final=x,
        ok=torch.isfinite(x).flatten(-2).all(-1),
    )
