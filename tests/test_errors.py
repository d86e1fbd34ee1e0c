"""Errors that a user sees: one message, whatever a parser or the program itself raises."""

from pathlib import Path

import pytest

from asm_hybrid import cli
from asm_hybrid.errors import InputError, SimulationError, readable


def test_a_parsers_exception_becomes_one_message_with_its_place() -> None:
    with pytest.raises(InputError) as caught, readable("this is no number", where="plant.csv, row 3", fix="correct it"):
        int("12a")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("plant.csv, row 3: this is no number (ValueError: invalid literal")
    assert lines[1] == "  fix: correct it"


def test_the_programs_own_errors_pass_the_guard_as_they_are() -> None:
    with pytest.raises(SimulationError, match=r"^own words$"), readable("this is no number"):
        raise SimulationError("own words")


def test_a_fault_of_the_program_is_one_message_and_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise KeyError("shape")

    monkeypatch.setattr("asm_hybrid.config.json_schema", broken)
    with pytest.raises(SystemExit) as stop:
        cli.main(["schema"])
    shown = capsys.readouterr().err
    assert stop.value.code == cli.FAULT
    assert "a fault of asm-hybrid, not of your input: KeyError: 'shape'" in shown
    assert "Traceback" not in shown
    file = Path(shown.split("with the file ")[1].strip())
    assert "Traceback" in file.read_text(encoding="utf-8")
    file.unlink()
