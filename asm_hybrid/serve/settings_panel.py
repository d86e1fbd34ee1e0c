"""What holds for all cases: days, influent, effluent limits, prices."""

from __future__ import annotations

import functools
from collections.abc import Awaitable
from typing import Any

from nicegui import ui

from asm_hybrid.artefacts import user_path
from asm_hybrid.errors import InputError
from asm_hybrid.serve.desk import Desk, View
from asm_hybrid.serve.draft import amount
from asm_hybrid.serve.exchanged import Description
from asm_hybrid.serve.number_field import NumberField
from asm_hybrid.serve.shell import note, tell

__all__ = ["SettingsPanel"]

PRICES = (
    ("energy_price", "Price of energy [per kWh]"),
    ("sludge_price", "Price of sludge disposal [per t TSS]"),
    ("energy_co2e", "Emission of energy [kg CO2e/kWh]"),
    ("sludge_co2e", "Emission of sludge disposal [kg CO2e/t TSS]"),
)
Keys = tuple[str, ...]


class SettingsPanel:
    """The fields.

    Parameters
    ----------
    desk : Desk
        The state.
    view : View
        The tab.
    description : Description
        What the plant has.
    """

    def __init__(self, desk: Desk, view: View, description: Description) -> None:
        self._desk, self._view, self._showing = desk, view, False
        self._description = description
        self._fields: list[tuple[Keys, ui.input]] = []
        self._limits: dict[str, NumberField] = {}
        self._message = ui.element("div").classes("ah-messages").props("role=alert")
        self._influent = ui.label().classes("ah-muted")
        with ui.element("div").classes("ah-row"):
            if description.kind == "run":
                self._text("Begin (a time of the record)", ("period", "start"))
                self._text("End", ("period", "end"))
                self._text("Time zone", ("zone",))
            else:
                self._text("Days", ("days",))
            self._text("Indicators from day", ("score_from",))
        if description.kind != "config":
            with ui.element("div").classes("ah-row"):
                file = self._text("Influent file of BSM1 or BSM2", ("influent", "file"))
                file.classes("ah-wide", remove="ah-short")
                file.tooltip("Path on this machine. Without it the influent is that of the plant or the record.")
        with ui.element("details"):
            ui.html("Effluent limits", tag="summary", sanitize=False)
            with ui.element("div").classes("ah-row"):
                for name in description.limited:
                    put = functools.partial(self._limited, name)
                    self._limits[name] = NumberField(put, label=f"{name} [g/m³]", above=0.0).classes("ah-short")
        with ui.element("details"):
            ui.html("Prices and emissions", tag="summary", sanitize=False)
            with ui.element("div").classes("ah-row"):
                self._text("Currency", ("factors", "currency"))
                for key, label in PRICES:
                    self._text(label, ("factors", key))

    def describe(self, description: Description) -> None:
        """Show what is known of the plant."""
        self._description = description
        self._influent.text = f"Influent: {description.influent}."

    def show(self) -> None:
        """Show what the scenario file has."""
        self._showing = True
        content = self._desk.draft.content
        for keys, field in self._fields:
            value: Any = content
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            value = self._base(keys) if value is None else value
            field.value = value if isinstance(value, str) else "" if value is None else f"{value:.10g}"
        limits = content.get("limits", self._description.limits)
        for name, limit in self._limits.items():
            limit.show(limits.get(name))
        self._showing = False

    def _text(self, label: str, keys: Keys) -> ui.input:
        field = ui.input(label).props("dense outlined debounce=600").classes("ah-short")
        self._fields.append((keys, field))
        field.on_value_change(lambda e: self._changed(keys, str(e.value or "")))
        return field

    def _changed(self, keys: Keys, text: str) -> Awaitable[None] | None:
        if self._showing:
            return None
        new: Any = amount(text) if text.strip() else None
        if keys == ("influent", "file") and new is not None:
            try:
                new = str(self._desk.program.folder / user_path(text.strip()))
            except InputError as error:
                tell(error, self._message)
                return None
        if new == self._base(keys) and keys[0] not in self._desk.draft.content:
            return None
        anew = keys[0] in ("influent", "period", "zone", "days")
        return self._said(anew) if self._desk.draft.set_key(keys, new) else None

    def _base(self, keys: Keys) -> float | None:
        known: dict[Keys, float | None] = {("days",): self._description.days, ("score_from",): 0.0}
        return known.get(keys)

    def _limited(self, name: str, value: float | None) -> Awaitable[None] | None:
        limits = {**self._desk.draft.content.get("limits", self._description.limits), name: value}
        given = {key: limit for key, limit in limits.items() if limit is not None}
        same = given == dict(self._description.limits) and "limits" not in self._desk.draft.content
        return self._said(False) if not same and self._desk.draft.set_key(("limits",), given) else None

    async def _said(self, anew: bool) -> None:
        self._desk.edited(self._view)
        if anew:
            await self._desk.describe()
            if self._desk.unread is not None:
                tell(self._desk.unread, self._message)
                return
        note("", within=self._message)
