"""The sign in which a rate answers what it reads: found from its form, held against sampled slopes."""

import numpy as np
import pytest
from kinetics_tools import NUMPY

from asm_hybrid.kinetics import available_tables, compile_table, load_table, parse_table
from asm_hybrid.kinetics.answers import MIXED, answer_sign, parameter_sign, switching_factors, temperature_slope

NITRIFICATION = "aerobic_growth_autotrophs"
CHANGED = """\
name: changed
extends: asm1
title: ASM1 with other nitrifiers
parameters:
  K_I: {default: 20, unit: g N/m3, bounds: [1, 100], source: this test}
  K_ALK: {default: 0.5, unit: mol/m3, bounds: [0.1, 2], source: this test}
  Q_N: {default: 10000, unit: m3/d, bounds: [5000, 20000], source: this test}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH + S_NH**2/K_I) * monod(S_ALK, K_ALK) * monod(S_O, K_OA) * X_BA * exp(Q_in/Q_N)
"""


@pytest.fixture(scope="module")
def changed():
    return parse_table(CHANGED, "changed.yaml")


def test_the_signs_of_asm1():
    table = load_table("asm1")
    expected = {
        "aerobic_growth_heterotrophs": {"S_S": 1, "S_O": 1},
        "anoxic_growth_heterotrophs": {"S_S": 1, "S_O": -1, "S_NO": 1},
        NITRIFICATION: {"S_NH": 1, "S_O": 1},
        "decay_autotrophs": {},
        "ammonification": {"S_ND": 1},
        "hydrolysis_organics": {"S_O": 1, "S_NO": 1},
    }
    for process, signs in expected.items():
        for name in ("S_S", "S_O", "S_NO", "S_NH", "S_ND", "S_ALK", "Q_in"):
            assert answer_sign(table, process, name) == signs.get(name, 0), (process, name)
        assert answer_sign(table, process, "T") == (MIXED if process.startswith("hydrolysis") else 1)


def test_what_a_user_adds_is_read_from_the_form(changed):
    answered = {name: answer_sign(changed, NITRIFICATION, name) for name in ("S_NH", "S_ALK", "S_O", "Q_in", "S_NO")}
    assert answered == {"S_NH": MIXED, "S_ALK": 1, "S_O": 1, "Q_in": 1, "S_NO": 0}
    assert {f.component for f in switching_factors(changed, NITRIFICATION)} == {"S_ALK", "S_O"}
    assert {n: parameter_sign(changed, NITRIFICATION, n) for n in ("mu_A", "K_OA", "K_I", "b_A")} == {
        "mu_A": 1,
        "K_OA": -1,
        "K_I": 1,
        "b_A": 0,
    }


@pytest.mark.parametrize("name", [*available_tables(), "changed"])
def test_no_sampled_slope_has_the_other_sign(name, changed):
    table = changed if name == "changed" else load_table(name)
    kinetics, rng, count = compile_table(table), np.random.default_rng(1), 400
    scale = 10.0 ** rng.uniform(-3, 3, (len(table.components), count))
    states = scale * rng.uniform(0.1, 1.0, scale.shape)
    bounds = np.array([sorted((p.default, *p.bounds)) for p in table.parameters])
    values = rng.uniform(bounds[:, :1], bounds[:, 2:], (len(bounds), count))
    inputs = [np.full(count, 5000.0) for _ in table.input_names]
    rows = kinetics.rate_jacobian(list(states), [*values, *inputs], NUMPY)
    seen = 0
    for process, row in zip(table.process_names, rows, strict=True):
        for component, slope in zip(table.component_names, row, strict=True):
            sign = answer_sign(table, process, component)
            slopes = np.zeros(1) if slope is None else np.broadcast_to(slope, count)
            size = np.abs(slopes).max()
            if sign != MIXED:
                assert (sign * slopes >= -1e-12 * size).all(), (process, component)
                assert sign or size == 0.0
                seen += bool(sign)
            elif not table.equilibrium:  # by way of a pH a slope may turn where no sample comes
                assert slopes.min() < 0.0 < slopes.max(), (process, component)
    assert seen > len(table.processes) / 2


def test_temperature_acts_through_the_parameters():
    table = load_table("asm1")
    assert temperature_slope(table, NITRIFICATION) == pytest.approx(np.log(1.1030543))
    assert temperature_slope(table, "hydrolysis_organics") == 0.0
    assert [f.parameter for f in switching_factors(table, NITRIFICATION)] == ["K_NH", "K_OA"]
    assert switching_factors(table, "hydrolysis_organics") == ()
