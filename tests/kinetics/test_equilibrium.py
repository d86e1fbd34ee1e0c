"""The section equilibrium of a table: what it reads, what it refuses, and what rates get from it."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from kinetics_tools import NUMPY
from scipy.optimize import brentq

from asm_hybrid.errors import InputError
from asm_hybrid.export.workbook.formulas import FormulaWriter
from asm_hybrid.kinetics import check_factored, compile_table, load_table, parse_table
from asm_hybrid.kinetics.acids import ACIDS, WATER
from asm_hybrid.kinetics.document import document_table, table_record
from asm_hybrid.plant import torch_namespace

TORCH = torch_namespace()
TEXT = """\
name: waters
continuity: {materials: [N, C, P, charge]}
components:
  S_NH: {unit: g N/m3, phase: soluble, composition: {N: 1, charge: 1/14}}
  S_NO: {unit: g N/m3, phase: soluble, composition: {N: 1, charge: -1/14}}
  S_IC: {unit: g C/m3, phase: soluble, composition: {C: 1}}
  S_PO: {unit: g P/m3, phase: soluble, composition: {P: 1, charge: -1.5/31}}
  S_ALK: {unit: mol/m3, phase: soluble, composition: {charge: -1}}
parameters:
  k: {default: 2, unit: 1/d, bounds: [0.1, 5], source: none}
  K: {default: 0.01, unit: g N/m3, bounds: [0.001, 1], source: none}
  K_H: {default: 1e-4, unit: mol/m3, bounds: [1e-6, 1e-2], source: none}
  K_S: {default: 1e-4, unit: mol/m3, T_ref: 20, theta: 1.02, bounds: [1e-6, 1e-2], source: none}
equilibrium:
  alkalinity: S_ALK
  acids:
    ammonium: {total: S_NH, species: {S_NH3: NH3}}
    carbonate: {total: S_IC, species: {S_CO2: CO2, S_CO3: CO3}}
    phosphate: {total: S_PO}
processes:
  oxidation:
    rate: k * monod(S_NH3, K + S_NH3**2 / K) * inhibition(S_H, K_H) * S_NH
    stoichiometry: {S_NH: -1, S_NO: 1, S_ALK: "?"}
  escape: {rate: k * S_CO2, stoichiometry: {S_IC: -1}, exchanges: [C]}
  acid: {rate: "k * S_NO * max(0, 8 - pH)", stoichiometry: {S_NO: -1, S_NH: 1, S_ALK: "?"}}
"""


def water(table, rng, n):
    """Draw waters with a pH somewhere near 5 to 9, as columns."""
    ranges = {"S_NH": (1, 60), "S_NO": (0, 30), "S_IC": (40, 150), "S_PO": (0, 10), "S_ALK": (1, 9)}
    return np.column_stack([rng.uniform(*ranges[name], n) for name in table.component_names])


def arguments(table, T):
    """Return parameters at a temperature, and that behind them."""
    return [p.default * (p.theta or 1.0) ** (T - (p.T_ref or 0.0)) for p in table.parameters] + [T]


def test_the_quantities_of_a_table():
    table = parse_table(TEXT, "waters.yaml")
    assert table.quantity_names == ("pH", "S_H", "S_NH3", "S_CO2", "S_CO3")
    assert table.units["pH"] == "-"
    assert (table.units["S_H"], table.units["S_NH3"], table.units["S_CO3"]) == ("mol/m3", "g N/m3", "g C/m3")
    assert table.input_names == ("T",)
    assert {"plummer1982", "emerson1975", "goldberg2002"} <= {r["key"] for r in table_record(table)["references"]}


def test_the_pH_is_that_of_titrated_water():
    """Alkalinity takes water to CO2, NH4 and the charge of phosphate in the table; here all ions are written out."""
    table, T, rng = parse_table(TEXT, "waters.yaml"), 17.0, np.random.default_rng(0)
    X = water(table, rng, 20)
    pH, _, NH3, CO2, CO3 = compile_table(table).quantities(X, arguments(table, T), NUMPY)
    K = {name: [10 ** k.logarithm(T) for k in ACIDS[name].constants] for name in ACIDS}

    def shares(name, h):
        amounts = [np.prod([k / h for k in K[name][:i]]) for i in range(len(K[name]) + 1)]
        return np.array(amounts) / sum(amounts)

    for row, found, *forms in zip(X, pH, NH3, CO2, CO3, strict=True):
        NH, NO, IC, PO, ALK = row / [14, 14, 12, 31, 1] / 1000  # mol/L
        # What is neither in the table nor bicarbonate: sodium less chloride and the like.
        rest = ALK - NH + NO + 1.5 * PO

        def charges(value, rest=rest, NH=NH, NO=NO, IC=IC, PO=PO):
            h = 10.0**-value
            ammonium, carbonate, phosphate = (shares(n, h) for n in ("ammonium", "carbonate", "phosphate"))
            anions = NO + IC * (carbonate @ [0, 1, 2]) + PO * (phosphate @ [0, 1, 2, 3]) + 10 ** WATER.logarithm(T) / h
            return rest + NH * ammonium[0] + h - anions

        expected = brentq(charges, 0, 14, xtol=1e-12)
        assert found == pytest.approx(expected, abs=1e-8)
        h = 10.0**-expected
        given = [row[0] * shares("ammonium", h)[1], *(row[2] * shares("carbonate", h)[[0, 2]])]
        assert forms == pytest.approx(given, rel=1e-6)


def test_nitrate_by_nitric_acid_takes_alkalinity_and_not_twice():
    """1 mol of nitric acid lowers alkalinity by 1 mol; 1 mol of sodium nitrate leaves the pH as it is."""
    table = parse_table(TEXT, "waters.yaml")
    base = np.array([10.0, 0.0, 80.0, 3.0, 6.0])
    salt, acid = base + np.array([0, 14, 0, 0, 0]), base + np.array([0, 14, 0, 0, -1])
    pH = compile_table(table).quantities(np.stack([base, salt, acid]), arguments(table, 20.0), NUMPY)[0]
    assert pH[0] == pH[1]
    assert pH[2] < pH[0] - 0.1


def test_ions_instead_of_alkalinity_give_the_same_pH():
    text = TEXT.replace("  alkalinity: S_ALK\n", "  ions: [S_NO, S_ALK]\n")
    by_ions = parse_table(text.replace("composition: {charge: -1}", "composition: {charge: 1}"), "ions.yaml")
    by_alkalinity = parse_table(TEXT, "waters.yaml")
    X = water(by_alkalinity, np.random.default_rng(1), 10)
    sodium = X.copy()
    sodium[:, 4] = X[:, 4] - X[:, 0] / 14 + X[:, 1] / 14 + 1.5 * X[:, 3] / 31
    kept = sodium[:, 4] > 0
    pH = [
        compile_table(t).quantities(x[kept], arguments(t, 12.0), NUMPY)[0]
        for t, x in ((by_alkalinity, X), (by_ions, sodium))
    ]
    assert kept.sum() > 5
    assert pH[0] == pytest.approx(pH[1], abs=1e-10)


def test_slopes_of_rates_go_through_the_pH():
    table, rng = parse_table(TEXT, "waters.yaml"), np.random.default_rng(4)
    X = torch.tensor(water(table, rng, 30))
    X[:3, 4] = torch.tensor([-0.02, -0.1, -0.5])  # an alkalinity may be below zero, and counts as it is
    p, kinetics = [torch.tensor([v], dtype=torch.float64) for v in arguments(table, 14.0)], compile_table(table)
    expected = torch.autograd.functional.jacobian(lambda x: torch.stack(kinetics.rates(x, p, TORCH), -1).sum(0), X)
    rows = kinetics.rate_jacobian(X, p, TORCH)
    found = torch.stack([torch.stack([X[:, 0] * 0 if v is None else v + 0 * X[:, 0] for v in r], -1) for r in rows])
    torch.testing.assert_close(found, expected.movedim(1, 1), rtol=1e-8, atol=1e-10)
    assert (found[0, :3, 4].abs() > 0).all()


def test_kinetics_with_a_pH_are_pickled_as_source():
    table = parse_table(TEXT, "waters.yaml")
    kinetics = compile_table(table)
    again, X = pickle.loads(pickle.dumps(kinetics)), water(table, np.random.default_rng(0), 3)
    p = arguments(table, 20.0)
    assert np.array_equal(again.rates(X, p, NUMPY), kinetics.rates(X, p, NUMPY))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  alkalinity: S_ALK\n", "", "neither alkalinity nor ions"),
        ("  alkalinity: S_ALK\n", "  alkalinity: S_ALK\n  ions: [S_NO]\n", "both alkalinity and ions"),
        ("alkalinity: S_ALK", "alkalinity: S_ALC", "'S_ALC' is not a component"),
        ("alkalinity: S_ALK", "alkalinity: S_IC", "S_IC holds no charge"),
        ("  alkalinity: S_ALK\n", "  ions: [S_NO, S_NO]\n", "counted twice"),
        ("  alkalinity: S_ALK\n", "  ions: S_NO\n", "stands here"),
        ("    ammonium: {total: S_NH,", "    amonium: {total: S_NH,", "'forms' is missing"),
        ("total: S_NH,", "total: S_NH4,", "'S_NH4' is not a component"),
        ("total: S_PO", "total: S_NH", "counted twice"),
        ("total: S_PO", "total: S_PO, molar_mass: 95", "the charge -4.597"),
        ("total: S_PO", "total: S_PO, molar_mass: 0", "the molar mass is 0"),
        ("total: S_PO", "total: S_NO", "it is not known how much a mole is"),
        ("{S_NH3: NH3}", "{S_NH3: NH2}", "'NH2' is no form of ammonium"),
        ("{S_NH3: NH3}", "{S_NO: NH3}", "the name 'S_NO' is taken"),
        ("{S_NH3: NH3}", "{S_CO2: NH3}", "the name 'S_CO2' is taken"),
        ("{S_NH3: NH3}", "{pH: NH3}", "the name 'pH' is taken"),
        ("{S_NH3: NH3}", "{S_NH3: NH3}, constants: [K]", "the constant K is in g N/m3"),
        ("{S_NH3: NH3}", "{S_NH3: NH3}, constants: [K_H, K_S]", "stands here"),
        ("{S_NH3: NH3}", "{S_NH3: NH3}, constants: [S_NH]", "is a component"),
        ("{total: S_PO}", "{total: S_PO, pK: 7}", "'pK' is not known"),
        ("  k: {", "  pH: {default: 7, unit: '-', bounds: [6, 8], source: none}\n  k: {", "the name 'pH' is taken"),
        ("monod(S_NH3, K", "monod(S_NH4, K", "'S_NH4' is not known"),
        ("monod(S_NH3, K +", "monod(S_CO2, K +", "is in g C/m3"),
        ("max(0, 8 - pH)", "S_H / S_NH3", "which may be zero"),
    ],
)  # fmt: skip
def test_what_is_refused(old, new, words):
    assert old in TEXT
    with pytest.raises(InputError, match=words) as caught:
        parse_table(TEXT.replace(old, new), "waters.yaml")
    assert str(caught.value.where).startswith("waters.yaml:")
    assert caught.value.expected


def test_a_table_without_charge_is_refused():
    text = TEXT.replace("[N, C, P, charge]", "[N, C, P]").replace(', S_ALK: "?"', "")
    for part in (", charge: 1/14", ", charge: -1/14", ", charge: -1.5/31", ", composition: {charge: -1}"):
        text = text.replace(part, "")
    with pytest.raises(InputError, match="no component of the table holds charge"):
        parse_table(text, "waters.yaml")


def test_an_acid_of_ones_own():
    text = TEXT.replace(
        "    phosphate: {total: S_PO}\n",
        "    sulfide: {total: S_PO, molar_mass: 31, charge: -1, forms: [HX, X], constants: [K_S], species: {S_X: X}}\n",
    )
    table = parse_table(text, "own.yaml")
    assert "S_X" in table.quantity_names
    with pytest.raises(InputError, match="a constant of the equilibrium"):
        check_factored(table, "K_S")
    X, p = water(table, np.random.default_rng(7), 5), arguments(table, 20.0)
    _, h, *_, S_X = compile_table(table).quantities(X, p, NUMPY)
    assert pytest.approx(X[:, 3] * p[3] / (p[3] + h), rel=1e-12) == S_X


def test_forms_keep_their_names_when_a_table_is_extended(tmp_path):
    (tmp_path / "waters.yaml").write_text(TEXT, encoding="utf-8")
    text = 'name: more\nextends: waters.yaml\nprocesses:\n  escape: {rate: "k * S_CO2 * inhibition(S_H, K_H)"}\n'
    table = parse_table(text, tmp_path / "more.yaml")
    assert table.quantity_names == ("pH", "S_H", "S_NH3", "S_CO2", "S_CO3")


@pytest.mark.parametrize("form", ["text", "markdown", "html", "latex", "json"])
def test_documents_tell_of_the_equilibrium(form):
    text = document_table(load_table("asm1_2n_ph"), form)
    assert "equilibrium" in text.lower()
    assert "S_HNO2" in text.replace(r"\_", "_")
    assert "plummer1982" in text.lower() or "Plummer" in text


def test_asm1_2n_at_the_pH_that_it_supposes():
    """At pH 7 the rates of asm1_2n_ph are those of asm1_2n, with which it shares all but carbon."""
    plain, with_pH = load_table("asm1_2n"), load_table("asm1_2n_ph")
    rng, T = np.random.default_rng(8), 15.0
    x = dict(zip(plain.component_names, 10.0 ** rng.uniform(-1, 2, len(plain.components)), strict=True)) | {
        "S_ALK": 5.0
    }
    kinetics, p = compile_table(with_pH), [*arguments(with_pH, T), 1.0]

    def pH(carbon):
        X = np.array([[(x | {"S_IC": carbon})[n] for n in with_pH.component_names]])
        return float(kinetics.quantities(X, p, NUMPY)[0][0])

    carbon = brentq(lambda c: pH(c) - 7.0, 50, 150, xtol=1e-13)
    X = np.array([[(x | {"S_IC": carbon})[n] for n in with_pH.component_names]])
    found = dict(zip(with_pH.process_names, kinetics.rates(X, p, NUMPY), strict=True))
    own = compile_table(plain).rates(X[:, : len(plain.components)], arguments(plain, T)[:-1], NUMPY)
    for name, expected in zip(plain.process_names, own, strict=True):
        assert found[name] == pytest.approx(expected, rel=1e-9), name


def test_a_workbook_says_what_it_cannot_hold():
    table = load_table("asm1_2n_ph")
    rate = table.processes[table.process_names.index("growth_nitrite_oxidisers")].rate.value
    writer = FormulaWriter(
        {name: name for name in (*table.parameter_names, *table.input_names, *table.component_names)}
    )
    with pytest.raises(InputError, match=r"it reads S_(HNO2|NH3), which follows from a charge balance") as caught:
        writer.formula(rate, "the rate of growth_nitrite_oxidisers")
    assert "another format" in str(caught.value.fix)
