"""Prediction bands: made on the validation block, judged on the test block."""

import numpy as np
import pytest

from asm_hybrid.training.bands import band_summary, coverage, coverage_warnings, prediction_band

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
        assert coverage(measured, band, inside) == pytest.approx(0.9, abs=0.02)


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


def distant(weights=(0.3, 0.0)):
    """Errors that grow with the distance from the first of two other models."""
    rng = np.random.default_rng(7)
    truth = 20 + np.sin(np.arange(N) / 20)
    others = {"recalibrated": truth + rng.gamma(2.0, 2.0, N), "neural": truth - rng.gamma(2.0, 2.0, N)}
    variance = 0.5**2 + sum((w * (o - truth)) ** 2 for w, o in zip(weights, others.values(), strict=True))
    return truth + np.sqrt(variance) * rng.normal(size=N), truth[None], others


def test_a_band_finds_how_errors_grow_with_the_distance_from_other_models():
    measured, members, others = distant()
    band = prediction_band(measured, members, VALIDATION, None, others)
    assert band.residual == pytest.approx(0.5, rel=0.1)
    assert band.distance["recalibrated"] == pytest.approx(0.3, rel=0.1)
    assert band.distance["neural"] < 0.03
    far = np.abs(others["recalibrated"] - members[0]) > 8
    plain = prediction_band(measured, members, VALIDATION)
    assert coverage(measured, band, far & TEST) == pytest.approx(0.9, abs=0.05)
    assert coverage(measured, plain, far & TEST) < 0.8
    assert (band.high - band.low)[far].min() > (band.high - band.low)[~far].max()


def test_the_likeliest_variances_are_likelier_than_any_nearby():
    measured, members, others = distant((0.3, 0.2))
    band = prediction_band(measured, members, VALIDATION, None, others)
    square = (measured - members[0])[VALIDATION] ** 2
    parts = np.stack([np.ones(N), *((o - members[0]) ** 2 for o in others.values())])[:, VALIDATION]
    found = np.array([band.residual, *band.distance.values()]) ** 2

    def cost(shares):
        return np.mean(np.log(shares @ parts) + square / (shares @ parts))

    for k in range(3):
        for factor in (0.97, 1.03):
            assert cost(found * np.where(np.arange(3) == k, factor, 1.0)) > cost(found)


def test_other_models_are_not_used_where_they_say_the_same_diverge_or_samples_are_few():
    measured, members, others = distant()
    same = prediction_band(measured, members, VALIDATION, None, {"recalibrated": members[0]})
    assert same.distance == {}
    diverged = prediction_band(measured, members, VALIDATION, None, {"neural": np.full(N, np.nan)})
    assert diverged.distance == {}
    assert same.residual == diverged.residual == prediction_band(measured, members, VALIDATION).residual
    assert prediction_band(measured, members, np.arange(N) < 59, None, others).distance == {}
    assert set(prediction_band(measured, members, np.arange(N) < 60, None, others).distance) == set(others)


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


@pytest.mark.parametrize(("test_noise", "words"), [(1.5, "do not trust"), (0.5, None), (0.01, "wider than")])
def test_a_coverage_far_from_its_level_is_said(test_noise, words):
    measured, members = record(test_noise=test_noise)
    band = prediction_band(measured, members, VALIDATION)
    found = band_summary({"NH4": measured}, {"NH4": band}, {"NH4": BLOCK})
    row = found["variables"]["NH4"]
    assert row["test"]["coverage"] == coverage(measured, band, TEST)
    assert row["test"]["n"] == N // 2
    warnings = coverage_warnings(found)
    assert len(warnings) == (words is not None)
    if words:
        assert words in warnings[0]
        assert "NH4" in warnings[0]
