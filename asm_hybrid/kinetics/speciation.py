"""The pH and the forms of weak acids as functions of sympy, which stay functions until code is written for them.

A rate reads a quantity of an equilibrium, such as ``pH`` or ``S_NH3``, as one `Quantity` of all that it depends on.
What that is stands in generated functions of their own (see `emit`), made from `LogHydrogen`, whose derivative is that
of the zero of the charge balance.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.symbol import Str

from asm_hybrid.kinetics.switching import Guarded

__all__ = ["Hydrogen", "LogHydrogen", "Logarithm", "Power", "Quantity", "QuantitySlope", "fraction"]


class Quantity(Guarded):
    """A quantity of an equilibrium, as a rate reads it.

    Parameters
    ----------
    name : Str
        Its name.
    *reads : Symbol
        Components, parameters and inputs that it depends on.
    """

    @property
    def name(self) -> str:
        """Its name in the table."""
        return str(self.args[0].name)

    def _eval_is_real(self) -> bool:
        return True

    def _eval_is_nonnegative(self) -> bool | None:
        return None if self.name == "pH" else True

    def _eval_derivative(self, s: Any) -> Any:
        """Return the derivative, under a name of its own."""
        return QuantitySlope(self.args[0], Str(s.name), *self.args[1:]) if s in self.args[1:] else sympy.Integer(0)


class QuantitySlope(Guarded):
    """The derivative of a quantity with respect to a component; it is not derived again.

    Parameters
    ----------
    name, component : Str
        What is derived, and by what.
    *reads : Symbol
        As of the `Quantity`.
    """

    @property
    def name(self) -> str:
        """How generated code calls it."""
        return f"_{self.args[0].name}_by_{self.args[1].name}"


class Logarithm(Guarded):
    """``ln x`` of what is above zero by its form.

    Parameters
    ----------
    x : Expr
        The argument.
    """

    nargs = 1


class Power(Guarded):
    """``e^x``, without limits: of logarithms of constants that are within range.

    Parameters
    ----------
    x : Expr
        The exponent.
    """

    nargs = 1

    def _eval_is_positive(self) -> bool:
        return True


class LogHydrogen(Guarded):
    """The logarithm of hydrogen ions in mol/m³ at which the charges of a water add up to zero.

    Parameters
    ----------
    charges : Tuple of Integer
        Of each acid the charge of the form that holds all protons.
    strong, water : Expr
        Charge of ions that take part in nothing [mol/m³], and ion product of water [mol²/m⁶].
    totals : Tuple of Expr
        Acids [mol/m³].
    constants : Tuple of Tuple of Expr
        Of each acid its constants [mol/m³].

    Notes
    -----
    See `asm_hybrid.kinetics.charge_balance.log_hydrogen`, which generated code calls.
    """

    nargs = 5

    def _eval_is_real(self) -> bool:
        return True

    def _eval_derivative(self, s: Any) -> Any:
        """Return the derivative of the zero with respect to what strong ions and totals depend on."""
        charges, strong, water, totals, constants = self.args
        if s in water.free_symbols or s in constants.free_symbols:
            raise NotImplementedError(f"the slope of the pH with {s}, on which a constant depends")
        h = Hydrogen(self)
        rise, buffer = strong.diff(s), h + water / h
        for charge, total, steps in zip(charges, totals, constants, strict=True):
            shares = [fraction(h, steps, j) for j in range(len(steps) + 1)]
            rise += total.diff(s) * (charge - sum(j * share for j, share in enumerate(shares)))
            pairs = [(j - i) ** 2 * shares[j] * shares[i] for j in range(len(shares)) for i in range(j)]
            buffer += total * sum(pairs)
        return -rise / buffer


class Hydrogen(Guarded):
    """Hydrogen ions [mol/m³].

    Parameters
    ----------
    x : LogHydrogen
        Their logarithm.
    """

    nargs = 1

    def _eval_is_positive(self) -> bool:
        return True

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative."""
        return self


def fraction(h: Any, constants: Any, lost: int) -> Any:
    """Return the share of an acid that lost some of its protons.

    Parameters
    ----------
    h : Expr
        Hydrogen ions [mol/m³].
    constants : sequence of Expr
        Its constants, one for every proton [mol/m³].
    lost : int
        How many protons.

    Returns
    -------
    Expr
        From 0 to 1.
    """
    steps = len(constants)
    terms = [h ** (steps - j) * sympy.Mul(*constants[:j]) for j in range(steps + 1)]
    return terms[lost] / sympy.Add(*terms)
