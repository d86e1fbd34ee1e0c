"""Trained hybrids far outside what they have seen: no load, and no air.

Run ``python benchmarks/extremes.py`` for short trainings of the quickstart (two seeds, 30 gradient steps) in every
placement, or ``python benchmarks/extremes.py --run RUN`` for a run of any plant. Over the test block all pollutants of
the influent are set to zero, or the oxygen or kLa of all tanks. The table has the lowest and the largest concentration
of any component in any tank, at the knots, of all seeds; the component that exceeds its largest of the base case most,
and how often; and the hours that ``asm-hybrid simulate RUN --scenario`` finds outside of the states seen in training.
Alkalinity stands apart: it is a balance of charges, which acid makes negative, and no rate of ASM1 stops at zero of it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from quickstart_variant import write_variant

from asm_hybrid.plant.loads import load_inputs
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.training import FittedModel, load_model, read_inputs, train

PLACEMENTS: dict[str, dict[str, Any]] = {
    "rates": {},
    "rates, additive": {"form": "additive"},
    "state": {"placement": "state"},
    "parameters": {"placement": "parameters", "parameters": ["mu_A", "K_NH", "K_OA", "eta_g"]},
    "forcing": {"placement": "forcing", "inputs": ["Q_in", "T"]},
    "output": {"placement": "output"},
}

TRAINING = {"seeds": [1, 2], "iterations": 30, "calibration_evaluations": 4}


def zeroed(model: FittedModel) -> dict[str, list[str]]:
    """Return which inputs are set to zero, by scenario."""
    air = [n for n in model.plant.input_index if n.endswith((".kla", ".air", ".S_O")) and not n.startswith("influent.")]
    return {"no load": load_inputs(model.plant), "no air": air}


def extremes(model: FittedModel, run: Path, names: list[str]) -> dict[str, Any]:
    """Return the figures of one run with some inputs set to zero over its test block."""
    frame = read_inputs(run)
    columns = [spec.name for spec in model.plant.inputs]
    begin, end = (pd.Timestamp(t) for t in json.loads((run / "summary.json").read_text())["blocks"]["test"])
    inside = ((frame["time"] > begin) & (frame["time"] <= end)).to_numpy()
    base = frame[columns].to_numpy()
    changed = base.copy()
    changed[np.ix_(inside, [columns.index(n) for n in names])] = 0.0
    solution = model.simulate(torch.tensor(np.stack([base, changed])), record_knots=True)
    assert bool(solution.ok.all())
    assert solution.knots is not None
    states = solution.knots[..., : model.plant.tanks, :]
    block = torch.tensor(inside)
    usual, found = states[:, 0, block], states[:, 1, block]
    ratio = found.amax((0, 1, 2)) / usual.amax((0, 1, 2)).clamp(min=1.0)
    components = model.plant.table.component_names
    least = dict(zip(components, found.amin((0, 1, 2)).tolist(), strict=True))
    alkalinity, worst = least.pop("S_ALK"), int(ratio.argmax())
    lowest = min(least, key=lambda name: least[name])
    with tempfile.TemporaryDirectory() as temporary:
        scenario = Path(temporary) / "scenario.yaml"
        changes = [f"  - {{input: {n}, set: 0}}" for n in names]
        scenario.write_text("\n".join(["name: extreme", "changes:", *changes, ""]), encoding="utf-8")
        outside = simulate_run(run, scenario).cases[1].outside_hours
    return {
        "lowest": [lowest, least[lowest]],
        "alkalinity": [alkalinity, float(usual[..., components.index("S_ALK")].min())],
        "largest": float(found.max()),
        "growth": [components[worst], float(ratio[worst])],
        "outside_hours": outside,
        "hours": float(inside.sum() * model.grid.interval * 24),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run folder, in the place of the quickstart")
    given = parser.parse_args().run
    results = {}
    head = ["placement", "scenario", "lowest [g/m3]", "lowest S_ALK [mol/m3] (base case)", "largest [g/m3]"]
    print("| " + " | ".join([*head, "over base case", "outside [h]"]) + " |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        chosen: dict[str, dict[str, Any]] = {"as trained": {}} if given else PLACEMENTS
        for placement, network in chosen.items():
            run = given or Path(temporary) / placement / "run"
            if not given:
                train(write_variant(run.parent, network=network, training=TRAINING), run)
            model = load_model(run)
            for name, inputs in zeroed(model).items():
                row = results[f"{placement}: {name}"] = extremes(model, run, inputs)
                lowest, acid, growth = row["lowest"], row["alkalinity"], row["growth"]
                print(
                    f"| {placement} | {name} | {lowest[0]} {lowest[1]:.2g} | {acid[0]:.2f} ({acid[1]:.2f}) | "
                    f"{row['largest']:.4g} | {growth[0]} x {growth[1]:.2g} | "
                    f"{row['outside_hours']:.0f} of {row['hours']:.0f} |",
                    flush=True,
                )
    print(json.dumps({"torch": torch.__version__, **results}))


if __name__ == "__main__":
    main()
