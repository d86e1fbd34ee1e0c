"""A plant with a trained n as CasADi expressions, for stiff integrators and optimisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import casadi
import numpy as np
from torch import Tensor

from asm_hybrid.hybrid.term import LearntTerm, bounded, faded, gate
from asm_hybrid.plant import Forcing, Plant, casadi_namespace, effluent, waste

__all__ = ["SymbolicSystem", "SymbolicTerm", "symbolic_system", "symbolic_term"]

Array = Any

XP = casadi_namespace()


def _silu(x: Array) -> Array:
    return x / (1.0 + casadi.exp(casadi.fmin(-x, 700.0)))


def _softplus(x: Array) -> Array:
    return casadi.if_else(x > 20.0, x, casadi.log1p(casadi.exp(casadi.fmin(x, 20.0))))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
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

    def features(self, X: Array, u: Array) -> Array:
        """Return what n reads, unscaled, ``(tank, input)``."""
        driven = XP.matmul(u.T, _matrix(self.term.drive))
        return XP.matmul(X, _matrix(self.term.read)) + casadi.repmat(driven, X.shape[0], 1)

    def guard(self, features: Array) -> Array:
        """Return one inside the trained range, falling to zero well outside it, ``(tank,)``."""
        low, high = (_rows(v, features.shape[0]) for v in (self.term.low, self.term.high))
        distance = casadi.fabs(features - (high + low) / 2.0) / casadi.fmax(high - low, 1e-9)
        return faded(reduce(XP.maximum, XP.columns(distance)) - 0.5, XP)

    def outputs(self, X: Array, u: Array) -> Array:
        """Return ``g z``, ``(tank, process or component)``."""
        term, tanks, features = self.term, X.shape[0], self.features(X, u)
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

    def factors(self, X: Array, u: Array) -> Array:
        """Return the learnt factors on the rates, ``(tank, process)``."""
        return bounded(self.outputs(X, u), XP)

    def additions(self, X: Array, u: Array) -> Array:
        """Return what n adds to rates or derivatives, ``(tank, process or component)``."""
        term, tanks = self.term, X.shape[0]
        open_ = gate(X, _rows(term.level, tanks), XP)
        if term.spec.placement == "rates":
            open_ = XP.exp(XP.matmul(XP.log(XP.maximum(open_, 1e-12)), _matrix(term.participants.T)))
        return open_ * self.outputs(X, u) * _rows(term.typical @ term.place, tanks)

    def rates(self, rho: Array, X: Array, u: Array) -> Array:
        """Return the rates that the hybrid model uses, ``(tank, process)``."""
        if self.term.multiplies:
            return rho * self.factors(X, u)
        return rho + self.additions(X, u) if self.term.spec.placement == "rates" else rho


def _matrix(values: Tensor) -> Array:
    """Bring a tensor of two axes to CasADi; it knows its zeros."""
    return casadi.sparsify(casadi.DM(values.detach().cpu().double().numpy()))


def _rows(vector: Tensor, count: int) -> Array:
    """Repeat a vector in every row, ``(count, n)``."""
    return casadi.repmat(_matrix(vector.reshape(1, -1)), count, 1)


def symbolic_term(term: LearntTerm, member: int) -> SymbolicTerm:
    """Return one member of a term for CasADi.

    Parameters
    ----------
    term : LearntTerm
        The term, trained or not.
    member : int
        The member of its network, from 0.

    Returns
    -------
    SymbolicTerm
    """
    if not 0 <= member < term.network.members:
        raise IndexError(f"member {member} of a term with {term.network.members}")
    return SymbolicTerm(term, member)


@dataclass(frozen=True, eq=False)
class SymbolicSystem:
    """``dx/dt = f(x, u) + n(x, u)`` of one plant with numeric parameters; all expressions are CasADi SX.

    Attributes
    ----------
    plant : Plant
        f.
    state : SX, shape (state,)
        The active entries of the plant's state, row by row; imposed concentrations are among them and do not move.
    inputs : SX, shape (input,)
        The inputs, in the order of `Plant.inputs`.
    X : SX, shape (row, component)
        The state in the plant's shape.
    forcing : Forcing
        As controllers and volumes make it, where there are any.
    derivative : SX, shape (state,)
        dx/dt [unit of the state/d].
    term : SymbolicTerm or None
        n.
    """

    plant: Plant
    state: Array
    inputs: Array
    X: Array
    forcing: Forcing
    derivative: Array
    term: SymbolicTerm | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the states."""
        return self.plant.rows.names

    @cached_property
    def tanks(self) -> Array:
        """Concentrations in the tanks, imposed ones in place, ``(tank, component)``."""
        return self.plant.effective_state(self.X, self.forcing, XP)

    @property
    def moved(self) -> Array:
        """The inputs as controllers make them, ``(input,)``."""
        return self.forcing.u

    @property
    def kla(self) -> Array:
        """Oxygen transfer coefficients of the tanks [1/d], ``(tank,)``."""
        if self.forcing.loss is None:
            return casadi.SX.zeros(self.plant.tanks)
        return casadi.densify(self.forcing.loss[:, self.plant.table.component_names.index(self.plant.table.oxygen)])

    @property
    def settler_solids(self) -> Array:
        """Suspended solids in the layers of the settler, from the top [g/m³], ``(layer,)``; empty without layers."""
        first, last = self.plant.rows.layers
        return self.X[first:last, self.plant.rows.solids_column]

    @cached_property
    def effluent(self) -> tuple[Array, Array]:
        """Flow [m³/d], ``(1,)``, and concentrations, ``(component,)``, of the effluent."""
        flow, row = effluent(self.plant, self.X, self.forcing, XP)
        return flow, casadi.densify(row.T)

    @cached_property
    def waste(self) -> Array:
        """Concentrations of the waste sludge, ``(component,)``."""
        return casadi.densify(waste(self.plant, self.X, self.forcing, XP).T)

    @property
    def guard(self) -> Array | None:
        """The guard of n in every tank [-], ``(tank,)``: below one where n fades; None without n."""
        return None if self.term is None else self.term.guard(self.term.features(self.tanks, self.inputs))

    def quantity(self, target: str) -> Array:
        """Return a component or composite, ``TANK.QUANTITY`` or ``effluent.QUANTITY``, ``(1,)``."""
        place, name = self.plant.observation(target)
        if place == "effluent":
            return self.plant.amount(self.effluent[1].T, self.forcing, name, XP)
        return self.plant.quantity(self.tanks, self.forcing, target, XP)


def symbolic_system(
    plant: Plant, parameters: np.ndarray, term: LearntTerm | None = None, member: int = 0
) -> SymbolicSystem:
    """Write a plant as CasADi expressions.

    Parameters
    ----------
    plant : Plant
        f.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    term : LearntTerm, optional
        n, which acts in the tanks.
    member : int
        The member of its network.

    Returns
    -------
    SymbolicSystem
    """
    active = [(int(i), int(j)) for i, j in np.argwhere(plant.rows.active > 0)]
    state, X = casadi.SX.sym("x", len(active)), casadi.SX(*plant.shape)
    for k, place in enumerate(active):
        X[place] = state[k]
    u, p = casadi.SX.sym("u", len(plant.inputs)), casadi.DM(np.asarray(parameters, dtype=float))
    forcing, slopes = plant.forcing(u, p, XP), list[Array]()
    if plant.steered:
        forcing, slopes = plant.steer(X, forcing, XP)
    tanks = plant.effective_state(X, forcing, XP)
    learnt = None if term is None else symbolic_term(term, member)
    rho = plant.rates(tanks, forcing, XP)
    if learnt is not None:
        rho = learnt.rates(rho, tanks, u)
    change = plant.transport(tanks, forcing, XP) + XP.matmul(rho, casadi.sparsify(plant.stoichiometry(p, XP)))
    if learnt is not None and learnt.term.spec.placement == "state":
        change = change + learnt.additions(tanks, u)
    whole = plant.assemble(change, X, tanks, forcing, slopes, XP)
    derivative = casadi.vertcat(*(whole[place] for place in active))
    return SymbolicSystem(plant, state, u, X, forcing, derivative, learnt)
