"""Increments of Wiener processes that a seed fixes, however many steps are taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["Wiener"]


@dataclass(frozen=True)
class Wiener:
    """Independent Wiener processes from time to time.

    First the increment from one time to the next is drawn, then it is split: into an odd number of parts, and these
    into halves, again and again, each by a Brownian bridge [1]_. So a solution with twice the steps follows the same
    path, and solutions with any numbers of steps agree at the times.

    Attributes
    ----------
    seed : int
        Fixes the path; numbers are drawn in double precision by the processor, whatever the type and device.
    shape : tuple of int
        How many processes there are.
    dtype : torch.dtype
        Type of the increments.
    device : torch.device
        Where they are wanted.

    References
    ----------
    .. [1] P. E. Kloeden, E. Platen (1992), "Numerical Solution of Stochastic Differential Equations", Springer,
       section 1.8.
    """

    seed: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    device: torch.device

    def increments(self, interval: int, length: float, steps: int) -> Tensor:
        """Return the increments of the steps from one time to the next.

        Parameters
        ----------
        interval : int
            Which of the intervals between times.
        length : float
            How long it is.
        steps : int
            Steps of equal length within it.

        Returns
        -------
        Tensor, shape (step, …)
            Standard deviation √(length / steps).
        """
        odd, level = steps, 0
        while odd % 2 == 0:
            odd, level = odd // 2, level + 1
        found = math.sqrt(length) * self._normal(interval, 0, 1)
        if odd > 1:
            parts = self._normal(interval, 1, odd)
            found = math.sqrt(length / odd) * (parts - parts.mean(0, keepdim=True)) + found / odd
        for i in range(level):
            half = 0.5 * math.sqrt(length / len(found)) * self._normal(interval, 2 + i, len(found))
            found = torch.stack([0.5 * found + half, 0.5 * found - half], 1).flatten(0, 1)
        return found.to(self.device, self.dtype)

    def _normal(self, interval: int, level: int, count: int) -> Tensor:
        """Draw normal numbers, ``(count, …)``, that belong to an interval and a level of its splitting."""
        mixed = np.random.SeedSequence([self.seed, interval, level]).generate_state(1, np.uint64)[0]
        draw = torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
        return torch.randn(count, *self.shape, generator=draw, dtype=torch.float64)
