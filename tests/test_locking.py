"""Locks hold between processes, name their holder, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from asm_hybrid.errors import InputError
from asm_hybrid.locking import grip, locked, remove_abandoned

HOLD = """
import sys
from pathlib import Path
from asm_hybrid.locking import locked
path = Path(sys.argv[1])
with locked(path, path.parent):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path):
    """Have another process hold a lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def test_a_second_process_is_refused_by_name_and_a_dead_one_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        with pytest.raises(InputError, match=f"process {process.pid} on ") as error, locked(path, tmp_path):
            pass
        assert str(tmp_path) in str(error.value)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.exists()
    with locked(path, tmp_path):
        assert str(os.getpid()) in path.read_text()
    assert not path.exists()


def test_a_lock_is_held_against_the_same_process_too(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", tmp_path):
        with pytest.raises(InputError, match=str(os.getpid())), locked(tmp_path / "lock", tmp_path):
            pass
        assert (tmp_path / "lock").exists()
    with locked(tmp_path / "lock", tmp_path):
        pass


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="cannot be written") as error,
        locked(tmp_path / "no" / "lock", tmp_path / "no"),
    ):
        pass
    assert str(tmp_path / "no") in str(error.value)


def test_only_what_nobody_writes_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("xb") as stream:
        assert grip(stream, path)
        remove_abandoned(path)
        assert path.exists()
    remove_abandoned(path)
    assert not path.exists()
    remove_abandoned(path)


def test_a_lock_whose_file_was_removed_is_none(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("xb") as stream:
        path.unlink()
        assert not grip(stream, path)
