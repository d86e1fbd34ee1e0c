"""One learnt term, written once over the array namespace: what it reads, how it fades, and how it changes f."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Generic

import numpy as np

from asm_hybrid.hybrid.network_inputs import Reading
from asm_hybrid.hybrid.placement import Placement
from asm_hybrid.hybrid.signs import Signs
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.plant import ArrayNamespace

__all__ = ["FADE_END", "FADE_START", "LOG_LIMIT", "Term", "Terms"]

LOG_LIMIT = float(np.log(10.0))
"""A learnt factor stays between 1/10 and 10."""

FADE_START, FADE_END = 0.5, 1.5
"""Distances from the trained range, in widths of that range, at which n begins to fade and is gone."""

SMALLEST = 0.05
"""Part of a half-saturation down to which n can make up for a switching function of f."""


class Term(ABC, Generic[Array]):
    """The learnt term of one plant in one placement, one network for all tanks.

    With ``z`` the output of the network and ``g`` the guard that fades to zero outside the trained range, the placement
    says how ``g z`` changes f, as a factor or as an addition. What did not vary in training counts for neither: z is
    given it as it was, and no value of it closes the guard. The hooks are those of
    :class:`asm_hybrid.plant.learnt.Learnt`. What a subclass binds to one array namespace is the network with its
    weights, and the attributes below; rows are given so that they broadcast there.

    Attributes
    ----------
    xp : ArrayNamespace
        The namespace.
    placement : Placement
        Where n acts.
    reading : Reading
        What n reads.
    mean, std, low, high, width, varied : array, shape (…, input)
        Statistics of what n reads in training, see `asm_hybrid.hybrid.spec.TermScaling`.
    typical : array, shape (target,)
        Mean size of what n may change.
    level : array, shape (…, component)
        Mean concentrations, which set where the gates close.
    place : array, shape (target, column of n)
        Puts the targets where they stand in the last axis of n, see `Placement.universe`.
    mask : array or None
        Multiplies n: zeros switch parts of it off.
    signs : Signs or None
        The signs that the network keeps; None where it keeps none.
    halves : array or None, shape (…, weakening)
        Half-saturations of what n may take away of f's own answer, in the units of what it reads; one for ``T``.
    """

    xp: ArrayNamespace[Array]
    placement: Placement
    reading: Reading
    mean: Array
    std: Array
    low: Array
    high: Array
    width: Array
    varied: Array
    typical: Array
    level: Array
    place: Array
    mask: Array | None
    signs: Signs | None
    halves: Array | None

    @abstractmethod
    def evaluate(self, scaled: Array) -> Array:
        """Return z, ``(…, spot, target)``, of what n reads in units of its statistics."""

    @property
    @abstractmethod
    def sizes(self) -> Array:
        """Typical sizes along the last axis of n, ``(…, column of n)``."""

    @property
    @abstractmethod
    def taking_part(self) -> Array:
        """Which component takes part in which process, ``(component, process)``."""

    def features(self, X: Array | None, u: Array) -> Array:
        """Return what n reads, unscaled, ``(…, spot, input)``; at the influent the states are of no use."""
        return self.reading(X if self.placement.in_tanks else None, u, self.xp)

    def distances(self, features: Array) -> Array:
        """Return how far what n reads lies outside its trained range, in widths of that, ``(…, spot, input)``.

        Zero where it did not vary in training.
        """
        middle = (self.high + self.low) / 2
        return (self.xp.abs(features - middle) / self.width - 0.5) * self.varied

    def guard(self, features: Array) -> Array:
        """Return one inside the trained range, falling to zero well outside it, ``(…, spot, 1)``.

        Where the network keeps signs it is ``(…, spot, target)``: a target fades with what it is free in. With an input
        whose sign it keeps it does not, since the way back to f would turn the sign; see `held`.
        """
        found, signs = self.distances(features), self.signs
        distance = self.xp.largest(found) if signs is None else self.xp.largest_of(found, signs.free)
        left = self.xp.minimum(self.xp.maximum((FADE_END - distance) / (FADE_END - FADE_START), 0.0), 1.0)
        return left * left * (3.0 - 2.0 * left)

    def inside(self, features: Array) -> bool:
        """Return whether nothing that n reads lies where it fades, so that holding it and the guard change no bit."""
        return False

    def held(self, features: Array, inside: bool = False) -> Array:
        """Return what n reads, held where fading begins if the network keeps signs, ``(…, spot, input)``."""
        if self.signs is None:
            return features
        held = features
        if not inside:
            middle, beyond = (self.high + self.low) / 2, (0.5 + FADE_START) * self.width
            held = self.xp.minimum(self.xp.maximum(features, middle - beyond), middle + beyond)
        return self.mean + (held - self.mean) * self.varied

    def scaled(self, features: Array, inside: bool = False) -> Array:
        """Return what the network is given, ``(…, spot, column)``.

        Behind the inputs in units of their statistics stand, where the network keeps signs, the parts of f's own answer
        that it may take away, less their values at the mean: logarithms of switching functions, and T.
        """
        held = self.held(features, inside)
        scaled = (held - self.mean) / self.std * self.varied
        if self.signs is None or self.halves is None or not self.signs.weakenings:
            return scaled
        return self.xp.beside(scaled, self._own(self.signs, self.halves, held) - self._at_mean())

    def _at_mean(self) -> Array:
        """Return the parts of f's own answer at the mean of what n reads, ``(weakening,)``."""
        assert self.signs is not None
        assert self.halves is not None
        return self._own(self.signs, self.halves, self.mean)

    def _own(self, signs: Signs, halves: Array, features: Array) -> Array:
        """Return the parts of f's own answer, ``(…, spot, weakening)``."""
        pick, tops, switching, temperature = _parts(signs, self.reading.inputs)
        xp, like = self.xp, features
        S = xp.maximum(xp.matmul(features, xp.constant(pick, like)), SMALLEST * halves)
        found = xp.matmul(xp.log(S), xp.constant(tops, like))
        found = found - xp.matmul(xp.log(S + halves), xp.constant(switching, like))
        return found + xp.matmul(features, xp.constant(temperature, like))

    def outputs(self, X: Array | None, u: Array) -> Array:
        """Return ``g z``, ``(…, spot, column of n)``; in torch it leads with the member axis, as the states do."""
        return self.outputs_of(self.features(X, u))

    def outputs_of(self, features: Array) -> Array:
        """Return ``g z`` for what n reads, ``(…, spot, column of n)``; it leads as what is read does."""
        inside = self.inside(features)
        z = self.evaluate(self.scaled(features, inside))
        if not inside:
            guard = self.guard(features)
            z = self.xp.scale(z, guard) if self.signs is None else z * guard
        if self.placement.columns != tuple(range(self.placement.width)):
            z = self.xp.matmul(z, self.place)
        return z if self.mask is None else z * self.mask

    def factors(self, X: Array | None, u: Array) -> Array:
        """Return ``exp(L tanh(g z / L))``, ``(…, spot, column of n)``."""
        return self.xp.exp(self.log_factors(self.features(X, u)))

    def log_factors(self, features: Array) -> Array:
        """Return the logarithm of the factors for what n reads, ``L tanh(g z / L)``, ``(…, spot, column of n)``."""
        return LOG_LIMIT * self.xp.tanh(self.outputs_of(features) / LOG_LIMIT)

    def additions(self, X: Array, u: Array) -> Array:
        """Return ``gate · typical · g z``, ``(…, tank, column of n)``."""
        return self.placement.open(self, X) * self.outputs(X, u) * self.sizes

    def gate(self, X: Array) -> Array:
        """Return what is left of a component [-]: zero without any, near one at its mean, ``(…, tank, component)``."""
        X = self.xp.maximum(X, 0.0)
        return X / (X + 0.05 * self.level + 1e-6)

    def driven(self, u: Array) -> Array:
        """See :class:`asm_hybrid.plant.learnt.Learnt`."""
        return self.placement.driven(self, u)

    def adjusted(self, p: Sequence[Array], X: Array, u: Array) -> Sequence[Array]:
        """See :class:`asm_hybrid.plant.learnt.Learnt`."""
        return self.placement.adjusted(self, p, X, u)

    def rates(self, rho: Array, X: Array, u: Array) -> Array:
        """See :class:`asm_hybrid.plant.learnt.Learnt`."""
        return self.placement.rates(self, rho, X, u)

    def changed(self, change: Array, X: Array, u: Array) -> Array:
        """See :class:`asm_hybrid.plant.learnt.Learnt`."""
        return self.placement.changed(self, change, X, u)

    def recorded(self, outputs: Array, targets: Sequence[str], X: Array, u: Array) -> Array:
        """See :class:`asm_hybrid.plant.learnt.Learnt`."""
        return self.placement.recorded(self, outputs, targets, X, u)

    def sloped(self, slopes: Array, X: Array, u: Array) -> Array:
        """Return slopes of the rates, ``(…, tank, process, component)``, n held, from those of f's rates."""
        factor = self.placement.slope_factor(self, X, u)
        return slopes if factor is None else slopes * self.xp.column(factor)


class Terms(ABC, Generic[Array]):
    """Terms in different placements, which act one after the other.

    Attributes
    ----------
    driven, adjusted, rates, changed, recorded, sloped : callable
        What a single `Term` offers to a plant, of all of them.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[Term[Array]]:
        """Go through the terms in the order in which they act."""

    def driven(self, u: Array) -> Array:
        """See :meth:`Term.driven`."""
        for term in self:
            u = term.driven(u)
        return u

    def adjusted(self, p: Sequence[Array], X: Array, u: Array) -> Sequence[Array]:
        """See :meth:`Term.adjusted`."""
        for term in self:
            p = term.adjusted(p, X, u)
        return p

    def rates(self, rho: Array, X: Array, u: Array) -> Array:
        """See :meth:`Term.rates`."""
        for term in self:
            rho = term.rates(rho, X, u)
        return rho

    def changed(self, change: Array, X: Array, u: Array) -> Array:
        """See :meth:`Term.changed`."""
        for term in self:
            change = term.changed(change, X, u)
        return change

    def recorded(self, outputs: Array, targets: Sequence[str], X: Array, u: Array) -> Array:
        """See :meth:`Term.recorded`."""
        for term in self:
            outputs = term.recorded(outputs, targets, X, u)
        return outputs

    def sloped(self, slopes: Array, X: Array, u: Array) -> Array:
        """See :meth:`Term.sloped`."""
        for term in self:
            slopes = term.sloped(slopes, X, u)
        return slopes


@lru_cache(maxsize=256)
def _parts(signs: Signs, inputs: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return what picks the parts of f's answer from what n reads, and puts them together; the same for the same."""
    parts = signs.weakenings
    pick = np.array([[float(part.name == name) for part in parts] for name in inputs])
    switching = np.array([part.parameter is not None for part in parts])
    tops = np.diag([float(part.rises) for part in parts] * switching)
    turn = np.array([1.0 if part.rises else -1.0 for part in parts])
    return pick * switching, tops, np.diag(switching.astype(float)), pick * ~switching * turn
