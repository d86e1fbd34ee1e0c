"""n on the rates of processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from asm_hybrid.hybrid.keys import Keys, Names
from asm_hybrid.hybrid.placement import BoundTerm, Placement
from asm_hybrid.hybrid.signs import Signs, rate_signs
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Tensor

    from asm_hybrid.hybrid.trajectory import Trajectory

__all__ = ["PLACEMENT"]


class Rates(Placement):
    """``ρ exp(L tanh(g z / L))``, or ``ρ + gate · typical · g z``; mass is conserved.

    The gate of an addition closes where a component that takes part in the process runs out.

    Parameters
    ----------
    targets, options, plant
        As in `Placement`; the targets are processes.
    """

    name = "rates"
    order = 10
    kind = "process"
    summary = "n changes process rates, and mass is conserved"
    corrects = "process rates"
    quantity = "rate"
    keys: ClassVar[Keys] = {
        "form": (
            Literal["multiplicative", "additive"],
            "How n changes a rate: rate * exp(n), within a factor of 10, the default; or rate + gate * n.",
        ),
        "processes": (Names, "Processes that n may change; default all."),
    }
    target_key = "processes"
    defaults: ClassVar[Mapping[str, Any]] = {"form": "multiplicative"}

    @property
    def multiplies(self) -> bool:
        """Whether n is a factor."""
        return bool(self.options["form"] == "multiplicative")

    def signs(self, table: Table, inputs: Sequence[str]) -> Signs:
        """Return the signs of the rates."""
        return rate_signs(table, self.targets, inputs, factors=self.multiplies)

    @classmethod
    def choose(cls, named: Sequence[str] | None, table: Table, observed: Sequence[str]) -> tuple[str, ...]:
        """Return the processes that n may change."""
        return tuple(named or table.process_names)

    @classmethod
    def known(cls, table: Table) -> tuple[Sequence[str], str]:
        """Return the processes."""
        return table.process_names, f"a process of {table.name}"

    @classmethod
    def universe(cls, table: Table, targets: Sequence[str]) -> tuple[str, ...]:
        """Return all processes."""
        return table.process_names

    @classmethod
    def unit(cls, target: str, table: Table) -> str:
        """Return the unit of a rate: that of the reference component of its process, per day."""
        return str(table.processes[table.process_names.index(target)].unit)

    def rates(self, n: BoundTerm[Array], rho: Array, X: Array, u: Array) -> Array:
        """Return the learnt rates, ``(…, tank, process)``."""
        given = self.given(n, X, u)
        return rho * given if self.multiplies else rho + given

    def slope_factor(self, n: BoundTerm[Array], X: Array, u: Array) -> Array | None:
        """Return the learnt factors on the rates, if they are factors."""
        return n.factors(X, u) if self.multiplies else None

    def open(self, n: BoundTerm[Array], X: Array) -> Array:
        """Return the product of the gates of all components that take part, ``(…, tank, process)``."""
        return n.xp.exp(n.xp.matmul(n.xp.log(n.xp.maximum(n.gate(X), 1e-12)), n.taking_part))

    def typical(self, f: Trajectory, spread: Mapping[str, float]) -> Tensor:
        """Return the mean absolute rates."""
        return f.rates.abs().mean((0, 1))[list(self.columns)]

    def contributions(self, n: BoundTerm[Tensor], f: Trajectory) -> tuple[Tensor, Tensor]:
        """Return the rates, and what n changes of them."""
        return f.rates, self.rates(n, f.rates, f.X.unsqueeze(0), f.u)[0] - f.rates


PLACEMENT = Rates
