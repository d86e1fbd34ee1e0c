"""Compare what can stand for the Jacobian of a plant: error of the gradient, and time of a training step.

``python benchmarks/jacobians.py``; the training step is that of `train_step.py`, in plain torch, in float64, on one
thread, with ROS34PW2. The matrices:

- `none`: the blocks of the tanks alone, flows between tanks explicit;
- `factored`: flows and blocks one after the other, as the solver does it (approximate factorisation), where it says so
  with the slopes of n in the blocks;
- `whole`: all slopes of f, and of n where it says so, one matrix a window.

Each is held from knot to knot, or taken anew at every step. Errors are those of the gradient against the classical
Runge-Kutta method at steps of 10 s, as in `train_step.py`. Times are the least of several runs. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch
from torch import Tensor
from train_step import RK4_STEPS, runge_kutta
from train_step_problem import INTERVAL, Problem, error

from asm_hybrid.hybrid.learnt_term import LearntTerm
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.hybrid.term import LOG_LIMIT
from asm_hybrid.plant import Forcing
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate
from asm_hybrid.training.simulation_models import SETTLING


class Blocks:
    """The blocks of the tanks alone, with the flows out of them; flows between tanks are explicit."""

    def __init__(self, system: PlantSystem) -> None:
        self._system = system

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def inverse(self, x: Tensor, forcing: Forcing[Tensor], shift: float) -> Tensor:
        """Return the inverse blocks."""
        rows, components = x.shape[-2:]
        whole = self._system.full_jacobian(x, forcing).unflatten(-1, (rows, components))
        blocks = whole.unflatten(-3, (rows, components)).diagonal(dim1=-4, dim2=-2).movedim(-1, -3)
        return torch.linalg.inv(shift * torch.eye(components, dtype=x.dtype) - blocks)

    def solve(self, inverse: Tensor, right: Tensor) -> Tensor:
        """Divide tank by tank."""
        return (inverse @ right.unsqueeze(-1)).squeeze(-1)


class Whole(Blocks):
    """All slopes of f."""

    def inverse(self, x: Tensor, forcing: Forcing[Tensor], shift: float) -> Tensor:
        """Return one inverse a window."""
        full = self._slopes(x, forcing)
        return torch.linalg.inv(shift * torch.eye(full.shape[-1], dtype=x.dtype) - full)

    def _slopes(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        return self._system.full_jacobian(x, forcing)

    def solve(self, inverse: Tensor, right: Tensor) -> Tensor:
        """Divide window by window."""
        return (inverse @ right.flatten(-2).unsqueeze(-1)).squeeze(-1).reshape(right.shape)


class WholeWithTerm(Whole):
    """All slopes of f and of n."""

    def _slopes(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        def summed(at: Tensor) -> Tensor:
            return self._system.derivative(at, forcing).flatten(-2).reshape(-1, x.shape[-1] * x.shape[-2]).sum(0)

        return torch.func.jacrev(summed)(x).movedim(0, -3).flatten(-2)


class FactoredWithTerm(PlantSystem):
    """The solver's own factors, with the slopes of n in the blocks."""

    def __init__(self, system: PlantSystem) -> None:
        self.__dict__.update(vars(system))

    def jacobian(self, x: Tensor, forcing: Forcing[Tensor]) -> Tensor:
        """Return the blocks."""
        X, term = self.effective(x, forcing), self.term
        assert isinstance(term, LearntTerm)
        seen = term.features(X, forcing.u)

        def factors(at: Tensor) -> Tensor:
            z = term.network(term.scaled(at)) * term.guard(at)
            return torch.exp(LOG_LIMIT * torch.tanh(z / LOG_LIMIT))

        each = torch.eye(seen.shape[-1], dtype=x.dtype)
        slopes = torch.func.vmap(lambda v: torch.func.jvp(factors, (seen,), (v.expand_as(seen),))[1])(each)
        learnt = (self.own_rates(X, forcing) * slopes).movedim(0, -1) @ torch.as_tensor(term.reading.read).T
        return super().jacobian(x, forcing) + self.stoichiometry.transpose(-2, -1) @ learnt


VARIANTS = {
    "none": Blocks,
    "factored": lambda system: system,
    "factored, with n": FactoredWithTerm,
    "whole": Whole,
    "whole, with n": WholeWithTerm,
}


def main() -> None:
    """Print a table and JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem, rows = Problem(), []
    reference = problem.step(runge_kutta(problem, RK4_STEPS))
    inputs = problem.inputs
    print(f"{'':18}{'taken':>8}{'step':>10}{'seconds':>10}{'gradient':>12}")
    for name, wrap in VARIANTS.items():
        for every in ("knot", "step"):
            for substeps in (1, 2, 3):
                if every == "step" and substeps == 1:
                    continue

                def outputs(system: PlantSystem, wrap: Any = wrap, every: str = every, n: int = substeps) -> Tensor:
                    if every == "knot":
                        grid = Grid(INTERVAL, n, settling=SETTLING)
                        return integrate(wrap(system), problem.starts, inputs, grid).outputs
                    share = torch.arange(n, dtype=inputs.dtype)[:, None] / n
                    steps = inputs[:, :-1, None] + (inputs[:, 1:] - inputs[:, :-1]).unsqueeze(2) * share
                    fine = torch.cat([steps.flatten(1, 2), inputs[:, -1:]], dim=1)
                    # the interval of the start is SETTLING times finer here too: every step of it has as many
                    found = integrate(wrap(system), problem.starts, fine, Grid(INTERVAL / n, 1, settling=SETTLING))
                    return found.outputs[..., ::n, :]

                found = min((problem.step(outputs) for _ in range(options.repeats)), key=lambda f: f.seconds)
                row = {"matrix": name, "every": every, "step_min": 15 / substeps, "seconds": found.seconds}
                row["gradient_error"] = error(found, reference)["gradient"]
                rows.append(row)
                print(
                    f"{name:18}{every:>8}{15 / substeps:7g} min{found.seconds:10.2f}{row['gradient_error']:12.1e}",
                    flush=True,
                )
    print(json.dumps({"torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
