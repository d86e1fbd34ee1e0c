"""Every export format in its own client, for runs of random plants: tables, layouts, placements, settlers, inputs.

    python benchmarks/export_matrix.py
    python benchmarks/export_matrix.py --count 4 --formats c onnx

A plant is one of `reliability/drawn_plants.py`, with a random n and inputs as runs have them; its n is not trained.
Plants that could not be trained (batch reactors, impossible water, no steady state) are drawn anew. Controllers and
time tables are those of a scenario, with which the run is exported; formats that hold none are then asked for the run
alone.
Each export is loaded and run by a client that we did not write, where there is one; see `export_clients.py`. A line
tells for every run and format whether its numbers are ours, or why the format was refused.

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
from untrained import save_run, untrained

from asm_hybrid.errors import AsmHybridError, InputError
from asm_hybrid.export import available_formats, export_run
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.training.model_inputs import check_possible

sys.path.append(str(Path(__file__).parent / "reliability"))
from drawn_plants import draw_plant, give_sums

DAYS = 1.0
"""Length of a record [d]."""
PLACEMENTS = ("rates", "state", "parameters", "forcing", "output")
VARIED = {"Q_in": 0.3, "T": 0.1}
"""Inputs that swing over the day, and by what share of their mean."""


def draw_config(rng: np.random.Generator, number: int) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return a config of a plant with n, and a scenario where it has controllers or time tables."""
    content = draw_plant(rng, number)
    plant, table = content["plant"], load_table(content["model"]["kinetics"])
    scenario = {"control": plant.pop("control")} if "control" in plant else None
    if scenario is not None:
        plant["tanks"][scenario["control"]["oxygen"]["move"].removesuffix(".kla")]["kla"] = 120.0
    columns: dict[str, dict[str, Any]] = {}
    for name in ("S_NH", "S_NH4", "S_NO", "S_NO3", "S_NOX"):
        if name in table.component_names:
            columns[name] = {"as": f"{next(iter(plant['tanks']))}.{name}"}
    columns["solids"] = {"as": "effluent.TSS"}
    columns = {name: c | {"role": "observation", "unit": "g/m3", "noise": 0.3} for name, c in columns.items()}
    kind = str(rng.choice(["imposed", "table", "on_off", "given"], p=[0.25, 0.1, 0.1, 0.55]))
    if kind == "imposed":
        columns |= _imposed(rng, table, plant)
    elif kind != "given" and scenario is None:
        scenario = _steering(rng, kind, table, plant)
    if rng.random() < 0.2:
        give_sums(table, plant["influent"])
    times = {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"}
    config = content | {
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
    return config, scenario


def _imposed(rng: np.random.Generator, table: Table, plant: dict[str, Any]) -> dict[str, Any]:
    """Let oxygen be imposed in a tank that is aerated; return the column for it."""
    aerated = [name for name, tank in plant["tanks"].items() if {"kla", "air"} & set(tank)]
    if not aerated:
        return {}
    name = str(rng.choice(aerated))
    for key in ("kla", "air"):
        plant["tanks"][name].pop(key, None)
    return {"oxygen": {"role": "imposed", "as": f"{name}.{table.oxygen}", "unit": "g/m3"}}


def _steering(rng: np.random.Generator, kind: str, table: Table, plant: dict[str, Any]) -> dict[str, Any] | None:
    """Return a scenario in which a time table or a switch moves the kLa of a tank."""
    aerated = [name for name, tank in plant["tanks"].items() if "kla" in tank]
    if not aerated:
        return None
    name = str(rng.choice(aerated))
    high = float(rng.uniform(60, 200))
    if kind == "on_off":
        switch = {"type": "on_off", "measure": f"{name}.{table.oxygen}", "move": f"{name}.kla", "on": high, "off": 5.0}
        return {"control": {"blower": switch | {"switch_on": "1 mg/L", "switch_off": "2 mg/L"}}}
    phases = [{"duration": f"{rng.uniform(20, 90):.1f} min", "set": {f"{name}.kla": kla}} for kla in (high, 5.0)]
    return {"cycles": {"air": {"phases": phases}}}


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


def make_run(seed: int, number: int, folder: Path) -> tuple[Run, dict[str, Any], list[str]]:
    """Return a run, its config, and why earlier draws were none."""
    passed: list[str] = []
    for attempt in range(100):
        rng = np.random.default_rng([seed, number, attempt])
        config, scenario = draw_config(rng, number)
        columns = config["data"]["sources"]["online"]["columns"].values()
        oxygen = {column["as"]: 2.0 for column in columns if column["role"] == "imposed"}
        try:
            model, record = untrained(config, DAYS, oxygen, VARIED)
            values = record[list(model.plant.inputs.names)].to_numpy()
            check_possible(model.plant, values, config_interval(model))
            return Run(save_run(model, record, folder / f"run-{number}"), scenario), config, passed
        except AsmHybridError as error:
            passed.append(str(error).splitlines()[0])
    raise RuntimeError(f"of 100 plants none could be trained: {Counter(passed)}")


def config_interval(model: Any) -> float:
    """Return the distance of two knots [d]."""
    return float(model.grid.interval)


def describe(config: dict[str, Any], scenario: dict[str, Any] | None) -> str:
    """Return a config in some words."""
    plant, network = config["plant"], config["network"]
    words = [config["model"]["kinetics"], f"tanks: {len(plant['tanks'])}", plant["settler"]["type"]]
    words += [key for key in ("primary", "recycles") if key in plant]
    words += [] if scenario is None else [*scenario.get("control", {}), *scenario.get("cycles", {})]
    words += ["sums"] if "fractionation" in plant["influent"] else []
    words += ["imposed"] if "oxygen" in config["data"]["sources"]["online"]["columns"] else []
    if config["model"]["mode"] == "mechanistic":
        return ", ".join([*words, "f alone"])
    return ", ".join([*words, network["type"], "+".join(network["placement"]), f"{network['hidden']}"])


def judge(run: Run, name: str, folder: Path) -> tuple[str, str]:
    """Return what comes of one format, ``passed``, ``refused`` or ``faults``, and in words."""
    began = time.perf_counter()
    try:
        out = folder / f"{name}{'' if run.scenario is None else '-scenario'}"
        paths = export_run(run.folder, name, out, scenario=run.scenario).paths[name]
    except InputError as error:
        return "refused", str(error).splitlines()[0]
    except Exception:  # what this looks for
        return "faults", traceback.format_exc(limit=-4)
    made, began = time.perf_counter() - began, time.perf_counter()
    try:
        off = CLIENTS[name](run, [path for path in paths if path.exists()])
    except Exception as problem:  # what this looks for
        told = getattr(problem, "stderr", None) or ""
        return "faults", f"{traceback.format_exc(limit=-3)}{told[-2000:]}"
    ran = time.perf_counter() - began
    words = f"{off.size:.1e} off, at most {off.limit:.0e}; made in {made:.1f} s, run in {ran:.1f} s"
    return ("passed" if off.size <= off.limit else "faults"), words


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="number of runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--formats", nargs="+", choices=list(CLIENTS), default=list(CLIENTS))
    arguments = parser.parse_args()
    missing = [name for name in arguments.formats if name not in available_formats()]
    if missing:
        parser.error(f"there is no export format {missing[0]!r}")
    torch.set_num_threads(1)
    counts: Counter[str] = Counter(passed=0, refused=0, faults=0)
    for number in range(arguments.first, arguments.first + arguments.count):
        with tempfile.TemporaryDirectory() as place:
            run, config, passed = make_run(arguments.seed, number, Path(place))
            print(f"{number:3d} {describe(config, run.scenario)}; {len(passed)} draws before it could not be trained")
            for name in arguments.formats:
                outcomes = [judge(run, name, Path(place))]
                if outcomes[0][0] == "refused" and run.scenario is not None:
                    outcomes.append(judge(Run(run.folder), name, Path(place)))
                for outcome, words in outcomes:
                    counts[outcome] += 1
                    said = {"passed": "pass", "refused": "refused", "faults": "FAULT"}[outcome]
                    print(f"    {name:9s}{said}: {words}", flush=True)
    print(json.dumps({"configs": arguments.count, **counts}))
    return int(counts["faults"] > 0)


if __name__ == "__main__":
    sys.exit(main())
