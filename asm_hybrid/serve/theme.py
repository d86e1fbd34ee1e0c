"""How the page looks: the colours of the report, fonts of the system, nothing that moves where that is not wanted."""

from __future__ import annotations

from pathlib import Path

__all__ = ["CASES", "CSS", "GRID", "INK", "MUTED", "PRIMARY", "RUNS_CSS", "WARNING"]

INK, MUTED, GRID = "#1b2430", "#5b6675", "#e6eaef"
"""Text, lesser text and lines of a grid, as in the report."""
PRIMARY, WARNING = "#1f5f8b", "#8a4b00"
CASES = ("#4a545e", "#b83c0a", "#1c6f8f", "#8a6400", "#3f7a22", "#6b4aa0")
"""Lines of cases, the base case first: those of the report, dark enough for a contrast of 4.5 to white."""

CSS, RUNS_CSS = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("page.css", "runs.css"))
"""Style sheet of all pages, and what the pages of runs and trainings have beside it."""
