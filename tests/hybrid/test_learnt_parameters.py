"""n on parameters: the right one in the right tank, slopes for the solver, mass conserved, and what is refused."""

import shutil

import numpy as np
import pytest
import torch
from plant_tools import defaults, make_plant
from term_tools import KINETIC, make_term, operating_point, shake, system_of

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.term import LOG_LIMIT
from asm_hybrid.plant import torch_namespace
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel

XP = torch_namespace()


def constant(term, factors):
    """Let n multiply its targets by constant factors inside the trained range."""
    with torch.no_grad():
        for p in term.network.parameters():
            p.zero_()
        z = LOG_LIMIT * torch.atanh(torch.log(torch.tensor(factors, dtype=torch.float64)) / LOG_LIMIT)
        term.network.biases[-1][...] = z
    return term


def inside(plant, term, seed=0):
    """Return a state and inputs inside the trained range of a term."""
    x, u = operating_point(plant, seed)
    for name in ("S_S", "S_NH"):
        x[..., plant.table.component_names.index(name)] = 5.0
    u[plant.input_index["T"]] = 15.0
    assert bool((term.guard(term.features(x, u)) == 1.0).all())
    return x, u


def test_the_factor_is_on_the_right_parameter_in_the_right_tank():
    plant = make_plant()
    factors = (2.0, 0.4, 3.0)
    term = constant(make_term(plant, "parameters", targets=("K_OA", "mu_A", "b_H")), factors)
    term.mask = torch.zeros(3, 3, dtype=torch.float64)
    for tank, target in ((0, 2), (1, 1), (2, 0)):
        term.mask[tank, target] = 1.0
    x, u = inside(plant, term)
    found, bare = system_of(plant, term), system_of(plant)
    change = found.derivative(x, found.forcing(u)).detach()
    for tank, (name, factor) in enumerate((("b_H", 3.0), ("mu_A", 0.4), ("K_OA", 2.0))):
        moved = defaults(plant)
        moved[plant.table.parameter_names.index(name)] *= factor
        other = type(bare)(plant, moved, ("last.S_NH",))
        expected = other.derivative(x, other.forcing(u))[..., tank, :]
        torch.testing.assert_close(change[..., tank, :], expected, rtol=1e-12, atol=1e-9)
        assert float((expected - bare.derivative(x, bare.forcing(u))[..., tank, :]).abs().max()) > 1e-2


def test_the_factor_stands_beside_the_temperature_law_and_within_ten():
    plant = make_plant()
    x, u = operating_point(plant)
    term = shake(make_term(plant, "parameters"), scale=30.0)
    system = system_of(plant, term)
    forcing = system.forcing(u)
    before = XP.entries(forcing.parameters)
    after = term.adjusted(before, system.effective(x, forcing), u)
    names = plant.table.parameter_names
    ratios = {n: (a / b).detach() for n, a, b in zip(names, after, before, strict=True) if a is not b}
    assert set(ratios) == set(KINETIC)
    for ratio in ratios.values():
        assert ratio.shape == (2, 3)
        assert float(ratio.max()) <= 10.0 * (1 + 1e-12)
        assert float(ratio.min()) >= 0.1 * (1 - 1e-12)


@pytest.mark.parametrize("variant", [{"imposed": False}, {"aerated": False}, {}])
def test_jacobian_blocks_are_the_slopes_where_n_is_held(variant):
    plant = make_plant(**variant)
    term = shake(make_term(plant, "parameters"))
    system = system_of(plant, term)
    x, u = inside(plant, term)
    forcing = system.forcing(u)
    with torch.no_grad():
        found = system.full_jacobian(x, forcing)
        bare = system_of(plant).full_jacobian(x, forcing)
        held = term.adjusted(XP.entries(forcing.parameters), system.effective(x, forcing), u)
    term.adjusted = lambda p, X, u: [v[m] if v.dim() == 2 else v for v in held]
    for m in range(2):
        expected = torch.autograd.functional.jacobian(lambda y: system.derivative(y, forcing), x[m])
        expected = expected.reshape(found.shape[1:])
        assert float((found[m] - expected).abs().max()) < 1e-12 * float(expected.abs().max())
        assert float((found[m] - bare[m]).abs().max()) > 1e-3 * float(expected.abs().max())


def test_cod_and_nitrogen_of_the_reactions_balance():
    plant = make_plant(aerated=False, imposed=False, recycles=True)
    term = shake(make_term(plant, "parameters"))
    x, u = inside(plant, term)
    system, bare = system_of(plant, term), system_of(plant)
    forcing = system.forcing(u)
    with torch.no_grad():
        reaction = system.derivative(x, forcing) - system.plant.transport(x, forcing, XP)
        own = bare.derivative(x, forcing) - bare.plant.transport(x, forcing, XP)
    values = dict(zip(plant.table.parameter_names, defaults(plant).tolist(), strict=True))
    assert float((reaction - own).abs().max()) > 1.0
    for material in ("COD", "N"):
        content = torch.zeros(plant.shape[1], dtype=torch.float64)
        for i, c in enumerate(plant.table.components):
            if material in c.composition:
                value = c.composition[material].value
                content[i] = float(value.subs({s: values[s.name] for s in value.free_symbols}))
        assert float((reaction @ content).abs().max()) < 1e-8
        assert float((reaction.abs() @ content.abs()).max()) > 1.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:The .grad attribute")  # of torch, as it compiles
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_a_compiled_step_gives_the_same():
    plant = make_plant()
    term = shake(make_term(plant, "parameters"))
    x, u = inside(plant, term)
    found = []
    for compiled in (False, True):
        model = PlantModel(system_of(plant, term), Grid(1.0 / 96, 1, True), compiled)
        outputs = model.simulate(x, u.repeat(3, 1)).outputs
        gradients = torch.autograd.grad(outputs.square().sum(), list(term.network.parameters()))
        found.append(torch.cat([v.detach().flatten() for v in (outputs, *gradients)]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-9, atol=1e-9)


def test_far_outside_the_trained_range_the_parameters_are_those_of_f():
    plant = make_plant()
    x, u = operating_point(plant)
    x[..., plant.table.component_names.index("S_S")] = 1e4
    system, bare = system_of(plant, shake(make_term(plant, "parameters"))), system_of(plant)
    forcing = system.forcing(u)
    assert torch.equal(system.derivative(x, forcing), bare.derivative(x, forcing))
    assert torch.equal(system.jacobian(x, forcing), bare.jacobian(x, forcing))


def test_windows_with_inputs_of_their_own_agree_with_one_after_the_other():
    plant = make_plant()
    term = shake(make_term(plant, "parameters"))
    cases = [inside(plant, term, seed) for seed in range(3)]
    model = PlantModel(system_of(plant, term), Grid(1.0 / 96, 1, True))
    x = torch.stack([c[0] for c in cases], dim=1)
    inputs = torch.stack([c[1] for c in cases]).unsqueeze(1).repeat(1, 4, 1)
    with torch.no_grad():
        together = model.simulate(x, inputs).outputs
        for i, (start, u) in enumerate(cases):
            alone = model.simulate(start, u.repeat(4, 1)).outputs
            torch.testing.assert_close(together[:, i], alone, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Y_A", ["'Y_A' sets the stoichiometry of 'aerobic_growth_autotrophs'", "mass would not be conserved", "mu_A"]),
        ("i_XB", ["'i_XB' sets the stoichiometry"]),
        ("i_TSS", ["'i_TSS' is used by no rate of asm1"]),
        ("mu_B", ["'mu_B' is not a parameter of asm1", "did you mean"]),
    ],
)
def test_parameters_that_do_not_belong_in_a_rate_are_refused(name, words):
    with pytest.raises(InputError) as caught:
        make_term(make_plant(), "parameters", targets=("mu_A", name))
    for word in words:
        assert word in str(caught.value)


def test_gradients_reach_every_target():
    plant = make_plant()
    term = make_term(plant, "parameters")
    x, u = inside(plant, term)
    system = system_of(plant, term)
    system.derivative(x, system.forcing(u)).square().sum().backward()
    assert np.all(term.network.biases[-1].grad.abs().numpy() > 0.0)
