"""Quantiles, bands and exceedance against answers that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from study_tools import plant_study, study

from asm_hybrid.parallel import Outcome
from asm_hybrid.scenario.kpi import violation
from asm_hybrid.scenario.kpi_series import PlantSeries, Stream, cut_window
from asm_hybrid.studies import StudyResult, exceedance, fan, quantile_table
from asm_hybrid.studies.blocks import independent, quantile_interval, share_interval
from asm_hybrid.studies.uncertainty import day_numbers


def hand_made(series: list[list[float]], times: list[float], limit: float = 10.0, **changes: object) -> StudyResult:
    own = [Outcome(k, {"y": float(k)}, {"effluent.TN": np.array(v, dtype=float)}) for k, v in enumerate(series)]
    return replace(
        plant_study(len(series)),
        outcomes=tuple(own),
        figures=(),
        times=np.array(times),
        limits={"effluent.TN": limit},
        pareto=(),
        base=None,
        **changes,  # type: ignore[arg-type]
    )


def test_the_share_of_the_time_counts_each_sample_until_the_next() -> None:
    result = hand_made([[9, 11, 9, 12, 50], [9, 9, 9, 9, 50], [11, 11, 11, 10, 0]], [0, 0.5, 0.6, 2, 4])
    row = exceedance(result).iloc[0]
    shares = [(0.1 + 2) / 4, 0.0, 2 / 4]
    assert row["time"] == pytest.approx(np.mean(shares))
    assert row["time_p50"] == pytest.approx(0.5)
    assert row["above"] == pytest.approx(2 / 3)
    assert np.isnan(row["days"])  # samples lie too far apart to make days


def test_the_share_of_the_time_is_that_of_the_indicators() -> None:
    rng = np.random.default_rng(5)
    times = np.concatenate([[0.0], np.cumsum(rng.uniform(0.01, 0.3, 60))])
    values = rng.uniform(8, 12, times.size)
    zero = np.zeros(times.size - 1)
    own = PlantSeries(times[:-1], Stream(zero + 1, {"TN": values[:-1]}), (), zero, zero, zero, held_until=times[-1])
    for start in (0.0, times[7]):
        known = violation(cut_window(own, start, times[-1]), "TN", 10.0).share / 100
        result = hand_made([list(values), list(values)], list(times), score_from=float(start))
        assert exceedance(result).iloc[0]["time"] == pytest.approx(known, abs=1e-12)


def test_the_share_of_an_indicator_goes_before_that_of_the_samples() -> None:
    result = hand_made([[9, 11, 9], [9, 9, 9]], [0, 1, 2])
    own = [replace(o, figures={"effluent.TN violation share": 12.5 * (o.case + 1)}) for o in result.outcomes]
    assert exceedance(replace(result, outcomes=tuple(own))).iloc[0]["time"] == pytest.approx(0.1875)


def test_days_count_by_their_mean_and_only_when_they_are_whole() -> None:
    times = np.arange(0, 2.51, 0.125)
    day = np.floor(times).astype(int)
    one = np.array([12.0, 9.0, 50.0])[day]
    one[1:8] = 11.5
    one[8] = 17.0  # the mean of the second day is 10 and does not exceed it
    two = np.array([9.0, 9.0, 50.0])[day]
    row = exceedance(hand_made([list(one), list(two)], list(times))).iloc[0]
    assert row["whole_days"] == 2
    assert row["days"] == pytest.approx((0.5 + 0.0) / 2)


def test_days_are_those_of_the_calendar_of_the_zone() -> None:
    times = np.arange(0, 3.01, 1 / 24)
    origin = pd.Timestamp("2026-03-27T23:00Z")  # midnight in Amsterdam; the clock changes on the 29th, a day of 23 h
    result = hand_made([[0.0] * times.size], list(times), origin=origin, zone="Europe/Amsterdam")
    days = day_numbers(result)
    assert [int((days == k).sum()) for k in range(3)] == [24, 23, 24]
    assert (days[-2:] == -1).all()


def test_samples_before_the_scoring_count_in_no_day() -> None:
    times = np.arange(0, 3.01, 1 / 24)
    days = day_numbers(hand_made([[0.0] * times.size], list(times), score_from=1.5))
    assert (days[:36] == -1).all()
    assert days.max() == 0
    assert (days == 0).sum() == 24


def test_where_no_case_is_above_the_interval_says_what_may_be() -> None:
    times = list(np.arange(0, 2.01, 0.125))
    row = exceedance(hand_made([[1.0] * 17] * 20, times)).iloc[0]
    assert (row["above"], row["above_low"]) == (0, 0)
    assert row["above_high"] == pytest.approx(0.1684, abs=1e-4)


def test_series_with_gaps_and_series_nobody_gives_are_left_out() -> None:
    result = hand_made([[9, np.nan, 9], [9, 11, 9]], [0, 1, 2])
    assert exceedance(result).iloc[0]["cases"] == 1
    assert exceedance(replace(result, limits={"effluent.COD": 1.0})).empty
    assert fan(result, "effluent.COD").empty


def test_bands_are_quantiles_at_each_time() -> None:
    result = plant_study(60)
    table = fan(result, "effluent.NH4")
    values = np.array([outcome.series["effluent.NH4"] for outcome in result.done])
    for level in (5, 25, 50, 75, 95):
        np.testing.assert_allclose(table[f"p{level}"], np.percentile(values, level, axis=0))
    assert result.base is not None
    np.testing.assert_array_equal(table["base"], result.base.series["effluent.NH4"])


def test_intervals_of_quantiles_are_order_statistics() -> None:
    values = np.arange(1.0, 101.0)
    assert quantile_interval(values, 0.5, 100) == (40.0, 61.0)
    low, high = quantile_interval(values[:20], 0.95, 20)
    assert low == 17.0
    assert np.isnan(high)
    assert all(np.isnan(quantile_interval(values, 0.5, 0)))


def test_intervals_of_shares_are_those_of_clopper_and_pearson() -> None:
    assert share_interval(3, 20) == pytest.approx((0.0321, 0.3789), abs=1e-4)
    assert share_interval(0, 20) == pytest.approx((0.0, 0.1684), abs=1e-4)
    assert share_interval(20, 20) == pytest.approx((0.8316, 1.0), abs=1e-4)


def test_intervals_of_quantiles_hold_the_true_value_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    for probability in (0.05, 0.5, 0.95):
        ends = np.array([quantile_interval(rng.random(200), probability, 200) for _ in range(400)])
        assert ((ends[:, 0] <= probability) & (probability <= ends[:, 1])).mean() > 0.94


def test_cases_of_one_block_count_once_and_chosen_points_not_at_all() -> None:
    def model(cube: np.ndarray) -> dict[str, np.ndarray]:
        return {"y": cube.sum(axis=1)}

    result = study(model, ["a", "b"], "sobol_indices", 32)
    assert independent(result, result.values("y")) == 32
    table = quantile_table(result)
    assert table.loc[0, "p50_low"] < table.loc[0, "p50"] < table.loc[0, "p50_high"]
    for method in ("grid", "morris"):
        chosen = quantile_table(study(model, ["a", "b"], method, 5))
        assert np.isnan(chosen.loc[0, "p50_low"])
        assert np.isfinite(chosen.loc[0, "p50"])


def test_figures_without_a_value_are_counted_and_not_hidden() -> None:
    result = plant_study(30)
    own = [replace(o, figures={**o.figures, "OCI": np.nan}) for o in result.outcomes if not o.error]
    table = quantile_table(replace(result, outcomes=tuple(own), design=result.design.iloc[: len(own)]))
    assert table.set_index("figure").loc["OCI", "cases"] == 0
    assert np.isnan(table.set_index("figure").loc["OCI", "p50"])
