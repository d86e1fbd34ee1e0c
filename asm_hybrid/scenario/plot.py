"""The plot of a scenario against its base case."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from asm_hybrid.artefacts import write_bytes_atomic

__all__ = ["plot_scenario"]

BASE, CHANGED = "#5b6770", "#c1440e"
EFFLUENT = ("effluent.COD", "effluent.TN", "effluent.TSS")


def plot_scenario(
    folder: Path, title: str, series: pd.DataFrame, measured: Sequence[str], units: Mapping[str, str]
) -> None:
    """Write ``plot.png`` and ``plot.svg``: the measured quantities and the main effluent sums, base and scenario.

    Parameters
    ----------
    folder : Path
        Where to write.
    title : str
        Name of the scenario.
    series : DataFrame
        Time, and columns ``TARGET base`` and ``TARGET scenario`` with their ranges.
    measured : sequence of str
        Quantities that are measured at the plant.
    units : mapping of str to str
        Unit of every quantity.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    shown = [*measured, *(t for t in EFFLUENT if t in units and t not in measured)]
    times = pd.DatetimeIndex(pd.to_datetime(series["time"], utc=True, format="ISO8601")).to_pydatetime()
    with mpl.rc_context({"svg.hashsalt": "asm-hybrid", "font.size": 9}):
        figure = Figure(figsize=(9, 1.0 + 1.9 * len(shown)), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0]
        for ax, target in zip(axes, shown, strict=True):
            for name, colour, style in (("base", BASE, "--"), ("scenario", CHANGED, "-")):
                ax.plot(times, series[f"{target} {name}"], style, color=colour, lw=1.3, label=name)
                if f"{target} {name} low" in series:
                    low, high = series[f"{target} {name} low"], series[f"{target} {name} high"]
                    ax.fill_between(times, low, high, color=colour, alpha=0.15, lw=0)
            ax.set_title(target, loc="left", fontsize=9.5, fontweight="bold")
            ax.set_ylabel(f"[{units[target]}]")
            ax.spines[["top", "right"]].set_visible(False)
            ax.grid(axis="y", color="#e3e6e8", lw=0.7)
            ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))
        locator = cast(Any, AutoDateLocator)()
        axes[-1].xaxis.set_major_locator(locator)
        axes[-1].xaxis.set_major_formatter(cast(Any, ConciseDateFormatter)(locator))
        axes[-1].set_xlabel("time (UTC)")
        figure.suptitle(f"Scenario: {title}", fontsize=12, fontweight="bold", x=0.01, ha="left")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
        for kind, options in (("png", {"dpi": 130}), ("svg", {"metadata": {"Date": None}})):
            content = io.BytesIO()
            figure.savefig(content, format=kind, **options)
            write_bytes_atomic(folder / f"plot.{kind}", content.getvalue())
