"""The shipped layouts: the same in torch and CasADi, robust to extreme operation."""

import casadi
import numpy as np
import pytest
import torch
from layout_tools import compiled_layout, layout_plant, positive

from asm_hybrid.config import available_layouts
from asm_hybrid.plant import torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.scenario.simulation_inputs import InputSeries, assemble_inputs

EVERY = available_layouts()


def random_states(plant, compiled, rng, count):
    """Draw states around the cold start, ``(count, row, component)``, and inputs around the constants."""
    base = assemble_inputs(plant, 1.0).begin[0]
    cold = np.zeros(plant.shape)
    cold[plant.rows.active > 0] = compiled.start(base)
    states = cold * rng.uniform(0.01, 2.0, (count, *plant.shape))
    return states, base * rng.uniform(0.5, 1.5, (count, len(base)))


@pytest.mark.parametrize("name", EVERY)
def test_torch_and_casadi_agree_on_random_states(name):
    compiled, plant, count = compiled_layout(name), layout_plant(name), 1000
    rng, active = np.random.default_rng(11), plant.rows.active > 0
    states, inputs = random_states(plant, compiled, rng, count)
    p = np.array([q.default for q in plant.table.parameters])
    system = symbolic_system(plant, p)
    function = casadi.Function("f", [system.state, system.inputs], [system.derivative])
    theirs = np.array(function(states[:, active].T, inputs.T)).T
    xp = torch_namespace()
    q, u = torch.as_tensor(p), torch.as_tensor(inputs)
    S = plant.stoichiometry(q, xp)
    mine = plant.derivative(torch.as_tensor(states), plant.forcing(u, q, xp), S, xp).numpy()[:, active]
    np.testing.assert_allclose(theirs, mine, rtol=1e-12, atol=1e-12 * np.abs(mine).max())


def extreme(plant, inputs, what):
    """Return inputs that no plant is built for, from day 1 on."""
    begin, late = inputs.begin.copy(), inputs.times[:-1] >= 1.0
    names = list(plant.input_index)
    chosen = {
        "zero load": [n for n in names if n.startswith("influent.")],
        "zero air": [n for n in names if n.endswith((".kla", ".air"))],
        "zero flow": ["Q_in", "wastage", "return_sludge", *(n for n in names if n.startswith("recycle."))],
        "ten times the flow": ["Q_in"],
    }[what]
    factor = 10.0 if what == "ten times the flow" else 0.0
    for name in chosen:
        begin[late, plant.input_index[name]] *= factor
    return InputSeries(inputs.times, begin, None)


@pytest.mark.parametrize("what", ["zero load", "zero air", "zero flow", "ten times the flow"])
@pytest.mark.parametrize("name", EVERY)
def test_extreme_operation_stays_finite_and_above_zero(name, what):
    compiled, plant = compiled_layout(name), layout_plant(name)
    inputs = assemble_inputs(plant, 5.0)
    start = compiled.start(inputs.mean) if plant.layout.cycles else compiled.steady_state(inputs.mean).state
    record = compiled.simulate(start, extreme(plant, inputs, what))
    assert np.isfinite(record.states).all()
    assert record.states[:, positive(plant)].min() >= -1e-9
    assert all(np.isfinite(values).all() for values in record.columns.values())


@pytest.mark.parametrize("name", [n for n in EVERY if not layout_plant(n).layout.cycles])
def test_steady_states_are_found_from_cold_and_rest(name):
    compiled, inputs = compiled_layout(name), assemble_inputs(layout_plant(name), 2.0)
    found = compiled.steady_state(inputs.mean)
    assert found.residual < 1e-9
    path = compiled.simulate(found.state, inputs).states
    np.testing.assert_allclose(path[-1], found.state, rtol=1e-3, atol=1e-6)
