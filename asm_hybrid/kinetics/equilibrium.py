"""The acids and bases of a table, from whose charge balance the pH follows: what the section ``equilibrium`` holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from sympy.core.symbol import Str

from asm_hybrid.kinetics.acids import WATER, ConstantLaw
from asm_hybrid.kinetics.expression import Expression
from asm_hybrid.kinetics.speciation import Hydrogen, Logarithm, LogHydrogen, Power, Quantity, fraction

__all__ = ["HYDROGEN", "PH", "AcidInTable", "Equilibrium", "component_assumptions"]

PH, HYDROGEN = "pH", "S_H"
"""Names of the pH and of the hydrogen ions, which every equilibrium has."""

_T = sympy.Symbol("T", real=True)
_KELVIN = sympy.Rational("273.15")


@dataclass(frozen=True)
class AcidInTable:
    """One acid of a table.

    Attributes
    ----------
    name : str
        What it is called.
    total : str
        The component that counts all its forms.
    mass : float
        How much of that component a mole counts for [unit of the component · m³/mol].
    charge : int
        Charge of the form that holds all protons.
    forms : tuple of str
        Names of its forms, that one first.
    constants : tuple of ConstantLaw or Expression
        One for every proton; an expression of parameters is in mol/m³.
    species : mapping of str to str
        What the table calls those of its forms that rates may read, in the unit of the total.
    """

    name: str
    total: str
    mass: float
    charge: int
    forms: tuple[str, ...]
    constants: tuple[ConstantLaw | Expression, ...]
    species: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """Acids, bases and the ions beside them.

    Attributes
    ----------
    alkalinity : str or None
        The component that counts the alkalinity; None where `ions` count the charge.
    ions : tuple of str
        Components that count ions which take part in nothing.
    acids : tuple of AcidInTable
        In the order of the table.
    charges : mapping of str to Expression
        Charge of a unit of the components above, as the table has it [mol].
    symbols : mapping of str to Symbol
        Of components and parameters.
    """

    alkalinity: str | None
    ions: tuple[str, ...]
    acids: tuple[AcidInTable, ...]
    charges: Mapping[str, Expression]
    symbols: Mapping[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """What rates may read: the pH, the hydrogen ions, and the forms that the table names."""
        return (PH, HYDROGEN, *(name for acid in self.acids for name in acid.species))

    def units(self, components: Mapping[str, str]) -> dict[str, str]:
        """Return the units of the names: the form of an acid has that of its total."""
        forms = {name: components[acid.total] for acid in self.acids for name in acid.species}
        return {PH: "-", HYDROGEN: "mol/m3"} | forms

    @property
    def signed(self) -> tuple[str, ...]:
        """Components that may fall below zero: an alkalinity does, where there is more acid than it counts."""
        return () if self.alkalinity is None else (self.alkalinity,)

    @property
    def components(self) -> tuple[str, ...]:
        """Components that the balance depends on."""
        return (*self.signed, *self.ions, *(acid.total for acid in self.acids))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the table that constants of acids are made of."""
        given = [k.value for acid in self.acids for k in acid.constants if isinstance(k, Expression)]
        return tuple(sorted({s.name for value in given for s in value.free_symbols}))

    @property
    def sources(self) -> tuple[str, ...]:
        """Keys of the references that constants come from."""
        laws = [WATER, *(k for acid in self.acids for k in acid.constants if isinstance(k, ConstantLaw))]
        return tuple(dict.fromkeys(law.source for law in laws))

    @cached_property
    def strong(self) -> Any:
        """Charge of the ions that take part in nothing [mol/m³].

        Alkalinity is what the charges of all components but its own leave to bicarbonate, with every acid at the charge
        that the table gives it. So it is, with the sign of its own charge turned, all that is neither an acid here nor
        alkalinity, but for the charges of these acids.
        """
        if self.alkalinity is None:
            return sympy.Add(*(self._charge(name) for name in self.ions))
        counted = sympy.Add(*(self._charge(acid.total) for acid in self.acids))
        return -self._charge(self.alkalinity) - counted

    def _charge(self, name: str) -> Any:
        charge = self.charges[name].value if name in self.charges else sympy.Integer(0)
        return charge * self.symbols[name]

    @cached_property
    def expressions(self) -> dict[str, Any]:
        """Every quantity as an expression of components, parameters and the temperature, by name."""
        constants = [sympy.Tuple(*map(_constant, acid.constants)) for acid in self.acids]
        amounts = [self.symbols[acid.total] for acid in self.acids]
        totals = [amount / sympy.Rational(str(acid.mass)) for amount, acid in zip(amounts, self.acids, strict=True)]
        charges = sympy.Tuple(*(sympy.Integer(acid.charge) for acid in self.acids))
        x = LogHydrogen(charges, self.strong, _law(WATER, 6), sympy.Tuple(*totals), sympy.Tuple(*constants))
        found: dict[str, Any] = {PH: 3 - x * _exact(1 / _LN10), HYDROGEN: Hydrogen(x)}
        for acid, amount, steps in zip(self.acids, amounts, constants, strict=True):
            for name, form in acid.species.items():
                found[name] = amount * fraction(Hydrogen(x), steps, acid.forms.index(form))
        return found

    @cached_property
    def quantities(self) -> dict[str, Any]:
        """What stands in a rate for every quantity, by name."""
        reads = sorted(self.expressions[PH].free_symbols, key=str)
        return {name: Quantity(Str(name), *reads) for name in self.names}


_LN10 = 2.302585092994046


def component_assumptions(signed: bool) -> dict[str, bool]:
    """Return what sympy may take for granted of a component.

    Parameters
    ----------
    signed : bool
        Whether it may be below zero; rates see it as it is.

    Returns
    -------
    dict of str to bool
    """
    return {"real": True} if signed else {"nonnegative": True}


def _exact(value: float) -> Any:
    """Return a number as a fraction."""
    return sympy.Rational(repr(value))


def _constant(given: ConstantLaw | Expression) -> Any:
    """Return a constant [mol/m³]."""
    return given.value if isinstance(given, Expression) else _law(given, 3)


def _law(law: ConstantLaw, decades: int) -> Any:
    """Return a constant at the temperature of the water, times a power of ten."""
    kelvin = _T + _KELVIN
    value = _exact(law.a + decades) + _exact(law.b) / kelvin + _exact(law.d) * kelvin + _exact(law.e) / kelvin**2
    if law.c:
        value += _exact(law.c / _LN10) * Logarithm(kelvin)
    return Power(_exact(_LN10) * value)
