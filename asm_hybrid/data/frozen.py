"""Whether a sensor is stuck: runs of one value, and times in which an analyser hardly moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.findings import Place, QualityFinding

__all__ = ["check_frozen"]

Values = NDArray[np.float64]
Rows = NDArray[np.bool_]

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
MILLISECONDS = 86_400_000
"""Milliseconds of a day: in nanoseconds a stamp that is wrong by centuries cannot be told."""
FLOOR = 0.05
"""Share of the moving values that are the lowest: what rests there may well be at zero [-]."""


def check_frozen(
    values: Values, days: Values, place: Place, *, temperature: bool = False, analyser: bool = False
) -> list[QualityFinding]:
    """Find times in which a sensor does not move.

    Those are runs of one value that are long, and far longer than runs usually are in this column; a column that holds
    such runs most of the time is a series with a base value, not a stuck sensor. The signal of a stuck analyser may
    still carry the last digits of noise, so that no value repeats: it moves by less than a hundredth of what it usually
    does, and not at its lowest values.

    Parameters
    ----------
    values, days : float array, (row,)
        The series, NaN where there is no value, and its times [d].
    place : Place
        File, header and row numbers.
    temperature : bool
        Whether it is a temperature.
    analyser : bool
        Whether it measures a concentration that is compared with the model.

    Returns
    -------
    list of QualityFinding
        At most one, of the kind ``frozen sensor``.
    """
    index = np.flatnonzero(~np.isnan(values))
    if index.size < FROZEN_SAMPLES:
        return []
    kept, time = values[index], days[index]
    frozen = _repeats(kept, time, FROZEN_TIME_T if temperature else FROZEN_TIME)
    if analyser:
        frozen |= _rests(kept, time)
    begin, end = _runs(frozen)
    if not begin.size:
        return []
    chosen = np.zeros(values.size, dtype=bool)
    chosen[index[frozen]] = True
    length = time[end] - time[begin]
    worst = int(np.argmax(length))
    return [
        place.finding(
            "warning",
            "frozen sensor",
            f"{begin.size} run{'s' if begin.size > 1 else ''} without a movement, the longest {length[worst]:.1f} d at "
            f"{kept[begin[worst]]:g} {place.unit}",
            chosen,
            expected="a series that moves",
            fix="if the sensor was stuck, name the time under the column's 'exclude', or leave these cells empty",
        )
    ]


def _repeats(values: Values, time: Values, shortest: float) -> Rows:
    """Return which values belong to a long run of one value."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(values) != 0) + 1, [values.size]])
    count, length = np.diff(edges), time[edges[1:] - 1] - time[edges[:-1]]
    stuck = (count >= max(FROZEN_SAMPLES, 5 * float(np.quantile(count, 0.95)))) & (length >= shortest)
    if count[stuck].sum() > 0.5 * values.size:
        stuck[:] = False
    return np.repeat(stuck, count)


def _rests(values: Values, time: Values) -> Rows:
    """Return which values belong to a time in which an analyser hardly moves."""
    series = pd.Series(values, index=pd.to_timedelta(np.rint(time * MILLISECONDS).astype(np.int64), unit="ms"))
    window = series.rolling(pd.Timedelta(days=REST_TIME), closed="both")
    moved, count = (window.max() - window.min()).to_numpy(), window.count().to_numpy()
    full = (count >= REST_SAMPLES) & (time - time[0] >= REST_TIME)
    resting = np.zeros(values.size, dtype=bool)
    if not full.any():
        return resting
    for last in np.flatnonzero(full & (moved < REST_SHARE * np.median(moved[full]))):
        resting[np.searchsorted(time, time[last] - REST_TIME) : last + 1] = True
    if resting.any() and not resting.all():
        floor = np.quantile(values[~resting], FLOOR)
        for first, last in zip(*_runs(resting), strict=True):
            resting[first : last + 1] = values[last] > floor
    return resting


def _runs(chosen: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return first and last index of every run of what is chosen."""
    edges = np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
