"""Tables of the stiff solver of an exported model, in C.

The solver is a Rosenbrock method with the exact Jacobian J. Every step divides by ``shift I - J``, whose pattern of
zeros never changes. Order of elimination and pattern of the factors are therefore worked out here, and the C code only
runs along index arrays. Pivots stay on the diagonal; their order is Markowitz's [1]_, which keeps the factors sparse.

References
----------
.. [1] I. S. Duff, A. M. Erisman, J. K. Reid (2017), "Direct Methods for Sparse Matrices", second edition, Oxford
   University Press, section 7.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asm_hybrid.export.printed import print_array, print_number
from asm_hybrid.solver.tableaus import RODAS4, RosenbrockTableau

__all__ = ["METHOD", "Factors", "Pattern", "find_factors", "find_pattern", "solver_tables"]

METHOD = RODAS4
"""The method of the solver. Rodas5P needs as much time at the same error, where a settler's fluxes have kinks."""


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


def solver_tables(factors: Factors, nominal: Sequence[float], tableau: RosenbrockTableau) -> str:
    """Return the tables of the solver as C: the method, the pattern of the factors, nominal values.

    Parameters
    ----------
    factors : Factors
        Of ``shift I - J``.
    nominal : sequence of float, shape (n,)
        Usual size of each state.
    tableau : RosenbrockTableau
        The method.

    Returns
    -------
    str
    """
    stages = len(tableau.m)
    numbers = {"alpha": tableau.alpha, "d": tableau.d, "m": tableau.m, "e": tableau.e}
    for name, rows in (("a", tableau.a), ("c", tableau.c)):
        numbers[name] = tuple(v for row in rows for v in (*row, *[0.0] * (stages - len(row))))
    whole = {
        "order": factors.order,
        "row": factors.pattern.row,
        "col": factors.pattern.column,
        "diag": factors.diagonal,
        "from": factors.source,
    }
    return "".join(
        [
            f"/* Of the solver: the method {tableau.name}; a and c row by row. */\n",
            f"static const double rosenbrock_gamma = {print_number(tableau.gamma)};\n",
            *(print_array(f"static const double rosenbrock_{n}", v, print_number) for n, v in numbers.items()),
            "/* L + U of shift I - df/dx, in another order of the states; from which value of df/dx each comes. */\n",
            *(print_array(f"static const int lu_{n}", [int(i) for i in v]) for n, v in whole.items()),
            print_array("static const double nominal", nominal, print_number),
        ]
    )
