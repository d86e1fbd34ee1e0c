"""Expressions of a table as mathematics: a small tree, in the order in which the table writes it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, replace

from asm_hybrid.kinetics.document.nodes import (
    Brackets,
    Fraction,
    Name,
    Node,
    Number,
    Operator,
    Product,
    Row,
    Script,
)
from asm_hybrid.kinetics.document.symbols import name_symbol, parse_symbol
from asm_hybrid.kinetics.expression import Expression, name_of
from asm_hybrid.kinetics.table import Table

__all__ = ["Maths"]

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


@dataclass(frozen=True)
class _Part:
    """A piece of an expression without its sign, how tightly it binds, and its sign."""

    node: Node
    level: int = _ATOM
    negative: bool = False

    def whole(self) -> Node:
        """Return it with its sign."""
        return Row((Operator("-"), self.at_least(_PRODUCT))) if self.negative else self.node

    def at_least(self, level: int) -> Node:
        """Return it without its sign, in brackets if it binds less tightly than what is around it."""
        return self.node if self.level >= level else Brackets(self.node)


class Maths:
    """Writes what stands in one table.

    Parameters
    ----------
    table : Table
        The reactions. A component has the symbol that the table gives it; where it gives none, or one that is not
        plain LaTeX, the symbol is made from the name, as for parameters: ``mu_H`` is μ with the index H.
    """

    def __init__(self, table: Table) -> None:
        self._symbols = {p.name: name_symbol(p.name) for p in table.parameters}
        for c in table.components:
            given = None if c.symbol == c.name else parse_symbol(c.symbol)
            self._symbols[c.name] = given or name_symbol(c.name)

    def symbol(self, name: str) -> Node:
        """Return the symbol of a component, a parameter, or anything else that has a name."""
        return self._symbols.get(name) or name_symbol(name.replace(".", "_"))

    def expression(self, expression: Expression) -> Node:
        """Return an expression of the table."""
        return self._part(expression).whole()

    def weighted(self, weights: Mapping[str, Expression]) -> Node:
        """Return a weighted sum of components; what has equal weights stands in one pair of brackets."""
        return self._sum(weights, {name: self.symbol(name) for name in weights})

    def holds(self, composition: Mapping[str, Expression]) -> Node:
        """Return what one unit of a component holds of the conserved materials."""
        return self._sum(composition, {name: _material(name) for name in composition})

    def _sum(self, weights: Mapping[str, Expression], symbols: Mapping[str, Node]) -> Node:
        groups: dict[str, list[str]] = {}
        for name, weight in weights.items():
            groups.setdefault(str(weight), []).append(name)
        total: _Part | None = None
        for names in groups.values():
            members = _Part(symbols[names[0]])
            for name in names[1:]:
                members = _added(members, _Part(symbols[name]))
            factor = self._part(weights[names[0]])
            one = factor.node == Number("1")
            term = replace(members, negative=factor.negative) if one else _times(factor, members)
            total = term if total is None else _added(total, term)
        return Number("0") if total is None else total.whole()

    def _part(self, expression: Expression) -> _Part:
        return self._read(ast.parse(str(expression).strip(), mode="eval").body)

    def _read(self, node: ast.expr) -> _Part:
        match node:
            case ast.Constant():
                return _number(repr(node.value))
            case ast.Name() | ast.Attribute():
                return _Part(self.symbol(name_of(node)))
            case ast.UnaryOp():
                inner = self._read(node.operand)
                flip = isinstance(node.op, ast.USub)
                return _Part(inner.node, inner.level, inner.negative != flip)
            case ast.BinOp():
                return _combined(node.op, self._read(node.left), self._read(node.right))
            case ast.Call(func=ast.Name(id=name)):
                return _called(name, [self._read(a) for a in node.args])
        raise AssertionError(ast.dump(node))


def _material(name: str) -> Name:
    """Return a conserved material, upright even if it is one letter."""
    escaped = name.replace("_", r"\_")
    return Name(name, rf"\mathrm{{{escaped}}}", index=True)


def _number(text: str) -> _Part:
    digits, _, exponent = text.partition("e")
    if not exponent:
        return _Part(Number(digits))
    power = Script(Number("10"), above=Number(str(int(exponent))))
    return _Part(Product((Number(digits), power)), _PRODUCT)


def _combined(sign: ast.operator, left: _Part, right: _Part) -> _Part:
    match sign:
        case ast.Add():
            return _added(left, right)
        case ast.Sub():
            return _added(left, _Part(right.node, right.level, not right.negative))
        case ast.Mult():
            return _times(left, right)
        case ast.Div():
            return _over(left, right)
    base = Brackets(left.whole()) if left.negative else left.at_least(_ATOM)
    if isinstance(base, Script) and base.above is None:
        return _Part(Script(base.base, base.below, right.whole()), _POWER)
    return _Part(Script(base, above=right.whole()), _POWER)


def _added(left: _Part, right: _Part) -> _Part:
    """Return a sum; ``-a + b`` is written as b - a."""
    if left.negative and not right.negative:
        left, right = right, left
    term = right.at_least(_PRODUCT) if right.negative else right.node
    return _Part(Row((left.whole(), Operator("-" if right.negative else "+"), term)), _SUM)


def _times(left: _Part, right: _Part) -> _Part:
    factors: tuple[Node, ...] = ()
    for part in (left, right):
        node = part.at_least(_PRODUCT)
        factors += node.factors if isinstance(node, Product) else (node,)
    return _Part(Product(factors), _PRODUCT, left.negative != right.negative)


def _over(left: _Part, right: _Part) -> _Part:
    negative = left.negative != right.negative
    if isinstance(left.node, Fraction):  # a/b/c
        inner = left.node.below
        below = _times(_Part(inner, _SUM if _is_sum(inner) else _PRODUCT), _Part(right.node, right.level))
        return _Part(Fraction(left.node.above, below.node), _POWER, negative)
    return _Part(Fraction(left.node, right.node), _POWER, negative)


def _called(name: str, parts: list[_Part]) -> _Part:
    match name.lower(), parts:  # sympy writes them with a capital
        case "monod", [s, k]:
            return _Part(Fraction(s.whole(), _added(k, s).node), _POWER)
        case "inhibition", [s, k]:
            return _Part(Fraction(k.whole(), _added(k, s).node), _POWER)
        case "ratio", [a, b]:
            return _over(a, b)
    inner: list[Node] = []
    for part in parts:
        inner += [*([Operator(",")] if inner else []), part.whole()]
    command = rf"\{name}" if name in ("exp", "min", "max") else name
    return _Part(Row((Name(name, command), Brackets(Row(tuple(inner))))))


def _is_sum(node: Node) -> bool:
    return isinstance(node, Row) and any(isinstance(p, Operator) and p.sign in "+-" for p in node.parts)
