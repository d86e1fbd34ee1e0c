"""What the page of a run shows is what the files of the run and its report say."""

from __future__ import annotations

import html
import json
import math
import pickle
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from run_files import bundle_of

import asm_hybrid as ah
from asm_hybrid.errors import InputError
from asm_hybrid.serve.run_charts import series_lines, stretch_shades
from asm_hybrid.serve.run_reading import OUTSIDE, _clock, _stamps, check_config, compared, read_run
from asm_hybrid.serve.run_view import RunView
from asm_hybrid.serve.subjects import is_run
from asm_hybrid.serve.training_list import look_at
from asm_hybrid.training.record_departures import record_departures

EQUATION = """\
name: prey
ode: {table: lotka_volterra, fit: {alpha: {start: 2.2, bounds: [0.1, 10]}}}
initial: {predator: 1.0, prey: 1.0}
span: [0, 2]
data: {times: {count: 5}, target: {prey: 1.0}}
solver: {method: rk4, steps: 4}
training: {iterations: 2, learning_rate: 0.2}
"""


@pytest.fixture(scope="module")
def view(small_run: Path) -> RunView:
    return read_run(str(small_run))


def words(text: str) -> str:
    """Return what HTML says, without its tags and blanks."""
    return "".join(html.unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", text, flags=re.S)).split())


def test_its_chapters_are_those_of_the_report(view: RunView, small_run: Path) -> None:
    report = words((small_run / "report.html").read_text(encoding="utf-8"))
    assert {"head", "verdict", "missing", "scores", "bands", "parameters", "data"} <= set(view.chapters)
    for name, text in view.chapters.items():
        if name != "forecast":  # its figures are charts on the page
            assert words(text) in report, name
    sentence = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))["verdict"]["sentence"]
    assert words(sentence) in words(view.chapters["verdict"])


def test_its_series_are_the_predictions_of_the_run(view: RunView, small_run: Path) -> None:
    frame = pd.read_csv(small_run / "predictions.csv")
    simulated = [series for series in view.series if series.task == "simulation"]
    assert [series.variable for series in simulated] == list(dict.fromkeys(frame["variable"]))
    for series in simulated:
        part = frame[frame["variable"] == series.variable].set_index("time")
        drawn = dict(zip(series.times, zip(*(curve.values for curve in series.curves), strict=True), strict=True))
        assert len(part) <= len(series.times) <= len(part) + 20  # rows in gaps
        for time, row in part.iterrows():
            values = drawn[str(time)[:19]]
            np.testing.assert_allclose(values, [row[curve.name] for curve in series.curves], rtol=1e-12)
        assert series.own == "hybrid"
        assert series.drawn[-1] == "hybrid"
        title, low, high = series.bands[-1]
        assert title == "90 % band"
        filled = [a for a in low if not math.isnan(a)]
        np.testing.assert_allclose(filled, part["band_low"])
        assert all(a <= b or math.isnan(a) for a, b in zip(low, high, strict=True))


def test_forecasts_are_another_task(view: RunView, small_run: Path) -> None:
    frame = pd.read_csv(small_run / "forecasts.csv")
    test = frame[frame["block"] == "test"]
    tasks = [series.task for series in view.series if series.task != "simulation"]
    assert list(dict.fromkeys(tasks)) == [f"forecast {h} h ahead" for h in sorted(test["horizon"].unique())]
    last = next(s for s in view.series if s.task == tasks[-1] and s.variable == "NH4")
    part = test[(test["horizon"] == test["horizon"].max()) & (test["variable"] == "NH4")]
    own = next(curve.values for curve in last.curves if curve.name == "hybrid")
    np.testing.assert_allclose(sorted(v for v in own if not math.isnan(v)), sorted(part["hybrid"]))
    assert last.drawn == ("persistence", "hybrid")


def test_blocks_and_what_lies_outside_of_training_are_marked(view: RunView, small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    for name in ("train", "validate", "test"):
        own = next(s for s in view.stretches if s.title == name)
        assert [own.begin, own.end] == [stamp[:19] for stamp in summary["blocks"][name]]
    inputs = pd.read_csv(small_run / "inputs.csv", parse_dates=["time"]).set_index("time")
    begin, end = (pd.Timestamp(t) for t in summary["blocks"]["train"])
    seen = inputs[begin:end]
    slack = 1e-6 * seen.abs().max()
    left = ((inputs < seen.min() - slack) | (inputs > seen.max() + slack)).any(axis=1)
    assert left.any()
    marked = pd.Series(False, index=inputs.index)
    for stretch in view.stretches:
        if stretch.title == OUTSIDE:
            marked |= (inputs.index >= stretch.begin + "+00:00") & (inputs.index < stretch.end + "+00:00")
    pd.testing.assert_series_equal(marked, left, check_names=False)
    assert any("Q_in" in text for text in view.departures)


def test_hours_in_which_n_fades_are_those_of_the_summary(small_run: Path) -> None:
    summary = json.loads((small_run / "summary.json").read_text(encoding="utf-8"))
    faded = sum((end - begin for begin, end in record_departures(small_run).faded), start=pd.Timedelta(0))
    hours = [row["hours"] for row in summary["outside"]]
    assert max(hours, default=0.0) <= faded / pd.Timedelta(hours=1) <= sum(hours)


def test_what_is_shaded_ends_with_the_series(view: RunView) -> None:
    series = view.series[-1]
    shades = stretch_shades(view.stretches, series.times)
    assert {shade.name for shade in shades if shade.name} == {"test"}
    assert all(series.times[0] <= str(s.start) <= str(s.end) <= series.times[-1] for s in shades)
    lines, bands = series_lines(series)
    assert lines[0].points
    assert [line.name for line in lines[1:]] == [curve.title for curve in series.curves]
    assert [band.name for band in bands] == ["90 % band"]


def test_a_clock_that_is_put_back_does_not_show_an_hour_twice() -> None:
    zone = ZoneInfo("Europe/Brussels")
    autumn = pd.Series(pd.date_range("2021-10-30", "2021-11-01", freq="h", tz="UTC"))
    clock = _clock(zone, autumn)
    assert clock.utcoffset(None) == timedelta(hours=2)
    assert len(set(_stamps(autumn, clock))) == len(autumn)
    assert _clock(zone, autumn[:20]) is zone


def test_a_run_can_be_sent_from_one_process_to_another(view: RunView) -> None:
    again = pickle.loads(pickle.dumps(view))
    assert again.series[0].measured[0] == view.series[0].measured[0]
    assert again.chapters == view.chapters


def test_the_server_holds_no_torch_and_no_casadi() -> None:
    modules = "app clients home plant_page run_page run_files trainings training_panel training_process run_reading"
    imports = "; ".join(f"import asm_hybrid.serve.{name}" for name in modules.split())
    heavy = "[name for name in ('torch', 'casadi', 'matplotlib') if name in sys.modules]"
    command = [sys.executable, "-c", f"import sys; {imports}; print({heavy})"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_what_is_no_finished_run_is_refused(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_run(str(tmp_path / "gone"))
    bundle = bundle_of(small_run, tmp_path / "bundle")
    with pytest.raises(InputError, match="this is a bundle"):
        read_run(str(bundle))
    changed = tmp_path / "changed"
    shutil.copytree(small_run, changed)
    (changed / "predictions.csv").write_text("time\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"predictions\.csv"):
        read_run(str(changed))
    assert is_run(small_run.name, small_run.parent)
    assert not is_run("bsm1", small_run.parent)
    assert not is_run("config.yaml", small_run)


def test_runs_side_by_side_are_those_of_the_comparison(small_run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(small_run, other)
    headings, rows, said = compared([str(small_run), str(other)])
    assert headings == ("What", "Unit", "Model", "run", "other")
    assert any(row[:3] == ("simulation NH4", "g N/m³", "Hybrid") and row[3] == row[4] for row in rows)
    assert said[0].startswith("NH4: ")
    with pytest.raises(InputError, match="one run only"):
        compared([str(small_run)])


def test_a_config_is_checked_in_the_words_of_the_command(small_run: Path, tmp_path: Path) -> None:
    text, errors = check_config(str(small_run.parent / "config.yaml"))
    assert errors == 0
    assert "water on average" in text
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: bad\nplnat: {}\n", encoding="utf-8")
    with pytest.raises(InputError, match="plnat"):
        check_config(str(bad))


def test_the_run_of_a_generic_ode_shows_its_text_and_its_picture(tmp_path: Path) -> None:
    config = tmp_path / "prey.yaml"
    config.write_text(EQUATION, encoding="utf-8")
    folder = ah.run(config, tmp_path / "prey").folder
    shown = read_run(str(folder))
    assert shown.kind == "equations"
    assert shown.files == ("plot.svg",)
    assert "alpha" in shown.text
    assert not shown.series
    assert "no verdict" in shown.notes[0]
    entry = look_at(folder)
    assert entry is not None
    assert (entry.state, entry.openable) == ("finished", True)
