"""Tables that extend another: what is changed, added and removed, and the messages."""

from __future__ import annotations

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table, parse_table

VARIANT = """\
name: mine
extends: asm1
title: ASM1 with nitrifiers that need alkalinity
parameters:
  K_ALK: {default: 0.5, unit: mol/m3, bounds: [0.01, 2.0], source: own work, description: half-saturation}
  mu_A: {default: 0.7}
  f_BOD: null
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * monod(S_ALK, K_ALK) * X_BA
composites: {BOD5: null}
"""


def refused(tmp_path, text, words, **others):
    for name, content in others.items():
        (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words) as caught:
        load_table(path)
    return caught.value


def test_a_variant_in_ten_lines(asm1):
    table = parse_table(VARIANT, "mine.yaml")
    assert (table.name, table.title) == ("mine", "ASM1 with nitrifiers that need alkalinity")
    assert table.source == table.description == ""
    assert table.process_names == asm1.process_names
    own = {p.name: p for p in asm1.parameters}
    for parameter in table.parameters:
        if parameter.name == "mu_A":
            assert (parameter.default, parameter.theta, parameter.bounds) == (0.7, own["mu_A"].theta, (0.2, 1.5))
        elif parameter.name != "K_ALK":
            assert parameter == own[parameter.name]
    assert set(own) - {p.name for p in table.parameters} == {"f_BOD"}
    assert "K_ALK" in str(table.processes[2].rate)
    assert table.processes[2].stoichiometry["S_O"].value == asm1.processes[2].stoichiometry["S_O"].value
    assert set(asm1.composites) - set(table.composites) == {"BOD5"}


def test_components_and_processes_are_added_and_removed(tmp_path):
    text = """\
name: mine
extends: asm1
components:
  S_X: {unit: g COD/m3, phase: soluble, composition: {COD: 1}}
processes:
  hydrolysis_nitrogen: null
  release: {rate: b_H * S_X, stoichiometry: {S_X: -1, S_S: 1}}
  hydrolysis_organics: {stoichiometry: {S_S: 0.9, S_X: "?"}}
"""
    table = parse_table(text, tmp_path / "mine.yaml")
    assert table.component_names[-1] == "S_X"
    assert "hydrolysis_nitrogen" not in table.process_names
    assert table.process_names[-1] == "release"
    hydrolysis = table.processes[table.process_names.index("hydrolysis_organics")]
    assert {n: float(v.value) for n, v in hydrolysis.stoichiometry.items()} == {"S_S": 0.9, "X_S": -1, "S_X": 0.1}


def test_the_text_of_a_variant_needs_no_other_file(tmp_path):
    table = parse_table(VARIANT, "mine.yaml")
    (tmp_path / "alone.yaml").write_text(table.text, encoding="utf-8")
    again = load_table(tmp_path / "alone.yaml")
    assert again.parameters == table.parameters
    assert again.components == table.components
    assert again.processes == table.processes
    assert again.composites == table.composites
    assert "extends" not in again.text.replace("# mine.yaml, laid over asm1.yaml.", "")


def test_a_chain_of_files_beside_each_other(tmp_path):
    (tmp_path / "base.yaml").write_text(VARIANT, encoding="utf-8")
    (tmp_path / "top.yaml").write_text(
        "name: top\nextends: base.yaml\nparameters: {mu_A: {default: 0.9}}\n", encoding="utf-8"
    )
    table = load_table(tmp_path / "top.yaml")
    assert [p.default for p in table.parameters if p.name in ("mu_A", "K_ALK")] == [0.9, 0.5]
    # A change of the lower file is seen, though the upper one did not change.
    (tmp_path / "base.yaml").write_text(VARIANT.replace("default: 0.5", "default: 0.6"), encoding="utf-8")
    assert [p.default for p in load_table(tmp_path / "top.yaml").parameters if p.name == "K_ALK"] == [0.6]


def test_messages_name_the_file_and_line_that_give_the_entry(tmp_path):
    error = refused(tmp_path, VARIANT.replace("default: 0.7", "default: 7"), "outside its bounds")
    assert error.where.startswith(f"{tmp_path}/mine.yaml:6 ")
    error = refused(tmp_path, VARIANT.replace("  f_BOD: null", "  K_NH: null"), "'K_NH' is not known")
    assert error.where.startswith(f"{tmp_path}/mine.yaml:10 ")  # the rate is the variant's own
    error = refused(tmp_path, VARIANT.replace("  f_BOD: null", "  Y_H: null"), "'Y_H' is not known")
    assert "asm1.yaml:" in error.where


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (VARIANT.replace("f_BOD: null", "f_BID: null"), "'f_BID' is to be removed, and is not there"),
        (VARIANT.replace("extends: asm1", "extends: asm11"), "no kinetics table 'asm11'"),
        (VARIANT.replace("extends: asm1", "extends: other.yaml"), "does not exist"),
        (VARIANT.replace("extends: asm1", "extends: [asm1]"), "stands here"),
        (VARIANT.replace("extends: asm1", "extends: mine.yaml"), "extends itself"),
        (VARIANT.replace("name: mine\n", ""), "'name' is missing"),
        (VARIANT.replace("K_ALK: {default: 0.5, ", "K_ALK: {"), "'default' is missing"),
        (VARIANT.replace("mu_A: {default", "mu_a: {default"), "'unit' is missing|'source' is missing"),
    ],
)
def test_what_cannot_be(tmp_path, text, words):
    error = refused(tmp_path, text, words)
    assert f"{tmp_path}/mine.yaml:" in error.where
    if "f_BID" in words:
        assert "f_BOD" in error.fix


def test_a_circle_of_two_files(tmp_path):
    other = "name: other\nextends: mine.yaml\n"
    error = refused(tmp_path, "name: mine\nextends: other.yaml\n", "mine.yaml -> other.yaml -> mine.yaml", other=other)
    assert error.fix


def test_a_long_chain(tmp_path):
    chain = {f"t{i}": f"name: t{i}\nextends: t{i + 1}.yaml\n" for i in range(10)}
    refused(tmp_path, "name: mine\nextends: t0.yaml\n", "more than 8 tables", **chain)
