"""Mutants of a table of cells, whatever the format of its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

__all__ = ["GRID_MUTANTS", "Expectation", "Grid", "Random", "plant_grid", "stamps_of_a_spreadsheet"]

Expectation = Literal["any", "seen", "same"]
Grid: TypeAlias = list[list[str]]
Random: TypeAlias = np.random.Generator

BEGIN = "2024-03-26"
"""The first stamp."""
SUMMER = pd.Timestamp("2024-03-31 02:00")
"""When the clocks of Europe went forward."""


def plant_grid() -> Grid:
    """Return header and rows of ten days of a plant, one row an hour; clocks of Europe go forward on the sixth."""
    rng = np.random.default_rng(5)
    t = np.arange(24 * 10 + 1) / 24
    wave = np.cos(2 * np.pi * t)
    columns = {
        "time": pd.date_range(BEGIN, periods=len(t), freq="1h").strftime("%Y-%m-%d %H:%M"),
        "flow": np.char.mod("%.1f", 5000 * (1 - 0.3 * wave) + 50 * rng.normal(size=len(t))),
        "NH4_in": np.char.mod("%.2f", 30 * (1 - 0.3 * wave) + rng.normal(size=len(t))),
        "DO": np.char.mod("%.3f", 1.5 + 0.4 * wave + 0.05 * rng.normal(size=len(t))),
        "NH4": np.char.mod("%.3f", 4 + 2 * wave + 0.2 * rng.normal(size=len(t))),
        "NO3": np.char.mod("%.3f", 8 - 2 * wave + 0.2 * rng.normal(size=len(t))),
    }
    return [list(columns), *[[str(v) for v in row] for row in zip(*columns.values(), strict=True)]]


def _row(rng: Random, grid: Grid) -> int:
    return int(rng.integers(1, len(grid)))


def _column(rng: Random, grid: Grid) -> int:
    return int(rng.integers(1, len(grid[0])))


def cell_of_words(rng: Random, grid: Grid) -> None:
    """Make a cell that holds words."""
    words = ["abc", "#REF!", "Bad", "n/a?", "12..3", "--", "0x1F", "1e", "12 mg", "=1+1", "true"]
    grid[_row(rng, grid)][_column(rng, grid)] = str(rng.choice(words))


def cell_of_a_limit(rng: Random, grid: Grid) -> None:
    """Make cells at the limit of a type, or a marker of overflow."""
    value = str(rng.choice(["65535", "32767", "3.4028235e38", "1e300", "2147483647", "1e20", "-9999", "-999", "9e99"]))
    at = _column(rng, grid)
    for _ in range(int(rng.integers(1, 4))):
        grid[_row(rng, grid)][at] = value


def cell_not_finite(rng: Random, grid: Grid) -> None:
    """Make a cell that is infinite, or a number of 400 digits."""
    grid[_row(rng, grid)][_column(rng, grid)] = str(rng.choice(["inf", "-inf", "1e999", "9" * 400]))


def cell_negative(rng: Random, grid: Grid) -> None:
    """Make a value below zero, far enough to be no noise of a sensor."""
    at = _column(rng, grid)
    for _ in range(3):
        row = _row(rng, grid)
        grid[row][at] = "-" + grid[row][at].lstrip("-")


def rows_times_thousand(rng: Random, grid: Grid) -> None:
    """Make some rows of a column in a unit a thousand times smaller."""
    at, row = _column(rng, grid), int(rng.integers(1, len(grid) - 3))
    for k in range(row, row + 3):
        grid[k][at] = f"{1000 * float(grid[k][at]):.6g}"


def row_twice(rng: Random, grid: Grid) -> None:
    """Make a row that stands twice with another value."""
    row = _row(rng, grid)
    copy = [grid[row][0], *[f"{1.3 * float(v):.4g}" for v in grid[row][1:]]]
    grid.insert(row, copy)


def stamps_swapped(rng: Random, grid: Grid) -> None:
    """Make two rows in the wrong order."""
    row = int(rng.integers(1, len(grid) - 5))
    other = row + int(rng.integers(1, 5))
    grid[row][0], grid[other][0] = grid[other][0], grid[row][0]


def stamp_far_away(rng: Random, grid: Grid) -> None:
    """Make a stamp of another century."""
    row = _row(rng, grid)
    grid[row][0] = str(rng.choice(["1970", "1899", "2204", "9999", "0001"])) + grid[row][0][4:]


def stamp_unreadable(rng: Random, grid: Grid) -> None:
    """Make a stamp in another form, or one that no calendar holds."""
    forms = ["05/06/2024 10:00", "2024-02-30 10:00", "2024-05-08", "", "45419.5", "2024-05-08T10:00:00+02", "yesterday"]
    grid[_row(rng, grid)][0] = str(rng.choice(forms))


def column_stuck(rng: Random, grid: Grid) -> None:
    """Make a sensor that repeats one value for four days."""
    at, row = _column(rng, grid), int(rng.integers(1, len(grid) - 100))
    for k in range(row, row + 96):
        grid[k][at] = grid[row][at]


def header_renamed(rng: Random, grid: Grid) -> None:
    """Make a header that has another name."""
    at = int(rng.integers(0, len(grid[0])))
    grid[0][at] = str(rng.choice([grid[0][at] + "_1", grid[0][at][:-1], "", grid[0][at].swapcase() + "x"]))


def header_twice(rng: Random, grid: Grid) -> None:
    """Make two columns of one name."""
    at = _column(rng, grid)
    for k, row in enumerate(grid):
        row.append(row[at] if k == 0 else "1.0")


def column_lost(rng: Random, grid: Grid) -> None:
    """Make a column that is missing."""
    at = int(rng.integers(0, len(grid[0])))
    for row in grid:
        del row[at]


def column_empty(rng: Random, grid: Grid) -> None:
    """Make a column without a value."""
    at = _column(rng, grid)
    for row in grid[1:]:
        row[at] = ""


def rows_lost(rng: Random, grid: Grid) -> None:
    """Leave nearly no row."""
    del grid[int(rng.integers(1, 8)) :]


def column_unused(rng: Random, grid: Grid) -> None:
    """Make a further column that the config does not name."""
    for k, row in enumerate(grid):
        row.append("remark" if k == 0 else str(rng.choice(["", "ok", "=1+1", "1,5"])))


def header_with_spaces(rng: Random, grid: Grid) -> None:
    """Make spaces around a header, one of them not breaking."""
    at = _column(rng, grid)
    grid[0][at] = " " + grid[0][at] + str(rng.choice([" ", "\N{NO-BREAK SPACE}", "  "]))


def headers_swapped(rng: Random, grid: Grid) -> None:
    """Make the flow and another column change their headers, but not their values."""
    at = int(rng.integers(2, len(grid[0])))
    grid[0][1], grid[0][at] = grid[0][at], grid[0][1]


def columns_swapped(rng: Random, grid: Grid) -> None:
    """Make two columns change places, with their headers."""
    one, other = (int(k) for k in rng.choice(len(grid[0]), 2, replace=False))
    for row in grid:
        row[one], row[other] = row[other], row[one]


def rows_doubled(rng: Random, grid: Grid) -> None:
    """Make some rows stand twice, each as it is."""
    for _ in range(int(rng.integers(1, 4))):
        row = _row(rng, grid)
        grid.insert(row, list(grid[row]))


def rows_shuffled(rng: Random, grid: Grid) -> None:
    """Make rows stand in another order."""
    rows = grid[1:]
    grid[1:] = [rows[int(k)] for k in rng.permutation(len(rows))]


def summer_time(rng: Random, grid: Grid) -> None:
    """Make the clock go forward on the day on which those of Europe do, or back on another."""
    forward = rng.random() < 0.5
    since = SUMMER if forward else pd.Timestamp(BEGIN) + pd.Timedelta(hours=int(rng.integers(30, 200)))
    for row in grid[1:]:
        stamp = pd.Timestamp(row[0])
        if stamp >= since:
            row[0] = (stamp + pd.Timedelta(hours=1 if forward else -1)).strftime("%Y-%m-%d %H:%M")


def stamps_day_first(rng: Random, grid: Grid) -> None:
    """Make the stamps of the second half stand in another form, as after a change of the historian."""
    for row in grid[len(grid) // 2 :]:
        row[0] = pd.Timestamp(row[0]).strftime("%d/%m/%Y %H:%M")


def stamps_of_a_spreadsheet(rng: Random, grid: Grid) -> None:
    """Make the stamps days of a spreadsheet."""
    for row in grid[1:]:
        row[0] = f"{(pd.Timestamp(row[0]) - pd.Timestamp('1899-12-30')) / pd.Timedelta(days=1):.6f}"


def header_repeated(rng: Random, grid: Grid) -> None:
    """Make the header stand again between the rows, as where files were joined."""
    grid.insert(_row(rng, grid), list(grid[0]))


def year_changed(rng: Random, grid: Grid) -> None:
    """Make the stamps of the last days those of another year."""
    for row in grid[len(grid) - int(rng.integers(5, 100)) :]:
        row[0] = str(rng.choice(["2023", "2025"])) + row[0][4:]


GRID_MUTANTS: tuple[tuple[Callable[[Random, Grid], None], Expectation], ...] = (
    (cell_of_words, "seen"),
    (cell_of_a_limit, "seen"),
    (cell_not_finite, "seen"),
    (cell_negative, "seen"),
    (rows_times_thousand, "seen"),
    (row_twice, "seen"),
    (stamps_swapped, "seen"),
    (stamp_far_away, "seen"),
    (stamp_unreadable, "seen"),
    (column_stuck, "seen"),
    (header_renamed, "seen"),
    (header_twice, "seen"),
    (column_lost, "seen"),
    (column_empty, "seen"),
    (rows_lost, "seen"),
    (headers_swapped, "seen"),
    (summer_time, "seen"),
    (stamps_day_first, "seen"),
    (stamps_of_a_spreadsheet, "seen"),
    (header_repeated, "seen"),
    (year_changed, "seen"),
    (columns_swapped, "same"),
    (rows_doubled, "same"),
    (rows_shuffled, "same"),
    (column_unused, "same"),
    (header_with_spaces, "same"),
)
