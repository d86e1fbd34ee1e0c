"""The run folder: what a run leaves behind."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from asm_hybrid.artefacts import UNFINISHED, WritingError, make_folder, write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.locking import locked
from asm_hybrid.training.tensorboard_log import Board

__all__ = ["MetricsLog", "create_run_folder", "environment", "hold_run", "refuse_occupied"]

LOCK = "lock"
"""In the folder of checkpoints: held by the process that writes the run."""
OTHER_FOLDER = "give another one with --out"


@contextmanager
def hold_run(folder: Path) -> Iterator[None]:
    """Keep other processes from writing a run folder.

    Parameters
    ----------
    folder : Path
        The folder.

    Yields
    ------
    None

    Raises
    ------
    InputError
        When another process is writing it, or it cannot be written.
    """
    place = folder / UNFINISHED
    try:
        make_folder(place, parents=False)
        with locked(place / LOCK, folder):
            yield
    finally:
        with suppress(OSError):  # holds what an unfinished run goes on from
            place.rmdir()


def create_run_folder(out: Path | None, name: str, held: ExitStack) -> Path:
    """Create an empty run folder, and hold it.

    Parameters
    ----------
    out : Path or None
        Where; ``runs/NAME-DATE-TIME`` below the current folder without it.
    name : str
        Name of the run.
    held : ExitStack
        Gets what keeps other processes from writing the folder, see `hold_run`.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When the folder cannot be written, holds something already, or is being written by another process.
    """
    folder = out if out is not None else Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        make_folder(folder)
        held.enter_context(hold_run(folder))
        refuse_occupied(folder)
    except WritingError as error:
        raise InputError(
            error.found, where=str(folder), expected="a folder that may be created and written", fix=OTHER_FOLDER
        ) from None
    return folder


def refuse_occupied(folder: Path) -> None:
    """Refuse a run folder that holds something already.

    Parameters
    ----------
    folder : Path
        The folder, which may not be there yet.

    Raises
    ------
    InputError
        When it holds anything but what holds it.
    """
    own = (Path(UNFINISHED), Path(UNFINISHED, LOCK))
    if any(p.relative_to(folder) not in own for p in folder.rglob("*")):
        raise InputError(
            "the run folder is not empty",
            where=str(folder),
            expected="a new or an empty folder, so that no earlier run is overwritten",
            fix=f"{OTHER_FOLDER}, or remove it",
        )


class MetricsLog:
    """``metrics.jsonl``: one JSON object a line, flushed at once; holds no times, so equal runs write equal files.

    What a checkpoint knows of it stands in the checkpoint too: a file that a power cut has shortened, or that is ahead
    of the checkpoint, is written anew from there.

    Parameters
    ----------
    path : Path
        The file.
    known : str
        The lines that an earlier part of the run has written, as far as its checkpoint knows.
    board : Board, optional
        Shows the same records in TensorBoard.

    Attributes
    ----------
    position : int
        Number of the next record. A record that stands in the file already is not written a second time.
    last : dict or None
        The last record that is known; None when there is none.
    """

    def __init__(self, path: Path, known: str = "", board: Board | None = None) -> None:
        self._path, self._board, self.position = write_text_atomic(path, known), board, 0
        self._lines = known.splitlines(keepends=True)
        self.last: dict[str, Any] | None = json.loads(self._lines[-1]) if self._lines else None
        self._stream = path.open("a", encoding="utf-8")
        if board is not None:
            for line in self._lines:
                board.write(json.loads(line))

    @property
    def text(self) -> str:
        """The lines up to `position`."""
        return "".join(self._lines[: self.position])

    def write(self, record: dict[str, Any]) -> None:
        """Append one record.

        Raises
        ------
        WritingError
            When the file cannot be written.
        """
        self.position += 1
        if self.position <= len(self._lines):
            return
        self._lines.append(json.dumps(record) + "\n")
        try:
            self._stream.write(self._lines[-1])
            self._stream.flush()
        except OSError as error:
            raise WritingError(error, self._path) from error
        if self._board is not None:
            self._board.write(record)

    def close(self) -> None:
        """Close the file, once it is on the disk."""
        try:
            with self._stream as stream:
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise WritingError(error, self._path) from error
        finally:
            if self._board is not None:
                self._board.close()


def environment(device: torch.device) -> dict[str, Any]:
    """Return the versions and the machine a run was made with.

    Parameters
    ----------
    device : torch.device
        Where it is computed.

    Returns
    -------
    dict of str to object
        ``created``, ``python``, ``platform``, ``device``, ``threads``, and ``packages`` with their versions.
    """
    packages = ("asm-hybrid", "torch", "torchdiffeq", "numpy", "pandas", "scipy", "sympy")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "packages": {name: version(name) for name in packages},
    }
