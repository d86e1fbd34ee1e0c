"""From the sections ``plant.control`` and ``plant.cycles`` to controllers and time tables in internal units."""

from __future__ import annotations

from asm_hybrid.config.builders.located import known, located, located_amount, located_quantity
from asm_hybrid.config.schema.control_sections import ControlSection
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.control import PI, Controller, Lag, OnOff, Sensor, sorted_controllers
from asm_hybrid.plant.cycle import Cycle, Phase, Until
from asm_hybrid.plant.inputs import PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = ["build_controllers", "build_cycles", "setpoints"]


def build_cycles(config: PlantFile, table: Table, layout: Layout) -> tuple[Cycle, ...]:
    """Return the time tables of a plant.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    tuple of Cycle
        In the order of the config, with values in internal units.

    Raises
    ------
    InputError
        For an input that the plant lacks or a unit that does not fit; with file and line.
    """
    units = PlantInputs.of(layout, table).units
    cycles, seen = [], dict[str, str]()
    for name, section in config.plant.cycles.items():
        phases = []
        for i, phase in enumerate(section.phases):
            values = {}
            for target, amount in phase.set.items():
                where = config.where("plant", "cycles", name, "phases", i, "set", target)
                known(target, units, "an input of this plant", where)
                if seen.setdefault(target, name) != name:
                    raise InputError(
                        f"{target} is set by two cycles, {seen[target]!r} and {name!r}",
                        where=where,
                        expected="one cycle an input",
                    )
                values[target] = located_amount(amount, units[target], where)
            until = None
            if phase.until:
                target, sign, amount = phase.until
                where = config.where("plant", "cycles", name, "phases", i, "until")
                unit = _measured_unit(target, where, table, layout)
                until = Until(target, sign == ">", located_amount(amount, unit, where))
            phases.append(Phase(phase.name or str(i + 1), phase.duration, values, until))
        cycles.append(Cycle(name, tuple(phases)))
    return tuple(cycles)


def build_controllers(config: PlantFile, table: Table, layout: Layout) -> tuple[Controller, ...]:
    """Return the controllers of a plant.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    tuple of Controller
        In the order of the config, with values in internal units.

    Raises
    ------
    InputError
        For a name that the plant lacks or a unit that does not fit; with file and line.
    """
    inputs = dict(PlantInputs.of(layout, table).units)
    sections = config.plant.control
    measured = {
        name: _measured_unit(section.measure, config.where("plant", "control", name, "measure"), table, layout)
        for name, section in sections.items()
    }
    inputs |= {f"{name}.setpoint": unit for name, unit in measured.items() if sections[name].type == "pi"}
    found = []
    for name, section in sections.items():
        where = config.where("plant", "control", name, "move")
        for target in section.move:
            known(target, inputs, "an input of this plant, or NAME.setpoint of another controller", where)
        units = {inputs[target] for target in section.move}
        if len(units) > 1:
            raise InputError(
                f"the controller moves inputs of different units: {', '.join(sorted(units))}",
                where=where,
                expected="inputs of one unit",
                fix="use a controller for each",
            )
        if name in (*layout.tank_names, "recycle", "influent", "effluent", "settler"):
            raise InputError(
                f"the name {name!r} is that of another part of the plant",
                where=config.where("plant", "control", name),
                expected="a name of its own for every controller",
            )
        found.append(_controller(config, name, section, measured[name], units.pop()))
    try:
        sorted_controllers(found)
    except InputError as error:
        where = config.where("plant", "control")
        raise located(error, where) from None
    return tuple(found)


def setpoints(config: PlantFile, table: Table, layout: Layout) -> dict[str, tuple[str, float]]:
    """Return the setpoints of the controllers.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    dict of str to (str, float)
        Input ``NAME.setpoint`` to its place in the config, and its value [internal unit of what is measured].

    Raises
    ------
    InputError
        For a name that the plant lacks or a unit that does not fit; with file and line.
    """
    out = {}
    for name, section in config.plant.control.items():
        if section.setpoint is not None:
            where = config.where("plant", "control", name, "setpoint")
            unit = _measured_unit(section.measure, where, table, layout)
            out[f"{name}.setpoint"] = (where, located_amount(section.setpoint, unit, where))
    return out


def _measured_unit(target: str, where: str, table: Table, layout: Layout) -> str:
    place, _, quantity = target.partition(".")
    known(place, layout.tank_names, "a tank of this plant, as in TANK.S_O", where)
    units = dict(table.units)
    if next(t for t in layout.tanks if t.name == place).variable:
        units["volume"] = "m3"
    known(quantity, units, f"a component or composite of {table.name}", where)
    return units[quantity]


def _controller(config: PlantFile, name: str, section: ControlSection, seen: str, moved: str) -> Controller:
    def value(key: str, unit: str, *inner: str) -> float:
        holder = section.sensor if inner else section
        amount = getattr(holder, key)
        where = config.where("plant", "control", name, *inner, key)
        if amount is None:
            return 0.0
        return (located_quantity if key == "offset" else located_amount)(amount, unit, where)

    law: PI | OnOff
    try:
        if section.type == "pi":
            assert section.gain is not None
            assert section.integral_time is not None
            law = PI(
                gain=section.gain,
                integral_time=section.integral_time,
                tracking_time=section.tracking_time or section.integral_time,
                offset=value("offset", moved),
                low=value("low", moved),
                high=value("high", moved),
            )
        else:
            law = OnOff(
                on=value("on", moved),
                off=value("off", moved),
                switch_on=value("switch_on", seen),
                switch_off=value("switch_off", seen),
            )
        sensor = section.sensor
        seeing = Sensor(
            lag=Lag(sensor.response, sensor.order) if sensor.response else None,
            low=value("low", seen, "sensor"),
            high=value("high", seen, "sensor"),
            noise=value("noise", seen, "sensor"),
            delay=sensor.delay,
        )
    except InputError as error:
        where = error.where or config.where("plant", "control", name)
        raise located(error, where) from None
    return Controller(
        name=name,
        measured=section.measure,
        unit=seen,
        sets=section.move,
        law=law,
        sensor=seeing,
        actuator=Lag(section.actuator.response, section.actuator.order) if section.actuator else None,
    )
