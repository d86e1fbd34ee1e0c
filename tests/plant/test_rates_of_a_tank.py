"""What a rate may read of its tank: volume, shares of influent and return sludge, aeration."""

from __future__ import annotations

from dataclasses import replace

import casadi
import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet
from plant_tools import defaults, make_plant, random_inputs, random_state

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table, parse_table
from asm_hybrid.plant import Plant, Tank, torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system

XP = torch_namespace()
LOAD = """\
name: load
extends: asm1
parameters:
  k: {default: 3, unit: g N/(m3 d), bounds: [0, 9], source: none}
  q: {default: 6, unit: g N/d, bounds: [0, 9], source: none}
processes:
  enters: {rate: k * here.influent, stoichiometry: {S_NH: 1, S_ALK: "?"}, exchanges: [N]}
  returns: {rate: "q * ratio(here.returned, here.volume)", stoichiometry: {S_NH: 1, S_ALK: "?"}, exchanges: [N]}
  blown: {rate: k * here.aerated, stoichiometry: {S_NH: 1, S_ALK: "?"}, exchanges: [N]}
  still: {rate: k * here.unaerated, stoichiometry: {S_NH: 1, S_ALK: "?"}, exchanges: [N]}
"""
NAMES = ("enters", "returns", "blown", "still")


def loaded(layout):
    return Plant(parse_table(LOAD, "load.yaml"), layout)


def own_rates(plant):
    rng = np.random.default_rng(1)
    X, u = torch.as_tensor(random_state(plant, rng)), torch.as_tensor(random_inputs(plant, rng))
    found = plant.rates(X, plant.forcing(u, defaults(plant), XP), XP)
    return {name: found[:, plant.table.process_names.index(name)].tolist() for name in NAMES}


def test_a_rate_acts_where_its_tank_is():
    layout = replace(make_plant().layout, influent_to={"anoxic": 0.75, "last": 0.25}, return_to={"middle": 1.0})
    found = own_rates(loaded(layout))
    assert found["enters"] == [2.25, 0.0, 0.75]
    assert found["returns"] == [0.0, pytest.approx(6 / 1500), 0.0]
    assert found["blown"] == [0.0, 3.0, 3.0]  # one with a kLa, one whose oxygen is imposed
    assert found["still"] == [3.0, 0.0, 0.0]


def test_a_tank_whose_aeration_is_off_for_good_is_not_aerated():
    layout = replace(make_plant().layout, constants={"middle.kla": 0.0}, metered=("anoxic",))
    assert own_rates(loaded(layout))["still"] == [0.0, 3.0, 0.0]


def test_torch_and_casadi_agree_in_a_whole_plant():
    plant = loaded(flow_sheet("bsm1").layout)
    rng = np.random.default_rng(3)
    states, inputs, p = draw_states(plant, rng, 20), draw_inputs(plant, rng, 20), defaults(plant)
    X, u = torch.as_tensor(states), torch.as_tensor(inputs)
    mine = plant.derivative(X, plant.forcing(u, p, XP), plant.stoichiometry(p, XP), XP).numpy()
    system, active = symbolic_system(plant, p.numpy()), plant.rows.active > 0
    function = casadi.Function("f", [system.state, system.inputs], [system.derivative])
    theirs = np.array(function.map(len(states))(states[:, active].T, inputs.T)).T
    np.testing.assert_allclose(theirs, mine[:, active], rtol=1e-9, atol=1e-6)


def test_a_volume_that_varies_is_refused_with_the_line_of_the_rate():
    layout = make_plant(aerated=False, imposed=False, recycles=False).layout
    tank = Tank("reactor", 1000.0, variable=True, to={"effluent": 1.0})
    varying = replace(
        layout, tanks=(tank,), influent_to={"reactor": 1.0}, return_to={"reactor": 1.0}, settler=None,
        waste_from="reactor",
    )  # fmt: skip
    with pytest.raises(InputError, match=r"'here\.volume', and the volume of tank 'reactor' varies") as caught:
        loaded(varying)
    assert caught.value.where.startswith("load.yaml:8 ")


def test_names_of_a_tank_are_read_in_rates_alone_and_spelt_right():
    with pytest.raises(InputError, match=r"'here.depth' is no input that a rate may read") as caught:
        parse_table(LOAD.replace("here.influent", "here.depth"), "load.yaml")
    assert "here.volume" in caught.value.expected
    with pytest.raises(InputError, match=r"'here.volume' is not allowed"):
        parse_table(LOAD.replace("{S_NH: 1, S_ALK", "{S_NH: here.volume, S_ALK", 1), "load.yaml")


def test_what_is_exchanged_does_not_close_and_all_else_has_to():
    with pytest.raises(InputError, match="the process makes N of nothing"):
        parse_table(LOAD.replace(", exchanges: [N]", "", 1), "load.yaml")
    with pytest.raises(InputError, match="the process makes charge of nothing"):
        parse_table(LOAD.replace(', S_ALK: "?"', "", 1), "load.yaml")
    for wrong in ("iron", "N, iron"):
        with pytest.raises(InputError, match="stands here") as caught:
            parse_table(LOAD.replace("[N]", f"[{wrong}]", 1), "load.yaml")
        assert caught.value.expected == "a list of some of COD, N, charge"
    kept = {p.name: p.exchanges for p in parse_table(LOAD, "load.yaml").processes}
    assert [kept[n] for n in NAMES] == [("N",)] * 4
    assert {kept[p] for p in load_table("asm1").process_names} == {()}
