"""The plant of a run in C against the same plant in Python: equations, derivatives, parameters, days, and events."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import casadi
import numpy as np
import pytest
from c_plants import Case, build, composition, config_of, observed
from c_toys import COMPILER

from asm_hybrid.config import build_fractionation
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.scoring import score
from asm_hybrid.scenario.simulation_inputs import SAMPLE, InputSeries
from asm_hybrid.solver.cvodes import CompiledProblem

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

TOLERANCE = 1e-5
"""Of a simulation in Python."""
TWO_TANKS = {
    "recycles": {"internal": {"from": "aerobic", "to": "anoxic", "flow": 12000}},
    "return_sludge": {"to": "anoxic", "flow": 4000},
    "wastage": {"flow": 90},
    "settler": {"type": "ideal", "non_settleable": 0.002},
}


def influent(kinetics, to, **more):
    return {"to": to, "flow": 5000, "composition": composition(kinetics), **more}


IMPOSED = Case(
    config_of(
        "asm1",
        {"tanks": {"anoxic": {"volume": 1000}, "aerobic": {"volume": 2000}}, "influent": influent("asm1", "anoxic")}
        | TWO_TANKS,
        {"placement": ["rates", "output"], "hidden": [4], "inputs": ["S_NH", "S_O", "T"]},
        columns={"DO": {"role": "imposed", "as": "aerobic.S_O", "unit": "mg/L"}}
        | observed("aerobic.S_NH")
        | observed("effluent.TSS"),
    ),
    means={"aerobic.S_O": 1.5},
)
LAYERED = Case(
    config_of(
        "asm1_bsm",
        {
            "tanks": {"first": {"volume": 1500, "kla": 60}, "last": {"volume": 1500, "kla": 120}},
            "aeration": {"theta": 1.024, "T_ref": 15, "saturation": 8.5},
            "influent": influent("asm1_bsm", {"first": 0.8, "last": 0.1, "effluent": 0.1}),
            "primary": {"volume": 300, "sludge": 0.007},
            "return_sludge": {"to": "first", "flow": 4000},
            "wastage": {"from": "last", "flow": 150},
            "settler": {"type": "takacs", "area": 800, "height": 4, "layers": 4, "feed_layer": 2},
        },
        {"placement": "parameters", "parameters": ["mu_H", "b_H", "mu_A"], "hidden": [3, 3], "inputs": ["S_S", "air"]},
        columns=observed("last.S_NO"),
    )
)
STATES = Case(
    config_of(
        "asm2d",
        {
            "tanks": {
                "anaerobic": {"volume": 800},
                "aerobic": {"volume": 2400, "air": {"flow": 60000, "sote": 0.2, "alpha": 0.6}},
            },
            "influent": influent("asm2d", "anaerobic"),
            "recycles": {"internal": {"from": "aerobic", "to": "anaerobic", "flow": 8000}},
            "settler": {"type": "none"},
        },
        {
            "placement": "state",
            "components": ["S_PO4", "S_NH4", "S_A", "X_PAO"],
            "type": "mlp",
            "activation": "silu",
            "hidden": [4],
            "inputs": ["S_PO4", "S_O2", "Q_in"],
        },
        columns=observed("aerobic.S_PO4"),
    ),
    masked=True,
)
SUMS = Case(
    config_of(
        "asm3",
        {
            "tanks": {"anoxic": {"volume": 1000}, "aerobic": {"volume": 2000, "kla": 100}},
            "influent": {
                "to": "anoxic",
                "flow": 5000,
                "fractionation": {"type": "settled"},
                "composition": {"COD": 360, "TKN": 48, "TSS": 200, "S_NH4": 32, "S_ALK": 7},
            },
        }
        | TWO_TANKS,
        {
            "placement": ["rates", "forcing"],
            "type": "monotone",
            "rises_with": ["T"],
            "hidden": [4, 3],
            "inputs": {"rates": ["S_NH4", "T"], "forcing": ["Q_in", "T", "load.COD", "time_of_day"]},
            "influent": ["S_NH4", "X_S"],
        },
        columns=observed("aerobic.S_NH4"),
        interpolation="previous",
    ),
    changes={
        "tanks": {"anoxic": {"volume": 1000}, "aerobic": {"volume": 2000}},
        "cycles": {
            "air": {
                "phases": [
                    {"duration": "50 min", "set": {"aerobic.kla": 150}},
                    {"duration": "35 min", "set": {"aerobic.kla": 5}},
                ]
            }
        },
    },
)
TWIN = {"tanks": {"first": {"volume": 1000, "kla": 50}, "last": {"volume": 2000, "kla": 120}}}
CONTROLLED = Case(
    config_of(
        "asm1",
        TWIN
        | {"influent": influent("asm1", "first"), "settler": {"type": "ideal"}}
        | {"return_sludge": {"to": "first", "flow": 4000}, "wastage": {"flow": 90}},
        {"type": "mlp", "activation": "softplus", "hidden": [4], "inputs": ["S_NH", "S_O"]},
        columns=observed("last.S_NH"),
    ),
    changes={
        "tanks": {"first": {"volume": 1000}, "last": {"volume": 2000}},
        "control": {
            "oxygen": {"measure": "last.S_O", "move": "last.kla", "setpoint": 2, "gain": 25, "integral_time": "10 min"}
            | {"offset": 100, "high": 300, "sensor": {"response": "2 min"}, "actuator": {"response": "4 min"}},
            "intermittent": {"type": "on_off", "measure": "first.S_NH", "move": "first.kla", "on": 240}
            | {"switch_on": 4.0, "switch_off": 3.0},
        },
    },
)
TANK = {"temperature": 15, "settler": {"type": "none"}}
BATCH = Case(
    config_of(
        "asm3",
        TANK | {"tanks": {"reactor": {"volume": 1000, "kla": 100}}, "influent": influent("asm3", "reactor")},
        {"type": "mlp", "form": "additive", "hidden": [4], "inputs": ["S_NH4", "S_O2"]},
        columns=observed("reactor.S_NH4"),
    ),
    changes={
        "tanks": {"reactor": {"volume": 1000, "decant": {"solids": 0.004}}},
        "influent": {"to": "reactor", "composition": composition("asm3")},
        "wastage": {"from": "reactor"},
        "cycles": {
            "sbr": {
                "phases": [
                    {"duration": "3 h", "set": {"Q_in": 5760}, "until": "reactor.volume > 1370 m3"},
                    {"duration": "4 h", "set": {"reactor.kla": 150}, "until": "reactor.S_NH4 < 0.5 mg N/L"},
                    {"duration": "10 min", "set": {"wastage": 1440}},
                    {"duration": "50 min"},
                    {"duration": "2 h", "set": {"reactor.decant": 9600}, "until": "reactor.volume < 1000 m3"},
                ]
            }
        },
    },
)
CASES = {
    "imposed": IMPOSED,
    "layered": LAYERED,
    "states": STATES,
    "sums": SUMS,
    "controlled": CONTROLLED,
    "batch": BATCH,
}


@pytest.fixture(scope="module", params=CASES)
def built(request, tmp_path_factory):
    return build(CASES[request.param], tmp_path_factory.mktemp(request.param))


def drawn(built, rng):
    """Return a model with a seed, a time, inputs and a state that are drawn."""
    model, d = built.model(), built.described
    member = int(rng.integers(0, d.members + 1))
    assert model.calls.ah_set_member(model.handle, member) == 0
    time = float(rng.uniform(0.0, 0.9))
    model.set_time(time)
    model.u[:] = [v.start * rng.uniform(0.5, 1.5) for v in d.inputs]
    factors = np.exp(float(rng.choice([0.2, 1.0])) * rng.normal(size=len(d.states)))
    model.x[:] = built.plant.starts[member] * np.where(whole(built), 1.0, factors)
    return model, member, time


def whole(built):
    """Return which states are phases and switches."""
    return np.array([v.name.endswith((".phase", ".mode")) for v in built.described.states])


def near(found, expected, scale, tolerance):
    assert np.max(np.abs(found - expected) / (np.abs(expected) + scale)) < tolerance


def test_n_acts(built):
    found = []
    with built.model() as model:
        for member in range(built.described.members + 1):
            assert model.calls.ah_set_member(model.handle, member) == 0
            found.append(built.call(model, "derivative", len(built.described.states)))
    for a, b in pairwise(found):
        assert np.max(np.abs(a - b) / (np.abs(a) + 1.0)) > 1e-3


def test_rates_and_outputs_are_those_of_a_simulation(built):
    d, names, compared = built.described, [v.name for v in built.described.outputs], set()
    for number in range(12):
        with (found := drawn(built, np.random.default_rng(number)))[0] as model:
            _, member, time = found
            own, x, u = built.seeds[member], built.state(model.x), built.inputs(model.u, time)
            expected = np.array(own.problem.function(x, u)).ravel()[built.plant.moving]
            near(built.call(model, "derivative", len(d.states)), expected, 1e-2 + np.abs(model.x), 1e-11)
            outputs = dict(zip(names, built.call(model, "output", len(names)), strict=True))
            for name, values in own.record(np.zeros(1), x[None], u[None]).columns.items():
                ours = f"shown.{name.removesuffix(' shown')}" if name.endswith(" shown") else name
                if ours in outputs:
                    compared.add(ours)
                    near(outputs[ours], values[0], 1e-3, 1e-10)
    assert {n for n in names if not n.startswith("indicator.")} == compared


INDICATORS = {
    "aeration energy": "indicator.aeration_energy",
    "pumping energy": "indicator.pumping_energy",
    "mixing energy": "indicator.mixing_energy",
    "EQI": "indicator.effluent_quality",
}


def test_indicators_of_a_moment_are_those_of_a_record_that_stands_still(built):
    d, plant = built.described, built.subject.plant
    parameters = dict(zip(plant.table.parameter_names, built.subject.parameters, strict=True))
    with (found := drawn(built, np.random.default_rng(300)))[0] as model:
        _, member, time = found
        x, u = (np.stack([v, v]) for v in (built.state(model.x), built.inputs(model.u, time)))
        record = built.seeds[member].record(np.array([0.0, SAMPLE]), x, u)
        outputs = dict(zip([v.name for v in d.outputs], built.call(model, "output", len(d.outputs)), strict=True))
    told = {i.name: i.value for i in score(plant, record, parameters, 0.0, {}).indicators}
    expected = {ours: told.get(name, 0.0) for name, ours in INDICATORS.items()}  # none of a stream without water
    assert expected == pytest.approx({n: v for n, v in outputs.items() if n.startswith("indicator.")}, rel=1e-9)


def test_derivatives_are_those_of_casadi_and_of_differences(built):
    d, plant = built.described, built.plant
    places = np.argwhere(built.pattern)
    for number in range(4):
        with (found := drawn(built, np.random.default_rng(100 + number)))[0] as model:
            _, member, time = found
            J = np.zeros((len(d.states),) * 2)
            J[places[:, 0], places[:, 1]] = built.call(model, "jacobian", len(places))
            given = built.state(model.x), built.inputs(model.u, time)
            expected = np.array(casadi.DM(built.seeds[member].problem.jacobian(*given)).full())
            near(J, expected[np.ix_(plant.moving, plant.moving)], 1e-6 * np.abs(J).max(1, keepdims=True) + 1e-9, 1e-8)
            columns = [built.along(model, unit)[0] for unit in np.eye(len(d.states))]
            near(np.transpose(columns), J, 1e-6 * np.abs(J).max(1, keepdims=True) + 1e-9, 1e-8)


def test_directional_derivatives_are_differences(built):
    d, rng = built.described, np.random.default_rng(7)
    sizes = (len(d.states), len(d.outputs))
    with drawn(built, rng)[0] as model:
        values = model.x, model.u, model.p
        kept = [v.copy() for v in values]
        ways = [0.1 * rng.normal(size=v.size) * np.abs(v) for v in kept]
        found = built.along(model, *ways)
        h, both = 1e-5, []
        for sign in (1.0, -1.0):
            for v, own, way in zip(values, kept, ways, strict=True):
                v[:] = own + sign * h * way
            both.append([built.call(model, n, k) for n, k in zip(("derivative", "output"), sizes, strict=True)])
        for own, plus, minus in zip(found, *both, strict=True):
            near(own, (plus - minus) / (2 * h), 1.0 + 1e-3 * np.abs(plus), 1e-5)


def test_the_slope_in_time_is_a_difference(built):
    d, rng = built.described, np.random.default_rng(8)
    with (found := drawn(built, rng))[0] as model:
        time, h = found[2], 1e-6
        model.slope[:] = rng.normal(size=model.u.size) * np.abs(model.u)
        slope, u, own, both = built.call(model, "time_slope", len(d.states)), model.u.copy(), model.slope.copy(), []
        for sign in (1.0, -1.0):
            model.u[:] = u + sign * h * own
            model.set_time(time + sign * h)
            both.append(built.call(model, "derivative", len(d.states)))
        near(slope, (both[0] - both[1]) / (2 * h), 1.0 + 1e-3 * np.abs(both[0]), 1e-5)


def test_changed_volumes_and_parameters_are_those_of_a_plant_built_so(built):
    d, subject, rng = built.described, built.subject, np.random.default_rng(9)
    factors = {
        v.name: rng.uniform(0.8, 1.25) for v in d.parameters if v.name.endswith(".volume") or "kinetics" in v.name
    }
    sizes = {t.name: t.volume * factors.get(f"{t.name}.volume", 1.0) for t in subject.plant.layout.tanks}
    tanks = tuple(replace(t, volume=sizes[t.name]) for t in subject.plant.layout.tanks)
    plant = Plant(subject.plant.table, replace(subject.plant.layout, tanks=tanks))
    values = subject.parameters * [factors[f"kinetics.{n}"] for n in plant.table.parameter_names]
    others = built.compiled(plant, values, subject.model.term)
    for number in range(4):
        with (found := drawn(built, np.random.default_rng(200 + number)))[0] as model:
            _, member, time = found
            for i, v in enumerate(d.parameters):
                model.p[i] *= factors.get(v.name, 1.0)
            given = built.state(model.x), built.inputs(model.u, time)
            expected = np.array(others[member].problem.function(*given)).ravel()[built.plant.moving]
            near(built.call(model, "derivative", len(d.states)), expected, 1e-2 + np.abs(model.x), 1e-11)
            columns = others[member].record(np.zeros(1), given[0][None], given[1][None]).columns
            outputs = built.call(model, "output", len(d.outputs))
            for i, v in enumerate(d.outputs):
                if v.name in columns:
                    near(outputs[i], columns[v.name][0], 1e-3, 1e-10)


def test_flows_and_aeration_are_at_least_zero(built):
    found = {v.name: v.minimum for v in built.described.inputs}
    one_way = {"Q_in", "return_sludge", "wastage"}
    for name, minimum in found.items():
        flows = name in one_way or name.startswith("recycle.") or name.rpartition(".")[2] in ("kla", "air", "decant")
        assert minimum == (0.0 if flows else None)


def series(built, days, steps):
    """Return inputs over time, of the plant and of the model, jumps at the times of time tables among them."""
    rng, d = np.random.default_rng(10), built.described
    times = np.linspace(0.0, days, steps + 1)
    for cycle in built.subject.plant.layout.cycles:
        if not cycle.states:
            edges = cycle.edges(days)
            times = np.union1d(times, edges[(edges > 0) & (edges < days)])
    phase = 2 * np.pi * (times[:, None] + rng.uniform(size=len(d.inputs)))
    u = np.array([v.start for v in d.inputs]) * (1.0 + 0.2 * np.sin(phase))
    held = not built.subject.model.grid.linear
    begin = np.array([built.inputs(v, t + 1e-7) for v, t in zip(u[:-1], times[:-1], strict=True)])
    end = None if held else np.array([built.inputs(v, t - 1e-7) for v, t in zip(u[1:], times[1:], strict=True)])
    return times, u, held, InputSeries(times, begin, end)


def stepped(model, times, u, held):
    """Return the states of a model at times."""
    found = [model.x.copy()]
    for k in range(len(times) - 1):
        model.u[:] = u[k]
        model.slope[:] = 0.0 if held else (u[k + 1] - u[k]) / (times[k + 1] - times[k])
        found.append(model.step(times[k + 1]))
    return np.array(found)


def test_a_day_is_that_of_a_simulation_with_its_events(built):
    layout = built.subject.plant.layout  # the clock of a record is held between its times, that of the model runs on
    times, u, held, inputs = series(built, 1.0, 480 if layout.clock else 48 if built.subject.plant.steered else 12)
    member, plant = built.plant.best, built.plant
    own = built.seeds[member].problem
    own = CompiledProblem(
        own.state, own.inputs, own.derivative, own.names, own.events, own.after, tolerance=1e-10, absolute=1e-12
    )
    expected = own.run(built.state(plant.starts[member]), times, inputs.begin, inputs.end)[:, plant.moving]
    with built.model() as model:
        found = stepped(model, times, u, held)
    near(found, expected, np.maximum(np.abs(expected).max(0), 1e-3), 10 * TOLERANCE)
    switched = np.diff(expected[:, whole(built)], axis=0) != 0
    assert switched.sum() > 3 or not built.described.events


def test_what_follows_a_saved_state_is_the_same_to_the_bit(built):
    with built.model() as model, built.model() as other:
        model.step(0.3)
        kept = model.save()
        expected = model.step(0.7)
        model.step(0.9)
        for own in (model, other):
            assert own.restore(kept) == 0, own.message
            assert own.step(0.7).tobytes() == expected.tobytes()
        model.reset()
        np.testing.assert_array_equal(model.x, built.plant.starts[built.plant.best])


@pytest.mark.parametrize("built", ["sums"], indirect=True)
def test_measured_sums_are_split_as_those_of_a_record(built):
    d, subject, rng = built.described, built.subject, np.random.default_rng(11)
    fractionation = build_fractionation(subject.model.config, subject.plant.table, subject.plant.layout)
    names = [v.name for v in d.inputs]
    sums = {
        n: np.array(d.inputs[names.index(f"influent.{n}")].start * rng.uniform(0.9, 1.1)) for n in fractionation.given
    }
    with drawn(built, rng)[0] as split, built.model() as given:
        assert given.restore(split.save()) == 0
        given.p[[v.name for v in d.parameters].index("influent.from_sums")] = 1.0
        for name, value in sums.items():
            given.u[names.index(f"influent.{name}")] = value
        for name, value in fractionation.split(sums).components.items():
            split.u[names.index(f"influent.{name}")] = value
        expected = built.call(split, "derivative", len(d.states))
        near(built.call(given, "derivative", len(d.states)), expected, 1e-2 + np.abs(given.x), 1e-11)


@pytest.mark.parametrize("built", ["sums"], indirect=True)
def test_time_tables_give_their_inputs_at_every_time(built):
    (cycle,) = built.subject.plant.layout.cycles
    place = [v.name for v in built.described.inputs].index("aerobic.kla")
    with built.model() as model:
        for time in np.random.default_rng(12).uniform(-1.0, 40.0, 50):
            model.set_time(time)
            assert model.u[place] == cycle.values("aerobic.kla", np.array([time]))[0]
        for time in (1e15, -1e300, np.inf, np.nan):
            model.set_time(time)
            model.calls.ah_pass_time(model.handle)
            assert model.try_step(time) == 1
            assert "the time is" in model.message
        model.set_time(0.0)
        for time in np.arange(1, 30) * 0.011:
            model.step(time)
            assert model.u[place] == cycle.values("aerobic.kla", np.array([time]))[0]
