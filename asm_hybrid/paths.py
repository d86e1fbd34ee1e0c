"""Paths that a user names in Python."""

from __future__ import annotations

import os
from pathlib import Path

from asm_hybrid.errors import InputError

__all__ = ["as_path"]


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
