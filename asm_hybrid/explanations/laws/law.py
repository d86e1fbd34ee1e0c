"""A law: one form, or the product of two, each with its driver and its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np

from asm_hybrid.explanations.laws.form import Driver, LawForm
from asm_hybrid.kinetics import Table
from asm_hybrid.kinetics.rate_inputs import HERE, input_unit
from asm_hybrid.registry import discover
from asm_hybrid.units import parse_unit

__all__ = ["Factor", "Law", "driver_of", "law_forms"]

EDGE = 0.01
"""Share of the points of a curve, by weight, beyond each end of the range in which a law is read."""


@cache
def law_forms() -> Mapping[str, LawForm]:
    """Return the forms of laws by name, in order.

    Returns
    -------
    mapping of str to LawForm
    """
    return discover("asm_hybrid.explanations.laws.forms", "FORM", LawForm)


@dataclass(frozen=True)
class Factor:
    """A form with its driver and its constants.

    Attributes
    ----------
    form : LawForm
        The form.
    driver : Driver
        What it reads.
    values : mapping of str to float
        Its constants by symbol, in their units.
    """

    form: LawForm
    driver: Driver
    values: Mapping[str, float]

    def unit(self, symbol: str) -> str:
        """Return the unit of a constant."""
        own = next(c.unit for c in self.form.constants if c.symbol == symbol)
        return own or self.driver.unit

    def bounds(self, symbol: str) -> tuple[float, float]:
        """Return the bounds of a constant, those of a fitted one rounded outward to two digits."""
        constant = next(c for c in self.form.constants if c.symbol == symbol)
        low, high = constant.bounds(self.driver)
        if constant.value is not None:
            return low, high
        return _outward(low, -1), _outward(high, 1)


@dataclass(frozen=True)
class Law:
    """A factor of a rate: a form, or the product of two that read different drivers.

    Attributes
    ----------
    factors : tuple of Factor
        One or two.
    scale : float
        Factor of the law at which it fits what was learnt; the rate constant takes it up [-].
    residual : float
        Weighted mean square of what it leaves of the learnt factor [-].
    score : float
        Corrected information criterion of Akaike of that fit; the lowest is best.
    """

    factors: tuple[Factor, ...]
    scale: float
    residual: float
    score: float

    @property
    def kind(self) -> str:
        """Names of its forms, such as ``monod`` or ``monod * inhibition``."""
        return " * ".join(factor.form.name for factor in self.factors)

    def moved(self, values: tuple[Mapping[str, float], ...]) -> Law:
        """Return the law with other constants, of every factor by symbol."""
        factors = tuple(replace(f, values=dict(v)) for f, v in zip(self.factors, values, strict=True))
        return replace(self, factors=factors)

    def evaluate(self, *x: np.ndarray) -> np.ndarray:
        """Return the law, from one array of values a driver, all of one shape [-]."""
        parts = [f.form.evaluate(v, f.values) * np.ones_like(v) for f, v in zip(self.factors, x, strict=True)]
        return cast(np.ndarray, np.prod(parts, axis=0))


def driver_of(table: Table, name: str, x: np.ndarray, weight: np.ndarray) -> Driver | None:
    """Return what a rate can read under a name.

    Parameters
    ----------
    table : Table
        The kinetics table.
    name : str
        A component, an input of the plant as rates read it, or one component by another, ``X_S/X_BH``.
    x, weight : ndarray, shape (point,)
        Its values, and their weights, which give its range.

    Returns
    -------
    Driver or None
        None for what no rate can read, such as the hour of the day, and for what a tank is.
    """
    concentrations = {c.name: parse_unit(c.unit) for c in table.components}
    above, slash, per = name.partition("/")
    if slash:
        known = above in concentrations and per in concentrations
        unit = concentrations[above] / concentrations[per] if known else None
    else:
        composites = {key: parse_unit(composite.unit) for key, composite in table.composites.items()}
        unit = concentrations.get(name) or input_unit(name, concentrations, composites)
    if unit is None or name in HERE or not len(x):
        return None
    order = np.argsort(x)
    reached = np.cumsum(weight[order]) / weight.sum()
    low, high = np.interp([EDGE, 1.0 - EDGE], reached, x[order])
    return Driver(name, unit.text or "-", float(low), float(high))


def _outward(value: float, side: int) -> float:
    """Return a number with two digits that lies on one side of a value, or is the value."""
    if value == 0 or float(f"{value:.2g}") == value:
        return value
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    whole = np.floor(value / step) if side < 0 else np.ceil(value / step)
    return float(f"{whole * step:.2g}")
