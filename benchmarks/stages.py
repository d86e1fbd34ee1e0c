"""Which stages of learning find the best n: validation loss and time of several lists of stages, on one plant.

    python benchmarks/stages.py configs/quickstart.yaml [--out FILE] [--only windows growing,windows ...]

f is calibrated once. Every list then learns n from there. The loss is that of an open-loop simulation of the record
from its begin, on the validation block, in squares of sensor noise, for every seed; the test block is not looked at.
Time is that of the processor.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.plant import Plant
from asm_hybrid.training import Silent
from asm_hybrid.training.checkpoints import Checkpoints
from asm_hybrid.training.run_context import RunContext, run_context
from asm_hybrid.training.run_folder import MetricsLog
from asm_hybrid.training.simulation_models import PlantModel
from asm_hybrid.training.stages.calibrate_f import calibrate_f, uncalibrated_f
from asm_hybrid.training.stages.find_start import find_start
from asm_hybrid.training.stages.learn_n import learn_n
from asm_hybrid.training.stages.learnt_n import LearntN
from asm_hybrid.training.stages.simulate_f import SimulatedF, simulate_f
from asm_hybrid.training.windows import interpolate_outputs

LISTS = (
    "windows",
    "collocation,windows",
    "growing,windows",
    "collocation,growing,windows",
    "growing",
    "windows,shooting",
    "growing,shooting",
    "collocation,growing,shooting",
    "shooting",
    "collocation",
)


def begin(config_path: str, stages: str, folder: Path) -> RunContext:
    """Return a run that has not begun."""
    config = load_config(config_path)
    training = config.training.model_copy(update={"stages": tuple(stages.split(","))})
    changed = config.model_copy(update={"training": training})
    changed._document = config._document
    table = load_kinetics(changed)
    plant = Plant(table, build_layout(changed, table))
    folder.mkdir()
    return run_context(
        changed,
        plant,
        read_dataset(changed, table, plant.layout),
        progress=Silent(),
        checkpoints=Checkpoints(folder),
        log=MetricsLog(folder / "metrics.jsonl"),
    )


def losses(run: RunContext, simulated: SimulatedF, n: LearntN) -> list[float]:
    """Return the loss of every seed on the validation block, open loop from the begin of the record."""
    first, last = run.blocks["validate"]
    knots = round(last / run.grid.interval) + 1
    start = simulated.f.start[1].expand(n.term.members, -1, -1)
    hybrid = PlantModel(run.system(simulated.f.parameters, n.term), run.grid)
    with torch.no_grad():
        outputs = hybrid.simulate(start, run.inputs[:knots]).outputs
    found = interpolate_outputs(np.asarray(outputs), run.dataset.observations, run.grid.interval, run.grid.points)
    squares = []
    for y, o in zip(found, run.dataset.observations, strict=True):
        inside = (o.times >= first) & (o.times <= last)
        squares.append((o.error(y)[:, inside] / o.noise) ** 2)
    return [float(v) for v in np.concatenate(squares, axis=1).mean(1)]


def main() -> None:
    """Learn with every list and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*", default=LISTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as base:
        common = begin(arguments.config, "calibration", Path(base) / "f")
        f = calibrate_f(common, find_start(common, uncalibrated_f(common)), lambda best: None)
        simulated = simulate_f(common, f)
        for stages in arguments.only:
            run = begin(arguments.config, stages, Path(base) / stages)
            clock = time.process_time()
            n = learn_n(run, simulated, lambda best: None)
            seconds = time.process_time() - clock
            rows.append({"stages": stages, "losses": losses(run, simulated, n), "seconds": round(seconds, 1)})
            print(json.dumps(rows[-1]), flush=True)
            if arguments.out:
                arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
