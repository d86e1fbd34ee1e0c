"""The competition: every explanation beside the calibrated parameters, one at a time, scored on days left out.

All are first tried near recalibrated f, by one set of sensitivities. The best are then fitted in full, since large
effects are not linear, and scored near their own optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from asm_hybrid.errors import SimulationError
from asm_hybrid.explanations.arena import Arena
from asm_hybrid.explanations.fit import Fitted, Linearised, fit
from asm_hybrid.explanations.folds import DayProducts, OutOfFold, day_products
from asm_hybrid.explanations.knobs import Explanation, Knob
from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.explanations.suspects import shapes_of, suspects
from asm_hybrid.kinetics.candidates import Candidate
from asm_hybrid.training.simulation_models import available_cores

__all__ = ["Competition", "Rival", "compete", "second"]

LEADERS = 8
"""Explanations that are fitted in full."""
DRIVERS = 2
"""Drivers of one of them that are."""
NEAR_BOUND = 0.01
"""A knob counts as at its bound within this share of its range."""

CHANGES = 1e-3
"""An explanation that moves none of its knobs by as much, in spreads, changes nothing: what it gains is not its own."""


@dataclass(frozen=True)
class Rival:
    """One explanation with its best driver.

    Attributes
    ----------
    explanation : Explanation
        What it is.
    driver : str
        Its driver; empty where there is none.
    loss : ndarray, shape (day,)
        Weighted sum of squared errors of every day, out of fold.
    knobs : tuple of Knob
        Calibrated parameters, then its own.
    at : ndarray, shape (knob,)
        Their values.
    fitted : Fitted or None
        The fit in full; None where it was only tried near f.
    """

    explanation: Explanation
    driver: str
    loss: np.ndarray
    knobs: tuple[Knob, ...]
    at: np.ndarray
    fitted: Fitted | None = None

    @property
    def own(self) -> range:
        """Positions of its own knobs."""
        count = len(self.explanation.ways[self.driver])
        return range(len(self.knobs) - count, len(self.knobs))

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of its factors."""
        return tuple(k.entry for k in self.knobs if isinstance(k.entry, Shape))

    @property
    def plausible(self) -> bool:
        """Whether it changes something, and no knob of its own lies at its bound."""
        if all(abs(self.at[i]) < CHANGES * self.knobs[i].spread for i in self.own):
            return False
        for i in self.own:
            knob, size = self.knobs[i], self.at[i]
            margin = NEAR_BOUND * (knob.high - knob.low)
            if size > knob.high - margin or (knob.low < 0.0 and size < knob.low + margin):
                return False
        return True


@dataclass(frozen=True)
class Competition:
    """The outcome.

    Attributes
    ----------
    arena : Arena
        Where it took place.
    rivals : tuple of Rival
        The best first.
    nothing, everything : ndarray, shape (day,)
        Losses of recalibrated f, and of all explanations at once.
    weights : ndarray, shape (sample,)
        Weights of the squared errors.
    candidates : tuple of Candidate
        Processes that f may lack.
    misfit : ndarray, shape (column,)
        Root mean square error of recalibrated f, by column [noise].
    """

    arena: Arena
    rivals: tuple[Rival, ...]
    nothing: np.ndarray
    everything: np.ndarray
    weights: np.ndarray
    candidates: tuple[Candidate, ...]
    misfit: np.ndarray


def compete(arena: Arena, candidates: Sequence[Candidate]) -> Competition:
    """Let all explanations of a record compete.

    Parameters
    ----------
    arena : Arena
        The record.
    candidates : sequence of Candidate
        Processes that f may lack.

    Returns
    -------
    Competition
    """
    f, first = arena.f
    record = arena.recalibrated()
    ways = shapes_of(record, arena.states(f.run.states))
    shapes = _shapes(ways)
    explanations = suspects(record, ways, candidates)
    problem = arena.problem(candidates, shapes)
    all_knobs, at, places = _gathered(arena.knobs, f.near.at, explanations)
    near = problem.linearise(all_knobs, at)
    weights = arena.weights(_left(day_products(record, near, first), near))
    products = day_products(record, near, weights)
    base = list(range(len(arena.knobs)))
    rivals = sorted((_tried(products, base, e, places) for e in explanations), key=lambda pair: pair[0].loss.sum())
    todo = [
        (rival, driver)
        for rival, drivers in rivals[:LEADERS]
        for driver in drivers[: DRIVERS if len(drivers) > 1 else 1]
    ]

    def refined(pair: tuple[Rival, str]) -> Rival | None:
        rival, driver = pair
        which = [*base, *places[rival.explanation.name, driver]]
        return _fitted(arena, rival.explanation, driver, _subset(near, which), weights)

    again = fit(arena.problem(), arena.knobs, f.near.at, weights)
    with ThreadPoolExecutor(available_cores()) as pool:
        full = [r for r in pool.map(refined, todo) if r is not None]
    by_name: dict[str, Rival] = {}
    for rival in sorted(full, key=lambda r: r.loss.sum()):
        by_name.setdefault(rival.explanation.name, rival)
    found = [by_name.get(rival.explanation.name, rival) for rival, _ in rivals]
    nothing = day_products(record, again.near, weights).fitted(base).loss
    return Competition(
        arena=replace(arena, record=record),
        rivals=tuple(sorted(found, key=lambda r: r.loss.sum())),
        nothing=nothing,
        everything=products.fitted(range(len(all_knobs))).loss,
        weights=weights,
        candidates=tuple(candidates),
        misfit=np.sqrt(np.bincount(record.columns, again.near.errors**2) / np.maximum(np.bincount(record.columns), 1)),
    )


def second(competition: Competition, best: Rival) -> tuple[Rival, ...]:
    """Return all explanations tried near the best one, beside it; the best first.

    Parameters
    ----------
    competition : Competition
        The competition.
    best : Rival
        Fitted in full.

    Returns
    -------
    tuple of Rival
        Without the best one.
    """
    assert best.fitted is not None
    arena, record = competition.arena, competition.arena.record
    ways = shapes_of(record, arena.states(best.fitted.run.states))
    shapes = tuple(dict.fromkeys([*best.shapes, *_shapes(ways)]))
    explanations = [e for e in suspects(record, ways, competition.candidates) if e.name != best.explanation.name]
    problem = arena.problem(competition.candidates, shapes)
    knobs, at, places = _gathered(best.knobs, best.at, explanations)
    products = day_products(record, problem.linearise(knobs, at), competition.weights)
    base = list(range(len(best.knobs)))
    found = [_tried(products, base, e, places)[0] for e in explanations]
    return tuple(sorted(found, key=lambda r: r.loss.sum()))


def _shapes(ways: dict[str, dict[str, tuple[Shape, ...]]]) -> tuple[Shape, ...]:
    return tuple(dict.fromkeys(s for own in ways.values() for shapes in own.values() for s in shapes))


def _gathered(
    base: Sequence[Knob], at: np.ndarray, explanations: Sequence[Explanation]
) -> tuple[tuple[Knob, ...], np.ndarray, dict[tuple[str, str], list[int]]]:
    """Return all knobs, where they are, and those of every explanation by driver; shared shapes stand once."""
    knobs, known = list(base), {k.entry: i for i, k in enumerate(base) if k.entry is not None}
    places: dict[tuple[str, str], list[int]] = {}
    for e in explanations:
        for driver, own in e.ways.items():
            found = []
            for knob in own:
                place = known.get(knob.entry) if knob.entry is not None else None
                if place is None:
                    place = len(knobs)
                    knobs.append(knob)
                    if knob.entry is not None:
                        known[knob.entry] = place
                found.append(place)
            places[e.name, driver] = found
    return tuple(knobs), np.concatenate([at, np.zeros(len(knobs) - len(base))]), places


def _left(products: DayProducts, near: Linearised) -> np.ndarray:
    """Return the errors that all explanations at once leave ``(sample,)``."""
    found = products.fitted(range(len(near.knobs)))
    return np.asarray(near.errors + near.slopes @ (found.at - near.at))


def _tried(
    products: DayProducts, base: Sequence[int], explanation: Explanation, places: dict[tuple[str, str], list[int]]
) -> tuple[Rival, list[str]]:
    """Return an explanation near the point of `products`, its driver chosen within every fold, and drivers by cost."""
    found: dict[str, OutOfFold] = {}
    for driver in explanation.ways:
        own = [i for i in places[explanation.name, driver] if i not in base]
        found[driver] = products.fitted([*base, *own])
    costs = np.array([one.costs for one in found.values()])
    losses = np.array([one.loss for one in found.values()])
    loss = losses[costs.argmin(0)[products.fold], np.arange(losses.shape[1])]
    drivers = sorted(found, key=lambda driver: found[driver].costs.sum())
    best = drivers[0]
    knobs = tuple(
        products.near.knobs[i] for i in [*base, *(i for i in places[explanation.name, best] if i not in base)]
    )
    return Rival(explanation, best, loss, knobs, found[best].at), drivers


def _subset(near: Linearised, which: Sequence[int]) -> Linearised:
    which = list(which)
    return Linearised(tuple(near.knobs[i] for i in which), near.at[which], near.errors, near.slopes[:, which])


def _fitted(arena: Arena, explanation: Explanation, driver: str, near: Linearised, weights: np.ndarray) -> Rival | None:
    """Return an explanation fitted in full; None where it cannot be simulated."""
    shapes = [k.entry for k in near.knobs if isinstance(k.entry, Shape)]
    problem = arena.problem([explanation.candidate] if explanation.candidate else [], shapes)
    try:
        found = fit(problem, near.knobs, near.at, weights, near=near)
    except SimulationError:
        return None
    scored = day_products(arena.record, found.near, weights).fitted(range(len(near.knobs)))
    return Rival(explanation, driver, scored.loss, near.knobs, found.near.at, found)
