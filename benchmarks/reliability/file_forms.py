"""One table as files of many forms, as programs export it, each with the section of a config that describes it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xlsxwriter
from grid_mutations import Grid

__all__ = ["FORMS", "UNITS", "Form", "arrow_table", "as_parquet", "as_xlsx", "typed"]

TIME = {"column": "time", "format": "%Y-%m-%d %H:%M", "zone": "UTC"}
UNITS = {"time": "", "flow": "m3/d", "NH4_in": "mg N/L", "DO": "mg/L", "NH4": "mg N/L", "NO3": "mg N/L"}
"""What stands below the headers, in forms that have a row of units."""
PLACES = {"flow": "Inlet", "NH4_in": "Inlet", "DO": "Tank", "NH4": "Tank", "NO3": "Tank"}
"""What stands above the headers, in forms that have groups: merged cells hold their text in the first."""
GROUPED = {name: f"{place} {name}" for name, place in PLACES.items()}
CHINESE = {"time": "时间", "flow": "进水流量", "NH4_in": "进水氨氮", "DO": "溶解氧", "NH4": "氨氮", "NO3": "硝态氮"}
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_ORIGIN = pd.Timestamp("1899-12-30")


@dataclass(frozen=True, eq=False)
class Form:
    """One way to write the table.

    Attributes
    ----------
    name, file : str
        What it is called, and the name of the file.
    render : callable
        From the table to the bytes of the file.
    source : mapping of str to object
        Keys of the source in the config, beside file, time and columns; ``last_row`` is that of the table.
    headers : mapping of str to str
        Headers of the file by those of the table, where they differ.
    time : mapping of str to str
        The section of the stamps.
    """

    name: str
    file: str
    render: Callable[[Grid], bytes]
    source: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    time: Mapping[str, str] = field(default_factory=lambda: TIME)

    def section(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """Return the source of the config for a table of so many rows, with its header."""
        source = dict(self.source)
        if "last_row" in source:
            source["last_row"] = rows
        return {
            "file": self.file,
            **source,
            "time": dict(self.time),
            "columns": {self.headers.get(name, name): column for name, column in columns.items()},
        }


# ---- text


def _text(grid: Grid, encoding: str = "utf-8", separator: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(grid)
    return text.getvalue().encode(encoding, "replace")


def _local(cell: str, decimal: str, thousands: str) -> str:
    """Return a number with other signs; everything else as it is."""
    if not _NUMBER.fullmatch(cell):
        return cell
    whole, point, rest = cell.partition(".")
    grouped = f"{int(whole):,}" if whole.lstrip("-") == str(abs(int(whole))) else whole
    return grouped.replace(",", thousands) + (decimal + rest if point else "")


def _with_signs(grid: Grid, decimal: str, thousands: str) -> Grid:
    stamps = [name.strip() == "time" for name in grid[0]]
    return [
        grid[0],
        *[
            [c if is_stamp else _local(c, decimal, thousands) for c, is_stamp in zip(row, stamps, strict=True)]
            for row in grid[1:]
        ],
    ]


def _european(grid: Grid) -> bytes:
    return _text(_with_signs(grid, ",", "."), separator=";")


def _swiss(grid: Grid) -> bytes:
    return _text(_with_signs(grid, ".", "'"), "cp1252", ";")


def _renamed(grid: Grid, headers: Mapping[str, str]) -> Grid:
    return [[headers.get(cell, cell) for cell in grid[0]], *grid[1:]]


def _chinese(grid: Grid) -> bytes:
    return _text(_renamed(grid, CHINESE), "gb18030")


def _unicode(grid: Grid) -> bytes:
    return _text(grid, "utf-16", "\t")


def with_units(grid: Grid) -> Grid:
    """Return the table with units below its headers."""
    return [grid[0], [UNITS.get(cell, "") for cell in grid[0]], *grid[1:]]


def _grouped(grid: Grid) -> Grid:
    above, last = list[str](), ""
    for header in grid[0]:
        place = PLACES.get(header, last)
        above.append("" if place == last else place)
        last = place
    return [above, *grid]


def _with_mean(grid: Grid) -> Grid:
    means = [""] * (len(grid[0]) - 1)
    for at in range(1, len(grid[0])):
        values = [float(row[at]) for row in grid[1:] if len(row) > at and _NUMBER.fullmatch(row[at])]
        means[at - 1] = f"{sum(values) / max(len(values), 1):.3f}"
    return [*grid, ["Mean", *means]]


def _long(grid: Grid) -> bytes:
    names = grid[0]
    rows = [
        [row[0], names[at], row[at]] for row in grid[1:] for at in range(1, min(len(row), len(names))) if row[at] != ""
    ]
    return _text([["Time", "Tag", "Value"], *rows])


# ---- workbooks


def typed(cell: str) -> float | str | None:
    """Return a cell as a number where it is one; None where it is empty."""
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell


def stamp(cell: str) -> pd.Timestamp | None:
    """Return a stamp of the table; None for what is none, or none of a spreadsheet."""
    try:
        found = pd.Timestamp(pd.to_datetime(cell, format="%Y-%m-%d %H:%M"))
    except (ValueError, OverflowError):
        return None
    return found if found.year >= 1900 else None


def as_xlsx(grid: Grid, stamps: str = "text", above: int = 0) -> bytes:
    """Return a table as a workbook.

    Parameters
    ----------
    grid : list of list of str
        The table.
    stamps : str
        How times are written: ``text``, ``dates`` or ``days`` since 1899-12-30.
    above : int
        Rows above the samples, beside the header, that hold text.
    """
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "nan_inf_to_errors": True, "strings_to_formulas": False})
    sheet, date = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    for r, row in enumerate(grid):
        for c, cell in enumerate(row):
            found = stamp(cell) if c == 0 and r > above and stamps != "text" else None
            value = typed(cell) if r > above and c else cell
            if found is not None and stamps == "dates":
                sheet.write_datetime(r, c, found.to_pydatetime(), date)
            elif found is not None:
                sheet.write_number(r, c, (found - _ORIGIN) / pd.Timedelta(days=1))
            elif isinstance(value, float):
                sheet.write_number(r, c, value)
            elif value:
                sheet.write_string(r, c, value[:32_000])
    book.close()
    return file.getvalue()


# ---- Parquet


def arrow_table(grid: Grid, stamps: str = "text") -> pa.Table:
    """Return a table of Arrow, a column of text where one of its cells is text."""
    arrays = []
    for at in range(len(grid[0])):
        texts = [row[at] if at < len(row) else "" for row in grid[1:]]
        cells = [typed(cell) for cell in texts] if at else texts
        kept = at == 0 or any(isinstance(cell, str) for cell in cells)
        arrays.append(pa.array(texts if kept else cells, pa.string() if kept else pa.float64()))
    if stamps != "text":
        found = [stamp(row[0]) for row in grid[1:]]
        if all(s is not None for s in found):
            arrays[0] = pa.array(found, pa.timestamp("us", tz="UTC" if stamps == "instants" else None))
    return pa.Table.from_arrays(arrays, names=[str(name) for name in grid[0]])


def as_parquet(table: pa.Table, **options: Any) -> bytes:
    """Return the bytes of a table of Arrow."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


FORMS: dict[str, tuple[Form, ...]] = {
    "csv": (
        Form("plain", "plant.csv", _text),
        Form("european", "plant.csv", _european, {"separator": ";", "decimal": ",", "thousands": "."}),
        Form("swiss", "plant.csv", _swiss, {"separator": ";", "thousands": "'", "encoding": "cp1252"}),
        Form(
            "chinese",
            "plant.csv",
            _chinese,
            {"encoding": "gb18030"},
            headers=CHINESE,
            time={**TIME, "column": CHINESE["time"]},
        ),
        Form("unicode", "plant.csv", _unicode, {"encoding": "utf-16", "separator": "\t"}),
        Form("units", "plant.csv", lambda grid: _text(with_units(grid)), {"first_row": 3}),
        Form(
            "groups",
            "plant.csv",
            lambda grid: _text(_grouped(grid)),
            {"group_row": 1, "header_row": 2},
            headers=GROUPED,
        ),
        Form("mean below", "plant.csv", lambda grid: _text(_with_mean(grid)), {"last_row": 0}),
        Form(
            "long",
            "plant.csv",
            _long,
            {"long": {"tag": "Tag", "value": "Value"}},
            time={**TIME, "column": "Time"},
        ),
    ),
    "xlsx": (
        Form("text", "plant.xlsx", as_xlsx),
        Form("dates", "plant.xlsx", lambda grid: as_xlsx(grid, "dates")),
        Form(
            "days",
            "plant.xlsx",
            lambda grid: as_xlsx(grid, "days"),
            time={"column": "time", "unit": "d", "origin": "1899-12-30", "zone": "UTC"},
        ),
        Form("units", "plant.xlsx", lambda grid: as_xlsx(with_units(grid), "dates", 1), {"first_row": 3}),
        Form(
            "groups",
            "plant.xlsx",
            lambda grid: as_xlsx(_grouped(grid), "dates", 1),
            {"group_row": 1, "header_row": 2},
            headers=GROUPED,
        ),
        Form("mean below", "plant.xlsx", lambda grid: as_xlsx(_with_mean(grid)), {"last_row": 0}),
    ),
    "parquet": (
        Form("text", "plant.parquet", lambda grid: as_parquet(arrow_table(grid))),
        Form("stamps", "plant.parquet", lambda grid: as_parquet(arrow_table(grid, "stamps"))),
        Form("instants", "plant.parquet", lambda grid: as_parquet(arrow_table(grid, "instants"))),
    ),
}
"""Every form of a kind of file; the first is the plainest."""
