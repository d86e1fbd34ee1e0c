"""Going on with a run that was stopped: whether it can, and whether its data are still those it began with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from asm_hybrid.artefacts import UNFINISHED, write_json_atomic
from asm_hybrid.config.ode import is_ode
from asm_hybrid.data import Dataset
from asm_hybrid.errors import InputError
from asm_hybrid.training.folder import environment

__all__ = ["check_resumable", "find_config", "write_origin"]

ORIGIN = "origin.json"
"""In the folder of checkpoints: the data and packages that a run began with."""


def write_origin(folder: Path, dataset: Dataset, device: torch.device) -> None:
    """Keep what a run began with, beside its checkpoints."""
    (folder / UNFINISHED).mkdir(exist_ok=True)
    origin = {"files": list(dataset.fingerprint), "packages": environment(device)["packages"]}
    write_json_atomic(folder / UNFINISHED / ORIGIN, origin)


def find_config(folder: Path) -> Path:
    """Return the config of a run that can be resumed.

    Raises
    ------
    InputError
        When there is no such run, or it is finished.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise InputError(
            "the folder holds no run",
            where=str(folder),
            expected="the run folder that `asm-hybrid train` was writing",
            fix="give that folder, or begin anew with `asm-hybrid train CONFIG`",
        )
    if is_ode(path):
        raise InputError(
            "the run is that of a generic ODE, which is not resumed",
            where=str(folder),
            expected="the run of a plant",
            fix=f"begin anew with `asm-hybrid train {path}`",
        )
    if not (folder / UNFINISHED / ORIGIN).is_file():
        raise InputError(
            "there is nothing to go on from: the run is finished, or an earlier version wrote it",
            where=str(folder),
            expected="a run that was stopped",
            fix="open its report.html, or train again into another folder",
        )
    return path


def check_resumable(folder: Path, dataset: Dataset) -> list[str]:
    """Refuse data that differ from those the run began with; return warnings about packages that do.

    Raises
    ------
    InputError
        With the files that changed.
    """
    origin: dict[str, Any] = json.loads((folder / UNFINISHED / ORIGIN).read_text(encoding="utf-8"))
    before = {row["file"]: row["sha256"] for row in origin["files"]}
    changed = [row["file"] for row in dataset.fingerprint if before.get(row["file"]) != row["sha256"]]
    if changed:
        raise InputError(
            f"the data changed since the run began: {', '.join(changed)}",
            where=str(folder),
            expected="the files as they were, so that the run goes on as it would have",
            fix="restore them, or train again into another folder",
        )
    packages = environment(torch.device("cpu"))["packages"]
    began = origin["packages"]
    other = [f"{name} {began.get(name)}, now {now}" for name, now in packages.items() if began.get(name) != now]
    if other:
        return [f"the run began with {'; '.join(other)}: its figures can differ from those of a run in one go"]
    return []
