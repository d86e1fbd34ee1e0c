"""The page of trainings: the runs of a folder, what became of each, and a training that is begun, followed, stopped."""

from __future__ import annotations

import asyncio
import html
from datetime import datetime
from pathlib import Path

from nicegui import app, ui

from asm_hybrid.artefacts import user_path
from asm_hybrid.errors import AsmHybridError
from asm_hybrid.serve.clients import is_open
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.run_page import run_address
from asm_hybrid.serve.run_reading import check_config, compared
from asm_hybrid.serve.shell import note, shell, table, tell
from asm_hybrid.serve.theme import RUNS_CSS
from asm_hybrid.serve.training_list import STATES, RunEntry
from asm_hybrid.serve.training_panel import TrainingPanel
from asm_hybrid.serve.training_process import run_name

__all__ = ["register"]

LOOK = 1.0
"""Time between two looks at the folder [s]."""
ENDING = (
    "The trainings are stopped as by Ctrl-C: each keeps its best so far, which can take a moment. To go on with one:"
)
MOST_CONFIGS = 50
"""Configs that are offered."""


def register(program: Program) -> None:
    """Register the page.

    Parameters
    ----------
    program : Program
        What was opened.
    """

    @ui.page("/trainings")
    def _trainings(run: str = "") -> None:
        with shell("Runs and trainings", "/trainings"):
            ui.add_css(RUNS_CSS)
            _Page(program, run)

    async def end() -> None:
        """Stop the trainings with the program: in a thread, while the server still answers."""
        folders = program.trainings.running
        if folders:
            print(ENDING, *(f"  asm-hybrid train --resume {folder}" for folder in folders), sep="\n", flush=True)
            await asyncio.to_thread(program.trainings.end)

    app.on_shutdown(end)


class _Page:
    """The page in one tab; all tabs see the same trainings."""

    def __init__(self, program: Program, run: str) -> None:
        self._program, self._trainings = program, program.trainings
        self._folder, self._client = self._trainings.folder, ui.context.client
        self._rows: dict[Path, _Row] = {}
        with ui.element("section").classes("ah-panel"):
            self._draw_start()
        with ui.element("section").classes("ah-panel") as panel:
            self._panel = TrainingPanel(self._trainings)
        panel.bind_visibility_from(self._panel, "folder", lambda folder: folder is not None)
        with ui.element("section").classes("ah-panel"):
            self._draw_list()
        if run:
            try:
                self._panel.show(self._folder / run_name(run))
            except AsmHybridError as error:
                self._say(error)
        self._look()
        ui.timer(LOOK, self._look)

    def _draw_start(self) -> None:
        ui.html("Start a training", tag="h2", sanitize=False)
        with ui.element("div").classes("ah-row"):
            self._config = ui.input("Config", autocomplete=_configs(self._program.folder))
            self._name = ui.input("Name of the run", value=f"run-{datetime.now():%Y%m%d-%H%M%S}")
            for field in (self._config, self._name):
                field.props("outlined dense").classes("ah-choice")
        with ui.element("div").classes("ah-row"):
            self._plot = ui.checkbox("Draw predictions while it trains")
            self._accept = ui.checkbox("Take the corrections of the record that the data clearly call for")
        with ui.element("div").classes("ah-row"):
            self._buttons = [
                ui.button("Check", on_click=self._check).props("outline"),
                ui.button("Check and start", on_click=self._start),
            ]
            self._busy = ui.label("Checking…").props("role=status")
            self._busy.visible = False
        self._checked = ui.element("div").classes("ah-messages").props('role=status aria-label="What the check found"')

    def _draw_list(self) -> None:
        ui.html("Runs", tag="h2", sanitize=False)
        with ui.element("div").classes("ah-row"):
            shown = _relative(self._folder, self._program.folder)
            folder = ui.input("Folder", value=shown).props("outlined dense").classes("ah-choice")
            ui.button("List", on_click=lambda: self._choose(folder.value)).props("outline")
            ui.button("Compare the chosen", on_click=self._compare).props("outline")
        self._messages = ui.element("div").classes("ah-messages").props('role=alert aria-label="The list of runs"')
        self._none = ui.label("There is no run in this folder.")
        self._list = ui.element("ul").classes("ah-runs").props('aria-label="Runs"')
        self._comparison = ui.element("div").props('role=region aria-label="Comparison"')

    def _look(self) -> None:
        """Show what became of the runs; a row that is the same stays as it is, and keeps the keyboard."""
        try:
            entries = self._trainings.entries(self._folder)
        except AsmHybridError as error:
            self._say(error)
            entries = []
        self._none.visible = not entries
        for folder in [folder for folder in self._rows if folder not in {entry.folder for entry in entries}]:
            self._rows.pop(folder).element.delete()
        for k, entry in enumerate(entries):
            row = self._rows.get(entry.folder)
            if row is None:
                with self._list:
                    row = self._rows[entry.folder] = _Row(self, entry)
                row.element.move(target_index=k)
            row.show(entry)
        self._panel.look()

    def _say(self, error: Exception) -> None:
        tell(error, self._messages)

    def _choose(self, given: str) -> None:
        """List another folder."""
        try:
            self._folder = (self._program.folder / user_path(given.strip() or ".")).resolve()
        except AsmHybridError as error:
            self._say(error)
            return
        note("" if self._folder.is_dir() else f"There is no folder {self._folder}.", "warning", self._messages)
        self._look()

    def follow(self, folder: Path) -> None:
        """Show a training in the panel."""
        self._panel.show(folder)

    async def _check(self) -> bool:
        """Check the config, show what was found, and return whether it can be trained."""
        self._busy.visible = True
        for button in self._buttons:
            button.disable()
        failure: Exception | None = None
        try:
            path = self._trainings.config_path(self._config.value or "")
            text, errors = await self._program.worker.call(check_config, str(path))
        except Exception as error:
            failure = error
        if not is_open(self._client):
            return False
        self._busy.visible = False
        for button in self._buttons:
            button.enable()
        if failure is not None:
            tell(failure, self._checked)
            return False
        said = f"{errors} error{'s' * (errors != 1)}: it cannot be trained." if errors else "The config can be trained."
        note(said, "error" if errors else "note", self._checked)
        with self._checked, ui.element("details").props("open" if errors else ""):
            ui.html("All that was understood and found", tag="summary", sanitize=False)
            log = ui.html(html.escape(text), tag="pre", sanitize=False).classes("ah-log")
            log.props('tabindex=0 role=region aria-label="What the check printed"')
        return not errors

    async def _start(self) -> None:
        if not await self._check():
            return
        options = {"plot": bool(self._plot.value), "accept": bool(self._accept.value)}
        try:
            folder = self._trainings.begin(self._config.value, self._name.value or "", self._folder, **options)
        except AsmHybridError as error:
            tell(error, self._checked)
            return
        self._name.set_value(f"run-{datetime.now():%Y%m%d-%H%M%S}")
        note("", within=self._messages)
        self._look()
        self.follow(folder)

    async def _compare(self) -> None:
        chosen = [folder for folder, row in self._rows.items() if row.chosen]
        self._comparison.clear()
        note("", within=self._messages)
        failure: Exception | None = None
        try:
            headings, rows, said = await self._program.worker.call(compared, [str(folder) for folder in chosen])
        except Exception as error:
            failure = error
        if not is_open(self._client):
            return
        if failure is not None:
            self._say(failure)
            return
        with self._comparison:
            ui.html("Comparison", tag="h3", sanitize=False)
            with ui.element("ul"):
                for sentence in said:
                    ui.html(html.escape(sentence), tag="li", sanitize=False)
            table("RMSE on the test block, coverage of the bands, and settings that differ", headings, rows)


class _Row:
    """A run in the list."""

    def __init__(self, page: _Page, entry: RunEntry) -> None:
        self._entry: RunEntry | None = None
        with ui.element("li") as self.element, ui.element("div").classes("ah-row"):
            self._box = ui.checkbox(entry.name).props(f'dense aria-label="Choose {html.escape(entry.name)} to compare"')
            self._state = ui.label().classes("ah-state")
            self._open = ui.link("Open", run_address(entry.folder))
            self._open.props(f'aria-label="Open {html.escape(entry.name)}"')
            follow = ui.button("Training", on_click=lambda: page.follow(entry.folder)).props("flat dense")
            follow.props(f'aria-label="Progress and log of {html.escape(entry.name)}"')
        with self.element:
            self._said = ui.label().classes("ah-muted")

    @property
    def chosen(self) -> bool:
        """Whether it shall be compared."""
        return bool(self._box.value) and self._entry is not None and self._entry.openable

    def show(self, entry: RunEntry) -> None:
        """Show what became of it."""
        if entry == self._entry:
            return
        self._entry = entry
        made = entry.created[:16].replace("T", " ")
        self._state.set_text(STATES[entry.state] + (f", made {made} UTC" if made else ""))
        self._state.classes(replace=f"ah-state {entry.state}")
        self._said.set_text(entry.message or entry.verdict)
        self._open.visible = entry.openable
        self._box.set_enabled(entry.openable)


def _relative(folder: Path, working: Path) -> str:
    return str(folder.relative_to(working)) if folder.is_relative_to(working) else str(folder)


def _configs(working: Path) -> list[str]:
    """Return configs that are offered: the YAML files of the working folder, and of the folder with examples."""
    found = [path for place in (working, working / "configs") for path in sorted(place.glob("*.yaml"))]
    return [_relative(path, working) for path in found[:MOST_CONFIGS]]
