"""The parts of a flow sheet that can be chosen, and what can be drawn of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from asm_hybrid.plant import Plant
from asm_hybrid.plant.layout import SETTLER
from asm_hybrid.plant.loads import inorganic_nitrogen
from asm_hybrid.plant.settler import TakacsSettler
from asm_hybrid.report.style import unit_text
from asm_hybrid.scenario.scoring import NAMES
from asm_hybrid.serve.exchanged import Place, Quantity
from asm_hybrid.text import process_words

__all__ = ["RATE", "place_of_line", "places_of"]

RATE = " rate "
"""What stands between tank and process in the name of a rate."""
SHOWN = 3
"""Quantities that are drawn at first."""


def place_of_line(name: str) -> str | None:
    """Return the place that a line of a flow sheet stands for.

    Parameters
    ----------
    name : str
        Name of a line, such as ``recycle.internal:tank_5:tank_1`` or ``control:oxygen``.

    Returns
    -------
    str or None
    """
    kind, *ends = name.split(":")
    if kind == "control":
        return f"controller:{ends[0]}"
    if "influent" in ends[:1]:
        return "influent"
    if "effluent" in ends[1:]:
        return "effluent"
    return f"stream:{kind}"


def places_of(plant: Plant, units: Mapping[str, str]) -> tuple[Place, ...]:
    """Return the parts of a flow sheet.

    Parameters
    ----------
    plant : Plant
        The plant.
    units : mapping of str to str
        Everything that a simulation records, with its unit.

    Returns
    -------
    tuple of Place
        In flow order, effluent first.
    """
    found = [
        _place("effluent", "Effluent", ["effluent.flow", *_of(units, "effluent")], units, plant),
        _place("influent", "Influent", ["Q_in", "T", *_of(units, "influent")], units, plant),
    ]
    found += [_tank(tank.name, plant, units) for tank in plant.layout.tanks]
    if plant.layout.primary:
        names = [*_of(units, "primary"), *_of(units, "primary_sludge")]
        found.append(_place("primary", "Primary clarifier", names, units, plant))
    if isinstance(plant.layout.settler, TakacsSettler):
        layers = [f"settler_{i + 1}.TSS" for i in range(plant.layout.settler.layers)]
        found.append(_place("settler", "Settler", layers, units, plant, (layers[0], layers[-1])))
    found += list(_streams(plant, units))
    for controller in plant.layout.controllers:
        names = [controller.measured, f"{controller.name}.setpoint", *controller.sets]
        found.append(
            _place(f"controller:{controller.name}", f"Controller {controller.name}", names, units, plant, names)
        )
    return tuple(place for place in found if place.quantities)


def _streams(plant: Plant, units: Mapping[str, str]) -> Iterator[Place]:
    """Yield the streams inside the plant: their flow, and the water of the tank that they leave."""
    for recycle in plant.layout.recycles:
        name = f"recycle.{recycle.name}"
        names = [name, *_of(units, recycle.source)]
        yield _place(
            f"stream:{name}", f"Recycle {recycle.name}, water of {recycle.source}", names, units, plant, (name,)
        )
    same = _of(units, "waste") if plant.layout.waste_from == SETTLER else []  # both are the underflow of the settler
    yield _place("stream:return_sludge", "Return sludge", ["return_sludge", *same], units, plant, ("return_sludge",))
    yield _place("stream:wastage", "Wastage", ["wastage", *_of(units, "waste")], units, plant, ("wastage",))
    for tank in plant.layout.tank_names:
        yield _place(f"stream:{tank}.outflow", f"Outflow of {tank}", _of(units, tank), units, plant)


def _of(units: Mapping[str, str], place: str) -> list[str]:
    return [name for name in units if name.startswith(f"{place}.")]


def _tank(tank: str, plant: Plant, units: Mapping[str, str]) -> Place:
    place = _place(f"tank:{tank}", f"Tank {tank}", _of(units, tank), units, plant)
    rates = tuple(
        Quantity(f"{tank}{RATE}{p.name}", f"rate of {process_words(p.name)}", unit_text(p.unit))
        for p in plant.table.processes
    )
    return Place(place.name, place.label, (*place.quantities, *rates), place.first)


def _place(
    name: str,
    label: str,
    names: Sequence[str],
    units: Mapping[str, str],
    plant: Plant,
    first: Sequence[str] = (),
) -> Place:
    known = [n for n in dict.fromkeys(names) if n in units]
    quantities = tuple(Quantity(n, _label(n), unit_text(units[n]), _limit(n)) for n in known)
    chosen = list(dict.fromkeys([*(n for n in first if n in known), *_first(known, plant)]))
    return Place(name, label, quantities, tuple(chosen[:SHOWN] or known[:1]))


def _label(name: str) -> str:
    """Return what a quantity is called beside the name of its place."""
    _, _, last = name.partition(".")
    return {"kla": "kLa", "": name}.get(last, last if not name.startswith(("recycle.", "settler_")) else name)


def _limit(name: str) -> str:
    place, _, quantity = name.partition(".")
    if place != "effluent" or quantity == "flow":
        return ""
    return next((short for short, names in NAMES.items() if quantity in names), quantity)


def _first(names: Sequence[str], plant: Plant) -> list[str]:
    """Return what is looked at first: ammonium, nitrate, oxygen or solids."""
    ammonium, nitrate = inorganic_nitrogen(plant.table)
    wanted = [*ammonium, *nitrate, *([plant.table.oxygen] if plant.table.oxygen else []), "TSS", "COD"]
    return [n for w in wanted for n in names if n.rpartition(".")[2] == w]
