"""Hidden folders in which files and folders are made complete before they take their places."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from asm_hybrid.artefacts import TEMPORARY, WritingError, make_folder, sync_folder
from asm_hybrid.locking import locked

__all__ = ["staged_folder", "staging"]


@contextlib.contextmanager
def staging(target: Path) -> Iterator[Path]:
    """Give an empty hidden folder beside a target, from which files and folders are moved when they are complete.

    It is ``.NAME.partial/new``, which a call that is killed leaves, and the next one removes. What is in it at the end
    is removed, and so are folders that were made for the target and are empty.

    Parameters
    ----------
    target : Path
        What is to be written.

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
    place = target.with_name(f".{target.name}{TEMPORARY}")
    new = place / "new"
    absent = [folder for folder in target.parents if not os.path.exists(folder)]
    try:
        make_folder(target.parent)
        _make_place(place)
        with locked(place / "lock", target):
            try:
                shutil.rmtree(new, ignore_errors=True)
                make_folder(new)
                yield new
            finally:
                shutil.rmtree(new, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()
            for folder in absent:
                folder.rmdir()


def _make_place(place: Path) -> None:
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise WritingError(error, place.parent, "folder") from error


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Fill a folder that appears at its place when it is complete, or not at all; see `staging`.

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
    with staging(target) as new:
        yield new
        _move(new, target.absolute())


def _move(folder: Path, target: Path) -> None:
    """Put a folder in the place of one that is empty or does not exist."""
    try:
        if target.is_dir():
            target.rmdir()
        os.replace(folder, target)
        sync_folder(target.parent)
    except OSError as error:
        raise WritingError(error, target, "folder") from error
