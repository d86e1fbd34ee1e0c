"""Plants in which something arrives late: streams with a time of travel, and controllers whose sensors are late."""

import copy
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from layout_tools import layout_plant
from scipy.linalg import expm

import asm_hybrid as ah
from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.scenario import late_streams
from asm_hybrid.scenario.case_findings import find
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.definition import load_scenario
from asm_hybrid.scenario.influents import find_influent
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs
from asm_hybrid.scenario.subject import load_subject

Q, R, A, B = 5000.0, 12000.0, 1000.0, 2000.0
"""Flows of influent and recycle [m3/d], and volumes of the two tanks [m3]."""
TRAVEL = 17.0 / 1440.0
ZERO = dict.fromkeys(
    ["S_S", "X_I", "X_S", "X_BH", "X_BA", "X_P", "S_O", "S_NO", "S_NH", "S_ND", "X_ND", "S_ALK", "S_N2"], 0
)
TRACER = {
    "name": "tracer",
    "model": {"kinetics": "asm1"},
    "plant": {
        "temperature": 15,
        "tanks": {"a": {"volume": A}, "b": {"volume": B}},
        "influent": {"to": "a", "flow": Q, "composition": {**ZERO, "S_I": 30}},
        "recycles": {"back": {"from": "b", "to": "a", "flow": R, "delay": "17 min"}},
        "settler": {"type": "none"},
    },
}
MINUTE = 1.0 / 1440.0


def compiled(content, **more):
    file = load_plant(content)
    table = load_kinetics(file)
    plant = Plant(table, build_layout(file, table))
    return CompiledPlant(plant, np.array([p.default for p in table.parameters]), **more)


def constant(found, days, sample=MINUTE):
    times = np.arange(round(days / sample) + 1) * sample
    row = [found.plant.layout.constants[s.name] for s in found.plant.inputs]
    return InputSeries(times, np.tile(row, (len(times) - 1, 1)), None, sample)


@pytest.fixture(scope="module")
def tracer():
    found = compiled(TRACER, tolerance=1e-9)
    inputs = constant(found, 0.2)
    return found.simulate(np.zeros(len(found.plant.rows.names)), inputs)


def test_until_the_first_water_is_back_the_tank_is_one_without_a_recycle(tracer):
    t = tracer.times[tracer.times <= TRAVEL]
    expected = 30.0 * Q / (Q + R) * (1.0 - np.exp(-(Q + R) / A * t))
    np.testing.assert_allclose(tracer.columns["a.S_I"][: len(t)], expected, atol=1e-5)


def test_a_tracer_follows_the_delay_differential_equation(tracer):
    """An independent solver of delay differential equations, at tight tolerances."""

    def f(t, x, lag):
        into = (Q * 30.0 + R * lag[1]) / A - (Q + R) / A * x[0]
        return torch.stack([into, (Q + R) / B * (x[0] - x[1])])

    tau = torch.tensor(TRAVEL, dtype=torch.float64)
    times = torch.as_tensor(tracer.times)
    x0 = torch.zeros(2, dtype=torch.float64)
    found = ah.solve(
        f, x0, times, delays=tau, history=lambda t: torch.zeros(2, dtype=torch.float64), rtol=1e-9, atol=1e-9
    )
    for i, name in enumerate(("a.S_I", "b.S_I")):
        np.testing.assert_allclose(tracer.columns[name], found.states[:, i].numpy(), atol=2e-4)


def test_a_chain_of_tanks_comes_close_as_it_gets_longer(tracer):
    """The pipe as n tanks that hold the same water: the difference falls as 1/n."""
    differences = []
    for n in (20, 80):
        slope = np.zeros((n + 3, n + 3))  # tanks a and b, the pipe, and the constant one
        slope[0, [0, -1, -2]] = -(Q + R) / A, Q * 30.0 / A, R / A
        slope[1, [0, 1]] = (Q + R) / B, -(Q + R) / B
        for k in range(n):
            slope[2 + k, [1 if k == 0 else 1 + k, 2 + k]] = n / TRAVEL, -n / TRAVEL
        step, x, course = expm(slope * MINUTE), np.eye(n + 3)[-1], []
        for _ in tracer.times:
            course.append(x[0])
            x = step @ x
        differences.append(np.abs(np.array(course) - tracer.columns["a.S_I"]).max())
    assert differences[1] < 0.06
    assert differences[0] / differences[1] == pytest.approx(4.0, rel=0.25)


@pytest.fixture(scope="module")
def plants():
    """BSM1's pre-denitrification, at once and with delays of recycle and return sludge."""
    plant = layout_plant("mle")
    late = tuple(replace(r, delay=10 * MINUTE) for r in plant.layout.recycles)
    late = Plant(plant.table, replace(plant.layout, recycles=late, return_delay=25 * MINUTE))
    values = np.array([p.default for p in plant.table.parameters])
    return CompiledPlant(plant, values), CompiledPlant(late, values)


def test_a_plant_rests_where_it_rests_without_delays(plants):
    at_once, late = plants
    inputs = constant(late, 0.25, 1 / 96)
    rest = at_once.steady_state(inputs.begin[0]).state
    np.testing.assert_array_equal(late.steady_state(inputs.begin[0]).state, rest)
    states = late.simulate(rest, inputs).states
    np.testing.assert_allclose(states, np.tile(rest, (len(states), 1)), rtol=1e-5, atol=1e-5)


def test_shorter_intervals_change_little_and_the_balances_close(plants, monkeypatch):
    at_once, late = plants
    flow, t = late.plant.layout.constants["Q_in"], np.arange(97) / 96
    frame = pd.DataFrame({"time": t, "Q_in": flow * (1 - 0.3 * np.cos(2 * np.pi * t))})
    inputs = assemble_inputs(late.plant, 1.0, frame, held=False)
    start = late.steady_state(inputs.mean).state
    usual, plain = late.simulate(start, inputs), at_once.simulate(start, inputs)
    monkeypatch.setattr(late_streams, "SPAN", 1.0 * MINUTE)
    fine = replace(late, tolerance=1e-7).simulate(start, inputs)
    name = "aerobic_1.S_NO"
    error = np.abs(usual.columns[name] - fine.columns[name]).max()
    assert error < 0.05 * np.abs(plain.columns[name] - fine.columns[name]).max()
    found = find(late, usual, inputs)
    assert not any("balance" in w for w in found.warnings)
    assert "Streams with a delay have taken up" in found.balance
    assert "Streams with a delay" not in find(at_once, plain, inputs).balance


def layered():
    content = copy.deepcopy(TRACER)
    content["plant"] |= {
        "settler": {"type": "takacs", "area": 500, "height": 4},
        "return_sludge": {"to": "a", "flow": 4000},
    }
    content["plant"]["wastage"] = {"flow": 90}
    content["plant"]["tanks"]["b"]["kla"] = 100
    content["plant"]["influent"]["composition"] |= {"S_S": 70, "X_S": 180, "X_BH": 25, "S_NH": 30, "S_ALK": 7}
    content["plant"]["recycles"]["back"]["delay"] = "0 min"
    return content


def test_what_returns_from_a_layered_settler_is_late_too():
    """What arrives is what the waste sludge was 20 min before, when that comes from the settler as well."""
    content = layered()
    at_once = compiled(content)
    content["plant"]["return_sludge"]["delay"] = "20 min"
    late = compiled(content)
    inputs = constant(late, 0.25, 5 * MINUTE)
    rest = at_once.steady_state(inputs.begin[0]).state
    states = late.simulate(rest, inputs).states
    np.testing.assert_allclose(states, np.tile(rest, (len(states), 1)), rtol=5e-4, atol=1e-3)
    begin, names = rest.copy(), late.plant.rows.names
    begin[names.index("b.X_I")] += 500.0
    found = late.simulate(begin, inputs)
    solid = late.plant.table.component_names.index("X_I")
    drawn = found.columns["waste.X_I"]
    assert np.ptp(drawn) > 5.0
    np.testing.assert_allclose(found.late[4:, solid], drawn[:-4], rtol=1e-6)
    np.testing.assert_allclose(found.late[:4, solid], drawn[0], rtol=1e-6)
    assert not any("balance" in w for w in find(late, found, inputs).warnings)


@pytest.mark.parametrize("kind", ["pi", "on_off"])
def test_a_controller_sees_what_was_a_dead_time_before(kind):
    """Its sensor follows the oxygen of 6 min ago, whatever the law makes of it."""
    content = layered()
    content["plant"]["tanks"]["b"] = {"volume": B}
    laws = {
        "pi": {"setpoint": 2, "gain": 25, "integral_time": "20 min", "offset": 100, "high": 240},
        "on_off": {"on": 200, "off": 0, "switch_on": 1, "switch_off": 2},
    }
    sensor = {"response": "4 min", "order": 1, "delay": "6 min"}
    content["plant"]["control"] = {
        "oxygen": {"type": kind, "measure": "b.S_O", "move": "b.kla", "sensor": sensor} | laws[kind]
    }
    found = compiled(content)
    inputs = constant(found, 0.15, MINUTE / 2)
    record = found.simulate(found.start(inputs.begin[0]), inputs)
    seen = record.states[:, found.plant.rows.names.index("oxygen.sensor_1")]
    oxygen, keep = record.columns["b.S_O"], np.exp(-np.log(10) / 8)  # 90 % in 4 min: of a half minute
    assert np.ptp(oxygen) > 1.0
    shown, expected = np.concatenate([np.full(12, oxygen[0]), oxygen[:-12]]), [seen[0]]
    for before, now in pairwise(shown):
        expected.append(keep * expected[-1] + (1 - keep) * (before + now) / 2)
    np.testing.assert_allclose(seen, expected, atol=0.02)


def test_concentrations_of_a_made_influent_arrive_later_and_its_flow_at_once():
    scenario = {"days": 1, "influent": {"generate": {"population": 20000}}}
    content = copy.deepcopy(TRACER)
    frames = []
    for delay in ("0 min", "30 min"):
        content["plant"]["influent"]["delay"] = delay
        frames.append(find_influent(load_subject(content), load_scenario(scenario)))
    now, later = (found.frame for found in frames)
    np.testing.assert_array_equal(now["Q_in"], later["Q_in"])
    np.testing.assert_array_equal(later["influent.S_NH"][2:], now["influent.S_NH"][:-2])  # held for 15 min
    assert "30 min later" in frames[1].text


@pytest.mark.parametrize(
    ("delay", "part"),
    [("-5 min", "0"), ("10 s", "from 1 min to 1 d"), ("2 d", "from 1 min to 1 d")],
)
def test_delays_that_cannot_be(delay, part):
    content = copy.deepcopy(TRACER)
    content["plant"]["recycles"]["back"]["delay"] = delay
    with pytest.raises(InputError, match=r"recycles\.back\.delay") as caught:
        load_plant(content)
    assert part in str(caught.value)


def test_training_refuses_what_is_late_by_its_name():
    found = compiled(TRACER)
    parameters = torch.as_tensor(found.parameters)
    with pytest.raises(InputError, match=r"recycle\.back arrives late"):
        PlantSystem(found.plant, parameters, ("a.S_I",))
