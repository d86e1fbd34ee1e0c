"""A few kills, signals and flipped bits, as the scripts of `benchmarks/reliability` judge them by the thousand."""

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks" / "reliability"


@pytest.fixture(scope="module")
def script():
    """Return what imports a script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        yield importlib.import_module


@pytest.fixture(scope="module")
def whole(script, tmp_path_factory):
    """Return a training in one go."""
    return script("training_kills").trained(tmp_path_factory.mktemp("whole") / "one")


@pytest.mark.slow
def test_a_training_that_is_killed_ends_as_in_one_go(script, whole, tmp_path):
    kills = script("training_kills")
    found = kills.course(6, tmp_path, whole)
    assert found.faults == []
    assert found.kills


def test_a_folder_that_only_seems_whole_is_a_fault(script, whole, tmp_path):
    """The judge itself."""
    kills, run = script("training_kills"), tmp_path / "run"
    shutil.copytree(whole.folder, run)
    path = run / "predictions.csv"
    path.write_bytes(path.read_bytes()[:-1])
    (run / "manifest.json").unlink()
    assert kills.faults_left(run, whole) == ["predictions.csv differs from that in one go"]


@pytest.mark.slow
def test_flipped_bits_and_truncations_are_refused_or_change_nothing(script, whole, tmp_path):
    flips = script("bit_flips")
    shutil.copytree(whole.folder.parent, tmp_path, dirs_exist_ok=True)
    read, rest = flips.artefacts(flips.subjects(tmp_path))
    assert {"run/weights.safetensors", "bundle.zip/packed.zip", "stopped/checkpoint/origin.json"} <= {
        artefact.name for artefact in read
    }
    assert "run/weights.safetensors" not in rest
    *_, tallies = flips.judge_all(read, 100, 50, 1)
    assert [fault for tally in tallies.values() for fault in tally.faults] == []
    assert tallies["flips"].outcomes["refused"] > 80


def test_a_change_that_is_not_seen_is_a_fault(script, tmp_path):
    """The judge itself."""
    flips = script("bit_flips")
    path = tmp_path / "a"
    path.write_bytes(b"content")
    subject = flips.Subject("a", path, {"reader": lambda path: path.read_bytes()})
    (artefact,), rest = flips.artefacts([subject])
    tally = flips.Tally()
    flips.judge(artefact, 1, flips.flipped, tally)
    assert (rest, tally.outcomes["silent"], len(tally.faults)) == ([], 1, 1)
    assert path.read_bytes() == b"content"


@pytest.mark.slow
@pytest.mark.parametrize("what", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_training_cleanly(script, whole, tmp_path, what):
    signals = script("signals")
    shutil.copytree(whole.folder.parent, tmp_path, dirs_exist_ok=True)
    subject = signals.Subject(tmp_path, {"train": whole.digests}, {"train": whole.seconds})
    ended = signals.struck(subject, "train", what, tmp_path, np.random.default_rng(5), "mark")
    outcome, faults = signals.faults(subject, "train", what, tmp_path, ended, "mark")
    assert faults == []
    assert outcome != "before"


@pytest.mark.slow
def test_a_report_that_is_killed_while_it_is_written_is_the_old_or_the_new_one(script, whole, tmp_path):
    kills = script("other_kills")
    begin = kills._old_run(whole.folder)
    task = kills.Task(begin, kills._report, kills.settled, {}, 1.0)
    (tmp_path / "whole").mkdir()
    begin(tmp_path / "whole", 0)
    ended = kills._report(tmp_path / "whole", 0, {}, False, "mark")
    task = kills.Task(begin, kills._report, kills.settled, kills.settled(tmp_path / "whole" / "target"), ended.seconds)
    state, faults = kills.judge("report", task, 1, 1, tmp_path / "killed")
    assert faults == []
    assert state
