"""The manifest of a folder, which tells whether its files are still those that were written."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from asm_hybrid.artefacts import (
    RESTORE,
    TEMPORARY,
    UNFINISHED,
    WritingError,
    make_folder,
    read_json,
    sync_folder,
    write_bytes_atomic,
    write_json_atomic,
)
from asm_hybrid.errors import InputError, readable

__all__ = [
    "MANIFEST",
    "REPLACING",
    "finish_replacing",
    "is_inside",
    "read_manifest",
    "replace_files",
    "sha256_file",
    "verified_files",
    "verify_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"
REPLACING = ".replacing"
"""Folder in a run folder with files that are complete, and have yet to take their places."""


def sha256_file(path: Path) -> str:
    """Return the SHA-256 digest of a file.

    Parameters
    ----------
    path : Path
        The file; read in pieces, so its size does not matter.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path) -> dict[str, str]:
    """Write ``manifest.json`` with the SHA-256 of every file in a folder and below.

    Parameters
    ----------
    folder : Path
        The finished folder. The manifest itself, temporary files and `UNFINISHED` are left out.

    Returns
    -------
    dict of str to str
        Relative POSIX path to digest, sorted by path.
    """
    try:
        files = sorted(p for p in folder.rglob("*") if p.is_file() and _is_artefact(p.relative_to(folder)))
        digests = {p.relative_to(folder).as_posix(): sha256_file(p) for p in files}
    except OSError as error:
        raise WritingError(error, folder / MANIFEST) from error
    write_json_atomic(folder / MANIFEST, digests)
    return digests


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Add or replace files of a finished folder together with its manifest: all of them, or none.

    They are made complete beside, and then take their places one after another. A call that is killed on the way leaves
    files that readers refuse, since they are not those of the manifest; `finish_replacing` ends it.

    Parameters
    ----------
    folder : Path
        A run folder with a manifest, which no other process writes.
    files : mapping of str to bytes
        Content by name; the files lie in the folder itself.

    Raises
    ------
    InputError
        If the manifest cannot be read.
    WritingError
        If the folder cannot be written; it is then as it was.
    """
    finish_replacing(folder)
    new = folder / f"{REPLACING}{TEMPORARY}"
    digests = read_manifest(folder) | {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    try:
        make_folder(new)
        for name, content in files.items():
            write_bytes_atomic(new / name, content)
        write_json_atomic(new / MANIFEST, dict(sorted(digests.items())))
        os.replace(new, folder / REPLACING)
        sync_folder(folder)
    except OSError as error:
        raise WritingError(error, folder) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
    finish_replacing(folder)


def finish_replacing(folder: Path) -> None:
    """End what a call of `replace_files` that was killed has begun, and remove what it left.

    Parameters
    ----------
    folder : Path
        A run folder, which no other process writes.

    Raises
    ------
    WritingError
        If the folder cannot be written.
    """
    shutil.rmtree(folder / f"{REPLACING}{TEMPORARY}", ignore_errors=True)
    ready = folder / REPLACING
    if not ready.is_dir():
        return
    try:
        for path in sorted(ready.iterdir(), key=lambda p: p.name == MANIFEST):  # the manifest last: it makes all valid
            os.replace(path, folder / path.name)
        sync_folder(folder)
        ready.rmdir()
    except OSError as error:
        raise WritingError(error, folder) from error


def read_manifest(folder: Path) -> dict[str, str]:
    """Return the content of ``manifest.json``.

    Parameters
    ----------
    folder : Path
        A run folder or bundle.

    Returns
    -------
    dict of str to str
        Relative POSIX path to SHA-256 digest.

    Raises
    ------
    InputError
        If the folder or its manifest is missing, or the manifest is not a mapping of safe relative paths.
    """
    path = folder / MANIFEST
    where = "a finished run folder or an exported bundle"
    with readable("the folder cannot be read", where=str(folder), expected=where):
        is_folder, has_manifest = folder.is_dir(), path.exists()
        unfinished = (folder / UNFINISHED).is_dir()
    if not is_folder:
        raise InputError(
            "this is a file, not a folder" if folder.exists() else "the folder does not exist",
            where=str(folder),
            expected=where,
            fix="give the folder that `asm-hybrid train` or `asm-hybrid export` named at its end",
        )
    if not has_manifest:
        go_on = f"end the run with `asm-hybrid train --resume {folder}`"
        raise InputError(
            f"the folder has no {MANIFEST}",
            where=str(folder),
            expected=where,
            fix=go_on if unfinished else "train again, or give the folder that `asm-hybrid train` named at its end",
        )
    manifest = read_json(path)
    if not all(isinstance(digest, str) for digest in manifest.values()):
        raise InputError("not a manifest", where=str(path), expected='{"file": "sha256", …}', fix=RESTORE)
    for name in manifest:
        if not is_inside(name):
            raise InputError(
                f"the manifest names {name!r}, which lies outside the folder",
                where=str(path),
                expected="names of files in the folder",
                fix="do not use this folder: asm-hybrid writes no such name",
            )
    return manifest


def is_inside(name: str) -> bool:
    """Return whether a relative path leads to a file in its folder on every system.

    Parameters
    ----------
    name : str
        The path, with ``/``.

    Returns
    -------
    bool
    """
    pure = PurePosixPath(name)
    return not (pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name)


def verify_manifest(folder: Path, names: Sequence[str] | None = None) -> dict[str, str]:
    """Check files against the manifest of their folder.

    Parameters
    ----------
    folder : Path
        A run folder or bundle.
    names : sequence of str, optional
        Relative paths to check; each must be in the manifest. All files of the manifest when not given.

    Returns
    -------
    dict of str to str
        The manifest.

    Raises
    ------
    InputError
        If a file is missing, changed, or not in the manifest; the message names each such file.
    """
    manifest = read_manifest(folder)
    faults = []
    for name in manifest if names is None else names:
        path = folder / name
        with readable(f"the file {name[:80]!r} cannot be read", where=str(folder), fix=RESTORE):
            if name not in manifest:
                faults.append(f"{name} is not in {MANIFEST}")
            elif path.is_dir():
                faults.append(f"{name} is a folder, not a file")
            elif not path.is_file():
                faults.append(f"{name} is missing")
            elif sha256_file(path) != manifest[name]:
                faults.append(f"{name} was changed or damaged after it was written (its SHA-256 differs)")
    if faults:
        stopped = (folder / REPLACING).is_dir()
        raise InputError(
            "; ".join(faults),
            where=str(folder),
            expected=f"the files as listed in {MANIFEST}",
            fix=f"a diagnosis was stopped while it was written: asm-hybrid diagnose {folder}" if stopped else RESTORE,
        )
    return manifest


def verified_files(folder: Path, names: Sequence[str]) -> list[str]:
    """Return which of some files a folder has, checked against its manifest.

    Parameters
    ----------
    folder : Path
        A run folder or bundle.
    names : sequence of str
        Relative paths of files that it may have.

    Returns
    -------
    list of str
        Those that it has.

    Raises
    ------
    InputError
        As `verify_manifest`; also if a file is there and not in the manifest, which may itself be damaged.
    """
    manifest = read_manifest(folder)
    present = [name for name in names if name in manifest or os.path.lexists(folder / name)]
    verify_manifest(folder, present)
    return present


def _is_artefact(relative: Path) -> bool:
    own = relative.parts[0] not in (UNFINISHED, REPLACING, f"{REPLACING}{TEMPORARY}")
    return own and relative != Path(MANIFEST) and relative.suffix != TEMPORARY
