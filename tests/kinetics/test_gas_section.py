"""The section ``gases`` of kinetics tables."""

from __future__ import annotations

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table, parse_table
from asm_hybrid.kinetics.document import FORMATS, document_table

GAS = "{kla_ratio: 0.9, henry: 2.4e-4, henry_T: 2600, per_mol: 28, in_air: 3.4e-7, source: sander2023}"


def table(gases, more=""):
    return parse_table(f"name: changed\nextends: asm1\n{more}gases: {gases}\n", "changed.yaml")


def test_a_table_adds_and_drops_gases():
    assert [gas.component for gas in table(f"{{S_N2: {GAS}}}").gases] == ["S_N2"]
    assert parse_table("name: still\nextends: asm1_2n\ngases: null\n", "still.yaml").gases == ()
    one = parse_table("name: one\nextends: asm1_2n\ngases: {S_NO1: null, S_N2: {in_air: 0}}\n", "one.yaml")
    assert [(gas.component, gas.in_air) for gas in one.gases] == [("S_N2O", 3.4e-7), ("S_N2", 0.0)]
    assert load_table("asm1").gases == ()


@pytest.mark.parametrize(
    ("gases", "words"),
    [
        (f"{{S_N3: {GAS}}}", ["'S_N3' is not a component"]),
        (f"{{X_S: {GAS}}}", ["X_S is particulate", "soluble"]),
        (f"{{S_O: {GAS}}}", ["the oxygen that aeration supplies"]),
        (f"{{S_N2: {GAS.replace('kla_ratio: 0.9, ', '')}}}", ["'kla_ratio' is missing"]),
        (f"{{S_N2: {GAS.replace('0.9', '0')}}}", ["kla_ratio is 0", "above 0"]),
        (f"{{S_N2: {GAS.replace('2.4e-4', '-1')}}}", ["henry is -1", "mol/(m3 Pa)"]),
        (f"{{S_N2: {GAS.replace('3.4e-7', '1.5')}}}", ["in_air is 1.5", "from 0 to 1"]),
        (f"{{S_N2: {GAS.replace('28', 'N2')}}}", ["is not a number"]),
        (f"{{S_N2: {GAS.replace('source', 'origin')}}}", ["'origin' is not known", "source"]),
    ],
)
def test_what_is_no_gas_is_refused(gases, words):
    with pytest.raises(InputError) as caught:
        table(gases)
    for word in ["changed.yaml:3", *words]:
        assert word in str(caught.value)


def test_gases_need_the_oxygen_whose_transfer_they_follow():
    with pytest.raises(InputError, match="names no dissolved oxygen"):
        table(f"{{S_N2: {GAS}}}", more="oxygen: null\n")


@pytest.mark.parametrize("name", FORMATS)
def test_every_document_has_the_gases(name):
    gas = GAS.replace("0.9,", "0.9175,").replace("2600", "2617")
    text = document_table(table(f"{{S_N2: {gas}}}"), name)
    assert "0.9175" in text
    assert "2617" in text
    assert "Sander" in text or name == "text"
