"""The fractionation of the influent in a config: shares, what is given, and what is missing."""

import json

import pytest

from asm_hybrid.config import build_fractionation, build_layout, json_schema, load_config, load_kinetics
from asm_hybrid.errors import InputError

COMPOSITION = """    composition: {S_I: 30, S_S: 70, X_I: 50, X_S: 200, X_BH: 28, X_BA: 0, X_P: 0, S_O: 0,
      S_NO: 0, S_ND: 7, X_ND: 10, S_ALK: 7, S_N2: 0}
"""
COLUMNS = """        COD_in: {role: input, as: influent.COD, unit: mg/L}
        TKN_in: {role: input, as: influent.TKN, unit: mg N/L}
"""


@pytest.fixture
def sums(case):
    """Return the case with measured sums in place of components."""
    case.replace(COMPOSITION, "    fractionation: {type: raw}\n    composition: {S_ALK: 7}\n")
    return case.replace("        DO: {", COLUMNS + "        DO: {")


def fractionation(case):
    config = case.load()
    table = load_kinetics(config)
    return build_fractionation(config, table, build_layout(config, table))


def test_columns_and_constants_give_the_sums(sums):
    found = fractionation(sums)
    assert found.family.name == "ASM1"
    assert found.given == {"COD", "TKN", "S_NH", "S_ALK"}
    assert found.computed == ("S_I", "S_S", "X_I", "X_S", "X_BH", "S_ND", "X_ND")
    assert found.absent == ("X_BA", "X_P", "S_O", "S_NO", "S_N2")


def test_sums_may_be_constants_with_a_unit(sums):
    sums.replace(COLUMNS, "").replace("{S_ALK: 7}", "{S_ALK: 7, COD: 0.5 g COD/L, TKN: 50, X_BA: 1}")
    config = sums.load()
    layout = build_layout(config, load_kinetics(config))
    assert layout.constants["influent.COD"] == pytest.approx(500.0)
    assert layout.constants["influent.TKN"] == 50.0
    assert "influent.X_S" not in layout.constants
    assert "X_BA" not in build_fractionation(config, load_kinetics(config), layout).absent


def test_single_fractions_are_replaced_and_x_s_takes_the_rest(sums):
    section = sums.replace("{type: raw}", "{type: settled, f_SI: 0.06, f_XH: 0}").load().plant.influent.fractionation
    assert section.f_SI == 0.06
    assert section.f_SS == 0.1823
    assert section.f_XS == pytest.approx(1 - 0.06 - 0.1823 - 0.1343)
    assert section.f_SNH is None
    assert "f_SNH" not in section.shares


def test_parameters_of_the_config_reach_the_fractionation(sums):
    weights = fractionation(sums.replace("calibrate: [mu_A]", "parameters: {i_XB: 0.08}")).weights
    assert weights["TKN"]["X_BH"] == pytest.approx(0.08)


def test_a_written_config_loads_to_the_same_fractions(sums, tmp_path):
    config = sums.replace("{type: raw}", "{type: raw, f_SS: 0.15, tss: scale}").load()
    path = tmp_path / "written.yaml"
    path.write_text(config.to_yaml(tmp_path), encoding="utf-8")
    assert "f_XS: 0.562" in config.to_yaml(tmp_path)
    assert load_config(path).plant.influent == config.plant.influent


def test_schema_knows_the_fractionation():
    schema = json.loads(json.dumps(json_schema()))
    section = schema["$defs"]["FractionationSection"]
    assert section["properties"]["type"]["enum"] == ["raw", "settled"]
    assert section["required"] == ["type"]
    assert section["additionalProperties"] is False
    assert "[-]" in section["properties"]["f_SI"]["description"]


def test_without_a_fractionation_there_is_none(case):
    assert fractionation(case) is None


WRONG = [
    # what is replaced; by what; words of the message; text on the line named
    ("{type: raw}", "{type: row}", ["the value is 'row'", "did you mean 'raw'?"], "{type: row}"),
    ("{type: raw}", "{f_SI: 0.1}", ["the key 'type' is missing", "raw or settled"], "{f_SI"),
    ("{type: raw}", "{type: raw, f_S: 0.1}", ["unknown key 'f_S'", "'f_SS'"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_SI: 1.2}", ["the value is 1.2", "1.0 or below"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_SI: -0.1}", ["the value is -0.1", "0.0 or above"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_SI: big}", ["the value is 'big'", "a number"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_SI: 0.8}", ["f_SI, f_SS, f_XI and f_XH add to 1.14", "make one"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_XS: 0.5}", ["add to 0.886", "add to 1", "f_XS, which then is 0.614"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_XS: 0.7}", ["f_XS and f_XH add to 1.086"], "{type: raw"),
    ("{type: raw}", "{type: raw, f_SNH: 0.7}", ["f_SNH is given, and TKN and S_NH are both"], "{type: raw"),
    ("{type: raw}", "{type: raw, tss: scale}", ["lacks TSS"], "{type: raw"),
    ("as: influent.COD", "as: influent.CODD", ["'influent.CODD' is not an input", "'influent.COD'"], "CODD"),
    ("as: influent.TKN", "as: influent.TP", ["'influent.TP' is not an input"], "influent.TP"),
    ("as: influent.COD, unit: mg/L", "as: influent.COD, unit: mol/L", ["'COD_in'", "mol/L"], "mol/L"),
    ("as: influent.COD, unit: mg/L", "as: influent.COD, unit: mg N/L", ["different substances"], "COD_in"),
    ("{S_ALK: 7}", "{}", ["gives influent.S_ALK", "composition: {S_ALK: 0}"], "composition: {}"),
    ("{S_ALK: 7}", "{S_ALK: 7, COD: 400}", ["influent.COD is given twice"], "composition"),
    ("{S_ALK: 7}", "{S_ALK: 7, X_S: 200}", ["X_S is given twice: directly, and as a share of COD"], "fractionation"),
    ("{S_ALK: 7}", "{S_ALK: 7, TP: 8}", ["'TP' is not a component of asm1"], "composition"),
    ("        COD_in: {role: input, as: influent.COD, unit: mg/L}\n", "", ["lacks COD"], "fractionation"),
    ("        TKN_in: {role: input, as: influent.TKN, unit: mg N/L}\n", "", ["lacks TKN", "f_SNH"], "fractionation"),
    ("as: influent.S_NH", "as: influent.S_NO", ["lacks S_NH"], "fractionation"),
    ("    fractionation: {type: raw}\n", "", ["'influent.COD' is a measured sum", "type: raw"], "COD_in"),
    (
        "kinetics: asm1\n  calibrate: [mu_A]",
        "kinetics: lotka_volterra",
        ["cannot be fractionated", "ASM2d"],
        "fraction",
    ),
]


@pytest.mark.parametrize("row", WRONG, ids=lambda row: row[1].strip() or row[0].strip())
def test_mistakes_are_named_with_their_line(sums, row):
    old, new, words, at = row
    sums.replace(old, new)
    with pytest.raises(InputError) as caught:
        fractionation(sums)
    error = caught.value
    for word in words:
        assert word in str(error)
    assert error.where.startswith(f"{sums.path}:{sums.line(at)} (")
    assert error.expected or error.fix


def test_a_constant_sum_without_a_fractionation(case):
    case.replace("S_ALK: 7,", "S_ALK: 7, COD: 400,")
    with pytest.raises(InputError, match=r"composition\.COD\): COD is a measured sum") as caught:
        fractionation(case)
    assert "fractionation: {type: raw}" in caught.value.fix
