"""n on measured variables: each from its own tank, in units of its spread, and the states are those of f."""

import casadi
import numpy as np
import torch
from plant_tools import defaults, make_plant
from term_tools import MEASURED, make_term, operating_point, shake, system_of

from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel

TARGETS = ("effluent.TN", "anoxic.S_NO", "middle.TSS")


def test_each_variable_is_corrected_from_its_own_tank():
    plant = make_plant()
    term = shake(make_term(plant, "output", targets=TARGETS))
    term.typical.copy_(torch.tensor([2.0, 5.0, 300.0]))
    x, u = operating_point(plant)
    recorded = ("middle.TSS", "last.S_NH", "effluent.TN", "anoxic.S_NO")
    system, bare = (PlantSystem(plant, defaults(plant), recorded, t) for t in (term, None))
    forcing = system.forcing(u)
    found = (system.output(x, forcing) - bare.output(x, forcing)).detach()
    z = term.outputs(system.effective(x, forcing), u).detach()
    expected = torch.stack([300.0 * z[:, 1, 2], 0.0 * z[:, 0, 0], 2.0 * z[:, 2, 0], 5.0 * z[:, 0, 1]], dim=-1)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-9)
    assert float(expected[:, [0, 2, 3]].abs().min()) > 1e-3


def test_states_are_those_of_f_and_only_outputs_have_gradients():
    plant = make_plant()
    term = shake(make_term(plant, "output"))
    x, u = operating_point(plant)
    grid = Grid(1.0 / 96, 2, True)
    hybrid, f = (PlantModel(system_of(plant, t), grid).simulate(x, u.expand(9, -1)) for t in (term, None))
    assert torch.equal(hybrid.final, f.final)
    assert not hybrid.final.requires_grad
    hybrid.outputs.square().sum().backward()
    assert all(float(p.grad.abs().max()) > 0.0 for p in term.network.parameters())


def test_far_outside_the_trained_range_nothing_is_added():
    plant = make_plant()
    x, u = operating_point(plant)
    x[..., plant.table.component_names.index("S_S")] = 1e4
    system, bare = system_of(plant, shake(make_term(plant, "output"))), system_of(plant)
    forcing = system.forcing(u)
    assert torch.equal(system.output(x, forcing), bare.output(x, forcing))


def test_a_mask_switches_one_variable_off():
    plant = make_plant()
    term = shake(make_term(plant, "output"))
    assert term.placement.places == ((2, 0), (2, 1), (2, 2))
    x, u = operating_point(plant)
    system, bare = system_of(plant, term), system_of(plant)
    forcing = system.forcing(u)
    term.mask = torch.ones(3, 3, dtype=torch.float64)
    term.mask[2, 1] = 0.0
    same = (system.output(x, forcing) == bare.output(x, forcing)).all(0)
    assert same.tolist() == [False, True, False]


def test_the_size_weighed_by_the_penalty_is_that_of_the_corrections():
    plant = make_plant()
    term = shake(make_term(plant, "output"))
    x, u = operating_point(plant)
    z = term.placement.given(term, x, u).squeeze(-2) / term.typical
    rounded = z.abs().sum(-1) - term.size(x, u)
    assert ((rounded > 0) & (rounded < 0.03)).all()


def test_it_is_the_same_in_casadi():
    plant = make_plant()
    term = shake(make_term(plant, "output"))
    symbols = symbolic_system(plant, defaults(plant).numpy(), symbolic_term(term, 1))
    recorded = (*MEASURED, "middle.S_NH")
    values = [symbols.derivative, *(symbols.quantity(t) for t in recorded)]
    function = casadi.Function("y", [symbols.state, symbols.inputs], values)
    own = term.member(1)
    system, bare = (PlantSystem(plant, defaults(plant), recorded, t) for t in (own, None))
    for seed in range(20):
        x, u = operating_point(plant, seed, members=1)
        forcing = system.forcing(u)
        with torch.no_grad():
            expected, slope = system.output(x, forcing)[0].numpy(), bare.derivative(x, forcing)[0].numpy()
        found = [np.array(v).ravel() for v in function(x.flatten().numpy(), u.numpy())]
        np.testing.assert_allclose(np.concatenate(found[1:]), expected, rtol=1e-12)
        assert np.abs(found[0] - slope.ravel()).max() < 1e-12 * np.abs(slope).max()
