"""Make the export of the own-plant tutorial: a virtual plant whose truth is known, in a file as untidy as real ones.

Run ``python data/scada/make_scada.py`` from the repository root. The result is the same every time. With ``--out FILE``
it is written elsewhere.

The truth is ASM1 with its default parameters. One thing is not as the plant's papers say: the pump of the internal
recycle brings 150 m3/h, where its name plate says 300. `README.md` beside this file lists all that is untidy.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import asm_hybrid as ah

HERE = Path(__file__).parent
EXPORT = HERE.parent.parent / "docs" / "tutorials" / "scada-export.csv"
BEGIN, DAYS, ZONE = "2024-03-11", 28, "Europe/Berlin"
PLATE, TRUE_RECYCLE = 300, 150
"""Flow of the internal recycle [m3/h]: on its name plate, and in truth."""
RAIN = (ah.RainEvent(8.3, 0.5, 6.0), ah.RainEvent(13.6, 0.3, 4.0), ah.RainEvent(23.4, 0.8, 12.0))
"""The last one lies in the test block."""
NOISE = {"NH4": 0.25, "NO3": 0.3, "TS": 0.05}
"""Standard deviation of the sensors [mg/l, g/l for TS]."""
LOWEST = 0.1
"""Least ammonium that the sensor shows [mg/l]."""
HEADER = {
    "Zeit": "",
    "Zulauf Menge": "m³/h",
    "Zulauf CSB": "mg/l",
    "Zulauf NH4-N": "mg/l",
    "Temperatur": "°C",
    "O2 Belebung": "mg/l",
    "RS Menge": "m³/h",
    "NH4-N Belebung": "mg/l",
    "NO3-N Belebung": "mg/l",
    "TS Belebung": "g/l",
}
DIGITS = (1, 0, 1, 1, 2, 1, 2, 2, 2)


def influent(rng: np.random.Generator) -> pd.DataFrame:
    """Return what enters and drives the plant: m3/h, mg/l, degC, by time [UTC]."""
    settings = ah.InfluentSettings(
        flow=2600,
        COD=480,
        TKN=52,
        TSS=None,
        sewage="raw",
        f_SNH=0.65,
        impervious_area=16,
        soil_area=5,
        rain=RAIN,
        noise=0.06,
    )
    made = ah.generate_influent(settings, ah.load_table("asm1"), DAYS, start_day=70, seed=26)
    begin = pd.Timestamp(BEGIN, tz=ZONE).tz_convert("UTC")
    t = made["time"].to_numpy()
    hour = 2 * np.pi * (t % 1.0)
    wander = np.convolve(rng.normal(size=len(t)), np.ones(12) / 12, mode="same")
    flow = made["Q_in"].to_numpy() / 24
    return pd.DataFrame(
        {
            "Q": flow,
            "COD": made["COD"].to_numpy(),
            "NH4_in": made["influent.S_NH"].to_numpy(),
            "T": 12.0 + 0.12 * (t - 14) + 0.25 * np.cos(hour - 4) - 1.2 * np.clip(flow / 108 - 1.6, 0, None),
            "DO": np.clip(1.8 + 0.5 * np.cos(hour - 0.9) + 0.6 * wander, 0.2, None),
            "RS": np.clip(0.9 * flow, 60, None),
        },
        index=pd.date_range(begin, periods=len(t), freq="15min", name="time"),
    )


def plant(recycle: float) -> dict[str, Any]:
    """Return the plant with a flow of the internal recycle [m3/h], over a file ``clean.csv``."""
    column = {
        "Q": {"role": "input", "as": "Q_in", "unit": "m3/h"},
        "COD": {"role": "input", "as": "influent.COD", "unit": "mg/L"},
        "NH4_in": {"role": "input", "as": "influent.S_NH", "unit": "mg N/L"},
        "T": {"role": "input", "as": "T", "unit": "degC"},
        "DO": {"role": "imposed", "as": "aerobic.S_O", "unit": "mg/L"},
        "RS": {"role": "input", "as": "return_sludge", "unit": "m3/h"},
        "NH4": {"role": "observation", "as": "aerobic.S_NH", "unit": "mg N/L", "noise": NOISE["NH4"]},
        "NO3": {"role": "observation", "as": "aerobic.S_NO", "unit": "mg N/L", "noise": NOISE["NO3"]},
        "TS": {"role": "observation", "as": "aerobic.TSS", "unit": "g/L", "noise": NOISE["TS"]},
    }
    return {
        "name": "musterbach",
        "plant": {
            "tanks": {"anoxic": {"volume": "700 m3"}, "aerobic": {"volume": "1400 m3"}},
            "influent": {
                "to": "anoxic",
                "fractionation": {"type": "raw"},
                "composition": {"S_ND": 3, "X_ND": 6, "S_ALK": 7},
            },
            "recycles": {"internal": {"from": "aerobic", "to": "anoxic", "flow": f"{recycle} m3/h"}},
            "return_sludge": {"to": "anoxic"},
            "wastage": {"flow": "55 m3/d"},
            "settler": {"type": "ideal", "non_settleable": 0.002},
        },
        "data": {
            "sources": {
                "clean": {"file": "clean.csv", "time": {"column": "time", "format": "ISO8601"}, "columns": column}
            }
        },
    }


def measured(clean: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return the record with what the sensors would show, noise included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clean.csv"
        clean.assign(NH4=1.0, NO3=10.0, TS=3.0).to_csv(path, date_format="%Y-%m-%dT%H:%M:%S%z")
        config = plant(TRUE_RECYCLE)
        config["data"]["sources"]["clean"]["file"] = str(path)
        states = ah.simulate(config).series.loc["base"]
    truth = {
        "NH4": states["aerobic.S_NH"].to_numpy(),
        "NO3": states["aerobic.S_NO"].to_numpy(),
        "TS": states["aerobic.TSS"].to_numpy() / 1000,
    }
    found = clean.copy()
    found["COD"] *= 1 + 0.03 * rng.normal(size=len(clean))
    for name, sigma in NOISE.items():
        found[name] = truth[name] + sigma * rng.normal(size=len(clean))
    return found


def untidy(found: pd.DataFrame) -> list[str]:
    """Return the lines of the export: what is measured, as a control system in Germany writes it, and its faults."""
    found = found.tz_convert(ZONE)
    cells = pd.DataFrame(
        {
            name: [f"{value:.{digits}f}".replace(".", ",") for value in column]
            for (name, column), digits in zip(found.items(), DIGITS, strict=True)
        },
        index=found.index,
    )
    cells.loc[found["NH4"] < LOWEST, "NH4"] = f"<{LOWEST}".replace(".", ",")
    stuck = slice("2024-03-21 04:00", "2024-03-22 07:30")
    cells.loc[stuck, "NO3"] = cells.loc[stuck, "NO3"].iloc[0]
    cells.loc["2024-03-18 09:15":"2024-03-18 11:00", ["NH4", "NO3"]] = "---"
    cells.loc["2024-04-03 13:30":"2024-04-03 14:15", "TS"] = "Bad"
    cells.loc["2024-03-29 10:00", "NH4"] = "412,50"
    cells.loc["2024-03-14 03:15", "Q"] = "-3,2"
    cells = cells.drop(cells.loc["2024-03-24 22:15":"2024-03-25 06:45"].index)
    stamps = pd.DatetimeIndex(cells.index).strftime("%d.%m.%Y %H:%M")
    lines = [";".join([stamp, *row]) for stamp, row in zip(stamps, cells.to_numpy(), strict=True)]
    restart = [i for i, line in enumerate(lines) if line.startswith(("25.03.2024 07:00", "02.04.2024 16:45"))]
    for i in reversed(restart):
        lines.insert(i, lines[i])
    title = "Kläranlage Musterbach;Export Prozessdaten;11.03.2024 - 08.04.2024"
    return [title, ";".join(HEADER), ";".join(HEADER.values()), *lines]


def main() -> None:
    """Read the arguments, and make the file."""
    parser = argparse.ArgumentParser(description="Make the export of the own-plant tutorial.")
    parser.add_argument("--out", type=Path, default=EXPORT, help="file to write; that of the tutorial without it")
    rng = np.random.default_rng(20240311)
    text = "".join(f"{line}\r\n" for line in untidy(measured(influent(rng), rng)))
    parser.parse_args().out.write_bytes(text.encode("cp1252"))


if __name__ == "__main__":
    main()
