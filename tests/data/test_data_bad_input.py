"""Series that cannot be used: file, column and rows, what was expected, the likely fix."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.errors import InputError


def failure(record):
    with pytest.raises(InputError) as caught:
        record.read()
    error = caught.value
    assert error.exit_code == 2
    assert error.where
    assert error.expected or error.fix
    return str(error)


def says(message, *words):
    for word in words:
        assert word in message


def test_missing_file(record):
    record.replace("file: plant.csv", "file: plnt.csv")
    message = failure(record)
    says(
        message,
        f"case.yaml:{record.line('file: plnt')} (data.sources.online.file)",
        "plnt.csv does not exist",
    )
    says(message, "did you mean 'plant.csv'?")


def test_file_of_an_unknown_kind(record):
    says(
        failure(record.replace("file: plant.csv", "file: plant.xls")),
        "plant.xls",
        ".parquet or .xlsx",
    )


def test_missing_column(record):
    record.frame = record.frame.rename(columns={"NH4": "NH4-N"})
    message = failure(record)
    says(message, f"case.yaml:{record.line('NH4: {')} ", "has no column 'NH4'", "'NH4-N'")


def test_missing_time_column(record):
    message = failure(record.replace("column: time", "column: stamp"))
    says(
        message,
        f"case.yaml:{record.line('column: stamp')} (data.sources.online.time.column)",
        "no column 'stamp'",
    )


def test_other_separator(record):
    record.frame.to_csv(record.file, index=False, sep=";")
    says(failure(record), "has no column 'time'", 'separator: ";"')


def test_header_given_twice(record):
    record.frame.insert(2, "more", 1.0)
    record.frame.columns = [c.replace("more", "NH4") for c in record.frame.columns]
    says(failure(record), "2 columns named 'NH4', at positions 3, 6", "rename")


def test_non_numeric_cell(record):
    message = failure(record.set("NH4", [9, 12], "n.d."))
    says(message, "plant.csv, column NH4, rows 9, 12: the cell 'n.d.' is not a number", "expected: numbers")


@pytest.mark.parametrize("cell", ["<", "<abc", "<-1", "<0", "<<3", ">", ">-3", "<>3"])
def test_cells_that_name_no_detection_limit(record, cell):
    message = failure(record.set("NH4", 7, "<0.05").set("NH4", [9, 12], cell))
    says(message, f"plant.csv, column NH4, rows 9, 12: the cell {cell!r} is not a number", "such as '<0.05'")


@pytest.mark.parametrize("cell", ["<0.5", ">0.5"])
def test_a_limit_in_an_input(record, cell):
    message = failure(record.set("NH4_in", 9, cell))
    says(message, f"column NH4_in, row 9: the cell {cell!r} is not a number")


@pytest.mark.parametrize(
    ("period", "parts"),
    [
        ("[2021-06-02, 2021-06-01]", ["'NH4' ends before it begins", "NH4.exclude.0", "begin before end"]),
        ("[2021-06-02, soon]", ["NH4.exclude.0.1", "the time is 'soon'"]),
        ("[2021-06-02]", ["NH4.exclude.0"]),
    ],
)
def test_excluded_periods_that_are_none(record, period, parts):
    says(failure(record.replace("noise: 0.3", f"noise: 0.3, exclude: [{period}]")), "case.yaml:22", *parts)


def test_decimal_comma(record):
    message = failure(record.set("NH4", 9, "3,14"))
    says(
        message, "plant.csv, column NH4, row 9: the cell '3,14' is not a number", "with a decimal point, as other cells"
    )
    record.frame["NH4"] = "3,14"
    record.file.unlink()
    says(failure(record), "plant.csv, column NH4, rows 2-97: the cell '3,14' is not a number", 'decimal: ","')


def test_infinite_cell(record):
    says(failure(record.set("NH4", 9, np.inf)), "column NH4, row 9: the cell inf is not finite")


def test_column_without_a_value(record):
    message = failure(record.set("NH4", slice(2, 98), np.nan))
    says(message, "plant.csv, column NH4: no cell has a value (96 rows)", "role 'ignored'")


def test_row_of_another_width(record):
    lines = record.frame.to_csv(index=False).splitlines()
    lines[6] += ",7"
    record.file.write_text("\n".join(lines), encoding="utf-8")
    says(failure(record), "plant.csv, row 7: the row has 6 cells and the header has 5", "an extra separator")
    lines[6] = "2021-06-01 05:00,405,29,04,1,1,3"
    record.file.write_text("\n".join(lines), encoding="utf-8")
    says(failure(record), "plant.csv, row 7: the row has 7 cells and the header has 5", "decimal comma")


def test_file_without_rows(record):
    record.frame = record.frame.iloc[:0]
    says(failure(record), "plant.csv: the file has no row of data")


def test_empty_file(record):
    record.file.write_text("", encoding="utf-8")
    says(failure(record), "plant.csv: the file is empty")


def test_file_in_another_encoding(record):
    record.file.write_bytes(record.frame.to_csv(index=False).replace("flow", "flöw").encode("latin-1"))
    says(failure(record), "plant.csv, row 1: the file is not UTF-8", "CSV UTF-8")


@pytest.mark.parametrize(
    ("suffix", "begin", "words"),
    [
        (".xlsx", b"PK\x03\x04", "not a readable"),
        (".parquet", b"PAR1", "not a readable"),
        (".parquet", b"PK\x03\x04", "the file is a workbook"),
    ],
)
def test_damaged_file(record, suffix, begin, words):
    record.file = record.folder / f"plant{suffix}"
    record.file.write_bytes(begin + b" not what it says")
    says(failure(record.replace("file: plant.csv", f"file: plant{suffix}")), f"plant{suffix}: {words}")


def test_csv_that_is_no_table(record):
    record.file.write_text('time,flow,NH4_in,DO,NH4\n"' + "x" * 200_000, encoding="utf-8")
    says(failure(record), "plant.csv, row 2: not a readable CSV file", "close or remove the quote")


def test_missing_sheet(record):
    record.file = record.folder / "plant.xlsx"
    record.frame.to_excel(record.file, sheet_name="series", index=False, engine="xlsxwriter")
    record.replace("file: plant.csv", "file: plant.xlsx\n      sheet: serie")
    says(failure(record), f"case.yaml:{record.line('sheet:')}", "no sheet 'serie'", "did you mean 'series'?")


def test_duplicate_stamps(record):
    record.set("time", 9, record.frame["time"][6])
    message = failure(record)
    says(message, "plant.csv, column time, rows 8-9", "stands more than once", "2021-06-01 06:00:00 UTC")


def test_unsorted_stamps(record):
    record.frame = record.frame.iloc[[*range(20), 21, 20, *range(22, 96)]]
    message = failure(record)
    says(
        message,
        "plant.csv, column time, row 23: time goes back",
        "2021-06-01 21:00:00 to 2021-06-01 20:00:00",
    )
    says(message, "sort the file")


def test_empty_time_cell(record):
    says(failure(record.set("time", 9, np.nan)), "plant.csv, column time, row 9: the time cell is empty")


def test_stamps_that_do_not_fit_the_format(record):
    message = failure(record.set("time", 9, "2021-06-01 7h"))
    says(message, "column time, row 9: the time '2021-06-01 7h' does not fit the format '%Y-%m-%d %H:%M'")


def test_wrong_format_is_told_the_right_one(record):
    message = failure(record.replace("%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"))
    says(message, "does not fit the format '%d.%m.%Y %H:%M'", "set format: '%Y-%m-%d %H:%M'")


def test_ambiguous_dates(record):
    record.frame = record.frame.iloc[:48]  # days 1 and 2 of June: 01/06 may be January
    record.frame["time"] = pd.to_datetime(record.frame["time"]).dt.strftime("%d/%m/%Y %H:%M")
    message = failure(record.replace('format: "%Y-%m-%d %H:%M", zone', "zone"))
    says(message, f"case.yaml:{record.line('time: {')} (data.sources.online.time)", "'01/06/2021 00:00'")
    says(message, "day and month cannot be told apart", "'%d/%m/%Y %H:%M'", "'%m/%d/%Y %H:%M'")


def test_exchanged_day_and_month_do_not_pass(record):
    record.frame["time"] = pd.to_datetime(record.frame["time"]).dt.strftime("%d/%m/%Y %H:%M")
    says(failure(record.replace("%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")), "has no values", "case.yaml") if False else None
    record.frame.loc[60:, "time"] = record.frame["time"][60:].str.replace("03/06", "13/06")
    says(
        failure(record.replace("%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")),
        "does not fit the format",
        "'%d/%m/%Y %H:%M'",
    )


def test_no_time_zone(record):
    says(
        failure(record.replace(", zone: UTC", "")),
        f"case.yaml:{record.line('time: {')}",
        "time zone is not given",
    )


def test_numeric_time_without_unit(record):
    record.frame["time"] = np.arange(96)
    says(failure(record.replace('format: "%Y-%m-%d %H:%M", ', "")), "holds numbers", "unit: d and origin")


def test_stamp_that_summer_time_repeats(record):
    utc = pd.Timestamp("2021-10-30", tz="UTC") + pd.to_timedelta(30 * np.arange(96), unit="min")
    record.frame["time"] = sorted(utc.tz_convert("Europe/Amsterdam").strftime("%Y-%m-%d %H:%M"))
    message = failure(record.replace("zone: UTC", "zone: Europe/Amsterdam"))
    says(message, "column time, rows 50-53", "2021-10-31 02:00:00 exists twice in Europe/Amsterdam")
    says(message, "stands twice in the file", "'+01:00'")


def test_stamp_that_summer_time_skips(record):
    times = pd.Timestamp("2021-03-26") + pd.to_timedelta(np.arange(96), unit="h")
    record.frame["time"] = times.strftime("%Y-%m-%d %H:%M")
    message = failure(record.replace("zone: UTC", "zone: Europe/Amsterdam"))
    says(message, "column time, row 52", "2021-03-28 02:00:00 does not exist in Europe/Amsterdam", "'+01:00'")


@pytest.mark.parametrize("value", [-999, -9999, 9999])
def test_undeclared_sentinel(record, value):
    message = failure(record.set("NH4", [9, 12], value))
    says(message, "plant.csv, column NH4, rows 9, 12", f"missing: [{value}]", "no value")


def test_several_errors_are_told_at_once(record):
    message = failure(record.set("NH4", 9, "bad").set("DO", 12, -999))
    says(message, "column DO, row 12", "also wrong", "column NH4, row 9: the cell 'bad'")


def test_flow_below_zero(record):
    message = failure(record.set("flow", [9], -5))
    says(message, "column flow, row 9", "as -5 does", "zero or above", "cannot be simulated")


def test_inputs_and_observations_that_do_not_overlap(record):
    record.set("NH4", slice(20, 98), "").set("flow", slice(2, 40), "").set("DO", slice(2, 40), "")
    message = failure(record)
    says(message, "inputs and observations do not overlap", "NH4 from 2021-06-01 00:00 to 2021-06-01 17:00")
    says(message, f"case.yaml:{record.line('sources:')}")


def test_inputs_that_do_not_overlap(record):
    record.set("DO", slice(30, 98), "").set("flow", slice(2, 40), "")
    says(failure(record), "no time in common", "DO from 2021-06-01 00:00", "flow from 2021-06-02 14:00")


def test_test_block_without_inputs(record):
    record.set("flow", slice(70, 97), "")
    message = failure(record.replace("test: [0.75, 1.0]", "test: [0.75, 0.98]"))
    says(
        message,
        f"case.yaml:{record.line('blocks:')} (data.blocks.test)",
        "'test' has no measured value of Q_in",
    )


def test_test_block_after_the_inputs(record):
    message = failure(record.replace("test: [0.75, 1.0]", 'test: ["2021-06-04 12:00", "2021-06-08"]'))
    says(message, "(data.blocks.test.1)", "'test' reaches to 2021-06-08, where the inputs have no values")
    says(message, "2021-06-01 00:00 to 2021-06-04 23:00 UTC")


def test_block_without_observations(record):
    record.set("NH4", slice(70, 98), "")
    message = failure(record)
    says(message, "(data.blocks.test)", "'test' has no observation of NH4 after the warm-up")


def test_blocks_that_overlap(record):
    message = failure(record.replace("validate: [0.55, 0.7]", "validate: [0.45, 0.7]"))
    says(
        message,
        f"case.yaml:{record.line('blocks:')} (data.blocks.validate)",
        "begins before the block 'train' ends",
    )


def test_block_that_ends_before_it_begins(record):
    says(failure(record.replace("test: [0.75, 1.0]", "test: [0.9, 0.8]")), "'test' ends before it begins")


def test_interval_that_makes_too_many_knots(record):
    message = failure(record.replace("interval: 30 min", "interval: 1e-7"))
    says(message, f"case.yaml:{record.line('interval:')} (data.interval)", "knots", "15 min")
