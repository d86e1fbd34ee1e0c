"""What a user does with a workbook: type into cells, and let LibreOffice work all formulas out anew."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

RECALCULATE = """\
<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load">
<prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop>
</item>
</oor:items>
"""
"""The setting of LibreOffice by which values that a file holds beside its formulas are not believed."""


def sheet_rows(content: bytes, name: str) -> list[list[object]]:
    """Return the rows of a sheet from its first cell on, as values."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python(skip_empty_area=False)


def typed(content: bytes, values: Mapping[str, float | str]) -> bytes:
    """Return a workbook in whose sheet State other values are typed, by name; all else is as it was."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    part = f"xl/worksheets/sheet{book.sheet_names.index('State') + 1}.xml"
    left = dict(values)
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        parts = {item.filename: source.read(item) for item in source.infolist()}
    text = parts[part].decode()
    for i, row in enumerate(sheet_rows(content, "State")):
        if row and row[0] in left:
            value = left.pop(str(row[0]))
            kind = ' t="str"' if isinstance(value, str) else ""
            cell = re.compile(rf'(<c r="D{i + 1}"[^>]*)><v>[^<]*</v>')
            text, count = cell.subn(rf"\g<1>{kind}><v>{value}</v>", text)
            assert count == 1
    assert not left
    parts[part] = text.encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in parts.items():
            target.writestr(name, data)
    return stream.getvalue()


def recalculated(books: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """Return workbooks as LibreOffice saves them, all formulas worked out anew; one start of it for all of them."""
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice (soffice) is not installed, so that no workbook can be worked out anew")
    profile, given, out = (folder / name for name in ("profile", "given", "out"))
    for made in (profile / "user", given, out):
        made.mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(RECALCULATE, encoding="utf-8")
    for name, content in books.items():
        (given / f"{name}.xlsx").write_bytes(content)
    files = [str(given / f"{name}.xlsx") for name in books]
    command = [office, f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*command, "--outdir", str(out), *files], check=True, capture_output=True, timeout=300)
    return {name: (out / f"{name}.xlsx").read_bytes() for name in books}
