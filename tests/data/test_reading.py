"""Files as plants export them: read as they are meant, or refused by a message that names the remedy."""

import datetime
import json
import math
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from asm_hybrid.config import build_layout, load_kinetics
from asm_hybrid.data import limits
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import InputError

TIME = 'time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}'
HOURS = pd.Timestamp("2021-06-01") + pd.to_timedelta(np.arange(96), unit="h")


def source(record):
    config = record.config()
    table = load_kinetics(config)
    (found,), findings = read_sources(config, table, build_layout(config, table))
    return found, findings


def times(record):
    return source(record)[0].times


def values(record, header):
    found, findings = source(record)
    assert not findings
    return next(s.values for s in found.series if s.header == header)


def refused(record, *words):
    with pytest.raises(InputError) as caught:
        record.read()
    for word in words:
        assert word in str(caught.value)


def lines(record):
    return record.frame.to_csv(index=False).splitlines()


def csv(record, content):
    record.file.write_bytes(content if isinstance(content, bytes) else "\n".join(content).encode())
    return record


def saved(record, kind):
    record.file = record.folder / f"plant.{kind}"
    record.replace("plant.csv", record.file.name)
    if kind == "xlsx":
        record.frame.to_excel(record.file, index=False, engine="xlsxwriter")
    else:
        record.frame.to_parquet(record.file, index=False)
    return record


def repacked(record, part, change):
    """Change one part of a workbook."""
    with zipfile.ZipFile(record.file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(record.file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return record


# --- size


def test_more_columns_than_a_record_has(record):
    header, *rows = lines(record)
    wide = "," * limits.MAX_COLUMNS
    csv(record, [header + wide, *(row + wide for row in rows[:3])])
    refused(record, f"the table has {limits.MAX_COLUMNS + 5} columns", "at most 16384 columns")


def test_more_cells_than_a_record_has(record, monkeypatch):
    monkeypatch.setattr(limits, "MAX_CELLS", 100)
    refused(record, "cells", "split it into several sources")


def test_a_file_larger_than_a_record_is(record):
    with record.file.open("wb") as stream:
        stream.truncate(2_000_000_000)  # a hole: nothing of it is written, and nothing must be read
    refused(record, "plant.csv: the file has 2000 MB", "series of at most 300 MB", "take means")


def test_a_file_that_grows_beyond_the_limit_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "plant.csv"
    path.write_bytes(b"x" * 2000)
    monkeypatch.setattr(limits.Path, "exists", lambda path: False)
    monkeypatch.setattr(limits.Path, "stat", lambda path: SimpleNamespace(st_size=10))
    with pytest.raises(InputError, match="the series are larger than"):
        limits.read_bounded(path, "here", 1000)


def test_more_rows_of_parquet_than_a_record_has(record):
    saved(record, "parquet")
    names = ["time", "flow", "NH4_in", "DO", "NH4"]
    zeros = pa.array(np.zeros(11_000_000, dtype=np.int8))
    pq.write_table(pa.table(dict.fromkeys(names, zeros)), record.file)
    refused(record, "plant.parquet", "more than 50 million cells")


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("XFD1048576", "too large: its last cell stands in row 1048576 and column 16384"),
        ("YY60000", "too large: its last cell stands in row 60000 and column 675"),
        ("ABCD7", "there is no cell 'ABCD7'"),
        ("B12345678901", "there is no cell 'B12345678901'"),
        ("&#88;FD7", "there is no cell"),
    ],
)
def test_a_cell_far_from_the_table(record, cell, words):
    saved(record, "xlsx")
    far = f'<row r="60000"><c r="{cell}"><v>1</v></c></row></sheetData>'.encode()
    repacked(record, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</sheetData>", far))
    refused(record, "plant.xlsx", words)


def test_empty_cells_far_from_the_table_do_no_harm(record):
    saved(record, "xlsx")
    far = b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    repacked(record, "xl/worksheets/sheet1.xml", lambda text: text.replace(b"</sheetData>", far))
    assert len(times(record)) == 96


def test_a_workbook_that_unpacks_to_gigabytes(record, monkeypatch):
    monkeypatch.setattr("asm_hybrid.data.workbook.MAX_UNPACKED", 5_000_000)
    saved(record, "xlsx")
    repacked(record, "xl/sharedStrings.xml", lambda text: text + b" " * 6_000_000)
    refused(record, "not a readable Excel file", "unpacks to more than 5 MB")


def test_a_file_that_is_no_file(record):
    record.file.mkdir()
    refused(record, "case.yaml:16", "is no file")


# --- damage


def test_parquet_with_damaged_metadata(record):
    saved(record, "parquet")
    table = pq.read_table(record.file)
    pq.write_table(table.replace_schema_metadata({b"pandas": b'{"index_columns": [,'}), record.file)
    refused(record, "plant.parquet: not a readable Parquet file", "JSONDecodeError")


def test_parquet_that_was_cut_off(record):
    saved(record, "parquet")
    record.file.write_bytes(record.file.read_bytes()[:2000])
    refused(record, "plant.parquet: not a readable Parquet file")


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda text: text.encode("utf-16"), "row 1: the file is not UTF-8 but UTF-16"),
        (lambda text: text.encode("utf-16-le"), "row 1: the file holds NUL"),
        (lambda text: text.replace("404", "4\x004").encode(), "row 6: the file holds NUL"),
    ],
)
def test_csv_that_is_no_utf8(record, encode, words):
    refused(csv(record, encode(record.frame.to_csv(index=False))), words, "CSV UTF-8")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_csv_in_another_encoding(record, encoding):
    record.frame = record.frame.rename(columns={"flow": "débit m³/h"})
    csv(record, "\n".join(lines(record)).encode(encoding))
    refused(record, "the file is not UTF-8", f"add encoding: {encoding} to the source")
    record.replace("flow: {role", "débit m³/h: {role")
    record.replace("file: plant.csv", f"file: plant.csv\n      encoding: {encoding}")
    assert len(times(record)) == 96


def test_csv_that_is_not_in_the_encoding_of_the_config(record):
    csv(record, b"time\n\x81\n")
    record.replace("file: plant.csv", "file: plant.csv\n      encoding: cp1252")
    refused(record, "row 2", "the file is not CP1252", "remove 'encoding'")


def test_a_quote_that_is_not_closed(record):
    rows = lines(record)
    rows[20] = '"' + rows[20]
    refused(csv(record, rows), "plant.csv, row 21: not a readable CSV file", "close or remove the quote")


def test_a_quote_that_swallows_rows(record):
    rows = lines(record)
    rows[20], rows[40] = rows[20] + "0", rows[40] + '"'
    rows[20] = rows[20].rpartition(",")[0] + ',"3'
    refused(csv(record, rows), "plant.csv, row 21: a quote opens in this row and closes 20 rows later")


def test_notes_of_several_lines_are_read(record):
    rows = lines(record)
    rows[0] += ",note"
    rows[1:] = [row + (',"pump off\nsee log"' if i == 5 else ",") for i, row in enumerate(rows[1:])]
    assert len(times(csv(record, rows))) == 96


# --- header


def test_a_title_above_the_header(record):
    csv(record, ["Report; June", "", *lines(record)])
    refused(record, "row 1 of", "(Report; June) is not the header: row 3 is", "add header_row: 3")
    record.replace("file: plant.csv", "file: plant.csv\n      header_row: 3")
    found, _ = source(record)
    assert len(found.times) == 96
    assert found.series[0].place.rows[0] == 4


def test_a_title_above_the_header_of_a_sheet(record):
    saved(record, "xlsx")
    record.frame.to_excel(record.file, index=False, engine="xlsxwriter", startrow=2)
    refused(record, "row 1 of", "(empty) is not the header: row 3 is", "add header_row: 3")
    record.replace("file: plant.xlsx", "file: plant.xlsx\n      header_row: 3")
    assert source(record)[0].series[0].place.rows[0] == 4


@pytest.mark.parametrize("units", [",m3/h,mg/L,mg/L,mg/L", "y-m-d,m3/h,mg/L,mg/L,mg/L"])
def test_units_below_the_header(record, units):
    header, *rows = lines(record)
    csv(record, [header, units, *rows])
    refused(record, "column time, row 2", "if row 2 holds units, add first_row: 3")
    record.replace("file: plant.csv", "file: plant.csv\n      first_row: 3")
    assert len(times(record)) == 96


def test_a_row_for_each_value_of_each_tag(record):
    tall = record.frame.melt(id_vars="time", var_name="Tag", value_name="Value")
    record.frame = tall.sort_values("time", kind="stable")
    refused(record, "has no column 'flow'", "the column 'Tag' holds such names", "long: {tag: Tag, value: Value}")


def test_the_table_stands_on_another_sheet(record):
    saved(record, "xlsx")
    with pd.ExcelWriter(record.file, engine="xlsxwriter") as book:
        pd.DataFrame({"about": ["exported"]}).to_excel(book, sheet_name="Info", index=False)
        record.frame.to_excel(book, sheet_name="Lab", index=False)
    refused(record, "has no column 'time'", "the first one, 'Info', was read: sheet: Lab")
    record.replace("file: plant.xlsx", "file: plant.xlsx\n      header_row: 9")
    refused(record, "the sheet has 2 rows, and header_row is 9", "the first one, 'Info', was read: sheet: Lab")
    record.replace("\n      header_row: 9", "")
    record.replace("file: plant.xlsx", "file: plant.xlsx\n      sheet: Lab")
    assert len(times(record)) == 96


@pytest.mark.parametrize(
    ("form", "words"), [("%Y-%m-%d %H:%M", "remove the lines at the end"), ("%d.%m.%Y", "%H:%M', and")]
)
def test_a_mean_below_the_samples(record, form, words):
    record.replace('format: "%Y-%m-%d %H:%M"', f'format: "{form}"')
    csv(record, [*lines(record), "Mean,450,30,1,3"])
    refused(record, "column time, row", words)


def test_trailing_separators(record):
    header, *rows = lines(record)
    for content in (
        [header + ",", *(row + "," for row in rows)],
        [header, *(row + ",," for row in rows)],
        [header + ",,", *rows],
    ):
        assert len(times(csv(record, content))) == 96


@pytest.mark.parametrize(
    ("file", "config"),
    [
        ("débit", "de\u0301bit"),
        ("flow\u00a0 [m3/h]", "flow [m3/h]"),
        ("flow m³/h", "flow m3/h"),
        ("µ", "μ"),
        ("fl\u200bow", "flow"),
        ("flow\n[m3/h]", "flow [m3/h]"),
        ("flow\x07", "flow"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_headers_that_look_alike(record, file, config, kind):
    if kind == "xlsx" and "\x07" in file:
        pytest.skip("a workbook cannot hold it")
    record.frame = record.frame.rename(columns={"flow": file})
    record.replace("        flow: {", f'        "{config}": {{')
    if kind != "csv":
        saved(record, kind)
    found, findings = source(record)
    assert not findings
    assert found.series[0].header == config
    assert config in found.table.header
    assert "not used" not in "\n".join(record.check().lines)


def test_two_headers_that_look_alike(record):
    record.frame.insert(2, "flow m³/h", 1.0)
    record.frame = record.frame.rename(columns={"flow": "flow m3/h"})
    record.replace("        flow: {", '        "flow m3/h": {')
    refused(record, "2 columns whose names look like 'flow m3/h', at positions 2, 3", "rename one of them")


def test_two_columns_of_the_config_that_look_alike(record):
    record.replace("        NH4: {", '        "NH4_in\u00a0": {role: ignored}\n        NH4: {')
    refused(record, "are one to a reader's eye")


@pytest.mark.parametrize("header", ["", " ", "\u200b"])
def test_a_header_that_cannot_be_seen(record, header):
    record.frame = record.frame.rename(columns={"NH4_in": header})
    refused(record.replace("NH4_in:", json.dumps(header) + ":"), "a name that cannot be seen", "name the column")


def test_time_that_is_a_measured_column_too(record):
    refused(record.replace("column: time", "column: NH4"), "'NH4' is that of time", "role 'observation'")


# --- time


@pytest.mark.parametrize(
    ("written", "time"),
    [
        ("%Y-%m-%d %H:%M:%S+02", "format: ISO8601"),
        ("%Y-%m-%dT%H:%M+02:00", "format: ISO8601"),
        ("%Y-%m-%d %H:%M:%S +0200", "format: ISO8601"),
        ("%Y-%m-%dT%H+02", "format: ISO8601"),
        ("%d.%m.%Y %H:%M+02", 'format: "%d.%m.%Y %H:%M%z"'),
    ],
)
def test_offsets_of_all_forms(record, written, time):
    record.frame["time"] = HOURS.strftime(written)
    read = times(record.replace('format: "%Y-%m-%d %H:%M", zone: UTC', time))
    assert (read == HOURS.tz_localize("UTC") - pd.Timedelta(hours=2)).all()


def test_offsets_in_some_stamps(record):
    record.frame["time"] = [*HOURS[:40].strftime("%Y-%m-%d %H:%M"), *HOURS[40:].strftime("%Y-%m-%d %H:%M+02")]
    record.replace('format: "%Y-%m-%d %H:%M"', "format: ISO8601")
    refused(record, "rows 2-41: the stamp has no offset from UTC")


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("%d.%m.%Y 24:00", "%d.%m.%Y %H:%M"),
        ("%Y-%m-%d 24:00", "ISO8601"),
        ("%Y-%m-%dT24:00:00Z", "ISO8601"),
        ("24.00 on %d %b %Y", "%H.%M on %d %b %Y"),
        ("%Y%m%d2400", "%Y%m%d%H%M"),
    ],
)
def test_24_hours_are_the_next_midnight(record, written, form):
    usual = written.replace("24", "%H").replace("00", "%M", 1).replace(":00Z", ":%SZ")
    day = pd.Timedelta(days=1)
    record.frame["time"] = [t.strftime(usual) if t.hour else (t - day).strftime(written) for t in HOURS]
    read = times(record.replace('format: "%Y-%m-%d %H:%M"', f'format: "{form}"'))
    assert (read == HOURS.tz_localize("UTC")).all()


def test_24_hours_and_a_minute_are_none(record):
    refused(record.set("time", 9, "2021-06-01 24:01"), "row 9: the time '2021-06-01 24:01' does not fit")


@pytest.mark.parametrize("shown", ["[h]:mm", "hh:mm"])
@pytest.mark.parametrize("mixed", [False, True])
def test_24_hours_of_excel_are_the_next_midnight(record, shown, mixed):
    """A sheet holds 24:00 as the number 1, which is a duration or the first day of 1900, by the format of the cell."""
    saved(record, "xlsx")
    with xlsxwriter.Workbook(record.file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["day", *record.frame.columns])
        for i in range(4):
            sheet.write_datetime(i + 1, 0, datetime.datetime(2021, 6, i + 1), book.add_format({"num_format": "d.m.yy"}))
            sheet.write_number(i + 1, 1, 0.5 if mixed and i == 1 else 1, book.add_format({"num_format": shown}))
            sheet.write_row(i + 1, 2, record.frame.iloc[i, 1:].tolist())
    record.replace(TIME, 'time: {column: [day, time], format: "%Y-%m-%d %H:%M:%S", zone: UTC}')
    second = "2021-06-02 12:00" if mixed else "2021-06-03 00:00"
    expected = ["2021-06-02 00:00", second, "2021-06-04 00:00", "2021-06-05 00:00"]
    assert [f"{time:%Y-%m-%d %H:%M}" for time in times(record)] == expected


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_date_and_time_in_two_columns(record, kind):
    record.frame.insert(0, "date", HOURS.normalize() if kind != "csv" else HOURS.strftime("%Y-%m-%d"))
    record.frame["time"] = HOURS.time
    record.replace(TIME, 'time: {column: [date, time], format: "%Y-%m-%d %H:%M:%S", zone: UTC}')
    if kind != "csv":
        saved(record, kind)
    assert (times(record) == HOURS.tz_localize("UTC")).all()


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_time_since_1970(record, unit, scale, kind):
    record.frame["time"] = [int(t.timestamp()) * scale for t in HOURS]
    if kind != "csv":
        saved(record, kind)
    bare = 'format: "%Y-%m-%d %H:%M", zone: UTC'
    record.replace(bare, "unit: d, origin: '1970-01-01', zone: UTC")
    refused(record, "beyond what a calendar holds", f"unit: {unit}, origin: '1970-01-01', zone: UTC")
    record.replace("unit: d,", f"unit: {unit},")
    assert (times(record) == HOURS.tz_localize("UTC")).all()


def test_days_of_a_spreadsheet(record):
    record.frame["time"] = (HOURS - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
    refused(record.replace('format: "%Y-%m-%d %H:%M", ', ""), "holds numbers", "unit: d and origin: '1899-12-30'")
    record.replace("column: time, zone", "column: time, unit: d, origin: '1899-12-30', zone")
    assert (times(record) == HOURS.tz_localize("UTC")).all()


def test_days_of_astronomers(record):
    record.frame["time"] = (HOURS - pd.Timestamp("1858-11-17")) / pd.Timedelta(days=1)
    record.replace('format: "%Y-%m-%d %H:%M"', "unit: d, origin: '1858-11-17'")
    assert (times(record) == HOURS.tz_localize("UTC")).all()


@pytest.mark.parametrize("form", ["number", "text"])
def test_stamps_over_centuries(record, form):
    if form == "text":
        record.set("time", 2, "1900-01-01 00:00").set("time", 97, "2199-01-01 00:00")
    else:
        record.frame["time"] = np.linspace(0.0, 299 * 365.0, len(HOURS))
        record.replace('format: "%Y-%m-%d %H:%M"', "unit: d, origin: '1900-01-01'")
    refused(record, "over 29", "at most 200 years")


@pytest.mark.parametrize(("declared", "unit", "scale"), [("ms", "s", 1), ("us", "s", 1), ("us", "ms", 10**3)])
def test_time_since_1970_in_a_larger_unit_than_declared(record, declared, unit, scale):
    year = pd.date_range("2021-01-01", periods=len(HOURS), freq="4D", tz="UTC")
    record.frame["time"] = [int(t.timestamp()) * scale for t in year]
    record.replace('format: "%Y-%m-%d %H:%M"', f"unit: {declared}, origin: '1970-01-01'")
    refused(record, "lies in the years 1970 to 1970", f"unit: {unit}, origin: '1970-01-01'")


@pytest.mark.parametrize("far", ["9999-12-31 00:00", "0001-01-01 00:00"])
def test_stamps_that_are_far_away(record, far):
    refused(record.set("time", 97, far), "column time, row 97: the time lies in the year", "1900 to 2199")


@pytest.mark.parametrize("zone", [None, "Europe/Amsterdam"])
def test_stamps_of_parquet_that_are_far_away(record, zone):
    saved(record, "parquet")
    stamps = pa.array([10**10 * (i + 1) for i in range(96)], pa.timestamp("s", zone))
    table = pq.read_table(record.file)
    pq.write_table(table.set_column(0, "time", stamps), record.file)
    refused(record, "rows 1-96: the time lies in the year", "1900 to 2199")


def test_far_times_of_the_config(record):
    refused(record.replace("test: [0.75, 1.0]", 'test: [0.75, "9999-12-31"]'), "data.blocks.test.1", "1900 to 2199")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%Y-%m-%d %H:%m", "has the code %m twice"),
        ("%Y-%m-%d %H:%M:%Q", "'%Q', which is not read"),
        ("%Y-%m-%d %Z", "set zone"),
        ("%H:%M", "lacks %Y or %y"),
        ("%d/%m/%Y %I:%M", "%I without %p"),
        ("%d/%m/%Y %H:%M %p", "both %H and %p"),
        ("%Y-%m-%d %", "'%', which is not read"),
    ],
)
def test_formats_that_tell_no_instant(record, form, words):
    refused(record.replace("%Y-%m-%d %H:%M", form), "data.sources.online.time.format", words)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("CET", "write '+01:00' if the logger does not shift in summer"),
        ("EET", "write '+02:00' if"),
        ("Etc/GMT+1", "it is -01:00"),
        ("localtime", "that of no place"),
        ("posixrules", "that of no place"),
        ("right/UTC", "that of no place"),
        ("+99:00", "is not known"),
    ],
)
def test_zones_that_can_be_meant_in_two_ways(record, zone, words):
    refused(record.replace("zone: UTC", f"zone: '{zone}'"), "data.sources.online.time.zone", words)


def clocked(record, begin, end, step, place, zone):
    """Write stamps as the clock on the wall of a place shows them."""
    wall = pd.date_range(begin, end, freq=step, tz="UTC").tz_convert(place).tz_localize(None)
    k = np.arange(len(wall))
    record.frame = pd.DataFrame(
        {
            "time": wall.strftime("%Y-%m-%d %H:%M"),
            "flow": 400 + 50 * np.sin(k / 9),
            "NH4_in": 30 + np.sin(k),
            "DO": 1 + 0.5 * np.cos(k),
            "NH4": 3 + np.sin(k / 5),
        }
    )
    return record.replace("zone: UTC", f'zone: "{zone}"')


@pytest.mark.parametrize(
    ("place", "zone", "hour", "step"),
    [
        ("Europe/Berlin", "+01:00", "2021-03-28 02:00", "15min"),
        ("Europe/Berlin", "UTC", "2021-03-28 02:00", "1h"),
        ("Europe/London", "UTC", "2021-03-28 01:00", "5min"),
        ("America/New_York", "EST", "2021-03-14 02:00", "15min"),
        ("America/New_York", "Europe/Amsterdam", "2021-03-14 02:00", "15min"),
        ("Asia/Jerusalem", "+02:00", "2021-03-26 02:00", "15min"),
        ("Africa/Cairo", "+02:00", "2024-04-26 00:00", "10min"),
        ("America/Mexico_City", "-06:00", "2021-04-04 02:00", "1h"),
    ],
)
def test_a_clock_that_follows_summer_time_unsaid(record, place, zone, hour, step):
    change = pd.Timestamp(hour)
    span = str(change - pd.Timedelta(days=8)), str(change + pd.Timedelta(days=3))
    _, findings = source(clocked(record, *span, step, place, zone))
    (found,) = [f for f in findings if f.kind == "summer time"]
    assert found.severity == "warning"
    assert f"the hour from {hour} is missing" in found.message
    assert "place of the plant" in found.fix


@pytest.mark.parametrize("step", ["2h", "4h", "24h"])
def test_long_steps_do_not_hide_summer_time(record, step):
    _, findings = source(clocked(record, "2021-03-10", "2021-05-02", step, "Europe/Berlin", "+01:00"))
    (found,) = [f for f in findings if f.kind == "summer time"]
    assert "an hour more passes" in found.message
    assert "2021-03-2" in found.message


@pytest.mark.parametrize("step", ["15min", "6h"])
@pytest.mark.parametrize(
    ("place", "zone"), [("Etc/GMT-1", "+01:00"), ("Europe/Berlin", "Europe/Amsterdam"), ("UTC", "UTC")]
)
def test_clocks_that_do_as_they_say(record, place, zone, step):
    _, findings = source(clocked(record, "2021-03-10", "2021-04-02", step, place, zone))
    assert not [f for f in findings if f.kind == "summer time"]


def test_a_clock_that_goes_back_unsaid(record):
    clocked(record, "2021-10-20", "2021-11-10", "15min", "Europe/Berlin", "+01:00")
    refused(record, "time goes back", "the logger seems to follow summer time, which the zone +01:00 does not")


# --- cells


def test_signs_that_stand_for_no_value(record):
    refused(record.set("NH4", [9], "---"), "column NH4, row 9: the cell '---'", "add missing: ['---'] to the source")
    record.replace("      columns:", "      missing: ['---']\n      columns:")
    assert not source(record)[1]


def test_words_that_stand_for_no_value(record):
    record.set("NH4", [9, 10], "Bad").set("DO", [12], "no data")
    refused(record, "add missing: [no data]", "column NH4, rows 9-10: the cell 'Bad'")
    record.replace("      columns:", "      missing: [bad, No Data, -999]\n      columns:")
    found, findings = source(record)
    assert not findings
    assert np.flatnonzero(np.isnan(found.series[3].values)).tolist() == [7, 8]


@pytest.mark.parametrize(("missing", "words"), [('["-999"]', "write -999 without quotes"), ('[""]', "an empty cell")])
def test_words_that_are_none(record, missing, words):
    refused(record.replace("      columns:", f"      missing: {missing}\n      columns:"), "missing", words)


@pytest.mark.parametrize("digits", [400, 6000])
def test_numbers_of_many_digits(record, digits):
    refused(record.set("NH4", 9, "1" * digits), "column NH4, row 9: the cell")


def test_whole_numbers_beyond_float_in_parquet(record):
    saved(record, "parquet")
    frame = pd.read_parquet(record.file)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    cells = pa.array([str((i + 1) * 10**60) for i in range(96)]).cast(pa.decimal256(76, 0))
    pq.write_table(table.set_column(4, "NH4", cells), record.file)
    found, findings = source(record)
    assert next(s.values for s in found.series if s.header == "NH4")[0] == pytest.approx(1e60)
    assert {finding.kind for finding in findings} == {"impossible value"}


@pytest.mark.parametrize("kind", [pa.duration("s"), pa.bool_(), pa.date32(), pa.list_(pa.int64())])
def test_columns_of_parquet_that_are_no_numbers(record, kind):
    saved(record, "parquet")
    cells = {pa.bool_(): True, pa.date32(): datetime.date(2021, 6, 1), pa.list_(pa.int64()): [1]}.get(kind, 5)
    table = pq.read_table(record.file)
    pq.write_table(table.set_column(4, "NH4", pa.array([cells] * 96, kind)), record.file)
    refused(record, "column NH4, rows 1-96: the cell", "is not a number", "map a column of numbers")


def thousands(sign):
    return [f"{v / 1000:.3f}".replace(".", sign) if v >= 1000 else str(v) for v in 900 + 3 * np.arange(96)]


def test_points_between_thousands_in_some_rows(record):
    record.frame["flow"] = thousands(".")
    refused(record, "column flow, rows 36-97: the cell '1.002' stands beside 949.5", "write 1002")


def test_commas_between_thousands_with_a_decimal_comma(record):
    record.frame = record.frame.astype(str).map(lambda cell: cell.replace(".", ","))
    record.frame["flow"] = thousands(",")
    record.frame.to_csv(record.file, index=False, sep=";")
    record.replace("file: plant.csv", 'file: plant.csv\n      separator: ";"\n      decimal: ","')
    refused(record, "column flow, rows 36-97: the cell '1,002'", "write 1002")


@pytest.mark.parametrize("cells", [["0.980", "1.050", "12"], ["1.050", "2.125", "3"], ["98.5", "1.050", "980"]])
def test_decimals_that_are_no_thousands(record, cells):
    record.frame["NH4"] = cells * 32
    assert values(record, "NH4")[1] == float(cells[1])


@pytest.mark.parametrize("cell", ["9,600", "1,234,567"])
def test_the_advice_for_commas_does_not_make_thousands_decimals(record, cell):
    record.frame["NH4"] = [cell, *["9700"] * 95]
    refused(
        record, f"the cell {cell!r} is not a number", f"if the comma parts thousands, write {cell.replace(',', '')}"
    )


@pytest.mark.parametrize("cell", ["9 600", "9\u00a0600", "9'600", "9,600.5"])
def test_other_signs_between_thousands(record, cell):
    refused(record.set("NH4", 9, cell), "is not a number", "between thousands")


@pytest.mark.parametrize("word", ["NA", "N/A", "NaN", "null", "#N/A", ""])
def test_cells_without_a_value(record, word):
    record.set("NH4", 9, word)
    assert np.isnan(values(record, "NH4")).tolist() == [i == 7 for i in range(96)]


def test_rows_without_a_cell_are_passed_over(record):
    rows = lines(record)
    assert len(times(csv(record, [*rows[:5], "", ",,,,", *rows[5:], ""]))) == 96


def test_numbers_are_read_to_the_last_digit(record):
    record.frame["NH4"] = np.random.default_rng(3).lognormal(size=96)
    assert (values(record, "NH4") == record.frame["NH4"].to_numpy()).all()


def test_an_error_of_excel_is_found_as_a_word_is_in_a_csv(record):
    from xlsxwriter import Workbook

    record.replace("plant.csv", "plant.xlsx")
    with Workbook(record.folder / "plant.xlsx", {"nan_inf_to_errors": True}) as book:
        sheet = book.add_worksheet()
        for column, header in enumerate(record.frame):
            sheet.write_column(0, column, [header, *record.frame[header].tolist()])
        sheet.write_number(8, list(record.frame).index("NH4"), math.inf)
        sheet.write_formula(9, list(record.frame).index("NH4"), "=NA()", None, "#N/A")
    refused(record, "column NH4, row 9: the cell '#DIV/0!' is not a number")
