"""Writes lists of sympy expressions as the source of a Python function."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from asm_hybrid.kinetics.functions import LIMIT, Exp, Larger, Smaller
from asm_hybrid.kinetics.speciation import (
    Hydrogen,
    Logarithm,
    LogHydrogen,
    Power,
    Quantity,
    QuantitySlope,
)
from asm_hybrid.kinetics.switching import TINY, Inhibition, Inverse, Monod, Over, Positive, Ratio, Slope, Step

__all__ = ["FunctionWriter", "show"]

RECIPROCAL = "{0} ** -1"

_CALLS = {
    Positive: ("_positive", "xp.maximum({0}, 0.0)"),
    Step: ("_step", "1.0 * ({0} >= 0.0)"),
    Logarithm: ("_ln", "xp.log({0})"),
    Power: ("_power", "xp.exp({0})"),
    Hydrogen: ("_h", "xp.exp({0})"),
    Exp: ("_exp", f"xp.exp(xp.minimum(xp.maximum({{0}}, {-float(LIMIT)}), {float(LIMIT)}))"),
    Larger: ("_larger", "xp.maximum({0}, {1})"),
    Smaller: ("_smaller", "xp.minimum({0}, {1})"),
}
"""Stem of the name, and what is written, for functions that are written as one call."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class FunctionWriter:
    """Writes functions of the states and parameters of one table.

    Parameters
    ----------
    components, parameters : sequence of str
        Names, in the order of the arrays that the functions take. One with a dot, as inputs of a plant may have, is
        written by its place instead.
    signed, quantities : sequence of str
        Components that may be below zero, and quantities of an equilibrium, in the order in which the function
        ``quantities`` returns them.
    """

    def __init__(
        self,
        components: Sequence[str],
        parameters: Sequence[str],
        signed: Sequence[str] = (),
        quantities: Sequence[str] = (),
    ) -> None:
        self.components, self.parameters = list(components), list(parameters)
        self.signed, self.quantities = set(signed), list(quantities)
        places = {n: f"_p{i}" for i, n in enumerate(self.parameters) if "." in n}
        self.dotted = {sympy.Symbol(n, real=True): sympy.Symbol(name, real=True) for n, name in places.items()}

    def write(self, name: str, doc: str, rows: Sequence[Sequence[Any]], *, kind: str) -> str:
        """Return the source of a function.

        Parameters
        ----------
        name, doc : str
            Name and docstring.
        rows : sequence of sequence of Expr
            What it returns.
        kind : str
            ``"rates"`` returns a flat list of arrays with the shape of a state; ``"slopes"`` and
            ``"coefficients"`` return lists of lists, with None for zero; ``"weights"`` returns a flat list.

        Returns
        -------
        str
            The source.
        """
        flat = [sympy.sympify(value).xreplace(self.dotted) for row in rows for value in row]
        lines, reduced = _Lowering().run(flat)
        shown = iter(self._entry(v, r, kind) for v, r in zip(flat, reduced, strict=True))
        if kind == "rates":
            result = [f"        {entry}," for entry in shown]
        elif kind == "weights":
            result = [f"        {', '.join(shown)},"]
        else:
            result = [f"        [{', '.join(next(shown) for _ in row)}]," for row in rows]
        used = set(_WORD.findall("\n".join([*lines, *result])))
        states = kind in ("rates", "slopes")
        head = [*self._of_equilibrium(used), "    X = xp.nonnegative(X)"] if states else []
        head += [f"    {n} = X[{i}]" for i, n in enumerate(self.components) if n in used - self.signed]
        names = [(f"_p{i}", f"  # {n}") if "." in n else (n, "") for i, n in enumerate(self.parameters)]
        head += [f"    {n} = p[{i}]{remark}" for i, (n, remark) in enumerate(names) if n in used]
        body = [f"    {line}" for line in lines]
        signature = f"def {name}({'X, p, xp' if states else 'p, xp'}):"
        return "\n".join([signature, f'    """{doc}"""', *head, *body, "    return [", *result, "    ]", ""])

    def _of_equilibrium(self, used: set[str]) -> list[str]:
        """Return the lines that take what may be below zero, and what follows from an equilibrium."""
        lines = [f"    {n} = columns(X, xp)[{i}]" for i, n in enumerate(self.components) if n in used & self.signed]
        slopes = [
            f"    {name} = _q[{i}][{j}]"
            for i, n in enumerate(self.quantities, start=1)
            for j, c in enumerate(self.components)
            if (name := f"_{n}_by_{c}") in used
        ]
        call, row = ("quantity_slopes", "_q[0]") if slopes else ("quantities", "_q")
        lines += [f"    _q = {call}(X, p, xp)"] if used.intersection(self.quantities) or slopes else []
        return [*lines, *(f"    {n} = {row}[{i}]" for i, n in enumerate(self.quantities) if n in used), *slopes]

    def _entry(self, value: Any, reduced: Any, kind: str) -> str:
        if value == 0 and kind != "rates":
            return "0.0" if kind == "weights" else "None"
        names = {s.name for s in value.free_symbols}
        bare = not names if kind == "slopes" else kind == "rates" and names.isdisjoint(self.components)
        return f"{show(reduced)} + 0.0 * X[0]" if bare else show(reduced)


@dataclass(frozen=True)
class _Statement:
    """``name = template.format(*arguments)``."""

    name: Any
    template: str
    arguments: tuple[Any, ...]
    remark: str = ""

    def write(self) -> str:
        alone = self.template == "{0}"
        line = f"{self.name} = {self.template.format(*(show(a, atom=not alone) for a in self.arguments))}"
        return f"{line}  # {self.remark}" if self.remark else line


class _Lowering:
    """Turns expressions with named functions into statements of plain arithmetic.

    Every distinct function becomes a name of its own, so that it is computed once.
    """

    def __init__(self) -> None:
        self.statements: dict[Any, _Statement] = {}
        self.inverted: set[Any] = set()
        self.lowered: dict[Any, Any] = {}

    def run(self, values: Sequence[Any]) -> tuple[list[str], list[Any]]:
        """Return the lines of a function and what is left of the values."""
        values = [sympy.sympify(v) for v in values]
        self.inverted = {found.args for value in values for found in value.atoms(Over, Slope)}
        left = [self.lower(value) for value in values]
        inner = [a for s in self.statements.values() for a in s.arguments]
        common, reduced = sympy.cse([*inner, *left], symbols=sympy.numbered_symbols("_c"), order="canonical")
        rest = iter(reduced[: len(inner)])
        statements = [_Statement(name, "{0}", (value,)) for name, value in common]
        statements += [
            _Statement(s.name, s.template, tuple(next(rest) for _ in s.arguments), s.remark)
            for s in self.statements.values()
        ]
        statements, left = _divided(statements, reduced[len(inner) :])
        return [s.write() for s in _ordered(statements)], left

    def lower(self, value: Any) -> Any:
        """Replace the functions in an expression by names."""
        if value not in self.lowered:
            self.lowered[value] = self.worked_out(value) if value.args else value
        return self.lowered[value]

    def worked_out(self, value: Any) -> Any:
        """Lower an expression that was not met before."""
        args = [self.lower(a) for a in value.args]
        match value:
            case Monod() | Inhibition():
                stem, above = f"_{type(value).__name__.lower()}", args[isinstance(value, Inhibition)]
                if value.args in self.inverted:
                    return self.name(value, stem, "{0} * {1}", above, self.lower(Over(*value.args)))
                return self.name(value, stem, "{0} / {1}", above, self.denominator(*args))
            case Slope():
                inhibition, over = self.lower(Inhibition(*value.args)), self.lower(Over(*value.args))
                return self.name(value, "_slope", "{0} * {1}", inhibition, over)
            case Over():
                return self.name(value, "_over", RECIPROCAL, self.denominator(*args))
            case Ratio():
                return args[0] * self.lower(Inverse(value.args[1]))
            case Inverse():
                return self.name(value, "_inverse", RECIPROCAL, self.floor(args[0]))
            case Quantity() | QuantitySlope():
                return sympy.Symbol(value.name, real=True)
            case LogHydrogen():
                return self.name(value, "_x", *_balance(*args))
        if type(value) in _CALLS:
            return self.name(value, *_CALLS[type(value)], *args)
        return value.func(*args)

    def denominator(self, s: Any, k: Any) -> Any:
        """Return the name of K + S."""
        return self.name(Over(s, k), "_sum", "{0}", k + s, kind="sum")

    def floor(self, value: Any) -> Any:
        """Return the name of ``value + TINY``."""
        return self.name(Inverse(value), "_floor", f"{{0}} + {float(TINY)!r}", value, kind="floor")

    def name(self, key: Any, stem: str, template: str, *arguments: Any, kind: str = "") -> Any:
        """Return the name that stands for a function, the same for the same function."""
        if (kind, key) not in self.statements:
            number = sum(s.name.name.startswith(stem) for s in self.statements.values())
            name = sympy.Symbol(f"{stem}{number}", real=True)
            self.statements[kind, key] = _Statement(name, template, arguments, _remark(key))
        return self.statements[kind, key].name


def _balance(charges: Any, strong: Any, water: Any, totals: Any, constants: Any) -> tuple[Any, ...]:
    """Return what is written for `LogHydrogen`, and what stands in it."""
    places = iter(range(2, 2 + len(totals) + sum(map(len, constants))))
    amounts = "".join(f"{{{next(places)}}}, " for _ in totals)
    steps = "".join(f"({''.join(f'{{{next(places)}}}, ' for _ in own)}), " for own in constants)
    template = f"log_hydrogen({{0}}, {{1}}, ({amounts}), ({steps}), {tuple(map(int, charges))}, xp)"
    return template, strong, water, *totals, *(K for own in constants for K in own)


def _divided(statements: Sequence[_Statement], left: Sequence[Any]) -> tuple[list[_Statement], list[Any]]:
    """Write a reciprocal that is used once as a division: one operation instead of two."""
    uses = Counter(s for s in _symbols([*(a for s in statements for a in s.arguments), *left]))
    once = {s.name: 1 / s.arguments[0] for s in statements if s.template == RECIPROCAL and uses[s.name] == 1}
    kept = [
        _Statement(s.name, s.template, tuple(a.xreplace(once) for a in s.arguments), s.remark)
        for s in statements
        if s.name not in once
    ]
    return kept, [value.xreplace(once) for value in left]


def _symbols(values: Sequence[Any]) -> Iterator[Any]:
    """Return every symbol as often as it stands in some expressions."""
    for value in values:
        yield from (node for node in sympy.preorder_traversal(value) if node.is_Symbol)


def _remark(key: Any) -> str:
    """Return a switching function as the table writes it, if it is short."""
    if not isinstance(key, Monod | Inhibition):
        return ""
    text = f"{type(key).__name__.lower()}({', '.join(str(a) for a in key.args)})"
    return text if len(text) <= 60 else ""


def _ordered(statements: Sequence[_Statement]) -> list[_Statement]:
    """Put every statement behind those it uses."""
    by_name = {s.name: s for s in statements}
    done: dict[Any, _Statement] = {}

    def visit(statement: _Statement) -> None:
        if statement.name in done:
            return
        needed = {s for a in statement.arguments for s in a.free_symbols if s in by_name}
        for name in sorted(needed, key=str):
            visit(by_name[name])
        done[statement.name] = statement

    for statement in statements:
        visit(statement)
    return list(done.values())


def show(value: Any, *, atom: bool = False) -> str:
    """Return an expression as Python source.

    Parameters
    ----------
    value : Expr
        Sums, products, whole powers, numbers and names.
    atom : bool
        Whether it is put between brackets unless it is a number or a name.

    Returns
    -------
    str
        The source.
    """
    if value.is_Symbol:
        return str(value.name)
    if value.is_Number:
        text = repr(float(value))
        return f"({text})" if atom and value < 0 else text
    if value.is_Add:
        text = _show_sum(value)
    elif value.is_Mul:
        text = _show_product(value)
    else:
        text = _show_power(value.base, int(value.exp))
    return f"({text})" if atom else text


def _show_sum(value: Any) -> str:
    # A term with a minus sign goes to the back: "a - b" is one operation, "-b + a" two.
    terms = sorted(value.as_ordered_terms(), key=lambda t: t.could_extract_minus_sign())
    text = show(terms[0])
    for term in terms[1:]:
        minus = term.could_extract_minus_sign()
        part = -term if minus else term
        text += (" - " if minus else " + ") + show(part, atom=part.is_Add)
    return text


def _show_product(value: Any) -> str:
    number, rest = value.as_coeff_Mul()
    above, below = [], []
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        if exponent.is_negative:
            below.append(base**-exponent)
        else:
            above.append(factor)
    above.sort(key=sympy.default_sort_key)
    below.sort(key=sympy.default_sort_key)
    sign = "-" if number < 0 else ""
    size = abs(number)
    parts = [show(f, atom=not f.is_Symbol) for f in above]
    if size != 1 or not parts:
        parts.insert(0, show(size))
    top = " * ".join(parts)
    if not below:
        return sign + top
    bottom = show(below[0], atom=True) if len(below) == 1 else f"({' * '.join(show(f, atom=True) for f in below)})"
    return f"{sign}{top} / {bottom}"


def _show_power(base: Any, exponent: int) -> str:
    if exponent < 0:
        return f"1.0 / {show(base**-exponent, atom=True)}"
    text = show(base, atom=True)
    return f"{text} * {text}" if exponent == 2 and base.is_Symbol else f"{text} ** {exponent}"
