"""How large an expression would be, multiplied out: asked before sympy is let loose on it."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["MAX_TERMS", "terms"]

MAX_TERMS = 300
"""Largest expression that is simplified [term]."""


def terms(value: Any, known: dict[Any, int] | None = None) -> int:
    """Return how many terms an expression would have, multiplied out.

    Parameters
    ----------
    value : Expr
        Sums, products, whole powers and functions.
    known : dict, optional
        Results so far.

    Returns
    -------
    int
        An upper bound, not exact above `MAX_TERMS`.
    """
    known = {} if known is None else known
    if value not in known:
        parts = [min(terms(a, known), MAX_TERMS + 1) for a in value.args]
        if value.is_Add:
            known[value] = sum(parts)
        elif value.is_Pow and value.exp.is_Integer:
            known[value] = parts[0] ** abs(int(value.exp))
        else:
            known[value] = math.prod(parts) if value.is_Mul else 1
    return known[value]
