"""The inputs of a simulation: what is constant, what an influent gives, what cycles and noise make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.cycle import Cycle

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InputSeries", "assemble_inputs", "sample_of_phases"]

SAMPLE = 1.0 / 96.0
"""Interval at which results are recorded [d]: 15 min."""
FINER = (5.0 / 1440.0, 1.0 / 1440.0)
"""Intervals at which they are recorded where phases would fall between those of 15 min [d]."""
NOISE = 1.0 / 1440.0
"""Interval at which the noise of sensors changes [d]: 1 min."""
SAME = 1e-7
"""Times that differ by less than this [d] are one."""


@dataclass(frozen=True)
class InputSeries:
    """Inputs over time, with jumps at the times only.

    Attributes
    ----------
    times : ndarray, shape (k + 1,)
        Ascending times [d].
    begin : ndarray, shape (k, m)
        Inputs at the begin of each interval between them.
    end : ndarray or None, shape (k, m)
        Inputs at its end, with straight lines between; None where they are held.
    sample : float
        Interval at which results are recorded [d].
    """

    times: np.ndarray
    begin: np.ndarray
    end: np.ndarray | None
    sample: float = SAMPLE

    @property
    def sampled(self) -> np.ndarray:
        """The times at which results are recorded, by their index."""
        share = self.times / self.sample
        return np.flatnonzero(np.abs(share - np.round(share)) < SAME / self.sample)

    def until(self, last: int) -> InputSeries:
        """Return the inputs up to a time by its index."""
        end = None if self.end is None else self.end[:last]
        return InputSeries(self.times[: last + 1], self.begin[:last], end, self.sample)

    def at(self, index: np.ndarray) -> np.ndarray:
        """Return the inputs at times by their index, as they are from there on, ``(len(index), m)``."""
        last = len(self.begin) - 1
        found = self.begin[np.minimum(index, last)]
        if self.end is not None and index[-1] > last:
            found = np.vstack([found[:-1], self.end[-1:]])
        return np.asarray(found)

    @property
    def mean(self) -> np.ndarray:
        """Means over time, ``(m,)``."""
        middle = self.begin if self.end is None else (self.begin + self.end) / 2
        weights = np.diff(self.times)
        return np.asarray(weights @ middle / weights.sum())


def sample_of_phases(cycles: Sequence[Cycle]) -> float:
    """Return the interval at which a simulation with time tables is recorded, so that its means hold every phase.

    A value counts until the next: a phase of 10 min would count for 15 min or not at all, in every cycle anew.

    Parameters
    ----------
    cycles : sequence of Cycle
        The time tables of all cases.

    Returns
    -------
    float
        15 min; less where phases do not begin at whole quarters of an hour, or where something measured may end them
        [d].
    """
    durations = np.array([phase.duration for cycle in cycles for phase in cycle.phases])
    known = not any(cycle.states for cycle in cycles)
    fitting = [s for s in (SAMPLE, *FINER) if (np.abs(durations - s * np.round(durations / s)) < SAME).all()]
    return next((s for s in fitting if known or s < SAMPLE), FINER[-1])


def assemble_inputs(
    plant: Plant,
    days: float,
    influent: pd.DataFrame | None = None,
    *,
    held: bool = True,
    seed: int | None = None,
    more_times: Sequence[float] = (),
    sample: float = SAMPLE,
) -> InputSeries:
    """Put together the inputs of a simulation from time zero on.

    Parameters
    ----------
    plant : Plant
        The plant; its constants are used, and its cycles, from their first phase on, but for those that the influent
        gives.
    days : float
        How long [d].
    influent : DataFrame, optional
        ``time`` [d], and inputs by name in internal units: ``Q_in``, ``T``, ``influent.COMPONENT`` and any other.
    held : bool
        Whether samples of the influent are held until the next, or straight lines run between them.
    seed : int, optional
        Seed of the sensors' noise; without it there is none.
    more_times : sequence of float
        Times at which inputs will be made to jump [d].
    sample : float
        Interval at which results are recorded [d].

    Returns
    -------
    InputSeries
        Its times hold every value of the influent, every phase of a cycle, and every time that is recorded.

    Raises
    ------
    InputError
        When the influent does not cover the time, or names what is no input.
    """
    noisy = seed is not None and bool(plant.inputs.of_kind("noise"))
    grids = [np.arange(0.0, days, NOISE if noisy else sample), np.array([days]), np.asarray(more_times, dtype=float)]
    given = set() if influent is None else set(influent.columns)
    known = [cycle for cycle in plant.layout.cycles if not (cycle.states or given.issuperset(cycle.inputs))]
    grids += [cycle.edges(days) for cycle in known]
    if influent is not None:
        grids.append(influent["time"].to_numpy())
    times = np.sort(np.concatenate(grids))
    times = times[(times >= 0) & (times <= days)]
    times = times[np.concatenate([[True], np.diff(times) > SAME])]
    times[-1] = days
    constants = np.array([plant.layout.constants.get(spec.name, np.nan) for spec in plant.inputs])
    begin = np.tile(constants, (len(times) - 1, 1))
    end = None if held or influent is None else begin.copy()
    if influent is not None:
        _add_influent(plant, influent, times, begin, end)
    for cycle in known:
        for name in cycle.inputs:
            values = cycle.values(name, times[:-1])
            for array in (begin, end):
                if array is not None:
                    array[:, plant.input_index[name]] = values
    if noisy:
        random = np.random.default_rng(seed)
        minute = np.floor(times[:-1] / NOISE + SAME).astype(int)
        spread = {c.name: c.sensor.noise for c in plant.layout.controllers}
        for spec in plant.inputs.of_kind("noise"):
            noise = random.normal(0.0, spread[spec.owner], minute[-1] + 1)[minute]
            for array in (begin, end):
                if array is not None:
                    array[:, plant.input_index[spec.name]] = noise
    return InputSeries(times, begin, end, sample)


def _add_influent(
    plant: Plant, influent: pd.DataFrame, times: np.ndarray, begin: np.ndarray, end: np.ndarray | None
) -> None:
    given = influent["time"].to_numpy()
    if given[0] > SAME or given[-1] + SAMPLE + SAME < times[-1]:
        raise InputError(
            f"the influent covers {given[0]:.4g} to {given[-1]:.4g} d",
            expected=f"samples from 0 to {times[-1]:.4g} d",
            fix="simulate fewer days, or give a longer influent",
        )
    for name in influent.columns.drop("time"):
        if name not in plant.input_index:
            raise InputError(f"the influent has a column {name!r}, which is no input of the plant")
        values, k = influent[name].to_numpy(dtype=float), plant.input_index[name]
        if end is None:
            begin[:, k] = values[np.maximum(np.searchsorted(given, times[:-1] + SAME, side="right") - 1, 0)]
        else:
            begin[:, k], end[:, k] = np.interp(times[:-1], given, values), np.interp(times[1:], given, values)
