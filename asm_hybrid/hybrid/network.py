"""What every network behind n is: its weights at the start, and its function, once for torch, CasADi and ONNX.

A network is one class in a module of the folder ``networks``, offered as ``NETWORK``, where
:mod:`asm_hybrid.hybrid.networks` finds it; nothing else names it. It holds no weights: those of all members are in an
:class:`~asm_hybrid.hybrid.ensemble.Ensemble`, which trains, saves, loads and splits them, and CasADi is handed those of
one member. Torch is not imported here, since a config asks for the networks too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from asm_hybrid.hybrid.keys import Keys
from asm_hybrid.hybrid.signs import Signs
from asm_hybrid.kinetics.arrays import Array

if TYPE_CHECKING:
    from torch import Generator, Tensor

__all__ = ["Network", "Operations"]


class Operations(Protocol[Array]):
    """Operations on rows ``(…, row, n)``, in torch for all members at once and in CasADi for one.

    Attributes
    ----------
    affine, activation, magnitude, times, columns : callable
        What `Network.forward` is made of.
    """

    def affine(self, x: Array, weight: Array, bias: Array, groups: int = 1) -> Array:
        """Return ``x @ weight + bias`` with weights ``(member, n, m)`` and biases ``(member, 1, m)``.

        With groups the columns of x are in as many equal parts, and so are the rows of the weights: every part of x is
        multiplied by its own, ``(…, row, group · m)``; the biases are ``(member, 1, group · m)``.
        """

    def activation(self, name: str, x: Array) -> Array:
        """Return an activation, element by element."""

    def magnitude(self, x: Array) -> Array:
        """Return ``|x|``; its slope at zero is one, so that a weight can leave it."""

    def times(self, x: Array, factors: np.ndarray) -> Array:
        """Multiply weights by constant factors ``(n, m)``."""

    def columns(self, x: Array, start: int, stop: int) -> Array:
        """Take columns of ``(…, row, n)``."""


class Network(ABC):
    """A kind of network, with the shape of one n: a function of scaled inputs that is zero at the start.

    It is a pure function of what n reads at one time and place. A recurrent one would need more: states of its own,
    which the solver carries, and the adjoint, the compiled step, forecasts and the starts of windows with it. It would
    give ``state(spot)``, the number of its states at a spot, and ``slope(x, h, weights, ops)`` beside ``forward``; and
    the plant's state would get rows for them. That is not built.

    Parameters
    ----------
    inputs : sequence of str
        Names of what it reads.
    hidden : sequence of int
        Widths of the hidden layers.
    targets : int
        Number of what it gives.
    activation : str
        Name of the activation.
    options : mapping of str to object
        Values of its own keys.
    signs : Signs, optional
        How f answers what it reads; a network that does not ask for it has no use for it.

    Attributes
    ----------
    name : str
        What the key ``type`` calls it.
    order : int
        Its place among the networks in texts.
    summary : str
        What it is, for the description of the key ``type``.
    keys : Keys
        Its own keys in the section ``network``.
    activations : tuple of str
        Activations it can have.
    signs : Signs or None
        The signs that it keeps; None where it keeps none. It is then given further columns behind its inputs, see
        `Term.scaled`.
    columns : int
        Number of columns that it is given.
    sizes : tuple of int
        Numbers of inputs, of units in every hidden layer, and of targets.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    summary: ClassVar[str]
    keys: ClassVar[Keys] = {}
    activations: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        inputs: Sequence[str],
        hidden: Sequence[int],
        targets: int,
        activation: str,
        options: Mapping[str, Any] | None = None,
        signs: Signs | None = None,
    ) -> None:
        self.activation = activation
        self.signs: Signs | None = None
        self.sizes = (len(inputs), *hidden, targets)

    def __deepcopy__(self, memo: object) -> Network:
        """Return itself: nothing in it changes, so copies of an ensemble share it."""
        return self

    @property
    def columns(self) -> int:
        """Number of columns that it is given: its inputs, and behind them the parts of f's answer."""
        return self.sizes[0] + (0 if self.signs is None else len(self.signs.weakenings))

    @classmethod  # noqa: B027 - most networks have no keys
    def check(cls, own: Mapping[str, Any], reads: Mapping[str, Sequence[str]], where: Callable[..., str]) -> None:
        """Check the values of its own keys; nothing by default.

        Parameters
        ----------
        own : mapping of str to object
            The values.
        reads : mapping of str to sequence of str
            What n reads, by placement.
        where : callable
            Gives file and line of a key, and of an entry of its list.

        Raises
        ------
        InputError
            When a value does not fit.
        """

    @abstractmethod
    def start(self, generator: Generator) -> dict[str, list[Tensor]]:
        """Return the weights of a member at its start, lists by name; the function is zero with them.

        They are stored by these names. Gradients with respect to some of them must not be zero.
        """

    def effective(
        self, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]
    ) -> Mapping[str, Sequence[Array]]:
        """Return what `forward` takes in the place of weights: what follows from these alone, worked out."""
        return weights

    @abstractmethod
    def forward(self, x: Array, weights: Mapping[str, Sequence[Array]], ops: Operations[Array]) -> Array:
        """Evaluate the network on scaled inputs ``(…, row, column)``.

        Parameters
        ----------
        x : array, shape (…, row, column)
            Inputs.
        weights : mapping of str to sequence of array
            As `start` gives them, in torch with a leading member axis, or as `effective` has made them of these.
        ops : Operations
            Of the namespace of these arrays.

        Returns
        -------
        array, shape (…, row, target)
        """
