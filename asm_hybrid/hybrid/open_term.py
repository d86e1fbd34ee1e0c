"""n as CasADi expressions with its weights open: symbols in the equations, values at every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import casadi
import numpy as np

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.network import Network
from asm_hybrid.hybrid.symbolic import OPERATIONS, SymbolicTerm, member_weights
from asm_hybrid.plant.namespace import Matrix

__all__ = ["OpenTerm", "flat_weights", "open_network"]


class OpenTerm:
    """A term in one state of one plant, its equations written once for all members.

    The network is a function apart: in the equations stand symbols for what it gives. Its layers then stay products of
    whole matrices, which run several times as fast as the same numbers one by one.

    Parameters
    ----------
    term : LearntTerm
        The term.

    Attributes
    ----------
    given : SX, shape (spot, target)
        Symbols for what the network gives.
    mask : SX, shape (spot, column of n), or None
        Symbols for the mask.
    symbolic : SymbolicTerm
        The term for the equations.
    """

    def __init__(self, term: LearntTerm) -> None:
        placement, self._network, self._shapes = term.placement, term.network.network, member_weights(term.network, 0)
        self.given = casadi.SX.sym("z", len(placement.spots), len(placement.targets))
        self.mask = None if term.mask is None else casadi.SX.sym("mask", len(placement.spots), placement.width)
        self.symbolic = SymbolicTerm(term, lambda _: self.given, self.mask)

    def read(self, X: Matrix, u: Matrix) -> Matrix:
        """Return what the network is given, ``(spot, column)``."""
        return casadi.densify(self.symbolic.scaled(self.symbolic.features(X, u)))

    @cached_property
    def network(self) -> Matrix:
        """The function from what the network is given, ``(spot, column)``, and its weights to z, column by column."""
        return open_network(self._network, self._shapes, len(self.symbolic.placement.spots))


def flat_weights(arrays: Mapping[str, Sequence[np.ndarray]]) -> np.ndarray:
    """Return weights in a row, ``(weight,)``.

    Parameters
    ----------
    arrays : mapping of str to sequence of ndarray
        By name, as `Network.start` gives them.

    Returns
    -------
    ndarray
        As the function from `open_network` takes them.
    """
    return np.concatenate([w.ravel(order="F") for group in arrays.values() for w in group])


def open_network(network: Network, arrays: Mapping[str, Sequence[np.ndarray]], rows: int) -> Matrix:
    """Write a network as a function of its weights.

    Parameters
    ----------
    network : Network
        The network.
    arrays : mapping of str to sequence of ndarray
        Some weights, for their shapes.
    rows : int
        Rows that it is evaluated on at once.

    Returns
    -------
    casadi.Function
        From what the network is given, ``(row, column)``, and its weights in a row to what it gives, column by column.
    """
    flat = [w for group in arrays.values() for w in group]
    values = casadi.MX.sym("weights", sum(w.size for w in flat))
    parts = iter(casadi.vertsplit(values, np.cumsum([0, *(w.size for w in flat)]).tolist()))
    weights = {name: [casadi.reshape(next(parts), *w.shape) for w in group] for name, group in arrays.items()}
    read = casadi.MX.sym("read", rows, network.columns)
    z = network.forward(read, weights, OPERATIONS)
    return casadi.Function("network", [read, values], [casadi.vec(z)])
