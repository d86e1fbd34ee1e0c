"""A scenario: what is changed, where and when."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError, model_validator

from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.plant import InputSpec
from asm_hybrid.units import parse_quantity
from asm_hybrid.yamlfile import YamlDocument, load_yaml

__all__ = ["Change", "Scenario", "ScenarioFile", "apply_changes", "change_texts", "load_scenario", "moment"]

TEMPERATURE = (-5.0, 60.0)
"""Lowest and highest water temperature [degC], as in a config."""

Moment = Annotated[str, Field(description="A time such as 2021-07-01 or 2021-07-01 06:00, in the time zone given.")]


class PeriodSection(Section):
    """From when to when."""

    start: Moment | None = Field(default=None, description="Start; the start of the test block without it.")
    end: Moment | None = Field(default=None, description="End; the end of the test block without it.")


class Change(Section):
    """One change of an input: exactly one of scale, shift, set."""

    input: str = Field(
        description="Q_in, T, return_sludge, wastage, recycle.NAME, TANK.kla, TANK.COMPONENT (imposed), "
        "influent.COMPONENT; * stands for anything; load for every pollutant of the influent."
    )
    scale: float | None = Field(default=None, ge=0, description="Factor.")
    shift: float | None = Field(default=None, description="Difference, in the unit of the model.")
    set: float | str | None = Field(default=None, description="Value, in the unit of the model or with a unit.")
    start: Moment | None = Field(default=None, description="Start of this change; that of the period without it.")
    end: Moment | None = Field(default=None, description="End of this change; that of the period without it.")

    @model_validator(mode="after")
    def _one_way(self) -> Change:
        given = [n for n in ("scale", "shift", "set") if getattr(self, n) is not None]
        if len(given) != 1:
            raise refuse(f"the change has {' and '.join(given) or 'no effect'}", "exactly one of scale, shift and set")
        return self


class ScenarioFile(Section):
    """A scenario as the user writes it."""

    name: str = Field(
        default="scenario",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Name, which titles plot and table and names the folder of the result.",
    )
    zone: str = Field(default="UTC", description="Time zone of the times in this file.")
    period: PeriodSection = Field(default=PeriodSection(), description="What is simulated and compared.")
    changes: Annotated[tuple[Change, ...], Field(strict=False, min_length=1)] = Field(
        description="The changes, applied one after the other."
    )


@dataclass(frozen=True)
class Scenario:
    """A scenario and the file it came from."""

    content: ScenarioFile
    document: YamlDocument


def load_scenario(path: str | Path) -> Scenario:
    """Read and check a scenario file.

    Raises
    ------
    InputError
        With file, line and key.
    """
    document = load_yaml(path)
    try:
        return Scenario(ScenarioFile.model_validate(document.data), document)
    except ValidationError as error:
        raise input_error(error, ScenarioFile, document) from None


def moment(scenario: Scenario, text: str, *keys: str | int) -> pd.Timestamp:
    """Return a time of the file in UTC.

    Raises
    ------
    InputError
        When the text is not an ISO time or the zone is unknown.
    """
    try:
        stamp = pd.Timestamp(np.datetime64(text))
        return stamp.tz_localize(scenario.content.zone).tz_convert("UTC")
    except (ValueError, KeyError) as error:
        raise InputError(
            f"{text!r} in the zone {scenario.content.zone!r} is not a time ({error})",
            where=scenario.document.where(*keys),
            expected="an ISO time such as 2021-07-01 06:00 and a zone such as Europe/Amsterdam",
        ) from None


def apply_changes(
    scenario: Scenario,
    specs: Sequence[InputSpec],
    pollutants: Sequence[str],
    times: pd.DatetimeIndex,
    inputs: np.ndarray,
    period: tuple[pd.Timestamp, pd.Timestamp],
    *,
    linear: bool = True,
) -> np.ndarray:
    """Return the changed inputs.

    Parameters
    ----------
    scenario : Scenario
        The changes.
    specs : sequence of InputSpec
        Names and units of the inputs.
    pollutants : sequence of str
        What ``load`` stands for.
    times : DatetimeIndex, shape (knot,)
        Times of the knots, UTC.
    inputs : ndarray, shape (knot, input)
        The base case; not changed.
    period : tuple of Timestamp
        Start and end of the scenario, UTC.
    linear : bool
        Whether inputs run straight from knot to knot. The first knot that changes is then the one after the start,
        so that nothing differs before it; without, it is the one at the start.

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
    for i in range(len(scenario.content.changes)):
        inside = _knots(scenario, i, times, period, linear)
        for name in _chosen(scenario, i, names, pollutants):
            k = names.index(name)
            changed[inside, k] = _changed(scenario, i, changed[inside, k], specs[k])
    _check_water(scenario, names, times, inputs, changed)
    return changed


def change_texts(scenario: Scenario, specs: Sequence[InputSpec], pollutants: Sequence[str]) -> tuple[str, ...]:
    """Return every change in a few words, such as ``load × 1.3``."""
    units = {s.name: s.unit for s in specs}
    texts = []
    for i, change in enumerate(scenario.content.changes):
        unit = units[_chosen(scenario, i, list(units), pollutants)[0]]
        if change.scale is not None:
            text = f"{change.input} × {change.scale:g}"
        elif change.shift is not None:
            text = f"{change.input} {'−' if change.shift < 0 else '+'} {abs(change.shift):g} {unit}"
        else:
            given = str(change.set) if isinstance(change.set, str) else f"{change.set:g}"
            text = f"{change.input} = {given}" + ("" if given[-1:].isalpha() else f" {unit}")
        text += f" from {change.start}" if change.start else ""
        text += f" until {change.end}" if change.end else ""
        texts.append(text)
    return tuple(texts)


def _chosen(scenario: Scenario, i: int, names: Sequence[str], pollutants: Sequence[str]) -> list[str]:
    """Return the inputs that a change names."""
    wanted = scenario.content.changes[i].input
    chosen = list(pollutants) if wanted == "load" else [n for n in names if fnmatch.fnmatchcase(n, wanted)]
    if not chosen:
        raise InputError(
            f"the plant has no input {wanted!r}",
            where=scenario.document.where("changes", i, "input"),
            expected="load, or one of " + ", ".join(names),
            fix=nearest(wanted, ["load", *names]),
        )
    return chosen


def _knots(
    scenario: Scenario, i: int, times: pd.DatetimeIndex, period: tuple[pd.Timestamp, pd.Timestamp], linear: bool
) -> np.ndarray:
    """Return which knots a change reaches."""
    change = scenario.content.changes[i]
    start = moment(scenario, change.start, "changes", i, "start") if change.start else period[0]
    end = moment(scenario, change.end, "changes", i, "end") if change.end else period[1]
    where = scenario.document.where("changes", i, "start" if change.start else "end")
    if start >= end:
        raise InputError(
            f"the change of {change.input!r} ends before it starts: from {start:%Y-%m-%d %H:%M} to "
            f"{end:%Y-%m-%d %H:%M} UTC",
            where=where,
            expected="a start before the end; without its own, a change has those of the period",
        )
    inside = np.asarray(((times > start) if linear else (times >= start)) & (times <= end))
    if start >= period[1] or not inside.any():
        raise InputError(
            f"the change of {change.input!r} covers no part of the record up to the end of the period",
            where=where,
            expected=f"a time from {times[0]:%Y-%m-%d %H:%M} to {period[1]:%Y-%m-%d %H:%M} UTC",
        )
    return inside


def _changed(scenario: Scenario, i: int, values: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Return the changed values of one input."""
    change = scenario.content.changes[i]
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
                where=scenario.document.where("changes", i, key),
                expected=error.expected,
                fix=error.fix,
            ) from None
    low, high = TEMPERATURE if spec.name == "T" else (0.0, np.inf)
    if found.min() < low or found.max() > high:
        worst = found.min() if found.min() < low else found.max()
        raise InputError(
            f"the change makes {spec.name} {'negative' if low == 0 else 'impossible'}: {worst:.4g} {spec.unit}",
            where=scenario.document.where("changes", i, key),
            expected=f"{low:g} {spec.unit} or above" + (f", up to {high:g}" if np.isfinite(high) else ""),
            fix="use a smaller change",
        )
    return found


def _check_water(
    scenario: Scenario, names: list[str], times: pd.DatetimeIndex, inputs: np.ndarray, changed: np.ndarray
) -> None:
    q, w = names.index("Q_in"), names.index("wastage")
    lacking = (changed[:, q] < changed[:, w]) & (changed != inputs).any(axis=1)
    if lacking.any():
        k = int(np.argmax(lacking))
        named = [i for i, c in enumerate(scenario.content.changes) if fnmatch.fnmatchcase("wastage", c.input)]
        where = scenario.document.where("changes", named[-1], "input") if named else scenario.document.where("changes")
        raise InputError(
            "more sludge is wasted than water comes in, so that the effluent would flow backwards: "
            f"{changed[k, w]:.4g} of {changed[k, q]:.4g} m3/d at {times[k]:%Y-%m-%d %H:%M} UTC",
            where=where,
            expected="wastage below Q_in at all times",
            fix="waste less, or scale Q_in less",
        )
