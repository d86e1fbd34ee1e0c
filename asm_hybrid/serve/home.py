"""The first page: what was opened, and what else can be opened."""

from __future__ import annotations

from nicegui import ui

from asm_hybrid.paths import available_layouts
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

    @ui.page("/")
    def _home() -> None:
        with shell(program.subject or "asm-hybrid", "/"):
            if program.subject is None:
                ui.label("No plant and no run was named. Stop the program and name one:")
                ui.label("asm-hybrid serve " + "|".join(available_layouts()))
            else:
                ui.link("Flow sheet and scenarios", "/plant")
