"""Pieces of the report that can be checked by hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.report.figures import block_figure
from asm_hybrid.report.missing_figures import contribution_figure, heat_map
from asm_hybrid.report.run_files import display_zone
from asm_hybrid.report.run_record import Missing, Score
from asm_hybrid.report.run_tables import thin, with_gaps
from asm_hybrid.report.style import duration, number, percent, plain, unit_text
from asm_hybrid.report.verdict_text import score_table


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.98765, "0.988"),
        (-1234.5, "−1234"),
        (0, "0"),
        (1.2e-6, "1.20e−06"),
        (2.5e7, "2.50e+07"),
        (None, "–"),
    ],
)
def test_number(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_number_of_nan_is_a_dash() -> None:
    assert number(float("nan")) == number(float("inf")) == "–"


@pytest.mark.parametrize(
    ("share", "shown"), [(0.444, "44 %"), (0.004, "0.4 %"), (-0.3, "−30 %"), (0.0, "0 %"), (-1e-9, "0 %")]
)
def test_percent(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_units_and_names() -> None:
    assert unit_text("g N/m3") == "g N/m³"
    assert plain("aerobic_growth_autotrophs") == "aerobic growth of autotrophs"
    assert plain("S_NH") == "S_NH"
    assert [duration(s) for s in (1.25, 163, 7200)] == ["1.2 s", "2.7 min", "2.0 h"]


def test_thin_keeps_peaks_and_order() -> None:
    values = np.zeros(10_000)
    values[[123, 7777]] = 5, -3
    values[40:60] = np.nan
    kept = thin(values, 400)
    assert len(kept) <= 400
    assert {123, 7777} <= set(kept)
    assert (np.diff(kept) > 0).all()
    np.testing.assert_array_equal(thin(values[:50], 400), np.arange(50))


def test_lines_break_in_gaps_only() -> None:
    days = np.array([0.0, 1, 2, 3, 20, 21])
    x, y = with_gaps(days, days)
    assert np.flatnonzero(np.isnan(y)).tolist() == [4]
    assert x[4] == 11.5
    assert not np.isnan(with_gaps(days[:4], days[:4])[1]).any()


def test_zone_is_that_of_all_sources_or_utc() -> None:
    def config(*zones: str) -> dict[str, object]:
        return {"data": {"sources": {str(i): {"time": {"zone": z}} for i, z in enumerate(zones)}}}

    assert display_zone(config("Europe/Berlin", "Europe/Berlin")).key == "Europe/Berlin"
    assert display_zone(config("Europe/Berlin", "UTC")).key == "UTC"
    assert display_zone(config("Mars/Olympus")).key == "UTC"
    assert display_zone({}).key == "UTC"


def entry(name: str, tank: str, share: float, learnt: float = 1.0) -> Missing:
    return Missing(kind="process", name=name, tank=tank, share=share, own=2.0, learnt=learnt, unit="g/m3/d")


def test_heat_map_orders_by_total_and_keeps_text_legible() -> None:
    entries = [
        entry("a", "t1", 0.1),
        entry("b", "t2", 0.7, -1.0),
        entry("a", "t2", 0.2),
        entry("b", "t1", 0.001),
    ]
    rows = heat_map(entries, ["t1", "t2"])
    assert [row.name for row in rows] == ["b", "a"]
    assert [cell.text for cell in rows[0].cells] == ["·", "▼ 70 %"]
    assert (rows[0].cells[1].background, rows[0].cells[1].ink) == ("rgb(0,114,178)", "#ffffff")
    assert rows[1].cells[0].ink != "#ffffff"


def test_score_table_marks_lowest_and_best_baseline() -> None:
    def score(rmse: float | None) -> Score:
        return Score(rmse=rmse, mae=1, bias=0, r2=None, n=1200, rmse_seeds=[1.0, 2.0])

    models = {"hybrid": score(0.5), "mean": score(2.0), "recalibrated": score(1.0), "neural": score(None)}
    table = score_table({"NH4": models}, {"NH4": "g N/m3"}, ["NH4"], "hybrid")
    marks = {r.model: (r.cells[0].best, r.cells[0].best_baseline) for r in table.rows if r.cells[0]}
    assert [r.model for r in table.rows] == ["mean", "recalibrated", "neural", "hybrid"]
    assert [m for m, (best, _) in marks.items() if best] == ["hybrid"]
    assert [m for m, (_, best) in marks.items() if best] == ["recalibrated"]
    assert table.samples == ("1,200",)


def contributions(oxygen: np.ndarray) -> pd.DataFrame:
    time = pd.date_range("2021-01-01", periods=len(oxygen), freq="h", tz="UTC")
    return pd.DataFrame({"time": time, "own": 2.0, "learnt": -1.0, "S_O": oxygen})


@pytest.mark.parametrize("oxygen", [np.full(100, np.nan), np.zeros(100)])
def test_no_oxygen_panel_where_oxygen_says_nothing(oxygen: np.ndarray) -> None:
    figure = contribution_figure(contributions(oxygen), entry("a", "t1", 1.0), ZoneInfo("UTC"), "x")
    assert "hour of day" in figure
    assert "dissolved oxygen" not in figure


def test_oxygen_panel_where_it_varies() -> None:
    frame = contributions(np.linspace(0, 2, 100))
    assert "dissolved oxygen in t1" in contribution_figure(frame, entry("a", "t1", 1.0), ZoneInfo("UTC"), "x")


@pytest.mark.parametrize(("samples", "step"), [(1, "1h"), (3, "1h"), (400, "1D"), (60, "7D"), (2000, "1D")])
def test_series_of_any_length(samples: int, step: str) -> None:
    time = pd.date_range("2020-03-28 23:00", periods=samples, freq=step, tz="UTC")
    frame = pd.DataFrame({"time": time, "measured": 1.0, "hybrid": np.nan, "mean": 2.0})
    figure = block_figure(frame, "NH4", "g N/m3", ["mean", "hybrid"], ZoneInfo("Europe/Berlin"), "x")
    assert "Europe/Berlin" in figure
