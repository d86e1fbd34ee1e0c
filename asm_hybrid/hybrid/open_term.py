"""n as CasADi expressions with its weights open: symbols in the equations, values at every call."""

from __future__ import annotations

from functools import cached_property

import casadi
import numpy as np

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.symbolic import OPERATIONS, SymbolicTerm, member_mask, member_weights
from asm_hybrid.plant.namespace import Matrix

__all__ = ["OpenTerm"]


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
        self._term, mask = term, member_mask(term, 0)
        self.given = casadi.SX.sym("z", len(term.placement.spots), len(term.placement.targets))
        self.mask = None if mask is None else casadi.SX.sym("mask", *mask.shape)
        self.symbolic = SymbolicTerm(term, lambda _: self.given, self.mask)

    def read(self, X: Matrix, u: Matrix) -> Matrix:
        """Return what the network is given, ``(spot, column)``."""
        return casadi.densify(self.symbolic.scaled(self.symbolic.features(X, u)))

    @cached_property
    def network(self) -> Matrix:
        """The function from what the network is given, ``(spot, column)``, and its `weights` to z, column by column."""
        arrays = member_weights(self._term, 0)
        flat = [w for group in arrays.values() for w in group]
        values = casadi.MX.sym("weights", sum(w.size for w in flat))
        parts = iter(casadi.vertsplit(values, np.cumsum([0, *(w.size for w in flat)]).tolist()))
        weights = {name: [casadi.reshape(next(parts), *w.shape) for w in group] for name, group in arrays.items()}
        spots, inputs = self.symbolic.mean.shape
        further = 0 if self._term.halves is None else len(self._term.halves)
        read = casadi.MX.sym("read", spots, inputs + further)
        z = self._term.network.network.forward(read, weights, OPERATIONS)
        return casadi.Function("network", [read, values], [casadi.vec(z)])

    def weights(self, member: int) -> np.ndarray:
        """Return the weights of a member as `network` takes them, ``(weight,)``."""
        groups = member_weights(self._term, member).values()
        return np.concatenate([w.ravel(order="F") for group in groups for w in group])

    def masked(self, member: int) -> np.ndarray:
        """Return the mask of a member column by column; empty without one."""
        mask = member_mask(self._term, member)
        return np.zeros(0) if mask is None else mask.ravel(order="F")
