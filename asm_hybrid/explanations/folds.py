"""Least squares out of fold: days are left out in turn, near the point at which the errors were linearised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.explanations.fit import Linearised, bounded_ridge
from asm_hybrid.explanations.record import Record

__all__ = ["DayProducts", "OutOfFold", "day_products", "stretches_of"]

FOLDS = 5
"""Parts that are left out in turn."""
STRETCH = 2.0
"""Days that are left out together, since errors persist from day to day [d]."""


@dataclass(frozen=True)
class OutOfFold:
    """What some knobs leave, on days that they were not fitted to.

    Attributes
    ----------
    loss : ndarray, shape (day,)
        Weighted sum of squared errors of every day.
    costs : ndarray, shape (fold,)
        What was minimised on the other days.
    at : ndarray, shape (knob,)
        Knobs fitted to all days.
    """

    loss: np.ndarray
    costs: np.ndarray
    at: np.ndarray


@dataclass(frozen=True)
class DayProducts:
    """Products of errors and slopes, summed over the samples of every day.

    Attributes
    ----------
    near : Linearised
        The knobs, and the errors near one point of them.
    products : ndarray, shape (day, knob + 1, knob + 1)
        The errors come last.
    fold : ndarray, shape (day,)
        The fold in which a day is left out.
    """

    near: Linearised
    products: np.ndarray
    fold: np.ndarray

    def fitted(self, which: Sequence[int]) -> OutOfFold:
        """Fit some of the knobs, the others held, and say what is left out of fold."""
        which = list(which)
        at = self.near.at[which]
        spread, low, high = (
            np.array([getattr(self.near.knobs[i], name) for i in which]) for name in ("spread", "low", "high")
        )
        own = self.products[:, [*which, -1]][:, :, [*which, -1]]
        total, loss, costs = own.sum(0), np.zeros(len(own)), []

        def solved(matrix: np.ndarray) -> np.ndarray:
            gram = matrix[:-1, :-1] + np.diag(spread**-2.0)
            return bounded_ridge(gram, matrix[:-1, -1] + at / spread**2, low - at, high - at)

        for fold in range(int(self.fold.max()) + 1):
            out = self.fold == fold
            matrix = total - own[out].sum(0)
            step = solved(matrix)
            change = np.append(step, 1.0)
            loss[out] = np.einsum("i,dij,j->d", change, own[out], change)
            costs.append(float(change @ matrix @ change + (((at + step) / spread) ** 2).sum()))
        return OutOfFold(np.maximum(loss, 0.0), np.array(costs), at + solved(total))


def stretches_of(record: Record) -> np.ndarray:
    """Return the stretch of days that are left out together to which every day with samples belongs.

    Parameters
    ----------
    record : Record
        The record.

    Returns
    -------
    ndarray of int, shape (day,)
    """
    return np.asarray(np.unique(np.floor((record.day_of - record.day_of[0]) / STRETCH), return_inverse=True)[1])


def day_products(record: Record, near: Linearised, weights: np.ndarray) -> DayProducts:
    """Return the products of every day.

    Parameters
    ----------
    record : Record
        The record.
    near : Linearised
        The errors near one point of the knobs.
    weights : ndarray, shape (sample,)
        Weight of every squared error.

    Returns
    -------
    DayProducts
    """
    matrix = np.column_stack([near.slopes, near.errors])
    days = int(record.days.max()) + 1
    found = np.empty((days, matrix.shape[1], matrix.shape[1]))
    for day in range(days):
        own = record.days == day
        found[day] = matrix[own].T @ (weights[own, None] * matrix[own])
    return DayProducts(near, found, stretches_of(record) % FOLDS)
