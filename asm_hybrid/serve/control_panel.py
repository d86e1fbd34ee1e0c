"""Sliders and fields for what a scenario may change; each stands for a change in the scenario file and nothing else."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from nicegui import ui

from asm_hybrid.errors import InputError
from asm_hybrid.serve.exchanged import Control, Description
from asm_hybrid.serve.number_field import NumberField
from asm_hybrid.units import parse_quantity

__all__ = ["ControlPanel", "text_of_change"]

CLOSED = ("Components of the influent",)
"""Groups that are closed at first."""
Put = Callable[[Control, float | None], None]


class ControlPanel:
    """The controls of one scenario.

    Parameters
    ----------
    description : Description
        What may be changed.
    put : callable
        Called with a control and its new value; None where the base value is back.
    """

    def __init__(self, description: Description, put: Put) -> None:
        self._put = put
        self._rows: dict[str, _Row] = {}
        groups: dict[str, list[Control]] = {}
        for control in description.controls:
            groups.setdefault(control.group, []).append(control)
        for group, controls in groups.items():
            with ui.element("details").classes("ah-group") as box:
                if group not in CLOSED:
                    box.props("open")
                ui.html(html.escape(group), tag="summary", sanitize=False)
                for control in controls:
                    self._rows[control.input] = _Row(control, put)

    def show(self, values: dict[str, float | str | None]) -> None:
        """Show the values of a scenario, by input; None is the base value."""
        for name, row in self._rows.items():
            row.show(values.get(name))


class _Row:
    """Slider, field and a button that brings the base value back."""

    def __init__(self, control: Control, put: Put) -> None:
        self._control, self._put = control, put
        name = f"{control.label} [{control.unit}]"
        with ui.element("div").classes("ah-control"):
            with ui.element("div").classes("ah-control-name"):
                ui.label(name)
                why = f"moved by {control.moved_by}" if control.moved_by else f"base {_short(control.base)}"
                ui.label(why).classes("ah-muted")
            if control.moved_by:
                return
            quoted = html.escape(name)
            self._slider = _Slider(control, f"{name}, slider", self._moved)
            self._number = NumberField(self._change).props(f'aria-label="{quoted}"').mark(f"field {control.input}")
            self._back = ui.button(icon="undo", on_click=lambda: self._change(None))
            self._back.props(f'flat dense aria-label="{quoted}: back to base"').tooltip("Back to base")
            self.show(None)

    def show(self, value: float | str | None) -> None:
        """Show a value; None is the base value."""
        if self._control.moved_by:
            return
        shown = self._control.base if value is None else _number(value, self._control)
        self._number.show(shown)
        self._slider.show(shown)
        self._back.set_enabled(value is not None)

    def _moved(self, value: float) -> None:
        self._change(_rounded(value, self._control.step))

    def _change(self, value: float | None) -> None:
        self._put(self._control, None if value is None or value == self._control.base else float(value))


class _Slider(ui.element):
    """A slider of the browser itself, which keyboards and screen readers know."""

    def __init__(self, control: Control, name: str, moved: Callable[[float], None]) -> None:
        super().__init__("input")
        ends = f"min={control.low!r} max={control.high!r} step={control.step!r}"
        self.props(f'type=range {ends} value={control.base!r} aria-label="{html.escape(name)}"').classes("ah-slider")
        self.on("input", lambda e: moved(float(e.args)), js_handler="(e) => emit(e.target.value)", throttle=0.1)

    def show(self, value: float) -> None:
        """Show a value."""
        self._props["value"] = value
        self.update()


def text_of_change(change: dict[str, Any]) -> str:
    """Return a change in words, as the scenario file has it.

    Parameters
    ----------
    change : dict
        The change.

    Returns
    -------
    str
    """
    way = next((key for key in ("scale", "shift", "set") if key in change), "")
    sign = {"scale": "×", "shift": "+", "set": "="}.get(way, "")
    text = f"{change.get('input')} {sign} {change.get(way)}"
    return text + "".join(
        f" {word} {change[key]}" for word, key in (("from", "start"), ("until", "end")) if key in change
    )


def _number(value: float | str, control: Control) -> float:
    if not isinstance(value, str):
        return float(value)
    try:
        return float(parse_quantity(value, control.unit.replace("³", "3").replace("²", "2").replace("°C", "degC")))
    except InputError:  # it was checked when the file was read; the unit is one that only the plant knows
        return control.base


def _rounded(value: float, step: float) -> float:
    """Return what a slider says without the rounding of its steps, such as 0.30000000000000004."""
    return round(value, max(0, 6 - round(step).bit_length()))


def _short(value: float) -> str:
    return f"{value:.6g}"
