"""States that are moved to what is measured of them, checked by hand."""

import numpy as np
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.training.measured_states import correct, slopes


def test_one_component_takes_the_measured_share_and_all_others_stay():
    x = torch.tensor([4.0, 7.0, 0.0])
    slope = torch.tensor([[1.0, 0.0, 0.0]])
    assert correct(x, slope, torch.tensor([2.0]), torch.tensor([0.5])).tolist() == [5.0, 7.0, 0.0]
    assert correct(x, slope, torch.tensor([-9.0]), torch.tensor([1.0])).tolist() == [0.0, 7.0, 0.0]


def test_a_sum_moves_its_parts_in_proportion():
    x = torch.tensor([100.0, 300.0, 5.0], dtype=torch.float64)
    slope = torch.tensor([[0.75, 0.75, 0.0]], dtype=torch.float64)
    found = correct(x, slope, torch.tensor([30.0]).double(), torch.tensor([1.0]).double())
    assert found.tolist() == pytest.approx([110.0, 330.0, 5.0])


def test_two_sensors_of_the_same_do_not_correct_twice():
    x = torch.tensor([4.0], dtype=torch.float64)
    slope = torch.ones(2, 1, dtype=torch.float64)
    for second, expected in ((1.0, 6.0), (0.0, 6.0)):
        gain = torch.tensor([1.0, second], dtype=torch.float64)
        assert correct(x, slope, torch.tensor([2.0, 2.0]).double(), gain).item() == expected


def test_what_is_empty_can_be_filled():
    found = correct(torch.zeros(2).double(), torch.ones(1, 2).double(), torch.ones(1).double(), torch.ones(1).double())
    assert found.tolist() == [0.5, 0.5]


def test_only_states_that_a_sensor_sees_take_part(tmp_path):
    config = load_config(write_case(tmp_path, CONFIG))
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    parameters = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
    targets = ("aerobic.S_NH", "aerobic.TSS", "effluent.S_NO", "effluent.TSS", "aerobic.S_O")
    u = torch.tensor([plant.layout.constants.get(s.name, 10.0) for s in plant.inputs], dtype=torch.float64)
    X = torch.rand(3, *plant.shape, dtype=torch.float64) + 1.0
    found = slopes(PlantSystem(plant, parameters, targets), targets, X, u.expand(3, -1))
    assert found.shape == (3, 5, *plant.shape)
    names = table.component_names
    seen = [
        {(int(r), names[c]) for r, c in zip(*np.nonzero(found[0, v].numpy()), strict=True)} for v in range(len(targets))
    ]
    assert seen[0] == {(1, "S_NH")}
    assert seen[1] == {(1, n) for n in ("X_I", "X_S", "X_BH", "X_BA", "X_P")}
    assert seen[2] == {(1, "S_NO")}
    assert seen[3] == set()
    assert seen[4] == set()  # imposed
