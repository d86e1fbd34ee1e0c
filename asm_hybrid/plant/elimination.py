"""Division by small sparse matrices, written out entry by entry for CasADi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import casadi

from asm_hybrid.plant.namespace import Matrix

__all__ = ["Elimination"]


@dataclass(frozen=True)
class Elimination:
    """Gauss' elimination of one matrix with the pivots on its diagonal, least fill first (Markowitz).

    It fits matrices ``shift I - J`` with steps that J's growing modes bear: their diagonal stays away from zero.

    Attributes
    ----------
    pivots : tuple
        One a step: the row, the rows below it and the columns to its right, these two with the place of their factor
        among `factors`; the reciprocal of the pivot stands behind those.
    factors : SX, shape (factor,)
        All that `solve` multiplies by.
    """

    pivots: tuple[tuple[int, tuple[tuple[int, int], ...], tuple[tuple[int, int], ...], int], ...]
    factors: Matrix

    @staticmethod
    def of(matrix: Matrix) -> Elimination:
        """Eliminate a matrix ``(n, n)`` that knows its zeros."""
        rows: list[dict[int, Matrix]] = [{} for _ in range(matrix.shape[0])]
        for i, j in zip(*matrix.sparsity().get_triplet(), strict=True):
            rows[i][j] = matrix[i, j]
        left, factors, pivots = list(range(len(rows))), list[Matrix](), []
        while left:
            pivot = min(left, key=lambda p: _fill(rows, left, p))
            left.remove(pivot)
            own = rows[pivot]
            inverse, below, right = 1.0 / own.pop(pivot), [], []
            for i in left:
                if pivot in rows[i]:
                    factor = rows[i].pop(pivot) * inverse
                    below.append((i, len(factors)))
                    factors.append(factor)
                    for j, value in own.items():
                        rows[i][j] = rows[i][j] - factor * value if j in rows[i] else -factor * value
            for j, value in own.items():
                right.append((j, len(factors)))
                factors.append(value)
            pivots.append((pivot, tuple(below), tuple(right), len(factors)))
            factors.append(inverse)
        return Elimination(tuple(pivots), casadi.vertcat(*factors))

    def solve(self, factors: Matrix, right: Sequence[Matrix]) -> list[Matrix]:
        """Divide by the matrix.

        Parameters
        ----------
        factors : SX, shape (factor,)
            The values of `factors`.
        right : sequence of SX
            One entry, or a row of them for several right sides, for every row of the matrix.
        """
        x = list(right)
        for pivot, below, _, _ in self.pivots:
            for i, k in below:
                x[i] = x[i] - factors[k] * x[pivot]
        for pivot, _, beside, k in reversed(self.pivots):
            for j, at in beside:
                x[pivot] = x[pivot] - factors[at] * x[j]
            x[pivot] = x[pivot] * factors[k]
        return x


def _fill(rows: Sequence[dict[int, Matrix]], left: Sequence[int], pivot: int) -> int:
    """Return how many entries a pivot touches."""
    return sum(pivot in rows[i] for i in left if i != pivot) * (len(rows[pivot]) - 1)
