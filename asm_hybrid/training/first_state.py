"""The state at the begin of the record: a steady one, and by how much slow matter in it is another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import start_state

__all__ = ["FIRST_BOUND", "FIRST_SPREAD", "FirstState", "steady_states"]

FIRST_SPREAD = 0.2
"""Standard deviation of the logarithm of a factor on what the plant holds at the begin of the record, before anything
was measured: over the past that the sludge remembers, the plant was fed and run otherwise than on the mean of the first
ten days."""
FIRST_BOUND = 1.0
"""Largest logarithm of such a factor."""


@dataclass(frozen=True, eq=False)
class FirstState:
    """Factors on the particulate matter of a steady state, one a component, the same in all tanks.

    Attributes
    ----------
    plant : Plant
        The plant.
    free : bool
        Whether there are any factors; without, the steady state is what it is.
    """

    plant: Plant
    free: bool = True

    @cached_property
    def _columns(self) -> list[int]:
        components = self.plant.table.components if self.free else ()
        return [i for i, c in enumerate(components) if c.phase == "particulate"]

    @property
    def names(self) -> tuple[str, ...]:
        """The components that have a factor."""
        return tuple(self.plant.table.component_names[i] for i in self._columns)

    def moved(self, steady: Tensor, logarithms: Tensor) -> Tensor:
        """Return steady states with other amounts of particulate matter.

        Parameters
        ----------
        steady : Tensor, shape (…, row, component)
            Steady states.
        logarithms : Tensor, shape (…, factor)
            Logarithms of the factors, in the order of `names`.

        Returns
        -------
        Tensor, shape (…, row, component)
            The suspended solids in the layers of a settler are as many times more as the particulate matter in the
            last tank.
        """
        if not self._columns:
            return steady
        if not self.free:
            return steady
        rows, factors = self.plant.rows, torch.exp(logarithms)
        found = steady.clone()
        solid = steady[..., : rows.layers[0], :][..., self._columns]
        found[..., : rows.layers[0], self._columns] = solid * factors.unsqueeze(-2)
        first, last = rows.layers
        if last > first:
            held = solid[..., rows.tanks - 1, :]
            more = (held * factors).sum(-1) / held.sum(-1).clamp(min=1e-12)
            layers = steady[..., first:last, rows.solids_column]
            found[..., first:last, rows.solids_column] = layers * more.unsqueeze(-1)
        return found


def steady_states(system: PlantSystem, u: Tensor, guess: Tensor, grid: Grid | None = None) -> Tensor:
    """Return the steady or returning states of several parameter sets under inputs, NaN where there is none.

    Parameters
    ----------
    system : PlantSystem
        The plant; its parameters ``(set, parameter)``.
    u, grid
        See `start_state`.
    guess : Tensor, shape (1, row, component)
        Start of the search.

    Returns
    -------
    Tensor, shape (set, row, component)
    """
    try:
        return start_state(system, u, guess, grid)
    except SimulationError:
        if len(system.parameters) == 1:
            return torch.full_like(guess, torch.nan)
    ones = [PlantSystem(system.plant, p.unsqueeze(0), system.targets) for p in system.parameters]
    return torch.cat([steady_states(one, u, guess, grid) for one in ones])
