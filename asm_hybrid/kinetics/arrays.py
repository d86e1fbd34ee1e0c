"""What the equations ask of an array, whether torch or CasADi holds it."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

__all__ = ["Array", "Operators"]


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
