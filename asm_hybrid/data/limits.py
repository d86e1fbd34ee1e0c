"""How large a file of series may be, so that no file takes the memory of the machine, or minutes to be refused."""

from __future__ import annotations

from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["MAX_BYTES", "MAX_CELLS", "MAX_COLUMNS", "check_size", "read_bounded", "too_large"]

MAX_BYTES = 300_000_000
"""Largest file that is read [byte]."""
MAX_COLUMNS = 16_384
"""Most columns of a file: what a sheet of Excel holds."""
MAX_CELLS = 50_000_000
"""Most cells of a file: a year at one minute with 95 columns."""


def read_bounded(path: Path, where: str, limit: int = MAX_BYTES) -> bytes:
    """Return the content of a file of series.

    Parameters
    ----------
    path : Path
        The file.
    where : str
        Where it is named, for messages.
    limit : int
        Largest size [byte].

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        If there is no such file; the caller knows what may have been meant.
    InputError
        If it is no file, too large, or cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no file", where=where, expected="a file of series")
        if (size := path.stat().st_size) > limit:
            raise too_large(limit, str(path), size)
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"the file {path} cannot be read: {reason}", where=where, expected="a file of series"
        ) from None
    if len(raw) > limit:  # it has grown, or is no file of a disk
        raise too_large(limit, str(path))
    return raw


def too_large(limit: int, where: str, size: int | None = None) -> InputError:
    """Return the error for series that are too large.

    Parameters
    ----------
    limit : int
        Largest size [byte].
    where : str
        The file, or the query.
    size : int, optional
        Its size [byte].

    Returns
    -------
    InputError
    """
    most = f"{limit // 1_000_000} MB"
    return InputError(
        f"the series are larger than {most}" if size is None else f"the file has {size / 1e6:.0f} MB",
        where=where,
        expected=f"series of at most {most}",
        fix="leave out columns and tags that are not used, take means over some minutes, or split the record in time "
        "into several sources; Parquet takes less room than CSV",
    )


def check_size(rows: int, columns: int, where: str) -> None:
    """Refuse a table with more columns, or cells, than a record of a plant can have.

    Parameters
    ----------
    rows, columns : int
        Size of the table; rows may be those read so far, or zero when none is.
    where : str
        The file, or the query.
    """
    if columns > MAX_COLUMNS:
        raise InputError(
            f"the table has {columns} columns",
            where=where,
            expected=f"at most {MAX_COLUMNS} columns",
            fix="check the separator and the export: a column is one measured variable, a row is one time",
        )
    if rows * columns > MAX_CELLS:
        raise InputError(
            f"the table has more than {MAX_CELLS // 1_000_000} million cells",
            where=where,
            expected="a record of a plant, such as a year at one minute",
            fix="split it into several sources, or drop columns that are not used",
        )
