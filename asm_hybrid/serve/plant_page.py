"""The page of a plant."""

from __future__ import annotations

from nicegui import ui

from asm_hybrid.serve.program import Program
from asm_hybrid.serve.shell import shell

__all__ = ["register"]


def register(program: Program) -> None:
    """Register the page.

    Parameters
    ----------
    program : Program
        What was opened.
    """

    @ui.page("/plant")
    def _plant() -> None:
        with shell("Plant", "/plant"):
            ui.label("…")
