"""What a config accepts as wrong in its record, by input and observed column, in internal units; names are checked."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from asm_hybrid.config.builders.columns import used_columns
from asm_hybrid.config.builders.located import known, located_quantity
from asm_hybrid.config.builders.targets import column_unit
from asm_hybrid.config.schema.config import Config
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.contents import material_contents
from asm_hybrid.plant.inputs import INFLUENT, InputKind, InputSpec, PlantInputs
from asm_hybrid.plant.layout import Layout

__all__ = ["candidate_files", "correction_units", "correction_values", "input_groups"]

GROUPS = ("influent.COD", "influent.N", "influent.solids")
"""Groups of the influent's components that have a factor in common."""
SHIFTED = ("influent", "Q_in")
"""What can arrive at another time than recorded."""
SET: tuple[InputKind, ...] = ("setpoint", "noise", "clock")
"""Inputs that nobody measures, so that no record of them can be wrong."""


def input_groups(table: Table) -> dict[str, tuple[str, ...]]:
    """Return the components of the influent that have a factor in common, by what they hold.

    Parameters
    ----------
    table : Table
        The kinetics table.

    Returns
    -------
    dict of str to tuple of str
        ``influent.COD``: what has a chemical oxygen demand; ``influent.N``: reduced nitrogen that is not bound in it,
        as ammonium; ``influent.solids``: what is particulate. A group without components is left out.
    """
    contents = material_contents(table, np.array([p.default for p in table.parameters]))
    held = dict(zip(table.materials, contents, strict=True))
    none = np.zeros(len(table.components))
    demand, nitrogen = held.get("COD", none), held.get("N", none)
    particulate = np.array([c.phase == "particulate" for c in table.components])
    groups = zip(GROUPS, (demand > 0, (nitrogen > 0) & (demand == 0), particulate), strict=True)
    names = table.component_names
    return {
        group: tuple(name for name, one in zip(names, chosen, strict=True) if one)
        for group, chosen in groups
        if chosen.any()
    }


def correction_values(config: Config, table: Table, layout: Layout) -> dict[str, dict[str, float]]:
    """Return the corrections of a config, by what they change.

    Parameters
    ----------
    config : Config
        The config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.

    Returns
    -------
    dict of str to dict of str to float
        ``factors`` [-] and ``shifts`` [d], with the delay of the influent, by input; ``offsets`` by input or by header
        of an observed column, and ``drifts`` by such a header, in the internal unit and in that per day.

    Raises
    ------
    InputError
        If a name is unknown, or a unit does not fit; with file and line.
    """
    section, where = config.corrections, partial(config.where, "corrections")
    inputs = PlantInputs.of(layout, table)
    columns = _observed_units(config, table, layout)
    factors: dict[str, float] = {}
    shifts: dict[str, float] = {}
    offsets: dict[str, float] = {}
    drifts: dict[str, float] = {}
    for key, factor in section.factors.items():
        for name in _scaled(key, table, inputs, columns, where("factors", key)):
            _check_free(name, layout, where("factors", key))
            factors[name] = factors.get(name, 1.0) * factor
    for key, shift in section.shifts.items():
        known(key, SHIFTED, f"what can arrive later than recorded: {' or '.join(SHIFTED)}", where("shifts", key))
        shifts |= {spec.name: shift for spec in inputs if spec.kind == key}
    if travel := config.plant.influent.delay:
        shifts |= {spec.name: shifts.get(spec.name, 0.0) + travel for spec in inputs.of_kind("influent")}
    for key, amount in section.offsets.items():
        unit = _offset_unit(key, inputs, columns, where("offsets", key))
        _check_free(key, layout, where("offsets", key))
        offsets[key] = located_quantity(amount, unit, where("offsets", key), difference=True)
    for key, amount in section.drifts.items():
        known(key, columns, f"the header of an observed column: {', '.join(columns)}", where("drifts", key))
        drifts[key] = located_quantity(amount, f"{columns[key]}/d", where("drifts", key))
    return {"factors": factors, "shifts": shifts, "offsets": offsets, "drifts": drifts}


def correction_units(config: Config, table: Table, layout: Layout) -> dict[str, str]:
    """Return the internal units of what can be corrected.

    Parameters
    ----------
    config, table, layout
        See `correction_values`.

    Returns
    -------
    dict of str to str
        By input, and by header of an observed column.
    """
    inputs = {spec.name: spec.unit for spec in _measurable(PlantInputs.of(layout, table))}
    return inputs | _observed_units(config, table, layout)


def _observed_units(config: Config, table: Table, layout: Layout) -> dict[str, str]:
    return {
        header: column_unit(config, table, layout, source, header)
        for source, header, column in used_columns(config)
        if column.role == "observation"
    }


def _measurable(inputs: PlantInputs) -> list[InputSpec]:
    return [spec for spec in inputs if spec.kind not in SET]


def _scaled(key: str, table: Table, inputs: PlantInputs, columns: dict[str, str], where: str) -> tuple[str, ...]:
    """Return the inputs that a factor acts on."""
    single = {spec.name: (spec.name,) for spec in _measurable(inputs) if spec.kind != "T"}
    groups = {k: tuple(f"{INFLUENT}{name}" for name in names) for k, names in input_groups(table).items()}
    recycles = {spec.owner: (spec.name,) for spec in inputs.of_kind("recycle")}
    options = recycles | groups | single
    if key in options:
        return options[key]
    fix = nearest(key, options)
    if key == "T" or key in columns:
        fix = f"write it under offsets{'' if key == 'T' else ' or drifts'}: {key} has no factor"
    flows = [spec.name for spec in _measurable(inputs) if spec.unit == "m3/d"]
    raise InputError(
        f"{key!r} is nothing that a factor acts on",
        where=where,
        expected=", ".join([*flows, *groups]) + ", or another input of this plant",
        fix=fix,
    )


def _offset_unit(key: str, inputs: PlantInputs, columns: dict[str, str], where: str) -> str:
    """Return the unit of what an offset is added to."""
    units = {spec.name: spec.unit for spec in _measurable(inputs)}
    if key in units and key in columns:
        raise InputError(
            f"{key!r} is an input of the plant, and the header of an observed column",
            where=where,
            expected="a name that says which of the two is wrong",
            fix="rename the column in the file",
        )
    options = units | columns
    known(key, options, f"an input of this plant, or the header of an observed column: {', '.join(columns)}", where)
    return options[key]


def _check_free(name: str, layout: Layout, where: str) -> None:
    """Refuse a correction of what is no record: a controller or a cycle gives it."""
    movers = {target: f"the controller {loop.name!r}" for loop in layout.controllers for target in loop.sets}
    movers |= {target: f"the cycle {cycle.name!r}" for cycle in layout.cycles for target in cycle.inputs}
    if name in movers:
        raise InputError(
            f"{name} is given by {movers[name]}, so that a correction would change nothing",
            where=where,
            expected="inputs that a column or a constant gives",
            fix="remove it, or correct what the plant says of it",
        )


def candidate_files(config: Config) -> tuple[Path, ...]:
    """Return the files of further processes that f may lack.

    Parameters
    ----------
    config : Config
        The config.

    Returns
    -------
    tuple of Path
        In the order of the config.

    Raises
    ------
    InputError
        If a file is not there; with file and line.
    """
    found = []
    for i, name in enumerate(config.diagnosis.candidates):
        path = config.resolve(name)
        if not path.is_file():
            near = sorted(p.name for p in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
            raise InputError(
                f"the file {name!r} does not exist",
                where=config.where("diagnosis", "candidates", i),
                expected="a YAML file of processes, as those of the library, seen from the folder of the config",
                fix=nearest(path.name, near) if near else "check the path",
            )
        found.append(path)
    return tuple(found)
