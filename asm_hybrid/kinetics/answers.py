"""How a rate of a table answers what it reads: whether it rises or falls, whatever else is in the tank.

The sign is that of the derivative, found from its form by intervals: concentrations and inputs lie anywhere from zero
up, parameters within the bounds of the table. A sign that is given holds in all that range; where a rate rises here and
falls there, as in an inhibition by substrate, or where the form does not tell, there is none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

from asm_hybrid.kinetics.functions import Exp, Larger, Smaller
from asm_hybrid.kinetics.size import MAX_TERMS, terms
from asm_hybrid.kinetics.switching import Guarded, Inhibition, Inverse, Monod, Over, Positive, Ratio, Slope, Step
from asm_hybrid.kinetics.table import Process, Table

__all__ = ["MIXED", "SwitchingFactor", "answer_sign", "parameter_sign", "switching_factors", "temperature_slope"]

MIXED = 2
"""Stands for no sign: the rate rises in some states and falls in others, or its form does not tell."""

COLD, WARM = 0.0, 45.0
"""Range of the temperature [°C]."""

Interval = tuple[float, float]
ANY: Interval = (-math.inf, math.inf)
NOT_NEGATIVE: Interval = (0.0, math.inf)
SHARE: Interval = (0.0, 1.0)


@dataclass(frozen=True)
class SwitchingFactor:
    """A factor ``S / (K + S)`` or ``K / (K + S)`` of a rate, with one component and one parameter.

    Attributes
    ----------
    component, parameter : str
        S, and K, which does not follow temperature.
    rises : bool
        Whether it is the first.
    power : int
        How often the rate is multiplied by it.
    """

    component: str
    parameter: str
    rises: bool
    power: int


@lru_cache(maxsize=4096)
def answer_sign(table: Table, process: str, name: str) -> int:
    """Return the sign in which the rate of a process answers something.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.
    name : str
        A component, ``T``, or another input of the plant that rates may read. The answer to ``T`` includes that of the
        parameters that follow temperature.

    Returns
    -------
    int
        1 where it rises, -1 where it falls, 0 where it does not answer, `MIXED` where there is no one sign.
    """
    rate = _plain(_process(table, process).rate.value, _domain(table))
    slope = _slope(rate, name)
    if name == "T":
        slope = slope + _through_parameters(table, rate)
    return _sign(slope, table)


@lru_cache(maxsize=4096)
def parameter_sign(table: Table, process: str, parameter: str) -> int:
    """Return the sign in which the rate of a process answers a parameter.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process, parameter : str
        The process, and the parameter.

    Returns
    -------
    int
        As `answer_sign`.
    """
    rate = _plain(_process(table, process).rate.value, _domain(table))
    return _sign(_slope(rate, parameter), table)


@lru_cache(maxsize=512)
def switching_factors(table: Table, process: str) -> tuple[SwitchingFactor, ...]:
    """Return the switching functions by which the whole rate of a process is multiplied.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.

    Returns
    -------
    tuple of SwitchingFactor
        Those without which the rate still answers the component with the same sign, or not at all.
    """
    rate = _plain(_process(table, process).rate.value, _domain(table))
    constants = {p.name for p in table.parameters if p.theta is None}
    found = []
    for factor in sympy.Mul.make_args(rate):
        base, power = factor.as_base_exp()
        if not isinstance(base, Monod | Inhibition) or not all(a.is_Symbol for a in base.args):
            continue
        component, parameter = (a.name for a in base.args)
        rises = isinstance(base, Monod)
        rest = _sign(_slope(rate / factor, component), table)
        if component in table.component_names and parameter in constants and rest in (0, 1 if rises else -1):
            found.append(SwitchingFactor(component, parameter, rises, int(power)))
    return tuple(found)


def temperature_slope(table: Table, process: str) -> float:
    """Return d ln ρ/dT of the parameters by which the whole rate of a process is multiplied.

    Parameters
    ----------
    table : Table
        The kinetics table.
    process : str
        The process.

    Returns
    -------
    float
        Sum of the logarithms of their θ [1/°C]; zero where the rate follows temperature in any other way too.
    """
    rate = _process(table, process).rate.value
    theta = {p.name: math.log(p.theta) for p in table.parameters if p.theta is not None}
    factors = [f for f in sympy.Mul.make_args(rate) if f.is_Symbol and f.name in theta]
    rest = sympy.Mul(*(f for f in sympy.Mul.make_args(rate) if f not in factors))
    if any(s.name in theta or s.name == "T" for s in rest.free_symbols):
        return 0.0
    return sum(theta[f.name] for f in factors)


def _process(table: Table, name: str) -> Process:
    return table.processes[table.process_names.index(name)]


def _slope(rate: Any, name: str) -> Any:
    symbol = next((s for s in rate.free_symbols if s.name == name), None)
    return sympy.Integer(0) if symbol is None else rate.diff(symbol)


def _through_parameters(table: Table, rate: Any) -> Any:
    """Return what temperature changes of a rate by way of the parameters ``p θ^(T - T_ref)``."""
    theta = {p.name: p.theta for p in table.parameters if p.theta is not None}
    followers = sorted((s for s in rate.free_symbols if s.name in theta), key=lambda s: s.name)
    parts = [rate.diff(s) * s * sympy.Rational(math.log(theta[s.name])) for s in followers]
    return sum(parts, sympy.Integer(0))


def _sign(slope: Any, table: Table) -> int:
    """Return the sign of a derivative over the whole domain."""
    if slope == 0:
        return 0
    domain = _domain(table)
    slope = _plain(slope, domain)
    stand_ins: dict[Any, sympy.Dummy] = {}
    simple = _without_calls(slope, stand_ins)
    ranges = {stand_in.name: _interval(call, domain) for call, stand_in in stand_ins.items()}

    def extended(name: str) -> Interval:
        return ranges[name] if name in ranges else domain(name)

    forms = [simple, sympy.factor_terms(simple)]
    for form in forms + ([sympy.factor(simple)] if terms(simple) <= MAX_TERMS else []):
        low, high = _interval(form, extended)
        if low >= 0.0:
            return 1 if high > 0.0 else 0
        if high <= 0.0:
            return -1
    return MIXED


def _without_calls(value: Any, stand_ins: dict[Any, sympy.Dummy]) -> Any:
    """Return an expression with symbols in place of its functions, which are noted."""
    if isinstance(value, Guarded):
        return stand_ins.setdefault(value, sympy.Dummy(f"call {len(stand_ins)}"))
    return value if value.is_Atom else value.func(*(_without_calls(a, stand_ins) for a in value.args))


@lru_cache(maxsize=16)
def _domain(table: Table) -> Callable[[str], Interval]:
    """Return the ranges of names: parameters within their bounds, everything else from zero up."""
    ranges = {p.name: (min(p.default, *p.bounds), max(p.default, *p.bounds)) for p in table.parameters}
    ranges["T"] = (COLD, WARM)
    return lambda name: ranges.get(name, NOT_NEGATIVE)


def _plain(value: Any, domain: Callable[[str], Interval]) -> Any:
    """Return an expression without the guards that do nothing in the domain."""
    if value.is_Atom:
        return value
    args = [_plain(a, domain) for a in value.args]
    if isinstance(value, Positive) and _interval(args[0], domain)[0] >= 0.0:
        return args[0]
    if isinstance(value, Step) and _interval(args[0], domain)[0] >= 0.0:
        return sympy.Integer(1)
    return value.func(*args)


def _interval(value: Any, domain: Callable[[str], Interval]) -> Interval:
    """Return a range that holds all values of an expression."""
    if value.is_Number:
        return float(value), float(value)
    if value.is_Symbol:
        return domain(value.name)
    args = [_interval(a, domain) for a in value.args]
    for kind, rule in _RULES:
        if isinstance(value, kind):
            return rule(args)
    return ANY


def _sum(args: Sequence[Interval]) -> Interval:
    return sum(low for low, _ in args), sum(high for _, high in args)


def _product(args: Sequence[Interval]) -> Interval:
    found = args[0]
    for other in args[1:]:
        ends = [0.0 if 0.0 in (a, b) else a * b for a in found for b in other]  # of 0 and infinity nothing is left
        found = min(ends), max(ends)
    return found


def _power(args: Sequence[Interval]) -> Interval:
    (low, high), (exponent, _) = args
    if exponent < 0:
        if low < 0.0:
            return ANY
        base: Interval = (0.0 if high == math.inf else 1.0 / high, math.inf if low == 0.0 else 1.0 / low)
        return _power([base, (-exponent, -exponent)])
    ends = sorted((low**exponent, high**exponent)) if math.isfinite(low) else [-math.inf, math.inf]
    if exponent % 2 == 0 and low < 0.0:
        return 0.0, max(ends[1], 0.0)
    return ends[0], ends[1]


def _exponential(args: Sequence[Interval]) -> Interval:
    low, high = (math.exp(min(max(end, -100.0), 100.0)) for end in args[0])
    return low, high


def _quotient(args: Sequence[Interval]) -> Interval:
    (low, high), _ = args
    return (0.0 if low >= 0.0 else -math.inf), (0.0 if high <= 0.0 else math.inf)


_RULES: tuple[tuple[Any, Callable[[Sequence[Interval]], Interval]], ...] = (
    (sympy.Add, _sum),
    (sympy.Mul, _product),
    (sympy.Pow, _power),
    (Monod | Inhibition | Step, lambda args: SHARE),
    (Slope | Over | Inverse, lambda args: NOT_NEGATIVE),
    (Ratio, _quotient),
    (Positive, lambda args: (max(args[0][0], 0.0), max(args[0][1], 0.0))),
    (Exp, _exponential),
    (Larger, lambda args: (max(a[0] for a in args), max(a[1] for a in args))),
    (Smaller, lambda args: (min(a[0] for a in args), min(a[1] for a in args))),
)
"""Ranges of what an operation gives, from those of its arguments."""
