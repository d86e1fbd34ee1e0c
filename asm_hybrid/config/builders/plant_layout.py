"""From a config and a kinetics table to the plant's layout."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from asm_hybrid.config.builders.columns import series_targets
from asm_hybrid.config.builders.correction_values import correction_values
from asm_hybrid.config.builders.influent_split import build_fractionation, influent_sums
from asm_hybrid.config.builders.located import known, located, located_amount
from asm_hybrid.config.builders.loops import build_controllers, build_cycles, setpoints
from asm_hybrid.config.builders.names import check_names
from asm_hybrid.config.builders.noise import build_process_noise
from asm_hybrid.config.builders.noise_search import searched_noises
from asm_hybrid.config.builders.targets import NO_FRACTIONATION, check_targets, imposed_states
from asm_hybrid.config.schema.config import Config
from asm_hybrid.config.schema.plant_file import PlantFile
from asm_hybrid.config.schema.plant_sections import AerationSection, SettlerSection, TankSection
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.aeration import Aeration, AirLaw
from asm_hybrid.plant.families import SUMS
from asm_hybrid.plant.fit_of_table import check_imposed
from asm_hybrid.plant.flows import flow_maps
from asm_hybrid.plant.fractionation import Fractionation
from asm_hybrid.plant.inputs import CLOCK, INFLUENT, InputSpec, PlantInputs
from asm_hybrid.plant.layout import EFFLUENT, SETTLER, Layout, Recycle, Tank
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.plant.settler import IdealSettler, TakacsSettler

__all__ = ["build_layout", "input_keys"]

NON_SETTLEABLE = 0.002
"""Share of the solids that leaves an ideal settler with the effluent, unless it is given [-]."""

REFERENCE_TEMPERATURE = 20.0
"""Temperature of a plant whose kinetics do not depend on it [°C]."""


def build_layout(config: PlantFile, table: Table) -> Layout:
    """Return the flow sheet, after checking every name of the config against the kinetics table.

    Parameters
    ----------
    config : PlantFile
        A plant, or a config.
    table : Table
        The kinetics table.

    Returns
    -------
    Layout
        Tanks, flows, imposed states, and the constants in internal units.

    Raises
    ------
    InputError
        If a name is unknown, an input is given twice or not at all, or a unit does not fit; with file and
        line of the key.
    """
    check_names(config, table)
    _check_tanks(config)
    given = dict(_constants(config, table))
    series = series_targets(config)
    for name, (where, _) in given.items():
        if name in series:
            source, column = series[name]
            if name == "return_sludge" and config.plant.return_sludge is None:
                raise _no_return(config, source, column)
            raise InputError(
                f"{name} is given twice: here, and by the column {column!r} of the source {source!r}",
                where=where,
                expected="a column or a constant",
                fix="remove this constant, or give the column the role 'ignored'",
            )
    layout = _layout(config, table, {name: value for name, (_, value) in given.items()})
    layout = replace(layout, cycles=build_cycles(config, table, layout))
    layout = replace(
        layout,
        controllers=build_controllers(config, table, layout),
        constants={**layout.constants, **{name: v for name, (_, v) in setpoints(config, table, layout).items()}},
    )
    moved = [("cycles", cycle.name, name) for cycle in layout.cycles for name in cycle.inputs]
    moved += [("control", loop.name, name) for loop in layout.controllers for name in loop.sets]
    for kind, owner, name in moved:
        if name in series or (name in given and not (name == "wastage" and config.plant.wastage is None)):
            raise InputError(
                f"{name} is given twice: by {owner!r} under {kind}, and by a constant or a column",
                where=config.where("plant", kind, owner),
                expected="one source for each input",
                fix="remove the constant or the column",
            )
    if config.sources:
        check_targets(config, table, layout)
    _check_streams(config, table, layout)
    if isinstance(config, Config):
        correction_values(config, table, layout)
    build_process_noise(config.process_noise, table, layout, partial(config.where, "process_noise"))
    if isinstance(config, Config):
        searched_noises(config, table, layout)
    return _completed(config, table, layout)


def _no_return(config: PlantFile, source: str, column: str) -> InputError:
    return InputError(
        f"the column {column!r} gives return_sludge, and the plant has none",
        where=config.where("data", "sources", source, "columns", column, "as"),
        expected="a section return_sludge under plant, which says where it goes",
        fix=f"add under plant: return_sludge: {{to: {next(iter(config.plant.tanks))}}}",
    )


def _check_streams(config: PlantFile, table: Table, layout: Layout) -> None:
    """Let the water balance complain with the place of the tanks."""
    try:
        flow_maps(layout, PlantInputs.of(layout, table))
    except InputError as error:
        where = config.where("plant", "tanks")
        raise located(error, where) from None


def _check_tanks(config: PlantFile) -> None:
    plant, tanks = config.plant, config.plant.tanks
    ends = [EFFLUENT] if plant.settler.type == "none" else [EFFLUENT, SETTLER]
    places: list[tuple[str, list[str], tuple[str, ...]]] = []
    places += [(to, [EFFLUENT], ("plant", "influent", "to")) for to in plant.influent.to]
    for name, tank in plant.tanks.items():
        places += [(to, ends, ("plant", "tanks", name, "to")) for to in tank.to or ()]
    for name, recycle in plant.recycles.items():
        places.append((recycle.source, [], ("plant", "recycles", name, "from")))
        places.append((recycle.to, [], ("plant", "recycles", name, "to")))
        if recycle.source == recycle.to:
            raise InputError(
                f"the recycle {name!r} leaves the tank {recycle.to!r} and enters it again",
                where=config.where("plant", "recycles", name, "to"),
                expected="two tanks: within one, which is completely mixed, a recycle changes nothing",
                fix="name the other tank, or remove the recycle",
            )
    if plant.return_sludge:
        places += [(to, [], ("plant", "return_sludge", "to")) for to in plant.return_sludge.to]
    if plant.wastage:
        places.append((plant.wastage.source, ends[1:], ("plant", "wastage", "from")))
    for tank_name, others, keys in places:
        what = " or ".join(["a tank of this plant", *others])
        known(tank_name, [*tanks, *others], what, config.where(*keys))
    if plant.settler.type == "none" and plant.return_sludge:
        raise InputError(
            "there is return sludge, and no settler",
            where=config.where("plant", "return_sludge"),
            expected="a settler of type ideal or takacs",
            fix="remove return_sludge, or change the type of the settler",
        )


def _settler(section: SettlerSection) -> IdealSettler | TakacsSettler | None:
    if section.type == "none":
        return None
    if section.type == "ideal":
        return IdealSettler(NON_SETTLEABLE if section.non_settleable is None else section.non_settleable)
    given = {name: value for name, value in section if name not in ("type", "non_settleable") and value is not None}
    return TakacsSettler(**given)


def _aeration(section: AerationSection) -> Aeration:
    fixed = section.saturation
    return Aeration(section.theta, section.T_ref, fixed if isinstance(fixed, float) else None)


def _tank(config: PlantFile, name: str, section: TankSection) -> Tank:
    air, decant = section.air, section.decant
    moved = {target for loop in config.plant.control.values() for target in loop.move}
    moved |= {target for cycle in config.plant.cycles.values() for phase in cycle.phases for target in phase.set}
    return Tank(
        name=name,
        volume=section.volume,
        aerated=section.kla is not None or f"{name}.kla" in moved,
        air=AirLaw(air.sote, air.alpha, air.theta) if air else None,
        to=section.to,
        variable=decant is not None,
        decanted_solids=decant.solids if decant else 1.0,
    )


def _layout(config: PlantFile, table: Table, constants: dict[str, float]) -> Layout:
    plant, imposed = config.plant, imposed_states(config, table)
    first = next(iter(plant.tanks))
    try:
        layout = Layout(
            tanks=tuple(_tank(config, name, section) for name, section in plant.tanks.items()),
            influent_to=plant.influent.to,
            return_to=plant.return_sludge.to if plant.return_sludge else {first: 1.0},
            recycles=tuple(Recycle(name, r.source, r.to, r.delay) for name, r in plant.recycles.items()),
            settler=_settler(plant.settler),
            waste_from=plant.wastage.source if plant.wastage else SETTLER,
            primary=PrimaryClarifier(**dict(plant.primary)) if plant.primary else None,
            aeration=_aeration(plant.aeration),
            imposed=imposed,
            metered=_metered(config, imposed, table),
            constants=constants,
            clock=config.reads_clock,
            return_delay=plant.return_sludge.delay if plant.return_sludge else 0.0,
        )
        check_imposed(table, layout)
    except InputError as error:
        where = config.where("plant", "tanks")
        raise located(error, where) from None
    return layout


def _metered(config: PlantFile, imposed: tuple[tuple[str, str], ...], table: Table) -> tuple[str, ...]:
    """Return the tanks with imposed oxygen and no law for their air whose air flow a column gives."""
    columns, known_law = series_targets(config), {n for n, tank in config.plant.tanks.items() if tank.air}
    held = [t for t, component in imposed if component == table.oxygen and t not in known_law]
    return tuple(t for t in held if f"{t}.air" in columns)


def _constants(config: PlantFile, table: Table) -> list[tuple[str, tuple[str, float]]]:
    """Return the inputs that the config gives as constants: name, and the place with the value."""
    plant = config.plant
    found: list[tuple[str, float | None, tuple[str, ...]]] = [
        ("T", plant.temperature, ("plant", "temperature")),
        ("Q_in", plant.influent.flow, ("plant", "influent", "flow")),
    ]
    found += [
        (f"{name}.kla", tank.kla, ("plant", "tanks", name, "kla"))
        for name, tank in plant.tanks.items()
        if isinstance(tank.kla, float)
    ]
    found += [
        (f"{name}.air", tank.air.flow, ("plant", "tanks", name, "air", "flow"))
        for name, tank in plant.tanks.items()
        if tank.air and isinstance(tank.air.flow, float)
    ]
    found += [
        (f"{name}.decant", tank.decant.flow, ("plant", "tanks", name, "decant", "flow"))
        for name, tank in plant.tanks.items()
        if tank.decant
    ]
    found += [
        (f"recycle.{name}", recycle.flow, ("plant", "recycles", name, "flow"))
        for name, recycle in plant.recycles.items()
    ]
    for key, section in (("return_sludge", plant.return_sludge), ("wastage", plant.wastage)):
        if key == "wastage" and section is None and key in series_targets(config):
            continue  # wasted from the settler, which a section would not have to say
        found.append((key, section.flow if section else 0.0, ("plant", key, "flow")))
    out = [(name, (config.where(*keys), value)) for name, value, keys in found if value is not None]
    units = {c.name: c.unit for c in table.components}
    units |= {name.removeprefix(INFLUENT): unit for name, unit in influent_sums(config, table).items()}
    for name, amount in plant.influent.composition.items():
        where = config.where("plant", "influent", "composition", name)
        if name in SUMS and name in table.composites and name not in units:
            raise InputError(f"{name} is a measured sum", where=where, **NO_FRACTIONATION)
        known(name, units, f"a component of {table.name}", where)
        out.append((f"influent.{name}", (where, located_amount(amount, units[name], where))))
    return out


def _completed(config: PlantFile, table: Table, layout: Layout) -> Layout:
    """Fill in what cannot matter, and name what is missing."""
    constants = dict(layout.constants)
    for controller in layout.controllers:
        if controller.sensor.noise > 0:
            constants[f"{controller.name}.noise"] = 0.0
        for target in controller.sets:
            constants.setdefault(target, controller.start_value)
    for cycle in layout.cycles:
        constants |= {name: cycle.table(name)[0] for name in cycle.inputs}
    supplied = set(constants) | set(series_targets(config)) | set(CLOCK)
    fractionation = build_fractionation(config, table, replace(layout, constants=constants))
    if fractionation:
        supplied |= {f"{INFLUENT}{name}" for name in (*fractionation.computed, *fractionation.absent)}
        if not config.sources:
            constants |= _split_constants(config, fractionation, constants)
    missing = [spec for spec in PlantInputs.of(layout, table) if spec.name not in supplied]
    if constants.get("Q_in") == 0.0:
        constants.update({spec.name: 0.0 for spec in missing if spec.kind == "influent"})
    if any(spec.kind == "T" for spec in missing) and all(p.theta is None for p in table.parameters):
        constants["T"] = REFERENCE_TEMPERATURE
    missing = [spec for spec in missing if spec.name not in constants]
    if missing:
        raise InputError(
            "no column and no constant gives " + ", ".join(spec.name for spec in missing),
            where=config.where(*input_keys(missing[0])),
            expected="every input of the plant, once",
            fix=_remedy(missing),
        )
    return replace(layout, constants=constants)


def _split_constants(config: PlantFile, fractionation: Fractionation, constants: dict[str, float]) -> dict[str, float]:
    """Return the components of an influent whose sums are constants."""
    measured = {
        name.removeprefix(INFLUENT): np.array([value]) for name, value in constants.items() if name.startswith(INFLUENT)
    }
    split = fractionation.split(measured)
    for problem in fractionation.problems(measured, split):
        if problem.severity == "error" and problem.amount is not None:
            amount = f"{problem.amount.min():.3g} {fractionation.units[problem.measured[0]]}"
            raise InputError(
                problem.found.format(amount=amount),
                where=config.where("plant", "influent", "composition"),
                expected=problem.expected,
                fix=problem.fix,
            )
    return {f"{INFLUENT}{name}": float(values[0]) for name, values in split.components.items()}


def input_keys(spec: InputSpec) -> tuple[str, ...]:
    """Return the keys under which the constant of an input stands, or would stand, in a plant.

    Parameters
    ----------
    spec : InputSpec
        The input.

    Returns
    -------
    tuple of str
        From the section ``plant`` downwards.
    """
    keys = {
        "T": ("temperature",),
        "Q_in": ("influent",),
        "recycle": ("recycles", spec.owner),
        "setpoint": ("control", spec.owner, "setpoint"),
        "influent": ("influent", "composition", spec.owner),
    }
    tank = ("tanks", spec.owner, spec.kind)
    return ("plant", *keys.get(spec.kind, tank if spec.kind in ("kla", "air", "decant") else (spec.name,)))


def _remedy(missing: list[InputSpec]) -> str:
    components = [spec.owner for spec in missing if spec.kind == "influent"]
    first = missing[0]
    if components:
        listed = ", ".join(f"{name}: 0" for name in components)
        given = f"composition: {{{listed}}}"
        return f"map a column to each, or add to plant.influent: {given}, with your values in the place of 0"
    if first.kind == "T":
        return "map a column with 'as: T', or add plant.temperature"
    if first.kind == "decant":
        return f"give {first.name} by a cycle, a column or a constant flow"
    if first.kind in ("kla", "air"):
        return f"map a column with 'as: {first.name}', or give the tank a constant value"
    return f"map a column with 'as: {first.name}', or add its constant flow under {'.'.join(input_keys(first))}"
