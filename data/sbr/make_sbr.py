"""Make the data of the batch reactor: a small virtual plant whose truth is known.

Run ``python data/sbr/make_sbr.py`` from the repository root. The result is the same every time. With ``--out
FOLDER`` the files are written elsewhere.

The truth is ASM3 with one mechanism changed: growth of nitrifiers is inhibited by ammonium, ``inhibition(S_NH4, K_AI)``
with ``K_AI = 5 g N/m3`` (our choice: strong enough to be seen in every cycle). The ASM3 that is fitted knows no such
inhibition. Everything else of the truth is ASM3 with its default parameters. Influents are those of the generator, with
the pattern of the day and noise; the flow is that of the cycle.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.data.generator import generate_influent
from asm_hybrid.data.patterns import InfluentSettings
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import start_state
from asm_hybrid.training.simulation_models import PlantModel, without_gradients

HERE = Path(__file__).parent
DAYS, PER_DAY = 30, 144
SAMPLES = 96
"""Samples of the generator in a day."""
GROWTH = "monod(S_NH4, K_A_NH4)"
INHIBITED = "monod(S_NH4, K_A_NH4) * inhibition(S_NH4, K_AI)"
NEW_PARAMETER = (
    "parameters:\n  K_AI: {default: 5.0, unit: g N/m3, bounds: [1, 50], source: own, "
    "description: Inhibition of nitrifiers by ammonium}\n"
)
NOISE = {"NH4": 0.25, "NO3": 0.3, "DO": 0.1, "MLSS": 60.0}
MISSING = 0.04
TARGETS = {"NH4": "reactor.S_NH4", "NO3": "reactor.S_NOX", "DO": "reactor.S_O2", "MLSS": "reactor.TSS"}
SUBSTEPS = 20


def truth_table_text() -> str:
    """Return ASM3 with nitrifiers that ammonium inhibits."""
    text = load_table("asm3").text
    head, process, tail = text.partition("  aerobic_growth_nitrifiers:")
    if not process or GROWTH not in tail or "\nparameters:\n" not in head:
        raise SystemExit("the ASM3 table has changed its form: adapt data/sbr/make_sbr.py")
    text = head.replace("\nparameters:\n", "\n" + NEW_PARAMETER) + process + tail.replace(GROWTH, INHIBITED, 1)
    return text.replace("name: asm3\n", "name: sbr_truth\n", 1)


def influent(table: Table) -> pd.DataFrame:
    """Return temperature [degC] and composition of the influent at the knots."""
    settings = InfluentSettings(flow=1440.0, COD=380.0, TKN=40.0, TSS=None, alkalinity=7.0, temperature=15.0)
    found = generate_influent(settings, table, DAYS + 1, start_day=120, seed=25)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    row = np.floor(t * SAMPLES + 1e-6).astype(int)
    return found.iloc[row].reset_index(drop=True)


def make(folder: Path) -> None:
    """Write ``truth.yaml``, ``truth.csv`` and ``plant.csv`` into a folder."""
    rng = np.random.default_rng(20260525)
    (folder / "truth.yaml").write_text(truth_table_text(), encoding="utf-8")
    truth, f = load_table(folder / "truth.yaml"), load_table("asm3")
    config = load_config(HERE.parent.parent / "configs" / "sbr.yaml")
    plant = Plant(truth, build_layout(config, f))
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    water = influent(f)
    table = np.tile([plant.layout.constants.get(spec.name, 0.0) for spec in plant.inputs], (len(t), 1))
    given = ["T", *(f"influent.{name}" for name in f.component_names if np.ptp(water[f"influent.{name}"]) > 1e-6)]
    for name in given:
        table[:, plant.input_index[name]] = water[name]
    for cycle in plant.layout.cycles:
        for name in cycle.inputs:
            table[:, plant.input_index[name]] = cycle.values(name, t)
    parameters = torch.tensor([p.default for p in truth.parameters], dtype=torch.float64)
    grid = Grid(1.0 / PER_DAY, SUBSTEPS, False)
    system, inputs = PlantSystem(plant, parameters, tuple(TARGETS.values())), torch.as_tensor(table)
    start = start_state(system, inputs[: 10 * PER_DAY + 1], grid=grid)
    outputs = without_gradients(PlantModel(system, grid)).simulate(start, inputs).outputs[0].numpy()
    stamps = pd.date_range("2026-05-04", periods=len(t), freq="10min").strftime("%Y-%m-%d %H:%M")
    clean = pd.DataFrame(outputs, columns=list(TARGETS))
    clean.insert(0, "time", stamps)
    clean.to_csv(folder / "truth.csv", index=False, float_format="%.4f", lineterminator="\n")

    seen = pd.DataFrame({"time": stamps, "temperature": water["T"]})
    for name in given[1:]:
        seen[f"{name.removeprefix('influent.')}_in"] = water[name]
    for name, noise in NOISE.items():
        measured = clean[name] + rng.normal(size=len(t)) * noise
        measured[rng.random(len(t)) < MISSING] = np.nan
        seen[name] = measured.clip(lower=0.0)
    seen.to_csv(folder / "plant.csv", index=False, float_format="%.5g", lineterminator="\n")


def main() -> None:
    """Read the arguments, and make the files."""
    parser = argparse.ArgumentParser(description="Make the data of the batch reactor.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; the one of this script without it")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
