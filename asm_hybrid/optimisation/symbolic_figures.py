"""Indicators as expressions of the states and inputs of a moment, so that schedules can be optimised by gradients.

Every indicator here is a function of means over time, and of the solids that the plant holds in the beginning and at
the end. So each is written with symbols for these means, by the formulas of the indicators themselves, and beside it
stand the expressions whose means they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import casadi
import numpy as np

from asm_hybrid.scenario.compiled import CompiledPlant, PlantRecord
from asm_hybrid.scenario.kpi import (
    INDICES,
    ORIGINAL_QUALITY,
    load,
    operation_indicators,
    quality_index,
)
from asm_hybrid.scenario.kpi_factors import Factors, evaluate_factors
from asm_hybrid.scenario.kpi_series import PlantSeries
from asm_hybrid.scenario.left_out import affordable
from asm_hybrid.scenario.scoring import plant_series

__all__ = ["SymbolicFigures", "symbolic_figures"]

SMOOTH = 0.02
"""Share of a limit over which the excess bends from none to some."""


class _Moment(PlantSeries):
    """One moment of expressions: what a mean is asked of is collected, and a symbol for that mean is returned."""

    means: list[tuple[Any, Any]]
    rises: list[tuple[Any, Any]]
    length: Any

    def __post_init__(self) -> None:
        for name, value in (("means", []), ("rises", []), ("length", casadi.SX.sym("days"))):
            object.__setattr__(self, name, value)

    @property
    def days(self) -> Any:
        """A symbol for the time that counts [d]."""
        return self.length

    def mean(self, values: Any) -> Any:
        """Return a symbol for a mean over time."""
        return self._symbol(self.means, values)

    def rise(self, values: Any) -> Any:
        """Return a symbol for how far the last value is above the first."""
        return self._symbol(self.rises, values)

    @staticmethod
    def _symbol(collected: list[tuple[Any, Any]], values: Any) -> Any:
        symbol = casadi.SX.sym(f"value_{len(collected)}")
        collected.append((symbol, casadi.densify(casadi.SX(values))))
        return symbol


@dataclass(frozen=True, eq=False)
class SymbolicFigures:
    """Indicators by name, as functions of means.

    Attributes
    ----------
    names : tuple of str
        What can be told.
    moment : casadi.Function
        From state and inputs at a moment to the values whose means count, ``(mean,)``.
    stored : casadi.Function
        From state and inputs at a moment to the values whose rise counts, ``(rise,)``.
    total : casadi.Function
        From means, rises, and the days that count to the figures, ``(name,)``.
    """

    names: tuple[str, ...]
    moment: Any
    stored: Any
    total: Any


def symbolic_figures(
    compiled: CompiledPlant,
    parameters: Mapping[str, float],
    excesses: Mapping[str, tuple[str, float]],
    factors: Factors | None,
    wanted: Sequence[str],
) -> SymbolicFigures:
    """Write indicators as expressions.

    Parameters
    ----------
    compiled : CompiledPlant
        The plant.
    parameters : mapping of str to float
        Values of the table's parameters by name.
    excesses : mapping of str to (str, float)
        By a name of choice: a quantity of the effluent and a limit [g/m3]; the figure is the mean of what is above it.
    factors : Factors or None
        Prices and emission factors.
    wanted : sequence of str
        Names of indicators, of which those are returned that can be written so: no percentiles, and no times above
        limits.

    Returns
    -------
    SymbolicFigures
        In the order of `wanted`.
    """
    columns: dict[str, Any] = {name: casadi.SX(value) for name, (_, value) in compiled.recorded.items()}
    units = {name: unit for name, (unit, _) in compiled.recorded.items()}
    record = PlantRecord(np.zeros(1), np.zeros((1, 1)), columns, units)
    series = plant_series(compiled.plant, record, parameters, held=False, kind=_Moment)
    assert isinstance(series, _Moment)
    found = {i.name: i.value for i in operation_indicators(series)}
    found |= _streams(series, excesses)
    if factors is not None:
        paid, _ = affordable(series, factors)
        found |= {i.name: i.value for i in evaluate_factors(series, paid)}
    names = tuple(name for name in wanted if name in found)
    totals = casadi.vertcat(*(casadi.SX(found[name]) for name in names))
    system, days = compiled.system, series.days
    functions, symbols = [], []
    for name, collected in (("moment", series.means), ("stored", series.rises)):
        used = [(symbol, value) for symbol, value in collected if casadi.depends_on(totals, symbol)]
        symbols.append(casadi.vertcat(*(symbol for symbol, _ in used)))
        values = casadi.vertcat(*(value for _, value in used))
        functions.append(casadi.Function(name, [system.state, system.inputs], [values], {"cse": True}))
    moment, stored = functions
    return SymbolicFigures(names, moment, stored, casadi.Function("total", [*symbols, days], [casadi.densify(totals)]))


def _streams(series: PlantSeries, excesses: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """Return means, loads and quality indices of effluent and influent, and the excess over limits."""
    found: dict[str, Any] = {}
    for side, index in INDICES:
        stream = series.stream(side)
        flow = series.mean(stream.flow)
        for name in stream.concentrations:
            found[f"{side}.{name} load"] = load(series, side, name)
            found[f"{side}.{name} mean"] = 1000 * found[f"{side}.{name} load"] / flow
        if all(q in stream.concentrations for q in ORIGINAL_QUALITY):
            found[index] = quality_index(series, side)
            found[f"{index} original"] = quality_index(series, side, ORIGINAL_QUALITY)
    for name, (quantity, limit) in excesses.items():
        over = series.effluent.concentrations[quantity] - limit
        found[name] = series.mean(0.5 * (over + casadi.sqrt(over**2 + (SMOOTH * limit) ** 2)))
    return found
