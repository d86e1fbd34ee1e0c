"""What a parameter of a table may be: one place for tables, plants, configs and fits.

Nothing here goes by names. A parameter that divides (a yield) has to be above zero, and so has one whose bounds are
above zero and that is a half-saturation, has a dimension (a rate, a concentration) or serves sums alone. Ratios such as
contents, shares and reduction factors may be zero where they do not divide. No rate is negative. A share is at most
one. And no value may turn a process round: where the table lets a process take up a component that holds COD, it may
not make it, and the reverse; a yield of autotrophs with which they would make oxygen is found so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics.functions import Exp, Larger, Smaller
from asm_hybrid.kinetics.switching import Inhibition, Monod, Ratio
from asm_hybrid.kinetics.table import Parameter, Process, Table
from asm_hybrid.units import parse_unit

__all__ = ["Doubt", "ParameterError", "check_bounds", "check_table_values", "check_values", "doubts"]

ELECTRONS = "COD"
"""The material whose side of a process may not change."""

RATE = "it is a rate or a concentration"


class ParameterError(InputError):
    """A value that a parameter cannot have.

    Attributes
    ----------
    name : str
        The parameter.
    """

    def __init__(self, name: str, found: str, expected: str, fix: str = "") -> None:
        super().__init__(found, expected=expected, fix=fix or f"correct the value or the unit of {name}")
        self.name = name


@dataclass(frozen=True)
class Doubt:
    """A value that a parameter may have and that is not to be expected.

    Attributes
    ----------
    name : str
        The parameter.
    found, expected : str
        What is unusual, and what would not be.
    """

    name: str
    found: str
    expected: str


@dataclass(frozen=True)
class _Limits:
    """The range of a parameter: from `low`, which belongs to it if `closed`, to `high`."""

    low: float
    closed: bool
    high: float
    why: str

    def hold(self, value: float) -> bool:
        """Return whether a value is in it."""
        above = value >= self.low if self.closed else value > self.low
        return math.isfinite(value) and above and value <= self.high

    def __str__(self) -> str:
        if self.low == -math.inf:
            return "a finite number"
        if math.isfinite(self.high):
            return f"{self.low:g} to {self.high:g}" if self.closed else f"above {self.low:g}, up to {self.high:g}"
        return f"{self.low:g} or above" if self.closed else f"above {self.low:g}"


def check_values(table: Table, values: Mapping[str, float]) -> None:
    """Refuse values that no parameter of the table can have.

    Parameters
    ----------
    table : Table
        The kinetics table.
    values : mapping of str to float
        Values that replace defaults [unit of the table].

    Raises
    ------
    ParameterError
        For the first that cannot be; it names the parameter.
    """
    for name, value in values.items():
        _check_range(_limits(table)[name], name, value, "")
    _check_signs(table, values)


def check_bounds(table: Table, name: str, bounds: tuple[float, float], values: Mapping[str, float]) -> None:
    """Refuse bounds of a fit, in which the logarithm of a parameter runs, that hold values it cannot have.

    Parameters
    ----------
    table : Table
        The kinetics table.
    name : str
        The parameter.
    bounds : tuple of float
        Lower and upper bound [unit of the table].
    values : mapping of str to float
        Values of other parameters that replace defaults.

    Raises
    ------
    ParameterError
        When an end cannot be.
    """
    lower, upper = bounds
    if not (math.isfinite(lower) and math.isfinite(upper) and 0 < lower < upper):
        raise ParameterError(
            name,
            f"the bounds of {name} are [{lower:g}, {upper:g}]",
            "a lower bound above zero and below the upper one, since parameters are fitted as logarithms",
            f"raise the lower bound of {name}" if lower <= 0 else "exchange the bounds",
        )
    for end in bounds:
        try:
            check_values(table, {**values, name: end})
        except ParameterError as error:
            raise ParameterError(
                name, f"the bounds of {name} are [{lower:g}, {upper:g}]: {error.found}", error.expected or ""
            ) from None


def check_table_values(table: Table) -> None:
    """Refuse defaults and bounds of a table that no parameter can have.

    Parameters
    ----------
    table : Table
        The kinetics table.

    Raises
    ------
    ParameterError
        For the first that cannot be; it names the parameter.
    """
    limits, defaults = _limits(table), {p.name: p.default for p in table.parameters}
    for parameter in table.parameters:
        _check_range(limits[parameter.name], parameter.name, parameter.default, "")
        for bound in parameter.bounds:
            _check_range(limits[parameter.name], parameter.name, bound, "a bound of ")
    for parameter in table.parameters:
        for bound in parameter.bounds:
            _check_signs(table, {**defaults, parameter.name: bound}, (parameter.name,))


def doubts(table: Table, values: Mapping[str, float]) -> list[Doubt]:
    """Return which values lie outside the bounds of the table, in which a parameter is plausible.

    Parameters
    ----------
    table : Table
        The kinetics table.
    values : mapping of str to float
        Values that replace defaults [unit of the table].

    Returns
    -------
    list of Doubt
        One for each such value, in the order of `values`.
    """
    bounds = {p.name: (p.bounds, p.unit) for p in table.parameters}
    found = []
    for name, value in values.items():
        (low, high), unit = bounds[name]
        if not low <= value <= high:
            shown = "" if unit == "-" else f" {unit}"
            found.append(
                Doubt(
                    name,
                    f"{name} is {value:g}{shown}, outside the range that {table.name} gives it",
                    f"{low:g} to {high:g}{shown}",
                )
            )
    return found


def _check_range(limits: _Limits, name: str, value: float, what: str) -> None:
    if not limits.hold(value):
        off = "to switch a process off, give a small number such as 1e-6" if value == 0 and limits.why is RATE else ""
        raise ParameterError(name, f"{what}{name} is {value:g}", f"{limits}, since {limits.why}", off)


@lru_cache(maxsize=16)
def _limits(table: Table) -> dict[str, _Limits]:
    """Return the range of every parameter, from how the table uses it."""
    saturations = {s for process in table.processes for s in _saturations(process)}
    divisors = {s for e in _reactions(table) for s in _divisors(e)}
    used = {s.name for e in _reactions(table) for s in e.free_symbols}
    scales = {s for process in table.processes for s in _scales(process)}
    return {
        p.name: _range(p, p.name in saturations, p.name in divisors, p.name in used, p.name in scales)
        for p in table.parameters
    }


def _reactions(table: Table) -> Iterable[sympy.Expr]:
    """Yield rates, coefficients and compositions: all but what only sums need."""
    for process in table.processes:
        yield process.rate.value
        yield from (e.value for e in process.stoichiometry.values())
    for component in table.components:
        yield from (e.value for e in component.composition.values())


def _range(parameter: Parameter, saturation: bool, divides: bool, used: bool, scales: bool) -> _Limits:
    unit, (lower, upper) = parse_unit(parameter.unit), parameter.bounds
    if unit.zero:
        return _Limits(-float(unit.zero), True, math.inf, "it is a temperature")
    ratio = not any(name not in ("gram", "mole") for name, _ in unit.dimension)
    pure = not unit.dimension and not unit.substances
    share = pure and not saturation and ((divides and not scales) or (lower >= 0 and upper <= 1))
    high = 1.0 if share else math.inf
    if saturation:
        return _Limits(0.0, lower == 0, high, "it is a half-saturation")
    if divides:
        return _Limits(0.0, False, high, "something is divided by it, as by a yield")
    if lower > 0 and not ratio:
        return _Limits(0.0, False, high, RATE)
    if lower > 0 and not used:
        return _Limits(0.0, False, high, "it converts what is measured")
    if lower >= 0 or dict(unit.dimension).get("second", 0) < 0:
        return _Limits(0.0, True, high, "it is a share" if share else "it cannot be negative")
    return _Limits(-math.inf, True, math.inf, "it is a number")


def _saturations(process: Process) -> Iterable[str]:
    """Yield the names below the fraction lines of switching functions, whose guards bear a zero that a table allows."""
    rate = process.rate.value
    for call in rate.atoms(Monod, Inhibition):
        yield from (s.name for s in call.args[1].free_symbols)
    for call in rate.atoms(Ratio):
        yield from (s.name for s in call.args[1].free_symbols if s.is_positive)


def _scales(process: Process) -> Iterable[str]:
    """Yield the names by which arguments of ``exp``, ``min`` and ``max`` are divided: widths, no shares."""
    for call in process.rate.value.atoms(Exp, Larger, Smaller):
        for argument in call.args:
            yield from _divisors(argument)


def _divisors(value: sympy.Expr) -> Iterable[str]:
    """Yield the names that make an expression infinite at zero."""
    for power in value.atoms(sympy.Pow):
        if power.exp.is_negative:
            yield from (s.name for s in power.base.free_symbols if power.base.xreplace({s: sympy.Integer(0)}) == 0)


@lru_cache(maxsize=16)
def _sides(table: Table) -> tuple[tuple[str, str, sympy.Expr, frozenset[str]], ...]:
    """Return process, component and coefficient of all that holds COD and depends on parameters."""
    held = {c.name for c in table.components if ELECTRONS in c.composition}
    return tuple(
        (process.name, name, e.value, frozenset(s.name for s in e.value.free_symbols))
        for process in table.processes
        for name, e in process.stoichiometry.items()
        if name in held and e.value.free_symbols
    )


def _check_signs(table: Table, values: Mapping[str, float], changed: Iterable[str] | None = None) -> None:
    """Refuse values with which a process makes what it takes up by the defaults, or the reverse."""
    given = set(values if changed is None else changed)
    defaults = {p.name: p.default for p in table.parameters}
    limits = _limits(table)
    for process, component, coefficient, names in _sides(table):
        if not names & given:
            continue
        usual, now = _at(coefficient, defaults), _at(coefficient, {**defaults, **values})
        divided = any(not limits[name].closed for name in names & given)
        if usual * now < 0 or (usual != 0 and now == 0 and divided):
            blamed = max(names & given, key=lambda name: _excess(table, name, values[name]))
            now_word = "neither makes nor takes up" if now == 0 else "makes" if now > 0 else "takes up"
            raise ParameterError(
                blamed,
                f"{blamed} is {values[blamed]:g}: {process.replace('_', ' ')} then {now_word} {component}, which it "
                + ("makes" if usual > 0 else "takes up"),
                "a value that turns no process round, such as those from {:g} to {:g}".format(
                    *next(p.bounds for p in table.parameters if p.name == blamed)
                ),
            )


def _excess(table: Table, name: str, value: float) -> float:
    """Return how far a value is outside its bounds, in widths of these."""
    low, high = next(p.bounds for p in table.parameters if p.name == name)
    return max(low - value, value - high) / (high - low)


def _at(value: Any, point: Mapping[str, float]) -> float:
    """Return a coefficient, a fraction of polynomials, at values of the parameters."""
    if value.is_Symbol:
        return point[value.name]
    if value.is_Add:
        return math.fsum(_at(term, point) for term in value.args)
    if value.is_Mul:
        return math.prod(_at(factor, point) for factor in value.args)
    if value.is_Pow:
        return float(_at(value.base, point) ** int(value.exp))
    return float(value)
