"""The record that all made exports show, each in its own manner, and the plants that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SEWAGE = {
    "S_I": 25, "S_S": 60, "X_I": 60, "X_S": 240, "X_BH": 35, "X_BA": 0, "X_P": 0, "S_O": 0, "S_NO": 0, "S_NH": 30,
    "S_ND": 5, "X_ND": 10, "S_ALK": 7, "S_N2": 0,
}  # fmt: skip
"""The influent of plants whose export tells nothing of it."""


@dataclass(frozen=True)
class Export:
    """One export, made like a real one.

    Attributes
    ----------
    name : str
        What it is called here.
    style : str
        Which kind of program, country and language it is like.
    mess : str
        What makes it hard.
    make : callable
        Writes what happened into a folder, and returns its files.
    plant : dict
        What stands beside the data in the config, or the name of a shipped layout.
    gives : dict of str to str
        What a right proposal uses: the name in the model, and the column of `record` that it shows.
    zone : str or None
        What its owner answers when asked for the zone; None where the file tells it.
    asks : tuple of str
        Other questions that have to be asked, by the option that answers them, or a word of the question.
    answers : dict
        What its owner answers to these.
    rest : tuple of str
        Pieces of headers that must be listed as not used.
    record : dict
        What `record` is made with.
    ahead : float
        How far its times are ahead of UTC [h].
    """

    name: str
    style: str
    mess: str
    make: Callable[[Path, pd.DataFrame], list[Path]]
    plant: dict[str, Any] | str
    gives: Mapping[str, str]
    zone: str | None = "+01:00"
    asks: tuple[str, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    rest: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    ahead: float = 1.0

    @property
    def data(self) -> pd.DataFrame:
        """What really happened, by the wall clock."""
        return record(**self.record)

    @property
    def truth(self) -> pd.DataFrame:
        """What really happened, by time in UTC."""
        data = self.data
        return data.set_axis(data.index - pd.Timedelta(hours=self.ahead))


def record(start: str = "2023-02-20", days: float = 14, minutes: float = 30, seed: int = 0) -> pd.DataFrame:
    """Return what really happened: by time on the wall of the plant, in internal units (m3/d, g/m3, °C)."""
    count = round(days * 1440 / minutes)
    times = pd.date_range(start, periods=count, freq=pd.Timedelta(minutes=minutes))
    rng = np.random.default_rng(seed)
    hours = np.arange(count) * minutes / 60
    day, week = np.sin(2 * np.pi * (hours - 9) / 24), np.sin(2 * np.pi * hours / 168)

    def around(mean: float, swing: float, noise: float) -> np.ndarray:
        drift = np.convolve(rng.normal(0, 1, count + 6), np.ones(7) / 7, "valid")
        return np.asarray(mean * (1 + swing * day + 0.05 * week + noise * drift))

    flow = around(8000, 0.3, 0.06)
    return pd.DataFrame(
        {
            "Q": flow,
            "T": 14 + 0.8 * week + 0.2 * rng.normal(0, 1, count),
            "COD_in": around(450, 0.15, 0.05),
            "TKN_in": around(46, 0.12, 0.03),
            "NH4_in": around(30, 0.15, 0.04),
            "TSS_in": around(215, 0.15, 0.05),
            "DO_1": around(1.8, 0.1, 0.2),
            "DO_2": around(2.2, 0.1, 0.2),
            "NH4": around(2.5, 0.4, 0.2),
            "NO3": around(9.0, -0.15, 0.06),
            "NH4_out": around(2.6, 0.3, 0.15),
            "NO3_out": around(9.3, -0.1, 0.05),
            "TSS_out": around(9.0, 0.1, 0.15),
            "PO4": around(1.1, 0.2, 0.1),
            "MLSS": around(3600, 0.01, 0.03),
            "RAS": around(8000, 0.05, 0.02),
            "REC": around(16000, 0.02, 0.02),
            "WAS": around(170, 0.03, 0.05),
        },
        index=times,
    )


def plant(
    tanks: Mapping[str, Mapping[str, Any]],
    measured: tuple[str, ...] = (),
    *,
    name: str = "made",
    fractionation: Mapping[str, Any] | None = None,
    composition: Mapping[str, float] | None = None,
    recycles: Mapping[str, Mapping[str, Any]] | None = None,
    kinetics: str = "asm1",
) -> dict[str, Any]:
    """Return a config without data, with constants for all but what is measured."""
    first, last = next(iter(tanks)), list(tanks)[-1]
    known = dict(composition or ({"S_ALK": 7} if fractionation else SEWAGE))
    influent: dict[str, Any] = {
        "to": first,
        "composition": {k: v for k, v in known.items() if f"influent.{k}" not in measured},
    }
    if fractionation:
        influent["fractionation"] = dict(fractionation)
    if "Q_in" not in measured:
        influent["flow"] = 8000.0
    pumped = dict(recycles or {"internal": {"from": last, "to": first, "flow": 16000.0}})
    section: dict[str, Any] = {
        "tanks": {k: dict(v) for k, v in tanks.items()},
        "influent": influent,
        "recycles": {
            k: {a: b for a, b in v.items() if a != "flow" or f"recycle.{k}" not in measured} for k, v in pumped.items()
        },
        "return_sludge": {"to": first} | ({} if "return_sludge" in measured else {"flow": 8000.0}),
        "settler": {"type": "ideal"},
    }
    if "wastage" not in measured:
        section["wastage"] = {"flow": 170.0}
    if "T" not in measured:
        section["temperature"] = 14.0
    return {"name": name, "model": {"kinetics": kinetics}, "plant": section}
