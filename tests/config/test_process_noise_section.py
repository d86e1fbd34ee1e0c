"""Noise of the states of a plant, read from its config."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from asm_hybrid.config import build_layout, build_process_noise, load_kinetics, load_plant
from asm_hybrid.errors import InputError

NOISE = {"S_NH": "0.2 mg N/L", "X_BA": "5 %", "aerobic.S_NH": 3, "aerobic.X_BA": "0 %"}


def read(case, noise):
    case.text += f"process_noise: {noise}\n"
    config = case.load()
    table = load_kinetics(config)
    return (
        build_process_noise(
            config.process_noise, table, build_layout(config, table), lambda n: config.where("process_noise", n)
        ),
        table,
    )


def test_an_entry_of_one_tank_comes_before_that_of_all(case):
    noise, table = read(case, NOISE)
    ammonia, nitrifiers = (table.component_names.index(name) for name in ("S_NH", "X_BA"))
    np.testing.assert_allclose(noise.absolute[:, ammonia], [0.2, 3.0])
    np.testing.assert_allclose(noise.relative[:, nitrifiers], [0.05, 0.0])
    assert noise.noisy.sum() == 3
    X = np.full(noise.absolute.shape, 10.0)
    np.testing.assert_allclose(noise.diffusion(X)[0, [ammonia, nitrifiers]], [0.2, 0.5])
    np.testing.assert_allclose(noise.diffusion(-X)[0, [ammonia, nitrifiers]], [0.2, 0.0])
    np.testing.assert_array_equal(noise.diffusion(torch.from_numpy(np.stack([X, -X]))).numpy()[0], noise.diffusion(X))


def test_oxygen_that_is_imposed_has_no_noise(case):
    noise, table = read(case, {"S_O": "10 %"})
    np.testing.assert_allclose(noise.relative[:, table.component_names.index("S_O")], [0.1, 0.0])


def test_oxygen_that_is_imposed_has_no_noise_of_its_own(case):
    with pytest.raises(InputError, match=r"aerobic\.S_O has noise, and a series gives") as error:
        read(case, {"aerobic.S_O": "10 %"})
    assert "(process_noise.aerobic.S_O)" in str(error.value)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ({"S_NX": "5 %"}, "did you mean 'S_N"),
        ({"aerobik.S_NH": "5 %"}, "did you mean 'aerobic.S_NH'"),
        ({"S_NH": "-5 %"}, "the noise is -5 %"),
        ({"S_NH": "5 m3/d"}, "they differ in dimension"),
        ({"S_NH": "5 mol/m3"}, "cannot be converted"),
        ({"S_NH": True}, "number and unit"),
    ],
)
def test_noise_that_cannot_be_is_refused_at_its_key(case, noise, words):
    with pytest.raises(InputError, match=words) as error:
        read(case, noise)
    assert "process_noise" in str(error.value)


def test_a_plant_without_noise_has_none():
    file = load_plant("bsm1")
    table = load_kinetics(file)
    assert build_process_noise(file.process_noise, table, build_layout(file, table), str) is None
