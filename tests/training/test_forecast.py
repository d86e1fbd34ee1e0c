"""Forecasts from rolling origins: right times, no look ahead, and the same models as in simulation."""

from dataclasses import replace
from math import gcd

import numpy as np
import pandas as pd
import pytest
import torch

from asm_hybrid import load_model
from asm_hybrid.config import load_config
from asm_hybrid.data import read_dataset
from asm_hybrid.training.compared_model import FittedRecord
from asm_hybrid.training.origins import MOST_ORIGINS, choose_origins
from asm_hybrid.training.predictions import predict_all
from asm_hybrid.training.rolling_forecast import forecast
from asm_hybrid.training.windows import recorded_points

BLOCKS = {"calibrate": (0.5, 10.0), "train": (0.5, 10.0), "validate": (10.5, 14.0), "test": (20.0, 30.0)}
KNOT = 1.0 / 48
FORECASTERS = ("persistence", "diurnal", "mechanistic", "recalibrated", "neural", "hybrid")


@pytest.fixture(scope="module")
def case(small_run):
    """Return the model of a run that learnt little, its record and its blocks."""
    model, config = load_model(small_run), load_config(small_run.parent / "config.yaml")
    return model, read_dataset(config, model.plant.table, model.plant.layout)


def run(model, dataset):
    """Simulate and forecast; return the simulated values and the table of forecasts."""
    points = recorded_points(dataset.observations, model.grid.interval, model.grid.substeps)
    model = replace(model, grid=replace(model.grid, points=points))
    inputs = torch.as_tensor(dataset.inputs)
    with torch.no_grad():
        own = model.mechanistic().simulate(model.start, inputs, record_knots=True)
    found = predict_all(FittedRecord(model, dataset, inputs, dataset.blocks, own))
    return found.values, forecast(found.record, found.loops)


@pytest.fixture(scope="module")
def plain(case):
    """Return the forecasts of the record as it is."""
    return run(*case)[1]


def changed(dataset, **fields):
    return replace(dataset, observations=tuple(replace(o, **fields) for o in dataset.observations))


def days(dataset, column):
    return np.asarray((pd.to_datetime(column, utc=True) - dataset.origin) / pd.Timedelta(days=1))


def test_origins_reach_back_a_day_but_not_into_what_an_earlier_block_has_seen():
    test, validate = (choose_origins(BLOCKS, name, KNOT) for name in ("test", "validate"))
    assert test.knots[0] * KNOT == pytest.approx(19.0)
    assert test.knots[-1] * KNOT == pytest.approx(30 - 1 / 24)
    assert set(np.diff(test.knots)) == {2}
    assert validate.knots[0] * KNOT == pytest.approx(10.0)


def test_the_number_of_origins_is_bounded_and_all_hours_of_the_day_come_up():
    found = choose_origins(BLOCKS | {"test": (20.0, 120.0)}, "test", KNOT)
    assert found.spacing > 1
    assert gcd(found.spacing, 24) == 1
    assert len(found.knots) <= MOST_ORIGINS
    assert len(set(found.knots % 48)) == 24


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_without_a_correction_the_forecast_is_the_simulation(case, shift):
    model, dataset = case
    dataset = replace(
        dataset,
        observations=tuple(
            replace(o, times=(o.times + shift * KNOT)[:-2], values=o.values[:-2], censored=o.censored[:-2], noise=1e3)
            for o in dataset.observations
        ),
    )
    values, result = run(model, dataset)
    for o in dataset.observations:
        rows = result.table[result.table["variable"] == o.label]
        at = np.searchsorted(o.times, days(dataset, rows["time"]) - 1e-4)
        for name in ("mechanistic", "recalibrated", "neural", "hybrid"):
            tolerance = 1e-2 if name == "neural" and shift else 2e-3
            np.testing.assert_allclose(rows[name], np.median(values[o.label][name], axis=0)[at], atol=tolerance)


def test_lead_times_are_the_horizons_and_persistence_is_the_last_measurement(case, plain):
    dataset, result = case[1], plain
    assert set(FORECASTERS) <= set(result.table)
    for o in dataset.observations:
        rows = result.table[result.table["variable"] == o.label]
        origin, time = days(dataset, rows["origin"]), days(dataset, rows["time"])
        late = (time - origin) * 24 - rows["horizon"]
        assert ((late > -1e-3) & (late < 1 - 1e-3)).all()
        last = [o.values[o.times <= t + 1e-4][-1] for t in origin]
        np.testing.assert_array_equal(rows["persistence"], last)
        for block in ("validate", "test"):
            begin, end = dataset.blocks[block]
            inside = time[(rows["block"] == block).to_numpy()]
            assert (inside >= begin - 1e-4).all()
            assert (inside <= end + 1e-4).all()


def test_a_measurement_after_the_origin_changes_nothing_before_it(case, plain):
    (model, dataset), before = case, plain
    when = dataset.blocks["test"][0] + 0.4
    values = [np.where(o.times >= when, o.values + 3.0, o.values) for o in dataset.observations]
    later = tuple(replace(o, values=v) for o, v in zip(dataset.observations, values, strict=True))
    _, after = run(model, replace(dataset, observations=later))
    early = days(dataset, before.table["origin"]) < when - 1e-4
    assert 0 < early.sum() < len(early)
    for name in FORECASTERS:
        a, b = before.table[name], after.table[name]
        assert (a[early] == b[early]).all(), name
        if name != "diurnal":
            assert (a[~early] != b[~early]).any(), name


def test_the_update_helps_a_model_that_is_off(case, plain):
    (model, dataset), updated = case, plain
    _, blind = run(model, changed(dataset, noise=1e3))
    for variable in ("NH4", "NO3"):
        a, b = (r.summary["scores"]["test"]["1 h"][variable]["mechanistic"]["rmse"] for r in (blind, updated))
        assert b < 0.9 * a


def test_scores_are_those_of_the_table(plain):
    result, table = plain, plain.table
    for horizon, variables in result.summary["scores"]["test"].items():
        for variable, models in variables.items():
            rows = table[(table["block"] == "test") & (table["variable"] == variable)]
            rows = rows[rows["horizon"] == int(horizon.split()[0])]
            assert list(models) == list(FORECASTERS)
            for name in ("persistence", "diurnal", "mechanistic", "recalibrated"):
                rmse = np.sqrt(((rows[name] - rows["measured"]) ** 2).mean())
                assert models[name]["rmse"] == pytest.approx(rmse, rel=1e-9)
