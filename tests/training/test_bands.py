"""Prediction bands: made on the validation block, judged on the test block."""

import numpy as np
import pytest

from asm_hybrid.training.bands import band_summary, coverage_warnings, held, prediction_band

N = 4000
VALIDATION = np.arange(N) < N // 2
TEST = ~VALIDATION
BLOCK = np.where(VALIDATION, "validate", "test")


def record(noise=0.5, test_noise=0.5, spread=0.2):
    rng = np.random.default_rng(4)
    truth = 10 + np.sin(np.arange(N) / 20)
    members = truth + spread * np.array([-1.0, 0.0, 1.0])[:, None]
    sizes = np.where(VALIDATION, noise, test_noise)
    return truth + sizes * rng.normal(size=N), members


def test_a_band_holds_what_it_promises_where_errors_stay_as_they_were():
    measured, members = record()
    band = prediction_band(measured, members, VALIDATION)
    assert band.residual**2 + 0.2**2 == pytest.approx(0.5**2, rel=0.1)
    for inside in (VALIDATION, TEST):
        assert held(measured[inside], band.centre[inside], band.low[inside], band.high[inside])[
            "coverage"
        ] == pytest.approx(0.9, abs=0.02)


def test_no_measurement_outside_the_validation_block_is_read():
    measured, members = record()
    other = np.where(TEST, measured + 100.0, measured)
    a, b = (prediction_band(m, members, VALIDATION) for m in (measured, other))
    assert (a.low == b.low).all()
    assert (a.high == b.high).all()


def test_a_band_widens_where_the_seeds_part():
    measured, members = record()
    members[:, -10:] += 3.0 * np.array([-1.0, 0.0, 1.0])[:, None]
    band = prediction_band(measured, members, VALIDATION)
    width = band.high - band.low
    assert width[-10:].min() > 3 * width[:-10].max()


def test_one_seed_has_a_band_of_its_residual_and_a_diverged_seed_is_left_out():
    measured, members = record(spread=0.0)
    one = prediction_band(measured, members[:1], VALIDATION)
    assert one.residual == pytest.approx(0.5, rel=0.1)
    with_diverged = prediction_band(measured, np.vstack([members, np.full(N, np.nan)]), VALIDATION)
    assert with_diverged.residual == pytest.approx(one.residual)
    assert prediction_band(measured, np.full((2, N), np.nan), VALIDATION) is None
    assert prediction_band(measured, members, np.arange(N) < 19) is None


def test_limits_are_not_below_zero():
    measured, members = record(noise=20.0)
    band = prediction_band(measured, members, VALIDATION)
    assert band.low.min() == 0.0


SIZES = {"NH4": {"unit": "g N/m3", "noise": 0.5}, "NO3": {"unit": "g N/m3", "noise": 0.5}}


def warned(measured, members):
    band = prediction_band(measured, members, VALIDATION)
    found = band_summary({"NH4": measured}, {"NH4": band}, {"NH4": BLOCK})
    row = found["variables"]["NH4"]["test"]
    assert row == held(measured[TEST], band.centre[TEST], band.low[TEST], band.high[TEST])
    assert row["n"] == N // 2
    return coverage_warnings(found, {}, SIZES)


@pytest.mark.parametrize(
    ("test_noise", "words"), [(1.5, "do not trust"), (0.5, None), (0.01, "smaller than on the validation block")]
)
def test_a_coverage_far_from_its_level_is_said(test_noise, words):
    warnings = warned(*record(test_noise=test_noise))
    assert len(warnings) == (words is not None)
    if words:
        assert words in warnings[0]
        assert "NH4" in warnings[0]


def test_a_band_that_is_wide_since_the_model_is_biased_is_not_called_too_wide():
    measured, members = record(noise=0.5, test_noise=0.5)
    (warning,) = warned(measured, members + 9.5)
    assert warning == (
        "the 90 % band of NH4 holds 100 % of the test measurements: it is wide since the model errs; it is 9.5 g N/m3 "
        "too high there on average, 19 times the noise of the sensor"
    )


def test_a_bias_of_the_test_block_alone_is_said_where_a_band_holds_too_little():
    measured, members = record()
    (warning,) = warned(np.where(TEST, measured + 4.0, measured), members)
    assert "do not trust its width; it is 4 g N/m3 too low there on average, 8 times the noise" in warning


def test_a_band_as_wide_as_large_errors_that_scatter_says_so():
    (warning,) = warned(*record(noise=5.0, test_noise=1.0))
    assert "errors on the test block are smaller" in warning
    assert "it stands for errors of " in warning


def test_a_coverage_of_forecasts_far_from_its_level_is_said_where_there_are_enough():
    row = {"coverage": 0.704, "width": 1.0, "bias": 0.1, "n": 20}
    bands = {"1 h": {"NH4": row, "NO3": row | {"coverage": 0.9}}, "24 h": {"NH4": row | {"n": 19}}}
    assert coverage_warnings({}, bands, SIZES) == [
        "the 90 % band of NH4 at 1 h holds 70 % of the test measurements: errors grow faster than it follows"
    ]
    wide = {"1 h": {"NH4": row | {"coverage": 0.99}}}
    assert coverage_warnings({}, wide, SIZES)[0].endswith("errors fall faster than it follows")
