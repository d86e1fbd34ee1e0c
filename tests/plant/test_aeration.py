"""Oxygen transfer from an air flow, by the definition of the standard efficiency."""

import numpy as np
import pytest
import torch
from flowsheets import draw_inputs, draw_states, flow_sheet, parameters

from asm_hybrid.errors import InputError
from asm_hybrid.plant import AirLaw, torch_namespace

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
