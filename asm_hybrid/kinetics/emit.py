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
from asm_hybrid.kinetics.arrays import Array
from asm_hybrid.kinetics.source import FunctionWriter
from asm_hybrid.kinetics.table import Table

__all__ = ["Kinetics", "Namespace", "compile_table"]


class Namespace(Protocol[Array]):
    """The array operations that generated code uses.

    Attributes
    ----------
    nonnegative, maximum, minimum, exp : callable
        Element by element on arrays ``(…)``; `nonnegative` parts ``(…, component)`` into its columns.
    """

    def nonnegative(self, X: Array | Sequence[Array]) -> Sequence[Array]:
        """Return the columns of ``max(X, 0)``, one array a component."""

    def maximum(self, x: Array | float, y: Array | float) -> Array:
        """Larger of two, element by element."""

    def minimum(self, x: Array, y: Array) -> Array:
        """Smaller of two, element by element; only a table that calls ``exp`` or ``min`` needs it."""

    def exp(self, x: Array) -> Array:
        """Exponential, element by element; only a table that calls ``exp`` needs it."""


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

    Notes
    -----
    ``X`` is an array ``(…, component)``, or holds one array for each component; ``p`` holds one for each parameter,
    at the temperature of the liquid, and behind them one for each input of the plant that the rates read, in the order
    of `Table.inputs`, what differs from tank to tank last; ``xp`` is an array namespace (see `Namespace`). States enter
    as ``max(X, 0)``: a rate below zero concentration is the rate at zero. The slopes are those with respect to
    ``max(X, 0)``: the slopes themselves wherever no state is negative; an implicit solver that steps below zero still
    sees the decay there that brings the state back.
    """

    name: str
    source: str
    rates: _Rates
    rate_jacobian: _Slopes
    stoichiometry: _Coefficients
    weights: Mapping[str, _Weights]

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
    functions: dict[str, Any] = {"__builtins__": {}}
    exec(compile(source, filename, "exec"), functions)
    return Kinetics(
        name=name,
        source=source,
        rates=functions["rates"],
        rate_jacobian=functions["rate_jacobian"],
        stoichiometry=functions["stoichiometry"],
        weights={composite: functions[f"weights_{composite}"] for composite in composites},
    )


def _source(table: Table) -> str:
    names, zero = table.component_names, sympy.Integer(0)
    states = [sympy.Symbol(name, nonnegative=True) for name in names]
    rates = [process.rate.value for process in table.processes]
    slopes = [[sympy.diff(r, s) if s in r.free_symbols else zero for s in states] for r in rates]
    coefficients = [
        [process.stoichiometry[n].value if n in process.stoichiometry else zero for n in names]
        for process in table.processes
    ]
    write = FunctionWriter(names, (*table.parameter_names, *table.input_names)).write
    parts = [
        f'"""Kinetics {table.name}: generated from its table, not to be edited."""\n',
        write("rates", "Process rates.", [rates], kind="rates"),
        write("rate_jacobian", "Slopes of the rates, by process and component.", slopes, kind="slopes"),
        write("stoichiometry", "Coefficients, by process and component.", coefficients, kind="coefficients"),
    ]
    for name, composite in table.composites.items():
        weights = [composite.weights[n].value if n in composite.weights else zero for n in names]
        parts.append(write(f"weights_{name}", f"Weights of {name}, by component.", [weights], kind="weights"))
    return "\n\n".join(parts)
