"""A data set into a folder: its terms, its files, a note of where they come from, and column maps beside them."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asm_hybrid.artefacts import WritingError, user_path, write_text_atomic
from asm_hybrid.datasets.catalogue import licence_lines, template_text
from asm_hybrid.datasets.download import Progresses, Stated, check_file, download, stated_by_mendeley
from asm_hybrid.datasets.entries import DataFile, DataSet
from asm_hybrid.errors import InputError, readable
from asm_hybrid.staging import staging
from asm_hybrid.yamlfile import load_yaml, to_yaml

__all__ = ["FetchedSet", "get_set"]

NOTE = "SOURCE.yaml"
"""Where the files of a folder come from."""
MAX_MEMBER = 1_000_000_000
"""Largest file that is unpacked from an archive [byte]."""
CHUNK = 1 << 20


@dataclass(frozen=True)
class FetchedSet:
    """A set in its folder.

    Attributes
    ----------
    folder : Path
        The folder.
    files : dict of str to str
        SHA-256 of its files, by name.
    said : tuple of str
        What was done, and what is to be done by hand, in lines.
    complete : bool
        Whether every file is there.
    """

    folder: Path
    files: dict[str, str]
    said: tuple[str, ...]
    complete: bool


def get_set(
    one: DataSet,
    out: str | Path | None = None,
    *,
    accept: Callable[[str], bool] | None = None,
    progress: Progresses | None = None,
) -> FetchedSet:
    """Download the files of a set that are not there yet, check all of them, and write what belongs to them.

    Parameters
    ----------
    one : DataSet
        The set.
    out : str or Path, optional
        Its folder; one of its name in the current folder without it.
    accept : callable, optional
        Is shown terms that have to be accepted, and says whether they are.
    progress : callable, optional
        See `asm_hybrid.datasets.download.Progresses`.

    Returns
    -------
    FetchedSet

    Raises
    ------
    InputError
        If the terms are not accepted, a file cannot be got, or one that is there is another. Files that are there
        already stay as they are.
    """
    folder = user_path(out) if out is not None else Path(one.name)
    _check_note(one, folder)
    said: list[str] = []
    digests: dict[str, str] = {}
    there = {file.name for file in one.files if (folder / file.name).exists()}
    wanted = [file for file in one.files if file.name not in there and file.downloadable]
    for file in one.files:
        if file.name in there:
            digests[file.name] = _look_at(folder / file.name, file)
            said.append(f"{file.name}: is there already{_compared(file, None, digests[file.name])}")
    if wanted:
        _accepted(one, accept)
    for file in wanted:
        told = None if progress is None else progress(file.name)
        with staging(folder / file.name) as room:
            stated = _stated(file, room)
            digests[file.name] = download(stated, room / file.name, told)
            _put(room / file.name, folder / file.name)
        said.append(f"{file.name}: downloaded{_compared(file, stated, digests[file.name])}")
    for file in one.files:
        if file.name in digests:
            for member in file.members:
                said += _unpacked(folder / file.name, member, folder)
    missing = [file.name for file in one.files if file.name not in digests]
    if one.by_hand is not None and (missing or not one.files):
        said += [*licence_lines(one), one.by_hand.replace("FOLDER", str(folder))]
        said += [f"page: {one.link}"] if one.link else []
    if digests and not missing:
        said += _write_beside(one, folder, digests)
    return FetchedSet(folder, digests, tuple(said), not missing)


def _check_note(one: DataSet, folder: Path) -> None:
    """Refuse a folder whose note tells of other files: it would be lost."""
    note = folder / NOTE
    if not os.path.lexists(note):
        return
    try:
        name = load_yaml(note).data.get("name")
    except InputError:
        name = None
    if name != one.name:
        raise InputError(
            f"the folder holds another {NOTE}" + (f", of the set {name}" if isinstance(name, str) else ""),
            where=str(note),
            expected=f"a folder without that file, or that of {one.name}: nothing is overwritten",
            fix="give another folder by --out, or move it away",
        )


def _accepted(one: DataSet, accept: Callable[[str], bool] | None) -> None:
    """Ask for terms that have to be accepted."""
    if one.licence.asks and not (accept is not None and accept("\n".join(licence_lines(one)))):
        raise InputError(
            "the terms of the set have not been accepted",
            where=f"data set {one.name}, {licence_lines(one)[0]}",
            expected="that you have read them, and keep to them",
            fix=f"read {one.licence.link or one.link}, then add --accept-licence",
        )


def _look_at(path: Path, file: DataFile) -> str:
    """Return the SHA-256 of a file that is there, after comparing it."""
    with readable("the file cannot be read", where=str(path)):
        if not path.is_file():
            raise InputError("this is no file", where=str(path), expected="a file, or nothing", fix="move it away")
        try:
            return check_file(path, file, str(path))
        except InputError as error:
            fix = "move it away, or give another folder by --out: nothing is overwritten"
            raise InputError(error.found, where=error.where, expected=error.expected, fix=fix) from None


def _compared(file: DataFile, stated: Stated | None, digest: str) -> str:
    """Say what a file was compared with."""
    if file.sha256 is not None:
        return ", and has the SHA-256 of the catalogue"
    if file.git_blob is not None:
        return ", and is the file of that commit, by its git blob"
    if stated is not None and stated.sha256 is not None:
        return f", and has the SHA-256 that Mendeley Data states, {digest}"
    return f"; its checksum is not known, and was not compared: SHA-256 {digest}"


def _stated(file: DataFile, room: Path) -> Stated:
    if file.mendeley is not None:
        return stated_by_mendeley(file, room)
    return Stated(str(file.url), file.size, file.sha256, file.git_blob)


def _put(new: Path, target: Path) -> None:
    try:
        os.replace(new, target)
    except OSError as error:
        raise WritingError(error, target) from error


def _unpacked(archive: Path, member: str, folder: Path) -> list[str]:
    """Unpack one file of an archive, and say so; one that is there is compared, and stays."""
    guard = readable(
        "the archive cannot be unpacked",
        where=f"{archive}, {member}",
        expected="a zip archive with this file",
        fix="remove the archive, and run the same command again",
    )
    if (folder / member).exists():
        with guard, zipfile.ZipFile(archive) as opened:
            size, crc = opened.getinfo(member).file_size, opened.getinfo(member).CRC
            there = folder / member
            same = there.stat().st_size == size and zlib.crc32(there.read_bytes()) == crc
        return [] if same else [f"{member}: is there already, and is not the file of the archive; it stays"]
    with guard, staging(folder / member) as room, zipfile.ZipFile(archive) as opened:
        with opened.open(member) as source, (room / member).open("wb") as copy:
            total = 0
            while chunk := source.read(CHUNK):
                total += len(chunk)
                if total > MAX_MEMBER:
                    raise ValueError("it unpacks to more than 1 GB")
                copy.write(chunk)
        _put(room / member, folder / member)
    return [f"{member}: unpacked"]


def _write_beside(one: DataSet, folder: Path, digests: dict[str, str]) -> list[str]:
    """Write the note of the source, and templates that are not there yet."""
    note = {
        "name": one.name,
        "title": one.title,
        "licence": one.licence.model_dump(),
        "cite": one.source,
        "doi": one.doi,
        "page": one.link,
        "looked_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": [
            {"name": file.name, "url": file.url, "sha256": digests[file.name], "compared_with": file.checksum}
            for file in one.files
        ],
    }
    write_text_atomic(folder / NOTE, to_yaml(note))
    said = []
    for name in one.templates:
        if not (folder / name).exists():
            write_text_atomic(folder / name, template_text(one, name))
            said.append(f"{name}: written")
    return [*said, f"{NOTE}: says where the files come from, and under what terms", f"use: {_use(one, folder)}"]


def _use(one: DataSet, folder: Path) -> str:
    text = one.use.replace("FOLDER", str(folder))
    return text.replace("FILE", str(folder / one.files[0].name)) if one.files else text
