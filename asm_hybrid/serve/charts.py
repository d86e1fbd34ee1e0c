"""Charts over time, drawn in the browser by what NiceGUI ships: zoom, limits, shading; as a table, PNG and CSV too."""

from __future__ import annotations

import csv
import html
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from asm_hybrid.artefacts import harmless
from asm_hybrid.serve.theme import CASES, GRID, INK, MUTED

__all__ = ["Band", "Limit", "Line", "Shade", "chart_options", "csv_of_lines", "time_chart"]

DASHES = ("solid", "dashed", "dotted")
"""Lines differ by more than their colour."""
ROWS = 25
"""Rows of the table that stands for a chart."""

ZOOM = """() => {
  const chart = getElement(%d).chart, zoom = chart.getOption().dataZoom[0];
  const [start, end] = ((a, b, w) => %s)(zoom.start, zoom.end, zoom.end - zoom.start);
  const width = Math.min(100, end - start), first = Math.min(Math.max(0, start), 100 - width);
  chart.dispatchAction({type: 'dataZoom', start: first, end: first + width});
}"""
ZOOMS = (
    ("zoom_in", "Zoom in", "[a + w / 4, b - w / 4]"),
    ("zoom_out", "Zoom out", "[a - w / 2, b + w / 2]"),
    ("chevron_left", "Earlier", "[a - w / 2, b - w / 2]"),
    ("chevron_right", "Later", "[a + w / 2, b + w / 2]"),
    ("zoom_out_map", "All", "[0, 100]"),
)
"""Icon, name, and the new ends [%] from start a, end b and width w of what is shown."""
LOW = "v => v.min >= 0 && v.min < 0.7 * v.max ? 0 : +(v.min - 0.05 * Math.abs(v.max)).toPrecision(2)"
HIGH = "v => +(v.max + 0.05 * Math.max(Math.abs(v.max), v.max - v.min)).toPrecision(3)"
"""Ends of the axis of values: from zero where that is near, and never so narrow that rounding is drawn as a curve."""
ENDS = {"color": INK, "showMaxLabel": False}
VALUES: dict[str, Any] = {"type": "value", ":min": LOW, ":max": HIGH, "axisLabel": ENDS}
PICTURE = """() => {
  const link = document.createElement('a');
  const options = {pixelRatio: 2, backgroundColor: '#fff', excludeComponents: ['dataZoom']};
  link.href = getElement(%d).chart.getDataURL(options);
  link.download = %s;
  link.click();
}"""


@dataclass(frozen=True)
class Line:
    """What is drawn over time.

    Attributes
    ----------
    name : str
        What it is, for the legend.
    times : sequence of float or of str
        Days from a start, or stamps with their zone, such as ``2021-06-01T06:00:00+02:00``.
    values : sequence of float or None
        None, or a number that is not finite, leaves a gap.
    points : bool
        Whether points are drawn, as measurements are, and no line.
    colour : int or str
        Which of the colours, or one of its own as ``#rrggbb``; lines of one case have the same.
    dash : int
        Which of the dashes.
    """

    name: str
    times: Sequence[float] | Sequence[str]
    values: Sequence[float | None]
    points: bool = False
    colour: int | str = 0
    dash: int = 0


@dataclass(frozen=True)
class Band:
    """What lies between two values, such as the range of seeds.

    Attributes
    ----------
    name : str
        What it is, for the legend.
    times : sequence of float or of str
        As in `Line`.
    low, high : sequence of float or None
        Its ends.
    colour : int or str
        As in `Line`.
    """

    name: str
    times: Sequence[float] | Sequence[str]
    low: Sequence[float | None]
    high: Sequence[float | None]
    colour: int | str = 0


@dataclass(frozen=True)
class Limit:
    """A horizontal line.

    Attributes
    ----------
    value : float
        Where.
    name : str
        What it is.
    """

    value: float
    name: str


@dataclass(frozen=True)
class Shade:
    """A time that is shaded.

    Attributes
    ----------
    start, end : float or str
        From when to when, as `Line.times` has it.
    name : str
        What it is; shades of one name have one colour, and are listed once.
    colour : str
        Its colour, as CSS has it; one by its name without.
    """

    start: float | str
    end: float | str
    name: str
    colour: str = ""


def time_chart(
    title: str,
    unit: str,
    lines: Sequence[Line],
    *,
    bands: Sequence[Band] = (),
    limits: Sequence[Limit] = (),
    shades: Sequence[Shade] = (),
    height: int = 300,
) -> ui.echart:
    """Draw a chart over time, with buttons to zoom and to download, and a table that says the same.

    Parameters
    ----------
    title : str
        What is shown.
    unit : str
        Unit of the values.
    lines : sequence of Line
        What is drawn.
    bands, limits, shades
        What lies behind it.
    height : int
        Height [pixel].

    Returns
    -------
    echart
        The chart itself; its options may be changed.
    """
    file = "".join(c if c.isalnum() else "-" for c in title).strip("-") or "chart"
    with ui.element("figure").classes("ah-figure"):
        ui.html(html.escape(f"{title} [{unit}]"), tag="figcaption", sanitize=False)
        options = chart_options(title, unit, lines, bands=bands, limits=limits, shades=shades)
        chart = ui.echart(options).style(f"height: {height}px")
        chart.props(f'role=img aria-label="{html.escape(_said(title, unit, lines))}"')
        with ui.element("div").classes("ah-tools").props(f'role=group aria-label="{html.escape(title)}: chart"'):
            for icon, name, ends in ZOOMS:
                button = ui.button(icon=icon).props(f'flat dense aria-label="{name}"').tooltip(name)
                button.on("click", js_handler=ZOOM % (chart.id, ends))
            picture = ui.button("PNG").props(f'flat dense aria-label="{html.escape(title)} as PNG"')
            picture.on("click", js_handler=PICTURE % (chart.id, json.dumps(f"{file}.png")))
            name = f'flat dense aria-label="{html.escape(title)} as CSV"'
            text = csv_of_lines(unit, lines, bands)
            ui.button("CSV", on_click=lambda: ui.download.content(text, f"{file}.csv", "text/csv")).props(name)
        ui.html(_table(title, unit, lines), tag="details", sanitize=False)
    return chart


def chart_options(
    title: str,
    unit: str,
    lines: Sequence[Line],
    *,
    bands: Sequence[Band] = (),
    limits: Sequence[Limit] = (),
    shades: Sequence[Shade] = (),
) -> dict[str, Any]:
    """Return the options of ECharts for a chart over time.

    Parameters
    ----------
    title, unit, lines, bands, limits, shades
        As in `time_chart`.

    Returns
    -------
    dict
    """
    stamped = any(isinstance(line.times[0], str) for line in lines if len(line.times))
    series = [entry for band in bands for entry in _band(band)] + [_line(line) for line in lines]
    if series and limits:
        series[-1]["markLine"] = _limits(limits)
    if series and shades:
        series[0]["markArea"] = _shades(shades)
    axis: dict[str, Any] = {
        "axisLine": {"lineStyle": {"color": "#8b95a3"}},
        "axisLabel": {"color": INK, "hideOverlap": True},
    }
    named = [line.name for line in lines] + [band.name for band in bands]
    return {
        "animation": False,
        "color": list(CASES),
        "textStyle": {"fontFamily": "system-ui, sans-serif", "color": INK},
        "grid": {"left": 8, "right": 18, "top": 34 if len(named) > 1 else 14, "bottom": 62, "containLabel": True},
        "legend": {"show": len(named) > 1, "type": "scroll", "top": 0, "left": 0, "data": named},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            ":valueFormatter": "v => v == null ? '–' : (+v).toPrecision(4)",
        },
        "xAxis": {
            **axis,
            "type": "time" if stamped else "value",
            "axisLabel": {**axis["axisLabel"], **({} if stamped else {":formatter": "v => +v.toFixed(2)"})},
            "min": "dataMin",
            "max": "dataMax",
            "name": "" if stamped else "time [d]",
            "nameLocation": "middle",
            "nameGap": 24,
            "nameTextStyle": {"color": MUTED},
            "splitLine": {"show": False},
        },
        "yAxis": {**axis, **VALUES, "splitLine": {"lineStyle": {"color": GRID}}},
        "dataZoom": [
            {"type": "inside", "zoomOnMouseWheel": "ctrl"},
            {"type": "slider", "height": 18, "bottom": 6, "showDataShadow": False},
        ],
        "series": series,
        "aria": {"enabled": False},  # the element has a label of its own
    }


def csv_of_lines(unit: str, lines: Sequence[Line], bands: Sequence[Band] = ()) -> str:
    """Return lines as CSV in full precision, a row a time.

    Parameters
    ----------
    unit : str
        Unit of the values.
    lines : sequence of Line
        The lines.
    bands : sequence of Band
        Bands, two columns each.

    Returns
    -------
    str
        Cells stay empty where a line has no value at a time.
    """
    columns = [(f"{line.name} [{unit}]", line.times, line.values) for line in lines]
    for band in bands:
        columns += [
            (f"{band.name} low [{unit}]", band.times, band.low),
            (f"{band.name} high [{unit}]", band.times, band.high),
        ]
    stamped = any(isinstance(times[0], str) for _, times, _ in columns if len(times))
    held: list[dict[Any, float | None]] = [dict(zip(times, values, strict=True)) for _, times, values in columns]
    found = io.StringIO()
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(["time" if stamped else "time [d]", *(harmless(name) for name, _, _ in columns)])
    for time in sorted({time for own in held for time in own}):
        writer.writerow([time, *("" if own.get(time) is None else repr(own[time]) for own in held)])
    return found.getvalue()


def _colour(colour: int | str) -> str:
    return CASES[colour % len(CASES)] if isinstance(colour, int) else colour


def _line(line: Line) -> dict[str, Any]:
    colour = _colour(line.colour)
    data = [[t, _finite(v)] for t, v in zip(line.times, line.values, strict=True)]
    if line.points:
        style = {"color": "#fff", "borderColor": colour, "borderWidth": 1.4}
        return {"type": "scatter", "name": line.name, "data": data, "symbolSize": 5, "itemStyle": style, "z": 3}
    return {
        "type": "line",
        "name": line.name,
        "data": data,
        "showSymbol": False,
        "lineStyle": {"color": colour, "width": 1.8, "type": DASHES[line.dash % len(DASHES)]},
        "itemStyle": {"color": colour},
        "z": 4,
    }


def _band(band: Band) -> list[dict[str, Any]]:
    """Return what draws a band: an invisible line, and what is stacked on it."""
    lows, highs = [_finite(v) for v in band.low], [_finite(v) for v in band.high]
    widths = [None if a is None or b is None else b - a for a, b in zip(lows, highs, strict=True)]
    common: dict[str, Any] = {
        "type": "line", "stack": band.name, "stackStrategy": "all", "showSymbol": False, "silent": True,
        "lineStyle": {"opacity": 0}, "tooltip": {"show": False}, "z": 2,
    }  # fmt: skip
    colour = _colour(band.colour)
    below = {**common, "name": f"{band.name} low", "data": [[t, v] for t, v in zip(band.times, lows, strict=True)]}
    filled = {"areaStyle": {"color": colour, "opacity": 0.18}, "itemStyle": {"color": colour}}
    above = {**common, **filled, "name": band.name, "data": [[t, v] for t, v in zip(band.times, widths, strict=True)]}
    return [below, above]


def _limits(limits: Sequence[Limit]) -> dict[str, Any]:
    label = {"formatter": "{b}", "position": "insideEndTop", "color": "#b00020"}
    style = {"color": "#b00020", "type": "dashed", "width": 1.2}
    data = [{"yAxis": limit.value, "name": limit.name} for limit in limits]
    return {"silent": True, "symbol": "none", "label": label, "lineStyle": style, "data": data}


def _shades(shades: Sequence[Shade]) -> dict[str, Any]:
    names = list(dict.fromkeys(shade.name for shade in shades))
    colours = ("rgba(193, 110, 0, 0.16)", "rgba(28, 111, 143, 0.14)", "rgba(107, 74, 160, 0.14)")
    data, said = [], set[str]()
    for shade in shades:
        begin: dict[str, Any] = {"xAxis": shade.start}
        begin["itemStyle"] = {"color": shade.colour or colours[names.index(shade.name) % len(colours)]}
        if shade.name not in said:
            begin |= {"name": shade.name, "label": {"position": "insideTopLeft", "color": INK}}
            said.add(shade.name)
        data.append([begin, {"xAxis": shade.end}])
    return {"silent": True, "data": data}


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _said(title: str, unit: str, lines: Sequence[Line]) -> str:
    """Return what a chart shows, in a sentence for those who do not see it."""
    parts = []
    for line in lines:
        values = [v for v in map(_finite, line.values) if v is not None]
        if values:
            mean, low, high = sum(values) / len(values), min(values), max(values)
            parts.append(f"{line.name}: from {low:.4g} to {high:.4g}, on average {mean:.4g} {unit}")
    return f"Chart of {title} over time. " + "; ".join(parts) + ". The table below it has the same values."


def _table(title: str, unit: str, lines: Sequence[Line]) -> str:
    """Return the content of a ``details`` element with values at some of the times."""
    head = "".join(f'<th scope="col">{html.escape(line.name)}</th>' for line in lines)
    held: list[dict[Any, float | None]] = [dict(zip(line.times, line.values, strict=True)) for line in lines]
    times = sorted({time for own in held for time in own})
    step = max(1, math.ceil(len(times) / ROWS))
    rows = []
    for time in times[::step]:
        cells = (_finite(own.get(time)) for own in held)
        shown = "".join(f"<td>{'–' if v is None else format(v, '.4g')}</td>" for v in cells)
        label = html.escape(time[:16].replace("T", " ")) if isinstance(time, str) else format(time, ".4g")
        rows.append(f'<tr><th scope="row">{label}</th>{shown}</tr>')
    first = "time" if times and isinstance(times[0], str) else "time [d]"
    name = html.escape(f"{title} [{unit}]" + (f", every {step} values" if step > 1 else ""))
    return (
        f'<summary>Table of {html.escape(title)}</summary><div class="ah-table" tabindex="0" role="region" '
        f'aria-label="Table of {html.escape(title)}"><table><caption>{name}</caption><thead><tr>'
        f'<th scope="col">{first}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
