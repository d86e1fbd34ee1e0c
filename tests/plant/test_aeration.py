"""Oxygen transfer from an air flow, by the definition of the standard efficiency."""

import casadi
import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet, parameters

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.plant import Aeration, AirLaw, Plant, casadi_namespace, oxygen_saturation, torch_namespace

XP = torch_namespace()


def kla(law, air, volume, temperature):
    air, temperature = (torch.tensor([v], dtype=torch.float64) for v in (air, temperature))
    return float(law.kla(air, volume, temperature, XP))


def test_in_clean_water_of_20_degrees_the_efficiency_of_the_oxygen_dissolves():
    """kLa V S_sat = SOTE times the oxygen in the air: 0.2095 mol/mol of an ideal gas at 0 °C and 1 atm."""
    oxygen = 0.2095 * 31.998 * 101325.0 / (8.314463 * 273.15)  # g/m³
    air, volume, sote = 48000.0, 1333.0, 0.2
    found = kla(AirLaw(sote, alpha=1.0), air, volume, 20.0)
    assert found * volume * 9.09 == pytest.approx(sote * oxygen * air, rel=2e-3)


def test_transfer_scales_with_alpha_air_volume_and_temperature():
    base = kla(AirLaw(0.2, 0.6), 1e4, 1000.0, 20.0)
    assert kla(AirLaw(0.2, 0.3), 1e4, 1000.0, 20.0) == pytest.approx(base / 2, rel=1e-14)
    assert kla(AirLaw(0.2, 0.6), 3e4, 2000.0, 20.0) == pytest.approx(base * 1.5, rel=1e-14)
    assert kla(AirLaw(0.2, 0.6), 1e4, 1000.0, 10.0) == pytest.approx(base / 1.024**10, rel=1e-13)
    assert kla(AirLaw(0.2, 0.6, 1.012), 1e4, 1000.0, 25.0) == pytest.approx(base * 1.012**5, rel=1e-13)


@pytest.mark.parametrize(("name", "place"), [("air", 4), ("batch_air", 0)])
def test_a_plant_uses_the_law_with_the_volume_of_the_moment(name, place):
    plant, rng = flow_sheet(name), np.random.default_rng(5)
    tank, o = plant.layout.tanks[place], plant.table.component_names.index("S_O")
    for X, u in zip(draw_states(plant, rng, 10), draw_inputs(plant, rng, 10), strict=True):
        x, forcing = torch.as_tensor(X), plant.forcing(torch.as_tensor(u), torch.as_tensor(parameters(plant)), XP)
        if plant.steered:
            forcing, _ = plant.steer(x, forcing, XP)
        states = dict(zip(plant.rows.names, X[plant.rows.active > 0], strict=True))
        volume = states.get(f"{tank.name}.volume", tank.volume)
        at = [u[plant.input_index[n]] for n in (f"{tank.name}.air", "T")]
        assert float(forcing.loss[place, o]) == pytest.approx(kla(tank.air, at[0], volume, at[1]), rel=1e-13)


@pytest.mark.parametrize("values", [{"sote": 0.0}, {"sote": 1.1}, {"alpha": 0.0}, {"theta": 0.5}])
def test_impossible_laws_are_refused(values):
    with pytest.raises(InputError):
        AirLaw(**{"sote": 0.2} | values)


def transfer(folder, text, temperature):
    """Return kLa of the tanks of BSM1 and the saturation, in torch and CasADi alike."""
    path = folder / "plant.yaml"
    path.write_text(f"name: mine\nextends: bsm1\nplant:\n  temperature: {temperature}\n{text}")
    file = load_plant(path)
    plant = Plant(load_kinetics(file), build_layout(file, load_kinetics(file)))
    u = np.array([plant.layout.constants[spec.name] for spec in plant.inputs])
    p = np.array([q.default for q in plant.table.parameters])
    o = plant.table.component_names.index("S_O")
    forcing = plant.forcing(torch.as_tensor(u), torch.as_tensor(p), XP)
    other = plant.forcing(casadi.DM(u), casadi.DM(p), casadi_namespace())
    found = np.asarray(forcing.loss)[:, o]
    np.testing.assert_allclose(np.array(other.loss)[:, o], found, rtol=1e-14)
    saturation = float(plant.saturation(torch.as_tensor(u), XP))
    assert float(plant.saturation(casadi.DM(u), casadi_namespace())) == pytest.approx(saturation, rel=1e-14)
    return found, saturation


def test_the_kla_of_bsm1_follows_temperature_as_in_bsm1_lt(tmp_path):
    given = np.array([0, 0, 240, 240, 84])
    formula = float(oxygen_saturation(torch.tensor(10.0, dtype=torch.float64), XP))
    assert formula == pytest.approx(8.9, abs=0.05)
    for temperature in (10, 15, 20):
        kla, _ = transfer(tmp_path, "", temperature)
        np.testing.assert_allclose(kla, given * 1.024 ** (temperature - 15), rtol=1e-13)
    assert transfer(tmp_path, "", 10)[1] == pytest.approx(formula, rel=1e-14)


def test_factor_reference_and_saturation_can_be_set(tmp_path):
    kla, saturation = transfer(tmp_path, "  aeration: {theta: 1.012, T_ref: 20, saturation: 8.5 mg/L}\n", 10)
    np.testing.assert_allclose(kla[2], 240 * 1.012**-10, rtol=1e-13)
    assert saturation == 8.5
    kla, _ = transfer(tmp_path, "  aeration: {theta: 1}\n", 10)
    assert kla[2] == 240.0


def test_a_plant_without_the_key_takes_kla_as_it_is():
    file = load_plant("cstr")
    assert build_layout(file, load_kinetics(file)).aeration == Aeration(1.0, 15.0, None)


@pytest.mark.parametrize("values", [{"theta": 0.0}, {"theta": 1.2}, {"saturation": 0.0}])
def test_impossible_transfer_is_refused(values):
    with pytest.raises(InputError):
        Aeration(**values)
