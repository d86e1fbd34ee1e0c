"""What a law is made of: a driver, constants, and a form in the language of the kinetics tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import sympy

from asm_hybrid.kinetics.expression import parse_expression
from asm_hybrid.kinetics.rate_inputs import COMMON
from asm_hybrid.kinetics.source import FunctionWriter

__all__ = ["Constant", "Driver", "Guess", "LawForm"]

LATTICE = 5
"""Values of each constant among which a fit seeks where to begin."""
BEGINNINGS = 3
"""The best of them, from each of which it goes on."""


@dataclass(frozen=True)
class Driver:
    """What a law reads.

    Attributes
    ----------
    name : str
        In the language of the tables: ``S_ALK``, ``T``, ``load.COD``; or ``X_S/X_BH``, one component by another.
    unit : str
        Its unit.
    low, high : float
        The range in which a law was learnt.
    """

    name: str
    unit: str
    low: float
    high: float

    @property
    def kind(self) -> str:
        """Its kind: ``concentration``, ``temperature``, ``inflow`` (flow or load) or ``ratio`` of two components."""
        if "/" in self.name:
            return "ratio"
        if self.unit == "degC":
            return "temperature"
        return "inflow" if "." in self.name or self.name in COMMON else "concentration"

    @property
    def floor(self) -> float:
        """The low end of the range; not less than a thousandth of the high end, since a record may hold a zero."""
        return max(self.low, self.high / 1000.0)

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return 0.5 * (self.low + self.high)


@dataclass(frozen=True)
class Constant:
    """A constant of a form.

    Attributes
    ----------
    symbol : str
        Its place in the form, and the stem of its name.
    description : str
        What it is.
    bounds : callable
        From a driver to lowest and highest value, both above zero unless it is fixed.
    unit : str
        Its unit; ``""`` for that of the driver.
    value : callable, optional
        From a driver to the value of a constant that is not fitted.
    """

    symbol: str
    description: str
    bounds: Callable[[Driver], tuple[float, float]]
    unit: str = ""
    value: Callable[[Driver], float] | None = None


@dataclass(frozen=True)
class Guess:
    """A form, fitted to a curve.

    Attributes
    ----------
    values : mapping of str to float
        Constants by symbol.
    scale : float
        Factor of the law at which it fits the curve best; the rate constant takes it up.
    residual : float
        Weighted mean square of what is left [-].
    """

    values: Mapping[str, float]
    scale: float
    residual: float


@dataclass(frozen=True)
class LawForm:
    """A form of law: a factor of a rate.

    Attributes
    ----------
    name : str
        Its kind, as in ``diagnosis.json``.
    order : int
        Where it stands in lists, the simple ones first.
    title, text : str
        What it is called, and what it says.
    kinds : tuple of str
        Kinds of drivers that it reads, see `Driver.kind`.
    factor : str
        In the language of the tables, with ``{x}`` for the driver, ``{per}`` for the denominator of a ratio, and the
        symbols of its constants in braces.
    constants : tuple of Constant
        Its constants.
    source : str
        Where it comes from.
    """

    name: str
    order: int
    title: str
    text: str
    kinds: tuple[str, ...]
    factor: str
    constants: tuple[Constant, ...]
    source: str

    @property
    def free(self) -> tuple[Constant, ...]:
        """The constants that are fitted."""
        return tuple(c for c in self.constants if c.value is None)

    def applies(self, driver: Driver) -> bool:
        """Return whether the form reads such a driver, and the driver varies."""
        return driver.kind in self.kinds and driver.high > driver.floor

    def expression(self, driver: Driver, names: Mapping[str, str]) -> str:
        """Return the factor as a table has it.

        Parameters
        ----------
        driver : Driver
            What it reads.
        names : mapping of str to str
            Names of its constants, by symbol.

        Returns
        -------
        str
        """
        above, _, per = driver.name.partition("/")
        return self.factor.format(x=above, per=per, **names)

    def evaluate(self, x: np.ndarray, values: Mapping[str, Any]) -> np.ndarray:
        """Return the factor.

        Parameters
        ----------
        x : ndarray
            The driver.
        values : mapping of str to float or ndarray
            Constants by symbol.

        Returns
        -------
        ndarray
            Of the shape to which `x` and the constants broadcast [-].
        """
        symbols = tuple(c.symbol for c in self.constants)
        above = np.maximum(x, 0.0) if "temperature" not in self.kinds else x
        return np.asarray(_function(self.factor, symbols)([above, 1.0, *(values[s] for s in symbols)], np)[0])

    def guess(self, x: np.ndarray, factor: np.ndarray, weight: np.ndarray, driver: Driver) -> Guess:
        """Fit the form to a curve, by weighted least squares up to a scale.

        A learnt factor is relative: the rate constant makes up for its scale. It is free, and follows from the
        constants linearly [1]_; these are fitted in their logarithms, from the best points of a lattice within their
        bounds.

        Parameters
        ----------
        x, factor, weight : ndarray, shape (point,)
            Driver, learnt factor [-], and weight of each point.
        driver : Driver
            What `x` is.

        Returns
        -------
        Guess

        References
        ----------
        .. [1] G. H. Golub, V. Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear least squares
           problems whose variables separate", SIAM J. Numer. Anal. 10, 413-432, https://doi.org/10.1137/0710036.
        """
        from scipy.optimize import least_squares  # slow to load, and for fits alone

        fixed = {c.symbol: c.value(driver) for c in self.constants if c.value is not None}
        free, share = self.free, weight / weight.sum()
        low, high = np.log([c.bounds(driver) for c in free]).T if free else (np.zeros(0), np.zeros(0))

        def left(logs: np.ndarray) -> tuple[float, np.ndarray]:
            law = self.evaluate(x, fixed | dict(zip((c.symbol for c in free), np.exp(logs), strict=True)))
            law = law * np.ones_like(x)
            scale = float(share @ (law * factor)) / max(float(share @ law**2), 1e-300)
            return scale, np.sqrt(share) * (factor - scale * law)

        def residuals(logs: np.ndarray) -> np.ndarray:
            return left(logs)[1]

        best = np.zeros(0)
        if free:
            parts = (np.arange(LATTICE) + 0.5) / LATTICE
            lattice = [low + np.array(place) * (high - low) for place in product(parts, repeat=len(free))]
            lattice.sort(key=lambda logs: float(np.sum(residuals(logs) ** 2)))
            found = [least_squares(residuals, logs, bounds=(low, high)) for logs in lattice[:BEGINNINGS]]
            best = min(found, key=lambda one: float(one.cost)).x
        scale, rest = left(best)
        values = fixed | {c.symbol: float(v) for c, v in zip(free, np.exp(best), strict=True)}
        return Guess({c.symbol: values[c.symbol] for c in self.constants}, scale, float(rest @ rest))


@cache
def _function(factor: str, symbols: tuple[str, ...]) -> Callable[[Sequence[Any], Any], list[Any]]:
    """Return a form as a function of ``[x, per, *constants]`` and an array namespace."""
    names = ("x", "per", *symbols)
    known = {name: sympy.Symbol(name, nonnegative=True) for name in ("x", "per")}
    known |= {name: sympy.Symbol(name, positive=True) for name in symbols}
    text = factor.format(**{name: name for name in names})
    value = parse_expression(text, known, f"the form {text}", frozenset(symbols), lambda name: None).value
    source = FunctionWriter((), names).write("factor", "A law.", [[value]], kind="weights")
    space: dict[str, Any] = {"__builtins__": {}}
    exec(compile(source, f"<law {text}>", "exec"), space)  # names and numbers that passed the whitelist of tables
    found: Callable[[Sequence[Any], Any], list[Any]] = space["factor"]
    return found
