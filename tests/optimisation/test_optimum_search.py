"""The search finds known optima within limits, by the same trials for a seed, and within its budget."""

from __future__ import annotations

import numpy as np
import pytest

from asm_hybrid.optimisation.search import Trial, better, search

CENTRE = np.array([0.3, 0.8])


def bowl(places: np.ndarray) -> list[Trial]:
    """Least at `CENTRE`, which a limit on the sum of both forbids: then at (0.25, 0.75)."""
    return [Trial(p, 1.0 + float(((p[:2] - CENTRE) ** 2).sum()), np.array([p[0] + p[1] - 1.0])) for p in places]


def chosen(places: np.ndarray) -> list[Trial]:
    """The same, with a third decision between three, of which the last is the best and fails for large first ones."""
    found = []
    for trial in bowl(places):
        kind = int(3 * trial.place[2])
        failed = "no steady state" if kind == 2 and trial.place[0] > 0.7 else ""
        goal = float("inf") if failed else trial.goal - 0.2 * kind
        found.append(Trial(trial.place, goal, np.array([np.inf]) if failed else trial.excess, failed))
    return found


def test_the_optimum_on_a_limit_is_found() -> None:
    trials = search(bowl, np.array([0.5, 0.5]), np.array([0, 0]), 1, 80, seed=1)
    best = better(trials)
    assert best.beyond == 0
    assert best.place == pytest.approx([0.25, 0.75], abs=0.01)
    assert trials[0].place == pytest.approx([0.5, 0.5])  # the present operation


def test_choices_are_found_among_cases_that_fail() -> None:
    trials = search(chosen, np.array([0.5, 0.5, 0.5]), np.array([0, 0, 3]), 1, 120, seed=1)
    best = better(trials)
    assert int(3 * best.place[2]) == 2
    assert best.place[:2] == pytest.approx([0.25, 0.75], abs=0.05)
    assert not best.error


def test_choices_alone_are_found() -> None:
    trials = search(
        lambda places: [Trial(p, abs(int(5 * p[0]) - 3) + abs(int(4 * p[1]) - 1.0), np.empty(0)) for p in places],
        np.array([0.5, 0.5]), np.array([5, 4]), 0, 40, seed=1,
    )  # fmt: skip
    assert (int(5 * better(trials).place[0]), int(4 * better(trials).place[1])) == (3, 1)


@pytest.mark.parametrize("budget", [10, 25])
def test_the_budget_is_kept_and_the_seed_decides(budget: int) -> None:
    runs = [search(bowl, np.array([0.5, 0.5]), np.array([0, 0]), 1, budget, seed) for seed in (1, 1, 2)]
    assert all(len(trials) <= budget for trials in runs)
    first, again, other = (np.array([t.place for t in trials]) for trials in runs)
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_what_is_least_beyond_limits_comes_first_where_nothing_is_within() -> None:
    far, near = (Trial(np.zeros(1), goal, np.array([excess])) for goal, excess in ((0.1, 2.0), (5.0, 1.0)))
    assert better([far, near]) is near
    assert better([far, near, Trial(np.zeros(1), 9.0, np.array([0.0]))]).goal == 9.0
