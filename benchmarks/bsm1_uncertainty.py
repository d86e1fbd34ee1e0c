"""How sure the ammonium in the effluent of BSM1 is, after a calibration: 200 draws with the fitted covariance.

    python benchmarks/bsm1_uncertainty.py [--out FOLDER] [--cases 200]

A record of BSM1 is made by its equations with other nitrifiers than the table has (`TRUTH`), an influent of 20 d, and
noise on four sensors. A config that knows nothing of this calibrates five parameters. Then `sweep` draws them together
from what the run knows of them, over 14 d of another influent, which the truth is simulated on, too. The last line is
JSON: estimates and standard errors, bands of the effluent's ammonium, and the share of the hours at which the truth
lies within them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import asm_hybrid as ah
from asm_hybrid.paths import LAYOUTS
from asm_hybrid.yamlfile import load_yaml, to_yaml

TRUTH = {"mu_A": 0.45, "K_NH": 1.3, "b_A": 0.045}
"""Parameters of the plant that is measured; the others are those of the table."""
CALIBRATED = ["mu_A", "K_NH", "K_OA", "b_A", "eta_g"]
DAYS = 20
BEGIN = pd.Timestamp("2024-03-04")
RECORDED: dict[str, Any] = {"flow": 18446, "sewage": "settled", "noise": 0.05}
LATER: dict[str, Any] = {"flow": 18446, "sewage": "settled"}
"""Influents of the record, with the seed 1, and of the study, with the seed 2."""
SENSORS = {
    "NH4": ("tank_5.S_NH", "mg N/L", 0.2),
    "NO3": ("tank_5.S_NO", "mg N/L", 0.3),
    "O2": ("tank_4.S_O", "mg/L", 0.1),
    "MLSS": ("tank_5.TSS", "mg/L", 50.0),
}
"""What each sensor measures, in which unit, and the standard deviation of its noise."""
STAMPS = "%Y-%m-%d %H:%M"
OUTPUT = "effluent.NH4"
INDICATORS = [f"{OUTPUT} mean", f"{OUTPUT} 95 %", f"{OUTPUT} violation share", "effluent.TN mean", "EQI", "OCI"]


def layout(parameters: dict[str, float]) -> dict[str, Any]:
    """Return the content of the file of BSM1, with other parameters."""
    content = dict(load_yaml(LAYOUTS / "bsm1.yaml").data)
    return content | {"model": content["model"] | {"parameters": parameters}}


def record() -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the record, and the columns as a config describes them."""
    table = ah.load_table("asm1_bsm")
    water = ah.generate_influent(ah.InfluentSettings(**RECORDED), table, days=DAYS, seed=1)
    scenario = {"influent": {"generate": RECORDED | {"seed": 1}}, "days": DAYS}
    truth = ah.simulate(layout(TRUTH), scenario).series.loc["base"]
    stamps = BEGIN + pd.to_timedelta(water["time"], unit="D")
    frame = pd.DataFrame({"time": stamps.dt.round("s").dt.strftime(STAMPS)})
    units = {c.name: c.unit for c in table.components}
    columns: dict[str, Any] = {}
    for name in ("Q_in", "T", *(c for c in map(str, water) if c.startswith("influent."))):
        unit = {"Q_in": "m3/d", "T": "degC"}.get(name) or units[name.removeprefix("influent.")]
        columns[name] = {"role": "input", "as": name, "unit": unit, "interpolation": "previous"}
        frame[name] = water[name]
    rng = np.random.default_rng(1)
    for name, (place, unit, noise) in SENSORS.items():
        columns[name] = {"role": "observation", "as": place, "unit": unit, "noise": noise}
        frame[name] = np.maximum(truth[place].to_numpy()[: len(frame)] + noise * rng.standard_normal(len(frame)), 0.0)
    return frame, columns


def config(columns: dict[str, Any]) -> dict[str, Any]:
    """Return a config that calibrates f alone, and knows nothing of the truth."""
    plant = dict(load_yaml(LAYOUTS / "bsm1.yaml").data["plant"])
    plant["influent"] = {"to": plant["influent"]["to"]}
    del plant["temperature"]
    day = [(BEGIN + pd.Timedelta(days=d)).strftime("%Y-%m-%d") for d in range(DAYS + 1)]
    return {
        "name": "bsm1",
        "device": "cpu",
        "model": {"kinetics": "asm1_bsm", "mode": "mechanistic", "calibrate": CALIBRATED},
        "plant": plant,
        "data": {
            "interval": "15 min",
            "sources": {
                "plant": {
                    "file": "plant.csv",
                    "time": {"column": "time", "format": STAMPS, "zone": "UTC"},
                    "columns": columns,
                },
            },
            "blocks": {"train": [day[1], day[11]], "validate": [day[12], day[15]], "test": [day[16], day[DAYS]]},
        },
        "training": {"seeds": [1], "warmup": "1 d"},
    }


def study(run: Path, cases: int) -> dict[str, Any]:
    """Return the study that draws what the run calibrated."""
    return {
        "name": "bsm1-after-calibration",
        "scenario": {"days": 14, "influent": {"generate": LATER | {"seed": 2}}},
        "factors": {"kinetics": {"parameters": "fitted", "run": str(run)}},
        "design": {"method": "latin_hypercube", "cases": cases, "seed": 1},
        "outputs": {"indicators": INDICATORS, "series": [OUTPUT, "effluent.TN"], "every": "1 h"},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cases", type=int, default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        frame, columns = record()
        frame.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
        (folder / "config.yaml").write_text(to_yaml(config(columns)), encoding="utf-8")
        run = ah.run(folder / "config.yaml", folder / "run")
        print(run, flush=True)
        swept = ah.sweep("bsm1", study(run.folder, given.cases), folder / "study")
        print(swept, flush=True)
        later = {"influent": {"generate": LATER | {"seed": 2}}, "days": 14}
        truth = ah.simulate(layout(TRUTH), later).series.loc["base"]["effluent.S_NH"].to_numpy()[::4]
        bands = pd.read_csv(swept.folder / "bands.csv").query("series == @OUTPUT")
    fitted = run.parameters.loc[CALIBRATED]
    means = swept.quantiles.set_index("figure").loc[f"{OUTPUT} mean", ["p5", "p50", "p95"]]
    within = (bands["p5"].to_numpy() <= truth) & (truth <= bands["p95"].to_numpy())
    found = {
        "fitted": {n: [round(row.value, 4), round(row.std_error, 4)] for n, row in fitted.iterrows()},
        "truth": TRUTH,
        "mean": np.asarray(means, dtype=float).round(3).tolist(),
        "mean_truth": round(float(truth.mean()), 3),
        "hours_within": round(float(within.mean()), 3),
        "cases": given.cases,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
