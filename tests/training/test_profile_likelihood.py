"""Profile widths against intervals worked out by hand."""

import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.stats import chi2

from asm_hybrid.training.profile_likelihood import profile_widths

WIDE = np.array([[-50.0, 50.0], [-50.0, 50.0]])
BOTH = np.array([0, 1])


def widths(x, residual, slope, bounds, simulate):
    """Return the classical interval of both, for independent errors of unknown size."""
    rise = np.full(2, chi2.ppf(0.95, 1) * (residual @ residual) / (len(residual) - 2))
    return profile_widths(x, residual, slope, bounds, simulate, rise, BOTH)


def linear_case():
    rng = np.random.default_rng(3)
    t = np.linspace(0, 1, 80)
    matrix = np.column_stack([np.ones(80), t])
    measured = matrix @ [1.0, -0.5] + 0.1 * rng.normal(size=80)
    x = np.linalg.lstsq(matrix, measured, rcond=None)[0]
    return matrix, x, lambda sets: sets @ matrix.T - measured


def test_the_interval_of_a_linear_problem_is_the_analytic_one():
    matrix, x, simulate = linear_case()
    residual = simulate(x)
    found = widths(x, residual, matrix, WIDE, simulate)
    variance = residual @ residual / (80 - 2)
    half = np.sqrt(chi2.ppf(0.95, 1) * variance * np.diag(np.linalg.inv(matrix.T @ matrix)))
    np.testing.assert_allclose(found.low, x - half, rtol=1e-6)
    np.testing.assert_allclose(found.high, x + half, rtol=1e-6)
    assert found.checked == (True, True)
    assert found.simulations == 4  # one batch: the linear model is right


def test_an_interval_ends_at_a_bound_and_the_bound_of_one_narrows_the_other():
    matrix, x, simulate = linear_case()
    free = widths(x, simulate(x), matrix, WIDE, simulate)
    tight = np.array([[-50.0, x[0] + 1e-3], [-50.0, 50.0]])
    found = widths(x, simulate(x), matrix, tight, simulate)
    assert found.high[0] == pytest.approx(x[0] + 1e-3)
    assert found.high_open == (True, False)
    assert found.low_open == (False, False)
    assert found.low[1] > free.low[1] + 0.01  # the slope cannot fall as far, since the offset cannot rise
    assert found.high[1] == pytest.approx(free.high[1], rel=1e-6)


def exact_end(simulate, x, index, rise, side):
    """Scan the true profile by brute force."""
    other = 1 - index
    around = np.linspace(-2, 2, 4001)
    best = np.sum(simulate(x) ** 2)
    step = 0.0
    while True:
        step += 0.002
        sets = np.tile(x, (len(around), 1))
        sets[:, index] += side * step
        sets[:, other] += around
        if (simulate(sets) ** 2).sum(1).min() - best > rise:
            return x[index] + side * step


def test_the_ends_of_a_curved_problem_are_those_of_its_true_profile():
    t = np.linspace(0, 3, 40)
    rng = np.random.default_rng(1)
    measured = 2.0 * np.exp(-0.8 * t) + 0.6 * rng.normal(size=40)

    def simulate(x):
        sets = np.exp(np.atleast_2d(x))
        return (np.exp(-sets[:, :1] * t) * sets[:, 1:2] - measured) / 0.6

    x = least_squares(lambda x: simulate(x)[0], np.log([0.5, 1.0]), xtol=1e-12).x
    residual = simulate(x)[0]
    slope = ((simulate(x + 1e-6 * np.eye(2)) - residual) / 1e-6).T
    found = widths(x, residual, slope, np.log([[0.01, 20.0], [0.01, 20.0]]), simulate)
    assert found.checked == (True, True)
    assert found.simulations <= 12
    rise = chi2.ppf(0.95, 1) * (residual @ residual) / 38
    for index in (0, 1):
        low = exact_end(simulate, x, index, rise, -1)
        high = exact_end(simulate, x, index, rise, 1)
        width = high - low
        assert found.low[index] == pytest.approx(low, abs=0.04 * width)
        assert found.high[index] == pytest.approx(high, abs=0.04 * width)
    assert abs((x[0] - found.low[0]) / (found.high[0] - x[0]) - 1) > 0.05  # it is not symmetric


def test_where_nothing_can_be_simulated_the_ends_stay_unchecked():
    matrix, x, simulate = linear_case()
    found = widths(x, simulate(x), matrix, WIDE, lambda sets: np.full((len(sets), 80), np.nan))
    assert found.checked == (False, False)
    assert (found.low < x).all()
    assert (x < found.high).all()


def test_an_unknown_without_an_interval_is_still_adjusted():
    matrix, x, simulate = linear_case()
    residual = simulate(x)
    both = widths(x, residual, matrix, WIDE, simulate)
    rise = np.array([chi2.ppf(0.95, 1) * (residual @ residual) / 78])
    second = profile_widths(x, residual, matrix, WIDE, simulate, rise, np.array([1]))
    np.testing.assert_allclose([second.low[0], second.high[0]], [both.low[1], both.high[1]], rtol=1e-9)
