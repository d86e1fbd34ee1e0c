"""Time one training iteration of the quickstart's hybrid, with our solver and with torchdiffeq's dopri5.

Run ``python benchmarks/solver_step.py`` from the repository root. The last line of the output is JSON.

A training iteration simulates all windows of the training block with all seeds, and goes back through the
simulation to the weights of n. Our solver does so over whole windows. Explicit adaptive integration of the
same takes long, so the comparison is made on a piece: the first hours of the same windows, with the same
seeds, inputs and loss for both. Each ratio compares two times on that piece. Nothing is extrapolated.

The gradient of each is compared with that of our solver at steps of one minute. That reference is of our own
making, so the script also prints how far it is from our solver at steps of 20 seconds. dopri5 at 1e-6 is a
third witness.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchdiffeq
from torch import Tensor

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import Dataset, read_dataset
from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import Forcing, Plant, torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.from_config import make_grid, term_specs
from asm_hybrid.training.scaling import term_scaling
from asm_hybrid.training.windows import make_windows

CONFIG = Path(__file__).parent.parent / "configs" / "quickstart.yaml"
MINUTE = 1.0 / 1440.0
Timed = tuple[float, float, float, Tensor]
"""Seconds forward, seconds back, loss, gradient."""
LAST_LAYER = 0.06
"""Size of the last weights of n, drawn at random here; in a run they grow from zero to about this size."""


class Case:
    """The quickstart's hybrid with random weights, its windows, and a loss.

    Parameters
    ----------
    size : float
        Standard deviation of the weights of the last layer of n.

    Attributes
    ----------
    grid : Grid
        Knots, and steps as the config asks for.
    weights : list of Parameter
        Weights of n.
    starts : Tensor, shape (seed, window, tank, component)
        States at the starts of the windows, on the trajectory of f.
    cut : Tensor, shape (window, knot, input)
        Inputs along the windows.
    """

    def __init__(self, size: float = LAST_LAYER) -> None:
        config = load_config(CONFIG)
        table = load_kinetics(config)
        self.plant = Plant(table, build_layout(config, table))
        self.grid = make_grid(config)
        data = read_dataset(config, table, self.plant.layout)
        targets = tuple(o.target for o in data.observations)
        parameters = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
        inputs = torch.as_tensor(data.inputs)
        first = max(data.blocks["train"][0], config.training.warmup)
        last = data.blocks["train"][1]
        begin, end = (round(t / self.grid.interval) for t in (first, last))
        own = PlantSystem(self.plant, parameters, targets)
        with torch.no_grad():
            start = start_state(own, inputs[: round(10.0 / self.grid.interval)].mean(0))[0]
            solution = PlantModel(own, self.grid).simulate(start, inputs[: end + 1], record_knots=True)
            assert solution.knots is not None
            path = solution.knots
            spec = term_specs(config, table)[0]
            scaling = term_scaling(spec, own, path[begin:end], inputs[begin:end], {})
        takes_part = participants(self.plant, self.plant.stoichiometry(parameters, torch_namespace()))
        term = LearntTerm(spec, self.plant, scaling, takes_part)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            layer = term.network.tensors()["weights"][-1]
            layer.copy_(size * torch.randn(layer.shape, dtype=layer.dtype, generator=generator))
        self.weights = list(term.network.parameters())
        self.system = PlantSystem(self.plant, parameters, targets, term)
        length = round(config.training.window / self.grid.interval)
        windows = make_windows(data, (first, last), length, 1, inputs.device)
        self.cut = windows.inputs(inputs, torch.arange(len(windows)))
        self.starts = path[windows.starts].expand(len(spec.seeds), -1, -1, -1)
        self._measured, self._noise = self._readings(data, windows.starts, length)

    def _readings(self, data: Dataset, starts: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Return the measurements at the knots, ``(window, knot, variable)``, and their noise."""
        columns = [np.interp(data.times, o.times, o.values) for o in data.observations]
        series = torch.as_tensor(np.column_stack(columns))
        noise = torch.tensor([o.noise for o in data.observations], dtype=torch.float64)
        return series[starts.unsqueeze(1) + torch.arange(length + 1)], noise

    def loss(self, outputs: Tensor) -> Tensor:
        """Return the mean squared residual, in units of noise, of ``(seed, window, knot, variable)``."""
        knots = outputs.shape[2]
        return ((outputs - self._measured[:, :knots]) / self._noise).square().mean((1, 2, 3)).sum()

    def ours(self, knots: int, grid: Grid) -> Tensor:
        """Return the outputs at the first knots of all windows, by our solver."""
        return PlantModel(self.system, grid).simulate(self.starts, self.cut[:, :knots]).outputs

    def dopri5(self, knots: int, tolerance: float, count: list[int]) -> Tensor:
        """Return the same by torchdiffeq; adds to ``count`` the number of evaluations of dX/dt."""
        system, interval, last = self.system, self.grid.interval, knots - 2

        def forcing(t: float) -> Forcing[Tensor]:
            i = min(int(t), last)
            return system.forcing(torch.lerp(self.cut[:, i], self.cut[:, i + 1], t - i))

        def right(t: Tensor, x: Tensor) -> Tensor:
            count[0] += 1
            return interval * system.derivative(x, forcing(float(t.detach())))

        times = torch.arange(knots, dtype=torch.float64)
        path = torchdiffeq.odeint(right, self.starts, times, method="dopri5", rtol=tolerance, atol=tolerance)
        outputs = [system.output(x, forcing(float(t))) for t, x in zip(times, path, strict=True)]
        return torch.stack(outputs, dim=2)

    def iterate(self, outputs: Callable[[], Tensor]) -> Timed:
        """Go forward and back once.

        Parameters
        ----------
        outputs : callable
            The simulation.

        Returns
        -------
        seconds forward, seconds back, loss, gradient
        """
        begin = time.perf_counter()
        loss = self.loss(outputs())
        middle = time.perf_counter()
        gradient = torch.autograd.grad(loss, self.weights)
        end = time.perf_counter()
        return middle - begin, end - middle, float(loss.detach()), torch.cat([g.flatten() for g in gradient])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--hours", type=float, default=2.0, help="length of the piece [h]")
    parser.add_argument("--repeats", type=int, default=3, help="timings of our solver; the median counts")
    parser.add_argument("--size", type=float, default=LAST_LAYER, help="size of the last weights of n")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    case = Case(arguments.size)
    knots = 1 + max(1, round(arguments.hours / 24.0 / case.grid.interval))
    whole = case.cut.shape[1]
    hours = 24.0 * case.grid.interval
    seeds, windows = case.starts.shape[:2]
    step = case.grid.interval / case.grid.substeps / MINUTE
    states = case.starts.shape[2] * case.starts.shape[3]
    print(f"{seeds} seeds x {windows} windows, {states} states, float64, one thread")

    def at(minutes: float) -> Grid:
        return replace(case.grid, substeps=max(1, round(case.grid.interval / MINUTE / minutes)))

    def timed(work: Callable[[], Tensor], repeats: int) -> Timed:
        runs = [case.iterate(work) for _ in range(repeats)]
        return min(runs, key=lambda r: abs(r[0] + r[1] - float(np.median([q[0] + q[1] for q in runs]))))

    case.iterate(lambda: case.ours(3, case.grid))  # warm up
    forward, back, _, _ = timed(lambda: case.ours(whole, case.grid), arguments.repeats)
    print(
        f"whole iteration, windows of {hours * (whole - 1):g} h, our solver at {step:g} min: "
        f"{forward + back:.2f} s ({forward:.2f} forward, {back:.2f} back)"
    )
    result: dict[str, Any] = {
        "seeds": seeds,
        "windows": windows,
        "whole_hours": hours * (whole - 1),
        "whole_seconds": round(forward + back, 3),
        "piece_hours": hours * (knots - 1),
        "size": arguments.size,
        "torch": torch.__version__,
        "torchdiffeq": torchdiffeq.__version__,
        "machine": platform.machine(),
    }

    _, _, true_loss, reference = case.iterate(lambda: case.ours(knots, at(1.0)))
    _, _, _, finer = case.iterate(lambda: case.ours(knots, at(1.0 / 3.0)))

    def error(gradient: Tensor) -> float:
        return float((gradient - reference).norm() / reference.norm())

    print(f"\npiece: the first {hours * (knots - 1):g} h of every window; errors against our solver at 1 min")
    print(f"{'solver':<28}{'seconds':>9}{'ratio':>8}{'dX/dt':>8}{'loss error':>13}{'gradient error':>16}")
    rows: list[dict[str, Any]] = []

    def show(name: str, found: Timed, evaluations: int, base: float | None) -> float:
        seconds = found[0] + found[1]
        row = {
            "solver": name,
            "seconds": round(seconds, 3),
            "ratio": round(seconds / base, 2) if base else 1.0,
            "evaluations": evaluations,
            "loss_error": abs(found[2] / true_loss - 1.0),
            "gradient_error": error(found[3]),
        }
        rows.append(row)
        print(
            f"{name:<28}{seconds:>9.2f}{row['ratio']:>8}{evaluations:>8}"
            f"{row['loss_error']:>13.1e}{row['gradient_error']:>16.1e}"
        )
        return seconds

    base = None
    for minutes in dict.fromkeys((step, 5.0)):
        grid = at(minutes)
        found = timed(lambda grid=grid: case.ours(knots, grid), arguments.repeats)
        seconds = show(f"ours, {minutes:g} min", found, 4 * grid.substeps * (knots - 1), base)
        base = base or seconds
    for tolerance in (1e-4, 1e-6):
        count = [0]
        found = case.iterate(lambda tolerance=tolerance, count=count: case.dopri5(knots, tolerance, count))
        show(f"torchdiffeq dopri5, {tolerance:g}", found, count[0], base)
    print(f"reference against our solver at 20 s: {error(finer):.1e}")
    result |= {"rows": rows, "reference_against_20_s": error(finer)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
