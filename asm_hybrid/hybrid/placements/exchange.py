"""n turns one component into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asm_hybrid.hybrid.keys import Keys, SomeNames
from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import Plant

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class Exchange(Placement):
    """``dX/dt - a`` of the targets and ``+ a`` of another component."""

    name = "exchange"
    order = 22
    kind = "exchange"
    summary = "n turns components into another one"
    corrects = "turnover of components"
    quantity = "rate"
    keys: ClassVar[Keys] = {
        "exchanged": (SomeNames, "Components that n turns into another one."),
        "into": (str, "What they become; S_N2 without it."),
    }
    target_key = "exchanged"
    required = ("components that are turned into another one", "[S_NO]")
    defaults: ClassVar[Mapping[str, Any]] = {"into": "S_N2"}

    def __init__(self, targets: Sequence[str], options: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(targets, options, plant)
        names = plant.table.component_names
        self.moves = -np.eye(len(names))
        self.moves[:, names.index(self.options["into"])] += 1.0

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the components."""
        return tuple(named or ())

    @classmethod
    def known(cls, table: Table) -> tuple[Sequence[str], str]:
        """Return the components."""
        return table.component_names, f"a component of {table.name}"

    @classmethod
    def universe(cls, table: Table, targets: Sequence[str]) -> tuple[str, ...]:
        """Return all components."""
        return table.component_names

    @classmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of a rate."""
        return f"{table.components[table.component_names.index(target)].unit}/d"

    def changed(self, n: BoundTerm[Array], change: Array, X: Array, u: Array) -> Array:
        """Return the derivative with what is exchanged."""
        return change + n.xp.matmul(n.additions(X, u), n.xp.constant(self.moves, u))

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the mean absolute changes by reactions."""
        return (f.rates @ f.stoichiometry).abs().mean((0, 1))[list(self.columns)]

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the changes by reactions, and what n takes away."""
        return f.rates @ f.stoichiometry, -n.additions(f.X.unsqueeze(0), f.u)[0]


PLACEMENT = Exchange
