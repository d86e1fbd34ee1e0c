"""Exceptions that a user may see, and the sentence they are made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["AsmHybridError", "InputError", "SimulationError", "nearest", "readable"]


class AsmHybridError(Exception):
    """Base of every error that the command line shows as one message, without a traceback.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line: 1, or 2 for an `InputError`.
    """

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
    """A simulation or training failed numerically.

    Attributes
    ----------
    exit_code : int
        See `AsmHybridError`.
    """


@contextmanager
def readable(
    found: str, *, where: str | None = None, expected: str | None = None, fix: str | None = None
) -> Iterator[None]:
    """Guard a boundary: whatever fails while something of the user's is read becomes one `InputError`.

    Around the call that hands a file, a cell or a text to a parser, ours or a library's, and around nothing else, so
    that a fault of the program is not taken for one of the input.

    Parameters
    ----------
    found : str
        What is said of the input, such as ``"this is not a readable Parquet file"``; the parser's own words follow.
    where, expected, fix : str, optional
        See `InputError`.

    Yields
    ------
    None

    Raises
    ------
    InputError
        For every exception that is not one of the program's own.
    """
    try:
        yield
    except AsmHybridError:
        raise
    except Exception as error:
        words = " ".join(str(error).split())
        reason = f"{type(error).__name__}: {words}" if words else type(error).__name__
        raise InputError(f"{found} ({reason[:200]})", where=where, expected=expected, fix=fix) from error


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
