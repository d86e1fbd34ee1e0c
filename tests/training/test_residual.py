"""The residual of a prediction band: constant, or growing with the level where unseen errors say so."""

import numpy as np
import pytest

from asm_hybrid.training.residual import Residual, fit_residual

N = 2000
LEVEL = 3.0 + 2.5 * np.sin(np.arange(N) / 20)


def errors(constant, relative, spread=0.0, seed=3):
    sizes = np.sqrt(Residual(constant, relative).variance(LEVEL) + spread)
    return sizes * np.random.default_rng(seed).normal(size=N)


def test_errors_that_grow_with_the_level_are_recognised():
    found = fit_residual(errors(0.2, 0.3, spread=0.01), np.full(N, 0.01), LEVEL)
    assert found.constant == pytest.approx(0.2, rel=0.2)
    assert found.relative == pytest.approx(0.3, rel=0.1)


def test_errors_of_one_size_have_a_residual_that_hardly_grows():
    found = fit_residual(errors(0.5, 0.0), np.zeros(N), LEVEL)
    assert np.sqrt(found.variance(LEVEL)) == pytest.approx(np.full(N, 0.5), rel=0.1)


def test_a_growth_that_the_other_half_denies_is_left_out():
    first = np.arange(N) < N // 2
    error = np.where(first, errors(0.0, 0.3), errors(2.0, 0.0) / LEVEL)
    found = fit_residual(error, np.zeros(N), LEVEL)
    assert found.relative == 0.0
    assert found.constant == pytest.approx(np.sqrt(np.mean(error**2)))


def test_a_spread_that_explains_all_leaves_no_constant_residual():
    found = fit_residual(errors(0.5, 0.0), np.full(N, 1.0), np.full(N, 3.0))
    assert found.variance(np.array([3.0])) == pytest.approx(0.0, abs=1e-5)


def test_no_errors_have_no_residual():
    assert fit_residual(np.zeros(30), np.zeros(30), LEVEL[:30]) == Residual(0.0)
    assert fit_residual(np.ones(30), np.zeros(30), np.zeros(30)) == Residual(1.0)
