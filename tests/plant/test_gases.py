"""Gases that aeration strips, and what is measured of them in the off-gas."""

from __future__ import annotations

import casadi
import numpy as np
import pytest
import torch

from asm_hybrid.errors import InputError
from asm_hybrid.hybrid.compiled_system import CompiledSystem
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.kinetics import load_table, parse_table
from asm_hybrid.plant import AirLaw, Layout, Plant, Recycle, Tank, offgas_targets, target_unit, torch_namespace
from asm_hybrid.plant.casadi_plant import symbolic_system
from asm_hybrid.plant.materials import MaterialBalance
from asm_hybrid.plant.transfer import bubble_share, equilibrium

XP = torch_namespace()
INPUTS = {"Q_in": 20000, "T": 16, "return_sludge": 20000, "wastage": 300, "recycle.internal": 40000}
INPUTS |= {"by_kla.kla": 120, "by_air.air": 30000}
TARGETS = ("by_kla.S_N2O", "by_kla.offgas_S_N2O", "by_air.offgas_S_N2", "offgas.S_N2O", "effluent.S_NH")
STILL = "name: still\nextends: asm1_2n\ngases: null\n"


def layout(imposed=()):
    """Return a plant with one tank without air, one with kLa, one with an air flow."""
    return Layout(
        tanks=(Tank("anoxic", 1000.0), Tank("by_kla", 2000.0, aerated=True), Tank("by_air", 1500.0, air=AirLaw(0.2))),
        influent_to={"anoxic": 1.0},
        return_to={"anoxic": 1.0},
        recycles=(Recycle("internal", "by_air", "anoxic"),),
        imposed=imposed,
    )


@pytest.fixture(scope="module")
def plant():
    return Plant(load_table("asm1_2n"), layout())


@pytest.fixture(scope="module")
def case(plant):
    """Return a state, inputs and parameters."""
    rng = np.random.default_rng(0)
    u = rng.uniform(1, 20, len(plant.inputs))
    for name, value in INPUTS.items():
        u[plant.input_index[name]] = value
    return rng.uniform(0.1, 5, plant.shape), u, np.array([p.default for p in plant.table.parameters])


def system(plant, p, targets=TARGETS):
    return PlantSystem(plant, torch.as_tensor(p), targets)


def column(plant, name):
    return plant.table.component_names.index(name)


def test_equilibrium_with_air_is_that_of_henry(plant):
    gases = {gas.component: gas for gas in plant.table.gases}
    warm = torch.tensor([25.0, 15.0], dtype=torch.float64)
    found = equilibrium(gases["S_N2"], warm, XP)
    assert float(found[0]) == pytest.approx(6.4e-6 * 0.781 * 101325 * 28, rel=1e-12)
    # Water in equilibrium with air at 15 degC holds 16.4 mg N2/L (Weiss 1970, Deep-Sea Res. 17, 721: 13.1 mL/L).
    assert float(found[1]) == pytest.approx(16.4, abs=0.2)


def test_bubbles_fill_with_a_gas_that_dissolves_well(plant):
    gases = {gas.component: gas for gas in plant.table.gases}
    at_20 = torch.tensor([20.0], dtype=torch.float64)
    law = AirLaw(0.2, alpha=0.6)
    # By hand: kLa V/Q = 0.6*0.2*299.3/9.09; H = 1/(R 273.15 K henry), henry at 20 degC.
    henry = 2.4e-4 * np.exp(2600 * (1 / 293.15 - 1 / 298.15))
    units = 0.914 * 0.6 * 0.2 * 299.3 / 9.09 * 8.314462618 * 273.15 * henry
    assert float(bubble_share(gases["S_N2O"], law, at_20, XP)) == pytest.approx((1 - np.exp(-units)) / units, rel=1e-9)
    assert float(bubble_share(gases["S_N2O"], law, at_20, XP)) < 0.5
    assert float(bubble_share(gases["S_N2"], law, at_20, XP)) > 0.96
    # Little transfer leaves the air fresh.
    assert float(bubble_share(gases["S_N2O"], AirLaw(1e-6), at_20, XP)) == pytest.approx(1.0, abs=1e-5)


def test_gases_are_stripped_where_water_is_aerated(plant, case):
    _, u, p = case
    forcing = system(plant, p).forcing(torch.as_tensor(u))
    loss = forcing.loss.numpy()
    oxygen, gas = column(plant, "S_O"), column(plant, "S_N2O")
    assert (loss[0] == 0).all()
    assert loss[1, gas] == pytest.approx(0.914 * 120)
    assert 0.2 < loss[2, gas] / loss[2, oxygen] < 0.5
    stripped = {"S_O", "S_NO1", "S_N2O", "S_N2"}
    others = [i for i, name in enumerate(plant.table.component_names) if name not in stripped]
    assert (loss[:, others] == 0).all()


def test_torch_and_casadi_agree(plant, case):
    X, u, p = case
    torch_system, symbols = system(plant, p), symbolic_system(plant, p)
    forcing = torch_system.forcing(torch.as_tensor(u))
    function = casadi.Function("f", [symbols.state, symbols.inputs], [symbols.derivative, symbols.recorded(TARGETS)])
    slope, outputs = (np.array(v).ravel() for v in function(X.ravel(), u))
    np.testing.assert_allclose(slope, torch_system.derivative(torch.as_tensor(X), forcing).numpy().ravel(), rtol=1e-12)
    found = torch_system.output(torch.as_tensor(X), forcing).numpy()
    np.testing.assert_allclose(outputs, found, rtol=1e-12)
    np.testing.assert_allclose(
        np.array(CompiledSystem(torch_system).output(X.ravel(), u, p)).ravel(), found, rtol=1e-12
    )


def test_jacobian_holds_the_stripping(plant, case):
    X, u, p = case
    torch_system, x = system(plant, p), torch.as_tensor(X)
    forcing = torch_system.forcing(torch.as_tensor(u))
    whole = torch.autograd.functional.jacobian(lambda x: torch_system.derivative(x, forcing), x)
    found = torch_system.full_jacobian(x, forcing)
    np.testing.assert_allclose(found, whole.reshape(found.shape), rtol=1e-10, atol=1e-10)


def test_offgas_is_what_the_water_loses(plant, case):
    X, u, p = case
    still = Plant(parse_table(STILL, "still.yaml"), layout())
    slopes = []
    for one in (plant, still):
        own = system(one, p, ("by_kla.S_N2O",))
        slopes.append(own.derivative(torch.as_tensor(X), own.forcing(torch.as_tensor(u))).numpy())
    torch_system = system(plant, p)
    found = torch_system.output(torch.as_tensor(X), torch_system.forcing(torch.as_tensor(u))).numpy()
    lost = (slopes[1] - slopes[0]) * np.array([[1000.0], [2000.0], [1500.0]]) / 1000
    gas = column(plant, "S_N2O")
    assert found[1] == pytest.approx(lost[1, gas], rel=1e-10)
    assert found[2] == pytest.approx(lost[2, column(plant, "S_N2")], rel=1e-10)
    assert found[3] == pytest.approx(lost[:, gas].sum(), rel=1e-10)


def test_matter_closes_with_the_offgas(plant, case):
    X, u, p = case
    found = MaterialBalance(symbolic_system(plant, p), p).close(np.zeros(1), X.reshape(1, -1), u[None])
    assert {c.name for c in found} >= {"COD", "N", "charge", "S_N2O"}
    assert max(c.missed for c in found) < 1e-12
    assert max(c.made for c in found) < 1e-12


def test_gradient_of_the_offgas(plant, case):
    X, u, p = case
    torch_system = system(plant, p)
    forcing = torch_system.forcing(torch.as_tensor(u))
    assert torch.autograd.gradcheck(lambda x: torch_system.output(x, forcing), torch.as_tensor(X).requires_grad_())


def test_names_and_units_of_offgas(plant):
    names = offgas_targets(plant.table, plant.layout)
    assert len(names) == 9
    assert names[0] == "by_kla.offgas_S_NO1"
    assert names[-1] == "offgas.S_N2"
    assert {target_unit(plant.table, name) for name in names} == {"kg N/d"}
    assert offgas_targets(load_table("asm1"), layout()) == ()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("by_kla.offgas_S_NH", ["does not strip", "S_NO1, S_N2O, S_N2"]),
        ("anoxic.offgas_S_N2O", ["where nothing is aerated", "by_kla, by_air"]),
        ("tank.offgas_S_N2O", ["which the plant does not have"]),
        ("offgas.TN", ["does not strip"]),
    ],
)
def test_offgas_that_is_not_there_is_refused(plant, case, target, words):
    with pytest.raises(InputError) as caught:
        system(plant, case[2], (target,))
    for word in words:
        assert word in str(caught.value)


def test_imposed_oxygen_needs_to_know_the_air():
    table = load_table("asm1_2n")
    with pytest.raises(InputError, match=r"nothing says how much air strips S_NO1, S_N2O, S_N2"):
        Plant(table, layout(imposed=(("anoxic", "S_O"),)))
    plant = Plant(table, layout(imposed=(("by_air", "S_O"),)))
    assert plant.held == ()
    assert Plant(parse_table(STILL, "still.yaml"), layout(imposed=(("anoxic", "S_O"),))).held == ("anoxic",)
    with pytest.raises(InputError, match="both an imposed S_O and aeration"):
        Plant(load_table("asm1"), layout(imposed=(("by_air", "S_O"),)))


def test_a_tank_without_air_is_not_aerated_by_the_oxygen_that_is_imposed():
    tanks = (Tank("still", 1000.0, aerated=True), Tank("aerobic", 2000.0, aerated=True))
    imposed = (("still", "S_O"), ("aerobic", "S_O"))
    constants = {"still.kla": 0.0, "aerobic.kla": 120.0}
    whole = Layout(tanks, {"still": 1.0}, {"still": 1.0}, imposed=imposed, constants=constants)
    (aerated,) = Plant(load_table("asm1_2n_ph"), whole).constants.here
    assert aerated.tolist() == [0.0, 1.0]


def test_imposed_oxygen_stays_and_gases_leave(case):
    plant = Plant(load_table("asm1_2n"), layout(imposed=(("by_air", "S_O"),)))
    X, p = case[0], case[2]
    u = np.ones(len(plant.inputs))
    for name, value in (INPUTS | {"by_air.S_O": 1.7}).items():
        u[plant.input_index[name]] = value
    own = system(plant, p, ("by_air.S_O", "by_air.offgas_S_N2O"))
    forcing = own.forcing(torch.as_tensor(u))
    found = own.output(torch.as_tensor(X), forcing).numpy()
    assert found[0] == pytest.approx(1.7)
    gas = column(plant, "S_N2O")
    assert found[1] == pytest.approx(1.5 * float(forcing.loss[2, gas]) * X[2, gas], rel=1e-3)
    assert float(own.derivative(torch.as_tensor(X), forcing)[2, column(plant, "S_O")]) == 0.0
