"""What the figures of cases side by side have in common: colours, title, legend and files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.report.style import INK

__all__ = ["BAND", "CASE_COLOURS", "PANEL_TITLE", "WIDTH", "CaseLook", "TimeAxis", "finish", "tick"]

CASE_COLOURS = ("#5b6770", "#c1440e", "#2a7f9e", "#d9a227", "#5a8f3c", "#7b5ea7")
"""The base case first."""
WIDTH = 10.2
"""Width of a figure [inch]."""
PANEL_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9, "fontweight": "bold"}
LINE = 130
"""Letters that a line of the legend holds."""


BAND = 0.18
"""Opacity of what lies between the lowest and the highest member of n."""
CORNERS = 400
"""Corners of each side of a band."""
STRIP = 0.022
"""Height of the strips at the foot of a panel, one a case, by that of the panel."""


@dataclass(frozen=True)
class TimeAxis:
    """How times are shown.

    Attributes
    ----------
    origin : Timestamp or None
        Time zero, UTC; None for days from a start.
    zone : str
        The zone in which stamps are shown.
    """

    origin: pd.Timestamp | None = None
    zone: str = "UTC"

    def at(self, times: np.ndarray | float) -> Any:
        """Return where times [d] stand on the axis."""
        if self.origin is None:
            return times
        return (self.origin - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1) + times

    @property
    def label(self) -> str:
        """Its label."""
        return "time [d]" if self.origin is None else f"time ({self.zone})"

    def dress(self, ax: Axes, *, short: bool = False) -> None:
        """Put ticks on an axis: numbers, or days and hours in the zone."""
        if self.origin is None:
            return
        zone = ZoneInfo(self.zone)
        locator = cast(Any, AutoDateLocator)(tz=zone, minticks=3, maxticks=5 if short else 9)
        formatter = cast(Any, ConciseDateFormatter)(
            locator,
            tz=zone,
            formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
            zero_formats=["", "%b", "%d %b", "%d %b", "%H:%M", "%H:%M"],
            offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
        )
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(formatter)


@dataclass(frozen=True)
class CaseLook:
    """What figures of fitted models show besides their lines.

    Attributes
    ----------
    axis : TimeAxis
        How times are shown.
    outside : tuple of (ndarray, ndarray, ndarray)
        By case: times [d], when it leaves what training saw, and when n fades.
    banded : bool
        Whether there are bands of members.
    alone : bool
        Whether f alone is drawn.
    """

    axis: TimeAxis = TimeAxis()
    outside: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = ()
    banded: bool = False
    alone: bool = False

    @property
    def leaves(self) -> bool:
        """Whether any case leaves what training saw."""
        return any(outside.any() for _, outside, _ in self.outside)

    def band(self, ax: Axes, times: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str) -> None:
        """Fill what lies between two lines, with no more corners than can be told apart."""
        if not (high > low).any():
            return
        width = max(1, len(times) // CORNERS)
        count = len(times) // width * width
        t, floor, ceiling = (values[:count].reshape(-1, width) for values in (times, low, high))
        t, floor, ceiling = t.mean(axis=1), floor.min(axis=1), ceiling.max(axis=1)
        ax.fill_between(self.axis.at(t), floor, ceiling, color=colour, alpha=BAND, lw=0)

    def mark(self, ax: Axes) -> None:
        """Draw a strip at the foot of a panel for each case: pale where it leaves training, full where n fades."""
        if not self.leaves:
            return
        limits = ax.get_xlim()
        for k, (times, outside, faded) in enumerate(self.outside):
            place = {"ymin": k * STRIP, "ymax": (k + 0.8) * STRIP, "lw": 0, "zorder": 2.2}
            for when, opacity in ((outside & ~faded, 0.35), (faded, 1.0)):
                edges = np.flatnonzero(np.diff(np.concatenate([[False], when, [False]]).astype(int)))
                for i, j in zip(edges[::2], edges[1::2], strict=True):
                    left, right = self.axis.at(times[i]), self.axis.at(times[min(j, len(times) - 1)])
                    ax.axvspan(left, right, color=CASE_COLOURS[k], alpha=opacity, **cast(Any, place))
        ax.set_xlim(limits)

    @property
    def handles(self) -> list[Any]:
        """What the legend says of all this."""
        found: list[Any] = []
        if self.banded:
            found.append(Patch(color=INK, alpha=BAND, lw=0, label="range over seeds"))
        if self.alone:
            found.append(Line2D([], [], color=INK, linestyle=":", linewidth=1.2, label="f alone"))
        if self.leaves:
            found.append(Patch(color=INK, alpha=0.35, lw=0, label="strip: outside of training"))
        if any(faded.any() for _, _, faded in self.outside):
            found.append(Patch(color=INK, lw=0, label="strip: n fades"))
        return found


def tick(value: float, _: float) -> str:
    """Return the label of a tick, with commas and a true minus sign.

    Parameters
    ----------
    value : float
        The value, in the unit of its axis.

    Returns
    -------
    str
    """
    return f"{value:,.10g}".replace("-", "−")


def finish(
    figure: Figure, cases: Sequence[str], title: str, name: str, more: Sequence[Any] = (), *, bars: bool = False
) -> dict[str, bytes]:
    """Put title and legend above the panels, and return the figure as files.

    Parameters
    ----------
    figure : Figure
        The panels, drawn within `asm_hybrid.report.style.drawing`; it grows by the header.
    cases : sequence of str
        Names of the cases, in the order of their colours.
    title : str
        Title of the figure.
    name : str
        Name of the files.
    more : sequence of artists
        What the legend has besides.
    bars : bool
        Whether cases are shown by bars, not by lines.

    Returns
    -------
    dict of str to bytes
        PNG and SVG by file name.
    """
    width = 6.0 if bars else 1.4
    colours = zip(cases, CASE_COLOURS, strict=False)
    handles = [*(Line2D([], [], color=colour, linewidth=width, label=case) for case, colour in colours), *more]
    columns = max(1, min(len(handles), LINE // (max(len(h.get_label()) for h in handles) + 8)))
    header, panels = 0.36 + 0.2 * math.ceil(len(handles) / columns), figure.get_figheight()
    total = header + panels
    figure.set_figheight(total)
    cast(Any, figure.get_layout_engine()).set(rect=(0, 0, 1, panels / total))
    figure.text(0.008, 1 - 0.08 / total, title, fontsize=10.5, fontweight="bold", va="top")
    place: dict[str, Any] = {"bbox_to_anchor": (0.004, 1 - 0.3 / total), "borderaxespad": 0.0}
    figure.legend(handles=handles, loc="upper left", ncols=columns, **place)
    cast(dict[str, Any], matplotlib.rcParams)["path.simplify"] = True  # lines only, so that none of it is lost
    files = {}
    for kind, options in (("png", {"dpi": 130, "facecolor": "white"}), ("svg", {"metadata": {"Date": None}})):
        content = io.BytesIO()
        figure.savefig(content, format=kind, **cast(Any, options))
        figure.set_layout_engine("none")  # what the first file was laid out by holds for the second
        files[f"{name}.{kind}"] = content.getvalue()
    return files
