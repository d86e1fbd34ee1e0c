"""n: zero at the start, conserving in its default placement, bounded, and quiet outside what it was trained on."""

import numpy as np
import pytest
import torch
from plant_tools import component, defaults, make_plant
from term_tools import make_term, operating_point, shake, system_of

from asm_hybrid.hybrid.ensemble import EnsembleMLP
from asm_hybrid.hybrid.neural import NeuralODE
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state

PLACEMENTS = [
    ("rates", "multiplicative"),
    ("rates", "additive"),
    ("state", "multiplicative"),
    ("parameters", "multiplicative"),
    ("output", "multiplicative"),
]


@pytest.mark.parametrize(("placement", "form"), PLACEMENTS)
def test_an_untrained_hybrid_is_f_to_the_last_bit(placement, form):
    plant = make_plant()
    x, u = operating_point(plant)
    inputs = u.expand(13, -1).clone()
    inputs[6:, plant.input_index["Q_in"]] *= 1.5
    grid = Grid(1.0 / 96, 2, True)
    f, hybrid = (PlantModel(system_of(plant, t), grid) for t in (None, make_term(plant, placement, form)))
    with torch.no_grad():
        alone, own, both = f.simulate(x[0], inputs), f.simulate(x, inputs), hybrid.simulate(x, inputs)
    assert torch.equal(both.outputs, own.outputs)
    assert torch.equal(both.final, own.final)
    for member in both.outputs:
        assert torch.equal(member, alone.outputs)


@pytest.mark.parametrize(("placement", "form"), PLACEMENTS[:2] + PLACEMENTS[3:4])
def test_learnt_rates_conserve_what_the_table_conserves(placement, form):
    plant = make_plant(aerated=False, imposed=False)
    x, u = operating_point(plant)
    term, bare = shake(make_term(plant, placement, form)), system_of(plant)
    system = system_of(plant, term)
    forcing = system.forcing(u)
    reaction = (system.derivative(x, forcing) - bare.derivative(x, forcing)).detach()
    assert float(reaction.abs().max()) > 1.0
    values = dict(zip(plant.table.parameter_names, defaults(plant).tolist(), strict=True))
    for material in plant.table.materials:
        content = [
            float(
                c.composition[material].value.subs(
                    {s: values[s.name] for s in c.composition[material].value.free_symbols}
                )
            )
            if material in c.composition
            else 0.0
            for c in plant.table.components
        ]
        weights = torch.tensor(content, dtype=torch.float64)
        assert float((reaction @ weights).abs().max()) < 1e-10 * float((reaction.abs() @ weights.abs()).max())


def test_a_free_term_does_not_conserve():
    plant = make_plant(aerated=False, imposed=False)
    x, u = operating_point(plant)
    system, bare = system_of(plant, shake(make_term(plant, "state"))), system_of(plant)
    forcing = system.forcing(u)
    added = (system.derivative(x, forcing) - bare.derivative(x, forcing)).detach()
    nitrogen = sum(added[..., component(plant, n)] for n in ("S_NO", "S_NH", "S_ND", "X_ND", "S_N2"))
    assert float(nitrogen.abs().max()) > 1.0


def test_a_learnt_factor_stays_within_ten():
    plant = make_plant()
    term = shake(make_term(plant), scale=30.0)
    x, u = operating_point(plant)
    factors = term.factors(x, u).detach()
    assert float(factors.max()) <= 10.0 * (1 + 1e-12)
    assert float(factors.min()) >= 0.1 * (1 - 1e-12)
    assert float(factors.max()) > 5.0


@pytest.mark.parametrize(("placement", "names"), [("rates", ["S_NH", "X_BA"]), ("state", ["S_NH"])])
def test_an_additive_term_stops_where_its_component_runs_out(placement, names):
    plant = make_plant()
    form = "additive"
    term = shake(make_term(plant, placement, form), scale=2.0)
    x, u = operating_point(plant)
    k = [component(plant, n) for n in names]
    x[..., k[0]] = 0.0
    added = term.additions(x, u).detach()
    if placement == "rates":
        growth = plant.table.process_names.index("aerobic_growth_autotrophs")
        assert float(added[..., growth].abs().max()) < 1e-8
        assert float(added.abs().max()) > 1.0
    else:
        assert float(added[..., k[0]].abs().max()) == 0.0


def test_guard_is_one_inside_the_trained_range_and_fades_to_zero():
    term = make_term(make_plant())
    row = torch.tensor([10.0, 10.0, 15.0], dtype=torch.float64)
    away = torch.linspace(0, 60, 601, dtype=torch.float64)
    features = row.repeat(601, 1)
    features[:, 0] = away
    guard = term.guard(features).squeeze(-1)
    assert torch.equal(guard[away <= 30.0], torch.ones(301, dtype=torch.float64))
    assert float(guard[away >= 50.0].abs().max()) == 0.0
    assert bool((guard.diff() <= 0).all())
    assert float(guard.diff().abs().max()) < 0.01
    below = row.clone()
    below[1] = -15.0
    assert float(term.guard(below)) == pytest.approx(float(guard[away == 35.0]), rel=1e-12)


def test_far_outside_the_trained_range_the_hybrid_is_f():
    plant = make_plant()
    x, u = operating_point(plant)
    x[..., component(plant, "S_S")] = 1e4
    system, bare = system_of(plant, shake(make_term(plant))), system_of(plant)
    forcing = system.forcing(u)
    assert torch.equal(system.derivative(x, forcing), bare.derivative(x, forcing))


def test_only_targets_are_changed_and_a_mask_switches_them_off():
    plant = make_plant()
    chosen = ["hydrolysis_organics", "decay_autotrophs"]
    term = shake(make_term(plant, targets=chosen))
    x, u = operating_point(plant)
    moved = (term.factors(x, u) != 1.0).flatten(0, -2).any(0)
    names = np.array(plant.table.process_names)
    assert set(names[moved.numpy()]) == set(chosen)
    term.mask = torch.zeros(1, 1, len(names), dtype=torch.float64)
    assert torch.equal(term.factors(x, u), torch.ones_like(term.factors(x, u)))


def test_members_share_nothing():
    network = shake_network(EnsembleMLP([3, 8, 2], "tanh", (4, 5, 6)))
    x = torch.randn(3, 7, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = network(x)
    for i in range(3):
        torch.testing.assert_close(network.member(i)(x[i : i + 1]), y[i : i + 1], rtol=1e-14, atol=1e-15)
    y[1].square().sum().backward()
    for p in network.parameters():
        assert float(p.grad[[0, 2]].abs().max()) == 0.0
        assert float(p.grad[1].abs().max()) > 0.0


def shake_network(network):
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return network


def test_a_members_start_depends_on_its_seed_alone():
    alone, among = EnsembleMLP([3, 8, 2], "tanh", (7,)), EnsembleMLP([3, 8, 2], "tanh", (1, 7))
    assert torch.equal(alone.weights[0][0], among.weights[0][1])
    assert not torch.equal(among.weights[0][0], among.weights[0][1])
    assert float(among.weights[-1].detach().abs().max()) == 0.0


def test_a_pure_neural_ode_starts_at_rest_and_ignores_constant_inputs():
    mean, std = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
    u_std = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64).clamp(min=1e-12)
    ode = NeuralODE(mean, std, torch.ones(3, dtype=torch.float64), u_std, (6,), "tanh", (1, 2, 3))
    z, u = torch.randn(3, 5, 2, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    assert torch.equal(ode.derivative(z, u), torch.zeros(3, 5, 2, dtype=torch.float64))
    shake_network(ode.network)
    other = u.clone()
    other[:, 1] += 1.0
    assert torch.equal(ode.derivative(z, u), ode.derivative(z, other))
    assert not torch.equal(ode.derivative(z, u), ode.derivative(z, u + 1.0))


def gradient_error(substeps):
    """Return the relative error of the gradient with respect to the last layer, against central differences."""
    plant = make_plant()
    _, u = operating_point(plant, seed=2)
    for name, value in {"influent.S_S": 70.0, "influent.X_S": 200.0, "influent.S_NH": 30.0, "Q_in": 4000.0}.items():
        u[plant.input_index[name]] = value
    x = start_state(system_of(plant), u)
    term = shake(make_term(plant, seeds=(1,)), scale=0.2)
    model = PlantModel(system_of(plant, term), Grid(1.0 / 96, substeps, True))
    inputs = u.repeat(9, 1)
    inputs[:, plant.input_index["Q_in"]] *= torch.linspace(1, 2, 9, dtype=torch.float64)

    def loss():
        return model.simulate(x, inputs).outputs.square().sum()

    weight = term.network.weights[-1]
    loss().backward()
    found, expected = weight.grad.flatten()[::7], []
    with torch.no_grad():
        flat = weight.view(-1)
        for i in range(0, len(flat), 7):
            values = []
            for sign in (1.0, -1.0):
                flat[i] += sign * 1e-5
                values.append(float(loss()))
                flat[i] -= sign * 1e-5
            expected.append((values[0] - values[1]) / 2e-5)
    reference = torch.tensor(expected, dtype=torch.float64)
    return float((found - reference).norm() / reference.norm())


def test_gradient_through_a_simulation_nears_that_of_finite_differences_with_the_step():
    """The Jacobian is held in the backward pass, which errs by about the square of the step."""
    coarse, fine = gradient_error(1), gradient_error(4)
    assert coarse < 5e-3
    assert fine < coarse / 16
