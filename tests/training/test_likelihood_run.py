"""Calibration by likelihood from a config: what a run finds and writes, and what is refused before it begins."""

from __future__ import annotations

import json

import numpy as np
import pytest
from small_plant import CONFIG, TRUE, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics, searched_noises
from asm_hybrid.errors import InputError
from asm_hybrid.report import write_report
from asm_hybrid.report.parameter_record import CLEAR, ParameterSet
from asm_hybrid.training import train

LIKELIHOOD = (
    CONFIG.replace("mode: hybrid", "mode: mechanistic")
    .replace("calibration_evaluations: 3", "calibration_evaluations: 30, calibrate_by: likelihood")
    .replace("noise: 0.2", "noise: 0.1")
    .replace("iterations: 4", "iterations: 0")
    .replace("step: 30 min", "step: 10 min")
    + "process_noise: {S_NH: 50 %, aerobic.S_NO: 2 g/m3}\n"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("likelihood")
    return train(write_case(folder, LIKELIHOOD, noise=0.1, days=3), folder / "run").folder


def test_a_run_finds_the_parameters_and_says_how_sure_it_is(run):
    found = json.loads((run / "parameters.json").read_text(encoding="utf-8"))
    rows = {p["name"]: p for p in found["parameters"] if p["calibrated"]}
    assert set(rows) == set(TRUE)
    for name, truth in TRUE.items():
        assert rows[name]["profile_low"] < truth < rows[name]["profile_high"]
        assert rows[name]["value"] == pytest.approx(truth, rel=0.08)
        assert 0.0 < rows[name]["std_error"] < 0.1 * truth
    facts = json.loads((run / "summary.json").read_text(encoding="utf-8"))["calibration"]
    assert facts["converged"]
    assert 0.5 < facts["cost"] < 3.0
    noise = found["process_noise"]
    assert set(noise) == {"S_NH", "aerobic.S_NO"}
    assert (noise["S_NH"]["unit"], noise["aerobic.S_NO"]["unit"]) == ("-", "g N/m3")
    for row, stated in zip(noise.values(), (0.5, 2.0), strict=True):
        assert row["stated"] == pytest.approx(stated)
        assert row["low"] <= row["value"] < 0.5 * stated  # the truth has none
        assert abs(row["lost"]) < CLEAR


def test_the_report_tells_of_the_noise(run):
    page = write_report(run).read_text(encoding="utf-8")
    assert "Noise of the states" in page
    assert "most likely, each given all before it" in page
    assert "do not tell which of these equations would be wrong" in page


@pytest.mark.parametrize(
    ("lost", "most_missed"),
    [
        ((30.0, 2.0), "S_NH"),
        ((-1.0, 2.5), "aerobic.S_NO"),
        ((30.0, 29.0), None),
        ((1.5, -3.0), None),
        ((30.0, None), None),
    ],
)
def test_the_noise_that_is_missed_most_is_named_where_it_is_clear(run, lost, most_missed):
    found = json.loads((run / "parameters.json").read_text(encoding="utf-8"))
    for row, value in zip(found["process_noise"].values(), lost, strict=True):
        row["lost"] = value
    assert ParameterSet.model_validate(found).most_missed == most_missed


def test_noises_are_told_apart(tmp_path):
    text = LIKELIHOOD.replace("{S_NH: 50 %, aerobic", "{S_NH: 50 %, S_O: 0 %, aerobic.S_NH: 20 %, aerobic")
    config = load_config(write_case(tmp_path, text))
    table = load_kinetics(config)
    found = searched_noises(config, table, build_layout(config, table))
    column = table.component_names.index("S_NH")
    assert list(found) == ["S_NH", "aerobic.S_NH", "aerobic.S_NO"]
    assert np.argwhere(found["S_NH"].noisy).tolist() == [[0, column]]
    assert np.argwhere(found["aerobic.S_NH"].noisy).tolist() == [[1, column]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mode: mechanistic", "mode: hybrid", "by likelihood in a run of mode hybrid"),
        ("calibrate: [mu_A, eta_g]", "calibrate: []", "by likelihood, and no parameter is"),
        ("process_noise: {S_NH: 50 %, aerobic.S_NO: 2 g/m3}", "", "no state has noise"),
        ("unit: mg N/L, noise: 0.1}\n  blocks", "unit: mg N/L, noise: 0.1, bias: learn}\n  blocks", "NO3 has a bias"),
        ("unit: mg N/L, noise: 0.1}\n  blocks", "unit: mg N/L, noise: 0.1, lag: 5 min}\n  blocks", "NO3 has a lag"),
        ("unit: mg N/L, noise: 0.1}\n  blocks", "unit: mg N/L, noise: 0.1, delay: 5 min}\n  blocks", "NO3 has a delay"),
        (
            "to: anoxic, flow: 12000}}",
            "to: anoxic}}\n  control: {nitrate: {measure: aerobic.S_NO, move: recycle.internal, setpoint: 1 mg N/L, "
            "gain: 15000, integral_time: 36 min, high: 90000 m3/d}}",
            "nitrate steers the plant",
        ),
        (
            "unit: mg N/L, noise: 0.1}\n  blocks",
            "unit: mg N/L, noise: 0.1, sample: {composite: 2 h}}\n  blocks",
            "NO3 has a composite",
        ),
    ],
)
def test_what_a_filter_does_not_bear_is_refused_with_its_line(tmp_path, old, new, message):
    assert old in LIKELIHOOD
    path = tmp_path / "config.yaml"
    path.write_text(LIKELIHOOD.replace(old, new), encoding="utf-8")
    config = load_config(path)
    table = load_kinetics(config)
    with pytest.raises(InputError, match=message) as caught:
        build_layout(config, table)
    assert "config.yaml" in str(caught.value)
