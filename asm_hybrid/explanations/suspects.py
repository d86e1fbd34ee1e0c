"""The explanations that compete over one record: everything in a plant and its data that may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from asm_hybrid.data.corrections import Corrections, input_groups
from asm_hybrid.explanations.knobs import Explanation, Family, Knob
from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.explanations.record import Record
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics.candidates import Candidate
from asm_hybrid.plant import Plant
from asm_hybrid.training.first_state import FIRST_BOUND, FIRST_SPREAD, FirstState
from asm_hybrid.training.sensors import BIAS_BOUND, BIAS_SPREAD, DELAY_BOUND, DELAY_SPREAD, sensor_specs

__all__ = ["FAMILIES", "calibrated", "known_names", "shapes_of", "suspects"]

FAMILIES: tuple[Family, ...] = ("kinetics", "lacking", "influent", "flows", "oxygen", "sensors")

LOG_FACTOR = 0.7
"""Spread of the logarithm of a factor on a rate [-]."""
LARGEST_FACTOR = 2.5
"""Largest logarithm of a factor on a rate at one end of a driver [-]."""
LEAST_RANGE = 0.05
"""Drivers whose range is a smaller share of their middle are left out: they have not varied [-]."""
OFFSET = 0.05
"""What is added to a driver before its logarithm is taken, as a share of its range's upper end [-]."""
LEAST_SIDE = 0.1
"""Least distance of the middle from an end, as a share of the range [-]."""
LEAST_HELD = 1e-6
"""Drivers that stay below are left out: there is none of them [g/m³, mol/m³]."""
POINTS = 500
"""Knots from which ranges are taken, at most."""
BOUNDS_SHARE = 0.25
"""Spread of a calibrated parameter, as a share of the range of its logarithm."""
INFLUENT, FLOW, AIR = (0.25, 3.0), (0.3, 3.0), (0.4, 4.0)
"""Spread of the logarithm, and largest size, of a factor on the influent's load, on a flow, and on aeration [-]."""
LATE = (2.0 / 24.0, 8.0 / 24.0)
"""Spread and largest size of a shift of the influent [d]."""
OXYGEN = (0.5, 1.5)
"""Spread and largest size of the zero of an oxygen sensor [g/m³]."""
SENSOR_NOISE, SENSOR_SHARE, SENSOR_MOST = 3.0, 0.1, 5.0
"""Spread of a bias, in noises of the sensor or as a share of its median if that is larger; the largest, in spreads."""


def calibrated(record: Record) -> tuple[Knob, ...]:
    """Return what moves beside every explanation.

    These are, as in the calibration itself, the calibrated parameters, as logarithms of their ratios to the defaults,
    the biases and dead times that are learnt, and the particulate matter that the record begins with.

    Parameters
    ----------
    record : Record
        The record.

    Returns
    -------
    tuple of Knob
    """
    names = record.plant.table.parameter_names
    found = []
    for name, (low, high) in record.bounds.items():
        default = record.defaults[names.index(name)]
        spread = BOUNDS_SHARE * float(np.log(high / low))
        limits = float(np.log(low / default)), float(np.log(high / default))
        found.append(Knob(name, spread, *limits, shown=partial(_times, default), entry=name, moved=_times))
    for i, spec in enumerate(sensor_specs(record.config)):
        if spec.bias:
            size = BIAS_SPREAD * record.observations[i].noise
            most = BIAS_BOUND * size
            found.append(Knob(f"bias of {spec.label}", size, -most, most, seen=(i, np.ones_like)))
        if spec.learns_delay and not record.delays[i]:
            title, most = f"delay of {spec.label}", DELAY_BOUND * DELAY_SPREAD
            found.append(Knob(title, DELAY_SPREAD, 0.0, most, "min", _minutes, late=i))
    for name in FirstState(record.plant).names:
        found.append(Knob(f"first {name}", FIRST_SPREAD, -FIRST_BOUND, FIRST_BOUND, shown=_exp, begins=name))
    return tuple(found)


def _times(before: float, log: float) -> float:
    return before * float(np.exp(log))


def shapes_of(record: Record, states: np.ndarray) -> dict[str, dict[str, tuple[Shape, ...]]]:
    """Return the shapes of every process by driver, from what f itself does along the record.

    Parameters
    ----------
    record : Record
        The record.
    states : ndarray, shape (knot, row, component)
        States of recalibrated f.

    Returns
    -------
    dict
        By process and driver; drivers that have not varied where the process runs are left out.
    """
    plant = record.plant
    system = PlantSystem(plant, torch.as_tensor(record.parameters), record.targets)
    every = slice(None, None, max(1, len(states) // POINTS))
    with torch.no_grad():
        along = system.along(torch.as_tensor(states[every]), torch.as_tensor(record.inputs[every]))
    X, names = along.X.numpy(), plant.table.component_names
    run = np.abs(along.rates.numpy()) * np.array([t.volume for t in plant.layout.tanks])[:, None]
    drivers = _drivers(plant, along.stoichiometry.numpy())
    out: dict[str, dict[str, tuple[Shape, ...]]] = {}
    for j, process in enumerate(plant.table.process_names):
        out[process] = {"": (Shape(process),)}
        weight = run[:, :, j].ravel()
        for driver in drivers if weight.sum() > 0 else ():
            if driver in names:
                x = X[:, :, names.index(driver)].ravel()
            else:
                x = np.repeat(record.inputs[every, plant.input_index[driver]], plant.tanks)
            sides = _sides(process, driver, x, weight)
            if sides:
                out[process][driver] = (Shape(process), *sides)
    return out


def _drivers(plant: Plant, stoichiometry: np.ndarray) -> list[str]:
    """Return what may drive a missing law: whatever some process consumes, but biomass, and temperature and flow.

    Biomass is a solid that grows by a rate that reads it.
    """
    read = [{s.name for s in process.rate.value.free_symbols} for process in plant.table.processes]
    names = []
    for i, c in enumerate(plant.table.components):
        grows = any(made > 0 and c.name in own for made, own in zip(stoichiometry[:, i], read, strict=True))
        if (stoichiometry[:, i] < 0).any() and not (grows and c.phase == "particulate"):
            names.append(c.name)
    return [*names, "T", "Q_in"]


def _sides(process: str, driver: str, x: np.ndarray, weight: np.ndarray) -> tuple[Shape, ...]:
    """Return the shapes towards both ends of where a process runs; none where a driver has not varied."""
    order = np.argsort(x)
    place = np.cumsum(weight[order])
    low, middle, high = (float(v) for v in np.interp(np.array([0.05, 0.5, 0.95]) * place[-1], place, x[order]))
    if high - low <= LEAST_RANGE * abs(middle) or high <= LEAST_HELD:
        return ()
    least, offset = LEAST_SIDE * (high - low), OFFSET * high
    low, high = max(0.0, min(low, middle - least)), max(high, middle + least)
    if middle <= low:
        middle = low + least
    return Shape(process, driver, "low", middle, low, offset), Shape(process, driver, "high", middle, high, offset)


def suspects(
    record: Record, ways: dict[str, dict[str, tuple[Shape, ...]]], candidates: Sequence[Candidate]
) -> list[Explanation]:
    """Return all explanations of one record that its config does not leave out.

    Parameters
    ----------
    record : Record
        The record.
    ways : dict
        From `shapes_of`; empty for the data alone.
    candidates : sequence of Candidate
        Processes that f may lack.

    Returns
    -------
    list of Explanation
    """
    left_out = set(record.config.diagnosis.leave_out)
    return [e for e in _all(record, ways, candidates) if not left_out & {e.name, e.family}]


def _all(
    record: Record, ways: dict[str, dict[str, tuple[Shape, ...]]], candidates: Sequence[Candidate]
) -> list[Explanation]:
    found = [
        Explanation(
            f"process.{process}",
            process.replace("_", " "),
            "kinetics",
            {driver: tuple(map(_coefficient, shapes)) for driver, shapes in own.items()},
        )
        for process, own in ways.items()
    ]
    found += [_lacking(candidate) for candidate in candidates]
    return [*found, *_of_influent(record), *_of_flows(record), *_of_oxygen(record), *_of_sensors(record)]


def known_names(record: Record, candidates: Sequence[Candidate]) -> dict[str, Family]:
    """Return the explanations that there are for a record, whatever its config leaves out, each with its family.

    Parameters
    ----------
    record : Record
        The record.
    candidates : sequence of Candidate
        Processes that f may lack.

    Returns
    -------
    dict of str to str
    """
    ways: dict[str, dict[str, tuple[Shape, ...]]] = {process: {} for process in record.plant.table.process_names}
    return {e.name: e.family for e in _all(record, ways, candidates)}


def _coefficient(shape: Shape) -> Knob:
    name = f"factor at {shape.side} {shape.driver}" if shape.side else "factor"
    return Knob(name, LOG_FACTOR, -LARGEST_FACTOR, LARGEST_FACTOR, shown=_exp, entry=shape)


def _exp(log: float) -> float:
    return float(np.exp(log))


def _lacking(candidate: Candidate) -> Explanation:
    size, most = candidate.typical, candidate.bounds[1]
    knob = Knob(candidate.rate_constant, size, 0.0, most, candidate.unit, entry=candidate.rate_constant)
    return Explanation(f"lacking.{candidate.name}", candidate.title, "lacking", {"": (knob,)}, candidate)


def _one(name: str, title: str, family: Family, knob: Knob) -> Explanation:
    return Explanation(name, title, family, {"": (knob,)})


def _corrected(record: Record, make: Callable[[float], Corrections]) -> Callable[[np.ndarray, float], np.ndarray]:
    """Return the function that corrects inputs by a number; a shift of steps is smoothed, so that it has a slope."""

    def driven(u: np.ndarray, size: float) -> np.ndarray:
        return make(size).driven(u, record.plant.inputs, record.grid.interval, "linear")

    return driven


def _factor(record: Record, title: str, key: str, names: Sequence[str], size: tuple[float, float]) -> Knob:
    spread, limit = size[0], float(np.log(size[1]))
    driven = _corrected(record, lambda log: Corrections(factors=dict.fromkeys(names, _exp(log))))
    return Knob(title, spread, -limit, limit, shown=_exp, driven=driven, correction=("factors", key))


def _of_influent(record: Record) -> list[Explanation]:
    plant = record.plant
    titles = {
        "influent.COD": "organic matter of the influent",
        "influent.N": "nitrogen of the influent",
        "influent.solids": "solids of the influent",
    }
    varied = dict(zip(plant.inputs.names, np.ptp(record.inputs, axis=0), strict=True))
    present = dict(zip(plant.inputs.names, record.inputs.max(0) > 0, strict=True))
    found = []
    for name, components in input_groups(plant.table).items():
        names = [f"influent.{c}" for c in components]
        if name in titles and any(present[n] for n in names):
            found.append(_one(name, titles[name], "influent", _factor(record, titles[name], name, names, INFLUENT)))
    water = [n for n in plant.inputs.names if n.startswith("influent.")]
    for name, key, names in (("timing", "influent", water), ("flow_timing", "Q_in", ["Q_in"])):
        if max(varied[n] for n in names) > 0:
            title = "timing of the influent" if name == "timing" else "timing of the flow"
            driven = _corrected(record, partial(_late, names))
            step = record.grid.interval
            knob = Knob(
                title, LATE[0], -LATE[1], LATE[1], "h", _hours, step=step, driven=driven, correction=("shifts", key)
            )
            found.append(_one(f"influent.{name}", title, "influent", knob))
    return found


def _late(names: Sequence[str], days: float) -> Corrections:
    return Corrections(shifts=dict.fromkeys(names, days))


def _raised(name: str, size: float) -> Corrections:
    return Corrections(offsets={name: size})


def _minutes(days: float) -> float:
    return 1440.0 * days


def _hours(days: float) -> float:
    return 24.0 * days


def _of_flows(record: Record) -> list[Explanation]:
    found = []
    for i, spec in enumerate(record.plant.inputs):
        if spec.kind in ("Q_in", "return_sludge", "wastage", "recycle") and np.any(record.inputs[:, i] > 0):
            short = spec.name.removeprefix("recycle.")
            title = "flow of the influent" if spec.kind == "Q_in" else f"flow of {short.replace('_', ' ')}"
            knob = _factor(record, title, short, [spec.name], FLOW)
            found.append(_one(f"flow.{short}", title, "flows", knob))
    return found


def _of_oxygen(record: Record) -> list[Explanation]:
    found = []
    for i, spec in enumerate(record.plant.inputs):
        if spec.kind == "imposed" and spec.name.endswith(f".{record.plant.table.oxygen}"):
            driven = _corrected(record, partial(_raised, spec.name))
            title = f"zero of the oxygen sensor in {spec.owner}"
            knob = Knob(
                title, OXYGEN[0], -OXYGEN[1], OXYGEN[1], spec.unit, driven=driven, correction=("offsets", spec.name)
            )
            found.append(_one(f"oxygen.{spec.owner}", title, "oxygen", knob))
        if spec.kind in ("kla", "air") and np.any(record.inputs[:, i] > 0):
            title = f"aeration of {spec.owner}"
            found.append(
                _one(f"aeration.{spec.owner}", title, "oxygen", _factor(record, title, spec.name, [spec.name], AIR))
            )
    return found


def _of_sensors(record: Record) -> list[Explanation]:
    """Return biases and drifts; what is corrected is the opposite of what a sensor shows too much."""
    found = []
    days = float(record.times.max())
    for i, (o, spec) in enumerate(zip(record.observations, sensor_specs(record.config), strict=True)):
        size = max(SENSOR_NOISE * o.noise, SENSOR_SHARE * float(np.abs(np.median(o.values))))
        ways: dict[str, tuple[str, str, float, Callable[[np.ndarray], np.ndarray]]]
        ways = {"drift": ("drifts", f"{o.unit}/d", size / days, np.asarray)}
        if not spec.bias:  # one that is learnt moves beside every explanation
            ways = {"bias": ("offsets", o.unit, size, np.ones_like)} | ways
        for name, (section, unit, spread, adds) in ways.items():
            title, most = f"{name} of the sensor {o.label}", SENSOR_MOST * spread
            knob = Knob(title, spread, -most, most, unit, seen=(i, adds), correction=(section, o.label))
            found.append(_one(f"sensor.{o.label}.{name}", title, "sensors", knob))
    return found
