"""Sensors in training: what is known of them is found again, and two of one variable go through a whole run."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import bundle_of
from small_plant import CONFIG, TRUE, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.data import Observation
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training.fit import Fit, FitProblem, FitSettings
from asm_hybrid.training.sensors import LONGEST_LAG, Sensors, SensorSpec
from asm_hybrid.training.windows import make_windows
from asm_hybrid.workflow import run_training

INTERVAL = 1.0 / 48


class Known:
    """A plant whose outputs are known: 5 + 2 sin(4 π t), and 3 + cos(2 π t)."""

    def simulate(self, x0, inputs, *, record_knots=False):
        t = inputs[..., 0]
        y = torch.stack([5 + 2 * torch.sin(4 * math.pi * t), 3 + torch.cos(2 * math.pi * t)], dim=-1)
        return Solution(outputs=y.unsqueeze(0), knots=y.unsqueeze(0), final=x0, ok=torch.ones(1, len(t), dtype=bool))


def test_a_bias_and_a_lag_are_found_again():
    """The response of a slow sensor to a sine is a smaller and later sine."""
    bias, lag, noise, omega = 0.3, 20 / 1440, 0.1, 4 * math.pi
    t = np.arange(6 * 48 + 1) * INTERVAL
    rng = np.random.default_rng(8)
    shown = 5 + 2 * np.sin(omega * t - math.atan(omega * lag)) / math.sqrt(1 + (omega * lag) ** 2)
    series = [shown + bias, 3 + np.cos(2 * np.pi * t)]
    below, rows = np.zeros(len(t), dtype=bool), np.arange(len(t))
    columns = [
        Observation(n, "tank.S_NH", t, y + noise * rng.normal(size=len(t)), noise, "g N/m3", rows, below)
        for n, y in zip("ab", series, strict=True)
    ]
    record = type("Record", (), {"interval": INTERVAL, "observations": columns})
    specs = [SensorSpec("a", bias=True, lag=0.0, learns_lag=True), SensorSpec("b", True, 0.0, True)]
    sensors = Sensors(specs, torch.full((2,), noise, dtype=torch.float64), 1)
    windows = make_windows(record, (0.0, 6.0), 24, 1, torch.device("cpu"))
    starts = torch.zeros(1, len(windows), 1, dtype=torch.float64)
    windows = type(windows)(**(vars(windows) | {"show": lambda outputs: sensors.read(outputs, INTERVAL)}))
    falling = iter((2, 1))
    problem = FitProblem(
        sensors,
        Known(),
        torch.as_tensor(t).unsqueeze(1),
        windows,
        starts,
        lambda: (torch.tensor([float(next(falling))], dtype=torch.float64), starts),  # the last state is kept
        penalty=lambda X, u: sensors.prior(6.0),
    )
    Fit(problem, FitSettings(300, 64, 0.01, 300, 9, (1,))).run()
    found = sensors.table(["g N/m3", "g N/m3"], {}, of_f=False)
    assert found["a"]["bias"]["value"] == pytest.approx(bias, abs=0.02)
    assert found["a"]["lag"]["value"] == pytest.approx(20.0, abs=1.5)
    assert found["b"]["bias"]["value"] == pytest.approx(0.0, abs=0.02)
    assert found["b"]["lag"]["value"] < 3.0


TWO = (
    CONFIG.replace(
        "NO3: {role",
        "NO3: {detection_limit: 6.5, role",
    )
    .replace(
        "as: aerobic.S_NH, unit: mg N/L, noise: 0.2}",
        "as: aerobic.S_NH, unit: mg N/L, noise: 0.1, bias: learn, lag: 10 min}",
    )
    .replace(
        "  blocks:",
        """\
    lab:
      file: lab.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        NH4_lab: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.1}
        NO3_24: {role: observation, as: effluent.S_NO, unit: mg N/L, noise: 0.2,
          sample: {composite: 24 h, weight: flow}}
  blocks:""",
    )
)


def write_two(folder, text=TWO):
    """Write the small plant with an online sensor that is 0.5 too high, and a laboratory."""
    (folder / "lab.csv").write_text("time,NH4_lab,NO3_24\n2024-03-05 06:00,1,8\n2024-03-05 09:00,<0.5,\n")
    path = write_case(folder, text)
    frame = pd.read_csv(folder / "plant.csv")
    lab = pd.DataFrame({"time": frame["time"], "NH4_lab": frame["NH4"].round(2).astype(object)})
    lab["NO3_24"] = frame["NO3"].rolling(48, min_periods=20).mean().round(2)
    lab = lab.iloc[4::8].copy()
    lab.loc[lab["NH4_lab"] < 1.5, "NH4_lab"] = "<1.5"
    lab.loc[~lab["time"].str.endswith("06:00"), "NO3_24"] = np.nan
    lab.to_csv(folder / "lab.csv", index=False)
    frame["NH4"] += 0.5
    frame.to_csv(folder / "plant.csv", index=False)
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("two")
    text = TWO.replace("window: 2 h", "window: 1 d").replace("network: {", "network: {type: mlp, ")
    run_training(write_two(base, text), base / "run")
    return base / "run"


def test_two_sensors_of_one_variable_go_through_to_the_report(run):
    summary = json.loads((run / "summary.json").read_text())
    labels = ["NH4", "NO3", "NH4_lab", "NO3_24"]
    assert list(summary["variables"]) == labels
    assert list(summary["scores"]["validate"]) == labels
    assert summary["variables"]["NH4"]["target"] == summary["variables"]["NH4_lab"]["target"]
    forecasts = summary["forecast"]["scores"]["test"]
    assert {"NH4", "NO3", "NH4_lab"} <= set(forecasts["1 h"])
    assert "NO3_24" not in forecasts["6 h"]  # its period would begin before the origin
    assert summary["sensors"]["NH4"]["lag"] == {
        "value": pytest.approx(10.0),
        "low": pytest.approx(10.0),
        "high": pytest.approx(10.0),
        "unit": "min",
        "learnt": False,
    }
    assert summary["sensors"] == json.loads((run / "parameters.json").read_text())["sensors"]
    bias = summary["sensors"]["NH4"]["bias"]
    assert 0.3 < bias["value"] < 0.6
    assert bias["profile_low"] < 0.5 < bias["profile_high"]
    assert not [w for w in summary["warnings"] if "composite" in w]
    assert "<h3>Sensors</h3>" in (run / "report.html").read_text()


def test_predictions_of_the_hybrid_are_those_of_its_sensors(run):
    """Both sensors see one state: what sets them apart is the lag, which follows a line by itself, and the bias."""
    model, table = load_model(run), pd.read_csv(run / "predictions.csv")
    inputs = read_inputs(run)
    found = model.simulate(torch.tensor(inputs[list(model.plant.inputs.names)].to_numpy())).outputs
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    assert model.sensors.learns
    biases = model.sensors.biases().detach().numpy()
    assert (biases[:, 0] != 0).all()
    assert (biases[:, 1:] == 0).all()
    rows = {name: table[table["variable"] == name] for name in ("NH4", "NH4_lab")}
    at = (pd.to_datetime(rows["NH4_lab"]["time"], utc=True) - inputs["time"][0]).dt.total_seconds() / 1800
    lab = np.median(found[:, at.round().to_numpy(int), 2], axis=0)
    np.testing.assert_allclose(lab, rows["NH4_lab"]["hybrid"], rtol=0, atol=1e-12)
    both = rows["NH4"].merge(rows["NH4_lab"], on="time")
    apart = both["hybrid_x"] - both["hybrid_y"] - np.median(biases[:, 0])
    assert apart.abs().mean() < 0.15  # the lag alone
    assert apart.abs().max() > 1e-3
    of_f = model.sensors.beside_f.numpy()
    assert of_f[0] != 0
    assert (of_f[1:] == 0).all()
    alone = both["recalibrated_x"] - both["recalibrated_y"] - of_f[0]  # of f the lag that is given, and its own bias
    np.testing.assert_allclose(alone, apart, atol=0.05)


def test_scores_of_samples_below_the_limit_count_from_it(run):
    summary = json.loads((run / "summary.json").read_text())
    table = pd.read_csv(run / "predictions.csv")
    assert 0 < table["censored"].sum() < len(table)
    for name in ("NO3", "NH4_lab"):
        rows = table[(table["variable"] == name) & (table["block"] == "validate")]
        error = rows["recalibrated"] - rows["measured"]
        error[(rows["censored"] == 1) & (error < 0)] = 0.0
        rmse = np.sqrt((error**2).mean())
        assert summary["scores"]["validate"][name]["recalibrated"]["rmse"] == pytest.approx(rmse, rel=1e-9)


def test_an_offset_of_a_sensor_comes_back_within_its_interval(tmp_path):
    """Calibration of f alone would bend to an offset; n is not needed for it."""
    text = CONFIG.replace("S_NH, unit: mg N/L, noise: 0.2}", "S_NH, unit: mg N/L, noise: 0.2, bias: learn}").replace(
        "mode: hybrid", "mode: mechanistic"
    )
    path = write_case(tmp_path, text.replace("calibration_evaluations: 3", "calibration_evaluations: 30"))
    frame = pd.read_csv(tmp_path / "plant.csv")
    frame["NH4"] += 1.5
    frame.to_csv(tmp_path / "plant.csv", index=False)
    summary = run_training(path, tmp_path / "run").summary
    assert summary["calibration"]["converged"]
    bias = summary["sensors"]["NH4"]["bias"]
    assert bias["profile_low"] < 1.5 < bias["profile_high"]
    assert bias["value"] == pytest.approx(1.5, abs=0.1)
    assert bias["profile_high"] - bias["profile_low"] < 0.4
    rows = json.loads((tmp_path / "run" / "parameters.json").read_text())["parameters"]
    found = {row["name"]: row for row in rows if row["calibrated"]}
    for name, truth in TRUE.items():
        assert found[name]["profile_low"] < truth < found[name]["profile_high"]
    scores = summary["scores"]["test"]["NH4"]
    assert scores["recalibrated"]["rmse"] < 0.1 < 1.0 < scores["mechanistic"]["rmse"]
    report = (tmp_path / "run" / "report.html").read_text()
    assert "The search has converged" in report


def test_the_bundle_and_a_scenario_of_a_plant_with_two_sensors(run, tmp_path):
    bundle = bundle_of(run, tmp_path / "bundle")
    inputs = read_inputs(bundle)
    assert (load_model(bundle).sensors.biases() == load_model(run).sensors.biases()).all()
    pd.testing.assert_frame_equal(load_model(bundle).predict(inputs), load_model(run).predict(inputs), rtol=0, atol=0)
    path = tmp_path / "more.yaml"
    path.write_text("name: more\nchanges:\n  - {input: Q_in, scale: 1.1}\n")
    result = simulate_run(run, path)
    assert [i.name for i in result.cases[1].indicators].count("aerobic.S_NH over time") == 1


def test_corrections_of_a_variable_that_two_sensors_see_are_one(tmp_path):
    """With the placement output n has one target for both; composites that fit into no window are counted."""
    text = TWO.replace("inputs: [S_NH, S_O]", "placement: output").replace(
        "iterations: 4", "iterations: 2, loss: huber"
    )
    result = run_training(write_two(tmp_path, text), tmp_path / "run")
    model = load_model(tmp_path / "run")
    (term,) = model.term
    assert term.spec.targets == ("aerobic.S_NH", "aerobic.S_NO", "effluent.S_NO")
    found = model.predict(read_inputs(tmp_path / "run"))
    np.testing.assert_array_equal(found["NH4"], found["NH4_lab"])
    (warning,) = (w for w in result.summary["warnings"] if "composite" in w)
    assert "training.window" in warning
    assert {row["name"] for row in result.summary["missing"]} == set(term.spec.targets)


def test_a_neural_run_with_two_sensors_of_one_variable(tmp_path):
    text = TWO.replace("mode: hybrid", "mode: neural").replace("iterations: 4", "iterations: 2")
    result = run_training(write_two(tmp_path, text), tmp_path / "run")
    assert result.summary["sensors"] == {}  # what is learnt of sensors is the hybrid's
    assert "neural" in result.summary["scores"]["validate"]["NH4_lab"]
    path = tmp_path / "more.yaml"
    path.write_text("name: more\nchanges:\n  - {input: Q_in, scale: 1.1}\n")
    found = simulate_run(tmp_path / "run", path).cases[1]
    assert list(found.record.columns) == ["aerobic.S_NH", "aerobic.S_NO", "effluent.S_NO"]


def test_a_learnt_lag_stays_below_its_bound():
    sensors = Sensors([SensorSpec("a", False, 0.0, True)], torch.ones(1, dtype=torch.float64), 1)
    with torch.no_grad():
        sensors.u.fill_(-1e3)
    assert 0.0 < float(sensors.lags().detach()) < LONGEST_LAG
