"""Every export format in its own client, for runs of random plants: tables, layouts, placements, settlers, inputs.

    python benchmarks/export_matrix.py
    python benchmarks/export_matrix.py --count 4 --formats c onnx

A plant is drawn as in `random_plants.py`, with a random n and inputs as runs have them; its n is not trained. Plants
that could not be trained (controllers, batch reactors, impossible water, no steady state) are drawn anew. Each run is
exported to every format, and each export loaded and run by a client that we did not write, where there is one; see
`export_clients.py`. A line tells for every run and format whether its numbers are ours, or why the format was refused.

The last line is JSON with the counts; the exit code is 1 where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from export_clients import CLIENTS, Run
from random_plants import draw_plant
from untrained import save_run, untrained

from asm_hybrid.errors import AsmHybridError, InputError
from asm_hybrid.export import export_run
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.training.model_inputs import check_possible

DAYS = 1.0
"""Length of a record [d]."""
PLACEMENTS = ("rates", "state", "parameters", "forcing", "output")
SUMS = {"COD": 360.0, "TKN": 48.0, "S_NH": 30.0, "S_NH4": 30.0, "TP": 8.0, "S_PO4": 5.0, "S_ALK": 7.0}
"""Of an influent that comes as measured sums, with those components that are given by themselves."""
VARIED = {"Q_in": 0.3, "T": 0.1}
"""Inputs that swing over the day, and by what share of their mean."""


def draw_config(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return a config of a plant with n."""
    content = draw_plant(rng, number)
    plant, table = content["plant"], load_table(content["model"]["kinetics"])
    columns = {}
    for name in ("S_NH", "S_NH4", "S_NO", "S_NO3", "S_NOX"):
        if name in table.component_names:
            columns[name] = {"as": f"{next(iter(plant['tanks']))}.{name}"}
    columns["solids"] = {"as": "effluent.TSS"}
    columns = {name: c | {"role": "observation", "unit": "g/m3", "noise": 0.3} for name, c in columns.items()}
    columns |= _moving(rng, table, plant)
    if rng.random() < 0.2:
        _summed(table, plant["influent"])
    times = {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"}
    return content | {
        "device": "cpu",
        "model": content["model"] | {"mode": "mechanistic" if rng.random() < 0.1 else "hybrid"},
        "data": {
            "sources": {"online": {"file": "none.csv", "time": times, "columns": columns}},
            "interpolation": str(rng.choice(["linear", "previous"])),
            "blocks": {"train": [0.0, 0.05], "validate": [0.06, 0.08], "test": [0.1, 1.0]},
        },
        "network": draw_network(rng, table),
        "training": {"seeds": [1, 2][: int(rng.integers(1, 3))]},
    }


def _moving(rng: np.random.Generator, table: Table, plant: dict[str, Any]) -> dict[str, Any]:
    """Let oxygen be imposed in a tank, or its kLa follow a time table; return the columns for it."""
    aerated = [name for name, tank in plant["tanks"].items() if {"kla", "air"} & set(tank)]
    kind = rng.choice(["imposed", "table", "given"], p=[0.25, 0.2, 0.55])
    if not aerated or kind == "given":
        return {}
    name = str(rng.choice(aerated))
    for key in ("kla", "air"):
        plant["tanks"][name].pop(key, None)
    if kind == "imposed":
        return {"oxygen": {"role": "imposed", "as": f"{name}.{table.oxygen}", "unit": "g/m3"}}
    phases = [
        {"duration": f"{rng.uniform(20, 90):.1f} min", "set": {f"{name}.kla": kla}}
        for kla in (float(rng.uniform(60, 200)), 5.0)
    ]
    plant["cycles"] = {"air": {"phases": phases}}
    return {}


def _summed(table: Table, influent: dict[str, Any]) -> None:
    """Let the influent come as measured sums, where the table is of a family that has them."""
    known = {*table.component_names, "COD", "TKN", *(["TP"] if "S_PO4" in table.component_names else [])}
    influent["fractionation"] = {"type": "settled"}
    influent["composition"] = {name: value for name, value in SUMS.items() if name in known}


def draw_network(rng: np.random.Generator, table: Table) -> dict[str, Any]:
    """Return the section of n."""
    placements = [str(p) for p in rng.choice(PLACEMENTS, int(rng.integers(1, 3)), replace=False)]
    kind = str(rng.choice(["mlp", "monotone", "signed"]))
    seen = [table.oxygen, *(n for n in ("S_NH", "S_NH4", "S_S", "S_A") if n in table.component_names)]
    reads = {p: ["Q_in", "T"] if p == "forcing" else [*seen, "T"] for p in placements}
    network: dict[str, Any] = {"placement": placements, "type": kind, "inputs": reads}
    network["hidden"] = [int(n) for n in rng.integers(2, 9, int(rng.integers(1, 3)))]
    if kind == "monotone":
        network["rises_with"] = ["T"]
    if kind == "mlp":
        network["activation"] = str(rng.choice(["tanh", "silu", "relu", "softplus"]))
    if "rates" in placements and rng.random() < 0.4:
        network["form"] = "additive"
    if "parameters" in placements:
        growth = [name for name in table.parameter_names if name.startswith(("mu_", "b_", "q_"))]
        network["parameters"] = [str(name) for name in rng.choice(growth, 2, replace=False)]
    return network


def make_run(seed: int, number: int, folder: Path) -> tuple[Path, dict[str, Any], list[str]]:
    """Return the folder of a run, its config, and why earlier draws were none."""
    passed: list[str] = []
    for attempt in range(100):
        rng = np.random.default_rng([seed, number, attempt])
        config = draw_config(rng, number)
        if "control" in config["plant"] or "reactor" in config["plant"]["tanks"]:
            passed.append("controllers or volumes that vary")
            continue
        oxygen = {
            c["as"]: 2.0 for c in config["data"]["sources"]["online"]["columns"].values() if c["role"] == "imposed"
        }
        try:
            model, record = untrained(config, DAYS, oxygen, VARIED)
            values = record[list(model.plant.inputs.names)].to_numpy()
            check_possible(model.plant, values, config_interval(model))
            return save_run(model, record, folder / f"run-{number}"), config, passed
        except AsmHybridError as error:
            passed.append(str(error).splitlines()[0])
    raise RuntimeError(f"of 100 plants none could be trained: {Counter(passed)}")


def config_interval(model: Any) -> float:
    """Return the distance of two knots [d]."""
    return float(model.grid.interval)


def describe(config: dict[str, Any]) -> str:
    """Return a config in some words."""
    plant, network = config["plant"], config["network"]
    words = [config["model"]["kinetics"], f"{len(plant['tanks'])} tanks", plant["settler"]["type"]]
    words += [key for key in ("primary", "recycles", "cycles") if key in plant]
    words += ["sums"] if "fractionation" in plant["influent"] else []
    words += ["imposed"] if "oxygen" in config["data"]["sources"]["online"]["columns"] else []
    if config["model"]["mode"] == "mechanistic":
        return ", ".join([*words, "f alone"])
    return ", ".join([*words, network["type"], "+".join(network["placement"]), f"{network['hidden']}"])


def judge(run: Run, name: str, folder: Path) -> tuple[str, str]:
    """Return what comes of one format, ``passed``, ``refused`` or ``faults``, and in words."""
    began = time.perf_counter()
    try:
        paths = export_run(run.folder, name, folder / name).paths[name]
    except InputError as error:
        return "refused", str(error).splitlines()[0]
    except Exception:  # what this looks for
        return "faults", traceback.format_exc(limit=-4)
    made, began = time.perf_counter() - began, time.perf_counter()
    try:
        error = CLIENTS[name].run(run, [path for path in paths if path.exists()])
    except Exception as problem:  # what this looks for
        told = getattr(problem, "stderr", None) or ""
        return "faults", f"{traceback.format_exc(limit=-3)}{told[-2000:]}"
    words = f"{error:.1e} off, made in {made:.1f} s, run in {time.perf_counter() - began:.1f} s"
    return ("passed" if error <= CLIENTS[name].limit else "faults"), words


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="number of runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--formats", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    counts: Counter[str] = Counter(passed=0, refused=0, faults=0)
    for number in range(arguments.first, arguments.first + arguments.count):
        with tempfile.TemporaryDirectory() as place:
            folder, config, passed = make_run(arguments.seed, number, Path(place))
            print(f"{number:3d} {describe(config)}; {len(passed)} draws before it could not be trained", flush=True)
            run = Run(folder)
            for name in arguments.formats:
                outcome, words = judge(run, name, Path(place))
                counts[outcome] += 1
                said = {"passed": "pass", "refused": "refused", "faults": "FAULT"}[outcome]
                print(f"    {name:9s}{said}: {words}", flush=True)
    print(json.dumps({"configs": arguments.count, **counts}))
    return int(counts["faults"] > 0)


if __name__ == "__main__":
    sys.exit(main())
