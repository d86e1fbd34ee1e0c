"""What an exported plant costs and how exact it is: right-hand side in C, and 14 days through FMPy in both ways.

    python benchmarks/export_fmu.py
    python benchmarks/export_fmu.py --days 3

The plant is that of BSM1, five tanks with an n of two layers of 32 units, with an ideal settler (70 states, since the
table counts N2 as well) and with ten layers. Inputs are those of the generator with rain, nine of them moving in
straight lines between values at 15 min. n has small random weights, as costs do not depend on what they are.

- ``rhs_us``: a call of the right-hand side in a loop in C [µs], compiled by gcc -O3 -fno-trapping-math, as the FMUs are, n acting.
- ``ratio_cs``, ``ratio_me``: processor time of `fmpy.simulate_fmu` with steps of 900 s, all that FMPy does included,
  over that of our own simulation with its equations written beforehand; the time with their writing is printed too.
- ``error_cs``, ``error_me``: largest difference of any state from our own simulation, over its largest size. Under
  ``exact`` that from a simulation at a relative tolerance of 1e-9, with that of our own: in layered settlers, whose
  fluxes have kinks, most of the difference can be our own's.

FMPy 0.3 leaves inputs where they are while its CVODE takes a step of model exchange. Here its CVODE is given a
right-hand side that applies the inputs first; all else is FMPy's own. In co-simulation of FMI 3 it sets the variables
``der(…)`` like other inputs. In that of FMI 2 it passes on the slope before a time, and that behind it only where the
time stands twice in the table of inputs, which is how the table is given here; it then counts on nine inputs.

The last line is JSON: the figures of FMI 3 with the ideal settler, under ``layered`` those with layers, and under
``fmi2`` those of FMI 2. The exit code is 1 where a right-hand side of the ideal plant takes more than 3 µs,
co-simulation more than twice our own, or an error of the ideal plant is above 1e-4.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
CALLS = 400_000
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
    double dx[BSM1_STATES], sum = 0.0;
    bsm1_model *m = bsm1_new();
    const clock_t begin = clock();
    for (long i = 0; i < CALLS; i++) {
        bsm1_state(m)[0] += 1e-9;
        if (bsm1_derivative(m, dx)) return 1;
        sum += dx[0];
    }
    printf("%.6f %g\\n", 1e6 * (double)(clock() - begin) / CLOCKS_PER_SEC / CALLS, sum);
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
    """Return the time of a call of the right-hand side in C [µs], the least of three rounds."""
    (folder / "loop.c").write_text(LOOP, encoding="utf-8")
    command = ["gcc", "-std=c99", "-O3", "-fno-trapping-math", f"-DCALLS={CALLS}", "-o", str(folder / "loop")]
    subprocess.run([*command, str(folder / "loop.c"), str(folder / "model.c"), "-lm"], check=True)
    rounds = [subprocess.run([str(folder / "loop")], check=True, capture_output=True, text=True) for _ in range(3)]
    return min(float(done.stdout.split()[0]) for done in rounds)


@contextlib.contextmanager
def applied_inputs() -> Iterator[None]:
    """Let FMPy's CVODE apply the inputs whenever it asks for the right-hand side."""
    sundials: Any = importlib.import_module("fmpy.sundials")
    own = sundials.CVodeSolver

    class Applied(own):  # type: ignore[misc, valid-type]
        def f(self, t: float, y: Any, ydot: Any, user_data: Any) -> int:
            self.set_time(t)
            self.input.apply(t, discrete=False)
            return int(super().f(t, y, ydot, user_data))

    sundials.CVodeSolver = Applied
    try:
        yield
    finally:
        sundials.CVodeSolver = own


def by_fmpy(path: Path, kind: str, run: Run, knots: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the processor time of a simulation, and the states at all knots."""
    description, folder = fmpy.read_model_description(str(path)), path.with_suffix("")
    if not folder.exists():
        fmpy.extract(str(path), unzipdir=str(folder))
    index, third, slopes = run.subject.plant.input_index, description.fmiVersion.startswith("3"), kind == "CoSimulation"
    names = [(name, knots[:, index[name]]) for name in MOVING]
    if third and slopes:  # FMI 2 has a function of its own, which FMPy calls
        moves = [np.append(np.diff(values), 0.0) / (INTERVAL * DAY) for _, values in names]
        names += [(f"der({name})", move) for name, move in zip(MOVING, moves, strict=True)]
    rows = np.arange(len(knots))
    times = rows * INTERVAL * DAY
    if slopes and not third:
        rows, times = np.append(0, np.repeat(rows, 2)), np.append(-INTERVAL * DAY, np.repeat(times, 2))
    signals = np.zeros(len(rows), dtype=[("time", float), *((name, float) for name, _ in names)])
    signals["time"] = times
    for name, values in names:
        signals[name] = values[rows]
    with contextlib.redirect_stdout(io.StringIO()), applied_inputs():
        began = time.process_time()
        found = fmpy.simulate_fmu(
            str(folder),
            model_description=description,
            fmi_type=kind,
            stop_time=float(signals["time"][-1]),
            output_interval=INTERVAL * DAY,
            step_size=INTERVAL * DAY,
            relative_tolerance=TOLERANCE,
            input=signals,
            output=run.states,
            record_events=False,
            set_input_derivatives=slopes and not third,
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
