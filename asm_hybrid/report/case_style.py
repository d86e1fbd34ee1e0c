"""What the figures of cases side by side have in common: colours, title, legend and files."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, cast

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

__all__ = ["CASE_COLOURS", "PANEL_TITLE", "WIDTH", "finish", "tick"]

CASE_COLOURS = ("#5b6770", "#c1440e", "#2a7f9e", "#d9a227", "#5a8f3c", "#7b5ea7")
"""The base case first."""
WIDTH = 10.2
"""Width of a figure [inch]."""
PANEL_TITLE: dict[str, Any] = {"loc": "left", "fontsize": 9, "fontweight": "bold"}
LINE = 130
"""Letters that a line of the legend holds."""


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
        files[f"{name}.{kind}"] = content.getvalue()
    return files
