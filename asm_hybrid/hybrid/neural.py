"""The pure neural ODE: no mechanism, the observed variables as states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.ensemble import EnsembleMLP

__all__ = ["NeuralODE"]

TIME_SCALE = 0.25
"""Time [d] in which a network output of one moves a variable by one standard deviation."""


class NeuralODE(nn.Module):
    """``dz/dt = std / τ · MLP((z - mean) / std, (u - mean_u) / std_u)`` with z the observed variables.

    Parameters
    ----------
    z_mean, z_std : Tensor, shape (variable,)
        Statistics of the measurements in the training block.
    u_mean, u_std : Tensor, shape (input,)
        Statistics of the inputs in the training block. Inputs that do not vary there are not read.
    hidden : sequence of int
        Widths of the hidden layers.
    activation : str
        Name of the activation.
    seeds : sequence of int
        Seeds of the members.

    Attributes
    ----------
    read : list of int
        Positions of the inputs that are read.
    """

    z_mean: Tensor
    z_std: Tensor
    u_mean: Tensor
    u_std: Tensor

    def __init__(
        self,
        z_mean: Tensor,
        z_std: Tensor,
        u_mean: Tensor,
        u_std: Tensor,
        hidden: Sequence[int],
        activation: str,
        seeds: Sequence[int],
    ) -> None:
        super().__init__()
        for name, value in (("z_mean", z_mean), ("z_std", z_std), ("u_mean", u_mean), ("u_std", u_std)):
            self.register_buffer(name, value.clone())
        varies = u_std > 1e-9 * (u_mean.abs() + 1.0)
        self.read: list[int] = torch.nonzero(varies).flatten().tolist()
        sizes = [len(z_mean) + len(self.read), *hidden, len(z_mean)]
        self.network = EnsembleMLP(sizes, activation, seeds)

    def derivative(self, z: Tensor, u: Tensor) -> Tensor:
        """Return dz/dt [unit/d], ``(member, …, variable)``."""
        inputs = ((u - self.u_mean) / self.u_std)[..., self.read]
        state = (z - self.z_mean) / self.z_std
        shape = np.broadcast_shapes(tuple(state.shape[:-1]), tuple(inputs.shape[:-1]))
        read = torch.cat([state.expand(*shape, -1), inputs.expand(*shape, -1)], dim=-1)
        return cast(Tensor, self.network(read)) * self.z_std / TIME_SCALE
