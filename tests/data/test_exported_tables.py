"""What exports hold beside names and samples: groups, thousands, a mean at the end, hours that stand twice."""

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

from asm_hybrid.config import build_layout, load_kinetics
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import InputError

ROWS = [
    ["", "Influent", "", "Tank 2", ""],
    ["time", "flow", "NH4_in", "DO", "NH4"],
    ["", "m3/h", "mg/L", "mg/L", "mg/L"],
]
KEYS = {"flow": "Influent flow", "NH4_in": "Influent NH4_in", "DO": "Tank 2 DO", "NH4": "Tank 2 NH4"}


def read(record):
    config = record.config()
    table = load_kinetics(config)
    (found,), _ = read_sources(config, table, build_layout(config, table))
    return found


def values(record, header):
    return next(s.values for s in read(record).series if s.header == header)


def grouped_config(record):
    for old, new in KEYS.items():
        record.replace(f"        {old}: {{", f"        {new}: {{")
    options = "      group_row: 1\n      header_row: 2\n      first_row: 4\n      last_row: 99\n"
    record.text = record.text.replace("      time:", f"{options}      time:")


def test_groups_above_the_header_belong_to_the_names_of_a_csv(record):
    body = record.frame.astype(str).to_numpy().tolist()
    grouped_config(record)
    record.file.write_text("\n".join(map(",".join, [*ROWS, *body, ["mean", "450", "30", "1", "3"]])))
    assert values(record, "Tank 2 NH4") == pytest.approx(record.frame.NH4)


def test_groups_above_the_header_belong_to_the_names_of_a_workbook(record):
    record.file = record.folder / "plant.xlsx"
    record.replace("plant.csv", "plant.xlsx")
    grouped_config(record)
    with xlsxwriter.Workbook(str(record.file)) as book:
        sheet = book.add_worksheet()
        for i, row in enumerate([*ROWS, *record.frame.to_numpy().tolist(), ["mean", 450, 30, 1, 3]]):
            sheet.write_row(i, 0, row)
    assert values(record, "Tank 2 NH4") == pytest.approx(record.frame.NH4)


def test_rows_that_are_not_in_order_are_refused(record):
    record.replace("      time:", "      group_row: 1\n      time:")
    with pytest.raises(InputError, match="the groups stand in row 1, the header in row 1"):
        record.read()


def test_a_last_row_above_the_first_is_refused(record):
    record.replace("      time:", "      first_row: 5\n      last_row: 4\n      time:")
    with pytest.raises(InputError, match="the last sample stands in row 4, the first in row 5"):
        record.read()


@pytest.mark.parametrize(("decimal", "sign"), [(",", "."), (".", ","), (".", "'"), (",", " "), (",", "\u202f")])
def test_signs_between_thousands(record, decimal, sign):
    def shown(value):
        return f"{value:,.1f}".replace(",", "\0").replace(".", decimal).replace("\0", sign)

    record.frame["flow"] = [shown(400 + 20 * k) for k in range(96)]
    for name in ("NH4_in", "DO", "NH4"):
        record.frame[name] = record.frame[name].map(lambda v: f"{v:.3f}".replace(".", decimal))
    record.frame.to_csv(record.file, index=False, sep=";")
    plain = " " if sign.isspace() else sign
    record.replace(
        "      time:", f'      separator: ";"\n      decimal: "{decimal}"\n      thousands: "{plain}"\n      time:'
    )
    assert values(record, "flow") / 24 == pytest.approx(400 + 20 * np.arange(96))


def test_a_sign_that_parts_no_thousands_is_no_number(record):
    record.frame["flow"] = [f"{400 + k}.5" for k in range(96)]
    for name in ("NH4_in", "DO", "NH4"):
        record.frame[name] = 2
    record.frame.to_csv(record.file, index=False, sep=";")
    record.replace("      time:", '      separator: ";"\n      decimal: ","\n      thousands: "."\n      time:')
    report = record.check()
    assert [f.kind for f in report.findings if f.severity == "error"] == ["non-numeric cell"]


def test_one_sign_for_decimals_and_thousands_is_refused(record):
    record.replace("      time:", '      thousands: "."\n      time:')
    with pytest.raises(InputError, match="both decimal and between thousands"):
        record.read()


def local_hours(record, begin):
    times = pd.date_range(begin, periods=96, freq="h", tz="Europe/Amsterdam")
    record.frame["time"] = times.strftime("%Y-%m-%d %H:%M")
    record.replace("zone: UTC", "zone: Europe/Amsterdam")
    return times


def test_an_hour_that_stands_twice_is_told_apart_by_its_order(record):
    times = local_hours(record, "2023-10-28")
    assert read(record).times.equals(times.tz_convert("UTC").as_unit("ns"))


@pytest.mark.parametrize("dropped", [26, 27])
def test_an_hour_that_exists_twice_and_stands_once_is_refused(record, dropped):
    local_hours(record, "2023-10-28")
    record.frame = record.frame.drop(index=dropped)
    with pytest.raises(InputError, match="exists twice in Europe/Amsterdam"):
        record.read()


def test_the_newest_row_may_come_first(record):
    begin = pd.Timestamp(record.frame.time.iloc[0], tz="UTC")
    record.frame = record.frame[::-1].reset_index(drop=True)
    found = read(record)
    assert found.times[0] == begin
    assert next(s.values for s in found.series if s.header == "NH4") == pytest.approx(record.frame.NH4[::-1])
    record.set("NH4", 5, "x")
    record.file.unlink()
    (error,) = (f for f in record.check().findings if f.severity == "error")
    assert error.rows == "row 5"


def test_a_chinese_file(record):
    record.replace("NH4: {", "氨氮: {")
    record.replace("      time:", "      encoding: gb18030\n      time:")
    record.frame.rename(columns={"NH4": "氨氮"}).to_csv(record.file, index=False, encoding="gb18030")
    assert values(record, "氨氮") == pytest.approx(record.frame.NH4)


def test_tabs_in_a_file_of_text(record):
    record.file = record.folder / "plant.txt"
    record.replace("plant.csv", "plant.txt")
    record.replace("      time:", '      separator: "\\t"\n      time:')
    record.frame.to_csv(record.file, index=False, sep="\t")
    assert values(record, "NH4") == pytest.approx(record.frame.NH4)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html></html>", "a page of HTML"),
        (b"PK\x03\x04" + bytes(100), "a workbook or another zip archive"),
    ],
)
def test_what_is_no_csv_is_told_by_its_kind(record, content, words):
    record.file.write_bytes(content)
    with pytest.raises(InputError, match=words):
        record.read()
