"""Time one training step of a stiff plant, with our solver, torchdiffeq and diffrax, at gradients good enough to train.

Make diffrax's environment first, then run, from the repository root::

    python benchmarks/peers/make_environments.py diffrax
    python benchmarks/train_step.py

`--no-peers` leaves the peers out, `--no-diffrax` only diffrax. `train_step_problem.py` says what is solved. A step goes
forward over 64 windows of 6 h and back to five parameters of ASM1 and a network, in float64, on one thread.

Gradients are compared with those of the classical Runge-Kutta method at steps of 10 s. The errors with respect to
parameters and network are relative, each in its own norm, and the larger counts. Our solver takes the longest step
whose error is below 1e-3, a peer the loosest tolerance whose error is below 1e-2. Times are the least of several
runs. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchdiffeq
from peers.make_environments import interpreter, ready
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from train_step_problem import INTERVAL, Found, Interpolated, Problem, error

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.solver import rosenbrock
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import SETTLING

GOOD, USABLE = 1e-3, 1e-2
"""Errors of the gradient that ours and that peers must keep."""

SUBSTEPS = (1, 2, 3, 5)
TORCHDIFFEQ = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
DIFFRAX = {"Tsit5": (1e-4, 1e-5, 1e-6, 1e-8), "Kvaerno3": (3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)}
RK4_STEPS = 90
"""Steps of the reference from knot to knot."""

Work = Callable[[PlantSystem], Tensor]


def ours(problem: Problem, substeps: int, *, compiled: bool = False) -> Work:
    """Return the outputs at the knots by our solver."""

    def outputs(system: PlantSystem) -> Tensor:
        grid = Grid(INTERVAL, substeps, settling=SETTLING)
        return rosenbrock.integrate(system, problem.starts, problem.inputs, grid, compiled=compiled).outputs

    return outputs


def runge_kutta(problem: Problem, steps: int) -> Work:
    """Return the same by the classical Runge-Kutta method; the way back repeats one knot interval after the other."""
    along, h = problem.interpolated(), 1.0 / steps

    def outputs(system: PlantSystem) -> Tensor:
        def slope(t: float, x: Tensor) -> Tensor:
            return INTERVAL * system.derivative(x, along(t, system.parameters))

        def interval(first: int, x: Tensor) -> Tensor:
            for k in range(steps):
                t = first + k * h
                k1 = slope(t, x)
                k2 = slope(t + h / 2, x + h / 2 * k1)
                k3 = slope(t + h / 2, x + h / 2 * k2)
                x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(t + h, x + h * k3))
            return x

        path = [problem.starts]
        for first in range(problem.inputs.shape[1] - 1):
            path.append(checkpoint(interval, first, path[-1], use_reentrant=False))
        return observed(system, path, along)

    return outputs


def dopri5(problem: Problem, tolerance: float, count: list[int], *, faster: bool = False) -> Work:
    """Return the same by torchdiffeq; adds to ``count`` the evaluations of dX/dt, which ``faster`` compiles."""
    along, knots = problem.interpolated(), problem.inputs.shape[1]

    def outputs(system: PlantSystem) -> Tensor:
        derivative = torch.compile(system.derivative, fullgraph=True, dynamic=False) if faster else system.derivative

        def right(t: Tensor, x: Tensor) -> Tensor:
            count[0] += 1
            return INTERVAL * derivative(x, along(float(t.detach()), system.parameters))

        times = torch.arange(knots, dtype=torch.float64)
        path = torchdiffeq.odeint(right, problem.starts, times, method="dopri5", rtol=tolerance, atol=tolerance)
        return observed(system, path, along)

    return outputs


def observed(system: PlantSystem, path: list[Tensor] | Tensor, along: Interpolated) -> Tensor:
    """Return what is observed of states at the knots."""
    forcing = along(0.0, system.parameters)
    return torch.stack([system.output(x, forcing) for x in path], dim=-2)


def diffrax(problem: Problem, solver: str, repeats: int) -> dict[str, Any]:
    """Return what diffrax gives, in its own environment: compile seconds, and one `Found` a tolerance."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        problem.export(folder)
        script = Path(__file__).parent / "peers" / "run_diffrax.py"
        command = [interpreter("diffrax"), script, folder, "--solver", solver, "--out", folder / "out.json"]
        command += ["--repeats", repeats, "--tolerances", *DIFFRAX[solver]]
        subprocess.run([str(word) for word in command], check=True, stderr=subprocess.DEVNULL)
        found = json.loads((folder / "out.json").read_text())
    for run in found["runs"]:
        gradients = (np.array(run.pop(name)) for name in ("parameters", "network"))
        run["found"] = Found(0.0, run["seconds"], run["loss"], *gradients)
    return found


def fastest(problem: Problem, work: Work, repeats: int) -> Found:
    """Return the fastest of several steps."""
    return min((problem.step(work) for _ in range(repeats)), key=lambda found: found.seconds)


class Table:
    """Prints rows, and keeps them.

    Parameters
    ----------
    reference : Found
        What errors are measured from.
    """

    def __init__(self, reference: Found) -> None:
        self.reference = reference
        self.rows: list[dict[str, Any]] = []
        print(f"{'':34}{'seconds':>9}{'loss':>10}{'parameters':>12}{'network':>10}")

    def add(self, name: str, found: Found, remark: str = "", **more: object) -> dict[str, Any]:
        """Add a row, and return it."""
        errors = error(found, self.reference)
        row = {"name": name, "seconds": found.seconds, "loss": found.loss, "errors": errors, **more}
        print(
            f"{name:34}{found.seconds:9.2f}{errors['loss']:10.1e}{errors['parameters']:12.1e}{errors['network']:10.1e}"
            f"  {remark}",
            flush=True,
        )
        self.rows.append(row)
        return row


def time_ours(problem: Problem, table: Table, repeats: int) -> dict[str, Any]:
    """Time our solver: all steps in plain torch, the longest good one compiled, and both of that with 20 tanks."""
    chosen = None
    for substeps in SUBSTEPS:
        row = table.add(f"ours, {15 / substeps:g} min", fastest(problem, ours(problem, substeps), 2), substeps=substeps)
        if chosen is None and row["errors"]["gradient"] <= GOOD:
            chosen = row
    if chosen is None:
        raise SystemExit(f"no step of ours keeps the gradient within {GOOD:g}")
    substeps = chosen["substeps"]
    larger = Problem(tanks=20)
    result: dict[str, Any] = {"step_min": 15 / substeps, "gradient_error_eager": chosen["errors"]["gradient"]}
    for size, case in (("", problem), ("_20_tanks", larger)):
        eager = fastest(case, ours(case, substeps), repeats)
        torch._dynamo.reset()
        work = ours(case, substeps, compiled=True)
        began = time.perf_counter()
        case.step(work)
        first = time.perf_counter() - began
        quick = fastest(case, work, repeats)
        result |= {f"eager{size}_s": eager.seconds, f"compiled{size}_s": quick.seconds, f"first{size}_s": first}
        if case is problem:
            table.add(f"ours, {15 / substeps:g} min, again", eager)
            row = table.add(f"ours, {15 / substeps:g} min, compiled", quick, f"first step {first:.0f} s")
            result["gradient_error"] = row["errors"]["gradient"]
    for way in ("eager", "compiled"):
        result[f"growth_{way}"] = result[f"{way}_20_tanks_s"] / result[f"{way}_s"]
        print(f"from 5 to 20 tanks, {way}: {result[f'growth_{way}']:.2f} times the seconds")
    return result


def time_torchdiffeq(problem: Problem, table: Table) -> dict[str, Any]:
    """Time torchdiffeq from loose to tight, until its gradient is of use."""
    for tolerance in TORCHDIFFEQ:
        count = [0]
        found = problem.step(dopri5(problem, tolerance, count))
        row = table.add(f"torchdiffeq dopri5, {tolerance:g}", found, f"{count[0]} evaluations")
        if row["errors"]["gradient"] <= USABLE:
            break
    else:
        raise SystemExit("torchdiffeq gives no gradient that is of use")
    torch._dynamo.reset()
    quick = dopri5(problem, tolerance, count, faster=True)
    problem.step(quick)
    row = table.add("  the same, dX/dt compiled", problem.step(quick))
    return {"torchdiffeq_s": found.seconds, "torchdiffeq_tolerance": tolerance, "torchdiffeq_dxdt_s": row["seconds"]}


def time_diffrax(problem: Problem, table: Table, repeats: int) -> dict[str, Any]:
    """Time diffrax's two solvers at all tolerances, and choose the fastest run whose gradient is of use."""
    usable, result = [], {}
    for solver in DIFFRAX:
        found = diffrax(problem, solver, repeats)
        for run in found["runs"]:
            name = f"diffrax {solver}, {run['tolerance']:g}"
            row = table.add(name, run["found"], f"{run['steps'][0]} to {run['steps'][1]} steps", steps=run["steps"])
            if row["errors"]["gradient"] <= USABLE:
                usable.append(row)
        print(f"diffrax {solver} compiles for {found['compile_s']:.0f} s")
        result[f"diffrax_{solver}_compile_s"] = found["compile_s"]
        if solver == "Tsit5":  # at its tightest tolerance
            result["loss_difference"] = abs(run["found"].loss / table.reference.loss - 1.0)
    best = min(usable, key=lambda row: row["seconds"])
    return result | {"diffrax_s": best["seconds"], "diffrax_best": best["name"]}


def main() -> None:
    """Print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="timings of our solver")
    parser.add_argument("--no-peers", action="store_true", help="time our solver only")
    parser.add_argument("--no-diffrax", action="store_true", help="leave diffrax out")
    options = parser.parse_args()
    with_diffrax = not (options.no_peers or options.no_diffrax)
    if with_diffrax and not ready("diffrax"):
        sys.exit("no environment for diffrax: python benchmarks/peers/make_environments.py diffrax, or --no-diffrax")
    torch.set_num_threads(1)
    problem = Problem()
    _, windows, tanks, components = problem.starts.shape
    print(f"{windows} windows, {tanks} tanks x {components} states, float64, one thread, torch {torch.__version__}")
    table = Table(problem.step(runge_kutta(problem, RK4_STEPS)))
    table.add("reference: RK4, 10 s", table.reference)
    result = time_ours(problem, table, options.repeats)
    if not options.no_peers:
        result |= time_torchdiffeq(problem, table)
        result["ratio_torchdiffeq"] = result["torchdiffeq_s"] / result["compiled_s"]
        result["ratio_torchdiffeq_eager"] = result["torchdiffeq_s"] / result["eager_s"]
    if with_diffrax:
        result |= time_diffrax(problem, table, repeats=2)
        result["ratio_diffrax"] = result["diffrax_s"] / result["compiled_s"]
        result["ratio_diffrax_eager"] = result["diffrax_s"] / result["eager_s"]
    for name in (name for name in result if name.startswith("ratio_")):
        print(f"{name}: {result[name]:.1f}")
    print(json.dumps({"torch": torch.__version__, **result, "rows": table.rows}))


if __name__ == "__main__":
    main()
