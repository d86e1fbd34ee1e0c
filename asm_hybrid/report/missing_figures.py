"""Where n acts: by hour of day, against dissolved oxygen, and over the plant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asm_hybrid.report.run_record import Missing
from asm_hybrid.report.style import INK, MUTED, drawing, percent, plain, svg, unit_text
from asm_hybrid.report.time_panels import WIDTH
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID
from asm_hybrid.training.compared.recalibrated import MODEL as RECALIBRATED

__all__ = ["HeatCell", "HeatRow", "contribution_figure", "heat_map"]

_BINS = 10
_LEAST = 5  # samples in a bin
_OWN, _LEARNT = RECALIBRATED.colour, HYBRID.colour
_TINT = (0, 114, 178)


@dataclass(frozen=True)
class HeatCell:
    """One cell of the heat map.

    Attributes
    ----------
    text : str
        Direction of what n adds, and share of its effect [%]; a dot below 1 %, empty where n does not act.
    background, ink : str
        CSS colours of ground and text.
    title : str
        The whole sentence, which the pointer brings up.
    """

    text: str
    background: str
    ink: str
    title: str


@dataclass(frozen=True)
class HeatRow:
    """One target of n in the heat map.

    Attributes
    ----------
    name : str
        The target.
    cells : tuple of HeatCell
        One a tank, in the order of the columns.
    """

    name: str
    cells: tuple[HeatCell, ...]


def heat_map(entries: Sequence[Missing], tanks: Sequence[str]) -> list[HeatRow]:
    """Return the map of shares: one row for each target of n, greatest total first.

    Parameters
    ----------
    entries : sequence of Missing
        All pairs of target and tank.
    tanks : sequence of str
        The columns, in flow order.

    Returns
    -------
    list of HeatRow
        One cell for each tank.
    """
    total: dict[tuple[str, str], float] = {}
    for entry in entries:
        key = entry.kind, entry.name
        total[key] = total.get(key, 0.0) + (entry.share or 0.0)
    known: dict[tuple[str, str, str], Missing] = {(e.kind, e.name, e.tank): e for e in entries}
    keys = sorted(total, key=lambda key: (-total[key], key))
    greatest = max((e.share or 0.0 for e in entries), default=0.0) or 1.0
    return [HeatRow(k[1], tuple(_cell(known.get((*k, t)), greatest) for t in tanks)) for k in keys]


def contribution_figure(frame: pd.DataFrame, entry: Missing, zone: ZoneInfo, prefix: str) -> Markup:
    """Draw what f has by itself beside the learnt contribution, by hour of day and against dissolved oxygen.

    Parameters
    ----------
    frame : DataFrame
        Rows of ``contributions.csv`` for this target of n and tank: time, own, learnt, S_O.
    entry : Missing
        The pair that is drawn.
    zone : ZoneInfo
        Time zone of the hour of day.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    hours = frame["time"].dt.tz_convert(zone).dt.hour.to_numpy()
    oxygen = frame["S_O"].to_numpy(float) if "S_O" in frame else np.full(len(frame), np.nan)
    edges = _oxygen_edges(oxygen)
    with drawing():
        figure = Figure(figsize=(WIDTH, 2.75))
        panels = figure.subplots(1, 2 if edges is not None else 1, sharey=True, squeeze=False)[0]
        _compare(panels[0], frame, hours, np.arange(24), None, entry.quantity)
        panels[0].set_xlabel(f"hour of day ({zone.key})")
        panels[0].set_xticks(range(0, 25, 3))
        panels[0].set_xlim(-0.5, 23.5)
        panels[0].set_ylabel(f"{entry.quantity} [{unit_text(entry.unit)}]")
        if edges is not None:
            group = np.clip(np.searchsorted(edges, oxygen, side="right") - 1, 0, len(edges) - 2)
            group = np.where(np.isfinite(oxygen), group, -1)
            _compare(panels[1], frame, group, np.arange(len(edges) - 1), oxygen, entry.quantity)
            panels[1].set_xlabel(f"dissolved oxygen in {entry.tank} [g/m³]")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3, handlelength=2.2)
        return svg(figure, f"{plain(entry.name)} in {entry.tank}: own and learnt {entry.quantity}", prefix)


def _compare(
    axes: Axes, frame: pd.DataFrame, group: np.ndarray, groups: np.ndarray, position: np.ndarray | None, quantity: str
) -> None:
    """Draw median and middle half of what f has and of what n adds for each group of samples."""
    members = [np.flatnonzero(group == g) for g in groups]
    members = [m for m in members if len(m) >= (_LEAST if position is not None else 1)]
    if not members:
        return
    first = [m[0] for m in members]
    x = group[first].astype(float) if position is None else np.array([np.median(position[m]) for m in members])
    for column, colour, marker, label in (
        ("own", _OWN, "s", f"f's own {quantity}"),
        ("learnt", _LEARNT, "o", "learnt contribution"),
    ):
        values = frame[column].to_numpy(float)
        low, mid, high = np.array([np.nanpercentile(values[m], [25, 50, 75]) for m in members]).T
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.plot(x, mid, color=colour, marker=marker, markersize=3.2, label=label)
    axes.axhline(0, color=INK, linewidth=0.8)


def _oxygen_edges(oxygen: np.ndarray) -> np.ndarray | None:
    known = oxygen[np.isfinite(oxygen)]
    if known.size < 4 * _LEAST or np.ptp(known) < 1e-3:
        return None
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)))
    return edges if len(edges) > 3 else None


def _cell(entry: Missing | None, greatest: float) -> HeatCell:
    if entry is None or entry.share is None:
        return HeatCell("", "#ffffff", MUTED, "not learnt here")
    depth = min(max(entry.share / greatest, 0.0), 1.0) ** 0.7
    red, green, blue = (round(255 + (c - 255) * depth) for c in _TINT)
    learnt = entry.learnt or 0.0
    word = "n raises it" if learnt > 0 else "n lowers it" if learnt < 0 else "n leaves it"
    arrow = "▲ " if learnt > 0 else "▼ " if learnt < 0 else ""
    text = arrow + percent(entry.share) if entry.share >= 0.01 else "·"
    title = f"{plain(entry.name)} in {entry.tank}: {percent(entry.share)}, {word}"
    return HeatCell(text, f"rgb({red},{green},{blue})", "#ffffff" if depth > 0.55 else INK, title)
