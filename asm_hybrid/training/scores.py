"""Scores of predictions against measurements."""

from __future__ import annotations

from typing import Any

import numpy as np

from asm_hybrid.data.censoring import censored_error

__all__ = ["score"]


def score(measured: np.ndarray, predicted: np.ndarray, censored: np.ndarray | None = None) -> dict[str, Any]:
    """Score one model, or several seeds of it, on one variable.

    Parameters
    ----------
    measured : ndarray, shape (sample,)
        Measurements.
    predicted : ndarray, shape (sample,) or (seed, sample)
        Predictions.
    censored : ndarray of int, shape (sample,), optional
        Where the sample lies beyond a limit of the sensor, which `measured` holds. The error is zero there if the
        prediction is beyond it, too, and else counts from it.

    Returns
    -------
    dict
        ``rmse``, ``mae``, ``bias`` (predicted - measured) in the unit of the variable, ``r2`` [-], ``n``; medians over
        seeds, with ``rmse_seeds`` listing every one.
    """
    error = np.atleast_2d(predicted) - measured
    if censored is not None:
        error = censored_error(error, censored)
    spread = float(np.sum((measured - measured.mean()) ** 2))
    rmse = np.sqrt(np.mean(error**2, axis=1))
    r2 = 1.0 - np.sum(error**2, axis=1) / spread if spread > 0 else np.full(len(rmse), np.nan)
    return {
        "rmse": float(np.median(rmse)),
        "mae": float(np.median(np.mean(np.abs(error), axis=1))),
        "bias": float(np.median(np.mean(error, axis=1))),
        "r2": float(np.median(r2)) if np.isfinite(r2).all() else None,
        "n": len(measured),
        "rmse_seeds": [float(v) for v in rmse],
    }
