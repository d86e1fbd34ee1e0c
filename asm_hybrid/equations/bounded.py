"""Learnt values that cannot leave their bounds."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Bounded"]


class Bounded(nn.Module):
    """Values ``lower + (upper - lower) σ(w)``; w is what is learnt.

    Parameters
    ----------
    starts : sequence of float
        Values to start from.
    bounds : sequence of (float, float)
        Lower and upper bound of each.
    """

    def __init__(self, starts: Sequence[float], bounds: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        self.lower = torch.tensor([low for low, _ in bounds], dtype=torch.float64)
        self.width = torch.tensor([high for _, high in bounds], dtype=torch.float64) - self.lower
        self.w = nn.Parameter(torch.logit((torch.tensor(starts, dtype=torch.float64) - self.lower) / self.width))

    def forward(self) -> tuple[Tensor, ...]:
        """Return the values as they are now, each of shape ``()``."""
        return (self.lower + self.width * torch.sigmoid(self.w)).unbind()
