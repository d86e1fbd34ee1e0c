"""What was found wrong in a record, and accepted: the true value is the recorded one times a factor, plus an offset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asm_hybrid.config import Config, correction_values, input_groups
from asm_hybrid.config.builders.correction_values import correction_units
from asm_hybrid.data.dataset import Dataset, Observation
from asm_hybrid.data.findings import QualityFinding
from asm_hybrid.data.knots import TOLERANCE, interpolate
from asm_hybrid.data.unusual import unusual
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = [
    "CORRECTION",
    "Corrections",
    "build_corrections",
    "correction_findings",
    "correction_texts",
    "input_groups",
]

Values = NDArray[np.float64]

CORRECTION = "correction"
"""Kind of findings about corrections."""
FACTORS = (0.2, 5.0)
"""Factors on a record that a fault of a meter or of a laboratory explains [-]."""
LATE = 1.0
"""Longest shift that a clock, a summer time or the way through a sewer explains [d]."""
LOST = 0.05
"""Share of values that a correction brings to zero or below from which on it is told [-]."""


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

    def bridged(self, filled: NDArray[np.bool_], plant_inputs: PlantInputs, interval: float) -> NDArray[np.bool_]:
        """Return where the true inputs are not known from records.

        Parameters
        ----------
        filled : bool array, (knot, input)
            Where the recorded inputs are not known.
        plant_inputs : PlantInputs
            The inputs of the plant.
        interval : float
            Distance of the knots [d].

        Returns
        -------
        bool array, (knot, input)
            True also where a shift holds the first value or the last one.
        """
        times = np.arange(len(filled)) * interval
        out = filled.copy()
        for name, shift in self.shifts.items():
            i, moved = plant_inputs.positions[name], times - shift
            held = (moved < -TOLERANCE) | (moved > times[-1] + TOLERANCE)
            out[:, i] = held | (np.interp(moved, times, filled[:, i]) > TOLERANCE)
        return out

    def suspected(self, findings: Iterable[QualityFinding]) -> list[QualityFinding]:
        """Return findings about inputs; what is corrected may be their cause.

        Parameters
        ----------
        findings : iterable of QualityFinding
            About the true inputs.

        Returns
        -------
        list of QualityFinding
        """
        more = "; or correct the section corrections: these are flows as it makes them"
        return [replace(f, fix=f.fix + more) if self.factors or self.shifts or self.offsets else f for f in findings]

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


def correction_texts(config: Config, table: Table, layout: Layout) -> tuple[str, ...]:
    """Return the corrections that a config accepts, in words.

    Parameters
    ----------
    config, table, layout
        See `build_corrections`.

    Returns
    -------
    tuple of str
        One a correction, such as ``wastage × 1.75``, in the order of the config.
    """
    section, found = config.corrections, build_corrections(config, table, layout)
    units = correction_units(config, table, layout)

    def plus(name: str, amount: float) -> str:
        return f"{name} {'−' if amount < 0 else '+'} {abs(amount):.4g} {units[name]}"

    return (
        *(f"{name} × {factor:.4g}" for name, factor in section.factors.items()),
        *(f"{name} {24 * abs(t):.4g} h {'earlier' if t < 0 else 'later'}" for name, t in section.shifts.items()),
        *(plus(name, found.offsets[name]) for name in section.offsets),
        *(f"{plus(name, found.drifts[name])}/d since the begin of the record" for name in section.drifts),
    )


def correction_findings(
    config: Config, corrections: Corrections, recorded: Iterable[Observation], dataset: Dataset
) -> list[QualityFinding]:
    """Return warnings about corrections that no fault of a record explains, and about what they do to it.

    Parameters
    ----------
    config : Config
        The config.
    corrections : Corrections
        What it accepts.
    recorded : iterable of Observation
        The measurements as they are recorded.
    dataset : Dataset
        The corrected record.

    Returns
    -------
    list of QualityFinding
        Of the kind `CORRECTION`.
    """
    section = config.corrections
    inputs = dict(zip(dataset.input_names, dataset.inputs.T, strict=True))
    units = dict(zip(dataset.input_names, dataset.input_units, strict=True))
    series = {o.label: (o.values, true.values) for o, true in zip(recorded, dataset.observations, strict=True)}
    doubts: list[tuple[str, str, str, str]] = []
    low, high = FACTORS
    for name, factor in section.factors.items():
        if not low <= factor <= high:
            doubts.append(("factors", name, f"the factor of {name} is {factor:g}", f"{low:g} to {high:g}"))
    for name, shift in section.shifts.items():
        if abs(shift) > LATE:
            doubts.append(("shifts", name, f"{name} is shifted by {24 * shift:g} h", f"at most {24 * LATE:g} h"))
    for name in (n for n in section.offsets if n in inputs):
        doubts += [("offsets", name, *doubt) for doubt in _odd_input(name, corrections, inputs[name], units[name])]
    for kind, given in (("offsets", section.offsets), ("drifts", section.drifts)):
        for name in (n for n in given if n in series and series[n][0].size):
            doubts += [(kind, name, *doubt) for doubt in _odd_measurement(name, *series[name])]
    fix = "check value and unit; it is used as it is"
    return [
        QualityFinding("warning", config.where("corrections", kind, name), "", "", CORRECTION, message, expected, fix)
        for kind, name, message, expected in doubts
    ]


def _odd_input(name: str, corrections: Corrections, values: Values, unit: str) -> Iterator[tuple[str, str]]:
    """Yield what is odd about an input with an offset, and what would not be."""
    offset, lost = corrections.offsets[name], float(np.mean(values <= 0))
    if offset < 0 and name != "T" and lost >= LOST:
        yield (
            f"the offset leaves {name} at zero in {100 * lost:.3g} % of the time",
            "an offset below most of its values",
        )
    if name != "T" and offset > values.max() / 2:
        yield f"the offset of {name} exceeds all that is recorded", "an offset below the largest value"
    odd = next((odd for value in (values.min(), values.max()) if (odd := unusual(name, float(value), unit))), None)
    if odd is not None:
        yield f"corrected, {odd[0]}", odd[1]


def _odd_measurement(name: str, before: Values, after: Values) -> Iterator[tuple[str, str]]:
    """Yield what is odd about corrected measurements, and what would not be."""
    lost = float(np.mean((after < 0) & (before >= 0)))
    if np.abs(after - before).max() > np.abs(before).max():
        yield f"the correction of {name} exceeds all that is recorded", "a correction below the largest value"
    elif lost >= LOST:
        yield f"corrected, {100 * lost:.3g} % of the values of {name} are below zero", "a correction below most of them"
