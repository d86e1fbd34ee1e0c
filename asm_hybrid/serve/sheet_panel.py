"""The flow sheet, whose parts are chosen by mouse or keyboard."""

from __future__ import annotations

import json
from collections.abc import Callable

from nicegui import ui

__all__ = ["SheetPanel"]

CHOSEN = """(e) => {
  if (e.type === 'keydown' && e.key !== 'Enter' && e.key !== ' ') return;
  const part = e.target.closest('[data-place]');
  if (!part) return;
  e.preventDefault();
  emit(part.dataset.place);
}"""
MARK = """(() => {
  const box = getHtmlElement(%d);
  if (!box) return;
  for (const part of box.querySelectorAll('[data-place]'))
    part.setAttribute('aria-pressed', part.dataset.place === %s ? 'true' : 'false');
  if (%s) box.querySelector(`[data-place="${CSS.escape(%s)}"]`)?.focus();
})()"""


class SheetPanel:
    """The drawing.

    Parameters
    ----------
    choose : callable
        Called with the name of the place that was chosen.
    """

    def __init__(self, choose: Callable[[str], None]) -> None:
        self._box = (
            ui.html("", sanitize=False).classes("ah-sheet-box").props('role=region aria-label="Flow sheet" tabindex=0')
        )
        self._box.on("click", lambda e: choose(e.args), js_handler=CHOSEN)
        self._box.on("keydown", lambda e: choose(e.args), js_handler=CHOSEN)
        self._place = ""

    def draw(self, svg: str) -> None:
        """Show a drawing."""
        self._box.content = svg
        self.mark(self._place)

    def mark(self, place: str) -> None:
        """Mark the place that is shown."""
        self._place = place
        script = MARK % (self._box.id, json.dumps(place), "false", '""')
        ui.run_javascript(f"setTimeout(() => {script}, 30)")
