"""The water balance: what flows where, and what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from flowsheet_tools import LAYOUTS, TABLE, bsm1, cstr, make, point, small, step_feed, uct
from plant_tools import defaults

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Layout, Plant, Recycle, Tank, torch_namespace
from asm_hybrid.plant.water import pipes, water_balance


def flows(plant, u):
    return {(s.name, s.source, s.target): s.flow for s in water_balance(plant, u).streams}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_node_balances_and_agrees_with_the_maps_of_the_plant(name):
    plant, rng = make(name), np.random.default_rng(1)
    u = point(plant) * rng.uniform(0.8, 1.2, len(plant.inputs))
    balance = water_balance(plant, u)
    nodes = {n.name: n for n in balance.nodes}
    inflow, outflow = u @ plant.maps.inflow[:, 0], u @ plant.maps.outflow[:, 0]
    for i, tank in enumerate(plant.layout.tank_names):
        assert nodes[tank].inflow == pytest.approx(inflow[i], rel=1e-12)
        assert nodes[tank].outflow == pytest.approx(outflow[i], rel=1e-12, abs=1e-9)
    for node in balance.nodes:
        assert abs(node.residual) <= 1e-9 * max(node.inflow, 1.0)
    balance.require()


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_comes_in_goes_out_or_is_stored(name):
    plant = make(name)
    balance = water_balance(plant, point(plant))
    ends = {"effluent", "waste"}
    out = sum(s.flow for s in balance.streams if s.target in ends)
    stored = sum(n.stored for n in balance.nodes)
    assert out + stored == pytest.approx(point(plant)[plant.input_index["Q_in"]], rel=1e-12)


@pytest.mark.parametrize("name", ["bsm1", "selector", "step_feed", "primary"])
def test_the_settler_is_fed_as_the_equations_have_it(name):
    plant, xp = make(name), torch_namespace()
    u = point(plant)
    forcing = plant.forcing(torch.as_tensor(u), defaults(plant), xp)
    found = flows(plant, u)
    fed = sum(q for (_, _, target), q in found.items() if target == "settler")
    assert fed == pytest.approx(float(forcing.feed_flow), rel=1e-12)
    assert found["overflow", "settler", "effluent"] == pytest.approx(float(forcing.overflow), rel=1e-12)


def test_the_flows_of_bsm1_are_those_of_its_description():
    plant = Plant(TABLE, bsm1())
    found = flows(plant, point(plant))
    assert found["anoxic_2.outflow", "anoxic_2", "aerobic_3"] == pytest.approx(92230)
    assert found["aerobic_5.outflow", "aerobic_5", "settler"] == pytest.approx(36892)
    assert found["recycle.internal", "aerobic_5", "anoxic_1"] == 55338
    assert found["overflow", "settler", "effluent"] == pytest.approx(18061)
    assert found["wastage", "settler", "waste"] == 385


def test_shares_split_streams():
    plant = Plant(TABLE, step_feed())
    found = flows(plant, point(plant))
    assert found["influent", "influent", "pass_3"] == pytest.approx(0.35 * 18446)
    assert found["return_sludge", "settler", "pass_1"] == pytest.approx(0.8 * 18446)
    assert found["wastage", "pass_6", "waste"] == 385


def test_primary_sludge_and_bypass():
    plant = make("primary")
    found = flows(plant, point(plant))
    assert found["primary.sludge", "primary", "waste"] == pytest.approx(0.007 * 18446)
    assert found["bypass", "primary", "effluent"] == pytest.approx(0.1 * 0.993 * 18446)
    assert found["primary.outflow", "primary", "tank_1"] == pytest.approx(0.9 * 0.993 * 18446)


def test_a_tank_whose_volume_varies_stores_the_rest():
    plant = make("sbr")
    balance = water_balance(plant, point(plant, reactor__decant=500.0, wastage=46.0))
    assert balance.nodes[0].stored == pytest.approx(18446 - 546)
    assert not balance.findings


def test_pipes_need_no_flows():
    plant = Plant(TABLE, uct())
    names = [(p.source, p.target) for p in pipes(plant)]
    assert names == [
        ("influent", "anaerobic"),
        ("anaerobic", "anoxic"),
        ("anoxic", "aerobic"),
        ("aerobic", "settler"),
        ("aerobic", "anoxic"),
        ("anoxic", "anaerobic"),
        ("settler", "anoxic"),
        ("settler", "waste"),
        ("settler", "effluent"),
    ]


def finding(plant, **changes):
    balance = water_balance(plant, point(plant, **changes))
    with pytest.raises(InputError):
        balance.require()
    return [str(f) for f in balance.findings]


def test_more_waste_than_feed_would_turn_the_effluent_round():
    (message,) = finding(Plant(TABLE, bsm1()), wastage=20000.0)
    assert "'settler' (return_sludge, wastage)" in message
    assert "its effluent would flow backwards" in message
    assert "fix: lower return_sludge or wastage" in message


def test_a_recycle_above_what_arrives_is_named_once_where_it_leaves():
    layout = Layout(
        (Tank("a", 1.0), Tank("b", 1.0), Tank("c", 1.0)), {"a": 1.0}, {"a": 1.0}, (Recycle("forward", "a", "c"),)
    )
    (message,) = finding(Plant(TABLE, layout), recycle__forward=50000.0)
    assert "50000 m3/d are drawn from 'a' (recycle.forward), where 36892 m3/d arrive" in message
    assert "lower recycle.forward" in message


def test_waste_from_a_tank_above_what_arrives_is_named():
    (message,) = finding(Plant(TABLE, step_feed()), wastage=70000.0)
    assert "'pass_6' (wastage)" in message
    assert "main outflow" in message


def test_a_tank_without_water_is_named():
    layout = replace(small(), tanks=(Tank("tank", 1.0, to={"settler": 1.0}), Tank("lost", 1.0)))
    (message,) = finding(Plant(TABLE, layout))
    assert "no water of the influent gets to the tank 'lost'" in message


def test_a_tank_behind_a_recycle_of_zero_is_named_too():
    layout = Layout(
        (Tank("main", 1.0, to={"settler": 1.0}), Tank("side", 1.0, to={"main": 1.0})),
        {"main": 1.0},
        {"main": 1.0},
        (Recycle("off", "main", "side"),),
    )
    plant = Plant(TABLE, layout)
    assert not water_balance(plant, point(plant, recycle__off=100.0)).findings
    assert "'side'" in finding(plant, recycle__off=0.0)[0]


def test_no_influent_makes_no_tank_dry():
    plant = Plant(TABLE, bsm1())
    assert not water_balance(plant, point(plant, Q_in=0.0, wastage=0.0)).findings


def test_sludge_from_a_settler_that_is_not_there_is_named():
    messages = finding(Plant(TABLE, cstr()), return_sludge=100.0, wastage=10.0)
    assert len(messages) == 2
    assert all("no settler" in m for m in messages)


@pytest.mark.parametrize("name", ["Q_in", "wastage", "recycle__internal"])
def test_a_negative_flow_is_named(name):
    assert f"the flow {name.replace('__', '.')} is -5 m3/d" in finding(Plant(TABLE, bsm1()), **{name: -5.0})[0]


def test_inputs_that_are_too_few_or_not_finite_are_refused():
    plant = Plant(TABLE, bsm1())
    with pytest.raises(InputError, match="one value for each"):
        water_balance(plant, np.zeros(3))
    with pytest.raises(InputError, match=r"recycle\.internal is nan"):
        water_balance(plant, point(plant, recycle__internal=np.nan))
