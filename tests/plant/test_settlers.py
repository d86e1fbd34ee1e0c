"""Settlers and the primary clarifier against their published equations, written out."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from asm_hybrid.errors import InputError
from asm_hybrid.plant import IdealSettler, PrimaryClarifier, TakacsSettler, torch_namespace

XP = torch_namespace()


def settling_by_hand(X, feed, settler):
    """Return what settling changes, layer by layer as the description of BSM1 has it (section 2.4)."""
    layers, feed_layer, X_t = settler.layers, settler.feed_layer, settler.X_t
    low = settler.f_ns * feed
    bent = [math.exp(-settler.r_h * (x - low)) - math.exp(-settler.r_p * (x - low)) for x in X]
    v = [max(0.0, min(settler.v0_max, settler.v0 * b)) for b in bent]
    own = [v[i] * X[i] for i in range(layers)]
    flux = []  # through the floor of every layer
    for i in range(layers - 1):
        if i + 1 < feed_layer:  # above the feed: clarification
            flux.append(own[i] if X[i + 1] <= X_t else min(own[i], own[i + 1]))
        else:
            flux.append(min(own[i], own[i + 1]))
    h = settler.height / layers
    change = [-flux[0] / h]
    change += [(flux[i - 1] - flux[i]) / h for i in range(1, layers - 1)]
    return [*change, flux[-1] / h]


@pytest.mark.parametrize("X_t", [3000.0, 100.0])
@pytest.mark.parametrize(("layers", "feed_layer"), [(10, 5), (10, 2), (6, 5), (3, 2)])
def test_settling_is_that_of_the_description(layers, feed_layer, X_t):
    settler = TakacsSettler(1500.0, 4.0, layers=layers, feed_layer=feed_layer, X_t=X_t)
    rng, limited = np.random.default_rng(1), 0
    unlimited = replace(settler, X_t=1e9)
    profiles, feeds = 10.0 ** rng.uniform(-1.0, 4.3, (300, layers)), rng.uniform(10.0, 8000.0, 300)
    for X, feed in zip(profiles, feeds, strict=True):
        found = settler.settling(torch.as_tensor(X)[:, None], torch.tensor([[feed]], dtype=torch.float64), XP).squeeze(
            -1
        )
        expected = settling_by_hand(list(X), feed, settler)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11, atol=1e-9)
        assert abs(float(found.sum())) <= 1e-9 * float(found.abs().max() + 1.0)
        plain = settling_by_hand(list(X), feed, unlimited)
        limited += plain != expected
    assert limited > 0  # the test of X_t mattered for some profiles


def test_batches_of_profiles_settle_one_by_one():
    settler, rng = TakacsSettler(1500.0, 4.0), np.random.default_rng(2)
    X, feed = torch.as_tensor(rng.uniform(0.0, 8000.0, (4, 5, 10, 1))), torch.as_tensor(rng.uniform(0, 5e3, (5, 1, 1)))
    together = settler.settling(X, feed, XP)
    for i, j in np.ndindex(4, 5):
        torch.testing.assert_close(together[i, j], settler.settling(X[i, j], feed[j], XP), rtol=1e-13, atol=1e-12)


def test_an_ideal_settler_thickens_what_does_not_escape():
    settler = IdealSettler(0.02)
    feed, under, over = (torch.tensor([q], dtype=torch.float64) for q in (36892.0, 18831.0, 18061.0))
    thick, thin = settler.thickening(feed, under, XP), settler.thinning(feed, under, XP)
    assert float(thin * over / feed) == pytest.approx(0.02, rel=1e-14)
    assert float(thick * under + thin * over) == pytest.approx(36892.0, rel=1e-14)


@pytest.mark.parametrize("non_settleable", [0.0, 0.02, 0.9])
@pytest.mark.parametrize("under", [0.0, 1e-12, 1e-9, 1e-3, 400.0, 999.0, 1000.0 - 1e-10, 1000.0])
def test_an_ideal_settler_keeps_nothing_whatever_is_drawn_from_it(under, non_settleable):
    settler, feed = IdealSettler(non_settleable), torch.tensor([1000.0], dtype=torch.float64)
    drawn = torch.tensor([under], dtype=torch.float64)
    load = settler.thickening(feed, drawn, XP) * drawn + settler.thinning(feed, drawn, XP) * (feed - drawn)
    assert float(load) == pytest.approx(1000.0, rel=1e-12)


def test_nothing_comes_back_over_the_weir_of_an_ideal_settler():
    feed, drawn = (torch.tensor([q], dtype=torch.float64) for q in (1000.0, 1200.0))
    settler = IdealSettler(0.02)
    assert float(settler.thinning(feed, drawn, XP)) == 0.0
    assert float(settler.thickening(feed, drawn, XP) * drawn) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    "values", [{"area": 0.0}, {"f_ns": 1.0}, {"layers": 2}, {"feed_layer": 1}, {"feed_layer": 10}, {"X_t": -1.0}]
)
def test_a_settler_with_impossible_values_is_refused(values):
    with pytest.raises(InputError):
        TakacsSettler(**{"area": 1500.0, "height": 4.0} | values)


def removal_by_hand(flow, volume, f_corr, f_X):
    """Return the share of particulates that BSM2's primary clarifier removes (Gernaey et al. 2014)."""
    hours = volume / (flow + 0.001) * 24.0
    total = f_corr * (2.88 * f_X - 0.118) * (1.45 + 6.15 * math.log(hours * 60.0))  # % of COD
    return min(max(total / f_X, 0.0), 100.0) / 100.0


@pytest.mark.parametrize("values", [(900.0, 0.65, 0.85), (500.0, 0.5, 0.6), (5000.0, 1.2, 0.9)])
def test_removal_is_that_of_bsm2(values):
    clarifier = PrimaryClarifier(volume=values[0], f_corr=values[1], f_X=values[2])
    for flow in [*np.geomspace(1e2, 1e7, 60), 20648.36]:
        found = float(clarifier.removal(torch.tensor([flow], dtype=torch.float64), XP))
        assert found == pytest.approx(removal_by_hand(flow, *values), rel=1e-13, abs=1e-15)
    assert float(clarifier.removal(torch.tensor([1e9], dtype=torch.float64), XP)) == 0.0
    assert float(clarifier.removal(torch.tensor([0.0], dtype=torch.float64), XP)) <= 1.0
