"""Paths that a user names in Python."""

from __future__ import annotations

import os
from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["LAYOUTS", "as_folder", "as_path", "available_layouts"]

LAYOUTS = Path(__file__).parent / "plant" / "layouts"
"""Folder of the shipped layouts."""


def as_path(given: str | Path, expected: str) -> Path:
    """Return what a user names as a path.

    Parameters
    ----------
    given : str or Path
        What was given; anything may come in.
    expected : str
        What it should be, in words.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        When it is neither text nor a path, such as a result in place of its folder.
    """
    if isinstance(given, str) or (isinstance(given, os.PathLike) and isinstance(os.fspath(given), str)):
        return Path(given)
    fix = "give the attribute folder of it" if hasattr(given, "folder") else None
    raise InputError(f"this is a {type(given).__name__}", expected=expected, fix=fix)


def as_folder(given: str | Path | None) -> Path | None:
    """Return what a user names as the folder of a result; None stays None.

    Parameters
    ----------
    given : str, Path or None
        What was given; anything may come in.

    Returns
    -------
    Path or None

    Raises
    ------
    InputError
        As `as_path`.
    """
    return None if given is None else as_path(given, "the path of a folder")


def available_layouts() -> tuple[str, ...]:
    """Return the names of the shipped layouts.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(path.stem for path in LAYOUTS.glob("*.yaml")))
