"""predict and forecast on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from newdata_case import TEST_FROM, Case

from asm_hybrid.cli import main


def test_both_commands_print_and_write(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(case.write(tmp_path / "june.csv", case.rows[case.rows["time"] >= TEST_FROM]))
    for words, page in (
        (["predict", str(case.run), "--data", data], case.run / "predictions" / "june" / "index.html"),
        (
            ["forecast", str(case.run), "--data", f"online={data}", "-t", "3h"],
            case.run / "forecasts" / "june" / "index.html",
        ),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        printed = "".join(capsys.readouterr().out.split())
        assert "NH4" in printed
        assert str(page).replace(" ", "") in printed
        assert page.is_file()
    with pytest.raises(SystemExit) as ended:
        main(["predict", str(case.run), "--data", str(tmp_path / "absent.csv")])
    assert ended.value.code == 2
    assert "does not exist" in capsys.readouterr().err
