"""A small record of a batch reactor: one tank, four days, made by f itself with known parameters."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training import start_state
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.simulation_models import PlantModel, without_gradients

CYCLES = """\
  cycles:
    batch:
      phases:
        - {name: fill, duration: 90 min, set: {Q_in: 240 m3/h}}
        - {name: aerate, duration: 3 h, set: {reactor.kla: 150}}
        - {name: waste, duration: 30 min, set: {wastage: 20 m3/h}}
        - {name: settle, duration: 30 min}
        - {name: draw, duration: 30 min, set: {reactor.decant: 700 m3/h}}
"""
SIGNALS = """\
        pump: {role: input, as: Q_in, unit: m3/d}
        blower: {role: input, as: reactor.kla, unit: 1/d}
        valve: {role: input, as: reactor.decant, unit: m3/d}
        waste: {role: input, as: wastage, unit: m3/d}
"""
CONFIG = (
    """\
name: batch
device: cpu
model: {kinetics: asm3, mode: hybrid, calibrate: [mu_A]}
plant:
  temperature: 18 degC
  tanks: {reactor: {volume: 1000, decant: {solids: 0.004}}}
  influent:
    to: reactor
    composition: {S_O2: 0, S_I: 30, S_S: 69, S_N2: 0, S_NOX: 0, S_ALK: 7, X_I: 51, X_S: 202, X_H: 28, X_STO: 0, X_A: 0}
  wastage: {from: reactor}
  settler: {type: none}
"""
    + CYCLES
    + """\
data:
  interval: 30 min
  interpolation: previous
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        NH4_in: {role: input, as: influent.S_NH4, unit: mg N/L}
        NH4: {role: observation, as: reactor.S_NH4, unit: mg N/L, noise: 0.2}
        NO3: {role: observation, as: reactor.S_NOX, unit: mg N/L, noise: 0.2}
  blocks: {train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]}
network: {hidden: [4], inputs: [S_NH4, S_O2], type: mlp}
diagnosis: {explain: false}
training: {seeds: [1], warmup: 6 h, step: 15 min, window: 3 h, iterations: 2, validate_every: 1,
  calibration_evaluations: 2}
"""
)
MEASURED = (
    CONFIG.replace(CYCLES, "")
    .replace("        NH4_in:", SIGNALS + "        NH4_in:")
    .replace("decant: {solids", "kla: measured, decant: {solids")
)
"""The same plant, whose phases are signals of its pumps, valve and blower."""
TRUE = {"mu_A": 0.8, "K_A_NH4": 3.0}
DAYS, PER_DAY = 4, 48


def write_batch(folder, text=CONFIG):
    """Write ``config.yaml`` and ``plant.csv``, with columns for the signals of all phases; return the config's path."""
    rng = np.random.default_rng(3)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    path = folder / "config.yaml"
    stamps = pd.date_range("2024-03-04", periods=len(t), freq="30min").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame({"time": stamps, "NH4_in": 37 * (1 - 0.3 * np.cos(2 * np.pi * t)), "NH4": 1.0, "NO3": 1.0})
    path.write_text(CONFIG, encoding="utf-8")
    frame.to_csv(folder / "plant.csv", index=False)
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    (cycle,) = plant.layout.cycles
    inputs = np.tile([plant.layout.constants.get(spec.name, 0.0) for spec in plant.inputs], (len(t), 1))
    inputs[:, plant.input_index["influent.S_NH4"]] = frame["NH4_in"]
    columns = {"pump": "Q_in", "blower": "reactor.kla", "valve": "reactor.decant", "waste": "wastage"}
    for column, name in columns.items():
        frame[column] = inputs[:, plant.input_index[name]] = cycle.values(name, t)
    values = {p.name: p.default for p in table.parameters} | TRUE
    parameters = torch.tensor([values[p.name] for p in table.parameters], dtype=torch.float64)
    system, grid, u = PlantSystem(plant, parameters, ("reactor.S_NH4", "reactor.S_NOX")), make_grid(config), inputs
    start = start_state(system, torch.as_tensor(u), grid=grid)
    outputs = without_gradients(PlantModel(system, grid)).simulate(start, torch.as_tensor(u)).outputs[0].numpy()
    for k, name in enumerate(("NH4", "NO3")):
        frame[name] = np.clip(outputs[:, k] + 0.05 * rng.normal(size=len(t)), 0.0, None)
    frame.to_csv(folder / "plant.csv", index=False, float_format="%.8g")
    path.write_text(text, encoding="utf-8")
    return path
