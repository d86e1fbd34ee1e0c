"""Rank correlations, and what their intervals are, by drawing cases again with their ranks made anew."""

from __future__ import annotations

import numpy as np

__all__ = ["rank_correlations", "weighted_ranks"]


def weighted_ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the ranks of values that occur several times, or not at all.

    Parameters
    ----------
    values : ndarray, shape (case,)
        The values; equal ones share the mean of their ranks.
    weights : ndarray, shape (draw, case)
        How often each occurs.

    Returns
    -------
    ndarray, shape (draw, case)
        From one, for a weight of one each.
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1))
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    return np.asarray((np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, group])


def rank_correlations(inputs: np.ndarray, output: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the rank correlations of a figure with factors, after Spearman [1]_.

    Parameters
    ----------
    inputs : ndarray, shape (case, factor)
        Values of the factors.
    output : ndarray, shape (case,)
        The figure.
    weights : ndarray, shape (draw, case)
        How often each case occurs.

    Returns
    -------
    ndarray, shape (draw, factor)
        From -1 to 1; NaN where a factor or the figure is the same in all cases.

    References
    ----------
    .. [1] C. Spearman (1904), The proof and measurement of association between two things, American Journal of
       Psychology 15, 72-101. https://doi.org/10.2307/1412159
    """

    def centred(values: np.ndarray) -> np.ndarray:
        ranks = weighted_ranks(values, weights)
        mean = (weights * ranks).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
        return np.asarray(ranks - mean)

    y = centred(output)
    y_square = (weights * y * y).sum(axis=1)
    found = np.full((len(weights), inputs.shape[1]), np.nan)
    for k in range(inputs.shape[1]):
        x = centred(inputs[:, k])
        square = (weights * x * x).sum(axis=1) * y_square
        np.divide((weights * x * y).sum(axis=1), np.sqrt(square), out=found[:, k], where=square > 0)
    return found
