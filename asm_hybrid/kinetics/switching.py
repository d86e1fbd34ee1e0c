"""The switching functions of activated sludge models, and their derivatives; see `functions` for how tables call them.

They stay functions of sympy until code is generated, so that their guards stand in one place: what is
switched by is cut off at zero, and `TINY` is added to every denominator that may be zero. Rates and slopes
are then finite at zero, and the slopes are those of the guarded functions, exactly.
"""

from __future__ import annotations

from typing import Any

import sympy

from asm_hybrid.kinetics.size import MAX_TERMS, terms

__all__ = ["TINY", "Guarded", "Inhibition", "Inverse", "Monod", "Over", "Positive", "Ratio", "Slope", "Step"]

TINY = sympy.Rational(1, 10**16)
"""Added to a denominator that may be zero [its unit]: lost in rounding from about 1 g/m3 upwards."""


class Guarded(sympy.Function):  # type: ignore[misc]  # sympy carries no types
    """Base of the functions that a table may call: kept as functions until code is written for them.

    Parameters
    ----------
    *args : Expr
        Arguments of the function.
    """


class Step(Guarded):
    """One where the argument is at least zero, zero elsewhere.

    Parameters
    ----------
    x : Expr
        The argument.
    """

    nargs = 1


class Positive(Guarded):
    """``max(x, 0)``.

    Parameters
    ----------
    x : Expr
        What is cut off at zero.
    """

    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Drop the guard where the argument cannot be negative, and work out a number."""
        if x.is_Rational:
            return sympy.Max(x, 0)
        return x if x.is_nonnegative else None

    def _eval_is_nonnegative(self) -> bool:
        return True

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return Step(self.args[0])


class Over(Guarded):
    """``1 / (K + S)`` of a switching function.

    Parameters
    ----------
    S, K : Expr
        See `Monod`.
    """

    nargs = 2

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return -(Over(*self.args) ** 2)


class _OfTwo(Guarded):
    """Base of ``S / (K + S)`` and ``K / (K + S)``."""

    nargs = 2

    def _eval_derivative(self, x: Any) -> Any:
        """Return the derivative; where S and K both depend on x, what cancels is cancelled here, not in rounding."""
        s, k = self.args
        dk = k.diff(x)
        inner = s.args[0] if isinstance(s, Positive) else s
        if dk == 0 or inner.diff(x) == 0:
            return super()._eval_derivative(x)
        numerator = _expanded(inner.diff(x) * k - inner * dk) * (Step(inner) if inner is not s else 1)
        return (1 if isinstance(self, Monod) else -1) * numerator * Over(s, k) ** 2


class Monod(_OfTwo):
    """``S / (K + S)``.

    Parameters
    ----------
    S : Expr
        What is switched by, zero or above [unit of the table].
    K : Expr
        Half-saturation, above zero [unit of `S`].
    """

    @classmethod
    def eval(cls, s: Any, k: Any) -> Any:
        """Work out a number."""
        return s / (k + s) if s.is_Rational and k.is_Rational else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative, in a form that does not cancel for large S."""
        return Slope(*self.args) if argindex == 1 else -Monod(*self.args) * Over(*self.args)


class Inhibition(_OfTwo):
    """``K / (K + S)``.

    Parameters
    ----------
    S, K : Expr
        See `Monod`.
    """

    @classmethod
    def eval(cls, s: Any, k: Any) -> Any:
        """Work out a number."""
        return k / (k + s) if s.is_Rational and k.is_Rational else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative, in a form that does not cancel for large S."""
        return -Slope(*self.args) if argindex == 1 else Monod(*self.args) * Over(*self.args)


class Slope(Guarded):
    """``K / (K + S)²``, the slope of ``S / (K + S)``; it is not derived again.

    Parameters
    ----------
    S, K : Expr
        See `Monod`.
    """

    nargs = 2


class Inverse(Guarded):
    """``1 / (b + TINY)``.

    Parameters
    ----------
    b : Expr
        Zero or above.
    """

    nargs = 1

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return -(Inverse(self.args[0]) ** 2)


class Ratio(Guarded):
    """``a / (b + TINY)``.

    Parameters
    ----------
    a : Expr
        Numerator.
    b : Expr
        Denominator, zero or above.
    """

    nargs = 2

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        """Work out a number."""
        return a / (b + TINY) if a.is_Rational and b.is_Rational else None

    def _eval_derivative(self, s: Any) -> Any:
        """Return the derivative; what cancels between its two terms is cancelled here, not in rounding."""
        a, b = self.args
        da, db = a.diff(s), b.diff(s)
        if db == 0:
            return da * Inverse(b)
        if da == 0:
            return -Ratio(a, b) * Inverse(b) * db
        numerator = _expanded(da * b - a * db)
        return sympy.factor_terms(numerator + TINY * da) * Inverse(b) ** 2


def _expanded(value: Any) -> Any:
    """Return an expression multiplied out, or as it is where that would take long."""
    return sympy.expand(value) if terms(value) <= MAX_TERMS else value
