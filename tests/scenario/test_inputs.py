"""Inputs of a simulation: times, influent, cycles, noise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from layout_tools import layout_plant

from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.plant.cycle import Cycle, Phase, Until
from asm_hybrid.scenario.simulation_inputs import assemble_inputs, sample_of_phases


def timed(plant, *phases):
    """Return a plant with a time table."""
    cycle = Cycle("table", tuple(Phase(str(i), length, values) for i, (length, values) in enumerate(phases)))
    return Plant(plant.table, replace(plant.layout, cycles=(cycle,)))


def test_constants_are_held_on_a_grid_of_15_minutes():
    plant = layout_plant("bsm1")
    found = assemble_inputs(plant, 1.0)
    np.testing.assert_allclose(np.diff(found.times), 1 / 96)
    assert (found.begin[:, plant.input_index["Q_in"]] == 18446.0).all()
    assert found.end is None


def test_samples_are_held_until_the_next():
    plant = layout_plant("bsm1")
    influent = pd.DataFrame({"time": [0.0, 0.3, 0.7], "Q_in": [1.0, 2.0, 3.0]})
    found = assemble_inputs(plant, 0.7, influent)
    flow = found.begin[:, plant.input_index["Q_in"]]
    np.testing.assert_array_equal(flow, np.where(found.times[:-1] < 0.3, 1.0, 2.0))
    assert 0.3 in found.times


def test_samples_may_be_joined_by_straight_lines():
    plant = layout_plant("bsm1")
    influent = pd.DataFrame({"time": [0.0, 0.5, 1.0], "Q_in": [1.0, 2.0, 0.0]})
    found = assemble_inputs(plant, 1.0, influent, held=False)
    k = plant.input_index["Q_in"]
    np.testing.assert_allclose(found.begin[:, k], np.interp(found.times[:-1], [0, 0.5, 1], [1, 2, 0]))
    np.testing.assert_allclose(found.end[:, k], np.interp(found.times[1:], [0, 0.5, 1], [1, 2, 0]))
    assert found.mean[k] == pytest.approx(1.25)


def test_a_time_table_jumps_at_its_phases():
    plant = timed(layout_plant("bsm1"), (1 / 3, {"tank_3.kla": 200.0}), (0.1, {}), (0.2, {"tank_4.kla": 50.0}))
    found = assemble_inputs(plant, 2.0)
    position = np.mod(found.times[:-1] + 1e-9, 1 / 3 + 0.3)
    for name, expected in (
        ("tank_3.kla", np.where(position < 1 / 3, 200.0, 0.0)),
        ("tank_4.kla", np.where(position > 1 / 3 + 0.1, 50.0, 0.0)),
    ):
        np.testing.assert_array_equal(found.begin[:, plant.input_index[name]], expected)


@pytest.mark.parametrize(
    ("minutes", "until", "recorded"),
    [((60, 45), None, 15), ((60, 10), None, 5), ((60, 7), None, 1), ((60, 0.5), None, 1), ((60, 45), 3.0, 5)],
)
def test_records_are_so_fine_that_no_phase_is_counted_too_long(minutes, until, recorded):
    ends = None if until is None else Until("tank_3.S_NH", False, until)
    cycle = Cycle("table", tuple(Phase(f"{m}", m / 1440, {"tank_3.kla": 9.0}, ends) for m in minutes))
    assert sample_of_phases([cycle, Cycle("other", (Phase("a", 0.125, {}),))]) * 1440 == pytest.approx(recorded)
    assert sample_of_phases([]) == 1 / 96


def test_noise_changes_every_minute_and_follows_its_seed():
    plant = layout_plant("bsm1_closed")
    k = plant.input_index["oxygen.noise"]
    one, again, other = (assemble_inputs(plant, 1.0, seed=seed).begin[:, k] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).all()
    assert one.std() == pytest.approx(0.25, rel=0.1)
    assert len(one) == 1440
    assert (assemble_inputs(plant, 1.0).begin[:, k] == 0.0).all()


def test_an_influent_that_ends_too_early_is_refused():
    influent = pd.DataFrame({"time": [0.0, 0.5], "Q_in": [1.0, 2.0]})
    with pytest.raises(InputError, match=r"the influent covers 0 to 0\.5 d"):
        assemble_inputs(layout_plant("bsm1"), 2.0, influent)


def test_a_column_that_is_no_input_is_refused():
    influent = pd.DataFrame({"time": [0.0, 1.0], "Q": [1.0, 2.0]})
    with pytest.raises(InputError, match="'Q', which is no input"):
        assemble_inputs(layout_plant("bsm1"), 1.0, influent)
