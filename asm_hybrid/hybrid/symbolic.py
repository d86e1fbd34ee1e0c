"""A trained n as CasADi expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import casadi
import numpy as np
from torch import Tensor

from asm_hybrid.hybrid.ensemble import Ensemble
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.term import Term, Terms
from asm_hybrid.plant import casadi_namespace
from asm_hybrid.plant.namespace import Matrix

__all__ = ["OPERATIONS", "SymbolicTerm", "SymbolicTerms", "member_mask", "member_weights", "symbolic_term"]

XP = casadi_namespace()


def _silu(x: Matrix) -> Matrix:
    return x / (1.0 + casadi.exp(casadi.fmin(-x, 700.0)))


def _softplus(x: Matrix) -> Matrix:
    return casadi.if_else(x > 20.0, x, casadi.log1p(casadi.exp(casadi.fmin(x, 20.0))))


ACTIVATIONS: dict[str, Callable[[Matrix], Matrix]] = {
    "tanh": casadi.tanh,
    "silu": _silu,
    "relu": lambda x: casadi.fmax(x, 0.0),
    "softplus": _softplus,
}
"""Those of `ensemble.ACTIVATIONS`, to the last digits; where an exponential would overflow, it is cut off."""


class _CasadiOperations:
    """See :class:`asm_hybrid.hybrid.network.Operations`."""

    def affine(self, x: Matrix, weight: Matrix, bias: Matrix, groups: int = 1) -> Matrix:
        n = x.shape[1] // groups
        parts = [x[:, i * n : (i + 1) * n] for i in range(groups)] if groups > 1 else [x]
        found = [XP.matmul(part, weight[i * n : (i + 1) * n, :]) for i, part in enumerate(parts)]
        return casadi.horzcat(*found) + casadi.repmat(bias, x.shape[0], 1)

    def activation(self, name: str, x: Matrix) -> Matrix:
        return ACTIVATIONS[name](x)

    def magnitude(self, x: Matrix) -> Matrix:
        return casadi.fabs(x)

    def times(self, x: Matrix, factors: np.ndarray) -> Matrix:
        return x * _matrix(factors)

    def columns(self, x: Matrix, start: int, stop: int) -> Matrix:
        return x[:, start:stop]


OPERATIONS = _CasadiOperations()


class SymbolicTerm(Term[Matrix]):
    """A `LearntTerm` for CasADi matrices, with one member of its network.

    States are ``(tank, component)``, inputs ``(input,)``, rates ``(tank, process)``, without leading axes.

    Parameters
    ----------
    term : LearntTerm
        The term.
    network : callable
        From what n reads, scaled, ``(spot, input)``, to z, ``(spot, target)``.
    mask : matrix, shape (spot, column of n), optional
        Multiplies n.
    """

    xp = XP

    def __init__(self, term: LearntTerm, network: Callable[[Matrix], Matrix], mask: Matrix | None = None) -> None:
        self.placement, self.reading = term.placement, term.reading
        spots = len(self.placement.spots)
        for name in ("mean", "std", "low", "high", "width", "varied", "level"):
            setattr(self, name, _rows(getattr(term, name), spots))
        self.signs, self.halves = term.signs, None if term.halves is None else _rows(term.halves, spots)
        self.typical, self.place = _matrix(_numbers(term.typical)), _matrix(_numbers(term.place))
        self._sizes, self._taking_part = _rows(term.sizes, spots), _matrix(_numbers(term.taking_part))
        self._network, self.mask = network, mask

    def evaluate(self, scaled: Matrix) -> Matrix:
        """Return z, ``(spot, target)``."""
        return self._network(scaled)

    @property
    def sizes(self) -> Matrix:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._sizes

    @property
    def taking_part(self) -> Matrix:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._taking_part


class SymbolicTerms(Terms[Matrix]):
    """A `LearntTerms` for CasADi matrices, with one member of every network.

    Parameters
    ----------
    parts : sequence of SymbolicTerm
        The terms.
    """

    def __init__(self, parts: Sequence[SymbolicTerm]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[SymbolicTerm]:
        return iter(self.parts)


def symbolic_term(term: LearntTerm | LearntTerms, member: int) -> SymbolicTerm | SymbolicTerms:
    """Return one member of n for CasADi.

    Parameters
    ----------
    term : LearntTerm or LearntTerms
        n, trained or not.
    member : int
        The member of its networks, from 0.

    Returns
    -------
    SymbolicTerm or SymbolicTerms
    """
    if not 0 <= member < term.members:
        raise IndexError(f"member {member} of a term with {term.members}")
    if isinstance(term, LearntTerms):
        return SymbolicTerms([_bound(part, member) for part in term])
    return _bound(term, member)


def _bound(term: LearntTerm, member: int) -> SymbolicTerm:
    mask = member_mask(term, member)
    weights = {name: [_matrix(w) for w in group] for name, group in member_weights(term.network, member).items()}

    def network(scaled: Matrix) -> Matrix:
        return term.network.network.forward(scaled, weights, OPERATIONS)

    return SymbolicTerm(term, network, None if mask is None else _matrix(mask))


def member_weights(network: Ensemble, member: int) -> dict[str, list[np.ndarray]]:
    """Return the weights of a member.

    Parameters
    ----------
    network : Ensemble
        All members.
    member : int
        Which one.

    Returns
    -------
    dict of str to list of ndarray
        By name, as `Network.start` gives them.
    """
    return {name: [_numbers(w[member]) for w in group] for name, group in network.tensors().items()}


def member_mask(term: LearntTerm, member: int) -> np.ndarray | None:
    """Return the mask of a member.

    Parameters
    ----------
    term : LearntTerm
        The term.
    member : int
        The member of its network.

    Returns
    -------
    ndarray or None, shape (spot, column of n)
        None where the term has no mask.
    """
    if term.mask is None:
        return None
    spots, mask = len(term.placement.spots), term.mask[member if len(term.mask) > 1 else 0]
    return _numbers(mask.expand(*mask.shape[:-2], spots, -1).reshape(spots, -1))


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double())


def _matrix(values: np.ndarray) -> Matrix:
    """Bring an array of one or two axes to CasADi; it knows its zeros."""
    return casadi.sparsify(casadi.DM(values))


def _rows(vector: Tensor, count: int) -> Matrix:
    """Repeat a vector in every row, ``(count, n)``."""
    return casadi.repmat(_matrix(_numbers(vector).reshape(1, -1)), count, 1)
