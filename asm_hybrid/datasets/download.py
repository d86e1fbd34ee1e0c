"""One file from where it is published, whole and checked, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch

from asm_hybrid.artefacts import WritingError
from asm_hybrid.datasets.catalogue import size_text
from asm_hybrid.datasets.entries import DataFile
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import sha256_file

__all__ = ["Progress", "Progresses", "Stated", "check_file", "download", "stated_by_mendeley"]

Progress = Callable[[int, int], None]
"""Is told the bytes that came, and those that will; zero where the server does not say."""
Progresses = Callable[[str], Progress | None]
"""Gives, for the name of a file, what is told of its progress."""
MENDELEY = "https://data.mendeley.com/public-api/datasets/{dataset}/files?folder_id=root&version={version}"
"""Where Mendeley Data lists the files of a set, with addresses and checksums."""
TIMEOUT = 30.0
"""Longest time without a byte [s]."""
CHUNK = 1 << 16
ATTEMPTS = 3
"""How often a download that breaks off is begun anew."""
ROOM = 1.1
"""Room on the disk, in sizes of the file, without which no download begins."""
LIST_BYTES = 10_000_000
"""Largest list of files that is read [byte]."""


@dataclass(frozen=True)
class Stated:
    """What is known of a file before it comes.

    Attributes
    ----------
    url : str
        Where it is.
    size : int or None
        Its size [byte].
    sha256, git_blob : str or None
        Its checksums.
    """

    url: str
    size: int | None
    sha256: str | None
    git_blob: str | None


def download(stated: Stated, target: Path, progress: Progress | None = None) -> str:
    """Download a file, and check it.

    Parameters
    ----------
    stated : Stated
        What is known of it.
    target : Path
        A file that does not exist, in a folder that nobody reads.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    str
        Its SHA-256.

    Raises
    ------
    InputError
        If the server cannot be reached or refuses the file, if it breaks off again and again, or is another file; with
        what to do. The target may be there then, and is of no use.
    WritingError
        If the disk has no room, or cannot be written.
    """
    _check_room(target.parent, stated.size)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch(stated.url, target, progress)
        except _BrokenError as error:
            if attempt == ATTEMPTS:
                raise _failed(stated.url, f"the download broke off {ATTEMPTS} times ({error})") from None
            continue
        break
    return check_file(target, stated, stated.url)


class _BrokenError(Exception):
    """A download has broken off; it may well succeed when it is begun anew."""


class _Bar:
    """What pooch takes for a bar of progress."""

    def __init__(self, progress: Progress) -> None:
        self.total, self._come, self._progress = 0, 0, progress

    def update(self, count: int) -> None:
        self._come = min(self._come + count, self.total or self._come + count)  # the last piece may be smaller
        self._progress(self._come, self.total)

    def reset(self) -> None:
        self._come = 0

    def close(self) -> None:
        """Do nothing: who shows it closes it."""


def _fetch(url: str, target: Path, progress: Progress | None) -> None:
    """Copy what an address gives into a file, with every failure in words."""
    from requests import exceptions

    answers: list[Any] = []

    def keep(answer: Any, *_: Any, **__: Any) -> None:
        answers.append(answer)

    bar: Any = False if progress is None else _Bar(progress)
    get = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT, hooks={"response": keep})
    with _words(url, exceptions):
        try:
            get(url, str(target), None)
        except exceptions.RequestException:
            raise
        except OSError as error:
            raise WritingError(error, target) from error
        finally:
            for answer in answers:  # pooch leaves connections open that have failed
                answer.close()


@contextlib.contextmanager
def _words(url: str, exceptions: Any) -> Iterator[None]:
    host = urlsplit(url).netloc
    try:
        yield
    except exceptions.HTTPError as error:
        code, reason = error.response.status_code, error.response.reason
        gone = "the file is no longer there" if code in (404, 410) else "it does not give the file away"
        gone = "the server is out of order; try again later" if code >= 500 else gone
        raise _failed(url, f"{host} answers {code} {reason}: {gone}") from None
    except (exceptions.ConnectTimeout, exceptions.ReadTimeout):
        raise _failed(url, f"{host} has not answered for {TIMEOUT:g} s") from None
    except exceptions.SSLError as error:
        raise _failed(url, f"the certificate of {host} is not accepted ({_short(error)})") from None
    except (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError) as error:
        raise _BrokenError(_short(error)) from None
    except exceptions.ConnectionError as error:
        if "Read timed out" in str(error):
            raise _failed(url, f"{host} has sent nothing for {TIMEOUT:g} s") from None
        raise _failed(url, f"{host} cannot be reached ({_short(error)})") from None
    except exceptions.RequestException as error:
        raise _failed(url, f"{host} gives no file ({_short(error)})") from None


def _short(error: Exception) -> str:
    inner: Any = error.args[0] if error.args else error
    inner = getattr(inner, "reason", inner)
    return " ".join(str(inner).split())[-160:]


def _failed(url: str, found: str) -> InputError:
    return InputError(
        found,
        where=url,
        expected="the file as the catalogue describes it",
        fix="nothing is left half-written: check the network and run the same command again, or download the file by a "
        "browser into the folder of the set, where the command looks at it",
    )


def _check_room(folder: Path, size: int | None) -> None:
    """Refuse a download for which the disk has no room."""
    free = shutil.disk_usage(folder).free
    if size is not None and free < ROOM * size:
        raise InputError(
            f"the disk has {size_text(free)} of room, and the file takes {size_text(size)}",
            where=str(folder),
            fix="make room, or give a folder on another disk by --out",
        )


def check_file(path: Path, stated: Stated | DataFile, where: str) -> str:
    """Compare a file with what is known of it.

    Parameters
    ----------
    path : Path
        The file.
    stated : Stated or DataFile
        What is known of it.
    where : str
        What it is called in messages.

    Returns
    -------
    str
        Its SHA-256.

    Raises
    ------
    InputError
        If size or checksum differ, or a page of the web has come in place of a file of unknown checksum.
    """
    size, digest = path.stat().st_size, sha256_file(path)
    wrong = ""
    if stated.size is not None and size != stated.size:
        wrong = f"the file has {size} bytes, and should have {stated.size}"
    elif stated.sha256 is not None and digest != stated.sha256:
        wrong = f"the file has the SHA-256 {digest}, and should have {stated.sha256}"
    elif stated.git_blob is not None and (own := git_blob(path)) != stated.git_blob:
        wrong = f"git would name the file {own}, and should name it {stated.git_blob}"
    elif size == 0:
        wrong = "the file is empty"
    elif stated.sha256 is None and stated.git_blob is None and _is_page(path):
        wrong = "this is a page of the web, such as that of a login, not the file"
    if wrong:
        raise InputError(
            wrong,
            where=where,
            expected="the file as the catalogue describes it",
            fix="it was damaged on its way, or was changed where it is published: get it again; if that is the same, "
            "look at the page of the set, and do not take the one file for the other",
        )
    return digest


def git_blob(path: Path) -> str:
    """Return how git names a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        SHA-1 of the content behind its size, 40 hexadecimal digits.
    """
    found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _is_page(path: Path) -> bool:
    with path.open("rb") as stream:
        begin = stream.read(200).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return begin.startswith((b"<!doctype html", b"<html"))


def stated_by_mendeley(file: DataFile, room: Path) -> Stated:
    """Return what the list of Mendeley Data says of a file.

    Parameters
    ----------
    file : DataFile
        The file.
    room : Path
        A folder that nobody reads.

    Returns
    -------
    Stated

    Raises
    ------
    InputError
        If the list cannot be got, is none, or does not have the file.
    """
    assert file.mendeley is not None
    url = MENDELEY.format(dataset=file.mendeley.dataset, version=file.mendeley.version)
    path = room / "list.json"
    try:
        _fetch(url, path, None)
        with path.open("rb") as stream:
            listed = {entry["filename"]: entry["content_details"] for entry in json.loads(stream.read(LIST_BYTES))}
        details = listed.get(file.name)
        found = (
            None if details is None else (str(details["download_url"]), details.get("size"), details.get("sha256_hash"))
        )
    except _BrokenError as error:
        raise _failed(url, f"the list of files broke off ({error})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _failed(url, "Mendeley Data answers with something else than a list of files") from None
    finally:
        path.unlink(missing_ok=True)
    if found is None:
        raise _failed(url, f"Mendeley Data lists no file {file.name!r}, but {', '.join(sorted(listed)) or 'none'}")
    return Stated(found[0], file.size or found[1], file.sha256 or found[2], None)
