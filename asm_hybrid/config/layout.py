"""From a config and a kinetics table to the plant's layout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from asm_hybrid.config.fractionation import INFLUENT, build_fractionation, influent_sums
from asm_hybrid.config.names import check_names, known, located_quantity
from asm_hybrid.config.targets import NO_FRACTIONATION, check_targets, imposed_states, series_targets
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import Table
from asm_hybrid.plant.families import SUMS
from asm_hybrid.plant.layout import Layout, Recycle, Tank
from asm_hybrid.plant.settler import IdealSettler

if TYPE_CHECKING:
    from asm_hybrid.config.schema import Config

__all__ = ["build_layout"]

REFERENCE_TEMPERATURE = 20.0
"""Temperature of a plant whose kinetics do not depend on it [°C]."""


def build_layout(config: Config, table: Table) -> Layout:
    """See `Config.layout`."""
    check_names(config, table)
    _check_tanks(config)
    given = dict(_constants(config, table))
    series = series_targets(config)
    for name, (where, _) in given.items():
        if name in series:
            source, column = series[name]
            raise InputError(
                f"{name} is given twice: here, and by the column {column!r} of the source {source!r}",
                where=where,
                expected="a column or a constant",
                fix="remove this constant, or give the column the role 'ignored'",
            )
    layout = _layout(config, table, {name: value for name, (_, value) in given.items()})
    check_targets(config, table, layout)
    return _completed(config, table, layout)


def _check_tanks(config: Config) -> None:
    plant, tanks = config.plant, config.plant.tanks
    places: list[tuple[str, tuple[str, ...]]] = [(plant.influent.to, ("plant", "influent", "to"))]
    for name, recycle in plant.recycles.items():
        places.append((recycle.source, ("plant", "recycles", name, "from")))
        places.append((recycle.to, ("plant", "recycles", name, "to")))
    if plant.return_sludge:
        places.append((plant.return_sludge.to, ("plant", "return_sludge", "to")))
    for tank, keys in places:
        known(tank, tanks, "a tank of this plant", config.where(*keys))


def _layout(config: Config, table: Table, constants: dict[str, float]) -> Layout:
    plant, imposed = config.plant, imposed_states(config, table)
    try:
        return Layout(
            tanks=tuple(Tank(name, t.volume, t.kla is not None) for name, t in plant.tanks.items()),
            influent_to={plant.influent.to: 1.0},
            return_to={plant.return_sludge.to if plant.return_sludge else plant.influent.to: 1.0},
            recycles=tuple(Recycle(name, r.source, r.to) for name, r in plant.recycles.items()),
            settler=IdealSettler(plant.settler.non_settleable),
            imposed=imposed,
            constants=constants,
        )
    except InputError as error:
        where = config.where("plant", "tanks")
        raise InputError(error.found, where=where, expected=error.expected, fix=error.fix) from None


def _constants(config: Config, table: Table) -> list[tuple[str, tuple[str, float]]]:
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
        (f"recycle.{name}", recycle.flow, ("plant", "recycles", name, "flow"))
        for name, recycle in plant.recycles.items()
    ]
    for key, section in (("return_sludge", plant.return_sludge), ("wastage", plant.wastage)):
        found.append((key, section.flow if section else 0.0, ("plant", key, "flow")))
    out = [(name, (config.where(*keys), value)) for name, value, keys in found if value is not None]
    units = {c.name: c.unit for c in table.components}
    units |= {name.removeprefix(INFLUENT): unit for name, unit in influent_sums(config, table).items()}
    for name, amount in plant.influent.composition.items():
        where = config.where("plant", "influent", "composition", name)
        if name in SUMS and name in table.composites and name not in units:
            raise InputError(f"{name} is a measured sum", where=where, **NO_FRACTIONATION)
        known(name, units, f"a component of {table.name}", where)
        out.append((f"influent.{name}", (where, located_quantity(amount, units[name], where))))
    return out


def _completed(config: Config, table: Table, layout: Layout) -> Layout:
    """Fill in what cannot matter, and name what is missing."""
    constants = dict(layout.constants)
    supplied = set(constants) | set(series_targets(config))
    missing = [spec.name for spec in layout.inputs({c.name: c.unit for c in table.components})]
    fractionation = build_fractionation(config, table, supplied)
    if fractionation:
        supplied |= {f"{INFLUENT}{name}" for name in (*fractionation.computed, *fractionation.absent)}
    missing = [name for name in missing if name not in supplied]
    if constants.get("Q_in") == 0.0:
        constants.update({name: 0.0 for name in missing if name.startswith("influent.")})
    if "T" in missing and all(p.theta is None for p in table.parameters):
        constants["T"] = REFERENCE_TEMPERATURE
    missing = [name for name in missing if name not in constants]
    if missing:
        raise InputError(
            "no column and no constant gives " + ", ".join(missing),
            where=config.where(*_home(missing[0])),
            expected="every input of the plant, once",
            fix=_remedy(missing),
        )
    return replace(layout, constants=constants)


def _home(name: str) -> tuple[str, ...]:
    """Return the key of the config under which an input's constant belongs."""
    first, _, rest = name.partition(".")
    if first == "recycle":
        return ("plant", "recycles", rest)
    if first == "influent":
        return ("plant", "influent", "composition")
    if rest == "kla":
        return ("plant", "tanks", first, "kla")
    return ("plant", {"Q_in": "influent", "T": "temperature"}.get(name, name))


def _remedy(missing: list[str]) -> str:
    components = [name.partition(".")[2] for name in missing if name.startswith("influent.")]
    if components:
        listed = ", ".join(f"{name}: 0" for name in components)
        return f"map a column to each, or add to plant.influent: composition: {{{listed}}} with your values"
    if missing[0] == "T":
        return "map a column with 'as: T', or add plant.temperature"
    if missing[0].endswith(".kla"):
        return f"map a column with 'as: {missing[0]}', or give the tank a constant kla"
    home = ".".join(_home(missing[0]))
    return f"map a column with 'as: {missing[0]}', or add its constant flow under {home}"
