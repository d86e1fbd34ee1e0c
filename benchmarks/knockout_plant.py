"""How a plant of `knockout/` becomes a record and a config; `knockout_layouts.py` has the layouts and their water.

Every plant is one `Knockout`: a layout, and what is different in the truth. The record is what a plant has: inputs as
they are logged, and sensors with 5 % of noise, 30 % of the samples missing, and one of them out of order for two to
three days. Config and record know nothing of the cause.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from knockout_layouts import LAYOUTS, PER_DAY, Layout, loaded, water_of

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.yamlfile import to_yaml

__all__ = ["BEGIN", "Knockout", "Settings", "Truth", "knockouts"]

FINE = 5
"""Steps of the truth between two knots, 3 min each."""
BEGIN = pd.Timestamp("2021-05-03")
BLOCKS = {"train": (2.0, 19.0), "validate": (20.0, 25.5), "test": (26.5, 36.0)}
"""Begin and end of the blocks [d]."""
NOISE, MISSING = 0.05, 0.3
"""Standard deviation of the noise over what is measured, and share of the samples that are missing [-]."""
OUTAGE = (2.0, 3.0)
"""Shortest and longest time for which one sensor is out of order, within the first 15 d of the train block [d]."""


@dataclass(frozen=True)
class Settings:
    """How the config of a plant asks for its run.

    Attributes
    ----------
    mode : str
        ``hybrid``, or ``mechanistic`` for f alone.
    iterations : int
        Gradient steps of n.
    seeds : tuple of int
        Seeds of n.
    """

    mode: str = "hybrid"
    iterations: int = 100
    seeds: tuple[int, ...] = (1, 2, 3)


@dataclass(frozen=True)
class Truth:
    """What is known of a plant that was made.

    Attributes
    ----------
    name, says : str
        The plant, and its cause in words.
    layout : str
        A key of `LAYOUTS`.
    family : str or None
        Family of the cause; None where nothing is wrong.
    right : tuple of str
        The explanations of which each names the cause.
    parameters : dict of str to float
        True values of the calibrated parameters.
    clean : DataFrame
        ``time`` [d] and one column a sensor: what it would show without noise.
    noise : dict of str to float
        Standard deviation of the noise that the config gives, by sensor.
    """

    name: str
    says: str
    layout: str
    family: str | None
    right: tuple[str, ...]
    parameters: dict[str, float]
    clean: pd.DataFrame
    noise: dict[str, float]

    def write(self, folder: Path) -> None:
        """Write ``truth.json``, and ``truth.csv`` with what sensors without noise would show."""
        kept = {k: v for k, v in vars(self).items() if k != "clean"}
        (folder / "truth.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        self.clean.to_csv(folder / "truth.csv", index=False, float_format="%.6g")


def same(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame as it is."""
    return frame


@dataclass(frozen=True)
class Knockout:
    """A plant with one cause, or none.

    Attributes
    ----------
    name, says : str
        Its name, and the cause in words.
    layout : str
        A key of `LAYOUTS`.
    weather : int
        Seed of influent and oxygen.
    family : str or None
        Family of the cause.
    right : tuple of str
        The explanations of which each names the cause.
    parameters : dict of str to float
        Calibrated parameters whose true values are not the defaults.
    table : str
        YAML of what the true kinetics change in ASM1.
    plant : dict
        Entries of the true flow sheet that are not those of the config.
    logged : callable
        From the inputs of the layout, a column each, to those that are logged.
    true : callable
        From the inputs that are logged to those that drive the truth.
    shown : callable
        From what the sensors measure, with ``time`` [d], to what they would show without noise.
    """

    name: str
    says: str
    layout: str
    weather: int
    family: str | None = None
    right: tuple[str, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)
    table: str = ""
    plant: dict[str, Any] = field(default_factory=dict)
    logged: Callable[[pd.DataFrame], pd.DataFrame] = same
    true: Callable[[pd.DataFrame], pd.DataFrame] = same
    shown: Callable[[pd.DataFrame], pd.DataFrame] = same

    def make(
        self, folder: Path, seed: int = 1, *, influents: Path | None = None, settings: Settings | None = None
    ) -> Truth:
        """Write ``plant.csv``, ``config.yaml``, ``truth.json`` and ``truth.csv``.

        Parameters
        ----------
        folder : Path
            Where to write, made where it is missing.
        seed : int
            Seed of noise, missing samples and outage.
        influents : Path, optional
            Folder of the influent files of BSM1; a plant of that layout needs it.
        settings : Settings, optional
            How the config asks for its run.

        Returns
        -------
        Truth
        """
        folder.mkdir(parents=True, exist_ok=True)
        layout = LAYOUTS[self.layout]
        config = config_of(self.name, layout, settings or Settings())
        water = self.logged(water_of(self.layout, self.weather, influents))
        (folder / "truth.yaml").write_text(
            f"name: truth\nextends: asm1\ntitle: ASM1 as it is in {self.name}\n{self.table}", encoding="utf-8"
        )
        table = load_table(folder / "truth.yaml")
        values = {p.name: float(p.default) for p in table.parameters} | self.parameters
        clean = self.shown(self._measured(layout, config, table, water, values))
        record, noise = recorded(layout, water, clean, np.random.default_rng([self.weather, seed]))
        for sensor in layout.sensors:
            config["data"]["sources"]["plant"]["columns"][sensor.label]["noise"] = noise[sensor.label]
        record.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
        (folder / "config.yaml").write_text(to_yaml(config), encoding="utf-8")
        calibrated = {name: values[name] for name in layout.calibrate}
        found = Truth(self.name, self.says, self.layout, self.family, self.right, calibrated, clean, noise)
        found.write(folder)
        return found

    def _measured(
        self, layout: Layout, config: dict[str, Any], table: Table, water: pd.DataFrame, values: dict[str, float]
    ) -> pd.DataFrame:
        """Return what is measured, without noise."""
        plant = Plant(
            table, build_layout(load_config(config | {"plant": layout.plant | self.plant}), load_table("asm1"))
        )
        logged = water.drop(columns=[c for c in water if c not in plant.input_index and c != "time"])
        constant = {n: v for n, v in plant.layout.constants.items() if n not in logged}
        driven = self.true(logged.assign(**constant))
        u = torch.tensor(np.column_stack([driven[spec.name] for spec in plant.inputs]))
        system = PlantSystem(
            plant,
            torch.tensor([values[p.name] for p in table.parameters], dtype=torch.float64),
            [s.target for s in layout.sensors],
        )
        model = without_gradients(PlantModel(system, Grid(1.0 / PER_DAY, FINE, layout.linear)))
        early = u[: 14 * PER_DAY + 1]
        start = start_state(system, early.mean(0))
        for _ in range(2):  # so that the record begins within a day, and not in a steady state
            start = model.simulate(start, early).final
        outputs = model.simulate(start, u).outputs[0].numpy()
        clean = pd.DataFrame(outputs, columns=[s.label for s in layout.sensors])
        clean.insert(0, "time", water["time"].to_numpy())
        return clean


def config_of(name: str, layout: Layout, settings: Settings) -> dict[str, Any]:
    """Return the config of a run, in which the sensors' noise is still their floor."""
    columns: dict[str, Any] = {
        c: {"role": "imposed" if c in layout.imposed else "input", "as": c, "unit": unit}
        for c, unit in layout.columns.items()
    }
    columns |= {
        s.label: {"role": "observation", "as": s.target, "unit": s.unit, "noise": s.floor} for s in layout.sensors
    }
    return {
        "name": name,
        "device": "cpu",
        "model": {"kinetics": "asm1", "mode": settings.mode, "calibrate": list(layout.calibrate)},
        "plant": layout.plant,
        "data": {
            "interpolation": "linear" if layout.linear else "previous",
            "interval": "15 min",
            "sources": {
                "plant": {
                    "file": "plant.csv",
                    "time": {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"},
                    "columns": columns,
                }
            },
            "blocks": {block: [_stamp(t) for t in ends] for block, ends in BLOCKS.items()},
        },
        "network": {"inputs": ["S_S", "S_O", "S_NO", "S_NH", "S_ALK"], "hidden": [8, 8], "type": "mlp"},
        "training": {
            "seeds": list(settings.seeds),
            "warmup": "2 d",
            "step": "15 min",
            "window": "12 h",
            "iterations": settings.iterations,
        },
    }


def recorded(
    layout: Layout, water: pd.DataFrame, clean: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return the record, and the noise of every sensor: the root mean square of what it has over the record."""
    stamps = (BEGIN + pd.to_timedelta(water["time"], unit="D")).dt.round("min").dt.strftime("%Y-%m-%d %H:%M")
    record = pd.DataFrame({"time": stamps, **{c: water[c] for c in layout.columns}})
    for name in layout.imposed:
        record[name] = (record[name] * (1 + NOISE * rng.normal(size=len(record)))).clip(lower=0.0)
    noise = {}
    for sensor in layout.sensors:
        exact = clean[sensor.label].to_numpy()
        size = np.hypot(NOISE * exact, sensor.floor)
        measured = exact + size * rng.normal(size=len(exact))
        measured[rng.random(len(exact)) < MISSING] = np.nan
        record[sensor.label] = measured.clip(min=0.0)
        noise[sensor.label] = float(f"{np.sqrt(np.mean(size**2)):.3g}")
    out = layout.sensors[rng.integers(len(layout.sensors))].label
    begin = BLOCKS["train"][0] + rng.uniform(0, 15 - OUTAGE[1])
    end = begin + rng.uniform(*OUTAGE)
    record.loc[(water["time"] >= begin) & (water["time"] < end), out] = np.nan
    return record, noise


def _stamp(day: float) -> str:
    return (BEGIN + pd.Timedelta(day, unit="D")).strftime("%Y-%m-%d %H:%M")


@cache
def knockouts() -> dict[str, Knockout]:
    """Return the plants of the folder ``knockout``, by name."""
    found = {}
    for path in sorted((Path(__file__).parent / "knockout").glob("*.py")):
        found[path.stem] = loaded(path).KNOCKOUT
    return found
