"""How far apart the samples of a series are."""

from __future__ import annotations

import numpy as np

__all__ = ["usual_distance"]

USUAL = 0.9
"""Share of the distances that are not above the usual one [-]."""


def usual_distance(times: np.ndarray) -> float:
    """Return the distance of two samples that nine of ten do not exceed.

    Where samples come in bursts, their median is the distance within a burst, though most of the time lies between
    bursts. Outages are few, however long, and do not count.

    Parameters
    ----------
    times : ndarray, shape (sample,)
        Sorted times.

    Returns
    -------
    float
        In the unit of the times; zero where there are fewer than two.
    """
    return float(np.quantile(np.diff(times), USUAL, method="lower")) if len(times) > 1 else 0.0
