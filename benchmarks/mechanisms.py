"""BSM1 in dry weather, rain and storm, whose truth has one mechanism of ASM1 changed: what the hybrid recovers.

Run ``python benchmarks/mechanisms.py --influents DIR`` with the folder of ``bsm1_asm1_Inf_dry.txt``, ``_rain.txt`` and
``_strm.txt``. Every mechanism is one run of the program: ASM1 is recalibrated, a hybrid and a pure neural ODE learn,
all in dry weather, and everything is tested in rain and storm (28 d, open loop). `mechanisms_plant.py` makes the
plants.

The figures were fixed before any of them was seen:

- **RMSE** is against the noisy measurements of the test block. The **noise floor** is that of the noise-free truth.
- **Gap closed**, of one sensor: ``(RMSE of f - RMSE of hybrid) / (RMSE of f - noise floor)``, with f recalibrated. It
  is given for the sensors that the mechanism moves: where the RMSE of f is more than 1.25 times the floor.
- **Pooled**: the same with the root mean square over all sensors, each in units of its noise, in the place of the
  RMSE.
- Median and range over five seeds.
- **Named**: whether the changed process is the first in the report's list of what f failed to capture, and the share
  of n's effect that the list gives to the changed process in all tanks.

The settings below were chosen on validation blocks, and are the same for all mechanisms but for how far the gradient
reaches, see `REACH`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mechanisms_plant import MECHANISMS, SENSORS, make_plant

from asm_hybrid.diagnosis import diagnose
from asm_hybrid.training import train

REACH = {"ammonia": "record"}
"""``training.gradient`` where another than that below had the lower validation loss."""
MOVED = 1.25
"""RMSE of recalibrated f over the noise floor from which on a sensor counts as moved by the mechanism."""

SECTIONS = {
    "blocks": {
        "train": '["2021-01-15", "2021-02-06"]',
        "validate": '["2021-02-06 12:00", "2021-02-12"]',
        "test": '["2021-02-12", "2021-03-11 23:45"]',
    },
    "network": {"inputs": "[S_S, S_O, S_NO, S_NH, S_ALK]", "type": "mlp"},  # free, as the figures were made
    "training": {
        "seeds": "[1, 2, 3, 4, 5]",
        "step": "15 min",
        "window": "5.5 d",
        "iterations": "420",
        "penalty": "0.1",
        "optimiser": "soap",
        "gradient": "block",
        "learning_rate": "0.005",
        "calibration_evaluations": "15",
        "compile": "true",
    },
}


def errors(values: dict[str, dict[str, np.ndarray]], table: pd.DataFrame, clean: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the RMSE on the test block in units of noise by model, ``(seed, sensor)``; the truth is ``floor``."""
    out: dict[str, list[np.ndarray]] = {}
    for label, (_, _, noise) in SENSORS.items():
        rows = table[table["variable"] == label]
        inside = (rows["block"] == "test").to_numpy()
        models = {"f": "mechanistic", "recalibrated": "recalibrated", "neural": "neural", "hybrid": "hybrid"}
        found = {name: values[label][key] for name, key in models.items() if key in values[label]}
        found["floor"] = clean[label].to_numpy()[None]
        for name, y in found.items():
            error = (y - rows["measured"].to_numpy())[:, inside] / noise
            out.setdefault(name, []).append(np.sqrt(np.mean(error**2, axis=1)))
    return {name: np.stack(parts, axis=1) for name, parts in out.items()}


def closed(error: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Return the share of the gap that a model closes, ``(seed, sensor + 1)``, pooled in the last column."""
    full = {k: np.column_stack([v, np.sqrt(np.mean(v**2, axis=1))]) for k, v in error.items()}
    return (full["recalibrated"] - full[name]) / (full["recalibrated"] - full["floor"])


def spread(values: np.ndarray) -> dict[str, float]:
    return {"median": float(np.median(values)), "low": float(values.min()), "high": float(values.max())}


def measure(name: str, folder: Path, influents: Path, sections: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Make the plant of one mechanism, train, and return its figures."""
    gradient = {"gradient": REACH[name]} if name in REACH else {}
    sections = sections | {"training": sections["training"] | gradient}
    clean = make_plant(folder, name, influents, "hybrid", sections)
    begin = time.perf_counter()
    outcome = train(folder / "config.yaml", folder / "run")
    seconds = time.perf_counter() - begin
    summary = diagnose(folder / "run")
    assert outcome.predictions is not None
    table = pd.read_csv(folder / "run" / "predictions.csv")
    error = errors(outcome.predictions.values, table, clean)
    pooled = {k: spread(np.sqrt(np.mean(v**2, axis=1))) for k, v in error.items()}
    gap = {k: closed(error, k) for k in ("hybrid", "neural") if k in error}
    moved = error["recalibrated"][0] > MOVED * error["floor"][0]
    share = sum(row["share"] for row in summary["missing"] if row["name"] in MECHANISMS[name].changes)
    first = summary["missing"][0] if summary["missing"] else None
    return {
        "pooled": pooled,
        "gap_closed": {k: spread(v[:, -1]) for k, v in gap.items()},
        "sensors": {
            label: {
                **{k: spread(v[:, i]) for k, v in error.items()},
                "moved": bool(moved[i]),
                "closed": spread(gap["hybrid"][:, i]) if moved[i] else None,
                "coverage": summary["bands"]["variables"][label]["test"]["coverage"],
            }
            for i, label in enumerate(SENSORS)
        },
        "validation_loss": summary["fits"]["n"]["best"],
        "first": [first["name"], first["tank"], first["share"]] if first else None,
        "named": first is not None and first["name"] in MECHANISMS[name].changes,
        "share": share,
        "gradient_error": summary["gradient_error"],
        "step_error": summary["step_error"],
        "seconds": seconds,
        "warnings": summary["warnings"],
    }


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print the figures as tables."""

    def text(value: dict[str, float] | None, percent: bool = False) -> str:
        if value is None:
            return "-"
        k = 100 if percent else 1
        unit = " %" if percent else ""
        form = "{:.0f}" if percent else "{:.2f}"
        middle, low, high = (form.format(k * value[s]) for s in ("median", "low", "high"))
        return f"{middle}{unit}" if low == high else f"{middle}{unit} ({low}-{high})"

    print("\n| mechanism | floor | f | f recalibrated | neural | hybrid | gap closed | neural closes | named | share |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, row in results.items():
        pooled = row["pooled"]
        cells = [text(pooled.get(k)) for k in ("floor", "f", "recalibrated", "neural", "hybrid")]
        cells += [text(row["gap_closed"].get(k), percent=True) for k in ("hybrid", "neural")]
        print(f"| {name} | " + " | ".join(cells) + f" | {'yes' if row['named'] else 'no'} | {row['share']:.0%} |")
    print("\n| mechanism | sensor | floor | f recalibrated | neural | hybrid | gap closed | coverage |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in results.items():
        for label, s in row["sensors"].items():
            cells = [text(s.get(k)) for k in ("floor", "recalibrated", "neural", "hybrid")]
            print(f"| {name} | {label} | {' | '.join(cells)} | {text(s['closed'], True)} | {s['coverage']:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--influents", type=Path, required=True, help="folder of the influent files of BSM1")
    parser.add_argument("--only", nargs="+", choices=MECHANISMS, default=list(MECHANISMS))
    parser.add_argument("--out", type=Path, help="keep plants and runs in this folder")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.only:
            results[name] = measure(name, (arguments.out or Path(temporary)) / name, arguments.influents, SECTIONS)
            row = results[name]
            if arguments.out:
                (arguments.out / f"{name}.json").write_text(json.dumps(row), encoding="utf-8")
            print(
                f"{name}: {MECHANISMS[name].says}; {row['seconds']:.0f} s; first in the list: {row['first']}; "
                f"gradient error {row['gradient_error']:.1e}",
                file=sys.stderr,
            )
    show(results)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
