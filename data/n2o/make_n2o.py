"""Make the data of configs/n2o.yaml: a virtual plant whose N2O has another source than that of asm1_2n.

Run ``python data/n2o/make_n2o.py`` from the repository root. The result is the same every time. With ``--out FOLDER``
the files are written elsewhere.

The truth is ``truth.yaml`` beside this script. Oxygen in the aerobic tanks is imposed, as in the quickstart. The air
that this takes follows from the truth's own uptake of oxygen; it strips N2O, and a blower measures it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.data.generator import generate_influent
from asm_hybrid.data.patterns import InfluentSettings, RainEvent
from asm_hybrid.kinetics import load_table, parse_table
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.simulation_inputs import assemble_inputs

HERE = Path(__file__).parent
DAYS, PER_DAY = 20, 96
FLOW = 8500.0
NOISE = {"NH4": 0.3, "NO3": 0.4, "NO2": 0.02, "N2O": 0.002, "offgas": 0.1, "MLSS": 60.0}
TARGETS = ("aerobic_2.S_NH", "aerobic_2.S_NO3", "aerobic_2.S_NO2", "aerobic_1.S_N2O", "offgas.S_N2O", "aerobic_2.TSS")
RAIN = ((6.2, 0.4, 9.0), (12.6, 0.3, 7.0), (17.3, 0.5, 14.0))
"""Start [d], duration [d], depth [mm] of the events; the last one is in the test block."""


def influent(days: int) -> pd.DataFrame:
    """Return flow [m3/d], temperature [degC] and composition of the influent."""
    settings = InfluentSettings(
        flow=FLOW,
        COD=400.0,
        TKN=52.0,
        TSS=None,
        alkalinity=8.0,
        temperature=16.0,
        rain=tuple(RainEvent(*event) for event in RAIN),
        impervious_area=45.0,
        soil_area=15.0,
        noise=0.15,
    )
    return generate_influent(settings, load_table("asm1_2n"), days, start_day=120, seed=7)


def oxygen(t: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the dissolved oxygen in the aerobic tanks [g/m3]: a controller that sags at peak load."""
    hour = 2 * np.pi * (t % 1.0)
    wander = np.convolve(rng.normal(size=len(t)), np.ones(16) / 16, mode="same")
    slow = np.convolve(rng.normal(size=len(t)), np.ones(192) / 14, mode="same")
    return {
        "aerobic_1.S_O": np.clip(1.2 + 0.4 * np.cos(hour - 0.9) + 0.8 * wander + 0.3 * slow, 0.2, None),
        "aerobic_2.S_O": np.clip(1.8 + 0.4 * np.cos(hour - 0.9) + 0.8 * wander + 0.4 * slow, 0.3, None),
    }


def simulate(plant: Plant, inputs: pd.DataFrame) -> PlantRecord:
    """Return a record over all inputs, begun in the state after ten days, twice, so that it carries a diurnal cycle."""
    compiled = CompiledPlant(plant, np.array([p.default for p in plant.table.parameters]))
    first = assemble_inputs(plant, 10.0, inputs[: 10 * PER_DAY + 1], held=False)
    state = compiled.steady_state(first.mean).state
    for _ in range(2):
        state = compiled.simulate(state, first).states[-1]
    return compiled.simulate(state, assemble_inputs(plant, float(DAYS), inputs, held=False))


def air_flow(plant: Plant, inputs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the air flows that hold the oxygen where it is imposed [m3/d]."""
    table = parse_table((HERE / "truth.yaml").read_text(encoding="utf-8") + "gases: null\n", HERE / "truth.yaml")
    tanks = tuple(replace(tank, air=None) for tank in plant.layout.tanks)
    record = simulate(Plant(table, replace(plant.layout, tanks=tanks)), inputs)
    warm, one = torch.tensor(inputs["T"].to_numpy()), torch.ones(len(inputs), dtype=torch.float64)
    return {
        f"{tank.name}.air": record.columns[f"{tank.name}.kla"]
        / tank.air.kla(one, tank.volume, warm, torch_namespace()).numpy()
        for tank in plant.layout.tanks
        if tank.air
    }


def make(folder: Path) -> None:
    """Write ``truth.csv`` and ``plant.csv`` into a folder."""
    rng = np.random.default_rng(20220301)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    config = load_config(HERE.parent.parent / "configs" / "n2o.yaml")
    plant = Plant(load_table(HERE / "truth.yaml"), build_layout(config, load_table("asm1_2n")))
    water = influent(DAYS + 1)[: len(t)]
    imposed = oxygen(t, rng)
    names = [name for name in water.columns if name in plant.input_index]
    inputs = water[["time", *names]].assign(**imposed)
    air = air_flow(plant, inputs)
    record = simulate(plant, inputs.assign(**air))
    clean = pd.DataFrame({name: record.columns[target] for name, target in zip(NOISE, TARGETS, strict=True)})
    stamps = pd.date_range("2022-03-01", periods=len(t), freq="15min").strftime("%Y-%m-%d %H:%M")
    clean.insert(0, "time", stamps)
    clean.to_csv(folder / "truth.csv", index=False, float_format="%.5f", lineterminator="\n")

    seen = pd.DataFrame({"time": stamps, "flow": water["Q_in"].to_numpy() / 24.0, "temperature": water["T"].to_numpy()})
    for name in plant.table.component_names:
        if water[f"influent.{name}"].any():
            seen[f"{name}_in"] = water[f"influent.{name}"].to_numpy()
    for i in (1, 2):
        seen[f"DO_{i}"] = np.clip(imposed[f"aerobic_{i}.S_O"] + rng.normal(size=len(t)) * 0.03, 0.0, None)
        seen[f"air_{i}"] = air[f"aerobic_{i}.air"] / 24.0 * (1.0 + 0.02 * rng.normal(size=len(t)))
    for name, noise in NOISE.items():
        measured = clean[name] + rng.normal(size=len(t)) * noise
        measured[rng.random(len(t)) < 0.04] = np.nan
        seen[name] = measured if name == "offgas" else measured.clip(lower=0.0)
    seen.to_csv(folder / "plant.csv", index=False, float_format="%.5g", lineterminator="\n")


def main() -> None:
    """Read the arguments, and make the files."""
    parser = argparse.ArgumentParser(description="Make the data of configs/n2o.yaml.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to; the one of this script without it")
    make(parser.parse_args().out)


if __name__ == "__main__":
    main()
