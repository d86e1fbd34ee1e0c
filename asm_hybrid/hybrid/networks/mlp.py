"""The multilayer perceptron."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from asm_hybrid.hybrid.network import Network, Operations
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["NETWORK", "perceptron"]


def perceptron(sizes: Sequence[int], generator: Generator) -> dict[str, list[Tensor]]:
    """Return the weights of a perceptron at its start.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units in every hidden layer, and of targets.
    generator : Generator
        Draws the weights.

    Returns
    -------
    dict of str to list of Tensor
        One entry a layer: ``weights``, each (n, m), drawn uniformly with unit variance of the sums, those of the last
        layer zero; ``biases``, each (1, m), zero.
    """
    import torch

    weights, biases = [], []
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        scale = 0.0 if last else (3.0 / n_in) ** 0.5
        weights.append(scale * (2 * torch.rand(n_in, n_out, dtype=torch.float64, generator=generator) - 1))
        biases.append(torch.zeros(1, n_out, dtype=torch.float64))
    return {"weights": weights, "biases": biases}


class MLP(Network):
    """A multilayer perceptron; its last layer starts at zero.

    Parameters
    ----------
    inputs, hidden, targets, activation, options, signs
        As in `Network`; there are no keys of its own.
    """

    name = "mlp"
    order = 10
    summary = "a multilayer perceptron"
    activations = ("tanh", "silu", "relu", "softplus")

    def start(self, generator: Generator) -> dict[str, list[Tensor]]:
        """Return the weights of a perceptron."""
        return perceptron(self.sizes, generator)

    def forward(self, x: Array, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]) -> Array:
        """Evaluate the layers one after the other."""
        for i, (weight, bias) in enumerate(zip(weights["weights"], weights["biases"], strict=True)):
            if i:
                x = ops.activation(self.activation, x)
            x = ops.affine(x, weight, bias)
        return x


NETWORK = MLP
