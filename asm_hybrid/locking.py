"""Locks on files that the operating system lifts when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from asm_hybrid.errors import InputError

__all__ = ["grip", "held_by", "holder_process", "locked", "remove_abandoned"]

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system answers that has no locks; there a lock is always granted."""

_NAMED = "process {number} on {host}"
_PROCESS = re.compile(r"process (\d+) on (.*)")
"""How a lock file names the process that holds it."""


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30
    """The byte that is locked, behind all content: others cannot read what is locked."""

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(_FAR)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

    def _unlock(stream: IO[bytes]) -> None:
        stream.seek(_FAR)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_UN)


def grip(stream: IO[bytes], path: Path) -> bool:
    """Lock an open file without waiting; closing it lifts the lock.

    Parameters
    ----------
    stream : file
        Opened for writing at `path`.
    path : Path
        Where it should be.

    Returns
    -------
    bool
        Whether it is locked now: not when another holds it, nor when it was removed in between.
    """
    try:
        _lock(stream)
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            return False
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def locked(path: Path, what: Path) -> Iterator[None]:
    """Hold a lock, so that no second process works on the same thing.

    Parameters
    ----------
    path : Path
        The lock file, which names the process that holds it and is removed at the end. One that a dead process has
        left is no obstacle.
    what : Path
        What is locked, for the message.

    Yields
    ------
    None

    Raises
    ------
    InputError
        When another process holds the lock, or the file cannot be written.
    """
    try:
        stream = path.open("a+b", buffering=0)
    except OSError as error:
        raise InputError(
            f"the folder cannot be written ({error.strerror or error})",
            where=str(what),
            expected="a folder that may be created and written",
            fix="give another one, or get the right to write there",
        ) from error
    with stream:
        if not grip(stream, path):
            raise InputError(
                f"{_holder(stream)} is writing it",
                where=str(what),
                expected="one process at a time",
                fix="wait until that process has ended, or end it",
            )
        with contextlib.suppress(OSError):  # a full disk: the lock holds, and does not tell by whom
            stream.truncate(0)
            stream.write(_NAMED.format(number=os.getpid(), host=socket.gethostname()).encode())
        try:
            yield
        finally:
            _leave(stream, path)


def held_by(path: Path) -> str | None:
    """Tell which process holds a lock, without waiting for it.

    Parameters
    ----------
    path : Path
        The lock file of `locked`.

    Returns
    -------
    str or None
        The process, as the lock file names it; None where nobody holds it, or that cannot be told.
    """
    with contextlib.suppress(OSError), path.open("r+b") as stream:
        said = _holder(stream)
        if not _ended(said) and not grip(stream, path) and path.exists():
            return said
    return None


def holder_process(said: str) -> int | None:
    """Return the number of the process that a lock names.

    Parameters
    ----------
    said : str
        What `held_by` gave.

    Returns
    -------
    int or None
        None where it runs on another machine, or is not named.
    """
    found = _PROCESS.fullmatch(said)
    return int(found[1]) if found and found[2] == socket.gethostname() else None


def _ended(said: str) -> bool:
    """Return whether it is known that a process has ended: then its lock need not be tried, which takes it a moment."""
    number = holder_process(said)
    if number is None or os.name != "posix":
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def remove_abandoned(path: Path) -> None:
    """Remove a file that its writer held by `grip`, if that writer is dead.

    Parameters
    ----------
    path : Path
        The file. One that cannot be removed stays, without an error.
    """
    with contextlib.suppress(OSError):
        with path.open("r+b") as stream:
            if not grip(stream, path):
                return
            if os.name == "posix":  # while it is locked, so that nobody else takes it up
                path.unlink()
        path.unlink(missing_ok=True)


def _holder(stream: IO[bytes]) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        stream.seek(0)
        return stream.read(200).decode() or "another process"
    return "another process"


def _leave(stream: IO[bytes], path: Path) -> None:
    """Remove a lock and lift it; Windows removes no file that is open."""
    with contextlib.suppress(OSError):
        if os.name == "posix" and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            path.unlink()
    with contextlib.suppress(OSError):
        _unlock(stream)
    stream.close()
    if os.name != "posix":
        with contextlib.suppress(OSError):
            path.unlink()
