"""What drives a learnt factor: found where n is made to depend on one input only."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load

from asm_hybrid import load_model, read_inputs
from asm_hybrid.diagnosis.conditions import Conditions, when_it_matters
from asm_hybrid.diagnosis.drivers import drivers, shares_of_variance
from asm_hybrid.errors import InputError

GROWTH = "aerobic_growth_autotrophs"


@pytest.fixture
def made(run):
    """Return a model whose factor on the growth of autotrophs depends on S_NH alone, with states, inputs and times."""
    model = load_model(run)
    stored = load((run / "states.safetensors").read_bytes())
    frame = read_inputs(run)
    u = torch.tensor(frame[list(model.plant.inputs.names)].to_numpy())[stored["knot"]]
    stamps = pd.DatetimeIndex(frame["time"])[stored["knot"].numpy()]
    network = next(iter(model.term)).network
    with torch.no_grad():
        for p in model.term.parameters():
            p.zero_()
        network.weights[0][:, model.config.network.inputs.index("S_NH"), 0] = 1.0
        for member in range(model.members):
            network.weights[-1][member, 0, model.plant.table.process_names.index(GROWTH)] = -0.3 - 0.1 * member
    return model, stored["X"], u, stamps


def test_the_input_that_n_depends_on_is_its_driver(made):
    found = drivers(*made, GROWTH, "aerobic")
    assert (found["process"], found["tank"], found["driver"]) == (GROWTH, "aerobic", "S_NH")
    assert found["share"] > 0.97
    assert found["in_rate"]  # f has ammonium in this rate
    first, second = found["inputs"]
    assert (first["name"], first["unit"]) == ("S_NH", "g N/m3")
    assert first["low"] <= first["share"] <= first["high"]
    assert np.abs(second["effect"]).max() == 0.0  # local effects do not take over what goes along with S_NH
    effect = np.array(first["effect"])
    assert effect.shape == (2, len(first["x"]))
    assert (np.diff(effect) < 0).all()
    np.testing.assert_allclose(effect[1] / effect[0], 4 / 3, rtol=0.02)


def test_effects_add_up_to_the_factor_itself_where_there_is_one_input(made):
    model, X, u, _ = made
    found = drivers(*made, GROWTH, "aerobic")["inputs"][0]
    term = next(iter(model.term))
    with torch.no_grad():
        at = model.recalibrated().system.along(X, u)
        features = term.features(at.X, u).expand(2, *X.shape[:-1], 2)
        logs = term.log_factors(features)[..., model.plant.table.process_names.index(GROWTH)]
    spot = model.plant.layout.tank_names.index("aerobic")
    values = features[0, :, spot, 0].numpy()
    told = np.interp(values, found["x"], found["effect"][0])
    true = logs[0, :, spot].numpy()
    np.testing.assert_allclose(told, true - true.mean(), atol=0.01)


def test_the_curve_is_the_factor_over_its_driver_with_all_seeds_between_low_and_high(made):
    curve = drivers(*made, GROWTH, "aerobic")["curve"]
    factor, low, high = (np.array(curve[name]) for name in ("factor", "low", "high"))
    assert (low <= factor).all()
    assert (factor <= high).all()
    assert (np.diff(factor) < 0).all()
    x, density = np.array(curve["x"]), np.array(curve["density"])
    assert (np.diff(x) > 0).all()
    assert np.trapezoid(density, x) == pytest.approx(1.0, abs=0.15)


def test_a_driver_that_is_given_is_told_with_what_it_explains(made):
    found = drivers(*made, GROWTH, "aerobic", over="S_O")
    assert (found["driver"], found["inputs"][0]["name"]) == ("S_O", "S_NH")
    assert found["share"] == found["inputs"][1]["share"]
    assert drivers(*made, GROWTH, "aerobic", over="T")["driver"] == "S_NH"  # n does not read T


def test_without_a_tank_it_is_the_one_in_which_n_moves_the_rate_most(made):
    assert drivers(*made, GROWTH)["tank"] == "aerobic"  # without oxygen nothing grows there


def test_a_factor_that_does_not_vary_has_no_driver(made):
    found = drivers(*made, "ammonification")
    assert found["driver"] is None
    assert found["curve"] is None
    assert found["when"] == []
    assert all(row["share"] == 0.0 for row in found["inputs"])


def test_conditions_tell_when_it_matters(made):
    rows = {row["condition"]: row for row in drivers(*made, GROWTH, "aerobic")["when"]}
    quarter = next(v for k, v in rows.items() if k.startswith("S_NH above"))
    assert quarter["share_of_time"] == pytest.approx(0.25, abs=0.02)
    assert not any(k.startswith("T ") for k in rows)  # 18 degC all the time
    hours = [v for k, v in rows.items() if k.startswith("from ")]
    assert sum(v["share_of_time"] for v in hours) == pytest.approx(1.0)
    assert sum(v["share_of_effect"] for v in hours) == pytest.approx(1.0)


def test_an_effect_in_wet_weather_is_told_so():
    flow = np.where(np.arange(100) % 10 == 0, 300.0, 100.0)
    found = Conditions({"Q_in": (flow, "m3/d")}, {}, None, np.arange(100) % 24)
    first = when_it_matters(found, np.where(flow > 200, 2.0, 0.0), 0, None)[0]
    assert first["condition"] == "wet weather, Q_in above 150 m3/d"
    assert (first["share_of_time"], first["share_of_effect"]) == (0.1, 1.0)
    assert when_it_matters(found, np.zeros(100), 0, None) == []


def test_variance_is_explained_on_days_that_were_left_out():
    rng = np.random.default_rng(2)
    days = np.repeat(np.arange(20), 24)
    read = rng.normal(size=(len(days), 3))
    own_of_day = rng.normal(size=20)[days]
    factor = np.stack([np.tanh(read[:, 0]), own_of_day])
    shares = shares_of_variance(np.column_stack([read, days + 0.0]), factor, days)
    assert shares[0, 0] > 0.97
    assert shares[0, 1:].max() < 0.05
    assert shares[1, :3].max() < 0.05


def test_what_has_no_factor_is_said_with_the_remedy(made):
    model, *along = made
    with pytest.raises(InputError, match="not a process of asm1"):
        drivers(model, *along, "growth")
    with pytest.raises(InputError, match="not a tank of the plant"):
        drivers(model, *along, GROWTH, "aerobix")
    term = next(iter(model.term))
    term.placement.options["form"] = "additive"
    with pytest.raises(InputError, match="added to the rates"):
        drivers(model, *along, GROWTH)
    model.term = None
    with pytest.raises(InputError, match="has no n") as refused:
        drivers(model, *along, GROWTH)
    assert "placement: rates" in str(refused.value)
