"""How a long run tells what it is doing; the command line shows it, a notebook may ignore it."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "Silent"]


class Progress(Protocol):
    """Receiver of progress."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Begin a stage of ``total`` steps, or of unknown length."""

    def advance(self, note: str = "") -> None:
        """One step of the stage is done."""

    def say(self, text: str) -> None:
        """Something the user should read."""


class Silent:
    """Progress that is not shown."""

    def stage(self, title: str, total: int | None = None) -> None:
        """Do nothing."""

    def advance(self, note: str = "") -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""
