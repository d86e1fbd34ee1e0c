"""The series of a run, measured and predicted, to zoom into."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from nicegui import ui

from asm_hybrid.serve.charts import Band, Line, Shade, time_chart
from asm_hybrid.serve.run_reading import FADED, OUTSIDE
from asm_hybrid.serve.run_view import PageSeries, RunView, Stretch

__all__ = ["draw_series", "series_lines", "stretch_shades"]

COLOURS = {
    "train": "rgba(91, 102, 117, 0.10)",
    "validate": "rgba(217, 154, 0, 0.15)",
    "test": "rgba(0, 114, 178, 0.13)",
    OUTSIDE: "rgba(213, 94, 0, 0.22)",
    FADED: "rgba(166, 54, 3, 0.42)",
}
"""Of stretches, by what they are; the blocks as in the report."""
NAMED = ("train", "validate", "test")
"""Stretches whose name stands in the chart; the others are too many, and short."""
MEASURED = "measured"
HEIGHT, TOP, STRIP = 380, 26, (8, 20)
"""Height of a chart, where its plot begins, and the strip above it that marks what lies outside of training [pixel]."""


def draw_series(view: RunView) -> None:
    """Draw one variable in one task, to be chosen; every model can be shown and hidden.

    Parameters
    ----------
    view : RunView
        The run.
    """
    tasks: dict[str, dict[str, PageSeries]] = {}
    for series in view.series:
        tasks.setdefault(series.task, {})[series.variable] = series
    with ui.element("section").props("id=series").classes("ah-report"):
        ui.html("Measured and predicted", tag="h2", sanitize=False)
        if not tasks:
            ui.label("This run has no predictions.")
            return
        said = f"{view.chapters.get('blocks', '')} Times are in {html.escape(view.clock)}."
        ui.html(said, tag="p", sanitize=False)
        first = next(iter(tasks))
        with ui.element("div").classes("ah-row"):
            task = ui.select({name: name.capitalize() for name in tasks}, value=first, label="Task")
            variable = ui.select(_variables(tasks[first]), value=next(iter(tasks[first])), label="Variable")
        for choice in (task, variable):
            choice.props("outlined dense").classes("ah-choice")
        place = ui.element("div")

        def draw() -> None:
            place.clear()
            with place:
                _chart(tasks[task.value][variable.value], view)

        def choose_task() -> None:
            own = tasks[task.value]
            variable.set_options(_variables(own), value=variable.value if variable.value in own else next(iter(own)))
            draw()

        task.on_value_change(choose_task)
        variable.on_value_change(draw)
        draw()


def series_lines(series: PageSeries) -> tuple[list[Line], list[Band]]:
    """Return what is drawn of a series: the measurements, every model, and the bands.

    Parameters
    ----------
    series : PageSeries
        The series.

    Returns
    -------
    (list of Line, list of Band)
        The measurements first.
    """
    dashes = {"solid": 0, "dashed": 1, "dotted": 2}
    lines = [Line(MEASURED, series.times, series.measured, points=True)]
    lines += [
        Line(curve.title, series.times, curve.values, colour=curve.colour, dash=dashes[curve.line])
        for curve in series.curves
    ]
    own = next((curve.colour for curve in series.curves if curve.name == series.own), 0)
    return lines, [Band(title, series.times, low, high, colour=own) for title, low, high in series.bands]


def stretch_shades(stretches: Sequence[Stretch], times: Sequence[str]) -> list[Shade]:
    """Return what is shaded behind a series.

    Parameters
    ----------
    stretches : sequence of Stretch
        All stretches of the run.
    times : sequence of str
        Times of the series.

    Returns
    -------
    list of Shade
        Those within the times.
    """
    first, last = min(times), max(times)
    return [
        Shade(max(s.begin, first), min(s.end, last), s.title if s.title in NAMED else "", COLOURS[s.title])
        for s in stretches
        if s.begin < last and s.end > first
    ]


def _variables(own: dict[str, PageSeries]) -> dict[str, str]:
    return {name: f"{name} ({series.target})" for name, series in own.items()}


def _chart(series: PageSeries, view: RunView) -> None:
    stretches = view.stretches
    lines, bands = series_lines(series)
    title = f"{series.variable}, {series.task}"
    titles = {curve.title for curve in series.curves if curve.name in series.drawn}
    shown = titles | {MEASURED} | {band.name for band in bands}
    boxes: list[tuple[str, ui.checkbox]] = []
    with ui.element("div").classes("ah-row").props(f'role=group aria-label="{html.escape(title)}: what is drawn"'):
        drawn: list[Line | Band] = [*lines, *bands]
        for entry in drawn:
            colour = entry.colour if isinstance(entry.colour, str) else "#4a545e"
            with ui.element("span").classes("ah-boxed"):
                box = ui.checkbox(entry.name, value=entry.name in shown).props("dense")
                kind = "ah-dot" if entry.name == MEASURED else "ah-band" if isinstance(entry, Band) else "ah-line"
                ui.element("span").classes(f"ah-key {kind}").style(f"color: {colour}").props("aria-hidden=true")
            boxes.append((entry.name, box))
    shades = stretch_shades(stretches, series.times)
    chart = time_chart(title, series.unit, lines, bands=bands, shades=shades, height=HEIGHT)
    chart.options["legend"].update(show=False, selected={name: name in shown for name, _ in boxes})
    chart.options["grid"]["top"] = TOP
    _lift(chart.options["series"])
    for name, box in boxes:
        box.on_value_change(lambda event, name=name: _toggle(chart, name, bool(event.value)))
    _told([s for s in stretches if s.begin < max(series.times) and s.end > min(series.times)], view.departures)


def _lift(series: Sequence[dict[str, Any]]) -> None:
    """Move the shades without a name into the strip above the plot: they are many, and may cover a whole block."""
    for begin, end in series[0].get("markArea", {}).get("data", ()):
        if not begin.get("name"):
            begin["y"], end["y"] = STRIP


def _toggle(chart: ui.echart, name: str, on: bool) -> None:
    """Show or hide a line where it is drawn, so that the zoom stays."""
    chart.run_chart_method("dispatchAction", {"type": "legendSelect" if on else "legendUnSelect", "name": name})


def _told(stretches: Sequence[Stretch], departures: Sequence[str]) -> None:
    """Say what the shades are, and list when and by what the record lies outside of training."""
    kinds = [title for title in COLOURS if any(s.title == title for s in stretches)]
    keys = "".join(
        f'<span class="nowrap"><span class="ah-shade" style="background: {COLOURS[t]}"></span>'
        f"{'' if t in NAMED else 'strip: '}{html.escape(t)}</span> "
        for t in kinds
    )
    ui.html(keys, tag="p", sanitize=False).classes("small")
    left = [s for s in stretches if s.title not in NAMED]
    if left:
        rows = "".join(
            f'<tr><th scope="row">{_moment(s.begin)}</th><td class="text">{_moment(s.end)}</td>'
            f'<td class="text">{html.escape(s.title)}</td></tr>'
            for s in left
        )
        head = '<th scope="col">from</th><th class="text" scope="col">to</th><th class="text" scope="col">what</th>'
        said = "".join(f"<li>{html.escape(text)}</li>" for text in departures)
        title = "When the record lies outside of training, and by what"
        text = (
            f"<summary>{title}</summary><ul>{said}</ul>"
            f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">'
            f'<table class="narrow"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
        )
        ui.html(text, tag="details", sanitize=False)


def _moment(stamp: str) -> str:
    return stamp[:16].replace("T", " ")
