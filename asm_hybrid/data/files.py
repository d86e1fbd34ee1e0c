"""Files of series: which endings are read, and what is said of a file that is something else."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from asm_hybrid.data.limits import read_bounded
from asm_hybrid.errors import InputError, nearest

__all__ = ["SUFFIXES", "TEXT", "check_content", "read_series_file"]

TEXT = (".csv", ".txt", ".tsv")
"""Endings of files of text, whose cells a separator parts."""
SUFFIXES = (*TEXT, ".parquet", ".xlsx")

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_HTML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|table|meta|div|\?xml)", re.IGNORECASE)
_CONTROL = bytes(set(range(9)) | set(range(14, 27)))
_LOOK = 4096
SAVE = "open it in Excel and save it as a workbook (.xlsx), or as CSV UTF-8"


def read_series_file(path: Path, where: str) -> tuple[bytes, str]:
    """Read a file of series, after checking that it is one.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        Where it is named, for messages.

    Returns
    -------
    raw : bytes
        Its content.
    suffix : str
        The ending by which its kind is told, in small letters.

    Raises
    ------
    InputError
        If there is no such file, it is too large, or it is no file of series.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        found = f"the file {path.name!r} is of a kind that is not read"
        with contextlib.suppress(OSError), path.open("rb") as stream:
            other = _other(stream.read(_LOOK), suffix)[0]
            found += f"; it{other}" if other else ""
        raise InputError(
            found,
            where=where,
            expected="a file with the ending " + " or ".join(SUFFIXES),
            fix="save the series as CSV, Parquet or Excel (.xlsx)",
        )
    try:
        raw = read_bounded(path, where)
    except FileNotFoundError:
        near = []
        with contextlib.suppress(OSError):
            near = sorted(p.name for p in path.parent.iterdir() if p.suffix.lower() in SUFFIXES)
        raise InputError(
            f"the file {path} does not exist",
            where=where,
            expected="a file of series; its path is relative to the config",
            fix=nearest(path.name, near) if near else f"check the path; {path.parent} has no file of series",
        ) from None
    check_content(raw, path)
    return raw, suffix


def check_content(raw: bytes, path: Path) -> None:
    """Refuse what is no file of series, whatever its ending says.

    Parameters
    ----------
    raw : bytes
        The file, or its begin.
    path : Path
        Its name.

    Raises
    ------
    InputError
        If it is empty, a page of HTML, locked by a password, of another kind than its ending says, or no text.
    """
    suffix = path.suffix.lower()
    if not raw[:_LOOK].strip() and not raw.strip():
        raise InputError("the file is empty", where=str(path), expected="a header and rows", fix="export it again")
    other, fix = _other(raw, suffix)
    if other:
        raise InputError(f"the file{other}", where=str(path), expected="a file of series, as its ending says", fix=fix)


def _other(raw: bytes, suffix: str) -> tuple[str, str]:
    """Return what a file is, if its content is not what its ending says, and the remedy; empty if it may be."""
    if raw.startswith(_OLE):
        if _ENCRYPTED in raw:
            return " is locked by a password", "open it in Excel, remove the password under File, Info, and save it"
        return " is a workbook of Excel 97 to 2003 (.xls), or locked by a password", SAVE
    if _HTML.match(raw):
        return " is a page of HTML or XML, to which some programs give the ending of Excel", SAVE
    if raw.startswith(b"PK\x03\x04") and suffix != ".xlsx":
        return " is a workbook or another zip archive", "give it the ending .xlsx if it is a workbook, or unpack it"
    if raw.startswith(b"PAR1") and suffix != ".parquet":
        return " is a Parquet file", "give it the ending .parquet"
    for mark, kind in (
        (b"%PDF", "a PDF document"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"SQLite format 3", "a database"),
    ):
        if raw.startswith(mark):
            return f" is {kind}", "export the series as CSV, Parquet or Excel (.xlsx)"
    if suffix in TEXT and raw[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        head = raw[:_LOOK]
        control = len(head) - len(head.translate(None, _CONTROL))
        if control > 0.02 * len(head) and head.count(0) < 0.3 * len(head):
            return " is no text: its bytes are those of a program or an image", "export the series as CSV"
    return "", ""
