"""What the figures of cases side by side have in common: colours, title, legend and files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedFormatter, FixedLocator

from asm_hybrid.report.style import INK

__all__ = ["BAND", "CASE_COLOURS", "PANEL_TITLE", "WIDTH", "CaseLook", "TimeAxis", "finish", "tick"]

CASE_COLOURS = ("#5b6770", "#c1440e", "#2a7f9e", "#d9a227", "#5a8f3c", "#7b5ea7")
"""The base case first."""
WIDTH = 10.2
"""Width of a figure [inch]."""
PANEL_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9, "fontweight": "bold", "y": 1.0, "pad": 5}
TITLED, TICKED, LABELLED = 0.27, 0.24, 0.22
"""Height of the title of a panel, of the ticks below it, and of a label below those [inch]."""
DIGIT, EDGE = 0.075, 0.12
"""Width of a digit of a tick, and of what is left free beside panels and ticks [inch]."""
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

    def dress(self, panels: Sequence[Axes], *, short: bool = False) -> str:
        """Put the same ticks on panels, numbers, or days and hours in the zone; return the label, with the year."""
        limits = [ax.get_xlim() for ax in panels]
        low, high = min(pair[0] for pair in limits), max(pair[1] for pair in limits)
        for ax in panels:
            ax.set_xlim(low, high)
        if self.origin is None:
            return self.label
        zone = ZoneInfo(self.zone)
        # With 5 ticks at most and 3 at least, no step is found for 48 to 72 h, and for some longer spans.
        least, most = (2, 5) if short else (3, 9)
        locator = cast(Any, AutoDateLocator)(tz=zone, minticks=least, maxticks=most)
        formatter = cast(Any, ConciseDateFormatter)(
            locator,
            tz=zone,
            formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
            zero_formats=["", "%b", "%d %b", "%d %b", "%H:%M", "%H:%M"],
            offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
        )
        locator.set_axis(panels[0].xaxis)
        at = [x for x in locator() if low <= x <= high]
        labels = formatter.format_ticks(at)
        for ax in panels:
            ax.xaxis.set_major_locator(cast(Any, FixedLocator)(at))
            ax.xaxis.set_major_formatter(cast(Any, FixedFormatter)(labels))
        return ", ".join(text for text in (self.label, formatter.get_offset()) if text)


@dataclass(frozen=True)
class CaseLook:
    """What figures of fitted models show besides their lines.

    Attributes
    ----------
    axis : TimeAxis
        How times are shown.
    outside : tuple of (ndarray, ndarray, ndarray)
        By case: times [d], when it leaves what training saw, and when n fades.
    banded : str
        What lies within the bands of members; empty where there are none.
    alone : bool
        Whether f alone is drawn.
    """

    axis: TimeAxis = TimeAxis()
    outside: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...] = ()
    banded: str = ""
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
        strips, colours = [], []
        for k, (times, outside, faded) in enumerate(self.outside):
            low, high = k * STRIP, (k + 0.8) * STRIP
            for when, opacity in ((outside & ~faded, 0.35), (faded, 1.0)):
                edges = np.flatnonzero(np.diff(np.concatenate([[False], when, [False]]).astype(int)))
                for i, j in zip(edges[::2], edges[1::2], strict=True):
                    left, right = self.axis.at(times[i]), self.axis.at(times[min(j, len(times) - 1)])
                    strips.append([(left, low), (right, low), (right, high), (left, high)])
                    colours.append(to_rgba(CASE_COLOURS[k], opacity))
        place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "linewidth": 0, "zorder": 2.2}
        ax.add_collection(PolyCollection(strips, facecolors=colours, **place), autolim=False)

    @property
    def handles(self) -> list[Any]:
        """What the legend says of all this."""
        found: list[Any] = []
        if self.banded:
            found.append(Patch(color=INK, alpha=BAND, lw=0, label=self.banded))
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
    figure: Figure,
    cases: Sequence[str],
    title: str,
    name: str,
    more: Sequence[Any] = (),
    *,
    bars: bool = False,
    below: float = TICKED,
) -> dict[str, bytes]:
    """Put title and legend above the panels, and return the figure as files.

    Parameters
    ----------
    figure : Figure
        The panels, all of one grid, drawn within `asm_hybrid.report.style.drawing` with `lines`; it grows by the
        header.
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
    below : float
        What is free below each panel but the last [inch].

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
    _place(figure, header, below)
    figure.text(0.008, 1 - 0.08 / total, title, fontsize=10.5, fontweight="bold", va="top")
    place: dict[str, Any] = {"bbox_to_anchor": (0.004, 1 - 0.3 / total), "borderaxespad": 0.0}
    figure.legend(handles=handles, loc="upper left", ncols=columns, **place)
    files = {}
    for kind, options in (("png", {"dpi": 130, "facecolor": "white"}), ("svg", {"metadata": {"Date": None}})):
        content = io.BytesIO()
        figure.savefig(content, format=kind, **cast(Any, options))
        files[f"{name}.{kind}"] = content.getvalue()
    return files


def _place(figure: Figure, header: float, below: float) -> None:
    """Place the panels by the length of their texts: to ask matplotlib for their boxes takes as long as drawing them.

    Nothing moves afterwards, neither labels nor titles.
    """
    panels = figure.axes
    shape = cast(Any, panels[0]).get_gridspec()
    for ax in panels:
        ax.yaxis.set_major_locator(cast(Any, FixedLocator)(_inside(ax)))
    beside = (
        EDGE + DIGIT * max(_width(ax) for ax in panels) + (LABELLED if any(ax.get_ylabel() for ax in panels) else 0)
    )
    labelled = bool(figure.get_supxlabel()) or any(ax.get_xlabel() for ax in panels)
    foot = TICKED + (LABELLED if labelled else 0.0)
    width, height = figure.get_figwidth(), figure.get_figheight()
    across = (width - EDGE - shape.ncols * beside - (shape.ncols - 1) * EDGE) / shape.ncols
    down = (height - header - foot - (shape.nrows - 1) * below - shape.nrows * TITLED) / shape.nrows
    figure.subplots_adjust(
        left=beside / width,
        right=1 - EDGE / width,
        bottom=foot / height,
        top=1 - (header + TITLED) / height,
        wspace=(beside + EDGE) / across,
        hspace=(below + TITLED) / down,
    )
    for ax in panels:
        ax.xaxis.set_label_coords(0.5, -TICKED / down)
        ax.yaxis.set_label_coords(-(beside - LABELLED) / (width * ax.get_position().width), 0.5)


def _inside(ax: Axes) -> list[float]:
    """Return the ticks of the vertical axis that are seen."""
    low, high = sorted(ax.get_ylim())
    room = 1e-9 * (high - low)
    return [float(y) for y in ax.get_yticks() if low - room <= y <= high + room]


def _width(ax: Axes) -> float:
    """Return the width of the widest tick of the vertical axis, in digits."""
    texts = [str(cast(Any, ax.yaxis.get_major_formatter())(y, 0)) for y in ax.get_yticks()] if ax.get_visible() else []
    return max((len(text) - 0.5 * sum(text.count(sign) for sign in ",.") for text in texts), default=0.0)
