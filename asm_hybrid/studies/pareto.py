"""The cases that no other case beats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from asm_hybrid.studies.result import StudyResult

__all__ = ["non_dominated", "pareto_front"]


def non_dominated(values: np.ndarray, directions: Sequence[str]) -> np.ndarray:
    """Return which points no other point beats.

    Parameters
    ----------
    values : ndarray, shape (point, figure)
        The points. One with a NaN neither beats nor is on the front.
    directions : sequence of str
        ``min`` or ``max`` for each figure.

    Returns
    -------
    ndarray of bool, shape (point,)
        A point is beaten by one that is at least as good in every figure and better in one. Equal points do not beat
        each other, so that all of them stay.
    """
    costs = np.where([d == "max" for d in directions], -values, values)
    known = np.flatnonzero(np.isfinite(costs).all(axis=1))
    unique, where = np.unique(costs[known], axis=0, return_inverse=True)
    on = np.zeros(len(unique), dtype=bool)
    front = np.empty_like(unique)
    size = 0
    for i, point in enumerate(unique):  # in order of the first figure, then the next: none is beaten by a later one
        if not (front[:size] <= point).all(axis=1).any():
            front[size], on[i] = point, True
            size += 1
    found = np.zeros(len(values), dtype=bool)
    found[known] = on[where.ravel()]
    return found


def pareto_front(result: StudyResult) -> pd.DataFrame:
    """Return the cases that no other case beats in the figures that compete.

    Parameters
    ----------
    result : StudyResult
        The study.

    Returns
    -------
    DataFrame
        ``case``, and a column for each of these figures; ordered by the first of them, from its best.
    """
    names = [name for name, _ in result.pareto]
    if not names:
        return pd.DataFrame({"case": np.empty(0, dtype=int)})
    values = np.stack([result.values(name) for name in names], axis=1)
    on = np.flatnonzero(non_dominated(values, [direction for _, direction in result.pareto]))
    table = pd.DataFrame({"case": on} | {name: values[on, i] for i, name in enumerate(names)})
    return table.sort_values([names[0], "case"], ascending=[result.pareto[0][1] == "min", True], ignore_index=True)
