"""What holds for all cases: days, influent, effluent limits, prices."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from asm_hybrid.serve.desk import Desk, View
from asm_hybrid.serve.exchanged import Description
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
        self._fields: list[tuple[Keys, Any, float | None]] = []
        self._limits: dict[str, ui.number] = {}
        self._message = ui.element("div").classes("ah-messages").props("role=alert")
        ui.label(f"Influent: {description.influent}.").classes("ah-muted")
        with ui.element("div").classes("ah-row"):
            if description.kind == "run":
                self._text("Begin (a time of the record)", ("period", "start"))
                self._text("End", ("period", "end"))
                self._text("Time zone", ("zone",))
            else:
                self._number("Days", ("days",), description.days)
            self._number("Indicators from day", ("score_from",), 0.0)
        if description.kind != "config":
            with ui.element("div").classes("ah-row"):
                file = self._text("Influent file of BSM1 or BSM2", ("influent", "file"))
                file.classes("ah-wide", remove="ah-short")
                file.tooltip("Path on this machine. Without it the influent is that of the plant or the record.")
        with ui.element("details"):
            ui.html("Effluent limits", tag="summary", sanitize=False)
            with ui.element("div").classes("ah-row"):
                for name in description.limited:
                    field = ui.number(f"{name} [g/m³]").props("dense outlined debounce=400 min=0 step=any")
                    field.classes("ah-short").on_value_change(lambda: self._limited())
                    self._limits[name] = field
        with ui.element("details"):
            ui.html("Prices and emissions", tag="summary", sanitize=False)
            with ui.element("div").classes("ah-row"):
                self._text("Currency", ("factors", "currency"))
                for key, label in PRICES:
                    self._number(label, ("factors", key), None)
        self.show()

    def show(self) -> None:
        """Show what the scenario file has."""
        self._showing = True
        content = self._desk.draft.content
        for keys, field, base in self._fields:
            value: Any = content
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            field.value = value if value is not None else base
        limits = content.get("limits", self._description.limits)
        for name, field in self._limits.items():
            field.value = limits.get(name)
        self._showing = False

    def _number(self, label: str, keys: Keys, base: float | None) -> ui.number:
        field = ui.number(label).props("dense outlined debounce=400 min=0 step=any").classes("ah-short")
        self._know(field, keys, base)
        return field

    def _text(self, label: str, keys: Keys) -> ui.input:
        field = ui.input(label).props("dense outlined debounce=600").classes("ah-short")
        self._know(field, keys, None)
        return field

    def _know(self, field: Any, keys: Keys, base: float | None) -> None:
        self._fields.append((keys, field, base))
        field.on_value_change(lambda e: self._changed(keys, e.value, base))

    async def _changed(self, keys: Keys, value: Any, base: float | None) -> None:
        if self._showing:
            return
        new = None if value in (None, "", base) else value
        if isinstance(new, str) and keys == ("influent", "file"):
            new = str(self._desk.program.folder / new)
        if self._desk.draft.set_key(keys, new):
            await self._said(keys[0] in ("influent", "period", "zone"))

    async def _limited(self) -> None:
        if self._showing:
            return
        limits = {name: float(field.value) for name, field in self._limits.items() if field.value}
        own = dict(self._description.limits)
        if self._desk.draft.set_key(
            ("limits",), limits if limits != own or "limits" in self._desk.draft.content else None
        ):
            await self._said(False)

    async def _said(self, anew: bool) -> None:
        self._desk.edited(self._view)
        if anew:
            await self._desk.describe()
            if self._desk.failed is not None:
                tell(self._desk.failed, self._message)
                return
        note("", within=self._message)
