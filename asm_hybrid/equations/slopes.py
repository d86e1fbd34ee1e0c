"""Slopes of a known equation, written out state by state; a state a delay ago is written ``STATE.DELAY``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import sympy
import torch
from torch import Tensor

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.expression import name_of, parse_expression, short, syntax_of

__all__ = ["written_slopes"]


def written_slopes(
    texts: Mapping[str, str], states: Sequence[str], delays: Sequence[str], where: Callable[[str], str]
) -> Callable[..., Tensor]:
    """Return the slopes as a function of the states and of those a delay ago.

    Parameters
    ----------
    texts : mapping of str to str
        Of every state its slope: numbers, states, ``STATE.DELAY``, ``+ - *``, whole powers, division by numbers.
    states, delays : sequence of str
        Their names, in the order of the arrays.
    where : callable
        From a state to the place of its slope in the config, for messages.

    Returns
    -------
    callable
        f(t, x) on states ``(…, n)``, or f(t, x, lags) with lags ``(d, …, n)`` where there are delays.

    Raises
    ------
    InputError
        When a slope cannot be read.
    """
    names = [*states, *(f"{state}.{delay}" for delay in delays for state in states)]  # as lags are laid out
    symbols = {name: sympy.Symbol(name, real=True) for name in names}
    slopes = [_slope(texts[state], symbols, where(state)) for state in states]
    values = sympy.lambdify(
        list(symbols.values()), slopes, modules="math", dummify=True
    )  # polynomials that passed the whitelist

    def f(t: Tensor, x: Tensor, lags: Tensor | None = None) -> Tensor:
        past = () if lags is None else lags.movedim(-1, 1).flatten(0, 1).unbind()
        found: list[Any] = values(*x.unbind(-1), *past)
        return torch.stack([cast(Tensor, value + 0.0 * x[..., 0]) for value in found], -1)

    return f


def _slope(text: str, symbols: Mapping[str, sympy.Symbol], where: str) -> sympy.Expr:
    """Read one slope."""
    expected = "numbers, states, + - *, whole powers and division by numbers, such as 1.5 * N * (1 - N.tau / 2)"
    try:
        for name in _names(syntax_of(text, where)):
            if name not in symbols:
                raise InputError(f"{name!r} is not known in {short(text)}", fix=nearest(name, symbols))
        return parse_expression(text, symbols, where, frozenset()).value
    except InputError as error:
        raise InputError(error.found, where=where, expected=expected, fix=error.fix) from None


def _names(node: ast.AST) -> Iterator[str]:
    """Return all names of an expression, those of functions too."""
    if isinstance(node, ast.Name | ast.Attribute):
        yield name_of(node)
    else:
        for inner in ast.iter_child_nodes(node):
            yield from _names(inner)
