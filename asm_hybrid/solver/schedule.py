"""When a knot interval's steps need its inputs, and where they record."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.tableaus import RosenbrockTableau

__all__ = ["NEAR", "Schedule"]

NEAR = 1e-4
"""Distance of the times from which the slope of f in time is taken [knot interval]."""


@dataclass(frozen=True)
class Schedule:
    """What all steps of a knot interval need of the inputs, and when.

    Attributes
    ----------
    h : float
        The step [d].
    positions : tuple of float
        The distinct times, ascending, in units of the interval.
    stages : tuple of tuple of int
        By step, the entry of ``positions`` for every stage.
    recorded : tuple of tuple
        By step, what is recorded: place within the step, from above zero to one at its end, and entry of ``positions``.
    near : tuple of tuple of int
        By step, the entries for its begin and two times just behind, from which the slope in time follows; empty for
        methods that do not need it.
    """

    h: float
    positions: tuple[float, ...]
    stages: tuple[tuple[int, ...], ...]
    recorded: tuple[tuple[tuple[float, int], ...], ...]
    near: tuple[tuple[int, int, int], ...]

    @staticmethod
    def of(tableau: RosenbrockTableau, grid: Grid, steps: int) -> Schedule:
        """Return the schedule of an interval with so many steps; held inputs are needed once."""
        points = grid.points
        times = [[round((i + a) / steps, 12) for a in tableau.alpha] for i in range(steps)]
        places: list[list[tuple[float, float]]] = [[] for _ in range(steps)]
        for point in range(1, points + 1):
            i = -(-point * steps // points) - 1
            places[i].append((point * steps / points - i, round(point / points, 12)))
        near = [] if tableau.any_matrix else [[round(i / steps + k * NEAR, 12) for k in range(3)] for i in range(steps)]
        positions = [0.0]
        if grid.linear:
            ends = {t for row in places for _, t in row}
            positions = sorted({0.0, *ends, *(t for row in (*times, *near) for t in row)})
        place = {t: k for k, t in enumerate(positions)}
        return Schedule(
            grid.interval / steps,
            tuple(positions),
            tuple(tuple(place.get(t, 0) for t in row) for row in times),
            tuple(tuple((where, place.get(t, 0)) for where, t in row) for row in places),
            tuple((place.get(a, 0), place.get(b, 0), place.get(c, 0)) for a, b, c in near),
        )

    def inputs(self, knots: Tensor) -> Tensor:
        """Return the inputs at all those times of the intervals between knots, ``(…, interval · position, input)``."""
        left = knots[..., :-1, :].unsqueeze(-2)
        if len(self.positions) == 1:
            return left.squeeze(-2)
        slope = (knots[..., 1:, :] - knots[..., :-1, :]).unsqueeze(-2)
        at = torch.tensor(self.positions, dtype=knots.dtype, device=knots.device).unsqueeze(-1)
        return (left + slope * at).flatten(-3, -2)
