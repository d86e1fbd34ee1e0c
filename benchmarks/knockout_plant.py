"""What the plants of `knockout/` share: two layouts, their influents and sensors, and how a truth becomes a record.

Every plant is one `Knockout`: a layout, and what is different in the truth. The record is what a plant has: inputs as
they are logged, and sensors with 5 % of noise, 30 % of the samples missing, and one of them out of order for two to
three days. Config and record know nothing of the cause.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from asm_hybrid.config import build_layout, load_config
from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import Table, load_table
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.yamlfile import to_yaml

__all__ = ["ORGANIC", "QUICKSTART", "Knockout", "Settings", "Truth", "knockouts", "later"]

HERE = Path(__file__).parent
DAYS, PER_DAY = 36, 96
FINE = 5
"""Steps of the truth between two knots, 3 min each."""
BEGIN = pd.Timestamp("2021-05-03")
BLOCKS = {"train": (2.0, 19.0), "validate": (20.0, 25.5), "test": (26.5, 36.0)}
"""Begin and end of the blocks [d]."""
NOISE, MISSING = 0.05, 0.3
"""Standard deviation of the noise over what is measured, and share of the samples that are missing [-]."""
FLOOR = {"NH4": 0.1, "NO3": 0.1, "DO": 0.05, "MLSS": 20.0}
"""Noise of the sensors at zero [mg/L], by the begin of their labels; it adds to `NOISE` as variances do."""
OUTAGE = (2.0, 3.0)
"""Shortest and longest time for which one sensor is out of order, within the first 15 d of the train block [d]."""
VARIATION = {"Q_in": 0.1, "COD": 0.15, "N": 0.15}
"""Standard deviation of the daily factors of BSM1's flow, and of its organics and nitrogen [-]."""
WEATHER = (("rain", 0, 14), ("dry", 0, 14), ("strm", 6, 14))
"""Files of the influent of BSM1 that lie end to end, and the days that are taken of each."""

ORGANIC = tuple(f"influent.{n}" for n in ("S_I", "S_S", "X_I", "X_S", "X_BH"))
"""Inputs that carry the organic matter of the influent."""
NITROGEN = ("influent.S_NH", "influent.S_ND", "influent.X_ND")
"""Inputs that carry its nitrogen."""


@dataclass(frozen=True)
class Sensor:
    """A column of measurements: its label, what it measures, and its unit."""

    label: str
    target: str
    unit: str

    @property
    def floor(self) -> float:
        """Noise at zero [mg/L]."""
        return FLOOR[self.label.partition("_")[0]]


@dataclass(frozen=True)
class Layout:
    """A plant as its owner knows it.

    Attributes
    ----------
    plant : dict
        Section ``plant`` of the config.
    columns : dict of str to str
        Inputs that are logged, and their units.
    imposed : tuple of str
        Those among them that dictate the oxygen of a tank; their sensors have noise.
    sensors : tuple of Sensor
        What is measured.
    calibrate : tuple of str
        Parameters that are calibrated.
    linear : bool
        Whether inputs are linear between the rows of the record, or held.
    """

    plant: dict[str, Any]
    columns: dict[str, str]
    imposed: tuple[str, ...]
    sensors: tuple[Sensor, ...]
    calibrate: tuple[str, ...]
    linear: bool


QUICKSTART = Layout(
    plant={
        "tanks": {"anoxic": {"volume": "1500 m3"}, "aerobic_1": {"volume": "2000 m3"}, "aerobic_2": {"volume": "2000 m3"}},
        "influent": {"to": "anoxic", "composition": dict.fromkeys(("X_BA", "X_P", "S_O", "S_NO", "S_N2"), 0)},
        "recycles": {"internal": {"from": "aerobic_2", "to": "anoxic", "flow": "1000 m3/h"}},
        "return_sludge": {"to": "anoxic", "flow": "333 m3/h"},
        "wastage": {"flow": "240 m3/d"},
        "settler": {"type": "ideal", "non_settleable": 0.002},
    },
    columns={
        "Q_in": "m3/d",
        "T": "degC",
        **dict.fromkeys((*ORGANIC, *NITROGEN), "g/m3"),
        "influent.S_ALK": "mol/m3",
        "aerobic_1.S_O": "mg/L",
        "aerobic_2.S_O": "mg/L",
    },
    imposed=("aerobic_1.S_O", "aerobic_2.S_O"),
    sensors=(
        Sensor("NH4", "aerobic_2.S_NH", "mg N/L"),
        Sensor("NO3", "aerobic_2.S_NO", "mg N/L"),
        Sensor("NO3_anoxic", "anoxic.S_NO", "mg N/L"),
        Sensor("MLSS", "aerobic_2.TSS", "mg/L"),
    ),
    calibrate=("mu_A", "K_NH", "K_OA", "b_A", "eta_g"),
    linear=True,
)
"""Three tanks with measured oxygen, as in the quickstart; more sludge is wasted than there."""

BSM1 = Layout(
    plant={
        "temperature": "15 degC",
        "tanks": {
            "tank_1": {"volume": "1000 m3"},
            "tank_2": {"volume": "1000 m3"},
            "tank_3": {"volume": "1333 m3", "kla": "240 1/d"},
            "tank_4": {"volume": "1333 m3", "kla": "240 1/d"},
            "tank_5": {"volume": "1333 m3", "kla": "84 1/d"},
        },
        "influent": {"to": "tank_1", "composition": dict.fromkeys(("X_BA", "X_P", "S_O", "S_NO", "S_N2"), 0)},
        "recycles": {"internal": {"from": "tank_5", "to": "tank_1", "flow": "55338 m3/d"}},
        "return_sludge": {"to": "tank_1", "flow": "18446 m3/d"},
        "wastage": {"flow": "385 m3/d"},
        "settler": {"type": "ideal", "non_settleable": 0.002},
    },
    columns={"Q_in": "m3/d", **dict.fromkeys((*ORGANIC, *NITROGEN), "g/m3"), "influent.S_ALK": "mol/m3"},
    imposed=(),
    sensors=(
        Sensor("NH4", "tank_5.S_NH", "mg N/L"),
        Sensor("NO3", "tank_5.S_NO", "mg N/L"),
        Sensor("NO3_2", "tank_2.S_NO", "mg N/L"),
        Sensor("DO_3", "tank_3.S_O", "mg/L"),
        Sensor("DO_5", "tank_5.S_O", "mg/L"),
        Sensor("MLSS", "tank_5.TSS", "mg/L"),
    ),
    calibrate=("mu_A", "K_NH", "K_OA", "eta_g", "k_h"),
    linear=False,
)
"""The five tanks of BSM1 in open loop, with an ideal settler."""

LAYOUTS = {"quickstart": QUICKSTART, "bsm1": BSM1}


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
        water = self.logged(_water(self.layout, self.weather, influents))
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
        plant = Plant(table, build_layout(load_config(config | {"plant": layout.plant | self.plant}), load_table("asm1")))
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


def later(frame: pd.DataFrame, names: tuple[str, ...], hours: float) -> pd.DataFrame:
    """Return a frame of which some columns come later than they did."""
    time = frame["time"]
    return frame.assign(**{n: np.interp(time - hours / 24.0, time, frame[n]) for n in names})


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


@cache
def _quickstart() -> Any:
    """Return the script that makes the quickstart's data."""
    spec = importlib.util.spec_from_file_location("quickstart_make", HERE.parent / "data" / "quickstart" / "make.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _water(layout: str, seed: int, influents: Path | None) -> pd.DataFrame:
    """Return ``time`` [d] and the inputs of a layout that vary, one row a knot."""
    rng = np.random.default_rng(seed)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    if layout == "quickstart":
        make = _quickstart()
        water, air = make.influent(t, rng), make.oxygen(t, rng)
        water = water.rename(columns={c: f"influent.{c}" for c in water if c not in ("Q_in", "T")})
        water["influent.S_ALK"] += 2.0  # this water is hard enough for nitrification
        return pd.concat([pd.Series(t, name="time"), water, air], axis=1)
    if influents is None:
        raise SystemExit("plants of BSM1 need the folder of its influent files: give --influents DIR")
    frames = []
    for weather, begin, end in WEATHER:
        frame = read_bsm_influent(influents / f"bsm1_asm1_Inf_{weather}.txt").frame
        frames.append(frame.iloc[begin * PER_DAY : end * PER_DAY])
    water = pd.concat([*frames, frames[-1].iloc[-1:]], ignore_index=True)
    water["time"] = t
    for group, size in VARIATION.items():
        factor = np.interp(t, np.arange(DAYS + 1), np.exp(size * rng.normal(size=DAYS + 1)))
        for name in {"Q_in": ("Q_in",), "COD": ORGANIC, "N": NITROGEN}[group]:
            water[name] *= factor
    return water


def _stamp(day: float) -> str:
    return (BEGIN + pd.Timedelta(day, unit="D")).strftime("%Y-%m-%d %H:%M")


def knockouts() -> dict[str, Knockout]:
    """Return the plants of the folder ``knockout``, by name."""
    found = {}
    for path in sorted((HERE / "knockout").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"knockout_{path.stem}", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found[path.stem] = module.KNOCKOUT
    return found
