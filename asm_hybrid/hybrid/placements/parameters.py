"""n on the parameters of rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from asm_hybrid.hybrid.keys import Keys, SomeNames
from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.hybrid.signs import Signs, parameter_signs
from asm_hybrid.kinetics import Table, check_factored
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import Plant

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class Parameters(Placement):
    """``p exp(L tanh(g z / L))`` in the rates, tank by tank; the stoichiometry stays, so that mass is conserved.

    Attributes
    ----------
    positions : tuple of int
        Of the targets among the parameters of the table.
    """

    name = "parameters"
    order = 30
    kind = "parameter"
    summary = "n changes parameters of rates, tank by tank, and mass is conserved"
    corrects = "parameters of the rates, tank by tank"
    keys: ClassVar[Keys] = {
        "parameters": (
            SomeNames,
            "Parameters of rates that n multiplies by exp(n), such as [mu_A, K_OA]; needed with that placement.",
        )
    }
    target_key = "parameters"
    required = (
        "the parameters of rates that n may change",
        "[mu_A, K_OA], with names from the kinetics table",
    )

    def __init__(self, targets: Sequence[str], options: Mapping[str, Any], plant: Plant) -> None:
        super().__init__(targets, options, plant)
        for target in self.targets:
            check_factored(plant.table, target)
        self.positions = tuple(plant.table.parameter_names.index(t) for t in self.targets)

    @property
    def multiplies(self) -> bool:
        """Whether n gives factors."""
        return True

    def signs(self, table: Table, inputs: Sequence[str]) -> Signs:
        """Return the signs with which a parameter does not turn those of the rates that it is in."""
        return parameter_signs(table, self.targets, inputs)

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the parameters that n may change; there is no default."""
        return tuple(named or ())

    @classmethod
    def known(cls, table: Table) -> tuple[Sequence[str], str]:
        """Return the parameters."""
        return table.parameter_names, f"a parameter of {table.name}"

    @classmethod
    def check(cls, named: Sequence[str], table: Table, where: Callable[[int], str]) -> None:
        """Check that all are parameters of rates alone, each listed once."""
        for i, name in enumerate(named):
            check_factored(table, name, where(i))
        super().check(named, table, where)

    @classmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of a parameter."""
        return table.parameters[table.parameter_names.index(target)].unit

    def adjusted(self, n: BoundTerm[Array], p: Sequence[Array], X: Array, u: Array) -> Sequence[Array]:
        """Return the parameters, the targets multiplied by factors of each tank."""
        out = list(p)
        for position, factor in zip(self.positions, n.xp.columns(n.factors(X, u)), strict=True):
            out[position] = out[position] * factor
        return out

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the mean values."""
        return f.parameters.abs().mean(0)[list(self.positions)]

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the parameters at the temperature of the liquid, and what n changes of them."""
        own = f.parameters[:, None, list(self.positions)].expand(-1, f.X.shape[1], -1)
        return own, own * (n.factors(f.X.unsqueeze(0), f.u)[0] - 1.0)


PLACEMENT = Parameters
