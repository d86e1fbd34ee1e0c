"""A perceptron with a linear part beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from asm_hybrid.hybrid.keys import Keys
from asm_hybrid.hybrid.network import Network, Operations
from asm_hybrid.hybrid.networks.mlp import perceptron
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["NETWORK"]


class Residual(Network):
    """``scale · (W x + b) + mlp(x)``."""

    name = "residual"
    order = 30
    summary = "a perceptron with a linear part beside it"
    keys: ClassVar[Keys] = {"linear_scale": (float, "Size of the linear part; 1 without it.")}
    activations = ("tanh", "silu")

    def __init__(
        self,
        inputs: Sequence[str],
        hidden: Sequence[int],
        targets: int,
        activation: str,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(inputs, hidden, targets, activation)
        self.scale = float((options or {}).get("linear_scale") or 1.0)

    def start(self, generator: Generator) -> dict[str, list[Tensor]]:
        """Return a perceptron, and a linear part that is zero."""
        linear = perceptron((self.sizes[0], self.sizes[-1]), generator)
        own = perceptron(self.sizes, generator)
        return own | {"linear": [*linear["weights"], *linear["biases"]]}

    def forward(self, x: Array, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]) -> Array:
        """Evaluate both."""
        y = ops.affine(x, *weights["linear"]) * self.scale
        for i, (weight, bias) in enumerate(zip(weights["weights"], weights["biases"], strict=True)):
            if i:
                x = ops.activation(self.activation, x)
            x = ops.affine(x, weight, bias)
        return x + y


NETWORK = Residual
