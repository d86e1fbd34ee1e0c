"""A network that only rises or only falls with some of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.hybrid.keys import Keys, SomeNames
from asm_hybrid.hybrid.network import Network, Operations
from asm_hybrid.hybrid.networks.mlp import perceptron
from asm_hybrid.hybrid.signs import Signs
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["NETWORK"]


class Monotone(Network):
    """A perceptron that rises with some inputs, falls with others, and is free in the rest, whatever its weights.

    In the first layer the weights of an input with a sign count by that sign and their size alone, those of a free
    input as they are; in all further layers only sizes count. With activations that rise and are bounded on both sides
    and with more than one hidden layer, such networks can come near to every function with these signs [1]_, [2]_. All
    targets share the signs: with ``rises_with: [S_O]`` every rate that n changes rises with S_O.

    This holds for z. The guard g, by which z is multiplied, is one inside the trained range; outside it fades to zero,
    and the product g z can then fall with an input with which z rises.

    Parameters
    ----------
    inputs, hidden, targets, activation, signs
        As in `Network`.
    options : mapping of str to object
        Lists of inputs under ``rises_with`` and ``falls_with``.

    References
    ----------
    .. [1] H. Daniels, M. Velikova (2010), "Monotone and partially monotone neural networks", IEEE Trans. Neural Netw.
       21, 906-917, https://doi.org/10.1109/TNN.2010.2044803.
    .. [2] A. Minin, M. Velikova, B. Lang, H. Daniels (2010), "Comparison of universal approximators incorporating
       partial monotonicity by structure", Neural Netw. 23, 471-475.
    """

    name = "monotone"
    order = 20
    summary = "a perceptron that only rises with the inputs of rises_with, and only falls with those of falls_with"
    keys: ClassVar[Keys] = {
        "rises_with": (SomeNames, "Inputs with which n only rises; this or falls_with is needed."),
        "falls_with": (SomeNames, "Inputs with which n only falls; this or rises_with is needed."),
    }
    activations = ("tanh",)  # with relu or softplus it would be convex, and silu falls below -1.28

    def __init__(
        self,
        inputs: Sequence[str],
        hidden: Sequence[int],
        targets: int,
        activation: str,
        options: Mapping[str, Any] | None = None,
        signs: Signs | None = None,
    ) -> None:
        super().__init__(inputs, hidden, targets, activation)
        up, down = ((options or {}).get(key) or () for key in self.keys)
        directions = np.array([float(name in up) - float(name in down) for name in inputs])
        self._first = np.repeat(directions[:, None], self.sizes[1], axis=1)
        self._free = (self._first == 0.0).astype(float)

    @classmethod
    def check(cls, own: Mapping[str, Any], reads: Mapping[str, Sequence[str]], where: Callable[..., str]) -> None:
        """Check that there are signs, that n reads what they are for, and that none has two."""
        known = sorted({name for names in reads.values() for name in names if name != "time_of_day"})
        expected = "what n reads, but for time_of_day"
        if not any(own.values()):
            raise InputError(
                "the network is monotone, and no input has a sign",
                where=where("type"),
                expected="rises_with or falls_with, lists of inputs",
                fix="add rises_with: [S_O], with what n reads, or set type: mlp",
            )
        for key, names in own.items():
            for i, name in enumerate(names or ()):
                if name == "time_of_day":
                    found = "the time of day goes round"
                    raise InputError(found, where=where(key, i), expected=expected, fix="remove it")
                if name not in known:
                    found = f"n does not read {name!r}"
                    raise InputError(found, where=where(key, i), expected=expected, fix=nearest(name, known))
        both = set(own["rises_with"] or ()) & set(own["falls_with"] or ())
        if both:
            raise InputError(
                f"n rises and falls with {sorted(both)[0]!r}", where=where("falls_with"), expected="one sign an input"
            )

    def start(self, generator: Generator) -> dict[str, list[Tensor]]:
        """Return the weights of a perceptron: where they are zero, their sizes have the slope one."""
        return perceptron(self.sizes, generator)

    def forward(self, x: Array, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]) -> Array:
        """Evaluate the layers one after the other."""
        for i, (weight, bias) in enumerate(zip(weights["weights"], weights["biases"], strict=True)):
            size = ops.magnitude(weight)
            if i:
                x, weight = ops.activation(self.activation, x), size
            else:
                weight = ops.times(weight, self._free) + ops.times(size, self._first)
            x = ops.affine(x, weight, bias)
        return x


NETWORK = Monotone
