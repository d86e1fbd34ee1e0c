"""What became of a run is told from its folder, and without touching it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from run_files import bundle_of

from asm_hybrid.artefacts import UNFINISHED, write_json_atomic
from asm_hybrid.config import write_template
from asm_hybrid.errors import InputError
from asm_hybrid.locking import held_by, holder_process, locked
from asm_hybrid.serve.training_list import list_runs, look_at
from asm_hybrid.training.resume import ORIGIN
from asm_hybrid.training.run_folder import LOCK


def begun(folder: Path, small_run: Path) -> Path:
    """Return a run folder as it is after the begin of a training."""
    (folder / UNFINISHED).mkdir(parents=True)
    for name in ("config.yaml", "kinetics.yaml"):
        shutil.copy(small_run / name, folder)
    write_json_atomic(folder / UNFINISHED / ORIGIN, {"files": {}, "packages": {}})
    return folder


def ended_process() -> int:
    """Return the number of a process that is no more."""
    return int(subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True).stdout)


def test_states_of_runs(small_run: Path, tmp_path: Path) -> None:
    finished, stopped = look_at(small_run), look_at(begun(tmp_path / "stopped", small_run))
    assert finished is not None
    assert finished.state == "finished"
    assert finished.openable
    assert "test block" in finished.verdict
    assert finished.created.startswith("20")
    assert stopped is not None
    assert (stopped.state, stopped.openable, stopped.verdict) == ("stopped", False, "")
    shutil.rmtree(tmp_path / "stopped" / UNFINISHED)
    (tmp_path / "stopped" / "metrics.jsonl").touch()
    failed = look_at(tmp_path / "stopped")
    assert failed is not None
    assert failed.state == "failed"
    assert "train again" in failed.message


def test_a_run_that_somebody_writes_is_running(small_run: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", small_run)
    lock = folder / UNFINISHED / LOCK
    with locked(lock, folder):
        entry = look_at(folder)
        assert entry is not None
        assert (entry.state, entry.openable) == ("running", False)
        assert holder_process(entry.holder) == os.getpid()
    assert held_by(lock) is None
    entry = look_at(folder)
    assert entry is not None
    assert entry.state == "stopped"


def test_a_lock_that_a_dead_process_left_is_not_taken_for_a_training(small_run: Path, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", small_run)
    lock = folder / UNFINISHED / LOCK
    lock.write_text(f"process {ended_process()} on {socket.gethostname()}", encoding="utf-8")
    assert held_by(lock) is None
    entry = look_at(folder)
    assert entry is not None
    assert entry.state == "stopped"
    lock.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")  # its number is used again
    assert held_by(lock) is None
    assert holder_process("process 12 on another machine") is None
    assert holder_process("another process") is None


def test_what_is_no_run_is_not_listed(small_run: Path, tmp_path: Path) -> None:
    write_template(tmp_path / "my-plant")
    bundle_of(small_run, tmp_path / "bundle")
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").touch()
    begun(tmp_path / "run", small_run)
    assert [entry.name for entry in list_runs(tmp_path)] == ["run"]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="cannot be read"):
        list_runs(tmp_path)


def test_a_summary_that_is_written_anew_is_read_anew(small_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(small_run, folder)
    before = look_at(folder)
    (folder / "summary.json").write_text('{"created": "2020-01-01T00:00:00+00:00", "verdict": {"sentence": "Other."}}')
    after = look_at(folder)
    assert before is not None
    assert after is not None
    assert (after.verdict, after.created[:4]) == ("Other.", "2020")
    assert before.verdict != after.verdict
