"""Schedules: inputs that keep a value over whole intervals, as an operator or a control system would set them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

__all__ = ["How", "Schedule"]

How = Literal["set", "scale", "shift"]
SAME = 1e-7
"""Times that differ by less than this [d] are one."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """One schedule over a period.

    Attributes
    ----------
    name, input, unit : str
        Its name, the input or pattern of inputs that it moves, and the unit of its values.
    how : {'set', 'scale', 'shift'}
        What its values do to the input.
    places : tuple of int
        The inputs that it moves.
    low, high : float
        Bounds of its values.
    edges : ndarray, shape (interval + 1,)
        Where intervals begin, and the last ends [d].
    variables : ndarray, shape (interval,)
        Which of its values holds in each; those of the same time of day are one where every day is to be like the
        others.
    step : float or None
        Values are whole multiples of this.
    change : float or None
        Largest step from one interval to the next.
    """

    name: str
    input: str
    unit: str
    how: How
    places: tuple[int, ...]
    low: float
    high: float
    edges: np.ndarray
    variables: np.ndarray
    step: float | None = None
    change: float | None = None

    @property
    def count(self) -> int:
        """Number of its values."""
        return int(self.variables.max()) + 1

    @property
    def most(self) -> float | None:
        """Largest step from one interval to the next that whole multiples of `step` can make; None without a bound."""
        if self.change is None or self.step is None:
            return self.change
        return float(np.floor(self.change / self.step + SAME)) * self.step

    def moved(self, given: Any, value: Any) -> Any:
        """Return what an input becomes, from what it is at present and a value of the schedule."""
        return value if self.how == "set" else given * value if self.how == "scale" else given + value

    def variable_at(self, times: np.ndarray) -> np.ndarray:
        """Return which value holds at some times [d], ``(time,)``."""
        k = np.searchsorted(self.edges, times + SAME, side="right") - 1
        return self.variables[np.clip(k, 0, len(self.variables) - 1)]

    @cached_property
    def neighbours(self) -> np.ndarray:
        """Pairs of values that follow each other, each once, ``(pair, 2)``."""
        pairs = np.stack([self.variables[:-1], self.variables[1:]], axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        return np.unique(pairs, axis=0)

    def rounded(self, values: np.ndarray) -> np.ndarray:
        """Return values as whole multiples of the step, within the bounds, ``(count,)``."""
        if self.step is None:
            return values
        least, most = np.ceil(self.low / self.step - SAME), np.floor(self.high / self.step + SAME)
        found = np.clip(np.floor(values / self.step + 0.5), least, most)  # half up: steps keep within `most`
        return np.round(found * self.step, 12)

    def changes(self, values: np.ndarray, moments: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the changes of a scenario by which a simulation gets the schedule.

        Parameters
        ----------
        values : ndarray, shape (count,)
            Its values.
        moments : sequence, of length interval + 1
            The edges as a scenario writes them.

        Returns
        -------
        list of dict
            One for each value that differs from the one before.
        """
        held = values[self.variables]
        begins = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]]))
        ends = [*begins[1:], len(held)]
        return [
            {"input": self.input, self.how: float(held[a]), "start": moments[a], "end": moments[b]}
            for a, b in zip(begins.tolist(), map(int, ends), strict=True)
        ]
