"""Fronts against every pair of points."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from study_tools import plant_study

from asm_hybrid.studies import non_dominated, pareto_front

NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.just(math.nan), st.floats(-1e3, 1e3))


def beaten(point: np.ndarray, others: np.ndarray) -> bool:
    return any((other <= point).all() and (other < point).any() for other in others)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda width: st.tuples(
            st.lists(st.lists(NUMBERS, min_size=width, max_size=width), max_size=30),
            st.lists(st.sampled_from(["min", "max"]), min_size=width, max_size=width),
        )
    )
)
def test_the_front_is_what_no_point_beats(given_: tuple[list[list[float]], list[str]]) -> None:
    rows, directions = given_
    values = np.array(rows, dtype=float).reshape(-1, len(directions))
    costs = values * [-1 if d == "max" else 1 for d in directions]
    known = np.isfinite(costs).all(axis=1)
    expected = [bool(k) and not beaten(own, costs[known]) for k, own in zip(known, costs, strict=True)]
    assert non_dominated(values, directions).tolist() == expected


def test_equal_points_stay_together() -> None:
    values = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 3.0], [2.0, 1.0]])
    assert non_dominated(values, ["min", "min"]).tolist() == [True, True, False, True]


def test_the_front_of_a_study_holds_cases_from_the_best_of_the_first_on() -> None:
    result = plant_study(60)
    front = pareto_front(result)
    assert front["OCI"].is_monotonic_increasing
    assert front["EQI"].is_monotonic_decreasing
    done = {outcome.case for outcome in result.done}
    assert set(front["case"]) <= done
    assert pareto_front(plant_study(20, pareto=())).empty
