"""Scenario files that are saved and loaded, and what can be downloaded."""

from __future__ import annotations

import io
import shlex
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import ui

from asm_hybrid.errors import InputError, readable
from asm_hybrid.serve.desk import Desk, View
from asm_hybrid.serve.shell import note, tell

__all__ = ["FilePanel"]


MOST_BYTES = 500_000
"""Size of a scenario file that is loaded [byte]."""
READ = f"""async (e) => {{
  const file = e.target.files[0];
  if (!file) return;
  emit(file.name, file.size > {MOST_BYTES} ? null : await file.text());
  e.target.value = '';
}}"""


class FilePanel:
    """The buttons.

    Parameters
    ----------
    desk : Desk
        The state.
    view : View
        The tab.
    """

    def __init__(self, desk: Desk, view: View) -> None:
        self._desk, self._view = desk, view
        self._message = ui.element("div").classes("ah-messages").props("role=alert")
        with ui.element("div").classes("ah-row"):
            self._path = ui.input("Scenario file, below the working folder", value="scenario.yaml")
            self._path.props("dense outlined").classes("ah-wide")
            ui.button("Save", icon="save", on_click=lambda: self._save(False)).props("outline dense")
            ui.button("Load", icon="folder_open", on_click=self._load).props("outline dense")
            ui.button("Download", icon="download", on_click=self._download).props("outline dense")
        self._ask = ui.element("div").classes("ah-row").props("role=alert")
        with ui.element("label").classes("ah-file"):
            ui.label("Or load one from elsewhere:")
            chosen = ui.element("input").props('type=file accept=".yaml,.yml"')
            chosen.on("change", lambda e: self._sent(*e.args), js_handler=READ)
        with ui.element("div").classes("ah-row"):
            ui.button("Indicators (CSV)", on_click=self._guarded(self._indicators)).props("outline dense")
            ui.button("All series (CSV)", on_click=self._guarded(self._series)).props("outline dense")
            ui.button("Page (HTML)", on_click=self._guarded(self._page)).props("outline dense")

    def _save(self, replace: bool) -> None:
        self._ask.clear()
        try:
            path = self._desk.save(self._path.value, replace)
        except InputError as error:
            tell(error, self._message)
        except FileExistsError as error:
            with self._ask:
                ui.label(f"{error} is there already. Comments in it would be lost.")
                ui.button("Replace it", on_click=lambda: self._save(True)).props("dense")
                ui.button("Keep it", on_click=self._ask.clear).props("outline dense")
        else:
            empty = self._desk.draft.empty()
            left = f", without {', '.join(empty)}, which change nothing" if empty else ""
            command = shlex.join(["asm-hybrid", "simulate", self._desk.subject, "--scenario", str(path)])
            note(f"Saved{left}. The same by the command line:\n{command}", "note", self._message)

    async def _load(self) -> None:
        try:
            path = self._desk.path(self._path.value)
            with readable("the file cannot be read", where=str(path), expected="a scenario file"):
                if path.exists() and not path.is_file():  # a pipe would be waited for
                    raise InputError("this is no file", where=str(path), expected="a scenario file")
                text = None if path.stat().st_size > MOST_BYTES else path.read_text(encoding="utf-8-sig")
            await self._take(text, str(path), path)
        except Exception as error:
            tell(error, self._message)

    async def _sent(self, name: str, text: str | None) -> None:
        try:
            await self._take(text and text.removeprefix("\ufeff"), name, None)
        except Exception as error:
            tell(error, self._message)

    async def _take(self, text: str | None, name: str, file: Path | None) -> None:
        if text is None or "\ufffd" in text:
            found = "the file is too large" if text is None else "the file is not UTF-8"
            raise InputError(found, where=name, expected=f"a scenario file in UTF-8, below {MOST_BYTES // 1000} kB")
        await self._desk.load(text, name, file, self._view)
        self._ask.clear()
        note(f"Loaded {name}.", "note", self._message)

    def _download(self) -> None:
        name = Path(self._path.value or "scenario.yaml").name
        ui.download.content(self._desk.draft.text(), name, "application/yaml")

    def _guarded(self, work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def guarded() -> None:
            if self._desk.simulated is None:
                note("Nothing was simulated yet: press Run first.", "warning", self._message)
                return
            try:
                await work()
            except Exception as error:
                tell(error, self._message)
            else:
                note("", within=self._message)

        return guarded

    async def _indicators(self) -> None:
        tables = await self._desk.tables()
        ui.download.content(tables["indicators.csv"], "indicators.csv", "text/csv")

    async def _series(self) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in (await self._desk.tables()).items():
                archive.writestr(name, text)
        ui.download.content(content.getvalue(), "series.zip", "application/zip")

    async def _page(self) -> None:
        ui.download.content(await self._desk.page(), "simulation.html", "text/html")
