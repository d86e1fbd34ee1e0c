"""What a table says better than a panel: operation that is constant, and influents that are the base case's times n."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from asm_hybrid.report.style import number
from asm_hybrid.scenario.cases import Case

__all__ = ["CHANGED", "steady_rows"]

CHANGED = 1e-6
"""Share by which a series must differ to count as another [-]."""
DIGITS = 4


def steady_rows(cases: Sequence[Case], names: Iterable[str], influent: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what needs no panel, with what is to be said of each case.

    Parameters
    ----------
    cases : sequence of Case
        The base case first.
    names : iterable of str
        Columns of their records.
    influent : iterable of str
        Those of them that the influent carries: of these, multiples of the base case need no panel either.

    Returns
    -------
    dict of str to tuple of str
        By column: its value where it is constant in every case. Where each case is a multiple of the base case, its
        mean there and the factors. A dash where a case does not have it.
    """
    carried, found = set(influent), {}
    for name in dict.fromkeys(names):
        values = [case.record.columns.get(name) for case in cases]
        texts = _constant(values) or (_multiples(values) if name in carried else None)
        if texts is not None:
            found[name] = texts
    return found


def _constant(values: Sequence[np.ndarray | None]) -> tuple[str, ...] | None:
    if any(v is not None and not _same(v, np.full_like(v, v[0])) for v in values):
        return None
    return tuple(number(None if v is None else float(v[0]), DIGITS) for v in values)


def _multiples(values: Sequence[np.ndarray | None]) -> tuple[str, ...] | None:
    """Return the mean of the base case and the factors of the others, where they are multiples of it."""
    base, *others = (v for v in values if v is not None)
    if len(others) + 1 < len(values) or any(v.shape != base.shape for v in others):
        return None
    factors = [float(v @ base) / float(base @ base) for v in others]
    if not all(_same(v, factor * base) for v, factor in zip(others, factors, strict=True)):
        return None
    return f"mean {number(float(base.mean()), DIGITS)}", *(f"× {number(factor, DIGITS)}" for factor in factors)


def _same(values: np.ndarray, others: np.ndarray) -> bool:
    return bool((np.abs(values - others) <= CHANGED * np.abs(values).max()).all())
