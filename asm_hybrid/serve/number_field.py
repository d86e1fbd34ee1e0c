"""A field for a number that says at once what is none; the browser's own takes 1,5 for 15."""

from __future__ import annotations

import math
from collections.abc import Callable

from nicegui import ui

__all__ = ["NumberField", "number_fault", "number_text"]


class NumberField(ui.input):
    """A field for a number.

    Parameters
    ----------
    changed : callable
        Called with the number that the user wrote, and with None where the field was emptied; not called where what
        stands there is no number, which is said at the field.
    label : str, optional
        What stands in the field above the number.
    above : float
        The number has to be above it.
    """

    def __init__(
        self, changed: Callable[[float | None], object], *, label: str | None = None, above: float = -math.inf
    ) -> None:
        super().__init__(label, validation=lambda text: number_fault(str(text or ""), above))
        self._showing = False
        self.props("dense outlined debounce=400 inputmode=decimal hide-bottom-space")
        self.on_value_change(lambda e: self._told(changed, str(e.value or "").strip(), above))

    def show(self, number: float | None) -> None:
        """Show a number as one that the user has not written; the same number stays as it was written.

        Parameters
        ----------
        number : float or None
            The number; None for an empty field.
        """
        text = str(self.value or "").strip()
        if number_fault(text) is None and (float(text) if text else None) == number:
            return
        self._showing = True
        self.value = "" if number is None else number_text(number)
        self._showing = False

    def _told(self, changed: Callable[[float | None], object], text: str, above: float) -> object:
        if self._showing or number_fault(text, above) is not None:
            return None
        return changed(float(text) if text else None)


def number_fault(text: str, above: float = -math.inf) -> str | None:
    """Return why a text is no number that a field takes.

    Parameters
    ----------
    text : str
        What was written.
    above : float
        The number has to be above it.

    Returns
    -------
    str or None
        None where it is one, or empty.
    """
    if not text.strip():
        return None
    try:
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return "Not taken: write a decimal point, as in 1.5" if "," in text else "Not taken: this is no number"
    return None if number > above else f"Not taken: it has to be above {above:g}"


def number_text(number: float) -> str:
    """Return a number as a field shows it: every digit, and a whole number without a point.

    Parameters
    ----------
    number : float
        The number.

    Returns
    -------
    str
    """
    return repr(float(number)).removesuffix(".0")
