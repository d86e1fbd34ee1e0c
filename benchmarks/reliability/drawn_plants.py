"""Plants drawn at random, for `random_plants.py` and `../export_matrix.py`.

`draw_plant` draws what a run can be made of; `draw_any_plant` everything that a plant file may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml

from asm_hybrid.config import available_layouts, layout_text
from asm_hybrid.kinetics import Table, load_table

__all__ = ["TABLES", "draw_any_plant", "draw_plant", "give_sums"]

TABLES = ("asm1", "asm1_2n", "asm1_bsm", "asm2d", "asm3")
"""Tables of plants without pH."""
ALL_TABLES = (*TABLES, "asm1_2n_ph", "lotka_volterra")
"""Every shipped table."""
SHARES = (0.18, 0.14, 0.16, 0.18, 0.18, 0.14, 0.02)
"""How often each is drawn."""
SEWAGE = {"S_I": 30, "X_I": 50, "X_S": 200, "S_ND": 7, "X_ND": 10, "S_ALK": 7, "S_PO4": 6, "S_IC": 90}
SEWAGE |= dict.fromkeys(("S_S", "S_F"), 70) | dict.fromkeys(("S_NH", "S_NH4"), 32) | dict.fromkeys(("X_BH", "X_H"), 28)
SEWAGE |= {"S_A": 20}
"""Usual concentrations; of all other components there is none, or a little."""
SUMS = {"COD": 360.0, "TKN": 48.0, "S_NH": 30.0, "S_NH4": 30.0, "TP": 8.0, "S_PO4": 5.0, "S_ALK": 7.0, "S_IC": 90.0}
"""Of an influent that comes as measured sums, with those components that are given by themselves."""


def draw_plant(rng: np.random.Generator, number: int, tables: Sequence[str] = TABLES) -> dict[str, Any]:
    """Return the content of a plant file: tanks and streams, settlers, an oxygen controller, batch reactors."""
    table = load_table(str(rng.choice(tables)))
    content: dict[str, Any] = {"name": f"p{number}", "model": {"kinetics": table.name}}
    flow = 10.0 ** rng.uniform(2.5, 5.5)
    if rng.random() < 0.12:
        return content | {"plant": _batch(rng, table, flow)}
    names = [f"t{i}" for i in range(int(rng.integers(1, 6)))]
    tanks = _tanks(rng, names, flow)
    settler = str(rng.choice(["ideal", "takacs", "none"], p=[0.45, 0.4, 0.15]))
    plant: dict[str, Any] = {"temperature": rng.uniform(6.0, 30.0), "tanks": tanks, "settler": {"type": settler}}
    plant["influent"] = {"to": _targets(rng, names), "flow": flow, "composition": _influent(rng, table)}
    plant["settler"] |= _settler(rng, settler, flow)
    if settler != "none":
        plant |= _sludge(rng, names, flow)
    ends = ["effluent"] if settler == "none" else ["effluent", "settler"]
    for i, name in enumerate(names[:-1]):
        if rng.random() < 0.2:
            on = [*names[i + 1 :], *ends]
            tanks[name]["to"] = _targets(rng, on, bypass=0.0)
    if len(names) > 1 and rng.random() < 0.5:
        target, source = sorted(rng.choice(names, 2, replace=False))
        source, target = (target, source) if rng.random() < 0.1 else (source, target)
        plant["recycles"] = {
            "one": {"from": str(source), "to": str(target), "flow": flow * 10.0 ** rng.uniform(-1, 0.8)}
        }
    if rng.random() < 0.25:
        plant["primary"] = {"volume": flow * 10.0 ** rng.uniform(-2.0, -0.7), "sludge": 10.0 ** rng.uniform(-3.0, -1.0)}
    aerated = [n for n in names if "kla" in tanks[n]]
    if aerated and rng.random() < 0.2:
        name = str(rng.choice(aerated))
        del tanks[name]["kla"]
        plant["control"] = {
            "oxygen": {"measure": f"{name}.{table.oxygen}", "move": f"{name}.kla", "setpoint": rng.uniform(0.5, 4.0)}
            | {"gain": 25.0, "integral_time": "10 min", "offset": 100.0, "high": 400.0}
        }
    return content | {"plant": plant}


def _tanks(rng: np.random.Generator, names: list[str], flow: float) -> dict[str, Any]:
    tanks: dict[str, Any] = {n: {"volume": flow * 10.0 ** rng.uniform(-2.2, 0.5)} for n in names}
    for name in names:
        if rng.random() < 0.6:
            tanks[name]["kla"] = float(rng.choice([0.0, 30.0, 120.0, 240.0, 1000.0]))
        elif rng.random() < 0.2:
            tanks[name]["air"] = {"flow": flow * rng.uniform(1.0, 30.0), "sote": rng.uniform(0.1, 0.4)}
    return tanks


def _settler(rng: np.random.Generator, kind: str, flow: float) -> dict[str, Any]:
    if kind == "ideal":
        return {"non_settleable": float(rng.choice([0.0, 0.002, 0.05]))}
    if kind == "none":
        return {}
    layers = int(rng.integers(4, 13))
    size = {"area": flow / 10.0 ** rng.uniform(0.8, 1.7), "height": rng.uniform(2.0, 5.0)}
    return size | {"layers": layers, "feed_layer": int(rng.integers(2, layers))}


def _sludge(rng: np.random.Generator, names: list[str], flow: float) -> dict[str, Any]:
    """Return where return and waste sludge go, as far as there are any."""
    found: dict[str, Any] = {}
    if rng.random() < 0.95:
        to = _targets(rng, names, bypass=0.0)
        found["return_sludge"] = {"to": to, "flow": flow * 10.0 ** rng.uniform(-1.5, 0.4)}
    if rng.random() < 0.85:
        source = "settler" if rng.random() < 0.7 else str(rng.choice(names))
        found["wastage"] = {"from": source, "flow": flow * 10.0 ** rng.uniform(-3.0, -0.7)}
    return found


def _targets(rng: np.random.Generator, names: list[str], bypass: float = 0.15) -> Any:
    """Return where a stream goes: one target, or shares of it."""
    chosen = (
        [names[0]]
        if rng.random() < 0.6
        else list(rng.choice(names, int(rng.integers(1, len(names) + 1)), replace=False))
    )
    found = {str(name): 1.0 for name in chosen}
    if rng.random() < bypass:
        found["effluent"] = 0.3
    total = sum(found.values())
    return {name: share / total for name, share in found.items()}


def _influent(rng: np.random.Generator, table: Table) -> dict[str, float]:
    found = {}
    for name in table.component_names:
        usual = SEWAGE.get(name, 0.0)
        value = usual * 10.0 ** rng.uniform(-0.4, 0.4) if usual else float(rng.random() < 0.15)
        found[name] = 0.0 if rng.random() < 0.06 else value
    return found


def _batch(rng: np.random.Generator, table: Table, flow: float) -> dict[str, Any]:
    """Return a batch reactor whose phases end by time, or also by its volume."""
    volume, hours = flow * 10.0 ** rng.uniform(-0.5, 0.3), rng.uniform(1.0, 3.0)
    filled = flow / 24.0 * hours
    fill: dict[str, Any] = {"duration": f"{hours:.3f} h", "set": {"Q_in": flow}}
    draw: dict[str, Any] = {"duration": f"{hours:.3f} h", "set": {"reactor.decant": flow * rng.uniform(0.8, 1.3)}}
    if rng.random() < 0.6:
        fill["until"] = f"reactor.volume > {volume + 0.8 * filled:.6g} m3"
        draw["until"] = f"reactor.volume < {volume:.6g} m3"
    phases = [fill, {"duration": "2 h", "set": {"reactor.kla": 150.0}}, {"duration": "30 min"}, draw]
    if rng.random() < 0.7:
        phases.insert(2, {"duration": "10 min", "set": {"wastage": flow * 0.2}})
    wasted = {"wastage": {"from": "reactor"}} if len(phases) == 5 else {}
    return {
        "temperature": rng.uniform(8.0, 25.0),
        "tanks": {"reactor": {"volume": volume, "decant": {"solids": float(rng.choice([0.0, 0.004, 1.0]))}}},
        "influent": {"to": "reactor", "composition": _influent(rng, table)},
        "settler": {"type": "none"},
        "cycles": {"batch": {"phases": phases}},
    } | wasted


# ---- everything else that a plant may hold


def draw_any_plant(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return the content of a plant file: a plant of `draw_plant` with more parts, or a changed layout."""
    if rng.random() < 0.08:
        return _changed_layout(rng, number)
    name = str(rng.choice(ALL_TABLES, p=SHARES))
    content = draw_plant(rng, number, [name])
    table, plant = load_table(name), content["plant"]
    if rng.random() < 0.25:
        content["model"]["parameters"] = _parameters(rng, table)
    if rng.random() < 0.2:
        plant["aeration"] = {"theta": rng.uniform(0.98, 1.05), "saturation": rng.uniform(5.0, 12.0)}
    if "S_IC" in table.component_names:  # of water near pH 7.5
        plant["influent"]["composition"]["S_IC"] = (
            13.0 * rng.uniform(0.9, 1.4) * plant["influent"]["composition"]["S_ALK"]
        )
    if rng.random() < 0.15 and table.oxygen:
        give_sums(table, plant["influent"])
    _late(rng, plant)
    if "cycles" not in plant:
        _steered(rng, table, plant)
    return content


def _changed_layout(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return a shipped layout with other volumes, flows and another temperature."""
    name = str(rng.choice(available_layouts()))
    tanks = yaml.safe_load(layout_text(name))["plant"]["tanks"]
    sizes = {tank: float(str(found["volume"]).split()[0]) for tank, found in tanks.items() if "volume" in found}
    volumes = {tank: {"volume": size * 10.0 ** rng.uniform(-0.7, 0.7)} for tank, size in sizes.items()}
    plant = {"temperature": rng.uniform(5.0, 30.0), "tanks": volumes}
    return {"name": f"p{number}", "extends": name, "plant": plant}


def _parameters(rng: np.random.Generator, table: Table) -> dict[str, float]:
    """Return other values of some parameters, within their bounds."""
    some = [p for p in table.parameters if p.bounds is not None and rng.random() < 0.2]
    return {p.name: float(rng.uniform(*p.bounds)) for p in some if p.bounds is not None}


def give_sums(table: Table, influent: dict[str, Any]) -> None:
    """Let the influent come as measured sums, where the table is of a family that has them."""
    known = {*table.component_names, "COD", "TKN", *(["TP"] if "S_PO4" in table.component_names else [])}
    influent["fractionation"] = {"type": "settled"}
    influent["composition"] = {name: value for name, value in SUMS.items() if name in known}


def _late(rng: np.random.Generator, plant: dict[str, Any]) -> None:
    """Let streams travel, from minutes to hours."""
    streams = [plant["influent"], *plant.get("recycles", {}).values()]
    streams += [plant["return_sludge"]] if "return_sludge" in plant else []
    if rng.random() < 0.25:
        for stream in streams:
            if rng.random() < 0.6:
                stream["delay"] = f"{10.0 ** rng.uniform(0.5, 2.0):.3g} min"


def _steered(rng: np.random.Generator, table: Table, plant: dict[str, Any]) -> None:
    """Let controllers or a time table move what a plant without them is given."""
    tanks, flow = plant["tanks"], plant["influent"]["flow"]
    aerated = [name for name in tanks if "kla" in tanks[name]]
    kind = str(rng.choice(["nothing", "on_off", "cycle", "recycle", "wastage"], p=[0.5, 0.15, 0.15, 0.1, 0.1]))
    if kind in ("on_off", "cycle") and aerated and table.oxygen:
        name = str(rng.choice(aerated))
        del tanks[name]["kla"]
        if kind == "on_off":
            switch = {"type": "on_off", "measure": f"{name}.{table.oxygen}", "move": f"{name}.kla", "on": 200.0}
            switch |= {"switch_on": rng.uniform(0.2, 1.0), "switch_off": rng.uniform(1.2, 3.0), "sensor": _sensor(rng)}
            plant.setdefault("control", {})["blower"] = switch
        else:
            lasts = [f"{10.0 ** rng.uniform(0.8, 2.3):.1f} min" for _ in range(2)]
            phases = [{"duration": lasts[0], "set": {f"{name}.kla": 180.0}}, {"duration": lasts[1]}]
            plant["cycles"] = {"air": {"phases": phases}}
    elif kind == "recycle" and "recycles" in plant:
        del plant["recycles"]["one"]["flow"]
        measured = str(rng.choice(list(tanks)))
        soluble = str(rng.choice([c.name for c in table.components if c.phase == "soluble"]))
        loop = {"measure": f"{measured}.{soluble}", "move": "recycle.one", "setpoint": rng.uniform(0.5, 5.0)}
        loop |= {"gain": flow * rng.uniform(-0.3, 0.3), "integral_time": "1 h", "offset": flow, "high": 4.0 * flow}
        plant.setdefault("control", {})["nitrate"] = loop | {"sensor": _sensor(rng), "actuator": {"response": "5 min"}}
    elif kind == "wastage" and "wastage" in plant:
        usual = plant["wastage"].pop("flow")
        solids = {"measure": f"{rng.choice(list(tanks))}.TSS", "move": "wastage", "setpoint": rng.uniform(1000, 5000)}
        solids |= {"gain": usual * 1e-3, "integral_time": "1 d", "offset": usual, "high": 3.0 * usual}
        plant.setdefault("control", {})["sludge"] = solids


def _sensor(rng: np.random.Generator) -> dict[str, Any]:
    found: dict[str, Any] = {"response": f"{10.0 ** rng.uniform(0.0, 1.3):.3g} min", "order": int(rng.integers(1, 9))}
    if rng.random() < 0.3:
        found["delay"] = f"{rng.uniform(1.0, 15.0):.3g} min"
    return found
