"""Whether a sensor is stuck: runs of one value, and spells in which an analyser hardly moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_frozen", "check_rest"]

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

FROZEN_TIME = 0.25
"""Shortest run of one value that counts as a frozen sensor [d]."""
FROZEN_TIME_T = 1.0
"""The same for temperature, which moves slowly and is logged coarsely [d]."""
FROZEN_SAMPLES = 12
"""Fewest samples in such a run."""
REST_TIME = 0.5
"""Time over which an analyser that rests hardly moves [d]."""
REST_SAMPLES = 6
"""Fewest samples in that time."""
REST_SHARE = 0.01
"""How little it moves, as a share of what it moves in such a time at the median [-]."""
FLOOR = 0.05
"""Share of the moving values that are the lowest: what rests there may well be at zero [-]."""

_FIX = "if the sensor was stuck, name the time under the column's 'exclude', or leave these cells empty"


def check_frozen(values: Values, days: Values, place: Place, *, temperature: bool = False) -> list[QualityFinding]:
    """Find runs of one value that are long, and far longer than runs usually are in this column.

    A column that holds such runs most of the time is a series with a base value, not a stuck sensor.

    Parameters
    ----------
    values, days : float array, (row,)
        The series, NaN where there is no value, and its times [d].
    place : Place
        File, header and row numbers.
    temperature : bool
        Whether it is a temperature.

    Returns
    -------
    list of QualityFinding
        At most one, of the kind ``frozen sensor``.
    """
    index = np.flatnonzero(~np.isnan(values))
    if index.size < FROZEN_SAMPLES:
        return []
    kept, time = values[index], days[index]
    begin = np.concatenate([[0], np.flatnonzero(np.diff(kept) != 0) + 1])
    end = np.concatenate([begin[1:], [kept.size]]) - 1
    count, length = end - begin + 1, time[end] - time[begin]
    usual = float(np.quantile(count, 0.95))
    shortest = FROZEN_TIME_T if temperature else FROZEN_TIME
    stuck = (count >= max(FROZEN_SAMPLES, 5 * usual)) & (length >= shortest)
    if not stuck.any() or count[stuck].sum() > 0.5 * kept.size:
        return []
    return [_finding(values, index, kept, begin[stuck], end[stuck], length[stuck], "of one value", place)]


def check_rest(values: Values, days: Values, place: Place) -> list[QualityFinding]:
    """Find spells in which an analyser moves by a hundredth of what it usually does, not at its lowest values.

    Such a signal still carries the last digits of noise, so that no value repeats.

    Parameters
    ----------
    values, days, place
        As for `check_frozen`.

    Returns
    -------
    list of QualityFinding
        At most one, of the kind ``frozen sensor``.
    """
    index = np.flatnonzero(~np.isnan(values))
    if index.size < FROZEN_SAMPLES:
        return []
    kept, time = values[index], days[index]
    series = pd.Series(kept, index=pd.to_timedelta(time, unit="D"))
    window = series.rolling(pd.Timedelta(days=REST_TIME), closed="both")
    moved, count = (window.max() - window.min()).to_numpy(), window.count().to_numpy()
    full = (count >= REST_SAMPLES) & (time - time[0] >= REST_TIME)
    if not full.any():
        return []
    still = full & (moved < REST_SHARE * np.median(moved[full]))
    resting = np.zeros(kept.size, dtype=bool)
    for last in np.flatnonzero(still):
        resting[np.searchsorted(time, time[last] - REST_TIME) : last + 1] = True
    edges = np.diff(np.concatenate([[0], resting.astype(np.int8), [0]]))
    begin, end = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    high = kept[end] > np.quantile(kept[~resting], FLOOR) if not resting.all() else np.zeros(begin.size, dtype=bool)
    begin, end = begin[high], end[high]
    if not begin.size:
        return []
    return [_finding(values, index, kept, begin, end, time[end] - time[begin], "without a movement", place)]


def _finding(
    values: Values,
    index: NDArray[np.intp],
    kept: Values,
    begin: NDArray[np.intp],
    end: NDArray[np.intp],
    length: Values,
    what: str,
    place: Place,
) -> QualityFinding:
    """Return the finding for runs of the values that are known, each from `begin` to `end`."""
    chosen = np.zeros(values.size, dtype=bool)
    for first, last in zip(begin, end, strict=True):
        chosen[index[first : last + 1]] = True
    worst = int(np.argmax(length))
    return place.finding(
        "warning",
        "frozen sensor",
        f"{begin.size} run{'s' if begin.size > 1 else ''} {what}, the longest {length[worst]:.1f} d at "
        f"{kept[begin[worst]]:g} {place.unit}",
        chosen,
        expected="a series that moves",
        fix=_FIX,
    )
