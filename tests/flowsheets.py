"""Flow sheets that use every part of a plant, with random states and inputs, for the tests of the plant."""

from __future__ import annotations

from functools import cache

import numpy as np

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import (
    PI,
    AirLaw,
    Controller,
    IdealSettler,
    Lag,
    Layout,
    OnOff,
    Plant,
    PrimaryClarifier,
    Recycle,
    Sensor,
    TakacsSettler,
    Tank,
)

MINUTE = 1.0 / 1440.0
BSM1_TANKS = tuple(Tank(f"tank_{i + 1}", v, aerated=i >= 2) for i, v in enumerate((1000.0, 1000.0, *3 * (1333.0,))))
INTERNAL = Recycle("internal", "tank_5", "tank_1")
FIRST = {"tank_1": 1.0}
LAYERED = TakacsSettler(1500.0, 4.0)

NITRATE = Controller(
    "nitrate",
    "tank_2.S_NO",
    "g N/m3",
    ("recycle.internal",),
    PI(1e4, 0.025, 0.015, 18500.0, 0.0, 92230.0),
    Sensor(Lag(10 * MINUTE, 8), 0.0, 20.0, 0.5),
)
OXYGEN = Controller(
    "oxygen",
    "tank_5.S_O",
    "g O2/m3",
    ("tank_5.kla",),
    PI(25.0, 0.002, 0.001, 144.0, 0.0, 360.0),
    Sensor(Lag(MINUTE, 2), 0.0, 10.0, 0.25),
    Lag(4 * MINUTE, 2),
)
AMMONIUM = Controller(
    "ammonium", "tank_5.S_NH", "g N/m3", ("oxygen.setpoint",), PI(-0.5, 0.1, 0.05, 2.0, 0.5, 4.0), Sensor(Lag(0.01, 3))
)
INTERMITTENT = Controller(
    "intermittent",
    "tank_4.S_NH",
    "g N/m3",
    ("tank_4.kla", "tank_3.kla"),
    OnOff(200.0, 0.0, 3.0, 1.0),
    Sensor(),
    Lag(0.002),
)


def _bsm1(**changes) -> Layout:
    return Layout(**{"tanks": BSM1_TANKS, "influent_to": FIRST, "return_to": FIRST, "recycles": (INTERNAL,)} | changes)


def _lanes() -> Layout:
    tanks = (
        Tank("anoxic_1", 500.0, to={"aerobic_1": 0.8, "aerobic_2": 0.2}),
        Tank("aerobic_1", 900.0, aerated=True, to={"settler": 1.0}),
        Tank("anoxic_2", 700.0),
        Tank("aerobic_2", 1100.0, aerated=True, to={"settler": 0.75, "effluent": 0.25}),
    )
    share = {"anoxic_1": 0.5, "anoxic_2": 0.3, "aerobic_2": 0.2}
    recycles = (Recycle("one", "aerobic_1", "anoxic_1"), Recycle("two", "aerobic_2", "anoxic_2"))
    return Layout(tanks, share, {"anoxic_1": 0.6, "anoxic_2": 0.4}, recycles, LAYERED)


def _batch(**changes) -> Layout:
    tank = {"name": "reactor", "volume": 1000.0, "aerated": True, "variable": True, "decanted_solids": 0.01}
    return Layout((Tank(**tank | changes),), {"reactor": 1.0}, {"reactor": 1.0}, settler=None, waste_from="reactor")


def _buffered(solids: float) -> Layout:
    tanks = (Tank("buffer", 800.0, variable=True, decanted_solids=solids), Tank("reactor", 2000.0, aerated=True))
    return Layout(tanks, {"buffer": 0.7, "reactor": 0.3}, {"reactor": 1.0}, settler=LAYERED)


def _everything() -> Layout:
    tanks = (
        Tank("equal", 800.0, variable=True, to={"tank_1": 0.5, "tank_2": 0.5}),
        Tank("tank_1", 1000.0),
        Tank("tank_2", 1000.0),
        Tank("tank_3", 1333.0, aerated=True),
        Tank("tank_4", 1333.0, aerated=True),
        Tank("tank_5", 1333.0, aerated=True, to={"settler": 0.9, "polish": 0.1}),
        Tank("polish", 300.0, air=AirLaw(0.25), variable=True, decanted_solids=0.3, to={"effluent": 1.0}),
    )
    return Layout(
        tanks,
        {"equal": 0.6, "tank_2": 0.3, "effluent": 0.1},
        {"tank_1": 0.5, "equal": 0.5},
        (INTERNAL,),
        LAYERED,
        waste_from="tank_4",
        primary=PrimaryClarifier(),
        controllers=(OXYGEN, AMMONIUM, NITRATE, INTERMITTENT),
        imposed=(("tank_1", "S_O"),),
    )


LAYOUTS = {
    "bsm1": lambda: _bsm1(settler=LAYERED),
    "bsm1_closed": lambda: _bsm1(settler=LAYERED, controllers=(NITRATE, OXYGEN)),
    "cascade": lambda: _bsm1(controllers=(OXYGEN, AMMONIUM)),
    "on_off": lambda: _bsm1(controllers=(INTERMITTENT,)),
    "lanes": _lanes,
    "bypass": lambda: _bsm1(influent_to={"tank_1": 0.7, "tank_3": 0.2, "effluent": 0.1}, settler=IdealSettler(0.01)),
    "primary": lambda: _bsm1(primary=PrimaryClarifier(), settler=LAYERED),
    "primary_bypass": lambda: _bsm1(primary=PrimaryClarifier(), influent_to={"tank_1": 0.8, "effluent": 0.2}),
    "air": lambda: _bsm1(tanks=(*BSM1_TANKS[:4], Tank("tank_5", 1333.0, air=AirLaw(0.2)))),
    "batch": _batch,
    "batch_air": lambda: _batch(aerated=False, air=AirLaw(0.3, 0.5, 1.02)),
    "buffer": lambda: _buffered(1.0),
    "decanter": lambda: _buffered(0.3),
    "waste_tank": lambda: _bsm1(waste_from="tank_3", settler=IdealSettler(0.02)),
    "waste_tank_layers": lambda: _bsm1(waste_from="tank_5", settler=LAYERED),
    "no_settler": lambda: _bsm1(settler=None, waste_from="tank_5"),
    "everything": _everything,
}
"""Flow sheets by name."""

RANGES = {
    "Q_in": (10000.0, 30000.0),
    "T": (8.0, 25.0),
    "return_sludge": (10000.0, 20000.0),
    "wastage": (100.0, 500.0),
    "setpoint": (0.5, 4.0),
    "noise": (-0.5, 0.5),
    "kla": (10.0, 300.0),
    "air": (1e4, 2e5),
    "decant": (100.0, 20000.0),
    "S_O": (0.0, 4.0),
    "volume": (300.0, 2000.0),
    "flow": (5000.0, 40000.0),
    "integral": (-200.0, 400.0),
    "actuator": (0.0, 300.0),
    "sensor": (0.0, 10.0),
}
"""Ranges of inputs and of states that are no concentrations, by the ends of their names."""


@cache
def flow_sheet(name: str, table: str = "asm1_bsm") -> Plant:
    """Return a plant by the name of its layout."""
    return Plant(load_table(table), LAYOUTS[name]())


def parameters(plant: Plant) -> np.ndarray:
    """Return the default parameters."""
    return np.array([p.default for p in plant.table.parameters])


def draw_inputs(plant: Plant, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw inputs, ``(count, input)``; without a settler no sludge returns."""
    found = []
    for spec in plant.inputs:
        first, _, last = spec.name.partition(".")
        low, high = (1000.0, 60000.0) if first == "recycle" else RANGES.get(last or first, (0.0, 100.0))
        if plant.layout.settler is None and spec.name == "return_sludge":
            low, high = 0.0, 0.0
        found.append(rng.uniform(low, high, count))
    return np.stack(found, axis=-1)


def draw_states(plant: Plant, rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw states, ``(count, row, component)``, zero where there is no state."""
    scale = np.where(plant.particulate > 0, 1500.0, 20.0)
    found = rng.uniform(0.01, 1.0, (count, *plant.shape)) * scale
    first, last = plant.rows.layers
    if last > first:
        found[:, first:last, plant.rows.solids_column] = 10.0 ** rng.uniform(0.5, 4.0, (count, last - first))
    tail = np.zeros((count, found[:, last:].shape[1] * plant.shape[1]))
    for i, name in enumerate(plant.rows.extra):
        key = name.partition(".")[2].partition("_")[0]
        tail[:, i] = rng.integers(0, 2, count) if key == "mode" else rng.uniform(*RANGES[key], count)
    found[:, last:] = tail.reshape(found[:, last:].shape)
    return found * plant.rows.active
