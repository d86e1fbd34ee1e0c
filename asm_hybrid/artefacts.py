"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from asm_hybrid.errors import InputError, readable
from asm_hybrid.locking import grip, remove_abandoned

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RESTORE",
    "TEMPORARY",
    "UNFINISHED",
    "WritingError",
    "clear_temporary",
    "csv_text",
    "harmless",
    "json_text",
    "make_folder",
    "read_json",
    "restored",
    "restored_text",
    "sync_folder",
    "user_path",
    "write_bytes_atomic",
    "write_csv_atomic",
    "write_json_atomic",
    "write_text_atomic",
]

UNFINISHED = "checkpoint"
"""Folder in a run folder that holds what an unfinished run goes on from; no artefact."""
TEMPORARY = ".partial"
_QUOTED = re.compile(r'[,"\r\n]')
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20].", re.DOTALL)
"""Text that a spreadsheet runs as a formula, by its signs and their wide forms, or that was made harmless."""
_HARMLESS = re.compile(r"'(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20].)", re.DOTALL)
RESTORE = "restore the folder from a copy, or train again"


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

    Attributes
    ----------
    error : OSError
        What the system answered.
    """

    def __init__(self, error: OSError, path: Path, what: str = "file") -> None:
        self.error = error
        super().__init__(
            f"the {what} cannot be written: {error.strerror or error}",
            where=str(path),
            fix="check that the folder exists, may be written, and that the disk has room",
        )


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
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY}"):
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
        sync_folder(path.parent)
    except OSError as error:
        raise WritingError(error, path) from error
    return path


def _begin(path: Path) -> tuple[Path, IO[bytes]]:
    """Open a temporary file beside a target, locked as long as it is being written."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}{TEMPORARY}")
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
    headers = [harmless(name) for name in frame.columns]
    text = [i for i, kind in enumerate(frame.dtypes) if kind.kind not in "biufmM"]
    columns = {i: frame.iloc[:, i].map(harmless) if i in text else frame.iloc[:, i] for i in range(len(headers))}
    safe = type(frame)(columns)
    if float_format is not None and _plain(safe, text):  # many times as fast, and the same
        row = ",".join("%s" if i in text else float_format for i in range(len(headers)))
        lines = (row % values for values in zip(*(safe[i].tolist() for i in columns), strict=True))
        return "\n".join([safe.iloc[:0].to_csv(index=False, header=headers, lineterminator=""), *lines, ""])
    return safe.to_csv(index=False, header=headers, lineterminator="\n", float_format=float_format)


def _plain(frame: pd.DataFrame, text: Sequence[int]) -> bool:
    """Return whether a table holds floats without gaps, and texts that need no quotes, and nothing else."""
    floats = [kind for i, kind in enumerate(frame.dtypes) if i not in text]
    return (
        all(kind.kind == "f" for kind in floats)
        and not bool(frame.isna().any(axis=None))
        and not any(_QUOTED.search(str(cell)) for i in text for cell in frame[i])
    )


def harmless(cell: Any) -> Any:
    """Return a header or a cell that no spreadsheet runs as a program; see `csv_text`.

    Parameters
    ----------
    cell : object
        Header or cell; what is no text stays as it is.

    Returns
    -------
    object
    """
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
    columns = {i: frame.iloc[:, i] for i in range(frame.shape[1])}
    for i, column in columns.items():
        if column.dtype.kind not in "biufmM":  # a column without any text stays one of texts
            columns[i] = column.map(restored_text).astype(column.dtype)
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
    return write_text_atomic(path, json_text(value))


def json_text(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return JSON, indented, keys in the given order, without NaN or infinity.

    Parameters
    ----------
    value : mapping or sequence
        Content; a scalar of NumPy is written as the number, or yes or no, that it holds.

    Returns
    -------
    str
    """
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=_held) + "\n"


def _held(value: object) -> object:
    """Return what a scalar of NumPy holds; anything else has no place in JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def clear_temporary(folder: Path) -> None:
    """Remove what `write_bytes_atomic` left half written when it was killed, in a folder and below.

    Parameters
    ----------
    folder : Path
        The folder; a file that is still being written stays.
    """
    for path in folder.rglob(f".*{TEMPORARY}"):
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
            sync_folder(made.absolute().parent)
    except OSError as error:
        raise WritingError(error, folder, "folder") from error
    return folder


def read_json(path: Path, fix: str = RESTORE) -> dict[str, Any]:
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


def sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows offers no such call, and needs none.

    Parameters
    ----------
    folder : Path
        The folder in which a file or folder was renamed.

    Raises
    ------
    OSError
        When the system cannot.
    """
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
