"""Going on with a run that was stopped: whether it can, and whether all is as when it began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from asm_hybrid.artefacts import UNFINISHED, sha256_file, write_json_atomic
from asm_hybrid.config import load_config
from asm_hybrid.config.ode import is_ode
from asm_hybrid.errors import InputError
from asm_hybrid.training.folder import environment

__all__ = ["check_resumable", "find_config", "write_origin"]

ORIGIN = "origin.json"
"""In the folder of checkpoints: what a run began with. It is written last of the files at the begin."""
OWN = ("config.yaml", "kinetics.yaml")
"""Files of the run folder that a run goes on with."""


def write_origin(folder: Path) -> None:
    """Keep what a run began with: digests of its config, table, data and earlier run, and the packages."""
    (folder / UNFINISHED).mkdir(exist_ok=True)
    config = load_config(folder / "config.yaml")
    names = [*OWN, *(source.file for source in config.data.sources.values())]
    if config.training.start_from is not None:
        names.append(f"{config.training.start_from}/weights.safetensors")
    files = {name: sha256_file(folder / name) for name in names}
    write_json_atomic(folder / UNFINISHED / ORIGIN, {"files": files, "packages": _packages()})


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
            "there is nothing to go on from: the run is finished, was stopped before it began, or an earlier version "
            "wrote it",
            where=str(folder),
            expected="a run that was stopped",
            fix="open its report.html, or train again into another folder",
        )
    return path


def check_resumable(folder: Path) -> list[str]:
    """Refuse config or data that differ from those the run began with; return warnings about packages that do.

    Raises
    ------
    InputError
        With the files that changed or are missing.
    """
    origin: dict[str, Any] = json.loads((folder / UNFINISHED / ORIGIN).read_text(encoding="utf-8"))
    paths = {name: folder / name for name in origin["files"]}
    missing = [name for name, path in paths.items() if not path.is_file()]
    changed = [n for n, path in paths.items() if n not in missing and sha256_file(path) != origin["files"][n]]
    if missing or changed:
        parts = [f"{word}: {', '.join(names)}" for word, names in (("changed", changed), ("missing", missing)) if names]
        raise InputError(
            f"files differ from those the run began with; {'; '.join(parts)}",
            where=str(folder),
            expected="the files as they were, so that the run goes on as it would have",
            fix="restore them, or train again into another folder",
        )
    began = origin["packages"]
    other = [f"{name} {began.get(name)}, now {now}" for name, now in _packages().items() if began.get(name) != now]
    if other:
        return [f"the run began with {'; '.join(other)}: its figures can differ from those of a run in one go"]
    return []


def _packages() -> dict[str, str]:
    packages: dict[str, str] = environment(torch.device("cpu"))["packages"]
    return packages
