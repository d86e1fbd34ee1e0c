"""From a table to Python functions on an array namespace: rates, their slopes, stoichiometry, composites.

The functions are written as readable source, with common subexpressions taken out, and know nothing of the
namespace but two operations; the same code runs in torch, CasADi and NumPy. They work on whole arrays, one for
each component, so leading axes (batch, tank) broadcast.
"""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import sympy

from asm_hybrid.errors import InputError, nearest
from asm_hybrid.kinetics.arrays import Array, Namespace
from asm_hybrid.kinetics.charge_balance import log_hydrogen
from asm_hybrid.kinetics.equilibrium import component_assumptions
from asm_hybrid.kinetics.source import FunctionWriter
from asm_hybrid.kinetics.table import Table

__all__ = ["Kinetics", "compile_table"]


class _Rates(Protocol):
    def __call__(self, X: Array | Sequence[Array], p: Sequence[Array | float], xp: Namespace[Array]) -> list[Array]: ...


class _Slopes(Protocol):
    def __call__(
        self, X: Array | Sequence[Array], p: Sequence[Array | float], xp: Namespace[Array]
    ) -> list[list[Array | None]]: ...


class _Coefficients(Protocol):
    def __call__(self, p: Sequence[Array | float], xp: Namespace[Array]) -> list[list[Array | float | None]]: ...


class _Weights(Protocol):
    def __call__(self, p: Sequence[Array | float], xp: Namespace[Array]) -> list[Array | float]: ...


@dataclass(frozen=True, eq=False)
class Kinetics:
    """The functions generated from a table.

    Attributes
    ----------
    name : str
        What the table is called.
    source : str
        Their source; tracebacks show its lines.
    rates : callable
        ``rates(X, p, xp)``: one array a process [table units].
    rate_jacobian : callable
        ``rate_jacobian(X, p, xp)[process][component]``: the slope of a rate, None where it is always zero.
    stoichiometry : callable
        ``stoichiometry(p, xp)[process][component]``: an array or a number, None where it is always zero.
    weights : mapping of str to callable
        ``weights[composite](p, xp)[component]``: an array or a number.
    quantities : callable or None
        ``quantities(X, p, xp)``: one array for each of `Table.quantity_names`; None without an equilibrium.

    Notes
    -----
    ``X`` is an array ``(…, component)``, or holds one array for each component; ``p`` holds one for each parameter,
    at the temperature of the liquid, and behind them one for each input of the plant that the rates read, in the order
    of `Table.inputs`, what differs from tank to tank last; ``xp`` is an array namespace (see `Namespace`). States enter
    as ``max(X, 0)``: a rate below zero concentration is the rate at zero. The slopes are those with respect to
    ``max(X, 0)``: the slopes themselves wherever no state is negative; an implicit solver that steps below zero still
    sees the decay there that brings the state back. An alkalinity from which the pH follows enters as it is. The slopes
    of a rate that reads the pH or a form of an acid hold those by way of the pH.
    """

    name: str
    source: str
    rates: _Rates
    rate_jacobian: _Slopes
    stoichiometry: _Coefficients
    weights: Mapping[str, _Weights]
    quantities: _Rates | None = None

    def __reduce__(self) -> tuple[Callable[..., Kinetics], tuple[str, str, tuple[str, ...]]]:
        """Pickle as source, since no module holds the functions."""
        return _compiled, (self.name, self.source, tuple(self.weights))

    def composite(self, name: str, p: Sequence[Array | float], xp: Namespace[Array]) -> list[Array | float]:
        """Return the weights of a composite, one for each component.

        Parameters
        ----------
        name : str
            The composite.
        p : sequence of array
            Parameters.
        xp : Namespace
            Array operations.

        Returns
        -------
        list of array or float
            Unit of the composite per unit of the component.
        """
        if name not in self.weights:
            raise InputError(
                f"there is no composite {name!r}",
                expected="a composite of the table",
                fix=nearest(name, self.weights),
            )
        return self.weights[name](p, xp)


@lru_cache(maxsize=16)
def compile_table(table: Table) -> Kinetics:
    """Generate the functions of a table.

    Parameters
    ----------
    table : Table
        The reactions.

    Returns
    -------
    Kinetics
        The functions and their source.
    """
    return _compiled(table.name, _source(table), tuple(table.composites))


def _compiled(name: str, source: str, composites: tuple[str, ...]) -> Kinetics:
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    filename = f"<kinetics {name} {digest}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    # The source holds nothing but names and numbers that passed the table's whitelist.
    functions: dict[str, Any] = {"__builtins__": {}, "log_hydrogen": log_hydrogen, "columns": _columns}
    exec(compile(source, filename, "exec"), functions)
    return Kinetics(
        name=name,
        source=source,
        rates=functions["rates"],
        rate_jacobian=functions["rate_jacobian"],
        stoichiometry=functions["stoichiometry"],
        weights={composite: functions[f"weights_{composite}"] for composite in composites},
        quantities=functions.get("quantities"),
    )


def _source(table: Table) -> str:
    names, zero = table.component_names, sympy.Integer(0)
    signed = table.equilibrium.signed if table.equilibrium else ()
    states = [sympy.Symbol(name, **component_assumptions(name in signed)) for name in names]
    rates = [process.rate.value for process in table.processes]
    slopes = _slopes(rates, states)
    coefficients = [
        [process.stoichiometry[n].value if n in process.stoichiometry else zero for n in names]
        for process in table.processes
    ]
    write = FunctionWriter(names, (*table.parameter_names, *table.input_names), signed, table.quantity_names).write
    parts = [f'"""Kinetics {table.name}: generated from its table, not to be edited."""\n']
    if table.equilibrium:
        found = list(table.equilibrium.expressions.values())
        by_component = _slopes(found, states)
        parts += [
            write("quantities", "The pH, and what follows from it.", [found], kind="rates"),
            write("quantity_slopes", "The same, and their slopes by component.", [found, *by_component], kind="slopes"),
        ]
    parts += [
        write("rates", "Process rates.", [rates], kind="rates"),
        write("rate_jacobian", "Slopes of the rates, by process and component.", slopes, kind="slopes"),
        write("stoichiometry", "Coefficients, by process and component.", coefficients, kind="coefficients"),
    ]
    for name, composite in table.composites.items():
        weights = [composite.weights[n].value if n in composite.weights else zero for n in names]
        parts.append(write(f"weights_{name}", f"Weights of {name}, by component.", [weights], kind="weights"))
    return "\n\n".join(parts)


def _slopes(values: Sequence[Any], states: Sequence[Any]) -> list[list[Any]]:
    """Return derivatives, by value and state."""
    return [[sympy.diff(v, s) if s in v.free_symbols else sympy.Integer(0) for s in states] for v in values]


def _columns(X: Any, xp: Namespace[Any]) -> Sequence[Any]:
    """Return the columns of a state, signs and all."""
    return X if isinstance(X, list | tuple) else xp.columns(X)
