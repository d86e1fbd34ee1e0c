"""What every export format says of itself, and what all of them need of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import read_json
from asm_hybrid.errors import InputError, readable
from asm_hybrid.manifest import verify_manifest

__all__ = ["Format", "as_written", "read_tables", "refuse_occupied"]


@dataclass(frozen=True)
class Format:
    """One export format.

    Attributes
    ----------
    name : str
        What users call it.
    order : int
        Where it stands in lists.
    summary : str
        What it is, in one line.
    ending : str
        From the name of the run to that of the file or folder that is written where the user names none.
    write : callable
        ``write(run, out)``: writes the export of a run folder or bundle, complete or not at all, and nothing over what
        is there. It raises `InputError` where a file of the run is missing or not the one that was written.
    """

    name: str
    order: int
    summary: str
    ending: str
    write: Callable[[Path, Path], object]


def read_tables(run: Path, more: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tables of a run, once they are verified.

    Parameters
    ----------
    run : Path
        A run folder, or a bundle.
    more : sequence of str
        Further files that are verified.

    Returns
    -------
    (dict, dict)
        Content of ``parameters.json`` and of ``summary.json``.

    Raises
    ------
    InputError
        If a file is missing or differs from the manifest.
    """
    verify_manifest(run, ("parameters.json", "summary.json", *more))
    return read_json(run / "parameters.json"), read_json(run / "summary.json")


def as_written(what: str, run: Path) -> AbstractContextManager[None]:
    """Guard the making of an export from the tables of a run.

    Parameters
    ----------
    what : str
        What is made, with its article.
    run : Path
        The run folder, or bundle, that messages name.

    Returns
    -------
    context manager
        Around the making. Tables of another shape become an `InputError` there.
    """
    return readable(
        f"parameters.json and summary.json do not make {what}",
        where=str(run),
        expected="the files as this version of asm-hybrid writes them",
        fix="use the version of asm-hybrid that made the run, or train again",
    )


def refuse_occupied(out: Path) -> None:
    """Refuse a target that holds something.

    Parameters
    ----------
    out : Path
        The target.

    Raises
    ------
    InputError
        When it is a file, a folder with files in it, or cannot be used.
    """
    with readable("the target cannot be used", where=str(out), expected="one that may be created and written"):
        if out.is_dir() and not any(out.iterdir()):
            return
        occupied = out.exists() or out.is_symlink()
    if occupied:
        raise InputError(
            "the folder holds files" if out.is_dir() else "a file of that name exists",
            where=str(out),
            expected="a target that does not exist yet, or an empty folder",
            fix="give another one with --out, or move this one away",
        )
