"""The page of a plant: flow sheet, what may be changed, base against scenarios."""

from __future__ import annotations

import asyncio

from nicegui import Client, app, background_tasks, ui

from asm_hybrid.errors import AsmHybridError
from asm_hybrid.serve.control_panel import ControlPanel
from asm_hybrid.serve.desk import Desk
from asm_hybrid.serve.exchanged import Control, Description, Place
from asm_hybrid.serve.file_panel import FilePanel
from asm_hybrid.serve.program import Program
from asm_hybrid.serve.result_panel import draw_charts, draw_indicators
from asm_hybrid.serve.scenario_panel import ScenarioPanel
from asm_hybrid.serve.settings_panel import SettingsPanel
from asm_hybrid.serve.sheet_panel import SheetPanel
from asm_hybrid.serve.shell import note, section, shell, tell

__all__ = ["register"]

PAUSE = 0.3
"""Time without a further change after which the flow sheet is drawn anew [s]."""


def register(program: Program) -> None:
    """Register the page.

    Parameters
    ----------
    program : Program
        What was opened.
    """
    desks: dict[str, Desk] = {}

    def desk_of(subject: str) -> Desk:
        return desks.setdefault(subject, Desk(program, subject))

    if program.subject is not None:
        app.on_startup(desk_of(program.subject).open)

    @ui.page("/plant")
    def _plant(client: Client, of: str = "") -> None:
        subject = of or program.subject
        with shell(f"{subject or 'Plant'}: flow sheet and scenarios", "/plant"):
            if subject is None:
                ui.label("Nothing was opened.")
                ui.link("Open a plant or a run", "/")
                return
            desk = desk_of(subject)
            view = _PlantView(desk)
            desk.views.append(view)
            client.on_delete(lambda: desk.views.remove(view))
            view.open()
            if desk.description is None and not desk.doing:
                background_tasks.create(desk.open())


class _PlantView:
    """One tab of the browser."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._scenario, self._place = "", ""
        self._names: dict[str, list[str]] = {}
        self._built: Description | None = None
        self._panel: ControlPanel | None = None
        self._drawing: asyncio.Task[None] | None = None
        self._shown = 0
        with ui.element("div").classes("ah-bar"):
            self._run = ui.button("Run", icon="play_arrow", on_click=desk.run).mark("run")
            self._stop = ui.button("Stop", icon="stop", on_click=desk.stop).props("outline")
            self._status = ui.label("Reading the plant …").classes("ah-status").props("role=status")
        self._elsewhere = ui.element("div").classes("ah-messages").props("role=status")
        self._root = ui.element("div").classes("ah-plant")

    # Building

    def open(self) -> None:
        """Show what is known already."""
        self.progress_changed()
        if self._desk.description is not None:
            self._build(self._desk.description)
        elif self._desk.unread is not None:
            tell(self._desk.unread)

    def _build(self, description: Description) -> None:
        """Draw what depends on the plant; what depends on nothing else stays, with what the user is writing there."""
        if self._built is None:
            with self._root:
                self._build_frame(description)
        if self._built is None or self._built.controls != description.controls:
            self._controls.clear()
            with self._controls:
                self._panel = ControlPanel(description, self._put)
                self._scenarios.build_others(description)
        if self._built is None or self._built.places != description.places:
            self._choice.clear()
            with self._choice:
                self._build_choice(description)
        self._built = description
        self._settings.describe(description)
        self.draft_changed(True)
        self.result_changed()

    def _build_frame(self, description: Description) -> None:
        with section("Flow sheet"):
            self._sheet = SheetPanel(self._choose_place)
        with ui.element("div"):
            with section("Scenarios"):
                self._scenarios = ScenarioPanel(self._desk, self, self._choose_scenario)
                self._controls = ui.element("div").classes("ah-stack")
            with section("For all cases"):
                self._settings = SettingsPanel(self._desk, self, description)
            with section("Files"):
                FilePanel(self._desk, self)
        with ui.element("div"):
            with section("Series"):
                self._choice = ui.element("div")
                self._charts = ui.element("div").classes("ah-charts")
            with section("Indicators"):
                self._results = ui.element("div").classes("ah-results")

    def _build_choice(self, description: Description) -> None:
        places = {place.name: place.label for place in description.places}
        if self._place not in places:
            self._place = next(iter(places))
        with ui.element("div").classes("ah-row"):
            self._place_field = ui.select(places, value=self._place, label="Part of the plant")
            self._place_field.props("outlined dense").classes("ah-wide")
            self._place_field.on_value_change(lambda e: self._choose_place(e.value))
            self._names_field = ui.select({}, multiple=True, label="Series")
            self._names_field.props("outlined dense use-chips").classes("ah-wide")
            self._names_field.on_value_change(lambda e: self._choose_names(e.value))
        self._show_names()

    # What the user does

    def _choose_scenario(self, name: str) -> None:
        self._scenario = name
        self._show_values()
        self._draw_later()

    def _choose_place(self, name: str) -> None:
        description = self._desk.description
        if description is None or name == self._place or name not in {place.name for place in description.places}:
            return
        self._place = name
        self._place_field.value = name
        self._sheet.mark(name)
        self._show_names()
        self._charts_later()

    def _choose_names(self, names: list[str]) -> None:
        if names != self._names.get(self._place):
            self._names[self._place] = list(names)
            self._charts_later()

    def _put(self, control: Control, value: float | None) -> None:
        draft = self._desk.draft
        if self._scenario not in draft.names:
            if value is None:
                return
            self._scenario = draft.names[0] if draft.names else draft.add()
        if draft.put(self._scenario, control.input, control.way, value):
            self._desk.edited(self)

    # What the desk tells

    def description_changed(self) -> None:
        """See `View`."""
        with self._root:
            if self._desk.unread is not None:
                tell(self._desk.unread)
            elif self._desk.description is not None:
                self._build(self._desk.description)

    def draft_changed(self, here: bool) -> None:
        """See `View`."""
        if self._panel is None:
            return
        names = self._desk.draft.names
        if self._scenario not in names:
            self._scenario = names[0] if names else ""
        with self._root:
            self._scenarios.show(self._scenario)
            self._show_values()
            self._settings.show()
            self._show_outdated()
            self._draw_later()
            if not here:
                text = "The scenarios were changed in another tab of the browser. This tab shows them as they are now."
                note(text, "note", self._elsewhere)
            elif len(self._desk.views) == 1:
                note("", within=self._elsewhere)

    def result_changed(self) -> None:
        """See `View`."""
        if self._panel is None:
            return
        self.progress_changed()
        with self._root:
            if self._desk.failed is not None:
                tell(self._desk.failed)
                return
            note("")
            self._results.clear()
            if self._desk.result is not None:
                with self._results:
                    draw_indicators(self._desk.result)
            self._show_outdated()
            self._draw_later()
            self._charts_later()

    def progress_changed(self) -> None:
        """See `View`."""
        desk = self._desk
        self._run.set_enabled(not desk.doing and desk.description is not None)
        self._stop.set_visibility(bool(desk.doing))
        if desk.doing:
            self._status.text = desk.doing
        elif desk.failed is not None or desk.unread is not None:
            self._status.text = "It failed; the message says why."
        elif desk.result is not None:
            cases = len(desk.result.cases)
            what = "base case" if cases == 1 else f"base case and {cases - 1} scenario{'s' if cases > 2 else ''}"
            self._status.text = f"Simulated: {what}, {desk.result.days:.4g} d, in {desk.seconds:.1f} s."

    # Showing

    def _show_values(self) -> None:
        assert self._panel is not None
        assert self._desk.description is not None
        draft, controls = self._desk.draft, self._desk.description.controls
        known = self._scenario in draft.names
        values = {c.input: draft.value(self._scenario, c.input, c.way) if known else None for c in controls}
        self._panel.show(values)
        self._scenarios.show_others(self._scenario, {c.input: c.way for c in controls})

    def _show_outdated(self) -> None:
        if self._desk.outdated and not self._desk.doing:
            self._status.text = "The scenarios have changed since this result: press Run."
        else:
            self.progress_changed()

    def _part(self) -> Place:
        assert self._desk.description is not None
        return next(place for place in self._desk.description.places if place.name == self._place)

    def _show_names(self) -> None:
        place = self._part()
        options = {q.name: f"{q.label} [{q.unit}]" for q in place.quantities}
        chosen = self._names.setdefault(place.name, list(place.first))
        self._names_field.set_options(options, value=list(chosen))

    def _draw_later(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
        self._drawing = background_tasks.create(self._draw())

    async def _draw(self) -> None:
        await asyncio.sleep(PAUSE)
        try:
            svg = await self._desk.drawing(self._scenario or "base")
        except AsmHybridError:  # the change is not one that can be simulated; Run says why
            return
        with self._root:
            self._sheet.draw(svg)
            self._sheet.mark(self._place)

    def _charts_later(self) -> None:
        self._shown += 1
        background_tasks.create(self._show_charts(self._shown))

    async def _show_charts(self, number: int) -> None:
        result, names = self._desk.result, tuple(self._names.get(self._place, ()))
        if result is None:
            return
        try:
            series = await self._desk.series(names)
        except Exception as error:
            with self._root:
                tell(error)
            return
        if number != self._shown or series is None:
            return  # something else was chosen meanwhile
        self._charts.clear()
        with self._charts:
            draw_charts(self._part(), list(names), series, result)
