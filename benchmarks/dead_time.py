"""Dead times of two sensors that a calibration finds beside parameters of f, and what becomes of these without them.

Run ``python benchmarks/dead_time.py``. A record of six days of a virtual plant of two tanks, by f itself with other
parameters, is shown by sensors that are 5 to 90 min late, at knots of 30 min. Each of eight draws is calibrated twice:
with ``delay: learn``, and without a word of dead times. Truths, delays and noise are drawn before, by the number of the
draw. The last line is JSON.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.interpolate import CubicSpline

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.from_config import make_grid
from asm_hybrid.workflow import run_training

DRAWS, DAYS, PER_DAY = 8, 6, 48
NOISE = 0.1
CONFIG = f"""\
name: dead_time
device: cpu
model: {{kinetics: asm1, mode: mechanistic, calibrate: [mu_A, eta_g]}}
plant:
  temperature: 18 degC
  tanks: {{anoxic: {{volume: 1000}}, aerobic: {{volume: 2000}}}}
  influent:
    to: anoxic
    composition: {{S_I: 30, S_S: 70, X_I: 40, X_S: 180, X_BH: 25, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_ND: 6, X_ND: 9,
      S_ALK: 7, S_N2: 0}}
  recycles: {{internal: {{from: aerobic, to: anoxic, flow: 12000}}}}
  return_sludge: {{to: anoxic, flow: 4000}}
  wastage: {{flow: 90}}
  settler: {{type: ideal, non_settleable: 0.002}}
data:
  interval: 30 min
  sources:
    online:
      file: plant.csv
      time: {{column: time, format: "%Y-%m-%d %H:%M", zone: UTC}}
      columns:
        flow: {{role: input, as: Q_in, unit: m3/d}}
        NH4_in: {{role: input, as: influent.S_NH, unit: mg N/L}}
        DO: {{role: imposed, as: aerobic.S_O, unit: mg/L}}
        NH4: {{role: observation, as: aerobic.S_NH, unit: mg N/L, noise: {NOISE}, delay: learn}}
        NO3: {{role: observation, as: aerobic.S_NO, unit: mg N/L, noise: {NOISE}, delay: learn}}
  blocks: {{train: [0.0, 0.6], validate: [0.65, 0.8], test: [0.82, 1.0]}}
training: {{seeds: [1], warmup: 6 h, step: 15 min, window: 6 h, iterations: 4, validate_every: 2,
  calibration_evaluations: 20}}
"""


def write_draw(folder: Path, draw: int) -> tuple[dict[str, float], np.ndarray]:
    """Write config and record of a draw; return the true parameters, and the delays of both sensors [min]."""
    rng = np.random.default_rng(draw)
    truth = {"mu_A": float(rng.uniform(0.45, 0.75)), "eta_g": float(rng.uniform(0.55, 0.95))}
    delays = rng.uniform(5.0, 90.0, 2)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
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
    path = folder / "config.yaml"
    path.write_text(CONFIG)
    frame.to_csv(folder / "plant.csv", index=False)
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    values = {p.name: p.default for p in table.parameters} | truth
    parameters = torch.tensor([values[p.name] for p in table.parameters], dtype=torch.float64)
    series = {"Q_in": "flow", "influent.S_NH": "NH4_in", "aerobic.S_O": "DO"}
    columns = [
        frame[series[s.name]] if s.name in series else np.full(len(t), plant.layout.constants.get(s.name, 0.0))
        for s in plant.inputs
    ]
    u = torch.as_tensor(np.stack(columns, axis=-1))
    system, grid = PlantSystem(plant, parameters, ("aerobic.S_NH", "aerobic.S_NO")), make_grid(config)
    with torch.no_grad():
        model = PlantModel(system, replace(grid, points=3 * grid.substeps))
        outputs = model.simulate(start_state(system, u.mean(0)), u).outputs[0].numpy()
    course = CubicSpline(np.linspace(0.0, t[-1], len(outputs)), outputs)
    for k, name in enumerate(("NH4", "NO3")):
        shown = course((t - delays[k] / 1440).clip(0.0))[:, k] + NOISE * rng.normal(size=len(t))
        frame[name] = shown.clip(0.0)
    frame.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
    return truth, delays


def calibrated(folder: Path, text: str, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Calibrate a draw; return the summary, and the parameters by name."""
    path = folder / f"{name}.yaml"
    path.write_text(text)
    run_training(path, folder / name)
    summary = json.loads((folder / name / "summary.json").read_text())
    rows = json.loads((folder / name / "parameters.json").read_text())["parameters"]
    return summary, {row["name"]: row for row in rows}


def main() -> None:
    torch.set_num_threads(1)
    inside, errors, widths, draws = 0, [], [], []
    off: dict[str, list[float]] = {"with": [], "without": []}
    rmse: dict[str, list[float]] = {"with": [], "without": []}
    print("| draw | sensor | true [min] | found | 95 % interval |")
    print("|---|---|---|---|---|")
    for draw in range(DRAWS):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            truth, delays = write_draw(folder, draw)
            for name, text in (("with", CONFIG), ("without", CONFIG.replace(", delay: learn", ""))):
                summary, found = calibrated(folder, text, name)
                off[name] += [abs(np.log(found[p]["value"] / value)) for p, value in truth.items()]
                rmse[name] += [summary["scores"]["test"][s]["recalibrated"]["rmse"] for s in ("NH4", "NO3")]
                if name == "without":
                    continue
                for sensor, true in zip(("NH4", "NO3"), delays, strict=True):
                    one = summary["sensors"][sensor]["delay"]
                    low, high = one["profile_low"], one["profile_high"]
                    inside += int(low <= true <= high)
                    errors.append(abs(one["value"] - true))
                    widths.append(high - low)
                    print(
                        f"| {draw} | {sensor} | {true:.1f} | {one['value']:.1f} | {low:.1f} to {high:.1f} |", flush=True
                    )
        draws.append({"truth": truth, "delays": delays.tolist()})
    found = {
        "inside": inside,
        "of": 2 * DRAWS,
        "median_error_min": float(np.median(errors)),
        "median_width_min": float(np.median(widths)),
        "median_error_of_parameters": {k: float(np.median(v)) for k, v in off.items()},
        "median_test_rmse": {k: float(np.median(v)) for k, v in rmse.items()},
    }
    print(json.dumps(found | {"draws": draws}))


if __name__ == "__main__":
    main()
