"""Plots of key performance indicators, and of effluents against their limits, cases side by side."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from asm_hybrid.errors import InputError
from asm_hybrid.scenario.kpi import SUBSTANCES, Indicator, violation
from asm_hybrid.scenario.kpi_series import PlantSeries

__all__ = ["plot_effluents", "plot_indicators"]

COLOURS = ("#5b6770", "#c1440e", "#2a7f9e", "#d9a227", "#5a8f3c", "#7b5ea7")
LIMIT, GRID, INK = "#1b1f22", "#e3e6e8", "#3a4248"
ENERGIES = ("aeration energy", "pumping energy", "mixing energy")
INDICES = {"EQI": "Effluent quality index", "OCI": "Operational cost index"}
ABOVE = "limit, with the share of the time above it"
WIDTH, PANEL = 9.0, 1.9
"""Width of the figures and height of a panel over time [inch]."""
LINE = 125
"""Letters that a line of the legend holds."""


def plot_indicators(title: str, cases: Mapping[str, Sequence[Indicator]]) -> dict[str, bytes]:
    """Draw energies, EQI and OCI of cases side by side.

    Parameters
    ----------
    title : str
        Title of the figure.
    cases : mapping of str to sequence of Indicator
        What `asm_hybrid.scenario.kpi.evaluate` returns, by name of the case; six at most. OCI is drawn where every case
        has it.

    Returns
    -------
    dict of str to bytes
        ``kpi.png`` and ``kpi.svg``.

    Raises
    ------
    InputError
        If there is no case, or more than there are colours.
    """
    from matplotlib.ticker import MaxNLocator

    colours = _colours(list(cases))
    found = {case: {row.name: row for row in rows} for case, rows in cases.items()}
    indices = [n for n in INDICES if all(n in rows for rows in found.values())]
    groups = [ENERGIES, *((name,) for name in indices)]
    with _style():
        figure, place = _figure(title, 3.0, list(cases))
        axes = figure.subplots(1, len(groups), width_ratios=[1.1 + 0.7 * len(g) for g in groups], squeeze=False)[0]
        for ax, names in zip(axes, groups, strict=True):
            width = 0.78 / len(cases)
            for i, (case, rows) in enumerate(found.items()):
                at = np.arange(len(names)) + width * (i - (len(cases) - 1) / 2)
                bars = ax.bar(at, [rows[n].value for n in names], 0.92 * width, color=colours[case], label=case)
                texts = [f"{rows[n].value:,.0f}" for n in names]
                turned = 90 if len(cases) > 2 else 0
                ax.bar_label(bars, texts, padding=2, fontsize=7.5, color=INK, rotation=turned)
            unit = next(iter(found.values()))[names[0]].unit
            ax.set_ylabel("index [-]" if unit == "-" else unit)
            ax.set_title(INDICES.get(names[0], "Energy"), loc="left", fontsize=9.5, fontweight="bold")
            ticks = [n.removesuffix(" energy") for n in names] if names == ENERGIES else list(names)
            ax.set_xticks(range(len(names)), ticks)
            ax.tick_params(axis="x", length=0)
            ax.yaxis.set_major_locator(cast(Any, MaxNLocator)(nbins=6, steps=[1, 2, 5, 10]))
            ax.yaxis.set_major_formatter("{x:,.0f}")
            ax.margins(x=0.06 if names == ENERGIES else 0.25, y=0.22 if len(cases) > 2 else 0.12)
            ax.spines[["top", "right"]].set_visible(False)
            ax.grid(axis="y", color=GRID, lw=0.7)
            ax.set_axisbelow(True)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, **place)
        return _save(figure, "kpi")


def plot_effluents(title: str, cases: Mapping[str, PlantSeries], limits: Mapping[str, float]) -> dict[str, bytes]:
    """Draw effluent concentrations over time, with their limits.

    Parameters
    ----------
    title : str
        Title of the figure.
    cases : mapping of str to PlantSeries
        Simulations, by name of the case; six at most.
    limits : mapping of str to float
        Limits [g/m3] by quantity; a panel each.

    Returns
    -------
    dict of str to bytes
        ``effluent.png`` and ``effluent.svg``; what lies above a limit is shaded, and its share of the time given.

    Raises
    ------
    InputError
        If there is no case, or more than there are colours, no limit, or a quantity that a case lacks.
    """
    colours = _colours(list(cases))
    if not limits:
        raise InputError("there is no limit, so that there is nothing to draw", expected="a limit for each panel")
    with _style():
        from matplotlib.lines import Line2D
        from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

        figure, place = _figure(title, 0.35 + PANEL * len(limits), [*cases, ABOVE])
        axes = figure.subplots(len(limits), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (quantity, limit) in zip(axes, limits.items(), strict=True):
            highest = limit
            for case, series in cases.items():
                values = series.concentration("effluent", quantity)
                times, held = series.time, series.held_until is not None
                if series.held_until is not None:
                    times, values = np.append(times, series.held_until), np.append(values, values[-1])
                highest = max(highest, float(values.max()))
                ax.plot(
                    times,
                    values,
                    color=colours[case],
                    lw=1.3,
                    label=case,
                    drawstyle="steps-post" if held else "default",
                )
                above: dict[str, Any] = {"step": "post"} if held else {"interpolate": True}
                ax.fill_between(
                    times, limit, values, where=values > limit, color=colours[case], alpha=0.15, lw=0, **above
                )
            ax.axhline(limit, ls="--", lw=1.1, color=LIMIT, zorder=3)
            ax.set_axisbelow(True)
            ax.set_ylim(0, 1.12 * highest)
            ax.set_title(quantity, loc="left", fontsize=9.5, fontweight="bold")
            texts: list[Any] = [TextArea(f"limit {limit:g}, above it", textprops={"size": 8.5, "color": INK})]
            for case, series in cases.items():
                share = violation(series, quantity, limit).share
                texts.append(
                    TextArea(f"{share:.3g} %", textprops={"size": 8.5, "color": colours[case], "weight": "bold"})
                )
            packed = HPacker(children=texts, pad=0, sep=7, align="baseline")
            corner: dict[str, Any] = {"bbox_to_anchor": (1.0, 1.03), "bbox_transform": ax.transAxes}
            ax.add_artist(AnchoredOffsetbox("lower right", child=packed, frameon=False, pad=0, borderpad=0, **corner))
            ax.set_ylabel(f"g{SUBSTANCES.get(quantity, '')}/m3")
            ax.spines[["top", "right"]].set_visible(False)
            ax.grid(axis="y", color=GRID, lw=0.7)
            ax.margins(x=0)
        axes[-1].set_xlabel("time (d)")
        figure.align_ylabels(axes)
        handles, labels = axes[0].get_legend_handles_labels()
        dashed = Line2D([], [], ls="--", lw=1.1, color=LIMIT)
        figure.legend([*handles, dashed], [*labels, ABOVE], **place)
        return _save(figure, "effluent")


def _colours(cases: Sequence[str]) -> dict[str, str]:
    if not 1 <= len(cases) <= len(COLOURS):
        raise InputError(f"there are {len(cases)} cases to draw", expected=f"1 to {len(COLOURS)} cases")
    return dict(zip(cases, COLOURS, strict=False))


def _style() -> Any:
    import matplotlib as mpl

    style = {**mpl.rcParamsDefault, "svg.hashsalt": "asm-hybrid", "font.size": 9}
    style.pop("backend")
    return mpl.rc_context(cast(Any, style))


def _figure(title: str, height: float, labels: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Return a figure with its title above axes of some height, and how its legend is placed between them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = max(1, min(len(labels), LINE // (max(map(len, labels)) + 8)))
    header = 0.4 + 0.22 * math.ceil(len(labels) / columns)
    total = header + height
    figure = Figure(figsize=(WIDTH, total), layout="constrained")
    FigureCanvasAgg(figure)
    cast(Any, figure.get_layout_engine()).set(rect=(0, 0, 1, height / total))
    figure.text(0.01, 1 - 0.08 / total, title, fontsize=12, fontweight="bold", va="top")
    place = {"loc": "upper left", "bbox_to_anchor": (0.008, 1 - 0.34 / total), "borderaxespad": 0.0, "frameon": False}
    return figure, {**place, "ncols": columns}


def _save(figure: Any, name: str) -> dict[str, bytes]:
    out = {}
    for kind, options in (("png", {"dpi": 130}), ("svg", {"metadata": {"Date": None}})):
        content = io.BytesIO()
        figure.savefig(content, format=kind, **cast(Any, options))
        out[f"{name}.{kind}"] = content.getvalue()
    return out
