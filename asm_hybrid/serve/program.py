"""What the pages of one program share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from asm_hybrid.serve.training_process import Trainings
from asm_hybrid.serve.worker import Worker

__all__ = ["Program"]


@dataclass(frozen=True, eq=False)
class Program:
    """One program: what was opened, and the process that holds it.

    Attributes
    ----------
    subject : str or None
        What the user named; None where nothing was named.
    folder : Path
        The working folder: what is saved lies in it or below.
    worker : Worker
        The process that simulates.
    """

    subject: str | None
    folder: Path
    worker: Worker = field(default_factory=Worker)

    @cached_property
    def trainings(self) -> Trainings:
        """The trainings that are begun from its pages."""
        return Trainings(self.folder)
