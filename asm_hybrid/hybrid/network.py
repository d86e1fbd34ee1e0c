"""The network n: several independently initialised members evaluated at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

__all__ = ["ACTIVATIONS", "EnsembleMLP"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "silu": nn.functional.silu,
    "relu": torch.relu,
    "softplus": nn.functional.softplus,
}


class EnsembleMLP(nn.Module):
    """Multilayer perceptrons of one shape, one a seed, that share nothing but the batch they are evaluated in.

    The last layer starts at zero, so every member starts as the zero function.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units in every hidden layer, and of outputs.
    activation : str
        A key of :data:`ACTIVATIONS`.
    seeds : sequence of int
        One member a seed. A member's start depends on its own seed alone.
    """

    def __init__(self, sizes: Sequence[int], activation: str, seeds: Sequence[int]) -> None:
        super().__init__()
        self.members = len(seeds)
        self.activation = ACTIVATIONS[activation]
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for i, (n_in, n_out) in enumerate(pairwise(sizes)):
            last = i == len(sizes) - 2
            scale = 0.0 if last else (3.0 / n_in) ** 0.5
            draws = [2 * torch.rand(n_in, n_out, dtype=torch.float64, generator=g) - 1 for g in generators]
            self.weights.append(nn.Parameter(scale * torch.stack(draws)))
            self.biases.append(nn.Parameter(torch.zeros(self.members, 1, n_out, dtype=torch.float64)))

    def member(self, index: int) -> EnsembleMLP:
        """Return one member as an ensemble of its own."""
        out = copy.deepcopy(self)
        out.members = 1
        for group in (out.weights, out.biases):
            for i, p in enumerate(group):
                group[i] = nn.Parameter(p.detach()[index : index + 1].clone())
        return out

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate every member on its own rows.

        Parameters
        ----------
        x : Tensor, shape (member, …, input)
            Scaled inputs.

        Returns
        -------
        Tensor, shape (member, …, output)
        """
        shape = x.shape
        y = x.reshape(self.members, -1, shape[-1])
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if i:
                y = self.activation(y)
            y = torch.baddbmm(bias, y, weight)
        return y.reshape(*shape[:-1], y.shape[-1])
