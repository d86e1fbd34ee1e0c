"""The state at which a workbook shows its rates, and the values there, by our own kinetics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asm_hybrid.kinetics import Table, compile_table
from asm_hybrid.kinetics.source import FunctionWriter

__all__ = ["Point", "Values"]

Number = Any
"""A number of NumPy, which divides by zero without an exception."""


@dataclass(frozen=True)
class Point:
    """Where rates are worked out.

    Attributes
    ----------
    temperature : float
        Temperature of the liquid [°C].
    state : mapping of str to float
        Concentrations by component [unit of the table].
    inputs : mapping of str to float
        Inputs of the plant that the rates read, by name; ``T`` may be left out.
    origin : str
        Where it comes from, in words.
    others : mapping of str to mapping of str to float
        States to compare, by name.
    """

    temperature: float
    state: Mapping[str, float]
    inputs: Mapping[str, float]
    origin: str = ""
    others: Mapping[str, Mapping[str, float]] | None = None

    def read(self, name: str) -> float:
        """Return an input that rates read."""
        return self.temperature if name == "T" else self.inputs[name]


class _Numbers:
    """The operations of generated code, on single numbers."""

    exp, log, where = staticmethod(np.exp), staticmethod(np.log), staticmethod(np.where)
    maximum, minimum = staticmethod(np.maximum), staticmethod(np.minimum)

    @staticmethod
    def columns(X: Sequence[Number]) -> Sequence[Number]:
        return X

    @staticmethod
    def held(x: Number) -> Number:
        return x

    unrecorded = held

    @staticmethod
    def nonnegative(X: Sequence[Number]) -> list[Number]:
        return [np.maximum(x, 0.0) for x in X]


class Values:
    """What a table says at one point.

    Parameters
    ----------
    table : Table
        The kinetics table.
    parameters : mapping of str to float
        Values at the reference temperature of each parameter.
    point : Point
        The point.

    Attributes
    ----------
    parameters : dict of str to float
        Values at the temperature of the point.
    used : dict of str to float
        Concentrations as the rates see them: none below zero.
    rates : list of float
        By process.
    coefficients : list of list of float or None
        By process and component, at the reference temperatures, as plants have them; None where it is always zero.
    changes : list of float
        By component: the sum of its coefficients by the rates [unit/d].
    composites : dict of str to (list of float, float)
        By composite its weights, by component, and its value at `used`.
    """

    def __init__(self, table: Table, parameters: Mapping[str, float], point: Point) -> None:
        kinetics = compile_table(table)
        self._table = table
        self.parameters = {
            p.name: float(parameters[p.name] * (p.theta or 1.0) ** (point.temperature - (p.T_ref or 0.0)))
            for p in table.parameters
        }
        self.used = {name: max(float(point.state[name]), 0.0) for name in table.component_names}
        self._X = [np.float64(self.used[name]) for name in table.component_names]
        own = [*self.parameters.values(), *(point.read(name) for name in table.input_names)]
        self._p = [np.float64(value) for value in own]
        xp: Any = _Numbers()
        with np.errstate(all="ignore"):
            self.rates = [float(r) for r in kinetics.rates(self._X, self._p, xp)]
            given = [np.float64(parameters[name]) for name in table.parameter_names]
            coefficients = kinetics.stoichiometry(given, xp)
            weights = {name: kinetics.composite(name, self._p, xp) for name in table.composites}
        self.coefficients = [[None if c is None else float(c) for c in row] for row in coefficients]
        self.changes = [
            float(sum(rate * (row[i] or 0.0) for rate, row in zip(self.rates, self.coefficients, strict=True)))
            for i in range(len(self._X))
        ]
        self.composites = {
            name: ([float(w) for w in own], float(sum(float(w) * x for w, x in zip(own, self._X, strict=True))))
            for name, own in weights.items()
        }

    def of(self, expressions: Sequence[Any]) -> list[float]:
        """Return expressions of the table's language at the point.

        Parameters
        ----------
        expressions : sequence of Expr
            In the names of the table.

        Returns
        -------
        list of float
        """
        if not expressions:
            return []
        names = (*self._table.parameter_names, *self._table.input_names)
        source = FunctionWriter(self._table.component_names, names).write("values", "", [expressions], kind="rates")
        space: dict[str, Any] = {"__builtins__": {}}
        exec(compile(source, "<workbook>", "exec"), space)  # names and numbers that passed the whitelist of tables
        with np.errstate(all="ignore"):
            return [float(value) for value in space["values"](self._X, self._p, _Numbers())]
