"""Files and data sections changed at random: each is read, or refused by one message."""

import io
import random
import zipfile

import pytest

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import InputError

NASTY = [
    *("", " ", "NaN", "inf", "-inf", "1e400", "1" * 400, "1" * 5000, "0x10", "1_000", "９", "1.050", "9,600", "true"),
    *(
        "=1+1",
        "<",
        ">",
        "<0.1",
        "Bad",
        "\x00",
        "\x07",
        "\ufeff",
        "\u2028",
        "é",
        "e\u0301",
        '"',
        '""',
        "'",
        ";",
        "\t",
        "|",
    ),
    *("9999-12-31 00:00", "0000-00-00", "31.05.2021 24:00", "2021-06-01 24:00", "2021-06-01 00:00+02", "1622505600000"),
    *("2021-06-31 00:00", "2021-06-01T00:00Z", "-", "--", "\r", "\n", "\n\n", ",", ",,,,,", "NH4", "time", "[]", "{}"),
]
SETTINGS = [
    *("zone: CET", "zone: Etc/GMT+1", "zone: '+99:00'", "zone: Europe/Amsterdam", "zone: 5", "format: ISO8601"),
    *('format: "%H:%M"', 'format: "%Y%Y"', 'format: "%"', 'format: "%Q"', 'format: "%Y-%m-%d %H:%M%z"', "unit: ms"),
    *(
        "origin: '9999-12-31'",
        "origin: soon",
        "column: [time, flow]",
        "column: [time]",
        "column: {a: b}",
        "separator: ';'",
    ),
    *("decimal: ','", "missing: [Bad, -999]", "missing: [[1]]", "missing: bad", "header_row: 3", "header_row: 0"),
    *("first_row: 2", "first_row: 900", "sheet: none", "file: .", "file: ~nobody/x.csv", "file: 3", "unit: nan m3"),
    *("unit: ''", "noise: 1e-300", "range: [5, 1]", "exclude: [[2021-06-01, 2021-06-02]]", "exclude: 5"),
]


def write(record, kind):
    """Write config and file, and return the bytes of the file."""
    record.frame = record.frame.iloc[:40]
    record.file = record.folder / f"plant.{kind}"
    record.text = record.text.replace("plant.csv", record.file.name)
    if kind == "xlsx":
        record.frame.to_excel(record.file, index=False, engine="xlsxwriter")
    elif kind == "parquet":
        record.frame.to_parquet(record.file, index=False)
    else:
        record.frame.to_csv(record.file, index=False)
    record.write()
    return record.file.read_bytes()


def read(record):
    """Return whether the files are read, and not refused."""
    try:
        config = load_config(record.folder / "case.yaml")
        table = load_kinetics(config)
        read_sources(config, table, build_layout(config, table))
    except InputError:
        return False
    return True


def flipped(raw, draw):
    """Return bytes of which a few are changed, removed, doubled or cut off."""
    out = bytearray(raw)
    for _ in range(draw.choice([1, 1, 2, 5])):
        at = draw.randrange(len(out))
        match draw.randrange(6):
            case 0:
                out[at] ^= 1 << draw.randrange(8)
            case 1:
                out[at] = draw.randrange(256)
            case 2:
                del out[at : at + draw.choice([1, 4, 50])]
            case 3:
                out[at:at] = out[at : at + draw.choice([1, 4, 50])]
            case 4:
                out[at:at] = draw.choice(NASTY).encode()
            case 5:
                del out[draw.randrange(len(out) // 2, len(out)) :]
        if len(out) < 4:
            break
    return bytes(out)


def changed_cells(raw, draw):
    """Return a CSV file of which cells, rows or the header are changed."""
    rows = [line.split(",") for line in raw.decode().splitlines()]
    for _ in range(draw.choice([1, 2, 4])):
        at = draw.choice([0, 1, draw.randrange(len(rows))])
        match draw.randrange(5):
            case 0 | 1:
                rows[at][draw.randrange(len(rows[at]))] = draw.choice(NASTY)
            case 2:
                rows.insert(at, [draw.choice(NASTY) for _ in range(draw.randrange(8))] or [""])
            case 3:
                del rows[at]
            case 4:
                rows[at] = rows[at] * 2
    return "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")


def changed_parts(raw, draw):
    """Return a workbook of which one part is changed, packed anew with right checksums."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice([n for n in parts if n.startswith("xl/")])
    if "sheet1" in name and draw.random() < 0.5:
        cell = draw.choice(["XFD1048576", "ZZZZZ5", "A99999999999", "A0", "", "C3", "AA200", "$A$1"])
        parts[name] = parts[name].replace(b'r="B3"', f'r="{cell}"'.encode())
    elif draw.random() < 0.1:
        del parts[name]
    else:
        parts[name] = flipped(parts[name], draw)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return out.getvalue()


def changed_section(text, draw):
    """Return a config with a setting of the data section replaced, added or damaged."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith("data:"))
    at = draw.randrange(begin + 1, len(lines))
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    match draw.randrange(4):
        case 0:
            lines.insert(at, indent + draw.choice(SETTINGS))
        case 1:
            lines[at] = lines[at].replace("}", ", " + draw.choice(SETTINGS) + "}")
        case 2:
            place = draw.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:place] + draw.choice(NASTY) + lines[at][place + draw.randrange(4) :]
        case 3:
            lines[at] = indent + draw.choice(SETTINGS)
    return "\n".join(lines)


CHANGES = [
    pytest.param("csv", flipped, id="bytes of CSV"),
    pytest.param("csv", changed_cells, id="cells of CSV"),
    pytest.param("xlsx", flipped, id="bytes of Excel"),
    pytest.param("xlsx", changed_parts, id="parts of Excel"),
    pytest.param("parquet", flipped, id="bytes of Parquet"),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_changed_files(record, kind, change):
    raw, draw, taken = write(record, kind), random.Random(7), []
    for _ in range(60):
        record.file.write_bytes(change(raw, draw))
        taken.append(read(record))
    assert not all(taken)


def test_changed_data_sections(record):
    write(record, "csv")
    draw, taken = random.Random(7), []
    for _ in range(60):
        text = changed_section(record.text, draw).encode("utf-8", "replace")
        (record.folder / "case.yaml").write_bytes(text)
        taken.append(read(record))
    assert any(taken)
    assert not all(taken)
