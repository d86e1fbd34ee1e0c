"""Factors of a study, fitted to what is simulated: their names, units and distributions."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.config import PlantFile
from asm_hybrid.config.builders.located import located, located_quantity
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.parallel import Value
from asm_hybrid.plant import Plant
from asm_hybrid.plant.layout import SETTLER
from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.scenario.influent_shares import FRACTION, InfluentShares
from asm_hybrid.studies.definition import Study
from asm_hybrid.studies.distributions import EDGE, Distribution, make_distribution
from asm_hybrid.studies.fitted_parameters import FittedParameters, load_fitted_parameters
from asm_hybrid.studies.plant_keys import amount_at, unit_of_texts
from asm_hybrid.studies.result import FactorInfo
from asm_hybrid.studies.sections import FactorSection

__all__ = ["Factor", "Factors", "find_factors", "key_factors"]

KINETICS = "kinetics.yaml"
"""In a run folder: its kinetics table."""
ORDER = ("parameter", "key", "input", "sludge_age")
"""Kinds of factors as they act, one after the other; those of one kind in the order of the file."""
WORDS = {"scale": "×", "shift": "+", "set": "="}


@dataclass(frozen=True)
class Factor:
    """One column of a design.

    Attributes
    ----------
    name : str
        Its name.
    section : str
        Its name in the study file; several fitted parameters have one in common.
    kind : str
        What it changes: ``input``, ``parameter``, ``sludge_age`` or ``key``.
    target : str
        Name of the input, of the parameter, or of the key.
    way : str
        ``scale``, ``shift`` or ``set``.
    unit : str
        Unit of its values.
    distribution : Distribution or None
        Its distribution; None of fitted parameters, which are drawn together.
    """

    name: str
    section: str
    kind: str
    target: str
    way: str
    unit: str
    distribution: Distribution | None

    @property
    def info(self) -> FactorInfo:
        """What is shown of it."""
        if self.distribution is None:
            text = f"{self.target} as it was fitted, with its covariance"
        else:
            text = f"{self.target} {WORDS[self.way]} {self.distribution.in_words(self.unit)}"
        return FactorInfo(self.name, self.unit, text, self.distribution is not None and self.distribution.text_choice)

    def listed(self, values: Sequence[Value]) -> FactorInfo:
        """Return what is shown of it where its values come from a list, whatever its distribution.

        Parameters
        ----------
        values : sequence of float or str
            Its values.

        Returns
        -------
        FactorInfo
        """
        numbers = [value for value in values if not isinstance(value, str)]
        info, unit = self.info, "" if self.unit in ("", "-") else f" {self.unit}"
        if info.choice or not numbers:
            return info
        text = f"{self.target} {WORDS[self.way]} {min(numbers):g} to {max(numbers):g}{unit}, from the list"
        return replace(info, text=text)


@dataclass(frozen=True)
class Factors:
    """All factors of a study, in the order of the file.

    Attributes
    ----------
    columns : tuple of Factor
        One a column of the design.
    fitted : FittedParameters or None
        What is drawn together; the columns without a distribution, in their order.
    """

    columns: tuple[Factor, ...]
    fitted: FittedParameters | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(factor.name for factor in self.columns)

    def infos(self, cases: pd.DataFrame, *, listed: bool) -> tuple[FactorInfo, ...]:
        """Return what is shown of all factors.

        Parameters
        ----------
        cases : DataFrame
            The design.
        listed : bool
            Whether it is a list of the user.

        Returns
        -------
        tuple of FactorInfo
        """
        return tuple(f.listed(cases[f.name].tolist()) if listed else f.info for f in self.columns)

    def values(self, places: np.ndarray, *, ends: bool = False) -> pd.DataFrame:
        """Return the values of all factors.

        Parameters
        ----------
        places : ndarray, shape (case, factor)
            Places in the unit cube.
        ends : bool
            Whether the places lie on its faces too, so that of distributions without an end `EDGE` is left out.

        Returns
        -------
        DataFrame
            A row a case, a column a factor.
        """
        found: dict[str, list[Value] | list[float]] = {}
        for i, factor in enumerate(self.columns):
            if factor.distribution is not None:
                own = places[:, i]
                if ends and factor.distribution.endless:
                    own = EDGE + (1.0 - 2.0 * EDGE) * own
                found[factor.name] = factor.distribution.values(own)
        drawn = [i for i, factor in enumerate(self.columns) if factor.distribution is None]
        if self.fitted is not None:
            columns = self.fitted.draw(places[:, drawn])
            found |= {self.columns[i].name: column for i, column in zip(drawn, columns, strict=True)}
        return pd.DataFrame({name: found[name] for name in self.names})


def find_factors(study: Study, plant: Plant, file: PlantFile, parameters: np.ndarray, run: Path | None) -> Factors:
    """Fit the factors of a study to a plant.

    Parameters
    ----------
    study : Study
        The study.
    plant : Plant
        The plant of its cases, with the controllers that the scenario gives it.
    file : PlantFile
        Its file.
    parameters : ndarray, shape (parameter,)
        Values of the table's parameters.
    run : Path or None
        The folder of the run that is simulated.

    Returns
    -------
    Factors

    Raises
    ------
    InputError
        For a name that the plant does not have, a unit that does not fit, a distribution that cannot be, and what two
        factors set at once; with the line of the study file.
    """
    columns: list[Factor] = []
    fitted: FittedParameters | None = None
    for name, section in study.content.factors.items():
        if section.parameters is not None:
            if fitted is not None:
                raise InputError("parameters are drawn twice", where=study.where(name), expected="fitted once")
            fitted = _fitted(study, name, section, plant.table, run)
            columns += [
                Factor(own, name, "parameter", own, "set", unit, None)
                for own, unit in zip(fitted.names, fitted.units, strict=True)
            ]
        else:
            columns.append(_factor(study, name, section, plant, file, parameters))
    _check_apart(study, columns, plant)
    return Factors(tuple(columns), fitted)


def key_factors(study: Study, file: PlantFile) -> Factors:
    """Return the factors of a study in which all are keys of a file, such as those of a training.

    Parameters
    ----------
    study : Study
        The study.
    file : PlantFile
        The file, or config.

    Returns
    -------
    Factors

    Raises
    ------
    InputError
        For a factor of another kind, and a key that the file does not have; with the line of the study file.
    """
    for name, section in study.content.factors.items():
        if section.key is None:
            raise InputError(
                f"the factor {name!r} changes what is simulated, and others what is trained",
                where=study.where(name),
                expected="keys of the config alone, where trainings are compared",
                fix="write it as a key of the config, or study a run folder",
            )
    columns = [_key(study, name, section, file) for name, section in study.content.factors.items()]
    _check_apart(study, columns)
    return Factors(tuple(columns))


def _fitted(study: Study, name: str, section: FactorSection, table: Table, run: Path | None) -> FittedParameters:
    folder = run if section.run is None else study.resolve(section.run)
    where = study.where(name, "parameters" if section.run is None else "run")
    if folder is None:
        raise InputError(
            "a plant has no fitted parameters",
            where=where,
            expected="a run folder as the subject, or run: the folder of a run with the same kinetics table",
            fix="add run: …, or state distributions: {parameter: mu_A, set: {normal: [0.5, 0.05]}}",
        )
    found = load_fitted_parameters(folder, where)
    lost = [parameter for parameter in found.names if parameter not in table.parameter_names]
    if lost:
        raise InputError(
            f"the run {folder} calibrated {', '.join(lost)}, which the table {table.name} does not have",
            where=where,
            expected="a run with the same kinetics table",
        )
    if section.run is not None:
        _check_meaning(folder, found.names, table, where)
    return found


def _check_meaning(run: Path, names: Sequence[str], table: Table, where: str) -> None:
    """Refuse parameters of another run that mean something else here: at another temperature, or in another unit."""
    verify_manifest(run, [KINETICS])
    known, own = ({p.name: p for p in t.parameters} for t in (load_table(run / KINETICS), table))
    for name in names:
        theirs, ours = known.get(name), own[name]
        if theirs is None or (theirs.unit, theirs.T_ref, theirs.theta) != (ours.unit, ours.T_ref, ours.theta):
            raise InputError(
                f"{name} of the run {run} is not that of the table {table.name}: it has another unit, reference "
                "temperature or dependence on temperature",
                where=where,
                expected="a run with the same kinetics table",
                fix="state distributions in the terms of this table: {parameter: mu_A, set: {normal: [0.5, 0.05]}}",
            )


def _factor(
    study: Study, name: str, section: FactorSection, plant: Plant, file: PlantFile, parameters: np.ndarray
) -> Factor:
    if section.key is not None:
        return _key(study, name, section, file)
    if section.sludge_age is not None:
        if plant.layout.settler is None and plant.layout.waste_from == SETTLER:
            raise InputError(
                "the plant wastes no sludge",
                where=study.where(name),
                expected="a plant with wastage of settler or tank",
            )
        return _made(study, name, section, "sludge_age", "sludge age", "d")
    if section.parameter is not None:
        known = plant.table.parameter_names
        if section.parameter not in known:
            raise InputError(
                f"{section.parameter!r} is no parameter of {plant.table.name}",
                where=study.where(name, "parameter"),
                expected="a parameter of the kinetics table",
                fix=nearest(section.parameter, known),
            )
        unit = plant.table.parameters[known.index(section.parameter)].unit
        return _made(study, name, section, "parameter", section.parameter, unit)
    if section.fraction is not None:
        names = _shares(study, name, plant, parameters)
        target = FRACTION + section.fraction
        if target not in names:
            options = [n.removeprefix(FRACTION) for n in names]
            raise InputError(
                f"the influent has no share of {section.fraction!r}",
                where=study.where(name, "fraction"),
                expected="one of " + ", ".join(options),
                fix=nearest(section.fraction, options),
            )
        return _made(study, name, section, "input", target, "-")
    assert section.input is not None
    names = ("load", *plant.inputs.names)
    if section.input.startswith(FRACTION):
        return _made(study, name, section, "input", section.input, "-")
    chosen = load_inputs(plant) if section.input == "load" else fnmatch.filter(plant.inputs.names, section.input)
    if not chosen:
        raise InputError(
            f"the plant has no input {section.input!r}",
            where=study.where(name, "input"),
            expected="load, or one of " + ", ".join(plant.inputs.names),
            fix=nearest(section.input, names),
        )
    units = {spec.name: spec.unit for spec in plant.inputs}
    other = next((n for n in chosen if units[n] != units[chosen[0]]), None)
    if other is not None and section.way != "scale":
        raise InputError(
            f"{section.input!r} stands for {chosen[0]} [{units[chosen[0]]}] and {other} [{units[other]}]",
            where=study.where(name, "input"),
            expected=f"inputs of one unit, or scale in the place of {section.way}",
        )
    return _made(study, name, section, "input", section.input, units[chosen[0]])


def _shares(study: Study, name: str, plant: Plant, parameters: np.ndarray) -> Sequence[str]:
    try:
        return InfluentShares(plant.table, parameters).names
    except InputError as error:
        raise located(error, study.where(name, "fraction")) from None


def _made(study: Study, name: str, section: FactorSection, kind: str, target: str, unit: str) -> Factor:
    """Return a factor whose distribution is in a known unit."""
    assert section.distribution is not None
    key = "sludge_age" if kind == "sludge_age" else section.way
    where = study.where(name, key)
    own = "-" if section.way == "scale" else unit
    read = partial(located_quantity, unit=own, where=where, difference=section.way == "shift")
    found = make_distribution(section.distribution, read, where)
    if found.text_choice:
        raise InputError("values are texts", where=where, expected=f"numbers, or texts with a unit such as '1 {own}'")
    return Factor(name, name, kind, target, section.way, own, found)


def _key(study: Study, name: str, section: FactorSection, file: PlantFile) -> Factor:
    """Return a factor that changes a key of a file, in the unit in which the file or the study writes it."""
    assert section.key is not None
    assert section.distribution is not None
    where = study.where(name, section.way)
    present = amount_at(file, section.key, study.where(name, "key"))
    if section.way != "set" and present.number is None:
        raise InputError(
            f"{section.key} holds no number that could be changed by {section.way}",
            where=study.where(name, "key"),
            expected="a key with a number, or set in the place of " + section.way,
        )
    unit = present.unit or unit_of_texts(section.distribution)
    own = "-" if section.way == "scale" else unit
    read = partial(located_quantity, unit=own, where=where, difference=section.way == "shift")
    made = make_distribution(section.distribution, read, where)
    found = Distribution(made.kind, made.numbers, made.bounds, made.choices, present.whole and section.way == "set")
    return Factor(name, name, "key", section.key, section.way, own, found)


def _check_apart(study: Study, columns: Sequence[Factor], plant: Plant | None = None) -> None:
    """Refuse two columns of one name, two factors of one key, and a factor all of which another one would undo."""
    by_name: dict[str, Factor] = {}
    for factor in columns:
        if factor.name in by_name:
            raise InputError(
                f"two factors are called {factor.name!r}: {factor.section!r} draws a parameter of that name",
                where=study.where(factor.section),
                expected="another name for one of them",
            )
        by_name[factor.name] = factor
    acting = [(factor, _moved(factor, plant)) for factor in sorted(columns, key=lambda f: ORDER.index(f.kind))]
    for (first, left), (then, own) in itertools.combinations(acting, 2):
        twice = first.kind == then.kind == "key" and first.target == then.target
        if then.way == "set":
            left -= own
        if twice or not left:
            raise InputError(
                f"{first.target} is changed by {first.section!r} and replaced by {then.section!r}",
                where=study.where(then.section),
                expected="one factor of a key" if twice else "one factor that sets it; scale and shift may follow it",
            )


def _moved(factor: Factor, plant: Plant | None) -> set[tuple[str, str]]:
    """Return what a factor changes, by its kind and name; a key that gives an input of the plant is that input."""
    names = plant.inputs.names if plant is not None else ()
    if factor.kind == "sludge_age":
        return {("input", "wastage")}
    if factor.kind == "input" and plant is not None:
        chosen = load_inputs(plant) if factor.target == "load" else fnmatch.filter(names, factor.target)
        return {("input", name) for name in chosen or [factor.target]}
    if factor.kind == "key":
        if factor.target.startswith("model.parameters."):
            return {("parameter", factor.target.removeprefix("model.parameters."))}
        if (name := _input_of_key(factor.target)) in names:
            return {("input", str(name))}
    return {(factor.kind, factor.target)}


def _input_of_key(key: str) -> str | None:
    """Return the input that a key of the plant gives; None where it gives none."""
    match key.split("."):
        case ["plant", "temperature"]:
            return "T"
        case ["plant", "influent", "flow"]:
            return "Q_in"
        case ["plant", "influent", "composition", name]:
            return f"influent.{name}"
        case ["plant", "return_sludge" | "wastage" as name, "flow"]:
            return name
        case ["plant", "recycles", name, "flow"]:
            return f"recycle.{name}"
        case ["plant", "tanks", name, "kla" | "air" | "decant" as what]:
            return f"{name}.{what}"
        case ["plant", "control", name, "setpoint"]:
            return f"{name}.setpoint"
    return None
