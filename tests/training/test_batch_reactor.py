"""The road of a training for a batch reactor: phases by time table or by signals, from its config to its folder."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from batch_reactor import CONFIG, MEASURED, write_batch

from asm_hybrid import load_model, read_inputs
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import InputError
from asm_hybrid.plant import Plant
from asm_hybrid.training.learnable import check_course
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.workflow import run_training


def opened(path):
    """Return config, plant and data of a config."""
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    return config, plant, read_dataset(config, table, plant.layout)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the folder of a finished run."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("batch")
    assert not run_training(write_batch(base), base / "run").interrupted
    return base / "run"


def test_phases_by_signals_are_those_of_the_time_table(tmp_path):
    _, plant, dataset = opened(write_batch(tmp_path))
    _, other, measured = opened(write_batch(tmp_path, MEASURED))
    assert not other.layout.cycles
    assert list(other.input_index) == list(plant.input_index)
    np.testing.assert_allclose(measured.inputs, dataset.inputs, rtol=1e-6)
    assert len(np.unique(dataset.inputs[:, plant.input_index["reactor.kla"]])) == 2


def test_a_run_has_phases_and_volumes_at_every_knot(run):
    model, inputs = load_model(run), read_inputs(run)
    plant = model.plant
    u = torch.as_tensor(inputs[list(plant.input_index)].to_numpy().copy())
    found = without_gradients(model.hybrid()).simulate(model.start[1], u, record_knots=True)
    volume = found.knots[:, plant.rows.layers[1], plant.rows.extra.index("reactor.volume")].numpy()
    expected = 1000.0 + np.tile([0, 120, 240, *[360] * 7, 350, 350], 16)  # fill, aerate, waste, settle; before the draw
    expected = np.append(expected, 1000.0)
    np.testing.assert_allclose(volume, expected, rtol=1e-9)
    summary = json.loads((run / "summary.json").read_text())
    scores = summary["scores"]["test"]["NH4"]
    assert all(np.isfinite(scores[name]["rmse"]) for name in ("mechanistic", "recalibrated", "hybrid"))
    assert scores["recalibrated"]["rmse"] < scores["mean"]["rmse"]


def test_a_run_begins_where_its_first_days_return_to(run):
    model, inputs = load_model(run), read_inputs(run)
    u = torch.as_tensor(inputs[list(model.plant.input_index)].to_numpy().copy())
    again = without_gradients(model.recalibrated()).simulate(model.start[1], u).final
    scale = model.start[1].abs() + 1.0
    assert float(((again - model.start[1]).abs() / scale).max()) < 1e-4


def test_forecasts_leave_the_volume_alone(run):
    table = pd.read_csv(run / "forecasts.csv")
    assert np.isfinite(table["hybrid"]).all()


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("interpolation: previous", "interpolation: linear", "inputs are joined by lines"),
        ("fill, duration: 90 min", "fill, duration: 80 min", "the phase 'fill' takes 80 min"),
        ("700 m3/h", "3000 m3/h", "the tank 'reactor' runs empty"),
        ("name: settle,", "name: settle, until: reactor.S_NH4 < 1 mg N/L,", "'batch' switches by what is measured"),
    ],
)
def test_what_the_knots_cannot_follow_is_refused_by_name(tmp_path, old, new, found):
    path = write_batch(tmp_path, CONFIG.replace(old, new))
    with pytest.raises(InputError, match=found) as caught:
        check_course(*opened(path))
    assert "config.yaml" in str(caught.value)
