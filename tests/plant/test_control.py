"""Controllers: response of lags, limits and anti-windup, hysteresis, cascades, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flowsheets import AMMONIUM, BSM1_TANKS, INTERMITTENT, OXYGEN, draw_inputs, draw_states, flow_sheet, parameters
from scipy.integrate import solve_ivp

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import PI, Lag, Layout, OnOff, Plant, torch_namespace
from asm_hybrid.plant.control import sorted_controllers

XP = torch_namespace()


def scalar(value):
    return torch.tensor([value], dtype=torch.float64)


@pytest.mark.parametrize("order", [1, 2, 8])
def test_a_lag_reaches_90_percent_of_a_step_after_its_response_time(order):
    lag = Lag(0.02, order)
    found = solve_ivp(lambda t, z: lag.slopes(z, 1.0), (0.0, 0.02), np.zeros(order), rtol=1e-11, atol=1e-13)
    assert found.y[-1, -1] == pytest.approx(0.9, abs=1e-8)


def test_lags_have_the_constants_of_bsm1():
    """The description of BSM1 has 3.89 for two lags and 11.7724 for eight."""
    assert Lag(1.0, 2).response / Lag(1.0, 2).constant == pytest.approx(3.89, abs=0.005)
    assert Lag(1.0, 8).response / Lag(1.0, 8).constant == pytest.approx(11.7724, rel=2e-4)


def evaluate(law, integral, error):
    moved, slope = law.evaluate(scalar(integral), scalar(error), XP)
    return float(moved), float(slope)


def test_pi_between_its_limits_is_the_textbook_law():
    law = PI(25.0, 0.002, 0.001, 144.0, 0.0, 360.0)
    moved, slope = evaluate(law, 10.0, 0.5)
    assert moved == 144.0 + 25.0 * 0.5 + 10.0
    assert slope == pytest.approx(25.0 * 0.5 / 0.002, rel=1e-14)


@pytest.mark.parametrize(("error", "limit"), [(8.0, 360.0), (-8.0, 0.0)])
def test_the_integral_of_a_saturated_pi_comes_to_rest(error, limit):
    """It tracks: at rest the wanted value is beyond the limit by ``K e T_t / T_i``, however long saturation lasts."""
    law = PI(25.0, 0.002, 0.001, 144.0, 0.0, 360.0)
    found = solve_ivp(
        lambda t, z: [evaluate(law, z[0], error)[1]], (0.0, 1.0), [0.0], method="LSODA", rtol=1e-10, atol=1e-9
    )
    integral = found.y[0, -1]
    moved, slope = evaluate(law, integral, error)
    assert moved == limit
    assert abs(slope) < 1e-3
    wanted = law.offset + law.gain * error + integral
    assert wanted - limit == pytest.approx(law.gain * error * law.tracking_time / law.integral_time, rel=1e-8)
    back, _ = evaluate(law, integral, 0.0 * error)
    assert 0.0 < back < 360.0  # it leaves the limit as soon as the error does


def test_an_integral_at_rest_without_error_stays_inside_the_limits():
    law = PI(25.0, 0.002, 0.001, 144.0, 0.0, 360.0)
    found = solve_ivp(lambda t, z: [evaluate(law, z[0], 0.0)[1]], (0.0, 1.0), [1000.0], method="LSODA", rtol=1e-10)
    assert found.y[0, -1] == pytest.approx(360.0 - 144.0, rel=1e-6)


@pytest.mark.parametrize(("on", "off"), [(3.0, 1.0), (1.0, 3.0)])
def test_on_off_switches_at_the_ends_of_its_dead_band(on, off):
    law, above = OnOff(200.0, 0.0, on, off), on > off
    for measured in np.linspace(0.0, 4.0, 41):
        switches_on = law.distance(0.0, measured) < 0
        switches_off = law.distance(1.0, measured) < 0
        assert switches_on == (measured > on if above else measured < on)
        assert switches_off == (measured < off if above else measured > off)
        assert not (switches_on and switches_off)


def by_name(plant, state):
    """Return the entries of a state by name."""
    return dict(zip(plant.rows.names, state[plant.rows.active > 0], strict=True))


def steered(name, seed=4):
    """Return a plant, its state and inputs by name, and its inputs as controllers make them and slopes, by name."""
    plant, rng = flow_sheet(name), np.random.default_rng(seed)
    x, u = draw_states(plant, rng, 1)[0], draw_inputs(plant, rng, 1)[0]
    X, p = torch.as_tensor(x), torch.as_tensor(parameters(plant))
    forcing = plant.forcing(torch.as_tensor(u), p, XP)
    moved = plant.steer(X, forcing, XP)[0].u.numpy()
    slope = plant.derivative(X, forcing, plant.stoichiometry(p, XP), XP).numpy()
    names = list(plant.input_index)
    inputs, after = dict(zip(names, u, strict=True)), dict(zip(names, moved, strict=True))
    return by_name(plant, x), inputs, after, by_name(plant, slope)


@pytest.mark.parametrize("seed", range(5))
def test_a_closed_loop_by_hand(seed):
    """BSM1: a noisy sensor with eight lags moves a flow at once, one with two lags a kLa through two more."""
    x, u, moved, slope = steered("bsm1_closed", seed)
    changed = {n for n in u if u[n] != moved[n]}
    assert changed == {"recycle.internal", "tank_5.kla"}
    tau = 10.0 / 1440.0 / 11.7709
    seen = min(max(x["nitrate.sensor_8"] + u["nitrate.noise"], 0.0), 20.0)
    error = u["nitrate.setpoint"] - seen
    wanted = 18500.0 + 1e4 * error + x["nitrate.integral"]
    assert moved["recycle.internal"] == pytest.approx(min(max(wanted, 0.0), 92230.0), rel=1e-12)
    tracked = 1e4 * error / 0.025 + (moved["recycle.internal"] - wanted) / 0.015
    assert slope["nitrate.integral"] == pytest.approx(tracked, rel=1e-12)
    chain = [x["tank_2.S_NO"], *(x[f"nitrate.sensor_{i}"] for i in range(1, 9))]
    for i in range(1, 9):
        assert slope[f"nitrate.sensor_{i}"] == pytest.approx((chain[i - 1] - chain[i]) / tau, rel=1e-3)
    error = u["oxygen.setpoint"] - min(max(x["oxygen.sensor_2"] + u["oxygen.noise"], 0.0), 10.0)
    wanted = min(max(144.0 + 25.0 * error + x["oxygen.integral"], 0.0), 360.0)
    assert moved["tank_5.kla"] == x["oxygen.actuator_2"]
    tau = 4.0 / 1440.0 / 3.8897
    assert slope["oxygen.actuator_1"] == pytest.approx((wanted - x["oxygen.actuator_1"]) / tau, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_a_cascade_by_hand(seed):
    """Ammonium moves the setpoint of oxygen, without which oxygen would follow its own input."""
    x, u, moved, slope = steered("cascade", seed)
    error = u["ammonium.setpoint"] - x["ammonium.sensor_3"]
    setpoint = min(max(2.0 - 0.5 * error + x["ammonium.integral"], 0.5), 4.0)
    assert moved["oxygen.setpoint"] == pytest.approx(setpoint, rel=1e-12)
    seen = min(max(x["oxygen.sensor_2"] + u["oxygen.noise"], 0.0), 10.0)
    wanted = 144.0 + 25.0 * (setpoint - seen) + x["oxygen.integral"]
    held = min(max(wanted, 0.0), 360.0)
    expected = 25.0 * (setpoint - seen) / 0.002 + (held - wanted) / 0.001
    assert slope["oxygen.integral"] == pytest.approx(expected, rel=1e-11)


def test_on_off_moves_two_inputs_through_one_actuator():
    x, u, moved, slope = steered("on_off")
    assert moved["tank_3.kla"] == moved["tank_4.kla"] == x["intermittent.actuator_2"]
    assert slope["intermittent.mode"] == 0.0
    assert {n for n in u if u[n] != moved[n]} == {"tank_3.kla", "tank_4.kla"}


def plant_with(*controllers):
    return Plant(load_table("asm1_bsm"), Layout(BSM1_TANKS, {"tank_1": 1.0}, {"tank_1": 1.0}, controllers=controllers))


@pytest.mark.parametrize(
    ("controllers", "message"),
    [
        ((replace(OXYGEN, measured="effluent.S_NH"),), "measures 'effluent.S_NH'"),
        ((replace(OXYGEN, measured="tank_6.S_O"),), "does not have"),
        ((replace(OXYGEN, sets=("tank_1.kla",)),), "no input of the plant"),
        ((OXYGEN, replace(OXYGEN, name="other")), "is set by two controllers"),
        ((AMMONIUM,), "sets the setpoint of 'oxygen', which does not exist"),
        ((INTERMITTENT, replace(AMMONIUM, sets=("intermittent.setpoint",))), "no input of the plant"),
    ],
)
def test_wrong_controllers_are_refused(controllers, message):
    with pytest.raises(InputError) as caught:
        plant_with(*controllers)
    assert message in str(caught.value)


def test_a_circle_of_setpoints_is_refused():
    with pytest.raises(InputError, match="in a circle"):
        sorted_controllers((replace(OXYGEN, sets=("ammonium.setpoint",)), AMMONIUM))
