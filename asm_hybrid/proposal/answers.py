"""What is asked of the user, and what the user has answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asm_hybrid.text import same_name

__all__ = ["IGNORED", "Answers", "Question"]

IGNORED = "ignored"
"""The name that leaves a column out."""


@dataclass(frozen=True)
class Question:
    """A question that only a person can answer.

    Attributes
    ----------
    about : str
        The column, or the columns.
    text : str
        The question.
    option : str
        How it is answered on the command line; empty where the file has to be changed.
    kind : str
        ``"zone"``, or empty.
    """

    about: str
    text: str
    option: str = ""
    kind: str = ""

    def __str__(self) -> str:
        answer = f"\n    answer with {self.option}" if self.option else ""
        return f"{self.about}: {self.text}{answer}"


@dataclass(frozen=True)
class Answers:
    """What the user has answered.

    Attributes
    ----------
    zone : str or None
        Time zone of all files whose stamps tell none.
    day_first : bool or None
        Whether the day stands before the month where that cannot be told.
    decimal : str or None
        The decimal sign of all files, where that cannot be told.
    origin : str or None
        Stamp at which numeric time is zero.
    names, units : mapping of str to str
        Names in the model, or `IGNORED`, and units, by header.
    """

    zone: str | None = None
    day_first: bool | None = None
    decimal: str | None = None
    origin: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def name(self, header: str) -> str:
        """Return the name that the user gives a column; empty if none."""
        return _by_header(self.names, header)

    def unit(self, header: str) -> str:
        """Return the unit that the user gives a column; empty if none."""
        return _by_header(self.units, header)


def _by_header(given: Mapping[str, str], header: str) -> str:
    plain = same_name(header)
    return next((value for key, value in given.items() if same_name(key) == plain), "")
