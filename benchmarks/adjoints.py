"""Right and wrong uses of each adjoint: how wrong the gradient is, what it costs, and what is said of it.

Six problems, by an explicit method, a stiff one or both, with gradients with respect to start and parameters of a
weighted last state. The error is that of the whole gradient over its length, against an analytic gradient or that of a
solution with tight tolerances. Time is that of both passes over that of ``discrete``, in processor time of one run.
Memory is what a process of its own grows by at its peak, more than for a single element, for a batch of equal elements,
as many as the table says. The last line is JSON.

    python benchmarks/adjoints.py                # about three minutes on a quiet core
"""

from __future__ import annotations

import json
import math
import os
import re
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.kinetics import compile_table, load_table
from asm_hybrid.plant import torch_namespace
from asm_hybrid.solver.adjoint import ADJOINTS
from asm_hybrid.solver.solve import StiffnessWarning, solve

Right = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Problem:
    """A problem: f for given parameters, where it starts and ends, how it is solved, and its exact gradient."""

    name: str
    make: Callable[[Tensor], Right]
    parameters: tuple[float, ...]
    start: tuple[float, ...]
    end: float
    methods: tuple[str, ...]
    rtol: float = 1e-6
    atol: float = 1e-8
    exact: tuple[float, ...] | None = None
    copies: int = 0


def rivals(p: Tensor) -> Right:
    """Lotka and Volterra."""

    def f(t: Tensor, x: Tensor) -> Tensor:
        a, b = x.unbind(-1)
        return torch.stack([p[0] * a - p[1] * a * b, p[3] * a * b - p[2] * b], -1)

    return f


def prothero(p: Tensor) -> Right:
    """Prothero and Robinson: x = p cos(t) from any start."""
    return lambda t, x: -1e3 * (x - p[0] * t.cos()) - p[0] * t.sin()


def robertson(p: Tensor) -> Right:
    """Robertson's reaction."""

    def f(t: Tensor, x: Tensor) -> Tensor:
        a, b, c = x.unbind(-1)
        slow, fast, back = p[0] * a, p[1] * b**2, p[2] * b * c
        return torch.stack([back - slow, slow - back - fast, fast], -1)

    return f


def lorenz(p: Tensor) -> Right:
    """Lorenz' convection."""

    def f(t: Tensor, x: Tensor) -> Tensor:
        a, b, c = x.unbind(-1)
        return torch.stack([p[0] * (b - a), a * (p[1] - c) - b, a * b - p[2] * c], -1)

    return f


TABLE = load_table("asm1")
_CONTENT = {
    **{"S_I": 30.0, "S_S": 2.0, "X_I": 1000.0, "X_S": 60.0, "X_BH": 2500.0, "X_BA": 150.0, "X_P": 450.0, "S_O": 1.5},
    **{"S_NO": 8.0, "S_NH": 3.0, "S_ND": 0.8, "X_ND": 4.0, "S_ALK": 4.5, "S_N2": 10.0},
}
SLUDGE = tuple(_CONTENT[name] for name in TABLE.component_names)


def tank(p: Tensor) -> Right:
    """ASM1 in one aerated tank that is fed: mu_H and kLa are learnt."""
    kinetics, xp = compile_table(TABLE), torch_namespace()
    names = TABLE.component_names
    values: list[Any] = [p[0] if q.name == "mu_H" else torch.tensor(q.default).double() for q in TABLE.parameters]
    zero = torch.zeros((), dtype=torch.float64)
    rows = [[zero if nu is None else zero + nu for nu in row] for row in kinetics.stoichiometry(values, xp)]
    feed = torch.tensor([{"S_S": 70.0, "X_S": 200.0, "S_NH": 32.0}.get(name, 0.0) for name in names]).double()
    oxygen = torch.tensor([float(name == "S_O") for name in names]).double()
    matrix = torch.stack([torch.stack(row) for row in rows])

    def f(t: Tensor, x: Tensor) -> Tensor:
        rates = torch.stack(kinetics.rates(x.unbind(-1), values, xp), -1)
        return rates @ matrix + 2.0 * (feed - x) * (1.0 - 0.9 * (feed == 0.0)) + p[1] * oxygen * (8.0 - x)

    return f


BOTH = ("dopri5", "rodas4")
PROBLEMS = (
    Problem("Lotka-Volterra, two cycles", rivals, (1.5, 1.0, 3.0, 1.0), (1.0, 1.0), 10.0, ("dopri5",), copies=5000),
    Problem("Lotka-Volterra, eight cycles", rivals, (1.5, 1.0, 3.0, 1.0), (1.0, 1.0), 40.0, ("dopri5",), 1e-8, 1e-10),
    Problem(
        "Prothero-Robinson, 1000 time constants",
        prothero,
        (1.0,),
        (1.0,),
        1.0,
        BOTH,
        exact=(math.exp(-1e3), math.cos(1.0) - math.exp(-1e3)),
    ),
    Problem("Robertson", robertson, (0.04, 3e7, 1e4), (1.0, 0.0, 0.0), 0.3, BOTH, 1e-6, 1e-10, copies=2000),
    Problem("ASM1 in one tank", tank, (4.0, 200.0), SLUDGE, 0.05, BOTH, 1e-6, 1e-6),
    Problem("Lorenz, five time units", lorenz, (10.0, 28.0, 8.0 / 3.0), (1.0, 1.0, 1.0), 5.0, ("dopri5",), 1e-8),
)


def gradient(problem: Problem, copies: int = 0, **options: Any) -> Tensor:
    """Return the gradient of a weighted last state, with respect to the start and to the logarithms of parameters."""
    start = torch.tensor(problem.start, dtype=torch.float64)
    x0 = (start.expand(copies, -1) if copies else start).clone().requires_grad_()
    sizes = torch.tensor(problem.parameters, dtype=torch.float64)
    p = torch.ones_like(sizes).requires_grad_()

    class Module(torch.nn.Module):
        def forward(self, t: Tensor, x: Tensor) -> Tensor:
            return problem.make(p * sizes)(t, x)

    given: dict[str, Any] = {} if options.get("adjoint", "discrete") == "discrete" else {"parameters": (p,)}
    found = solve(Module(), x0, [0.0, problem.end], **given, **options)
    last = cast(Tensor, found.states)[-1]
    weights = (1.0 + torch.arange(len(start), dtype=torch.float64)) / start.abs().clamp(min=1.0)
    by_start, by = torch.autograd.grad((last * weights).sum(), (x0, p))
    return torch.cat([(by_start if by_start.dim() == 1 else by_start[0]) * start.abs().clamp(min=1.0), by])


def reference(problem: Problem) -> Tensor:
    if problem.exact is not None:
        return torch.tensor(problem.exact, dtype=torch.float64)
    stiff = "rodas4" in problem.methods
    rtol, atol = (1e-9, 1e-13) if stiff else (1e-12, 1e-13)
    return gradient(problem, method="rodas5p" if stiff else "dopri8", rtol=rtol, atol=atol)


def settings(problem: Problem, method: str, adjoint: str) -> dict[str, Any]:
    given = {"method": method, "adjoint": adjoint, "rtol": problem.rtol, "atol": problem.atol}
    back = {"adjoint_options": {"max_num_steps": 5000}} if adjoint in ("backsolve", "interpolated") else {}
    return given | back  # a state that is lost on the way back may take steps without end


def peak(call: Callable[[], Any]) -> float:
    """Return by how much a process of its own grows at its peak while it calls something [MiB]."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        before, grown = _status("VmRSS"), "nan"
        try:
            call()
            grown = str((_status("VmHWM") - before) / 1024.0)
        except (InputError, SimulationError):
            pass  # said where it is measured
        finally:
            os.write(write, grown.encode())
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as told:
        return float(told.read())


def _status(key: str) -> float:
    found = re.search(rf"{key}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return float(found[1])


def measured(problem: Problem, method: str, adjoint: str, exact: Tensor) -> dict[str, Any]:
    """Return the error of one use, its time, and what was said."""
    row: dict[str, Any] = {"problem": problem.name, "method": method, "adjoint": adjoint}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", StiffnessWarning)
        begin = time.process_time()
        try:
            found = gradient(problem, **settings(problem, method, adjoint))
        except InputError as error:
            return row | {"outcome": "refused", "message": error.found}
        except SimulationError as error:
            row |= {"outcome": "fails", "message": str(error)[:100]}
        else:
            missed = float((found - exact).norm() / exact.norm())
            row |= {"outcome": "right" if missed < 1e-2 else "wrong", "error": missed}
    row["seconds"] = time.process_time() - begin
    return row | {"warned": any("AdjointWarning" in w.category.__name__ for w in said)}


def case(problem: Problem, method: str, exact: Tensor) -> list[dict[str, Any]]:
    rows = [measured(problem, method, adjoint, exact) for adjoint in ADJOINTS]
    for row in rows:
        if row["outcome"] in ("right", "wrong"):
            row["time"] = row["seconds"] / rows[0]["seconds"]
    return rows


def memory(problem: Problem, method: str) -> dict[str, float]:
    """Return the memory of every adjoint [MiB]; nan where it is refused or fails."""
    base = peak(partial(gradient, problem, 1, **settings(problem, method, "discrete")))
    calls = {a: partial(gradient, problem, problem.copies, **settings(problem, method, a)) for a in ADJOINTS}
    return {adjoint: peak(call) - base for adjoint, call in calls.items()}


def shown(row: dict[str, Any]) -> str:
    warned = " (warns)" if row.get("warned") else ""
    if row["outcome"] in ("refused", "fails"):
        return f"| | | {row['adjoint']} | {row['outcome']}{warned} | | |"
    error = f"{row['error']:.0e}{warned}" if row["outcome"] == "right" else f"**{row['error']:.0e}**{warned}"
    return f"| | | {row['adjoint']} | {error} | {row['time']:.1f} | {row.get('memory', '')} |"


def main() -> None:
    torch.set_num_threads(1)
    with warnings.catch_warnings():  # before this process has grown, which its children would begin with
        warnings.simplefilter("ignore")
        grown = {(p.name, method): memory(p, method) for p in PROBLEMS if p.copies for method in p.methods[-1:]}
    every = []
    gradient(PROBLEMS[2], **settings(PROBLEMS[2], "rodas4", "discrete"))  # what is loaded at its first use is not timed
    print("| problem | method | adjoint | error of the gradient | time | memory [MiB] |\n|---|---|---|---|---|---|")
    for problem in PROBLEMS:
        exact = reference(problem)
        for method in problem.methods:
            rows = case(problem, method, exact)
            for row in (r for r in rows if r["outcome"] in ("right", "wrong")):
                if (problem.name, method) in grown:
                    row["memory"] = round(grown[problem.name, method][row["adjoint"]], 1)
            print(f"| {problem.name} | {method} | | | | |")
            print("\n".join(map(shown, rows)), flush=True)
            every += rows
    print(json.dumps(every))


if __name__ == "__main__":
    main()
