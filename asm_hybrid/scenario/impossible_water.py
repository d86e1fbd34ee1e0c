"""Water that cannot flow as a scenario has it: refused before anything is simulated, or said afterwards."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.backflow import FlowProblem, flow_problems, moved_flows
from asm_hybrid.plant.volumes import drifting, emptied, volume_course
from asm_hybrid.plant.water import water_balance
from asm_hybrid.scenario.changes import SAME, Clock
from asm_hybrid.scenario.definition import NamedChanges, Scenario
from asm_hybrid.scenario.simulation_inputs import InputSeries

__all__ = ["base_water", "check_base_water", "check_changed_water", "water_warnings", "when_in_words"]

SHOWN = 3
"""Spans of time that a message names."""


def base_water(plant: Plant, inputs: InputSeries) -> tuple[list[InputError], list[str]]:
    """Return what the water of a base case cannot do, and what is worth a look, before it is simulated.

    Parameters
    ----------
    plant : Plant
        The plant. What depends on flows that controllers move is not known beforehand, and passed over.
    inputs : InputSeries
        Its inputs.

    Returns
    -------
    errors : list of InputError
        What the means cannot do, flows that run backwards for more than 1 % of the time, and tanks that run empty.
    warnings : list of str
        The same for shorter, times without underflow, and volumes that drift.
    """
    unknown = moved_flows(plant)
    errors = [] if unknown else list(water_balance(plant, inputs.mean).findings)
    warnings: list[str] = []
    middle = inputs.begin if inputs.end is None else (inputs.begin + inputs.end) / 2
    for problem in flow_problems(plant, middle, np.diff(inputs.times), unknown):
        when = f", {when_in_words(inputs.times, problem.when, problem.share)}"
        if problem.lasting and not errors:
            errors.append(_placed(problem.error, None, when))
        elif not problem.lasting and not errors:
            warnings.append(problem.error.found + when)
    if not unknown:
        volumes = _by_tank(plant, volume_course(plant, inputs.times, inputs.begin, inputs.end))
        empty = emptied(plant, inputs.times, volumes)
        if empty:
            errors.append(empty)
        else:
            warnings += drifting(plant, inputs.times, volumes)
    return errors, warnings


def check_base_water(plant: Plant, inputs: InputSeries, where: str | None = None) -> None:
    """Refuse a base case whose water cannot flow.

    Parameters
    ----------
    plant, inputs
        As `base_water` takes them.
    where : str, optional
        File for the message.

    Raises
    ------
    InputError
        The first error of `base_water`.
    """
    for error in base_water(plant, inputs)[0]:
        raise _placed(error, where, "")


def check_changed_water(
    plant: Plant,
    scenario: Scenario,
    case: NamedChanges,
    times: np.ndarray,
    base: np.ndarray,
    changed: np.ndarray,
    clock: Clock,
) -> None:
    """Refuse changes that let water flow backwards where it did not in the base case, or a tank run empty.

    Parameters
    ----------
    plant : Plant
        The plant.
    scenario : Scenario
        The file.
    case : NamedChanges
        The changes.
    times : ndarray, shape (k,)
        Times of the inputs [d].
    base, changed : ndarray, shape (k, input)
        The inputs of the base case, and the changed ones.
    clock : Clock
        How the file writes times.

    Raises
    ------
    InputError
        With the line of the changes.
    """
    moved, unknown = (changed != base).any(axis=1), moved_flows(plant)
    before = {problem.inputs: problem.when for problem in flow_problems(plant, base, unknown=unknown)}
    for problem in flow_problems(plant, changed, unknown=unknown):
        wrong = problem.when & moved & ~before.get(problem.inputs, np.zeros(len(times), dtype=bool))
        if problem.impossible and wrong.any():
            where = scenario.document.where(*case.keys, *_blamed(case, problem))
            raise _placed(problem.error, where, f", at {clock.show(times[int(np.argmax(wrong))])}")
    if not unknown:
        course = volume_course(plant, np.append(times, times[-1]), changed)[:-1]
        empty = emptied(plant, times, _by_tank(plant, course))
        if empty:
            raise _placed(empty, scenario.document.where(*case.keys), "")


def water_warnings(
    plant: Plant, times: np.ndarray, inputs: np.ndarray, volumes: Mapping[str, np.ndarray]
) -> tuple[str, ...]:
    """Return what is to be said of the water of a simulation.

    Parameters
    ----------
    plant : Plant
        The plant.
    times : ndarray, shape (k,)
        Times of the samples [d].
    inputs : ndarray, shape (k, input)
        Inputs, as controllers made them.
    volumes : mapping of str to ndarray, shape (k,)
        Volumes by tank [m³].

    Returns
    -------
    tuple of str
        A sentence each.
    """
    found = [
        f"{p.error.found}, {when_in_words(np.append(times, times[-1]), p.when, p.share)}"
        for p in flow_problems(plant, inputs[:-1], np.diff(times))
    ]
    empty = emptied(plant, times, volumes)
    return (*found, *([empty.found] if empty else []), *drifting(plant, times, volumes))


def when_in_words(times: np.ndarray, when: np.ndarray, share: float) -> str:
    """Return when something happens, such as ``from 2 to 2.25 d and 3 times more, 1.8 % of the time``.

    Parameters
    ----------
    times : ndarray, shape (k + 1,)
        Times that bound the intervals [d].
    when : ndarray of bool, shape (k,)
        The intervals.
    share : float
        Their share [-].

    Returns
    -------
    str
        In words; at most `SHOWN` spans of time are named.
    """
    of_time = f"in {100 * share:.2g} % of the time" if share < 1.0 - SAME else "at all times"
    edges = np.flatnonzero(np.diff(np.concatenate([[False], when, [False]]).astype(int)))
    spans = [f"{times[i]:.4g} to {times[j]:.4g} d" for i, j in zip(edges[::2], edges[1::2], strict=True)]
    if len(spans) == 1 and when.all():
        return of_time
    rest = f" and {len(spans) - SHOWN} times more" if len(spans) > SHOWN else ""
    return f"{of_time} (from {', '.join(spans[:SHOWN])}{rest})"


def _by_tank(plant: Plant, course: np.ndarray) -> dict[str, np.ndarray]:
    return dict(zip(plant.layout.tank_names, course.T, strict=True))


def _blamed(case: NamedChanges, problem: FlowProblem) -> tuple[int | str, ...]:
    """Return the keys of the last change of an input that makes the problem, as far as one names it."""
    named = [i for i, c in enumerate(case.changes) if any(fnmatch.fnmatchcase(n, c.input) for n in problem.inputs)]
    return (named[-1], "input") if named else ()


def _placed(error: InputError, where: str | None, more: str) -> InputError:
    return InputError(error.found + more, where=where, expected=error.expected, fix=error.fix)
