"""A file that takes the outcomes of cases as they come in, each whole or not at all.

It is text: a head, then a row a case, each a line that begins with a checksum of what follows.

    CHECKSUM {"journal": 1, "fingerprint": "…"}
    CHECKSUM NUMBER DIGEST {"figures": …}

NUMBER is that of the case, DIGEST tells its values from others. A row is written by one call, and brought to the disk
at the latest with the first row that comes a second after the one before was; so a power cut loses what came in within
a second, and a kill of the process loses nothing that came in. What was lost is evaluated again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from asm_hybrid.artefacts import WritingError, make_folder, write_bytes_atomic
from asm_hybrid.errors import InputError, readable
from asm_hybrid.locking import locked
from asm_hybrid.parallel.evaluation import Evaluated
from asm_hybrid.parallel.outcome import Outcome, Value
from asm_hybrid.parallel.rows import case_digest, decode

__all__ = ["Journal", "open_journal"]

FORM = 1
"""Of the journal; another form is refused."""
SYNC = 1.0
"""Time after which a row is brought to the disk at once [s]; that takes some 10 ms, too long for each row."""
_CHECK = 16
"""Hexadecimal digits of a checksum."""


class Journal:
    """An open journal.

    Parameters
    ----------
    path : Path
        The file.
    stream : file
        Open for appending, without a buffer.
    digests : sequence of str
        What tells the values of each case.
    outcomes : dict of int to Outcome
        What it holds by the numbers of cases.

    Attributes
    ----------
    outcomes : dict of int to Outcome
        What it held when it was opened.
    """

    def __init__(self, path: Path, stream: IO[bytes], digests: Sequence[str], outcomes: Mapping[int, Outcome]) -> None:
        self.outcomes = outcomes
        self._path, self._stream, self._digests = path, stream, digests
        self._end = stream.seek(0, os.SEEK_END)
        self._synced, self._due = time.monotonic(), False

    def take(self, found: Evaluated) -> None:
        """Append an outcome, unless it might be another one next time.

        Parameters
        ----------
        found : Evaluated
            What became of a case.

        Raises
        ------
        InputError
            When it cannot be written; the journal then ends with the row before.
        """
        if not found.lasting:
            return
        line = _line(f"{found.case} {self._digests[found.case]} ".encode("ascii") + found.row)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._stream.write(rest) :]
            self._end += len(line)
            self._due = True
            if time.monotonic() - self._synced >= SYNC:
                self.sync()
        except OSError as error:
            self._cut()
            raise _unwritten(error, self._path) from error

    def sync(self) -> None:
        """Bring all rows to the disk."""
        if self._due:
            os.fsync(self._stream.fileno())
            self._synced, self._due = time.monotonic(), False

    def close(self) -> None:
        """Bring all rows to the disk, for the last time.

        Raises
        ------
        InputError
            When the disk does not take them.
        """
        try:
            self.sync()
        except OSError as error:
            raise _unwritten(error, self._path) from error

    def _cut(self) -> None:
        """Take away what a failed write has left of a row."""
        try:
            self._stream.truncate(self._end)
        except OSError:
            return  # the next one who opens the journal does it


class _Unkept:
    """In place of a journal where none is kept."""

    outcomes: Mapping[int, Outcome] = {}

    def take(self, found: Evaluated) -> None:
        """Keep nothing."""


@contextmanager
def open_journal(
    path: Path | None, fingerprint: str, cases: Sequence[Mapping[str, Value]]
) -> Iterator[Journal | _Unkept]:
    """Open a journal, or begin it, for this process alone.

    Parameters
    ----------
    path : Path or None
        The file; None to keep nothing.
    fingerprint : str
        Of all that decides outcomes, apart from the values of the cases.
    cases : sequence of mapping of str to float or str
        The cases.

    Yields
    ------
    Journal

    Raises
    ------
    InputError
        When it is damaged, belongs to something else, is held by another process, or cannot be written.
    """
    if path is None:
        yield _Unkept()
        return
    digests = [case_digest(case) for case in cases]
    make_folder(path.parent)
    with locked(path.with_name(f".{path.name}.lock"), path):
        if not os.path.lexists(path):
            write_bytes_atomic(path, _line(_head(fingerprint)))
        outcomes, end = _read(path, fingerprint, digests)
        try:
            stream = path.open("r+b", buffering=0)
        except OSError as error:
            raise _unwritten(error, path) from error
        with stream:
            try:
                stream.truncate(end)
                journal = Journal(path, stream, digests, outcomes)
            except OSError as error:
                raise _unwritten(error, path) from error
            try:
                yield journal
            finally:
                journal.close()


def _head(fingerprint: str) -> bytes:
    return json.dumps({"journal": FORM, "fingerprint": fingerprint}).encode("ascii")


def _line(content: bytes) -> bytes:
    return _checksum(content) + b" " + content + b"\n"


def _checksum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest()[:_CHECK].encode("ascii")


def _content(line: bytes) -> bytes | None:
    """Return what a line holds; None where it is not as it was written."""
    checksum, _, content = line.removesuffix(b"\n").partition(b" ")
    return content if line.endswith(b"\n") and checksum == _checksum(content) else None


def _read(path: Path, fingerprint: str, digests: Sequence[str]) -> tuple[dict[int, Outcome], int]:
    """Return the outcomes of a journal, and where its last whole row ends."""
    outcomes: dict[int, Outcome] = {}
    with readable("the journal cannot be read", where=str(path)), path.open("rb") as stream:
        end = len(head := stream.readline())
        _check_head(head, path, fingerprint)
        bad, torn = 0, b""
        for row, line in enumerate(stream, start=2):
            content = _content(line)
            if content is None:
                bad, torn = bad or row, torn + line
                continue
            if bad:
                raise _damaged(path, bad)
            case, outcome = _outcome(content, path, row, digests)
            if case in outcomes:
                raise _damaged(path, row, f"case {case} stands in it twice")
            outcomes[case] = outcome
            end += len(line)
    if b"\n" in torn and b"\0" not in torn:  # whole, or without the gaps that a power cut leaves
        raise _damaged(path, bad)
    return outcomes, end


def _check_head(head: bytes, path: Path, fingerprint: str) -> None:
    content = _content(head)
    if content is None:
        raise InputError(
            "this is no journal, or its first line is damaged",
            where=str(path),
            expected="a journal as asm-hybrid writes it",
            fix="restore the file from a copy; without it, all cases are evaluated again",
        )
    if content != _head(fingerprint):
        raise InputError(
            "the journal is that of another study, or what decides its results has changed since",
            where=str(path),
            expected="the same study, plant or run, and version of asm-hybrid as at its beginning",
            fix="undo the change, or begin a new study",
        )


def _outcome(content: bytes, path: Path, row: int, digests: Sequence[str]) -> tuple[int, Outcome]:
    """Return the case of a row and its outcome."""
    with readable(f"row {row} of the journal is none of asm-hybrid", where=str(path), fix=_DELETE.format(row=row)):
        number, digest, rest = content.split(b" ", 2)
        case = int(number)
        outcome = decode(case, rest)
    if not 0 <= case < len(digests) or digest.decode() != digests[case]:
        raise InputError(
            f"row {row} of the journal is of a case that this study does not have: case {case} with other values",
            where=str(path),
            expected="the same cases as at its beginning",
            fix="undo the change, or begin a new study",
        )
    return case, outcome


_DELETE = "restore the file from a copy, or delete line {row} of it: its case is then evaluated again"


def _damaged(path: Path, row: int, what: str = "it is not as it was written") -> InputError:
    return InputError(
        f"row {row} of the journal is damaged: {what}",
        where=str(path),
        expected="rows as asm-hybrid wrote them",
        fix=_DELETE.format(row=row),
    )


def _unwritten(error: OSError, path: Path) -> InputError:
    """Return an error that says how the study goes on."""
    told = WritingError(error, path)
    fix = f"{told.fix}; then go on with --resume: what came in is kept"
    return InputError(told.found, where=told.where, expected=told.expected, fix=fix)
