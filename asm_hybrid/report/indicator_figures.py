"""Figures of key performance indicators, and of effluents against their limits, cases side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea
from matplotlib.ticker import MaxNLocator

from asm_hybrid.errors import InputError
from asm_hybrid.report.case_style import CASE_COLOURS, PANEL_TITLE, WIDTH, CaseLook, finish, tick
from asm_hybrid.report.style import INK, drawing, unit_text
from asm_hybrid.scenario.kpi import SUBSTANCES, Indicator, violation
from asm_hybrid.scenario.kpi_series import PlantSeries

__all__ = ["plot_effluents", "plot_indicators"]

ENERGIES = ("aeration energy", "pumping energy", "mixing energy")
INDICES = {"EQI": "Effluent quality index", "OCI": "Operational cost index"}
ABOVE = "limit, with the share of the time above it"
BARS, PANEL = 2.9, 1.75
"""Height of the bars, and of a panel over time [inch]."""


def plot_indicators(
    title: str,
    cases: Mapping[str, Sequence[Indicator]],
    ranges: Mapping[str, Sequence[Mapping[str, float]]] | None = None,
    alone: Mapping[str, Sequence[Indicator]] | None = None,
    band: str = "",
) -> dict[str, bytes]:
    """Draw energies, EQI and OCI of cases side by side.

    Parameters
    ----------
    title : str
        Title of the figure.
    cases : mapping of str to sequence of Indicator
        What `asm_hybrid.scenario.kpi.evaluate` returns, by name of the case; six at most. What every case has is drawn.
    ranges : mapping of str to sequence of mapping of str to float, optional
        Values by indicator at both ends of the range of the members, which is drawn.
    alone : mapping of str to sequence of Indicator, optional
        The same of f alone.
    band : str, optional
        What the range is, for the legend.

    Returns
    -------
    dict of str to bytes
        ``kpi.png`` and ``kpi.svg``; nothing where the cases have neither energies nor indices.

    Raises
    ------
    InputError
        If there is no case, or more than there are colours.
    """
    colours = _colours(list(cases))
    found = {case: {row.name: row for row in rows} for case, rows in cases.items()}
    indices = [n for n in INDICES if all(n in rows for rows in found.values())]
    energies = tuple(n for n in ENERGIES if all(n in rows for rows in found.values()))
    groups = [group for group in (energies, *((name,) for name in indices)) if group]
    if not groups:
        return {}
    members = ranges or {}
    by_f = {case: {row.name: row.value for row in rows} for case, rows in (alone or {}).items()}
    with drawing(lines=True):
        figure = Figure(figsize=(WIDTH, BARS))
        axes = figure.subplots(1, len(groups), width_ratios=[1.1 + 0.7 * len(g) for g in groups], squeeze=False)[0]
        for ax, names in zip(axes, groups, strict=True):
            width = 0.78 / len(cases)
            for i, (case, rows) in enumerate(found.items()):
                at = np.arange(len(names)) + width * (i - (len(cases) - 1) / 2)
                ax.bar(at, [rows[n].value for n in names], 0.92 * width, color=colours[case])
                ends = [[own[n] for own in members.get(case, ())] or [rows[n].value] for n in names]
                if members.get(case):
                    ax.vlines(at, [min(e) for e in ends], [max(e) for e in ends], color=INK, lw=1.1, zorder=4)
                if case in by_f:
                    sides = at - 0.46 * width, at + 0.46 * width
                    ax.hlines([by_f[case][n] for n in names], *sides, color=INK, lw=1.2, ls=":", zorder=4)
                for x, n, own in zip(at, names, ends, strict=True):
                    top = max(rows[n].value, *own, by_f.get(case, {}).get(n, 0.0))
                    ax.annotate(
                        f"{rows[n].value:,.0f}",
                        (x, top),
                        xytext=(0, 2),
                        textcoords="offset points",
                        ha="center",
                        va="bottom",
                        fontsize=7.5,
                        rotation=90 if len(cases) > 2 else 0,
                    )
            unit = next(iter(found.values()))[names[0]].unit
            ax.set_title(f"{INDICES.get(names[0], 'Energy')} [{unit_text(unit)}]", **PANEL_TITLE)
            ticks = [n.removesuffix(" energy") for n in names] if names is energies else list(names)
            ax.set_xticks(range(len(names)), ticks)
            ax.tick_params(axis="x", length=0)
            ax.yaxis.set_major_locator(cast(Any, MaxNLocator)(nbins=6, steps=[1, 2, 5, 10]))
            ax.yaxis.set_major_formatter(tick)
            ax.margins(x=0.06 if len(names) > 1 else 0.25, y=0.22 if len(cases) > 2 else 0.12)
            ax.grid(visible=False, axis="x")
        more: list[Any] = [Line2D([], [], color=INK, lw=1.1, label=band)] if any(members.values()) else []
        more += [Line2D([], [], color=INK, lw=1.2, ls=":", label="f alone")] if by_f else []
        return finish(figure, list(cases), title, "kpi", more, bars=True)


def plot_effluents(
    title: str,
    cases: Mapping[str, PlantSeries],
    limits: Mapping[str, float],
    look: CaseLook | None = None,
    others: Mapping[str, Sequence[PlantSeries]] | None = None,
) -> dict[str, bytes]:
    """Draw effluent concentrations over time, with their limits.

    Parameters
    ----------
    title : str
        Title of the figure.
    cases : mapping of str to PlantSeries
        Simulations, by name of the case; six at most.
    limits : mapping of str to float
        Limits [g/m3] by quantity; a panel each.
    look : CaseLook, optional
        What is shown besides, of fitted models.
    others : mapping of str to sequence of PlantSeries, optional
        With `look`: lowest and highest of the members where it has bands, then f alone where it has that.

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
    look, others = look or CaseLook(), others or {}
    if not limits:
        raise InputError("there is no limit, so that there is nothing to draw", expected="a limit for each panel")
    with drawing(lines=True):
        figure = Figure(figsize=(WIDTH, 0.35 + PANEL * len(limits)))
        axes = figure.subplots(len(limits), 1, sharex=True, squeeze=False)[:, 0]
        for ax, (quantity, limit) in zip(axes, limits.items(), strict=True):
            highest, lowest = limit, 0.0
            for case, series in cases.items():
                values = series.concentration("effluent", quantity)
                times, held = series.time, series.held_until is not None
                beside = [own.concentration("effluent", quantity) for own in others.get(case, ())]
                _beside(ax, look, times, beside, colours[case])
                if series.held_until is not None:
                    times, values = np.append(times, series.held_until), np.append(values, values[-1])
                highest, lowest = max(highest, float(values.max())), min(lowest, float(values.min()))
                times = look.axis.at(times)
                ax.plot(
                    times,
                    values,
                    color=colours[case],
                    lw=1.3,
                    drawstyle="steps-post" if held else "default",
                )
                if not (over := values > limit).any():
                    continue
                above: dict[str, Any] = {"step": "post"} if held else {"interpolate": True}
                ax.fill_between(times, limit, values, where=over, color=colours[case], alpha=0.15, lw=0, **above)
            ax.axhline(limit, ls="--", lw=1.1, color=INK, zorder=3)
            ax.set_ylim(1.12 * lowest, 1.12 * highest)
            ax.set_title(f"{quantity} [{unit_text(f'g{SUBSTANCES.get(quantity, str())}/m3')}]", **PANEL_TITLE)
            texts: list[Any] = [TextArea(f"limit {limit:g}, above it", textprops={"size": 8.5, "color": INK})]
            for case, series in cases.items():
                share = violation(series, quantity, limit).share
                texts.append(
                    TextArea(f"{share:.3g} %", textprops={"size": 8.5, "color": colours[case], "weight": "bold"})
                )
            packed = HPacker(children=texts, pad=0, sep=7, align="baseline")
            corner: dict[str, Any] = {"bbox_to_anchor": (1.0, 1.03), "bbox_transform": ax.transAxes}
            ax.add_artist(AnchoredOffsetbox("lower right", child=packed, frameon=False, pad=0, borderpad=0, **corner))
            ax.yaxis.set_major_formatter(tick)
            ax.margins(x=0)
            look.mark(ax)
            ax.tick_params(axis="y", left=False)
        figure.supxlabel(look.axis.dress(list(axes)), fontsize=8.5)
        dashed = Line2D([], [], ls="--", lw=1.1, color=INK, label=ABOVE)
        return finish(figure, list(cases), title, "effluent", [dashed, *look.handles], below=0.08)


def _beside(ax: Axes, look: CaseLook, times: np.ndarray, values: Sequence[np.ndarray], colour: str) -> None:
    """Draw the band of the members, and f alone."""
    if look.banded and len(values) > 1:
        look.band(ax, times, values[0], values[1], colour)
    if look.alone and values:
        ax.plot(look.axis.at(times), values[-1], color=colour, ls=":", lw=1.2)


def _colours(cases: Sequence[str]) -> dict[str, str]:
    if not 1 <= len(cases) <= len(CASE_COLOURS):
        raise InputError(f"there are {len(cases)} cases to draw", expected=f"1 to {len(CASE_COLOURS)} cases")
    return dict(zip(cases, CASE_COLOURS, strict=False))
