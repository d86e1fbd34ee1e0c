"""When something matters: its share in cold water, high load, low oxygen, wet weather, and by the hour of day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from asm_hybrid.hybrid.network_inputs import LOAD, Reading, reading_unit
from asm_hybrid.hybrid.trajectory import Trajectory
from asm_hybrid.plant import torch_namespace
from asm_hybrid.text import figure
from asm_hybrid.training import FittedModel

__all__ = ["Conditions", "when_it_matters"]

WET = 1.5
"""Times its median from which on the flow is one of wet weather [-]."""
LOADS = ("COD", "TKN")
"""Composites whose load is looked at, where the table has them."""
HOURS = 6
"""Length of a part of the day [h]."""
RARE = 0.02
"""Share of the time below which a condition is not told [-]."""
VARIES = 1e-3
"""Spread of a quantity, as a share of its mean size, from which on it has a low and a high."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """What conditions are made of, along a trajectory.

    Attributes
    ----------
    plant : mapping of str to (ndarray, str)
        What is the same for all tanks, with its unit: ``T``, ``Q_in``, loads.
    tanks : mapping of str to (ndarray, str)
        Concentrations ``(time, tank)`` with their unit.
    oxygen : str or None
        The component that is dissolved oxygen.
    hours : ndarray of int, shape (time,)
        Hour of day, local.
    """

    plant: Mapping[str, tuple[np.ndarray, str]]
    tanks: Mapping[str, tuple[np.ndarray, str]]
    oxygen: str | None
    hours: np.ndarray

    @classmethod
    def of(cls, model: FittedModel, f: Trajectory, stamps: pd.DatetimeIndex, zone: str) -> Conditions:
        """Return them along the trajectory of a model.

        Parameters
        ----------
        model : FittedModel
            The fitted model.
        f : Trajectory
            f along the states.
        stamps : DatetimeIndex
            The times, UTC.
        zone : str
            Time zone of the hours of day.
        """
        plant, table = model.plant, model.plant.table
        names = ("T", "Q_in", *(LOAD + name for name in LOADS if name in table.composites))
        X = f.X.numpy()
        read = Reading(plant, names, plant.layout.tank_names)(f.X, f.u, torch_namespace())[:, 0].numpy()
        return cls(
            plant={name: (read[:, i], reading_unit(plant, name)) for i, name in enumerate(names)},
            tanks={c.name: (X[..., i], c.unit) for i, c in enumerate(table.components)},
            oxygen=table.oxygen,
            hours=np.asarray(stamps.tz_convert(zone).hour),
        )


def when_it_matters(found: Conditions, effect: np.ndarray, tank: int, driver: str | None) -> list[dict[str, Any]]:
    """Return in which conditions an effect is large.

    Parameters
    ----------
    found : Conditions
        What conditions are made of.
    effect : ndarray, shape (time,)
        The effect; its square counts.
    tank : int
        The tank whose concentrations are looked at.
    driver : str or None
        A concentration whose lowest and highest quarters are told as well.

    Returns
    -------
    list of dict
        ``condition`` in words, ``share_of_time`` and ``share_of_effect`` [-]; those first in which the effect is most
        above its share of the time. Empty where there is no effect.
    """
    squared = np.square(effect)
    total = float(squared.sum())
    if not total > 0:
        return []
    rows = [
        {"condition": words, "share_of_time": time, "share_of_effect": float(squared[where].sum()) / total}
        for words, where in _conditions(found, tank, driver)
        if (time := float(where.mean())) >= RARE
    ]
    return sorted(rows, key=lambda row: row["share_of_time"] - row["share_of_effect"])


def _conditions(found: Conditions, tank: int, driver: str | None) -> Iterator[tuple[str, np.ndarray]]:
    """Go through conditions, in words, and where they hold, bool ``(time,)``."""
    for name, (values, unit) in found.plant.items():
        if name == "Q_in":
            limit = WET * float(np.median(values))
            yield f"wet weather, {name} above {figure(limit)} {unit}", values > limit
        else:
            yield from _low_and_high(name, values, unit, (0.5, 0.5) if name == "T" else (0.25, 0.75))
    for component in dict.fromkeys((driver, found.oxygen)):
        if component is not None and component in found.tanks:
            values, unit = found.tanks[component]
            yield from _low_and_high(component, values[:, tank], unit, (0.25, 0.75))
    for first in range(0, 24, HOURS):
        words = f"from {first:02d}:00 to {first + HOURS:02d}:00"
        yield words, (found.hours >= first) & (found.hours < first + HOURS)


def _low_and_high(
    name: str, values: np.ndarray, unit: str, quantiles: Sequence[float]
) -> Iterator[tuple[str, np.ndarray]]:
    words = name
    if name.startswith(LOAD):
        words, values, unit = f"load of {name.removeprefix(LOAD)}", values / 1e3, f"k{unit}"  # g/d to kg/d
    if not np.ptp(values) > VARIES * float(np.abs(values).mean()):
        return
    low, high = np.quantile(values, quantiles)
    yield f"{words} below {figure(low)} {unit}", values < low
    yield f"{words} above {figure(high)} {unit}", values > high
