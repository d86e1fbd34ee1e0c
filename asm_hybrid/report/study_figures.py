"""Figures of a study: bands of its series, and figures that compete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.report.case_style import PANEL_TITLE, TimeAxis, tick
from asm_hybrid.report.run_tables import thin
from asm_hybrid.report.style import INK, MUTED, drawing, svg, unit_text
from asm_hybrid.report.time_panels import WIDTH
from asm_hybrid.studies import StudyResult

__all__ = ["fan_figure", "front_figure"]

COLOUR = "#0072b2"
ORANGE = "#c1440e"
_POINTS = 800
_NAMED = 12
_PANEL = 1.9
_BEST = {"min": "the lower the better", "max": "the higher the better"}


def fan_figure(result: StudyResult, fans: Sequence[tuple[str, pd.DataFrame]]) -> Markup:
    """Draw the bands of series, a panel each.

    Parameters
    ----------
    result : StudyResult
        The study.
    fans : sequence of (str, DataFrame)
        Names of series with what `asm_hybrid.studies.fan` gives; none of them empty.

    Returns
    -------
    Markup
        The figure.
    """
    columns = min(2, len(fans))
    rows = -(-len(fans) // columns)
    axis = TimeAxis(result.origin, result.zone)
    with drawing():
        figure = Figure(figsize=(WIDTH, 0.55 + _PANEL * rows))
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax, (name, table) in zip(grid, fans, strict=False):
            _draw_fan(ax, axis, table, result.limits.get(name))
            ax.set_title(f"{name} [{unit_text(result.units.get(name, '-'))}]", **PANEL_TITLE)
            ax.yaxis.set_major_formatter(tick)
        label = axis.dress(list(grid[: len(fans)]), short=columns > 1)
        for ax in grid[max(0, len(fans) - columns) : len(fans)]:
            ax.set_xlabel(label, loc="right")
        for ax in grid[len(fans) :]:
            ax.remove()
        figure.legend(handles=_handles(result, fans), loc="outside upper left", ncols=5)
        return svg(figure, "Bands of the series over the cases", "fans")


def _handles(result: StudyResult, fans: Sequence[tuple[str, pd.DataFrame]]) -> list[Any]:
    found: list[Any] = [
        Line2D([], [], color=COLOUR, linewidth=1.5, label="median of the cases"),
        Patch(color=COLOUR, alpha=0.38, linewidth=0, label="50 % of the cases"),
        Patch(color=COLOUR, alpha=0.16, linewidth=0, label="90 % of the cases"),
    ]
    if any(table["base"].notna().any() for _, table in fans):
        found.append(Line2D([], [], color=INK, linewidth=1.0, linestyle="--", label="without changes"))
    if any(name in result.limits for name, _ in fans):
        found.append(Line2D([], [], color=ORANGE, linewidth=1.0, label="limit"))
    return found


def _draw_fan(ax: Axes, axis: TimeAxis, table: pd.DataFrame, limit: float | None) -> None:
    columns = {name: table[name].to_numpy(float) for name in table.columns}
    kept = thin(columns["p5"], _POINTS)
    for name in ("p25", "p50", "p75", "p95", "base"):
        kept = np.union1d(kept, thin(columns[name], _POINTS))
    days = axis.at(columns["time"][kept])
    c = {name: values[kept] for name, values in columns.items()}
    ax.fill_between(days, c["p5"], c["p95"], color=COLOUR, alpha=0.16, linewidth=0)
    ax.fill_between(days, c["p25"], c["p75"], color=COLOUR, alpha=0.28, linewidth=0)
    ax.plot(days, c["p50"], color=COLOUR, linewidth=1.4)
    if np.isfinite(c["base"]).any():
        ax.plot(days, c["base"], color=INK, linewidth=0.9, linestyle="--")
    if limit is not None:
        ax.axhline(limit, color=ORANGE, linewidth=1.0)
    ax.margins(x=0.005)


def front_figure(result: StudyResult, front: pd.DataFrame, names: tuple[str, str], prefix: str) -> Markup:
    """Draw two figures that compete, all cases, and those that no other beats.

    Parameters
    ----------
    result : StudyResult
        The study.
    front : DataFrame
        From `asm_hybrid.studies.pareto_front`.
    names : tuple of str
        The two figures.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    units = {figure.name: figure.unit for figure in result.figures}
    x, y = (result.values(name) for name in names)
    known = np.isfinite(x) & np.isfinite(y)
    with drawing():
        figure = Figure(figsize=(WIDTH, 4.4))
        ax = figure.subplots()
        gap = np.full(known.sum(), np.nan)
        dots: dict[str, Any] = {"solid_capstyle": "round", "zorder": 2}
        points = [np.stack([v[known], v[known], gap], axis=1).ravel() for v in (x, y)]
        ax.plot(*points, color=MUTED, linewidth=3.2, alpha=0.45, label="case", **dots)
        line: dict[str, Any] = {"color": COLOUR, "marker": "o", "markersize": 5, "zorder": 3, "linewidth": 1.0}
        line |= {"drawstyle": "steps-post"} if len(result.pareto) == 2 else {"linestyle": "none"}
        fx, fy = (front[name].to_numpy(float) for name in names)
        ax.plot(fx, fy, label="not beaten by any other", **line)
        if result.base and all(name in result.base.figures for name in names):
            own = [result.base.figures[name] for name in names]
            ax.plot(*own, color=ORANGE, marker="D", markersize=6, linestyle="none", zorder=4, label="without changes")
        for k in np.unique(np.linspace(0, len(front) - 1, min(len(front), _NAMED)).round().astype(int)):
            place: dict[str, Any] = {"textcoords": "offset points", "xytext": (5, 4), "fontsize": 8}
            ax.annotate(f"{front['case'].iloc[k]}", (fx[k], fy[k]), color=INK, zorder=5, **place)
        for set_label, name in ((ax.set_xlabel, names[0]), (ax.set_ylabel, names[1])):
            set_label(f"{name} [{unit_text(units[name])}], {_BEST[dict(result.pareto)[name]]}")
        ax.xaxis.set_major_formatter(tick)
        ax.yaxis.set_major_formatter(tick)
        figure.legend(loc="outside upper left", ncols=3)
        return svg(figure, f"{names[0]} and {names[1]} of all cases, and the front", prefix)
