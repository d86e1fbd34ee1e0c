"""From the values of a case's factors to what is changed: inputs, parameters, keys of the plant file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from asm_hybrid.config import PlantFile
from asm_hybrid.config.builders.located import located
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.values import ParameterError, check_values, doubts
from asm_hybrid.parallel import Value
from asm_hybrid.scenario.definition import Change, Scenario
from asm_hybrid.scenario.subject import Subject
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.factors import Factor, Factors
from asm_hybrid.studies.plant_keys import with_keys

__all__ = ["CaseChanges", "case_changes", "case_scenario", "changed_subject"]


@dataclass(frozen=True)
class CaseChanges:
    """What one case changes, by what is changed.

    Attributes
    ----------
    inputs : tuple of (Factor, float)
        Factors that change inputs, and their values, in the order of the study.
    parameters : mapping of str to float
        Parameters that are replaced [unit of the table].
    keys : mapping of str to tuple
        By key, way, value and unit; see `with_keys`.
    sludge_age : tuple of (Factor, float), or None
        The factor, and the age [d].
    """

    inputs: tuple[tuple[Factor, float], ...]
    parameters: Mapping[str, float]
    keys: Mapping[str, tuple[str, Value, str]]
    sludge_age: tuple[Factor, float] | None

    @property
    def of_plant(self) -> tuple[Any, ...]:
        """What tells its plant from that of other cases: cases with the same have one set of equations."""
        return tuple(sorted(self.parameters.items())), tuple(sorted(self.keys.items()))


def case_changes(factors: Factors, values: Mapping[str, Value], parameters: Mapping[str, float]) -> CaseChanges:
    """Sort the values of a case.

    Parameters
    ----------
    factors : Factors
        The factors.
    values : mapping of str to (float or str)
        Values by factor; those of factors that are not there stay as they are.
    parameters : mapping of str to float
        Values of the table's parameters.

    Returns
    -------
    CaseChanges
    """
    inputs: list[tuple[Factor, float]] = []
    changed: dict[str, float] = {}
    keys: dict[str, tuple[str, Value, str]] = {}
    age: tuple[Factor, float] | None = None
    for factor in factors.columns:
        if factor.name not in values:
            continue
        value = values[factor.name]
        if factor.kind == "key":
            keys[factor.target] = (factor.way, value, factor.unit)
            continue
        number = float(value)
        if factor.kind == "sludge_age":
            age = factor, number
        elif factor.kind == "input":
            inputs.append((factor, number))
        else:
            before = changed.get(factor.target, parameters[factor.target])
            changed[factor.target] = {"set": number, "scale": before * number, "shift": before + number}[factor.way]
    return CaseChanges(tuple(inputs), changed, keys, age)


@dataclass(frozen=True)
class _CaseDocument:
    """Where the changes of a case stand: behind those of the scenario, each by its factor."""

    below: Any
    first: int
    places: tuple[str, ...]

    @property
    def data(self) -> Any:
        return self.below.data

    @property
    def path(self) -> Any:
        return self.below.path

    @property
    def text(self) -> str:
        return str(self.below.text)

    def where(self, *keys: str | int) -> str:
        if len(keys) > 1 and keys[0] == "changes" and isinstance(keys[1], int) and keys[1] >= self.first:
            return self.places[keys[1] - self.first]
        return str(self.below.where(*keys))


def case_scenario(study: Study, changes: CaseChanges, wastage: float | None, *, of_record: bool) -> Scenario:
    """Return the scenario of one case: what all cases have in common, and behind it what its factors change.

    Parameters
    ----------
    study : Study
        The study.
    changes : CaseChanges
        What the case changes.
    wastage : float or None
        The wastage that gives its sludge age [m3/d].
    of_record : bool
        Whether it is a part of the record of a run, and so starts where that has come to.

    Returns
    -------
    Scenario

    Raises
    ------
    InputError
        When a factor has a value that no scenario may have.
    """
    content = study.scenario.content
    places = [study.where(f.section, f.way) for f, _ in changes.inputs]
    own = [_change(f, value, place) for (f, value), place in zip(changes.inputs, places, strict=True)]
    if wastage is not None and changes.sludge_age is not None:
        own.append(Change.model_validate({"input": "wastage", "set": wastage}))
        places.append(study.where(changes.sludge_age[0].section))
    update: dict[str, Any] = {"changes": (*content.changes, *own)}
    if not of_record:
        update["starts"] = "own"
    document: Any = _CaseDocument(study.scenario.document, len(content.changes), tuple(places))
    return Scenario(content.model_copy(update=update), document)


def _change(factor: Factor, value: float, where: str) -> Change:
    try:
        return Change.model_validate({"input": factor.target, factor.way: value})
    except ValidationError:
        raise InputError(
            f"{factor.way} of {factor.name} is {value:g}",
            where=where,
            expected="values that are finite, and of a scale not below zero",
            fix="give the distribution bounds, or a smaller range",
        ) from None


def changed_subject(
    subject: Subject, study: Study, factors: Factors, changes: CaseChanges
) -> tuple[Subject, PlantFile | None, tuple[str, ...]]:
    """Return the subject of a case.

    Parameters
    ----------
    subject : Subject
        What is studied.
    study : Study
        The study.
    factors : Factors
        Its factors.
    changes : CaseChanges
        What the case changes.

    Returns
    -------
    subject : Subject
        With other parameters; the same one without.
    file : PlantFile or None
        The file of its plant with other values at some keys; None where there are none.
    notes : tuple of str
        Values that are unusual, a sentence each.

    Raises
    ------
    InputError
        When a value cannot be, with the place of its factor.
    """
    places = {factor.target: study.where(factor.section) for factor in factors.columns}
    found, notes = subject, tuple[str, ...]()
    if changes.parameters:
        notes = _check_parameters(subject.plant.table, changes.parameters, places)
        found = subject.with_parameters(changes.parameters)
    file = with_keys(found.file, changes.keys, places) if changes.keys else None
    return found, file, notes


def _check_parameters(table: Table, values: Mapping[str, float], places: Mapping[str, str]) -> tuple[str, ...]:
    try:
        check_values(table, values)
    except ParameterError as error:
        raise located(error, places[error.name]) from None
    return tuple(f"{doubt.found}; expected {doubt.expected}" for doubt in doubts(table, values))
