"""The arithmetic a kinetics table may contain: read through a whitelist, never evaluated.

A table may come from a stranger. An expression is parsed to Python's syntax tree, every node of which has to
be on a short list, and translated to sympy; nothing in it is ever executed.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.switching import FUNCTIONS
from asm_hybrid.units import Unit, parse_unit

__all__ = ["Expression", "parse_expression", "unit_of"]

MAX_LENGTH = 2000
"""Longest expression that is read [character]."""

MAX_NODES = 400
"""Largest syntax tree that is read."""

MAX_DEPTH = 40
"""Deepest nesting that is read."""

MAX_POWER = 4
"""Largest exponent."""


@dataclass(frozen=True)
class Expression:
    """An expression of a table.

    Attributes
    ----------
    text : str
        As the table has it.
    value : sympy.Expr
        With exact rational numbers; the switching functions are kept as functions.
    """

    text: str
    value: sympy.Expr

    def __str__(self) -> str:
        return self.text


def parse_expression(
    text: str | int | float, symbols: Mapping[str, sympy.Symbol], where: str, divisors: frozenset[str]
) -> Expression:
    """Translate an expression of a table.

    Parameters
    ----------
    text : str, int or float
        ``+ - * /``, brackets, whole exponents up to 4, and the functions in `FUNCTIONS`.
    symbols : mapping of str to Symbol
        Names that may occur.
    where : str
        File, line and key, for messages.
    divisors : frozenset of str
        Names that may occur below a fraction line outside `ratio`: those that cannot be zero.

    Returns
    -------
    Expression
        The translation.

    Raises
    ------
    InputError
        If anything but these occurs.
    """
    reader = _Reader(str(text), symbols, where, divisors)
    value = sympy.sympify(reader.read(_syntax(str(text), where)))
    if any(number != 0 and not 1e-60 < abs(number) < 1e60 for number in value.atoms(sympy.Rational)):
        raise reader.refuse("a number is out of range", "sizes from 1e-60 to 1e60")
    return Expression(str(text).strip(), value)


def _syntax(text: str, where: str) -> ast.expr:
    expected = "arithmetic with the names of this table, such as mu_H * monod(S_S, K_S) * X_BH"
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"the expression has {len(text)} characters",
            where=where,
            expected=f"at most {MAX_LENGTH}",
            fix="split the process in two",
        )
    if not text.isascii():
        raise InputError(f"{_short(text)} holds characters other than ASCII", where=where, expected=expected)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning):
        raise InputError(f"{_short(text)} is not an expression", where=where, expected=expected) from None
    level, count, depth = [tree.body], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise InputError(
                f"{_short(text)} is too large",
                where=where,
                expected="a shorter expression",
                fix="split the process",
            )
        level = [n for node in level for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
    return tree.body


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "…")


class _Reader:
    """Walks a syntax tree; whatever it has no branch for is refused."""

    def __init__(self, text: str, symbols: Mapping[str, sympy.Symbol], where: str, divisors: frozenset[str]) -> None:
        self.text, self.symbols, self.where, self.divisors = text, symbols, where, divisors

    def refuse(self, found: str, expected: str, fix: str | None = None) -> InputError:
        return InputError(f"{found} in {_short(self.text)}", where=self.where, expected=expected, fix=fix)

    def read(self, node: ast.expr) -> Any:
        """Translate one node."""
        match node:
            case ast.Constant():
                return self.number(node)
            case ast.Name():
                if node.id in self.symbols:
                    return self.symbols[node.id]
                raise self.refuse(
                    f"the name {node.id!r} is not known",
                    "a name of this table",
                    nearest(node.id, self.symbols),
                )
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp(op=ast.Add()):
                return self.read(node.left) + self.read(node.right)
            case ast.BinOp(op=ast.Sub()):
                return self.read(node.left) - self.read(node.right)
            case ast.BinOp(op=ast.Mult()):
                return self.read(node.left) * self.read(node.right)
            case ast.BinOp(op=ast.Div()):
                return self.read(node.left) / self.divisor(node.right)
            case ast.BinOp(op=ast.Pow()):
                if any(isinstance(inner, ast.Pow) for inner in ast.walk(node.left)):
                    raise self.refuse("a power of a power is not allowed", "one exponent")
                return self.read(node.left) ** self.exponent(node.right)
            case ast.Call(func=ast.Name()) if not node.keywords:
                return self.call(node)
        what = type(node).__name__
        raise self.refuse(f"{what} is not allowed", "numbers, names, + - * / **, brackets and the named functions")

    def number(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refuse(f"{node.value!r:.40} is not a number", "a number or a name")
        size = abs(node.value)
        if size != 0 and not 1e-30 < size < 1e30:
            raise self.refuse("a number is out of range", "zero, or a size from 1e-30 to 1e30")
        value = Fraction(repr(node.value))
        return sympy.Rational(value.numerator, value.denominator)

    def divisor(self, node: ast.expr) -> Any:
        value = self.read(node)
        states = sorted(str(s) for s in value.free_symbols if str(s) not in self.divisors)
        if states:
            raise self.refuse(
                f"the division by {ast.unparse(node)} is 0/0 when {states[0]} is zero",
                "a divisor of numbers and parameters",
                "write monod(S, K), inhibition(S, K) or ratio(a, b), folded until no division is left",
            )
        if value.is_zero:
            raise self.refuse("a division by zero", "a divisor that is not zero")
        return value

    def exponent(self, node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and type(node.value) is int and 1 <= node.value <= MAX_POWER:
            return node.value
        raise self.refuse("an exponent is not a whole number", f"a whole number from 1 to {MAX_POWER}")

    def call(self, node: ast.Call) -> Any:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name not in FUNCTIONS:
            raise self.refuse(
                f"the function {name!r} is not known",
                "one of " + ", ".join(FUNCTIONS),
                nearest(name, FUNCTIONS),
            )
        if len(node.args) != 2:
            raise self.refuse(f"{name} has {len(node.args)} arguments", f"{name}(a, b)")
        a, b = (self.read(argument) for argument in node.args)
        return FUNCTIONS[name](a, b)


def unit_of(text: str, units: Mapping[str, Unit], where: str) -> Unit:
    """Return the unit of an expression that `parse_expression` has accepted.

    Parameters
    ----------
    text : str
        The expression.
    units : mapping of str to Unit
        Unit of every name.
    where : str
        File, line and key, for messages.

    Returns
    -------
    Unit
        Unit of the value.

    Raises
    ------
    InputError
        If terms of a sum, or the two arguments of a switching function, differ in dimension.
    """
    return _unit(_syntax(text, where), units, text, where)


def _unit(node: ast.expr, units: Mapping[str, Unit], text: str, where: str) -> Unit:
    one = parse_unit("-")
    match node:
        case ast.Name():
            return units[node.id]
        case ast.UnaryOp():
            return _unit(node.operand, units, text, where)
        case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int(power))):
            return _unit(node.left, units, text, where) ** power
        case ast.BinOp() | ast.Call():
            parts = [node.left, node.right] if isinstance(node, ast.BinOp) else node.args
            a, b = (_unit(part, units, text, where) for part in parts)
        case _:
            return one
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return a * b
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    if name == "ratio" or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return a / b
    if not a.compatible(b):
        first, second = (ast.unparse(part) for part in parts)
        raise InputError(
            f"{_short(first)} is in {a} and {_short(second)} in {b}, in {_short(text)}",
            where=where,
            expected="one unit on both sides",
            fix="correct the unit of a parameter, or the expression",
        )
    return one if name else a
