"""The scenarios by name, and the changes of one that no slider shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from asm_hybrid.errors import InputError
from asm_hybrid.serve.control_panel import text_of_change
from asm_hybrid.serve.desk import Desk, View
from asm_hybrid.serve.draft import MOST, amount
from asm_hybrid.serve.exchanged import Description
from asm_hybrid.serve.shell import note, tell

__all__ = ["ScenarioPanel"]

WAYS = {"scale": "times a factor", "shift": "plus a difference", "set": "set to a value"}


class ScenarioPanel:
    """The scenarios of a desk.

    Parameters
    ----------
    desk : Desk
        The state.
    view : View
        The tab.
    choose : callable
        Called with the name of the scenario that is chosen.
    """

    def __init__(self, desk: Desk, view: View, choose: Callable[[str], None]) -> None:
        self._desk, self._view, self._choose, self._name = desk, view, choose, ""
        self._showing = False
        self._message = ui.element("div").classes("ah-messages").props("role=alert")
        self._hint = ui.label("Move a slider: the first scenario begins with it.").classes("ah-muted")
        self._chosen = ui.radio([], on_change=lambda e: self._chose(e.value)).props(
            'inline dense aria-label="Scenario"'
        )
        with ui.element("div").classes("ah-row") as self._edit:
            self._field = ui.input("Name of the scenario").props("dense outlined maxlength=64").classes("ah-name")
            self._field.on("blur", self._rename).on("keydown.enter", self._rename)
        with ui.element("div").classes("ah-row"):
            self._add = ui.button("Add", icon="add", on_click=lambda: self._added(None)).props("outline dense")
            self._copy = ui.button("Duplicate", icon="content_copy", on_click=lambda: self._added(self._name))
            self._copy.props("outline dense")
            self._remove = ui.button("Remove", icon="delete", on_click=self._removed).props("outline dense")

    def build_others(self, description: Description) -> None:
        """Draw the place for changes that no slider shows, and the form for a further one."""
        self._others = ui.element("div")
        with ui.element("details"):
            ui.html("Another change, such as for a part of the time", tag="summary", sanitize=False)
            with ui.element("div").classes("ah-row"):
                given = ui.select(list(description.inputs), value=description.inputs[0], label="Input", with_input=True)
                way = ui.select(WAYS, value="scale", label="How")
                value = ui.input("Value, with its unit if wanted")
                start, end = ui.input("From (day or time)"), ui.input("Until (day or time)")
                for element in (given, way, value, start, end):
                    element.props("dense outlined").classes("ah-wide")

            def add() -> None:
                change = {"input": given.value, str(way.value): amount(value.value)}
                change |= {key: amount(f.value) for key, f in (("start", start), ("end", end)) if f.value}
                if not value.value:
                    note("Write a value first.", "warning", self._message)
                    return
                name = self._name or self._desk.draft.add()
                self._desk.draft.append(name, change)
                self._said()

            ui.button("Add this change", on_click=add).props("outline dense")

    def show(self, chosen: str) -> None:
        """Show the names, and which is chosen."""
        names = self._desk.draft.names
        self._showing, self._name = True, chosen
        self._chosen.set_options(names, value=chosen or None)
        self._field.value = chosen
        self._showing = False
        self._hint.set_visibility(not names)
        self._chosen.set_visibility(bool(names))
        self._edit.set_visibility(bool(names))
        self._add.set_enabled(len(names) < MOST)
        self._copy.set_enabled(bool(names) and len(names) < MOST)
        self._remove.set_enabled(bool(names))

    def show_others(self, chosen: str, known: dict[str, str]) -> None:
        """Show the changes, controllers and time tables of a scenario that no slider shows."""
        self._others.clear()
        draft = self._desk.draft
        if chosen not in draft.names:
            return
        kept = [(i, text_of_change(change)) for i, change in draft.others(chosen, known)]
        case: dict[str, Any] = draft.content["scenarios"][chosen]
        parts = [
            f"{word} {name}"
            for word, key in (("controller", "control"), ("time table", "cycles"))
            for name in case.get(key) or {}
        ]
        if not kept and not parts:
            return
        with self._others:
            ui.label("Also in this scenario:")
            with ui.element("ul").classes("ah-changes"):
                for i, text in kept:
                    with ui.element("li"):
                        ui.label(text).style("display: inline")
                        button = ui.button(icon="delete", on_click=lambda i=i: self._dropped(i))
                        button.props(f'flat dense aria-label="Remove the change {text}"')
                for text in parts:
                    with ui.element("li"):
                        ui.label(f"{text}, which the file keeps and this page does not edit")

    def _chose(self, name: str) -> None:
        if not self._showing and name:
            self._name = self._field.value = name
            self._choose(name)

    def _rename(self) -> None:
        new = str(self._field.value or "").strip()
        if not self._name or new == self._name:
            return
        try:
            self._desk.draft.rename(self._name, new)
        except InputError as error:
            tell(error, self._message)
            self._field.value = self._name
            return
        self._name = new
        self._choose(new)
        self._said()

    def _added(self, copied: str | None) -> None:
        try:
            self._name = self._desk.draft.add(copied)
        except InputError as error:
            tell(error, self._message)
            return
        self._choose(self._name)
        self._said()

    def _removed(self) -> None:
        self._desk.draft.remove(self._name)
        self._said()

    def _dropped(self, place: int) -> None:
        self._desk.draft.drop(self._name, place)
        self._said()

    def _said(self) -> None:
        note("", within=self._message)
        self._desk.edited(self._view)
