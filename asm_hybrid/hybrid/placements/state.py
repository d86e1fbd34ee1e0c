"""n on the derivatives of the states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from asm_hybrid.hybrid.keys import Keys, Names
from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class State(Placement):
    """``dX/dt + gate · typical · g z``; mass is not conserved, and the gate closes where the component runs out.

    Parameters
    ----------
    targets, options, plant
        As in `Placement`; the targets are components.
    """

    name = "state"
    order = 20
    kind = "component"
    summary = "dX/dt = f + n"
    corrects = "derivatives of the states"
    quantity = "rate"
    keys: ClassVar[Keys] = {"components": (Names, "Components whose derivative n may change; default all.")}
    target_key = "components"

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the components that n may change."""
        return tuple(named or table.component_names)

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
        """Return the unit of the change of a component."""
        return f"{table.components[table.component_names.index(target)].unit}/d"

    def changed(self, n: BoundTerm[Array], change: Array, X: Array, u: Array) -> Array:
        """Return the derivative with n added, ``(…, tank, component)``."""
        return change + n.additions(X, u)

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the mean absolute changes by reactions."""
        return (f.rates @ f.stoichiometry).abs().mean((0, 1))[list(self.columns)]

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the changes by reactions, and what n adds."""
        return f.rates @ f.stoichiometry, n.additions(f.X.unsqueeze(0), f.u)[0]


PLACEMENT = State
