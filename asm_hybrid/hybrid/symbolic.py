"""A trained n as CasADi expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import casadi
from torch import Tensor

from asm_hybrid.hybrid.term import LearntTerm, bounded, faded, gate, multiplied
from asm_hybrid.hybrid.terms import LearntTerms
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
"""Those of `network.ACTIVATIONS`, to the last digits; where an exponential would overflow, it is cut off."""


@dataclass(frozen=True, eq=False)
class SymbolicTerm:
    """One member of a `LearntTerm` for CasADi matrices; its methods are those of the torch module.

    States are ``(tank, component)``, inputs ``(input,)``, rates ``(tank, process)``, without leading axes.

    Attributes
    ----------
    term : LearntTerm
        The term.
    member : int
        The member of its network.
    """

    term: LearntTerm
    member: int

    def features(self, X: Matrix | None, u: Matrix) -> Matrix:
        """Return what n reads, unscaled, ``(spot, input)``."""
        reading = self.term.reading
        _, spots, inputs = reading.drive.shape
        found = casadi.reshape(XP.matmul(u.T, _matrix(reading.drive.flatten(1))), inputs, spots).T
        if X is not None:
            found = found + XP.matmul(X, _matrix(reading.read))
        loads = u[reading.flow] * XP.matmul(u.T, _matrix(reading.load))
        return found + casadi.repmat(loads, spots, 1)

    def guard(self, features: Matrix) -> Matrix:
        """Return one inside the trained range, falling to zero well outside it, ``(spot,)``."""
        low, high = (_rows(v, features.shape[0]) for v in (self.term.low, self.term.high))
        distance = casadi.fabs(features - (high + low) / 2.0) / casadi.fmax(high - low, 1e-9)
        return faded(reduce(XP.maximum, XP.columns(distance)) - 0.5, XP)

    def outputs(self, X: Matrix | None, u: Matrix) -> Matrix:
        """Return ``g z``, ``(spot, target of the plant)``."""
        term, features = self.term, self.features(X, u)
        tanks = features.shape[0]
        y = (features - _rows(term.mean, tanks)) / _rows(term.std, tanks)
        layers = zip(term.network.weights, term.network.biases, strict=True)
        for i, (weight, bias) in enumerate(layers):
            if i:
                y = ACTIVATIONS[term.spec.activation](y)
            y = XP.matmul(y, _matrix(weight[self.member])) + _rows(bias[self.member], tanks)
        z = XP.scale(XP.matmul(y, _matrix(term.place)), self.guard(features))
        if term.mask is None:
            return z
        mask = term.mask[self.member if len(term.mask) > 1 else 0]
        return z * _matrix(mask.expand(*mask.shape[:-2], tanks, -1).reshape(tanks, -1))

    def factors(self, X: Matrix | None, u: Matrix) -> Matrix:
        """Return the learnt factors on rates, parameters or influent, ``(spot, target of the plant)``."""
        return bounded(self.outputs(X, u), XP)

    def driven(self, u: Matrix) -> Matrix:
        """Return the inputs that drive the hybrid, ``(input,)``."""
        if self.term.spec.placement != "forcing":
            return u
        return u * (1.0 + XP.matmul(self.factors(None, u) - 1.0, _matrix(self.term.driven_at)).T)

    def adjusted(self, p: Sequence[Matrix], X: Matrix, u: Matrix) -> Sequence[Matrix]:
        """Return the parameters that the rates of the hybrid use, each a number or ``(tank,)``."""
        if self.term.spec.placement != "parameters":
            return p
        return multiplied(p, self.term.positions, XP.columns(self.factors(X, u)))

    def additions(self, X: Matrix, u: Matrix) -> Matrix:
        """Return what n adds to rates or derivatives, ``(tank, target of the plant)``."""
        term, tanks = self.term, X.shape[0]
        open_ = gate(X, _rows(term.level, tanks), XP)
        if term.spec.placement == "rates":
            open_ = XP.exp(XP.matmul(XP.log(XP.maximum(open_, 1e-12)), _matrix(term.participants.T)))
        return open_ * self.outputs(X, u) * _rows(term.typical @ term.place, tanks)

    def rates(self, rho: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """Return the rates that the hybrid model uses, ``(tank, process)``."""
        if self.term.multiplies:
            return rho * self.factors(X, u)
        return rho + self.additions(X, u) if self.term.spec.placement == "rates" else rho

    def changed(self, change: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """Return the derivative of the tanks, from that with the rates of the hybrid, ``(tank, component)``."""
        return change + self.additions(X, u) if self.term.spec.placement == "state" else change

    def corrected(self, value: Matrix, target: str, X: Matrix, u: Matrix) -> Matrix:
        """Return a measured variable of the hybrid, from that of f, ``(1,)``."""
        term = self.term
        if term.spec.placement != "output" or target not in term.spec.targets:
            return value
        i = term.spec.targets.index(target)
        tank = next(t for t, k in term.places if k == i)
        return value + float(term.typical[i]) * self.outputs(X, u)[tank, i]


def _matrix(values: Tensor) -> Matrix:
    """Bring a tensor of two axes to CasADi; it knows its zeros."""
    return casadi.sparsify(casadi.DM(values.detach().cpu().double().numpy()))


def _rows(vector: Tensor, count: int) -> Matrix:
    """Repeat a vector in every row, ``(count, n)``."""
    return casadi.repmat(_matrix(vector.reshape(1, -1)), count, 1)


@dataclass(frozen=True, eq=False)
class SymbolicTerms:
    """One member of a `LearntTerms` for CasADi matrices: what the parts do, one after the other."""

    parts: tuple[SymbolicTerm, ...]

    def driven(self, u: Matrix) -> Matrix:
        """See :meth:`SymbolicTerm.driven`."""
        return reduce(lambda value, part: part.driven(value), self.parts, u)

    def adjusted(self, p: Sequence[Matrix], X: Matrix, u: Matrix) -> Sequence[Matrix]:
        """See :meth:`SymbolicTerm.adjusted`."""
        return reduce(lambda value, part: part.adjusted(value, X, u), self.parts, p)

    def rates(self, rho: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """See :meth:`SymbolicTerm.rates`."""
        return reduce(lambda value, part: part.rates(value, X, u), self.parts, rho)

    def changed(self, change: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """See :meth:`SymbolicTerm.changed`."""
        return reduce(lambda value, part: part.changed(value, X, u), self.parts, change)

    def corrected(self, value: Matrix, target: str, X: Matrix, u: Matrix) -> Matrix:
        """See :meth:`SymbolicTerm.corrected`."""
        return reduce(lambda found, part: part.corrected(found, target, X, u), self.parts, value)


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
        return SymbolicTerms(tuple(SymbolicTerm(part, member) for part in term))
    return SymbolicTerm(term, member)
