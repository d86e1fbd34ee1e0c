"""f: water, solids and oxygen balances, slopes, and one plant for torch and CasADi."""

import casadi
import numpy as np
import pytest
import torch
from plant_tools import VOLUMES, component, defaults, make_plant, random_inputs, random_state

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import PI, Controller, Layout, Plant, Tank, casadi_namespace, effluent, torch_namespace, waste
from asm_hybrid.plant.aeration import oxygen_saturation

XP = torch_namespace()


def forcing_of(plant, u):
    return plant.forcing(torch.as_tensor(u), defaults(plant), XP)


def transport_by_hand(plant, X, u):
    """Return what the flows alone change, tank by tank, from a list of pipes."""
    q = {spec.name: u[i] for i, spec in enumerate(plant.inputs)}
    names = plant.table.component_names
    volume, last = np.array(VOLUMES), len(VOLUMES) - 1
    change = np.zeros_like(X)
    main = q["Q_in"] + q["return_sludge"]
    forward = [main + q.get("recycle.internal", 0.0) - q.get("recycle.bypass", 0.0)] * last
    for k in range(last):
        change[k] -= forward[k] * X[k]
        change[k + 1] += forward[k] * X[k]
    influent = np.array([q[f"influent.{n}"] for n in names])
    change[0] += q["Q_in"] * influent
    if "recycle.internal" in q:
        change[0] += q["recycle.internal"] * X[last]
        change[last] -= q["recycle.internal"] * X[last]
        change[last] += q["recycle.bypass"] * X[0]
        change[0] -= q["recycle.bypass"] * X[0]
    change[last] -= main * X[last]
    # ideal settler: solids that do not escape leave with return and waste sludge, thickened alike
    escaped = plant.layout.settler.non_settleable
    thick = np.where(
        plant.particulate > 0, (1 - escaped) * main * X[last] / (q["return_sludge"] + q["wastage"]), X[last]
    )
    change[0] += q["return_sludge"] * thick
    return change / volume[:, None]


@pytest.mark.parametrize("recycles", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_transport_is_that_of_the_pipes(recycles, seed):
    plant = make_plant(aerated=False, imposed=False, recycles=recycles)
    rng = np.random.default_rng(seed)
    X, u = random_state(plant, rng), random_inputs(plant, rng)
    found = plant.transport(torch.as_tensor(X), forcing_of(plant, u), XP).numpy()
    np.testing.assert_allclose(found, transport_by_hand(plant, X, u), rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("name", ["S_I", "X_I"])
def test_what_comes_in_is_stored_or_leaves(name):
    """Inert matter: influent = effluent + waste sludge + storage, at any state."""
    plant, rng = make_plant(), np.random.default_rng(3)
    X, u = random_state(plant, rng), random_inputs(plant, rng)
    q = {spec.name: u[i] for i, spec in enumerate(plant.inputs)}
    k = component(plant, name)
    tensor, forcing = torch.as_tensor(X), forcing_of(plant, u)
    stored = (np.array(VOLUMES) * plant.transport(tensor, forcing, XP).numpy()[:, k]).sum()
    flow, treated = effluent(plant, tensor, forcing, XP)
    left = float(flow * treated[0, k] + q["wastage"] * waste(plant, tensor, forcing, XP)[0, k])
    assert stored + left == pytest.approx(q["Q_in"] * q[f"influent.{name}"], rel=1e-10)


def test_oxygen_saturation_at_15_degrees_is_that_of_bsm1():
    value = oxygen_saturation(torch.tensor([15.0], dtype=torch.float64), XP)
    assert float(value) == pytest.approx(8.0, abs=2e-3)


def test_oxygen_transfer_is_kla_times_the_deficit():
    plant, rng = make_plant(), np.random.default_rng(4)
    X, u = random_state(plant, rng), random_inputs(plant, rng)
    index, o = plant.input_index["middle.kla"], component(plant, "S_O")
    still = u.copy()
    still[index] = 0.0
    with_air, without = (plant.transport(torch.as_tensor(X), forcing_of(plant, v), XP).numpy() for v in (u, still))
    temperature = torch.tensor([u[plant.input_index["T"]]])
    deficit = float(oxygen_saturation(temperature, XP)) - X[1, o]
    difference = with_air - without
    assert difference[1, o] == pytest.approx(u[index] * deficit, rel=1e-9)
    difference[1, o] = 0.0
    assert np.abs(difference).max() == 0.0


def test_an_imposed_concentration_replaces_the_state_and_does_not_move():
    plant, rng = make_plant(), np.random.default_rng(5)
    X, u = random_state(plant, rng), random_inputs(plant, rng)
    o = component(plant, "S_O")
    forcing, S = forcing_of(plant, u), plant.stoichiometry(defaults(plant), XP)
    other = X.copy()
    other[2, o] = 1e3
    a, b = (plant.derivative(torch.as_tensor(x), forcing, S, XP) for x in (X, other))
    assert torch.equal(a, b)
    assert float(a[2, o]) == 0.0
    effective = plant.effective_state(torch.as_tensor(X), forcing, XP)
    assert float(effective[2, o]) == u[plant.input_index["last.S_O"]]


def test_rates_follow_the_temperature_law():
    plant, rng = make_plant(), np.random.default_rng(6)
    X, u = random_state(plant, rng), random_inputs(plant, rng)
    growth = plant.table.process_names.index("aerobic_growth_autotrophs")
    theta = next(p.theta for p in plant.table.parameters if p.name == "mu_A")
    warm, cold = u.copy(), u.copy()
    warm[plant.input_index["T"]], cold[plant.input_index["T"]] = 20.0, 10.0
    at = [plant.rates(torch.as_tensor(X), forcing_of(plant, v), XP)[:, growth] for v in (warm, cold)]
    torch.testing.assert_close(at[0] / at[1], torch.full_like(at[0], theta**10), rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("seed", range(3))
def test_full_jacobian_is_the_derivative_of_f(seed):
    plant, rng = make_plant(), np.random.default_rng(seed)
    system = PlantSystem(plant, defaults(plant), ("last.S_NH",))
    forcing = system.forcing(torch.as_tensor(random_inputs(plant, rng)))
    x = torch.as_tensor(random_state(plant, rng))
    found = system.full_jacobian(x, forcing)
    expected = torch.autograd.functional.jacobian(lambda y: system.derivative(y, forcing), x)
    expected = expected.reshape(found.shape)
    scale = expected.abs().amax(-1, keepdim=True).clamp(min=1e-9)
    assert float(((found - expected).abs() / scale).max()) < 1e-11


@pytest.mark.parametrize("variant", [{}, {"imposed": False}, {"aerated": False}, {"recycles": False}])
def test_torch_and_casadi_agree_on_random_states(variant):
    plant, rng, xp = make_plant(**variant), np.random.default_rng(7), casadi_namespace()
    X, u = casadi.SX.sym("X", *plant.shape), casadi.SX.sym("u", len(plant.inputs))
    p = casadi.SX.sym("p", len(plant.table.parameters))
    change = plant.derivative(X, plant.forcing(u, p, xp), plant.stoichiometry(p, xp), xp)
    function = casadi.Function("f", [X, u, p], [change])
    for _ in range(100):
        state, inputs = random_state(plant, rng), random_inputs(plant, rng)
        parameters = defaults(plant).numpy() * rng.uniform(0.8, 1.2, len(plant.table.parameters))
        theirs = np.array(function(state, inputs, parameters))
        q = torch.as_tensor(parameters)
        forcing, S = plant.forcing(torch.as_tensor(inputs), q, XP), plant.stoichiometry(q, XP)
        mine = plant.derivative(torch.as_tensor(state), forcing, S, XP).numpy()
        np.testing.assert_allclose(theirs, mine, rtol=1e-12, atol=1e-12 * np.abs(mine).max())


def test_forcings_along_a_series_are_those_at_each_time():
    plant, rng = make_plant(), np.random.default_rng(8)
    sets = defaults(plant) * torch.as_tensor(rng.uniform(0.9, 1.1, (4, len(plant.table.parameters))))
    series = torch.as_tensor(np.stack([random_inputs(plant, rng) for _ in range(3)]))
    for parameters in (defaults(plant), sets):
        system = PlantSystem(plant, parameters, ("last.S_NH",))
        x = torch.as_tensor(random_state(plant, rng)).expand(4, -1, -1)
        for u, prepared in zip(series, system.prepare(series), strict=True):
            expected = system.derivative(x, system.forcing(u.unsqueeze(0)))
            torch.testing.assert_close(system.derivative(x, prepared), expected, rtol=1e-14, atol=1e-11)


def test_limiting_components_are_those_that_rates_read():
    plant = make_plant()
    names = np.array(plant.table.component_names)
    assert set(names[plant.limiting == 0]) == {"S_I", "X_I", "X_P", "S_ALK", "S_N2"}


@pytest.mark.parametrize(
    ("target", "hint"),
    [("lsat.S_NH", "'last'"), ("last.S_NHH", "'S_NH'"), ("effluent.TSSS", "'TSS'"), ("S_NH", "last")],
)
def test_an_unknown_observation_is_refused_with_the_nearest_name(target, hint):
    with pytest.raises(InputError) as caught:
        make_plant().quantities.observation(target)
    assert hint in str(caught.value)


def test_aeration_of_a_table_without_oxygen_is_refused():
    from asm_hybrid.kinetics import load_table

    layout = Layout(tanks=(Tank("pond", 1.0, aerated=True),), influent_to={"pond": 1.0}, return_to={"pond": 1.0})
    with pytest.raises(InputError, match="names no dissolved oxygen"):
        Plant(load_table("lotka_volterra"), layout)


def test_a_controller_that_measures_the_effluent_is_refused():
    from asm_hybrid.kinetics import load_table

    controller = Controller("ammonia", "effluent.S_NH", "g/m3", ("pond.kla",), PI(1.0, 1.0, 1.0))
    layout = Layout((Tank("pond", 1.0, aerated=True),), {"pond": 1.0}, {"pond": 1.0}, controllers=(controller,))
    with pytest.raises(InputError, match="not in a tank"):
        Plant(load_table("asm1"), layout)
