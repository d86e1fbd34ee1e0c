"""What was found wrong in a record, and accepted: the true value is the recorded one times a factor, plus an offset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.config import Config, correction_values, input_groups
from asm_hybrid.data.dataset import Observation
from asm_hybrid.data.knots import interpolate
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = ["Corrections", "build_corrections", "input_groups"]

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Corrections:
    """Corrections of a record; without any, nothing changes.

    Attributes
    ----------
    factors : mapping of str to float
        By input [-].
    shifts : mapping of str to float
        By input: how much later than recorded the series is true [d].
    offsets : mapping of str to float
        By input, or by label of an observation, in its internal unit.
    drifts : mapping of str to float
        By label of an observation: what is added for every day since the begin of the record [internal unit per day].
    """

    factors: Mapping[str, float] = field(default_factory=dict)
    shifts: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[str, float] = field(default_factory=dict)
    drifts: Mapping[str, float] = field(default_factory=dict)

    def course(
        self, name: str, values: Values, interval: float, kind: Literal["linear", "previous"] = "linear"
    ) -> Values:
        """Return the true course of one input.

        Parameters
        ----------
        name : str
            The input.
        values : float array, (knot,)
            What is recorded, in its internal unit.
        interval : float
            Distance of the knots [d].
        kind : {'linear', 'previous'}
            How the input runs between its knots.

        Returns
        -------
        float array, (knot,)
            A shift holds the first value, or the last one, where nothing is recorded. What cannot be negative is not.
        """
        if name in self.shifts:
            times = np.arange(len(values), dtype=np.float64) * interval
            values = interpolate((times - self.shifts[name]).clip(0.0, times[-1]), times, values, kind)
        if name in self.factors:
            values = values * self.factors[name]
        if name in self.offsets:
            values = values + self.offsets[name]
            values = values if name == "T" else np.maximum(values, 0.0)
        return values

    def driven(
        self, u: Values, plant_inputs: PlantInputs, interval: float, kind: Literal["linear", "previous"] = "linear"
    ) -> Values:
        """Return the true inputs.

        Parameters
        ----------
        u : float array, (knot, input)
            What is recorded or constant, in internal units.
        plant_inputs : PlantInputs
            The inputs of the plant.
        interval : float
            Distance of the knots [d].
        kind : {'linear', 'previous'}
            How inputs run between their knots.

        Returns
        -------
        float array, (knot, input)
            A new array where something is corrected.
        """
        changed = [*self.factors, *self.shifts, *(name for name in self.offsets if name in plant_inputs.positions)]
        if not changed:
            return u
        out = u.copy()
        for name in dict.fromkeys(changed):
            i = plant_inputs.positions[name]
            out[:, i] = self.course(name, u[:, i], interval, kind)
        return out

    def observed(self, observations: Iterable[Observation], elapsed: float = 0.0) -> tuple[Observation, ...]:
        """Return the true measurements.

        Parameters
        ----------
        observations : iterable of Observation
            What is recorded.
        elapsed : float
            Time from the begin of the record to the zero of their times [d].

        Returns
        -------
        tuple of Observation
            A limit of detection moves as the values do. A composite has the drift of the middle of its period.
        """
        return tuple(self._true(one, elapsed) for one in observations)

    def _true(self, one: Observation, elapsed: float) -> Observation:
        if one.label not in self.offsets and one.label not in self.drifts:
            return one
        days = one.times - one.period / 2 + elapsed
        return replace(
            one, values=one.values + self.offsets.get(one.label, 0.0) + self.drifts.get(one.label, 0.0) * days
        )


def build_corrections(config: Config, table: Table, layout: Layout) -> Corrections:
    """Return the corrections that a config accepts.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    Corrections
        In internal units.

    Raises
    ------
    InputError
        If a name is unknown, or a unit does not fit; with file and line.
    """
    return Corrections(**correction_values(config, table, layout))
