"""Bad input ends in one message, and a change of meaning that can be seen is seen: a few mutants of every kind of file.

`benchmarks/reliability/mutants.py` judges thousands. What failed there once stands in `tests/data/test_once_failed.py`.
"""

import importlib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks" / "reliability"
COUNTS = {"csv": 50, "xlsx": 40, "parquet": 40, "config": 50, "plant": 40, "table": 30, "variant": 30}


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("mutants")


def told(verdicts):
    return "\n".join(f"{v.kind} number {v.number}, {v.mutant}: {v.outcome}\n{v.words}" for v in verdicts if v.fault)


@pytest.mark.parametrize("kind", COUNTS)
def test_no_mutant_of_a_file_ends_in_a_traceback_or_changes_its_meaning_in_silence(mutants, kind):
    bases = mutants.base_readings(kind)
    verdicts = [mutants.judge(kind, 1, number, bases) for number in range(COUNTS[kind])]
    assert told(verdicts) == ""
    assert any(verdict.outcome == "refused" for verdict in verdicts)


def test_no_mutant_of_a_run_folder_is_loaded_as_another_model(mutants, tmp_path):
    run = mutants.small_run(tmp_path)
    bases = mutants.base_readings("run", run)
    verdicts = [mutants.judge("run", 1, number, bases, run) for number in range(25)]
    assert told(verdicts) == ""
    assert any(verdict.outcome == "refused" for verdict in verdicts)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_the_forms_of_a_table_hold_the_same_data(mutants, kind):
    readings = mutants.base_readings(kind)
    readings.pop("days", None)  # stamps that are rounded to the digits of a spreadsheet
    assert len({reading.digest for reading in readings.values()}) == 1
    assert not any(reading.findings for reading in readings.values())


def test_a_silent_change_of_meaning_is_a_fault(mutants, monkeypatch):
    """The judge itself: what reads everything as the same is found out."""
    base = mutants.Reading("same", frozenset())
    monkeypatch.setitem(mutants.READERS, "csv", lambda folder: base)
    bases = dict.fromkeys(("", *(form.name for form in mutants.FORMS["csv"])), base)
    outcomes = {mutants.judge("csv", 1, number, bases).outcome for number in range(40)}
    assert outcomes == {"silent", "accepted"}


def misbehave(number):
    """Return, die, never return, or take memory."""
    if number == 1:
        os._exit(3)
    while number == 2:
        pass
    return len(bytearray(200_000_000)) if number == 3 else number


def test_what_dies_hangs_or_takes_memory_is_found_and_the_others_go_on(mutants):
    found = {done.number: done for done in importlib.import_module("watched").watched(misbehave, range(5), limit=1.0)}
    assert [found[number].broken for number in range(5)] == ["", "crash", "hangs", "", ""]
    assert "exit code 3" in found[1].words
    assert "misbehave" in found[2].words
    assert found[3].peak > found[4].peak + 150
    assert [found[number].result for number in (0, 3, 4)] == [0, 200_000_000, 4]
