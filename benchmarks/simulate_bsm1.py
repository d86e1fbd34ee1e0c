"""BSM1, 14 dynamic days, against QSDsan and bsm2-python at equal accuracy.

Make the peers' environments first, then run, with the dry-weather influent of BSM1 and a converged effluent::

    python benchmarks/peers/make_environments.py
    python benchmarks/simulate_bsm1.py --influent dry.txt --start bsm1.json --reference effluent.csv

`--no-peers` leaves the peers out. `benchmarks/peers/protocol.py` says what is run and how errors are measured: ours
and bsm2-python's against the reference, QSDsan's against its own tight run, since its model is another. Ours is the
loosest tolerance whose error is not above QSDsan's by default; bsm2-python's time is taken at that error. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from peers.compare import Fortnight
from peers.protocol import COMPONENTS, Q_WASTE, error, error_by_quantity, read_effluent, read_influent, seconds_at_error

from asm_hybrid.config import build_layout, load_kinetics

NAMES = ("S_I", "S_S", "X_I", "X_S", "X_BH", "X_BA", "X_P", "S_O", "S_NO", "S_NH", "S_ND", "X_ND", "S_ALK")
TOLERANCES = (1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5, 1e-6)
DAYS, ROWS = 14.0, 1344


def build():
    """Return the compiled plant and its steady state, as a first call does: tables, code, CasADi functions."""
    from asm_hybrid.config import load_plant
    from asm_hybrid.plant import Plant
    from asm_hybrid.scenario.compiled import CompiledPlant
    from asm_hybrid.scenario.simulation_inputs import assemble_inputs

    file = load_plant("bsm1")
    table = load_kinetics(file)
    plant = Plant(table, build_layout(file, table))
    compiled = CompiledPlant(plant, np.array([p.default for p in table.parameters]))
    constant = assemble_inputs(plant, 1.0).mean
    return compiled, constant


def dry_weather(compiled, influent):
    """Return the inputs of a fortnight."""
    from asm_hybrid.scenario.simulation_inputs import assemble_inputs

    inputs = assemble_inputs(compiled.plant, DAYS)
    index = compiled.plant.input_index
    for name, values in zip(NAMES, influent.concentrations.T, strict=True):
        inputs.begin[:, index[f"influent.{name}"]] = values
    inputs.begin[:, index["Q_in"]] = influent.flow
    return inputs


def effluent(record, influent):
    """Return a record as the protocol's effluent table."""
    found = {c: record.columns[f"effluent.{n}"][:ROWS] for c, n in zip(COMPONENTS, NAMES, strict=True)}
    return found | {"TSS": record.columns["effluent.TSS"][:ROWS], "Qe_m3d": influent.flow - Q_WASTE}


def time_ours(influent, reference, repeats):
    """Time our engine: first call, steady state from cold, and the second fortnight at several tolerances."""
    began = time.perf_counter()
    compiled, constant = build()
    inputs = dry_weather(compiled, influent)
    start = compiled.steady_state(constant).state
    record = compiled.simulate(start, inputs)
    first_call = time.perf_counter() - began
    steady = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = compiled.steady_state(constant)
        steady.append(time.perf_counter() - began)
    runs = []
    for tolerance in TOLERANCES:
        engine = type(compiled)(compiled.plant, compiled.parameters, tolerance=tolerance)
        warm = engine.simulate(found.state, inputs).states[-1]
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            record = engine.simulate(warm, inputs)
            seconds.append(time.perf_counter() - began)
        table = effluent(record, influent)
        row = {"tolerance": tolerance, "best_s": min(seconds), "error": error(table, reference)}
        runs.append(row | {"errors": error_by_quantity(table, reference)})
    return {"first_call_s": first_call, "steady_s": min(steady), "residual": found.residual, "runs": runs}


def main() -> None:
    """Print a table and JSON."""
    shared = Path(__file__).resolve().parents[2] / "shared"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influent", type=Path, default=shared / "data/bsm/bsm1_asm1_Inf_dry.txt")
    parser.add_argument("--start", type=Path, default=shared / "reference/bsm1.json")
    parser.add_argument("--reference", type=Path, default=shared / "reference/bsm1_open_loop_dry.csv")
    parser.add_argument("--out", type=Path, default=Path("runs/peers"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 0.25], help="steps of bsm2-python")
    parser.add_argument("--no-peers", action="store_true", help="time our engine only")
    options = parser.parse_args()
    influent, reference = read_influent(options.influent), read_effluent(options.reference)
    ours = time_ours(influent, reference, options.repeats)
    print(f"first call, imports to the end of a fortnight: {ours['first_call_s']:.2f} s")
    print(f"steady state from cold: {ours['steady_s']:.3f} s, residual {ours['residual']:.1e} 1/d")
    print(f"{'':24} {'seconds':>8} {'error':>9}")
    for run in ours["runs"]:
        print(f"{'asm-hybrid ' + format(run['tolerance'], '.0e'):24} {run['best_s']:8.3f} {run['error']:9.2e}")
    result = {"ours_first_call_s": ours["first_call_s"], "steady_s": ours["steady_s"], "ours": ours["runs"]}
    if not options.no_peers:
        fortnight = Fortnight(options.influent, options.start, options.out, options.reference, options.repeats)
        peers = fortnight.qsdsan([(1e-3, 1e-6)]) | {"bsm2_python": fortnight.bsm2_python(options.minutes)}
        qsdsan = peers["qsdsan"][0]
        print(f"{'QSDsan RK23, default':24} {qsdsan['best_s']:8.2f} {qsdsan['own_error']:9.2e}  of its integration")
        for run in peers["bsm2_python"]:
            print(
                f"{'bsm2-python ' + format(run['minutes'], 'g') + ' min':24} {run['best_s']:8.2f} {run['error']:9.2e}"
            )
        chosen = max((r for r in ours["runs"] if r["error"] <= qsdsan["own_error"]), key=lambda r: r["error"])
        other = seconds_at_error(peers["bsm2_python"], chosen["error"])
        result |= {
            "peers": peers,
            "tolerance": chosen["tolerance"],
            "bsm2_python_extrapolated": other["extrapolated"],
            "ours_s": chosen["best_s"],
            "ours_error": chosen["error"],
            "qsdsan_s": qsdsan["best_s"],
            "bsm2_python_s": other["best_s"],
            "ratio_qsdsan": qsdsan["best_s"] / chosen["best_s"],
            "ratio_bsm2_python": other["best_s"] / chosen["best_s"],
        }
        print(
            f"at our error of {chosen['error']:.1e}: {result['ratio_qsdsan']:.0f} times as fast as QSDsan, "
            f"{result['ratio_bsm2_python']:.0f} times as bsm2-python"
            + (" (its time extrapolated to that error)" if other["extrapolated"] else "")
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
