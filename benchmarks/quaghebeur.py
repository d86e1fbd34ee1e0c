"""A finished run of ``configs/quaghebeur.yaml`` against the truth, within the range of training and beyond it.

The test block is parted where the data leave that range, see ``data/quaghebeur/make_quaghebeur.py``. Errors are against
the truth without noise, as root mean squares. The last line is JSON.

    python benchmarks/quaghebeur.py RUN
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TRUTH = Path(__file__).parent.parent / "data" / "quaghebeur" / "truth.csv"
BEYOND = pd.Timestamp("2021-05-30", tz="UTC")
MODELS = {
    "diurnal": "mean of the hour of day",
    "least_squares": "least squares",
    "neural": "pure neural ODE",
    "mechanistic": "f by default",
    "recalibrated": "f recalibrated",
    "hybrid": "f + n",
}


def main(run: Path) -> None:
    """Print the table."""
    truth = pd.read_csv(TRUTH)
    truth["time"] = pd.to_datetime(truth["time"], utc=True)
    truth = truth.melt("time", var_name="variable", value_name="truth")
    own = pd.read_csv(run / "predictions.csv").query("block == 'test'")
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    both = own.merge(truth, on=["time", "variable"])
    found: dict[str, dict[str, float]] = {}
    for model in MODELS:
        squares = (both[model] - both["truth"]) ** 2
        parts = squares.groupby(both["variable"] + np.where(both["time"] < BEYOND, " within", " beyond")).mean() ** 0.5
        found[model] = {str(name): round(float(value), 3) for name, value in parts.items()}
    columns = [f"{variable} {part}" for variable in ("NH4", "NO3") for part in ("within", "beyond")]
    print("| model | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    for model, label in MODELS.items():
        print(f"| {label} | " + " | ".join(f"{found[model][column]:.2f}" for column in columns) + " |")
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
