"""The state at the begin of the record: factors on a steady one, and steady states that there are not."""

import numpy as np
import torch
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.errors import SimulationError
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training import first_state
from asm_hybrid.training.first_state import FirstState, steady_states


def plant_of(tmp_path, *changes):
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    config = load_config(write_case(tmp_path, text))
    table = load_kinetics(config)
    return Plant(table, build_layout(config, table))


def test_particulate_matter_is_scaled_in_all_tanks_and_nothing_else(tmp_path):
    plant = plant_of(tmp_path)
    first = FirstState(plant)
    assert first.names == ("X_I", "X_S", "X_BH", "X_BA", "X_P", "X_ND")
    steady = torch.rand(3, *plant.shape, dtype=torch.float64) + 1.0
    logarithms = torch.zeros(3, 6, dtype=torch.float64)
    logarithms[1, first.names.index("X_BA")] = np.log(2.0)
    found = first.moved(steady, logarithms)
    torch.testing.assert_close(found[[0, 2]], steady[[0, 2]])
    column = plant.table.component_names.index("X_BA")
    factor = torch.ones_like(steady[1])
    factor[:, column] = 2.0
    torch.testing.assert_close(found[1], steady[1] * factor)


def test_the_layers_of_a_settler_follow_the_last_tank(tmp_path):
    settler = "settler: {type: takacs, area: 400, height: 4}"
    plant = plant_of(tmp_path, ("settler: {type: ideal, non_settleable: 0.002}", settler))
    first, (begin, end) = FirstState(plant), plant.rows.layers
    assert end > begin
    steady = torch.rand(1, *plant.shape, dtype=torch.float64) + 1.0
    found = first.moved(steady, torch.full((1, 6), np.log(1.5), dtype=torch.float64))
    ratio = found / steady
    torch.testing.assert_close(ratio[0, begin:end, plant.rows.solids_column], torch.full((end - begin,), 1.5).double())
    soluble = [i for i, c in enumerate(plant.table.components) if c.phase == "soluble"]
    torch.testing.assert_close(found[..., soluble], steady[..., soluble])


def test_a_set_without_a_steady_state_does_not_take_the_others_along(tmp_path, monkeypatch):
    plant = plant_of(tmp_path)

    def start_state(system, u, guess, grid):
        if (system.parameters[:, 0] < 0).any():
            raise SimulationError("none")
        return guess.expand(len(system.parameters), -1, -1)

    monkeypatch.setattr(first_state, "start_state", start_state)
    parameters = torch.tensor([p.default for p in plant.table.parameters], dtype=torch.float64).repeat(3, 1)
    parameters[1, 0] = -1.0
    system = PlantSystem(plant, parameters, ("aerobic.S_NH",))
    ones = torch.ones(1, *plant.shape, dtype=torch.float64)
    found = steady_states(system, torch.zeros(len(plant.inputs)), ones)
    assert torch.isfinite(found).flatten(1).all(1).tolist() == [True, False, True]
