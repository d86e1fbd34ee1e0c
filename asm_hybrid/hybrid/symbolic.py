"""A trained n as CasADi expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import casadi
import numpy as np
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.term import Term, Terms
from asm_hybrid.plant import casadi_namespace
from asm_hybrid.plant.namespace import Matrix

__all__ = ["SymbolicTerm", "SymbolicTerms", "symbolic_term"]

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

    def affine(self, x: Matrix, weight: Matrix, bias: Matrix) -> Matrix:
        return XP.matmul(x, weight) + casadi.repmat(bias, x.shape[0], 1)

    def activation(self, name: str, x: Matrix) -> Matrix:
        return ACTIVATIONS[name](x)

    def magnitude(self, x: Matrix) -> Matrix:
        return casadi.fabs(x)

    def rows_times(self, x: Matrix, factors: np.ndarray) -> Matrix:
        return XP.matmul(_matrix(np.diag(factors)), x)


OPERATIONS = _CasadiOperations()


class SymbolicTerm(Term[Matrix]):
    """One member of a `LearntTerm` for CasADi matrices.

    States are ``(tank, component)``, inputs ``(input,)``, rates ``(tank, process)``, without leading axes.

    Parameters
    ----------
    term : LearntTerm
        The term.
    member : int
        The member of its network.
    """

    xp = XP

    def __init__(self, term: LearntTerm, member: int) -> None:
        self.placement, self.reading = term.placement, term.reading
        spots = len(self.placement.spots)
        for name in ("mean", "std", "low", "high", "level"):
            setattr(self, name, _rows(getattr(term, name), spots))
        self.typical, self.place = _matrix(_numbers(term.typical)), _matrix(_numbers(term.place))
        self._sizes, self._taking_part = _rows(term.sizes, spots), _matrix(_numbers(term.taking_part))
        self._network = term.network.network
        self._weights = {k: [_matrix(_numbers(w[member])) for w in v] for k, v in term.network.tensors().items()}
        self.mask = None
        if term.mask is not None:
            mask = term.mask[member if len(term.mask) > 1 else 0]
            self.mask = _matrix(_numbers(mask.expand(*mask.shape[:-2], spots, -1).reshape(spots, -1)))

    def evaluate(self, scaled: Matrix) -> Matrix:
        """Return z, ``(spot, target)``."""
        return self._network.forward(scaled, self._weights, OPERATIONS)

    @property
    def sizes(self) -> Matrix:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._sizes

    @property
    def taking_part(self) -> Matrix:
        """See :class:`~asm_hybrid.hybrid.term.Term`."""
        return self._taking_part


class SymbolicTerms(Terms[Matrix]):
    """One member of a `LearntTerms` for CasADi matrices.

    Parameters
    ----------
    terms : LearntTerms
        The terms.
    member : int
        The member of their networks.
    """

    def __init__(self, terms: LearntTerms, member: int) -> None:
        self.parts = [SymbolicTerm(term, member) for term in terms]

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
    return SymbolicTerms(term, member) if isinstance(term, LearntTerms) else SymbolicTerm(term, member)


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double())


def _matrix(values: np.ndarray) -> Matrix:
    """Bring an array of one or two axes to CasADi; it knows its zeros."""
    return casadi.sparsify(casadi.DM(values))


def _rows(vector: Tensor, count: int) -> Matrix:
    """Repeat a vector in every row, ``(count, n)``."""
    return casadi.repmat(_matrix(_numbers(vector).reshape(1, -1)), count, 1)
