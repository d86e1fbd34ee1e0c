"""Calibration of small models: it arrives, says so, keeps ties near their defaults, and its intervals hold."""

import numpy as np
import pytest

from asm_hybrid.errors import SimulationError
from asm_hybrid.training.calibration import calibrate
from asm_hybrid.training.persistence import Samples
from asm_hybrid.training.unknowns import SHARE, Unknowns

T = np.arange(0, 20, 1 / 24)
WIDE = np.array([[0.1, 10.0], [0.1, 10.0]])


def samples(t=T):
    return Samples(t, np.zeros(len(t), dtype=int))


def fitted(names, start, bounds, values, measured, noise, *, t=T, more=None, **settings):
    """Calibrate what ``values`` gives for parameter sets ``(set, parameter)``."""
    unknowns = Unknowns.of_parameters(names, np.asarray(start, dtype=float), np.asarray(bounds))
    count = len(names)
    if more is not None:
        unknowns = unknowns.with_more(more, 3.0, 30.0, profiled=True)

    def residuals(x):
        shown = values(np.exp(x[:, :count])) + noise * x[:, count:].sum(1, keepdims=True)
        return (shown - measured) / noise

    first = np.concatenate([np.log(start), np.zeros(len(unknowns) - count)])
    return calibrate(unknowns, first, residuals, samples(t), **settings)


def rosenbrock(sets):
    """A curved valley: the second parameter must follow the square of the first."""
    x, y = np.log(sets).T
    wave = np.sin(2 * np.pi * T)
    return (x - 1.0)[:, None] * wave + 10.0 * (y - x**2)[:, None] * np.cos(2 * np.pi * T)


def test_it_arrives_at_the_end_of_a_curved_valley_and_says_so():
    noise = 0.1 * np.random.default_rng(2).normal(size=len(T))
    found = fitted(("a", "b"), [1.0, 1.0], [[0.05, 20.0], [0.05, 20.0]], rosenbrock, noise, 0.1)
    assert found.converged
    assert found.starts_agree
    assert found.starts.followed == found.starts.agreeing > 1
    np.testing.assert_allclose(np.log(found.values), [1.0, 1.0], atol=0.05)
    assert not [w for w in found.warnings() if "converged" in w]


def test_a_search_that_is_cut_short_says_so_and_keeps_to_its_bound():
    batches = []
    found = fitted(
        ("a", "b"),
        [5.0, 0.1],
        [[0.05, 20.0], [0.05, 20.0]],
        rosenbrock,
        np.zeros(len(T)),
        0.1,
        max_evaluations=2,
        report=lambda number, cost, place: batches.append(number),
    )
    assert batches == [1, 2]
    assert found.evaluations == 2
    assert not found.converged
    assert any("has not converged after 2" in w for w in found.warnings())


def test_a_start_from_which_the_default_cannot_get_away_is_left_to_another():
    """Far from the truth the misfit is flat, as that of a plant in which nothing nitrifies."""

    def values(sets):
        return np.exp(-8.0 * (np.log(sets[:, :1]) - 1.5) ** 2) * (2.0 + np.sin(2 * np.pi * T))

    truth = values(np.array([[np.exp(1.4)]]))
    measured = truth[0] + 0.1 * np.random.default_rng(4).normal(size=len(T))
    found = fitted(("a",), [0.05], [[0.02, 20.0]], values, measured, 0.1)
    assert found.cost == pytest.approx(1.0, abs=0.15)
    assert found.starts.tried > 1
    assert found.converged


def test_two_places_that_fit_alike_are_told():
    def values(sets):
        return np.log(sets[:, :1]) ** 2 * (1.0 + np.sin(2 * np.pi * T))

    measured = values(np.array([[2.0]]))[0] + 0.05 * np.random.default_rng(5).normal(size=len(T))
    found = fitted(("a",), [1.1], [[0.2, 5.0]], values, measured, 0.05)
    assert not found.starts_agree
    assert any("fit nearly as well" in w for w in found.warnings())


def test_a_tie_stays_near_the_default_and_is_named():
    def values(sets):
        return sets[:, :1] * sets[:, 1:2] * np.sin(2 * np.pi * T) + 3.0

    measured = values(np.array([[2.0, 1.0]]))[0] + 0.1 * np.random.default_rng(6).normal(size=len(T))
    found = fitted(("a", "b"), [1.0, 1.0], WIDE, values, measured, 0.1)
    assert found.values.prod() == pytest.approx(2.0, rel=0.02)
    np.testing.assert_allclose(found.values, np.sqrt(2.0), rtol=0.02)  # as near to both defaults as the data allow
    ((first, second, r),) = found.close_pairs
    assert (first, second) == ("a", "b")
    assert r < -0.95
    assert found.interval(0).low < 1.0 < 2.0 < found.interval(0).high


def test_a_parameter_without_effect_stays_at_its_default_and_is_named():
    def values(sets):
        return sets[:, :1] * np.sin(2 * np.pi * T)

    measured = values(np.array([[1.5, 1.0]]))[0] + 0.1 * np.random.default_rng(7).normal(size=len(T))
    found = fitted(("a", "idle"), [1.0, 3.0], [[0.1, 10.0], [1.0, 9.0]], values, measured, 0.1)
    assert found.values[1] == pytest.approx(3.0, rel=1e-6)
    assert found.information[0] > 0.99
    assert found.information[1] == pytest.approx(0.0, abs=1e-6)
    half = 1.96 * SHARE * np.log(9.0)
    assert np.log(found.interval(1).high / 3.0) == pytest.approx(half, rel=0.01)
    assert any("do not determine idle" in w for w in found.warnings())
    assert not any("do not determine a" in w for w in found.warnings())


def test_standard_errors_of_independent_errors_are_the_linear_ones_and_bounds_are_kept():
    t = np.linspace(0, 3, 60)
    rng = np.random.default_rng(1)

    def values(sets):
        return np.exp(-sets[:, :1] * t) * sets[:, 1:2]

    measured = values(np.array([[0.8, 2.0]]))[0] + 0.01 * rng.normal(size=60)
    found = fitted(("a", "b"), [0.3, 1.0], [[0.1, 5.0], [0.1, 9.0]], values, measured, 0.01, t=t)
    assert np.abs(found.values - [0.8, 2.0]).max() < 0.02
    slope = np.stack([-t * np.exp(-0.8 * t) * 2.0, np.exp(-0.8 * t)], axis=1) / 0.01
    expected = np.sqrt(np.diag(np.linalg.inv(slope.T @ slope)))
    assert (found.std_errors > 0.7 * expected).all()
    assert (found.std_errors < 2.0 * expected).all()
    assert found.at_bound == (False, False)
    tight = fitted(("a", "b"), [0.5, 1.0], [[0.1, 0.6], [0.1, 9.0]], values, measured, 0.01, t=t)
    assert tight.values[0] <= 0.6
    assert tight.at_bound == (True, False)
    assert any("at a bound: a:" in w for w in tight.warnings())


def persistent(rng, size, hours):
    """Errors with a standard deviation of one and an autocorrelation time of some hours, by the hour."""
    keep = np.exp(-1.0 / hours)
    out = np.empty(size)
    out[0] = rng.normal()
    for i in range(1, size):
        out[i] = keep * out[i - 1] + np.sqrt(1 - keep**2) * rng.normal()
    return out


@pytest.mark.parametrize("hours", [0.1, 8.0])
def test_intervals_hold_the_truth_whether_errors_persist_or_not(hours):
    """At 8 h there are 16 times fewer independent errors than samples: classical intervals hold it every other time."""
    rng = np.random.default_rng(8)
    truth = np.array([[1.3, 0.7]])

    def values(sets):
        return 5.0 * sets[:, :1] + sets[:, 1:2] * np.sin(2 * np.pi * T)

    inside = widths = 0.0
    for _ in range(40):
        measured = values(truth)[0] + persistent(rng, len(T), hours)
        found = fitted(("a", "b"), [1.0, 1.0], WIDE, values, measured, 1.0, max_evaluations=10)
        intervals = [found.interval(i) for i in range(2)]
        inside += sum(i.low <= v <= i.high for i, v in zip(intervals, truth[0], strict=True))
        widths += np.log(intervals[0].high / intervals[0].low) / 40
    assert inside >= 0.9 * 80
    classical = 2 * 1.96 / np.sqrt(len(T)) / (5.0 * 1.3)
    assert widths < 1.3 * classical * (1.0 if hours < 1 else np.sqrt(2 * hours))


def test_the_number_of_independent_errors_is_that_of_the_process():
    rng = np.random.default_rng(9)
    t = np.arange(0, 100, 1 / 24)
    keep = np.exp(-1 / 6)
    found = [samples(t).effective(persistent(rng, len(t), 6.0)) for _ in range(5)]
    assert np.mean(found) == pytest.approx(len(t) * (1 - keep) / (1 + keep), rel=0.25)
    assert samples(t).effective(rng.normal(size=len(t))) > 0.8 * len(t)
    gaps = rng.random(len(t)) < 0.5
    some = samples(t[gaps]).effective(persistent(rng, len(t), 6.0)[gaps])
    assert some < 0.5 * gaps.sum()


def test_what_is_found_beside_the_parameters_has_an_interval():
    """An offset of the sensor, which a parameter could take up if it were not free."""

    def values(sets):
        return sets[:, :1] * (1.0 + 0.5 * np.sin(2 * np.pi * T))

    measured = values(np.array([[2.0]]))[0] + 1.5 + 0.3 * np.random.default_rng(10).normal(size=len(T))
    found = fitted(("a",), [1.0], [[0.1, 10.0]], values, measured, 0.3, more=["offset"])
    low, high = (0.3 * end for end in found.ends_beside()["offset"])
    assert low < 1.5 < high
    assert high - low < 0.3
    assert found.values[0] == pytest.approx(2.0, rel=0.05)
    assert found.names == ("a",)


def test_a_start_that_cannot_be_simulated_is_an_error_and_other_failures_turn_the_search_back():
    def values(sets):
        shown = sets[:, :1] * np.sin(2 * np.pi * T)
        shown[sets[:, 0] > 2.5] = np.nan
        return shown

    measured = 2.4 * np.sin(2 * np.pi * T) + 0.1 * np.random.default_rng(11).normal(size=len(T))
    found = fitted(("a",), [0.3], [[0.1, 10.0]], values, measured, 0.1)
    assert found.values[0] == pytest.approx(2.4, rel=0.02)
    with pytest.raises(SimulationError, match="diverges at a = 5"):
        fitted(("a",), [5.0], [[0.1, 10.0]], values, measured, 0.1)


def test_the_search_is_the_same_every_time():
    measured = rosenbrock(np.array([[2.0, 1.5]]))[0] + 0.1 * np.random.default_rng(12).normal(size=len(T))
    one, two = (fitted(("a", "b"), [1.0, 1.0], [[0.05, 20.0], [0.05, 20.0]], rosenbrock, measured, 0.1) for _ in "ab")
    np.testing.assert_array_equal(one.place, two.place)
    np.testing.assert_array_equal(one.profile.low, two.profile.low)
