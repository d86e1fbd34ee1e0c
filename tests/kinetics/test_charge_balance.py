"""The pH of textbook waters, of random mixtures, and its derivatives."""

from __future__ import annotations

import math

import casadi
import numpy as np
import pytest
import torch
from kinetics_tools import NUMPY
from scipy.optimize import brentq

from asm_hybrid.kinetics.acids import ACIDS, WATER
from asm_hybrid.kinetics.charge_balance import STEPS, log_hydrogen
from asm_hybrid.plant import casadi_namespace, torch_namespace

TORCH = torch_namespace()
NAMES = tuple(ACIDS)


def constants(T):
    """Return the ion product of water and the constants of all acids, in mol/m3."""
    own = [[10 ** (k.logarithm(T) + 3) for k in ACIDS[name].constants] for name in NAMES]
    return 10 ** (WATER.logarithm(T) + 6), own


def pH_of(strong, totals, T=25.0):
    """Return the pH by `log_hydrogen`, of arrays (water,) and (water, acid) in mol/m3."""
    water, own = constants(T)
    charges = [ACIDS[name].charge for name in NAMES]
    x = log_hydrogen(
        np.asarray(strong, dtype=float), np.asarray(water), list(np.asarray(totals).T), own, charges, NUMPY
    )
    return 3 - x / math.log(10)


def balance(pH, strong, totals, T=25.0):
    """Return the sum of all charges, written out acid by acid from mole fractions [mol/L]."""
    h = 10.0**-pH
    found = strong / 1000 + h - 10 ** WATER.logarithm(T) / h
    for name, total in zip(NAMES, totals, strict=True):
        pKs, charge = [-k.logarithm(T) for k in ACIDS[name].constants], ACIDS[name].charge
        amounts = [10.0 ** (i * pH - sum(pKs[:i])) for i in range(len(pKs) + 1)]
        found += total / 1000 * sum(a * (charge - i) for i, a in enumerate(amounts)) / sum(amounts)
    return found


# What is in the water [mol/m3], its temperature, and the pH that textbooks have or that their formulae
# give, such as the root of h^2 + K h = K C for a weak acid alone.
WATERS = {
    "pure water": ({}, 25, 7.00),
    "pure water at 15 degC": ({}, 15, 7.17),
    "0.1 M acetic acid": ({"acetate": 100}, 25, 2.88),
    "0.01 M acetic acid": ({"acetate": 10}, 25, 3.39),
    "0.1 M sodium acetate": ({"acetate": 100, "strong": 100}, 25, 8.88),
    "acetate buffer, half and half": ({"acetate": 200, "strong": 100}, 25, 4.76),
    "0.01 M ammonium chloride": ({"ammonium": 10, "strong": -10}, 25, 5.62),
    "0.01 M ammonia": ({"ammonium": 10}, 25, 10.61),
    "0.001 M sodium bicarbonate": ({"carbonate": 1, "strong": 1}, 25, 8.30),
    "0.001 M sodium carbonate": ({"carbonate": 1, "strong": 2}, 25, 10.56),
    "rain, with 1e-5 M of carbon dioxide left": ({"carbonate": 0.01211}, 25, 5.68),
    "groundwater, 5 mmol/L of alkalinity and 6 of carbonate": ({"carbonate": 6, "strong": 5}, 25, 7.05),
    "phosphate buffer, half and half": ({"phosphate": 50, "strong": 75}, 25, 7.20),
    "0.01 M phosphoric acid": ({"phosphate": 10}, 25, 2.25),
    "0.01 M nitrous acid": ({"nitrite": 10}, 25, 2.72),
    "0.001 M caustic soda": ({"strong": 1}, 25, 11.00),
    "0.001 M hydrochloric acid": ({"strong": -1}, 25, 3.00),
}


@pytest.mark.parametrize("name", WATERS)
def test_textbook_waters(name):
    held, T, expected = WATERS[name]
    strong, totals = held.get("strong", 0.0), [held.get(acid, 0.0) for acid in NAMES]
    found = float(pH_of([strong], [totals], T)[0])
    exact = brentq(balance, 0, 14, args=(strong, totals, T), xtol=1e-13)
    assert found == pytest.approx(exact, abs=1e-9)
    assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "pKs"),
    [
        ("ammonium", (9.25,)),
        ("carbonate", (6.35, 10.33)),
        ("phosphate", (2.15, 7.20, 12.35)),
        ("nitrite", (3.35,)),
        ("acetate", (4.76,)),
    ],
)
def test_constants_at_25_degrees(name, pKs):
    assert [-k.logarithm(25.0) for k in ACIDS[name].constants] == pytest.approx(pKs, abs=0.006)
    assert all(k.source for k in ACIDS[name].constants)
    assert -WATER.logarithm(25.0) == pytest.approx(14.0, abs=0.001)


def test_constants_follow_temperature_as_published():
    """pK at 10 and 35 degC, from tables that the laws were not made from (Stumm and Morgan; Bates)."""
    for law, at_10, at_35 in (
        (WATER, 14.53, 13.68),
        (ACIDS["carbonate"].constants[0], 6.46, 6.31),
        (ACIDS["carbonate"].constants[1], 10.49, 10.25),
        (ACIDS["ammonium"].constants[0], 9.73, 8.95),
    ):
        assert -law.logarithm(10.0) == pytest.approx(at_10, abs=0.02)
        assert -law.logarithm(35.0) == pytest.approx(at_35, abs=0.02)


def random_waters(rng, n):
    """Draw mixtures as in a digester, with strong ions that bring them to a pH from 2 to 12."""
    totals = 10.0 ** rng.uniform(-6, 2.5, (n, len(NAMES))) * (
        rng.random((n, len(NAMES))) < rng.uniform(0.2, 1.0, (n, 1))
    )
    pH = rng.uniform(2, 12, n)
    strong = np.array([-1000 * balance(p, 0.0, own) for p, own in zip(pH, totals, strict=True)])
    return strong, totals, pH


def test_ten_thousand_mixtures_are_solved_in_fewer_than_ten_steps():
    assert STEPS + 2 < 10
    strong, totals, pH = random_waters(np.random.default_rng(5), 10_000)
    # Rounding of the charges moves the pH of water that is hardly buffered: allow for it by the slope of the balance.
    slope = (
        np.array([balance(p - 1e-4, 0, t) - balance(p + 1e-4, 0, t) for p, t in zip(pH, totals, strict=True)]) / 2e-4
    )
    allowed = 1e-9 + 1e-14 * (np.abs(strong) + totals.sum(1)) / (1000 * slope)
    assert (np.abs(pH_of(strong, totals) - pH) < allowed).all()
    assert np.median(allowed) < 2e-9


def test_water_of_no_pH_gives_an_end_and_no_error():
    found = pH_of([1e5, -1e5, 2e3], np.zeros((3, len(NAMES))))
    assert found[0] == pytest.approx(14, abs=0.5)
    assert found[1] == pytest.approx(0, abs=0.5)
    assert np.isfinite(found).all()


def test_derivatives_are_those_of_the_zero():
    strong, totals, _ = random_waters(np.random.default_rng(2), 400)
    water, own = constants(20.0)

    def solved(z, *C):
        K = [[torch.tensor(k, dtype=z.dtype) for k in steps] for steps in own]
        return log_hydrogen(z, torch.tensor(water, dtype=z.dtype), C, K, [ACIDS[n].charge for n in NAMES], TORCH)

    # Buffered waters, in which finite differences tell something.
    at = [torch.tensor(column) for column in (strong, *totals.T)]
    (slope,) = torch.autograd.grad(solved(at[0].requires_grad_(), *at[1:]).sum(), at[0])
    kept = (slope.abs() < 5) & (torch.tensor(totals) > 1e-3).any(1)
    at = [column.detach()[kept][:4].requires_grad_() for column in at]
    assert len(at[0]) == 4
    assert torch.autograd.gradcheck(solved, at, eps=1e-6, atol=1e-6, rtol=1e-6)
    assert torch.autograd.gradgradcheck(solved, at, eps=1e-6, atol=1e-5, rtol=1e-5)


def test_casadi_gives_the_same_values_and_derivatives():
    strong, totals, _ = random_waters(np.random.default_rng(3), 50)
    water, own = constants(25.0)
    symbols = casadi.SX.sym("v", 50, 1 + len(NAMES))
    C, K = [symbols[:, i + 1] for i in range(len(NAMES))], [[casadi.SX(k) for k in steps] for steps in own]
    charges = [ACIDS[name].charge for name in NAMES]
    x = log_hydrogen(symbols[:, 0], casadi.SX(water), C, K, charges, casadi_namespace())
    both = casadi.Function("x", [symbols], [x, casadi.jacobian(casadi.sum1(x), symbols)])
    value, slopes = (np.array(a) for a in both(np.column_stack([strong, totals])))
    assert 3 - value.ravel() / math.log(10) == pytest.approx(pH_of(strong, totals), abs=1e-9)
    z, *rest = (torch.tensor(c).requires_grad_() for c in (strong, *totals.T))
    as_torch = [[torch.tensor(k, dtype=torch.float64) for k in steps] for steps in own]
    solved = log_hydrogen(z, torch.tensor(water, dtype=torch.float64), rest, as_torch, charges, TORCH)
    expected = torch.stack(torch.autograd.grad(solved.sum(), [z, *rest]), dim=-1).numpy()
    assert pytest.approx(expected, rel=1e-6) == slopes.reshape(1 + len(NAMES), 50).T
