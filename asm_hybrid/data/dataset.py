"""The plant's series, ready for simulation and learning: inputs on a grid, observations as sampled, blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.data.findings import QualityFinding

__all__ = ["Dataset", "Observation"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """One measured variable, as sampled.

    Attributes
    ----------
    label : str
        Header of its column.
    target : str
        ``TANK.NAME`` or ``effluent.NAME``, with a component or composite.
    times, values : float array, (sample,)
        Time [d] from the dataset's origin, of a composite the end of its period, and value in `unit`.
    noise : float
        Standard deviation of the sensor's error, in `unit`.
    unit : str
        Internal unit.
    rows : int array, (sample,)
        Row numbers in the file.
    censored : int array, (sample,)
        `BELOW` or `ABOVE` the limit that `values` holds (`asm_hybrid.data.censoring`), else zero.
    period : float
        Length of a composite's period [d]; zero for samples of a moment.
    flow : float array, (knot,), or None
        Flow at the knots [m3/d] by which a composite weighs its period; None where it weighs by time.
    """

    label: str
    target: str
    times: Values
    values: Values
    noise: float
    unit: str
    rows: NDArray[np.int64]
    censored: NDArray[np.int8]
    period: float = 0.0
    flow: Values | None = None

    def error(self, predicted: Values) -> Values:
        """Return predicted minus measured, ``(…, sample)``; zero where both lie beyond a limit of the sensor."""
        return censored_error(predicted - self.values, self.censored)


@dataclass(frozen=True)
class Dataset:
    """Inputs on a uniform grid, observations as sampled, blocks in time.

    Attributes
    ----------
    origin : Timestamp
        Time zero, UTC.
    interval : float
        Distance between knots [d].
    zone : str
        Time zone of the sources when they share one, UTC otherwise: for hours of the day.
    input_names, input_units : tuple of str
        The plant's input vector, in its order.
    times : float array, (knot,)
        Times of the knots [d].
    inputs : float array, (knot, input)
        Inputs in internal units, complete.
    input_filled : bool array, (knot, input)
        True where a knot lies in a gap of more than four median sampling intervals.
    observations : tuple of Observation
        The measured variables.
    blocks : mapping of str to (float, float)
        Begin and end [d] of calibrate, train, validate, test; a record that ends before its test block has none.
    quality : tuple of QualityFinding
        What the checks found.
    fingerprint : tuple of dict
        Of every file: file, sha256, rows, columns, first, last.
    """

    origin: pd.Timestamp
    interval: float
    zone: str
    input_names: tuple[str, ...]
    input_units: tuple[str, ...]
    times: Values = field(repr=False)
    inputs: Values = field(repr=False)
    input_filled: NDArray[np.bool_] = field(repr=False)
    observations: tuple[Observation, ...] = field(repr=False)
    blocks: Mapping[str, tuple[float, float]]
    quality: tuple[QualityFinding, ...] = field(repr=False)
    fingerprint: tuple[dict[str, Any], ...] = field(repr=False)

    @property
    def span(self) -> float:
        """Time from the first knot to the last [d]."""
        return float(self.times[-1])

    def to_stamp(self, days: float) -> pd.Timestamp:
        """Return a time [d] as a stamp in UTC, to the millisecond."""
        return (self.origin + pd.Timedelta(days=days)).round("ms")
