"""A plant whose oxygen follows an ammonium controller: whether less oxygen raises ammonium in the trained hybrid.

Run ``python benchmarks/ammonium_control.py``. The truth is ASM1; the half-saturation K_NH of the fitted f is too large
and stays so, while its mu_A is recalibrated. In the record oxygen is high where ammonium is high, since a controller
sees to that. A network that is free can put down to oxygen what belongs to ammonium, and learn that less oxygen lowers
ammonium. There are two runs of ten seeds with the same data: one with the default network, which keeps the signs of f,
one with ``type: mlp``, which is free. In both n reads what is measured, S_NH, S_NO and S_O, and may change all rates.

After training the oxygen of the whole record is lowered by 10 % and by 30 %, and the mean ammonium of the test block
compared with that of the base case, seed by seed; truth and f stand beside it. A seed is right where ammonium rises in
both. ``rmse_ratio`` is the error on the test block with the signs over that without: the root mean square over NH4 and
NO3 in units of their noise, median over the seeds. The last line is JSON.
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
import yaml

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training import FittedModel, PlantModel, load_model, read_inputs, start_state, train
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.training.model_inputs import INPUTS, knot_values

DAYS, PER_DAY, BEFORE = 20, 48, 10
"""Length of the record [d], samples a day, and days that pass before it [d]."""

TRUE_K_NH, WRONG_K_NH = 0.5, 3.0
"""Half-saturation of nitrifiers for ammonium in the truth and in f [g N/m3]."""

CONTROL = {"set": 2.0, "oxygen": 1.2, "gain": 0.4, "lowest": 0.4, "highest": 3.5}
"""Set point of ammonium [g N/m3], oxygen there [g/m3], gain [g O2/g N], and limits of the oxygen [g/m3]."""

NOISE = {"NH4": 0.15, "NO3": 0.2, "DO": 0.03}
CASES = {"less oxygen, 10 %": 0.9, "less oxygen, 30 %": 0.7}
TARGETS = ("aerobic.S_NH", "aerobic.S_NO")

CONFIG = f"""\
name: ammonium_control
device: cpu
model: {{kinetics: asm1, mode: hybrid, parameters: {{K_NH: {WRONG_K_NH}}}, calibrate: {{mu_A: [0.2, 4]}}}}
plant:
  temperature: 15 degC
  tanks: {{anoxic: {{volume: 1500}}, aerobic: {{volume: 2400}}}}
  influent:
    to: anoxic
    composition: {{S_I: 30, S_S: 70, X_I: 40, X_S: 180, X_BH: 25, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_ND: 6, X_ND: 9,
      S_ALK: 7, S_N2: 0}}
  recycles: {{internal: {{from: aerobic, to: anoxic, flow: 15000}}}}
  return_sludge: {{to: anoxic, flow: 6000}}
  wastage: {{flow: 130}}
  settler: {{type: ideal, non_settleable: 0.002}}
data:
  interval: 30 min
  interpolation: previous
  sources:
    plant:
      file: plant.csv
      time: {{column: time, format: "%Y-%m-%d %H:%M", zone: UTC}}
      columns:
        flow: {{role: input, as: Q_in, unit: m3/d}}
        NH4_in: {{role: input, as: influent.S_NH, unit: mg N/L}}
        DO: {{role: imposed, as: aerobic.S_O, unit: mg/L}}
        NH4: {{role: observation, as: aerobic.S_NH, unit: mg N/L, noise: {NOISE["NH4"]}}}
        NO3: {{role: observation, as: aerobic.S_NO, unit: mg N/L, noise: {NOISE["NO3"]}}}
  blocks: {{train: [0.0, 0.55], validate: [0.58, 0.73], test: [0.76, 1.0]}}
network: {{inputs: [S_NH, S_NO, S_O]}}
training: {{step: 30 min, window: 6 h, batch: 20, iterations: 80, calibration_evaluations: 8}}
"""


def influent(t: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return flow [m3/d] and ammonium [g N/m3] of the influent: daily rhythms that vary from day to day."""
    days = np.arange(np.ceil(t[-1]) + 1)
    daily = np.interp(t, days, np.exp(0.12 * rng.normal(size=len(days))))
    load = np.interp(t, days, np.exp(0.12 * rng.normal(size=len(days))))
    return {
        "Q_in": 9000 * daily * (1 - 0.25 * np.cos(2 * np.pi * t - 0.6)),
        "influent.S_NH": 32 * load * (1 - 0.3 * np.cos(2 * np.pi * t - 1.0)),
    }


def make(folder: Path, seeds: int, network: dict[str, Any]) -> tuple[Path, Plant, torch.Tensor]:
    """Write config and record; return the config, the plant and the true parameters."""
    content = yaml.safe_load(CONFIG)
    content["training"]["seeds"] = list(range(1, seeds + 1))
    content["network"] |= network
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    values = [TRUE_K_NH if p.name == "K_NH" else p.default for p in table.parameters]
    return path, plant, torch.tensor(values, dtype=torch.float64)


def record(folder: Path, path: Path, plant: Plant, parameters: torch.Tensor) -> None:
    """Write what the sensors show of the truth: its oxygen follows ammonium as it was half an hour before."""
    rng = np.random.default_rng(20211103)
    t = np.arange(-BEFORE * PER_DAY, DAYS * PER_DAY + 1) / PER_DAY
    water = influent(t + BEFORE, rng)
    wander = np.convolve(rng.normal(size=len(t)), np.ones(6) / 6, mode="same") * 0.15
    columns = [water.get(s.name, np.full(len(t), plant.layout.constants.get(s.name, 1.0))) for s in plant.inputs]
    u = torch.as_tensor(np.column_stack(columns))
    oxygen = plant.input_index["aerobic.S_O"]
    model = PlantModel(PlantSystem(plant, parameters, TARGETS), make_grid(load_config(path)))
    with torch.no_grad():
        x, shown = start_state(model.system, u.mean(0)), np.zeros((len(t), 2))
        ammonium = CONTROL["set"]
        for k in range(len(t)):
            wanted = CONTROL["oxygen"] + CONTROL["gain"] * (ammonium - CONTROL["set"]) + wander[k]
            u[k, oxygen] = float(np.clip(wanted, CONTROL["lowest"], CONTROL["highest"]))
            solution = model.simulate(x, u[k].repeat(2, 1))
            shown[k] = solution.outputs[..., 0, :].flatten()
            x, ammonium = solution.final, float(shown[k, 0])
    keep = t >= 0
    stamps = pd.date_range("2024-03-04", periods=int(keep.sum()), freq="30min").strftime("%Y-%m-%d %H:%M")
    frame = pd.DataFrame({"time": stamps, "flow": water["Q_in"][keep], "NH4_in": water["influent.S_NH"][keep]})
    frame["DO"] = u[keep, oxygen].numpy()
    frame["NH4"], frame["NO3"] = shown[keep].T
    for name, noise in NOISE.items():
        frame[name] = (frame[name] + rng.normal(size=len(frame)) * noise).clip(lower=0.0)
    frame.to_csv(folder / "plant.csv", index=False, float_format="%.6g")


def ammonium(model: PlantModel, fitted: FittedModel, run: Path, start: torch.Tensor) -> np.ndarray:
    """Return ammonium and nitrate of the base case and the cases, ``(member, case, knot, variable)``."""
    base = knot_values(
        read_inputs(run), fitted.plant.inputs.names, fitted.begin, fitted.grid.interval, str(run / INPUTS)
    )
    changed = torch.as_tensor(base).repeat(1 + len(CASES), 1, 1)
    for i, factor in enumerate(CASES.values(), start=1):
        changed[i, :, fitted.plant.input_index["aerobic.S_O"]] *= factor
    with torch.no_grad():
        members = start.shape[0]
        out = model.simulate(start[:, None].expand(-1, len(changed), -1, -1), changed.expand(members, -1, -1, -1))
    return out.outputs.numpy()


def answers(values: np.ndarray) -> np.ndarray:
    """Return what ammonium does on the test block in each case [g N/m3], ``(member, case)``."""
    inside = values[:, :, round(0.76 * DAYS * PER_DAY) :, 0].mean(-1)
    return np.asarray(inside[:, 1:] - inside[:, :1])


def test_error(values: np.ndarray, record: pd.DataFrame) -> np.ndarray:
    """Return the root mean square error on the test block in units of noise, ``(member,)``."""
    measured = record[["NH4", "NO3"]].to_numpy()
    inside = slice(round(0.76 * DAYS * PER_DAY), len(measured))
    error = (values[:, 0, inside] - measured[inside]) / [NOISE["NH4"], NOISE["NO3"]]
    return np.asarray(np.sqrt(np.mean(error**2, axis=(1, 2))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="keep plant and runs in this folder")
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        report(arguments.out or Path(temporary), arguments.seeds)


def report(folder: Path, seeds: int) -> None:
    """Make the plant, train both networks, and print what they answer."""
    found, errors = {}, {}
    for name, network in {"signs": {}, "free": {"type": "mlp"}}.items():
        path, plant, truth = make(folder / name, seeds, network)
        if name == "signs":
            record(folder / name, path, plant, truth)
        else:
            (folder / name / "plant.csv").write_bytes((folder / "signs" / "plant.csv").read_bytes())
        run = folder / name / "run"
        if not run.exists():
            train(path, run)
        fitted = load_model(run)
        values = ammonium(fitted.hybrid(TARGETS), fitted, run, fitted.start[1].expand(seeds, -1, -1))
        found[name] = answers(values)
        errors[name] = test_error(values, pd.read_csv(folder / "signs" / "plant.csv"))
        if name == "signs":
            for label, parameters in {"truth": truth, "f": fitted.parameters}.items():
                model = PlantModel(PlantSystem(plant, parameters, TARGETS), fitted.grid)
                start = fitted.start[1][None] if label == "f" else start_of(model, run, fitted)
                found[label] = answers(ammonium(model, fitted, run, start))
    print("NH4 with less oxygen, mean change on the test block [g N/m3]: " + ", ".join(CASES))
    for label in ("truth", "f"):
        print(f"{label:>10}: " + "  ".join(f"{v:+.3f}" for v in found[label][0]))
    print("      seed: with the signs of f | free | test error with, without [noise]")
    for i in range(seeds):
        columns = ["  ".join(f"{v:+.3f}" for v in found[name][i]) for name in ("signs", "free")]
        print(f"{i + 1:>10}: {columns[0]} | {columns[1]} | {errors['signs'][i]:.3f}  {errors['free'][i]:.3f}")
    right = {name: int((found[name] > 0).all(1).sum()) for name in ("signs", "free")}
    ratio = float(np.median(errors["signs"]) / np.median(errors["free"]))
    print(
        json.dumps(
            {"right_sign": right["signs"], "of": seeds, "right_sign_free": right["free"], "rmse_ratio": round(ratio, 4)}
        )
    )


def start_of(model: PlantModel, run: Path, fitted: FittedModel) -> torch.Tensor:
    """Return the steady state of a model under the mean inputs."""
    names = fitted.plant.inputs.names
    base = knot_values(read_inputs(run), names, fitted.begin, fitted.grid.interval, str(run / INPUTS))
    return start_state(model.system, torch.as_tensor(base).mean(0)).reshape(1, *fitted.start[1].shape)


if __name__ == "__main__":
    main()
