"""The arithmetic a kinetics table may contain: read through a whitelist, never evaluated.

A table may come from a stranger. An expression is parsed to Python's syntax tree, every node of which has to
be on a short list, and translated to sympy; nothing in it is ever executed.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.functions import FUNCTIONS, Exp, Larger, above_zero
from asm_hybrid.kinetics.rate_inputs import COMMON, FORMS

__all__ = ["Expression", "name_of", "parse_expression", "short", "syntax_of"]

MAX_LENGTH = 2000
"""Longest expression that is read [character]."""

MAX_NODES = 400
"""Largest syntax tree that is read."""

MAX_DEPTH = 40
"""Deepest nesting that is read."""

MAX_POWER = 4
"""Largest exponent."""

MAX_CALLS = 4
"""Most functions within each other: the slopes of deeper ones grow by a factor with every level."""


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
    text: str | int | float,
    symbols: Mapping[str, sympy.Symbol],
    where: str,
    divisors: frozenset[str],
    inputs: Callable[[str], sympy.Symbol | None] | None = None,
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
    inputs : callable, optional
        Gives the symbol of an input of the plant, None for any other name. With it, the expression is a rate.

    Returns
    -------
    Expression
        The translation.

    Raises
    ------
    InputError
        If anything but these occurs.
    """
    reader, tree = _Reader(str(text), symbols, where, divisors, inputs), syntax_of(str(text), where)
    if _calls(tree) > MAX_CALLS:
        raise reader.refuse("functions stand too deep within each other", f"at most {MAX_CALLS} levels")
    value = sympy.sympify(reader.read(tree))
    if any(number != 0 and not 1e-60 < abs(number) < 1e60 for number in value.atoms(sympy.Rational)):
        raise reader.refuse("a number is out of range", "sizes from 1e-60 to 1e60")
    return Expression(str(text).strip(), value)


def syntax_of(text: str, where: str) -> ast.expr:
    """Return the syntax tree of an expression.

    Parameters
    ----------
    text : str
        As the table has it.
    where : str
        File, line and key, for messages.

    Returns
    -------
    ast.expr
        The tree; its nodes are not checked against the whitelist yet.

    Raises
    ------
    InputError
        If it is no expression, is too large, or holds other characters than ASCII.
    """
    expected = "arithmetic with the names of this table, such as mu_H * monod(S_S, K_S) * X_BH"
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"the expression has {len(text)} characters",
            where=where,
            expected=f"at most {MAX_LENGTH}",
            fix="split the process in two",
        )
    if not text.isascii():
        raise InputError(f"{short(text)} holds characters other than ASCII", where=where, expected=expected)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError, Warning):
        raise InputError(f"{short(text)} is not an expression", where=where, expected=expected) from None
    level, count, depth = [tree.body], 0, 0
    while level:
        count, depth = count + len(level), depth + 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            raise InputError(
                f"{short(text)} is too large",
                where=where,
                expected="a shorter expression",
                fix="split the process",
            )
        level = [n for node in level for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
    return tree.body


def _calls(node: ast.AST) -> int:
    """Return how many calls stand within each other."""
    return isinstance(node, ast.Call) + max(map(_calls, ast.iter_child_nodes(node)), default=0)


def name_of(node: ast.Name | ast.Attribute) -> str:
    """Return a name, with its dot where it has one.

    Parameters
    ----------
    node : ast.Name or ast.Attribute
        A node of `syntax_of`.

    Returns
    -------
    str
        Such as ``T`` or ``load.COD``.
    """
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def short(text: str) -> str:
    """Return an expression for a message.

    Parameters
    ----------
    text : str
        As the table has it.

    Returns
    -------
    str
        On one line, in quotes; cut off where it has more than 60 characters.
    """
    text = " ".join(text.split())
    return repr(text if len(text) <= 60 else text[:57] + "…")


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}


class _Reader:
    """Walks a syntax tree; whatever it has no branch for is refused."""

    def __init__(
        self,
        text: str,
        symbols: Mapping[str, sympy.Symbol],
        where: str,
        divisors: frozenset[str],
        inputs: Callable[[str], sympy.Symbol | None] | None,
    ) -> None:
        self.text, self.symbols, self.where, self.divisors, self.inputs = text, symbols, where, divisors, inputs

    def refuse(self, found: str, expected: str, fix: str | None = None) -> InputError:
        return InputError(f"{found} in {short(self.text)}", where=self.where, expected=expected, fix=fix)

    def read(self, node: ast.expr) -> Any:
        """Translate one node."""
        match node:
            case ast.Constant():
                return self.number(node)
            case ast.Name() | ast.Attribute(value=ast.Name()):
                return self.named(name_of(node))
            case ast.UnaryOp(op=ast.USub()):
                return -self.read(node.operand)
            case ast.UnaryOp(op=ast.UAdd()):
                return self.read(node.operand)
            case ast.BinOp():
                return self.combined(node)
            case ast.Call(func=ast.Name()) if not node.keywords:
                return self.called(node)
        raise self.not_allowed(node)

    def not_allowed(self, node: ast.AST) -> InputError:
        """Return the error for a piece of syntax."""
        return self.refuse(
            f"{type(node).__name__} is not allowed", "numbers, names, + - * / **, brackets and the named functions"
        )

    def number(self, node: ast.Constant) -> Any:
        """Read a number, exactly."""
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self.refuse(f"{node.value!r:.40} is not a number", "a number or a name")
        size = abs(node.value)
        if size != 0 and not 1e-30 < size < 1e30:
            raise self.refuse("a number is out of range", "zero, or a size from 1e-30 to 1e30")
        value = Fraction(repr(node.value))
        return sympy.Rational(value.numerator, value.denominator)

    def named(self, name: str) -> Any:
        """Read a name of the table, or an input of the plant."""
        if name in self.symbols:
            return self.symbols[name]
        symbol = self.inputs(name) if self.inputs else None
        if symbol is not None:
            return symbol
        if "." in name or name in COMMON:
            if self.inputs is None:
                raise self.refuse(f"{name!r} is not allowed", "numbers and parameters; inputs stand in rates alone")
            raise self.refuse(f"{name!r} is no input that a rate may read", ", ".join(FORMS))
        expected = "a name of this table" + (", or an input such as T, Q_in, load.COD" if self.inputs else "")
        raise self.refuse(f"the name {name!r} is not known", expected, nearest(name, self.symbols))

    def combined(self, node: ast.BinOp) -> Any:
        """Read two operands and what is between them."""
        match node.op:
            case ast.Div():
                return self.read(node.left) / self.divisor(node.right)
            case ast.Pow():
                if any(isinstance(inner, ast.Pow) for inner in ast.walk(node.left)):
                    raise self.refuse("a power of a power is not allowed", "one exponent")
                return self.read(node.left) ** self.exponent(node.right)
        if type(node.op) not in _BINARY:
            raise self.not_allowed(node.op)
        return _BINARY[type(node.op)](self.read(node.left), self.read(node.right))

    def divisor(self, node: ast.expr) -> Any:
        """Read what stands below a fraction line: parameters, or what is above zero by its form."""
        value = self.read(node)
        if value.is_zero:
            raise self.refuse("a division by zero", "a divisor that is not zero")
        guarded = [f for f in value.atoms(Exp, Larger) if above_zero(f)]
        rest = value.xreplace({f: sympy.Dummy(positive=True) for f in guarded})
        names = {s.name for s in rest.free_symbols - rest.atoms(sympy.Dummy)}
        states = sorted(names - self.divisors)
        if states:
            raise self.refuse(
                f"the divisor {ast.unparse(node)} holds {states[0]}, which may be zero",
                "a divisor of numbers and parameters, or one that is above zero, such as 1 + exp(x) or max(x, K)",
                "write monod(S, K), inhibition(S, K) or ratio(a, b), folded until no division is left",
            )
        if guarded and not above_zero(rest):
            raise self.refuse(
                f"the divisor {ast.unparse(node)} may be zero", "a sum of what is above zero, such as 1 + exp(x)"
            )
        return value

    def exponent(self, node: ast.expr) -> int:
        """Read an exponent."""
        if isinstance(node, ast.Constant) and type(node.value) is int and 1 <= node.value <= MAX_POWER:
            return node.value
        raise self.refuse("an exponent is not a whole number", f"a whole number from 1 to {MAX_POWER}")

    def called(self, node: ast.Call) -> Any:
        """Read a call of a named function."""
        assert isinstance(node.func, ast.Name)
        name, count = node.func.id, len(node.args)
        if name not in FUNCTIONS:
            raise self.refuse(
                f"the function {name!r} is not known", "one of " + ", ".join(FUNCTIONS), nearest(name, FUNCTIONS)
            )
        function = FUNCTIONS[name]
        if not function.fewest <= count <= function.most:
            raise self.refuse(f"{name} has {count} argument{'s' if count != 1 else ''}", function.form)
        if function.rates_only and self.inputs is None:
            raise self.refuse(
                f"{name} stands in a coefficient", "numbers and parameters with + - * / **; exp, min and max in rates"
            )
        return function.make(*(self.read(argument) for argument in node.args))
