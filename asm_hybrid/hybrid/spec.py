"""What n is: where it acts, what it reads, and the typical sizes by which it is scaled."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant

__all__ = ["INFLUENT", "KINDS", "TermScaling", "TermSpec"]

KINDS = {
    "rates": "process",
    "state": "component",
    "parameters": "parameter",
    "forcing": "influent",
    "output": "variable",
}
"""What n changes, by placement."""

INFLUENT = "influent"
"""The one place where n acts on the forcing."""


@dataclass(frozen=True)
class TermSpec:
    """What n is in one placement: settings that a config names and an export repeats.

    Attributes
    ----------
    placement : str
        A key of :data:`KINDS`.
    form : str
        ``multiplicative`` or ``additive``; used by ``rates``.
    inputs : tuple of str
        What n reads, see :class:`asm_hybrid.hybrid.network_inputs.Reading`.
    targets : tuple of str
        What n may change: processes (placement ``rates``), components (``state``), parameters of rates
        (``parameters``), ``influent.COMPONENT`` (``forcing``) or measured variables (``output``), ``TANK.QUANTITY`` or
        ``effluent.QUANTITY``.
    hidden : tuple of int
        Widths of the hidden layers.
    activation : str
        Name of the activation.
    seeds : tuple of int
        Seeds of the members.
    """

    placement: str
    form: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    hidden: tuple[int, ...]
    activation: str
    seeds: tuple[int, ...]

    @property
    def kind(self) -> str:
        """``process``, ``component``, ``parameter``, ``influent`` or ``variable``: what a target is."""
        return KINDS[self.placement]

    def universe(self, table: Table) -> tuple[str, ...]:
        """Return what the last axis of n stands for: all processes or components, else the targets."""
        names = {"rates": table.process_names, "state": table.component_names}
        return names.get(self.placement, self.targets)

    def spots(self, plant: Plant) -> tuple[str, ...]:
        """Return where one and the same network is evaluated: in every tank, or at the influent."""
        return (INFLUENT,) if self.placement == "forcing" else plant.layout.tank_names


@dataclass(frozen=True)
class TermScaling:
    """Typical sizes along the trajectory of f over the training block; all tensors are float64.

    Attributes
    ----------
    mean, std, low, high : Tensor, shape (input,)
        Statistics of what n reads.
    typical : Tensor, shape (target,)
        Mean size of what n may change, or the standard deviation of the measured variables [table units].
    level : Tensor, shape (component,)
        Mean concentrations, which set where the gates close.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    typical: Tensor
    level: Tensor
