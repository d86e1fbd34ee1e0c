"""Figures over time: measured against predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asm_hybrid.data.censoring import censored_error
from asm_hybrid.report.model_style import model_colour, model_line, model_title
from asm_hybrid.report.run_tables import thin, with_gaps
from asm_hybrid.report.style import INK, MUTED, drawing, svg, unit_text

__all__ = ["WIDTH", "block_figure", "overview", "overview_figure"]

WIDTH = 10.2
"""Width of a figure [inch]; the page scales it."""

_EPOCH = pd.Timestamp("1970-01-01T00:00:00Z")
_LINE_POINTS = 2400
_DOTS = 2000
_DOT = "#3d4653"
_BANDS = (("{own}_low", "{own}_high", "range of seeds", 0.3), ("band_low", "band_high", "90 % band", 0.12))
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
    days = _days(frame["time"])
    with drawing():
        figure = Figure(figsize=(WIDTH, 3.7))
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.1, 1])
        measured = frame["measured"].to_numpy(float)
        _dots(upper, days, measured, size=2.6)
        errors = {model: _errors(frame, model) for model in models}
        for model in models:
            _line(upper, days, frame[model].to_numpy(float), model)
            _line(lower, days, errors[model], model, width=0.8, label=False)
        for *names, what, alpha in _BANDS:
            low, high = (name.format(own=models[-1]) for name in names)
            if low in frame and frame[low].notna().any():
                limits = frame[low].to_numpy(float), frame[high].to_numpy(float)
                _band(upper, days, *limits, models[-1], what, alpha)
        lower.axhline(0, color=INK, linewidth=0.8)
        upper.set_ylabel(_axis(variable, unit))
        lower.set_ylabel(f"error\n[{unit_text(unit)}]")
        lower.locator_params(axis="y", nbins=4)
        _limits(upper, [measured, *(frame[m].to_numpy(float) for m in models)])
        _limits(lower, list(errors.values()))
        _dates(lower, zone)
        _legend(figure, upper)
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
        days = _days(part["time"])
        measured = part["measured"].to_numpy(float)
        _dots(axes, days, measured, size=1.4)
        drawn = [measured]
        for model in models:
            drawn.append(part[model].to_numpy(float))
            _line(axes, days, drawn[-1], model, width=0.8)
        axes.set_ylabel(_axis(variable, unit).replace(" [", "\n["))
        axes.locator_params(axis="y", nbins=4)
        _limits(axes, drawn)
        for name, (start, end) in blocks.items():
            axes.axvspan(_day(start), _day(end), color=_SHADES.get(name, "#eef1f5"), linewidth=0, zorder=0)
    for name, (start, end) in blocks.items():
        panels[0].text(
            (_day(start) + _day(end)) / 2,
            1.03,
            name,
            transform=panels[0].get_xaxis_transform(),
            ha="center",
            va="bottom",
            color=MUTED,
        )
    _dates(panels[-1], zone)
    _legend(figure, panels[0])
    return figure


def _errors(frame: pd.DataFrame, model: str) -> np.ndarray:
    """Return prediction minus measurement; zero where both lie beyond a limit of the sensor."""
    error = frame[model].to_numpy(float) - frame["measured"].to_numpy(float)
    return censored_error(error, frame["censored"].to_numpy(np.int8)) if "censored" in frame else error


def _dots(axes: Axes, days: np.ndarray, values: np.ndarray, size: float) -> None:
    """Draw dots as strokes of no length with round ends: one path instead of one element a dot."""
    kept = thin(values, _DOTS)
    x, y = (np.stack([v, v, np.full_like(v, np.nan)], axis=1).ravel() for v in (days[kept], values[kept]))
    axes.plot(x, y, color=_DOT, linewidth=size, solid_capstyle="round", alpha=0.6, zorder=2)


def _line(axes: Axes, days: np.ndarray, values: np.ndarray, model: str, width: float = 1.5, label: bool = True) -> None:
    kept = thin(values, _LINE_POINTS)
    x, y = with_gaps(days[kept], values[kept])
    axes.plot(
        x,
        y,
        color=model_colour(model),
        linestyle=model_line(model),
        linewidth=width,
        label=model_title(model) if label else "_",
        zorder=3,
    )


def _band(axes: Axes, days: np.ndarray, low: np.ndarray, high: np.ndarray, model: str, what: str, alpha: float) -> None:
    kept = np.union1d(thin(low, _LINE_POINTS // 2), thin(high, _LINE_POINTS // 2))
    x, low, high = with_gaps(days[kept], low[kept], high[kept])
    axes.fill_between(
        x,
        low,
        high,
        color=model_colour(model),
        alpha=alpha,
        linewidth=0,
        label=f"{model_title(model)}, {what}",
        zorder=1,
    )


def _limits(axes: Axes, series: Sequence[np.ndarray]) -> None:
    """Fit the axis to the data; a baseline that runs away must not flatten the rest."""
    values = np.concatenate([s[np.isfinite(s)] for s in series])
    if not values.size:
        return
    low, high = np.percentile(values, [0.05, 99.95])
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    axes.set_ylim(0.0 if 0 <= low < 0.4 * high else low - room, high + room)


def _legend(figure: Figure, axes: Axes) -> None:
    dot = Line2D([], [], color=_DOT, marker="o", markersize=4, markeredgewidth=0, linestyle="none")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        [dot, *handles],
        ["Measured", *labels],
        loc="outside upper left",
        ncols=5,
        handlelength=2.4,
        columnspacing=1.6,
    )


def _axis(variable: str, unit: str) -> str:
    return f"{variable} [{unit_text(unit)}]"


def _days(times: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """Return UTC times as matplotlib counts them [d since 1970]."""
    return np.asarray((times - _EPOCH) / pd.Timedelta(days=1), dtype=float)


def _day(stamp: pd.Timestamp) -> float:
    return float((stamp - _EPOCH) / pd.Timedelta(days=1))


def _dates(axes: Axes, zone: ZoneInfo) -> None:
    """Mark dates in the plant's time zone, and name zone and years below."""
    axes.margins(x=0.005)
    first, last = (pd.Timestamp(x, unit="D", tz="UTC").tz_convert(zone) for x in axes.get_xlim())
    span = (last - first) / pd.Timedelta(days=1)
    form = "%d %b %H:%M" if span < 4 else "%d %b" if span < 200 else "%b %Y"
    step = next((s for s in (1, 2, 3, 4, 5, 7, 14, 28) if span / s <= 11), None)
    if 4 <= span < 200 and step is not None:
        axes.set_xticks(_days(pd.date_range(first.normalize(), last, freq=pd.DateOffset(days=step))[1:]))
    else:
        axes.xaxis.set_major_locator(AutoDateLocator(tz=zone, maxticks=9))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter(form, tz=zone))  # type: ignore[no-untyped-call]
    years = f"{first.year}" if first.year == last.year else f"{first.year} to {last.year}"
    axes.set_xlabel(f"{years}, {zone.key}", loc="right")
