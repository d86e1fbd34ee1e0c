"""The plant and a trained n in CasADi: what torch gives, to the last digits."""

import casadi
import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet, parameters
from plant_tools import defaults, make_plant, random_inputs, random_state
from term_tools import KINETIC

from asm_hybrid.hybrid import symbolic
from asm_hybrid.hybrid.ensemble import ACTIVATIONS
from asm_hybrid.hybrid.learnt_term import LearntTerm, LearntTerms
from asm_hybrid.hybrid.spec import TermScaling, TermSpec
from asm_hybrid.hybrid.symbolic import symbolic_term
from asm_hybrid.hybrid.system import PlantSystem, participants
from asm_hybrid.plant import effluent, torch_namespace, waste
from asm_hybrid.plant.casadi_plant import symbolic_system

XP = torch_namespace()
PLACEMENTS = [
    ("rates", "multiplicative"),
    ("rates", "additive"),
    ("state", "additive"),
    ("parameters", "multiplicative"),
]


def make_term(plant, placement, form, *, activation="tanh", targets=None, inputs=("S_S", "S_NH", "T"), scale=0.5):
    """Return a term of three members with random weights and a trained range that some states leave."""
    table = plant.table
    universe = {"rates": table.process_names, "state": table.component_names, "parameters": KINETIC}
    targets = tuple(targets or universe[placement])
    n, rng = len(inputs), np.random.default_rng(11)
    low, std, width = (torch.as_tensor(rng.uniform(*ends, n)) for ends in ((0.0, 5.0), (1.0, 5.0), (4.0, 8.0)))
    scaling = TermScaling(
        mean=low + 5.0,
        std=std,
        low=low,
        high=low + width,
        width=width,
        varied=torch.ones(n, dtype=torch.float64),
        typical=torch.as_tensor(rng.uniform(1.0, 100.0, len(targets))),
        level=torch.as_tensor(rng.uniform(0.0, 50.0, plant.shape[1])),
    )
    takes_part = participants(plant, plant.stoichiometry(defaults(plant), XP))
    term = LearntTerm(
        TermSpec(placement, inputs, targets, (8, 6), activation, (1, 2, 3), options={"form": form}),
        plant,
        scaling,
        takes_part,
    )
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in term.network.parameters():
            p.copy_(scale * torch.randn(p.shape, dtype=p.dtype, generator=generator))
    return term


def samples(plant, count, seed=0):
    """Draw states, some entries at or below zero, and inputs."""
    rng = np.random.default_rng(seed)
    states = np.stack([random_state(plant, rng) for _ in range(count)])
    states = np.where(rng.random(states.shape) < 0.02, rng.choice([0.0, -0.1], states.shape), states)
    return states, np.stack([random_inputs(plant, rng) for _ in range(count)])


def both(plant, term, member, states, inputs):
    """Return dX/dt of torch, for one member, and of CasADi."""
    own = None if term is None else term.member(member)
    system = PlantSystem(plant, defaults(plant), ("last.S_NH",), own)
    with torch.no_grad():
        mine = system.derivative(torch.as_tensor(states)[None], system.forcing(torch.as_tensor(inputs)))[0]
    learnt = None if term is None else symbolic_term(term, member)
    symbols = symbolic_system(plant, defaults(plant).numpy(), learnt)
    function = casadi.Function("f", [symbols.state, symbols.inputs], [symbols.derivative])
    flat = states.reshape(len(states), -1)
    theirs = np.array(function.map(len(states))(flat.T, inputs.T)).T
    return mine.numpy(), theirs.reshape(states.shape)


def assert_equal(found, expected):
    """Compare to 1e-12 of a value, or of the largest that the same component has in a tank of the same sample."""
    size = np.maximum(np.abs(expected), np.abs(expected).max(axis=1, keepdims=True))
    assert (np.abs(found - expected) / np.maximum(size, 1e-9)).max() < 1e-12


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize(("placement", "form"), PLACEMENTS)
def test_a_hybrid_is_the_same_in_torch_and_casadi(placement, form, activation):
    plant = make_plant()
    term = make_term(plant, placement, form, activation=activation)
    states, inputs = samples(plant, 1000)
    mine, theirs = both(plant, term, 1, states, inputs)
    bare, _ = both(plant, None, 0, states, inputs)
    assert np.abs(mine - bare).max() > 1.0
    assert_equal(theirs, mine)
    guard = term.guard(term.features(torch.as_tensor(states), torch.as_tensor(inputs)))
    assert bool((guard == 0.0).any() and (guard == 1.0).any() and ((guard > 0.0) & (guard < 1.0)).any())


@pytest.mark.parametrize(("placement", "form"), PLACEMENTS)
@pytest.mark.parametrize("variant", [{"imposed": False}, {"aerated": False, "recycles": False}])
def test_a_term_with_few_targets_and_inputs_is_the_same(placement, form, variant):
    plant = make_plant(**variant)
    targets = {"rates": ("decay_autotrophs", "ammonification"), "state": ("X_BA", "S_NH"), "parameters": ("b_A", "k_a")}
    term = make_term(plant, placement, form, targets=targets[placement], inputs=("S_NH",))
    states, inputs = samples(plant, 1000, seed=1)
    assert_equal(*reversed(both(plant, term, 2, states, inputs)))


@pytest.mark.parametrize(("placement", "form"), PLACEMENTS)
@pytest.mark.parametrize("name", ["bsm1_closed", "everything"])
def test_n_acts_in_the_tanks_of_a_plant_with_layers_and_controllers(name, placement, form):
    plant, rng = flow_sheet(name), np.random.default_rng(6)
    term = make_term(plant, placement, form)
    states, inputs = draw_states(plant, rng, 1000), draw_inputs(plant, rng, 1000)
    system = symbolic_system(plant, parameters(plant), symbolic_term(term, 1))
    function, active = casadi.Function("f", [system.state, system.inputs], [system.derivative]), plant.rows.active > 0
    theirs = np.array(function.map(1000)(states[:, active].T, inputs.T)).T
    own, p, x, u = term.member(1), defaults(plant), torch.as_tensor(states), torch.as_tensor(inputs)
    S = plant.stoichiometry(p, XP)
    with torch.no_grad():
        mine = plant.derivative(x[None], plant.forcing(u, p, XP, own), S, XP, own)[0][:, active].numpy()
    bare = plant.derivative(x, plant.forcing(u, p, XP), S, XP)[:, active].numpy()
    moved = {name.partition(".")[0] for name in np.array(plant.rows.names)[np.abs(mine - bare).max(0) > 0.1]}
    assert moved == set(plant.layout.tank_names)
    size = np.maximum(np.abs(mine), np.median(np.abs(mine), axis=0))
    assert (np.abs(theirs - mine) / np.maximum(size, 1e-9)).max() < 1e-12


@pytest.mark.parametrize("name", ["bsm1_closed", "everything"])
def test_all_placements_at_once_in_a_plant_with_layers_and_controllers(name):
    plant, rng = flow_sheet(name), np.random.default_rng(7)
    last = plant.layout.tank_names[-1]
    measured = (f"{last}.S_NH", "effluent.S_NO")
    forms = {"rates": "additive"}
    n = LearntTerms(
        [make_term(plant, p, forms.get(p, "multiplicative"), scale=0.1) for p in ("rates", "state", "parameters")]
        + [
            make_term(plant, "forcing", "", targets=("influent.S_NH", "influent.X_S"), inputs=("T",), scale=0.1),
            make_term(plant, "output", "", targets=measured),
        ]
    )
    states, inputs = draw_states(plant, rng, 200), draw_inputs(plant, rng, 200)
    system, targets = symbolic_system(plant, parameters(plant), symbolic_term(n, 1)), (*measured, f"{last}.S_O")
    active = plant.rows.active > 0
    expressions = [system.derivative, system.recorded(targets)]
    function = casadi.Function("f", [system.state, system.inputs], expressions).map(200)
    theirs, recorded = (np.array(v).T for v in function(states[:, active].T, inputs.T))
    own, p, x, u = n.member(1), defaults(plant), torch.as_tensor(states)[None], torch.as_tensor(inputs)
    bare = symbolic_system(plant, parameters(plant))
    alone = casadi.Function("f", [bare.state, bare.inputs], [bare.recorded(targets)]).map(200)
    with torch.no_grad():
        forcing = plant.forcing(u, p, XP, own)
        mine = plant.derivative(x, forcing, plant.stoichiometry(p, XP), XP, own)[0][:, active].numpy()
        f = torch.as_tensor(np.array(alone(states[:, active].T, forcing.u[0].numpy().T)).T)
        expected = own.recorded(f, targets, plant.effective_state(x, forcing, XP), u)[0].numpy()
    size = np.maximum(np.abs(mine), np.median(np.abs(mine), axis=0))
    assert (np.abs(theirs - mine) / np.maximum(size, 1e-9)).max() < 1e-10
    np.testing.assert_allclose(recorded, expected, rtol=1e-10, atol=1e-10)
    assert np.abs(expected - f.numpy()).max(axis=0)[:2].min() > 1.0
    np.testing.assert_array_equal(expected[:, 2], f.numpy()[:, 2])


def test_members_differ_and_without_a_term_it_is_f():
    plant = make_plant()
    term = make_term(plant, "rates", "multiplicative")
    states, inputs = samples(plant, 20)
    found = [both(plant, term, i, states, inputs)[1] for i in range(3)] + [both(plant, None, 0, states, inputs)[1]]
    for i in range(4):
        for j in range(i):
            assert np.abs(found[i] - found[j]).max() > 1e-3
    assert_equal(found[3], both(plant, None, 0, states, inputs)[0])
    with pytest.raises(IndexError, match="member 3"):
        symbolic_term(term, 3)


def test_a_mask_switches_parts_of_n_off():
    plant = make_plant()
    term = make_term(plant, "rates", "additive")
    term.mask = torch.ones(1, 1, 3, len(plant.table.process_names), dtype=torch.float64)
    term.mask[..., 1, 2] = 0.0
    states, inputs = samples(plant, 50)
    assert_equal(*reversed(both(plant, term, 0, states, inputs)))
    term.mask = torch.zeros(1, 1, len(plant.table.process_names), dtype=torch.float64)
    mine, theirs = both(plant, term, 0, states, inputs)
    assert_equal(theirs, mine)
    assert_equal(theirs, both(plant, None, 0, states, inputs)[0])


def test_activations_are_those_of_torch_and_have_finite_slopes():
    assert set(symbolic.ACTIVATIONS) == set(ACTIVATIONS)
    x = np.concatenate([np.linspace(-30, 30, 1201), [-1e4, -800.0, 800.0, 1e4]])
    for name, torch_law in ACTIVATIONS.items():
        symbol = casadi.SX.sym("x")
        value = symbolic.ACTIVATIONS[name](symbol)
        law = casadi.Function("f", [symbol], [value, casadi.jacobian(value, symbol)]).map(len(x))
        found, slope = (np.array(v).ravel() for v in law(x[None]))
        expected = torch_law(torch.as_tensor(x)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
        assert np.isfinite(slope).all()


def test_outputs_are_those_of_torch():
    plant = make_plant()
    term = make_term(plant, "rates", "multiplicative")
    learnt = symbolic_term(term, 1)
    symbols = symbolic_system(plant, defaults(plant).numpy(), learnt)
    assert symbols.names == plant.rows.names
    targets = ("last.S_NH", "last.S_O", "middle.TSS", "effluent.TN", "effluent.S_NO")
    flow, treated = symbols.effluent
    values = [
        flow,
        treated,
        symbols.waste,
        symbols.kla,
        symbols.moved,
        learnt.guard(learnt.features(symbols.tanks, symbols.inputs)),
    ]
    values += [symbols.quantity(t) for t in targets]
    function = casadi.Function("y", [symbols.state, symbols.inputs], values)
    states, inputs = samples(plant, 20)
    kla = plant.input_index["middle.kla"]
    for state, u in zip(states, inputs, strict=True):
        found = [np.array(v).ravel() for v in function(state.ravel(), u)]
        x, forcing = torch.as_tensor(state), plant.forcing(torch.as_tensor(u), defaults(plant), XP)
        q, concentrations = effluent(plant, x, forcing, XP)
        np.testing.assert_allclose(found[0], q.numpy(), rtol=1e-12)
        np.testing.assert_allclose(found[1], concentrations[0].numpy(), rtol=1e-12)
        np.testing.assert_allclose(found[2], waste(plant, x, forcing, XP)[0].numpy(), rtol=1e-12)
        np.testing.assert_array_equal(found[3], [0.0, u[kla], 0.0])
        np.testing.assert_array_equal(found[4], u)
        effective = plant.effective_state(x, forcing, XP)
        guard = term.guard(term.features(effective, torch.as_tensor(u)))
        np.testing.assert_allclose(found[5], guard.numpy().ravel(), rtol=1e-12, atol=1e-13)
        recorded = PlantSystem(plant, defaults(plant), targets).output(x, forcing)
        np.testing.assert_allclose(np.concatenate(found[6:]), recorded.numpy(), rtol=1e-12)
    assert symbols.settler_solids.shape[0] == 0
