"""The members of a network n: several independently initialised sets of weights, evaluated at once in torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from asm_hybrid.hybrid.network import Network
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.plant import torch_namespace

__all__ = ["ACTIVATIONS", "Ensemble", "EnsembleMLP"]

XP = torch_namespace()

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "silu": nn.functional.silu,
    "relu": torch.relu,
    "softplus": nn.functional.softplus,
}


class _TorchOperations:
    """See :class:`asm_hybrid.hybrid.network.Operations`."""

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor, groups: int = 1) -> Tensor:
        if groups == 1:
            return torch.baddbmm(bias, x, weight)
        members, rows, columns = x.shape
        parts = x.reshape(members, rows, groups, columns // groups).transpose(1, 2)
        found = parts @ weight.reshape(members, groups, columns // groups, weight.shape[-1])
        return found.transpose(1, 2).reshape(members, rows, -1) + bias

    def activation(self, name: str, x: Tensor) -> Tensor:
        return ACTIVATIONS[name](x)

    def magnitude(self, x: Tensor) -> Tensor:
        return torch.where(x < 0.0, -x, x)

    def times(self, x: Tensor, factors: np.ndarray) -> Tensor:
        return x * XP.constant(factors, x)

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        return x[..., start:stop]


OPERATIONS = _TorchOperations()


class Ensemble(nn.Module):
    """Networks of one shape, one a seed, that share nothing but the batch they are evaluated in.

    Parameters
    ----------
    network : Network
        Their shape. Its function is zero with the weights it starts from, so every member starts as the zero function.
    seeds : sequence of int
        One member a seed. A member's start depends on its own seed alone.
    """

    def __init__(self, network: Network, seeds: Sequence[int]) -> None:
        super().__init__()
        self.members = len(seeds)
        self.network = network
        starts = [network.start(torch.Generator().manual_seed(seed)) for seed in seeds]
        self._names = tuple(starts[0])
        for name in self._names:
            layers = zip(*(start[name] for start in starts), strict=True)
            setattr(self, name, nn.ParameterList([nn.Parameter(torch.stack(layer)) for layer in layers]))
        self._effective: Mapping[str, Sequence[Tensor]] | None = None

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """Evaluate within with the weights as they are now, what follows from them alone being worked out once."""
        self._effective = self.network.effective(self.tensors(), OPERATIONS)
        try:
            yield
        finally:
            self._effective = None

    def tensors(self) -> dict[str, tuple[Tensor, ...]]:
        """Return the weights by name, each with a leading member axis."""
        return {name: tuple(getattr(self, name)) for name in self._names}

    def member(self, index: int) -> Ensemble:
        """Return one member as an ensemble of its own."""
        out = copy.deepcopy(self)
        out.members = 1
        for name in self._names:
            group = getattr(out, name)
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
        weights = self.tensors() if self._effective is None else self._effective
        y: Tensor = self.network.forward(x.reshape(self.members, -1, shape[-1]), weights, OPERATIONS)
        return y.reshape(*shape[:-1], y.shape[-1])


class EnsembleMLP(Ensemble):
    """Multilayer perceptrons, apart from any n.

    Parameters
    ----------
    sizes : sequence of int
        Numbers of inputs, of units in every hidden layer, and of outputs.
    activation : str
        A key of :data:`ACTIVATIONS`.
    seeds : sequence of int
        One member a seed.
    """

    def __init__(self, sizes: Sequence[int], activation: str, seeds: Sequence[int]) -> None:
        first, *hidden, last = sizes
        super().__init__(NETWORKS["mlp"]([""] * first, hidden, last, activation), seeds)
