"""Factors on the rates of f, each a simple function of one driver: the smallest n that can act in one process only.

The logarithm of the factor on process j in tank i is ``Σ θ_b φ_b``, where every φ_b is one, or rises from the middle of
a driver's range to one of its ends, and stays there. With all θ at zero f is what it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import casadi
import numpy as np

from asm_hybrid.plant import Plant, casadi_namespace
from asm_hybrid.plant.namespace import Matrix

__all__ = ["RateFactors", "Shape", "shape_values"]

XP = casadi_namespace()


@dataclass(frozen=True)
class Shape:
    """One φ on one process.

    Attributes
    ----------
    process : str
        The process.
    driver : str
        A component, read in the same tank, or an input of the plant; empty for a constant factor.
    side : {'', 'low', 'high'}
        Towards which end of the driver's range it goes from zero to one.
    middle, end : float
        Where it begins, and where it is one [unit of the driver].
    offset : float
        Added before the logarithm is taken, in which it rises evenly [unit of the driver].
    """

    process: str
    driver: str = ""
    side: Literal["", "low", "high"] = ""
    middle: float = 1.0
    end: float = 2.0
    offset: float = 0.0

    @property
    def line(self) -> tuple[float, float]:
        """Slope and begin of the line in the logarithm."""
        begin, end = np.log(self.middle + self.offset), np.log(self.end + self.offset)
        return 1.0 / (end - begin), begin


def shape_values(shape: Shape, driver: np.ndarray) -> np.ndarray:
    """Return φ at some values of its driver.

    Parameters
    ----------
    shape : Shape
        φ.
    driver : ndarray, any shape
        Values of the driver [its unit].

    Returns
    -------
    ndarray
        Of the same shape, from zero to one.
    """
    if not shape.side:
        return np.ones_like(driver)
    slope, begin = shape.line
    return np.asarray(np.clip(slope * (np.log(np.maximum(driver, 0.0) + shape.offset) - begin), 0.0, 1.0))


class RateFactors:
    """The factors of one plant, as what a learnt term may change; see :class:`asm_hybrid.plant.learnt.Learnt`.

    Parameters
    ----------
    plant : Plant
        f.
    shapes : sequence of Shape
        The φ.

    Attributes
    ----------
    coefficients : SX, shape (shape,)
        The θ.
    """

    def __init__(self, plant: Plant, shapes: Sequence[Shape]) -> None:
        self._plant, self._shapes = plant, tuple(shapes)
        self.coefficients = casadi.SX.sym("theta", len(self._shapes))

    def driven(self, u: Matrix) -> Matrix:
        """Return the inputs as they are."""
        return u

    def adjusted(self, p: Sequence[Matrix], X: Matrix, u: Matrix) -> Sequence[Matrix]:
        """Return the parameters as they are."""
        return p

    def rates(self, rho: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """Return the rates with their factors."""
        return rho * self._factors(X, u)

    def sloped(self, factor: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """Return factors on the slopes of rates, the drivers held."""
        return factor * self._factors(X, u)

    def changed(self, change: Matrix, X: Matrix, u: Matrix) -> Matrix:
        """Return the derivative as it is."""
        return change

    def recorded(self, outputs: Matrix, targets: Sequence[str], X: Matrix, u: Matrix) -> Matrix:
        """Return what is recorded as it is."""
        return outputs

    def _factors(self, X: Matrix, u: Matrix) -> Matrix:
        table, tanks = self._plant.table, self._plant.tanks
        columns = []
        for process in table.process_names:
            total = casadi.SX.zeros(tanks)
            for k, shape in enumerate(self._shapes):
                if shape.process == process:
                    total = total + self.coefficients[k] * self._phi(shape, X, u)
            columns.append(casadi.exp(total))
        return casadi.horzcat(*columns)

    def _phi(self, shape: Shape, X: Matrix, u: Matrix) -> Matrix:
        tanks, names = self._plant.tanks, self._plant.table.component_names
        if not shape.side:
            return casadi.SX.ones(tanks)
        if shape.driver in names:
            value = X[:, names.index(shape.driver)]
        else:
            value = casadi.repmat(u[self._plant.input_index[shape.driver]], tanks, 1)
        slope, begin = shape.line
        found = slope * (casadi.log(casadi.fmax(value, 0.0) + shape.offset) - begin)
        return casadi.fmin(casadi.fmax(found, 0.0), 1.0)
