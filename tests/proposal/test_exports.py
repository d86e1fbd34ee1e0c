"""How many exports made like real ones end in a section that the check takes, with the zone as the only answer."""

import exports_first
import exports_fourth
import exports_second
import exports_third
import pytest
from export_score import score

import asm_hybrid as ah

FIRST_TWENTY = (*exports_first.EXPORTS, *exports_second.EXPORTS)
LEAST = 17


@pytest.mark.slow
def test_seventeen_of_twenty_exports_need_the_zone_alone_and_the_others_ask(tmp_path, capsys):
    found = {}
    for export in FIRST_TWENTY:
        folder = tmp_path / export.name
        folder.mkdir()
        found[export.name] = score(export, folder)
    rows = [f"{name:11} {'passed' if s.passed else s.wrong or 'asked, then right'}" for name, s in found.items()]
    passed = sum(s.passed for s in found.values())
    with capsys.disabled():
        print("\n".join(["", *rows, f"{passed} of {len(found)} with the zone alone"]))
    assert [name for name, s in found.items() if s.silent] == []
    assert [name for name, s in found.items() if s.wrong] == []
    assert passed >= LEAST
    for export in FIRST_TWENTY:
        if not found[export.name].passed:
            asked = "\n".join(found[export.name].asked)
            assert export.asks
            assert [word for word in export.asks if word not in asked] == []


@pytest.mark.slow
@pytest.mark.parametrize("export", exports_third.EXPORTS, ids=lambda e: e.name)
def test_ten_more_exports_are_right_after_the_answers(tmp_path, export):
    """They were made when the program was there: 7 of 10 needed the zone alone then, and none was wrong in silence."""
    found = score(export, tmp_path)
    assert not found.silent
    assert found.wrong == ""


@pytest.mark.slow
@pytest.mark.parametrize("export", exports_fourth.EXPORTS, ids=lambda e: e.name)
def test_eight_exports_of_somebody_else_are_right_or_asked_about(tmp_path, export):
    found = score(export, tmp_path)
    assert not found.silent
    assert found.passed == (not export.asks)
    assert [word for word in export.asks if word not in "\n".join(found.asked)] == []
    assert found.wrong == "" or not export.answers


@pytest.mark.parametrize(
    "export", [e for e in (*FIRST_TWENTY, *exports_fourth.EXPORTS) if e.rest], ids=lambda e: e.name
)
def test_what_is_not_used_is_listed_with_its_reason(tmp_path, export):
    found = ah.propose_data(export.make(tmp_path, export.data), export.plant)
    reasons = {c.header: c.reason for table in found.tables for c in table.columns if not c.target}
    for word in export.rest:
        (header,) = {name for name in reasons if name.startswith(word)}
        assert reasons[header]
        assert f"# {header}: {reasons[header]}" in found.yaml
