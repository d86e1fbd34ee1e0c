"""Sludge age, retention, loads and F/M of a mean operating point, against published and hand-made figures."""

from dataclasses import replace

import numpy as np
import pytest

from asm_hybrid.config import build_layout, load_kinetics, load_plant, parameter_values
from asm_hybrid.errors import SimulationError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.primary import PrimaryClarifier
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.operation import mean_inputs, operation, plant_inputs
from asm_hybrid.scenario.published import published_steady_state

POND = """\
name: pond
model: {kinetics: KINETICS}
plant:
  temperature: 15 degC
  tanks:
    pond: {volume: 300 m3, kla: 50}
  influent: {to: pond, flow: 50 m3/d, composition: {COMPOSITION}}
  settler: {type: none}
"""
ASM1 = (
    "S_I: 30, S_S: 60, X_I: 50, X_S: 200, X_BH: 20, X_BA: 0.1, X_P: 0, S_O: 0, S_NO: 0, S_NH: 30, S_ND: 7, X_ND: 10, "
    "S_N2: 0,"
)
ASM3 = "S_O2: 0, S_I: 30, S_S: 60, S_NH4: 37, S_N2: 0, S_NOX: 0, X_I: 50, X_S: 200, X_H: 20, X_STO: 0, X_A: 0.1,"


def worked_out(subject, **layout):
    file = load_plant(subject)
    table = load_kinetics(file)
    plant = Plant(table, replace(build_layout(file, table), **layout))
    values = parameter_values(file, table)
    parameters = np.array([values.get(p.name, p.default) for p in table.parameters])
    return operation(plant, parameters, plant_inputs(plant))


def test_the_sludge_age_of_bsm1_is_that_of_its_published_steady_state():
    published = published_steady_state("open")
    volumes = {"tank_1": 1000.0, "tank_2": 1000.0, "tank_3": 1333.0, "tank_4": 1333.0, "tank_5": 1333.0}
    tanks = sum(volume * published[f"{name}.TSS"].value for name, volume in volumes.items())
    layers = sum(1500 * 4 / 10 * published[f"settler_{i}.TSS"].value for i in range(1, 11))
    wasted = 385 * published["settler_10.TSS"].value + 18061 * published["settler_1.TSS"].value
    found = worked_out("bsm1")
    assert (tanks + layers) / wasted == pytest.approx(9.17, abs=0.01)
    assert found.sludge.total == pytest.approx((tanks + layers) / wasted, rel=1e-4)
    aerated = sum(volumes[name] * published[f"{name}.TSS"].value for name in ("tank_3", "tank_4", "tank_5"))
    assert found.sludge.age(found.sludge.aerated) == pytest.approx(aerated / wasted, rel=1e-4)


def test_loads_retention_and_food_of_bsm1():
    found = worked_out("bsm1")
    loads = {name: load for name, _, load in found.loads}
    assert loads["COD"] == pytest.approx(18446 * 381.19 / 1000)
    assert sum(t.retention for t in found.tanks) == pytest.approx(5999 / 18446)
    assert found.tanks[0].passage == pytest.approx(1000 / (18446 + 18446 + 55338))
    biodegradable = 69.5 + 202.32 + 0.92 * 28.17
    name, food = found.food
    assert name == "BOD5"
    assert food == pytest.approx(18446 * 0.65 * biodegradable / 1000)


def test_a_tank_without_settler_keeps_solids_as_long_as_water(tmp_path):
    path = tmp_path / "pond.yaml"
    for kinetics, composition in (("asm1", ASM1), ("asm3", ASM3)):
        path.write_text(POND.replace("KINETICS", kinetics).replace("COMPOSITION", composition + " S_ALK: 7"))
        found = worked_out(path)
        assert found.sludge.total == pytest.approx(6.0)
        assert found.tanks[0].retention == pytest.approx(6.0)


def test_flows_that_controllers_move_are_those_at_steady_state():
    found = worked_out("bsm1_closed")
    assert found.input("recycle.internal") == pytest.approx(16486, rel=1e-3)
    assert found.tanks[-1].oxygen == pytest.approx(2.0, abs=1e-3)


def test_the_primary_clarifier_takes_load_from_the_tanks():
    found = worked_out("mle", primary=PrimaryClarifier())
    assert found.load("TSS", settled=True) < 0.8 * found.load("TSS")
    assert found.primary_flow == pytest.approx(0.007 * found.input("Q_in"))
    minutes = 900 / found.input("Q_in") * 1440
    removed = 0.65 * (2.88 * 0.85 - 0.118) * (1.45 + 6.15 * np.log(minutes)) / 0.85 / 100
    kept = (1 - 0.007) * (1 - removed) * found.load("TSS")
    assert found.load("TSS", settled=True) == pytest.approx(kept, rel=1e-4)
    assert 0 < found.settled["TSS"] < found.influent["TSS"]


def test_a_plant_whose_volume_varies_has_figures_of_its_own_only():
    found = worked_out("sbr")
    assert found.sludge is None
    assert not found.failed
    assert "volume" in found.reason
    assert found.loads == []
    assert found.tanks[0].retention is None


@pytest.mark.parametrize("failure", [SimulationError("no steady state was found: 1"), RuntimeError("singular")])
def test_without_a_steady_state_the_rest_is_worked_out(monkeypatch, failure):
    def fail(*_):
        raise failure

    monkeypatch.setattr(CompiledPlant, "steady_state", fail)
    found = worked_out("bsm1")
    assert found.failed
    assert found.reason
    assert found.sludge is None
    assert found.load("COD") == pytest.approx(7031.4, rel=1e-4)
    assert found.tanks[0].retention > 0


def test_means_of_a_record_keep_the_loads():
    names = ("Q_in", "influent.S_NH", "aerobic.S_O")
    inputs = np.array([[100.0, 40.0, 1.0], [300.0, 10.0, 3.0]])
    assert mean_inputs(names, inputs).tolist() == [200.0, (4000 + 3000) / 400, 2.0]
    assert mean_inputs(names, inputs * [0, 1, 1]).tolist() == [0.0, 25.0, 2.0]


def test_inputs_that_follow_a_time_table_count_by_their_time(tmp_path):
    path = tmp_path / "pond.yaml"
    text = POND.replace("KINETICS", "asm1").replace("COMPOSITION", ASM1 + " S_ALK: 7")
    path.write_text(
        text + "  cycles:\n    air:\n      phases:\n        - {name: on, duration: 1 h, set: {pond.kla: 120}}\n"
        "        - {name: off, duration: 3 h}\n"
    )
    text = path.read_text().replace(", kla: 50", "")
    path.write_text(text)
    assert worked_out(path).input("pond.kla") == pytest.approx(30.0)
