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

from asm_hybrid.errors import InputError

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
            f"the run folder cannot be written ({error.strerror})",
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
    """

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8")

    def write(self, record: dict[str, Any]) -> None:
        """Append one record."""
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


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
