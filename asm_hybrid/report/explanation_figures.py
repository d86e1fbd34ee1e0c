"""Figures of the diagnosis: explanations side by side, and what drives the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from asm_hybrid.diagnosis.plain_words import FAMILIES, quantity_words
from asm_hybrid.report.diagnosis_record import Driver, DriverCurve, Explanation, Law, Reading
from asm_hybrid.report.style import INK, MUTED, drawing, percent, svg, unit_text
from asm_hybrid.report.time_panels import WIDTH
from asm_hybrid.text import process_words
from asm_hybrid.training.compared.hybrid import MODEL as HYBRID

__all__ = ["FAMILY_COLOURS", "driver_figure", "effects_figure", "ranking_figure"]

FAMILY_COLOURS = {
    "kinetics": "#0072b2",
    "lacking": "#56b4e9",
    "influent": "#e69f00",
    "flows": "#d55e00",
    "oxygen": "#009e73",
    "sensors": "#cc79a7",
}
"""Colours that are told apart with any kind of sight (Okabe and Ito)."""
_OTHER, _LAW, _SET = "#98a2af", "#b5460f", "#e8f3fa"
_ROW = 0.3
_PANELS = 6
_LEARNT = HYBRID.colour


def ranking_figure(rows: Sequence[tuple[str, Explanation]], prefix: str) -> Markup:
    """Draw what each explanation closes of the gap between f and the least error that is reached.

    Parameters
    ----------
    rows : sequence of (str, Explanation)
        Each with its title, from top to bottom.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    ends = [v for _, row in rows for v in (row.gain, row.low, row.high) if v is not None and np.isfinite(v)]
    low, high = max(min([0.0, *ends]), -0.5), min(max([1.0, *ends]), 1.5)
    with drawing():
        figure = Figure(figsize=(WIDTH, _ROW * len(rows) + 0.95))
        axes = figure.subplots()
        for y, (_, row) in enumerate(rows):
            if row.in_set:
                axes.axhspan(y - 0.5, y + 0.5, color=_SET, linewidth=0, zorder=0)
            colour = FAMILY_COLOURS.get(row.family or "", _OTHER)
            gain = row.gain if row.gain is not None else 0.0
            solid: dict[str, Any] = (
                {"color": colour} if row.plausible else {"facecolor": "none", "edgecolor": colour, "hatch": "////"}
            )
            axes.barh(y, np.clip(gain, low, high), height=0.62, zorder=2, linewidth=0.8, **solid)
            if row.low is not None and row.high is not None:
                ends_shown = np.clip([row.low, row.high], low, high)
                axes.plot(ends_shown, [y, y], color=INK, linewidth=1.1, zorder=3)
                axes.plot(ends_shown, [y, y], color=INK, marker="|", markersize=5, linestyle="none", zorder=3)
            axes.annotate(
                "–" if row.best_share is None else percent(row.best_share),
                (1.0, y),
                xycoords=("axes fraction", "data"),
                xytext=(44, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontweight="bold" if row.in_set else "normal",
            )
        axes.set_yticks(range(len(rows)), [title + _marks(row) for title, row in rows])
        for label, (_, row) in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if row.in_set else "normal")
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.axvline(0.0, color=INK, linewidth=0.9, zorder=4)
        axes.set_xlim(low - 0.01, high + 0.02)
        axes.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f} %".replace("-", "−"))
        axes.set_xlabel("share of what can be explained, with its 90 % interval")
        axes.annotate(
            "best in",
            (1.0, 1.0),
            xycoords="axes fraction",
            xytext=(44, 3),
            textcoords="offset points",
            ha="right",
            color=MUTED,
        )
        shown = dict.fromkeys(row.family for _, row in rows if row.family in FAMILIES)
        handles = [Patch(color=FAMILY_COLOURS[f], label=FAMILIES[f]) for f in FAMILIES if f in shown]
        figure.legend(handles=handles, loc="outside upper left", ncols=6, handlelength=1.2, columnspacing=1.5)
        return svg(figure, "Explanations, and how much of what can be explained each explains", prefix)


def driver_figure(driver: Driver, law: Law | None, prefix: str) -> Markup:
    """Draw the learnt factor over its driver with the law through it, and how much each input explains.

    Parameters
    ----------
    driver : Driver
        With its curve.
    law : Law or None
        A law of the same process, whose curve is drawn.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    curve = driver.curve or DriverCurve(x=[], factor=[], low=[], high=[], density=[])
    by_n, inputs = driver.share is not None, driver.inputs[:_PANELS]
    line, band = (
        ("factor that n has learnt", "range of the seeds") if by_n else ("factor of the explanation", "90 % interval")
    )
    with drawing():
        figure = Figure(figsize=(WIDTH, 3.1))
        panels = figure.subplots(1, 2 if inputs else 1, width_ratios=[1.75, 1.0] if inputs else None, squeeze=False)[0]
        axes = panels[0]
        axes.fill_between(curve.x, curve.low, curve.high, color=_LEARNT, alpha=0.2, linewidth=0, label=band)
        axes.plot(curve.x, curve.factor, color=_LEARNT, marker="o", markersize=3.6, label=line)
        if law is not None and law.curve is not None and law.process == driver.process:
            axes.plot(law.curve.x, law.curve.factor, color=_LAW, linestyle="--", label=law.expression)
        axes.axhline(1.0, color=INK, linewidth=0.8)
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel(_axis(driver.driver or "", driver.tank, curve.unit))
        axes.set_ylabel("factor on the rate")
        handles, _ = axes.get_legend_handles_labels()
        if by_n:
            _density(axes, curve.x, curve.density)
            handles.append(Patch(color="#d4dae2", label="where the data lie"))
        figure.legend(handles=handles, loc="outside upper left", ncols=4, handlelength=2.2)
        if inputs:
            _shares(panels[1], inputs, driver.driver)
        return svg(figure, f"Factor on {process_words(driver.process)} over {driver.driver}", prefix)


def _shares(axes: Axes, inputs: Sequence[Reading], driver: str | None) -> None:
    """Draw how much of the variance of the factor each input explains alone."""
    for y, row in enumerate(inputs):
        axes.barh(y, row.share, height=0.6, color=_LEARNT if row.name == driver else _OTHER, zorder=2)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=INK, linewidth=1.1, zorder=3)
    axes.set_yticks(range(len(inputs)), [row.name for row in inputs])
    axes.set_ylim(len(inputs) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0.0, 1.0)
    axes.xaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f} %")
    axes.set_xlabel("of its variance, explained by one input alone")


def effects_figure(driver: Driver, prefix: str) -> Markup:
    """Draw the accumulated local effects of everything that n reads, each seed a line.

    Parameters
    ----------
    driver : Driver
        With its inputs.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    inputs = driver.inputs[:_PANELS]
    columns = min(3, len(inputs))
    rows = -(-len(inputs) // columns)
    with drawing():
        figure = Figure(figsize=(WIDTH, 2.05 * rows + 0.4))
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
        for axes, row in zip(panels.ravel(), inputs, strict=False):
            _effect(axes, row)
        for axes in panels.ravel()[len(inputs) :]:
            axes.set_visible(False)
        for axes in panels[:, 0]:
            axes.set_ylabel("effect, as a factor")
        handles = [Line2D([], [], color=_LEARNT, label="one seed"), Patch(color="#d4dae2", label="where the data lie")]
        figure.legend(handles=handles, loc="outside upper left", ncols=2, handlelength=2.2)
        return svg(figure, f"Effects of what n reads on {process_words(driver.process)}", prefix)


def _effect(axes: Axes, row: Reading) -> None:
    for effect in row.effect:
        axes.plot(row.x, np.exp(effect), color=_LEARNT, linewidth=1.1, alpha=0.8)
    axes.axhline(1.0, color=INK, linewidth=0.8)
    _density(axes, row.x, row.density)
    axes.set_xlabel(f"{row.name} [{unit_text(row.unit)}]")


def _density(axes: Axes, x: Sequence[float], density: Sequence[float]) -> None:
    """Shade at the foot of a panel where the data lie."""
    greatest = max(density, default=0.0)
    if greatest > 0:
        shade = axes.twinx()
        shade.fill_between(x, np.asarray(density) / greatest, color="#d4dae2", linewidth=0, zorder=0)
        shade.set_ylim(0.0, 5.0)
        shade.set_axis_off()
        shade.set_zorder(axes.get_zorder() - 1)
        axes.patch.set_visible(False)


def _axis(name: str, tank: str | None, unit: str) -> str:
    place = f" in {tank}" if tank and name[:2] in ("S_", "X_") else ""
    return f"{quantity_words(name)}{place} [{unit_text(unit)}]"


def _marks(row: Explanation) -> str:
    return (" ≈" if row.fitted == "linear" and row.family else "") + ("" if row.plausible else " ✗")
