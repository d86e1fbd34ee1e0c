"""A small record: two tanks, five days, made by f itself with known parameters."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from scipy.interpolate import CubicSpline

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.from_config import make_grid

CONFIG = """\
name: small
device: cpu
model: {kinetics: asm1, mode: hybrid, calibrate: [mu_A, eta_g]}
plant:
  temperature: 18 degC
  tanks: {anoxic: {volume: 1000}, aerobic: {volume: 2000}}
  influent:
    to: anoxic
    composition: {S_I: 30, S_S: 70, X_I: 40, X_S: 180, X_BH: 25, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_ND: 6, X_ND: 9,
      S_ALK: 7, S_N2: 0}
  recycles: {internal: {from: aerobic, to: anoxic, flow: 12000}}
  return_sludge: {to: anoxic, flow: 4000}
  wastage: {flow: 90}
  settler: {type: ideal, non_settleable: 0.002}
data:
  interval: 30 min
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/d}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}
        NO3: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 0.2}
  blocks: {train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]}
network: {hidden: [4], inputs: [S_NH, S_O]}
training: {seeds: [1, 2], warmup: 6 h, step: 30 min, window: 2 h, iterations: 4, validate_every: 2,
  calibration_evaluations: 3}
"""
TRUE = {"mu_A": 0.65, "eta_g": 0.6}
BEYOND = TRUE | {"K_NH": 2.0}
"""A truth that calibration does not reach, so that n has something to learn."""
DAYS, PER_DAY = 5, 48
COLLOCATION_STEPS = 30
"""Gradient steps of a collocation where a test asks in which order things happen, not how good they are."""
_RECORDS: dict[str, str] = {}
"""Records that were made, by what they were made from: most tests want the same one."""


def write_case(folder, text=CONFIG, *, noise=0.05, missing=0.1, truth=TRUE, more=None, days=DAYS, late=0.0):
    """Write ``config.yaml`` and ``plant.csv``; the measurements follow f with the parameters of ``truth``.

    ``more`` are further inputs, each a name and a function of the time [d]; columns have the names of their inputs.
    The sensors show what was ``late`` [d] before.
    """
    config_path = folder / "config.yaml"
    config_path.write_text(text, encoding="utf-8")
    key = json.dumps([text, noise, missing, truth, days, late])
    if more or ".yaml" in text or key not in _RECORDS:  # a table in a file of its own is not in the key
        _RECORDS[key] = _record(config_path, noise, missing, truth, more or {}, days, late)
    (folder / "plant.csv").write_text(_RECORDS[key], encoding="utf-8")
    return config_path


def _record(config_path, noise, missing, truth, more, days, late):
    """Return the content of ``plant.csv``; a first version of it, without measurements, is there for the config."""
    rng = np.random.default_rng(11)
    t = np.arange(days * PER_DAY + 1) / PER_DAY
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-03-04", periods=len(t), freq="30min").strftime("%Y-%m-%d %H:%M"),
            "flow": 5000 * (1 - 0.3 * np.cos(2 * np.pi * t) + 0.3 * (t > 3.2)),
            "NH4_in": 30 * (1 - 0.3 * np.cos(2 * np.pi * t - 0.5)),
            "DO": 1.5 + 0.4 * np.cos(2 * np.pi * t),
            "NH4": 1.0,
            "NO3": 8.0,
        }
    )
    for name, series in more.items():
        frame[name] = series(t)
    frame.to_csv(config_path.parent / "plant.csv", index=False)
    config = load_config(config_path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    values = {p.name: p.default for p in table.parameters} | truth
    parameters = torch.tensor([values[p.name] for p in table.parameters], dtype=torch.float64)
    inputs = np.zeros((len(t), len(plant.inputs)))
    series = {"Q_in": "flow", "influent.S_NH": "NH4_in", "aerobic.S_O": "DO"}
    series |= {name: name for name in more}
    for i, spec in enumerate(plant.inputs):
        constant = plant.layout.constants.get(spec.name, 0.0)  # f does not read the clock, which has none
        inputs[:, i] = frame[series[spec.name]] if spec.name in series else constant
    u = torch.as_tensor(inputs)
    system = PlantSystem(plant, parameters, ("aerobic.S_NH", "aerobic.S_NO"))
    with torch.no_grad():
        grid = make_grid(config)
        solution = PlantModel(system, grid).simulate(start_state(system, u.mean(0)), u)
        outputs = solution.outputs[0].numpy()
        if late:
            fine = replace(grid, points=3 * grid.substeps)
            solution = PlantModel(system, fine).simulate(start_state(system, u.mean(0)), u)
            course = CubicSpline(np.linspace(t[0], t[-1], solution.outputs.shape[1]), solution.outputs[0].numpy())
            outputs = course((t - late).clip(0.0))
    for k, name in enumerate(("NH4", "NO3")):
        measured = outputs[:, k] + noise * rng.normal(size=len(t))
        measured[rng.random(len(t)) < missing] = np.nan
        frame[name] = np.clip(measured, 0, None)
    return frame.to_csv(index=False, float_format="%.6g")
