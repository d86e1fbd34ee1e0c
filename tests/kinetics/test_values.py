"""What a parameter may be goes by what a table does with it: refused, doubted, or taken."""

from __future__ import annotations

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import available_tables, load_table, parse_table
from asm_hybrid.kinetics.values import ParameterError, check_bounds, check_table_values, check_values, doubts


@pytest.mark.parametrize(
    ("name", "values", "words"),
    [
        ("asm1", {"K_S": 0.0}, "half-saturation"),
        ("asm1", {"K_X": -0.1}, "half-saturation"),
        ("asm1", {"mu_H": 0.0}, "1e-6"),
        ("asm1", {"b_A": -0.1}, "above 0"),
        ("asm1", {"k_a": 0.0}, "above 0"),
        ("asm1", {"Y_H": 1.1}, "up to 1"),
        ("asm1", {"Y_H": 1.0}, "neither makes nor takes up S_O"),
        ("asm1", {"Y_A": 4.7}, "makes S_O, which it takes up"),
        ("asm1", {"Y_A": 0.0}, "divided"),
        ("asm1", {"f_P": 1.2}, "0 to 1"),
        ("asm1", {"f_P": -0.1}, "0 to 1"),
        ("asm1", {"eta_h": 1.4}, "0 to 1"),
        ("asm1", {"i_XB": -0.01}, "negative"),
        ("asm1", {"i_TSS": 0.0}, "converts"),
        ("asm1", {"mu_A": float("nan")}, "nan"),
        ("asm1", {"mu_A": float("inf")}, "inf"),
        ("asm2d", {"Y_PAO": 1.3}, "up to 1"),
        ("asm2d", {"K_PP": 0.0}, "half-saturation"),
        ("asm2d", {"k_PRE": -1.0}, "above 0"),
        ("asm3", {"Y_H_O2": 1.05}, "up to 1"),
        ("asm3", {"Y_STO_NOX": 1.2}, "0 to 1"),
        ("asm1_2n", {"Y_A1": 4.0}, "takes up"),
        ("asm1_2n", {"K_FNA": 0.0}, "half-saturation"),
        ("lotka_volterra", {"alpha": -1.0}, "above 0"),
    ],
)
def test_what_cannot_be_is_refused(name, values, words):
    with pytest.raises(ParameterError, match=words) as caught:
        check_values(load_table(name), values)
    assert caught.value.name in values
    assert "expected:" in str(caught.value)
    assert "fix:" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("asm1", {"f_P": 0.0, "i_XP": 0.0, "i_XB": 0.0}),
        ("asm1", {"eta_g": 0.0, "eta_h": 0.0}),
        ("asm2d", {"f_SI": 0.0, "i_P_SI": 0.0, "i_N_SI": 0.0, "eta_fe": 0.0}),
        ("asm3", {"f_SI": 0.0, "K_STO": 4.0, "K_X": 3.0}),
        ("asm1_2n", {"eta_AOB": 0.0, "eta_Y": 1.0}),
    ],
)
def test_what_may_be_zero_or_above_one_is_taken(name, values):
    check_values(load_table(name), values)


@pytest.mark.parametrize("name", available_tables())
def test_bounds_of_the_shipped_tables_hold_no_value_that_cannot_be(name):
    table = load_table(name)
    check_table_values(table)
    check_values(table, {p.name: p.default for p in table.parameters})


def test_values_outside_the_bounds_are_doubted():
    (doubt,) = doubts(load_table("asm1"), {"mu_A": 40.0, "K_NH": 0.1, "f_P": 0.08})
    assert (doubt.name, doubt.found.split(",")[0], doubt.expected) == ("mu_A", "mu_A is 40 1/d", "0.2 to 1.5 1/d")


@pytest.mark.parametrize(
    ("name", "bounds", "words"),
    [
        ("mu_A", (0.0, 1.0), "logarithms"),
        ("f_P", (0.0, 0.2), "logarithms"),
        ("mu_A", (-1.0, 1.0), "logarithms"),
        ("mu_A", (0.5, 0.5), "logarithms"),
        ("Y_H", (0.5, 1.3), "Y_H is 1.3"),
        ("Y_A", (0.1, 6.0), "makes S_O"),
        ("eta_g", (0.3, 1.2), "eta_g is 1.2"),
    ],
)
def test_bounds_of_a_fit_hold_values_that_can_be(name, bounds, words):
    with pytest.raises(ParameterError, match=words):
        check_bounds(load_table("asm1"), name, bounds, {})
    check_bounds(load_table("asm1"), "mu_A", (0.01, 20.0), {"Y_H": 0.6})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("mu_A: {default: 0.0, bounds: [0, 1]}", ""),
        ("mu_A: {default: 0.5, bounds: [-1, 1]}", "a bound of mu_A is -1"),
        ("K_NH: {default: 0.5, bounds: [-1, 1]}", "K_NH is -1"),
        ("Y_H: {default: 0.67, bounds: [0.4, 1.2]}", "a bound of Y_H is 1.2"),
        ("Y_H: {default: 1.2, bounds: [1.1, 1.5]}", "Y_H is 1.2"),
        ("Y_A: {default: 0.24, bounds: [0, 0.3]}", "a bound of Y_A is 0"),
        ("Y_A: {default: 0.24, bounds: [0.1, 5]}", "makes S_O"),
    ],
)
def test_a_table_that_extends_another_is_held_to_the_same(row, words):
    text = f"name: mine\nextends: asm1\nparameters:\n  {row}\n"
    if not words:  # a rate that its table lets be zero is the table's own affair
        parse_table(text, "mine.yaml")
        return
    with pytest.raises(InputError, match=words) as caught:
        parse_table(text, "mine.yaml")
    assert caught.value.where.startswith("mine.yaml:4")
