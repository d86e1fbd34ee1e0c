"""Bad input ends in one message, and a change of meaning that can be seen is seen: a few mutants of every kind of file.

`benchmarks/mutants.py` judges thousands.
"""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
COUNTS = {"csv": 60, "xlsx": 40, "parquet": 40, "config": 60, "plant": 60, "table": 40, "variant": 40}


@pytest.fixture
def mutants(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("mutants")


def told(verdicts):
    return "\n".join(f"{v.kind} seed {v.seed}, {v.mutant}: {v.outcome}\n{v.words}" for v in verdicts if v.fault)


@pytest.mark.parametrize("kind", COUNTS)
def test_no_mutant_of_a_file_ends_in_a_traceback_or_changes_its_meaning_in_silence(mutants, kind):
    base = mutants.base_reading(kind)
    verdicts = [mutants.judge(kind, seed, base) for seed in range(COUNTS[kind])]
    assert told(verdicts) == ""
    assert any(verdict.outcome == "refused" for verdict in verdicts)


def test_no_mutant_of_a_run_folder_is_loaded_as_another_model(mutants, tmp_path):
    run = mutants.small_run(tmp_path)
    base = mutants.base_reading("run", run)
    verdicts = [mutants.judge("run", seed, base, run) for seed in range(40)]
    assert told(verdicts) == ""
    assert any(verdict.outcome == "refused" for verdict in verdicts)


def test_a_silent_change_of_meaning_is_a_fault(mutants):
    """The judge itself: what reads everything as the same is found out."""
    base = mutants.Reading("same", frozenset())
    mutants.READERS = {**mutants.READERS, "csv": lambda folder: base}
    outcomes = {mutants.judge("csv", seed, base).outcome for seed in range(40)}
    assert outcomes == {"silent", "accepted"}
