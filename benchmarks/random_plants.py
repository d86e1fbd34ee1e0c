"""Random plants: each is simulated to finite numbers or refused with a named error, and no matter is lost.

Plants are drawn from a seed: every kinetics table; tanks in a row, in lanes, with bypass and step feed; all settlers,
primary clarifiers, recycles; wastage from the settler, from a tank or none; controllers, batch reactors; flows over
three decades. Each is simulated as ``asm-hybrid simulate`` does, a base case and one with jumps of flow and of
temperature. Then the balances are worked out over the record, and for plants without a layered settler integrated
beside the states.

    python benchmarks/random_plants.py --plants 300 --seed 1

The last line is JSON with the counts; the exit code is 1 where something is not as it should be.
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

import casadi
import numpy as np

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.kinetics.contents import material_contents
from asm_hybrid.plant import TakacsSettler
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.negative import BELOW
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.yamlfile import to_yaml

SECONDS = 60.0
"""Longest time for a plant [s]."""
CLOSED = 1e-8
"""Largest share of the turnover that a balance may miss [-]."""
TABLES = ("asm1", "asm1_2n", "asm1_bsm", "asm2d", "asm3")
SEWAGE = {"S_I": 30, "X_I": 50, "X_S": 200, "S_ND": 7, "X_ND": 10, "S_ALK": 7, "S_PO4": 6}
SEWAGE |= dict.fromkeys(("S_S", "S_F"), 70) | dict.fromkeys(("S_NH", "S_NH4"), 32) | dict.fromkeys(("X_BH", "X_H"), 28)
SEWAGE |= {"S_A": 20}
"""Usual concentrations; of all other components there is none, or a little."""
SCENARIO = """\
days: 2
scenarios:
  jumps:
    - {input: Q_in, scale: 1.6, start: 6 h, end: 12 h}
    - {input: Q_in, scale: 0.7, start: 1 d, end: 30 h}
    - {input: T, shift: -3, start: 18 h}
"""


def draw_plant(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Return the content of a plant file."""
    table = load_table(str(rng.choice(TABLES)))
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


def integrated_gap(compiled: CompiledPlant, start: np.ndarray) -> float:
    """Return the largest share of turnover that the balances of all materials miss, integrated beside the states."""
    balance, plant, system = MaterialBalance(compiled.system, compiled.parameters), compiled.plant, compiled.system
    contents, count = material_contents(plant.table, compiled.parameters), len(plant.table.components)
    if isinstance(plant.layout.settler, TakacsSettler) or not len(contents):
        return 0.0
    parts = balance.terms(system.state, system.inputs)
    came, reacted, exchanged, left, _, _ = (parts[i * count : (i + 1) * count] for i in range(6))
    weights = casadi.DM(contents)
    net = casadi.mtimes(weights, came + reacted + exchanged - left)
    gross = casadi.mtimes(casadi.fabs(weights), casadi.fabs(came) + casadi.fabs(left))
    total = casadi.SX.sym("total", 2 * len(contents))
    events, after = system.events
    problem = CompiledProblem(
        casadi.vertcat(system.state, total),
        system.inputs,
        casadi.vertcat(system.derivative, net, gross),
        [*system.names, *(f"total_{i}" for i in range(total.numel()))],
        events,
        [casadi.vertcat(a, total) for a in after],
        tolerance=compiled.problem.tolerance,
    )
    inputs = assemble_inputs(plant, 1.0)
    begin = inputs.begin.copy()
    if not plant.layout.cycles:
        begin[:, plant.input_index["Q_in"]] *= 1.0 + 0.3 * np.sin(2 * np.pi * inputs.times[:-1])
    path = problem.run(np.concatenate([start, np.zeros(total.numel())]), inputs.times, begin)
    held = casadi.Function("held", [system.state], [casadi.mtimes(weights, balance.stored)])
    n, m = system.state.numel(), len(contents)
    first, last = (np.array(held(path[k, :n])).ravel() for k in (0, -1))
    size = np.maximum(path[-1, n + m :], np.finfo(float).tiny)
    return float(np.max(np.abs(last - first - path[-1, n : n + m]) / size))


def examine(result: PlantScenarios) -> list[str]:
    """Return what is wrong with a simulation."""
    parameters = np.array(list(result.parameters.values()))
    compiled, wrong = CompiledPlant(result.plant, parameters), []
    names = result.plant.rows.names[: len(result.plant.rows.names) - len(result.plant.rows.extra)]
    for case in result.cases:
        states = case.record.states
        if not np.isfinite(states).all() or not all(np.isfinite(c).all() for c in case.record.columns.values()):
            wrong.append(f"{case.name}: not finite")
        low = {names[i].partition(".")[2] for i in np.flatnonzero(states[:, : len(names)].min(axis=0) < BELOW)}
        silent = [name for name in low if not any(w.startswith(f"{name} is below zero") for w in case.warnings)]
        wrong += [f"{case.name}: {name} below zero without a warning" for name in silent]
        wrong += [f"{case.name}: {w}" for w in case.warnings if "misses" in w]
    base = result.cases[0].record
    given = np.stack([_column(result, base, spec.name) for spec in result.plant.inputs], axis=-1)
    for closure in MaterialBalance(compiled.system, parameters).close(base.times, base.states, given):
        if closure.missed > CLOSED:
            wrong.append(f"the balance of {closure.name} misses {closure.missed:.1e}")
    gap = integrated_gap(compiled, base.states[0])
    return wrong + ([f"the integrated balance misses {gap:.1e}"] if gap > CLOSED else [])


def _column(result: PlantScenarios, record: Any, name: str) -> np.ndarray:
    constant = result.plant.layout.constants.get(name, 0.0)
    return np.asarray(record.columns.get(name, np.full(len(record.times), constant)))


def run(plants: int, seed: int, first: int = 0) -> dict[str, Any]:
    """Simulate plants, and count what comes of them.

    Parameters
    ----------
    plants : int
        How many.
    seed : int
        Of the first; each has its own.
    first : int
        Number of the first plant.

    Returns
    -------
    dict
        Counts, and of every fault the number of the plant with what is wrong.
    """
    counts: Counter[str] = Counter()
    faults: list[str] = []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        scenario, file = Path(folder) / "scenario.yaml", Path(folder) / "plant.yaml"
        scenario.write_text(SCENARIO)
        for number in range(first, first + plants):
            content = draw_plant(np.random.default_rng([seed, number]), number)
            file.write_text(to_yaml(content))
            began = time.perf_counter()
            try:
                result = simulate_plant(file, None if "cycles" in content["plant"] else scenario)
                spent = time.perf_counter() - began
                wrong = examine(result)
                counts["finite"] += 1
                counts["warned"] += any(case.warnings for case in result.cases)
                counts["negative"] += any("below zero" in w for case in result.cases for w in case.warnings)
            except AsmHybridError as error:
                spent, wrong = time.perf_counter() - began, []
                counts[type(error).__name__] += 1
                print(f"{number:4d} {spent:5.1f} s  {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)
            except Exception:  # what this looks for
                spent, wrong = time.perf_counter() - began, [traceback.format_exc(limit=-3)]
            slowest = max(slowest, spent)
            if spent > SECONDS:
                wrong.append(f"took {spent:.0f} s")
            for text in wrong:
                print(f"{number:4d} FAULT {text}", flush=True)
            faults += [f"{number}: {text.splitlines()[-1]}" for text in wrong]
    return {"plants": plants, "seed": seed, **counts, "slowest_s": round(slowest, 1), "faults": faults}


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    found = run(arguments.plants, arguments.seed, arguments.first)
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
