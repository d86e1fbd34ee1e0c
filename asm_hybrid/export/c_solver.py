"""The stiff solver of an exported model in C: its tables, and the program text that they complete.

The solver is a Rosenbrock method with the exact Jacobian J. Every step divides by ``shift I - J``, whose pattern of zeros
never changes. Order of elimination and pattern of the factors are therefore worked out here, and the C code only runs
along index arrays. Pivots stay on the diagonal; their order is Markowitz's [1]_, which keeps the factors sparse.

References
----------
.. [1] I. S. Duff, A. M. Erisman, J. K. Reid (2017), "Direct Methods for Sparse Matrices", second edition, Oxford
   University Press, section 7.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import numpy as np

from asm_hybrid.solver.tableaus import RODAS4, RosenbrockTableau

__all__ = [
    "COUNTS",
    "Factors",
    "ModelText",
    "Pattern",
    "assemble_sources",
    "find_factors",
    "find_pattern",
    "read_template",
    "with_prefix",
]

COUNTS = ("STATES", "INPUTS", "OUTPUTS", "PARAMETERS", "EVENTS", "MEMBERS")
"""What ``model.h`` counts."""

METHOD = RODAS4
"""The method of the solver."""

TOLERANCE = 1e-6
"""Relative error of a step, where the user of the C code sets no other."""

WIDTH = 116

PREFIX = "ah"
"""Prefix of the exported names in the texts that all models share."""


@dataclass(frozen=True)
class Pattern:
    """Which entries of a square matrix may differ from zero, row by row (CSR); the diagonal always.

    Attributes
    ----------
    row : ndarray of int, shape (n + 1,)
        Where each row begins among the entries.
    column : ndarray of int, shape (entry,)
        Columns, ascending within a row.
    """

    row: np.ndarray
    column: np.ndarray

    @property
    def size(self) -> int:
        """Number of rows, n."""
        return len(self.row) - 1

    @property
    def rows(self) -> np.ndarray:
        """Row of every entry, ``(entry,)``."""
        return np.repeat(np.arange(self.size), np.diff(self.row))

    def dense(self) -> np.ndarray:
        """Return whether entries may differ from zero, ``(n, n)``."""
        found = np.zeros((self.size, self.size), dtype=bool)
        found[self.rows, self.column] = True
        return found


@dataclass(frozen=True)
class Factors:
    """Where the entries of L + U stand, for a matrix whose rows and columns are taken in another order.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Which row and column of the matrix comes at each place.
    pattern : Pattern
        Of L + U in that order, filled-in entries included.
    diagonal : ndarray of int, shape (n,)
        Entry of each pivot.
    source : ndarray of int, shape (entry,)
        Which entry of the matrix each begins with; -1 for none.
    """

    order: np.ndarray
    pattern: Pattern
    diagonal: np.ndarray
    source: np.ndarray


def find_pattern(rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray, size: int) -> Pattern:
    """Return the pattern of a matrix from its entries, the diagonal added.

    Parameters
    ----------
    rows, columns : sequence of int, shape (entry,)
        Places of the entries, in any order.
    size : int
        Number of rows.

    Returns
    -------
    Pattern
    """
    mask = np.eye(size, dtype=bool)
    mask[np.asarray(rows, dtype=int), np.asarray(columns, dtype=int)] = True
    return _pattern(mask)


def _pattern(mask: np.ndarray) -> Pattern:
    return Pattern(np.concatenate([[0], np.cumsum(mask.sum(axis=1))]), np.nonzero(mask)[1])


def find_factors(pattern: Pattern) -> Factors:
    """Choose the order of elimination, and find the pattern of the factors.

    Parameters
    ----------
    pattern : Pattern
        Of the matrix.

    Returns
    -------
    Factors
        Of the matrix with rows and columns in that order. The next pivot is always the one with the least product of
        other entries in its row and column.
    """
    mask, left = pattern.dense(), np.ones(pattern.size, dtype=bool)
    order: list[int] = []
    while left.any():
        rest = mask & left
        cost = (rest.sum(axis=1) - 1) * ((mask & left[:, None]).sum(axis=0) - 1)
        pivot = int(np.where(left, cost, np.iinfo(int).max).argmin())
        order.append(pivot)
        left[pivot] = False
        mask |= np.outer(mask[:, pivot] & left, mask[pivot] & left)
    places = np.array(order)
    filled = _pattern(mask[np.ix_(places, places)])
    number = np.full(mask.shape, -1)
    number[pattern.rows, pattern.column] = np.arange(len(pattern.column))
    rows = filled.rows
    return Factors(
        order=places,
        pattern=filled,
        diagonal=np.nonzero(filled.column == rows)[0],
        source=number[places[rows], places[filled.column]],
    )


@dataclass(frozen=True)
class ModelText:
    """What belongs to one model in its C sources.

    Attributes
    ----------
    name : str
        Name of the model, for comments.
    counts : mapping of str to int
        How many there are of each of `COUNTS`.
    text : str
        The equations. They define ``model_rhs``, ``model_jacobian``, ``model_time_slope``, ``model_outputs``,
        ``model_directional``, ``model_events``, ``model_after``, ``model_next_time``, ``model_pass_time``,
        ``model_phases`` (gives time tables the phase of the time), and ``model_start`` (sets state, inputs, parameters
        and member to their start values).
    pattern : Pattern
        Of the Jacobian, whose values ``model_jacobian`` gives in its order.
    nominal : sequence of float, shape (n,)
        Usual size of each state, above zero; errors of a state that is next to zero count in relation to it.
    cycles, work : int
        Number of time tables, and of doubles that the equations need as room to work.
    tolerance : float
        Relative error of a step, where the user of the C code sets no other.
    """

    name: str
    counts: Mapping[str, int]
    text: str
    pattern: Pattern
    nominal: Sequence[float]
    cycles: int = 0
    work: int = 0
    tolerance: float = TOLERANCE


def assemble_sources(model: ModelText, tableau: RosenbrockTableau = METHOD) -> dict[str, str]:
    """Return header and source of a model, complete.

    Parameters
    ----------
    model : ModelText
        What belongs to it alone.
    tableau : RosenbrockTableau
        The method of the solver: one with an error estimate that takes the exact Jacobian.

    Returns
    -------
    dict of str to str
        ``model.h`` and ``model.c``.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """
    if len(model.nominal) != model.counts["STATES"] or model.pattern.size != model.counts["STATES"]:
        raise ValueError("pattern, nominal values and number of states differ")
    if not all(0.0 < value < float("inf") for value in model.nominal):
        raise ValueError("a nominal value is not above zero")
    factors = find_factors(model.pattern)
    header = read_template("model.h").replace("@NAME@", model.name).replace("@TOLERANCE@", repr(model.tolerance))
    for name in COUNTS:
        header = header.replace(f"@{name}@", str(model.counts[name]))
    private = {
        "AH_JACOBIAN": len(model.pattern.column),
        "AH_LU": len(factors.pattern.column),
        "AH_CYCLES": model.cycles,
        "AH_WORK": model.work,
        "ROSENBROCK_STAGES": len(tableau.m),
        "ROSENBROCK_ORDER": tableau.order,
    }
    parts = [
        '#include "model.h"\n',
        "enum {\n" + ",\n".join(f"    {name} = {value}" for name, value in private.items()) + "\n};\n",
        read_template("types.c"),
        _solver_tables(model, factors, tableau),
        model.text,
        read_template("solver.c"),
        read_template("api.c"),
    ]
    mark = sha256("".join([header, *parts]).encode()).hexdigest()
    parts.insert(3, f'/* Of the text of this model: saved states of others are told by it. */\n{_text("model_identity", mark)}')
    return {"model.h": header, "model.c": "\n".join(parts)}


def read_template(name: str) -> str:
    """Return a text that all exported models share.

    Parameters
    ----------
    name : str
        File name in ``export/c``.

    Returns
    -------
    str
    """
    return (files("asm_hybrid.export") / "c" / name).read_text(encoding="utf-8")


def with_prefix(text: str, prefix: str) -> str:
    """Return C code whose exported names begin with another prefix.

    Parameters
    ----------
    text : str
        The code.
    prefix : str
        The prefix, in lower case, without the underscore.

    Returns
    -------
    str
    """
    text = re.sub(rf"\b{PREFIX}_", f"{prefix}_", text)
    return re.sub(rf"\b{PREFIX.upper()}_", f"{prefix.upper()}_", text)


def _text(name: str, value: str) -> str:
    return f'static const char {name}[] = "{value}";\n'


def _solver_tables(model: ModelText, factors: Factors, tableau: RosenbrockTableau) -> str:
    """Return the tables of the solver as C: the method, the pattern of the Jacobian and of its factors."""
    stages = len(tableau.m)
    square = [[*row, *[0.0] * (stages - len(row))] for row in (*tableau.a, *tableau.c)]
    lines = [
        f"/* Of the solver: the method {tableau.name}. */",
        f"static const double start_tolerance = {model.tolerance!r};",
        f"static const double rosenbrock_gamma = {tableau.gamma!r};",
        *(
            _array(f"double rosenbrock_{name}[ROSENBROCK_STAGES]", [repr(float(v)) for v in values])
            for name, values in (("alpha", tableau.alpha), ("d", tableau.d), ("m", tableau.m), ("e", tableau.e))
        ),
        *(
            _array(
                f"double rosenbrock_{name}[ROSENBROCK_STAGES][ROSENBROCK_STAGES]",
                ["{" + ", ".join(repr(float(v)) for v in row) + "}" for row in rows],
            )
            for name, rows in (("a", square[:stages]), ("c", square[stages:]))
        ),
        "/* L + U of shift I - df/dx in another order of the states; which value of df/dx each entry begins with. */",
        _array("int lu_order[AH_STATES]", factors.order),
        _array("int lu_row[AH_STATES + 1]", factors.pattern.row),
        _array("int lu_col[AH_LU]", factors.pattern.column),
        _array("int lu_diag[AH_STATES]", factors.diagonal),
        _array("int lu_from[AH_LU]", factors.source),
        _array("double nominal[AH_STATES]", [repr(float(v)) for v in model.nominal]),
    ]
    return "\n".join(lines) + "\n"


def _array(declaration: str, values: Sequence[object] | np.ndarray) -> str:
    """Return the definition of a constant array, in lines of bounded width."""
    lines = [""]
    for value in values:
        text = f"{value}, "
        if len(lines[-1]) + len(text) > WIDTH:
            lines.append("")
        lines[-1] += text
    body = "\n".join(f"    {line.rstrip()}" for line in lines)
    return f"static const {declaration} = {{\n{body.rstrip(',')}\n}};"
