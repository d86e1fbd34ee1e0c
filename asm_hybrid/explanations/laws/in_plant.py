"""The constants of a law refitted within the plant, together with the parameters that they compete with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from asm_hybrid.config import calibration_bounds
from asm_hybrid.data import Dataset
from asm_hybrid.explanations.laws.law import Law
from asm_hybrid.explanations.laws.patch import LawNames, law_names, patched_table, scaling_parameter
from asm_hybrid.explanations.laws.problem import START_DAYS, Fit, LawProblem, Solution, least_squares
from asm_hybrid.explanations.suspects import BOUNDS_SHARE
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Table
from asm_hybrid.plant import Plant
from asm_hybrid.training.compared_model import FittedRecord
from asm_hybrid.training.first_state import FIRST_BOUND, FirstState
from asm_hybrid.training.fitted import FittedModel
from asm_hybrid.training.sensors import between_knots
from asm_hybrid.training.simulation_models import PlantModel, start_state, without_gradients
from asm_hybrid.training.windows import interpolate_outputs, recorded_points

__all__ = ["FittedLaw", "fit_alone", "fit_law", "fitted_record", "law_problem", "squares"]

NOTHING = 1e-6
"""Concentration up to which a component is not there [unit of the table]."""


def fitted_record(model: FittedModel, dataset: Dataset) -> FittedRecord:
    """Return the record of a run with the simulation of f, recorded at as many points as its measurements need.

    Parameters
    ----------
    model : FittedModel
        What the run has learnt.
    dataset : Dataset
        Its data.

    Returns
    -------
    FittedRecord
        Its blocks begin after the warm-up.
    """
    interval, substeps = model.grid.interval, model.grid.substeps
    between = between_knots(model.sensors.specs, interval)
    points = recorded_points(dataset.observations, interval, substeps, between=between)
    model = replace(model, grid=replace(model.grid, points=points))
    warmup = model.config.training.warmup
    blocks = {name: (max(begin, warmup), end) for name, (begin, end) in dataset.blocks.items()}
    inputs = torch.as_tensor(dataset.inputs, dtype=torch.float64, device=model.parameters.device)
    f = without_gradients(model.mechanistic()).simulate(model.start, inputs, record_knots=True)
    return FittedRecord(model, dataset, inputs, blocks, f)


@dataclass(frozen=True, eq=False)
class FittedLaw:
    """A law with the constants that were found within the plant.

    Attributes
    ----------
    law : Law
        The law.
    table : Table
        The table with it, its constants at the values found.
    text : str
        Its file.
    names : LawNames
        Names of its constants.
    free : tuple of str
        All parameters that were fitted.
    solution : Solution
        What was found of them.
    values : tuple of ndarray, each (1, sample)
        What f with the law predicts over the whole record, one a variable, at its measurements.
    """

    law: Law
    table: Table
    text: str
    names: LawNames
    free: tuple[str, ...]
    solution: Solution
    values: tuple[np.ndarray, ...]

    @property
    def fitted(self) -> Mapping[str, float]:
        """Every parameter that was free, by name."""
        return dict(zip(self.free, self.solution.values.tolist(), strict=True))

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the constants of the law that were fitted."""
        return tuple(self.names.fitted(self.law))


def fit_law(
    record: FittedRecord,
    process: str,
    law: Law,
    origin: str,
    fit: Fit = least_squares,
    begin: Mapping[str, float] | None = None,
) -> FittedLaw:
    """Put a law into the plant and fit its constants to the training block.

    The parameters that the run calibrates are fitted with them, and the one that takes up the scale of the law. Nothing
    of n is in it.

    Parameters
    ----------
    record : FittedRecord
        Of the run.
    process : str
        Whose rate the law multiplies.
    law : Law
        The law, with the constants from which the fit begins.
    origin : str
        Name of the run.
    fit : callable, optional
        What fits.
    begin : mapping of str to float, optional
        Parameters from which the fit begins, in the place of those that the run has found for f without the law.

    Returns
    -------
    FittedLaw

    Raises
    ------
    SimulationError
        When the plant cannot be simulated with the law at its start.
    """
    problem, names = law_problem(record, process, law, origin, begin)
    solution, parameters, values = _solved(record, problem, fit)
    found = dict(zip(problem.plant.table.parameter_names, parameters.tolist(), strict=True))
    best = law.moved(tuple({symbol: found[n] for symbol, n in own.items()} for own in names.constants))
    scale = found[names.scale] if names.scale else 1.0
    chosen = tuple(record.model.config.model.calibrate)
    table, text = patched_table(
        record.model.plant.table, process, best, origin=origin, calibrated=chosen, own_scale=scale
    )
    return FittedLaw(best, table, text, names, problem.names, solution, values)


def fit_alone(record: FittedRecord, process: str, fit: Fit = least_squares) -> tuple[np.ndarray, ...]:
    """Fit to the training block, without any law, what is fitted beside one.

    Parameters
    ----------
    record, process, fit
        See `fit_law`.

    Returns
    -------
    tuple of ndarray, each (1, sample)
        What f then predicts over the whole record, one a variable, at its measurements.

    Raises
    ------
    SimulationError
        When the plant cannot be simulated.
    """
    model = record.model
    values = dict(zip(model.plant.table.parameter_names, model.parameters.tolist(), strict=True))
    return _solved(record, _problem(record, model.plant, values, _competing(record, process)), fit)[2]


def _solved(record: FittedRecord, problem: LawProblem, fit: Fit) -> tuple[Solution, Tensor, tuple[np.ndarray, ...]]:
    """Return what a fit has found, all parameters, and what the plant predicts with them over the whole record."""
    solution, parameters = fit(problem), problem.parameters.clone()
    parameters[problem.index] = torch.as_tensor(solution.values, dtype=torch.float64, device=parameters.device)
    return solution, parameters, _simulated(problem, parameters, solution.first)


def _competing(record: FittedRecord, process: str) -> dict[str, tuple[float, float]]:
    """Return what is fitted beside a law, with its bounds: calibrated parameters, and what takes up the scale."""
    table = record.model.plant.table
    bounds = calibration_bounds(record.model.config, table)
    scaling = scaling_parameter(table, process, tuple(bounds))
    if scaling is not None and scaling not in bounds:
        bounds[scaling] = next(p.bounds for p in table.parameters if p.name == scaling)
    return bounds


def law_problem(
    record: FittedRecord, process: str, law: Law, origin: str, begin: Mapping[str, float] | None = None
) -> tuple[LawProblem, LawNames]:
    """Return the plant with a law, and what is to be fitted in it.

    Parameters
    ----------
    record, process, law, origin, begin
        See `fit_law`.

    Returns
    -------
    problem : LawProblem
        What is to be fitted.
    names : LawNames
        Names of the law's constants.
    """
    model, base = record.model, record.model.plant.table
    calibrated = tuple(model.config.model.calibrate)
    names = law_names(base, process, law, calibrated)
    table, _ = patched_table(base, process, law, origin=origin, calibrated=calibrated)
    rows = {p.name: p for p in table.parameters}
    bounds = _competing(record, process) | {name: rows[name].bounds for name in names.fitted(law)}
    values = dict(zip(base.parameter_names, model.parameters.tolist(), strict=True)) | dict(begin or {})
    values = {name: values.get(name, rows[name].default) for name in rows}
    takes_up = names.scale or scaling_parameter(base, process, calibrated)
    if takes_up:
        values[takes_up] *= law.scale
    return _problem(record, Plant(table, model.plant.layout), values, bounds), names


def _problem(
    record: FittedRecord, plant: Plant, values: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]
) -> LawProblem:
    """Return the fit of some parameters from their values on, which are put within their bounds."""
    device, names = record.model.parameters.device, tuple(bounds)
    limits = np.array([bounds[name] for name in names], dtype=float)
    inside = {name: float(np.clip(values[name], *bounds[name])) for name in names}
    parameters = torch.tensor(list((dict(values) | inside).values()), dtype=torch.float64, device=device)
    known = dict(zip(record.model.plant.table.parameter_names, record.model.defaults.tolist(), strict=True))
    share = np.array([BOUNDS_SHARE if name in known else 1.0 for name in names])
    return LawProblem(
        record,
        plant,
        parameters,
        names,
        limits,
        usual=np.array([known.get(name, inside[name]) for name in names]),
        spread=share * np.log(limits[:, 1] / limits[:, 0]),
        first=_first(record),
    )


def _simulated(problem: LawProblem, parameters: Tensor, logarithms: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what the plant predicts over the whole record, ``(1, sample)`` for each variable, at its measurements."""
    record, grid = problem.record, problem.record.grid
    system = PlantSystem(problem.plant, parameters.unsqueeze(0), record.model.targets)
    steady = _steady(record, system)
    first = FirstState(problem.plant).moved(steady, torch.as_tensor(logarithms, device=steady.device))
    outputs = without_gradients(PlantModel(system, grid)).simulate(first, record.inputs).outputs
    shown = np.asarray(record.model.sensors.of_f(outputs, grid.spacing).cpu())
    return tuple(interpolate_outputs(shown, record.observations, grid.interval, grid.points))


def _steady(record: FittedRecord, system: PlantSystem) -> Tensor:
    """Return the steady state under the mean of the first inputs, ``(1, row, component)``."""
    knots = max(2, min(len(record.inputs), round(START_DAYS / record.grid.interval)))
    with torch.no_grad():
        return start_state(system, record.inputs[:knots].mean(0), record.model.start[1:])


def _first(record: FittedRecord) -> np.ndarray:
    """Return by which factors recalibrated f begins with more particulate matter than steady, in their logarithms."""
    plant, start = record.model.plant, record.model.start[1]
    steady = _steady(record, record.model.recalibrated().system)[0]
    last = plant.tanks - 1
    found = []
    for name in FirstState(plant).names:
        column = plant.table.component_names.index(name)
        there, held = float(start[last, column]), float(steady[last, column])
        found.append(np.log(there / held) if min(there, held) > NOTHING else 0.0)
    return np.clip(found, -FIRST_BOUND, FIRST_BOUND)


def squares(record: FittedRecord, values: tuple[np.ndarray, ...], block: str) -> dict[str, float]:
    """Return the mean squared error on a block, in units of noise.

    Parameters
    ----------
    record : FittedRecord
        Of the run.
    values : tuple of ndarray, each (member, sample)
        What a model predicts, one a variable, at its measurements.
    block : str
        Such as ``validate``.

    Returns
    -------
    dict of str to float
        By name of the variable, those that have measurements there; the median over the members [-].
    """
    begin, end = record.blocks[block]
    found = {}
    for o, y in zip(record.observations, values, strict=True):
        inside = (np.asarray(o.times) >= begin) & (np.asarray(o.times) <= end)
        if inside.any():
            error = o.error(y)[:, inside] / o.noise
            found[o.label] = float(np.median(np.mean(error**2, axis=-1)))
    return found
