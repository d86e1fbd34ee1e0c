"""What a simulation gave: indicators of all cases, notes, and series of the chosen part of the flow sheet."""

from __future__ import annotations

import html
import math

from nicegui import ui

from asm_hybrid.serve.charts import Band, Limit, Line, Shade, time_chart
from asm_hybrid.serve.exchanged import IndicatorRow, Place, Result, Series
from asm_hybrid.serve.shell import Over, table

__all__ = ["draw_charts", "draw_indicators"]

VIOLATION = " violation "


def draw_indicators(result: Result) -> None:
    """Draw the tables of indicators, and the notes.

    Parameters
    ----------
    result : Result
        The result.
    """
    _table("Indicators, and their difference to the base case", result.cases, result.main)
    with ui.element("details"):
        ui.html("All indicators", tag="summary", sanitize=False)
        for name, rows in result.groups.items():
            _table(name, result.cases, rows)
    with ui.element("details") as notes:
        warned = [note for note in result.notes if note.startswith("Warning") or "leaves what training saw" in note]
        if warned:
            notes.props("open")
        count = f", {len(warned)} of them warnings" if warned else ""
        ui.html(f"Notes ({len(result.notes)}{count})", tag="summary", sanitize=False)
        items = "".join(
            f"<li{' class=over' if note in warned else ''}>{html.escape(note)}</li>" for note in result.notes
        )
        ui.html(items, tag="ul", sanitize=False).classes("ah-notes")


def draw_charts(place: Place, names: list[str], series: Series, result: Result) -> None:
    """Draw a chart for every quantity, with all cases in it.

    Parameters
    ----------
    place : Place
        The part of the flow sheet.
    names : list of str
        Names of the quantities.
    series : Series
        Their series.
    result : Result
        What they belong to.
    """
    quantities = {quantity.name: quantity for quantity in place.quantities}
    for name in names:
        quantity = quantities[name]
        lines = [
            Line(case, series.times, own[name], colour=k, dash=k)
            for k, case in enumerate(result.cases)
            if (own := series.values[case]) and name in own
        ]
        bands = [
            Band(f"{case}, range", series.times, series.low[case][name], series.high[case][name], colour=k)
            for k, case in enumerate(result.cases)
            if name in series.low.get(case, {}) and series.low[case][name] != series.high[case][name]
        ]
        shades = [
            Shade(start, end, f"{case}: outside of training")
            for case, spans in series.outside.items()
            for start, end in spans
        ]
        limit = result.limits.get(quantity.limit)
        limits = [] if limit is None else [Limit(limit, f"limit {limit:g}")]
        if lines:
            title = f"{place.label}: {quantity.label}"
            time_chart(title, quantity.unit, lines, bands=bands, limits=limits, shades=shades, height=260)


def _table(caption: str, cases: tuple[str, ...], rows: tuple[IndicatorRow, ...]) -> None:
    table(caption, ["", "unit", *cases], [[row.label, row.unit, *map(_cell, *_columns(row))] for row in rows])


def _columns(row: IndicatorRow) -> tuple[list[str], list[bool]]:
    over = VIOLATION in row.name or row.label.startswith("time with")
    texts = [" ".join(part for part in cell if part) for cell in row.shown]
    return texts, [over and math.isfinite(value) and value > 0 for value in row.values]


def _cell(text: str, over: bool) -> str:
    return Over(text) if over else text
