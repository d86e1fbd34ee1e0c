"""A synthetic run folder in the form that training writes, with plausible figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.manifest import write_manifest

START = pd.Timestamp("2021-05-05T00:00:00Z")
BLOCKS = {"calibrate": (1.0, 16.0), "train": (1.0, 16.0), "validate": (17.0, 23.0), "test": (24.0, 35.0)}
TANKS = ["anoxic_1", "anoxic_2", "aerobic_1", "aerobic_2", "aerobic_3"]
PROCESSES = [
    "aerobic_growth_heterotrophs",
    "anoxic_growth_heterotrophs",
    "aerobic_growth_autotrophs",
    "decay_heterotrophs",
    "decay_autotrophs",
    "ammonification",
    "hydrolysis_organics",
    "hydrolysis_nitrogen",
]
VARIABLES = {
    "NH4": {"target": "aerobic_3.S_NH", "unit": "g N/m3", "noise": 0.3},
    "NO3": {"target": "aerobic_3.S_NO", "unit": "g N/m3", "noise": 0.4},
    "O2": {"target": "aerobic_2.S_O", "unit": "g/m3", "noise": 0.1},
}
MODELS = ["mechanistic", "recalibrated", "mean", "diurnal", "least_squares", "neural", "hybrid"]
CONFIG = """name: {name}
description: Synthetic plant with five tanks, for tests
model:
  kinetics: asm1
  mode: {mode}
  calibrate: [mu_A, K_NH]
data:
  sources:
    online:
      file: online.csv
      time: {{column: time, format: "%Y-%m-%d %H:%M", zone: Europe/Amsterdam}}
network:
  placement: {placement}
training:
  seeds: [1, 2, 3]
"""


def signals(rng: np.random.Generator) -> tuple[np.ndarray, dict[str, dict[str, np.ndarray]]]:
    """Return sample times [d] and, for each variable, the truth and what each model makes of it."""
    t = np.arange(0, 35, 1 / 24)
    load = 1 + 0.45 * np.sin(2 * np.pi * (t - 0.3)) + 0.15 * np.sin(4 * np.pi * (t - 0.1))
    rain = sum(a * np.exp(-((np.maximum(t - d, 0) - 0.4) ** 2) / 0.18) for d, a in ((8, 0.6), (19, 0.5), (28, 1)))
    oxygen = 1.6 + 0.6 * np.sin(2 * np.pi * (t + 0.1)) - 0.5 * rain
    missed = 2.6 * np.clip(1.5 - oxygen, 0, None) * load
    base = {
        "NH4": 2.2 + 2.4 * (load - 0.6) + 2.5 * rain,
        "NO3": 9.0 - 1.8 * load - 2.0 * rain,
        "O2": oxygen,
    }
    gain = {"NH4": 1.0, "NO3": -0.8, "O2": 0.0}
    out: dict[str, dict[str, np.ndarray]] = {}
    for name, f in base.items():
        truth = np.maximum(f + gain[name] * missed, 0.02)
        drift = 0.25 * np.sin(2 * np.pi * t / 9)
        hybrid = truth + (1.4 if name == "O2" else 0.3) * drift + rng.normal(0, 0.05, t.size)
        spread = 0.1 + 0.15 * rain + 0.05 * load
        train = t < 16
        out[name] = {
            "truth": truth,
            "measured": truth + rng.normal(0, float(VARIABLES[name]["noise"]), t.size),  # type: ignore[arg-type]
            "mechanistic": np.maximum(f - 0.9 + drift, 0),
            "recalibrated": np.maximum(f + 0.5 * gain[name] + 0.6 * drift, 0),
            "mean": np.full(t.size, truth[train].mean()),
            "diurnal": truth[train].mean() + 1.3 * np.sin(2 * np.pi * (t - 0.3)) * (1 if name == "NH4" else -0.5),
            "least_squares": 0.55 * truth + 0.45 * truth[train].mean() + 0.8 * drift,
            "neural": truth + 1.2 * np.sin(2 * np.pi * t / 5) * (1 + rain),
            "hybrid": hybrid,
            "hybrid_low": hybrid - spread,
            "hybrid_high": hybrid + spread,
            "band_low": np.maximum(hybrid - spread - 0.5, 0),
            "band_high": hybrid + spread + 0.5,
        }
    return t, out


def block_of(t: np.ndarray) -> np.ndarray:
    names = np.full(t.shape, "", dtype=object)
    for name in ("train", "validate", "test"):
        names[(t >= BLOCKS[name][0]) & (t < BLOCKS[name][1])] = name
    return names


def stamps(t: np.ndarray) -> pd.Series:
    return pd.Series(START + pd.to_timedelta(np.round(t * 86400), unit="s")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def predictions(models: list[str]) -> pd.DataFrame:
    t, series = signals(np.random.default_rng(7))
    parts = []
    for name, values in series.items():
        outage = (t > 10.2) & (t < 11.6) if name == "NH4" else (t > 30.1) & (t < 30.6)
        keep = ~outage
        columns = [*models, "hybrid_low", "hybrid_high", "band_low", "band_high"] if "hybrid" in models else models
        frame = pd.DataFrame({"time": stamps(t), "block": block_of(t), "variable": name})
        frame["unit"] = VARIABLES[name]["unit"]
        for column in ["measured", *columns]:
            frame[column] = np.round(values[column], 5)
        frame.insert(frame.columns.get_loc("measured") + 1, "censored", False)
        parts.append(frame[keep])
    return pd.concat(parts)


def contributions(kind: str) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    t = np.arange(0, 35, 1 / 24)
    names = {
        "process": PROCESSES,
        "component": ["S_NH", "S_NO", "S_O"],
        "parameter": ["mu_A", "K_OA"],
        "variable": ["aerobic_3.S_NH"],
    }[kind]
    rows = []
    for i, tank in enumerate(TANKS):
        aerated = tank.startswith("aerobic")
        oxygen = np.clip(1.6 + 0.6 * np.sin(2 * np.pi * (t + 0.1)) + rng.normal(0, 0.15, t.size), 0.02, None)
        oxygen = oxygen if aerated else 0.05 * oxygen
        for j, name in enumerate(names):
            own = (30 + 12 * j) * (1 + 0.4 * np.sin(2 * np.pi * (t - 0.3))) * (oxygen / (0.4 + oxygen))
            size = {"aerobic_growth_autotrophs": -0.45, "hydrolysis_organics": 0.15, "S_NH": -0.3}.get(name, 0.02)
            learnt = size * own * np.exp(-oxygen) * (0.6 + 0.2 * i) + rng.normal(0, 0.3, t.size)
            frame = pd.DataFrame({"time": stamps(t), "block": block_of(t), "tank": tank, "kind": kind, "name": name})
            rows.append(frame.assign(own=own.round(4), learnt=learnt.round(4), unit="g/m3/d", S_O=oxygen.round(4)))
    return pd.concat(rows)


def score(frame: pd.DataFrame, model: str) -> dict[str, Any]:
    error = (frame[model] - frame["measured"]).to_numpy()
    rmse = float(np.sqrt(np.mean(error**2)))
    r2 = 1 - float(np.mean(error**2)) / float(frame["measured"].var(ddof=0))
    seeds = [0.94 * rmse, rmse, 1.1 * rmse] if model in ("hybrid", "neural") else [rmse]
    return {
        "rmse": rmse,
        "mae": float(np.mean(np.abs(error))),
        "bias": float(error.mean()),
        "r2": r2,
        "n": len(frame),
        "rmse_seeds": seeds,
    }


def verdict(mode: str, scores: dict[str, Any]) -> dict[str, Any]:
    own = {"hybrid": "hybrid", "neural": "neural", "mechanistic": "recalibrated"}[mode]
    variables = {}
    for name, models in scores["test"].items():
        best = min((m for m in models if m != own), key=lambda m: models[m]["rmse"])
        theirs, ours = models[best]["rmse"], models[own]["rmse"]
        variables[name] = {
            "best_baseline": best,
            "best_rmse": theirs,
            "own_rmse": ours,
            "outcome": "better" if ours < theirs else "worse",
            "change_percent": 100 * (ours / theirs - 1),
        }
    better = [n for n, v in variables.items() if v["own_rmse"] < v["best_rmse"]]
    wins = len(better) == len(variables)
    head = f"The {own} model beats every baseline on the test block in {', '.join(better) or 'nothing'}"
    detail = "; ".join(f"{n}: RMSE {v['own_rmse']:.3g} against {v['best_rmse']:.3g}" for n, v in variables.items())
    return {"wins": wins, "model": own, "sentence": f"{head}. {detail}.", "variables": variables}


def forecasts(scores: dict[str, Any]) -> dict[str, Any]:
    """Persistence is best at 1 h, the diurnal mean at 24 h."""

    def at(horizon: int, block: str) -> dict[str, Any]:
        out = {}
        for variable, models in scores[block].items():
            kept = {m: s for m, s in models.items() if m not in ("mean", "least_squares")}
            last = kept["recalibrated"] | {"rmse": 0.05 * horizon, "rmse_seeds": [0.05 * horizon]}
            out[variable] = {"persistence": last} | kept
        return out

    held = {v: {"coverage": 0.876, "width": 1.31, "n": 143} for v in VARIABLES}
    return {
        "horizons": [1, 6, 24],
        "origins": {"validate": 167, "test": 287},
        "spacing": {"validate": 1, "test": 1},
        "scores": {b: {f"{h} h": at(h, b) for h in (1, 6, 24)} for b in ("validate", "test")},
        "bands": {b: {f"{h} h": held for h in (1, 6, 24)} for b in ("validate", "test")},
        "sentences": [
            "At 1 h persistence wins in NH4, NO3, O2.",
            "At 24 h the hybrid is better than persistence in NH4.",
        ],
        "persistence_wins": {"1 h": ["NH4", "NO3", "O2"], "6 h": [], "24 h": []},
    }


def bands(frame: pd.DataFrame) -> dict[str, Any]:
    variables: dict[str, Any] = {}
    for name in VARIABLES:
        variables[name] = {"residual": 0.41}
        for block in ("validate", "test"):
            rows = frame[(frame.variable == name) & (frame.block == block)]
            held = (rows.measured >= rows.band_low) & (rows.measured <= rows.band_high)
            variables[name][block] = {"coverage": float(held.mean()), "width": 1.2, "n": len(rows)}
    return {"level": 0.9, "variables": variables}


def parameters() -> dict[str, Any]:
    rows = [
        ("mu_A", 0.8, 0.61, 0.3, 1.5, "1/d", True, 0.03),
        ("K_NH", 1.0, 3.0, 0.1, 3.0, "g N/m3", True, 0.41),
        ("mu_H", 6.0, 6.0, 2.0, 12.0, "1/d", False, None),
        ("Y_H", 0.67, 0.67, 0.4, 0.8, "g COD/(g COD)", False, None),
        ("K_OA", 0.4, 0.4, 0.05, 2.0, "g/m3", False, None),
        ("b_H", 0.62, 0.62, 0.05, 1.6, "1/d", False, None),
    ]
    listed = [
        {
            "name": name,
            "value": value,
            "default": default,
            "lower": low,
            "upper": high,
            "unit": unit,
            "source": "henze1987",
            "calibrated": calibrated,
            "at_bound": value in (low, high),
            "std_error": error,
            "profile_low": value - 2 * error if error else None,
            "profile_high": value + 2 * error if error else None,
            "profile_open": "upper" if value == high else "none",
            "profile_checked": True if error else None,
        }
        for name, default, value, low, high, unit, calibrated, error in rows
    ]
    return {
        "parameters": listed,
        "correlations": {"mu_A": {"mu_A": 1.0, "K_NH": 0.97}, "K_NH": {"mu_A": 0.97, "K_NH": 1.0}},
    }


def missing(kind: str) -> list[dict[str, Any]]:
    if kind == "variable":
        row = {"kind": kind, "name": "aerobic_3.S_NH", "tank": "aerobic_3", "share": 1.0}
        return [row | {"own": 1.5, "learnt": -0.2, "unit": "g N/m3"}]
    if kind == "parameter":
        keys = ("name", "tank", "share", "own", "learnt", "unit")
        rows = [("mu_A", "aerobic_3", 0.8, 0.61, -0.2, "1/d"), ("K_OA", "aerobic_2", 0.2, 0.4, 0.1, "g/m3")]
        return [{"kind": kind, **dict(zip(keys, row, strict=True))} for row in rows]
    if kind == "component":
        return [
            {
                "kind": kind,
                "name": "S_NH",
                "tank": "aerobic_3",
                "share": 0.71,
                "own": 80.0,
                "learnt": -14.0,
                "unit": "g/m3/d",
            },
            {
                "kind": kind,
                "name": "S_NO",
                "tank": "aerobic_2",
                "share": 0.11,
                "own": 70.0,
                "learnt": 3.0,
                "unit": "g/m3/d",
            },
        ]
    rows = [
        ("aerobic_growth_autotrophs", "aerobic_3", 0.44, 31.0, -9.2),
        ("aerobic_growth_autotrophs", "aerobic_2", 0.21, 34.0, -7.1),
        ("hydrolysis_organics", "aerobic_1", 0.09, 71.0, 4.3),
        ("aerobic_growth_autotrophs", "aerobic_1", 0.08, 34.0, -3.0),
        ("anoxic_growth_heterotrophs", "anoxic_2", 0.05, 18.0, 1.0),
    ]
    named = {(p, t) for p, t, *_ in rows}
    rows += [(p, t, 0.13 / 35, 10.0, 0.1) for p in PROCESSES for t in TANKS if (p, t) not in named]
    keys = ("name", "tank", "share", "own", "learnt")
    return [{"kind": kind, **dict(zip(keys, row, strict=True)), "unit": "g/m3/d"} for row in rows]


def build_run(folder: Path, *, mode: str = "hybrid", placement: str = "rates", name: str = "synthetic plant") -> Path:
    """Write a run folder; without hybrid and contributions unless the mode is hybrid."""
    folder.mkdir(parents=True, exist_ok=True)
    models = [m for m in MODELS if m != "hybrid" or mode == "hybrid"]
    frame = predictions(models)
    frame.to_csv(folder / "predictions.csv", index=False)
    scores = {
        block: {v: {m: score(part[part.variable == v], m) for m in models} for v in VARIABLES}
        for block, part in ((b, frame[frame.block == b]) for b in ("train", "validate", "test"))
    }
    kind = {"rates": "process", "state": "component", "parameters": "parameter", "output": "variable"}[placement]
    summary: dict[str, Any] = {
        "name": name,
        "mode": mode,
        "placements": [placement] if mode == "hybrid" else [],
        "created": "2026-02-03T14:05:09Z",
        "version": "0.1.0",
        "device": "cpu",
        "seconds": {"data": 1.2, "calibration": 41.7, "training": 163.0, "evaluation": 12.9},
        "blocks": {b: [stamps(np.array([x]))[0] for x in span] for b, span in BLOCKS.items()},
        "variables": VARIABLES,
        "scores": scores,
        "missing": missing(kind) if mode == "hybrid" else [],
        "warnings": [
            "X_BH and 9 more states are not measured: their values and rates are unverified.",
            "Influent composition is an estimate: its errors cannot be told from errors in f.",
        ],
        "stopped": "early",
        "seeds": [1, 2, 3],
    }
    summary["verdict"] = verdict(mode, scores)
    summary["forecast"] = forecasts(scores)
    own = summary["verdict"]["model"]
    ahead = frame.loc[frame["block"] == "test", ["time", "block", "variable", "unit", "measured", own]]
    ahead = ahead.assign(horizon=6, persistence=ahead["measured"].shift(6), band_low=ahead[own] - 0.5)
    ahead.assign(band_high=ahead[own] + 0.5).to_csv(folder / "forecasts.csv", index=False)
    if mode == "hybrid":
        summary["bands"] = bands(frame)
        contributions(kind).to_csv(folder / "contributions.csv", index=False)
    data = {
        "files": [
            {
                "file": "online.csv",
                "sha256": "5f" * 32,
                "rows": 3360,
                "columns": ["time", "flow", "NH4", "NO3", "O2"],
                "first": "2021-05-05T00:00:00Z",
                "last": "2021-06-08T23:45:00Z",
            }
        ],
        "quality": [
            {
                "severity": "warning",
                "file": "online.csv",
                "column": "NH4",
                "rows": "rows 981-1114",
                "kind": "long gap",
                "message": "no value for 33.5 h",
            }
        ],
    }
    environment = {
        "python": "3.12.4",
        "platform": "Linux-6.1-x86_64",
        "packages": {"torch": "2.9.0", "numpy": "2.3.1", "pandas": "2.3.0"},
        "threads": 2,
        "commit": None,
    }
    for file, value in (
        ("summary.json", summary),
        ("parameters.json", parameters()),
        ("data.json", data),
        ("environment.json", environment),
    ):
        (folder / file).write_text(json.dumps(value, indent=2), encoding="utf-8")
    config = CONFIG.format(name=json.dumps(name), mode=mode, placement=placement)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    (folder / "kinetics.yaml").write_text("name: asm1\ntitle: Activated Sludge Model No. 1\n", encoding="utf-8")
    (folder / "weights.safetensors").write_bytes(bytes(range(64)))
    (folder / "metrics.jsonl").write_text('{"seed": 1, "iteration": 10, "loss": 1.0}\n', encoding="utf-8")
    write_manifest(folder)
    return folder


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a hybrid run with rates placement; read only."""
    return build_run(tmp_path_factory.mktemp("run") / "hybrid")


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Path]:
    """Return the function that writes a run folder, for tests that change it."""
    return build_run
