"""What is said of many cases, gathered: sentences that differ in their numbers alone are one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["Noted", "noted"]

_NUMBER = re.compile(r"(?<![A-Za-z_])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
SHOWN = 10
"""Cases whose numbers are told."""


@dataclass(frozen=True)
class Noted:
    """One sentence, and of which cases it is said.

    Attributes
    ----------
    text : str
        As it is said of the first of them.
    count : int
        Of how many.
    cases : tuple of int
        The first of these.
    """

    text: str
    count: int
    cases: tuple[int, ...]


def noted(said: Iterable[tuple[int, Sequence[str]]]) -> list[Noted]:
    """Gather what is said of cases.

    Parameters
    ----------
    said : iterable of tuple
        Number of a case, and sentences.

    Returns
    -------
    list of Noted
        That of the most cases first.
    """
    found: dict[str, tuple[str, list[int]]] = {}
    for case, sentences in said:
        for form, text in {_NUMBER.sub("…", text): text for text in sentences}.items():
            found.setdefault(form, (text, []))[1].append(case)
    gathered = [Noted(text, len(cases), tuple(cases[:SHOWN])) for text, cases in found.values()]
    return sorted(gathered, key=lambda note: -note.count)
