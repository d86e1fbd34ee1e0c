"""Mutants that only files of one format can have: CSV, XLSX and Parquet."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xlsxwriter
from byte_mutations import archive_changed, member_changed
from file_forms import UNITS, arrow_table, as_parquet, stamp, typed
from grid_mutations import Expectation, Grid, Random

__all__ = ["FILE_MUTANTS"]

# ---- text


def _lines(data: bytes) -> list[str]:
    return data.decode().splitlines()


def _joined(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def csv_same(rng: Random, data: bytes) -> bytes:
    """Return a CSV with the same content in another of its usual forms."""
    text, kind = data.decode(), int(rng.integers(6))
    if kind == 0:
        return text.replace("\n", "\r\n").encode()
    if kind == 1:
        return text.encode("utf-8-sig")
    if kind == 2:
        return (text + "\n" * int(rng.integers(1, 4))).encode()
    if kind == 3:
        return "".join(f"{line},\n" for line in text.splitlines()).encode()
    if kind == 4:
        return "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in text.splitlines()).encode()
    return unicodedata.normalize("NFD" if rng.random() < 0.5 else "NFKC", text).encode()


def csv_decimal_comma(rng: Random, data: bytes) -> bytes:
    """Return a CSV in which a column has decimal commas, between quotes."""
    rows = [line.split(",") for line in _lines(data)]
    at = int(rng.integers(1, len(rows[0])))
    for row in rows[1:]:
        row[at] = '"' + row[at].replace(".", ",") + '"'
    return _joined([",".join(row) for row in rows])


def csv_thousands(rng: Random, data: bytes) -> bytes:
    """Return a CSV whose flows have signs between thousands that the config does not name."""
    sign = str(rng.choice([",", "'", " ", "."]))
    rows = [line.split(",") for line in _lines(data)]
    for row in rows[1:]:
        whole, _, rest = row[1].partition(".")
        row[1] = f'"{whole[:-3]}{sign}{whole[-3:]}.{rest}"'
    return _joined([",".join(row) for row in rows])


def csv_ragged(rng: Random, data: bytes) -> bytes:
    """Return a CSV with a decimal comma that makes one cell two."""
    lines = _lines(data)
    at = int(rng.integers(1, len(lines)))
    cells = lines[at].split(",")
    column = int(rng.integers(1, len(cells)))
    cells[column] = cells[column].replace(".", ",")
    lines[at] = ",".join(cells)
    return _joined(lines)


def csv_footer(rng: Random, data: bytes) -> bytes:
    """Return a CSV with a line below the samples that the config does not name."""
    lines = _lines(data)
    notes = ["Mean,5000.1,30.1,1.5,4.0,8.0", "Total,1234567,7230,361,964,1928", "exported by operator", "END"]
    return _joined([*lines, str(rng.choice(notes))])


def csv_digits(rng: Random, data: bytes) -> bytes:
    """Return a CSV in which a column is written in the digits of another script."""
    first = int(rng.choice([0x0660, 0x06F0, 0x0966, 0xFF10]))
    rows = [line.split(",") for line in _lines(data)]
    at = int(rng.integers(1, len(rows[0])))
    for row in rows[1:]:
        row[at] = row[at].translate({ord("0") + k: first + k for k in range(10)})
    return _joined([",".join(row) for row in rows])


def csv_separator(rng: Random, data: bytes) -> bytes:
    """Return a CSV with another separator than the config names."""
    return data.replace(b",", bytes(str(rng.choice([";", "\t", "|"])), "ascii"))


def csv_encoding(rng: Random, data: bytes) -> bytes:
    """Return a CSV in another encoding than the config names."""
    mark = "\ufeff" if rng.random() < 0.5 else ""
    return (mark + data.decode()).encode(str(rng.choice(["utf-16", "utf-16-be", "utf-32"])))


def csv_units(rng: Random, data: bytes) -> bytes:
    """Return a CSV with units in its headers, which are then others."""
    lines = _lines(data)
    lines[0] = ",".join(f"{name} [{UNITS[name]}]" if UNITS[name] else name for name in lines[0].split(","))
    return _joined(lines)


# ---- workbooks


def _book(grid: Grid, write: Callable[[Any, Any], None], options: dict[str, Any] | None = None) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, **(options or {})})
    write(book, grid)
    book.close()
    return file.getvalue()


def _fill(sheet: Any, grid: Grid, cell: Callable[[int, int, str], bool] = lambda r, c, text: False) -> None:
    """Write the table; `cell` writes what it takes itself."""
    for r, row in enumerate(grid):
        for c, text in enumerate(row):
            value = typed(text) if r and c else text
            if cell(r, c, text):
                continue
            if isinstance(value, float):
                sheet.write_number(r, c, value)
            elif value:
                sheet.write_string(r, c, value)


def xlsx_hidden_first(rng: Random, grid: Grid) -> bytes:
    """Return a workbook whose first sheet is hidden and holds older values."""

    def write(book: Any, grid: Grid) -> None:
        old, sheet = book.add_worksheet("old"), book.add_worksheet("data")
        _fill(
            old, [[*row[:1], *(f"{1.5 * float(v):.3f}" for v in row[1:])] if k else row for k, row in enumerate(grid)]
        )
        _fill(sheet, grid)
        sheet.activate()
        sheet.set_first_sheet()
        if rng.random() < 0.5:
            old.very_hidden()
        else:
            old.hide()

    return _book(grid, write)


def xlsx_second_sheet(rng: Random, grid: Grid) -> bytes:
    """Return a workbook with a second sheet of something else."""

    def write(book: Any, grid: Grid) -> None:
        _fill(book.add_worksheet("data"), grid)
        _fill(book.add_worksheet("notes"), [["who", "what"], ["operator", "=HYPERLINK(1)"]])

    return _book(grid, write)


def xlsx_numbers_as_text(rng: Random, grid: Grid) -> bytes:
    """Return a workbook in which the numbers of a column are text."""
    at = int(rng.integers(1, len(grid[0])))

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(sheet, grid, lambda r, c, text: c == at and sheet.write_string(r, c, text) == 0)

    return _book(grid, write)


def xlsx_formulas(rng: Random, grid: Grid) -> bytes:
    """Return a workbook in which the numbers of a column are formulas, with their values."""
    at = int(rng.integers(1, len(grid[0])))

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(
            sheet,
            grid,
            lambda r, c, text: r > 0 and c == at and sheet.write_formula(r, c, "=1*Z9", None, float(text)) == 0,
        )

    return _book(grid, write)


def xlsx_merged(rng: Random, grid: Grid) -> bytes:
    """Return a workbook in which two headers are merged."""
    at = int(rng.integers(1, len(grid[0]) - 1))

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(sheet, grid, lambda r, c, text: r == 0 and c in (at, at + 1))
        sheet.merge_range(0, at, 0, at + 1, grid[0][at])

    return _book(grid, write)


def xlsx_merged_values(rng: Random, grid: Grid) -> bytes:
    """Return a workbook in which some values of a column are merged, so that one stands for all."""
    at, row = int(rng.integers(1, len(grid[0]))), int(rng.integers(1, len(grid) - 6))

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(sheet, grid, lambda r, c, text: c == at and row <= r < row + 5)
        sheet.merge_range(row, at, row + 4, at, float(grid[row][at]))

    return _book(grid, write)


def xlsx_hidden_rows(rng: Random, grid: Grid) -> bytes:
    """Return a workbook of which a filter hides rows, and a column."""

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(sheet, grid)
        for row in rng.integers(1, len(grid), 20):
            sheet.set_row(int(row), None, None, {"hidden": True})
        sheet.set_column(2, 2, None, None, {"hidden": True})

    return _book(grid, write)


def xlsx_1904(rng: Random, grid: Grid) -> bytes:
    """Return a workbook that counts its days from 1904, with stamps as dates."""

    def write(book: Any, grid: Grid) -> None:
        sheet, date = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yyyy hh:mm"})

        def cell(r: int, c: int, text: str) -> bool:
            found = stamp(text) if r and c == 0 else None
            return found is not None and sheet.write_datetime(r, c, found.to_pydatetime(), date) == 0

        _fill(sheet, grid, cell)

    return _book(grid, write, {"date_1904": True})


def xlsx_values_as_dates(rng: Random, grid: Grid) -> bytes:
    """Return a workbook in which Excel has made dates of the values of a column."""
    at = int(rng.integers(1, len(grid[0])))

    def write(book: Any, grid: Grid) -> None:
        sheet, date = book.add_worksheet(), book.add_format({"num_format": "dd.mm.yy"})
        _fill(sheet, grid, lambda r, c, text: r > 0 and c == at and sheet.write_number(r, c, float(text), date) == 0)

    return _book(grid, write)


def xlsx_booleans(rng: Random, grid: Grid) -> bytes:
    """Return a workbook with true and false among the values."""
    at, row = int(rng.integers(1, len(grid[0]))), int(rng.integers(1, len(grid)))

    def write(book: Any, grid: Grid) -> None:
        sheet = book.add_worksheet()
        _fill(sheet, grid, lambda r, c, text: (r, c) == (row, at) and sheet.write_boolean(r, c, True) == 0)

    return _book(grid, write)


def xlsx_rows_above(rng: Random, grid: Grid) -> bytes:
    """Return a workbook with a title above the header that the config does not name."""

    def write(book: Any, grid: Grid) -> None:
        _fill(book.add_worksheet(), [["Plant of " + "x" * int(rng.integers(9))], *[[]] * int(rng.integers(3)), *grid])

    return _book(grid, write)


# ---- Parquet


def _changed(grid: Grid, at: int, make: Callable[[pa.ChunkedArray], Any], stamps: str = "stamps") -> bytes:
    """Return Parquet with one column made anew."""
    table = arrow_table(grid, stamps)
    return as_parquet(table.set_column(at, table.column_names[at], make(table.column(at))))


def _any_column(rng: Random, grid: Grid) -> int:
    return int(rng.integers(1, len(grid[0])))


def parquet_layout(rng: Random, grid: Grid) -> bytes:
    """Return the same values in another layout of the file."""
    options: dict[str, Any] = {
        "row_group_size": int(rng.choice([7, 100, 10_000])),
        "compression": str(rng.choice(["none", "snappy", "gzip", "zstd", "brotli", "lz4"])),
        "data_page_version": str(rng.choice(["1.0", "2.0"])),
        "write_statistics": bool(rng.random() < 0.5),
        "version": str(rng.choice(["1.0", "2.4", "2.6"])),
        "use_dictionary": bool(rng.random() < 0.5),
        "write_page_checksum": bool(rng.random() < 0.5),
    }
    if not options["use_dictionary"] and rng.random() < 0.5:
        options["column_encoding"] = {name: "BYTE_STREAM_SPLIT" for name in grid[0][1:]}
    return as_parquet(arrow_table(grid, "text"), **options)


def parquet_same_types(rng: Random, grid: Grid) -> bytes:
    """Return the same values as another type: decimals, text, categories."""
    kind, at = int(rng.integers(4)), _any_column(rng, grid)
    texts = [row[at] for row in grid[1:]]
    makes: tuple[Callable[[pa.ChunkedArray], Any], ...] = (
        lambda column: pa.array(texts).cast(pa.decimal128(18, 4)),
        lambda column: pa.array(texts, pa.large_string()),
        lambda column: pa.array(texts).dictionary_encode(),
        lambda column: pa.chunked_array([column.combine_chunks()[k : k + 9] for k in range(0, len(column), 9)]),
    )
    return _changed(grid, at, makes[kind])


def parquet_stamps(rng: Random, grid: Grid) -> bytes:
    """Return stamps in another unit of time, or the same instants of another zone."""
    unit, zoned = str(rng.choice(["s", "ms", "us", "ns"])), rng.random() < 0.5
    zone = str(rng.choice(["UTC", "Europe/Amsterdam", "+05:30"])) if zoned else None
    return _changed(grid, 0, lambda column: column.cast(pa.timestamp(unit, tz=zone)), "instants" if zoned else "stamps")


def parquet_wrong_stamps(rng: Random, grid: Grid) -> bytes:
    """Return stamps that tell no instant: days alone, times of a day, numbers, lengths of time."""
    kind = int(rng.integers(4))
    table = arrow_table(grid, "stamps")
    stamps = table.column(0)
    whole = stamps.cast(pa.timestamp("us")).cast(pa.int64())
    makes: tuple[Callable[[], Any], ...] = (
        lambda: pa.array(stamps.to_pandas().dt.date, pa.date32()),
        lambda: pa.array(stamps.to_pandas().dt.time),
        lambda: whole,
        lambda: whole.cast(pa.duration("us")),
    )
    return _changed(grid, 0, lambda column: makes[kind]())


def parquet_wrong_types(rng: Random, grid: Grid) -> bytes:
    """Return a column of a type that holds no numbers."""
    kind, at = int(rng.integers(6)), _any_column(rng, grid)
    values = [float(row[at]) for row in grid[1:]]
    makes: tuple[Callable[[], Any], ...] = (
        lambda: pa.array([value > values[0] for value in values]),
        lambda: pa.array([str(value).encode() for value in values], pa.binary()),
        lambda: pa.array([[value] for value in values]),
        lambda: pa.array([{"value": value} for value in values]),
        lambda: pa.array([int(value) for value in values], pa.duration("s")),
        lambda: pa.array([pd.Timestamp("2024-01-01")] * len(values), pa.timestamp("us")),
    )
    return _changed(grid, at, lambda column: makes[kind]())


def parquet_payloads(rng: Random, grid: Grid) -> bytes:
    """Return not-a-numbers of all bit patterns among the values."""
    at = _any_column(rng, grid)
    values = np.array([float(row[at]) for row in grid[1:]])
    bits = values.view(np.uint64)
    for row in rng.integers(0, len(values), 4):
        sign = int(rng.integers(2)) << 63
        bits[row] = sign | 0x7FF0000000000000 | int(rng.integers(1, 2**51))
    return _changed(grid, at, lambda column: pa.array(values, from_pandas=False))


def parquet_single(rng: Random, grid: Grid) -> bytes:
    """Return values in single or half precision."""
    at, half = _any_column(rng, grid), rng.random() < 0.3
    values = np.array([float(row[at]) for row in grid[1:]], np.float16 if half else np.float32)
    return _changed(grid, at, lambda column: pa.array(values))


def parquet_footer(rng: Random, data: bytes) -> bytes:
    """Return Parquet whose list of contents is damaged, or said to be longer than it is."""
    changed, size = bytearray(data), int.from_bytes(data[-8:-4], "little")
    if rng.random() < 0.2:
        changed[-8:-4] = int(rng.choice([0, 1, size + 1, 2**31 - 1, 2**32 - 1])).to_bytes(4, "little")
        return bytes(changed)
    begin = len(data) - 8 - size
    for _ in range(int(rng.integers(1, 4))):
        at = begin + int(rng.integers(size))
        changed[at] = int(rng.choice([0xFF, 0x7F, 0x80, 0x00, int(rng.integers(256))]))
    if rng.random() < 0.3:  # a number of rows, or of bytes, of many digits
        at = begin + int(rng.integers(size - 9))
        changed[at : at + 9] = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
    return bytes(changed)


def parquet_page(rng: Random, data: bytes) -> bytes:
    """Return Parquet in which the head of a page is damaged."""
    offsets = []
    for group in range(pq.ParquetFile(io.BytesIO(data)).metadata.num_row_groups):
        meta = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(group)
        offsets += [meta.column(k).data_page_offset for k in range(meta.num_columns)]
    changed, at = bytearray(data), int(rng.choice(offsets))
    for _ in range(int(rng.integers(1, 4))):
        changed[at + int(rng.integers(24))] = int(rng.choice([0xFF, 0x7F, 0x80, 0x00, int(rng.integers(256))]))
    return bytes(changed)


FILE_MUTANTS: dict[str, tuple[tuple[Callable[[Random, Any], bytes], str, Expectation], ...]] = {
    "csv": (
        (csv_same, "bytes", "same"),
        (csv_decimal_comma, "bytes", "seen"),
        (csv_thousands, "bytes", "seen"),
        (csv_ragged, "bytes", "seen"),
        (csv_footer, "bytes", "seen"),
        (csv_digits, "bytes", "same"),
        (csv_separator, "bytes", "seen"),
        (csv_encoding, "bytes", "same"),
        (csv_units, "bytes", "same"),
    ),
    "xlsx": (
        (xlsx_hidden_first, "grid", "same"),
        (xlsx_second_sheet, "grid", "same"),
        (xlsx_numbers_as_text, "grid", "same"),
        (xlsx_formulas, "grid", "same"),
        (xlsx_merged, "grid", "seen"),
        (xlsx_merged_values, "grid", "any"),
        (xlsx_hidden_rows, "grid", "same"),
        (xlsx_1904, "grid", "same"),
        (xlsx_values_as_dates, "grid", "seen"),
        (xlsx_booleans, "grid", "seen"),
        (xlsx_rows_above, "grid", "same"),
        (member_changed, "bytes", "any"),
        (member_changed, "bytes", "any"),
        (archive_changed, "bytes", "any"),
    ),
    "parquet": (
        (parquet_layout, "grid", "same"),
        (parquet_same_types, "grid", "same"),
        (parquet_stamps, "grid", "same"),
        (parquet_wrong_stamps, "grid", "seen"),
        (parquet_wrong_types, "grid", "seen"),
        (parquet_payloads, "grid", "any"),
        (parquet_single, "grid", "any"),
        (parquet_footer, "bytes", "any"),
        (parquet_footer, "bytes", "any"),
        (parquet_page, "bytes", "any"),
    ),
}
"""By kind of file: the mutant, whether it takes the bytes of the plainest form or the table, and what is expected."""
