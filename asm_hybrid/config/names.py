"""Checks of the names in a config against the kinetics table, each with the line that holds the name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from asm_hybrid.config.fractionation import INFLUENT
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.hybrid.networks import NETWORKS
from asm_hybrid.hybrid.placements import PLACEMENTS
from asm_hybrid.kinetics import Parameter, Table, load_table
from asm_hybrid.kinetics.values import ParameterError, check_bounds, check_values
from asm_hybrid.units import parse_quantity

if TYPE_CHECKING:
    from asm_hybrid.config.plantfile import PlantFile
    from asm_hybrid.config.schema import Config

__all__ = [
    "calibration_bounds",
    "check_names",
    "known",
    "load_named_table",
    "located_amount",
    "located_quantity",
    "parameter_values",
]


TEMPERATURES = (-5.0, 60.0)
"""Temperatures that water of a plant can have [degC]."""


def known(name: str, options: Iterable[str], what: str, where: str) -> None:
    """Raise an error unless `name` is one of `options`.

    Parameters
    ----------
    name : str
        What the user wrote.
    options : iterable of str
        What there is.
    what : str
        What the name should be, in a few words: "a tank", "a parameter of asm1".
    where : str
        File and line.
    """
    names = list(options)
    if name not in names:
        raise InputError(f"{name!r} is not {what}", where=where, expected=what, fix=nearest(name, names))


def located_quantity(value: float | str, unit: str, where: str) -> float:
    """Return a number or a text with a unit as a number in `unit`, with the place in any error."""
    try:
        return parse_quantity(value, unit)
    except InputError as error:
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None


def located_amount(value: float | str, unit: str, where: str) -> float:
    """Return a concentration, flow, volume or temperature as `located_quantity` does; one that cannot be is refused."""
    number = located_quantity(value, unit, where)
    low, high = TEMPERATURES if unit == "degC" else (0.0, math.inf)
    if not low <= number <= high:
        raise InputError(
            f"the value is {value}" + ("" if isinstance(value, str) else f" {unit}"),
            where=where,
            expected=f"{low:g} to {high:g} degC" if unit == "degC" else f"zero or above [{unit}]",
            fix="correct the sign or the unit",
        )
    return number


def load_named_table(config: PlantFile) -> Table:
    """Load the kinetics table that a config names; an error about the name has the config's line."""
    try:
        return load_table(config.kinetics)
    except InputError as error:
        path = str(config.kinetics)
        if error.where not in (None, path):
            raise
        found = f"{path}: {error.found}" if error.where else error.found
        where = config.where("model", "kinetics")
        raise InputError(found, where=where, expected=error.expected, fix=error.fix) from None


def check_names(config: Config, table: Table) -> None:
    """Check every parameter to calibrate, and all that the network section names.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    """
    calibration_bounds(config, table)
    network = config.network
    _check_reads(config, table)
    for placement in network.placement:
        acts = PLACEMENTS[placement]
        if acts.target_key:
            acts.check(network.targets_of(placement) or (), table, partial(config.where, "network", acts.target_key))
    learns = NETWORKS[network.type]
    reads = {p: network.inputs_of(p) or PLACEMENTS[p].default_inputs(table) for p in network.placement}
    learns.check({key: getattr(network, key) for key in learns.keys}, reads, partial(config.where, "network"))


def _check_reads(config: Config, table: Table) -> None:
    """Check what n reads, placement by placement."""
    network, components = config.network, list(table.component_names)
    loads = [f"load.{name}" for name in (*components, *table.composites)]
    columns = [column for source in config.sources.values() for column in source.columns.values()]
    given = [str(c.target) for c in columns if c.role in ("input", "imposed")]
    series = [n for n in given if not n.startswith(INFLUENT) or n.removeprefix(INFLUENT) in components]
    tanks = config.plant.tanks.values()
    blown = any(n.endswith(".air") for n in given) or any(tank.air is not None for tank in tanks)
    aerated = blown or any(tank.kla is not None for tank in tanks)
    for placement in network.placement:
        inside = PLACEMENTS[placement].in_tanks
        air = ["air"] if (aerated if inside else blown) else []
        options = [*(components if inside else ()), "T", "Q_in", *air, *loads, *series, "time_of_day"]
        what = ", ".join(["T", "Q_in", *air, "load.X, time_of_day or what a column gives, such as influent.S_NH"])
        if not inside:
            what += ", since the influent is no tank; a mapping gives each placement its list"
        else:
            what = f"a component of {table.name}, {what}" + ("" if air else " (no tank has kla or air)")
        for i, name in enumerate(network.inputs_of(placement) or ()):
            keys = (placement, i) if isinstance(network.inputs, dict) else (i,)
            known(name, options, what, config.where("network", "inputs", *keys))


def parameter_values(config: PlantFile, table: Table) -> dict[str, float]:
    """See `PlantFile.parameter_values`."""
    values = {}
    for name, value in config.model.parameters.items():
        where = config.where("model", "parameters", name)
        values[name] = located_quantity(value, _parameter(table, name, where).unit, where)
    try:
        check_values(table, values)
    except ParameterError as error:
        where = config.where("model", "parameters", error.name)
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None
    return values


def calibration_bounds(config: Config, table: Table) -> dict[str, tuple[float, float]]:
    """See `Config.calibration_bounds`."""
    start = parameter_values(config, table)
    listed = all(given is None for given in config.model.calibrate.values())
    bounds = {}
    for i, (name, given) in enumerate(config.model.calibrate.items()):
        where = config.where("model", "calibrate", i if listed else name)
        parameter = _parameter(table, name, where)
        limits = given or parameter.bounds
        lower, upper = float(limits[0]), float(limits[1])
        value = start.get(name, parameter.default)
        try:
            check_bounds(table, name, (lower, upper), start)
        except ParameterError as error:
            fix = f"give bounds of its own: calibrate: {{{name}: [lower, upper]}}" if given is None else error.fix
            raise InputError(error.found, where=where, expected=error.expected, fix=fix) from None
        if not lower <= value <= upper:
            raise InputError(
                f"calibration of {name!r} starts at {value:g}, outside its bounds [{lower:g}, {upper:g}]",
                where=where,
                expected="a start within the bounds",
                fix=f"widen the bounds in calibrate, or set parameters: {{{name}: …}} within them",
            )
        bounds[name] = (lower, upper)
    return bounds


def _parameter(table: Table, name: str, where: str) -> Parameter:
    known(name, table.parameter_names, f"a parameter of {table.name}", where)
    return table.parameters[table.parameter_names.index(name)]
