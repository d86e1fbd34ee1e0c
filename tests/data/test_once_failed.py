"""What `benchmarks/reliability/mutants.py` once found to be a fault of the program, kept as it was found."""

import warnings
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from asm_hybrid.api import propose_data
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.series import read_sources


def values(record):
    """Return the values of the first column, as the program reads them."""
    config = load_config(record.folder / "case.yaml")
    table = load_kinetics(config)
    sources, _ = read_sources(config, table, build_layout(config, table))
    return sources[0].series[0].raw


def workbook(record, sheets):
    """Write a workbook; of every sheet its name, what the values are multiplied by, and how it is hidden."""
    record.file = record.folder / "plant.xlsx"
    record.text = record.text.replace("plant.csv", record.file.name)
    record.write()
    names, frame = list(record.frame.columns), record.frame
    with xlsxwriter.Workbook(record.file) as book:
        for name, factor, hidden in sheets:
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, names)
            for r, row in enumerate(frame.itertuples(index=False), start=1):
                sheet.write_row(r, 0, [row[0], *(factor * float(v) for v in row[1:])])
            if hidden:
                getattr(sheet, hidden)()
            else:
                sheet.activate()
                sheet.set_first_sheet()


@pytest.mark.parametrize("hidden", ["hide", "very_hidden"])
def test_a_hidden_sheet_before_the_one_that_is_seen(record, hidden):
    workbook(record, [("old", 1.5, hidden), ("data", 1.0, "")])
    np.testing.assert_allclose(values(record), record.frame.iloc[:, 1].astype(float))


def test_a_hidden_sheet_that_is_named(record):
    workbook(record, [("old", 1.5, "hide"), ("data", 1.0, "")])
    record.replace("file: plant.xlsx", "file: plant.xlsx\n      sheet: old").write()
    np.testing.assert_allclose(values(record), 1.5 * record.frame.iloc[:, 1].astype(float))


@pytest.mark.parametrize("bits", [0x7FF0000000000001, 0xFFF7FFFFFFFFFFFF, 0x7FF8000000000001])
def test_not_a_number_of_any_bits(record, bits):
    """A signalling one made numpy warn of an invalid value, in the middle of the messages."""
    record.file = record.folder / "plant.parquet"
    record.text = record.text.replace("plant.csv", record.file.name)
    record.write()
    header = record.frame.columns[1]
    numbers = record.frame[header].astype(float).to_numpy(copy=True)
    numbers.view(np.uint64)[3] = bits
    table = pa.Table.from_pandas(record.frame, preserve_index=False)
    pq.write_table(table.set_column(1, header, pa.array(numbers, from_pandas=False)), record.file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = values(record)
    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


def test_data_check_of_a_stamp_at_the_end_of_all_calendars(record):
    """Nanoseconds end in 2262; a date cell of Excel may be of 9999."""
    file = record.folder / "plant.xlsx"
    with xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["time", "NH4 [mg/l]"])
        for row in range(40):
            sheet.write_datetime(row + 1, 0, datetime(9999 if row == 20 else 2024, 5, 1 + row // 24, row % 24))
            sheet.write_number(row + 1, 1, 3 + row % 7)
    assert "9999" in propose_data([file]).text
