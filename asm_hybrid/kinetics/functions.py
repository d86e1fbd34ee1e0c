"""The functions that an expression of a table may call: switching functions, exp, min and max.

``exp`` is held within `LIMIT`, so that it neither overflows nor becomes zero. ``min`` and ``max`` are exact: a rate
that is zero at zero stays so, which a smoothed one would not. Where two arguments are equal, the slope is the mean of
theirs; where one is a number, that of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy

from asm_hybrid.kinetics.switching import TINY, Guarded, Inhibition, Monod, Positive, Ratio, Step

__all__ = ["FUNCTIONS", "LIMIT", "Exp", "Larger", "NamedFunction", "Smaller", "above_zero", "not_below_zero"]

LIMIT = sympy.Integer(100)
"""Largest and, with a minus, smallest argument of ``exp`` that counts; exp(100) is 2.7e43."""


class Exp(Guarded):
    """``exp(x)``, with x cut off at plus and minus `LIMIT`.

    Parameters
    ----------
    x : Expr
        Argument [-].
    """

    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Work out a number."""
        return sympy.Rational(math.exp(min(max(x, -LIMIT), LIMIT))) if x.is_Rational else None

    def _eval_is_positive(self) -> bool:
        return True

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative; zero beyond the limits."""
        return self * Step(LIMIT - self.args[0]) * Step(LIMIT + self.args[0])


class Larger(Guarded):
    """``max(a, b)``.

    Parameters
    ----------
    a, b : Expr
        Of one unit.
    """

    nargs = 2

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        """Work out what needs no comparison."""
        if a == b or (a.is_Rational and b.is_Rational):
            return sympy.Max(a, b)
        return None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if any(a.is_nonnegative for a in self.args) else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return _chosen(self.args[argindex - 1] - self.args[2 - argindex], self.args[2 - argindex])


class Smaller(Guarded):
    """``min(a, b)``.

    Parameters
    ----------
    a, b : Expr
        Of one unit.
    """

    nargs = 2

    @classmethod
    def eval(cls, a: Any, b: Any) -> Any:
        """Work out what needs no comparison."""
        if a == b or (a.is_Rational and b.is_Rational):
            return sympy.Min(a, b)
        return None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if all(a.is_nonnegative for a in self.args) else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return _chosen(self.args[2 - argindex] - self.args[argindex - 1], self.args[2 - argindex])


def _chosen(ahead: Any, other: Any) -> Any:
    """Return the slope with an argument that is chosen over the other where it is ahead: 1, 0, or 1/2 at a tie."""
    return Step(ahead) if other.is_Number else (1 + Step(ahead) - Step(-ahead)) / 2


@dataclass(frozen=True)
class NamedFunction:
    """What an expression may call.

    Attributes
    ----------
    form : str
        How it is called.
    make : callable
        From the arguments to an expression of sympy.
    fewest, most : int
        How many arguments it takes.
    rates_only : bool
        Whether coefficients may not hold it: these stay fractions of polynomials, which continuity is solved for.
    """

    form: str
    make: Callable[..., Any]
    fewest: int = 2
    most: int = 2
    rates_only: bool = False


def _above_zero_or_guarded(k: Any) -> Any:
    return k if k.is_positive else Positive(k) + TINY


FUNCTIONS = {
    "monod": NamedFunction("monod(S, K)", lambda s, k: Monod(Positive(s), _above_zero_or_guarded(k))),
    "inhibition": NamedFunction("inhibition(S, K)", lambda s, k: Inhibition(Positive(s), _above_zero_or_guarded(k))),
    "ratio": NamedFunction("ratio(a, b)", lambda a, b: Ratio(a, Positive(b))),
    "exp": NamedFunction("exp(x)", Exp, 1, 1, rates_only=True),
    "min": NamedFunction("min(a, b, …)", lambda *values: reduce(Smaller, values), 2, 20, rates_only=True),
    "max": NamedFunction("max(a, b, …)", lambda *values: reduce(Larger, values), 2, 20, rates_only=True),
}
"""What an expression may call, by name."""


def above_zero(value: Any) -> bool:
    """Tell whether an expression is found to be above zero at all states and inputs, by its form alone.

    Parameters
    ----------
    value : Expr
        An expression of a table.

    Returns
    -------
    bool
        False also where it cannot be told.
    """
    if value.is_Number or value.is_Symbol or isinstance(value, Exp):
        return bool(value.is_positive)
    if value.is_Add:
        return all(map(not_below_zero, value.args)) and any(map(above_zero, value.args))
    if value.is_Mul or isinstance(value, Smaller):
        return all(map(above_zero, value.args))
    if value.is_Pow:
        return above_zero(value.base)
    return isinstance(value, Larger) and any(map(above_zero, value.args))


def not_below_zero(value: Any) -> bool:
    """Tell whether an expression is found to be zero or above at all states and inputs, by its form alone.

    Parameters
    ----------
    value : Expr
        An expression of a table.

    Returns
    -------
    bool
        False also where it cannot be told.
    """
    if value.is_Number or value.is_Symbol:
        return bool(value.is_nonnegative)
    if value.is_Add or value.is_Mul or isinstance(value, Smaller):
        return all(map(not_below_zero, value.args))
    if value.is_Pow:
        return bool(value.exp.is_even) or not_below_zero(value.base)
    if isinstance(value, Ratio):
        return not_below_zero(value.args[0])
    if isinstance(value, Larger):
        return any(map(not_below_zero, value.args))
    return isinstance(value, Exp | Monod | Inhibition | Positive)
