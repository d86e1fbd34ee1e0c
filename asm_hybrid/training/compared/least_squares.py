"""A linear model of the inputs, without any dynamics of its own."""

from __future__ import annotations

import numpy as np

from asm_hybrid.training.compared_model import ComparedModel, FittedRecord, OpenLoop

__all__ = ["MODEL", "features", "least_squares_prediction"]

TRAILING = (0.25, 1.0)
"""Lengths [d] of the trailing means that join the present inputs as regressors."""


def features(inputs: np.ndarray, interval: float, at: np.ndarray) -> np.ndarray:
    """Return the regressors at given times: present inputs and their trailing means.

    Parameters
    ----------
    inputs : ndarray, shape (knot, input)
        Inputs at the knots.
    interval : float
        Distance of two knots [d].
    at : ndarray, shape (sample,)
        Times from the first knot [d].

    Returns
    -------
    ndarray, shape (sample, 1 + 3 × input)
        A column of ones first. Inputs that never change are left out.
    """
    varies = np.ptp(inputs, axis=0) > 0
    series = inputs[:, varies]
    sums = np.vstack([np.zeros(series.shape[1]), np.cumsum(series, axis=0)])
    parts = [series]
    for length in TRAILING:
        width = max(1, round(length / interval))
        first = np.maximum(np.arange(len(series)) + 1 - width, 0)
        count = np.arange(len(series)) + 1 - first
        parts.append((sums[1:] - sums[first]) / count[:, None])
    table = np.hstack(parts)
    knots = interval * np.arange(len(series))
    columns = [np.interp(at, knots, column) for column in table.T]
    return np.column_stack([np.ones(len(at)), *columns])


def least_squares_prediction(train_x: np.ndarray, train_y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Fit a linear model and predict; regressors are scaled, collinear ones share the minimum-norm solution.

    Parameters
    ----------
    train_x : ndarray, shape (sample, regressor)
        Regressors, a column of ones first.
    train_y : ndarray, shape (sample,)
        Measurements.
    x : ndarray, shape (prediction, regressor)
        Regressors to predict from.

    Returns
    -------
    ndarray, shape (prediction,)
    """
    mean, std = train_x[:, 1:].mean(axis=0), train_x[:, 1:].std(axis=0)
    keep = std > 1e-9 * (np.abs(mean) + 1e-12)

    def scale(table: np.ndarray) -> np.ndarray:
        return np.column_stack([table[:, 0], (table[:, 1:][:, keep] - mean[keep]) / std[keep]])

    weights = np.linalg.lstsq(scale(train_x), train_y, rcond=1e-6)[0]
    return np.asarray(scale(x) @ weights)


class LeastSquares(ComparedModel):
    """Least squares on the inputs and their trailing means."""

    name, order = "least_squares", 30
    title, phrase = "Least squares on inputs", "least squares on inputs"
    colour = "#b8860b"

    def simulate(self, record: FittedRecord) -> OpenLoop:
        """Predict from the inputs."""
        table = np.asarray(record.inputs.cpu())
        found = []
        for o in record.observations:
            x, seen = features(table, record.grid.interval, o.times), record.trained(o)
            found.append(least_squares_prediction(x[seen], o.values[seen], x)[None])
        return OpenLoop(tuple(found))


MODEL = LeastSquares()
