"""A plant whose table has an equilibrium: the same in torch and CasADi, observed, and refused where there is no pH."""

from __future__ import annotations

import casadi
import numpy as np
import pytest
import torch
from plant_tools import component, defaults, make_plant, random_inputs

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant, target_unit
from asm_hybrid.plant.acidity import sewage_doubt
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.plants import simulate_plant
from asm_hybrid.solver.grid import Grid
from asm_hybrid.training import PlantModel, start_state
from asm_hybrid.training.acidity import check_states
from asm_hybrid.training.simulation_models import without_gradients

TARGETS = ("last.pH", "middle.S_NH", "effluent.pH", "anoxic.S_NH3", "effluent.S_CO2")
SLUDGE = {"S_I": 30.0, "S_S": 3.0, "X_I": 1000.0, "X_S": 60.0, "X_BH": 2000.0, "X_BA1": 110.0, "X_BA2": 40.0}
SLUDGE |= {"X_P": 400.0, "S_O": 1.0, "S_NO3": 10.0, "S_NO2": 0.3, "S_NO1": 0.01, "S_N2O": 0.01, "S_N2": 15.0}
SLUDGE |= {"S_NH": 5.0, "S_ND": 0.7, "X_ND": 4.0, "S_ALK": 4.0, "S_IC": 60.0}
SEWAGE = {"S_I": 30.0, "S_S": 70.0, "X_I": 40.0, "X_S": 200.0, "X_BH": 30.0, "S_NH": 30.0, "S_ND": 5.0, "X_ND": 9.0}
SEWAGE |= {"S_ALK": 7.0, "S_IC": 100.0}


@pytest.fixture(scope="module")
def plant():
    return Plant(load_table("asm1_2n_ph"), make_plant(imposed=False).layout)


@pytest.fixture(scope="module")
def case(plant):
    """Return inputs and states of activated sludge with a pH from 6 to 8."""
    u = random_inputs(plant, np.random.default_rng(0))
    for name in plant.table.component_names:
        u[plant.input_index[f"influent.{name}"]] = SEWAGE.get(name, 0.0)
    X = np.tile([SLUDGE[name] for name in plant.table.component_names], (3, 1))
    return u, X * np.array([[1.0], [0.9], [0.8]])


@pytest.fixture(scope="module")
def system(plant):
    return PlantSystem(plant, defaults(plant), TARGETS)


@pytest.fixture(scope="module")
def symbols(plant):
    return symbolic_system(plant, defaults(plant).numpy())


def test_torch_and_casadi_have_the_same_derivative_and_quantities(plant, case, system, symbols):
    (u, X), active = case, plant.rows.active > 0
    forcing = system.forcing(torch.tensor(u))
    found = [system.derivative(torch.tensor(X), forcing).numpy()[active], system.output(torch.tensor(X), forcing)]
    own = [symbols.derivative, casadi.vertcat(*(symbols.quantity(t) for t in TARGETS))]
    function = casadi.Function("f", [symbols.state, symbols.inputs], own)
    for a, b in zip(found, function(X[active], u), strict=True):
        assert np.asarray(a) == pytest.approx(np.array(b).ravel(), rel=1e-9, abs=1e-9)
    pH = np.asarray(found[1])[[0, 2]]
    assert (pH > 5.5).all()
    assert (pH < 8.5).all()


def test_units_and_names_of_what_can_be_measured(plant):
    assert [target_unit(plant.table, t) for t in TARGETS] == ["-", "g N/m3", "-", "g N/m3", "g C/m3"]
    with pytest.raises(InputError, match="of 'PH', which the model 'asm1_2n_ph' does not have") as caught:
        plant.quantities.observation("last.PH")
    assert "pH" in str(caught.value.fix)


def test_the_jacobian_goes_through_the_pH(plant, case, system, symbols):
    (u, X), active = case, plant.rows.active > 0
    forcing, x = system.forcing(torch.tensor(u)), torch.tensor(X)
    J = system.full_jacobian(x, forcing)
    expected = torch.autograd.functional.jacobian(lambda z: system.derivative(z, forcing), x).reshape(J.shape)
    torch.testing.assert_close(J, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))
    function = casadi.Function(
        "J", [symbols.state, symbols.inputs], [casadi.jacobian(symbols.derivative, symbols.state)]
    )
    rows = np.flatnonzero(active.ravel())
    assert np.array(function(X[active], u)) == pytest.approx(expected.numpy()[np.ix_(rows, rows)], rel=1e-7, abs=1e-6)


def test_gradients_of_a_simulated_pH(plant, case):
    """With respect to the rate of stripping and the carbon of the influent, against differences."""
    u, _ = case
    start = start_state(PlantSystem(plant, defaults(plant), ("last.pH",)), torch.tensor(u))[0]
    inputs, carbon = torch.tensor(np.tile(u, (2, 1))), torch.zeros(len(u), dtype=torch.float64)
    carbon[plant.input_index["influent.S_IC"]] = 1.0
    stripping = torch.tensor([float(name == "k_CO2") for name in plant.table.parameter_names])

    def pH(shift):
        p, own = defaults(plant) * torch.exp(shift[0] * stripping), inputs * torch.exp(shift[1] * carbon)
        model = PlantModel(PlantSystem(plant, p, ("last.pH", "middle.pH")), Grid(1 / 96, 3))
        return model.simulate(start, own).outputs[-1]

    zero = torch.zeros(2, dtype=torch.float64)
    found = torch.autograd.functional.jacobian(pH, zero)
    steps = [torch.eye(2, dtype=torch.float64)[k] * 1e-4 for k in range(2)]
    with torch.no_grad():
        expected = torch.stack([(pH(s) - pH(-s)) / 2e-4 for s in steps], dim=-1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    assert (found[0].abs() > 1e-4).all()


def test_a_simulation_that_comes_to_water_of_no_pH_is_no_success(plant, case, system):
    """Alkalinity that runs in without carbon dioxide: outputs end where the first such state is, and states go on."""
    u, X = case
    late = u.copy()
    late[plant.input_index["influent.S_ALK"]] = 900.0
    inputs = torch.tensor(np.stack([np.stack([u] * 9), np.stack([u] * 2 + [late] * 7)]))
    model = without_gradients(PlantModel(system, Grid(1 / 96, 3)))
    found = model.simulate(torch.tensor(np.stack([X, X])), inputs, record_knots=True)
    assert found.ok.tolist() == [True, False]
    assert torch.isfinite(found.outputs[0]).all()
    assert torch.isfinite(found.knots).all()
    numbers = torch.isfinite(found.outputs[1]).all(-1)
    first = int((~numbers).nonzero()[0])
    assert 1 < first < 9
    assert not numbers[first:].any()
    with pytest.raises(SimulationError, match=f"in anoxic {first / 96:.6g} d after the start"):
        check_states(system, found.knots[1], inputs[1], torch.arange(9) / 96)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"S_IC": 0.0, "S_ALK": 30.0}, r"in middle 0.25 d after the start: S_ALK 30 mol/m3.*S_IC 0 g.*give S_IC"),
        ({"S_ALK": -60.0}, r"in middle 0.25 d after the start: S_ALK -60 mol/m3, S_NH.*\n  fix: .*nitrification"),
    ],
)  # fmt: skip
def test_water_of_no_pH_is_refused_by_name(plant, case, system, changed, words):
    (u, X), words = case, f"(?s){words}"
    bad = X.copy()
    for name, value in changed.items():
        bad[1, component(plant, name)] = value
    states, inputs = torch.tensor(np.stack([X, bad])), torch.tensor(np.stack([u, u]))
    check_states(system, states[:1], inputs[:1])
    with pytest.raises(SimulationError, match=words):
        check_states(system, states, inputs, torch.tensor([0.0, 0.25]))
    with pytest.raises(SimulationError, match="in the state that the simulation begins with"):
        check_states(system, states[1:], inputs[1:])
    compiled, active = CompiledPlant(plant, defaults(plant).numpy()), plant.rows.active > 0
    compiled.record(np.zeros(1), X[None, active], u[None])
    with pytest.raises(SimulationError, match=words):
        compiled.record(np.array([0.0, 0.25]), np.stack([X, bad])[:, active], np.stack([u, u]))
    # A stage of a step that is there goes on with finite numbers.
    forcing = system.forcing(inputs)
    assert torch.isfinite(system.derivative(states, forcing)).all()
    assert torch.isfinite(system.jacobian(states, forcing)).all()


def test_the_pH_of_an_influent_is_doubted_outside_that_of_sewage(plant):
    assert sewage_doubt(plant.table, 7.5) is None
    assert sewage_doubt(plant.table, float("nan")) is None
    assert sewage_doubt(plant.table, 4.0)[2].startswith("check the alkalinity")


def test_a_plant_that_starts_cold_begins_at_the_pH_of_its_influent():
    """A time table has no steady state; of 5 mol/m3 of alkalinity and 5 g C/m3 there is no pH."""
    content = {
        "name": "cold",
        "model": {"kinetics": "asm1_2n_ph"},
        "plant": {
            "temperature": 15.0,
            "tanks": {"one": {"volume": 1000.0}},
            "settler": {"type": "none"},
            "influent": {
                "to": "one",
                "flow": 2000.0,
                "composition": {name: SEWAGE.get(name, 0.0) for name in load_table("asm1_2n_ph").component_names},
            },
            "cycles": {
                "air": {"phases": [{"duration": "1 h", "set": {"one.kla": 100.0}}, {"duration": "1 h"}]},
            },
        },
    }
    record = simulate_plant(content, {"days": 0.25}).cases[0].record
    assert 6.0 < record.columns["one.pH"][0] < 9.0
    assert np.isfinite(record.states).all()
