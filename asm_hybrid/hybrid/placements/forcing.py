"""n on the concentrations of the influent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asm_hybrid.hybrid.keys import Keys, SomeNames
from asm_hybrid.hybrid.network_inputs import LOAD
from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import Plant
from asm_hybrid.plant.inputs import INFLUENT

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class InfluentForcing(Placement):
    """``C exp(L tanh(g z / L))`` for concentrations C of the influent, so for its loads.

    Attributes
    ----------
    positions : tuple of int
        Of the targets among the inputs of the plant.
    at_input : ndarray, shape (target, plant input)
        One where a target is that input.
    """

    name = "forcing"
    order = 40
    kind = "influent"
    summary = "n corrects concentrations of the influent"
    corrects = "concentrations of the influent"
    keys: ClassVar[Keys] = {
        "influent": (
            SomeNames,
            "Components whose concentration in the influent n multiplies by exp(n); default all.",
        )
    }
    target_key = "influent"
    in_tanks = False
    reads = "Q_in, T and the loads of COD, TN and TP"

    def __init__(self, targets: Sequence[str], options: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(targets, options, plant)
        self.positions = tuple(plant.input_index[t] for t in self.targets)
        self.at_input = np.zeros((len(self.targets), len(plant.inputs)))
        self.at_input[range(len(self.targets)), self.positions] = 1.0

    @classmethod
    def default_inputs(cls, table: Table) -> tuple[str, ...]:
        """Return flow, temperature and loads."""
        return ("Q_in", "T", *(f"{LOAD}{name}" for name in ("COD", "TN", "TP") if name in table.composites))

    @property
    def multiplies(self) -> bool:
        """Whether n gives factors."""
        return True

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the inputs that n may change."""
        return tuple(f"{INFLUENT}{name}" for name in named or table.component_names)

    @classmethod
    def known(cls, table: Table) -> tuple[Sequence[str], str]:
        """Return the components."""
        return table.component_names, f"a component of {table.name}"

    @classmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of a concentration."""
        return table.components[table.component_names.index(target.partition(".")[2])].unit

    def driven(self, n: BoundTerm[Array], u: Array) -> Array:
        """Return the inputs, the targets multiplied by factors."""
        moved = n.xp.matmul(n.factors(None, u) - 1.0, n.xp.constant(self.at_input, u))
        return u * (1.0 + n.xp.flat(moved))

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the mean concentrations."""
        return f.u.abs().mean(0)[list(self.positions)]

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the concentrations as measured, and what n changes of them."""
        own = f.u[:, None, list(self.positions)]
        return own, own * (n.factors(None, f.u)[0] - 1.0)


PLACEMENT = InfluentForcing
