"""Distributions of factors, each by its inverse: from places between 0 and 1, which designs spread, to values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Value
from asm_hybrid.studies.sections import DistributionSection

__all__ = ["EDGE", "Distribution", "make_distribution", "rounded", "truncated_normal"]

EDGE = 0.005
"""Share of a distribution without ends that designs from end to end leave out on either side [-]."""
DIGITS = 12
"""Significant digits of a value: less than what mathematical libraries of different platforms agree upon."""

Kind = Literal["uniform", "log_uniform", "normal", "triangular", "values"]


@dataclass(frozen=True)
class Distribution:
    """How one factor is distributed.

    Attributes
    ----------
    kind : str
        The key in the study file.
    numbers : tuple of float
        What stands behind it, in the unit of the factor; for `values` those that are numbers.
    bounds : tuple of float
        Lowest and highest value; infinite where there is none.
    choices : tuple of (float or str)
        For `values`, what is chosen from; empty otherwise.
    whole : bool
        Whether values are rounded to whole numbers.
    """

    kind: Kind
    numbers: tuple[float, ...]
    bounds: tuple[float, float] = (-np.inf, np.inf)
    choices: tuple[Value, ...] = ()
    whole: bool = False

    @property
    def endless(self) -> bool:
        """Whether it reaches to infinity."""
        return self.kind == "normal" and not np.isfinite(self.bounds).all()

    @property
    def text_choice(self) -> bool:
        """Whether any of its values is a text."""
        return any(isinstance(value, str) for value in self.choices)

    def values(self, places: np.ndarray | Sequence[float]) -> list[Value]:
        """Return values for places from 0 to 1.

        Parameters
        ----------
        places : ndarray or sequence of float, shape (case,)
            Shares of the distribution that lie below [-].

        Returns
        -------
        list of (float or str)
        """
        if self.choices:
            count = len(self.choices)
            return [self.choices[min(int(p * count), count - 1)] for p in places]
        found = rounded(self._numbers(np.asarray(places, dtype=float)))
        return [float(round(v)) if self.whole else v for v in found]

    def _numbers(self, places: np.ndarray) -> np.ndarray:
        if self.kind == "normal":
            mean, deviation = self.numbers
            return truncated_normal(places, mean, deviation, *self.bounds)
        if self.kind == "triangular":
            low, mode, high = self.numbers
            share, span = (mode - low) / (high - low), high - low
            rising = low + np.sqrt(places * span * (mode - low))
            falling = high - np.sqrt((1.0 - places) * span * (high - mode))
            return np.asarray(np.where(places < share, rising, falling))
        low, high = self.numbers
        if self.kind == "log_uniform":
            return np.asarray(np.clip(np.exp(np.log(low) + places * (np.log(high) - np.log(low))), low, high))
        return np.asarray(low + places * (high - low))

    def in_words(self, unit: str) -> str:
        """Return it in a few words, with the unit of its values."""
        behind = "" if unit in ("", "-") else f" {unit}"
        if self.choices:
            return " or ".join(v if isinstance(v, str) else f"{v:g}{behind}" for v in self.choices)
        first, *rest = (f"{v:g}" for v in self.numbers)
        if self.kind == "normal":
            low, high = self.bounds
            ends = [f"from {low:g}"] * bool(np.isfinite(low)) + [f"up to {high:g}"] * bool(np.isfinite(high))
            within = f", {' '.join(ends)}{behind}" if ends else ""
            return f"normal, {first} ± {rest[0]}{behind}{within}"
        if self.kind == "triangular":
            return f"triangular, {first} to {rest[1]}{behind}, mostly {rest[0]}{behind}"
        return f"{first} to {rest[0]}{behind}{', evenly in logarithms' if self.kind == 'log_uniform' else ''}"


def rounded(values: np.ndarray) -> list[float]:
    """Return numbers with `DIGITS` significant digits, so that all platforms have the same ones.

    Parameters
    ----------
    values : ndarray, shape (case,)
        Numbers.

    Returns
    -------
    list of float
    """
    return [float(f"{v:.{DIGITS}g}") for v in values.tolist()]


def truncated_normal(
    places: np.ndarray,
    mean: float | np.ndarray,
    deviation: float | np.ndarray,
    low: float | np.ndarray = -np.inf,
    high: float | np.ndarray = np.inf,
) -> np.ndarray:
    """Return the inverse of a normal distribution between bounds.

    Parameters
    ----------
    places : ndarray, shape (case,)
        Shares of the distribution that lie below [-].
    mean, deviation : float or ndarray, shape (case,)
        Mean and standard deviation without the bounds.
    low, high : float or ndarray, shape (case,)
        Bounds; what would lie beyond them is spread within, in proportion.

    Returns
    -------
    ndarray, shape (case,)
    """
    below, above = ndtr((low - mean) / deviation), ndtr((high - mean) / deviation)
    return np.asarray(np.clip(mean + deviation * ndtri(below + places * (above - below)), low, high))


def make_distribution(section: DistributionSection, read: Callable[[float | str], float], where: str) -> Distribution:
    """Return a distribution with its values in the unit of a factor.

    Parameters
    ----------
    section : DistributionSection
        What the study file says.
    read : callable
        Turns a number, or a text with its unit, into a number in the unit of the factor.
    where : str
        Place in the study file, for messages.

    Returns
    -------
    Distribution

    Raises
    ------
    InputError
        When its numbers are in an order, or of a sign, that the distribution cannot have.
    """
    kind, given = section.kind, section.given
    if kind == "values":
        return Distribution("values", (), choices=tuple(_choice(value, read) for value in given))
    numbers = tuple(read(value) for value in given if not isinstance(value, bool))
    low, high = (read(v) for v in section.bounds) if section.bounds else (-np.inf, np.inf)
    problem = _problem(kind, numbers, (low, high))
    if problem is not None:
        shown = ", ".join(str(value) for value in given)
        raise InputError(f"{kind} has [{shown}]", where=f"{where}", expected=problem)
    return Distribution(kind, numbers, (low, high))


def _choice(value: float | str | bool, read: Callable[[float | str], float]) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return read(value)
    try:
        return read(value)
    except InputError:
        return value


def _problem(kind: Kind, numbers: tuple[float, ...], bounds: tuple[float, float]) -> str | None:
    """Return what is expected where a distribution cannot be; None where it can."""
    if kind == "normal":
        (mean, deviation), (low, high) = numbers, bounds
        if deviation <= 0:
            return "mean and standard deviation, the latter above zero"
        if not low < high:
            return "bounds in ascending order"
        if not ndtr((high - mean) / deviation) - ndtr((low - mean) / deviation) > 1e-6:
            return "bounds that hold more than a millionth of the distribution"
        return None
    if kind == "triangular":
        low, mode, high = numbers
        return None if low <= mode <= high and low < high else "lowest, most likely and highest value, ascending"
    low, high = numbers
    if kind == "log_uniform" and not low > 0:
        return "ends above zero"
    return None if low < high else "two ends, the lower first"
