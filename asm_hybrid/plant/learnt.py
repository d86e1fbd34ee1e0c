"""What a learnt term n may change in a plant: the hooks that f + n is composed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from asm_hybrid.kinetics.arrays import Array

__all__ = ["Learnt"]


class Learnt(Protocol[Array]):
    """A learnt term of one plant, in the namespace of the arrays it is given.

    Everywhere ``X`` holds the effective states of the tanks ``(…, tank, component)`` and ``u`` the inputs as they were
    measured ``(…, input)``. In torch, what n changes leads with the member axis of its networks.

    Attributes
    ----------
    driven, adjusted, rates, changed, recorded : callable
        What n changes: inputs, parameters of rates, rates, derivatives and recorded quantities.
    """

    def driven(self, u: Array) -> Array:
        """Return the inputs that drive the hybrid, from those of f, ``(…, input)``."""

    def adjusted(self, p: Sequence[Array], X: Array, u: Array) -> Sequence[Array]:
        """Return the parameters that the rates of the hybrid use, each to broadcast against ``(…, tank)``."""

    def rates(self, rho: Array, X: Array, u: Array) -> Array:
        """Return the rates that the hybrid model uses, from those of f, ``(…, tank, process)``."""

    def changed(self, change: Array, X: Array, u: Array) -> Array:
        """Return the derivative of the tanks, from that with the rates of the hybrid, ``(…, tank, component)``."""

    def recorded(self, outputs: Array, targets: Sequence[str], X: Array, u: Array) -> Array:
        """Return recorded quantities of the hybrid, from those of f, ``(…, output)``."""
