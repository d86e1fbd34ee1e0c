"""ASM1 with two-step nitrification and N2O (ASMG1): published matrix and rates, and the steady state of a ring test.

Guo and Vanrolleghem (2014) and Hiatt and Grady (2008) could not be read here. In their place stand the programs and
values of the ring test of BSM1 with N2O (Snip et al. 2014; github.com/ljpvd/BSM1-GHG---ringtest: asm1_bsm1.c of commit
d18255e, asm1init_bsm1.m of 519b9c8, asm1init_bsm1_dyn.m of 9bebe46, reginit_bsm1.m of 227c805). Errors there:

- 1.14385714 for 8/7 in the reduction of nitrate, which the steady state below has too.
- Oxygen of the second step of denitrification by ammonia oxidisers has + 1 for - 1; the steady state has - 1.
- Five of the 90 figures of the steady state are miscopied, see `COPIED`.
"""

from __future__ import annotations

import numpy as np
import pytest
import sympy
import torch
from gpsx import one_tank
from kinetics_tools import NUMPY, defaults, random_parameters

from asm_hybrid.kinetics import compile_table, load_table, parse_table
from asm_hybrid.plant import Aeration, Layout, Plant, Tank, torch_namespace
from asm_hybrid.plant.transfer import transfer

# Hiatt and Grady 2008, Table 4, and the two steps of ammonia oxidisers, with exact oxygen equivalents.
A = "(1 - eta_Y*Y_H)/(8/7*eta_Y*Y_H)"
B = "(1 - eta_Y*Y_H)/(4/7*eta_Y*Y_H)"
Y = "(eta_YAOB*Y_A1)"
ANOXIC = {"S_S": "-1/(eta_Y*Y_H)", "X_BH": "1", "S_NH": "-i_XB", "S_ALK": "-i_XB/14"}
DECAY = {"X_S": "1 - f_P", "X_P": "f_P", "X_ND": "i_XB - f_P*i_XP"}
PUBLISHED = {
    "aerobic_growth_heterotrophs": {
        "S_S": "-1/Y_H",
        "X_BH": "1",
        "S_O": "-(1 - Y_H)/Y_H",
        "S_NH": "-i_XB",
        "S_ALK": "-i_XB/14",
    },
    "nitrate_reduction": ANOXIC | {"S_NO3": f"-{A}", "S_NO2": A},
    "nitrite_reduction": ANOXIC | {"S_NO2": f"-{B}", "S_NO1": B, "S_ALK": f"-i_XB/14 + {B}/14"},
    "nitric_oxide_reduction": ANOXIC | {"S_NO1": f"-{B}", "S_N2O": B},
    "nitrous_oxide_reduction": ANOXIC | {"S_N2O": f"-{B}", "S_N2": B},
    "growth_ammonia_oxidisers": {
        "X_BA1": "1",
        "S_O": "-(24/7 - Y_A1)/Y_A1",
        "S_NO2": "1/Y_A1",
        "S_NH": "-i_XB - 1/Y_A1",
        "S_ALK": "-i_XB/14 - 1/(7*Y_A1)",
    },
    "growth_nitrite_oxidisers": {
        "X_BA2": "1",
        "S_O": "-(8/7 - Y_A2)/Y_A2",
        "S_NO2": "-1/Y_A2",
        "S_NO3": "1/Y_A2",
        "S_NH": "-i_XB",
        "S_ALK": "-i_XB/14",
    },
    "nitrite_reduction_ammonia_oxidisers": {
        "X_BA1": "1",
        "S_O": f"-(16/7/{Y} - 1)",
        "S_NO2": f"-1/{Y}",
        "S_NO1": f"2/{Y}",
        "S_NH": f"-i_XB - 1/{Y}",
        "S_ALK": "-i_XB/14",
    },
    "nitric_oxide_reduction_ammonia_oxidisers": {
        "X_BA1": "1",
        "S_O": f"-(16/7/{Y} - 1)",
        "S_NO2": f"1/{Y}",
        "S_NO1": f"-2/{Y}",
        "S_N2O": f"2/{Y}",
        "S_NH": f"-i_XB - 1/{Y}",
        "S_ALK": f"-i_XB/14 - 1/(7*{Y})",
    },
    "decay_heterotrophs": DECAY | {"X_BH": "-1"},
    "decay_ammonia_oxidisers": DECAY | {"X_BA1": "-1"},
    "decay_nitrite_oxidisers": DECAY | {"X_BA2": "-1"},
    "ammonification": {"S_NH": "1", "S_ND": "-1", "S_ALK": "1/14"},
    "hydrolysis_organics": {"S_S": "1", "X_S": "-1"},
    "hydrolysis_nitrogen": {"S_ND": "1", "X_ND": "-1"},
}


@pytest.fixture(scope="module")
def asm1_2n():
    return load_table("asm1_2n")


def at(table, temperature, **changed):
    """Return the parameters at a temperature [degC], some of them changed."""
    values = {q.name: q.default * (q.theta or 1.0) ** (temperature - (q.T_ref or 0.0)) for q in table.parameters}
    return list((values | changed).values())


def matrix(table, p):
    """Return the stoichiometry, ``(process, component)``."""
    rows = compile_table(table).stoichiometry(p, NUMPY)
    return np.array([[0.0 if v is None else float(v) for v in row] for row in rows])


def vector(table, state):
    """Return a state ``{component: value}`` as an array, those not named zero."""
    return np.array([float(state.get(n, 0.0)) for n in table.component_names])


def test_stoichiometry_is_the_published_matrix(asm1_2n):
    symbols = {n: sympy.Symbol(n, positive=True) for n in asm1_2n.parameter_names}
    used = {str(s): s for p in asm1_2n.processes for e in p.stoichiometry.values() for s in e.value.free_symbols}
    assert list(PUBLISHED) == list(asm1_2n.process_names)
    for process in asm1_2n.processes:
        assert set(process.stoichiometry) == set(PUBLISHED[process.name]), process.name
        for name, text in PUBLISHED[process.name].items():
            expected = sympy.sympify(text, locals=symbols | used, rational=True)
            assert sympy.simplify(process.stoichiometry[name].value - expected) == 0, (process.name, name)


def test_oxygen_equivalents_count_from_ammonium(asm1_2n):
    # Electrons that nitrogen takes up on the way to ammonium, 8 g O2 each: NO3 8, NO2 6, NO 5, N2O 4, N2 3 an atom.
    electrons = {"S_NO3": 8, "S_NO2": 6, "S_NO1": 5, "S_N2O": 4, "S_N2": 3}
    held = {c.name: c.composition for c in asm1_2n.components}
    for name, number in electrons.items():
        assert held[name]["COD"].value == -sympy.Rational(8 * number, 14)
    assert {n for n in electrons if "charge" in held[n]} == {"S_NO3", "S_NO2"}


def test_gases_are_those_of_the_ring_test_but_for_nitric_oxide(asm1_2n):
    ratios = {gas.component: gas.kla_ratio for gas in asm1_2n.gases}
    assert ratios["S_N2O"] == pytest.approx(np.sqrt(1.77 / 2.12), abs=5e-4)
    assert ratios["S_N2"] == pytest.approx(np.sqrt(1.86 / 2.12), abs=5e-4)
    assert ratios["S_NO1"] == pytest.approx((25.6 / 23.6) ** 0.3, abs=5e-4)


def test_what_it_takes_to_denitrify(asm1_2n):
    """Nitrate to dinitrogen by its four steps takes the COD of asm1's one, 40/14 g O2/g N."""
    p = dict(zip(asm1_2n.parameter_names, defaults(asm1_2n), strict=True))
    S = dict(zip(asm1_2n.process_names, matrix(asm1_2n, list(p.values())), strict=True))
    per_N = {"nitrate_reduction": 8 / 7, "nitrite_reduction": 4 / 7, "nitric_oxide_reduction": 4 / 7}
    per_N["nitrous_oxide_reduction"] = 4 / 7
    y = p["eta_Y"] * p["Y_H"]
    total = sum(S[n] * per_N[n] * y / (1 - y) for n in per_N)
    at_ = asm1_2n.component_names.index
    assert total[at_("S_NO3")] == pytest.approx(-1)
    assert total[at_("S_N2")] == pytest.approx(1)
    assert total[[at_("S_NO2"), at_("S_NO1"), at_("S_N2O")]] == pytest.approx(0, abs=1e-14)
    assert total[at_("S_S")] + total[at_("X_BH")] == pytest.approx(-40 / 14)


def published_rates(x, p):
    """Return the rates as the program of the ring test writes them, from states and parameters by name."""
    pH = -np.log10(p["S_H"] / 1000)
    FA = x["S_NH"] * 10**pH / (1000 / p["K_aNH4"] + 10**pH)
    FNA = x["S_NO2"] / (1 + p["K_aHNO2"] / 1000 * 10**pH)
    NO, O2, NOX = x["S_NO1"], x["S_O"], x["S_NO3"] + x["S_NO2"] + x["S_NO1"] + x["S_N2O"]
    K_SO = p["S_Oopt"] ** 2 / p["K_IO"]
    oxygen = O2 / (K_SO + (1 - 2 * np.sqrt(K_SO / p["K_IO"])) * O2 + O2**2 / p["K_IO"])
    growth = p["mu_H"] * x["X_BH"]
    ammonia = p["mu_A1"] * x["X_BA1"]
    denitrifying = p["eta_AOB"] * ammonia * FA / (p["K_FA_AOB"] + FA) * oxygen

    def substrate(i):
        return x["S_S"] / (p[f"K_S{i}"] + x["S_S"])

    def no_oxygen(i):
        return p[f"K_OH{i}"] / (p[f"K_OH{i}"] + O2)

    def inhibited(i):
        return p[f"K_I{i}NO"] / (p[f"K_I{i}NO"] + NO)

    switch = O2 / (p["K_OH"] + O2) + p["eta_h"] * p["K_OH"] / (p["K_OH"] + O2) * NOX / (p["K_NO3"] + NOX)
    hydrolysis = p["k_h"] * (x["X_S"] / x["X_BH"]) / (p["K_X"] + x["X_S"] / x["X_BH"]) * switch * x["X_BH"]
    return [
        growth * substrate(1) * O2 / (p["K_OH1"] + O2),
        growth * p["eta_g2"] * substrate(2) * x["S_NO3"] / (p["K_NO3"] + x["S_NO3"]) * no_oxygen(2),
        growth * p["eta_g3"] * substrate(3) * x["S_NO2"] / (p["K_NO2"] + x["S_NO2"]) * no_oxygen(3) * inhibited(3),
        growth * p["eta_g4"] * substrate(4) * NO / (p["K_NO"] + NO + NO**2 / p["K_I4NO"]) * no_oxygen(4),
        growth * p["eta_g5"] * substrate(5) * x["S_N2O"] / (p["K_N2O"] + x["S_N2O"]) * no_oxygen(5) * inhibited(5),
        ammonia
        * (FA / (p["K_FA"] + FA + FA**2 / p["K_I9FA"]))
        * (O2 / (p["K_OA1"] + O2) * p["K_I9FNA"] / (p["K_I9FNA"] + FNA)),
        p["mu_A2"]
        * x["X_BA2"]
        * (FNA / (p["K_FNA"] + FNA + FNA**2 / p["K_I10FNA"]))
        * (O2 / (p["K_OA2"] + O2) * p["K_I10FA"] / (p["K_I10FA"] + FA)),
        denitrifying * FNA / (p["K_FNA_AOB"] + FNA),
        denitrifying * NO / (p["K_NO_AOB"] + NO),
        p["b_H"] * x["X_BH"],
        p["b_A1"] * x["X_BA1"],
        p["b_A2"] * x["X_BA2"],
        p["k_a"] * x["S_ND"] * x["X_BH"],
        hydrolysis,
        hydrolysis * x["X_ND"] / x["X_S"],
    ]


def test_rates_are_the_published_ones(asm1_2n):
    rng, n = np.random.default_rng(0), 1000
    # Oxygen around the optimum of ammonia oxidisers.
    X = 10.0 ** rng.uniform(-3, 3, (len(asm1_2n.components), n))
    X[asm1_2n.component_names.index("S_O")] = rng.uniform(0, 4, n)
    for p in (defaults(asm1_2n), random_parameters(asm1_2n, rng, (n,))):
        found = np.array(compile_table(asm1_2n).rates(list(X), p, NUMPY))
        names = dict(zip(asm1_2n.parameter_names, p, strict=True))
        expected = np.array(published_rates(dict(zip(asm1_2n.component_names, X, strict=True)), names))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_oxygen_at_which_ammonia_oxidisers_denitrify(asm1_2n):
    oxygen = np.array([0.0, 0.3158, 0.6316645, 1.263329, 8.0])
    state = {"S_NH": 20.0, "S_NO2": 1.0, "X_BA1": 100.0, "S_O": oxygen}
    X = [np.broadcast_to(state.get(n, 0.0), oxygen.shape) for n in asm1_2n.component_names]
    rate = compile_table(asm1_2n).rates(X, defaults(asm1_2n), NUMPY)[7]
    # Of the largest rate, 1/(1 + sqrt(K_SO/K_IO) (s - 1)^2/s) at s times the optimum; 11.4/0.035 = 18.05^2.
    assert rate[0] == 0
    assert rate[[1, 3]] / rate[2] == pytest.approx(1 / (1 + 18.05 / 2), rel=1e-3)
    assert rate[4] < 0.01 * rate[2]


def ratkowsky(T, b, c, low, high):
    return (b * (T - low) * (1 - np.exp(c * (T - high)))) ** 2


RATKOWSKY = {
    "mu_H": (0.0625, 0.3, -20, 50),
    "mu_A1": (0.0255, 0.15, -15, 50),
    "mu_A2": (0.0235, 0.05, -25, 57),
}


@pytest.mark.parametrize("name", RATKOWSKY)
def test_maximum_growth_rates_stay_near_the_published_law(asm1_2n, name):
    i = asm1_2n.parameter_names.index(name)
    assert at(asm1_2n, 15)[i] == pytest.approx(ratkowsky(15, *RATKOWSKY[name]), rel=1e-6)
    ratio = ratkowsky(20, *RATKOWSKY[name]) / ratkowsky(10, *RATKOWSKY[name])
    assert at(asm1_2n, 20)[i] / at(asm1_2n, 10)[i] == pytest.approx(ratio, rel=1e-6)
    for T in np.linspace(10, 20, 11):
        assert 0 <= at(asm1_2n, T)[i] / ratkowsky(T, *RATKOWSKY[name]) - 1 + 1e-7 < 0.0321
    assert at(asm1_2n, 25)[i] / ratkowsky(25, *RATKOWSKY[name]) - 1 < 0.125


def test_acid_constants_follow_anthonisen(asm1_2n):
    for T in (10, 15, 20):
        p = dict(zip(asm1_2n.parameter_names, at(asm1_2n, T), strict=True))
        error = 1e-6 if T == 15 else 0.007
        assert p["K_aNH4"] == pytest.approx(1000 * np.exp(-6344 / (273.15 + T)), rel=error)
        assert p["K_aHNO2"] == pytest.approx(1000 * np.exp(-2300 / (273.15 + T)), rel=error)
    # At 20 degC and pH 7 about 0.4 % of S_NH is ammonia and 0.026 % of S_NO2 nitrous acid.
    assert p["K_aNH4"] / (p["K_aNH4"] + p["S_H"]) == pytest.approx(0.0039784, rel=0.007)
    assert p["S_H"] / (p["K_aHNO2"] + p["S_H"]) == pytest.approx(2.5545e-4, rel=0.007)


# The steady state of the ring test, tanks 1 to 5 at 15 degC, as its file prints it (commit 9bebe46).
ORDER = "S_I S_S X_I X_S X_BH X_BA1 X_P S_O S_NO3 S_NH S_ND X_ND S_ALK S_NO2 S_NO1 S_N2O S_N2 X_BA2"
PRINTED = [
    "30 4.0627 1147.3 82.1358 2402.728 130.0092 420.7447 0.043073 10.61479 6.998716 0.985758 5.465302 4.471725 "
    "0.219777 0.010497 0.005977 15.77986 45.49488",
    "30 2.38729 1147.257 2.38729 2403.536 129.9734 421.3744 0.003227 8.700884 7.428412 0.653405 5.244856 4.638363 "
    "0.230449 0.010904 0.006424 17.61476 45.48187",
    "30 1.546411 1147.257 65.64412 2407.531 130.5028 422.2152 1.508933 11.93988 4.386874 0.617531 4.630014 4.199389 "
    "0.95549 0.00625 0.003424 14.35789 45.6706",
    "30 1.314134 1147.257 56.57696 2407.531 130.9456 423.0568 2.467782 14.74463 1.889611 0.536476 4.119373 3.825779 "
    "0.024068 0.001882 0.001023 13.56751 45.82758",
    "30 1.148279 1147.257 49.36393 2410.732 167.8482 423.8988 3.977599 16.32697 0.614823 0.536476 3.705646 3.622928 "
    "0.006861 0.000586 0.000307 13.37697 45.90806",
]
# What is wrong in the file, as (tank, component), and what balances: S_S in the place of X_S, a lost zero, X_BH of the
# tank before, S_ND of the tank behind, and X_BA of BSM1 without N2O.
COPIED = {
    (2, "X_S"): "76.7918",
    (3, "S_NO2"): "0.095549",
    (4, "X_BH"): "2409.768",
    (4, "S_ND"): "0.576617",
    (5, "X_BA1"): "131.1749",
}
FLOW, VOLUMES, KLA = 92230.0, {2: 1000.0, 3: 1333.0, 4: 1333.0, 5: 1333.0}, {2: 2.0, 3: 240.0, 4: 240.0, 5: 240.0}
# Gases of the ring test: diffusivity in 1e-9 m2/s, and the concentration in equilibrium with air [g N/m3].
OXYGEN, SATURATION = 2.12, 8.0
GAS = {"S_NO1": (0.087, 0.0), "S_N2O": (1.77, 0.0), "S_N2": (1.86, 0.78 * 28 / 1.64)}
ROUNDED = """\
name: asm1_2n_ringtest
extends: asm1_2n
continuity: {tolerance: 0.01}
gases:
processes:
  nitrate_reduction:
    stoichiometry:
      S_NO3: -(1 - eta_Y*Y_H)/(1.14385714*eta_Y*Y_H)
      S_NO2: (1 - eta_Y*Y_H)/(1.14385714*eta_Y*Y_H)
"""


ROUNDED = ROUNDED.replace(
    "gases:\n",
    "gases:\n"
    + "".join(
        f"  {name}: {{kla_ratio: {np.sqrt(D / OXYGEN):.9f}, henry: {max(air, 1) / 28 / 101325:.12e}, henry_T: 0, "
        f"per_mol: 28, in_air: {float(air > 0)}}}\n"
        for name, (D, air) in GAS.items()
    ),
)


def air_of_the_ring_test(table, kla):
    """Return what air brings to a tank without gases [g/(m3 d)], and its fall with the concentration [1/d]."""
    layout = Layout(
        (Tank("tank", 1333.0, aerated=True),), {"tank": 1.0}, {"tank": 1.0}, aeration=Aeration(saturation=SATURATION)
    )
    plant = Plant(table, layout)
    u = torch.zeros(len(plant.inputs), dtype=torch.float64)
    u[plant.input_index["T"]], u[plant.input_index["tank.kla"]] = 15.0, kla
    return (part[0].numpy() for part in transfer(plant.constants, u, None, torch_namespace()))


def tank_of_the_ring_test(table, number):
    """Return concentrations, and half a unit of their last digit."""
    texts = dict(zip(ORDER.split(), PRINTED[number - 1].split(), strict=True))
    texts |= {name: text for (tank, name), text in COPIED.items() if tank == number}
    digits = {n: 0.5 * 10.0 ** -len(t.partition(".")[2]) if n != "S_I" else 0.0 for n, t in texts.items()}
    return vector(table, texts), vector(table, digits)


def rest_of_the_balance(table, number, p):
    """Return what is missing in a tank's balance, and what the printed digits leave open [g/(m3 d)]."""
    (before, digit_before), (x, digit) = (tank_of_the_ring_test(table, t) for t in (number - 1, number))
    kinetics, S, dilution = compile_table(table), matrix(table, p), FLOW / VOLUMES[number]
    air, kla = air_of_the_ring_test(table, KLA[number])
    rest = S.T @ np.array(kinetics.rates(list(x), p, NUMPY)) + dilution * (before - x) + air - kla * x
    rows = kinetics.rate_jacobian(list(x), p, NUMPY)
    slopes = np.array([[0.0 if v is None else float(v) for v in row] for row in rows])
    open_ = np.abs(S.T @ slopes - np.diag(dilution + kla)) @ digit + dilution * digit_before
    return dict(zip(table.component_names, zip(rest, 1.01 * open_ + 1e-9, strict=True), strict=True))


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_tanks_of_the_ring_test_are_in_balance(number):
    table = parse_table(ROUNDED, "asm1_2n_ringtest.yaml")
    found = rest_of_the_balance(table, number, at(table, 15))
    assert {n: r for n, r in found.items() if abs(r[0]) > r[1]} == {}
    # How much the digits leave open, of what flows through: little, but for the gases of tanks that hold little.
    x, _ = tank_of_the_ring_test(table, number)
    for name, share in {
        "S_NO3": 6e-6,
        "S_NH": 1e-5,
        "X_BA1": 1e-6,
        "X_BA2": 2e-6,
        "S_NO2": 0.014,
        "S_N2O": 0.05,
    }.items():
        assert found[name][1] < share * FLOW / VOLUMES[number] * x[table.component_names.index(name)], name


@pytest.mark.parametrize(
    ("name", "value", "component"),
    [
        ("K_FNA", 1.0e-6, "S_NO2"),
        ("eta_AOB", 0.0, "S_NO1"),
        ("eta_YAOB", 1.0, "S_NO1"),
        ("S_Oopt", 0.7, "S_NO1"),
        ("K_FNA_AOB", 0.0007, "S_NO1"),
        ("eta_g5", 0.75, "S_N2O"),
        ("K_I5NO", 0.075, "S_N2O"),
        ("K_OA1", 0.5, "S_NH"),
        ("eta_Y", 1.0, "S_NO3"),
    ],
)
def test_the_balance_of_the_ring_test_tells_parameters_apart(name, value, component):
    table = parse_table(ROUNDED, "asm1_2n_ringtest.yaml")
    rests = [rest_of_the_balance(table, t, at(table, 15, **{name: value}))[component] for t in (2, 3)]
    assert any(abs(rest) > 3 * allowed for rest, allowed in rests)


SLUDGE = {"X_I": 1000.0, "X_S": 50.0, "X_BH": 2000.0, "X_BA1": 100.0, "X_BA2": 40.0, "X_P": 400.0, "S_ALK": 7.0}


def aerated(table, oxygen, **changed):
    """Return a tank of 4 h at 20 degC, sludge in its inflow, after 5 d at an oxygen that is kept."""
    inflow = vector(table, SLUDGE | {"S_S": 20.0, "S_NH": 25.0, "S_ND": 1.0, "X_ND": 3.0})
    y = one_tank(table, at(table, 20, **changed), np.array([0.0, 5.0]), inflow, inflow, 6.0, lambda t: oxygen + 0 * t)
    return dict(zip(table.component_names, y[:, -1], strict=True))


def test_an_aerated_tank_nitrifies_to_nitrate(asm1_2n):
    tank = aerated(asm1_2n, 2.0)
    assert tank["S_NH"] < 1.0
    assert tank["S_NO3"] > 26.0
    assert tank["S_NO2"] < 0.05
    assert tank["S_N2O"] < 0.001


def test_little_oxygen_gives_nitrite_and_nitrous_oxide(asm1_2n):
    aerobic, little = aerated(asm1_2n, 2.0), aerated(asm1_2n, 0.3)
    for name in ("S_NO2", "S_NO1", "S_N2O"):
        assert little[name] > 10 * aerobic[name], name
    # Ammonia oxidisers turn some of the nitrite into gases, most of it at their optimum in oxygen.
    with_, without = aerated(asm1_2n, 0.6), aerated(asm1_2n, 0.6, eta_AOB=0.0)
    assert with_["S_NO1"] > 1.3 * without["S_NO1"]
    assert with_["S_N2O"] > 1.5 * without["S_N2O"]
    assert with_["S_NO2"] < 0.8 * without["S_NO2"]


def test_acid_slows_ammonia_oxidisers_and_base_nitrite_oxidisers(asm1_2n):
    acid, neutral, basic = (aerated(asm1_2n, 2.0, S_H=1000 * 10.0**-pH) for pH in (6.3, 7.0, 7.7))
    assert acid["S_NH"] > 2 * neutral["S_NH"]
    assert basic["S_NH"] < neutral["S_NH"]
    assert basic["S_NO2"] > 3 * neutral["S_NO2"]


def test_a_batch_without_oxygen_denitrifies_step_by_step(asm1_2n):
    start = vector(asm1_2n, SLUDGE | {"S_S": 200.0, "S_NO3": 20.0, "S_NH": 20.0})
    times = np.linspace(0.0, 0.03, 301)
    y = one_tank(asm1_2n, at(asm1_2n, 20), times, start, start, 0.0)
    run = dict(zip(asm1_2n.component_names, y, strict=True))
    between = [run[n] for n in ("S_NO2", "S_NO1", "S_N2O")]
    for values in between:
        assert 0 < values.argmax() < 300
        assert values.max() > 0.004
        assert values[-1] < 1e-3 * values.max()
    assert (np.diff(run["S_NO3"]) < 1e-9).all()
    assert run["S_N2"][-1] == pytest.approx(20.0, abs=1e-3)
    total = run["S_NO3"] + sum(between) + run["S_N2"]
    np.testing.assert_allclose(total, 20.0, rtol=1e-9)


def test_composites(asm1_2n):
    kinetics, p = compile_table(asm1_2n), defaults(asm1_2n)
    state = {"X_BH": 1000.0, "X_BA1": 100.0, "X_BA2": 50.0, "X_P": 100.0, "S_S": 10.0, "S_NH": 2.0}
    state |= {"S_NO3": 5.0, "S_NO2": 0.5, "S_NO1": 0.02, "S_N2O": 0.03, "S_N2": 15.0}

    def value(name):
        return sum(
            float(w) * x for w, x in zip(kinetics.composite(name, p, NUMPY), vector(asm1_2n, state), strict=True)
        )

    assert value("TSS") == pytest.approx(0.75 * 1250)
    assert value("COD") == pytest.approx(1260)
    assert value("BOD5") == pytest.approx(0.25 * (10 + 0.92 * 1150))
    assert value("NOX") == pytest.approx(5.5)
    assert value("TKN") == pytest.approx(0.086 * 1150 + 6 + 2)
    assert value("TN") == pytest.approx(0.086 * 1150 + 6 + 2 + 5.5 + 0.05)


def test_nitrate_of_asm1_is_not_taken_for_nitric_oxide(asm1_2n):
    assert "S_NO" not in asm1_2n.component_names
    assert next(c.symbol for c in asm1_2n.components if c.name == "S_NO1") == "S_{NO}"
