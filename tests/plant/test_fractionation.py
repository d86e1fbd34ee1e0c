"""Measured sums to components and back: closed sums, published sewages, and no negative component unsaid."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import compile_table, load_table
from asm_hybrid.plant import torch_namespace
from asm_hybrid.plant.families import COD_FRACTIONS, FAMILIES, FRACTIONS, SUMS
from asm_hybrid.plant.fractionation import find_family, make_fractionation

SHARED = Path(__file__).parents[2].parent / "shared"
NAMES = {"asm1": "ASM1", "asm1_2n": "ASM1", "asm1_bsm": "ASM1", "asm2d": "ASM2d", "asm3": "ASM3"}
TABLES = {name: load_table(name) for name in NAMES}
CLOSED = {"ASM1": ("COD", "TKN", "S_NH"), "ASM2d": ("COD", "TKN", "TP"), "ASM3": ("COD", "TKN")}
"""What determines every component, and is found again."""

tables = st.sampled_from(sorted(TABLES))
kinds = st.sampled_from(sorted(FRACTIONS))
scalings = st.sampled_from(["check", "scale"])


def made(name="asm1", given=("COD", "TKN", "S_NH"), tss="check", parameters=None, **fractions):
    shares = {**FRACTIONS["raw"], **fractions}
    return make_fractionation(TABLES[name], parameters or {}, shares, given, tss)


def arrays(**values):
    return {name: np.atleast_1d(np.asarray(value, dtype=float)) for name, value in values.items()}


def errors(fractionation, measured):
    split = fractionation.split(measured)
    return [p for p in fractionation.problems(measured, split) if p.severity == "error"]


@st.composite
def sewages(draw):
    """Draw the sums of a sewage; solids at 0.75 g TSS/g COD leave 0.13 or more of COD dissolved."""
    length = draw(st.integers(1, 4))

    def series(low, high):
        return np.array(draw(st.lists(st.floats(low, high), min_size=length, max_size=length)))

    cod = series(50, 2000)
    tkn = cod * series(0.06, 0.2)
    return {
        "COD": cod,
        "TKN": tkn,
        "TP": cod * series(0.015, 0.05),
        "TSS": cod * series(0.2, 0.65),
        "S_NH": tkn * series(0.2, 0.7),
        "S_NH4": tkn * series(0.2, 0.7),
        "S_PO4": cod * series(0.001, 0.004),
        "S_ALK": series(2, 12),
    }


@given(tables, kinds, scalings, sewages())
@settings(max_examples=150, deadline=None)
def test_plausible_sewage_gives_components_whose_sums_are_those_measured(name, kind, tss, sewage):
    names = (*CLOSED[NAMES[name]], "S_ALK", *(("TSS",) if tss == "scale" else ()))
    fractionation = make_fractionation(TABLES[name], {}, FRACTIONS[kind], names, tss)
    measured = {n: sewage[n] for n in names}
    split = fractionation.split(measured)
    assert set(split.components) == set(TABLES[name].component_names)
    if tss == "check":
        assert all((values >= 0).all() for values in split.components.values())
        assert fractionation.problems(measured, split) == []
    back = fractionation.sums(split.components) | dict(split.components)
    for n in names:
        np.testing.assert_allclose(back[n], measured[n], rtol=1e-12)


@given(tables, kinds, scalings, st.lists(st.floats(0, 500), min_size=8, max_size=8), st.sets(st.integers(0, 7)))
@settings(max_examples=300, deadline=None)
def test_no_component_is_negative_unless_an_error_says_so(name, kind, tss, values, chosen):
    family = find_family(TABLES[name])
    pool = ["COD", "TKN", "TSS", family.ammonium, "TP", family.phosphate, "X_BA", "X_PAO"]
    known = {*family.sums, *TABLES[name].component_names}
    measured = arrays(**{pool[i]: values[i] for i in chosen if pool[i] in known})
    try:
        fractionation = make_fractionation(TABLES[name], {}, FRACTIONS[kind], measured, tss)
    except InputError:
        return
    split = fractionation.split(measured)
    negative = [n for n, v in split.components.items() if (v < 0).any()]
    if negative:
        assert errors(fractionation, measured)


@given(kinds, st.lists(st.floats(1, 300), min_size=8, max_size=8))
@settings(max_examples=50, deadline=None)
def test_components_are_found_again_from_their_sums_and_their_own_shares(kind, values):
    names = ("S_I", "S_S", "X_I", "X_S", "X_BH", "S_NH", "S_ND", "X_ND")
    X = arrays(**dict(zip(names, values, strict=True)))
    cod, organic = sum(values[:5]), values[6] + values[7]
    shares = dict(zip(("f_SI", "f_SS", "f_XI", "f_XS", "f_XH"), (v / cod for v in values[:5]), strict=True))
    fractionation = made(**shares, f_SND=values[6] / organic)
    sums = fractionation.sums(X)
    split = fractionation.split({"COD": sums["COD"], "TKN": sums["TKN"], "S_NH": X["S_NH"]})
    for name in names:
        np.testing.assert_allclose(split.components[name], X[name], rtol=1e-9)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_sums_are_the_composites_of_the_generated_code(name):
    table, xp = TABLES[name], torch_namespace()
    p = [torch.tensor(q.default, dtype=torch.float64) for q in table.parameters]
    X = np.random.default_rng(1).uniform(1, 100, len(table.components))
    family = find_family(table)
    fractionation = make_fractionation(table, {}, FRACTIONS["raw"], ("COD", "TKN", "TP", family.ammonium), "check")
    found = fractionation.sums(dict(zip(table.component_names, X, strict=True)))
    assert set(found) == set(family.sums)
    for sum_name, value in found.items():
        weights = np.array([float(w) for w in compile_table(table).composite(sum_name, p, xp)])
        assert value == pytest.approx(float(weights @ X), rel=1e-13)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_component_of_a_shipped_table_is_given_computed_or_absent(name):
    family = find_family(TABLES[name])
    assert family.name == NAMES[name]
    assert {*family.needed, "S_ALK"} <= set(TABLES[name].component_names) <= {*family.needed, *family.absent, "S_ALK"}


def test_every_absent_component_is_one_of_a_shipped_table():
    for family in FAMILIES:
        names = [set(TABLES[n].component_names) for n in TABLES if NAMES[n] == family.name]
        assert not names or set(family.absent) <= set.union(*names)


def test_sewage_has_none_of_what_two_step_nitrification_adds():
    X = made("asm1_2n").split(arrays(COD=500, TKN=50, S_NH=30)).components
    one_step = made().split(arrays(COD=500, TKN=50, S_NH=30)).components
    new = {"X_BA1", "X_BA2", "S_NO3", "S_NO2", "S_NO1", "S_N2O"}
    assert set(X) - set(one_step) == new
    assert all((X[name] == 0).all() for name in new)
    assert all(X[name] == one_step[name] for name in set(X) & set(one_step))


def test_nitrogen_of_asm1_by_hand():
    """COD 500, TKN 50, NH4 30: bound 0.086·43 + 0.06·78 = 8.378, so that 11.622 are left."""
    X = made().split(arrays(COD=500, TKN=50, S_NH=30)).components
    assert X["X_BH"] == pytest.approx(43.0)
    assert X["X_I"] == pytest.approx(78.0)
    assert X["S_ND"] == pytest.approx(0.26 * 11.622)
    assert X["X_ND"] == pytest.approx(0.74 * 11.622)


def test_nutrients_of_asm2d_by_hand():
    """COD 500: N 0.01·23 + 0.03·29.4 + 0.02·78 + 0.04·307 + 0.07·43, P 0.01·(29.4 + 78 + 307) + 0.02·43."""
    X = made("asm2d", ("COD", "TKN", "TP")).split(arrays(COD=500, TKN=50, TP=10)).components
    assert X["S_A"] == pytest.approx(19.6)
    assert X["S_NH4"] == pytest.approx(50 - (0.23 + 0.882 + 1.56 + 12.28 + 3.01))
    assert X["S_PO4"] == pytest.approx(10 - (4.144 + 0.86))


def test_nitrogen_of_asm3_by_hand():
    """COD 500: N 0.01·23 + 0.03·49 + 0.02·78 + 0.04·307 + 0.07·43, and nothing stored."""
    fractionation = made("asm3", ("COD", "TKN"))
    X = fractionation.split(arrays(COD=500, TKN=50)).components
    assert X["S_S"] == pytest.approx(49.0)
    assert X["S_NH4"] == pytest.approx(50 - (0.23 + 1.47 + 1.56 + 12.28 + 3.01))
    assert X["X_STO"] == X["X_A"] == X["S_NOX"] == 0
    assert fractionation.sums(X)["TSS"] == pytest.approx(0.75 * (78 + 307) + 0.9 * 43)
    assert "TP" not in fractionation.sums(X)


def test_parameters_of_the_config_change_what_is_bound():
    X = made(parameters={"i_XB": 0.0, "i_XP": 0.0}).split(arrays(COD=500, TKN=50, S_NH=30)).components
    assert X["S_ND"] + X["X_ND"] == pytest.approx(20.0)


def test_ammonium_as_a_share_of_nitrogen():
    from_tkn = made(given=("COD", "TKN"), f_SNH=0.6).split(arrays(COD=500, TKN=50)).components
    from_ammonium = made(given=("COD", "S_NH"), f_SNH=0.6).split(arrays(COD=500, S_NH=30)).components
    assert from_tkn["S_NH"] == pytest.approx(30.0)
    for name in from_tkn:
        assert from_ammonium[name] == pytest.approx(from_tkn[name])


def test_components_given_by_themselves_are_kept_and_count_in_the_sums():
    names = ("COD", "TKN", "S_NH", "X_BA", "S_ND", "S_NO")
    fractionation = made(given=names)
    measured = arrays(COD=500, TKN=50, S_NH=30, X_BA=20, S_ND=2, S_NO=1)
    X = fractionation.split(measured).components
    assert (X["X_BA"], X["S_ND"], X["S_NO"]) == (20.0, 2.0, 1.0)
    assert X["X_S"] == pytest.approx(0.614 * 480)
    assert fractionation.sums(X)["COD"] == pytest.approx(500, rel=1e-13)
    assert fractionation.sums(X)["TKN"] == pytest.approx(50, rel=1e-13)
    assert fractionation.absent == ("X_P", "S_O", "S_N2")


def test_tss_sets_particulate_cod_in_the_proportions_of_the_fractions():
    fractionation = made(given=("COD", "TKN", "S_NH", "TSS"), tss="scale")
    X = fractionation.split(arrays(COD=500, TKN=50, S_NH=30, TSS=240)).components
    assert X["X_I"] + X["X_S"] + X["X_BH"] == pytest.approx(240 / 0.75)
    assert X["X_I"] / X["X_S"] == pytest.approx(0.156 / 0.614)
    assert X["S_I"] == pytest.approx(0.046 * 500)
    assert X["S_S"] == pytest.approx(500 - 320 - 23)


def test_sewage_without_matter():
    measured = arrays(COD=[0, 0], TKN=[0, 40], S_NH=[0, 30])
    fractionation = made()
    assert errors(fractionation, measured) == []
    assert fractionation.split(measured).components["S_ND"] == pytest.approx([0, 2.6])


def reference_sewage():
    path = SHARED / "reference" / "bsm1.json"
    if not path.is_file():
        pytest.skip("the reference values of BSM1 are not at hand")
    names = {"SI": "S_I", "SS": "S_S", "XI": "X_I", "XS": "X_S", "XBH": "X_BH", "SNH": "S_NH", "SND": "S_ND"}
    names |= {"XND": "X_ND"}
    given = json.loads(path.read_text(encoding="utf-8"))["constant_influent"]
    return {name: np.array([given[key]]) for key, name in names.items()}


def test_settled_sewage_is_that_of_bsm1():
    X = reference_sewage()
    fractionation = make_fractionation(TABLES["asm1_bsm"], {}, FRACTIONS["settled"], ("COD", "TKN", "S_NH"))
    sums = fractionation.sums(X)
    assert sums["COD"] == pytest.approx(381.19)
    assert sums["TSS"] == pytest.approx(211.2675)
    found = fractionation.split({"COD": sums["COD"], "TKN": sums["TKN"], "S_NH": X["S_NH"]}).components
    for name, values in X.items():
        assert found[name] == pytest.approx(values, rel=1e-3), name


def test_raw_sewage_is_that_of_bsm2():
    path = SHARED / "data" / "bsm" / "dyninfluent_bsm2_609d.csv.gz"
    if not path.is_file():
        pytest.skip("the influent of BSM2 is not at hand")
    series = pd.read_csv(path, header=None).to_numpy(dtype=float)
    load = (series * series[:, [15]]).mean(axis=0)
    raw, cod = FRACTIONS["raw"], load[1:8].sum()
    for name, column in {"f_SI": 1, "f_SS": 2, "f_XI": 3, "f_XS": 4, "f_XH": 5}.items():
        assert raw[name] == round(load[column] / cod, 3), name
    assert raw["f_SND"] == round(load[11] / (load[11] + load[12]), 2)


@pytest.mark.parametrize("kind", FRACTIONS)
def test_default_fractions_are_shares_that_add_to_one(kind):
    shares = FRACTIONS[kind]
    assert sum(shares[name] for name in COD_FRACTIONS) == pytest.approx(1, abs=1e-12)
    assert all(0 <= share <= 1 for share in shares.values())
    assert {name for family in FAMILIES for name in family.fractions} == set(shares)


REFUSED = [
    # what is given; further arguments; words of the message
    (("TKN", "S_NH"), {}, ["lacks COD", "as: influent.COD"]),
    (("COD",), {}, ["lacks TKN and S_NH"]),
    (("COD", "TKN"), {}, ["lacks S_NH", "S_ND and X_ND are not determined", "f_SNH"]),
    (("COD", "S_NH"), {}, ["lacks TKN", "f_SNH"]),
    (("COD", "TKN", "S_NH"), {"f_SNH": 0.6}, ["f_SNH is given, and TKN and S_NH are both given", "remove f_SNH"]),
    (("COD", "TKN", "S_NH", "S_ND", "X_ND"), {"f_SNH": 0.6}, ["nothing in ASM1 needs it"]),
    (("COD", "TKN", "S_NH", "S_I"), {}, ["S_I is given twice: directly, and as a share of COD", "f_SI"]),
    (("TKN", "S_NH", "S_I"), {}, ["lacks COD"]),
    (("COD", "TKN", "S_NH"), {"tss": "scale"}, ["lacks TSS"]),
    (
        ("COD", "TKN", "S_NH", "TSS"),
        {"tss": "scale", "f_SS": 0.0},
        ["particulate fractions of COD add to 0.954, and f_SS is 0", "tss: check"],
    ),
]


@pytest.mark.parametrize(("names", "more", "words"), REFUSED)
def test_what_does_not_determine_the_components_is_refused(names, more, words):
    with pytest.raises(InputError) as caught:
        made(given=names, **more)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.expected
    assert caught.value.fix


@pytest.mark.parametrize("shares", [{"f_SI": -0.1}, {"f_SA": 1.1}, {"f_SI": 0.5, "f_SS": 0.6}])
def test_fractions_that_are_no_shares_are_refused(shares):
    with pytest.raises(InputError, match="the fractions are f_SI"):
        made(**shares)


def test_all_components_may_be_given_by_themselves():
    names = ("S_I", "S_S", "X_I", "X_S", "X_BH", "S_NH", "S_ND", "X_ND")
    assert made(given=names).computed == ()
    assert made(given=(*names[:5], "TKN", "S_NH")).computed == ("S_ND", "X_ND")


def test_tables_of_other_models_are_refused():
    with pytest.raises(InputError, match="lotka_volterra cannot be fractionated") as caught:
        find_family(load_table("lotka_volterra"))
    for family in FAMILIES:
        assert family.name in caught.value.expected


WRONG = [
    (arrays(COD=500, TKN=[50, 20], S_NH=30), ["S_NH is above TKN", "mg NH4/L is not mg N/L"], [20.0, -10.0]),
    (arrays(COD=500, TKN=[50, 35], S_NH=30), ["S_ND and X_ND would be negative", "X_I, X_BH"], [11.622, -3.378]),
]


@pytest.mark.parametrize(("measured", "words", "amount"), WRONG)
def test_negative_components_are_named_with_their_cause(measured, words, amount):
    (problem,) = errors(made(), measured)
    for word in words:
        assert word in problem.found + problem.fix
    np.testing.assert_allclose(problem.amount, amount)
    assert set(problem.measured) <= {"COD", "TKN", "S_NH"}
    assert problem.expected


def test_components_that_hold_more_cod_than_was_measured():
    measured = arrays(COD=100, TKN=50, S_NH=30, X_BA=120)
    first = errors(made(given=measured), measured)[0]
    assert "S_I, S_S, X_I, X_S, X_BH would be negative: COD less that of X_BA" in first.found
    assert first.amount == pytest.approx([-20])


def test_more_solids_than_cod():
    measured = arrays(COD=300, TKN=50, S_NH=30, TSS=300)
    (problem,) = errors(made(given=measured, tss="scale"), measured)
    assert "S_S would be negative: COD less S_I and the particulate COD that TSS asks for" in problem.found
    assert problem.amount == pytest.approx([300 - 13.8 - 400])


@pytest.mark.parametrize(("tss", "far"), [(321.0, False), (280.0, True), (400.0, True)])
def test_tss_far_from_that_of_the_components_is_a_warning(tss, far):
    """COD 500 holds 0.856·500·0.75 = 321 g TSS/m3."""
    measured = arrays(COD=500, TKN=50, S_NH=30, TSS=tss)
    fractionation = made(given=measured)
    found = fractionation.problems(measured, fractionation.split(measured))
    assert [p.severity for p in found] == ["warning"] * far
    assert all("TSS of the components is 321 in the mean" in p.found and "tss: scale" in p.fix for p in found)


@pytest.mark.parametrize(
    ("phosphate", "severity", "word"),
    [
        (4.9, [], ""),
        (3.0, ["warning"], "leave out S_PO4"),
        (6.0, ["error"], "TP less that of"),
        (11.0, ["error"], "above"),
    ],
)
def test_phosphorus_that_is_measured_twice_is_checked(phosphate, severity, word):
    """TP 10 less 5.004 in the organics leaves 4.996 for phosphate."""
    measured = arrays(COD=500, TKN=50, TP=10, S_PO4=phosphate)
    fractionation = made("asm2d", measured)
    found = fractionation.problems(measured, fractionation.split(measured))
    assert [p.severity for p in found] == severity
    assert all(word in p.found + p.fix for p in found)


def test_sums_are_known_by_the_tables():
    for name, table in TABLES.items():
        assert set(find_family(table).sums) <= set(table.composites), name
        assert set(find_family(table).sums) <= set(SUMS)
