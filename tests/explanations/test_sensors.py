"""Sensors of a record over which explanations compete."""

import numpy as np
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.explanations.arena import Arena
from asm_hybrid.explanations.fit import fit
from asm_hybrid.explanations.read import record_of
from asm_hybrid.explanations.suspects import known_names
from asm_hybrid.plant import Plant

NH4 = "NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}"


def arena(folder, text, late=0.0):
    config = load_config(write_case(folder, text, late=late))
    plant = Plant(load_kinetics(config), build_layout(config, load_kinetics(config)))
    return Arena(record_of(config, plant, read_dataset(config, plant.table, plant.layout)))


def test_a_bias_that_is_learnt_moves_beside_every_explanation(tmp_path):
    found = arena(tmp_path, CONFIG.replace(NH4, NH4.replace("noise: 0.2", "noise: 0.2, bias: learn")))
    assert [k.name for k in found.knobs].count("bias of NH4") == 1
    names = known_names(found.record, ())
    assert "sensor.NH4.bias" not in names
    assert {"sensor.NH4.drift", "sensor.NO3.bias"} <= set(names)


def test_a_dead_time_that_is_learnt_moves_beside_every_explanation(tmp_path):
    """Its slope is that of the errors, and the fit of f alone finds it."""
    late = arena(tmp_path, CONFIG.replace(NH4, NH4.replace("noise: 0.2", "noise: 0.2, delay: learn")), late=40 / 1440)
    k = [knob.name for knob in late.knobs].index("delay of NH4")
    at = np.array([0.02 if i == k else 0.01 for i in range(len(late.knobs))])
    run = late.problem().simulate(late.knobs, at)
    near = late.problem().linearise(late.knobs, at, run)
    ends = [at.copy(), at.copy()]
    ends[0][k], ends[1][k] = 0.02 + 1e-5, 0.02 - 1e-5
    seen = [late.problem().errors(late.knobs, end, run) for end in ends]
    np.testing.assert_allclose(
        near.slopes[:, k], (seen[0] - seen[1]) / 2e-5, atol=1e-3 * np.abs(near.slopes[:, k]).max()
    )
    found = fit(late.problem(), late.knobs, np.zeros(len(at)), late.record.weights)
    assert late.knobs[k].shown(found.near.at[k]) == pytest.approx(40.0, abs=6.0)


def test_a_slow_sensor_shows_what_was_before(tmp_path):
    plain = arena(tmp_path, CONFIG)
    slow = arena(tmp_path, CONFIG.replace(NH4, NH4.replace("noise: 0.2", "noise: 0.2, lag: 60 min")))
    run = plain.problem().simulate((), np.zeros(0))
    errors = [a.record.errors(run.outputs) for a in (plain, slow)]
    ammonium = plain.record.columns == 0
    assert errors[1][~ammonium] == pytest.approx(errors[0][~ammonium])
    assert np.abs(errors[1] - errors[0])[ammonium].max() > 0.1
    at = np.zeros(len(slow.knobs))
    near = slow.problem().linearise(slow.knobs, at)
    ends = [at.copy(), at.copy()]
    ends[0][0], ends[1][0] = 1e-4, -1e-4
    seen = [slow.problem().errors(slow.knobs, end, slow.problem().simulate(slow.knobs, end)) for end in ends]
    assert near.slopes[:, 0] == pytest.approx((seen[0] - seen[1]) / 2e-4, abs=0.02 * np.abs(near.slopes[:, 0]).max())
