"""A scenario: what is changed, where and when."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError, model_validator

from asm_hybrid.config import Section, input_error, refuse
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.plant import InputSpec
from asm_hybrid.units import parse_quantity
from asm_hybrid.yamlfile import YamlDocument, load_yaml

__all__ = ["Change", "Scenario", "ScenarioFile", "apply_changes", "load_scenario", "moment"]

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

    name: str = Field(default="scenario", description="Name, which titles plot and table.")
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

    Returns
    -------
    ndarray, shape (knot, input)

    Raises
    ------
    InputError
        For an input the plant does not have, or a result below zero.
    """
    changed = inputs.copy()
    names = [s.name for s in specs]
    for i, change in enumerate(scenario.content.changes):
        where = scenario.document.where("changes", i, "input")
        chosen = list(pollutants) if change.input == "load" else fnmatch.filter(names, change.input)
        if not chosen:
            raise InputError(
                f"the plant has no input {change.input!r}",
                where=where,
                expected="load, or one of " + ", ".join(names),
                fix=nearest(change.input, ["load", *names]),
            )
        start = moment(scenario, change.start, "changes", i, "start") if change.start else period[0]
        end = moment(scenario, change.end, "changes", i, "end") if change.end else period[1]
        inside = np.asarray((times >= start) & (times <= end))
        if not inside.any():
            raise InputError(
                f"the change of {change.input!r} covers no part of the record",
                where=where,
                expected=f"a time from {times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} UTC",
            )
        for name in chosen:
            k = names.index(name)
            changed[inside, k] = _changed(change, changed[inside, k], specs[k].unit)
            if name != "T" and changed[inside, k].min() < 0:
                raise InputError(f"the change makes {name} negative", where=where, fix="use a smaller shift")
    _check_water(changed, names, scenario)
    return changed


def _changed(change: Change, values: np.ndarray, unit: str) -> Any:
    if change.scale is not None:
        return values * change.scale
    if change.shift is not None:
        return values + change.shift
    return parse_quantity(change.set if change.set is not None else 0.0, unit)


def _check_water(inputs: np.ndarray, names: list[str], scenario: Scenario) -> None:
    lacking = inputs[:, names.index("Q_in")] < inputs[:, names.index("wastage")]
    if lacking.any():
        raise InputError(
            "more sludge is wasted than water comes in, so that the effluent would flow backwards",
            where=str(scenario.document.path),
            expected="wastage below Q_in at all times",
        )
