"""What is printed: no name is cut and every figure is whole, on a narrow terminal and in a file."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diagnosis_cases import fault, nothing
from rich.console import Console

from asm_hybrid import live, terminal
from asm_hybrid.diagnosis.explanation_words import sentences
from asm_hybrid.scenario.cases import Alone, Fitted
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.scenario.summary import main_rows
from asm_hybrid.scenario.trust import Trust
from asm_hybrid.training import Departure
from asm_hybrid.training.compared import compared_models

PROCESSES = ["aerobic_growth_heterotrophs", "anoxic_growth_heterotrophs", "hydrolysis_organics"]
NAMES = ["a-name-that-is-longer-than-its-column", "warm", "hot", "a-third", "a-fourth"]
TANKS = ["anoxic", "facultative", "aerobic_3"]


def score(rmse, *seeds):
    return {"rmse": rmse, "mae": rmse, "bias": 0.0, "r2": 0.5, "rmse_seeds": list(seeds or (rmse,))}


def forecasts(k):
    models = {"persistence": score(0.222 + k), "hybrid": score(0.3333 + k, 0.3111 + k, 0.3556 + k)}
    return {"NH4": models, "NO3": models, "MLSS": models}


def summary():
    models = {name: score(10.0 + k) for k, name in enumerate(("mean", "diurnal", "least_squares", "mechanistic"))}
    models |= {"recalibrated": score(1.234), "hybrid": score(0.3642, 0.3391, 0.4532)}
    return {
        "verdict": {"sentence": "The hybrid model beats every baseline on the [test] block.", "wins": True},
        "scores": {"test": {"NH4": models, "NO3": models, "MLSS": models}},
        "variables": {v: {"unit": u} for v, u in (("NH4", "g N/m3"), ("NO3", "g N/m3"), ("MLSS", "g TSS/m3"))},
        "missing": [
            {
                "kind": "process",
                "name": process,
                "tank": tank,
                "share": 0.3,
                "own": 486.2,
                "learnt": -57.79,
                "unit": "g COD/(m3 d)",
            }
            for process, tank in zip(PROCESSES, TANKS, strict=True)
        ],
        "forecast": {
            "origins": {"test": 263},
            "spacing": {"test": 1},
            "scores": {"test": {h: forecasts(k) for k, h in enumerate(("1 h", "6 h", "24 h"))}},
            "bands": {"test": {"1 h": {"NH4": {"coverage": 0.884}, "NO3": {"coverage": 0.91}}, "6 h": {}}},
            "sentences": ["At 1 h persistence wins in NH4, NO3, MLSS."],
        },
        "bands": {"level": 0.9, "variables": {"NH4": {"validate": {"coverage": 0.91}, "test": {"coverage": 0.704}}}},
        "warnings": ["calibrated parameters at a bound: [mu_A, K_NH]"],
    }


@pytest.fixture(params=[80, 120])
def screen(request, monkeypatch):
    """Return a function that gives what was printed, without colours."""
    stream = io.StringIO()
    monkeypatch.setattr(terminal, "_console", lambda: Console(file=stream, width=request.param, highlight=False))

    def text():
        out = stream.getvalue()
        assert "…" not in out
        assert all(len(line) <= request.param for line in out.splitlines())
        return out

    return text


def test_scores_and_ranking_fit(screen):
    terminal.print_scores(summary())
    out = screen()
    for name in (*PROCESSES, *TANKS, *(model.title for model in compared_models().values())):
        assert name in out or name == "Pure neural ODE"
    assert out.count("(0.339–0.453)") == 3
    assert out.count("g COD/(m3 d)") == 3
    assert "[test] block" in out
    assert "[mu_A, K_NH]" in out
    assert "NO3 [g N/m3]" in out


def test_the_diagnosis_is_printed_in_sentences_with_the_lines_to_paste(screen):
    terminal.print_diagnosis(fault() | {"sentences": sentences(fault())})
    out = " ".join(screen().split())
    assert "What f failed to capture - The true flow of wastage is 1.75 times what the record says" in out
    assert "corrections: factors: wastage: 1.75" in out
    terminal.print_diagnosis(nothing() | {"sentences": sentences(nothing())})
    terminal.print_diagnosis(fault() | {"sentences": [], "proposals": [fault()["proposals"][0] | {"clear": False}]})
    assert screen().count("corrections:") == 1


def test_forecasts_and_coverage_are_printed(screen):
    terminal.print_scores(summary())
    out = " ".join(screen().split())
    assert "forecast from 263 origins 1 h apart, inputs as measured" in out
    assert "At 1 h persistence wins in NH4, NO3, MLSS." in out
    assert out.count("Persistence 0.222") == 1
    assert out.count("(0.311–0.356)") == 3
    assert "90 % band of the forecasts at 1 h: holds 88 % of NH4, 91 % of NO3 on the test block" in out
    assert "90 % band of NH4 in simulation: holds 91 % on the validation block, 70 % on the test block" in out


def test_state_placement_ranks_components(screen):
    content = summary()
    for row in content["missing"]:
        row["kind"] = "component"
    terminal.print_scores(content)
    assert "component" in screen()


@pytest.mark.parametrize("kind", ["parameter", "variable"])
def test_parameters_and_output_placement_rank_values(screen, kind):
    content = summary()
    for row in content["missing"]:
        row["kind"] = kind
    terminal.print_scores(content)
    out = screen()
    assert kind in out
    assert "value" in out


def test_no_row_of_the_ranking_is_printed_as_nothing(screen):
    content = summary()
    for row, share in zip(content["missing"], (0.999, 0.001, 0.0), strict=True):
        row["share"] = share
    terminal.print_scores(content)
    out = screen()
    assert PROCESSES[0] in out
    assert PROCESSES[1] not in out
    assert " 0 %" not in out


def test_a_model_without_a_score_is_left_out(screen):
    content = summary()
    content["scores"]["test"]["NO3"] = {"mean": score(1.0)}
    terminal.print_scores(content)
    assert "Hybrid" in screen()


def test_the_simulation_of_a_run_fits(screen, tmp_path):
    """With members of n, f alone, and a case in which n is off so that f alone tells the difference."""
    path = tmp_path / "scenario.yaml"
    path.write_text("days: 0.1\nscenarios: {cold: [{input: T, shift: -4}], warm: [{input: T, shift: 4}]}\n")
    plain = simulate_plant("cstr", path)
    left = Departure("tank", "S_NH", "g N/m3", 0.5, 3.0, 5.5, 14.0, 3.5)
    more = [
        Departure("influent", q, "m3/d", 100.0, 200.0, 300.0, 300.0, k)
        for q, k in zip(["Q", "Q_in", "R"], (2.0, 3.0, 1.0), strict=True)
    ]
    times = plain.cases[0].record.times
    never, always = np.zeros(len(times), dtype=bool), np.ones(len(times), dtype=bool)

    def fitted(case):
        off = always if case.name == "cold" else never
        trust = Trust((left, *more), 3.5, off, off, 1 / 96) if off.any() else Trust((), 0.0, never, never, 1 / 96)
        high = tuple(replace(i, value=1.1 * i.value) for i in case.indicators)
        alone = tuple(replace(i, value=2.0 * i.value) for i in case.indicators)
        members = (case.indicators, high)
        return replace(case, members=members, alone=Alone(case.record, alone), trust=trust)

    own = Fitted(2, ("tank.S_NH",), True, pd.Timestamp("2024-03-07", tz="UTC"), "Europe/Amsterdam")
    result = replace(plain, cases=tuple(map(fitted, plain.cases)), fitted=own)
    terminal.print_plant_scenarios(result, Path("runs/a/scenarios/cold"))
    out = screen()
    flat = " ".join(out.split())
    rows = {row.name: row for row in main_rows(result.cases)}
    row = rows["effluent.NH4 mean"]
    low, high = row.ranges[1]
    assert f"{low:.4g}–{high:.4g}" in out
    assert f"f: {100 * row.alone_changes[1]:+.1f} %" in flat
    assert f"f: {100 * row.alone_changes[2]:+.1f} %" not in flat
    for text in ("medians of 2 seeds", "f alone, without what was learnt", "runs/a/scenarios/cold/index.html"):
        assert text in flat
    assert "cold: leaves what training saw for 3.5 h" in flat
    assert "S_NH in tank, 5.5 to 14 g N/m3 where it was trained on 0.5 to 3, for 3.5 h" in flat
    assert "Q_in in the influent, 300 m3/d where it was trained on 100 to 200, for 3 h" in flat
    assert "and 1 more" in flat
    assert "that of f alone against f alone" in flat


def test_cases_of_a_plant_fit(screen, tmp_path):
    cases = "".join(f"  {name}: [{{input: T, shift: {k + 1}}}]\n" for k, name in enumerate(NAMES))
    path = tmp_path / "scenario.yaml"
    path.write_text(f"days: 0.1\nscenarios:\n{cases}")
    result = simulate_plant("cstr", path)
    terminal.print_plant_scenarios(result, Path("simulations/cstr"))
    out = screen()
    assert out.count("EQI") == out.count("Indicators from day 0 on, with the difference")
    flat = out.replace("\n", "")
    for text in (*NAMES[1:], "T + 3 degC", "effluent.NO3 mean", "time with BOD5 above 10 g BOD/m3", "cstr/index.html"):
        assert text in flat


def test_layouts_fit(screen):
    terminal.print_layouts()
    assert "bsm1_closed" in screen()


def test_models_fit(screen):
    terminal.print_models()
    out = screen()
    for word in ("asm1", "lotka_volterra", "components", "processes", "parameters", "Activated"):
        assert word in out


def test_progress_fits_a_narrow_terminal(monkeypatch):
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    progress = live.LiveProgress()
    for title, total in (("fitting the pure neural ODE", 200), ("simulating the fitted models over the record", None)):
        progress.stage(title, total)
        progress.advance("loss 1.234 to 2.345, validation 1.234 to 10.23, best 1.234 to 9.876")
    console.print(progress._bars.get_renderable())
    out = stream.getvalue()
    assert "…" not in out
    assert "1/200" in out or "1/1" in out
    assert out.count("validation 1.234 to 10.23,") == out.count("best 1.234 to 9.876") == 2


class Clock:
    """Time that passes by as much as a test says."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_log_without_a_terminal_shows_time_stage_step_and_loss(capsys):
    clock = Clock()
    with live.LiveProgress(clock) as progress:
        progress.stage("reading data")
        progress.stage("fitting n", 50)
        for step in range(1, 51):
            clock.now += 4.0
            progress.advance(f"loss {step}, validation 2.5, best 2.25")
        progress.say("a word")
    lines = capsys.readouterr().err.splitlines()
    texts = [line[21:] for line in lines]
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S", line) for line in lines)
    assert texts[:3] == ["reading data", "fitting n", "fitting n: step 1 of 50, loss 1, validation 2.5, best 2.25"]
    steps = [int(text.split()[3]) for text in texts if ": step" in text]
    assert steps == [1, 9, 17, 25, 33, 41, 49, 50]  # 30 s apart at least, and the last
    assert texts[-1] == "a word"


def test_a_stage_that_ends_early_shows_its_last_step(capsys):
    with live.LiveProgress(Clock()) as progress:
        progress.stage("fitting n", 50)
        for step in range(1, 8):
            progress.advance(f"loss {step}")
        progress.stage("diagnosing")
    assert [line[21:] for line in capsys.readouterr().err.splitlines()] == [
        "fitting n",
        "fitting n: step 1 of 50, loss 1",
        "fitting n: step 7 of 50, loss 7",
        "diagnosing",
    ]


def test_a_resumed_stage_shows_no_step_that_was_done_before(capsys):
    with live.LiveProgress(Clock()) as progress:
        progress.stage("fitting n", 50)
        for _ in range(20):
            progress.advance()
        progress.advance("loss 3")
    assert "step 21 of 50, loss 3" in capsys.readouterr().err.splitlines()[1]


def test_a_line_tells_what_is_left_of_the_run(capsys):
    with live.LiveProgress(Clock()) as progress:
        progress.stage("fitting n", 50)
        progress.left(0.3, 4000.4)
        progress.advance("loss 3")
        progress.left(0.9, 61.0)
        progress.advance("loss 2")
    lines = [line[21:] for line in capsys.readouterr().err.splitlines()]
    assert lines[1] == "fitting n: step 1 of 50, loss 3; the run: 1:06:40 left"
    assert lines[2] == "fitting n: step 2 of 50, loss 2; the run: 1:01 left"


def test_bars_tell_of_the_other_process_and_of_the_whole_run():
    stream = io.StringIO()
    console = Console(file=stream, width=80, force_terminal=True, color_system=None)
    progress = live.LiveProgress()
    progress.stage("fitting n", 50)
    progress.left(0.43, 75.0)
    progress.advance("loss 3")
    progress.beside("fitting the pure neural ODE", 20, 200, "loss 1.5")
    console.print(progress._bars.get_renderable())
    out = stream.getvalue()
    assert "the whole run" in out
    assert "43/100" in out
    assert "1:15 left" in out
    assert "fitting the pure neural ODE, beside" in out
    assert "20/200" in out
    assert "loss 1.5" in out


def test_shares_of_a_stage_are_percent(capsys):
    clock = Clock()
    with live.LiveProgress(clock) as progress:
        for share in (0.1, 0.2, 0.9, 0.997, 0.999, 1.0):
            progress.share("simulating", share)
            clock.now += 20.0
    assert [line[21:] for line in capsys.readouterr().err.splitlines()] == [
        "simulating",
        "simulating: 10 %",
        "simulating: 90 %",
        "simulating: 100 %",
    ]
