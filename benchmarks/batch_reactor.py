"""A finished run of ``configs/sbr.yaml`` against the truth of its virtual plant: how much of the gap n closes.

The gap of a variable lies between recalibrated f and the noise floor, the error of the truth itself against the same
measurements. Root mean squares against the measurements of a block. The last line is JSON.

    python benchmarks/batch_reactor.py RUN [BLOCK]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

LEAST = 0.1
"""Gap, in shares of the noise floor, below which there is nothing to close [-]."""
TRUTH = Path(__file__).parent.parent / "data" / "sbr" / "truth.csv"
MODELS = {
    "mean": "mean of the training block",
    "diurnal": "mean of the hour of day",
    "least_squares": "least squares",
    "neural": "pure neural ODE",
    "mechanistic": "f by default",
    "recalibrated": "f recalibrated",
    "hybrid": "f + n",
    "truth": "the truth: noise floor",
}


def main(run: Path, block: str) -> None:
    """Print the table."""
    truth = pd.read_csv(TRUTH)
    truth["time"] = pd.to_datetime(truth["time"], utc=True)
    truth = truth.melt("time", var_name="variable", value_name="truth")
    own = pd.read_csv(run / "predictions.csv").query("block == @block")
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    both = own.merge(truth, on=["time", "variable"])
    found: dict[str, dict[str, float]] = {}
    for variable, rows in both.groupby("variable", sort=False):
        errors = {m: float(np.sqrt(((rows[m] - rows["measured"]) ** 2).mean())) for m in MODELS if m in rows}
        gap = errors["recalibrated"] - errors["truth"]
        closed = (errors["recalibrated"] - errors["hybrid"]) / gap if gap > LEAST * errors["truth"] else np.nan
        found[str(variable)] = errors | {"closed": closed}
    print("| model | " + " | ".join(found) + " |\n" + "|---" * (len(found) + 1) + "|")
    for model, label in MODELS.items():
        if all(model in errors for errors in found.values()):
            print(f"| {label} | " + " | ".join(f"{errors[model]:.3g}" for errors in found.values()) + " |")
    print(
        "| of the gap closed | "
        + " | ".join("no gap" if np.isnan(e["closed"]) else f"{100 * e['closed']:.0f} %" for e in found.values())
        + " |"
    )
    print(json.dumps({v: {m: round(x, 4) for m, x in errors.items() if x == x} for v, errors in found.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "test")
