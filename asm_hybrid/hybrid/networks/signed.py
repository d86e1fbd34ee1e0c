"""A network that keeps the signs in which f's own rates answer what n reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.hybrid.keys import Keys, SomeNames
from asm_hybrid.hybrid.network import Network, Operations
from asm_hybrid.hybrid.signs import Signs, free_signs
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["NETWORK"]

STEEP = 4.0
"""Largest size of the sum of the weights of a unit that all count with one sign, twice its mean at the start; larger,
and n would begin as a sum of steps."""

PACE = 8.0
"""By how much what is taken away of f's answer moves faster than its weight: a perceptron has many weights to move."""


class Signed(Network):
    """Perceptrons side by side, one for all targets with the same signs, less a part of f's own answer.

    For a target j of the placement ``rates`` it is ``z_j = m_j(x) - Σ_k c_jk ln(φ_k(x) / φ_k(mean))``. The perceptron
    m_j only rises with inputs with which f's rate rises, and only falls with those with which it falls [1]_: in the
    first layer the weights of such an input count by the sign and their size alone, in all further layers only sizes
    count. Half of the units of the first layer read free inputs alone, and count with any sign. φ_k are the switching
    functions by which f's rate is multiplied, and ``exp(θ T)``; with ``0 ≤ c < 1`` they may be weakened, but not
    turned. So ``ρ exp(z)`` answers with the sign of ρ whatever the weights, and can come near to any rate with that
    sign. Where all signs of a group are zero its perceptron is a free one.

    Parameters
    ----------
    inputs, hidden, targets, activation
        As in `Network`; each perceptron has layers of half the widths, since it serves few targets.
    options : mapping of str to object
        Inputs in which n is free all the same, under ``free_in``.
    signs : Signs, optional
        How f answers; n is free in everything without it.

    References
    ----------
    .. [1] H. Daniels, M. Velikova (2010), "Monotone and partially monotone neural networks", IEEE Trans. Neural Netw.
       21, 906-917, https://doi.org/10.1109/TNN.2010.2044803.
    """

    name = "signed"
    order = 5
    summary = "a perceptron that does not turn the sign in which f's own rate answers what n reads"
    keys: ClassVar[Keys] = {"free_in": (SomeNames, "Inputs in which n is free of the signs of the table.")}
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
        hidden = [(n + 1) // 2 for n in hidden]
        super().__init__(inputs, hidden, targets, activation)
        found = signs or free_signs([""] * targets, inputs)
        self.signs = self._kept = kept = found.freed(inputs, (options or {}).get("free_in") or ())
        self._pace = np.full(kept.shares.shape, PACE)
        rows = np.concatenate([kept.values, kept.free], axis=1)
        patterns, group = np.unique(rows, axis=0, return_inverse=True)
        values, free = np.split(patterns, 2, axis=1) if hidden else (kept.values, kept.free)
        self._groups = len(patterns) if hidden else 1
        self._hidden = tuple(hidden)
        member = np.equal.outer(np.arange(len(patterns)), group.ravel()).astype(float)  # (group, target)
        bound, width = values.any(1), hidden[0] if hidden else 1
        loose = np.zeros((len(values), width))  # units that read nothing with a sign, whose own sign is then free
        loose[free.any(1) & bound, (width + 1) // 2 :] = 1.0
        self._bound = [np.repeat(values.T, width, axis=1) * (1.0 - loose.ravel())]
        self._free = [np.repeat(free.T, width, axis=1)]
        counts = np.repeat(bound, width) * (1.0 - loose.ravel())
        for _, m in pairwise(hidden):
            self._bound.append(np.repeat(counts[:, None], m, axis=1))
            self._free.append(1.0 - self._bound[-1])
            counts = np.repeat(bound, m).astype(float)
        if hidden:
            own = np.repeat(member, hidden[-1], axis=0)
            self._bound.append(own * counts[:, None])
            self._free.append(own - self._bound[-1])

    @classmethod
    def check(cls, own: Mapping[str, Any], reads: Mapping[str, Sequence[str]], where: Callable[..., str]) -> None:
        """Check that n reads what it shall be free in."""
        known = sorted({name for names in reads.values() for name in names if name != "time_of_day"})
        for i, name in enumerate(own["free_in"] or ()):
            if name not in known:
                raise InputError(
                    f"n does not read {name!r}",
                    where=where("free_in", i),
                    expected="what n reads, but for time_of_day",
                    fix=nearest(name, known),
                )

    def start(self, generator: Generator) -> dict[str, list[Tensor]]:
        """Return weights of every layer, those of the last one zero, and what is taken away of f's answer, nothing."""
        import torch

        weights, biases = [], []
        reads, targets = self.sizes[0], self.sizes[-1]
        wide = (*(self._groups * n for n in self._hidden), targets)
        for i, columns in enumerate(wide):
            rows, fan = (wide[i - 1], self._hidden[i - 1]) if i else (reads, reads)
            scale = 0.0 if i == len(wide) - 1 else (3.0 / fan) ** 0.5
            width = self._hidden[i] if 0 < i < len(wide) - 1 else columns
            drawn = torch.rand(rows, width, dtype=torch.float64, generator=generator)
            weight = scale * (2 * drawn - 1)
            if 0 < i < len(wide) - 1:  # sums of one sign: their size is that of a sum, not its root
                weight = weight * torch.where(torch.as_tensor(self._bound[i]) > 0, min(1.0, STEEP / fan / scale), 1.0)
            weights.append(weight)
            biases.append(torch.zeros(1, columns, dtype=torch.float64))
        taken = torch.zeros(len(self._kept.weakenings), targets, dtype=torch.float64)
        return {"weights": weights, "biases": biases, "taken": [taken] if len(taken) else []}

    def effective(
        self, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]
    ) -> Mapping[str, Sequence[Array]]:
        """Return the weights as they count."""
        layers = [
            ops.times(weight, free) + ops.times(ops.magnitude(weight), bound)
            for weight, free, bound in zip(weights["weights"], self._free, self._bound, strict=True)
        ]
        taken = [ops.activation("tanh", ops.times(ops.magnitude(t), self._pace)) for t in weights["taken"]]
        parts = [ops.times(share, self._kept.shares) for share in taken]
        return {"layers": layers, "biases": weights["biases"], "parts": parts}

    def forward(self, x: Array, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]) -> Array:
        """Evaluate the layers one after the other, and take away what f has."""
        counted = weights if "layers" in weights else self.effective(weights, ops)
        reads, last = self.sizes[0], len(self._bound) - 1
        h = ops.columns(x, 0, reads)
        for i, (weight, bias) in enumerate(zip(counted["layers"], counted["biases"], strict=True)):
            if i:
                h = ops.activation(self.activation, h)
            h = ops.affine(h, weight, bias, self._groups if 0 < i < last else 1)
        for part in counted["parts"]:
            own = ops.columns(x, reads, reads + len(self._kept.shares))
            h = h - ops.affine(own, part, 0.0 * bias)
        return h


NETWORK = Signed
