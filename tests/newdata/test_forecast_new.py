"""A forecast from what is known now."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from newdata_case import TEST_FROM, Case

import asm_hybrid as ah
from asm_hybrid.manifest import verify_manifest

NOW = "2024-03-08T14:30"
"""One of the origins of the run's own rolling forecasts."""


@pytest.fixture(scope="module")
def block(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the test block as new data."""
    folder = tmp_path_factory.mktemp("block")
    return case.write(folder / "block.csv", case.rows[case.rows["time"] >= TEST_FROM])


def test_forecasts_are_those_that_the_run_made_of_its_test_block(case: Case, block: Path) -> None:
    found = ah.forecast(case.run, block, horizon="6 h", influent=str(block), now=NOW)
    own = pd.read_csv(case.run / "forecasts.csv")
    for name in ("origin", "time"):
        own[name] = pd.to_datetime(own[name], utc=True, format="ISO8601")
    own = own[(own["origin"] == found.now) & (own["block"] == "test")]
    both = found.series.merge(own, on=["time", "variable"], suffixes=("", "_run"))
    assert sorted(set(both["horizon"])) == [1, 6]
    assert len(both) == 4
    np.testing.assert_allclose(both["hybrid"], both["hybrid_run"], rtol=0, atol=1e-8)
    reached = both["band_low_run"].where(both["band_low_run"] < both["hybrid_low"], both["hybrid_low"])
    np.testing.assert_allclose(both["band_low"], reached.clip(lower=0), rtol=0, atol=1e-8)


def test_what_comes_after_now_changes_nothing(case: Case, tmp_path: Path) -> None:
    known = case.rows[(case.rows["time"] >= TEST_FROM) & (case.rows["time"] <= "2024-03-08 14:30")]
    after = case.rows[case.rows["time"] > "2024-03-08 14:30"].set_index("time").mul(3.0).reset_index()
    until = case.write(tmp_path / "until.csv", known)
    more = case.write(tmp_path / "more.csv", pd.concat([known, after]))
    plain = ah.forecast(case.run, until, horizon="12 h")
    cut = ah.forecast(case.run, more, horizon="12 h", now=NOW)
    assert plain.now == cut.now == pd.Timestamp(NOW, tz="UTC")
    for name in ("series", "inputs", "errors"):
        pd.testing.assert_frame_equal(getattr(plain, name), getattr(cut, name), check_exact=True)


def test_the_last_measurements_move_the_states(case: Case, tmp_path: Path) -> None:
    rows = case.rows[(case.rows["time"] >= TEST_FROM) & (case.rows["time"] <= "2024-03-08 14:30")]
    plain = ah.forecast(case.run, case.write(tmp_path / "plain.csv", rows), horizon="2 h").series
    high = rows.assign(NH4=rows["NH4"] + 3.0 * (rows["time"] > "2024-03-08 02:00"))
    moved = ah.forecast(case.run, case.write(tmp_path / "high.csv", high), horizon="2 h").series
    first = (plain["variable"] == "NH4") & (plain["lead"] <= 1)
    assert (moved["hybrid"] - plain["hybrid"])[first].min() > 1.0


def test_the_influent_ahead_follows_its_rule(case: Case, tmp_path: Path) -> None:
    rows = pd.concat([case.later(4.5), case.later(4.5, "2024-03-13 12:30")], ignore_index=True)
    data = case.write(tmp_path / "nine.csv", rows)
    known = pd.concat([case.rows, rows]).set_index("time")["flow"]
    week = ah.forecast(case.run, data, horizon="24 h", influent="last-week").inputs.iloc[1:]
    at = week["time"].dt.tz_localize(None) - pd.Timedelta(days=7)
    np.testing.assert_allclose(week["Q_in"], known.loc[at], rtol=1e-6)
    mean = ah.forecast(case.run, data, horizon="24 h", influent="diurnal").inputs
    recent = known.iloc[-48 * min(14, len(known) // 48) :]
    expected = recent.groupby(recent.index.strftime("%H:%M")).mean().loc[mean["time"].iloc[1:].dt.strftime("%H:%M")]
    np.testing.assert_allclose(mean["Q_in"].iloc[1:], expected, rtol=1e-6)
    plan = pd.DataFrame({"time": pd.date_range(rows["time"].iloc[-1], periods=49, freq="30min"), "flow": 6543.0})
    plan.to_csv(tmp_path / "plan.csv", index=False, date_format="%Y-%m-%d %H:%M")
    planned = ah.forecast(case.run, data, horizon="24 h", influent=str(tmp_path / "plan.csv"))
    assert (planned.inputs["Q_in"].iloc[1:] == 6543.0).all()
    np.testing.assert_allclose(planned.inputs["influent.S_NH"], mean["influent.S_NH"])
    assert planned.facts["planned"]


def test_an_old_measurement_is_told_and_widens_the_band(case: Case, block: Path, tmp_path: Path) -> None:
    rows = case.rows[case.rows["time"] >= TEST_FROM]
    old = rows.assign(NH4=rows["NH4"].mask(rows["time"] > "2024-03-08 14:30"))
    found = ah.forecast(case.run, case.write(tmp_path / "old.csv", old), horizon="3 h")
    assert any("the last NH4 is 9.5 h old" in text for text in found.warnings)
    fresh = ah.forecast(case.run, block, horizon="3 h")
    residual = json.loads((case.run / "summary.json").read_text())["bands"]["variables"]["NH4"]["residual"]
    half = [(f.series["band_high"] - f.series["hybrid"])[f.series["variable"] == "NH4"] for f in (found, fresh)]
    assert half[0].min() > 1.64 * residual > half[1].min()
    with pytest.raises(ah.InputError, match="none of the measured variables"):
        ah.forecast(case.run, case.write(tmp_path / "none.csv", rows.drop(columns=["NH4", "NO3"])))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"horizon": "0 h"}, "horizon is 0 h"),
        ({"horizon": "1e-9 h"}, "horizon is 1e-9 h"),
        ({"horizon": "-3 h"}, "horizon is -3 h"),
        ({"horizon": "50 min"}, "horizon is 50 min"),
        ({"horizon": "1000 h"}, "horizon is 1000 h"),
        ({"horizon": "soon"}, "horizon cannot be read"),
        ({"horizon": 48}, "it has no unit"),
        ({"influent": "weekly"}, "the influent is 'weekly'"),
        ({"influent": "last-week"}, "of inputs are known before"),
        ({"influent": "absent.csv"}, "does not exist"),
        ({"now": "yesterday"}, "the time cannot be read"),
        ({"now": "2020-01-01"}, "no row lies at or before"),
    ],
)
def test_what_cannot_be_forecast_gives_one_message(case: Case, block: Path, options, words: str) -> None:
    with pytest.raises(ah.InputError, match=words):
        ah.forecast(case.run, block, **options)


def test_a_plan_must_reach_over_the_horizon_and_hold_an_input(case: Case, block: Path, tmp_path: Path) -> None:
    short = case.rows[case.rows["time"] <= "2024-03-08 20:00"]
    case.write(tmp_path / "short.csv", short)
    with pytest.raises(ah.InputError, match="give a longer file, or a shorter --horizon"):
        ah.forecast(case.run, block, horizon="6 h", now=NOW, influent=str(tmp_path / "short.csv"))
    case.write(tmp_path / "bare.csv", short[["time", "NH4"]])
    with pytest.raises(ah.InputError, match="none of the inputs"):
        ah.forecast(case.run, block, horizon="6 h", now=NOW, influent=str(tmp_path / "bare.csv"))


def test_the_folder_of_a_forecast_is_whole(case: Case, block: Path, tmp_path: Path) -> None:
    found = ah.forecast(case.run, block, tmp_path / "out", horizon="6 h")
    names = {"forecast.csv", "inputs.csv", "forecast.json", "plot.png", "index.html"}
    assert set(verify_manifest(tmp_path / "out")) == names
    facts = json.loads((tmp_path / "out" / "forecast.json").read_text())
    assert facts["now"] == found.now.isoformat() == "2024-03-09T00:00:00+00:00"
    assert [row["lead"] for row in facts["variables"]["NH4"]["errors"]] == [1, 2, 3, 6]
    page = (tmp_path / "out" / "index.html").read_text()
    assert "How far to trust it" in page
    assert "Forecast from" in repr(found)
    assert "Forecast from" in found._repr_html_()
    low, high = (found.series[f"band_{side}"] for side in ("low", "high"))
    assert (low <= found.series["hybrid_low"]).all()
    assert (found.series["hybrid_high"] <= high).all()


def test_other_units_of_data_and_plan_are_doubted(case: Case, block: Path, tmp_path: Path) -> None:
    rows = case.later(2)
    wrong = case.write(tmp_path / "wrong.csv", rows.assign(flow=rows["flow"] / 24))
    found = ah.forecast(case.run, wrong, horizon="3 h")
    assert any("Q_in" in text and "another unit" in text for text in found.warnings)
    plan = case.write(tmp_path / "plan.csv", case.later(1)[["time", "flow"]].assign(flow=200.0))
    planned = ah.forecast(case.run, block, horizon="3 h", influent=str(plan))
    assert any("Q_in is 200" in text and "another unit" in text for text in planned.warnings)
    assert any("every value is 200" in text for text in planned.warnings)
