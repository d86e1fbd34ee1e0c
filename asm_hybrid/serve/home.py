"""The first page: what was opened, and what else can be opened."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from asm_hybrid.errors import InputError
from asm_hybrid.paths import available_layouts
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.run_page import run_address
from asm_hybrid.serve.shell import section, shell, tell
from asm_hybrid.serve.subjects import check_subject, is_run, plant_address

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
        with shell("Plants and runs on this machine", "/"):
            if program.subject is not None:
                with section("Opened"):
                    ui.label(program.subject).classes("ah-subject")
                    _links(program.subject, program.folder)
            with section("Open a plant or a run"):
                ui.label("A shipped layout:")
                with ui.element("div").classes("ah-row"):
                    for name in available_layouts():
                        ui.link(name, plant_address(name))
                message = ui.element("div").classes("ah-messages").props("role=alert")
                with ui.element("div").classes("ah-row"):
                    label = "YAML file of a plant or a config, or the folder of a run"
                    field = ui.input(label).props("dense outlined").classes("ah-wide")
                    ui.button("Open", on_click=lambda: _open(program, str(field.value or ""), message))


def _open(program: Program, given: str, message: ui.element) -> None:
    try:
        subject = check_subject(given.strip(), program.folder)
    except InputError as error:
        tell(error, message)
    else:
        ui.navigate.to(run_address(subject) if is_run(subject, program.folder) else plant_address(subject))


def _links(subject: str, folder: Path) -> None:
    with ui.element("div").classes("ah-row"):
        ui.link("Flow sheet and scenarios", plant_address(subject))
        if is_run(subject, folder):
            ui.link("The run: verdict, series, diagnosis", run_address(subject))
