"""How the quickstart's result degrades with the noise of its sensors and with missing samples.

Run ``python benchmarks/degradation.py`` from the repository root. Every case is the quickstart with other measurements,
made from its noise-free truth (`data/quickstart/truth.csv`): normal noise, independent from sample to sample, with a
standard deviation of 0, 5 and 10 % of that of the variable over the record, and 30 % of the samples missing at random.
The influent and the measured oxygen are those of the quickstart. The config states the noise as it is, but 1 % where
there is none, since a sensor without any is not allowed.

Figures are RMSE on the test block against the noise-free truth, every 15 min; of the hybrid the median and range of
three seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from quickstart_variant import DATA, write_variant

from asm_hybrid.training import read_inputs, train

VARIABLES = ("NH4", "NO3", "MLSS")
CASES = ((0.0, 0.0), (0.05, 0.0), (0.10, 0.0), (0.05, 0.3), (0.10, 0.3))
"""Noise per standard deviation of the variable, and share of the samples that are missing [-]."""

LEAST = 0.01
"""Noise that the config states where there is none, per standard deviation [-]."""


def write_case(folder: Path, noise: float, missing: float, training: dict[str, int]) -> Path:
    """Write data and config of a case; return the path of the config."""
    truth, plant = pd.read_csv(DATA / "truth.csv"), pd.read_csv(DATA / "plant.csv")
    rng = np.random.default_rng(20210508)
    stated = {}
    for name in VARIABLES:
        size = float(truth[name].std())
        values = truth[name] + noise * size * rng.normal(size=len(truth))
        values[rng.random(len(truth)) < missing] = np.nan
        plant[name] = values.clip(lower=0.0)
        stated[name] = float(f"{max(noise, LEAST) * size:.4g}")
    return write_variant(folder, plant=plant, noise=stated, training=training)


def measure(folder: Path, noise: float, missing: float, training: dict[str, int]) -> dict[str, Any]:
    """Train one case, and return its errors against the truth on the test block."""
    begin = time.perf_counter()
    outcome = train(write_case(folder / "case", noise, missing, training), folder / "run")
    model, table = outcome.model, read_inputs(folder / "run")
    inputs = torch.tensor(table[[spec.name for spec in model.plant.inputs]].to_numpy())
    with torch.no_grad():
        own = model.mechanistic().simulate(model.start, inputs).outputs.numpy()
    hybrid = model.simulate(inputs).outputs.numpy()
    found = {"f": own[:1], "recalibrated": own[1:], "hybrid": hybrid}
    truth = pd.read_csv(DATA / "truth.csv")[list(VARIABLES)].to_numpy()
    start, end = (pd.Timestamp(t) for t in json.loads((folder / "run/summary.json").read_text())["blocks"]["test"])
    inside = ((table["time"] >= start) & (table["time"] <= end)).to_numpy()
    order = [model.labels.index(name) for name in VARIABLES]
    rmse = {
        name: np.sqrt(np.mean((y[:, inside][..., order] - truth[inside]) ** 2, axis=1)).tolist()
        for name, y in found.items()
    }
    return {"noise": noise, "missing": missing, "rmse": rmse, "seconds": time.perf_counter() - begin}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, help="gradient steps (default: those of the quickstart)")
    arguments = parser.parse_args()
    training = {"iterations": arguments.iterations} if arguments.iterations else {}
    print("| noise | missing | variable | f | f recalibrated | hybrid | hybrid / recalibrated | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    results = []
    for noise, missing in CASES:
        with tempfile.TemporaryDirectory() as temporary:
            row = measure(Path(temporary), noise, missing, training)
        results.append(row)
        for i, name in enumerate(VARIABLES):
            f, again, hybrid = (np.array(row["rmse"][k])[:, i] for k in ("f", "recalibrated", "hybrid"))
            middle = np.median(hybrid)
            print(
                f"| {noise:.0%} | {missing:.0%} | {name} | {f[0]:.3g} | {again[0]:.3g} | {middle:.3g} "
                f"({hybrid.min():.3g}-{hybrid.max():.3g}) | {middle / again[0]:.2f} | {row['seconds']:.0f} |",
                flush=True,
            )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
