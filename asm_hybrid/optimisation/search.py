"""The search for decisions over a simulator: differential evolution, then a trust region from the best that it found.

Both put feasibility first: what is within the limits is better than what is not, and of two that are not the one that
is less beyond them [1]_. Decisions that are choices take part in the first alone. The trust region is COBYQA [2]_,
which builds quadratic models of goal and limits and needs no gradients.

References
----------
.. [1] Lampinen, J. (2002): A constraint handling approach for the differential evolution algorithm. Proceedings of the
   2002 Congress on Evolutionary Computation, 1468-1473.
.. [2] Ragonneau, T. M. (2022): Model-Based Derivative-Free Optimization Methods and Software. PhD thesis, The Hong Kong
   Polytechnic University: COBYQA.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.optimize import Bounds, NonlinearConstraint, differential_evolution, minimize
from scipy.stats import qmc

__all__ = ["Trial", "better", "search"]

GLOBAL = 0.5
"""Share of the budget for differential evolution, where a trust region follows."""
POPULATION = (8, 64)
"""Fewest and most members of a population; between them, four a decision."""
REGION, RESOLVED = 0.1, 0.003
"""Radius of the trust region in the beginning and at the end, as a share of the ranges."""
FAILED = 1e3
"""What stands for the goal of a case that cannot be simulated; goals are about one."""


@dataclass(frozen=True, eq=False)
class Trial:
    """One case of a search.

    Attributes
    ----------
    place : ndarray, shape (decision,)
        Its place in the unit cube.
    goal : float
        What is minimised, by its size at present [-].
    excess : ndarray, shape (limit,)
        By how much each limit is exceeded, by its size [-]; zero or less where it is kept.
    error : str
        Why it could not be simulated; empty where it could.
    """

    place: np.ndarray
    goal: float
    excess: np.ndarray
    error: str = ""

    @property
    def beyond(self) -> float:
        """Sum of what exceeds limits [-]; infinite where it failed."""
        return float("inf") if self.error else float(np.maximum(self.excess, 0.0).sum())


def better(trials: Sequence[Trial]) -> Trial:
    """Return the best of some trials: within the limits and lowest, or least beyond them; of equal ones the first.

    Parameters
    ----------
    trials : sequence of Trial
        At least one.

    Returns
    -------
    Trial
    """
    return min(trials, key=lambda t: (t.beyond, t.goal))


class _Enough(Exception):
    """The budget is spent."""


class _Book:
    """Evaluates places, each once, within a budget."""

    def __init__(self, evaluate: Callable[[np.ndarray], list[Trial]], budget: int, limits: int) -> None:
        self.evaluate, self.budget, self.limits = evaluate, budget, limits
        self.trials: list[Trial] = []
        self._known: dict[bytes, Trial] = {}

    def look(self, places: np.ndarray) -> list[Trial]:
        """Return the trials of places, ``(place, decision)``."""
        keys = [np.round(place, 12).tobytes() for place in places]
        new = list({key: place for key, place in zip(keys, places, strict=True) if key not in self._known}.items())
        new = new[: self.budget - len(self.trials)]
        if new:
            for (key, _), trial in zip(new, self.evaluate(np.array([place for _, place in new])), strict=True):
                self._known[key] = trial
                self.trials.append(trial)
        if any(key not in self._known for key in keys):
            raise _Enough
        return [self._known[key] for key in keys]

    def goals(self, places: np.ndarray) -> np.ndarray:
        """Return what is minimised, ``(place,)``."""
        return np.array([FAILED if t.error else t.goal for t in self.look(places)])

    def excess(self, places: np.ndarray) -> np.ndarray:
        """Return by how much limits are exceeded, ``(limit, place)``."""
        found = [np.full(self.limits, FAILED) if t.error else t.excess for t in self.look(places)]
        return np.array(found).reshape(len(places), self.limits).T


def search(
    evaluate: Callable[[np.ndarray], list[Trial]],
    begin: np.ndarray,
    choices: np.ndarray,
    limits: int,
    evaluations: int,
    seed: int,
) -> list[Trial]:
    """Search the unit cube.

    Parameters
    ----------
    evaluate : callable
        From places ``(place, decision)`` to their trials, which may be found side by side.
    begin : ndarray, shape (decision,)
        A place to begin with: that of the present operation, where there is one.
    choices : ndarray of int, shape (decision,)
        How many values a decision has that is chosen from some; zero for one that is continuous.
    limits : int
        How many limits there are.
    evaluations : int
        How many places are looked at, at most.
    seed : int
        Fixes what is random.

    Returns
    -------
    list of Trial
        All, in the order in which they were looked at; the same for the same seed.
    """
    book, free = _Book(evaluate, evaluations, limits), choices == 0
    share = GLOBAL if free.any() else 1.0
    try:
        _evolve(book, begin, choices, max(int(share * evaluations), 1), seed)
        if free.any():
            _refine(book, better(book.trials), free, evaluations)
    except _Enough:
        pass
    return book.trials


def _evolve(book: _Book, begin: np.ndarray, choices: np.ndarray, evaluations: int, seed: int) -> None:
    count = len(begin)
    size = int(np.clip(4 * count, *POPULATION))
    size = max(5, min(size, evaluations // 2))
    scale = np.where(choices > 0, choices - 1, 1).astype(float)
    places = qmc.LatinHypercube(count, seed=seed).random(size)
    places[0] = begin
    start = np.where(choices > 0, np.minimum(np.floor(places * np.maximum(choices, 1)), scale), places)

    def cube(x: np.ndarray) -> np.ndarray:
        """Return places in the unit cube, ``(place, decision)``, from those of the search ``(decision, place)``."""
        found = np.atleast_2d(np.asarray(x).T)
        return np.where(choices > 0, (found + 0.5) / np.maximum(choices, 1), found)

    limited = NonlinearConstraint(lambda x: book.excess(cube(x)), -np.inf, 0.0)
    evolve: Any = differential_evolution  # its stubs know no populations
    evolve(
        lambda x: book.goals(cube(x)),
        Bounds(np.zeros(count), scale),
        maxiter=max(evaluations // size - 1, 0),
        init=start,
        seed=seed,
        tol=0.0,
        polish=False,
        integrality=choices > 0,
        vectorized=True,
        updating="deferred",
        constraints=(limited,) if book.limits else (),
    )


def _refine(book: _Book, best: Trial, free: np.ndarray, evaluations: int) -> None:
    def whole(x: np.ndarray) -> np.ndarray:
        place = best.place.copy()
        place[free] = np.clip(x, 0.0, 1.0)
        return place[None]

    limited = NonlinearConstraint(lambda x: book.excess(whole(x))[:, 0], -np.inf, 0.0)
    count, descend = int(free.sum()), cast(Any, minimize)
    descend(
        lambda x: float(book.goals(whole(x))[0]),
        best.place[free],
        method="COBYQA",
        bounds=Bounds(np.zeros(count), np.ones(count)),
        constraints=(limited,) if book.limits else (),
        options={"maxfev": evaluations, "initial_tr_radius": REGION, "final_tr_radius": RESOLVED},
    )
