"""Sensors with a dead time: exact at the points, found again beside the parameters of f, and read so everywhere."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid import load_model
from asm_hybrid.data import Observation, read_dataset
from asm_hybrid.errors import InputError
from asm_hybrid.explanations.laws.in_plant import fitted_record
from asm_hybrid.newdata.predict import predict
from asm_hybrid.training.compared_model import ForecastTask
from asm_hybrid.training.observation import delayed, lagged
from asm_hybrid.training.sensors import Sensors, SensorSpec, between_knots
from asm_hybrid.training.state_forecast import loop_of_f, plant_outputs
from asm_hybrid.training.updating import Fluctuations
from asm_hybrid.training.windows import make_windows, recorded_points
from asm_hybrid.workflow import run_training

STEP = 0.01
LATE = 40.0
"""Dead time of the true sensors [min]; knots are 30 min apart."""


def cubic(t):
    return 1.0 + t - 3.0 * t**2 + 2.0 * t**3


def test_a_cubic_is_shown_exactly_by_every_dead_time():
    t = torch.arange(31, dtype=torch.float64) * STEP
    delays = torch.tensor([0.0, 0.003, 0.03, 0.2, 0.9], dtype=torch.float64)
    shown = delayed(cubic(t).expand(5, -1), delays, STEP)
    torch.testing.assert_close(shown, cubic((t - delays.unsqueeze(-1)).clamp(min=0.0)), rtol=0, atol=1e-13)
    assert torch.equal(shown[0], cubic(t))


def test_a_record_of_two_points_is_a_line():
    shown = delayed(torch.tensor([1.0, 3.0], dtype=torch.float64), torch.tensor(0.004, dtype=torch.float64), STEP)
    torch.testing.assert_close(shown, torch.tensor([1.0, 2.2], dtype=torch.float64))


def test_gradient_with_respect_to_a_dead_time():
    y = torch.sin(5 * torch.linspace(0, 1, 31, dtype=torch.float64)).requires_grad_()
    delay = torch.tensor(0.0137, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda y, d: delayed(y, d, 1 / 30), (y, delay), atol=1e-7, rtol=1e-5)


def test_lag_and_dead_time_in_turn():
    """Of a ramp both show what was before, by their sum."""
    sensors = Sensors([SensorSpec("a", False, 0.02, False, delay=0.015)], torch.ones(1, dtype=torch.float64), 1)
    t = torch.arange(31, dtype=torch.float64) * STEP
    shown = sensors.read((2.0 * t).reshape(1, 1, -1, 1), STEP)[0, 0, :, 0]
    torch.testing.assert_close(shown[3:], 2.0 * (t[3:] - 0.035))
    torch.testing.assert_close(shown[3:], lagged(2.0 * t, torch.tensor(0.02), STEP)[3:] - 2.0 * 0.015)


def test_points_between_knots_are_recorded_where_a_sensor_shows_them():
    whole, part = (SensorSpec("a", False, 0.0, False, delay=d / 1440) for d in (30, 40))
    learnt = SensorSpec("a", False, 0.0, False, learns_delay=True)
    assert [between_knots([s], 1 / 48) for s in (whole, part, learnt)] == [False, True, True]
    assert recorded_points([], 1 / 48, 2, between=True) == 6


def test_a_sample_lies_in_the_window_that_holds_what_it_shows():
    t = np.arange(1, 20) / 48
    o = Observation("a", "t.S_NH", t, t, 1.0, "g", np.arange(len(t)), np.zeros(len(t), dtype=np.int8))
    record = type("Record", (), {"interval": 1 / 48, "observations": [o]})
    windows = make_windows(record, (0.0, 0.25), 6, 3, torch.device("cpu"), delays=[LATE / 1440])
    course = torch.arange(2 * 18 + 1, dtype=torch.float64) / (3 * 48)
    outputs = torch.stack([course[:19], course[18:]]).unsqueeze(-1)
    index = torch.arange(2)
    residual = windows.residuals(outputs, index)[windows.weight > 0]
    assert len(residual) == 10  # from the third knot, since 40 min before the second is before the first window
    torch.testing.assert_close(residual, -torch.full_like(residual, LATE / 1440))


LEARN = (
    CONFIG.replace("mode: hybrid, calibrate: [mu_A, eta_g]", "mode: mechanistic, calibrate: [mu_A]")
    .replace("noise: 0.2}\n        NO3", "noise: 0.05, delay: learn}\n        NO3")
    .replace("noise: 0.2}\n  blocks", f"noise: 0.05, delay: {LATE:g} min}}\n  blocks")
    .replace("calibration_evaluations: 3", "calibration_evaluations: 14")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("late")
    run_training(write_case(base, LEARN, late=LATE / 1440, truth={"mu_A": 0.65}), base / "run")
    return base / "run"


def test_a_dead_time_is_found_within_its_interval(run):
    summary = json.loads((run / "summary.json").read_text())
    found, given = summary["sensors"]["NH4"]["delay"], summary["sensors"]["NO3"]["delay"]
    assert found["learnt"]
    assert found["profile_low"] <= LATE <= found["profile_high"]
    assert found["profile_high"] - found["profile_low"] < 8.0
    assert found["value"] == pytest.approx(LATE, abs=4.0)
    assert given == {"value": pytest.approx(LATE), "low": pytest.approx(LATE), "high": pytest.approx(LATE)} | {
        "unit": "min",
        "learnt": False,
    }
    assert summary["scores"]["test"]["NH4"]["recalibrated"]["rmse"] < 0.06  # the noise is 0.05
    assert float(load_model(run).sensors.delays[0]) * 1440 == pytest.approx(found["value"])


def test_new_data_are_predicted_late_too(run, tmp_path):
    """The record again: the same errors."""
    found = predict(run, run.parent / "plant.csv")
    frame = pd.read_csv(run / "predictions.csv").query("variable == 'NH4'")
    values = found.passed["recalibrated"].loop.values[0][0]
    np.testing.assert_allclose(
        values[-len(frame) // 2 :], frame["recalibrated"].to_numpy()[-len(frame) // 2 :], atol=1e-5
    )


def test_forecasts_show_what_was_before_their_origins(run):
    """An hour ahead most of what a sensor shows has been: no error beyond noise, without a jump at the origin."""
    scores = json.loads((run / "summary.json").read_text())["forecast"]["scores"]["test"]
    assert scores["1 h"]["NH4"]["recalibrated"]["rmse"] < 0.08


@pytest.mark.parametrize("minutes", [40.0, 90.0])
def test_a_forecast_that_moves_nothing_shows_what_the_simulation_shows(run, minutes):
    """From an origin on sensors show first what was before it: with a dead time of 90 min for an hour and a half."""
    model = load_model(run)
    model.sensors.delays.fill_(minutes / 1440)
    dataset = read_dataset(model.config, model.plant.table, model.plant.layout)
    record = fitted_record(model, dataset)
    loop, grid = loop_of_f(record, 1), record.grid
    knots = np.array([2, 100, 150])
    task = ForecastTask(record, knots, (), 12, np.zeros(0, dtype=int))
    still = Fluctuations(torch.eye(2).double()[None], torch.zeros(1, 2, 28).double(), torch.zeros(1, 28).double())
    shown = plant_outputs(task, loop, record.model.recalibrated(), record.model.sensors.of_f, still)
    expected = record.model.sensors.of_f(record.f.outputs[1:], grid.spacing)[:, :: grid.points]
    for origin, knot in enumerate(knots):
        torch.testing.assert_close(
            shown[:, origin, :: grid.points], expected[:, knot : knot + 13], rtol=0, atol=2e-3 if knot > 2 else 0.05
        )


@pytest.mark.parametrize(
    ("was", "now", "key"),
    [
        ("flow: 12000}", "flow: 12000, delay: 5 min}", "recycles.internal.delay"),
        ("flow: 4000}", "flow: 4000, delay: 20 min}", "return_sludge.delay"),
    ],
)
def test_a_plant_with_a_late_stream_is_not_trained(tmp_path, was, now, key):
    path = write_case(tmp_path, LEARN, late=LATE / 1440, truth={"mu_A": 0.65})
    path.write_text(path.read_text().replace(was, now))
    with pytest.raises(InputError, match="arrives late") as caught:
        run_training(path, tmp_path / "run")
    assert f"(plant.{key})" in str(caught.value)
    assert "asm-hybrid simulate" in str(caught.value)


def test_a_dead_time_that_nothing_could_find(tmp_path):
    path = write_case(tmp_path, LEARN.replace(", calibrate: [mu_A]", ""))
    with pytest.raises(InputError) as caught:
        run_training(path, tmp_path / "run")
    assert "dead time of 'NH4' is to be learnt" in str(caught.value)
    assert "model.calibrate" in str(caught.value)
