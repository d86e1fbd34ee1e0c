"""The update of the states at an origin, checked by hand."""

import numpy as np
import pytest
import torch

from asm_hybrid.training.updating import FARTHEST, REMEMBERED, RIDGE, fluctuations, innovations, latest, update

TIMES = np.arange(100) / 24.0
HOURS = torch.arange(480, dtype=torch.float64)


def tensor(values):
    """Return ``(member, origin)`` as ``(member, origin, variable)``."""
    return torch.as_tensor(values).unsqueeze(-1)


def waves(*rows):
    """Return series ``(1, hour, row)`` that swing twice a day by an amplitude and drift by a slope."""
    swing, other = torch.sin(2 * np.pi * HOURS / 12), torch.cos(2 * np.pi * HOURS / 12)
    return torch.stack([a * swing + b * other + drift * HOURS for a, b, drift in rows], dim=-1).unsqueeze(0)


def test_the_latest_sample_is_never_after_the_origin():
    assert latest(TIMES, np.array([-0.1, 0.0, 1.5 / 24, 2 / 24, 9.0])).tolist() == [-1, 0, 1, 2, 99]


def test_a_model_within_the_noise_is_left_alone_and_a_poor_one_is_corrected():
    errors = np.stack([np.full(100, 0.2), np.full(100, 2.0)])
    found = innovations(TIMES, errors, 0.4, np.array([2.0]))
    assert found.variance[:, 0] == pytest.approx([0.0, 2.0**2 - 0.4**2])
    assert found.error[:, 0].tolist() == [0.2, 2.0]
    one = torch.ones(2, 1, 1, dtype=torch.float64)
    moves = update(tensor(found.error), tensor(found.variance), torch.ones(1, 1), torch.tensor([0.4]).double(), one)
    assert moves.flatten().tolist() == pytest.approx([0.0, 2.0 * (1 - 0.4**2 / 2.0**2)])


def test_variance_and_error_know_nothing_of_what_comes_after_the_origin():
    errors = np.random.default_rng(1).normal(size=(2, 100))
    origins = np.array([1.0, 2.0, 3.0])
    before = innovations(TIMES, errors, 0.5, origins)
    errors[:, TIMES > 2.01] += 50.0
    after = innovations(TIMES, errors, 0.5, origins)
    for name in ("error", "variance"):
        a, b = getattr(before, name), getattr(after, name)
        assert (a[:, :2] == b[:, :2]).all()
        assert (a[:, 2] != b[:, 2]).all()


def test_the_variance_forgets():
    errors = np.zeros((1, 100))
    errors[0, :30] = 9.0
    found = innovations(TIMES, errors, 0.1, TIMES[[29, 29 + REMEMBERED]])
    assert found.variance[0] == pytest.approx([81.0 - 0.1**2, 0.0], abs=1e-9)


def test_an_old_sample_and_none_at_all_correct_nothing():
    times = np.r_[TIMES[:50], TIMES[60:]]
    errors = np.full((1, len(times)), 2.0)
    found = innovations(times, errors, 0.1, np.array([-1.0, TIMES[50], TIMES[55]]))
    assert (found.error[0] > 0).tolist() == [False, True, False]
    assert found.fresh.tolist() == [False, True, False]


def test_between_bursts_of_samples_the_last_is_not_old():
    burst = np.arange(4) / 96
    times = np.concatenate([day + burst for day in np.arange(40) / 8])
    found = innovations(times, np.ones((1, len(times))), 0.1, np.array([1.11, 1.12, 6.0]))
    assert found.fresh.tolist() == [True, True, False]


def test_states_follow_what_fluctuates_with_them_and_nothing_that_only_drifts_along():
    states = waves((3.0, 0.0, 0.1), (0.5, 0.0, 0.0), (0.0, 2.0, 0.0), (0.0, 0.0, 0.1))
    found = fluctuations(states, waves((1.0, 0.0, 0.1)), torch.tensor([1e-3]).double(), 24)
    assert found.response[0, 0].tolist() == pytest.approx([3.0, 0.5, 0.0, 0.0], abs=0.05)
    assert found.correlation.tolist() == [[[1.0]]]


def test_two_variables_share_what_moves_with_both():
    measured = waves((1.0, 0.0, 0.0), (1.0, 1.0, 0.0))
    found = fluctuations(waves((2.0, 5.0, 0.0)), measured, torch.full((2,), 1e-3).double(), 24)
    assert found.response[0, :, 0].tolist() == pytest.approx([-3.0, 5.0], abs=0.3)
    assert float(found.correlation[0, 0, 1]) == pytest.approx(0.5**0.5, abs=0.02)


def test_what_does_not_fluctuate_moves_nothing():
    quiet = torch.full((1, 480, 1), 7.0).double()
    found = fluctuations(waves((1e3, 0.0, 0.0)), quiet, torch.tensor([0.5]).double(), 24)
    assert found.response.abs().max() < 1e-9
    small = fluctuations(waves((1.0, 0.0, 0.0)), waves((0.01, 0.0, 0.0)), torch.tensor([0.5]).double(), 24)
    own = 0.01**2 / 2
    # a running mean of 25 h over waves of 12 h leaves 96 % of their size
    assert float(small.response) == pytest.approx(100.0 * own / (own + RIDGE * (own + 0.25)), rel=0.1)


def test_two_sensors_of_the_same_do_not_correct_twice_whether_or_not_both_are_fresh():
    noise = torch.full((2,), 0.5).double()
    states = waves((1.0, 0.0, 0.0))
    moving = fluctuations(states, states.expand(-1, -1, 2), noise, 24)
    error, variance = torch.full((1, 2, 2), 2.0).double(), torch.full((1, 2, 2), 1e6).double()
    fresh = torch.tensor([[True, True], [True, False]])
    error[0, 1, 1] = 0.0
    moves = moving.moves(update(error, variance, fresh, noise, moving.correlation))
    assert moves[0, :, 0].tolist() == pytest.approx([2.0, 2.0], rel=0.03)


def test_a_member_that_diverged_stays_alone():
    states = waves((1.0, 0.0, 0.0)).repeat(2, 1, 1)
    states[1, 200:] = torch.nan
    noise = torch.tensor([0.1]).double()
    found = fluctuations(states, states, noise, 24)
    moves = update(
        torch.ones(2, 3, 1).double(), torch.ones(2, 3, 1).double(), torch.ones(3, 1), noise, found.correlation
    )
    assert found.moves(moves)[0].isfinite().all()
    assert not found.moves(moves)[1].isfinite().any()


def test_no_state_moves_far_beyond_what_it_has_fluctuated():
    found = fluctuations(waves((3.0, 0.0, 0.0)), waves((1.0, 0.0, 0.0)), torch.tensor([0.1]).double(), 24)
    spread = 3.0 / 2**0.5
    moves = found.moves(torch.tensor([[[1.0], [100.0], [-100.0]]]).double())
    assert moves[0, :, 0].tolist() == pytest.approx([3.0, FARTHEST * spread, -FARTHEST * spread], rel=0.06)
