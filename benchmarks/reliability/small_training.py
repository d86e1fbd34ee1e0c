"""A training that is as short as it can be and still passes through every stage, and what it leaves behind.

Two tanks and two days of ASM1, made by f with another mu_A; one seed, a few steps in each stage, all baselines,
forecasts, bands, diagnosis and report.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from asm_hybrid import workflow
from asm_hybrid.artefacts import TEMPORARY, UNFINISHED
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.manifest import MANIFEST
from asm_hybrid.plant import Plant
from asm_hybrid.training import PlantModel, Silent, collocation, second_process, start_state
from asm_hybrid.training.from_config import make_grid

CONFIG = """\
name: small
device: cpu
model: {kinetics: asm1, mode: hybrid, calibrate: [mu_A]}
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
  interval: 1 h
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/d}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}
  blocks: {train: [0.0, 0.4], validate: [0.45, 0.7], test: [0.8, 1.0]}
network: {hidden: [4], inputs: [S_NH, S_O]}
training: {seeds: [1], warmup: 6 h, step: 1 h, window: 3 h, batch: 5, iterations: 2, validate_every: 1,
  stages: [calibration, collocation, growing, windows], calibration_evaluations: 1}
"""
DAYS = 2
COLLOCATION_STEPS = 5
TIMED = ("environment.json", "report.html", "summary.json")
"""Files that state when a run was made and how long it took; the manifest has their digests."""
_TIMES = re.compile(
    r'<tr><th scope="row">(created|time for [^<]*)</th><td>[^<]*</td></tr>|<dt>Run made</dt><dd>[^<]*</dd>'
)


def write_case(folder: Path) -> Path:
    """Write ``config.yaml`` and ``plant.csv`` into a folder, and return the config."""
    rng = np.random.default_rng(11)
    t = np.arange(24 * DAYS + 1) / 24
    day = 2 * np.pi * t
    frame = pd.DataFrame(
        {
            "time": pd.date_range("2024-03-04", periods=len(t), freq="1h").strftime("%Y-%m-%d %H:%M"),
            "flow": 5000 * (1 - 0.3 * np.cos(day)),
            "NH4_in": 30 * (1 - 0.3 * np.cos(day - 0.5)),
            "DO": 1.5 + 0.4 * np.cos(day),
            "NH4": 1.0,
        }
    )
    path = folder / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    frame.to_csv(folder / "plant.csv", index=False)
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    values = {p.name: p.default for p in table.parameters} | {"mu_A": 0.65, "K_NH": 2.0}
    parameters = torch.tensor([values[p.name] for p in table.parameters], dtype=torch.float64)
    columns = {"Q_in": "flow", "influent.S_NH": "NH4_in", "aerobic.S_O": "DO"}
    inputs = np.stack(
        [
            np.asarray(frame[columns[spec.name]], dtype=float)
            if spec.name in columns
            else np.full(len(t), plant.layout.constants.get(spec.name, 0.0))
            for spec in plant.inputs
        ],
        axis=1,
    )
    u = torch.as_tensor(inputs)
    system = PlantSystem(plant, parameters, ("aerobic.S_NH",))
    with torch.no_grad():
        solution = PlantModel(system, make_grid(config)).simulate(start_state(system, u.mean(0)), u)
    frame["NH4"] = np.clip(solution.outputs[0].numpy()[:, 0] + 0.05 * rng.normal(size=len(t)), 0, None)
    frame.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
    return path


class Noted(Silent):
    """Notes in a file which stage a run is in, for who kills it from outside."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stage(self, title: str, total: int | None = None) -> None:
        """Note it."""
        self._path.write_text(title, encoding="utf-8")


def train_or_resume(config: Path, run: Path, noted: Path, beside: bool, resume: bool) -> None:
    """Train, or go on with a run, in one thread.

    Parameters
    ----------
    config, run : Path
        The config, and the folder of the run.
    noted : Path
        Gets the title of the present stage.
    beside : bool
        Whether another process fits the pure neural ODE, which the run is too short for by itself.
    resume : bool
        Whether to go on with the run in the folder.
    """
    torch.set_num_threads(1)
    collocation.STEPS = COLLOCATION_STEPS
    second_process.ENOUGH = 0 if beside else 10**9
    if resume:
        workflow.resume_training(run, Noted(noted))
    else:
        workflow.run_training(config, run, Noted(noted))


def settled(folder: Path) -> dict[str, str]:
    """Return a digest of every file in a folder and below, by name, without the times that files state."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(_without_times(path)).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _without_times(path: Path) -> bytes:
    content = path.read_bytes()
    if path.name == "report.html":
        return _TIMES.sub("", content.decode()).encode()
    if path.name not in (*TIMED, MANIFEST):
        return content
    left_out = {MANIFEST: TIMED, "summary.json": ("created", "seconds"), "environment.json": ("created",)}[path.name]
    return json.dumps({key: value for key, value in json.loads(content).items() if key not in left_out}).encode()


def leftovers(run: Path) -> list[str]:
    """Return what a finished run should not have: temporary files, checkpoints, locks."""
    return [
        path.relative_to(run).as_posix()
        for path in sorted(run.rglob("*"))
        if path.name.endswith(TEMPORARY) or UNFINISHED in path.relative_to(run).parts or path.name == "lock"
    ]
