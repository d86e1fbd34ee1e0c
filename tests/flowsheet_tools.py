"""Plants of many shapes for the tests of the water balance and of the flow sheet."""

import numpy as np

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import (
    PI,
    AirLaw,
    Controller,
    IdealSettler,
    Lag,
    Layout,
    Plant,
    PrimaryClarifier,
    Recycle,
    Sensor,
    TakacsSettler,
    Tank,
)

TABLE = load_table("asm1")
BASE = {"Q_in": 18446.0, "T": 15.0, "return_sludge": 18446.0, "wastage": 385.0}


def point(plant, **changes):
    """Return inputs by name, with usual ones for the others; two underscores stand for a dot."""
    still = {} if plant.layout.settler else {"return_sludge": 0.0, "wastage": 0.0}
    values = BASE | still | {name.replace("__", "."): value for name, value in changes.items()}
    usual = {"kla": 240.0, "air": 60000.0, "setpoint": 2.0, "noise": 0.0, "decant": 0.0, "S_O": 2.0}
    u = [
        values.get(s.name, 55338.0 if s.name.startswith("recycle.") else usual.get(s.name.rpartition(".")[2], 30.0))
        for s in plant.inputs
    ]
    return np.array(u)


def cstr():
    return Layout((Tank("tank", 6000.0, aerated=True),), {"tank": 1.0}, {"tank": 1.0}, settler=None)


def small():
    return Layout((Tank("tank", 6000.0, aerated=True),), {"tank": 1.0}, {"tank": 1.0})


def bsm1(controllers=True):
    tanks = [Tank(f"anoxic_{i}", 1000.0) for i in (1, 2)] + [
        Tank(f"aerobic_{i}", 1333.0, aerated=True) for i in (3, 4, 5)
    ]
    oxygen = Controller(
        "oxygen", "aerobic_5.S_O", "g/m3", ("aerobic_5.kla",), PI(25.0, 0.002, 0.001), Sensor(Lag(0.001))
    )
    nitrate = Controller("nitrate", "anoxic_2.S_NO", "g/m3", ("recycle.internal",), PI(1e4, 0.025, 0.015))
    return Layout(
        tuple(tanks),
        {"anoxic_1": 1.0},
        {"anoxic_1": 1.0},
        (Recycle("internal", "aerobic_5", "anoxic_1"),),
        TakacsSettler(1500.0, 4.0),
        controllers=(oxygen, nitrate) if controllers else (),
    )


def uct():
    return Layout(
        (Tank("anaerobic", 1000.0), Tank("anoxic", 2000.0), Tank("aerobic", 5000.0, air=AirLaw(0.25))),
        {"anaerobic": 1.0},
        {"anoxic": 1.0},
        (Recycle("nitrate", "aerobic", "anoxic"), Recycle("anaerobic", "anoxic", "anaerobic")),
    )


def step_feed():
    tanks = tuple(Tank(f"pass_{i}", 1500.0, aerated=i % 2 == 0) for i in range(1, 7))
    feed = {"pass_1": 0.4, "pass_3": 0.35, "pass_5": 0.25}
    return Layout(tanks, feed, {"pass_1": 0.8, "pass_3": 0.2}, waste_from="pass_6")


def parallel(count, length, *, recycles=True, primary=False):
    tanks, flows = [], []
    for lane in range(1, count + 1):
        names = [f"lane{lane}_{i}" for i in range(1, length + 1)]
        for i, name in enumerate(names):
            to = {names[i + 1]: 1.0} if i + 1 < length else {"settler": 1.0}
            tanks.append(Tank(name, 1000.0, aerated=i >= length / 2, to=to))
        flows.append(Recycle(f"internal_{lane}", names[-1], names[0]))
    share = {f"lane{lane}_1": 1.0 / count for lane in range(1, count + 1)}
    return Layout(
        tuple(tanks),
        share,
        share,
        tuple(flows) if recycles else (),
        TakacsSettler(3000.0, 4.0),
        primary=PrimaryClarifier() if primary else None,
    )


def sbr():
    return Layout(
        (Tank("reactor", 4000.0, aerated=True, variable=True, decanted_solids=0.01),),
        {"reactor": 1.0},
        {"reactor": 1.0},
        settler=None,
        waste_from="reactor",
    )


def with_primary():
    tanks = tuple(Tank(f"tank_{i}", 1500.0, aerated=i > 1) for i in (1, 2, 3))
    return Layout(
        tanks,
        {"tank_1": 0.9, "effluent": 0.1},
        {"tank_1": 1.0},
        (Recycle("internal", "tank_3", "tank_1"),),
        TakacsSettler(1500.0, 4.0),
        primary=PrimaryClarifier(),
    )


def selector():
    """A tank before two lanes of different length that meet again; one skips the settler."""
    tanks = (
        Tank("selector", 300.0, to={"north_1": 0.6, "south_1": 0.4}),
        Tank("north_1", 1000.0, to={"north_2": 1.0}),
        Tank("north_2", 1000.0, aerated=True, to={"polishing": 1.0}),
        Tank("south_1", 2000.0, aerated=True, to={"polishing": 1.0}),
        Tank("polishing", 500.0, aerated=True, to={"settler": 0.9, "effluent": 0.1}),
    )
    return Layout(
        tanks,
        {"selector": 0.9, "south_1": 0.1},
        {"selector": 1.0},
        (Recycle("internal", "polishing", "north_1"), Recycle("south", "polishing", "south_1")),
        IdealSettler(0.002),
    )


def cascade():
    """Controllers of all kinds: a master, and what is moved in other lanes and around the settler."""
    layout = parallel(2, 4)
    laws = [
        ("ammonia", "lane1_4.S_NH", "oxygen_1.setpoint"),
        ("oxygen_1", "lane1_3.S_O", "lane1_3.kla"),
        ("air_2", "lane1_4.S_O", "lane2_4.kla"),
        ("nitrate_2", "lane2_1.S_NO", "recycle.internal_2"),
        ("solids", "lane2_4.TSS", "wastage"),
        ("return", "lane2_4.X_BH", "return_sludge"),
        ("storm", "lane1_1.S_ALK", "Q_in"),
    ]
    controllers = tuple(Controller(n, m, "g/m3", (s,), PI(1.0, 1.0, 1.0)) for n, m, s in laws)
    return Layout(
        layout.tanks, layout.influent_to, layout.return_to, layout.recycles, layout.settler, controllers=controllers
    )


def side_stream():
    """The return sludge rests in a tank of its own; tanks in a row are passed by."""
    tanks = (
        Tank("resting", 800.0, aerated=True, to={"contact": 1.0}),
        Tank("contact", 500.0, to={"aeration": 0.7, "last": 0.3}),
        Tank("aeration", 2500.0, aerated=True),
        Tank("last", 2500.0, aerated=True),
    )
    return Layout(tanks, {"contact": 1.0}, {"resting": 1.0}, waste_from="resting")


def imposed():
    return Layout(
        (Tank("anoxic", 1000.0), Tank("a_very_long_name_of_a_tank", 2000.0)),
        {"anoxic": 1.0},
        {"anoxic": 1.0},
        (Recycle("internal", "a_very_long_name_of_a_tank", "anoxic"),),
        imposed=(("a_very_long_name_of_a_tank", "S_O"),),
    )


LAYOUTS = {
    "cstr": cstr,
    "small": small,
    "bsm1": bsm1,
    "uct": uct,
    "step_feed": step_feed,
    "parallel_2x2": lambda: parallel(2, 2),
    "parallel_3x5": lambda: parallel(3, 5, primary=True),
    "parallel_10x8": lambda: parallel(10, 8),
    "sbr": sbr,
    "primary": with_primary,
    "selector": selector,
    "cascade": cascade,
    "side_stream": side_stream,
    "imposed": imposed,
}


def make(name):
    return Plant(TABLE, LAYOUTS[name]())
