"""What switches by what is measured in a plant, for a batch of windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from asm_hybrid.plant import Forcing, Plant, switch_distances, switch_names, switched_values, torch_namespace

__all__ = ["PlantSwitches"]


@dataclass(frozen=True)
class PlantSwitches:
    """On/off controllers, and cycles whose phases end by what is measured; see `asm_hybrid.solver.switched.Switches`.

    Attributes
    ----------
    plant : Plant
        The plant.
    """

    plant: Plant

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What switches, by name."""
        return switch_names(self.plant)

    def distances(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return how far each is from switching, ``(…, switch)``; below zero it switches."""
        xp = torch_namespace()
        found = switch_distances(self.plant, x, self.plant.effective_state(x, forcing, xp), forcing, xp)
        shape = torch.broadcast_shapes(*(d.shape for d in found))  # type: ignore[no-untyped-call]
        return torch.cat([d.expand(shape) for d in found], dim=-1)

    def switched(self, x: Tensor, forcing: Forcing[Tensor], which: Tensor) -> Tensor:
        """Return the state behind a switch; ``which`` marks what switches, bool ``(…, switch)``."""
        xp, plant = torch_namespace(), self.plant
        own = {name: plant.extra(x, name, xp) for name in plant.rows.extra}
        after = switched_values(plant, x, plant.effective_state(x, forcing, xp), forcing, xp)
        for k, values in enumerate(after):
            own |= {name: torch.where(which[..., k : k + 1], v, own[name]) for name, v in values.items()}
        rows = plant.extra_rows([own[name] for name in plant.rows.extra], xp)
        return torch.cat([x[..., : plant.rows.layers[1], :], *rows], dim=-2)
