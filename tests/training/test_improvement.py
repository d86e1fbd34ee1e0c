"""The interval of an improvement: its width against theory, persistent errors, and when there is none."""

import numpy as np
import pytest

from asm_hybrid.training.improvement import improvement

PER_DAY = 24


def errors(days, scale, rng, persistence=0.0):
    """Return errors of one seed, ``(1, sample)``, whose daily level persists."""
    level = np.zeros(days)
    for d in range(1, days):
        level[d] = persistence * level[d - 1] + rng.normal()
    return scale * (np.repeat(level, PER_DAY) + 0.1 * rng.normal(size=days * PER_DAY))[None]


def test_the_interval_has_the_width_of_theory_for_independent_days():
    """With daily levels e ~ N(0, s²) in each model, log RMSE has a variance of 1/(2 days): the ratio twice that."""
    days, widths, held = 400, [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        found = improvement(np.arange(days * PER_DAY) / PER_DAY, errors(days, 0.8, rng), errors(days, 1.0, rng))
        widths.append((found.high - found.low) / 100)
        held.append(found.low <= -20 <= found.high)
    expected = 2 * 1.6449 * 0.8 / np.sqrt(days)
    assert np.mean(widths) == pytest.approx(expected, rel=0.1)
    assert 0.75 <= np.mean(held) <= 1.0


def test_persistent_errors_widen_it():
    days, ratio = 200, []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        times = np.arange(days * PER_DAY) / PER_DAY
        calm, slow = (improvement(times, errors(days, 0.8, rng, a), errors(days, 1.0, rng, a)) for a in (0.0, 0.9))
        ratio.append((slow.high - slow.low) / (calm.high - calm.low))
    assert np.median(ratio) > 1.5


def test_equal_errors_give_no_change_and_seeds_count_by_their_median():
    rng, times = np.random.default_rng(1), np.arange(10 * PER_DAY) / PER_DAY
    base = errors(10, 1.0, rng)
    same = improvement(times, base, base)
    assert (same.low, same.high, same.days, same.block) == (pytest.approx(0.0), pytest.approx(0.0), 10, 2)
    seeds = np.concatenate([0.5 * base, 0.9 * base, 100.0 * base])
    found = improvement(times, seeds, base)
    assert (found.low, found.high) == (pytest.approx(-10.0), pytest.approx(-10.0))


def test_there_is_none_for_few_days_or_a_model_that_diverged():
    times = np.arange(10 * PER_DAY) / PER_DAY
    base = errors(10, 1.0, np.random.default_rng(2))
    assert improvement(times[: 4 * PER_DAY], base[:, : 4 * PER_DAY], base[:, : 4 * PER_DAY]) is None
    broken = base.copy()
    broken[0, 3] = np.nan
    assert improvement(times, broken, base) is None


def test_a_baseline_without_any_error_gives_no_interval():
    times = np.arange(10 * PER_DAY) / PER_DAY
    ones = np.full((1, len(times)), 1e10)
    assert improvement(times, ones, np.zeros_like(ones)) is None
