"""What columns may stand for: names of the model, and the units they must convert to."""

from __future__ import annotations

from asm_hybrid.config.builders.columns import column_key, used_columns
from asm_hybrid.config.builders.influent_split import influent_sums
from asm_hybrid.config.builders.located import known, located
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.families import SUMS
from asm_hybrid.plant.inputs import INFLUENT, PlantInputs
from asm_hybrid.plant.layout import EFFLUENT, Layout
from asm_hybrid.plant.offgas import offgas_of, target_unit
from asm_hybrid.units import conversion

__all__ = ["NO_FRACTIONATION", "check_targets", "column_unit", "imposed_states"]

NO_FRACTIONATION = {
    "expected": "components of the influent, or a fractionation that splits the sums",
    "fix": "add 'fractionation: {type: raw}' (or settled) under plant.influent",
}
"""What to say of a measured sum that nothing splits."""


def imposed_states(config: PlantFile, table: Table) -> tuple[tuple[str, str], ...]:
    """Return the states that columns impose.

    Parameters
    ----------
    config : PlantFile
        A plant, which has no columns, or a config.
    table : Table
        The kinetics table.

    Returns
    -------
    tuple of (str, str)
        Tank and component, in the order of the config.

    Raises
    ------
    InputError
        For a name that is no ``TANK.COMPONENT`` of the plant; with file and line.
    """
    states = []
    for source, header, column in used_columns(config):
        if column.role == "imposed":
            where = column_key(config, source, header, "as")
            tank, component = _pair(str(column.target), "TANK.COMPONENT, such as aerobic.S_O", where)
            known(tank, config.plant.tanks, "a tank of this plant", where)
            known(component, table.component_names, f"a component of {table.name}", where)
            states.append((tank, component))
    return tuple(states)


def _pair(target: str, expected: str, where: str) -> tuple[str, str]:
    place, dot, name = target.partition(".")
    if not (place and dot and name):
        raise InputError(f"the column stands for {target!r}", where=where, expected=expected)
    return place, name


def column_unit(config: PlantFile, table: Table, layout: Layout, source: str, header: str) -> str:
    """Return the internal unit of what a column stands for, after checking its name.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    source, header : str
        The column.

    Returns
    -------
    str
        Unit, in the notation of the kinetics table.
    """
    column = config.sources[source].columns[header]
    target, where = str(column.target), column_key(config, source, header, "as")
    components = {c.name: c.unit for c in table.components}
    if column.role == "observation":
        return _observed_unit(target, table, layout, where)
    options = PlantInputs.of(layout, table).units | influent_sums(config, table)
    if column.role == "imposed":
        return options[target]
    imposed = {f"{tank}.{component}" for tank, component in layout.imposed}
    names = [name for name in options if name not in imposed]
    if target not in names:
        tank, _, rest = target.partition(".")
        if f"{tank}." == INFLUENT and rest in SUMS and rest in table.composites and not influent_sums(config, table):
            raise InputError(f"{target!r} is a measured sum", where=where, **NO_FRACTIONATION)
        fix = nearest(target, names)
        if tank in layout.tank_names and rest in components:
            fix = "a state that a sensor dictates has the role 'imposed', one to compare with 'observation'"
        elif rest == "kla" and tank in layout.tank_names:
            fix = f"add 'kla: measured' to the tank {tank!r}"
        elif rest == "air" and tank in layout.tank_names:
            fix = f"add 'air: {{flow: measured, sote: …}}' to the tank {tank!r}, or impose its oxygen by a column"
        raise InputError(
            f"{target!r} is not an input of this plant",
            where=where,
            expected="Q_in, T, return_sludge, wastage, recycle.NAME, TANK.kla, TANK.air, TANK.decant or "
            "influent.COMPONENT",
            fix=fix,
        )
    return options[target]


def _observed_unit(target: str, table: Table, layout: Layout, where: str) -> str:
    try:
        if offgas_of(table, layout, target):
            return target_unit(table, target)
    except InputError as error:
        raise located(error, where) from None
    place, name = _pair(target, "TANK.X or effluent.X, with X a component or composite", where)
    if f"{place}." == INFLUENT and place not in layout.tank_names:
        raise InputError(
            f"{target} is observed, and what comes in is given, not computed",
            where=where,
            expected="a tank of this plant, or effluent",
            fix="set role: input, with a fractionation for sums such as COD; or role: ignored",
        )
    known(place, [*layout.tank_names, EFFLUENT], "a tank of this plant, or effluent", where)
    known(name, table.units, f"a component or composite of {table.name}", where)
    if (place, name) in layout.imposed:
        raise InputError(
            f"{target} is observed, and imposed by another column",
            where=where,
            expected="a state that the model computes",
            fix="give this column the role 'ignored', or do not impose the state",
        )
    return table.units[name]


def check_targets(config: PlantFile, table: Table, layout: Layout) -> None:
    """Check that every column stands for something the model has, in a unit that converts to it.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.
    layout : Layout
        The flow sheet.
    """
    labels: dict[str, str] = {}
    for source, header, column in used_columns(config):
        unit = column_unit(config, table, layout, source, header)
        try:
            conversion(str(column.unit), unit)
        except InputError as error:
            raise InputError(
                f"the column {header!r}: {error.found}",
                where=column_key(config, source, header, "unit"),
                expected=error.expected or f"a unit that converts to {unit}",
                fix=error.fix,
            ) from None
        if column.role == "observation":
            if header in labels:
                raise InputError(
                    f"two sources have an observed column {header!r}: {labels[header]!r} and {source!r}",
                    where=config.where("data", "sources", source, "columns", header),
                    expected="observed columns whose names differ, since results are listed by them",
                    fix="rename the column in one of the files",
                )
            labels[header] = source
    if not labels:
        raise InputError(
            "no column has the role 'observation'",
            where=config.where("data", "sources"),
            expected="at least one measured series to compare the model with",
            fix="give a column 'role: observation' with 'as: TANK.COMPONENT' and 'noise'",
        )
