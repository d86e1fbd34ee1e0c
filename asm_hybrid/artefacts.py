"""Files that are written whole or not at all, and the manifest that tells whether they are still the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from asm_hybrid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MANIFEST",
    "UNFINISHED",
    "clear_temporary",
    "csv_text",
    "read_manifest",
    "refresh_manifest",
    "restored",
    "restored_text",
    "sha256_file",
    "user_path",
    "verify_manifest",
    "write_bytes_atomic",
    "write_csv_atomic",
    "write_json_atomic",
    "write_manifest",
    "write_text_atomic",
]

MANIFEST = "manifest.json"
UNFINISHED = "checkpoint"
"""Folder in a run folder that holds what an unfinished run goes on from; no artefact."""
_TEMPORARY = ".partial"
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20].", re.DOTALL)
"""Text that a spreadsheet runs as a formula, by its signs and their wide forms, or that was made harmless."""
_HARMLESS = re.compile(r"'(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20].)", re.DOTALL)


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


def write_bytes_atomic(path: Path, content: bytes) -> Path:
    """Write a file so that a reader sees the old content or the new one, even after a kill.

    Parameters
    ----------
    path : Path
        Target. Its folder must exist.
    content : bytes
        What to write.

    Returns
    -------
    Path
        The target.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{_TEMPORARY}")
    try:
        with temporary.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror or error}",
            where=str(path),
            fix="check that the folder exists, may be written, and that the disk has room",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return path


def write_text_atomic(path: Path, text: str) -> Path:
    """Write text as UTF-8 with Unix line ends; see `write_bytes_atomic`."""
    return write_bytes_atomic(path, text.encode("utf-8"))


def csv_text(frame: pd.DataFrame, float_format: str | None = None) -> str:
    """Return a table as CSV that no spreadsheet runs as a program.

    Headers and cells that begin with ``=``, ``+``, ``-``, ``@``, a tab or a line break get a ``'`` before it, by which
    spreadsheets know text; numbers, and a lone ``-``, stay as they are. `restored` takes it away again.

    Parameters
    ----------
    frame : DataFrame
        Its index is left out.
    float_format : str, optional
        Format of numbers, such as ``"%.6g"``.

    Returns
    -------
    str
    """
    headers = [_harmless(name) for name in frame.columns]
    text = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "biufmM"]
    columns = {i: frame.iloc[:, i].map(_harmless) if i in text else frame.iloc[:, i] for i in range(len(headers))}
    safe = type(frame)(columns)
    return safe.to_csv(index=False, header=headers, lineterminator="\n", float_format=float_format)


def _harmless(cell: Any) -> Any:
    if not isinstance(cell, str) or not _FORMULA.match(cell):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def restored_text(cell: Any) -> Any:
    """Return a header or cell of `csv_text` as it was."""
    return _HARMLESS.sub("", cell, count=1) if isinstance(cell, str) and _HARMLESS.match(cell) else cell


def restored(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read from `csv_text` with its headers and cells as they were."""
    text = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "biufmM"]
    columns = {i: frame.iloc[:, i].map(restored_text) if i in text else frame.iloc[:, i] for i in range(frame.shape[1])}
    return type(frame)(columns).set_axis([restored_text(name) for name in frame.columns], axis="columns")


def write_csv_atomic(path: Path, frame: pd.DataFrame, float_format: str | None = None) -> Path:
    """Write a table as `csv_text`; see `write_bytes_atomic`. Every CSV file of the program is written by it."""
    return write_text_atomic(path, csv_text(frame, float_format))


def user_path(text: str | Path) -> Path:
    """Return a path as the user wrote it, ``~`` replaced by the home folder."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(
            f"the path {str(text)!r} names a home folder that is not known",
            expected="a path; ~ is your own home folder, ~name that of a user of this machine",
            fix="write the whole path",
        ) from None


def write_json_atomic(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> Path:
    """Write JSON, indented, keys in the given order, without NaN or infinity; see `write_bytes_atomic`."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return write_text_atomic(path, text + "\n")


def clear_temporary(folder: Path) -> None:
    """Remove what `write_bytes_atomic` left half written when it was killed, in a folder and below."""
    for path in folder.rglob(f".*{_TEMPORARY}"):
        path.unlink(missing_ok=True)


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
    files = sorted(p for p in folder.rglob("*") if p.is_file() and _is_artefact(p.relative_to(folder)))
    digests = {p.relative_to(folder).as_posix(): sha256_file(p) for p in files}
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
    if not folder.is_dir():
        raise InputError("the folder does not exist", where=str(folder), expected="a run folder or an exported bundle")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"the folder has no {MANIFEST}",
            where=str(folder),
            expected="a finished run folder or an exported bundle",
            fix="train again, or give the folder that `asm-hybrid train` named at its end",
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"the manifest cannot be read: {error}", where=str(path)) from error
    if not isinstance(manifest, dict) or not all(isinstance(digest, str) for digest in manifest.values()):
        raise InputError("not a manifest", where=str(path), expected='{"file": "sha256", …}')
    for name in manifest:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name:
            raise InputError(f"the manifest names {name!r}, which lies outside the folder", where=str(path))
    return manifest


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
        if name not in manifest:
            faults.append(f"{name} is not in {MANIFEST}")
        elif not path.is_file():
            faults.append(f"{name} is missing")
        elif sha256_file(path) != manifest[name]:
            faults.append(f"{name} was changed or damaged after it was written (its SHA-256 differs)")
    if faults:
        raise InputError(
            "; ".join(faults),
            where=str(folder),
            expected=f"the files as listed in {MANIFEST}",
            fix="restore the folder from a copy, or train again",
        )
    return manifest


def _is_artefact(relative: Path) -> bool:
    return relative != Path(MANIFEST) and relative.suffix != _TEMPORARY and relative.parts[0] != UNFINISHED


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows offers no such call, and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
