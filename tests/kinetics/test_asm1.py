"""ASM1: published coefficients and values, continuity, and the rates of a commercial simulator."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import sympy
from gpsx import REFERENCE, half_digit, measured_oxygen, one_tank, read_columns, start_uncertainty
from kinetics_tools import NUMPY, defaults, random_parameters

from asm_hybrid.kinetics import available_tables, compile_table, load_table
from asm_hybrid.kinetics.read import TABLES

# Henze et al. 1987, Table 1; with dinitrogen, and the exact 40/14 and 64/14 in the place of 2.86 and 4.57.
PUBLISHED = {
    "aerobic_growth_heterotrophs": {
        "S_S": "-1/Y_H",
        "X_BH": "1",
        "S_O": "-(1 - Y_H)/Y_H",
        "S_NH": "-i_XB",
        "S_ALK": "-i_XB/14",
    },
    "anoxic_growth_heterotrophs": {
        "S_S": "-1/Y_H",
        "X_BH": "1",
        "S_NO": "-(1 - Y_H)/(40/14*Y_H)",
        "S_NH": "-i_XB",
        "S_ALK": "(1 - Y_H)/(14*40/14*Y_H) - i_XB/14",
        "S_N2": "(1 - Y_H)/(40/14*Y_H)",
    },
    "aerobic_growth_autotrophs": {
        "X_BA": "1",
        "S_O": "-(64/14 - Y_A)/Y_A",
        "S_NO": "1/Y_A",
        "S_NH": "-i_XB - 1/Y_A",
        "S_ALK": "-i_XB/14 - 1/(7*Y_A)",
    },
    "decay_heterotrophs": {"X_S": "1 - f_P", "X_BH": "-1", "X_P": "f_P", "X_ND": "i_XB - f_P*i_XP"},
    "decay_autotrophs": {"X_S": "1 - f_P", "X_BA": "-1", "X_P": "f_P", "X_ND": "i_XB - f_P*i_XP"},
    "ammonification": {"S_NH": "1", "S_ND": "-1", "S_ALK": "1/14"},
    "hydrolysis_organics": {"S_S": "1", "X_S": "-1"},
    "hydrolysis_nitrogen": {"S_ND": "1", "X_ND": "-1"},
}


def test_stoichiometry_is_the_published_matrix(asm1):
    symbols = {str(s): s for p in asm1.processes for e in p.stoichiometry.values() for s in e.value.free_symbols}
    assert list(PUBLISHED) == list(asm1.process_names)
    for process in asm1.processes:
        expected = {n: sympy.sympify(t, locals=symbols, rational=True) for n, t in PUBLISHED[process.name].items()}
        assert set(process.stoichiometry) == set(expected), process.name
        for name, value in expected.items():
            assert sympy.simplify(process.stoichiometry[name].value - value) == 0, (process.name, name)


def test_components_and_parameters_have_the_published_order(asm1):
    names = "S_I S_S X_I X_S X_BH X_BA X_P S_O S_NO S_NH S_ND X_ND S_ALK S_N2"
    assert asm1.component_names == tuple(names.split())
    assert asm1.oxygen == "S_O"
    assert len(asm1.processes) == 8


@pytest.mark.parametrize(
    ("name", "at_20", "at_10"),
    [
        ("mu_H", 6.0, 3.0),
        ("b_H", 0.62, 0.20),
        ("mu_A", 0.80, 0.30),
        ("k_h", 3.0, 1.0),
        ("K_X", 0.03, 0.01),
        ("k_a", 0.08, 0.04),
    ],
)
def test_temperature_laws_give_both_published_values(asm1, name, at_20, at_10):
    parameter = asm1.parameters[asm1.parameter_names.index(name)]
    assert parameter.default == at_20
    assert parameter.default * parameter.theta ** (10 - parameter.T_ref) == pytest.approx(at_10, rel=1e-6)


@pytest.mark.parametrize("name", available_tables())
def test_every_parameter_has_a_source_in_the_bibliography(name):
    keys = set(re.findall(r"@\w+\{(\w+),", (TABLES / "references.bib").read_text()))
    for parameter in load_table(name).parameters:
        assert parameter.source in keys, parameter.name
        assert parameter.description, parameter.name


@pytest.mark.parametrize("name", available_tables())
def test_every_process_conserves_at_random_parameters(name):
    table = load_table(name)
    kinetics, rng = compile_table(table), np.random.default_rng(1)
    p = random_parameters(table, rng, (100,))
    values = dict(zip(table.parameter_names, p, strict=False))  # behind them stand what rates read
    for process, row in zip(table.processes, kinetics.stoichiometry(p, NUMPY), strict=True):
        for material in table.materials:
            if material in process.exchanges:
                continue
            total, size = np.zeros(100), np.zeros(100)
            for component, coefficient in zip(table.components, row, strict=True):
                if coefficient is not None and material in component.composition:
                    expression = component.composition[material].value
                    names = sorted(map(str, expression.free_symbols))
                    held = sympy.lambdify(sorted(expression.free_symbols, key=str), expression)
                    part = coefficient * held(*(values[n] for n in names))
                    total, size = total + part, size + np.abs(part)
            # A coefficient may itself be a small difference, as of two nitrogen contents, rounded at 1e-17.
            allowed = 1e-14 * size + 1e-16 + table.tolerance
            assert (np.abs(total) <= allowed).all(), f"{process.name} makes {material}: {np.abs(total).max()}"


@pytest.mark.parametrize("name", [n for n in available_tables() if load_table(n).tolerance == 0])
def test_every_process_conserves_exactly_where_the_table_has_no_tolerance(name):
    table = load_table(name)
    held = {c.name: c.composition for c in table.components}
    for process in table.processes:
        for material in table.materials:
            if material in process.exchanges:
                continue
            parts = [e.value * held[n][material].value for n, e in process.stoichiometry.items() if material in held[n]]
            assert sympy.simplify(sum(parts)) == 0, f"{process.name} makes {material}"


def test_a_composite_weighs_components(asm1):
    kinetics, p = compile_table(asm1), defaults(asm1)
    state = dict.fromkeys(asm1.component_names, 0.0) | {
        "X_BH": 1000.0,
        "S_NH": 2.0,
        "S_NO": 5.0,
        "X_P": 100.0,
    }

    def value(name):
        return sum(w * x for w, x in zip(kinetics.composite(name, p, NUMPY), state.values(), strict=True))

    assert value("TSS") == pytest.approx(0.75 * 1100)
    assert value("COD") == pytest.approx(1100)
    assert value("TKN") == pytest.approx(86 + 2 + 6)
    assert value("TN") == pytest.approx(86 + 2 + 6 + 5)
    assert value("BOD5") == pytest.approx(0.25 * 0.92 * 1000)


GPSX = {
    "S_I": "si2",
    "S_S": "ss2",
    "X_I": "xi2",
    "X_S": "xs2",
    "X_BH": "xbh2",
    "X_BA": "xba2",
    "X_P": "xu2",
    "S_O": "so2",
    "S_NO": "sno2",
    "S_NH": "snh2",
    "S_ND": "snd2",
    "X_ND": "xnd2",
    "S_ALK": "salk2",
    "S_N2": "snn2",
}


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
@pytest.mark.parametrize("name", ["aer", "an"])
def test_rates_equal_those_of_gpsx_to_its_three_digits(name):
    table = load_table("asm1_bsm")
    columns, p = read_columns(f"gpsx_asm1_{name}.csv"), defaults(table)
    state = [columns[GPSX[n]] for n in table.component_names]
    kinetics = compile_table(table)
    rates, slopes = kinetics.rates(state, p, NUMPY), kinetics.rate_jacobian(state, p, NUMPY)
    for i, process in enumerate(table.process_names):
        theirs = columns[f"r{i + 1}2"]
        # A state of three digits leaves a rate uncertain by its slope times half a digit; theirs is rounded.
        spread = sum(np.abs(s) * half_digit(x) for s, x in zip(slopes[i], state, strict=True) if s is not None)
        error = np.abs(rates[i] - theirs)
        assert (error <= 1.01 * spread + half_digit(theirs)).all(), (process, error.max())


GPSX_INFLUENT = {
    "S_I": 30.0,
    "S_S": 69.5,
    "X_I": 51.2,
    "X_S": 202.32,
    "X_BH": 28.17,
    "S_NH": 31.56,
    "S_ND": 6.95,
    "X_ND": 10.59,
    "S_ALK": 7.0,
}
GPSX_FLOW = 18446.0


def gpsx_tank(columns, volume, first, oxygen=None):
    """Return our run of a GPS-X tank from a row of its file, its uncertainty, and the file's states."""
    table = load_table("asm1_bsm")
    theirs = np.array([columns[GPSX[n]] for n in table.component_names])[:, first:]
    influent = np.array([GPSX_INFLUENT.get(n, 0.0) for n in table.component_names])

    def run(start):
        times = columns["t"][first:]
        return one_tank(table, defaults(table), times, start, influent, GPSX_FLOW / volume, oxygen)

    return (*start_uncertainty(run, theirs[:, 0]), theirs)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
def test_an_anoxic_tank_runs_as_in_gpsx_to_its_three_digits():
    ours, _, theirs = gpsx_tank(read_columns("gpsx_asm1_an.csv"), 1000.0, 0)
    assert (np.abs(ours - theirs) <= 1.01 * half_digit(theirs)).all()


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
def test_an_aerated_tank_runs_as_in_gpsx_to_its_three_digits():
    columns = read_columns("gpsx_asm1_aer.csv")
    # The oxygen of its first 0.15 d, when the controller swings in, cannot be told from samples 0.05 d apart.
    ours, uncertain, theirs = gpsx_tank(columns, 1333.0, 3, measured_oxygen(columns))
    excess = np.abs(ours - theirs) - uncertain
    assert (excess <= 1.01 * half_digit(theirs)).all()
    assert (uncertain[:, -1] <= half_digit(theirs[:, -1])).all()  # the start is forgotten: three digits, no less
    assert (np.abs(ours - theirs)[:, -1] <= half_digit(theirs[:, -1])).all()


BSM1_AT_10 = {"mu_H": 3.0, "b_H": 0.2, "mu_A": 0.3, "b_A": 0.03, "k_h": 2.5, "k_a": 0.04}


def test_the_benchmark_table_changes_the_published_coefficients_only(asm1):
    bsm = load_table("asm1_bsm")
    symbols = {str(s): s for p in bsm.processes for e in p.stoichiometry.values() for s in e.value.free_symbols}
    rounded = {("anoxic_growth_heterotrophs", n) for n in ("S_NO", "S_N2", "S_ALK")}
    rounded |= {("aerobic_growth_autotrophs", "S_O")}
    for process in bsm.processes:
        for name, text in PUBLISHED[process.name].items():
            if (process.name, name) in rounded:
                text = text.replace("40/14", "2.86").replace("64/14", "4.57")
            expected = sympy.sympify(text, locals=symbols, rational=True)
            assert sympy.simplify(process.stoichiometry[name].value - expected) == 0, (process.name, name)
    assert [p.rate for p in bsm.processes] == [p.rate for p in asm1.processes]


def test_temperature_laws_of_the_benchmark_give_its_values_at_10_degrees():
    for parameter in load_table("asm1_bsm").parameters:
        if parameter.name in BSM1_AT_10:
            at_10 = parameter.default * parameter.theta ** (10 - parameter.T_ref)
            assert at_10 == pytest.approx(BSM1_AT_10[parameter.name], rel=1e-6)
        else:
            assert parameter.theta is None, parameter.name


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference vectors are not here")
def test_parameters_of_the_benchmark():
    published = json.loads((REFERENCE / "bsm1.json").read_text(encoding="utf-8"))["asm1_parameters_15C"]
    own = {p.name: p.default for p in load_table("asm1_bsm").parameters}
    found = {name: own[name] for name in published if name in own}
    assert found == {name: value for name, value in published.items() if name in own}
    assert len(found) == 19
