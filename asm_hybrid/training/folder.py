"""The run folder: what a run leaves behind."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from asm_hybrid.artefacts import write_text_atomic
from asm_hybrid.errors import InputError
from asm_hybrid.training.board import Board

__all__ = ["MetricsLog", "create_run_folder", "environment"]


def create_run_folder(out: Path | None, name: str) -> Path:
    """Create an empty run folder.

    Parameters
    ----------
    out : Path or None
        Where; ``runs/NAME-DATE-TIME`` below the current folder without it.
    name : str
        Name of the run.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When the folder cannot be written, or holds something already.
    """
    folder = out if out is not None else Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
        probe = folder / ".write-test"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(
            f"the run folder cannot be written ({error.strerror or error})",
            where=str(folder),
            expected="a folder that may be created and written",
            fix="give another one with --out",
        ) from None
    if occupied:
        raise InputError(
            "the run folder is not empty",
            where=str(folder),
            expected="a new or an empty folder, so that no earlier run is overwritten",
            fix="give another one with --out, or remove it",
        )
    return folder


class MetricsLog:
    """``metrics.jsonl``: one JSON object a line, flushed at once; holds no times, so equal runs write equal files.

    Parameters
    ----------
    path : Path
        The file.
    keep : int
        Lines of an earlier part of the run that stay; those behind are cut off.
    board : Board, optional
        Shows the same records in TensorBoard.

    Attributes
    ----------
    position : int
        Number of the next record. A record that stands in the file already is not written a second time.
    last : dict or None
        The last record that stays; None when there is none.

    Raises
    ------
    InputError
        When the file holds fewer lines than should stay.
    """

    def __init__(self, path: Path, keep: int = 0, board: Board | None = None) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)[:keep] if path.exists() else []
        if len(lines) < keep:
            raise InputError(
                f"the file holds {len(lines)} records, and the checkpoint knows {keep}",
                where=str(path),
                expected="the file as the run wrote it",
                fix="restore it, or train again into another folder",
            )
        write_text_atomic(path, "".join(lines))
        self.last: dict[str, Any] | None = json.loads(lines[-1]) if lines else None
        self._stream = path.open("a", encoding="utf-8")
        self._kept, self._board, self.position = len(lines), board, 0
        if board is not None:
            for line in lines:
                board.write(json.loads(line))

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self.position += 1
        if self.position <= self._kept:
            return
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()
        if self._board is not None:
            self._board.write(record)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        if self._board is not None:
            self._board.close()


def environment(device: torch.device) -> dict[str, Any]:
    """Return the versions and the machine a run was made with."""
    packages = ("asm-hybrid", "torch", "torchdiffeq", "numpy", "pandas", "scipy", "sympy")
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "packages": {name: version(name) for name in packages},
    }
