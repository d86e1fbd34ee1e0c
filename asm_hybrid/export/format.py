"""What every export format says of itself, and what all of them need of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asm_hybrid.artefacts import read_json
from asm_hybrid.errors import readable
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.yamlfile import YamlSource

__all__ = ["FREE", "Format", "Source", "as_written", "occupied", "read_tables"]

FREE = "a target that does not exist yet, or an empty folder"


@dataclass(frozen=True)
class Source:
    """What is exported.

    Attributes
    ----------
    run : Path
        A run folder or bundle that is verified.
    scenario : str, Path, mapping or None
        A scenario file whose controllers and time tables the plant gets; the plant as it was trained without one.
    case : str or None
        Which of its scenarios, where it holds several.
    """

    run: Path
    scenario: YamlSource | None = None
    case: str | None = None


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
    endings : tuple of str
        Of the files and folders that it writes, behind the name of the run. One without a point is that of a folder.
    write : callable
        ``write(source, stem)``: writes ``stem.with_name(stem.name + ending)`` for every ending into the empty folder of
        `stem`, and returns notes for the user, one a line. It raises `InputError` where it cannot hold the run, with
        the alternative. What stands in the way, a failure halfway, and a full disk are the concern of
        `asm_hybrid.export.export_run`.
    optional : tuple of str
        Those of the endings that `write` leaves out where a run has nothing for them, with a note that says so.
    steered : bool
        Whether it can hold the plant of a scenario.
    opens : str
        How to open what it writes, in one line; ``{path}`` in it is the first file or folder.
    """

    name: str
    order: int
    summary: str
    endings: tuple[str, ...]
    write: Callable[[Source, Path], Sequence[str]]
    opens: str
    optional: tuple[str, ...] = ()
    steered: bool = False


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


def occupied(out: Path) -> str | None:
    """Tell what stands in the way of a target.

    Parameters
    ----------
    out : Path
        The target.

    Returns
    -------
    str or None
        What is there, in words; None where there is nothing, or an empty folder.

    Raises
    ------
    InputError
        When that cannot be found out.
    """
    with readable("the target cannot be used", where=str(out), expected="one that may be created and written"):
        if out.is_symlink():
            return "a link of that name exists"
        if out.is_dir():
            return "the folder holds files" if any(out.iterdir()) else None
        return "a file of that name exists" if out.exists() else None
