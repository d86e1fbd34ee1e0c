"""The picture of a run while it trains: ``progress.png`` in its folder, drawn anew after validations."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from asm_hybrid.artefacts import WritingError, write_bytes_atomic
from asm_hybrid.report.figures import overview
from asm_hybrid.report.style import drawing
from asm_hybrid.report.time_panels import png
from asm_hybrid.training import Progress
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID
from asm_hybrid.training.compared.recalibrated import MODEL as RECALIBRATED
from asm_hybrid.training.watching import Glimpse

__all__ = ["PICTURE", "ProgressPicture", "draw"]

PICTURE = "progress.png"
EVERY = 5.0
"""Time between the begins of two drawings at least [s]."""
SHARE = 0.1
"""Share of the time that goes into drawing at most [-]."""


def draw(glimpse: Glimpse) -> bytes:
    """Draw measurements, recalibrated f, and f + n as it is now, one panel for each variable.

    Parameters
    ----------
    glimpse : Glimpse
        The run.

    Returns
    -------
    bytes
        A PNG.
    """
    names = RECALIBRATED.name, HYBRID.name
    frame = glimpse.frame(*names)
    models = [name for name in names if name in frame]
    units = dict(zip(frame["variable"], frame["unit"], strict=True))
    with drawing():
        return png(overview(frame, units, models, glimpse.shown, ZoneInfo("UTC")))


class ProgressPicture:
    """Watches a run, and draws it in a thread of its own: training waits for a drawing at its end alone.

    In a notebook the picture is shown below the cell too, and refreshed there.

    Parameters
    ----------
    clock : callable, optional
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._path = clock, Path(PICTURE)
        self._latest: Glimpse | None = None
        self._thread: threading.Thread | None = None
        self._begun, self._took = -EVERY, 0.0
        self._drawn = b""
        self._display: Any = None

    def begin(self, folder: Path, progress: Progress) -> None:
        """Say where the picture will be."""
        self._path = folder / PICTURE
        progress.say(f"picture, refreshed while it trains: {self._path}")

    def see(self, glimpse: Glimpse) -> None:
        """Draw, unless the last drawing is not done, or was begun a moment ago; then the next look or the end will."""
        self._latest = glimpse
        rest = max(EVERY, self._took / SHARE)
        if (self._thread is None or not self._thread.is_alive()) and self._clock() - self._begun >= rest:
            self._show()
            self._begin()

    def end(self) -> None:
        """Draw what was seen last."""
        if self._thread is not None:
            self._thread.join()
        if self._latest is not None:
            self._begin()
            assert self._thread is not None
            self._thread.join()
        self._show()

    def _begin(self) -> None:
        assert self._latest is not None
        self._begun = self._clock()
        self._thread = threading.Thread(target=self._draw, args=(self._latest,), daemon=True)
        self._latest = None
        self._thread.start()

    def _draw(self, glimpse: Glimpse) -> None:
        with suppress(WritingError):  # the run will say so
            self._drawn = draw(glimpse)
            write_bytes_atomic(self._path, self._drawn)
        self._took = self._clock() - self._begun

    def _show(self) -> None:
        """Show the picture in a notebook; elsewhere IPython is not even imported."""
        shell = sys.modules.get("IPython")
        if shell is None or not self._drawn or shell.get_ipython() is None:
            return
        image = shell.display.Image(self._drawn)
        if self._display is None:
            self._display = shell.display.display(image, display_id=True)
        else:
            self._display.update(image)
