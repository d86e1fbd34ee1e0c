"""The unit of an expression, worked out from those of its names.

Numbers have no unit, but that zero fits any. A temperature in degC is a point on a scale whose zero is arbitrary: two
of them may be compared and subtracted, which leaves K, and K may be added to one; nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NoReturn

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.expression import name_of, short, syntax_of
from asm_hybrid.units import Unit, parse_unit

__all__ = ["unit_of"]

_ONE, _KELVIN = parse_unit("-"), parse_unit("K")


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
        If terms of a sum, or the arguments of a function, differ in dimension; if the argument of ``exp`` has one; or
        if a temperature in degC is multiplied or added to another.
    """
    return _Dimensions(text, units, where).of(syntax_of(text, where))


class _Dimensions:
    """Walks the syntax tree of one expression."""

    def __init__(self, text: str, units: Mapping[str, Unit], where: str) -> None:
        self.text, self.units, self.where = text, units, where
        self.known: dict[ast.expr, Unit] = {}

    def refuse(self, found: str, expected: str, fix: str) -> NoReturn:
        raise InputError(f"{found}, in {short(self.text)}", where=self.where, expected=expected, fix=fix)

    def of(self, node: ast.expr) -> Unit:
        """Return the unit of a node."""
        if node not in self.known:
            self.known[node] = self.worked_out(node)
        return self.known[node]

    def worked_out(self, node: ast.expr) -> Unit:
        match node:
            case ast.Name() | ast.Attribute():
                return self.units[name_of(node)]
            case ast.UnaryOp():
                return self.sized(node.operand)
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int(power))):
                return self.sized(node.left) ** power
            case ast.BinOp(op=ast.Mult()):
                return self.sized(node.left) * self.sized(node.right)
            case ast.BinOp(op=ast.Div()):
                return self.sized(node.left) / self.sized(node.right)
            case ast.BinOp():
                return self.summed(node)
            case ast.Call(func=ast.Name(id=name)):
                return self.called(name, node.args)
        return _ONE

    def sized(self, node: ast.expr) -> Unit:
        """Return the unit of a node that is no temperature in degC."""
        unit = self.of(node)
        if unit.zero:
            self.refuse(
                f"{short(ast.unparse(node))} is in degC, a scale whose zero is arbitrary",
                "the difference of two temperatures, such as T - T_ref",
                "subtract a parameter with the unit degC",
            )
        return unit

    def summed(self, node: ast.BinOp) -> Unit:
        """Return the unit of a sum or a difference."""
        minus = isinstance(node.op, ast.Sub)
        left, right = self.of(node.left), self.of(node.right)
        if not left.zero and not right.zero:
            return self.common([node.left, node.right])
        if left.zero and right.zero and minus:
            return _KELVIN
        other = right if left.zero else left
        if other.zero or other.dimension != _KELVIN.dimension or (right.zero and minus):
            self.differ([node.left, node.right])
        return left if left.zero else right

    def called(self, name: str, arguments: Sequence[ast.expr]) -> Unit:
        """Return the unit of what a function gives."""
        if name == "ratio":
            return self.sized(arguments[0]) / self.sized(arguments[1])
        if name == "exp":
            unit = self.sized(arguments[0])
            if not unit.compatible(_ONE):
                self.refuse(
                    f"the argument of exp is in {unit}",
                    "a pure number",
                    "divide it by a parameter with the same unit",
                )
            return _ONE
        if name in ("min", "max"):
            return self.common(arguments)
        for argument in arguments:
            self.sized(argument)
        self.common(arguments)
        return _ONE

    def common(self, nodes: Sequence[ast.expr]) -> Unit:
        """Return the unit that all have in common; a zero fits any but degC."""
        units = [self.of(node) for node in nodes]
        first = next((u for u, node in zip(units, nodes, strict=True) if not _is_zero(node)), _ONE)
        for unit, node in zip(units, nodes, strict=True):
            fits = first.compatible(unit) or (_is_zero(node) and not first.zero)
            if not fits or bool(unit.zero) != bool(first.zero):
                self.differ([next(n for n, u in zip(nodes, units, strict=True) if u is first), node])
        return first

    def differ(self, nodes: Sequence[ast.expr]) -> NoReturn:
        """Refuse two that are not of one kind."""
        (first, a), (second, b) = ((short(ast.unparse(node)), self.of(node)) for node in nodes)
        fix = "correct the unit of a parameter, or the expression"
        numbers = [node for node in nodes if isinstance(node, ast.Constant)]
        if numbers:
            other = b if numbers[0] is nodes[0] else a
            fix = f"give a parameter with the unit {other} in the place of {ast.unparse(numbers[0])}"
        self.refuse(f"{first} is in {a} and {second} in {b}", "one unit on both sides", fix)


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0
