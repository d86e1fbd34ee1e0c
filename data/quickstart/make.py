"""Make the quickstart data: a small virtual plant whose truth is known.

Run ``python data/quickstart/make.py`` from the repository root. The result is the same every time. With ``--out
FOLDER`` the files are written elsewhere.

The truth is ASM1 with one mechanism changed: autotrophic growth is limited by alkalinity, ``monod(S_ALK, K_ALK)`` with
``K_ALK = 0.5 mol/m3`` (the value of ASM2d, Henze et al. 1999, for autotrophs). The ASM1 that is fitted knows no such
limit. The water of this plant is soft, so that nitrification runs short of alkalinity at peak load, and more so in
rain. Everything else of the truth is ASM1 with its default parameters.
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
DAYS, PER_DAY = 36, 96
GROWTH = "monod(S_NH, K_NH)"
LIMITED = "monod(S_NH, K_NH) * monod(S_ALK, K_ALK)"
NEW_PARAMETER = (
    "parameters:\n  K_ALK: {default: 0.5, unit: mol/m3, bounds: [0.1, 2], source: henze1999, "
    "description: Half-saturation of autotrophs for alkalinity}\n"
)
NOISE = {"NH4": 0.25, "NO3": 0.3, "MLSS": 60.0}
RAIN = ((9.3, 0.5, 0.8), (15.6, 0.35, 1.0), (27.4, 0.7, 1.9), (31.2, 1.1, 1.4))
"""Start [d], duration [d], size (rain water per dry-weather flow) of the events; the last two are in the test block."""


def truth_table_text() -> str:
    """Return ASM1 with alkalinity-limited nitrification."""
    text = load_table("asm1").text
    head, process, tail = text.partition("  aerobic_growth_autotrophs:")
    if not process or GROWTH not in tail or "\nparameters:\n" not in head:
        raise SystemExit("the ASM1 table has changed its form: adapt data/quickstart/make.py")
    text = head.replace("\nparameters:\n", "\n" + NEW_PARAMETER) + process + tail.replace(GROWTH, LIMITED, 1)
    return text.replace("name: asm1\n", "name: quickstart_truth\n", 1)


def rain(t: np.ndarray) -> np.ndarray:
    """Return rain water per dry-weather flow [-]: a fast rise, an exponential tail."""
    total = np.zeros_like(t)
    for start, duration, size in RAIN:
        after = t - start
        rise = np.clip(after / 0.08, 0, 1)
        tail = np.exp(-np.clip(after - duration, 0, None) / 0.15)
        total += size * rise * tail
    return total


def influent(t: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return flow [m3/d], temperature [degC] and composition [g/m3, mol/m3] of the influent."""
    hour = 2 * np.pi * (t % 1.0)
    weekend = ((t // 1).astype(int) % 7 >= 5).astype(float)
    weekday = 1.0 - 0.15 * weekend
    diurnal = 1.0 - 0.28 * np.cos(hour - 0.6) - 0.12 * np.cos(2 * hour + 0.4)
    load = 1.0 - 0.38 * np.cos(hour - 0.9) - 0.14 * np.cos(2 * hour - 0.2)

    def drift(scale: float, memory: float) -> np.ndarray:
        """Return a slow random factor around one."""
        keep = np.exp(-1.0 / (memory * PER_DAY))
        steps = rng.normal(size=len(t)) * scale * np.sqrt(1 - keep**2)
        out = np.zeros(len(t))
        for i in range(1, len(t)):
            out[i] = keep * out[i - 1] + steps[i]
        return np.exp(out)

    wet = rain(t)
    dry_flow = 8000.0 * diurnal * weekday * drift(0.05, 0.5)
    flow = dry_flow + 8000.0 * wet
    dilution = dry_flow / flow
    organic = load * weekday * drift(0.12, 1.0) / diurnal
    nitrogen = load * drift(0.12, 1.5) / diurnal
    return pd.DataFrame(
        {
            "Q_in": flow,
            "T": 16.0 + 1.5 * np.sin(2 * np.pi * (t - 4) / 40) - 2.0 * (1 - dilution),
            "S_I": 30.0 * dilution,
            "S_S": 75.0 * organic * dilution,
            "X_I": 45.0 * organic * np.sqrt(dilution),
            "X_S": 190.0 * organic * np.sqrt(dilution),
            "X_BH": 25.0 * organic * dilution,
            "S_NH": 30.0 * nitrogen * dilution,
            "S_ND": 6.0 * organic * dilution,
            "X_ND": 9.0 * organic * np.sqrt(dilution),
            "S_ALK": 4.6 * drift(0.10, 1.5) * dilution + 1.0 * (1 - dilution),
        }
    )


def oxygen(t: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Return the dissolved oxygen in the aerobic tanks [g/m3]: a controller that sags at peak load."""
    hour = 2 * np.pi * (t % 1.0)
    wander = np.convolve(rng.normal(size=len(t)), np.ones(8) / 8, mode="same")
    return pd.DataFrame(
        {
            "aerobic_1.S_O": np.clip(1.4 + 0.45 * np.cos(hour - 0.9) + 0.5 * wander, 0.2, None),
            "aerobic_2.S_O": np.clip(1.9 + 0.35 * np.cos(hour - 0.9) + 0.4 * wander, 0.3, None),
        }
    )


def make(folder: Path) -> None:
    """Write ``truth.yaml``, ``truth.csv`` and ``plant.csv`` into a folder."""
    rng = np.random.default_rng(20210505)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    (folder / "truth.yaml").write_text(truth_table_text(), encoding="utf-8")
    truth = load_table(folder / "truth.yaml")
    config = load_config(HERE.parent.parent / "configs" / "quickstart.yaml")
    plant = Plant(truth, build_layout(config, load_table("asm1")))
    water, air = influent(t, rng), oxygen(t, rng)
    table = np.zeros((len(t), len(plant.inputs)))
    for i, spec in enumerate(plant.inputs):
        short = spec.name.removeprefix("influent.")
        if spec.name in air:
            table[:, i] = air[spec.name]
        elif short in water:
            table[:, i] = water[short]
        else:
            table[:, i] = plant.layout.constants[spec.name]
    inputs = torch.as_tensor(table)
    parameters = torch.tensor([p.default for p in truth.parameters], dtype=torch.float64)
    targets = ("aerobic_2.S_NH", "aerobic_2.S_NO", "aerobic_2.TSS", "aerobic_2.S_ALK")
    system = PlantSystem(plant, parameters, targets)
    with torch.no_grad():
        start = start_state(system, inputs[: 10 * PER_DAY].mean(0))
        # run in over the first ten days, twice, so that the start carries a diurnal cycle
        model = PlantModel(system, Grid(1.0 / PER_DAY, 5, True))
        for _ in range(2):
            start = model.simulate(start, inputs[: 10 * PER_DAY + 1]).final
        outputs = model.simulate(start, inputs).outputs[0].numpy()
    clean = pd.DataFrame(outputs, columns=["NH4", "NO3", "MLSS", "ALK"])
    stamps = pd.date_range("2021-05-03", periods=len(t), freq="15min").strftime("%Y-%m-%d %H:%M")
    clean.insert(0, "time", stamps)
    clean.to_csv(folder / "truth.csv", index=False, float_format="%.4f", lineterminator="\n")

    seen = pd.DataFrame({"time": stamps, "flow": water["Q_in"] / 24.0, "temperature": water["T"]})
    for name in ("S_I", "S_S", "X_I", "X_S", "X_BH", "S_NH", "S_ND", "X_ND", "S_ALK"):
        seen[f"{name}_in"] = water[name]
    for i in (1, 2):
        seen[f"DO_{i}"] = np.clip(air[f"aerobic_{i}.S_O"] + rng.normal(size=len(t)) * 0.03, 0.0, None)
    for name, noise in NOISE.items():
        measured = clean[name] + rng.normal(size=len(t)) * noise
        measured[rng.random(len(t)) < 0.04] = np.nan
        seen[name] = measured.clip(lower=0.0)
    outage = (t >= 12.2) & (t < 13.6)
    seen.loc[outage, "NH4"] = np.nan
    seen.to_csv(folder / "plant.csv", index=False, float_format="%.5g", lineterminator="\n")


def main() -> None:
    """Read the arguments, and make the files."""
    parser = argparse.ArgumentParser(description="Make the quickstart data.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; the one of this script without it")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
