"""A trained n as CasADi expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import casadi
import numpy as np
from torch import Tensor

from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.term import Term, Terms
from asm_hybrid.plant import casadi_namespace
from asm_hybrid.plant.namespace import Matrix

__all__ = ["SymbolicTerm", "SymbolicTerms", "open_term", "packed_weights", "symbolic_term"]

XP = casadi_namespace()

MASK = "mask"
"""What the mask of a term is called among its weights."""


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
    """See :class:`asm_hybrid.hybrid.networks.Operations`."""

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
    weights : mapping of str to sequence of matrix
        What `member_weights` gives, or symbols in their place.
    """

    xp = XP

    def __init__(self, term: LearntTerm, weights: Mapping[str, Sequence[Matrix]]) -> None:
        self.placement, self.reading = term.placement, term.reading
        spots = len(self.placement.spots)
        for name in ("mean", "std", "low", "high", "level"):
            setattr(self, name, _rows(getattr(term, name), spots))
        self.typical, self.place = _matrix(_numbers(term.typical)), _matrix(_numbers(term.place))
        self._sizes, self._taking_part = _rows(term.sizes, spots), _matrix(_numbers(term.taking_part))
        self._network, self._weights = term.network.network, weights
        self.mask = weights[MASK][0] if MASK in weights else None

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
    return _bound(term, [_matrices(weights, _matrix) for weights in member_weights(term, member)])


def open_term(term: LearntTerm | LearntTerms) -> tuple[SymbolicTerm | SymbolicTerms, Matrix]:
    """Return n for CasADi with symbols for the weights of a member, and these symbols.

    Parameters
    ----------
    term : LearntTerm or LearntTerms
        n.

    Returns
    -------
    tuple of SymbolicTerm or SymbolicTerms, and SX, shape (weight,)
        Values for the symbols come from `packed_weights`.
    """
    symbols: list[Matrix] = []

    def symbol(values: np.ndarray) -> Matrix:
        symbols.append(casadi.SX.sym("w", *values.shape))
        return symbols[-1]

    opened = _bound(term, [_matrices(weights, symbol) for weights in member_weights(term, 0)])
    return opened, casadi.vertcat(*(casadi.vec(s) for s in symbols))


def packed_weights(term: LearntTerm | LearntTerms, member: int) -> np.ndarray:
    """Return the values of a member for the symbols of `open_term`, ``(weight,)``."""
    arrays = [w for weights in member_weights(term, member) for group in weights.values() for w in group]
    return np.concatenate([w.ravel(order="F") for w in arrays])


def member_weights(term: LearntTerm | LearntTerms, member: int) -> list[dict[str, list[np.ndarray]]]:
    """Return the weights of a member, and its mask where there is one, by name, one mapping a term."""
    found = []
    for part in _parts(term):
        weights = {k: [_numbers(w[member]) for w in v] for k, v in part.network.tensors().items()}
        if part.mask is not None:
            spots, mask = len(part.placement.spots), part.mask[member if len(part.mask) > 1 else 0]
            weights[MASK] = [_numbers(mask.expand(*mask.shape[:-2], spots, -1).reshape(spots, -1))]
        found.append(weights)
    return found


def _parts(term: LearntTerm | LearntTerms) -> list[LearntTerm]:
    return list(term) if isinstance(term, LearntTerms) else [term]


def _bound(
    term: LearntTerm | LearntTerms, weights: Sequence[Mapping[str, Sequence[Matrix]]]
) -> SymbolicTerm | SymbolicTerms:
    parts = [SymbolicTerm(part, own) for part, own in zip(_parts(term), weights, strict=True)]
    return SymbolicTerms(parts) if isinstance(term, LearntTerms) else parts[0]


def _matrices(
    weights: Mapping[str, Sequence[np.ndarray]], matrix: Callable[[np.ndarray], Matrix]
) -> dict[str, list[Matrix]]:
    return {name: [matrix(w) for w in group] for name, group in weights.items()}


def _numbers(values: Tensor) -> np.ndarray:
    return np.asarray(values.detach().cpu().double())


def _matrix(values: np.ndarray) -> Matrix:
    """Bring an array of one or two axes to CasADi; it knows its zeros."""
    return casadi.sparsify(casadi.DM(values))


def _rows(vector: Tensor, count: int) -> Matrix:
    """Repeat a vector in every row, ``(count, n)``."""
    return casadi.repmat(_matrix(_numbers(vector).reshape(1, -1)), count, 1)
