"""How a long run tells what it is doing; the command line shows it, a notebook may ignore it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Progress", "Silent", "finite", "span"]


class Progress(Protocol):
    """Receiver of progress.

    Attributes
    ----------
    stage, advance, say : callable
        The begin of a stage, a step of it, and what the user should read.
    beside : callable
        How far a stage is that another process does meanwhile.
    left : callable
        How far the whole run is.
    """

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of ``total`` steps, or of unknown length."""

    def advance(self, note: str = "") -> None:
        """One step of the stage is done."""

    def say(self, text: str) -> None:
        """Something the user should read."""

    def beside(self, title: str, done: int, total: int, note: str) -> None:
        """So many steps are done of a stage that another process works on."""

    def left(self, share: float, seconds: float) -> None:
        """So much of the whole run is done [-], and it will take so much longer [s]."""


class Silent:
    """Progress that is not shown.

    Attributes
    ----------
    stage, advance, share, say, beside, left, cases : callable
        As in `Progress`; `share` takes what is done of a task [-], `cases` how far a study is.
    """

    def stage(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, note: str = "") -> None:
        """Do nothing."""

    def share(self, title: str, share: float) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def beside(self, title: str, done: int, total: int, note: str) -> None:
        """Do nothing."""

    def left(self, share: float, seconds: float) -> None:
        """Do nothing."""

    def cases(self, done: int, failed: int, total: int, rate: float, left: float) -> None:
        """Do nothing."""


def finite(values: Sequence[float]) -> list[float | None]:
    """Return figures for a record, None for those that are not finite: JSON knows no others.

    Parameters
    ----------
    values : sequence of float
        The figures.

    Returns
    -------
    list of (float or None)
    """
    return [value if math.isfinite(value) else None for value in values]


def span(values: Sequence[float | None]) -> str:
    """Return the range of the figures of all members as text.

    Parameters
    ----------
    values : sequence of (float or None)
        The figures; None of members that diverge.

    Returns
    -------
    str
        With the number of members that diverge.
    """
    known = [value for value in values if value is not None]
    if not known:
        return "none, all diverge"
    low, high = f"{min(known):.4g}", f"{max(known):.4g}"
    diverged = f" ({len(values) - len(known)} diverge)" if len(known) < len(values) else ""
    return (low if low == high else f"{low} to {high}") + diverged
