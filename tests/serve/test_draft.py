"""The scenario file that the page edits."""

from __future__ import annotations

from pathlib import Path

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.definition import load_scenario
from asm_hybrid.serve.draft import Draft, amount
from asm_hybrid.yamlfile import parse_yaml

FILE = """\
name: kept
zone: UTC
seed: 3
factors: {energy_price: 0.2, n2o: null}
influent: {file: data/dry.txt}
scenarios:
  a:
    - {input: Q_in, scale: 1.2, start: 3 d}
    - {input: T, set: 12 degC}
  b:
    cycles: {blower: {phases: [{duration: 60 min, set: {tank_5.kla: 150 1/d}}, {duration: 30 min}]}}
"""


def test_what_is_not_edited_is_kept(tmp_path: Path) -> None:
    draft = Draft.of(parse_yaml(FILE, "scenario.yaml"), tmp_path / "scenario.yaml")
    assert draft.put("a", "wastage", "set", 300.0)
    written = parse_yaml(draft.text(), "again.yaml").data
    given = parse_yaml(FILE, "scenario.yaml").data
    given["influent"]["file"] = str(tmp_path / "data/dry.txt")  # paths hold from the folder of the file
    assert written["scenarios"].pop("a") == {
        "changes": [*given["scenarios"].pop("a"), {"input": "wastage", "set": 300}]
    }
    assert written == given


def test_one_scenario_at_the_top_of_a_file_is_one_by_its_name() -> None:
    draft = Draft.of(parse_yaml("name: cold\nchanges: [{input: T, shift: -4}]\ndays: 3\n", "s.yaml"))
    assert draft.names == ["cold"]
    assert draft.document() == {
        "name": "cold",
        "days": 3,
        "scenarios": {"cold": {"changes": [{"input": "T", "shift": -4}]}},
    }


def test_a_control_stands_for_one_change_of_the_whole_time() -> None:
    draft = Draft()
    name = draft.add()
    assert draft.empty() == [name]
    assert draft.document() == {}  # a file has no scenario that changes nothing
    assert draft.put(name, "Q_in", "set", 2e4)
    assert not draft.put(name, "Q_in", "set", 2e4)
    draft.append(name, {"input": "Q_in", "scale": 1.5, "start": "3 d"})
    assert draft.value(name, "Q_in", "set") == 2e4
    assert draft.others(name, {"Q_in": "set"}) == [(1, {"input": "Q_in", "scale": 1.5, "start": "3 d"})]
    assert draft.put(name, "Q_in", "set", None)
    assert draft.changes(name) == [{"input": "Q_in", "scale": 1.5, "start": "3 d"}]
    assert [case.name for case in load_scenario(draft.document()).cases] == [name]


def test_names_are_those_of_a_scenario_file_and_differ() -> None:
    draft = Draft()
    first, second = draft.add(), draft.add()
    draft.put(first, "T", "set", 12.0)
    copied = draft.add(first)
    draft.put(copied, "T", "set", 10.0)
    assert draft.value(first, "T", "set") == 12.0
    assert len({first, second, copied}) == 3
    for name in ("base", second, "a b", "", "-a", "a" * 65):
        with pytest.raises(InputError):
            draft.rename(first, name)
    draft.rename(first, "colder")
    assert draft.names == ["colder", second, copied]
    draft.add()
    draft.add()
    with pytest.raises(InputError, match="5 scenarios"):
        draft.add()
    draft.remove(second)
    assert second not in draft.names


def test_settings_come_and_go() -> None:
    draft = Draft()
    assert draft.set_key(("factors", "energy_price"), 0.2)
    assert not draft.set_key(("factors", "energy_price"), 0.2)
    assert draft.settings == {"factors": {"energy_price": 0.2}}
    assert draft.set_key(("factors", "energy_price"), None)
    assert draft.settings == {}
    assert not draft.set_key(("period", "start"), None)


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12.0), (" 1e3 ", 1000.0), ("2.5 mg/L", "2.5 mg/L"), ("7 d ", "7 d"), ("nan", "nan")]
)
def test_amounts_are_numbers_or_text_with_a_unit(text: str, value: float | str) -> None:
    assert amount(text) == value
