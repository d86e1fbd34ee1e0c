"""Off-gas in records and indicators."""

from __future__ import annotations

import numpy as np
import pytest

from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import AirLaw, Layout, Plant, Tank
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.kpi_factors import Factors, N2OFactor
from asm_hybrid.scenario.scoring import score

TIMES = np.arange(5) / 96
INPUTS = {"Q_in": 10000, "T": 18, "return_sludge": 8000, "wastage": 200, "second.air": 40000}


@pytest.fixture(scope="module")
def plant():
    tanks = (Tank("first", 1000.0), Tank("second", 2000.0, air=AirLaw(0.2)))
    return Plant(load_table("asm1_2n"), Layout(tanks, {"first": 1.0}, {"first": 1.0}))


@pytest.fixture(scope="module")
def parameters(plant):
    return {p.name: p.default for p in plant.table.parameters}


@pytest.fixture(scope="module")
def record(plant, parameters):
    rng = np.random.default_rng(3)
    states = rng.uniform(1.0, 4.0, (len(TIMES), plant.shape[0] * plant.shape[1]))
    inputs = np.full((len(TIMES), len(plant.inputs)), 5.0)
    for name, value in INPUTS.items():
        inputs[:, plant.input_index[name]] = value
    return CompiledPlant(plant, np.array(list(parameters.values()))).record(TIMES, states, inputs)


def indicators(plant, record, parameters, factors=None):
    found = score(plant, record, parameters, 0.0, {}, factors).indicators
    return {i.name: i for i in found}


def test_a_record_has_the_offgas_of_tanks_and_plant(record):
    assert record.units["second.offgas_S_N2O"] == "kg N/d"
    assert "first.offgas_S_N2O" not in record.columns
    np.testing.assert_allclose(record.columns["offgas.S_N2O"], record.columns["second.offgas_S_N2O"])
    assert (record.columns["offgas.S_N2O"] > 0).all()


def test_indicators_of_the_offgas(plant, record, parameters):
    found = indicators(plant, record, parameters)
    mean = record.columns["offgas.S_N2O"][:-1].mean()
    assert found["offgas.S_N2O mean"].value == pytest.approx(mean)
    assert found["offgas.S_N2O mean"].unit == "kg N/d"
    nitrogen = record.columns["Q_in"][0] * record.columns["influent.TN"][0] / 1000
    assert found["N2O emission factor"].value == pytest.approx(100 * mean / nitrogen)
    assert "offgas.S_N2 mean" in found


def test_co2e_takes_the_plants_own_n2o_unless_a_factor_is_chosen(plant, record, parameters):
    own = indicators(plant, record, parameters, Factors())
    mean = own["offgas.S_N2O mean"].value
    assert own["CO2e N2O"].value == pytest.approx(mean * 44 / 28 * 273)
    chosen = indicators(plant, record, parameters, Factors(n2o=N2OFactor(0.016, "influent")))
    nitrogen = 100 * mean / own["N2O emission factor"].value
    assert chosen["CO2e N2O"].value == pytest.approx(0.016 * nitrogen * 44 / 28 * 273)
