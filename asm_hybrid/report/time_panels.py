"""What figures over time have in common: dots, lines, bands, and an axis of dates."""

from __future__ import annotations

import io
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from asm_hybrid.report.model_style import model_colour, model_line, model_title
from asm_hybrid.report.run_tables import thin, with_gaps
from asm_hybrid.report.style import unit_text

__all__ = [
    "WIDTH",
    "as_day",
    "as_days",
    "axis_label",
    "date_axis",
    "draw_band",
    "draw_dots",
    "draw_line",
    "fit_limits",
    "png",
    "put_legend",
]

WIDTH = 10.2
"""Width of a figure [inch]; the page scales it."""

_EPOCH = pd.Timestamp("1970-01-01T00:00:00Z")
_LINE_POINTS = 2400
_DOTS = 2000
_DOT = "#3d4653"
_DOTS_LABEL = "_dots"
_DPI = 110


def draw_dots(axes: Axes, days: np.ndarray, values: np.ndarray, size: float) -> None:
    """Draw measurements as strokes of no length with round ends: one path instead of one element a dot.

    Parameters
    ----------
    axes : Axes
        Where.
    days : ndarray, shape (sample,)
        Times [d since 1970].
    values : ndarray, shape (sample,)
        Measurements.
    size : float
        Diameter of a dot [pt].
    """
    kept = thin(values, _DOTS)
    x, y = (np.stack([v, v, np.full_like(v, np.nan)], axis=1).ravel() for v in (days[kept], values[kept]))
    axes.plot(x, y, color=_DOT, linewidth=size, solid_capstyle="round", alpha=0.6, zorder=2, label=_DOTS_LABEL)


def png(figure: Figure) -> bytes:
    """Return a figure as a picture of pixels; its dots become marks, since strokes of no length would be left out.

    Parameters
    ----------
    figure : Figure
        Drawn within `asm_hybrid.report.style.drawing`; not to be used any more.

    Returns
    -------
    bytes
        A PNG on white.
    """
    for line in (line for axes in figure.axes for line in axes.lines if line.get_label() == _DOTS_LABEL):
        line.set(marker="o", markersize=line.get_linewidth(), markeredgewidth=0, linestyle="none")
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, facecolor="white")
    return stream.getvalue()


def draw_line(
    axes: Axes, days: np.ndarray, values: np.ndarray, model: str, width: float = 1.5, label: bool = True
) -> None:
    """Draw a model in its colour and style.

    Parameters
    ----------
    axes : Axes
        Where.
    days : ndarray, shape (point,)
        Times [d since 1970].
    values : ndarray, shape (point,)
        What it gives.
    model : str
        Its name.
    width : float
        Width of the line [pt].
    label : bool
        Whether it stands in the legend.
    """
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


def draw_band(
    axes: Axes, days: np.ndarray, low: np.ndarray, high: np.ndarray, model: str, what: str, alpha: float
) -> None:
    """Shade between two limits in the colour of a model.

    Parameters
    ----------
    axes : Axes
        Where.
    days : ndarray, shape (point,)
        Times [d since 1970].
    low, high : ndarray, shape (point,)
        The limits.
    model : str
        Name of the model.
    what : str
        What lies between, for the legend.
    alpha : float
        Opacity [-].
    """
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


def fit_limits(axes: Axes, series: Sequence[np.ndarray]) -> None:
    """Fit the axis to the data; a baseline that runs away must not flatten the rest.

    Parameters
    ----------
    axes : Axes
        Where.
    series : sequence of ndarray, each (point,)
        What is drawn.
    """
    values = np.concatenate([s[np.isfinite(s)] for s in series])
    if not values.size:
        return
    low, high = np.percentile(values, [0.05, 99.95])
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    axes.set_ylim(0.0 if 0 <= low < 0.4 * high else low - room, high + room)


def put_legend(figure: Figure, axes: Axes, more: Sequence[Artist] = ()) -> None:
    """Put a legend above a figure.

    Parameters
    ----------
    figure : Figure
        The figure.
    axes : Axes
        Whose entries it gets, after the dots of the measurements.
    more : sequence of Artist
        What stands behind these, with their labels.
    """
    dot = Line2D([], [], color=_DOT, marker="o", markersize=4, markeredgewidth=0, linestyle="none")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        [dot, *handles, *more],
        ["Measured", *labels, *(str(artist.get_label()) for artist in more)],
        loc="outside upper left",
        ncols=5,
        handlelength=2.4,
        columnspacing=1.6,
    )


def axis_label(variable: str, unit: str) -> str:
    """Return the label of an axis.

    Parameters
    ----------
    variable, unit : str
        What it shows.

    Returns
    -------
    str
    """
    return f"{variable} [{unit_text(unit)}]"


def as_days(times: pd.Series | pd.DatetimeIndex) -> np.ndarray:
    """Return UTC times as matplotlib counts them.

    Parameters
    ----------
    times : Series or DatetimeIndex
        The times.

    Returns
    -------
    ndarray, shape (time,)
        Days since 1970.
    """
    return np.asarray((times - _EPOCH) / pd.Timedelta(days=1), dtype=float)


def as_day(stamp: pd.Timestamp) -> float:
    """Return a UTC time as matplotlib counts it, in days since 1970.

    Parameters
    ----------
    stamp : Timestamp
        The time.

    Returns
    -------
    float
    """
    return float((stamp - _EPOCH) / pd.Timedelta(days=1))


def date_axis(axes: Axes, zone: ZoneInfo) -> None:
    """Mark dates in the plant's time zone, and name zone and years below.

    Parameters
    ----------
    axes : Axes
        Where.
    zone : ZoneInfo
        The zone.
    """
    axes.margins(x=0.005)
    first, last = (pd.Timestamp(x, unit="D", tz="UTC").tz_convert(zone) for x in axes.get_xlim())
    span = (last - first) / pd.Timedelta(days=1)
    form = "%d %b %H:%M" if span < 4 else "%d %b" if span < 200 else "%b %Y"
    step = next((s for s in (1, 2, 3, 4, 5, 7, 14, 28) if span / s <= 11), None)
    if 4 <= span < 200 and step is not None:
        axes.set_xticks(as_days(pd.date_range(first.normalize(), last, freq=pd.DateOffset(days=step))[1:]))
    else:
        axes.xaxis.set_major_locator(AutoDateLocator(tz=zone, maxticks=9))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter(form, tz=zone))  # type: ignore[no-untyped-call]
    years = f"{first.year}" if first.year == last.year else f"{first.year} to {last.year}"
    axes.set_xlabel(f"{years}, {zone.key}", loc="right")
