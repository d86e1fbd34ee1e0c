"""Files that are written whole or not at all, and the manifest that tells whether they are still the same."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from asm_hybrid.errors import InputError, readable
from asm_hybrid.locking import grip, locked, remove_abandoned

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MANIFEST",
    "UNFINISHED",
    "WritingError",
    "clear_temporary",
    "csv_text",
    "make_folder",
    "read_json",
    "read_manifest",
    "refresh_manifest",
    "restored",
    "restored_text",
    "sha256_file",
    "staged_folder",
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
_RESTORE = "restore the folder from a copy, or train again"


class WritingError(InputError):
    """A file or a folder could not be written.

    Parameters
    ----------
    error : OSError
        What the system answered.
    path : Path
        What was to be written.
    what : str, optional
        ``"file"`` or ``"folder"``, for the message.
    """

    def __init__(self, error: OSError, path: Path, what: str = "file") -> None:
        super().__init__(
            f"the {what} cannot be written: {error.strerror or error}",
            where=str(path),
            fix="check that the folder exists, may be written, and that the disk has room",
        )


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
    WritingError
        If the folder cannot be written.

    Notes
    -----
    What a killed call has left beside the same file is removed.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_TEMPORARY}"):
        remove_abandoned(left)
    try:
        temporary, stream = _begin(path)
        try:
            with stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
                if os.name == "posix":  # still locked, so that nobody takes it for abandoned
                    os.replace(temporary, path)
            if os.name != "posix":  # Windows moves no file that is open
                os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise WritingError(error, path) from error
    return path


def _begin(path: Path) -> tuple[Path, IO[bytes]]:
    """Open a temporary file beside a target, locked as long as it is being written."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{_TEMPORARY}")
        stream = temporary.open("xb")
        if grip(stream, temporary):
            return temporary, stream
        stream.close()


def write_text_atomic(path: Path, text: str) -> Path:
    """Write text as UTF-8 with Unix line ends; see `write_bytes_atomic`.

    Parameters
    ----------
    path : Path
        Target.
    text : str
        Content.

    Returns
    -------
    Path
        The target.
    """
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
    """Return a header or cell of `csv_text` as it was.

    Parameters
    ----------
    cell : object
        Header or cell; what is no text stays as it is.

    Returns
    -------
    object
    """
    return _HARMLESS.sub("", cell, count=1) if isinstance(cell, str) and _HARMLESS.match(cell) else cell


def restored(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table that was read from `csv_text` with its headers and cells as they were.

    Parameters
    ----------
    frame : DataFrame
        The table that was read.

    Returns
    -------
    DataFrame
    """
    text = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "biufmM"]
    columns = {i: frame.iloc[:, i].map(restored_text) if i in text else frame.iloc[:, i] for i in range(frame.shape[1])}
    return type(frame)(columns).set_axis([restored_text(name) for name in frame.columns], axis="columns")


def write_csv_atomic(path: Path, frame: pd.DataFrame, float_format: str | None = None) -> Path:
    """Write a table as `csv_text`; see `write_bytes_atomic`. Every CSV file of the program is written by it.

    Parameters
    ----------
    path : Path
        Target.
    frame : DataFrame
        Its index is left out.
    float_format : str, optional
        Format of numbers.

    Returns
    -------
    Path
        The target.
    """
    return write_text_atomic(path, csv_text(frame, float_format))


def user_path(text: str | Path) -> Path:
    """Return a path as the user wrote it, ``~`` replaced by the home folder.

    Parameters
    ----------
    text : str or Path
        The path.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        If it names a home folder that is not known.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise InputError(
            f"the path {str(text)!r} names a home folder that is not known",
            expected="a path; ~ is your own home folder, ~name that of a user of this machine",
            fix="write the whole path",
        ) from None


def write_json_atomic(path: Path, value: Mapping[str, Any] | Sequence[Any]) -> Path:
    """Write JSON, indented, keys in the given order, without NaN or infinity; see `write_bytes_atomic`.

    Parameters
    ----------
    path : Path
        Target.
    value : mapping or sequence
        Content.

    Returns
    -------
    Path
        The target.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return write_text_atomic(path, text + "\n")


def clear_temporary(folder: Path) -> None:
    """Remove what `write_bytes_atomic` left half written when it was killed, in a folder and below.

    Parameters
    ----------
    folder : Path
        The folder; a file that is still being written stays.
    """
    for path in folder.rglob(f".*{_TEMPORARY}"):
        remove_abandoned(path)


def make_folder(folder: Path, *, parents: bool = True) -> Path:
    """Make a folder where there is none, so that it is still there after a power cut.

    Parameters
    ----------
    folder : Path
        The folder.
    parents : bool, optional
        Whether to make those above it, too.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    WritingError
        When it cannot be made.
    """
    try:
        absent = [f for f in (folder, *folder.absolute().parents) if not f.exists()]
        folder.mkdir(parents=parents, exist_ok=True)
        for made in reversed(absent):
            _sync_folder(made.absolute().parent)
    except OSError as error:
        raise WritingError(error, folder, "folder") from error
    return folder


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Fill a folder that appears at its place when it is complete, or not at all.

    It is filled in ``.NAME.partial`` beside the target, which a call that is killed leaves, and the next one removes.

    Parameters
    ----------
    target : Path
        The folder: one that does not exist, or is empty.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    InputError
        When it cannot be written, or another process is writing it.
    """
    target = target.absolute()
    place = target.with_name(f".{target.name}{_TEMPORARY}")
    new = place / "new"
    try:
        make_folder(target.parent)
        make_folder(place, parents=False)
        with locked(place / "lock", target):
            try:
                shutil.rmtree(new, ignore_errors=True)
                make_folder(new)
                yield new
                _move(new, target)
            finally:
                shutil.rmtree(new, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()


def _move(folder: Path, target: Path) -> None:
    """Put a folder in the place of one that is empty or does not exist."""
    try:
        if target.is_dir():
            target.rmdir()
        os.replace(folder, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise WritingError(error, target, "folder") from error


def read_json(path: Path, fix: str = _RESTORE) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Parameters
    ----------
    path : Path
        The file, UTF-8.
    fix : str, optional
        What the message says should be done when it cannot be read.

    Returns
    -------
    dict
        Its content, in which every number is finite.

    Raises
    ------
    InputError
        When the file is missing, damaged, or holds anything else.
    """
    expected = "a JSON file as asm-hybrid writes it"
    with readable("the file cannot be read", where=str(path), expected=expected, fix=fix):
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair would fail later
    if not isinstance(value, dict):
        raise InputError("the file holds no JSON object", where=str(path), expected=expected, fix=fix)
    return value


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is not a finite number")
    return number


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
        raise InputError("not a manifest", where=str(path), expected='{"file": "sha256", …}', fix=_RESTORE)
    for name in manifest:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or ":" in name:
            raise InputError(
                f"the manifest names {name!r}, which lies outside the folder",
                where=str(path),
                expected="names of files in the folder",
                fix="do not use this folder: asm-hybrid writes no such name",
            )
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
        with readable(f"the file {name[:80]!r} cannot be read", where=str(folder), fix=_RESTORE):
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
            fix=_RESTORE,
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
