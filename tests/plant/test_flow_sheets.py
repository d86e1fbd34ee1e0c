"""Every kind of flow sheet: the same in torch and CasADi, with any batch axes, and in single precision."""

import casadi
import numpy as np
import pytest
import torch
from flowsheets import LAYOUTS, draw_inputs, draw_states, flow_sheet, parameters

from asm_hybrid.plant import effluent, torch_namespace, waste
from asm_hybrid.plant.casadi_plant import symbolic_system

XP = torch_namespace()


def evaluate(plant, states, inputs, p=None):
    """Return derivative, effluent flow, effluent and waste of tensors, through torch."""
    p = torch.as_tensor(parameters(plant), dtype=states.dtype) if p is None else p
    forcing = plant.forcing(inputs, p, XP)
    change = plant.derivative(states, forcing, plant.stoichiometry(p, XP), XP)
    steered = plant.steer(states, forcing, XP)[0] if plant.steered else forcing
    flow, treated = effluent(plant, states, steered, XP)
    return change, flow, treated, waste(plant, states, steered, XP)


@pytest.mark.parametrize("table", ["asm1_bsm", "asm1"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_torch_and_casadi_agree_on_random_states(name, table):
    plant, rng, count = flow_sheet(name, table), np.random.default_rng(1), 1000
    states, inputs = draw_states(plant, rng, count), draw_inputs(plant, rng, count)
    system = symbolic_system(plant, parameters(plant))
    outputs = [system.derivative, *system.effluent, system.waste]
    function = casadi.Function("f", [system.state, system.inputs], outputs).map(count)
    active = plant.rows.active > 0
    theirs = [np.array(v).T for v in function(states[:, active].T, inputs.T)]
    change, *rest = evaluate(plant, torch.as_tensor(states), torch.as_tensor(inputs))
    assert float(change[:, ~active].abs().sum()) == 0.0
    mine = [change[:, active].numpy(), *(v.reshape(count, -1).numpy() for v in rest)]
    for found, expected in zip(theirs, mine, strict=True):
        size = np.maximum(np.abs(expected), np.median(np.abs(expected), axis=0))
        assert (np.abs(found - expected) / np.maximum(size, 1e-9)).max() < 1e-12


@pytest.mark.parametrize("name", LAYOUTS)
def test_batches_are_loops_over_samples(name):
    plant, rng = flow_sheet(name), np.random.default_rng(2)
    states = torch.as_tensor(draw_states(plant, rng, 12).reshape(3, 4, *plant.shape))
    inputs = torch.as_tensor(draw_inputs(plant, rng, 4))
    p = torch.as_tensor(parameters(plant) * rng.uniform(0.9, 1.1, (3, 1, len(plant.table.parameters))))
    cases = [(states, inputs, None), (states, inputs[0], None), (states[0, 0], inputs, None), (states, inputs, p)]
    for x, u, q in cases:
        batch = np.broadcast_shapes(x.shape[:-2], u.shape[:-1])
        together = evaluate(plant, x, u, q)
        for where in np.ndindex(*batch):
            one_x = x.expand(*batch, *plant.shape)[where]
            one_u = u.expand(*batch, -1)[where]
            one_p = None if q is None else q.expand(*batch, -1)[where]
            for i, (whole, single) in enumerate(zip(together, evaluate(plant, one_x, one_u, one_p), strict=True)):
                part = whole.expand(*batch, *single.shape)[where]
                size = single.abs().max() if i else single.abs().amax(0)
                assert float(((part - single).abs() / size.clamp(min=1e-9)).max()) < 1e-12


@pytest.mark.parametrize("name", LAYOUTS)
def test_single_precision_stays_single(name):
    plant, rng = flow_sheet(name), np.random.default_rng(3)
    states, inputs = torch.as_tensor(draw_states(plant, rng, 20)), torch.as_tensor(draw_inputs(plant, rng, 20))
    for single, double in zip(
        evaluate(plant, states.float(), inputs.float()), evaluate(plant, states, inputs), strict=True
    ):
        assert single.dtype == torch.float32
        assert float(((single - double).abs() / double.abs().amax(0).clamp(min=1e-3)).max()) < 1e-3
