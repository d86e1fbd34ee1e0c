"""The explanations that compete over one record: everything in a plant and its data that may be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from asm_hybrid.explanations.knobs import Explanation, Knob
from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.explanations.record import Record
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant

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


def scaled(u: np.ndarray, log: float, *, places: Sequence[int]) -> np.ndarray:
    """Return inputs of which some are multiplied by a factor, given its logarithm."""
    out = u.copy()
    out[:, list(places)] *= np.exp(log)
    return out


def raised(u: np.ndarray, size: float, *, place: int) -> np.ndarray:
    """Return inputs of which one is moved up, and stays above zero."""
    out = u.copy()
    out[:, place] = np.maximum(out[:, place] + size, 0.0)
    return out


def delayed(u: np.ndarray, hours: float, *, places: Sequence[int], interval: float) -> np.ndarray:
    """Return inputs of which some come later by some hours."""
    out, at = u.copy(), np.arange(len(u)) - hours / 24.0 / interval
    for i in places:
        out[:, i] = np.interp(at, np.arange(len(u)), u[:, i])
    return out


def drivers_of(plant: Plant, stoichiometry: np.ndarray) -> list[str]:
    """Return what may drive a missing law: whatever some process consumes, but biomass, and temperature and flow.

    Biomass is a solid that grows by a rate that reads it.

    Parameters
    ----------
    plant : Plant
        f.
    stoichiometry : ndarray, shape (process, component)
        Its stoichiometry.
    """
    table = plant.table
    read = [{s.name for s in process.rate.value.free_symbols} for process in table.processes]
    names = []
    for i, c in enumerate(table.components):
        grows = any(made > 0 and c.name in own for made, own in zip(stoichiometry[:, i], read, strict=True))
        if (stoichiometry[:, i] < 0).any() and not (grows and c.phase == "particulate"):
            names.append(c.name)
    return [*names, "T", "Q_in"]


def quantiles(x: np.ndarray, weight: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return weighted quantiles of a sample."""
    order = np.argsort(x)
    place = np.cumsum(weight[order])
    return np.interp(np.asarray(shares) * place[-1], place, x[order])


def process_ways(record: Record, states: np.ndarray) -> dict[str, dict[str, tuple[Shape, ...]]]:
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
        By process and driver.
    """
    plant = record.plant
    system = PlantSystem(plant, torch.as_tensor(record.parameters), record.targets)
    with torch.no_grad():
        along = system.along(torch.as_tensor(states), torch.as_tensor(record.inputs))
    X, rho = along.X.numpy(), np.abs(along.rates.numpy())
    volumes = np.array([t.volume for t in plant.layout.tanks])
    out: dict[str, dict[str, tuple[Shape, ...]]] = {}
    names = plant.table.component_names
    every = slice(None, None, max(1, len(X) // 500))
    drivers = drivers_of(plant, along.stoichiometry.numpy())
    for j, process in enumerate(plant.table.process_names):
        ways: dict[str, tuple[Shape, ...]] = {"": (Shape(process),)}
        weight = (rho[every, :, j] * volumes).ravel()
        if weight.sum() > 0:
            for driver in drivers:
                if driver in names:
                    x = X[every, :, names.index(driver)].ravel()
                else:
                    x = np.repeat(record.inputs[every, plant.input_index[driver]], plant.tanks)
                low, middle, high = quantiles(x, weight, (0.05, 0.5, 0.95))
                if high - low < LEAST_RANGE * abs(middle) or high - low < 1e-6:
                    continue
                offset = OFFSET * high
                low, high = min(low, middle - LEAST_SIDE * (high - low)), max(high, middle + LEAST_SIDE * (high - low))
                low = max(low, 0.0)
                ways[driver] = (
                    Shape(process),
                    Shape(process, driver, "low", middle, low, offset),
                    Shape(process, driver, "high", middle, high, offset),
                )
        out[process] = ways
    return out


def suspects(record: Record, ways: dict[str, dict[str, tuple[Shape, ...]]], shapes: tuple[Shape, ...]) -> list[Explanation]:
    """Return all explanations of one record.

    Parameters
    ----------
    record : Record
        The record.
    ways : dict
        From `process_ways`.
    shapes : tuple of Shape
        All shapes, in the order of the coefficients.

    Returns
    -------
    list of Explanation
    """
    first = len(record.plant.table.parameters)
    place = {shape: first + k for k, shape in enumerate(shapes)}

    def coefficient(shape: Shape) -> Knob:
        name = f"log factor at {shape.side} {shape.driver}" if shape.side else "log factor"
        return Knob(name, LOG_FACTOR, -LARGEST_FACTOR, LARGEST_FACTOR, value=place[shape], moved=_added)

    found = [
        Explanation(f"process.{p}", p.replace("_", " "), "kinetics", {d: tuple(map(coefficient, s)) for d, s in own.items()})
        for p, own in ways.items()
    ]
    return [*found, *_of_influent(record), *_of_flows(record), *_of_oxygen(record), *_of_sensors(record)]


def _added(before: float, size: float) -> float:
    return before + size


def _single(name: str, title: str, family: str, knob: Knob) -> Explanation:
    return Explanation(name, title, family, {"": (knob,)})  # type: ignore[arg-type]


def _factor(name: str, places: Sequence[int], spread: float, most: float) -> Knob:
    limit = float(np.log(most))
    return Knob(name, spread, -limit, limit, "-", shown=lambda v: float(np.exp(v)), driven=partial(scaled, places=list(places)))


def input_groups(plant: Plant) -> dict[str, list[int]]:
    """Return the inputs that hold organic matter, nitrogen and solids of the influent."""
    table, at = plant.table, plant.inputs.influent.start
    groups: dict[str, list[int]] = {"COD": [], "N": [], "solids": []}
    for i, c in enumerate(table.components):
        keys = set(c.composition)
        if "COD" in keys and not keys & {"charge"} and c.name != table.oxygen and "N2" not in c.name:
            groups["COD"].append(at + i)
        elif "N" in keys and "COD" not in keys:
            groups["N"].append(at + i)
        if c.phase == "particulate":
            groups["solids"].append(at + i)
    return groups


def _of_influent(record: Record) -> list[Explanation]:
    plant, u = record.plant, record.inputs
    found = []
    titles = {"COD": "organic matter of the influent", "N": "nitrogen of the influent", "solids": "solids of the influent"}
    for name, places in input_groups(plant).items():
        if np.any(u[:, places] > 0):
            found.append(_single(f"influent.{name}", titles[name], "influent", _factor(titles[name], places, 0.25, 3.0)))
    water = plant.inputs.influent
    late = {"timing": list(range(water.start, water.stop)), "flow_timing": [plant.input_index["Q_in"]]}
    for name, places in late.items():
        if np.ptp(u[:, places], axis=0).max() > 1e-9:
            title = "timing of the influent" if name == "timing" else "timing of the flow"
            shift = partial(delayed, places=places, interval=record.grid.interval)
            found.append(_single(f"influent.{name}", title, "influent", Knob(title, 2.0, -8.0, 8.0, "h", driven=shift)))
    return found


def _of_flows(record: Record) -> list[Explanation]:
    found = []
    for i, spec in enumerate(record.plant.inputs):
        if spec.kind in ("Q_in", "return_sludge", "wastage", "recycle") and np.any(record.inputs[:, i] > 0):
            short = spec.name.removeprefix("recycle.")
            title = "flow of the influent" if spec.kind == "Q_in" else f"flow of {short.replace('_', ' ')}"
            found.append(_single(f"flow.{short}", title, "flows", _factor(title, [i], 0.3, 3.0)))
    return found


def _of_oxygen(record: Record) -> list[Explanation]:
    found = []
    for i, spec in enumerate(record.plant.inputs):
        if spec.kind == "imposed" and spec.name.endswith(f".{record.plant.table.oxygen}"):
            knob = Knob(f"offset of {spec.name}", 0.5, -1.5, 1.5, spec.unit, driven=partial(raised, place=i))
            found.append(_single(f"oxygen.{spec.owner}", f"zero of the oxygen sensor in {spec.owner}", "oxygen", knob))
        if spec.kind in ("kla", "air") and np.any(record.inputs[:, i] > 0):
            title = f"aeration of {spec.owner}"
            found.append(_single(f"aeration.{spec.owner}", title, "oxygen", _factor(title, [i], 0.4, 4.0)))
    return found


def _of_sensors(record: Record) -> list[Explanation]:
    found = []
    begin, end = record.times.min(), record.times.max()
    for i, o in enumerate(record.observations):
        size = max(3.0 * o.noise, 0.1 * float(np.abs(np.median(o.values))))
        bias = Knob(f"bias of {o.label}", size, -5 * size, 5 * size, o.unit, seen=(i, np.ones_like))
        drift = Knob(
            f"drift of {o.label}", size / (end - begin) * 2, -10 * size / (end - begin), 10 * size / (end - begin),
            f"{o.unit}/d", seen=(i, np.asarray),
        )
        found.append(_single(f"sensor.{o.label}.bias", f"bias of the sensor {o.label}", "sensors", bias))
        found.append(_single(f"sensor.{o.label}.drift", f"drift of the sensor {o.label}", "sensors", drift))
    return found
