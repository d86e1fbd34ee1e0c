"""The plants of `mechanisms.py`: BSM1 in dry weather, rain and storm, with one mechanism of ASM1 changed in the truth.

Five tanks, flows and kLa are those of BSM1 in open loop, at 15 °C; the settler is ideal, and the kinetics are ASM1 with
its default parameters, but for the change. The published influents, 14 d each, lie end to end on one time axis: dry
weather three times, then rain and storm. In the six dry weeks flow, organics and nitrogen vary from day to day, as they
do at a plant, and as a record that repeats does not. Two of them pass before anything is learnt: the states at the
begin are unknown, and solids take a sludge age to forget them. Sensors measure every 15 min what a well-equipped plant
has, with normal noise that is independent from sample to sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state

__all__ = ["CALIBRATED", "MECHANISMS", "SENSORS", "Mechanism", "make_plant"]

WEATHER = ("dry", "dry", "dry", "rain", "strm")
VARIATION = {"Q_in": 0.1, "COD": 0.15, "N": 0.15}
"""Standard deviation of the daily factors of flow, and of concentrations of organics and of nitrogen [-]."""
PER_DAY = 96
FINE = 5
"""Steps of the truth between two knots, 3 min each."""

SENSORS = {
    "NH4_3": ("tank_3.S_NH", "mg N/L", 0.1),
    "NH4_5": ("tank_5.S_NH", "mg N/L", 0.1),
    "NO3_2": ("tank_2.S_NO", "mg N/L", 0.1),
    "NO3_5": ("tank_5.S_NO", "mg N/L", 0.1),
    "DO_3": ("tank_3.S_O", "mg/L", 0.05),
    "DO_4": ("tank_4.S_O", "mg/L", 0.05),
    "DO_5": ("tank_5.S_O", "mg/L", 0.05),
    "MLSS": ("tank_5.TSS", "mg/L", 50.0),
}
"""What is measured, its unit, and the standard deviation of the noise."""

CALIBRATED = ("mu_A", "K_NH", "K_OA", "mu_H", "K_OH", "eta_g", "k_h")
"""Parameters that are recalibrated within the bounds of the table."""


@dataclass(frozen=True)
class Mechanism:
    """One change of ASM1.

    Attributes
    ----------
    says : str
        What is changed, in words.
    changes : tuple of str
        The processes whose rates are changed.
    table : str
        YAML of the changes.
    """

    says: str
    changes: tuple[str, ...]
    table: str


MECHANISMS = {
    "ammonia": Mechanism(
        "nitrifiers are inhibited by their own substrate",
        ("aerobic_growth_autotrophs",),
        """
parameters:
  K_I: {default: 20, unit: g N/m3, bounds: [1, 100], source: this benchmark}
  mu_A: {default: 1.3}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH) * inhibition(S_NH, K_I) * monod(S_O, K_OA) * X_BA
""",
    ),
    "flocs": Mechanism(
        "flocs have an anoxic core: denitrification bears ten times as much oxygen",
        ("anoxic_growth_heterotrophs",),
        """
parameters:
  K_OHD: {default: 2.0, unit: g O2/m3, bounds: [0.01, 5], source: this benchmark}
processes:
  anoxic_growth_heterotrophs:
    rate: mu_H * monod(S_S, K_S) * inhibition(S_O, K_OHD) * monod(S_NO, K_NO) * eta_g * X_BH
""",
    ),
    "hydrolysis": Mechanism(
        "hydrolysis needs oxygen, and much of it",
        ("hydrolysis_organics", "hydrolysis_nitrogen"),
        """
parameters:
  K_OX: {default: 2.0, unit: g O2/m3, bounds: [0.01, 5], source: this benchmark}
processes:
  hydrolysis_organics:
    rate: k_h * ratio(X_S * X_BH, K_X * X_BH + X_S) * monod(S_O, K_OX)
  hydrolysis_nitrogen:
    rate: k_h * ratio(X_ND * X_BH, K_X * X_BH + X_S) * monod(S_O, K_OX)
""",
    ),
    "ammonium": Mechanism(
        "aerobic growth of heterotrophs is limited by ammonium",
        ("aerobic_growth_heterotrophs",),
        """
parameters:
  K_NHH: {default: 2.0, unit: g N/m3, bounds: [0.01, 5], source: this benchmark}
processes:
  aerobic_growth_heterotrophs:
    rate: mu_H * monod(S_S, K_S) * monod(S_NH, K_NHH) * monod(S_O, K_OH) * X_BH
""",
    ),
}

CONFIG = """\
name: {name}
description: BSM1 whose truth differs from ASM1 in one mechanism
device: cpu
model: {{kinetics: asm1, mode: {mode}, calibrate: [{calibrate}]}}
plant:
  temperature: 15 degC
  tanks:
    tank_1: {{volume: 1000 m3}}
    tank_2: {{volume: 1000 m3}}
    tank_3: {{volume: 1333 m3, kla: 240 1/d}}
    tank_4: {{volume: 1333 m3, kla: 240 1/d}}
    tank_5: {{volume: 1333 m3, kla: 84 1/d}}
  influent: {{to: tank_1}}
  recycles: {{internal: {{from: tank_5, to: tank_1, flow: 55338 m3/d}}}}
  return_sludge: {{to: tank_1, flow: 18446 m3/d}}
  wastage: {{flow: 385 m3/d}}
data:
  interpolation: previous
  sources:
    plant:
      file: plant.csv
      time: {{column: time, unit: d, origin: "2021-01-01", zone: UTC}}
      columns:
{columns}
  blocks:
{blocks}
network:
{network}
training:
{training}
"""


def influents(folder: Path) -> pd.DataFrame:
    """Return the weathers end to end: time [d], and the inputs of the plant; no two dry days are the same."""
    frames = []
    for i, weather in enumerate(WEATHER):
        frame = read_bsm_influent(folder / f"bsm1_asm1_Inf_{weather}.txt").frame.iloc[:-1].copy()
        frame["time"] = (np.arange(len(frame)) + i * len(frame)) / PER_DAY
        frames.append(frame)
    water = pd.concat(frames, ignore_index=True)
    days = WEATHER.count("dry") * 14
    rng = np.random.default_rng(20211102)
    for group, size in VARIATION.items():
        daily = np.exp(size * rng.normal(size=days + 1))
        daily[-1] = 1.0  # from here on as published
        factor = np.interp(water["time"], np.arange(days + 1), daily, right=1.0)
        nitrogen = ["influent.S_NH", "influent.S_ND", "influent.X_ND"]
        organic = [f"influent.{n}" for n in ("S_I", "S_S", "X_I", "X_S", "X_BH", "X_BA", "X_P")]
        for name in {"Q_in": ["Q_in"], "COD": organic, "N": nitrogen}[group]:
            water[name] *= factor
    return water


def config_text(name: str, water: pd.DataFrame, mode: str, sections: dict[str, dict[str, str]]) -> str:
    """Return the config of one run, with ``sections`` for blocks, network and training."""
    units = {"Q_in": "m3/d", "influent.S_ALK": "mol/m3"}
    columns = [
        f"        {c}: {{role: input, as: {c}, unit: {units.get(c, 'g/m3')}}}" for c in water.columns if c != "time"
    ]
    columns += [
        f"        {label}: {{role: observation, as: {target}, unit: {unit}, noise: {noise}}}"
        for label, (target, unit, noise) in SENSORS.items()
    ]
    written = {key: "\n".join(f"  {k}: {v}" for k, v in rows.items()) for key, rows in sections.items()}
    written["blocks"] = written["blocks"].replace("  ", "    ")
    return CONFIG.format(name=name, mode=mode, calibrate=", ".join(CALIBRATED), columns="\n".join(columns), **written)


def make_plant(
    folder: Path, name: str, influent: Path, mode: str, sections: dict[str, dict[str, str]], noise_seed: int = 20211101
) -> pd.DataFrame:
    """Write table, measurements and config of one mechanism; return the noise-free truth of what is measured.

    Parameters
    ----------
    folder : Path
        Where to write ``truth.yaml``, ``plant.csv`` and ``config.yaml``.
    name : str
        A key of `MECHANISMS`.
    influent : Path
        Folder of the three influent files.
    mode : str
        ``hybrid``, or ``mechanistic`` for f alone.
    sections : dict[str, Any]
        The lines of ``blocks``, ``network`` and ``training``.
    noise_seed : int
        Seed of the noise.

    Returns
    -------
    DataFrame
        One column a sensor, one row a sample.
    """
    folder.mkdir(parents=True, exist_ok=True)
    head = f"name: truth_{name}\nextends: asm1\ntitle: ASM1, changed\n"
    (folder / "truth.yaml").write_text(head + MECHANISMS[name].table, encoding="utf-8")
    water = influents(influent)
    (folder / "config.yaml").write_text(config_text(name, water, mode, sections), encoding="utf-8")
    truth = load_table(folder / "truth.yaml")
    plant = Plant(truth, build_layout(load_config(folder / "config.yaml"), load_table("asm1")))
    inputs = torch.tensor(
        np.column_stack(
            [
                water[spec.name] if spec.name in water else np.full(len(water), plant.layout.constants[spec.name])
                for spec in plant.inputs
            ]
        )
    )
    parameters = torch.tensor([p.default for p in truth.parameters], dtype=torch.float64)
    model = PlantModel(
        PlantSystem(plant, parameters, [target for target, _, _ in SENSORS.values()]), Grid(1.0 / PER_DAY, FINE, False)
    )
    with torch.no_grad():
        dry = inputs[: 14 * PER_DAY]
        start = start_state(model.system, dry.mean(0))
        start = model.simulate(start, torch.cat([dry, dry[:1]])).final
        outputs = model.simulate(start, inputs).outputs[0].numpy()
    clean = pd.DataFrame(outputs, columns=list(SENSORS))
    rng = np.random.default_rng(noise_seed)
    measured = clean + rng.normal(size=clean.shape) * [noise for _, _, noise in SENSORS.values()]
    water["time"] = water["time"].map("{:.10f}".format)
    pd.concat([water, measured.clip(lower=0.0)], axis=1).to_csv(folder / "plant.csv", index=False, float_format="%.7g")
    return clean
