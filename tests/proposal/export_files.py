"""How the made exports are written: text in some encoding, and workbooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter


def text(path: Path, lines: Iterable[str], encoding: str = "utf-8", end: str = "\r\n") -> list[Path]:
    """Write lines, and return the file."""
    path.write_bytes((end.join(lines) + end).encode(encoding))
    return [path]


def number(value: float, digits: int, decimal: str = ".", thousands: str = "") -> str:
    """Write a number in the manner of a country."""
    plain = f"{value:,.{digits}f}"
    return plain.replace(",", "\0").replace(".", decimal).replace("\0", thousands)


def cells(frame: pd.DataFrame, columns: Sequence[tuple[str, float, int]], **manner: str) -> list[list[str]]:
    """Return rows of numbers: of every column of the record its factor and its digits."""
    return [
        [number(row[name] * factor, digits, **manner) for name, factor, digits in columns]
        for row in frame.to_dict("records")
    ]


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]], form: str = "dd-mm-yyyy hh:mm") -> list[Path]:
    """Write a workbook of rows; what has a date is written as Excel writes dates."""
    with xlsxwriter.Workbook(str(path), {"nan_inf_to_errors": True}) as book:
        dates = book.add_format({"num_format": form})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for i, row in enumerate(rows):
                for k, cell in enumerate(row):
                    if isinstance(cell, pd.Timestamp):
                        sheet.write_datetime(i, k, cell.to_pydatetime(), dates)
                    elif cell is not None and cell != "":
                        sheet.write(i, k, cell)
    return [path]
