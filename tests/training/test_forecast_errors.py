"""The correction of forecasts by what earlier ones erred by, and the bands that follow their errors."""

import numpy as np
import pytest

from asm_hybrid.training.forecast_errors import PRIOR, corrected, radius

N = 3000
ORIGIN = np.arange(N) / 24.0
TIME = ORIGIN + 0.25
NONE = np.zeros(N, dtype=np.int8)


def persistent(share, seed=3, noise=0.1):
    """Return innovations and measurements of a model that always forecasts 5, and errs by a share of the innovation."""
    rng = np.random.default_rng(seed)
    innovation = np.cumsum(rng.normal(size=N)) * 0.1
    measured = 5.0 + share * innovation + noise * rng.normal(size=N)
    return np.full((1, N), 5.0), innovation[None], measured


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_share_that_comes_back_is_found(share):
    forecast, innovation, measured = persistent(share)
    found = corrected(forecast, innovation, measured, NONE, ORIGIN, TIME, 0.1)
    moved = (found - forecast)[0, N // 2 :] / innovation[0, N // 2 :]
    np.testing.assert_allclose(moved, share, atol=0.02)


def test_a_model_that_errs_by_its_sensor_alone_is_left_alone():
    rng = np.random.default_rng(0)
    forecast, innovation = np.full((1, N), 5.0), rng.normal(size=(1, N))
    found = corrected(forecast, innovation, 5.0 + rng.normal(size=N), NONE, ORIGIN, TIME, 1.0)
    assert np.sqrt(np.mean((found - forecast) ** 2)) < 0.05


def test_the_first_forecasts_are_not_corrected_and_the_prior_counts_as_so_many():
    forecast, innovation, _ = persistent(1.0, noise=0.0)
    innovation[:] = 2.0
    found = corrected(forecast, innovation, np.full(N, 7.0), NONE, ORIGIN, TIME, 2.0)[0] - 5.0
    assert (found[:6] == 0.0).all()
    known = np.arange(N) - 5
    np.testing.assert_allclose(found[6:], 2.0 * (known / (known + PRIOR))[6:])


def test_a_correction_does_not_go_below_zero_nor_against_the_innovation():
    forecast, innovation, measured = persistent(-1.0)
    assert (corrected(forecast, innovation, measured, NONE, ORIGIN, TIME, 0.1) == forecast).mean() > 0.9
    low, innovation = np.full((1, N), 0.5), np.full((1, N), -2.0)
    assert corrected(low, innovation, np.full(N, -1.0), NONE, ORIGIN, TIME, 0.1).min() == 0.0


def test_a_sample_beyond_a_limit_is_no_error_where_the_forecast_lies_beyond_it_too():
    forecast, innovation, _ = persistent(0.0)
    censored = np.full(N, -1, dtype=np.int8)
    found = corrected(forecast, np.abs(innovation), np.full(N, 4.0), censored, ORIGIN, TIME, 0.1)
    np.testing.assert_array_equal(found, forecast)


def test_a_diverged_member_leaves_the_others_alone():
    forecast, innovation, measured = persistent(0.4)
    both = corrected(
        np.vstack([forecast, np.full(N, np.nan)]), np.vstack([innovation] * 2), measured, NONE, ORIGIN, TIME, 0.1
    )
    np.testing.assert_array_equal(both[:1], corrected(forecast, innovation, measured, NONE, ORIGIN, TIME, 0.1))


@pytest.mark.parametrize("function", ["corrected", "radius"])
def test_what_is_not_known_at_the_origin_changes_nothing(function):
    forecast, innovation, measured = persistent(0.4)
    when = 1500
    later = np.where(ORIGIN[when] + 1e-5 < TIME, measured + 50.0, measured)

    def run(y):
        if function == "corrected":
            return corrected(forecast, innovation, y, NONE, ORIGIN, TIME, 0.1)[0]
        return radius(forecast[0] - y, ORIGIN, TIME, 0.1)

    a, b = run(measured), run(later)
    np.testing.assert_array_equal(a[: when + 1], b[: when + 1])
    assert (a[when + 1 :] != b[when + 1 :]).any()


def test_the_radius_of_normal_errors_settles_at_their_quantile():
    error = np.random.default_rng(1).normal(size=N)
    found = radius(error, ORIGIN, TIME, 1.0)
    assert found[0] == pytest.approx(1.6449)
    assert found[500:].mean() == pytest.approx(1.6449, rel=0.15)


@pytest.mark.parametrize("grown", [3.0, 10.0, 0.2])
def test_the_band_holds_nine_of_ten_where_errors_grow_or_shrink(grown):
    error = np.random.default_rng(2).normal(size=N) * np.where(np.arange(N) < N // 2, 1.0, grown)
    held = np.abs(error) <= radius(error, ORIGIN, TIME, 1.0)
    for part in (held[: N // 2], held[N // 2 :]):
        assert part.mean() == pytest.approx(0.9, abs=0.02)


def test_one_spike_is_forgotten():
    error = np.random.default_rng(5).normal(size=N)
    spiked = error.copy()
    spiked[1000] = 100.0
    a, b = radius(error, ORIGIN, TIME, 1.0), radius(spiked, ORIGIN, TIME, 1.0)
    assert (b[:1000] == a[:1000]).all()
    assert b[1001:].max() < 1.5 * a.max()
