"""Multiple shooting: the states at the starts of windows are learnt along with n, under a prior."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

__all__ = ["Shooting"]

DEFECT = (1.0, 100.0)
"""Weight of the defects at the first and at the last gradient step; it rises geometrically."""
PRIOR = 0.1
"""Weight of the corrections: a start is not far from where the trajectory of the model passes."""
PACE = 5.0
"""Step size of the corrections, in that of n."""
FLOOR = 0.01
"""Least spread of a state that is told apart, in its mean."""


class Shooting:
    """Corrections of the states at the windows' starts, one a member, window, tank and component.

    A window starts at ``x = m s(s⁻¹(a / m) + c σ / m)`` with a the state where the model's own trajectory passes, m and
    σ the mean and the spread of the state along the trajectory of f, ``s(z) = log(1 + exp z)`` and c what is learnt: a
    shift by c σ of a state well above zero, a factor on one near zero, and never negative [1]_. To the loss of a member
    it adds, in squares of σ, summed over states and averaged over windows,

        PRIOR · c² + λ · (x of the next window - end of this one)²,    λ from DEFECT[0] to DEFECT[1],

    so that the windows first fit their data each on its own, and are one trajectory at the end. Only states of tanks
    are corrected.

    Parameters
    ----------
    members, windows : int
        How many there are.
    trajectory : Tensor, shape (knot, row, component)
        That of f over the training block.
    free : Tensor, shape (tank, component)
        Zero where a sensor dictates the state.

    References
    ----------
    .. [1] H. G. Bock, K. J. Plitt (1984), "A multiple shooting algorithm for direct solution of optimal control
       problems", IFAC Proc. 17(2), 1603-1608, https://doi.org/10.1016/S1474-6670(17)61205-9.
    """

    def __init__(self, members: int, windows: int, trajectory: Tensor, free: Tensor) -> None:
        self.tanks = len(free)
        states = trajectory[:, : self.tanks]
        self.level = states.mean(0).clamp(min=1e-6)
        self.spread = torch.maximum(states.std(0), FLOOR * self.level)
        self.free = free
        self.corrections = nn.Parameter(states.new_zeros(members, windows, *free.shape))

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return what is learnt along with n."""
        return iter((self.corrections,))

    def starts(self, carried: Tensor, index: Tensor) -> Tensor:
        """Return where windows start, ``(member, window, row, component)``.

        Parameters
        ----------
        carried : Tensor, shape (member, all windows, row, component)
            Where the trajectory of the model passes.
        index : Tensor of int, shape (window,)
            Which windows.
        """
        own = carried[:, index]
        scaled = (own[:, :, : self.tanks] / self.level).clamp(min=1e-9)
        inverse = scaled + torch.log(-torch.expm1(-scaled))
        moved = inverse + self.corrections[:, index] * self.spread / self.level
        x = self.level * nn.functional.softplus(moved)
        x = torch.where(self.free > 0, x, own[:, :, : self.tanks])
        return torch.cat([x, own[:, :, self.tanks :]], dim=2)

    def defects(self, carried: Tensor, index: Tensor, final: Tensor) -> Tensor:
        """Return what is missing for one trajectory, in spreads, ``(member, window, tank, component)``.

        Parameters
        ----------
        carried, index
            See `starts`.
        final : Tensor, shape (member, window, row, component)
            States at the ends of the windows; that of the last window of the block meets none.
        """
        follows = index + 1 < carried.shape[1]
        begun = self.starts(carried, index[follows] + 1)
        gap = (begun - final[:, follows])[:, :, : self.tanks]
        missing: Tensor = gap / self.spread * self.free
        return missing

    def cost(self, carried: Tensor, index: Tensor, final: Tensor, progress: float, every: Tensor) -> Tensor:
        """Return what some windows add to the loss, ``(member,)``.

        Parameters
        ----------
        carried, index, final
            See `defects`.
        progress : float
            Runs from zero to one.
        every : Tensor of int, shape (window,)
            All windows of the gradient step, over which the loss is the mean.
        """
        weight = DEFECT[0] * (DEFECT[1] / DEFECT[0]) ** progress
        gaps = self.defects(carried, index, final).square().sum((2, 3))
        prior = (self.corrections[:, index] * self.free).square().sum((2, 3)).sum(1) / len(every)
        meetings = int((every + 1 < carried.shape[1]).sum())
        cost: Tensor = weight * gaps.sum(1) / max(1, meetings) + PRIOR * prior
        return cost
