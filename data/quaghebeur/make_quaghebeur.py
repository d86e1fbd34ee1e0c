"""Make the data of a virtual tank for ``configs/quaghebeur.yaml``: usual days, and days beyond them.

Run ``python data/quaghebeur/make_quaghebeur.py`` from the repository root. The result is the same every time. With
``--out FOLDER`` the files are written elsewhere.

The truth is ASM1 with its default parameters in one aerated tank. From `BEYOND` on the load of ammonium is half as high
again, and oxygen sags below all that came before: no model has seen such days in training.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state

HERE = Path(__file__).parent
DAYS, PER_DAY = 33, 96
BEYOND = 27
"""Day from which the plant leaves the range of training."""
NOISE = {"NH4": 0.25, "NO3": 0.5}


def drift(rng: np.random.Generator, count: int, scale: float, memory: float) -> np.ndarray:
    """Return a slow random factor around one, with a memory in days."""
    keep = np.exp(-1.0 / (memory * PER_DAY))
    steps = rng.normal(size=count) * scale * np.sqrt(1 - keep**2)
    out = np.zeros(count)
    for i in range(1, count):
        out[i] = keep * out[i - 1] + steps[i]
    return np.exp(out)


def course(t: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return flow [m3/d] and composition [g/m3] of the influent, and oxygen in the tank [g/m3]."""
    hour = 2 * np.pi * (t % 1.0)
    beyond = np.clip((t - BEYOND) / 0.5, 0.0, 1.0)
    flow = 8000.0 * (1.0 - 0.28 * np.cos(hour - 0.6) - 0.12 * np.cos(2 * hour + 0.4)) * drift(rng, len(t), 0.08, 0.5)
    organic = (1.0 - 0.2 * np.cos(hour - 1.2)) * drift(rng, len(t), 0.15, 1.0)
    nitrogen = (1.0 - 0.4 * np.cos(hour - 1.4)) * drift(rng, len(t), 0.15, 1.0)
    oxygen = (1.9 + 0.5 * np.cos(hour - 0.9)) * drift(rng, len(t), 0.25, 0.3)
    return pd.DataFrame(
        {
            "Q_in": flow,
            "influent.S_S": 75.0 * organic,
            "influent.X_S": 190.0 * organic,
            "influent.S_NH": 26.0 * nitrogen * (1.0 + 0.5 * beyond),
            "aerobic.S_O": oxygen * (1.0 - 0.6 * beyond),
        }
    )


def make(folder: Path) -> None:
    """Write ``truth.csv`` and ``plant.csv`` into a folder."""
    rng = np.random.default_rng(20220301)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    config = load_config(HERE.parent.parent / "configs" / "quaghebeur.yaml")
    truth = load_table("asm1")
    plant = Plant(truth, build_layout(config, load_table(HERE / "unknown_nitrification.yaml")))
    known = course(t, rng)
    table = np.column_stack(
        [known.get(name, np.full(len(t), plant.layout.constants.get(name))) for name in plant.inputs.names]
    )
    inputs = torch.as_tensor(table.astype(float))
    parameters = torch.tensor([p.default for p in truth.parameters], dtype=torch.float64)
    system = PlantSystem(plant, parameters, ("aerobic.S_NH", "aerobic.S_NO"))
    with torch.no_grad():
        start = start_state(system, inputs[: 10 * PER_DAY].mean(0))
        model = PlantModel(system, Grid(1.0 / PER_DAY, 5, True))
        for _ in range(2):  # run in over the first ten days, so that the start carries a day's course
            start = model.simulate(start, inputs[: 10 * PER_DAY + 1]).final
        outputs = model.simulate(start, inputs).outputs[0].numpy()
    clean = pd.DataFrame(outputs, columns=["NH4", "NO3"])
    stamps = pd.date_range("2021-05-03", periods=len(t), freq="15min").strftime("%Y-%m-%d %H:%M")
    clean.insert(0, "time", stamps)
    clean.to_csv(folder / "truth.csv", index=False, float_format="%.4f", lineterminator="\n")
    seen = pd.DataFrame({"time": stamps, "flow": known["Q_in"] / 24.0})
    for name in ("S_S", "X_S", "S_NH"):
        seen[f"{name}_in"] = known[f"influent.{name}"]
    seen["DO"] = known["aerobic.S_O"]
    for name, noise in NOISE.items():
        measured = clean[name] + rng.normal(size=len(t)) * noise
        measured[rng.random(len(t)) < 0.04] = np.nan
        seen[name] = measured.clip(lower=0.0)
    seen.to_csv(folder / "plant.csv", index=False, float_format="%.5g", lineterminator="\n")


def main() -> None:
    """Read the arguments, and make the files."""
    parser = argparse.ArgumentParser(description="Make the data of configs/quaghebeur.yaml.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; the one of this script without it")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
