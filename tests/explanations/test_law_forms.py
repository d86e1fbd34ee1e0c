"""Forms of laws: what they read from a curve, how they are ranked, and the table that they make."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from asm_hybrid.errors import InputError
from asm_hybrid.explanations.laws import law_forms, patched_table, rank_laws
from asm_hybrid.explanations.laws.form import Driver
from asm_hybrid.explanations.laws.law import Factor, Law, driver_of
from asm_hybrid.explanations.laws.patch import expression_of, law_names, repeated, scaling_parameter
from asm_hybrid.explanations.laws.rank import product_law
from asm_hybrid.kinetics import Table, compile_table, load_table, parse_table
from asm_hybrid.plant import torch_namespace

ASM1 = load_table("asm1")
NITRIFICATION = "aerobic_growth_autotrophs"
RANGES = {"S_ALK": (0.2, 5.0), "T": (8.0, 24.0), "load.COD": (2e5, 2e6), "X_S/X_BH": (0.01, 0.4)}
"""A driver of each kind, and where it lies."""


def driver(name: str) -> Driver:
    low, high = RANGES[name]
    found = driver_of(ASM1, name, np.linspace(low, high, 101), np.ones(101))
    assert found is not None
    return found


def cases():
    for form in law_forms().values():
        for name in RANGES:
            if form.applies(driver(name)):
                yield pytest.param(form, name, id=f"{form.name}-{name}")


def true_values(form, read):
    """Return constants at two fifths of their range, in the logarithm, where they are fitted."""
    found = {}
    for constant in form.constants:
        low, high = constant.bounds(read)
        value = constant.value(read) if constant.value else np.exp(0.6 * np.log(low) + 0.4 * np.log(high))
        found[constant.symbol] = float(value)
    return found


def law_of(form, name, values=None):
    read = driver(name)
    return Law((Factor(form, read, values or true_values(form, read)),), 1.0, 0.0, 0.0)


def rates(table: Table, states: dict[str, np.ndarray], inputs: dict[str, np.ndarray], process: str) -> np.ndarray:
    shape = np.shape(next(iter({**states, **inputs}.values())))
    X = torch.tensor(np.stack([states.get(name, np.full(shape, 3.0)) for name in table.component_names], axis=-1))
    p = [torch.full(shape, q.default, dtype=torch.float64) for q in table.parameters]
    p += [torch.tensor(inputs[name]) for name in table.input_names]
    return compile_table(table).rates(X, p, torch_namespace())[table.process_names.index(process)].numpy()


def test_every_kind_of_driver_has_forms() -> None:
    assert {name for name in RANGES if any(form.applies(driver(name)) for form in law_forms().values())} == set(RANGES)
    assert len(law_forms()) == len(list(cases()))


def test_the_page_on_the_method_lists_every_form() -> None:
    text = (Path(__file__).parents[2] / "docs" / "method.md").read_text(encoding="utf-8")
    table = text.partition("| kind | driver | factor |")[2].partition("\n\n")[0]
    named = [name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(law_forms())


@pytest.mark.parametrize(("form", "name"), list(cases()))
def test_the_table_multiplies_the_rate_by_what_the_form_says(form, name) -> None:
    x = np.linspace(*RANGES[name], 7)
    above, _, per = name.partition("/")
    law = law_of(form, name)
    table, text = patched_table(ASM1, NITRIFICATION, law, origin="somewhere")
    assert "extends: asm1" in text
    given = {above: x * 2.0, per: np.full(7, 2.0)} if per else {above: x}
    states = {k: v for k, v in given.items() if k in ASM1.component_names}
    inputs = {k: v for k, v in given.items() if k not in ASM1.component_names}
    new, old = (rates(t, states, inputs, NITRIFICATION) for t in (table, ASM1))
    np.testing.assert_allclose(new / old, form.evaluate(x, law.factors[0].values) * np.ones(7), rtol=1e-9)
    assert table.title.endswith(f"a law of {NITRIFICATION}")
    for parameter in table.parameters[len(ASM1.parameters) :]:
        assert parameter.source == "distilled from somewhere"
        assert parameter.bounds[0] > 0 or parameter.unit == "degC"


@pytest.mark.parametrize(("form", "name"), list(cases()))
def test_a_form_reads_its_own_curve_at_any_scale(form, name) -> None:
    read, x = driver(name), np.linspace(*RANGES[name], 25)
    values = true_values(form, read)
    curve = form.evaluate(x, values) * np.ones(25)
    one, other = (form.guess(x, scale * curve, np.ones(25), read) for scale in (1.0, 3.0))
    assert one.residual < 1e-6 * np.mean(curve**2)
    np.testing.assert_allclose(other.scale * form.evaluate(x, other.values), 3.0 * curve, rtol=0.02, atol=1e-3)
    if len(form.free) == 1:
        symbol = form.free[0].symbol
        assert one.values[symbol] == pytest.approx(values[symbol], rel=0.01)


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("monod", "S_ALK", {"K": 0.5}),
        ("inhibition", "S_ALK", {"K_I": 3.0}),
        ("haldane", "S_ALK", {"K": 1.0, "K_I": 1.5}),
        ("hill", "S_ALK", {"K": 1.0}),
        ("heat_collapse", "T", {"T_c": 20.0, "T_w": 1.0}),
        ("load_capacity", "load.COD", {"L_c": 7e5}),
        ("surface_limited", "X_S/X_BH", {"K": 0.05}),
    ],
)
def test_the_form_that_made_a_noisy_curve_comes_first(kind, name, values) -> None:
    x, rng = np.linspace(*RANGES[name], 30), np.random.default_rng(3)
    curve = 1.3 * law_forms()[kind].evaluate(x, values) + 0.01 * rng.normal(size=30)
    found = rank_laws(x, curve, np.ones(30), name, ASM1)
    assert found[0].kind == kind
    assert [law.score for law in found] == sorted(law.score for law in found)
    for symbol, value in values.items():
        assert found[0].factors[0].values[symbol] == pytest.approx(value, rel=0.15)


def test_points_without_weight_do_not_pull() -> None:
    x = np.linspace(0.2, 5.0, 30)
    curve = x / (0.5 + x)
    curve[20:] = 0.2
    weight = np.where(np.arange(30) < 20, 1.0, 1e-9)
    found = rank_laws(x, curve, weight, "S_ALK", ASM1)[0]
    assert found.kind == "monod"
    assert found.factors[0].values["K"] == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("name", ["time_of_day", "clock.sin", "air", "TSS", "S_ALK/nothing", "here.volume"])
def test_what_no_rate_can_read_has_no_law(name) -> None:
    x = np.linspace(0.0, 24.0, 20)
    assert rank_laws(x, 1.0 + 0.1 * x, np.ones(20), name, ASM1) == []


def test_a_driver_that_does_not_vary_and_a_curve_of_three_points_have_no_law() -> None:
    assert rank_laws(np.full(20, 2.0), np.linspace(0.9, 1.1, 20), np.ones(20), "S_ALK", ASM1) == []
    assert rank_laws(np.linspace(1, 2, 3), np.ones(3), np.ones(3), "S_ALK", ASM1) == []


def test_a_product_reads_two_drivers() -> None:
    x, T = np.linspace(0.2, 5.0, 30), np.linspace(8.0, 24.0, 30)
    one = rank_laws(x, x / (0.5 + x), np.ones(30), "S_ALK", ASM1)
    other = rank_laws(T, 1 / (1 + np.exp(T - 20.0)), np.ones(30), "T", ASM1)
    both = product_law(one, other)
    assert both is not None
    assert both.kind == "monod * heat_collapse"
    table, _ = patched_table(ASM1, NITRIFICATION, both, origin="somewhere")
    new, old = (rates(t, {"S_ALK": x}, {"T": T}, NITRIFICATION) for t in (table, ASM1))
    np.testing.assert_allclose(new / old, both.evaluate(x, T), rtol=1e-9)
    assert product_law(one, one) is None
    assert product_law(one, []) is None


def test_a_second_law_has_names_of_its_own_and_the_whole_table(tmp_path) -> None:
    law = law_of(law_forms()["monod"], "S_ALK", {"K": 0.5})
    first, _ = patched_table(ASM1, NITRIFICATION, law, origin="a")
    second, text = patched_table(first, NITRIFICATION, law, origin="b")
    assert second.parameter_names[-2:] == ("K_ALK_aut", "K_ALK_aut_2")
    assert "extends" not in text
    (tmp_path / "kinetics.yaml").write_text(text, encoding="utf-8")
    again = load_table(tmp_path / "kinetics.yaml")
    assert again.parameter_names == second.parameter_names
    assert again.processes[2].rate.text == second.processes[2].rate.text
    rate = next(p.rate.text for p in again.processes if p.name == NITRIFICATION)
    assert rate.endswith("X_BA * monod(S_ALK, K_ALK_aut) * monod(S_ALK, K_ALK_aut_2)")


def test_a_rate_that_is_a_sum_is_multiplied_as_a_whole() -> None:
    text = 'name: two\nextends: asm1\nprocesses: {decay_heterotrophs: {rate: "b_H * X_BH + b_A * X_BA"}}\n'
    base = parse_table(text, "two.yaml")
    law = law_of(law_forms()["load_increase"], "load.COD")
    table, _ = patched_table(base, "decay_heterotrophs", law, origin="a")
    rate = next(p.rate.text for p in table.processes if p.name == "decay_heterotrophs")
    assert rate.startswith("(b_H * X_BH + b_A * X_BA) * f_het * (1 + ")


def test_what_takes_up_the_scale_belongs_to_the_rate_alone_or_is_made() -> None:
    assert scaling_parameter(ASM1, NITRIFICATION) == "mu_A"
    assert scaling_parameter(ASM1, "anoxic_growth_heterotrophs") == "eta_g"
    assert scaling_parameter(ASM1, "aerobic_growth_heterotrophs") is None
    assert scaling_parameter(ASM1, "aerobic_growth_heterotrophs", ["mu_H"]) == "mu_H"
    law = law_of(law_forms()["monod"], "S_ALK", {"K": 0.5})
    names = law_names(ASM1, "aerobic_growth_heterotrophs", law)
    assert names.scale == "f_het"
    assert expression_of(law, names) == "f_het * monod(S_ALK, K_ALK_het)"
    table, _ = patched_table(ASM1, "aerobic_growth_heterotrophs", law, origin="a", own_scale=1.5)
    assert (table.parameters[-1].name, table.parameters[-1].default) == ("f_het", 1.5)


def test_it_is_said_what_the_rate_has_already() -> None:
    monod, heat = law_forms()["monod"], law_forms()["heat_collapse"]
    read = driver_of(ASM1, "S_O", np.linspace(0.1, 2.0, 20), np.ones(20))
    assert read is not None
    again = repeated(ASM1, NITRIFICATION, Law((Factor(monod, read, {"K": 0.4}),), 1.0, 0.0, 0.0))
    assert again == [f"The rate of {NITRIFICATION} already has monod(S_O, K_OA); the law by S_O comes on top of it."]
    assert any("mu_A already follows temperature" in text for text in repeated(ASM1, NITRIFICATION, law_of(heat, "T")))
    assert repeated(ASM1, NITRIFICATION, law_of(monod, "S_ALK")) == []


def test_an_unknown_process_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="aerobic_growth_autotrophs"):
        patched_table(ASM1, "aerobic_growth_autotroph", law_of(law_forms()["monod"], "S_ALK"), origin="a")
