"""Whether an oxygen sensor drifts: a moving floor, which nothing in a tank explains but a new set point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_drift"]

WEEK = 7.0
"""Length of the parts of a record that are compared [d]."""
ENOUGH = 50
"""Fewest samples of a week that is looked at."""


def check_drift(values: NDArray[np.float64], days: NDArray[np.float64], place: Place) -> list[QualityFinding]:
    """Look for weeks whose low values lie above the high ones of another.

    The floor of a week is the lowest tenth of its values, its ceiling the highest. A tank comes down to its usual floor
    whenever load is high or aeration rests, so that of two weeks that have no value in common, but for a few, one has
    another set point, or the zero of the sensor has moved.

    Parameters
    ----------
    values, days : float array, (row,)
        The series, NaN where there is no value, and its times [d].
    place : Place
        File, header and row numbers.

    Returns
    -------
    list of QualityFinding
        At most one, of the kind ``drift``.
    """
    known = ~np.isnan(values)
    week = np.floor((days - days[known].min(initial=np.inf)) / WEEK)
    weeks = [w for w in np.unique(week[known]) if (known & (week == w)).sum() >= ENOUGH]
    if len(weeks) < 2:
        return []
    floors, ceilings = np.array([np.quantile(values[known & (week == w)], [0.1, 0.9]) for w in weeks]).T
    above = floors > ceilings.min()
    if not above.any():
        return []
    return [
        place.finding(
            "warning",
            "drift",
            f"nine tenths of the values exceed {ceilings.min():.2g} {place.unit} in {above.sum()} of {len(weeks)} "
            f"weeks, and {floors.max():.2g} in one of them; in another week nine tenths do not",
            known & np.isin(week, np.array(weeks)[above]),
            expected="a sensor whose zero stays, since the model takes its values for the oxygen of the tank",
            fix="if no set point was changed, correct the series, or let a neighbouring sensor stand in for it",
        )
    ]
