"""Equations with noise: strong and weak order of every method, moments in standard errors, and time beside torchsde.

Orders are those of geometric Brownian motion from 8 to 128 steps, on the paths of its exact solution. Moments are mean
and variance of geometric Brownian motion and of an Ornstein-Uhlenbeck process, as distances from the exact ones in
standard errors. Times are processor seconds of 4096 paths of a network with 8 states and 100 steps, forwards and
backwards; those of torchsde only where it is installed. The last line is JSON.

    python benchmarks/noise.py [--paths 20000]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import time
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from asm_hybrid.solver.noise_steps import NOISY
from asm_hybrid.solver.solve import solve
from asm_hybrid.solver.wiener import Wiener

GROWTH, NOISE, SEED = 0.6, 0.4, 5
RATE, LEVEL = 2.0, 0.7


def geometric(method: str, steps: int, interpretation: str, paths: int) -> tuple[Tensor, Tensor]:
    """Return geometric Brownian motion from 1 at time 1, and the exact solution on the same paths."""
    found = solve(
        lambda t, x: GROWTH * x,
        torch.ones(1, dtype=torch.float64),
        [0.0, 1.0],
        diffusion=lambda t, x: NOISE * x,
        method=method,
        interpretation=interpretation,
        steps=steps,
        seed=SEED,
        paths=paths,
        stiffness=False,
    )
    end = Wiener(SEED, (paths, 1), torch.float64, torch.device("cpu")).increments(0, 1.0, 1)[0, :, 0]
    drift = GROWTH - (0.5 * NOISE**2 if interpretation == "ito" else 0.0)
    return cast(Tensor, found.states)[-1, :, 0], torch.exp(drift + NOISE * end)


def apart(x: Tensor, mean: float, variance: float) -> tuple[float, float]:
    """Return how far mean and variance are from the exact ones, in standard errors."""
    squares = (x - mean).square()
    count = math.sqrt(len(x))
    return (
        float((x.mean() - mean) / math.sqrt(variance) * count),
        float((squares.mean() - variance) / squares.std() * count),
    )


def measured(method: str, interpretation: str, paths: int) -> dict[str, Any]:
    """Return orders and moments of a method."""
    strong, weak = {}, {}
    for steps in (8, 128):
        x, exact = geometric(method, steps, interpretation, paths)
        strong[steps], weak[steps] = float((x - exact).abs().mean()), abs(float((x - exact).mean()))
    growth = GROWTH + (0.5 * NOISE**2 if interpretation == "stratonovich" else 0.0)
    law = math.exp(growth), math.exp(2 * growth) * (math.exp(NOISE**2) - 1)
    process = solve(
        lambda t, x: -RATE * x,
        torch.full((1,), 1.5, dtype=torch.float64),
        [0.0, 2.0],
        diffusion=lambda t, x: torch.full_like(x, LEVEL),
        method=method,
        interpretation=interpretation,
        steps=400,
        seed=SEED,
        paths=paths,
        stiffness=False,
    )
    settled = LEVEL**2 / (2 * RATE) * (1 - math.exp(-4 * RATE))
    return {
        "method": method,
        "interpretation": interpretation,
        "strong order": round(math.log2(strong[8] / strong[128]) / 4, 2),
        "weak order": round(math.log2(weak[8] / weak[128]) / 4, 2),
        "geometric, standard errors": [round(v, 2) for v in apart(x, *law)],
        "ornstein-uhlenbeck, standard errors": [
            round(v, 2) for v in apart(cast(Tensor, process.states)[-1, :, 0], 1.5 * math.exp(-2 * RATE), settled)
        ],
    }


class Equation(nn.Module):
    """A network as the drift, and a diffusion of each state by itself."""

    noise_type, sde_type = "diagonal", "ito"

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(8, 64), nn.Tanh(), nn.Linear(64, 8)).double()
        self.level = nn.Parameter(torch.full((8,), 0.3, dtype=torch.float64))

    def f(self, t: Tensor, x: Tensor) -> Tensor:
        """Return the drift."""
        return cast(Tensor, self.network(x))

    def g(self, t: Tensor, x: Tensor) -> Tensor:
        """Return the diffusion."""
        return self.level * torch.sin(x)


def seconds(end: Callable[[Equation, Tensor], Tensor]) -> float:
    """Return the least processor time of five solutions, forwards and backwards."""
    torch.manual_seed(0)
    equation, x0, found = Equation(), torch.randn(4096, 8, dtype=torch.float64), []
    for _ in range(5):
        began = time.process_time()
        torch.autograd.backward(end(equation, x0).square().mean())
        found.append(time.process_time() - began)
    return round(min(found), 2)


def times(method: str) -> dict[str, float]:
    """Return the time of a method, and that of torchsde where it is installed."""

    def ours(equation: Equation, x0: Tensor) -> Tensor:
        states = solve(
            equation.f, x0, [0.0, 1.0], diffusion=equation.g, method=method, steps=100, seed=1, stiffness=False
        ).states
        return cast(Tensor, states)[-1]

    found = {"asm-hybrid": seconds(ours)}
    if importlib.util.find_spec("torchsde") is not None:
        theirs = importlib.import_module("torchsde")
        name = {"euler_maruyama": "euler", "milstein": "milstein"}[method]
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        found["torchsde"] = seconds(
            lambda equation, x0: theirs.sdeint(equation, x0, ends, method=name, dt=0.01, dt_min=0.01)[-1]
        )
    return found


def main() -> None:
    """Measure all, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=int, default=20_000, help="paths of orders and moments")
    paths = parser.parse_args().paths
    torch.set_num_threads(1)
    rows = [
        measured(method.name, interpretation, paths)
        for method in NOISY.values()
        for interpretation in method.interpretations
    ]
    for row in rows:
        print(row)
    spent = {method: times(method) for method in ("euler_maruyama", "milstein")}
    print(json.dumps({"orders": rows, "seconds": spent}))


if __name__ == "__main__":
    main()
