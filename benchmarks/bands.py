"""Prediction bands with and without the distance from other models, made on one half of validation for the other.

Run ``python benchmarks/bands.py RUN [RUN …]`` with folders of finished hybrid runs. A band is made from one half of the
validation block and judged on the other, by the normal log score of the errors (lower is better, the mean of both
directions) and by the share it holds; then made from the whole block and judged on the test block. Lowest, median and
highest seed stand for all.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.training.bands import HALF_WIDTH, Band, coverage, prediction_band


def log_score(measured: np.ndarray, centre: np.ndarray, band: Band, censored: np.ndarray, inside: np.ndarray) -> float:
    """Return the mean of ``log σ + (error / σ)² / 2`` over some samples."""
    size = (band.high - centre) / HALF_WIDTH
    error = censored_error(centre - measured, censored)
    return float((np.log(size) + 0.5 * (error / size) ** 2)[inside].mean())


def judge(part: pd.DataFrame, names: list[str]) -> list[float]:
    """Return log score and coverage across halves, and coverage and mean width on the test block."""
    measured, block = part["measured"].to_numpy(), part["block"].to_numpy()
    members = part[["hybrid_low", "hybrid", "hybrid_high"]].to_numpy().T
    others = {name: part[name].to_numpy() for name in names}
    censored = part["censored"].to_numpy(np.int8)
    validation = np.flatnonzero(block == "validate")
    halves = [np.isin(np.arange(len(part)), half) for half in np.array_split(validation, 2)]
    found = []
    for made, judged in (halves, halves[::-1]):
        band = prediction_band(measured, members, made, censored, others)
        assert band is not None
        score = log_score(measured, members[1], band, censored, judged)
        found.append([score, coverage(measured, band, judged, censored)])
    band = prediction_band(measured, members, block == "validate", censored, others)
    assert band is not None
    test = block == "test"
    width = float((band.high - band.low)[test].mean())
    return [*np.mean(found, axis=0).tolist(), coverage(measured, band, test, censored), width]


def main() -> None:
    """Print one row a run and variable."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished hybrid runs")
    print("| run | variable | band | log score, halves | held, halves | held, test | width, test |")
    print("|---|---|---|---|---|---|---|")
    sums = {"constant": 0.0, "with distance": 0.0}
    for run in parser.parse_args().runs:
        for variable, part in pd.read_csv(run / "predictions.csv").groupby("variable", sort=False):
            for kind, names in (("constant", []), ("with distance", ["recalibrated", "neural"])):
                score, held, test, width = judge(part, names)
                sums[kind] += score
                print(f"| {run.name} | {variable} | {kind} | {score:.3f} | {held:.3f} | {test:.3f} | {width:.3g} |")
    print("sum of the log scores:", ", ".join(f"{kind} {total:.3f}" for kind, total in sums.items()))


if __name__ == "__main__":
    main()
