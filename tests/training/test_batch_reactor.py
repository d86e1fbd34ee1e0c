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
from asm_hybrid.data.knots import scheduled
from asm_hybrid.errors import InputError
from asm_hybrid.export.exported_plant import read_plant
from asm_hybrid.export.format import Source
from asm_hybrid.jobs import open_job
from asm_hybrid.newdata.ahead import Diurnal
from asm_hybrid.newdata.predict import predict
from asm_hybrid.plant import Plant
from asm_hybrid.training.learnable import check_course
from asm_hybrid.training.recorded_run import read_record
from asm_hybrid.training.simulation_models import without_gradients
from asm_hybrid.training.state_forecast import plant_fluctuations
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


def test_forecasts_begin_with_the_volume_of_their_origin(run):
    table = pd.read_csv(run / "forecasts.csv")
    assert np.isfinite(table["hybrid"]).all()
    model, inputs = load_model(run), read_inputs(run)
    system = model.hybrid().system
    u = torch.as_tensor(inputs[list(model.plant.input_index)].to_numpy().copy())[:48]
    states = torch.rand(1, 48, *model.plant.shape, dtype=torch.float64) * 100.0
    moving = plant_fluctuations(model.hybrid(), states, u, (0.2, 0.2))
    response = moving.response.reshape(1, 2, *model.plant.shape)
    assert system.plant.steered
    assert float(response[..., model.plant.rows.layers[1] :, :].abs().max()) == 0.0
    assert float(response[..., : model.plant.tanks, :].abs().max()) > 0.0


def later(run, tmp_path, begin, days=2.0):
    """Write rows that go on as the record began, from a time on that is a multiple of its cycle later."""
    rows = pd.read_csv(run.parent / "plant.csv")
    times = pd.to_datetime(rows["time"]) + pd.Timedelta(days=4)
    rows = rows.assign(time=times)[(times >= begin) & (times <= pd.Timestamp(begin) + pd.Timedelta(days=days))]
    rows.assign(time=rows["time"].dt.strftime("%Y-%m-%d %H:%M")).to_csv(tmp_path / "later.csv", index=False)
    return tmp_path / "later.csv"


@pytest.mark.parametrize("begin", ["2024-03-08 00:30", "2024-03-08 02:30"])
def test_predictions_go_on_in_the_phase_and_with_the_volume_of_the_record(run, tmp_path, begin):
    joined = predict(run, later(run, tmp_path, begin)).joined
    plant, dataset = joined.record.model.plant, joined.dataset
    times = (dataset.origin - joined.record.first) / pd.Timedelta(days=1) + dataset.times
    for name, values in scheduled(plant.layout.cycles, times).items():
        np.testing.assert_array_equal(dataset.inputs[:, plant.input_index[name]], values)


def test_forecasts_go_on_with_the_time_table(run):
    record = read_record(run)
    ahead = Diurnal(record).inputs(record.inputs, 100, 30)
    columns = [record.model.plant.input_index[name] for name in record.model.plant.layout.cycles[0].inputs]
    np.testing.assert_array_equal(ahead[:, columns], record.inputs[100:131][:, columns])


def test_new_data_after_a_gap_are_refused(run, tmp_path):
    with pytest.raises(InputError, match="how full 'reactor' is when they begin is not known"):
        predict(run, later(run, tmp_path, "2024-03-09 06:00", days=1.0))


def test_a_simulation_of_a_run_has_the_phases_of_its_record(run, tmp_path):
    table = pd.read_csv(run / "predictions.csv")
    test = table[(table["variable"] == "NH4") & (table["block"] == "test")]
    open_job(str(run)).simulate(None, tmp_path / "out", lambda *_: None, workers=1)
    series = pd.read_csv(tmp_path / "out" / "base" / "series.csv")
    found = series.set_index("time")["reactor.S_NH4 [g N/m3]"]
    times = pd.to_datetime(found.index)
    expected = test.set_index(pd.to_datetime(test["time"]))["hybrid"]
    both = times.intersection(expected.index)
    assert len(both) > 30
    np.testing.assert_allclose(found.set_axis(times)[both], expected[both], rtol=1e-4, atol=1e-4)


def test_an_exported_plant_begins_in_the_phase_of_its_start(run):
    plant = read_plant(Source(run))
    (cycle,) = plant.plant.layout.cycles
    time = plant.first * plant.subject.model.grid.interval
    (recorded,) = load_model(run).plant.layout.cycles
    assert cycle.phases[0].name != "fill"
    for name in recorded.inputs:
        at = np.arange(0.0, 1.0, 1 / 96)
        np.testing.assert_array_equal(cycle.values(name, at), recorded.values(name, time + at))
    assert cycle.length == pytest.approx(recorded.length)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("interpolation: previous", "interpolation: linear", "inputs are joined by lines"),
        ("fill, duration: 90 min", "fill, duration: 80 min", "the phase 'fill' takes 80 min"),
        ("700 m3/h", "3000 m3/h", "the tank 'reactor' runs empty"),
        ("as: reactor.S_NOX", "as: effluent.S_NOX", "of NO3 are from times at which nothing flows out"),
    ],
)
def test_what_the_knots_cannot_follow_is_refused_by_name(tmp_path, old, new, found):
    path = write_batch(tmp_path, CONFIG.replace(old, new))
    with pytest.raises(InputError, match=found) as caught:
        check_course(*opened(path))
    assert "config.yaml" in str(caught.value)
