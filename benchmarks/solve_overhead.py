"""What one solution costs beside torchdiffeq: the same network, method and tolerances, forward and backward.

Both are run in turns in one process and on one thread, and processor time is measured, so that whatever else the
machine does weighs little. Shown is the median over rounds of the ratio of their times, asm-hybrid over torchdiffeq,
with the stiffness check at its default and without it. The last line is JSON.

    python benchmarks/solve_overhead.py [--rounds 15]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchdiffeq import odeint

from asm_hybrid.solver.solve import solve

SIZES = ((2, 20), (16, 64), (64, 128), (200, 64))
"""States, and elements of the batch."""

CASES: tuple[tuple[str, int | None, int], ...] = (
    ("rk4", 10, 2),
    ("rk4", 40, 2),
    ("dopri5", None, 2),
    ("dopri5", None, 51),
    ("dopri8", None, 2),
)
"""Method, steps from time to time, and returned times."""


def problem(states: int, batch: int) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    field = nn.Sequential(nn.Linear(states, 64), nn.Tanh(), nn.Linear(64, states))
    return field.double(), torch.randn(batch, states, dtype=torch.float64)


def timed(call: Callable[[], Tensor]) -> float:
    begin = time.process_time()
    torch.autograd.backward(call().square().mean())
    return time.process_time() - begin


def ratios(states: int, batch: int, method: str, steps: int | None, count: int, rounds: int) -> dict[str, float]:
    field, x0 = problem(states, batch)
    times = torch.linspace(0.0, 1.0, count, dtype=torch.float64)
    tight: dict[str, Any] = {"rtol": 1e-6, "atol": 1e-8}
    own = {"step_size": 1.0 / steps} if steps else {}

    def f(t: Tensor, x: Tensor) -> Tensor:
        return cast(Tensor, field(x))

    calls: dict[str, Callable[[], Tensor]] = {
        "torchdiffeq": lambda: odeint(f, x0, times, method=method, options=own, **tight),
        "solve": lambda: cast(Tensor, solve(f, x0, times, method=method, steps=steps, **tight).states),
        "unchecked": lambda: cast(
            Tensor, solve(f, x0, times, method=method, steps=steps, stiffness=False, **tight).states
        ),
    }
    found: dict[str, list[float]] = {"solve": [], "unchecked": []}
    for call in calls.values():
        timed(call)
    for i in range(rounds):
        order = list(calls) if i % 2 else list(reversed(calls))
        took = {name: timed(calls[name]) for name in order}
        for name in found:
            found[name].append(took[name] / took["torchdiffeq"])
    return {name: round(statistics.median(values), 3) for name, values in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="rounds, each of which runs all")
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for method, steps, count in CASES:
        for states, batch in SIZES:
            row = ratios(states, batch, method, steps, count, rounds)
            rows.append({"method": method, "times": count, "states": states, "batch": batch, **row})
            what = f"{method:8s} {count:3d} times, {states:3d} states, batch {batch:3d}"
            print(f"{what}: {row['solve']:.2f} of torchdiffeq, {row['unchecked']:.2f} unchecked", flush=True)
    print(json.dumps({"worst": max(row["solve"] for row in rows), "rows": rows}))


if __name__ == "__main__":
    main()
