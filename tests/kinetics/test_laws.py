"""exp, min, max and inputs of the plant in rates: values, ties, limits, units, names, documents, what is refused."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
import sympy
import torch
from kinetics_tools import LAWS, NUMPY, defaults
from test_emit import TORCH, autodiff, dense

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import check_factored, compile_table, load_table, parse_table
from asm_hybrid.kinetics.document import check_text, document_table
from asm_hybrid.kinetics.expression import parse_expression
from asm_hybrid.kinetics.functions import above_zero, not_below_zero
from asm_hybrid.kinetics.rate_inputs import check_no_inputs
from asm_hybrid.kinetics.values import ParameterError, check_values

FLOW = "mu * X_M * exp(-Q_in / Q_c)"


def with_rate(rate):
    """Return the table of laws with another last rate."""
    assert FLOW in LAWS
    return parse_table(LAWS.replace(FLOW, rate), "laws.yaml")


def last(rate, S_A=2.0, S_B=2.0, **inputs):
    """Return the last rate at one state, and its slopes with S_A and S_B."""
    table = with_rate(rate)
    p = defaults(table)[: len(table.parameters)] + [inputs[name] for name in table.input_names]
    X = [np.array(v) for v in (S_A, S_B, 1.0)]
    slopes = dense(compile_table(table), X, p)[-1]
    return float(compile_table(table).rates(X, p, NUMPY)[-1]), slopes[:2].tolist()


INPUTS = {"T": 12.0, "Q_in": 3000.0, "load.S_A": 5e4, "load.TN": 1e5}


def test_values_by_hand():
    assert last("mu * X_M * max(S_A, S_B, K) / K", 2.0, 7.0, **INPUTS)[0] == 1.5 * 7
    assert last("mu * X_M * min(S_A, S_B, K) / K", 2.0, 7.0, **INPUTS)[0] == 1.5
    assert last("mu * X_M * exp(S_A / K)", 2.0, **INPUTS)[0] == pytest.approx(1.5 * math.exp(2))
    assert last("mu * X_M * max(0, T - T_c) / w", **(INPUTS | {"T": 25.0}))[0] == 1.5 * 3 / 1.5
    assert last("mu * X_M * (load.TN + load.S_A) / L_c", **INPUTS)[0] == pytest.approx(1.5 * 3)
    assert last("mu * X_M * exp(1) * max(2, 3)", **INPUTS)[0] == pytest.approx(1.5 * math.e * 3)


@pytest.mark.parametrize(
    ("factor", "value"),
    [
        ("exp(ratio(1, 2))", math.exp(0.5)),
        ("max(monod(1, 1), monod(3, 1))", 0.75),
        ("min(inhibition(1, 3), monod(1, 3))", 0.25),
        ("max(ratio(1, -2), monod(-1, 3))", 1e16),
    ],
)
def test_functions_of_numbers_alone_are_numbers(factor, value):
    table = with_rate(f"mu * X_M * {factor}")
    p = [torch.tensor(v, dtype=torch.float64) for v in defaults(table)]
    rates = compile_table(table).rates([torch.ones(3, dtype=torch.float64) for _ in range(3)], p, TORCH)
    assert float(rates[-1][0]) == pytest.approx(1.5 * value)


def test_the_slope_at_a_tie_is_the_mean_of_both_and_that_of_autodiff():
    for name in ("min", "max"):
        table = with_rate(f"mu * X_M * {name}(S_A, 3 * S_B) / K")
        X, p = [np.array([v]) for v in (6.0, 2.0, 1.0)], defaults(table)
        found = dense(compile_table(table), X, p)[-1, :2, 0]
        np.testing.assert_allclose(found, [1.5 / 2, 3 * 1.5 / 2])
        np.testing.assert_allclose(found, autodiff(compile_table(table), X, p)[1].numpy()[-1, :2, 0])


@pytest.mark.parametrize(("x", "value"), [(1e9, math.exp(100)), (-1e9, math.exp(-100)), (1e150, math.exp(100))])
def test_an_exponential_is_cut_off(x, value):
    rate, slopes = last("mu * X_M * exp((S_A - S_B) / K)", max(x, 0.0), max(-x, 0.0), **INPUTS)
    assert rate == pytest.approx(1.5 * value)
    assert slopes == [0.0, 0.0]
    sigmoid, _ = last("mu * X_M / (1 + exp((S_A - S_B) / K))", max(x, 0.0), max(-x, 0.0), **INPUTS)
    assert sigmoid == pytest.approx(1.5 / (1 + value))


def test_gradients_reach_parameters_and_inputs():
    table = with_rate("mu * X_M / (1 + exp((T - T_c) / w))")
    p = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in defaults(table)]
    X = [torch.ones(3, dtype=torch.float64) for _ in range(3)]
    rate = compile_table(table).rates(X, p, TORCH)[-1].sum()
    names = (*table.parameter_names, *table.input_names)
    grads = dict(zip(names, torch.autograd.grad(rate, p, allow_unused=True), strict=True))
    assert {n for n, g in grads.items() if g is not None} == {"mu", "T_c", "w", "T"}
    assert grads["T_c"] == pytest.approx(-float(grads["T"]))


def test_inputs_are_named_with_unit_and_line(laws):
    assert [(i.name, i.unit) for i in laws.inputs] == [
        ("Q_in", "m3/d"), ("T", "degC"), ("load.S_A", "g N/d"), ("load.TN", "g N/d")
    ]  # fmt: skip
    line = LAWS[: LAWS.index("rate: mu * (1 + max(0, (load")].count("\n") + 1
    assert laws.inputs[2].where == f"laws.yaml:{line} (processes.loaded.rate)"
    assert load_table("asm1").inputs == ()


def test_a_table_that_reads_no_inputs_is_written_as_before(switches):
    assert "xp.exp" not in compile_table(switches).source
    assert compile_table(switches).source.count("def rates(X, p, xp):") == 1


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("mu * X_M * exp(S_A)", "the argument of exp is in g N/m3"),
        ("mu * X_M * exp(T - T_c)", "the argument of exp is in K"),
        ("mu * X_M * min(S_A, w) / K", "'S_A' is in g N/m3 and 'w' in K"),
        ("mu * X_M * max(S_A, 1)", "'S_A' is in g N/m3 and '1' in -"),
        ("mu * X_M * exp((T - 22) / w)", "'T' is in degC and '22' in -"),
        ("mu * X_M * max(0, T) / w", "'T' is in degC and '0' in -"),
        ("mu * X_M * exp((T + T_c) / w)", "'T' is in degC and 'T_c' in degC"),
        ("mu * X_M * exp((w - T) / w)", "'w' is in K and 'T' in degC"),
        ("mu * X_M * exp(T / w)", "a scale whose zero is arbitrary"),
        ("mu * X_M * exp(-T / w)", "a scale whose zero is arbitrary"),
        ("mu * X_M * monod(T, T_c)", "a scale whose zero is arbitrary"),
        ("mu * X_M * exp((max(T, w) - T_c) / w)", "'T' is in degC and 'w' in K"),
        ("mu * X_M * T / T_c", "which may be zero|a scale whose zero is arbitrary"),
        ("mu * X_M * Q_in", "the rate is in"),
    ],
)
def test_units_are_checked(rate, words):
    with pytest.raises(InputError, match=words) as caught:
        with_rate(rate)
    assert (caught.value.where or "").startswith("laws.yaml:")
    assert caught.value.expected


@pytest.mark.parametrize(
    "rate",
    [
        "mu * X_M * exp((T + w - T_c) / w)",
        "mu * X_M * exp((w + T - T_c) / w)",
        "mu * X_M * exp((max(T, T_c) - min(T, T_c)) / w)",
        "mu * X_M * max(0, S_A - K) / K",
        "mu * X_M * ((T - T_c) / w)**2",
        "mu * X_M * exp(Q_in / Q_c) / exp(wastage / Q_c)",
        "mu * X_M * ratio(recycle.any, TANK.air)",
        "mu * X_M * influent.S_A / K",
    ],
)
def test_units_that_fit(rate):
    assert with_rate(rate).processes[-1].rate.text == rate


def test_a_number_beside_a_temperature_is_to_become_a_parameter():
    with pytest.raises(InputError) as caught:
        with_rate("mu * X_M * exp((T - 22) / w)")
    assert caught.value.fix == "give a parameter with the unit degC in the place of 22"


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        ("mu * X_M / (1 - exp(S_A / K))", "may be zero"),
        ("mu * X_M / (exp(S_A / K) - exp(S_B / K))", "may be zero"),
        ("mu * X_M * K / max(S_A, S_B)", "holds S_A, which may be zero"),
        ("mu * X_M * K / min(S_A, K)", "holds S_A, which may be zero"),
        ("mu * X_M * w / (T - T_c)", "holds T, which may be zero"),
        ("mu * X_M * exp()", "exp has 0 arguments"),
        ("mu * X_M * max(1)", "max has 1 argument in"),
        ("mu * X_M * min(" + ", ".join("1" * 21) + ")", "min has 21 arguments"),
        ("mu * X_M * exp(exp(exp(exp(exp(s)))))", "too deep within each other"),
        ("mu * X_M * exp", "'exp' is not known"),
        ("mu * X_M * T()", "'T' is not known"),
        ("mu * X_M * load.TN()", "Call is not allowed"),
        ("mu * X_M * load.FOO", "'load.FOO' is no input that a rate may read"),
        ("mu * X_M * influent.TN", "'influent.TN' is no input"),
        ("mu * X_M * TANK.volume", "'TANK.volume' is no input"),
        ("mu * X_M * load.__class__", "is no input"),
        ("mu * X_M * recycle / Q_c", "the name 'recycle' is not known"),
        ("mu * X_M * load.TN.real", "Attribute is not allowed"),
        ("mu * X_M * exp(" + "9" * 1000 + ")", "a number is out of range"),
        ("mu * X_M * " + " * ".join(["exp(99)**4"] * 12), "a number is out of range"),
    ],
)
def test_what_is_refused_at_once(rate, words):
    begin = time.perf_counter()
    with pytest.raises(InputError, match=words):
        with_rate(rate)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize(
    "inner", ["monod({0}, {0} + S_A / K)", "max({0}, 1 - {0})", "ratio({0}, 1 + {0})", "1 / (1 + exp({0} * {0}))"]
)
def test_functions_within_each_other_take_no_time(inner):
    text = "S_B / K"
    for _ in range(4):
        text = f"({inner.format(text)})" if len(text) < 120 else text
    begin = time.perf_counter()
    compile_table(with_rate(f"mu * X_M * {text}"))
    assert time.perf_counter() - begin < 20


@pytest.mark.parametrize("name", ["T", "Q_in", "return_sludge", "wastage", "exp", "min", "max"])
@pytest.mark.parametrize("section", ["  K:", "  S_B:"])
def test_names_of_inputs_and_functions_are_taken(name, section):
    text = LAWS.replace(f"{section} ", f"  {name}: ", 1)
    assert text != LAWS
    with pytest.raises(InputError, match=f"{name!r} (is taken|cannot be a name)") as caught:
        parse_table(text, "laws.yaml")
    assert (caught.value.where or "").startswith("laws.yaml:")


@pytest.mark.parametrize(
    ("coefficient", "words"),
    [("exp(1)", "exp stands in a coefficient"), ("max(1, s)", "max stands"), ("T", "'T' is not allowed"),
     ("load.TN", "inputs stand in rates alone")],
)  # fmt: skip
def test_coefficients_hold_neither(coefficient, words):
    with pytest.raises(InputError, match=words):
        parse_table(LAWS.replace("{X_M: -1}", f'{{X_M: "{coefficient}"}}'), "laws.yaml")


def test_a_temperature_is_no_rate_and_has_no_law(laws):
    check_values(laws, {"T_c": -2.0})
    with pytest.raises(ParameterError, match="T_c is -300"):
        check_values(laws, {"T_c": -300.0})
    check_values(laws, {"w": 40.0})
    with pytest.raises(ParameterError, match="w is 0"):
        check_values(laws, {"w": 0.0})
    with pytest.raises(InputError, match="no factor can change") as caught:
        check_factored(laws, "T_c")
    assert "T_c" not in (caught.value.expected or "")
    with pytest.raises(InputError, match="has a temperature law"):
        parse_table(LAWS.replace("unit: degC,", "unit: degC, T_ref: 20, theta: 1.07,"), "laws.yaml")
    with pytest.raises(InputError, match="not made of g, m3"):
        parse_table(LAWS.replace("unit: degC", "unit: degF"), "laws.yaml")
    with pytest.raises(InputError, match="not made of g, m3"):
        parse_table(LAWS.replace("S_A: {unit: g N/m3", "S_A: {unit: degC"), "laws.yaml")


def test_a_pure_width_may_be_above_one():
    """What divides in a coefficient is a yield, a share; what divides in an exponential is a width."""
    table = with_rate("mu * X_M * exp(-S_A / K / s)")
    check_values(table, {"s": 7.0})


def test_signs_by_form():
    S, K = sympy.Symbol("S", nonnegative=True), sympy.Symbol("K", positive=True)
    names, none = {"S": S, "K": K}, frozenset({"K"})

    def value(text):
        return parse_expression(text, names, "t:1", none, lambda name: None).value

    assert all(above_zero(value(t)) for t in ("K", "1 + exp(-S)", "max(S - 1, K)", "S + K", "2 * K / exp(S)"))
    assert not any(above_zero(value(t)) for t in ("S", "K - 1", "min(S, K)", "1 - exp(S)", "max(S, 0)"))
    assert all(not_below_zero(value(t)) for t in ("S", "min(S, K)", "(S - K)**2", "max(0, S - K)", "monod(S - K, K)"))
    assert not any(not_below_zero(value(t)) for t in ("S - K", "1 - max(0, S)", "ratio(S - 1, K)", "(S - K)**3"))


def test_the_documents_show_functions_and_inputs(laws):
    texts = {form: document_table(laws, form) for form in ("text", "markdown", "latex", "html", "json")}
    for form in ("text", "markdown", "latex", "html"):
        assert "ates read inputs of the plant" in texts[form], form
    assert r"\exp\left(\frac{T - T_c}{w}\right)" in texts["latex"]
    assert r"\min\left(\frac{S_A}{K + S_A}, \frac{S_B}{K + S_B}, 0.9" in texts["markdown"]
    assert r"\mathrm{load}_{TN}" in texts["latex"]
    assert "<mi>exp</mi>" in texts["html"]
    assert "argument of exp counts from -100 to 100" in texts["html"]
    assert json.loads(texts["json"])["inputs"][1] == {"name": "T", "unit": "degC"}
    assert "Rates read" not in document_table(load_table("asm1"), "markdown")


def test_the_check_lists_inputs_and_rates_that_may_turn_round(laws):
    found = check_text(laws)
    assert "Inputs of the plant that rates read\n  Q_in [m3/d], T [degC], load.S_A [g N/d], load.TN [g N/d]" in found
    below = check_text(with_rate("mu * X_M * (1 - max(0, T - T_c) / w)"))
    assert "Rates that may be below zero\n  loaded\n  flow\n" in below


def test_without_a_plant_there_are_no_inputs(laws):
    check_no_inputs((), "config.yaml:3")
    with pytest.raises(InputError, match="reads 'Q_in', an input of a plant") as caught:
        check_no_inputs(laws.inputs, "config.yaml:3")
    assert caught.value.where == "config.yaml:3"


@pytest.mark.parametrize("extends", [True, False])
def test_a_rate_that_a_comma_cuts_within_braces_is_to_stand_between_quotes(extends):
    cut = "{rate: b_A * max(0, 1) * X_BA, stoichiometry: {X_BA: -1}}"
    text = f"name: cut\nextends: asm1\nprocesses:\n  decay_autotrophs: {cut}\n"
    if not extends:
        text = LAWS.replace("  flow:\n", "  mine: {rate: max(0, 1) * X_M, stoichiometry: {X_M: -1}}\n  flow:\n")
    with pytest.raises(InputError) as caught:
        parse_table(text, "cut.yaml")
    assert "between quotes" in (caught.value.fix or "")
