"""A run whose config corrects its record: its folder, new data, plans and scenarios are corrected alike."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from newdata_case import TEST_FROM, Case
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.data import read_dataset
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.workflow import run_training

SECTION = """
corrections:
  factors: {wastage: 1.5, internal: 0.75, Q_in: 1.25}
  shifts: {influent: 1 h}
  offsets: {aerobic.S_O: -0.3 mg/L, NH4: -1.5 mg/L}
  drifts: {NH4: -0.1 mg/L/d}
"""
SHIFT = 2
"""Knots by which the influent is late."""


def distorted(true):
    """Return a record that the corrections of `SECTION` make true."""
    days = np.arange(len(true)) / 48
    ammonium = true["NH4_in"].to_numpy()
    return true.assign(
        flow=true["flow"] / 1.25,
        NH4_in=np.append(ammonium[SHIFT:], ammonium[-1:].repeat(SHIFT)),
        DO=true["DO"] + 0.3,
        NH4=true["NH4"] + 1.5 + 0.1 * days,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Write the true record, and one that is wrong with a config that says so."""
    base = tmp_path_factory.mktemp("corrected")
    for name in ("true", "wrong"):
        (base / name).mkdir()
    text = CONFIG.replace("mode: hybrid, calibrate: [mu_A, eta_g]", "mode: mechanistic")
    write_case(base / "true", text, missing=0.0)
    rows = pd.read_csv(base / "true" / "plant.csv", parse_dates=["time"])
    wrong = text.replace("wastage: {flow: 90}", "wastage: {flow: 60}").replace("flow: 12000", "flow: 16000")
    (base / "wrong" / "config.yaml").write_text(wrong + SECTION, encoding="utf-8")
    Case(base, rows).write(base / "wrong" / "plant.csv", distorted(rows))
    return base


@pytest.fixture(scope="module")
def case(folders):
    """Train on the wrong record, once."""
    torch.set_num_threads(1)
    run = run_training(folders / "wrong" / "config.yaml", folders / "run").folder
    return Case(run, pd.read_csv(folders / "wrong" / "plant.csv", parse_dates=["time"]))


def dataset(folder):
    from asm_hybrid.config import build_layout, load_config, load_kinetics

    config = load_config(folder / "config.yaml")
    table = load_kinetics(config)
    return read_dataset(config, table, build_layout(config, table))


def test_a_wrong_record_is_the_true_one_once_it_is_corrected(folders):
    true, found = dataset(folders / "true"), dataset(folders / "wrong")
    np.testing.assert_allclose(found.inputs[SHIFT:], true.inputs[SHIFT:], rtol=1e-5, atol=1e-5)
    for one, other in zip(found.observations, true.observations, strict=True):
        np.testing.assert_allclose(one.values, other.values, atol=1e-4)


def test_the_folder_keeps_corrections_and_corrected_series(case, folders):
    kept = yaml.safe_load((case.run / "config.yaml").read_text())
    assert kept["corrections"]["factors"] == {"wastage": 1.5, "internal": 0.75, "Q_in": 1.25}
    true = dataset(folders / "true")
    inputs = ah.read_inputs(case.run)[list(true.input_names)].to_numpy()
    np.testing.assert_allclose(inputs[SHIFT:], true.inputs[SHIFT:], rtol=1e-5, atol=1e-5)
    words = json.loads((case.run / "data.json").read_text())["corrections"]
    assert words[0] == "wastage × 1.5"
    assert words[-1] == "NH4 − 0.1 g N/m3/d since the begin of the record"
    page = (case.run / "report.html").read_text()
    assert all(page.count(text) == 2 for text in words)


def test_the_test_block_as_new_data_gives_the_figures_of_the_run(case, tmp_path):
    data = case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM])
    found = ah.predict(case.run, data)
    own = pd.read_csv(case.run / "predictions.csv")
    own["time"] = pd.to_datetime(own["time"], utc=True, format="ISO8601")
    both = found.measured[found.measured["part"] == "new"].merge(own, on=["time", "variable"], suffixes=("", "_run"))
    assert len(both) > 50
    for column in ("measured", "recalibrated"):
        np.testing.assert_allclose(both[column], both[f"{column}_run"], atol=1e-4)
    assert any("corrected as the record of the run: wastage × 1.5" in note for note in found.warnings)


def test_a_column_of_another_name_has_the_correction_of_its_variable(case, tmp_path):
    rows = case.rows[case.rows["time"] >= TEST_FROM].rename(columns={"NH4": "ammonium"})
    case.write(tmp_path / "june.csv", rows)
    data = yaml.safe_load((case.run / "config.yaml").read_text())["data"]
    source = data["sources"]["online"]
    source["file"] = str(tmp_path / "june.csv")
    source["columns"]["ammonium"] = source["columns"].pop("NH4")
    found = ah.predict(case.run, {"data": data}).measured.query("variable == 'NH4'")
    own = pd.read_csv(case.run / "predictions.csv").query("variable == 'NH4'")["measured"].to_numpy()
    np.testing.assert_allclose(found["measured"], own[-len(found) :], atol=1e-4)


def test_a_plan_is_corrected_like_the_data(case, tmp_path):
    until = pd.Timestamp("2024-03-08 12:00")
    data = case.write(tmp_path / "until.csv", case.rows[case.rows["time"] <= until])
    plan = case.rows[case.rows["time"] >= until - pd.Timedelta("1 h")][["time", "flow", "NH4_in", "DO"]]
    found = ah.forecast(case.run, data, horizon="6 h", influent=str(case.write(tmp_path / "plan.csv", plan)))
    own = ah.read_inputs(case.run).set_index("time")
    ahead = own.loc[until.tz_localize("UTC") :].iloc[: 6 * 2 + 1]
    for name in ("Q_in", "influent.S_NH", "aerobic.S_O"):
        np.testing.assert_allclose(found.inputs[name], ahead[name], rtol=1e-5)


def test_scenarios_begin_from_the_corrected_record(case, tmp_path):
    path = tmp_path / "scenario.yaml"
    period = 'period: {start: "2024-03-07", end: "2024-03-07 12:00"}\n'
    cycle = "cycles: {day: {phases: [{duration: 6 h, set: {wastage: 100}}, {duration: 6 h, set: {wastage: 0}}]}}\n"
    path.write_text(f"name: case\n{period}{cycle}", encoding="utf-8")
    base, changed = simulate_run(case.run, path).cases
    assert base.record.columns["wastage"] == pytest.approx(90.0)
    assert set(np.unique(changed.record.columns["wastage"])) == {0.0, 100.0}
    assert changed.record.columns["Q_in"][0] == pytest.approx(base.record.columns["Q_in"][0])
