"""Slow sensors, composite samples, detection limits and outliers, each against what can be worked out by hand."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from asm_hybrid.data import Observation
from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.training.bands import coverage, prediction_band
from asm_hybrid.training.observation import TRANSITION, composite_weights, lagged, robust
from asm_hybrid.training.scores import score
from asm_hybrid.training.sensors import BIAS_SPREAD, LAG_SPREAD, LONGEST_LAG, PACE, Sensors, SensorSpec, sensor_warnings
from asm_hybrid.training.windows import interpolate_outputs, make_windows, recorded_points

CPU = torch.device("cpu")
INTERVAL = 1.0 / 48


def observed(times, values, *, noise=0.5, censored=None, period=0.0, flow=None, label="y"):
    times, values = np.array(times, dtype=float), np.array(values, dtype=float)
    limits = np.zeros(len(times), dtype=np.int8) if censored is None else np.array(censored, dtype=np.int8)
    rows = np.arange(len(times))
    return Observation(label, "tank.S_NH", times, values, noise, "g N/m3", rows, limits, period, flow)


def record(*observations, interval=INTERVAL):
    return SimpleNamespace(interval=interval, observations=list(observations))


def test_a_slow_sensor_follows_a_ramp_by_its_lag():
    """The response to a t is a (t - lag), from the first point on."""
    t = torch.arange(50, dtype=torch.float64) * INTERVAL
    shown = lagged(3.0 + 2.0 * t, torch.tensor(0.03, dtype=torch.float64), INTERVAL)
    torch.testing.assert_close(shown, 3.0 + 2.0 * (t - 0.03), rtol=0, atol=1e-12)


@pytest.mark.parametrize("points", [5, 8, 33])
def test_a_slow_sensor_is_exact_for_straight_lines_between_points(points):
    """Against the exponential solution on each line, worked out one line after the other."""
    rng = np.random.default_rng(points)
    y, tau, h = rng.normal(size=points), 0.013, 0.02
    reach = min(points - 1, max(1, round(0.5 / 24 / h)))
    z = [y[0] - tau * (y[reach] - y[0]) / (reach * h)]
    for a, b in pairwise(y):
        slope = (b - a) / h
        z.append(b - tau * slope + (z[-1] - a + tau * slope) * np.exp(-h / tau))
    shown = lagged(torch.as_tensor(y), torch.tensor(tau, dtype=torch.float64), h)
    np.testing.assert_allclose(shown, z, rtol=0, atol=1e-12)


def test_a_step_is_followed_exponentially_and_without_lag_at_once():
    y = torch.zeros(40, dtype=torch.float64)
    y[10:] = 1.0
    lags = torch.tensor([0.0, 0.02], dtype=torch.float64)
    shown = lagged(y.expand(2, -1), lags, 0.01)
    torch.testing.assert_close(shown[0], y, rtol=0, atol=1e-6)
    after = 0.01 * torch.arange(1, 30, dtype=torch.float64)
    first = 1.0 - shown[1, 10]
    torch.testing.assert_close(1.0 - shown[1, 11:], first * torch.exp(-after / 0.02), rtol=0, atol=1e-12)


def test_the_gradient_of_a_lag_is_that_of_a_difference():
    y = torch.sin(torch.arange(60, dtype=torch.float64) / 5)
    lag = torch.tensor(0.02, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda tau: lagged(y, tau, INTERVAL), lag)


@pytest.mark.parametrize(("begin", "end"), [(3.0, 9.0), (3.3, 3.9), (0.0, 20.0), (2.75, 11.5)])
def test_a_composite_is_the_mean_of_straight_lines(begin, end):
    rng = np.random.default_rng(3)
    y = rng.normal(size=21)
    fine = np.linspace(begin, end, 600_001)
    first, weights = composite_weights(begin, end, 20)
    assert weights.sum() == pytest.approx(1.0)
    assert y[first : first + len(weights)] @ weights == pytest.approx(
        np.trapezoid(np.interp(fine, np.arange(21), y), fine) / (end - begin), abs=1e-8
    )


def test_composites_of_a_simulation_are_the_analytic_means_of_a_known_signal():
    """Of 5 + sin(2 π t) over six hours that end at t; a straight line is met exactly, a sine to the square of h."""
    ends = np.array([0.25, 0.7, 1.3, 1.99])
    t = np.arange(97) * INTERVAL
    outputs = np.stack([5 + np.sin(2 * np.pi * t), 3 * t], axis=-1)[None]
    series = [observed(ends, ends, period=0.25), observed(ends, ends, period=0.25, label="z")]
    found = interpolate_outputs(outputs, series, INTERVAL, 1)
    sine = 5 + (np.cos(2 * np.pi * (ends - 0.25)) - np.cos(2 * np.pi * ends)) / (2 * np.pi * 0.25)
    np.testing.assert_allclose(found[0][0], sine, atol=2e-3)
    np.testing.assert_allclose(found[1][0], 3 * (ends - 0.125), atol=1e-12)
    finer = 5 + np.sin(2 * np.pi * np.arange(96 * 6 + 1) * INTERVAL / 6)
    np.testing.assert_allclose(
        interpolate_outputs(finer[None, :, None], series[:1], INTERVAL, 6)[0][0], sine, atol=6e-5
    )


def test_a_composite_by_flow_weighs_the_hours_of_much_water():
    t = np.arange(49) * INTERVAL
    flow = np.where(t < 0.5, 1.0, 3.0)
    outputs = np.where(t < 0.5, 10.0, 2.0)[None, :, None]
    (found,) = interpolate_outputs(outputs, [observed([1.0], [0.0], period=1.0, flow=flow)], INTERVAL, 1)
    assert found[0, 0] == pytest.approx((10.0 * 1 + 2.0 * 3) / 4, rel=0.02)


def test_windows_take_composites_that_lie_in_them_as_a_whole_and_count_the_others():
    ends = np.array([0.25, 0.5, 0.6, 0.75, 1.0])
    data = record(observed([0.1, 0.8], [1.0, 2.0]), observed(ends, np.arange(5.0), period=0.25, label="z"))
    assert recorded_points(data.observations, INTERVAL, 2) == 6  # the grab samples are off the grid
    assert recorded_points(data.observations[1:], INTERVAL, 2) == 1
    windows = make_windows(data, (0.0, 1.0), 24, 1, CPU)
    both = torch.tensor([0, 1])
    assert windows.counts(both).tolist() == [3, 3]
    assert windows.left_out == 1
    t = torch.arange(49, dtype=torch.float64) * INTERVAL
    outputs = torch.stack([torch.zeros_like(t), t], dim=-1)
    cut = torch.stack([outputs[:25], outputs[24:]]).unsqueeze(0)
    residual = windows.residuals(cut, both)[0] * 0.5
    expected = [[-1.0, 0.125 - 0, 0.375 - 1], [-2.0, 0.625 - 3, 0.875 - 4]]
    np.testing.assert_allclose(residual, expected, atol=1e-12)


def test_samples_below_the_limit_cost_nothing_there_and_have_no_gradient():
    data = record(observed(INTERVAL * np.arange(3), [0.5, 0.5, 2.0], censored=[BELOW, BELOW, 0], noise=0.1))
    windows = make_windows(data, (0.0, 4 * INTERVAL), 4, 1, CPU)
    y = torch.tensor([0.3, 0.8, 1.5, 0.0, 0.0], dtype=torch.float64).reshape(1, 1, 5, 1).requires_grad_()
    residual = windows.residuals(y, torch.tensor([0]))
    np.testing.assert_allclose(residual.detach().flatten(), [0.0, 3.0, -5.0], atol=1e-12)
    residual.square().sum().backward()
    assert y.grad.flatten()[:3].tolist() == pytest.approx([0.0, 60.0, -100.0])


def test_samples_at_saturation_cost_nothing_beyond_and_have_no_gradient():
    data = record(observed(INTERVAL * np.arange(3), [5.0, 5.0, 2.0], censored=[ABOVE, ABOVE, 0], noise=0.1))
    windows = make_windows(data, (0.0, 4 * INTERVAL), 4, 1, CPU)
    y = torch.tensor([7.0, 4.7, 1.5, 0.0, 0.0], dtype=torch.float64).reshape(1, 1, 5, 1).requires_grad_()
    residual = windows.residuals(y, torch.tensor([0]))
    np.testing.assert_allclose(residual.detach().flatten(), [0.0, -3.0, -5.0], atol=1e-12)
    residual.square().sum().backward()
    assert y.grad.flatten()[:3].tolist() == pytest.approx([0.0, -60.0, -100.0])


def test_hubers_loss_is_the_square_up_to_its_transition_and_a_line_beyond():
    r = torch.tensor([-10.0, -TRANSITION, -1.0, 0.0, 2.0, TRANSITION, 8.0], dtype=torch.float64, requires_grad=True)
    cost = robust(r, "huber").square()
    k = TRANSITION
    expected = [2 * k * 10 - k**2, k**2, 1.0, 0.0, 4.0, k**2, 2 * k * 8 - k**2]
    assert cost.tolist() == pytest.approx(expected)
    (slope,) = torch.autograd.grad(cost.sum(), r)
    assert slope.tolist() == pytest.approx([-2 * k, -2 * k, -2, 0, 4, 2 * k, 2 * k])
    assert robust(r, "squares") is r


def test_scores_and_bands_of_samples_below_the_limit():
    measured, censored = np.array([0.5, 0.5, 2.0, 3.0]), np.array([BELOW, BELOW, 0, 0])
    found = score(measured, np.array([0.1, 0.9, 1.0, 3.0]), censored)
    assert found["rmse"] == pytest.approx(np.sqrt((0.4**2 + 1.0) / 4))
    assert found["bias"] == pytest.approx((0.4 - 1.0) / 4)
    band = np.array([0.0, 0.6, 0.0, 0.0]), np.array([0.2, 0.8, 2.5, 2.5])
    assert coverage(measured, *band, censored) == pytest.approx(2 / 4)
    rng = np.random.default_rng(1)
    low = 0.4 * rng.random((1, 60))
    made = prediction_band(np.full(60, 0.5), low, np.ones(60, dtype=bool), np.full(60, BELOW))
    assert made.residual == 0.0  # nothing is known to err


def test_scores_and_bands_of_samples_at_saturation():
    measured, censored = np.array([5.0, 5.0, 2.0, 3.0]), np.array([ABOVE, ABOVE, 0, 0])
    found = score(measured, np.array([6.0, 4.6, 1.0, 3.0]), censored)
    assert found["rmse"] == pytest.approx(np.sqrt((0.4**2 + 1.0) / 4))
    assert found["bias"] == pytest.approx((-0.4 - 1.0) / 4)
    band = np.array([5.5, 4.0, 0.0, 0.0]), np.array([7.0, 4.5, 2.5, 2.5])
    assert coverage(measured, *band, censored) == pytest.approx(2 / 4)


def three():
    specs = [
        SensorSpec("a", bias=True, lag=0.0, learns_lag=False),
        SensorSpec("b", bias=False, lag=0.02, learns_lag=False),
        SensorSpec("c", bias=True, lag=0.0, learns_lag=True),
    ]
    return Sensors(specs, torch.tensor([0.2, 1.0, 0.5], dtype=torch.float64), 2)


def test_sensors_begin_almost_without_effect_and_show_what_is_learnt():
    sensors = three()
    t = torch.arange(200, dtype=torch.float64) * INTERVAL
    truth = torch.stack([torch.sin(t), 2 * t, 3 * t], dim=-1).expand(2, 1, -1, -1)
    begin = sensors.read(truth, INTERVAL)
    torch.testing.assert_close(begin[..., 0], truth[..., 0])
    torch.testing.assert_close(begin[..., 1], truth[..., 1] - 2 * 0.02)
    torch.testing.assert_close(begin[..., 2], truth[..., 2], rtol=0, atol=3 * 1.01 * LONGEST_LAG / 100)
    with torch.no_grad():
        sensors.b.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]) / PACE)
        sensors.u.copy_(torch.tensor([[1.0], [2.0]]) / PACE)
    shown = sensors.read(truth, INTERVAL)
    torch.testing.assert_close(shown[0, ..., 0], truth[0, ..., 0] + BIAS_SPREAD * 0.2)
    torch.testing.assert_close(shown[0, ..., 2], truth[0, ..., 2] - 3 * LONGEST_LAG / 2)
    torch.testing.assert_close(shown[1, ..., 2], truth[1, ..., 2] - 3 * LONGEST_LAG * 0.8 - BIAS_SPREAD * 0.5)
    known = sensors.known(truth, INTERVAL)
    torch.testing.assert_close(known, torch.stack([truth[..., 0], begin[..., 1], truth[..., 2]], dim=-1))
    expected = [1.0 + (LONGEST_LAG / 2 / LAG_SPREAD) ** 2, 1.0 + (0.8 * LONGEST_LAG / LAG_SPREAD) ** 2]
    assert sensors.prior(10.0).tolist() == pytest.approx([e / (4 * 10 * 3) for e in expected])  # four a day and column


def test_sensors_begin_from_those_of_an_earlier_run_if_they_are_the_same():
    earlier, later = three(), three()
    with torch.no_grad():
        earlier.b.copy_(torch.tensor([[0.1, 0.2], [0.3, 0.4]]))
        earlier.u.copy_(torch.tensor([[0.5], [0.6]]))
        later.noise.mul_(2.0)
    later.begin_from(earlier)
    torch.testing.assert_close(later.biases(), earlier.biases())
    torch.testing.assert_close(later.lags(), earlier.lags())
    other = Sensors(earlier.specs[:1], earlier.noise[:1], 2)
    other.begin_from(earlier)
    assert (other.biases() == 0).all()


def test_the_table_of_sensors_says_what_was_learnt_and_warns_of_what_no_sensor_does():
    sensors = three()
    with torch.no_grad():
        sensors.b.copy_(torch.tensor([[2.5, 0.0], [2.7, 0.2]]) / PACE)
        sensors.u.copy_(torch.tensor([[3.0], [4.0]]) / PACE)
    units = ["g N/m3", "g N/m3", "g TSS/m3"]
    table = sensors.table(units, {"a": (1.0, 2.0)}, of_f=False)
    assert table["a"]["bias"] == {
        "value": pytest.approx(2.6 * 0.6),
        "low": pytest.approx(2.5 * 0.6),
        "high": pytest.approx(2.7 * 0.6),
        "unit": "g N/m3",
        "learnt": True,
        "profile_low": 1.0,
        "profile_high": 2.0,
    }
    assert table["c"]["bias"]["profile_low"] is table["c"]["bias"]["profile_high"] is None
    assert table["b"]["lag"]["value"] == pytest.approx(28.8)
    assert not table["b"]["lag"]["learnt"]
    warnings = sensor_warnings(table, {"a": 0.2, "b": 1.0, "c": 0.5})
    assert [w.split(" of ")[1].split(",")[0] for w in warnings] == ["a", "c"]


def test_the_table_of_sensors_beside_f_has_the_biases_that_calibration_found():
    sensors = three()
    with torch.no_grad():
        sensors.b.copy_(torch.tensor([[2.5, 0.0], [2.7, 0.2]]) / PACE)
        sensors.beside_f.copy_(torch.tensor([1.5, 0.0, -4.0]))
    table = sensors.table(["g N/m3", "g N/m3", "g TSS/m3"], {"a": (1.0, 2.0)}, of_f=True)
    bias = table["a"]["bias"]
    assert [bias[k] for k in ("profile_low", "low", "value", "high", "profile_high")] == [1.0, 1.5, 1.5, 1.5, 2.0]
    assert "bias" not in table["b"]
    assert "c" not in table  # its bias was not found beside f, and its lag is learnt with n
