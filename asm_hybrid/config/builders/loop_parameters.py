"""Set points, gains and switch points that a config calibrates: parameters beside those of the kinetics table."""

from __future__ import annotations

from dataclasses import replace

from asm_hybrid.config.builders.columns import series_targets
from asm_hybrid.config.builders.located import known
from asm_hybrid.config.builders.plant_layout import build_layout
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Parameter, Table
from asm_hybrid.plant.control import TUNABLE, Controller, OnOff
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = ["with_loop_parameters"]

RANGE = {"setpoint": 2.0, "switch_on": 1.5, "switch_off": 1.5, "gain": 5.0, "integral_time": 5.0}
"""Factor, either way, of the bounds that are not given."""


def with_loop_parameters(config: PlantFile, table: Table) -> Table:
    """Put what a config calibrates of its controllers behind the parameters of its kinetics table.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.

    Returns
    -------
    Table
        The table itself where nothing of this kind is calibrated; else with a parameter ``CONTROLLER.KEY`` for each, in
        the unit of the plant. Of a gain it is the size.

    Raises
    ------
    InputError
        For a name that the plant lacks, a value that is not above zero, one that something else sets, and switch points
        whose bounds overlap; with file and line.
    """
    names = [n for n in config.model.calibrate if "." in n] if isinstance(config, Config) else []
    if not isinstance(config, Config) or not names or set(names) <= set(table.parameter_names):
        return table
    plain = config.model_copy(update={"model": config.model.model_copy(update={"calibrate": {}})})
    layout, listed = build_layout(plain, table), all(given is None for given in config.model.calibrate.values())
    found: dict[str, Parameter] = {}
    for i, (name, given) in enumerate(config.model.calibrate.items()):
        if "." in name:
            where = config.where("model", "calibrate", i if listed else name)
            found[name] = _parameter(config, name, given, layout, table, where)
    for controller in layout.controllers:
        if isinstance(controller.law, OnOff):
            _check_apart(config, controller, found)
    return replace(table, parameters=(*table.parameters, *found.values()))


def _parameter(
    config: Config, name: str, given: tuple[float, float] | None, layout: Layout, table: Table, where: str
) -> Parameter:
    owner, _, key = name.partition(".")
    controllers = {c.name: c for c in layout.controllers}
    known(owner, controllers, f"a parameter of {table.name}, or one of a controller of this plant", where)
    controller = controllers[owner]
    known(key, TUNABLE[type(controller.law)], f"what can be calibrated of the controller {owner!r}", where)
    value = layout.constants.get(name, 0.0) if key == "setpoint" else abs(float(getattr(controller.law, key)))
    setters = [c.name for c in layout.controllers if name in c.sets]
    if setters or name in series_targets(config):
        by = f"the controller {setters[0]!r}" if setters else "a column of the record"
        raise InputError(
            f"{name} is to be calibrated, and {by} sets it",
            where=where,
            expected="a setpoint that the config gives as a number",
            fix="calibrate the gain instead, or leave it out",
        )
    if not value > 0.0 or (key.startswith("switch") and getattr(controller.law, key) < 0.0):
        raise InputError(
            f"{name} is {value:g} in the plant, and is to be calibrated",
            where=where,
            expected="a value above zero, as calibration works with logarithms",
        )
    moved = PlantInputs.of(layout, table).units
    units = {"gain": f"({moved.get(controller.sets[0], controller.unit)})/({controller.unit})", "integral_time": "d"}
    factor = RANGE[key]
    return Parameter(
        name=name,
        default=value,
        unit=units.get(key, controller.unit),
        T_ref=None,
        theta=None,
        bounds=given or (value / factor, value * factor),
        source="the config",
        description=f"{key} of the controller {owner}" + (", its size" if key == "gain" else ""),
    )


def _check_apart(config: Config, controller: Controller, found: dict[str, Parameter]) -> None:
    """Refuse switch points that calibration may bring to the same place."""
    assert isinstance(controller.law, OnOff)
    ends = []
    for key in ("switch_on", "switch_off"):
        value, own = float(getattr(controller.law, key)), found.get(f"{controller.name}.{key}")
        ends.append((value, value) if own is None else own.bounds)
    low, high = sorted(ends)
    if not low[1] < high[0]:
        name = next(n for n in found if n.startswith(f"{controller.name}.switch"))
        raise InputError(
            f"the switch points of {controller.name!r} may meet: [{low[0]:g}, {low[1]:g}] and "
            f"[{high[0]:g}, {high[1]:g}] {controller.unit}",
            where=config.where("model", "calibrate"),
            expected="bounds with a dead band between them",
            fix=f"give bounds: calibrate: {{{name}: [lower, upper]}}",
        )
