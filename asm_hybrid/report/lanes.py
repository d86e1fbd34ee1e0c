"""Where the tanks of a flow sheet stand: lanes as rows, the main stream from left to right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from asm_hybrid.plant.layout import Layout

__all__ = ["Lanes", "lanes"]


@dataclass(frozen=True)
class Lanes:
    """Positions of the tanks.

    Attributes
    ----------
    row, column : mapping of str to int
        Of every tank, from the top left.
    """

    row: Mapping[str, int]
    column: Mapping[str, int]

    @cached_property
    def rows(self) -> int:
        """Number of rows."""
        return 1 + max(self.row.values())

    @cached_property
    def columns(self) -> int:
        """Number of columns."""
        return 1 + max(self.column.values())

    def at(self, row: int, column: int) -> str | None:
        """Return the tank at a position."""
        return next((t for t in self.row if self.row[t] == row and self.column[t] == column), None)

    def clear(self, row: int, first: int, last: int) -> bool:
        """Return whether no tank stands in the columns from the first up to, not including, the last."""
        return not any(self.row[t] == row and first <= self.column[t] < last for t in self.row)

    def in_column(self, column: int) -> list[str]:
        """Return the tanks of a column."""
        return [t for t in self.column if self.column[t] == column]


def lanes(layout: Layout) -> Lanes:
    """Place the tanks of a layout.

    Parameters
    ----------
    layout : Layout
        The flow sheet.

    Returns
    -------
    Lanes

    Notes
    -----
    A tank stands one column behind the last of the tanks whose main outflow it gets. It stands in the row of a tank
    before it, if that one has no tank behind it in its row yet.
    """
    names = layout.tank_names
    following = {
        t.name: [n for n, share in layout.outflow(t).items() if share > 0 and n in names] for t in layout.tanks
    }
    order = _order(names, following)
    before = {n: [m for m in order[: order.index(n)] if n in following[m]] for n in names}
    column: dict[str, int] = {}
    for name in order:
        column[name] = max((column[m] + 1 for m in before[name]), default=0)
    row: dict[str, int] = {}
    taken: Counter[str] = Counter()
    for name in order:
        free = [m for m in before[name] if not taken[m] and following[m][0] == name]
        free = free or [m for m in before[name] if not taken[m]]
        if free:
            row[name] = row[free[0]]
            taken[free[0]] += 1
        else:
            row[name] = 1 + max(row.values(), default=-1)
    return Lanes({n: row[n] for n in names}, column)


def _order(names: Sequence[str], following: Mapping[str, Sequence[str]]) -> list[str]:
    """Sort the tanks so that water flows forward; where it runs in a circle, keep the order of the layout."""
    order: list[str] = []
    left = list(names)
    while left:
        ready = [n for n in left if not any(n in following[m] for m in left if m != n)]
        order.append((ready or left)[0])
        left.remove(order[-1])
    return order
