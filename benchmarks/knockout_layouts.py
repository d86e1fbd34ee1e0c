"""The two layouts of the plants of `knockout/`, and the water that comes to them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.data.bsm import read_bsm_influent

__all__ = ["DAYS", "LAYOUTS", "NITROGEN", "ORGANIC", "PER_DAY", "QUICKSTART", "Layout", "Sensor", "loaded", "water_of"]

HERE = Path(__file__).parent
DAYS, PER_DAY = 36, 96
FLOOR = {"NH4": 0.1, "NO3": 0.1, "DO": 0.05, "MLSS": 20.0}
"""Noise of the sensors at zero [mg/L], by the begin of their labels; it adds to `NOISE` as variances do."""
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
        "tanks": {
            "anoxic": {"volume": "1500 m3"},
            "aerobic_1": {"volume": "2000 m3"},
            "aerobic_2": {"volume": "2000 m3"},
        },
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


def loaded(path: Path) -> ModuleType:
    """Return the module of a script that lies in no package."""
    spec = importlib.util.spec_from_file_location(f"{path.parent.name}_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def quickstart_script() -> Any:
    """Return the script that makes the quickstart's data."""
    return loaded(HERE.parent / "data" / "quickstart" / "make.py")


@cache
def water_of(layout: str, seed: int, influents: Path | None) -> pd.DataFrame:
    """Return ``time`` [d] and the inputs of a layout that vary, one row a knot."""
    rng = np.random.default_rng(seed)
    t = np.arange(DAYS * PER_DAY + 1) / PER_DAY
    if layout == "quickstart":
        make = quickstart_script()
        water, air = make.influent(t, rng), make.oxygen(t, rng)
        water = water.rename(columns={c: f"influent.{c}" for c in water if c not in ("Q_in", "T")})
        water["influent.S_ALK"] += 2.0  # this water is hard enough for nitrification
        return pd.DataFrame(pd.concat([pd.Series(t, name="time"), water, air], axis=1))
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
