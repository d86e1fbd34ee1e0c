"""What a run has learnt, as ``diagnosis.json`` has it: what was found, the learnt factor, and its law as a formula."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asm_hybrid.export.workbook.sheets import WRAPPED, Sheets

__all__ = ["add_chart", "driver_table", "effect_sheet", "finding_sheet"]

FINDINGS, EFFECTS = "Findings", "Effects"
ACROSS = 2
"""Charts beside each other."""
WIDTH, HEIGHT = 480, 288
"""Size of a chart [pixel]."""


def finding_sheet(sheets: Sheets, found: Mapping[str, Any]) -> None:
    """Add what the diagnosis says, in words, and the explanations that compete.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    found : mapping
        ``diagnosis.json``.
    """
    sheet, row = sheets.page(FINDINGS, "What f failed to capture, and what explains it")
    wrapped = sheets.style(**WRAPPED)
    for text in [*(found.get("sentences") or []), *(found.get("notes") or [])]:
        sheet.merge_range(row, 0, row, 7, "", wrapped)
        sheets.put(sheet, row, 0, str(text), wrapped)
        sheets.lines(sheet, row, (str(text), 150))
        row += 1
    row += 1
    rows = found.get("explanations") or []
    if rows:
        titles = ["Share of the squared error of f that it takes away", "Low", "High", "Best in this share of draws"]
        sheets.header(
            sheet, row, 0, ["Explanation", "Family", *titles, "Cannot be told from the best", "Plausible in size"]
        )
        for i, one in enumerate(rows):
            at = row + 1 + i
            sheets.put(sheet, at, 0, one.get("title") or one["name"])
            sheets.put(sheet, at, 1, one.get("family"))
            for j, key in enumerate(("removed", "removed_low", "removed_high", "best_share")):
                sheets.put(sheet, at, 2 + j, one.get(key), sheets.style(num_format="0 %_)"))
            sheets.put(sheet, at, 6, one.get("in_set"))
            sheets.put(sheet, at, 7, one.get("plausible"))
        row += len(rows) + 2
    when = (found.get("driver") or {}).get("when") or []
    if when:
        sheets.header(sheet, row, 0, ["When n matters", "", "Share of the time", "Share of its effect"])
        for i, one in enumerate(when):
            sheets.put(sheet, row + 1 + i, 0, one["condition"])
            for j, key in enumerate(("share_of_time", "share_of_effect")):
                sheets.put(sheet, row + 1 + i, 2 + j, one[key], sheets.style(num_format="0 %_)"))
    sheets.widths(sheet, [46, 14, 20, 12, 12, 16, 16, 14])


def driver_table(sheets: Sheets, sheet: Any, row: int, driver: Mapping[str, Any]) -> tuple[int, int]:
    """Write the learnt factor over its driver; return the rows of its first and last point.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    sheet : Worksheet
        Where it is written.
    row : int
        The row of its header.
    driver : mapping
        ``driver`` of ``diagnosis.json``, with a curve.

    Returns
    -------
    (int, int)
    """
    curve = driver["curve"]
    unit = "" if curve.get("unit") in (None, "", "-") else f" [{curve['unit']}]"
    titles = [f"{driver['driver']}{unit}", "Learnt factor [-]", "Low", "High", "Density of the record"]
    sheets.header(sheet, row, 0, titles)
    keys = ("x", "factor", "low", "high", "density")
    for i, values in enumerate(zip(*(curve[key] for key in keys), strict=True)):
        for j, value in enumerate(values):
            sheets.number(sheet, row + 1 + i, j, value)
    return row + 1, row + len(curve["x"])


def effect_sheet(sheets: Sheets, driver: Mapping[str, Any]) -> None:
    """Add the accumulated effects of all that n reads on the factor of one process, with a chart each.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    driver : mapping
        ``driver`` of ``diagnosis.json``.
    """
    notes = [
        "What each input of n does to the factor on the rate, all else as it was: accumulated local effects.",
        "1 is no change; low and high are the range of the seeds.",
    ]
    title = f"What n reads, and its effect on the rate of {driver['process']}"
    sheet, row = sheets.page(EFFECTS, title + (f" in {driver['tank']}" if driver.get("tank") else ""), notes)
    inputs = driver["inputs"]
    sheets.header(sheet, row, 0, ["Input", "Unit", "Share of the variance of the factor", "Low", "High"])
    for i, one in enumerate(inputs):
        sheets.put(sheet, row + 1 + i, 0, one["name"], sheets.style(bold=True))
        sheets.put(sheet, row + 1 + i, 1, one.get("unit"))
        for j, key in enumerate(("share", "low", "high")):
            sheets.put(sheet, row + 1 + i, 2 + j, one.get(key), sheets.style(num_format="0 %_)"))
    row += len(inputs) + 2
    place = row
    for i, one in enumerate(inputs):
        effect = np.exp(np.asarray(one["effect"], dtype=float))
        sheets.header(sheet, row, 0, [f"{one['name']} [{one.get('unit') or '-'}]", "Factor [-]", "Low", "High"])
        columns = (one["x"], np.median(effect, axis=0), effect.min(axis=0), effect.max(axis=0))
        for k, values in enumerate(zip(*columns, strict=True)):
            for j, value in enumerate(values):
                sheets.number(sheet, row + 1 + k, j, float(value))
        first, last = row + 1, row + len(one["x"])
        if last > first:
            series = [("factor", 1, "line"), ("low", 2, "dash"), ("high", 3, "dash")]
            at = (place + (i // ACROSS) * 15, 6 + (i % ACROSS) * 8)
            add_chart(sheets, sheet, at, f"{one['name']} [{one.get('unit') or '-'}]", (first, last), series)
        row = last + 2
    sheets.widths(sheet, [22, 14, 14, 12, 12])


def add_chart(
    sheets: Sheets,
    sheet: Any,
    at: tuple[int, int],
    title: str,
    rows: tuple[int, int],
    series: Sequence[tuple[str, int, str]],
) -> None:
    """Add a chart of columns over the first column of a table.

    Parameters
    ----------
    sheets : Sheets
        The workbook.
    sheet : Worksheet
        Where the table stands, and the chart.
    at : (int, int)
        Row and column of its corner.
    title : str
        Of the axis below.
    rows : (int, int)
        First and last row of the points.
    series : sequence of (str, int, str)
        Name, column, and ``line``, ``dash``, ``points`` or ``law``.
    """
    looks: dict[str, dict[str, Any]] = {
        "line": {"line": {"color": "#1F6FB2", "width": 2.25}},
        "dash": {"line": {"color": "#9DB7D0", "width": 1, "dash_type": "dash"}},
        "points": {
            "line": {"none": True},
            "marker": {"type": "circle", "size": 7, "fill": {"color": "#1F6FB2"}, "border": {"color": "#1F6FB2"}},
        },
        "law": {"line": {"color": "#C2571A", "width": 2.25}},
    }
    chart = sheets.book.add_chart({"type": "scatter", "subtype": "straight"})
    name, (first, last) = sheet.get_name(), rows
    for label, column, look in series:
        chart.add_series(
            {
                "name": label,
                "categories": [name, first, 0, last, 0],
                "values": [name, first, column, last, column],
                **looks[look],
            }
        )
    chart.set_x_axis({"name": title, "num_format": "General", "major_gridlines": {"visible": False}})
    chart.set_y_axis({"name": "factor on the rate [-]", "num_format": "0.00", "major_gridlines": {"visible": True}})
    chart.set_legend({"position": "bottom"})
    chart.set_size({"width": WIDTH, "height": HEIGHT})
    sheet.insert_chart(*at, chart)
