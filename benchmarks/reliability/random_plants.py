"""Random plants: each is simulated to finite numbers or refused with a named error, and no matter is lost.

Plants are drawn from a seed, see `drawn_plants.py`: every kinetics table, shipped layouts that are changed; tanks in a
row, in lanes, with bypass and step feed; all settlers, primary clarifiers, recycles, delays; wastage from the settler,
from a tank or none; controllers, time tables, batch reactors; flows over three decades. Each is simulated as
``asm-hybrid simulate`` does, a base case and one with jumps of flow and of temperature. Then the balances are worked
out over the record, and for plants without a layered settler integrated beside the states.

A concentration below -1e-6 is a fault unless the equations take it there, as those of ASM1 do with ammonium and
alkalinity, which limit no growth in it; then it has to have a warning.

    python benchmarks/reliability/random_plants.py --count 300 --seed 1 --workers 2

Portions of one seed go on from each other by ``--first``. The last line is JSON with the counts; the exit code is 1
where something is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import casadi
import numpy as np
from drawn_plants import draw_any_plant
from watched import watched

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.kinetics.contents import material_contents
from asm_hybrid.plant import TakacsSettler
from asm_hybrid.plant.materials import NOTHING, MaterialBalance
from asm_hybrid.scenario.cases import PlantScenarios
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.negative import BELOW
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.solver.cvodes import CompiledProblem
from asm_hybrid.yamlfile import to_yaml

SECONDS = 30.0
"""Longest time of the processor for a plant [s]."""
ROUNDING = 1e-3
"""Amount that is none [g]."""
CLOSED = 1e-8
"""Largest share of the turnover that a balance may miss [-]."""
DAYS = "days: 2\n"
JUMPS = """\
scenarios:
  jumps:
    - {input: Q_in, scale: 1.6, start: 6 h, end: 12 h}
    - {input: Q_in, scale: 0.7, start: 1 d, end: 30 h}
    - {input: T, shift: -3, start: 18 h}
"""


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
    size = np.maximum(path[-1, n + m :], NOTHING * np.abs(first) + ROUNDING)
    return float(np.max(np.abs(last - first - path[-1, n : n + m]) / size))


def examine(result: PlantScenarios) -> tuple[list[str], list[str]]:
    """Return what is wrong with a simulation, and the components that the equations of the table take below zero."""
    parameters = np.array(list(result.parameters.values()))
    compiled, wrong, driven = CompiledPlant(result.plant, parameters), [], dict[str, None]()
    for case in result.cases:
        record = case.record
        if not np.isfinite(record.states).all() or not all(np.isfinite(c).all() for c in record.columns.values()):
            wrong.append(f"{case.name}: not finite")
            continue
        for place, by_equations in _below_zero(compiled, record, _given(result, record)).items():
            component = place.partition(".")[2]
            if not any(w.startswith(f"{component} is below zero") for w in case.warnings):
                wrong.append(f"{case.name}: {place} below zero without a warning")
            if by_equations:
                driven[component] = None
            else:
                wrong.append(f"{case.name}: {place} below zero, where the equations do not take it")
        wrong += [f"{case.name}: {w}" for w in case.warnings if "misses" in w]
    base = result.cases[0].record
    for closure in MaterialBalance(compiled.system, parameters).close(base.times, base.states, _given(result, base)):
        if closure.missed > CLOSED:
            wrong.append(f"the balance of {closure.name} misses {closure.missed:.1e}")
    at_once = CompiledPlant(result.plant.at_once, parameters) if result.plant.late else compiled
    gap = integrated_gap(at_once, base.states[0])
    return wrong + ([f"the integrated balance misses {gap:.1e}"] if gap > CLOSED else []), list(driven)


def _given(result: PlantScenarios, record: PlantRecord) -> np.ndarray:
    """Return the inputs of a record, with what arrives late behind them."""
    constants = result.plant.layout.constants
    columns = [
        np.asarray(record.columns.get(spec.name, np.full(len(record.times), constants.get(spec.name, 0.0))))
        for spec in result.plant.inputs
    ]
    given = np.stack(columns, axis=-1)
    return given if record.late is None else np.hstack([given, record.late])


def _below_zero(compiled: CompiledPlant, record: PlantRecord, given: np.ndarray) -> dict[str, bool]:
    """Return the concentrations below `BELOW`, and whether the equations take them there.

    They do where the rate of change is below zero at a concentration of zero, shortly before or at the first such
    time; the solution itself is below zero then. Otherwise the integration has made it so.
    """
    system = compiled.system
    rate = casadi.Function("rate", [system.state, system.inputs], [system.derivative])
    count, found = len(compiled.plant.rows.names) - len(compiled.plant.rows.extra), {}
    for i in np.flatnonzero(record.states[:, :count].min(axis=0) < BELOW):
        first = int(np.argmax(record.states[:, i] < BELOW))
        changes = []
        for k in {max(first - 1, 0), first}:
            state = record.states[k].copy()
            state[i] = 0.0
            changes.append(float(rate(state, given[k])[int(i)]))
        found[compiled.plant.rows.names[i]] = min(changes) < 0.0
    return found


@dataclass(frozen=True)
class Judged:
    """What came of a plant.

    Attributes
    ----------
    outcome : str
        ``finite``, or the name of the error that refused it.
    words : str
        The first line of that error.
    faults : tuple of str
        What is wrong.
    warned : bool
        Whether a case has a warning.
    below : tuple of str
        Components below `BELOW` because the equations of the table take them there, each with a warning.
    table : str
        The kinetics.
    """

    outcome: str
    words: str = ""
    faults: tuple[str, ...] = ()
    warned: bool = False
    below: tuple[str, ...] = ()
    table: str = ""


def judge(seed: int, number: int, folder: Path) -> Judged:
    """Draw a plant, simulate it, and say what came of it.

    Parameters
    ----------
    seed, number : int
        Which plant.
    folder : Path
        For its files.
    """
    content = draw_any_plant(np.random.default_rng([seed, number]), number)
    scenario, file = folder / f"scenario-{number}.yaml", folder / f"plant-{number}.yaml"
    batch = "reactor" in content["plant"]["tanks"]  # whose flow follows its phases
    scenario.write_text(DAYS if batch else DAYS + JUMPS, encoding="utf-8")
    file.write_text(to_yaml(content), encoding="utf-8")
    try:
        result = simulate_plant(file, scenario)
        wrong, below = examine(result)
    except AsmHybridError as error:
        return Judged(type(error).__name__, str(error).splitlines()[0])
    except Exception:  # what this looks for
        return Judged("traceback", faults=(traceback.format_exc(limit=-4),))
    finally:
        file.unlink()
        scenario.unlink()
    return Judged(
        "finite",
        "",
        tuple(wrong),
        any(case.warnings for case in result.cases),
        tuple(below),
        result.plant.table.name,
    )


def run(count: int, seed: int, first: int = 0, workers: int = 1) -> dict[str, Any]:
    """Simulate plants, and count what comes of them.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        Of the first; each has its own.
    first : int
        Number of the first plant.
    workers : int
        Processes.

    Returns
    -------
    dict
        Counts, and of every fault the number of the plant with what is wrong.
    """
    counts: Counter[str] = Counter(finite=0, warned=0, below_zero=0)
    faults: list[str] = []
    slowest, peak, spent, began = 0.0, 0.0, 0.0, time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        numbers = range(first, first + count)
        for done in watched(partial(judge, seed, folder=Path(folder)), numbers, limit=SECONDS, workers=workers):
            found = done.result or Judged(done.broken, faults=(done.words,))
            slowest, peak, spent = max(slowest, done.seconds), max(peak, done.peak), spent + done.seconds
            counts[found.outcome] += 1
            counts["warned"] += found.warned
            counts["below_zero"] += bool(found.below)
            if found.words:
                print(f"{done.number:5d} {done.seconds:5.1f} s  {found.outcome}: {found.words}", flush=True)
            for text in found.faults:
                print(f"{done.number:5d} FAULT {text}", flush=True)
            faults += [f"{done.number}: {text.splitlines()[-1]}" for text in found.faults]
            if sum(counts[k] for k in counts if k not in ("warned", "below_zero")) % 100 == 0:
                print(f"after {time.perf_counter() - began:.0f} s: {dict(counts)}, {len(faults)} faults", flush=True)
    return {
        "count": count,
        "seed": seed,
        "first": first,
        **counts,
        "slowest_s": round(slowest, 1),
        "seconds_per_plant": round(spent / max(count, 1), 2),
        "peak_mb": round(peak),
        "faults": faults,
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first plant")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    found = run(arguments.count, arguments.seed, arguments.first, arguments.workers)
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
