"""What n is: where it acts, what it reads, and the typical sizes by which it is scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from asm_hybrid.hybrid.network import Network
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.placement import Placement
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.plant import Plant

__all__ = ["TermScaling", "TermSpec"]


@dataclass(frozen=True)
class TermSpec:
    """What n is in one placement: settings that a config names and an export repeats.

    Attributes
    ----------
    placement : str
        A key of :data:`~asm_hybrid.hybrid.placements.PLACEMENTS`.
    inputs : tuple of str
        What n reads, see :class:`asm_hybrid.hybrid.network_inputs.Reading`.
    targets : tuple of str
        What n may change, from `Placement.choose`.
    hidden : tuple of int
        Widths of the hidden layers.
    activation : str
        Name of the activation.
    seeds : tuple of int
        Seeds of the members.
    network : str
        A key of :data:`~asm_hybrid.hybrid.networks.NETWORKS`.
    options : mapping of str to object
        Values of the keys that the placement and the network have of their own, but for that of the targets.
    """

    placement: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    hidden: tuple[int, ...]
    activation: str
    seeds: tuple[int, ...]
    network: str = "mlp"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What a target is, in one word."""
        return PLACEMENTS[self.placement].kind

    def placed(self, plant: Plant) -> Placement:
        """Return the placement in a plant."""
        return PLACEMENTS[self.placement](self.targets, self.options, plant)

    def architecture(self, plant: Plant) -> Network:
        """Return the network without its weights."""
        signs = self.placed(plant).signs(plant.table, self.inputs)
        kind, targets = NETWORKS[self.network], len(self.targets)
        return kind(self.inputs, self.hidden, targets, self.activation, self.options, signs)


@dataclass(frozen=True)
class TermScaling:
    """Typical sizes along the trajectory of f over the training block; all tensors are float64.

    Attributes
    ----------
    mean, std, low, high : Tensor, shape (input,)
        Statistics of what n reads.
    width : Tensor, shape (input,)
        Of the trained range, or what it counts for where that is very narrow; above zero. The guard measures by it.
    varied : Tensor, shape (input,)
        One where what n reads varied by enough to be told from a constant, zero elsewhere.
    typical : Tensor, shape (target,)
        Mean size of what n may change, or the standard deviation of the measured variables [table units].
    level : Tensor, shape (component,)
        Mean concentrations, which set where the gates close.
    halves : Tensor or None, shape (weakening,)
        Half-saturations of what n may take away of f's own answer; None where the network keeps no signs.
    """

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor
    width: Tensor
    varied: Tensor
    typical: Tensor
    level: Tensor
    halves: Tensor | None = None
