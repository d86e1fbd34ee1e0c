"""Sensitivities against functions whose indices are known, and what is said where there are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from study_tools import plant_study, study

from asm_hybrid.errors import InputError
from asm_hybrid.parallel import Outcome
from asm_hybrid.studies import StudyResult, sensitivity
from asm_hybrid.studies.ranks import rank_correlations, weighted_ranks

A, B = 7.0, 0.1
G = np.array([0.0, 1.0, 4.5, 9.0])


def ishigami(cube: np.ndarray) -> dict[str, np.ndarray]:
    x = np.pi * (2 * cube - 1)
    return {"y": np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])}


def ishigami_indices() -> dict[str, list[float]]:
    """Return the closed form: Ishigami and Homma (1990), https://doi.org/10.1109/ISUMA.1990.151285."""
    one = (1 + B * np.pi**4 / 5) ** 2 / 2
    two, both = A**2 / 8, 8 * B**2 * np.pi**8 / 225
    total = A**2 / 8 + B * np.pi**4 / 5 + B**2 * np.pi**8 / 18 + 0.5
    return {"S1": [one / total, two / total, 0.0], "ST": [(one + both) / total, two / total, both / total]}


def g_function(cube: np.ndarray) -> dict[str, np.ndarray]:
    return {"y": np.prod((np.abs(4 * cube - 2) + G) / (1 + G), axis=1)}


def g_indices() -> dict[str, list[float]]:
    """Return the closed form: Saltelli and Sobol' (1995), https://doi.org/10.1016/0951-8320(95)00099-2."""
    own = 1 / (3 * (1 + G) ** 2)
    total = np.prod(1 + own) - 1
    return {"S1": list(own / total), "ST": [own[i] * np.prod(np.delete(1 + own, i)) / total for i in range(len(G))]}


def wide(table: pd.DataFrame, measure: str, column: str = "value") -> list[float]:
    return list(table[table["measure"] == measure][column])


def without(result: StudyResult, cases: list[int]) -> StudyResult:
    """Return a study in which some cases failed."""
    own = [Outcome(o.case, error="it failed") if o.case in cases else o for o in result.outcomes]
    return replace(result, outcomes=tuple(own))


def test_the_closed_form_of_ishigami_is_that_of_the_literature() -> None:
    known = ishigami_indices()
    np.testing.assert_allclose(known["S1"], [0.3139, 0.4424, 0.0], atol=5e-5)
    np.testing.assert_allclose(known["ST"], [0.5576, 0.4424, 0.2437], atol=5e-5)


@pytest.mark.parametrize(("model", "known", "size"), [(ishigami, ishigami_indices(), 3), (g_function, g_indices(), 4)])
def test_sobol_indices_lie_within_their_intervals_and_these_are_narrow(model, known, size) -> None:  # type: ignore[no-untyped-def]
    table = sensitivity(study(model, [f"x{i}" for i in range(size)], "sobol_indices", 1024, seed=7))
    for measure in ("S1", "ST"):
        low, high = np.array(wide(table, measure, "low")), np.array(wide(table, measure, "high"))
        assert (low <= known[measure]).all()
        assert (known[measure] <= high).all()
        assert (high - low < 0.2).all()
        np.testing.assert_allclose(wide(table, measure), known[measure], atol=0.03)


def test_intervals_of_sobol_indices_hold_the_true_value_as_often_as_they_say() -> None:
    hits = []
    for seed in range(12):
        table = sensitivity(study(g_function, ["a", "b", "c", "d"], "sobol_indices", 128, seed=seed))
        known = np.array([*g_indices()["S1"], *g_indices()["ST"]])
        hits += list((table["low"] <= known) & (known <= table["high"]))
    assert np.mean(hits) >= 0.93


def test_interactions_are_told_where_the_design_has_them() -> None:
    table = sensitivity(study(ishigami, ["a", "b", "c"], "sobol_indices", 1024, seed=7, second_order=True))
    known = ishigami_indices()["ST"][2]
    rows = table[table["measure"] == "S2"].set_index("factor")
    assert list(rows.index) == ["a × b", "a × c", "b × c"]
    assert rows.loc["a × c", "low"] <= known <= rows.loc["a × c", "high"]
    assert rows.loc["b × c", "low"] <= 0 <= rows.loc["b × c", "high"]


def test_what_varies_together_counts_as_one_factor() -> None:
    table = sensitivity(study(ishigami, ["a", "b", "b"], "sobol_indices", 1024, seed=7))
    assert list(dict.fromkeys(table["factor"])) == ["a", "b"]
    known = 1 - ishigami_indices()["S1"][0]
    row = table[(table["factor"] == "b") & (table["measure"] == "ST")].iloc[0]
    assert row["low"] <= known <= row["high"]


@pytest.mark.parametrize(("method", "size"), [("sobol_indices", 5), ("morris", 4)])
def test_a_failed_case_takes_its_whole_block_along(method: str, size: int) -> None:
    result = study(ishigami, ["a", "b", "c"], method, 16, seed=3)
    table = sensitivity(without(result, [size + 1]))
    assert set(table["used"]) == {15}
    assert set(table["left_out"]) == {1}
    kept = np.r_[0:size, 2 * size : 16 * size]
    alone = replace(
        result,
        outcomes=tuple(result.outcomes[k] for k in kept),
        cube=result.cube[kept] if result.cube is not None else None,
        design=result.design.iloc[kept],
    )
    pd.testing.assert_frame_equal(table.drop(columns="left_out"), sensitivity(alone).drop(columns="left_out"))


def test_morris_is_exact_for_a_linear_function() -> None:
    result = study(lambda u: {"y": 3 * u[:, 0] - 2 * u[:, 1] + 0 * u[:, 2] + 5}, ["a", "b", "c"], "morris", 12)
    table = sensitivity(result)
    for column in ("value", "low", "high"):
        np.testing.assert_allclose(wide(table, "mu_star", column), [3, 2, 0], atol=1e-12)
        np.testing.assert_allclose(wide(table, "mu", column), [3, -2, 0], atol=1e-12)
        np.testing.assert_allclose(wide(table, "sigma", column), [0, 0, 0], atol=1e-6)


def test_morris_sees_curvature_as_spread_and_its_intervals_hold_the_estimates() -> None:
    table = sensitivity(study(lambda u: {"y": u[:, 0] + (2 * u[:, 1] - 1) ** 2}, ["a", "b"], "morris", 24))
    assert wide(table, "sigma")[0] < 1e-6
    assert wide(table, "sigma")[1] > 0.5
    value, low, high = (table[c].to_numpy() for c in ("value", "low", "high"))
    assert ((low <= value + 1e-9) & (value <= high + 1e-9)).all()


def test_of_a_group_morris_tells_the_size_and_no_direction() -> None:
    rows = sensitivity(study(ishigami, ["a", "b", "b"], "morris", 12)).set_index(["factor", "measure"])
    assert np.isfinite(rows.loc[("b", "mu_star"), "value"])
    assert np.isnan(rows.loc[("b", "mu"), "value"])
    assert "together" in str(rows.loc[("b", "mu"), "why"])


def test_the_shares_of_a_full_grid_are_exact() -> None:
    result = study(lambda u: {"y": u[:, 0] + 2 * u[:, 1] + 0 * u[:, 2]}, ["a", "b", "c"], "grid", 4)
    table = sensitivity(result)
    np.testing.assert_allclose(wide(table, "share"), [0.2, 0.8, 0.0], atol=1e-12)
    np.testing.assert_allclose(wide(table, "total share"), [0.2, 0.8, 0.0], atol=1e-12)
    assert table["low"].isna().all()
    product = sensitivity(study(lambda u: {"y": (u[:, 0] - 0.5) * (u[:, 1] - 0.5)}, ["a", "b"], "grid", 5))
    np.testing.assert_allclose(wide(product, "share"), [0, 0], atol=1e-12)
    np.testing.assert_allclose(wide(product, "total share"), [1, 1], atol=1e-12)


def test_a_grid_with_a_failed_case_is_told_by_ranks() -> None:
    table = sensitivity(without(study(ishigami, ["a", "b", "c"], "grid", 3), [4]))
    assert set(table["measure"]) == {"rank correlation"}
    assert table["low"].isna().all()


def test_rank_correlations_are_those_of_scipy_and_have_intervals() -> None:
    result = plant_study(80)
    table = sensitivity(result)
    done = [outcome.case for outcome in result.done]
    rows = table[table["figure"] == "EQI"].set_index("factor")
    for name in ("load", "temperature", "sludge_age", "mu_A"):
        known = spearmanr(result.design[name].iloc[done], result.values("EQI")[done]).statistic
        assert rows.loc[name, "value"] == pytest.approx(known, abs=1e-12)
        assert rows.loc[name, "low"] < known < rows.loc[name, "high"]
    assert set(table["left_out"]) == {len(result.failed)}
    assert "no order" in str(rows.loc["control", "why"])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=12).filter(
        lambda p: any(n for _, n in p)
    )
)
def test_weighted_ranks_are_those_of_the_repeated_values(pairs: list[tuple[int, int]]) -> None:
    values, counts = np.array(pairs, dtype=float).T
    ranks = weighted_ranks(values, counts[None])[0]
    repeated = pd.Series(np.repeat(values, counts.astype(int))).rank().to_numpy()
    np.testing.assert_allclose(np.repeat(ranks, counts.astype(int)), repeated)


def test_the_correlation_of_repeated_cases_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, 30).astype(float), rng.random(30)
    weights = rng.multinomial(30, np.full(30, 1 / 30), size=3)
    found = rank_correlations(x[:, None], y, weights.astype(float))[:, 0]
    for own, value in zip(weights, found, strict=True):
        assert value == pytest.approx(spearmanr(np.repeat(x, own), np.repeat(y, own)).statistic, abs=1e-12)


@pytest.mark.parametrize("method", ["sobol_indices", "morris", "grid", "latin_hypercube"])
def test_a_constant_figure_has_no_sensitivity_and_it_is_said(method: str) -> None:
    table = sensitivity(study(lambda u: {"y": np.full(len(u), 0.1)}, ["a", "b"], method, 4))
    assert table["value"].isna().all()
    assert set(table["why"]) == {"it is the same in all cases"}


@pytest.mark.parametrize("method", ["sobol_indices", "morris", "latin_hypercube"])
def test_nothing_is_told_where_all_or_all_but_one_block_failed(method: str) -> None:
    result = study(ishigami, ["a", "b", "c"], method, 2)
    failed = without(result, list(range(len(result.outcomes) // 2)))
    assert sensitivity(failed)["value"].isna().all()
    assert all(sensitivity(failed)["why"].str.startswith("one "))
    assert sensitivity(without(result, list(range(len(result.outcomes)))))["value"].isna().all()


def test_a_search_tells_no_sensitivity() -> None:
    assert sensitivity(plant_study(20, method="search")).empty


def test_a_design_that_is_not_made_of_whole_blocks_is_refused() -> None:
    result = study(ishigami, ["a", "b", "c"], "sobol_indices", 4)
    cut = replace(result, outcomes=result.outcomes[:-1], cube=result.cube[:-1] if result.cube is not None else None)
    with pytest.raises(InputError, match="no whole blocks"):
        sensitivity(cut)


def test_the_same_study_gives_the_same_numbers_whatever_the_seed_is() -> None:
    for seed in (0, -1, 2**40):
        result = replace(study(ishigami, ["a", "b", "c"], "sobol_indices", 16), seed=seed)
        pd.testing.assert_frame_equal(sensitivity(result), sensitivity(result))
