"""What a simulation costs as the plant grows: parallel lanes of BSM1's tanks, and tanks in series.

Run it with ``python benchmarks/plant_size.py``. Every plant treats the load of one BSM1 a lane, with a diurnal flow,
for 14 days after its steady state. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Layout, Plant, Recycle, TakacsSettler, Tank
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs

FLOW, VOLUME = 18446.0, 5999.0
INFLUENT = {"S_I": 30.0, "S_S": 69.5, "X_I": 51.2, "X_S": 202.32, "X_BH": 28.17, "S_NH": 31.56, "S_ND": 6.95}
INFLUENT |= {"X_ND": 10.59, "S_ALK": 7.0}


def make_plant(lanes: int, per_lane: int) -> Plant:
    """Return parallel lanes to one settler; two fifths of every lane are anoxic."""
    tanks, recycles = [], []
    constants = {"Q_in": lanes * FLOW, "T": 15.0, "return_sludge": lanes * FLOW, "wastage": lanes * 385.0}
    for lane in range(lanes):
        names = [f"lane_{lane + 1}_tank_{k + 1}" for k in range(per_lane)]
        for k, name in enumerate(names):
            aerated = 5 * k >= 2 * per_lane
            to = {names[k + 1]: 1.0} if k + 1 < per_lane else {"settler": 1.0}
            tanks.append(Tank(name, VOLUME / per_lane, aerated=aerated, to=to))
            if aerated:
                constants[f"{name}.kla"] = 84.0 if k + 1 == per_lane else 240.0
        recycles.append(Recycle(f"lane_{lane + 1}", names[-1], names[0]))
        constants[f"recycle.lane_{lane + 1}"] = 3 * FLOW
    first = {t.name: 1.0 / lanes for t in tanks[::per_lane]}
    constants |= {f"influent.{name}": value for name, value in INFLUENT.items()}
    settler = TakacsSettler(area=1500.0 * lanes, height=4.0)
    layout = Layout(tuple(tanks), first, first, tuple(recycles), settler, constants=constants)
    return Plant(load_table("asm1_bsm"), layout)


def measure(lanes: int, per_lane: int, repeats: int) -> dict[str, float]:
    """Time one plant."""
    plant = make_plant(lanes, per_lane)
    inputs = assemble_inputs(plant, 14.0)
    begin = inputs.begin.copy()
    begin[:, plant.input_index["Q_in"]] *= 1 + 0.3 * np.sin(2 * np.pi * inputs.times[:-1])
    inputs = InputSeries(inputs.times, begin, None)
    began = time.perf_counter()
    compiled = CompiledPlant(plant, np.array([p.default for p in plant.table.parameters]))
    found = compiled.steady_state(inputs.mean)
    first = time.perf_counter() - began
    compiled.simulate(found.state, inputs)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        compiled.simulate(found.state, inputs)
        times.append(time.perf_counter() - began)
    return {
        "lanes": lanes,
        "tanks": lanes * per_lane,
        "states": len(plant.rows.names),
        "build_and_steady_s": first,
        "seconds": min(times),
    }


def exponent(rows: list[dict[str, float]]) -> float:
    """Return the slope of seconds against tanks, both as logarithms."""
    return float(np.polyfit(np.log([r["tanks"] for r in rows]), np.log([r["seconds"] for r in rows]), 1)[0])


def main() -> None:
    """Print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    series = [measure(1, n, repeats) for n in (5, 20, 80)]
    parallel = [measure(lanes, 5, repeats) for lanes in (1, 2, 5, 10)]
    for title, rows in (("tanks in series", series), ("lanes of five tanks", parallel)):
        print(title)
        for row in rows:
            print(
                f"  {row['lanes']:3.0f} lanes {row['tanks']:4.0f} tanks {row['states']:5.0f} states"
                f"  build and steady state {row['build_and_steady_s']:6.2f} s  14 d {row['seconds']:6.2f} s"
            )
        print(f"  seconds grow as tanks ** {exponent(rows):.2f}")
    print(
        json.dumps(
            {
                "series": series,
                "parallel": parallel,
                "exponent_series": exponent(series),
                "exponent_parallel": exponent(parallel),
            }
        )
    )


if __name__ == "__main__":
    main()
