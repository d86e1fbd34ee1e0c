"""Expressions of a kinetics table as formulas of a spreadsheet.

A switching function, ``exp``, ``min`` or ``max`` becomes a cell of its own, with a name: a rate then reads as in the
table, and every limitation can be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from asm_hybrid.errors import InputError
from asm_hybrid.export.workbook.names import CellNames
from asm_hybrid.kinetics.functions import LIMIT, Exp, Larger, Smaller
from asm_hybrid.kinetics.speciation import Quantity
from asm_hybrid.kinetics.switching import TINY, Guarded, Inhibition, Monod, Positive, Ratio

__all__ = ["FormulaWriter", "Switch"]

LONGEST = 8000
"""Characters of a formula; Excel takes 8,192."""
DIGITS = 15
"""Digits of a number in a formula that spreadsheets read."""

_STEMS: Mapping[type[Guarded], str] = {
    Monod: "monod",
    Inhibition: "inhibition",
    Ratio: "ratio",
    Positive: "positive",
    Exp: "exp",
    Larger: "max",
    Smaller: "min",
}
"""Functions that a rate or a coefficient may hold, and how the names of their cells begin."""
_SHOWN = {"Monod": "monod", "Inhibition": "inhibition", "Ratio": "ratio", "Exp": "exp", "Larger": "max"}
_SHOWN |= {"Smaller": "min", "Positive": "max"}
_FUNCTION = re.compile(rf"\b({'|'.join(_SHOWN)})\(")

_SUM, _PRODUCT, _ATOM = range(3)
"""How tightly the last operation of a text binds."""


@dataclass(frozen=True)
class Switch:
    """A function that has a cell of its own.

    Attributes
    ----------
    name : str
        Name of the cell.
    text : str
        The function as a table has it.
    formula : str
        With the equals sign.
    value : Expr
        The function.
    """

    name: str
    text: str
    formula: str
    value: Any


class FormulaWriter:
    """Writes expressions as formulas.

    Parameters
    ----------
    cells : mapping of str to str
        For every name that may occur, the name or address of its cell; those that come first stand first in products.
    names : CellNames, optional
        Gives names to the cells of functions. Without it functions are written out where they stand.

    Attributes
    ----------
    switches : dict of Expr to Switch
        The functions with cells of their own, each behind those that it reads.
    """

    def __init__(self, cells: Mapping[str, str], names: CellNames | None = None) -> None:
        self.switches: dict[Any, Switch] = {}
        self._cells, self._names = dict(cells), names
        self._places = {name: i for i, name in enumerate(self._cells)}

    def formula(self, value: Any, where: str) -> str:
        """Return the formula of an expression.

        Parameters
        ----------
        value : Expr
            Of a kinetics table.
        where : str
            What it is, for messages.

        Returns
        -------
        str
            With the equals sign.

        Raises
        ------
        InputError
            If it holds what no spreadsheet has, or is too long for a cell.
        """
        try:
            return self._closed(self._text(sympy.sympify(value)))
        except _Unwritable as error:
            raise InputError(
                f"{where} cannot be written as a formula of a workbook: {error}",
                expected="sums, products, whole powers, and the functions " + ", ".join(sorted({*_SHOWN.values()})),
                fix="export another format, such as kinetics or c",
            ) from None

    def _closed(self, text: tuple[str, int]) -> str:
        if len(text[0]) > LONGEST:
            raise _Unwritable(f"it has {len(text[0])} characters, and a cell takes {LONGEST}")
        return f"={text[0]}"

    def _text(self, value: Any) -> tuple[str, int]:
        """Return a text, and how tightly its last operation binds."""
        if value.is_Symbol:
            return self._cells[value.name], _ATOM
        if value.is_Rational:
            return _number(Fraction(int(value.p), int(value.q)))
        if value.is_Add:
            return self._sum(value), _SUM
        if value.is_Mul or (value.is_Pow and value.exp.is_negative):
            return self._product(value)
        if value.is_Pow and value.exp.is_Integer:
            return f"({self._bracketed(value.base, _ATOM)}^{int(value.exp)})", _ATOM
        if type(value) in _STEMS:
            return self._function(value)
        if isinstance(value, Quantity):
            raise _Unwritable(f"it reads {value.name}, which follows from a charge balance that takes steps to solve")
        raise _Unwritable(f"it holds {str(value)[:60]}")

    def _bracketed(self, value: Any, needed: int) -> str:
        text, bound = self._text(value)
        return text if bound >= needed else f"({text})"

    def _sum(self, value: Any) -> str:
        terms = sorted(value.as_ordered_terms(), key=lambda term: term.could_extract_minus_sign())
        text = self._bracketed(terms[0], _SUM)
        for term in terms[1:]:
            minus = term.could_extract_minus_sign()
            text += ("-" if minus else "+") + self._bracketed(-term if minus else term, _PRODUCT)
        return text

    def _product(self, value: Any) -> tuple[str, int]:
        number, rest = value.as_coeff_Mul()
        size = Fraction(int(abs(number).p), int(abs(number).q))
        above: list[Any] = []
        below: list[Any] = []
        for factor in sympy.Mul.make_args(rest):
            base, exponent = factor.as_base_exp()
            (below if exponent.is_negative else above).append(base**-exponent if exponent.is_negative else factor)
        tops = [self._bracketed(f, _ATOM) for f in sorted(above, key=self._place) if f != 1]
        bottoms = [self._bracketed(f, _ATOM) for f in sorted(below, key=self._place)]
        if _decimal(size) is not None or not _exact(size):
            tops = [*([_number(size)[0]] if size != 1 or not tops else []), *tops]
        else:
            tops = [*([str(size.numerator)] if size.numerator != 1 or not tops else []), *tops]
            bottoms = [str(size.denominator), *bottoms]
        text = "*".join(tops)
        if bottoms:
            text += f"/{bottoms[0]}" if len(bottoms) == 1 else f"/({'*'.join(bottoms)})"
        return (f"-{text}", _SUM) if number < 0 else (text, _PRODUCT if len(tops) + len(bottoms) > 1 else _ATOM)

    def _place(self, value: Any) -> tuple[int, str]:
        """Return where a factor stands in a product: parameters, functions, what the rest is made of, components."""
        if value.is_Symbol:
            return self._places[value.name], value.name
        return self._places[min((s.name for s in value.free_symbols), key=self._places.__getitem__)], str(value)

    def _function(self, value: Any) -> tuple[str, int]:
        if value not in self.switches:
            text = self._called(value)
            if self._names is None:
                return text
            name = self._names.new(self._stem(value))
            self.switches[value] = Switch(name, _described(value), self._closed(text), value)
        return self.switches[value].name, _ATOM

    def _called(self, value: Any) -> tuple[str, int]:
        """Return a function, written out."""
        args = value.args
        match value:
            case Monod() | Inhibition():
                s, k = args
                above = self._bracketed(s if isinstance(value, Monod) else k, _ATOM)
                return f"{above}/({self._bracketed(k, _PRODUCT)}+{self._bracketed(s, _PRODUCT)})", _PRODUCT
            case Ratio():
                floor = _number(Fraction(int(TINY.p), int(TINY.q)))[0]
                return f"{self._bracketed(args[0], _ATOM)}/({self._bracketed(args[1], _PRODUCT)}+{floor})", _PRODUCT
            case Exp():
                return f"EXP(MIN(MAX({self._bracketed(args[0], _SUM)},-{LIMIT}),{LIMIT}))", _ATOM
            case Positive():
                return f"MAX({self._bracketed(args[0], _SUM)},0)", _ATOM
        name = "MAX" if isinstance(value, Larger) else "MIN"
        return f"{name}({','.join(self._bracketed(a, _SUM) for a in args)})", _ATOM

    def _stem(self, value: Any) -> str:
        """Return what the name of a function's cell begins with: the names that it reads, where it reads no more."""
        stem = _STEMS[type(value)]
        if all(a.is_Symbol for a in value.args):
            return "_".join([stem, *(a.name for a in value.args)])
        return f"{stem}_{1 + sum(type(other) is type(value) for other in self.switches)}"


class _Unwritable(Exception):
    """Why an expression makes no formula."""


def _described(value: Any) -> str:
    """Return a function as a table writes it."""
    text = str(value).replace("Positive(", "Positive(0, ").replace("**", "^")
    return _FUNCTION.sub(lambda found: f"{_SHOWN[found[1]]}(", text)


def _exact(value: Fraction) -> bool:
    """Return whether numerator and denominator are numbers that spreadsheets read to the last digit."""
    return bool(max(abs(value.numerator), value.denominator) < 10**DIGITS)


def _decimal(value: Fraction) -> str | None:
    """Return a fraction as a decimal number of at most `DIGITS` digits; None where it is none."""
    text = repr(float(value))
    if len(re.sub(r"e.*|\D", "", text).lstrip("0")) > DIGITS or Fraction(text) != value:
        return None
    return text.removesuffix(".0").upper()


def _number(value: Fraction) -> tuple[str, int]:
    """Return a number as a text: a decimal, a fraction of whole numbers, or rounded."""
    decimal = _decimal(value)
    if decimal is None and _exact(value):
        return f"{value.numerator}/{value.denominator}", _SUM if value < 0 else _PRODUCT
    return decimal or f"{float(value):.{DIGITS}G}", _SUM if value < 0 else _ATOM
