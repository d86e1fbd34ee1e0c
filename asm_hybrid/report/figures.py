"""Figures over time: measured against predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.report.style import INK, MUTED, drawing, svg, unit_text
from asm_hybrid.report.time_panels import (
    WIDTH,
    as_day,
    as_days,
    axis_label,
    date_axis,
    draw_band,
    draw_dots,
    draw_line,
    fit_limits,
    put_legend,
)

__all__ = ["BANDS", "block_figure", "overview", "overview_figure"]

BANDS = (("{own}_low", "{own}_high", "range of seeds", 0.3), ("band_low", "band_high", "90 % band", 0.12))
"""Columns of a band's limits, of the model that a run is about; what it is, and how opaque it is drawn."""
_SHADES = {"calibrate": "#eef1f5", "train": "#eef1f5", "validate": "#fbf3dd", "test": "#e3f0f8"}


def block_figure(
    frame: pd.DataFrame, variable: str, unit: str, models: Sequence[str], zone: ZoneInfo, prefix: str
) -> Markup:
    """Draw one variable over the test block: series above, errors of the models below.

    Parameters
    ----------
    frame : DataFrame
        Rows of ``predictions.csv`` or of one horizon of ``forecasts.csv`` for this variable and block.
    variable, unit : str
        Label and unit of the variable.
    models : sequence of str
        Columns to draw; the last lies on top, and the bands are its own.
    zone : ZoneInfo
        Time zone of the axis.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    frame = frame.sort_values("time")
    days = as_days(frame["time"])
    with drawing():
        figure = Figure(figsize=(WIDTH, 3.7))
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.1, 1])
        measured = frame["measured"].to_numpy(float)
        draw_dots(upper, days, measured, size=2.6)
        errors = {model: _errors(frame, model) for model in models}
        for model in models:
            draw_line(upper, days, frame[model].to_numpy(float), model)
            draw_line(lower, days, errors[model], model, width=0.8, label=False)
        for *names, what, alpha in BANDS:
            low, high = (name.format(own=models[-1]) for name in names)
            if low in frame and frame[low].notna().any():
                limits = frame[low].to_numpy(float), frame[high].to_numpy(float)
                draw_band(upper, days, *limits, models[-1], what, alpha)
        lower.axhline(0, color=INK, linewidth=0.8)
        upper.set_ylabel(axis_label(variable, unit))
        lower.set_ylabel(f"error\n[{unit_text(unit)}]")
        lower.locator_params(axis="y", nbins=4)
        fit_limits(upper, [measured, *(frame[m].to_numpy(float) for m in models)])
        fit_limits(lower, list(errors.values()))
        date_axis(lower, zone)
        put_legend(figure, upper)
        return svg(figure, f"{variable}: measured and predicted over the test block", prefix)


def overview_figure(
    frame: pd.DataFrame,
    units: Mapping[str, str],
    model: str | None,
    blocks: Mapping[str, tuple[pd.Timestamp, pd.Timestamp]],
    zone: ZoneInfo,
    prefix: str,
) -> Markup:
    """Draw the whole record, one small panel for each variable, with the blocks shaded.

    Parameters
    ----------
    frame, units, blocks, zone
        As in `overview`.
    model : str or None
        Model to draw over the measurements.
    prefix : str
        Prefix of the ids in the SVG.

    Returns
    -------
    Markup
        The figure.
    """
    with drawing():
        figure = overview(frame, units, () if model is None else (model,), blocks, zone)
        return svg(figure, "The whole record: measured and predicted, blocks shaded", prefix)


def overview(
    frame: pd.DataFrame,
    units: Mapping[str, str],
    models: Sequence[str],
    blocks: Mapping[str, tuple[pd.Timestamp, pd.Timestamp]],
    zone: ZoneInfo,
) -> Figure:
    """Draw a record, one small panel for each variable, with the blocks shaded; called within `drawing`.

    Parameters
    ----------
    frame : DataFrame
        Such as ``predictions.csv``.
    units : mapping of str to str
        Unit of each variable, in the order of the panels.
    models : sequence of str
        Models to draw over the measurements; the last lies on top.
    blocks : mapping of str to (Timestamp, Timestamp)
        Start and end, by name.
    zone : ZoneInfo
        Time zone of the axis.

    Returns
    -------
    Figure
    """
    figure = Figure(figsize=(WIDTH, 0.75 + 1.15 * len(units)))
    panels = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (variable, unit) in zip(panels, units.items(), strict=True):
        part = frame[frame["variable"] == variable].sort_values("time")
        days = as_days(part["time"])
        measured = part["measured"].to_numpy(float)
        draw_dots(axes, days, measured, size=1.4)
        drawn = [measured]
        for model in models:
            drawn.append(part[model].to_numpy(float))
            draw_line(axes, days, drawn[-1], model, width=0.8)
        axes.set_ylabel(axis_label(variable, unit).replace(" [", "\n["))
        axes.locator_params(axis="y", nbins=4)
        fit_limits(axes, drawn)
        for name, (start, end) in blocks.items():
            axes.axvspan(as_day(start), as_day(end), color=_SHADES.get(name, "#eef1f5"), linewidth=0, zorder=0)
    for name, (start, end) in blocks.items():
        panels[0].text(
            (as_day(start) + as_day(end)) / 2,
            1.03,
            name,
            transform=panels[0].get_xaxis_transform(),
            ha="center",
            va="bottom",
            color=MUTED,
        )
    date_axis(panels[-1], zone)
    put_legend(figure, panels[0])
    return figure


def _errors(frame: pd.DataFrame, model: str) -> np.ndarray:
    """Return prediction minus measurement; zero where both lie beyond a limit of the sensor."""
    error = frame[model].to_numpy(float) - frame["measured"].to_numpy(float)
    return censored_error(error, frame["censored"].to_numpy(np.int8)) if "censored" in frame else error
