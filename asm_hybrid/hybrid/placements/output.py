"""n on measured variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import Plant, offgas_of, target_unit

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class Output(Placement):
    """``h(X) + typical · g z``, with g and z of the variable's tank; X is that of f.

    For the effluent, and for the off-gas of the whole plant, it is the last tank, or the last one that is aerated.

    Parameters
    ----------
    targets, options, plant
        As in `Placement`; the targets are measured variables.
    """

    name = "output"
    order = 50
    kind = "variable"
    summary = "n is added to measured variables"
    corrects = "measured variables, not the states"
    on_derivative = False

    def __init__(self, targets: Sequence[str], options: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(targets, options, plant)
        self._at = np.zeros((len(self.spots), len(self.targets)))
        for i, target in enumerate(self.targets):
            self._at[_spot(plant, target), i] = 1.0
        self._add = np.ones((1, len(self.spots)))

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the measured variables, each once."""
        return tuple(dict.fromkeys(observed))

    @classmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of a variable."""
        return target_unit(table, target)

    def acts_at(self) -> np.ndarray:
        """Return one where a variable is measured."""
        return self._at

    def acting(self, n: BoundTerm[Array], z: Array) -> Array:
        """Return n where its variable is measured, ``(…, 1, target)``."""
        return n.xp.matmul(n.xp.constant(self._add, z), z * n.xp.constant(self._at, z))

    def given(self, n: BoundTerm[Array], X: Array, u: Array) -> Array:
        """Return what n adds to the measured variables, ``(…, 1, target)``."""
        return self.acting(n, n.outputs(X, u)) * n.xp.row(n.typical)

    def recorded(self, n: BoundTerm[Array], outputs: Array, targets: Sequence[str], X: Array, u: Array) -> Array:
        """Return recorded quantities, corrected where they are among the targets."""
        pick = n.xp.constant(_picked(self.targets, tuple(targets)), u)
        return outputs + n.xp.flat(n.xp.matmul(self.given(n, X, u), pick))

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the standard deviations of the measurements."""
        return f.X.new_tensor([spread[t] for t in self.targets])

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the variables of f, and what n adds in the tanks where they are measured."""
        own = f.recorded(self.targets).unsqueeze(-2).expand(-1, f.X.shape[1], -1)
        return own, self.given(n, f.X.unsqueeze(0), f.u)[0] * n.xp.constant(self._at, f.X)


def _spot(plant: Plant, target: str) -> int:
    """Return the tank of a variable: the last one for the effluent and for the off-gas of all."""
    gas = offgas_of(plant.table, plant.layout, target)
    if gas is not None:
        return gas.tanks[-1]
    place, _ = plant.quantities.observation(target)
    return plant.tanks - 1 if place == "effluent" else plant.layout.tank_index(place)


@lru_cache
def _picked(learnt: tuple[str, ...], recorded: tuple[str, ...]) -> np.ndarray:
    """Return one where a target is recorded, ``(target, output)``; one and the same array for the same names."""
    return np.array([[float(a == b) for b in recorded] for a in learnt])


PLACEMENT = Output
