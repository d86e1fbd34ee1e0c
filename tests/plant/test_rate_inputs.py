"""Inputs that rates read: what reaches the rates, batched and with controllers, in torch and in CasADi."""

import casadi
import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet
from plant_tools import defaults, make_plant, random_inputs, random_state

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import parse_table
from asm_hybrid.plant import Plant, torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system

XP = torch_namespace()

LAWS = """\
name: laws
extends: TABLE
parameters:
  T_c: {default: 15, unit: degC, bounds: [5, 30], source: none}
  w: {default: 3, unit: K, bounds: [0.2, 5], source: none}
  L_c: {default: 5e5, unit: g COD/d, bounds: [1e3, 1e8], source: none}
  N_c: {default: 1e5, unit: g N/d, bounds: [1e3, 1e8], source: none}
  Q_c: {default: 9000, unit: m3/d, bounds: [1000, 50000], source: none}
  k_c: {default: 100, unit: 1/d, bounds: [10, 500], source: none}
processes:
  decay_autotrophs: {rate: "b_A / (1 + exp((T - T_c) / w)) * X_BA"}
  decay_heterotrophs: {rate: "b_H * (1 + max(0, load.COD + load.S_S - L_c) / L_c + load.TN / N_c) * X_BH"}
  ammonification: {rate: "k_a * S_ND * X_BH * (return_sludge + recycle.internal) / Q_c * min(1, TANK.kla / k_c)"}
"""


def laws(base, tank):
    return parse_table(LAWS.replace("TABLE", base.table.name).replace("TANK", tank), "laws.yaml")


def small():
    base = make_plant()
    return Plant(laws(base, "middle"), base.layout)


def points(plant, count=50):
    rng = np.random.default_rng(4)
    states = np.stack([random_state(plant, rng) for _ in range(count)])
    return states, np.stack([random_inputs(plant, rng) for _ in range(count)])


def test_a_rate_is_multiplied_by_what_the_inputs_make_of_it():
    base, plant = make_plant(), small()
    states, inputs = points(plant)
    X, u = torch.as_tensor(states), torch.as_tensor(inputs)
    mine = plant.rates(X, plant.forcing(u, defaults(plant), XP), XP).numpy()
    own = base.rates(X, base.forcing(u, defaults(base), XP), XP).numpy()
    q = {spec.name: inputs[:, i] for i, spec in enumerate(plant.inputs)}
    weights = {n: {c: float(e.value.subs({s: p.default for s in e.value.free_symbols for p in plant.table.parameters
                                          if p.name == s.name})) for c, e in plant.table.composites[n].weights.items()}
               for n in ("COD", "TN")}  # fmt: skip
    load = {n: q["Q_in"] * sum(v * q[f"influent.{c}"] for c, v in weights[n].items()) for n in weights}
    cod = load["COD"] + q["Q_in"] * q["influent.S_S"]
    factors = {
        "decay_autotrophs": 1 / (1 + np.exp((q["T"] - 15) / 3)),
        "decay_heterotrophs": 1 + np.maximum(0, cod - 5e5) / 5e5 + load["TN"] / 1e5,
        "ammonification": (q["return_sludge"] + q["recycle.internal"]) / 9000 * np.minimum(1, q["middle.kla"] / 100),
    }
    for i, name in enumerate(plant.table.process_names):
        expected = own[..., i] * factors.get(name, np.ones(len(inputs)))[:, None]
        np.testing.assert_allclose(mine[..., i], expected, rtol=1e-12)
    assert (factors["decay_heterotrophs"] > 1.5).any()


def test_slopes_are_those_of_autodiff_at_every_input():
    plant = small()
    states, inputs = points(plant, 10)
    system = PlantSystem(plant, defaults(plant), ("last.S_NH",))
    X, forcing = torch.as_tensor(states).requires_grad_(), system.forcing(torch.as_tensor(inputs))
    rates, found = system.own_rates(X, forcing), system.rate_slopes(X, forcing)
    for i in range(rates.shape[-1]):
        (expected,) = torch.autograd.grad(rates[..., i].sum(), X, retain_graph=True)
        scale = expected.abs().amax() + 1e-9
        np.testing.assert_allclose(found[..., i, :].detach(), expected, atol=1e-13 * float(scale), rtol=1e-9)


def test_a_series_is_prepared_as_one_time_after_the_other():
    plant = small()
    _, inputs = points(plant, 6)
    system, u = PlantSystem(plant, defaults(plant), ("last.S_NH",)), torch.as_tensor(inputs).reshape(2, 3, -1)
    series = system.prepare(u)
    for k in range(3):
        torch.testing.assert_close(series[k].parameters, system.forcing(u[:, k]).parameters, rtol=0, atol=0)
    assert series[0].parameters.shape == (2, len(plant.table.parameters) + len(plant.table.inputs))


@pytest.mark.parametrize("name", ["plain", "bsm1_closed"])
def test_torch_and_casadi_agree(name):
    """In BSM1 the controllers move the recycle and the kLa that the rates read."""
    if name == "plain":
        plant = small()
        states, inputs = points(plant, 200)
    else:
        base, rng = flow_sheet(name), np.random.default_rng(3)
        plant = Plant(laws(base, "tank_5"), base.layout)
        states, inputs = draw_states(plant, rng, 200), draw_inputs(plant, rng, 200)
    p = defaults(plant)
    X, u = torch.as_tensor(states), torch.as_tensor(inputs)
    mine = plant.derivative(X, plant.forcing(u, p, XP), plant.stoichiometry(p, XP), XP).numpy()
    system, active = symbolic_system(plant, p.numpy()), plant.rows.active > 0
    function = casadi.Function("f", [system.state, system.inputs], [system.derivative])
    theirs = np.array(function.map(len(states))(states[:, active].T, inputs.T)).T
    expected = mine[:, active]
    size = np.maximum(np.abs(expected), np.median(np.abs(expected), axis=0))
    assert (np.abs(theirs - expected) / np.maximum(size, 1e-9)).max() < 1e-12


def test_rates_read_what_a_controller_makes_of_an_input():
    base, rng = flow_sheet("bsm1_closed"), np.random.default_rng(3)
    plant = Plant(laws(base, "tank_5"), base.layout)
    X, u = torch.as_tensor(draw_states(plant, rng, 1)[0]), torch.as_tensor(draw_inputs(plant, rng, 1)[0])
    given = plant.forcing(u, defaults(plant), XP)
    moved, _ = plant.steer(X, given, XP)
    names = [*plant.table.parameter_names, *plant.table.input_names]
    for name in ("recycle.internal", "tank_5.kla"):
        k = names.index(name)
        assert moved.parameters[k] == moved.u[plant.input_index[name]] != given.parameters[k]
    assert moved.parameters[names.index("T")] == u[plant.input_index["T"]]
    torch.testing.assert_close(moved.parameters[: len(defaults(plant))], given.parameters[: len(defaults(plant))])


def test_a_plant_without_the_input_is_refused_with_the_line_of_the_rate():
    base = make_plant(recycles=False)
    with pytest.raises(InputError, match=r"the rate reads 'recycle\.internal', which the plant does not") as caught:
        Plant(laws(base, "middle"), base.layout)
    line = LAWS[: LAWS.index("  ammonification")].count("\n") + 1
    assert caught.value.where == f"laws.yaml:{line} (processes.ammonification.rate)"
    assert caught.value.expected == ("an input of this plant, such as Q_in, T, return_sludge, wastage, middle.kla")
    with pytest.raises(InputError, match=r"reads 'midle\.kla'") as caught:
        Plant(laws(make_plant(), "midle"), make_plant().layout)
    assert "middle.kla" in (caught.value.fix or "")


def test_a_plant_whose_table_reads_no_inputs_carries_none():
    plant = make_plant()
    forcing = plant.forcing(torch.as_tensor(points(plant, 2)[1]), defaults(plant), XP)
    assert forcing.parameters.shape == (2, len(plant.table.parameters))
