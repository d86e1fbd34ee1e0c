"""Time QSDsan's BSM1 (exposan), open loop, over 14 dynamic days. Runs in the environment of `make_environments.py`.

    benchmarks/.peers/qsdsan/bin/python benchmarks/peers/run_qsdsan.py \
        --influent bsm1_asm1_Inf_dry.txt --start bsm1.json --out runs/qsdsan

The plant is `exposan.bsm1.create_system()` as it is, with QSDsan's `DynamicInfluent` in front of it. The integrator is
SciPy's `solve_ivp` behind `System.simulate`, with RK23 and SciPy's default tolerances (1e-3 and 1e-6), which exposan
leaves as they are. The tracker of streams, which exposan switches on, stays off.

The influent is held over 15 min: `DynamicInfluent` passes interpolator="previous" on to SciPy's `interp1d`, and needs
a function for its slope then, which is zero. The package's own default is a periodic cubic spline through the samples
(``--interpolation cubic``), which is another influent.

Where this model is another one than BSM1's, however small the step:

- nitrate and oxygen equivalents are exactly 20/7 and 32/7, not 2.86 and 4.57;
- the settler's solubles are one mixed tank of its whole volume, not ten layers;
- the fifth tank sends a fixed share of its flow back, 0.6, so that the internal recycle follows the influent: it is
  1.5 times (influent + return sludge), and not 55338 m3/d.

The error against the BSM1 reference holds all that, and the settler is most of it. The error of the integration alone
is measured against a run of the same model with small tolerances.

The evaluations are no pure function of time and state: the flow into the first tank is the sum of streams, of which
the recycle and the influent still have the value of the evaluation before: repeated at the same time and state, it
comes nearer to its final value by a factor of 0.6 each time. Explicit methods forgive that. BDF fails
within the first day with a division by zero, whether the influent is held or a spline.

The timed fortnight is the second; the first starts from the steady state and is not timed. The first call is building
the plant and its first 1e-3 d. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from protocol import (
    COMPONENTS,
    PARTICULATES,
    PER_DAY,
    Q_WASTE,
    ROWS,
    SOLUBLES,
    TSS,
    Influent,
    StartState,
    read_influent,
    read_start_state,
    write_effluent,
)

NAMES = {c: f"{c[0]}_{c[1:]}" for c in COMPONENTS}
CARBON = 12.0  # g C per mol of alkalinity
TANKS = ("A1", "A2", "O1", "O2", "O3")
LAYERS = 10


def write_influent(influent: Influent, path: Path) -> None:
    """Write the influent as `DynamicInfluent` reads it; a last row at day 14 repeats the first."""
    table = np.column_stack([np.arange(ROWS) / PER_DAY, influent.concentrations, influent.flow])
    table[:, 1 + COMPONENTS.index("SALK")] *= CARBON
    table = np.vstack([table, table[0]])
    table[-1, 0] = 14.0
    lines = ["\t".join(["t", *NAMES.values(), "Q"]), *("\t".join(repr(float(v)) for v in row) for row in table)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def build(influent_file: Path, start: StartState, interpolation: str) -> object:
    """Return exposan's system behind a dynamic influent, at the start state."""
    import qsdsan as qs
    from exposan.bsm1 import create_system
    from qsdsan import sanunits as su

    fixed = create_system()
    unit, stream = fixed.flowsheet.unit, fixed.flowsheet.stream
    ways = {}
    if interpolation == "hold":
        zeros = np.zeros(len(unit.A1.components) + 1)
        ways = {"interpolator": "previous", "derivative_approximator": lambda t: zeros}
    source = su.DynamicInfluent("DI", outs=[stream.wastewater], data_file=str(influent_file), intpl_kwargs={}, **ways)
    tanks = tuple(getattr(unit, name) for name in TANKS)
    system = qs.System("bsm1_dynamic", path=(source, *tanks, unit.C1), recycle=(unit.O3 - 0, unit.C1 - 1))
    # The flows at time zero are found by iteration; the default method, Aitken's, does not converge here.
    system.set_tolerance(rmol=1e-6, method="wegstein")
    for tank, row in zip(tanks, start.reactors, strict=True):
        named = {NAMES[c]: value for c, value in zip(COMPONENTS, row, strict=True)}
        named["S_ALK"] *= CARBON
        tank.set_init_conc(**named)
    unit.C1.set_init_solubles(**{NAMES[c]: named[NAMES[c]] for c in SOLUBLES})
    unit.C1.set_init_sludge_solids(**{NAMES[c]: named[NAMES[c]] for c in PARTICULATES})
    unit.C1.set_init_TSS(start.layers)
    return system


def run(system: object, span: tuple[float, float], **options: object) -> tuple[float, object]:
    """Integrate over `span`; return the seconds and SciPy's solution."""
    begin = time.perf_counter()
    system.simulate(t_span=span, **options)
    seconds = time.perf_counter() - begin
    solution = system.scope.sol
    if solution.status != 0:
        raise RuntimeError(f"solve_ivp stopped at day {solution.t[-1]:.4f}: {solution.message}")
    return seconds, solution


def effluent(system: object, solution: object, influent: Influent) -> dict[str, np.ndarray]:
    """Return the effluent every 15 min; the steps of the integration are much shorter, so linear in between."""
    units = {u.ID: u for u in system.units}
    index = units["O3"].components.index
    fifth, settler = (slice(*system._state_idx[name]) for name in ("O3", "C1"))
    times = solution.t[0] + np.arange(ROWS) / PER_DAY

    def at(row: int) -> np.ndarray:
        return np.interp(times, solution.t, solution.y[row])

    solids = at(settler.stop - LAYERS)
    tank = {c: at(fifth.start + index(NAMES[c])) for c in PARTICULATES}
    share = solids / (0.75 * sum(tank[c] for c in TSS))
    table = {c: tank[c] * share for c in PARTICULATES} | {"TSS": solids}
    table |= {c: at(settler.start + index(NAMES[c])) for c in SOLUBLES}
    table["SALK"] /= CARBON
    return table | {"t_d": np.arange(ROWS) / PER_DAY, "Qe_m3d": influent.flow - Q_WASTE}


def main() -> None:
    """Run, write the effluent, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influent", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--method", default="RK23", help="of scipy.integrate.solve_ivp")
    parser.add_argument("--interpolation", choices=("hold", "cubic"), default="hold")
    parser.add_argument("--rtol", type=float, default=1e-3)
    parser.add_argument("--atol", type=float, default=1e-6)
    parser.add_argument("--days", type=float, default=14.0, help="of each fortnight; fewer to try a method")
    options = parser.parse_args()
    influent, start = read_influent(options.influent), read_start_state(options.start)
    write_influent(influent, options.out / "influent.tsv")
    ways = {"method": options.method, "rtol": options.rtol, "atol": options.atol}
    result: dict[str, object] = {"peer": "qsdsan", "interpolation": options.interpolation, **ways}

    begin = time.perf_counter()
    import exposan.bsm1  # noqa: F401

    imported = time.perf_counter()
    system = build(options.out / "influent.tsv", start, options.interpolation)
    run(system, (0.0, 1e-3), **ways)
    first = time.perf_counter()
    result |= {"import_s": imported - begin, "first_call_s": first - imported}
    system = build(options.out / "influent.tsv", start, options.interpolation)
    try:
        result["warm_up_s"], _ = run(system, (0.0, options.days), **ways)
        if options.days == 14.0:
            kept = system._state.copy()
            seconds = []
            for _ in range(options.repeats):
                system._state[:] = kept
                passed, solution = run(system, (14.0, 28.0), **ways)
                seconds.append(passed)
            out = options.out / "effluent.csv"
            write_effluent(out, effluent(system, solution, influent))
            result |= {"seconds": seconds, "best_s": min(seconds), "steps": len(solution.t) - 1}
            result |= {"evaluations": int(solution.nfev), "states": len(kept), "effluent": str(out)}
    except Exception as failure:  # the package's own errors are of many kinds, and one of them is a result here
        reached = getattr(system.scope, "_ts", None)
        result["failed"] = f"{type(failure).__name__}: {failure}"
        result["failed_at_day"] = float(reached[-1]) if reached else None
    print(json.dumps(result))


if __name__ == "__main__":
    main()
