"""Parameters of a config in the units of the kinetics table: own values, and bounds of calibration."""

from __future__ import annotations

from asm_hybrid.config.builders.located import known, located, located_quantity
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Parameter, Table
from asm_hybrid.kinetics.values import ParameterError, check_bounds, check_values

__all__ = ["calibration_bounds", "parameter_values"]


def parameter_values(config: PlantFile, table: Table) -> dict[str, float]:
    """Return the values of ``model.parameters`` in the table's units.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.

    Returns
    -------
    dict of str to float
        Only those parameters that the config overrides, at their reference temperature.

    Raises
    ------
    InputError
        If a name is unknown, a unit does not fit or a value cannot be; with file and line.
    """
    values = {}
    for name, value in config.model.parameters.items():
        where = config.where("model", "parameters", name)
        values[name] = located_quantity(value, _parameter(table, name, where).unit, where)
    try:
        check_values(table, values)
    except ParameterError as error:
        where = config.where("model", "parameters", error.name)
        raise located(error, where) from None
    return values


def calibration_bounds(config: Config, table: Table) -> dict[str, tuple[float, float]]:
    """Return the parameters to recalibrate with their bounds.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.

    Returns
    -------
    dict of str to (float, float)
        Lower and upper bound in the table's unit.

    Raises
    ------
    InputError
        If a name is unknown, or bounds cannot be or leave out the start; with file and line.
    """
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
