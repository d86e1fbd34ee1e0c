"""Simulations of a plant with noise of its states: moments, bands, what acts as without noise, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.report.simulation_page import render_page
from asm_hybrid.scenario import draws as module
from asm_hybrid.scenario.draws import Draws
from asm_hybrid.scenario.plants import simulate_plant, simulate_run
from asm_hybrid.scenario.result_folder import series_table
from asm_hybrid.scenario.simulation_inputs import assemble_inputs
from asm_hybrid.scenario.subject import load_subject

SHARE = 0.4
"""Noise of the inert solubles [d^-½]."""


@pytest.fixture(scope="module")
def tank():
    """One tank at its steady state, and two days of inputs in steps of 72 min."""
    subject = load_subject("cstr")
    compiled = subject.case_model(subject.file).members[0]
    inputs = assemble_inputs(subject.plant, 2.0, sample=0.05)
    start = compiled.steady_state(inputs.mean).state
    return compiled, start, inputs, compiled.simulate(start, inputs)


def drawn(tank, relative, count, absolute=0.0):
    compiled, start, inputs, plain = tank
    place = np.zeros(compiled.plant.shape)
    place[0, compiled.plant.table.component_names.index("S_I")] = 1.0
    draws = Draws(ProcessNoise(absolute * place, relative * place), count, 5, {"S_I": "here"})
    return draws.records(compiled, start, inputs, plain, lambda share: None)


def test_mean_and_variance_are_those_of_the_equation(tank):
    """Inert solubles in a tank: ``dX = D (X_in - X) dt + r X dW``. After Stratonovich the mean would be 10 % higher."""
    compiled, start, _, _ = tank
    found = np.array([r.columns["tank.S_I"] for r in drawn(tank, SHARE, 300)])
    dilution, square, inflow = 500.0 / 2000.0, SHARE**2, 30.0
    assert start[compiled.plant.rows.names.index("tank.S_I")] == pytest.approx(inflow)
    for k, t in ((20, 1.0), (40, 2.0)):
        rest = 2 * dilution - square
        variance = square * inflow**2 / rest * (1 - math.exp(-rest * t))
        x, squares = found[:, k], (found[:, k] - inflow) ** 2
        assert abs(x.mean() - inflow) < 3 * math.sqrt(variance / len(x))
        assert abs(squares.mean() - variance) < 3 * squares.std() / math.sqrt(len(x))
    assert found.min() > 0


def test_noise_that_fades_leaves_the_simulation_without_noise(tank):
    plain = tank[3].columns["tank.S_I"]
    distance = [
        max(np.abs(r.columns["tank.S_I"] / plain - 1).max() for r in drawn(tank, size, 2)) for size in (1e-2, 1e-4, 0.0)
    ]
    assert distance[0] == pytest.approx(100 * distance[1], rel=0.05)
    assert 1e-6 < distance[1] < 1e-3
    assert distance[2] < 1e-5  # two integrations to the same tolerance


def test_noise_that_makes_a_concentration_negative_is_named(tank):
    with pytest.raises(InputError, match=r"the noise of tank\.S_I, 60 g COD/m3 .* makes it negative: -") as error:
        drawn(tank, 0.0, 5, absolute=60.0)
    assert "d, in draw" in error.value.found
    assert error.value.where == "here"
    assert "share of the state, such as 200 %" in error.value.fix
    assert len(drawn(tank, 2.0, 5)) == 5  # as a share, the same noise fades


SCENARIO = {
    "days": 0.5,
    "seed": 3,
    "draws": 12,
    "process_noise": {"S_NH": "20 %", "tank.S_NO": "0.05 g/m3"},
    "scenarios": {"more": [{"input": "Q_in", "scale": 1.2}], "same": [{"input": "Q_in", "scale": 1.0}]},
}


@pytest.fixture(scope="module")
def cases():
    return simulate_plant("cstr", SCENARIO)


def test_bands_hold_most_of_the_draws(cases):
    base, more, same = cases.cases
    assert cases.draws == 12
    assert len(base.members) == 12
    for case in cases.cases:
        low, median, high = (r.columns["tank.S_NH"] for r in (case.low, case.record, case.high))
        assert (low[1:] < median[1:]).all()
        assert (median[1:] < high[1:]).all()
        assert low[0] == high[0]
    np.testing.assert_allclose(same.high.columns["tank.S_NH"], base.high.columns["tank.S_NH"])
    assert (more.record.columns["tank.S_NH"] != base.record.columns["tank.S_NH"])[1:].all()
    flow = series_table(cases, base)
    assert {"tank.S_NH [g N/m3]", "tank.S_NH low [g N/m3]", "tank.S_NH high [g N/m3]"} <= set(flow)
    assert "Q_in low [m3/d]" not in flow
    ends = base.ends
    assert ends is not None
    own = [next(i.value for i in m if i.name == "effluent.NH4 mean") for m in base.members]
    assert min(own) < ends[0]["effluent.NH4 mean"] < ends[1]["effluent.NH4 mean"] < max(own)


def test_the_page_says_what_the_bands_are(cases):
    page = render_page(cases, {})
    assert "12 draws: median and 5 to 95 %" in page
    assert "Below each median: 5 to 95 % of 12 draws" in page
    assert "Every case is simulated 12 times with noise of its states" in page
    assert "seeds" not in page


def test_a_seed_fixes_the_draws(cases):
    again = simulate_plant("cstr", {k: v for k, v in SCENARIO.items() if k != "scenarios"})
    np.testing.assert_array_equal(again.cases[0].record.states, cases.cases[0].record.states)
    other = simulate_plant("cstr", {"days": 0.1, "seed": 4, "draws": 2, "process_noise": {"S_NH": "20 %"}})
    rows = len(other.cases[0].record.times)
    assert (other.cases[0].record.columns["tank.S_NH"] != again.cases[0].record.columns["tank.S_NH"][:rows]).any()


def test_the_plant_may_hold_the_noise():
    plant = {"name": "noisy", "extends": "cstr", "process_noise": {"S_NH": "20 %"}}
    assert simulate_plant(plant, {"days": 0.05, "draws": 2}).draws == 2
    assert simulate_plant(plant, {"days": 0.05}).cases[0].low is None


@pytest.mark.parametrize(("layout", "name"), [("bsm1_closed", "S_NH"), ("sbr", "S_NH4")])
def test_controllers_time_tables_and_varying_volumes_act_with_noise(layout, name):
    found = simulate_plant(layout, {"days": 0.05, "draws": 2, "process_noise": {name: "50 %"}}).cases[0]
    tank = next(n for n in found.record.columns if n.endswith(f".{name}") and not n.startswith(("effluent", "waste")))
    assert (found.high.columns[tank] > found.low.columns[tank]).any()
    assert all(np.isfinite(values).all() for values in found.record.columns.values())


def test_streams_arrive_late_with_noise_too():
    """Noise in the second tank comes to the first by a recycle that takes 30 min, and no earlier."""
    plant = {
        "name": "late",
        "extends": "cstr",
        "plant": {
            "tanks": {"second": {"volume": 1000}},
            "recycles": {"back": {"from": "second", "to": "tank", "flow": 9000, "delay": "30 min"}},
        },
    }
    found = simulate_plant(plant, {"days": 0.0625, "draws": 3, "process_noise": {"second.S_I": "50 %"}}).cases[0]
    wide = {n: found.high.columns[f"{n}.S_I"] - found.low.columns[f"{n}.S_I"] for n in ("tank", "second")}
    assert (wide["second"][1:] > 0.01).all()
    assert (wide["tank"][:3] < 1e-3 * wide["second"][2]).all()
    assert (wide["tank"][4:] > 0.01).all()


def test_a_run_is_drawn_from_its_own_state(small_run):
    scenario = {"days": 0.1, "draws": 3, "process_noise": {"aerobic.S_NH": "30 %"}}
    found = simulate_run(small_run, scenario)
    base = found.cases[0]
    seeds = found.fitted.members
    assert len(base.members) == 3 * seeds
    assert not found.fitted.by_knots
    assert base.low.columns["aerobic.S_NH"][0] <= base.high.columns["aerobic.S_NH"][0]
    plain = simulate_run(small_run, {"days": 0.1, "tolerance": 1e-5}).cases[0]
    wide = [case.high.columns["aerobic.S_NH"][-1] - case.low.columns["aerobic.S_NH"][-1] for case in (base, plain)]
    assert wide[0] > 2 * wide[1]
    page = render_page(found, {})
    assert f"3 times with each of {seeds} seeds of n" in page
    assert "since noise acts within the steps of the training" in page


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ({"draws": 5}, "'draws' is given, and no state has noise"),
        ({"process_noise": {"S_NX": "5 %"}}, "did you mean 'S_N"),
        ({"process_noise": {"S_NH": "5 %"}, "draws": 1}, "draws"),
        ({"process_noise": {"S_NH": "5 m3"}}, "they differ in dimension"),
    ],
)
def test_what_cannot_be_is_refused(scenario, words):
    with pytest.raises(InputError, match=words):
        simulate_plant("cstr", {"days": 0.05, **scenario})


def test_draws_that_fill_the_memory_are_refused(monkeypatch, tank):
    monkeypatch.setattr(module, "MOST", 20_000)
    with pytest.raises(InputError, match=r"50 draws of 41 times hold .* GB") as error:
        drawn(tank, SHARE, 50)
    assert "take draws: " in error.value.fix


def test_the_ends_of_a_range_are_lowest_and_highest_of_seeds(cases):
    seeds = replace(cases.cases[0], held=1.0).ends
    own = [next(i.value for i in m if i.name == "effluent.NH4 mean") for m in cases.cases[0].members]
    assert (seeds[0]["effluent.NH4 mean"], seeds[1]["effluent.NH4 mean"]) == (min(own), max(own))
