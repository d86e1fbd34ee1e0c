"""The plot of a scenario against its base case."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pandas as pd

__all__ = ["plot_scenario"]

BASE, CHANGED = "#5b6770", "#c1440e"
EFFLUENT = ("effluent.COD", "effluent.TN", "effluent.TSS")
WIDTH, PANEL = 9.0, 1.9
"""Width of the figure and height of a panel [inch]."""


def plot_scenario(
    title: str,
    changes: Sequence[str],
    series: pd.DataFrame,
    measured: Sequence[str],
    units: Mapping[str, str],
) -> dict[str, bytes]:
    """Draw the measured quantities and the main effluent sums, base and scenario.

    Parameters
    ----------
    title : str
        Name of the scenario.
    changes : sequence of str
        Its changes, in words.
    series : DataFrame
        Time, and columns ``TARGET base`` and ``TARGET scenario`` with their ranges.
    measured : sequence of str
        Quantities that are measured at the plant.
    units : mapping of str to str
        Unit of every quantity.

    Returns
    -------
    dict of str to bytes
        ``plot.png`` and ``plot.svg``.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    shown = list(dict.fromkeys([*measured, *(t for t in EFFLUENT if t in units)]))
    times = pd.DatetimeIndex(pd.to_datetime(series["time"], utc=True, format="ISO8601")).to_pydatetime()
    subtitle = textwrap.wrap("; ".join(changes), 125)
    header = 0.62 + 0.16 * len(subtitle)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.hashsalt": "asm-hybrid", "font.size": 9})
        height = header + 0.35 + PANEL * len(shown)
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasAgg(figure)
        cast(Any, figure.get_layout_engine()).set(rect=(0, 0, 1, 1 - header / height))
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for ax, target in zip(axes, shown, strict=True):
            for name, colour, style in (("base", BASE, "--"), ("scenario", CHANGED, "-")):
                ax.plot(times, series[f"{target} {name}"], style, color=colour, lw=1.3, label=name)
                if f"{target} {name} low" in series:
                    low, high = series[f"{target} {name} low"], series[f"{target} {name} high"]
                    ax.fill_between(times, low, high, color=colour, alpha=0.15, lw=0)
            ax.set_title(target, loc="left", fontsize=9.5, fontweight="bold")
            ax.set_ylabel(units[target])
            ax.spines[["top", "right"]].set_visible(False)
            ax.grid(axis="y", color="#e3e6e8", lw=0.7)
            ax.margins(x=0.01)
            lowest = float(series[[c for c in series.columns if str(c).startswith(f"{target} ")]].min().min())
            ax.set_ylim(bottom=min(0.0, lowest))
        locator = cast(Any, AutoDateLocator)()
        formats = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"]
        formatter = cast(Any, ConciseDateFormatter)(
            locator,
            formats=formats,
            zero_formats=["", "%b", "%d %b", "%d %b", "%H:%M", "%H:%M"],
            offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
        )
        axes[-1].xaxis.set_major_locator(locator)
        axes[-1].xaxis.set_major_formatter(formatter)
        axes[-1].set_xlabel("time (UTC)")
        figure.align_ylabels(axes)
        figure.text(0.01, 1 - 0.08 / height, f"Scenario: {title}", fontsize=12, fontweight="bold", va="top")
        figure.text(0.01, 1 - 0.34 / height, "\n".join(subtitle), fontsize=8.5, va="top", color="#3a4248")
        handles, labels = axes[0].get_legend_handles_labels()
        if any(str(c).endswith(" high") for c in series.columns):
            handles, labels = [*handles, Patch(color=CHANGED, alpha=0.15, lw=0)], [*labels, "shaded: range over seeds"]
        below = 1 - (header - 0.28) / height
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.008, below), "borderaxespad": 0.0}
        figure.legend(handles, labels, ncols=3, frameon=False, **place)
        out = {}
        for kind, options in (("png", {"dpi": 130}), ("svg", {"metadata": {"Date": None}})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, **cast(Any, options))
            out[f"plot.{kind}"] = content.getvalue()
    return out
