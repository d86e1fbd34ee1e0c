"""Sheets of one look: how headers, cells that are typed, formulas and flagged rows appear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import xlsxwriter

__all__ = ["FLAGGED", "PLAIN", "WRAPPED", "Sheets", "number_format"]

PLAIN = "General_)"
"""How a number of few digits is shown."""
LINE = 15
"""Height of a line of text [point]."""
WRAPPED = {"text_wrap": True, "valign": "top"}
"""A text of several lines."""
WIDEST = 80
"""Widest column of a table of texts and numbers [character]."""


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
        return "0.0000_)"
    if not 1e-4 <= size < 1e7:
        return "0.000E+00_)"
    if size >= 1e4:
        return "#,##0_)"
    places = 3 - math.floor(math.log10(size))
    return "0_)" if places <= 0 else f"0.{'0' * places}_)"


def _long(value: Any) -> bool:
    """Return whether a value is a text that needs several lines."""
    return isinstance(value, str) and len(value) > WIDEST


def _few(value: float) -> bool:
    """Return whether a number has few digits, but for rounding."""
    return math.isfinite(value) and math.isclose(float(f"{value:.4g}"), value, rel_tol=1e-12)


def _live_format(value: float) -> str:
    """Return how a number is shown that follows what is typed: it keeps digits where it becomes small, too."""
    size = abs(value)
    if 10.0 <= size < 1e7:
        return "0.000_)" if size < 1e3 else "#,##0.0_)"
    return number_format(value)


FLAGGED = {"bg_color": "#FDF4DD"}
"""A row that a reader should look at."""


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
        self._titles: dict[str, list[tuple[int, int, Sequence[str]]]] = {}
        self._numbers: dict[str, set[tuple[int, int]]] = {}

    def style(self, **traits: Any) -> Any:
        """Return a format, the same for the same traits."""
        key = tuple(sorted(traits.items()))
        if key not in self._known:
            self._known[key] = self.book.add_format(traits)
        return self._known[key]

    def new(self, name: str) -> Any:
        """Add an empty sheet that prints one page wide."""
        sheet = self.book.add_worksheet(name)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.ignore_errors({"formula_differs": "A1:XFD1048576"})  # neighbours in a matrix differ, and should
        return sheet

    def add(self, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]], flagged: Sequence[int] = ()) -> Any:
        """Add a sheet that is one table; an empty cell stands for None."""
        sheet = self.new(name)
        self.header(sheet, 0, 0, header)
        for i, row in enumerate(rows):
            traits = (FLAGGED if i in flagged else {}) | ({"valign": "top"} if any(map(_long, row)) else {})
            for j, value in enumerate(row):
                if isinstance(value, float):
                    self.number(sheet, i + 1, j, value, **traits)
                else:
                    own = traits | (WRAPPED if _long(value) else {})
                    self.put(sheet, i + 1, j, value, self.style(**own) if own else None)
        sheet.freeze_panes(1, 1)
        sheet.autofilter(0, 0, len(rows), len(header) - 1)
        self._align(sheet)
        sheet.autofit()
        for i, row in enumerate(rows):
            long = [(j, value) for j, value in enumerate(row) if _long(value)]
            for j, _ in long:
                sheet.set_column(j, j, WIDEST)
            if long:
                self.lines(sheet, i + 1, *((value, WIDEST) for _, value in long))
        return sheet

    def page(self, name: str, title: str, notes: Sequence[str] = ()) -> tuple[Any, int]:
        """Begin a sheet with a title and notes above its tables; return it, and the first free row."""
        sheet = self.new(name)
        sheet.hide_gridlines(2)
        sheet.write_string(0, 0, title, self.style(bold=True, font_size=14))
        for i, note in enumerate(notes):
            sheet.write_string(i + 1, 0, note, self.style(font_color="#5B6675"))
        return sheet, len(notes) + 2

    def header(self, sheet: Any, row: int, column: int, titles: Sequence[str]) -> None:
        """Write the header of a table."""
        sheet.write_row(row, column, titles, self._header())
        self._titles.setdefault(sheet.get_name(), []).append((row, column, titles))

    def _header(self, **traits: Any) -> Any:
        return self.style(bold=True, bg_color="#E8F3FA", bottom=1, text_wrap=True, valign="top", **traits)

    def _align(self, sheet: Any) -> None:
        """Write the titles of columns of numbers to the right, as the numbers stand."""
        numbers = self._numbers.get(sheet.get_name(), set())
        tables = self._titles.get(sheet.get_name(), [])
        for row, column, titles in tables:
            end = min((other for other, _, _ in tables if other > row), default=math.inf)
            for j, title in enumerate(titles, column):
                if any(row < i < end and k == j for i, k in numbers):
                    sheet.write_string(row, j, title, self._header(align="right", indent=1))

    def lines(self, sheet: Any, row: int, *texts: tuple[str, float]) -> None:
        """Give a row the height that texts need in cells of a width [character]."""
        sheet.set_row(row, LINE * max(1, *(math.ceil(len(text) / (0.95 * width)) for text, width in texts)))

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
            self._numbers.setdefault(sheet.get_name(), set()).add((row, column))

    def number(self, sheet: Any, row: int, column: int, value: float | None, **traits: Any) -> None:
        """Write a number with the digits that count."""
        style = self.style(num_format=PLAIN if value is None or _few(value) else number_format(value), **traits)
        self.put(sheet, row, column, value, style)

    def formula(self, sheet: Any, row: int, column: int, formula: str, value: float, **traits: Any) -> None:
        """Write a formula, and the value that is shown until it is worked out anew."""
        known = value if math.isfinite(value) else "#NUM!"
        constant = not any(sign.isalpha() for sign in formula)
        style = self.style(num_format=PLAIN if constant and _few(value) else _live_format(value), **traits)
        sheet.write_formula(row, column, formula, style, known)
        self._numbers.setdefault(sheet.get_name(), set()).add((row, column))

    def widths(self, sheet: Any, widths: Sequence[float]) -> None:
        """Set the widths of the columns from the first on, and the heights of the headers in them; comes last."""
        self._align(sheet)
        for i, width in enumerate(widths):
            sheet.set_column(i, i, width)
        for row, column, titles in self._titles.get(sheet.get_name(), []):
            own = zip(titles, widths[column:], strict=False)
            self.lines(sheet, row, *((title, 0.85 * width) for title, width in own))
