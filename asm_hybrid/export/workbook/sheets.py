"""Sheets of one look: how headers, cells that are typed, formulas and flagged rows appear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import xlsxwriter

__all__ = ["Sheets", "number_format"]

WIDEST = 60
"""Widest column [character]."""


def number_format(value: float) -> str:
    """Return how a number is shown: four digits that count, or with an exponent where it is very small or large.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str
        A format of spreadsheets.
    """
    size = abs(value)
    if size == 0.0 or not math.isfinite(size):
        return "0.0000"
    if not 1e-4 <= size < 1e7:
        return "0.000E+00"
    if size >= 1e4:
        return "#,##0"
    places = 3 - math.floor(math.log10(size))
    return "0" if places <= 0 else "0." + "0" * places


class Sheets:
    """Adds sheets of one look: bold frozen header, fitted columns, flagged rows tinted.

    Parameters
    ----------
    book : Workbook
        The workbook of XlsxWriter.
    """

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self.book = book
        self._known: dict[tuple[tuple[str, Any], ...], Any] = {}
        self._header = self.style(bold=True, bg_color="#E8F3FA", bottom=1, text_wrap=True, valign="top")
        self._flag = self.style(bg_color="#FDF4DD")

    def style(self, **traits: Any) -> Any:
        """Return a format, the same for the same traits."""
        key = tuple(sorted(traits.items()))
        if key not in self._known:
            self._known[key] = self.book.add_format(traits)
        return self._known[key]

    def add(self, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], flagged: Sequence[int] = ()) -> Any:
        """Add a sheet that is one table; an empty cell stands for None."""
        sheet = self.book.add_worksheet(name)
        sheet.write_row(0, 0, header, self._header)
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                self.put(sheet, i + 1, j, value, self._flag if i in flagged else None)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(rows), len(header) - 1)
        sheet.autofit()
        return sheet

    def page(self, name: str, title: str, notes: Sequence[str] = ()) -> tuple[Any, int]:
        """Begin a sheet with a title and notes above its tables; return it, and the first free row."""
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.write_string(0, 0, title, self.style(bold=True, font_size=14))
        for i, note in enumerate(notes):
            sheet.write_string(i + 1, 0, note, self.style(font_color="#5B6675"))
        return sheet, len(notes) + 2

    def header(self, sheet: Any, row: int, column: int, titles: Sequence[str]) -> None:
        """Write the header of a table."""
        sheet.write_row(row, column, titles, self._header)

    def put(self, sheet: Any, row: int, column: int, value: Any, style: Any = None) -> None:
        """Write a value as it is; text is never a formula, and nothing stands for None."""
        if value is None:
            if style is not None:
                sheet.write_blank(row, column, None, style)
        elif isinstance(value, bool):
            sheet.write_string(row, column, "yes" if value else "no", style)
        elif isinstance(value, str):
            sheet.write_string(row, column, value, style)
        else:
            sheet.write_number(row, column, value, style)

    def number(self, sheet: Any, row: int, column: int, value: float | None, **traits: Any) -> None:
        """Write a number with the digits that count."""
        style = self.style(num_format=number_format(0.0 if value is None else value), **traits)
        self.put(sheet, row, column, value, style)

    def formula(self, sheet: Any, row: int, column: int, formula: str, value: float, **traits: Any) -> None:
        """Write a formula, and the value that is shown until it is worked out anew."""
        known = value if math.isfinite(value) else "#NUM!"
        sheet.write_formula(row, column, formula, self.style(num_format=number_format(value), **traits), known)

    def widths(self, sheet: Any, widths: Sequence[float]) -> None:
        """Set the widths of the columns from the first on."""
        for i, width in enumerate(widths):
            sheet.set_column(i, i, min(width, WIDEST))
