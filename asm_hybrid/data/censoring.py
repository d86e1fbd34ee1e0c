"""What a sample beyond a limit of its sensor says of a prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["ABOVE", "BELOW", "censored_error"]

BELOW = 1
"""Marks a sample below the detection limit, which stands for its value; runs of earlier versions say True."""
ABOVE = -1
"""Marks a sample above the limit at which its sensor saturates, which stands for its value."""


def censored_error(error: NDArray[np.float64], censored: NDArray[np.int8]) -> NDArray[np.float64]:
    """Return errors that are zero where prediction and measurement lie beyond the same limit.

    Parameters
    ----------
    error : float array, (…, sample)
        Predicted minus measured, which of a censored sample is its limit.
    censored : int array, (sample,)
        `BELOW` or `ABOVE` the limit, or zero.

    Returns
    -------
    float array, (…, sample)
        In the unit of `error`.
    """
    error = np.where(censored == BELOW, np.maximum(error, 0.0), error)
    return np.where(censored == ABOVE, np.minimum(error, 0.0), error)
