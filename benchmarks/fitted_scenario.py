"""Time one scenario of a trained run through torch and through compiled functions, in turn.

Run ``python benchmarks/fitted_scenario.py RUN`` with the folder of a run, such as one of the quickstart. A scenario is
two simulations of the whole record, as it was and with 10 % more flow, by all members, with all that `asm-hybrid
simulate` records. Torch runs all of them as one batch; the compiled functions, whose writing is timed too, run them one
after the other. Seconds are those of the processor, the least of several rounds. The last line of the output is JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training import FittedModel, PlantModel, load_model, read_inputs
from asm_hybrid.training.model_inputs import INPUTS, knot_values
from asm_hybrid.training.simulation_models import CompiledModel

MORE_FLOW = 1.1


def cases(model: FittedModel, run: Path, days: float | None) -> Tensor:
    """Return the inputs of the base case and of the scenario, ``(case, knot, input)``."""
    names, interval = model.plant.inputs.names, model.grid.interval
    base = torch.as_tensor(knot_values(read_inputs(run), names, model.begin, interval, str(run / INPUTS)))
    base = base if days is None else base[: round(days / interval) + 1]
    changed = base.clone()
    changed[:, model.plant.input_index["Q_in"]] *= MORE_FLOW
    return torch.stack([base, changed])


def timed(simulate: Callable[[], Solution]) -> tuple[float, Solution]:
    """Return the seconds of the processor, and what was simulated."""
    start = time.process_time()
    found = simulate()
    return time.process_time() - start, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a run with a hybrid or mechanistic model")
    parser.add_argument("--days", type=float, help="only so many days of the record")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of which the least time counts")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(arguments.run)
    inputs, table = cases(model, arguments.run, arguments.days), model.plant.table
    effluent = (f"effluent.{name}" for name in (*table.composites, *table.component_names))
    targets = tuple(dict.fromkeys([*model.targets, *effluent]))
    plant = model.hybrid(targets) if model.term is not None else model.recalibrated(targets)
    members = model.term.members if model.term is not None else 1
    start = model.start[1].expand(members, len(inputs), -1, -1)

    def by_torch() -> Solution:
        with torch.no_grad():
            return PlantModel(plant.system, plant.grid).simulate(start, inputs, record_knots=True)

    def by_compiled() -> Solution:
        return CompiledModel(plant.system, plant.grid).simulate(start, inputs, record_knots=True)

    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(arguments.rounds):
        for spent, simulate in zip(seconds, (by_torch, by_compiled), strict=True):
            spent.append(timed(simulate)[0])
    expected, found = by_torch().outputs, by_compiled().outputs
    size = expected.abs().amax(-2, keepdim=True).clamp(min=1e-3)
    difference = float(((found - expected).abs() / size).max())
    slow, fast = (min(spent) for spent in seconds)
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, {members} members, 2 cases")
    print(f"{inputs.shape[1] - 1} intervals of {24 * 60 * model.grid.interval:g} min, {model.grid.substeps} steps each")
    print(f"torch {slow:.2f} s, compiled {fast:.2f} s, largest difference {difference:.1e} of a quantity's range")
    print(json.dumps({"ratio_case": slow / fast, "torch_s": slow, "compiled_s": fast, "difference": difference}))


if __name__ == "__main__":
    main()
