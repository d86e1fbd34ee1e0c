"""Exceptions that a user may see, and the sentence they are made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["AsmHybridError", "InputError", "SimulationError", "nearest"]


class AsmHybridError(Exception):
    """Base of every error that the command line shows as one message, without a traceback."""

    exit_code = 1


class InputError(AsmHybridError):
    """Something the user wrote or supplied cannot be used.

    Parameters
    ----------
    found : str
        What was found, as one sentence.
    where : str, optional
        File, line, key or row.
    expected : str, optional
        What would have been accepted.
    fix : str, optional
        The likely remedy.
    """

    exit_code = 2

    def __init__(
        self, found: str, *, where: str | None = None, expected: str | None = None, fix: str | None = None
    ) -> None:
        self.found, self.where, self.expected, self.fix = found, where, expected, fix
        lines = [f"{where}: {found}" if where else found]
        if expected:
            lines.append(f"  expected: {expected}")
        if fix:
            lines.append(f"  fix: {fix}")
        super().__init__("\n".join(lines))


class SimulationError(AsmHybridError):
    """A simulation or training failed numerically."""


def nearest(name: str, options: Iterable[str]) -> str:
    """Return the sentence that helps with a mistyped name.

    Parameters
    ----------
    name : str
        The name that was not recognised.
    options : iterable of str
        The names that are.

    Returns
    -------
    str
        ``"did you mean 'x'?"``, or the list of names when nothing is near.
    """
    known = list(options)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(repr(c) for c in close) + "?"
    shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return f"use one of: {shown}" if known else "no name is known here"
