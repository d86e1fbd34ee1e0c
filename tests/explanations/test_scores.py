"""How sure a ranking is."""

from types import SimpleNamespace

import numpy as np
import pytest

from asm_hybrid.explanations.competition import Rival
from asm_hybrid.explanations.knobs import Explanation, Knob
from asm_hybrid.explanations.scores import rank


def competition(losses, nothing, everything=None, families=None, plausible=None):
    days = len(nothing)
    rivals = [
        SimpleNamespace(
            loss=np.asarray(loss, dtype=float),
            plausible=True if plausible is None else plausible[i],
            explanation=SimpleNamespace(family="flows" if families is None else families[i]),
        )
        for i, loss in enumerate(losses)
    ]
    record = SimpleNamespace(days=np.arange(days), day_of=np.arange(float(days)))
    return SimpleNamespace(
        rivals=tuple(rivals),
        nothing=np.asarray(nothing, dtype=float),
        everything=np.asarray(nothing if everything is None else everything, dtype=float),
        weights=np.ones(days),
        arena=SimpleNamespace(record=record),
    )


def noisy(level, days=24, seed=0):
    return level * np.exp(0.1 * np.random.default_rng(seed).normal(size=days))


def test_an_explanation_that_errs_less_every_day_is_found_alone():
    ranking = rank(competition([noisy(1.0), noisy(1.9, seed=1)], noisy(2.0, seed=2)))
    assert ranking.found
    assert ranking.in_set.tolist() == [True, False]
    assert ranking.confidence == pytest.approx(1.0)
    assert ranking.removed[0] == pytest.approx(0.5, abs=0.05)
    assert ranking.removed_low[0] < ranking.removed[0] < ranking.removed_high[0]


def test_explanations_that_are_equally_good_are_named_together():
    ranking = rank(competition([noisy(1.0), noisy(1.0, seed=1), noisy(1.9, seed=3)], noisy(2.0, seed=2)))
    assert ranking.in_set.tolist() == [True, True, False]
    assert ranking.best_share[:2].sum() == pytest.approx(1.0)


def test_a_process_near_the_best_is_named_with_it_and_a_flow_is_not():
    base = noisy(1.0)
    losses = [base, 1.07 * base, 1.08 * base]
    ranking = rank(competition(losses, noisy(2.0, seed=2), families=["oxygen", "kinetics", "flows"]))
    assert ranking.in_set.tolist() == [True, True, False]


def test_the_best_of_many_that_help_by_chance_is_not_found():
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        nothing = np.exp(0.3 * rng.normal(size=24))
        losses = nothing * np.exp(0.05 * rng.normal(size=(50, 24)))
        order = losses.sum(1).argsort()
        alarms += rank(competition(losses[order], nothing)).found
    assert alarms <= 6


def test_what_is_not_plausible_is_never_the_answer():
    losses = [noisy(1.0), noisy(1.05, seed=4)]
    ranking = rank(competition(losses, noisy(2.0, seed=2), plausible=[False, True]))
    assert ranking.first == 1
    assert not ranking.in_set[0]


def test_one_day_alone_decides_nothing():
    nothing = noisy(1.0)
    helped = nothing.copy()
    nothing[7] = 40.0
    ranking = rank(competition([helped], nothing))
    assert ranking.removed[0] > 0.5
    assert not ranking.found


@pytest.mark.parametrize(("days", "decides"), [(6, False), (8, False), (9, True), (24, True)])
def test_so_few_days_that_luck_alone_could_do_it_decide_nothing(days, decides):
    ranking = rank(competition([noisy(0.1, days)], noisy(2.0, days, seed=2)))
    assert ranking.found == ranking.decides == decides
    assert ranking.p_value == pytest.approx(ranking.least_p, abs=0.02)


@pytest.mark.parametrize(("size", "plausible"), [(0.0, False), (0.2, True), (1.5, False), (-1.5, False)])
def test_an_explanation_that_changes_nothing_or_too_much_is_not_plausible(size, plausible):
    knob = Knob("zero of a sensor", 0.5, -1.5, 1.5)
    one = Explanation("oxygen.tank", "zero of a sensor", "oxygen", {"": (knob,)})
    rival = Rival(one, "", np.zeros(9), (Knob("mu_A", 1.0, -2.0, 2.0), knob), np.array([0.3, size]))
    assert rival.plausible is plausible


def test_what_takes_away_next_to_nothing_is_not_found_however_sure():
    nothing = noisy(2.0)
    ranking = rank(competition([0.995 * nothing], nothing))
    assert ranking.p_value < 0.01
    assert not ranking.found
