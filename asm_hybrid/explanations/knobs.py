"""Knobs: the few numbers that an explanation may move, each with what it moves and how far that is plausible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Explanation", "Family", "Knob"]

Family = Literal["kinetics", "lacking", "influent", "flows", "oxygen", "sensors"]


@dataclass(frozen=True)
class Knob:
    """One number, zero where nothing is changed.

    Attributes
    ----------
    name : str
        What it is, in words.
    spread : float
        How large it typically is where it is not zero: standard deviation of its prior.
    low, high : float
        Beyond these it is no plausible explanation.
    unit : str
        Of what `shown` gives.
    shown : callable
        From the number to what a person reads: a factor, an offset, hours.
    value : int or None
        Entry of the values of an `ExplainedPlant` that it moves.
    moved : callable or None
        From the entry's value before and the number to the value.
    driven : callable or None
        From inputs ``(knot, input)`` and the number to the inputs that drive the plant.
    seen : tuple of (int, callable) or None
        Which target it changes, and from times [d] to what it adds to it per unit.
    """

    name: str
    spread: float
    low: float
    high: float
    unit: str = "-"
    shown: Callable[[float], float] = float
    value: int | None = None
    moved: Callable[[float, float], float] | None = None
    driven: Callable[[np.ndarray, float], np.ndarray] | None = None
    seen: tuple[int, Callable[[np.ndarray], np.ndarray]] | None = None


@dataclass(frozen=True)
class Explanation:
    """One place in which f may be changed, in one of several ways.

    Attributes
    ----------
    name : str
        ``FAMILY.PLACE``; see the documentation.
    title : str
        In words.
    family : Family
        Of what kind it is.
    ways : dict of str to tuple of Knob
        By name of the driver, empty where there is none, the knobs.
    """

    name: str
    title: str
    family: Family
    ways: dict[str, tuple[Knob, ...]]
