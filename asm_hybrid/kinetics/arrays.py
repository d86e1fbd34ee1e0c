"""What the equations ask of an array, whether torch or CasADi holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, TypeVar

__all__ = ["Array", "Namespace", "Operators"]


class Operators(Protocol):
    """What may stand between two arrays, or an array and a number; all else is in the namespace.

    A NumPy array is none: the ``constant`` of a namespace brings it in.

    Attributes
    ----------
    __neg__, __add__, __radd__, __sub__, __rsub__, __mul__, __rmul__, __truediv__, __rtruediv__, __gt__ : callable
        Signs ``- + * / >``, element by element; shapes broadcast.
    """

    def __neg__(self) -> Self: ...
    def __add__(self, other: Self | float, /) -> Self: ...
    def __radd__(self, other: float, /) -> Self: ...
    def __sub__(self, other: Self | float, /) -> Self: ...
    def __rsub__(self, other: float, /) -> Self: ...
    def __mul__(self, other: Self | float, /) -> Self: ...
    def __rmul__(self, other: float, /) -> Self: ...
    def __truediv__(self, other: Self | float, /) -> Self: ...
    def __rtruediv__(self, other: float, /) -> Self: ...
    def __gt__(self, other: Self | float, /) -> Self: ...


Array = TypeVar("Array", bound=Operators)
"""The arrays of one namespace: tensors of torch, or matrices of CasADi, never both in one call."""


class Namespace(Protocol[Array]):
    """The array operations that generated code uses.

    Attributes
    ----------
    nonnegative, columns : callable
        Part ``(…, component)`` into its columns.
    maximum, minimum, exp, log, where : callable
        Element by element on arrays ``(…)``.
    held, unrecorded : callable
        Leave out derivatives.
    """

    def nonnegative(self, X: Array | Sequence[Array]) -> Sequence[Array]:
        """Return the columns of ``max(X, 0)``, one array a component."""

    def maximum(self, x: Array | float, y: Array | float) -> Array:
        """Larger of two, element by element."""

    def minimum(self, x: Array | float, y: Array | float) -> Array:
        """Smaller of two, element by element; only a table that calls ``exp`` or ``min`` needs it."""

    def exp(self, x: Array) -> Array:
        """Exponential, element by element; only a table that calls ``exp`` needs it."""

    def log(self, x: Array) -> Array:
        """Natural logarithm, element by element; only a table with an equilibrium needs this and what follows."""

    def where(self, condition: Array, x: Array | float, y: Array | float) -> Array:
        """Choose between two, element by element."""

    def unrecorded(self, x: Array) -> Array:
        """Return an array without what its derivatives need, where the namespace keeps such a record."""

    def held(self, x: Array) -> Array:
        """Return an array, equal within 1e-9, whose derivative counts as zero."""

    def columns(self, x: Array) -> Sequence[Array]:
        """Return the columns of ``(…, component)``."""
