"""Files that are no table of series, or hardly one: what is said of them, and how long it takes."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
import xlsxwriter
from export_files import workbook

import asm_hybrid as ah
from asm_hybrid.proposal import grid, table

HOURS = pd.date_range("2023-02-20", periods=48, freq="h")


def lines(header, *columns):
    rows = [",".join(map(str, row)) for row in zip(HOURS, *columns, strict=True)]
    return "\n".join([header, *rows, ""])


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("blank.csv", b"\n \n\n", "the file is empty"),
        ("page.xls", b"<html><table><tr><td>1</td></tr></table></html>", "a page of HTML"),
        ("page.xlsx", b"<html><table><tr><td>1</td></tr></table></html>", "a page of HTML"),
        ("old.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel 97 to 2003"),
        (
            "locked.xlsx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "locked by a password",
        ),
        ("book.csv", b"PK\x03\x04" + bytes(100), "a workbook or another zip archive"),
        ("table.csv", b"PAR1" + bytes(100), "a Parquet file"),
        ("report.csv", b"%PDF-1.7\n1 0 obj", "a PDF document"),
        ("image.csv", bytes(range(1, 256)) * 20, "is no text"),
        ("letter.csv", "Dear colleague,\nthe pump runs again.\n", "no row looks like a sample"),
        ("header.csv", "time,NH4 (mg/L)\n", "no row looks like a sample"),
        ("headless.csv", "2023-02-20 00:00,1.5\n2023-02-20 01:00,1.6\n", "no row of names"),
        ("units.csv", "[d],[mg/L]\n2023-02-20 00:00,1.5\n2023-02-20 01:00,1.6\n", "units, and no names"),
        ("timeless.csv", "a,b\n" + "1.5,2\n" * 20, "no column tells the time"),
        ("notes.docx", b"PK\x03\x04" + bytes(100), "of a kind that is not read"),
        ("missing.csv", None, "does not exist"),
        ("broken.xlsx", b"PK\x03\x04" + bytes(100), "not a readable Excel file"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, name, content, words):
    path = tmp_path / name if content is None else written(tmp_path, name, content)
    with pytest.raises(ah.InputError, match=words) as caught:
        ah.propose_data(path)
    assert caught.value.fix


def test_a_zip_that_is_no_workbook(tmp_path):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    with pytest.raises(ah.InputError, match="not a readable Excel file"):
        ah.propose_data(written(tmp_path, "letter.xlsx", raw.getvalue()))


def test_one_row_is_a_table(tmp_path):
    found = ah.propose_data(written(tmp_path, "one.csv", "time,Influent flow (m3/h)\n2023-02-20 00:00,300\n"))
    assert found.config()["data"]["sources"]["one"]["columns"]["Influent flow (m3/h)"]["as"] == "Q_in"


def test_equal_names_are_told_and_never_used(tmp_path):
    path = written(tmp_path, "twice.csv", lines("time,Influent flow (m3/h),DO,DO", range(48), range(48), range(48)))
    found = ah.propose_data(path, "bsm1")
    assert [c.reason for c in found.tables[0].columns[1:]] == ["2 columns have this name: rename them in the file"] * 2


@pytest.mark.slow
def test_ten_thousand_columns(tmp_path):
    header = ",".join(["time", *(f"tag_{i}" for i in range(10_000))])
    rows = [f"{stamp}," + ",".join(["1.5"] * 10_000) for stamp in HOURS[:12]]
    found = ah.propose_data(written(tmp_path, "wide.csv", "\n".join([header, *rows, ""])))
    assert len(found.tables[0].columns) == 10_000


def test_more_columns_than_a_file_may_have(tmp_path):
    header = ",".join(["time", *(f"tag_{i}" for i in range(20_000))])
    row = f"{HOURS[0]}," + ",".join(["1.5"] * 20_000)
    with pytest.raises(ah.InputError, match="20001 columns"):
        ah.propose_data(written(tmp_path, "wider.csv", "\n".join([header, row, row, ""])))


def test_formulas_in_a_csv_are_told(tmp_path):
    cells = ["=A1+B1" if k == 5 else k for k in range(48)]
    found = ah.propose_data(written(tmp_path, "formulas.csv", lines("time,Influent flow (m3/h)", cells)))
    (column,) = found.tables[0].columns
    assert not column.target
    assert "'=A1+B1'" in column.reason


def test_formulas_of_excel_count_with_their_results_and_errors_are_no_values(tmp_path):
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet, dates = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(0, 0, ["time", "Influent flow (m3/h)"])
        for k, stamp in enumerate(HOURS, start=1):
            sheet.write_datetime(k, 0, stamp.to_pydatetime(), dates)
            sheet.write_formula(k, 1, "=1+1" if k != 7 else "=1/0", None, 300 + k if k != 7 else "#DIV/0!")
    found = ah.propose_data(path, zone="UTC")
    section = found.config()["data"]["sources"]["book"]
    assert section["missing"] == ["#DIV/0!"]
    assert found.tables[0].columns[0].span == "301 … 348"


def test_dates_that_excel_read_in_part_are_asked_about(tmp_path):
    rows = [["time", "Influent flow (m3/h)"]]
    for k in range(60):
        day = pd.Timestamp("2023-02-01") + pd.Timedelta(days=k)
        rows.append([day if day.day <= 12 else f"{day:%d/%m/%Y}", 300.0 + k])
    found = ah.propose_data(workbook(tmp_path / "mixed.xlsx", {"S": rows}), zone="UTC")
    assert "some are text" in found.questions[0].text


def test_a_large_file_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(grid, "LARGE", 100_000)
    monkeypatch.setattr(grid, "HEAD_BYTES", 20_000)
    monkeypatch.setattr(grid, "PIECE", 2_000)
    monkeypatch.setattr(table, "MAX_BYTES", 500_000)
    times = pd.date_range("2023-02-20", periods=20_000, freq="min")
    values = [("-9999" if k in (19_990, 19_991) else f"{300 + 50 * np.sin(k / 200):.2f}") for k in range(len(times))]
    text = "\n".join(["time,Influent flow (m3/h)", *(f"{t},{v}" for t, v in zip(times, values, strict=True)), ""])
    path = written(tmp_path, "large.csv", text)
    found = ah.propose_data(path, zone="UTC")
    (one,) = found.tables
    assert one.rows < 2_000
    assert one.missing == [-9999.0]
    assert "pieces of it" in one.notes[0]
    assert [q.text for q in found.questions] == ["a source holds at most 0 MB: split the file, or save it as Parquet"]
    assert found.config()["data"]["sources"]["large"]["time"]["format"] == "%Y-%m-%d %H:%M:%S"


def test_a_huge_file_that_is_damaged_is_refused_at_once(tmp_path):
    path = tmp_path / "huge.csv"
    head = lines("time,Influent flow (m3/h)", range(48)).encode()
    with path.open("wb") as stream:
        stream.write(head)
        stream.truncate(2_000_000_000)  # a sparse file: the rest are zeros
    with pytest.raises(ah.InputError, match="NUL"):
        ah.propose_data(path)


@pytest.mark.parametrize("offset", ["+02", "+02:00", "Z"])
def test_offsets_on_some_stamps_alone_are_asked_about(tmp_path, offset):
    stamps = [f"{time:%Y-%m-%dT%H:%M}" for time in HOURS]
    stamps[7] += offset
    text = "\n".join(["time,NH4 (mg/L)", *(f"{stamp},{1 + k / 10}" for k, stamp in enumerate(stamps)), ""])
    proposal = ah.propose_data(written(tmp_path, "mixed.csv", text))
    assert any("carry an offset from UTC" in question.text for question in proposal.questions)
