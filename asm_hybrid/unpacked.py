"""The folder of a run that a user names: a folder itself, or a zip of one, which is unpacked once a process."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from asm_hybrid.artefacts import UNFINISHED
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import MANIFEST, is_inside, read_manifest, verify_manifest
from asm_hybrid.paths import as_path

__all__ = ["is_zip", "named", "refuse_zip", "run_folder", "source_of"]

A_RUN = "the path of a run folder, or of a bundle as a folder or a zip"
EXPECTED = "a zip of a bundle as asm-hybrid exports it, or of a finished run folder"
AGAIN = "copy the zip again, or make it anew with `asm-hybrid export`"
BY_HAND = "unpack it yourself, and give the folder"
MAX_BYTES = 2_000_000_000
"""Of all files, unpacked: the inputs of ten years at a minute take half of it."""
MAX_ENTRIES = 10_000
MAX_MANIFEST = 5_000_000
CHUNK = 1 << 20
ENCRYPTED = 0x1
"""The bit of the flags of a file in a zip."""
JUNK = "__MACOSX"
"""The folder in which macOS puts what it knows of files."""

_unpacked: dict[tuple[str, int, int, int], Path] = {}
"""What identifies a zip, to the folder into which this process unpacked it."""
_sources: dict[Path, Path] = {}
_lock = threading.Lock()


def is_zip(path: Path) -> bool:
    """Return whether a path is that of a zip, by its ending or its content.

    Parameters
    ----------
    path : Path
        The path; there need not be anything.

    Returns
    -------
    bool
    """
    try:
        if not path.is_file():
            return False
        if path.suffix.lower() == ".zip":
            return True
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except (OSError, ValueError):
        return False  # who reads it says why


def run_folder(given: str | Path) -> Path:
    """Return the folder of a run that a user names.

    Parameters
    ----------
    given : str or Path
        A run folder or bundle; or a zip of one, at its top or in folders of its own.

    Returns
    -------
    Path
        The folder. A zip is unpacked into a temporary folder, which is removed when the process ends, and is the same
        as long as the zip is.

    Raises
    ------
    InputError
        When it is no path, or a zip that is damaged, holds no finished run, holds what no run does, or is not what was
        written. Whether a folder holds a run is left to who reads it.
    """
    path = as_path(given, A_RUN)
    if not is_zip(path):
        return path
    with _lock:
        with readable("the zip cannot be read", where=str(path), expected=EXPECTED, fix=AGAIN):
            place = path.resolve()
            known = place.stat()
        key = (str(place), known.st_ino, known.st_size, known.st_mtime_ns)
        folder = _unpacked.get(key)
        if folder is None or not (folder / MANIFEST).is_file():
            folder = _unpacked[key] = _unpack(path)
            _sources[folder] = path.absolute()
        return folder


def source_of(folder: Path) -> Path:
    """Return what a user named: the zip of a folder that `run_folder` gave, or the folder itself.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Path
    """
    return _sources.get(folder, folder)


def named(text: str) -> str:
    """Return a message with the zip in the place of the temporary folder that it was unpacked into.

    Parameters
    ----------
    text : str
        The message.

    Returns
    -------
    str
    """
    for folder, path in _sources.items():
        text = text.replace(str(folder), str(path))
    return text


def refuse_zip(folder: Path, fix: str = BY_HAND) -> None:
    """Refuse to write into a run that was named by its zip.

    Parameters
    ----------
    folder : Path
        The folder that `run_folder` gave.
    fix : str, optional
        What can be done instead.

    Raises
    ------
    InputError
        When it was unpacked from a zip.
    """
    if folder in _sources:
        raise InputError(
            "the run is a zip, into which nothing is written",
            where=str(_sources[folder]),
            expected="a run folder, in which the result has its place",
            fix=fix,
        )


def _unpack(path: Path) -> Path:
    """Unpack a zip, and return the folder that holds its run."""
    with _written(path):
        room = Path(tempfile.mkdtemp(prefix="asm-hybrid-run-")).resolve()
    try:
        with (
            readable("the zip cannot be read", where=str(path), expected=EXPECTED, fix=AGAIN),
            zipfile.ZipFile(path) as archive,
        ):
            _extract(archive, path, room / path.stem)
    except BaseException:
        shutil.rmtree(room, ignore_errors=True)
        raise
    atexit.register(_remove, room, os.getpid())
    return room / path.stem


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    """Guard the writing of what a zip holds."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the zip cannot be unpacked: {error.strerror or error}",
            where=str(path),
            expected=f"room in the folder for temporary files, {tempfile.gettempdir()}",
            fix=f"{BY_HAND}, or name another folder for temporary files in TMPDIR",
        ) from error


def _remove(room: Path, process: int) -> None:
    """Remove what was unpacked, unless this is a copy of the process that did it."""
    if os.getpid() == process:
        shutil.rmtree(room, ignore_errors=True)


def _extract(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    """Write the files of the run in a zip, and check them against its manifest."""
    held = _files(archive.infolist(), path)
    base = _base(list(held), path)

    def unpack(names: Sequence[str], most: int) -> None:
        size = sum(held[base + name].file_size for name in names)
        if size > most:
            raise _strange(f"the zip unpacks to {size / 1e6:.0f} MB", path, f"at most {most / 1e6:.0f} MB")
        for name in names:
            with archive.open(held[base + name]) as source:
                _write(source, folder / name, path)

    unpack([MANIFEST], MAX_MANIFEST)
    try:
        names = [name for name in read_manifest(folder) if base + name in held]
    except InputError as error:
        raise _changed(error, path) from error
    unpack(names, MAX_BYTES)
    try:
        verify_manifest(folder, names)
    except InputError as error:
        raise _changed(error, path) from error


def _write(source: IO[bytes], target: Path, path: Path) -> None:
    """Write a file of a zip."""
    with _written(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = target.open("wb")
    with stream:
        while chunk := source.read(CHUNK):
            with _written(path):
                stream.write(chunk)
                stream.flush()


def _changed(error: InputError, path: Path) -> InputError:
    """Return what is wrong with the files of a run, with the zip in the place of the folder."""
    return InputError(error.found, where=str(path), expected=error.expected, fix=AGAIN)


def _files(entries: Sequence[zipfile.ZipInfo], path: Path) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by name; one with anything that asm-hybrid does not put into a zip is refused."""
    if len(entries) > MAX_ENTRIES:
        raise _strange(f"the zip holds {len(entries)} files", path, f"at most {MAX_ENTRIES}")
    files: dict[str, zipfile.ZipInfo] = {}
    seen = set()
    for entry in entries:
        shown, kind = repr(entry.filename[:80]), stat.S_IFMT(entry.external_attr >> 16)
        name = PurePosixPath(entry.filename).as_posix()
        if not is_inside(entry.filename):
            raise _strange(f"the zip holds {shown}, which lies outside its folder", path, "plain names of files")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _strange(f"{shown} in the zip is a link, or no file", path, "files and folders")
        if entry.flag_bits & ENCRYPTED:
            raise _strange(f"{shown} in the zip is encrypted", path, "a zip without a password")
        if name.casefold() in seen:
            raise _strange(f"the zip holds {shown} twice", path, "every file once")
        seen.add(name.casefold())
        if not entry.is_dir():
            files[name] = entry
    return files


def _base(names: Sequence[str], path: Path) -> str:
    """Return the folder in a zip that holds the run, with its slash: that of the manifest nearest to the top."""
    inside = [PurePosixPath(name) for name in names]
    manifests = [name for name in inside if name.name == MANIFEST and name.parts[0] != JUNK]
    if not manifests:
        unfinished = any(UNFINISHED in name.parts for name in inside)
        fix = "end the run with `asm-hybrid train --resume`, and zip it then" if unfinished else AGAIN
        raise InputError(f"the zip holds no {MANIFEST}, and so no run", where=str(path), expected=EXPECTED, fix=fix)
    top = min(len(name.parts) for name in manifests)
    folders = [name.parent.as_posix() for name in manifests if len(name.parts) == top]
    if len(folders) > 1:
        raise _strange(f"the zip holds {len(folders)} runs ({', '.join(folders[:3])})", path, "a zip of one run")
    return "" if top == 1 else f"{folders[0]}/"


def _strange(found: str, path: Path, expected: str) -> InputError:
    return InputError(found, where=str(path), expected=expected, fix=BY_HAND)
