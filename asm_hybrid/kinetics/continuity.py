"""Continuity: solves the coefficients that a table leaves open, and checks those it gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.size import MAX_TERMS, terms

__all__ = ["imbalance", "simplified", "solve_coefficients"]

Values = Mapping[sympy.Symbol, Any]


def _trial_points(symbols: Sequence[sympy.Symbol]) -> list[dict[sympy.Symbol, sympy.Rational]]:
    """Return parameter values, from 0 to 1, that satisfy no equation by chance: fractions of large primes."""
    names = sorted(symbols, key=str)
    primes = [sympy.Integer(p) for p in (1000003, 1000033, 1000037, 1000039)]
    steps = (611953, 350377, 479909, 224743)
    return [
        {s: (sympy.Integer(step) * (i + 1) ** 2 % prime) / prime for i, s in enumerate(names)}
        for prime, step in zip(primes, steps, strict=True)
    ]


def _is_zero(value: sympy.Expr) -> bool:
    """Tell whether a fraction of polynomials is zero for all parameters, by exact arithmetic at trial points.

    A fraction that is not zero everywhere vanishes at such a point with a probability of its degree in 10^6;
    the time this takes does not grow with the number of its terms, as that of multiplying out does.
    """
    if value.is_number:
        return bool(value == 0)
    return all(value.subs(point) == 0 for point in _trial_points(list(value.free_symbols)))


def _vanishes(products: Sequence[tuple[Any, Any]]) -> bool:
    """Tell whether a sum of products is found to be zero as by `_is_zero`, but without having sympy multiply.

    False also where a factor is more than a fraction of polynomials.
    """
    symbols = {s for product in products for factor in product for s in factor.free_symbols}
    points = [{s: Fraction(v.p, v.q) for s, v in point.items()} for point in _trial_points(list(symbols))]
    try:
        return all(sum(_at(a, point) * _at(b, point) for a, b in products) == 0 for point in points)
    except (TypeError, ZeroDivisionError):
        return False


def _at(value: Any, point: Mapping[Any, Fraction]) -> Fraction:
    """Return a fraction of polynomials at a point."""
    if value.is_Symbol:
        return point[value]
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    if value.is_Add:
        return sum((_at(term, point) for term in value.args), Fraction(0))
    if value.is_Mul:
        return math.prod((_at(factor, point) for factor in value.args), start=Fraction(1))
    if value.is_Pow and value.exp.is_Integer:
        return _at(value.base, point) ** int(value.exp)
    raise TypeError(f"{value} is no fraction of polynomials")


def _is_singular(matrix: sympy.Matrix) -> bool:
    points = _trial_points(list(matrix.free_symbols))
    return all(matrix.subs(point).det() == 0 for point in points)


def simplified(value: sympy.Expr) -> sympy.Expr:
    """Return an expression in factors.

    Parameters
    ----------
    value : Expr
        A fraction of polynomials.

    Returns
    -------
    Expr
        Factors, or `value` as it is where that would take long: with more than `MAX_TERMS` terms.
    """
    return sympy.factor(sympy.cancel(value)) if terms(value) <= MAX_TERMS else value


def solve_coefficients(
    given: Mapping[str, sympy.Expr | None],
    composition: Mapping[str, Mapping[str, sympy.Expr]],
    materials: Sequence[str],
    where: str,
) -> dict[str, sympy.Expr]:
    """Find the open coefficients of a process from continuity.

    Parameters
    ----------
    given : mapping of str to Expr or None
        Coefficients by component; None is open.
    composition : mapping
        ``composition[component][material]``.
    materials : sequence of str
        What is conserved.
    where : str
        File, line and key, for messages.

    Returns
    -------
    dict of str to Expr
        All coefficients, in the order of `given`.

    Raises
    ------
    InputError
        If continuity does not determine them.
    """
    unknown = [name for name, value in given.items() if value is None]
    if not unknown:
        return {name: value for name, value in given.items() if value is not None}
    rows, right = [], []
    for material in materials:
        row = [composition[name].get(material, sympy.Integer(0)) for name in unknown]
        if any(entry != 0 for entry in row):
            rows.append(row)
            right.append(
                -sum(
                    (v * composition[n].get(material, 0) for n, v in given.items() if v is not None),
                    sympy.Integer(0),
                )
            )
    for choice in itertools.combinations(range(len(rows)), len(unknown)):
        matrix = sympy.Matrix([rows[i] for i in choice])
        if not _is_singular(matrix):
            solution = matrix.LUsolve(sympy.Matrix([right[i] for i in choice]))
            found = dict(zip(unknown, map(simplified, solution), strict=True))
            return {name: found[name] if value is None else value for name, value in given.items()}
    raise InputError(
        f"continuity of {', '.join(materials) or 'nothing'} does not determine {', '.join(unknown)}",
        where=where,
        expected="no more '?' than conserved materials that these components hold",
        fix="give one of these coefficients as a number or expression, or complete a composition",
    )


def imbalance(
    coefficients: Mapping[str, sympy.Expr],
    composition: Mapping[str, Mapping[str, sympy.Expr]],
    materials: Sequence[str],
    points: Sequence[Values],
) -> dict[str, tuple[sympy.Expr, float]]:
    """Return what a process makes or destroys of every material.

    Parameters
    ----------
    coefficients : mapping of str to Expr
        Coefficients by component.
    composition : mapping
        ``composition[component][material]``.
    materials : sequence of str
        What is conserved.
    points : sequence of mapping
        Parameter values at which an imbalance that is not exactly zero is measured.

    Returns
    -------
    dict of str to (Expr, float)
        For the materials that are not exactly conserved: the imbalance, and its largest size at the points.
    """
    out: dict[str, tuple[sympy.Expr, float]] = {}
    for material in materials:
        products = [(v, composition[n][material]) for n, v in coefficients.items() if material in composition[n]]
        if _vanishes(products):
            continue
        total = sum((v * c for v, c in products), sympy.Integer(0))
        if not _is_zero(total):
            values = [{s: point[s] for s in total.free_symbols} for point in points]
            out[material] = (total, max(abs(float(total.subs(point))) for point in values))
    return out
