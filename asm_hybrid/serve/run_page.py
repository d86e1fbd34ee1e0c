"""The page of a run: the chapters of its report, and its series to zoom into."""

from __future__ import annotations

import html
from pathlib import Path
from urllib.parse import urlencode

from nicegui import run, ui

from asm_hybrid.errors import InputError
from asm_hybrid.manifest import MANIFEST
from asm_hybrid.serve.clients import is_open
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.run_charts import draw_series
from asm_hybrid.serve.run_files import file_address
from asm_hybrid.serve.run_reading import read_run
from asm_hybrid.serve.run_view import RunView
from asm_hybrid.serve.shell import note, shell, tell
from asm_hybrid.serve.subjects import is_run, plant_address
from asm_hybrid.serve.theme import RUNS_CSS
from asm_hybrid.unpacked import named, run_folder

__all__ = ["register", "run_address"]

LOOK = 3.0
"""Time between two looks whether the folder is still there [s]."""
GONE = "The folder of this run is gone: it was deleted or moved. What stands here was read before."
ANEW = "The run was written anew while you look at it. Load the page again to see it as it is now."
BEFORE = ("head", "nav", "verdict", "missing", "scores")
AFTER = ("bands", "forecast", "answers", "parameters", "data", "reproducibility")
"""Chapters before and after the series."""


def run_address(folder: str | Path) -> str:
    """Return the address of the page of a run.

    Parameters
    ----------
    folder : str or Path
        Its folder, or a zip of it.

    Returns
    -------
    str
    """
    return f"/run?{urlencode({'folder': str(folder)})}"


def register(program: Program) -> None:
    """Register the page.

    Parameters
    ----------
    program : Program
        What was opened.
    """
    opened = program.subject if program.subject and is_run(program.subject, program.folder) else ""

    @ui.page("/run")
    async def _run(folder: str = "") -> None:
        source = folder or opened
        with shell("Run", "/run"):
            ui.add_css(RUNS_CSS)
            if not source:
                ui.label("No run was named. Open one from the list of runs, or start the program with its folder:")
                ui.html("asm-hybrid serve runs/RUN", tag="pre", sanitize=False)
                ui.link("Runs and trainings", "/trainings")
                return
            client, place = ui.context.client, ui.element("div").classes("ah-stack")
            with place, ui.row().classes("ah-row").props("role=status"):
                ui.spinner()
                ui.label(f"Reading {source}")
            await client.connected()
            failure: Exception | None = None
            try:
                path = await run.io_bound(run_folder, str(program.folder / source))
                view = await program.worker.call(read_run, str(path))
            except Exception as error:
                failure = error
            if not is_open(client):
                return
            place.clear()
            with place:
                if failure is None:
                    _show(program, source, view)
                else:
                    tell(_by_its_zip(failure))
                    ui.link("Runs and trainings", "/trainings")


def _by_its_zip(error: Exception) -> Exception:
    """Return an error with the zip in the place of the folder that it was unpacked into."""
    if isinstance(error, InputError) and named(str(error)) != str(error):
        parts = (error.found, error.where, error.expected, error.fix)
        found, where, expected, fix = (None if part is None else named(part) for part in parts)
        return InputError(str(found), where=where, expected=expected, fix=fix)
    return error


def _show(program: Program, source: str, view: RunView) -> None:
    ui.page_title(f"{view.name} – asm-hybrid")
    _watch(program.folder / source)
    ui.html(html.escape(view.name), tag="h2", sanitize=False)
    with ui.element("div").classes("ah-row"):
        ui.label(source).classes("ah-muted")
        for name, title in (("report.html", "Report as one file"), ("plot.svg", "Picture alone")):
            if name in view.files:
                ui.link(title, file_address(view.folder, name), new_tab=True)
        if view.kind == "plant":
            ui.link("Its flow sheet and scenarios", plant_address(source))
    for text in view.notes:
        ui.label(text)
    if view.kind == "equations":
        ui.html(html.escape(view.text), tag="pre", sanitize=False).classes("ah-log").props("tabindex=0")
        picture = file_address(view.folder, "plot.svg")
        image = f'<img src="{html.escape(picture)}" alt="Data, fit and extrapolations" style="max-width: 100%">'
        ui.html(image, sanitize=False)
        return
    ui.add_css(view.style)
    _chapters(view, BEFORE)
    draw_series(view)
    _chapters(view, AFTER)


def _chapters(view: RunView, names: tuple[str, ...]) -> None:
    """Draw chapters of the report; everything in them is escaped where they are made."""
    for name in names:
        if name in view.chapters:
            ui.html(view.chapters[name], sanitize=False).classes("ah-report")


def _watch(source: Path) -> None:
    """Say so when the run is deleted, or written anew, while it is shown."""
    place = ui.element("div").classes("ah-messages").props('role=alert aria-label="The folder of the run"')
    state = {"seen": _stamp(source), "said": ""}

    def look() -> None:
        now = _stamp(source)
        said = GONE if now is None else ANEW if now != state["seen"] else ""
        if said != state["said"]:
            state["said"] = said
            note(said, "warning", place)

    ui.timer(LOOK, look)


def _stamp(source: Path) -> int | None:
    """Return when a run was written last; None where it is not there."""
    try:
        return (source / MANIFEST if source.is_dir() else source).stat().st_mtime_ns
    except OSError:
        return None
