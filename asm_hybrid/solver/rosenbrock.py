"""Batched Rosenbrock-W integration from input knot to input knot.

The method is ROS34PW2 [1]_: four stages, order 3, L-stable. As a W-method it keeps its order whatever matrix stands
for the Jacobian. Three freedoms follow, and all are used: the matrix is made of one block a tank (transport between
tanks and the learnt terms stay explicit), it is held constant between two input knots, and it is held constant in the
backward pass. The gradient then errs by about the square of the step, not by the step as in a plain Rosenbrock method,
as long as the step resolves what is explicit: transport between tanks, and a learnt term.

References
----------
.. [1] J. Rang, L. Angermann (2005), "New Rosenbrock W-methods of order 3 for partial differential algebraic equations
   of index 1", BIT Numerical Mathematics 45, 761-787, https://doi.org/10.1007/s10543-005-0035-y, Table 4.1 (ROS34PW2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

__all__ = ["ROS34PW2", "RosenbrockTableau", "Solution", "StiffSystem", "integrate"]

CHUNK = 96
"""Knot intervals whose forcings are worked out, and held in memory, at once."""


class StiffSystem(Protocol):
    """What the solver needs of a model. States ``(…, block, n)``."""

    def prepare(self, inputs: Tensor) -> Sequence[Any]:
        """Work out all that does not depend on the state, one entry a time, from inputs ``(…, time, input)``."""

    def derivative(self, x: Tensor, forcing: Any) -> Tensor:
        """Return dx/dt [unit/d], shaped as ``x``."""

    def jacobian(self, x: Tensor, forcing: Any) -> Tensor:
        """Return an approximation of the blocks of the Jacobian [1/d], ``(…, block, n, n)``."""

    def output(self, x: Tensor, forcing: Any) -> Tensor:
        """Return the quantities to be recorded, ``(…, output)``."""


@dataclass(frozen=True)
class RosenbrockTableau:
    """Coefficients of a Rosenbrock-W method, ready for the form without matrix products.

    Attributes
    ----------
    gamma : float
        Diagonal coefficient.
    alpha : tuple of float
        Stage times.
    a, c : tuple of tuple of float
        Coefficients of the transformed stages in the argument of f and on the right side.
    m : tuple of float
        Weights of the transformed stages.
    order : int
        Order for an arbitrary matrix in the place of the Jacobian.
    """

    gamma: float
    alpha: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    m: tuple[float, ...]
    order: int

    @staticmethod
    def from_published(alpha: np.ndarray, gamma: np.ndarray, b: np.ndarray, order: int) -> RosenbrockTableau:
        """Transform published coefficients (Hairer and Wanner 1996, section IV.7) to plain Python floats.

        Parameters
        ----------
        alpha, gamma : ndarray, shape (stage, stage)
            Coefficients α_ij (strictly lower) and γ_ij (lower).
        b : ndarray, shape (stage,)
            Weights.
        order : int
            Stated order.
        """
        inverse = np.linalg.inv(gamma)
        a = alpha @ inverse
        c = np.diag(1.0 / np.diag(gamma)) - inverse
        return RosenbrockTableau(
            gamma=float(gamma[0, 0]),
            alpha=tuple(float(v) for v in alpha.sum(axis=1)),
            a=tuple(tuple(float(v) for v in row[:i]) for i, row in enumerate(a)),
            c=tuple(tuple(float(v) for v in row[:i]) for i, row in enumerate(c)),
            m=tuple(float(v) for v in b @ inverse),
            order=order,
        )


_G = 4.3586652150845900e-01
ROS34PW2 = RosenbrockTableau.from_published(
    alpha=np.array(
        [
            [0.0, 0.0, 0.0, 0.0],
            [8.7173304301691801e-01, 0.0, 0.0, 0.0],
            [8.4457060015369423e-01, -1.1299064236484185e-01, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
        ]
    ),
    gamma=np.array(
        [
            [_G, 0.0, 0.0, 0.0],
            [-8.7173304301691801e-01, _G, 0.0, 0.0],
            [-9.0338057013044082e-01, 5.4180672388095326e-02, _G, 0.0],
            [2.4212380706095346e-01, -1.2232505839045147e00, 5.4526025533510214e-01, _G],
        ]
    ),
    b=np.array([2.4212380706095346e-01, -1.2232505839045147e00, 1.5452602553351020e00, _G]),
    order=3,
)


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


def _step(
    system: StiffSystem,
    x: Tensor,
    inverse: Tensor,
    forcings: Sequence[Any],
    h: float,
    tableau: RosenbrockTableau,
) -> Tensor:
    """Advance by one step; ``forcings`` holds one entry a stage."""
    stages: list[Tensor] = []
    for forcing, a_row, c_row in zip(forcings, tableau.a, tableau.c, strict=True):
        at = x
        for a, k in zip(a_row, stages, strict=True):
            if a != 0.0:
                at = torch.add(at, k, alpha=a)
        right = system.derivative(at, forcing)
        for c, k in zip(c_row, stages, strict=True):
            if c != 0.0:
                right = torch.add(right, k, alpha=c / h)
        stages.append((inverse @ right.unsqueeze(-1)).squeeze(-1))
    for m, k in zip(tableau.m, stages, strict=True):
        x = torch.add(x, k, alpha=m)
    return x


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
    """

    positions: tuple[float, ...]
    stages: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]

    @staticmethod
    def of(tableau: RosenbrockTableau, substeps: int, linear: bool) -> _Schedule:
        """Return the schedule; inputs that are held are needed once."""
        if not linear:
            count = len(tableau.alpha)
            return _Schedule((0.0,), ((0,) * count,) * substeps, (0,) * substeps)
        times = [[round((i + a) / substeps, 12) for a in tableau.alpha] for i in range(substeps)]
        ends = [round((i + 1) / substeps, 12) for i in range(substeps)]
        positions = sorted({0.0, *ends, *(t for row in times for t in row)})
        place = {t: k for k, t in enumerate(positions)}
        return _Schedule(
            tuple(positions),
            tuple(tuple(place[t] for t in row) for row in times),
            tuple(place[t] for t in ends),
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

    Returns
    -------
    Solution
        Outputs, final state and a status for every window. A window that left the finite numbers does not raise: the
        caller decides.
    """
    h = interval / substeps
    eye = torch.eye(x0.shape[-1], dtype=x0.dtype, device=x0.device) / (h * tableau.gamma)
    schedule = _Schedule.of(tableau, substeps, linear)
    width = len(schedule.positions)
    x = x0
    outputs = [system.output(x, system.prepare(inputs[..., :1, :])[0])]
    states = [x]
    for first in range(0, inputs.shape[-2] - 1, CHUNK):
        prepared = system.prepare(schedule.inputs(inputs[..., first : first + CHUNK + 1, :]))
        for begin in range(0, len(prepared), width):
            forcings = prepared[begin : begin + width]
            with torch.no_grad():
                inverse = torch.linalg.inv_ex(eye - system.jacobian(x, forcings[0])).inverse
            for stages, end in zip(schedule.stages, schedule.ends, strict=True):
                x = _step(system, x, inverse, [forcings[k] for k in stages], h, tableau)
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
