"""What an exported plant costs and how exact it is: right-hand side in C, and 14 days through FMPy in both ways.

    python benchmarks/export_fmu.py
    python benchmarks/export_fmu.py --days 3

The plant is that of BSM1, five tanks with an n of two layers of 32 units, with an ideal settler (70 states, since the
table counts N2 as well) and with ten layers. Inputs are those of the generator with rain, nine of them moving in
straight lines between values at 15 min. n has small random weights, as costs do not depend on what they are.

- ``rhs_us``: a call of the right-hand side in a loop in C [µs], n acting, compiled by gcc -O3
  -fno-trapping-math, as the FMUs are.
- ``ratio_cs``, ``ratio_me``: processor time of `fmpy.simulate_fmu` with steps of 900 s, all that FMPy does included,
  over that of our own simulation with its equations written beforehand; the time with their writing is printed too.
- ``error_cs``, ``error_me``: largest difference of any state from our own simulation, over its largest size. Under
  ``exact`` that from a simulation at a relative tolerance of 1e-9, with that of our own: in layered settlers, whose
  fluxes have kinks, most of the difference can be our own's.

Beside the inputs FMPy is given their slopes, ``der(INPUT)``: without these it would hold inputs over an output
interval.

The last line is JSON: the figures of FMI 3 with the ideal settler, under ``layered`` those with layers, and under
``fmi2`` those of FMI 2. The exit code is 1 where a right-hand side of the ideal plant takes more than 3 µs,
co-simulation more than twice our own, or an error of the ideal plant is above 1e-4.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fmpy
import numpy as np
import torch
from export_clients import DAY, Run, distance, farthest
from untrained import write_run

import asm_hybrid as ah
from asm_hybrid.export import export_run
from asm_hybrid.scenario.simulation_inputs import InputSeries

INTERVAL = 1.0 / 96.0
"""Distance of knots, and the communication step [d]."""
CALLS, ROUNDS = 2_000, 300
MOVING = ("Q_in", *(f"influent.{n}" for n in ("S_I", "S_S", "X_I", "X_S", "X_BH", "S_NH", "S_ND", "X_ND")))
TOLERANCE = 1e-6
"""Relative tolerance that FMPy passes on."""
RHS_US, RATIO_CS, ERROR = 3.0, 2.0, 1e-4
LOOP = """\
#include "model.h"
#include <stdio.h>
#include <time.h>

int main(void)
{
    double dx[BSM1_STATES], sum = 0.0, least = 1e9;
    bsm1_model *m = bsm1_new();
    for (int round = 0; round < ROUNDS; round++) {
        const clock_t begin = clock();
        for (int i = 0; i < CALLS; i++) {
            bsm1_state(m)[0] += 1e-9;
            if (bsm1_derivative(m, dx)) return 1;
            sum += dx[0];
        }
        const double spent = 1e6 * (double)(clock() - begin) / CLOCKS_PER_SEC / CALLS;
        if (spent < least) least = spent;
    }
    printf("%.6f %g\\n", least, sum);
    bsm1_free(m);
    return 0;
}
"""


def make_run(folder: Path, days: int, layered: bool) -> Path:
    """Write the run of BSM1 with an n that is not trained; it starts after a day."""
    content = ah.load_plant("bsm1")
    plant = content["plant"]
    if not layered:
        plant["settler"] = {"type": "ideal"}
    for name in MOVING[1:]:
        plant["influent"]["composition"].pop(name.removeprefix("influent."), None)
    del plant["influent"]["flow"]
    columns: dict[str, dict[str, Any]] = {
        name: {"role": "input", "as": name, "unit": "m3/d" if name == "Q_in" else "g/m3"} for name in MOVING
    }
    columns["NH4"] = {"role": "observation", "as": "tank_5.S_NH", "unit": "g/m3", "noise": 0.2}
    times = {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"}
    config = {
        "name": "bsm1",
        "device": "cpu",
        "model": {"kinetics": content["model"]["kinetics"], "mode": "hybrid"},
        "plant": plant,
        "data": {
            "sources": {"online": {"file": "none.csv", "time": times, "columns": columns}},
            "blocks": {"train": [0.0, 0.02], "validate": [0.03, 0.04], "test": [1.0 / (days + 1), 1.0]},
        },
        "network": {"hidden": [32, 32], "type": "mlp"},
        "training": {"seeds": [1]},
    }
    settings = ah.InfluentSettings(flow=18446, COD=380, TKN=52, TSS=None, sewage="settled", rain=ah.RandomRain())
    frame = ah.generate_influent(settings, ah.load_table("asm1_bsm"), days=days + 2, seed=1)
    given = {name: frame[name].to_numpy()[: (days + 1) * 96 + 1] for name in MOVING}
    return write_run(config, folder / "bsm1", days + 1.0, {n: float(v.mean()) for n, v in given.items()}, given=given)


def rhs_time(folder: Path) -> float:
    """Return the time of a call of the right-hand side in C [µs], the least of the rounds."""
    (folder / "loop.c").write_text(LOOP, encoding="utf-8")
    flags = ["-std=c99", "-O3", "-fno-trapping-math", f"-DCALLS={CALLS}", f"-DROUNDS={ROUNDS}"]
    command = ["gcc", *flags, "-o", str(folder / "loop"), str(folder / "loop.c"), str(folder / "model.c"), "-lm"]
    subprocess.run(command, check=True)
    done = subprocess.run([str(folder / "loop")], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[0])


def by_fmpy(path: Path, kind: str, run: Run, knots: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the processor time of a simulation, and the states at all knots."""
    description, folder = fmpy.read_model_description(str(path)), path.with_suffix("")
    if not folder.exists():
        fmpy.extract(str(path), unzipdir=str(folder))
    moving = {name: knots[:, run.subject.plant.input_index[name]] for name in MOVING}
    times = np.arange(len(knots)) * INTERVAL * DAY
    columns = {"time": times, **moving}
    columns |= {f"der({name})": np.append(np.diff(v) / np.diff(times), 0.0) for name, v in moving.items()}
    signals = np.zeros(len(times), dtype=[(name, float) for name in columns])
    for name, values in columns.items():
        signals[name] = values
    with contextlib.redirect_stdout(io.StringIO()):  # FMPy names every input that is not given
        began = time.process_time()
        found = fmpy.simulate_fmu(
            str(folder),
            model_description=description,
            fmi_type=kind,
            stop_time=float(times[-1]),
            output_interval=INTERVAL * DAY,
            step_size=INTERVAL * DAY,
            relative_tolerance=TOLERANCE,
            input=signals,
            output=run.states,
            record_events=False,
        )
        spent = time.process_time() - began
    return spent, np.transpose([found[name] for name in run.states])


def measure(folder: Path, days: int, layered: bool) -> dict[str, Any]:
    """Return the figures of one plant."""
    run = Run(make_run(folder, days, layered))
    paths = export_run(run.folder, ["c", "fmu"], folder / "out").paths
    knots = run.subject.knots[run.first : run.first + days * 96 + 1]
    inputs = InputSeries(np.arange(len(knots)) * INTERVAL, knots[:-1], knots[1:])
    places = [run.subject.plant.rows.names.index(name) for name in run.states]
    rhs = rhs_time(paths["c"][0])
    written, own = [], run.own
    for _ in range(3):
        began = time.process_time()
        expected = own.simulate(run.start, inputs).states[:, places]
        written.append(time.process_time() - began)
    exact = run.exact.simulate(run.start, inputs).states[:, places]
    print(f"{len(run.states)} states, {days} d: {rhs:.2f} µs a right-hand side in C")
    print(
        f"    our own simulation {min(written):.2f} s, {written[0]:.2f} s with its equations written; "
        f"{distance(expected, exact):.1e} off one at 1e-9"
    )
    print(f"    largest difference in {run.states[farthest(expected, exact)]}")
    result: dict[str, Any] = {"states": len(run.states), "rhs_us": round(rhs, 2), "own_s": round(min(written), 3)}
    result["exact"] = {"own": distance(expected, exact)}
    for version, path in zip(("fmi2", "fmi3"), paths["fmu"], strict=True):
        figures: dict[str, float] = {}
        for short, kind in (("cs", "CoSimulation"), ("me", "ModelExchange")):
            tries = [by_fmpy(path, kind, run, knots) for _ in range(2)]
            spent, found = min(t for t, _ in tries), tries[0][1]
            figures |= {f"ratio_{short}": round(spent / min(written), 2), f"error_{short}": distance(found, expected)}
            print(
                f"    {version} {kind}: {spent:.2f} s, {distance(found, expected):.1e} off our own simulation, "
                f"{distance(found, exact):.1e} off one at 1e-9, most in {run.states[farthest(found, exact)]}"
            )
            result["exact"][f"{version}_{short}"] = distance(found, exact)
        result |= figures if version == "fmi3" else {version: figures}
    return result


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=14)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for layered in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(Path(folder), arguments.days, layered))
    result, layered_figures = found
    print(json.dumps(result | {"layered": layered_figures}))
    late = result["rhs_us"] > RHS_US or result["ratio_cs"] > RATIO_CS
    return int(late or any(result[f"error_{kind}"] > ERROR for kind in ("cs", "me")))


if __name__ == "__main__":
    sys.exit(main())
