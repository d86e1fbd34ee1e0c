"""Figures of new data: what a fitted model predicts of them, and what it forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from asm_hybrid.report.style import INK, MUTED, drawing, svg
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
    png,
    put_legend,
)

__all__ = ["Drawn", "forecast_figure", "prediction_figure"]

PANEL = 2.15
"""Height of a panel [inch]."""
SHADES = {"training": "#eef1f5", "warm-up": "#fbf3dd", "outside": "#fdeee6"}
TITLES = {
    "training": "seen in training: not scored",
    "warm-up": "warm-up: not scored",
    "outside": "outside of what training saw",
}


@dataclass(frozen=True)
class Drawn:
    """A figure.

    Attributes
    ----------
    png : bytes
        As a file.
    svg : Markup
        For the page.
    """

    png: bytes
    svg: Markup


def prediction_figure(
    series: pd.DataFrame, measured: pd.DataFrame, models: Sequence[str], zone: ZoneInfo, interval: float
) -> Drawn:
    """Draw what models predict of new data, a panel a variable.

    Parameters
    ----------
    series, measured : DataFrame
        See `asm_hybrid.newdata.predict.Prediction`.
    models : sequence of str
        The models; the last lies on top, and the bands are its own.
    zone : ZoneInfo
        Time zone of the axis.
    interval : float
        Distance of two knots [d].

    Returns
    -------
    Drawn
    """
    names = list(dict.fromkeys(series["variable"]))
    with drawing():
        figure, panels = _panels(len(names))
        shown: dict[str, Any] = {}
        for axes, name in zip(panels, names, strict=True):
            part, dots = series[series["variable"] == name], measured[measured["variable"] == name]
            days = as_days(part["time"])
            draw_dots(axes, as_days(dots["time"]), dots["measured"].to_numpy(float), size=2.4)
            for model in models:
                draw_line(axes, days, part[model].to_numpy(float), model)
            _bands(axes, days, part, models[-1])
            shown |= _shades(axes, days, part, interval)
            axes.set_ylabel(axis_label(name, part["unit"].iloc[0]))
            fit_limits(axes, [dots["measured"].to_numpy(float), *(part[m].to_numpy(float) for m in models)])
        date_axis(panels[-1], zone)
        put_legend(figure, panels[0], tuple(shown.values()))
        return _drawn(figure, "New data: measured and predicted", "new")


def forecast_figure(
    series: pd.DataFrame,
    measured: pd.DataFrame,
    flow: tuple[pd.Series, np.ndarray, pd.Series, np.ndarray, str],
    model: str,
    now: pd.Timestamp,
    zone: ZoneInfo,
) -> Drawn:
    """Draw a forecast, a panel a variable, and the flow that is foreseen below.

    Parameters
    ----------
    series, measured : DataFrame
        See `asm_hybrid.newdata.forecast.Forecast`.
    flow : tuple
        Times and flows until now, times and flows from now on, and the unit.
    model : str
        The model.
    now : Timestamp
        From when, UTC.
    zone : ZoneInfo
        Time zone of the axis.

    Returns
    -------
    Drawn
    """
    names = list(dict.fromkeys(series["variable"]))
    with drawing():
        figure, panels = _panels(len(names) + 1)
        for axes, name in zip(panels[:-1], names, strict=True):
            part, dots = series[series["variable"] == name], measured[measured["variable"] == name]
            days = as_days(part["time"])
            draw_dots(axes, as_days(dots["time"]), dots["measured"].to_numpy(float), size=2.4)
            draw_line(axes, days, part[model].to_numpy(float), model)
            _bands(axes, days, part, model)
            axes.set_ylabel(axis_label(name, part["unit"].iloc[0]))
            limits = [part[c].to_numpy(float) for c in (model, "band_low", "band_high")]
            fit_limits(axes, [dots["measured"].to_numpy(float), *limits])
        past, known, ahead, foreseen, unit = flow
        panels[-1].plot(as_days(past), known, color=MUTED, linewidth=1.2)
        panels[-1].plot(as_days(ahead), foreseen, color=MUTED, linewidth=1.2, linestyle="--")
        panels[-1].set_ylabel(axis_label("inflow", unit))
        panels[-1].set_ylim(bottom=0.0)
        for axes in panels:
            axes.axvline(as_day(now), color=INK, linewidth=0.8)
        panels[0].text(as_day(now), 1.02, "now", transform=panels[0].get_xaxis_transform(), ha="center", va="bottom")
        date_axis(panels[-1], zone)
        put_legend(figure, panels[0])
        return _drawn(figure, "Forecast: measured until now, and what comes", "ahead")


def _panels(count: int) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(WIDTH, 0.7 + PANEL * count))
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    return figure, panels


def _bands(axes: Axes, days: np.ndarray, part: pd.DataFrame, model: str) -> None:
    for low, high, what, alpha in (
        (f"{model}_low", f"{model}_high", "range of seeds", 0.3),
        ("band_low", "band_high", "90 % band", 0.12),
    ):
        if low in part:
            draw_band(axes, days, part[low].to_numpy(float), part[high].to_numpy(float), model, what, alpha)


def _shades(axes: Axes, days: np.ndarray, part: pd.DataFrame, interval: float) -> Mapping[str, Patch]:
    """Shade what does not count, and a strip on top where the trained range is left."""
    found = {}
    for kind, colour in SHADES.items():
        chosen = part["outside"].to_numpy(bool) if kind == "outside" else (part["part"] == kind).to_numpy()
        edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]]))).reshape(-1, 2)
        for begin, end in edges:
            below = 0.95 if kind == "outside" else 0.0
            shade = "#d9865f" if kind == "outside" else colour
            axes.axvspan(days[begin], days[end - 1] + interval, below, 1.0, color=shade, linewidth=0, zorder=0)
            found[kind] = Patch(color=shade, label=TITLES[kind])
    return found


def _drawn(figure: Figure, title: str, prefix: str) -> Drawn:
    on_page = svg(figure, title, prefix)
    return Drawn(png(figure), on_page)
