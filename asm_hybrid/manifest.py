"""The manifest of a folder, which tells whether its files are still those that were written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from asm_hybrid.artefacts import RESTORE, TEMPORARY, UNFINISHED, WritingError, read_json, write_json_atomic
from asm_hybrid.errors import InputError, readable

__all__ = [
    "MANIFEST",
    "is_inside",
    "read_manifest",
    "refresh_manifest",
    "sha256_file",
    "verify_manifest",
    "write_manifest",
]

MANIFEST = "manifest.json"


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


def refresh_manifest(folder: Path, names: Sequence[str]) -> None:
    """Enter the present digests of a few rewritten files into the manifest of a folder, if it has one.

    Parameters
    ----------
    folder : Path
        A run folder; one without a manifest is still being written, and is left alone.
    names : sequence of str
        Relative POSIX paths of the files.
    """
    if (folder / MANIFEST).is_file():
        digests = read_manifest(folder) | {name: sha256_file(folder / name) for name in names}
        write_json_atomic(folder / MANIFEST, dict(sorted(digests.items())))


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
        raise InputError(
            "; ".join(faults),
            where=str(folder),
            expected=f"the files as listed in {MANIFEST}",
            fix=RESTORE,
        )
    return manifest


def _is_artefact(relative: Path) -> bool:
    return relative != Path(MANIFEST) and relative.suffix != TEMPORARY and relative.parts[0] != UNFINISHED
