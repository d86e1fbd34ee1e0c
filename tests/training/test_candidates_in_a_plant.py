"""A plant whose table holds all candidates: f with them at zero; at work, torch and compiled functions agree."""

import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet
from plant_tools import defaults

from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import candidate_patch, candidates_for, parse_table, with_candidates
from asm_hybrid.plant import Plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training.simulation_models import CompiledModel, PlantModel
from asm_hybrid.yamlfile import to_yaml

KNOTS, GRID = 25, Grid(interval=1.0 / 96, substeps=3)
TARGETS = ("tank_5.S_NH", "tank_5.S_NO", "tank_1.S_NO", "effluent.TSS", "tank_5.S_ALK")


@pytest.fixture(scope="module")
def plants():
    plain = flow_sheet("bsm1")
    found = candidates_for(plain.table)
    return plain, Plant(with_candidates(plain.table, found), plain.layout), found


def outputs(plant, parameters, model=CompiledModel):
    """Return what a plant gives over a record that swings."""
    rng = np.random.default_rng(3)
    states, inputs = draw_states(plant, rng, 1), draw_inputs(plant, rng, 1) * (1.0 + 0.3 * rng.random((KNOTS, 1)))
    system = PlantSystem(plant, parameters, TARGETS)
    with torch.no_grad():
        solution = model(system, GRID).simulate(torch.as_tensor(states), torch.as_tensor(inputs))
    assert bool(solution.ok.all())
    return solution.outputs


def at_work(plant, candidates):
    """Return the parameters of an extended plant with some candidates at their typical size."""
    typical = {c.rate_constant: c.typical for c in candidates}
    return torch.tensor([typical.get(p.name, p.default) for p in plant.table.parameters], dtype=torch.float64)


def test_with_all_candidates_at_zero_it_is_f(plants):
    plain, whole, _ = plants
    f = outputs(plain, defaults(plain))
    for model in (CompiledModel, PlantModel):
        torch.testing.assert_close(outputs(whole, defaults(whole), model), f, rtol=1e-10, atol=1e-12)


def test_with_all_at_work_torch_and_the_compiled_functions_agree(plants):
    plain, whole, found = plants
    parameters = at_work(whole, found)
    mine = outputs(whole, parameters)
    torch.testing.assert_close(mine, outputs(whole, parameters, PlantModel), rtol=1e-9, atol=1e-10)
    assert float((mine - outputs(plain, defaults(plain))).abs().amax()) > 0.1


def test_slopes_are_those_of_autodiff(plants):
    _, whole, found = plants
    rng = np.random.default_rng(5)
    system = PlantSystem(whole, at_work(whole, found), TARGETS)
    X = torch.as_tensor(draw_states(whole, rng, 4))[..., : whole.tanks, :].clone().requires_grad_()
    forcing = system.forcing(torch.as_tensor(draw_inputs(whole, rng, 4)))
    rates, slopes = system.own_rates(X, forcing), system.rate_slopes(X, forcing)
    for i in range(rates.shape[-1]):
        (expected,) = torch.autograd.grad(rates[..., i].sum(), X, retain_graph=True, materialize_grads=True)
        scale = float(expected.abs().amax()) + 1e-9
        torch.testing.assert_close(slopes[..., i, :].detach(), expected, atol=1e-13 * scale, rtol=1e-9)


def test_an_accepted_candidate_simulates_as_it_did_among_all(plants, tmp_path):
    plain, whole, found = plants
    candidate = next(c for c in found if c.name == "settler_denitrification")
    patch = candidate_patch(candidate, candidate.typical, extends=plain.table.name)
    accepted = Plant(parse_table(to_yaml(patch), tmp_path / "accepted.yaml"), plain.layout)
    mine = outputs(accepted, defaults(accepted))
    torch.testing.assert_close(mine, outputs(whole, at_work(whole, [candidate])), rtol=1e-10, atol=1e-12)
    assert float((mine - outputs(plain, defaults(plain))).abs().amax()) > 1e-3
