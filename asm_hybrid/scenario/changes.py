"""From the changes of a scenario to changed inputs."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from asm_hybrid.data.unusual import unusual
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.plant import InputSpec, Plant
from asm_hybrid.scenario.definition import Change, NamedChanges, Scenario
from asm_hybrid.scenario.influent_shares import FRACTION, InfluentShares
from asm_hybrid.scenario.simulation_inputs import InputSeries
from asm_hybrid.units import parse_quantity

__all__ = [
    "SAME",
    "Clock",
    "DayClock",
    "Knots",
    "StampClock",
    "apply_changes",
    "change_texts",
    "unusual_changes",
]

SAME = 1e-7
"""Times that differ by less than this [d] are one."""
TEMPERATURE = (-5.0, 60.0)
"""Lowest and highest water temperature [degC], as in a config."""


class Clock(Protocol):
    """How a scenario file writes times, which are days from the first knot inside.

    Attributes
    ----------
    read, show : callable
        From a time of the file to days, and from days to words.
    """

    def read(self, scenario: Scenario, text: str | float, *keys: str | int) -> float:
        """Return a time of the file [d]."""

    def show(self, days: float) -> str:
        """Return a time in words."""


@dataclass(frozen=True)
class StampClock:
    """Times are stamps, in the zone of the scenario.

    Attributes
    ----------
    origin : Timestamp
        Time zero, UTC.
    zone : str
        The zone in which times are shown.
    """

    origin: pd.Timestamp
    zone: str = "UTC"

    def read(self, scenario: Scenario, text: str | float, *keys: str | int) -> float:
        """Return a time of the file [d].

        Raises
        ------
        InputError
            When the text is not an ISO time or the zone is unknown.
        """
        try:
            if not isinstance(text, str):
                raise ValueError("a number")
            stamp = pd.Timestamp(np.datetime64(text))
            stamp = stamp.tz_localize(scenario.content.zone).tz_convert("UTC")
        except (ValueError, KeyError) as error:
            raise InputError(
                f"{text!r} in the zone {scenario.content.zone!r} is not a time ({error})",
                where=scenario.document.where(*keys),
                expected="an ISO time such as 2021-07-01 06:00 and a zone such as Europe/Amsterdam",
            ) from None
        return float((stamp - self.origin) / pd.Timedelta(days=1))

    def show(self, days: float) -> str:
        """Return a time in words."""
        stamp = (self.origin + pd.Timedelta(days=days)).round("s").tz_convert(self.zone)
        return f"{stamp:%Y-%m-%d %H:%M} {'UTC' if self.zone == 'UTC' else stamp.strftime('%z')}"


@dataclass(frozen=True)
class DayClock:
    """Times are days from the start of the simulation.

    Attributes
    ----------
    read, show : callable
        As in `Clock`.
    """

    def read(self, scenario: Scenario, text: str | float, *keys: str | int) -> float:
        """Return a time of the file [d].

        Raises
        ------
        InputError
            When it is no time span.
        """
        try:
            return parse_quantity(text, "d")
        except InputError as error:
            raise InputError(
                error.found,
                where=scenario.document.where(*keys),
                expected="days from the start of the simulation, such as 7 or '7 d' or '36 h'",
                fix=error.fix,
            ) from None

    def show(self, days: float) -> str:
        """Return a time in words."""
        return f"day {days:.6g}"


@dataclass(frozen=True)
class Knots:
    """Times at which inputs are given, and what of them a scenario changes.

    Attributes
    ----------
    times : ndarray, shape (knot,)
        The times [d].
    period : tuple of float
        Start and end of the scenario [d].
    clock : Clock
        How the file writes times.
    """

    times: np.ndarray
    period: tuple[float, float]
    clock: Clock

    def reached(self, scenario: Scenario, case: NamedChanges, i: int) -> np.ndarray:
        """Return at which times a change of a case acts, ``(knot,)``: from its start up to, not including, its end."""
        change, times, clock = case.changes[i], self.times, self.clock
        keys: tuple[str | int, ...] = (*case.keys, i)
        start = clock.read(scenario, change.start, *keys, "start") if change.start is not None else self.period[0]
        end = clock.read(scenario, change.end, *keys, "end") if change.end is not None else self.period[1]
        where = scenario.document.where(*keys, "start" if change.start is not None else "end")
        if start >= end:
            raise InputError(
                f"the change of {change.input!r} ends before it starts: from {clock.show(start)} to {clock.show(end)}",
                where=where,
                expected="a start before the end; without its own, a change has those of the period",
            )
        inside = np.asarray((times >= start - SAME) & (times < end - SAME))
        if start >= self.period[1] or not inside.any():
            raise InputError(
                f"the change of {change.input!r} covers no part of the record up to the end of the period",
                where=where,
                expected=f"a time from {clock.show(times[0])} to {clock.show(self.period[1])}",
            )
        return inside


def apply_changes(
    scenario: Scenario,
    case: NamedChanges,
    specs: Sequence[InputSpec],
    pollutants: Sequence[str],
    knots: Knots,
    inputs: np.ndarray,
    shares: InfluentShares | None = None,
) -> np.ndarray:
    """Return the changed inputs.

    Parameters
    ----------
    scenario : Scenario
        The file.
    case : NamedChanges
        The changes.
    specs : sequence of InputSpec
        Names and units of the inputs.
    pollutants : sequence of str
        What ``load`` stands for.
    knots : Knots
        Where changes act.
    inputs : ndarray, shape (knot, input)
        The base case; not changed.
    shares : InfluentShares, optional
        What ``fraction.COMPONENT`` stands for.

    Returns
    -------
    ndarray, shape (knot, input)

    Raises
    ------
    InputError
        For an input the plant does not have, a time outside of the period, or a result that cannot be.
    """
    changed = inputs.copy()
    names = [s.name for s in specs]
    for i, change in enumerate(case.changes):
        inside = knots.reached(scenario, case, i)
        if shares is not None and change.input.startswith(FRACTION):
            changed[inside] = _made_up(scenario, (*case.keys, i), change, changed[inside], names, shares)
            continue
        for name in _chosen(scenario, case, i, names, pollutants):
            k = names.index(name)
            changed[inside, k] = _changed(scenario, (*case.keys, i), change, changed[inside, k], specs[k])
    return changed


def change_texts(
    scenario: Scenario, case: NamedChanges, specs: Sequence[InputSpec], pollutants: Sequence[str]
) -> tuple[str, ...]:
    """Return every change of a scenario in a few words.

    Parameters
    ----------
    scenario : Scenario
        The scenario file.
    case : NamedChanges
        The scenario in it.
    specs : sequence of InputSpec
        Inputs of the plant.
    pollutants : sequence of str
        The inputs that ``load`` stands for.

    Returns
    -------
    tuple of str
        One a change, such as ``load × 1.3``, in the unit of the first input that it names.
    """
    units = {s.name: s.unit for s in specs}
    texts = []
    for i, change in enumerate(case.changes):
        part = change.input.startswith(FRACTION)
        unit = "-" if part else units[_chosen(scenario, case, i, list(units), pollutants)[0]]
        if change.scale is not None:
            text = f"{change.input} × {change.scale:g}"
        elif change.shift is not None:
            text = f"{change.input} {'−' if change.shift < 0 else '+'} {abs(change.shift):g} {unit}"
        else:
            text = f"{change.input} = {_with_unit(change.set, unit)}"
        for word, moment in (("from", change.start), ("until", change.end)):
            if moment is not None:
                text += f" {word} {moment}" if isinstance(moment, str) else f" {word} day {moment:g}"
        texts.append(text)
    return tuple(texts)


def unusual_changes(plant: Plant, base: InputSeries, changed: InputSeries) -> tuple[str, ...]:
    """Return a sentence for every input that changes bring outside what is usual, and that was not there before.

    Parameters
    ----------
    plant : Plant
        The plant.
    base, changed : InputSeries
        The inputs of the base case, and the changed ones.

    Returns
    -------
    tuple of str
        Each sentence once.
    """
    found = []
    for k, spec in enumerate(plant.inputs):
        before, values = base.begin[:, k], changed.begin[:, k]
        for end, old in ((values.min(), before.min()), (values.max(), before.max())):
            doubt = None if end == old else unusual(spec.name, float(end), spec.unit)
            if doubt is not None:
                found.append(f"{doubt[0]} ({doubt[1]})")
    return tuple(dict.fromkeys(found))


def _made_up(
    scenario: Scenario,
    keys: tuple[str | int, ...],
    change: Change,
    values: np.ndarray,
    names: Sequence[str],
    shares: InfluentShares,
) -> np.ndarray:
    """Return inputs with another make-up of the influent."""

    def wanted(before: np.ndarray) -> np.ndarray:
        if change.scale is not None:
            return before * change.scale
        if change.shift is not None:
            return before + change.shift
        return np.full_like(before, parse_quantity(change.set if change.set is not None else 0.0, "-"))

    key = next(k for k in ("scale", "shift", "set") if getattr(change, k) is not None)
    try:
        return shares.changed(change.input, values, names, wanted)
    except InputError as error:
        where = scenario.document.where(*keys, "input" if error.found.startswith("there is no share") else key)
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None


def _with_unit(value: float | str | None, unit: str) -> str:
    """Return a value with its unit; `unit` is that of a plain number."""
    try:
        return f"{float(value or 0.0):g} {unit}"
    except ValueError:
        return str(value)


def _chosen(
    scenario: Scenario, case: NamedChanges, i: int, names: Sequence[str], pollutants: Sequence[str]
) -> list[str]:
    """Return the inputs that a change names."""
    wanted = case.changes[i].input
    chosen = list(pollutants) if wanted == "load" else [n for n in names if fnmatch.fnmatchcase(n, wanted)]
    if not chosen:
        raise InputError(
            f"the plant has no input {wanted!r}",
            where=scenario.document.where(*case.keys, i, "input"),
            expected="load, or one of " + ", ".join(names),
            fix=nearest(wanted, ["load", *names]),
        )
    return chosen


def _changed(
    scenario: Scenario, keys: tuple[str | int, ...], change: Change, values: np.ndarray, spec: InputSpec
) -> np.ndarray:
    """Return the changed values of one input."""
    if change.scale is not None:
        key, found = "scale", values * change.scale
    elif change.shift is not None:
        key, found = "shift", values + change.shift
    else:
        key = "set"
        try:
            found = np.full_like(values, parse_quantity(change.set if change.set is not None else 0.0, spec.unit))
        except InputError as error:
            raise InputError(
                f"{spec.name}: {error.found}",
                where=scenario.document.where(*keys, key),
                expected=error.expected,
                fix=error.fix,
            ) from None
    low, high = TEMPERATURE if spec.name == "T" else (0.0, np.inf)
    if found.min() < low or found.max() > high:
        worst = found.min() if found.min() < low else found.max()
        raise InputError(
            f"the change makes {spec.name} {'negative' if low == 0 else 'impossible'}: {worst:.4g} {spec.unit}",
            where=scenario.document.where(*keys, key),
            expected=f"{low:g} {spec.unit} or above" + (f", up to {high:g}" if np.isfinite(high) else ""),
            fix="use a smaller change",
        )
    return found
