"""Predict a year: BSM1's five tanks and ten settler layers with an untrained n, 365 d at 15 min.

    python benchmarks/year_record.py
    python benchmarks/year_record.py --days 30 --members 3

The model is that of a run, with small random weights, and a record made on the spot. Seconds are from the call of
`FittedModel.predict` to its data frame, with the compiled equations written on the way; memory is the most that the
process has held until its end, and what it held before the call stands beside it. The last line is JSON. The exit code
is 1 where the prediction takes more than 30 s of processor time or 1 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from untrained import untrained

import asm_hybrid as ah
from asm_hybrid.training import FittedModel

SECONDS, MEMORY = 30.0, 1e9
MEANS = {"Q_in": 18446.0, "T": 15.0, "influent.S_NH": 31.56, "influent.S_S": 69.5, "influent.X_S": 202.32}
"""Means of inputs that columns give, as the layout has them."""
VARIED = {"Q_in": 0.4, "influent.S_NH": 0.3, "influent.S_S": 0.3, "influent.X_S": 0.3, "T": 0.2}
"""Inputs that swing over the day and the year, and by what share of their mean."""


def config_of(members: int) -> dict[str, Any]:
    """Return a config of BSM1 with n."""
    columns: dict[str, dict[str, Any]] = {
        name: {"role": "input", "as": name, "unit": "m3/d" if name == "Q_in" else "g/m3"} for name in VARIED
    }
    columns["T"]["unit"] = "degC"
    noise = {"tank_5.S_NH": 0.2, "tank_5.S_NO": 0.3, "effluent.TSS": 2.0}
    columns |= {name: {"role": "observation", "as": name, "unit": "g/m3", "noise": v} for name, v in noise.items()}
    layout = ah.load_plant("bsm1")
    influent = layout["plant"]["influent"]
    del layout["plant"]["temperature"], influent["flow"]
    for name in VARIED:
        influent["composition"].pop(name.removeprefix("influent."), None)
    times = {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"}
    return {
        "name": "year",
        "device": "cpu",
        "model": {"kinetics": layout["model"]["kinetics"], "mode": "hybrid"},
        "plant": layout["plant"],
        "data": {
            "interval": "15 min",
            "sources": {"online": {"file": "none.csv", "time": times, "columns": columns}},
            "blocks": {"train": [0.0, 0.5], "validate": [0.6, 0.7], "test": [0.8, 1.0]},
        },
        "network": {"hidden": [16, 16], "inputs": ["S_S", "S_O", "S_NO", "S_NH", "T"]},
        "training": {"seeds": list(range(1, members + 1)), "step": "15 min"},
    }


def model_of(days: int, members: int) -> tuple[FittedModel, pd.DataFrame]:
    """Return a model as a run would leave it, and its record."""
    return untrained(config_of(members), days, MEANS, VARIED)


def memory() -> float:
    """Return the most memory that this process has held [byte]."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(size if sys.platform == "darwin" else 1024 * size)


def main() -> int:
    """Predict, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--members", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the prediction as CSV")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, record = model_of(arguments.days, arguments.members)
    before, clock, wall = memory(), time.process_time(), time.perf_counter()
    found = model.predict(record)
    seconds, wall = time.process_time() - clock, time.perf_counter() - wall
    held = memory()
    if arguments.out:
        found.to_csv(arguments.out)
    print(found.describe().loc[["mean", "min", "max"]].to_string())
    print(f"{len(record)} knots, {int(model.plant.rows.active.sum())} states, {arguments.members} seeds")
    print(
        f"{seconds:.1f} s of processor time, {wall:.1f} s by the clock; {held / 1e6:.0f} MB, {before / 1e6:.0f} before"
    )
    print(json.dumps({"seconds": seconds, "wall_s": wall, "memory_mb": held / 1e6, "before_mb": before / 1e6}))
    return int(seconds > SECONDS or held > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
