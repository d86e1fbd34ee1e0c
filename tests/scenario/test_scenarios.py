"""Scenarios: what changes, what does not, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.export import export_bundle
from asm_hybrid.scenario import simulate
from asm_hybrid.workflow import run_training

PERIOD = '{start: "2024-03-07", end: "2024-03-08 12:00"}'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("scenario")
    text = CONFIG.replace("iterations: 4", "iterations: 2").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    run_training(write_case(base, text), base / "run")
    return base / "run"


def write(folder, changes, period=PERIOD, extra=""):
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {c}" for c in changes)
    path.write_text(f"name: case\n{extra}period: {period}\nchanges:\n{listed}\n")
    return path


def test_changes_act_on_their_inputs_and_in_their_period(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.3}", '{input: wastage, set: 5 m3/h, start: "2024-03-08"}'])
    result = simulate(run, path, tmp_path / "out")
    means = result.table.set_index("quantity")
    assert means.loc["effluent.S_I", "scenario"] > 1.05 * means.loc["effluent.S_I", "base"]
    series = pd.read_csv(tmp_path / "out" / "series.csv")
    assert series["time"][0] == "2024-03-07T00:00:00+00:00"
    assert len(series) == 73
    assert (tmp_path / "out" / "plot.png").stat().st_size > 10_000
    assert (tmp_path / "out" / "scenario.yaml").read_text() == path.read_text()


def test_the_base_case_is_the_run_itself(run, tmp_path):
    result = simulate(run, write(tmp_path, ["{input: T, shift: -4}"]), tmp_path / "out")
    predicted = load_model(run).predict(read_inputs(run))
    base = result.series["aerobic.S_NH base"].to_numpy()
    np.testing.assert_allclose(base, np.median(predicted[..., 0], axis=0)[3 * 48 : 3 * 48 + 73], rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "quantity", "sign"),
    [
        ("{input: T, shift: -6}", "aerobic.S_NH", 1),
        ("{input: aerobic.S_O, set: 0.2 mg/L}", "aerobic.S_NH", 1),
        ("{input: influent.S_NH, scale: 0.5}", "effluent.TN", -1),
        ("{input: wastage, scale: 3}", "effluent.TSS", -1),
        ("{input: recycle.internal, scale: 0.1}", "aerobic.S_NO", 1),
    ],
)
def test_the_plant_answers_as_a_plant_does(run, tmp_path, change, quantity, sign):
    means = simulate(run, write(tmp_path, [change]), tmp_path / "out").table.set_index("quantity")
    assert sign * (means.loc[quantity, "scenario"] - means.loc[quantity, "base"]) > 0


def test_an_effluent_mean_weighs_by_flow(run, tmp_path):
    result = simulate(run, write(tmp_path, ["{input: T, shift: 0}"]), tmp_path / "out")
    inputs = read_inputs(run).iloc[3 * 48 : 3 * 48 + 73]
    flow = (inputs["Q_in"] - inputs["wastage"]).to_numpy()
    by_hand = (result.series["effluent.S_I base"].to_numpy() * flow).sum() / flow.sum()
    assert result.table.set_index("quantity").loc["effluent.S_I", "base"] == pytest.approx(by_hand, rel=1e-9)


def test_a_bundle_runs_scenarios_too(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.2}"])
    a = simulate(run, path, tmp_path / "a").table
    b = simulate(export_bundle(run, tmp_path / "bundle"), path, tmp_path / "b").table
    pd.testing.assert_frame_equal(a, b, rtol=0, atol=1e-12)


def test_the_command_prints_the_means(run, tmp_path, capsys):
    path = write(tmp_path, ["{input: load, scale: 1.3}"])
    with pytest.raises(SystemExit) as caught:
        main(["simulate", str(run), "--scenario", str(path), "--out", str(tmp_path / "out")])
    assert not caught.value.code
    out = capsys.readouterr().out
    assert "effluent.TN" in out
    assert str(tmp_path / "out") in out.replace("\n", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["{input: Qin, scale: 2}"], ["Qin", "Q_in", "scenario.yaml:4"]),
        (["{input: Q_in, scale: 2, shift: 1}"], ["scale and shift", "exactly one"]),
        (["{input: Q_in}"], ["exactly one"]),
        (["{input: Q_in, factor: 2}"], ["factor"]),
        (["{input: Q_in, scale: -1}"], ["scale"]),
        (["{input: influent.S_NH, shift: -500}"], ["negative", "influent.S_NH"]),
        (["{input: wastage, set: 1e6}"], ["wasted"]),
        (["{input: wastage, set: 5 mg/L}"], ["mg/L"]),
        (['{input: Q_in, scale: 2, start: "2031-01-01"}'], ["no part of the record"]),
        (['{input: Q_in, scale: 2, start: "yesterday"}'], ["yesterday", "ISO"]),
        (["{input: Q_in, scale: 2, scale: 3}"], ["scale", "twice"]),
    ],
)
def test_a_bad_change_is_refused(run, tmp_path, changes, words):
    with pytest.raises(InputError) as caught:
        simulate(run, write(tmp_path, changes), tmp_path / "out")
    assert all(w in str(caught.value) for w in words), str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "period",
    [
        '{start: "2024-03-08", end: "2024-03-07"}',
        '{start: "2020-01-01", end: "2020-02-01"}',
        '{start: "2024-03-07", end: "2025-01-01"}',
    ],
)
def test_a_period_outside_of_the_record_is_refused(run, tmp_path, period):
    with pytest.raises(InputError, match="2024-03-04"):
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], period), tmp_path / "out")


def test_an_unknown_zone_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="Mars/Base"):
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], extra="zone: Mars/Base\n"), tmp_path / "out")


def test_a_state_far_outside_of_the_training_is_said(run, tmp_path):
    result = simulate(run, write(tmp_path, ["{input: influent.S_NH, scale: 6}"]), tmp_path / "out")
    assert result.outside_hours > 1.0


def test_an_interrupted_run_can_still_be_simulated(run, tmp_path):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["stopped"] == "finished"
    bare = export_bundle(run, tmp_path / "bare")
    (bare / "summary.json").unlink()
    path = write(tmp_path, ["{input: T, shift: 1}"])
    assert len(simulate(bare, path, tmp_path / "out").series) == 73
