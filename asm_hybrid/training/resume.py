"""Going on with a run that was stopped: whether it can, and whether all is as when it began."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.artefacts import UNFINISHED, make_folder, read_json, write_json_atomic
from asm_hybrid.config import Config, load_config
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import sha256_file
from asm_hybrid.training.device import choose_device
from asm_hybrid.training.run_folder import environment
from asm_hybrid.unpacked import is_zip

__all__ = ["check_resumable", "find_config", "write_origin"]

ORIGIN = "origin.json"
"""In the folder of checkpoints: what a run began with. It is written last of the files at the begin."""
OWN = ("config.yaml", "kinetics.yaml")
"""Files of the run folder that a run goes on with."""


def write_origin(folder: Path) -> None:
    """Keep what a run began with: digests of its config, table, data and earlier run, the packages and the device.

    Parameters
    ----------
    folder : Path
        The run folder, which holds the config.
    """
    make_folder(folder / UNFINISHED, parents=False)
    config = load_config(folder / "config.yaml")
    names = [*OWN, *(source.file for source in config.data.sources.values() if source.file is not None)]
    if config.training.start_from is not None:
        earlier = config.training.start_from
        names.append(earlier if is_zip(folder / earlier) else f"{earlier}/weights.safetensors")
    files = {name: sha256_file(folder / name) for name in names}
    write_json_atomic(folder / UNFINISHED / ORIGIN, {"files": files, "packages": _packages(config)})


def find_config(folder: Path) -> Path:
    """Return the config of a run that can be resumed.

    Parameters
    ----------
    folder : Path
        The run folder.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When there is no such run, or it is finished.
    """
    path = folder / "config.yaml"
    with readable("the folder cannot be read", where=str(folder), expected="the run folder of a run that was stopped"):
        has_config, has_origin = path.is_file(), (folder / UNFINISHED / ORIGIN).exists()
    if not has_config:
        raise InputError(
            "the folder holds no run",
            where=str(folder),
            expected="the run folder that `asm-hybrid train` was writing",
            fix="give that folder, or begin anew with `asm-hybrid train CONFIG`",
        )
    if not has_origin:
        raise InputError(
            "there is nothing to go on from: the run is finished, was stopped before it began, or an earlier version "
            "wrote it",
            where=str(folder),
            expected="a run that was stopped",
            fix="open its report.html, or train again into another folder",
        )
    return path


def check_resumable(folder: Path) -> list[str]:
    """Refuse config or data that differ from those the run began with.

    Parameters
    ----------
    folder : Path
        The run folder.

    Returns
    -------
    list of str
        A warning where packages or the device differ.

    Raises
    ------
    InputError
        With the files that changed or are missing, or when it cannot be told what the run began with.
    """
    files, began = _origin(folder / UNFINISHED / ORIGIN)
    faults: dict[str, list[str]] = {"changed": [], "missing": []}
    for name, digest in files.items():
        with readable("a file that the run began with cannot be read", where=str(folder / name)):
            if not (folder / name).is_file():
                faults["missing"].append(name)
            elif sha256_file(folder / name) != digest:
                faults["changed"].append(name)
    if any(faults.values()):
        parts = [f"{word}: {', '.join(names)}" for word, names in faults.items() if names]
        raise InputError(
            f"files differ from those the run began with; {'; '.join(parts)}",
            where=str(folder),
            expected="the files as they were, so that the run goes on as it would have",
            fix="restore them, or train again into another folder",
        )
    present = _packages(load_config(folder / "config.yaml"))
    other = [f"{name} {began.get(name)}, now {now}" for name, now in present.items() if began.get(name) != now]
    if other:
        return [f"the run began with {'; '.join(other)}: its figures can differ from those of a run in one go"]
    return []


def _origin(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the digests of the files that a run began with, and the versions of its packages."""
    fix = "train again into another folder"
    content = read_json(path, fix)
    files, packages = (_texts(content.get(key)) for key in ("files", "packages"))
    if not set(OWN) <= set(files):
        raise InputError(
            "the file does not tell what the run began with",
            where=str(path),
            expected="'files' with the SHA-256 of each, and the versions of 'packages'",
            fix=fix,
        )
    return files, packages


def _texts(value: object) -> dict[str, str]:
    """Return the entries of a mapping that are text."""
    return {k: v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _packages(config: Config) -> dict[str, str]:
    """Return the versions of the packages that a run needs, and the type of its device."""
    device = choose_device(config.device, config.where("device"))
    packages: dict[str, str] = environment(device)["packages"]
    return packages | {"device": device.type}
