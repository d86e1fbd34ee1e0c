"""Knobs: the few numbers that an explanation may move, each with what it moves and how far that is plausible."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import add
from typing import Literal

import numpy as np

from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.kinetics.candidates import Candidate

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
    step : float
        Step of the differences that give what it moves; zero for a small share of its spread. What comes in steps
        itself needs one as long as these.
    entry : str, Shape or None
        A parameter of the table, or a shape of factors on rates, that it moves.
    moved : callable
        From the parameter before and the number to the parameter.
    begins : str
        A particulate component of which the record begins with more or less, by a factor whose logarithm the number is.
    driven : callable or None
        From inputs ``(knot, input)`` and the number to the inputs that drive the plant.
    seen : tuple of (int, callable) or None
        Which target it changes, and from times [d] to what it adds to what is predicted, per unit.
    late : int or None
        Which target is shown later, by the number [d], which is not below zero.
    correction : tuple of str or None
        Section and key under ``corrections`` in a config that say the same.
    """

    name: str
    spread: float
    low: float
    high: float
    unit: str = "-"
    shown: Callable[[float], float] = float
    step: float = 0.0
    entry: str | Shape | None = None
    moved: Callable[[float, float], float] = add
    begins: str = ""
    driven: Callable[[np.ndarray, float], np.ndarray] | None = None
    seen: tuple[int, Callable[[np.ndarray], np.ndarray]] | None = None
    late: int | None = None
    correction: tuple[str, str] | None = None


@dataclass(frozen=True)
class Explanation:
    """One place in which f may be changed, in one of several ways.

    Attributes
    ----------
    name : str
        ``KIND.PLACE``, such as ``process.aerobic_growth_autotrophs`` or ``flow.wastage``.
    title : str
        In words.
    family : Family
        Of what kind it is.
    ways : dict of str to tuple of Knob
        By name of the driver, empty where there is none, the knobs.
    candidate : Candidate or None
        The process that it adds to the table.
    """

    name: str
    title: str
    family: Family
    ways: dict[str, tuple[Knob, ...]]
    candidate: Candidate | None = None
