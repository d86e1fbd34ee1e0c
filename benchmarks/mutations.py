"""Mutants of the files that the program reads: series as CSV, XLSX and Parquet, YAML, and run folders.

Each states what it expects of the program. ``seen``: a refusal, or a finding that the unchanged file does not have;
``same``: the same data to the bit, or a refusal; ``any``: nothing but that no exception and no hang comes of it.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml

CONFIG = """\
name: mutated
device: cpu
model: {kinetics: asm1, mode: hybrid, calibrate: [mu_A, eta_g]}
plant:
  temperature: 18 degC
  tanks: {anoxic: {volume: 1000}, aerobic: {volume: 2000}}
  influent:
    to: anoxic
    composition: {S_I: 30, S_S: 70, X_I: 40, X_S: 180, X_BH: 25, X_BA: 0, X_P: 0, S_O: 0, S_NO: 0, S_ND: 6, X_ND: 9,
      S_ALK: 7, S_N2: 0}
  recycles: {internal: {from: aerobic, to: anoxic, flow: 12000}}
  return_sludge: {to: anoxic, flow: 4000}
  wastage: {flow: 90}
  settler: {type: ideal, non_settleable: 0.002}
data:
  interval: 1 h
  sources:
    online:
      file: plant.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        flow: {role: input, as: Q_in, unit: m3/d}
        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}
        DO: {role: imposed, as: aerobic.S_O, unit: mg/L}
        NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.2}
        NO3: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 0.2}
  blocks: {train: [0.0, 0.55], validate: [0.6, 0.75], test: [0.8, 1.0]}
network: {hidden: [4], inputs: [S_NH, S_O]}
training: {seeds: [1, 2], warmup: 6 h, step: 30 min, window: 6 h, iterations: 4, validate_every: 2,
  calibration_evaluations: 3}
"""

VARIANT = """\
name: mutated
extends: asm1
parameters:
  K_NH: {default: 0.8}
  K_ALK: {default: 0.5, unit: mol/m3, bounds: [0.01, 2.0], source: own work}
processes:
  aerobic_growth_autotrophs:
    rate: mu_A * monod(S_NH, K_NH) * monod(S_O, K_OA) * monod(S_ALK, K_ALK) * X_BA
"""

Expectation = Literal["any", "seen", "same"]
Grid = list[list[str]]
Random = np.random.Generator


# ---- mutants of a grid of cells: CSV, XLSX and Parquet alike


def plant_grid() -> Grid:
    """Return header and rows of ten days of a plant, one row an hour."""
    rng = np.random.default_rng(5)
    t = np.arange(24 * 10 + 1) / 24
    wave = np.cos(2 * np.pi * t)
    columns = {
        "time": pd.date_range("2024-05-04", periods=len(t), freq="1h").strftime("%Y-%m-%d %H:%M"),
        "flow": np.char.mod("%.1f", 5000 * (1 - 0.3 * wave) + 50 * rng.normal(size=len(t))),
        "NH4_in": np.char.mod("%.2f", 30 * (1 - 0.3 * wave) + rng.normal(size=len(t))),
        "DO": np.char.mod("%.3f", 1.5 + 0.4 * wave + 0.05 * rng.normal(size=len(t))),
        "NH4": np.char.mod("%.3f", 4 + 2 * wave + 0.2 * rng.normal(size=len(t))),
        "NO3": np.char.mod("%.3f", 8 - 2 * wave + 0.2 * rng.normal(size=len(t))),
    }
    return [list(columns), *[[str(v) for v in row] for row in zip(*columns.values(), strict=True)]]


def _row(rng: Random, grid: Grid) -> int:
    return int(rng.integers(1, len(grid)))


def _column(rng: Random, grid: Grid) -> int:
    return int(rng.integers(1, len(grid[0])))


def cell_of_words(rng: Random, grid: Grid) -> None:
    """Make a cell that holds words."""
    words = ["abc", "#REF!", "Bad", "n/a?", "12..3", "--", "0x1F", "1e", "12 mg", "=1+1", "true"]
    grid[_row(rng, grid)][_column(rng, grid)] = str(rng.choice(words))


def cell_of_a_limit(rng: Random, grid: Grid) -> None:
    """Make cells at the limit of a type, or a marker of overflow."""
    value = str(rng.choice(["65535", "32767", "3.4028235e38", "1e300", "2147483647", "1e20", "-9999", "-999", "9e99"]))
    at = _column(rng, grid)
    for _ in range(int(rng.integers(1, 4))):
        grid[_row(rng, grid)][at] = value


def cell_not_finite(rng: Random, grid: Grid) -> None:
    """Make a cell that is infinite, or a number of 400 digits."""
    grid[_row(rng, grid)][_column(rng, grid)] = str(rng.choice(["inf", "-inf", "1e999", "9" * 400]))


def cell_negative(rng: Random, grid: Grid) -> None:
    """Make a value below zero, far enough to be no noise of a sensor."""
    at = _column(rng, grid)
    for _ in range(3):
        row = _row(rng, grid)
        grid[row][at] = "-" + grid[row][at].lstrip("-")


def rows_times_thousand(rng: Random, grid: Grid) -> None:
    """Make some rows of a column in a unit a thousand times smaller."""
    at, row = _column(rng, grid), int(rng.integers(1, len(grid) - 3))
    for k in range(row, row + 3):
        grid[k][at] = f"{1000 * float(grid[k][at]):.6g}"


def row_twice(rng: Random, grid: Grid) -> None:
    """Make a row that stands twice with another value."""
    row = _row(rng, grid)
    copy = [grid[row][0], *[f"{1.3 * float(v):.4g}" for v in grid[row][1:]]]
    grid.insert(row, copy)


def stamps_swapped(rng: Random, grid: Grid) -> None:
    """Make two rows in the wrong order."""
    row = int(rng.integers(1, len(grid) - 5))
    other = row + int(rng.integers(1, 5))
    grid[row][0], grid[other][0] = grid[other][0], grid[row][0]


def stamp_far_away(rng: Random, grid: Grid) -> None:
    """Make a stamp of another century."""
    row = _row(rng, grid)
    grid[row][0] = str(rng.choice(["1970", "1899", "2204", "9999", "0001"])) + grid[row][0][4:]


def stamp_unreadable(rng: Random, grid: Grid) -> None:
    """Make a stamp in another form, or one that no calendar holds."""
    forms = ["05/06/2024 10:00", "2024-02-30 10:00", "2024-05-08", "", "45419.5", "2024-05-08T10:00:00+02", "yesterday"]
    grid[_row(rng, grid)][0] = str(rng.choice(forms))


def column_stuck(rng: Random, grid: Grid) -> None:
    """Make a sensor that repeats one value for four days."""
    at, row = _column(rng, grid), int(rng.integers(1, len(grid) - 100))
    for k in range(row, row + 96):
        grid[k][at] = grid[row][at]


def header_renamed(rng: Random, grid: Grid) -> None:
    """Make a header that has another name."""
    at = int(rng.integers(0, len(grid[0])))
    grid[0][at] = str(rng.choice([grid[0][at] + "_1", grid[0][at][:-1], "", grid[0][at].swapcase() + "x"]))


def header_twice(rng: Random, grid: Grid) -> None:
    """Make two columns of one name."""
    at = _column(rng, grid)
    for k, row in enumerate(grid):
        row.append(row[at] if k == 0 else "1.0")


def column_lost(rng: Random, grid: Grid) -> None:
    """Make a column that is missing."""
    at = int(rng.integers(0, len(grid[0])))
    for row in grid:
        del row[at]


def column_empty(rng: Random, grid: Grid) -> None:
    """Make a column without a value."""
    at = _column(rng, grid)
    for row in grid[1:]:
        row[at] = ""


def rows_lost(rng: Random, grid: Grid) -> None:
    """Leave nearly no row."""
    del grid[int(rng.integers(1, 8)) :]


def column_unused(rng: Random, grid: Grid) -> None:
    """Make a further column that the config does not name."""
    for k, row in enumerate(grid):
        row.append("remark" if k == 0 else str(rng.choice(["", "ok", "=1+1", "1,5"])))


def header_with_spaces(rng: Random, grid: Grid) -> None:
    """Make spaces around a header, one of them not breaking."""
    at = _column(rng, grid)
    grid[0][at] = " " + grid[0][at] + str(rng.choice([" ", "\N{NO-BREAK SPACE}", "  "]))


GRID_MUTANTS: tuple[tuple[Callable[[Random, Grid], None], Expectation], ...] = (
    (cell_of_words, "seen"),
    (cell_of_a_limit, "seen"),
    (cell_not_finite, "seen"),
    (cell_negative, "seen"),
    (rows_times_thousand, "seen"),
    (row_twice, "seen"),
    (stamps_swapped, "seen"),
    (stamp_far_away, "seen"),
    (stamp_unreadable, "seen"),
    (column_stuck, "seen"),
    (header_renamed, "seen"),
    (header_twice, "seen"),
    (column_lost, "seen"),
    (column_empty, "seen"),
    (rows_lost, "seen"),
    (column_unused, "same"),
    (header_with_spaces, "same"),
)


# ---- the same grid as files, and mutants of text and bytes


def as_csv(grid: Grid) -> bytes:
    """Return a grid as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(grid)
    return text.getvalue().encode()


def _typed(cell: str) -> float | str | None:
    if not cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return cell


def as_parquet(grid: Grid) -> bytes:
    """Return a grid as Parquet, a column of text where one of its cells is text."""
    columns: list[pd.Series[Any]] = []
    for at, name in enumerate(grid[0]):
        cells = [_typed(row[at]) if at else row[at] for row in grid[1:]]
        texts = any(isinstance(cell, str) for cell in cells)
        columns.append(pd.Series([row[at] for row in grid[1:]] if texts else cells, name=name))
    frame = pd.concat(columns, axis=1)
    file = io.BytesIO()
    if frame.columns.duplicated().any():  # pandas writes none of these; other programs do
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        arrays = [pyarrow.array(frame.iloc[:, k].tolist()) for k in range(frame.shape[1])]
        pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(frame.columns)), file)
    else:
        frame.to_parquet(file, index=False)
    return file.getvalue()


def as_xlsx(grid: Grid) -> bytes:
    """Return a grid as a workbook."""
    import xlsxwriter

    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "nan_inf_to_errors": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    for r, row in enumerate(grid):
        for c, cell in enumerate(row):
            value = _typed(cell) if r and c else cell
            if isinstance(value, float):
                sheet.write_number(r, c, value)
            elif value:
                sheet.write_string(r, c, value)
    book.close()
    return file.getvalue()


def bytes_flipped(rng: Random, data: bytes) -> bytes:
    """Return the bytes with one to eight bits flipped."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def bytes_cut(rng: Random, data: bytes) -> bytes:
    """Return the bytes without their end."""
    return data[: int(rng.integers(len(data)))]


def bytes_moved(rng: Random, data: bytes) -> bytes:
    """Return the bytes with a slice doubled, removed, or put elsewhere."""
    a, b = sorted(int(v) for v in rng.integers(len(data), size=2))
    b = min(b, a + 200)
    kind, at = int(rng.integers(3)), int(rng.integers(len(data)))
    if kind == 0:
        return data[:b] + data[a:]
    rest = data[:a] + data[b:]
    return rest if kind == 1 else rest[:at] + data[a:b] + rest[at:]


def bytes_inserted(rng: Random, data: bytes) -> bytes:
    """Return the bytes with something inserted that parsers dislike."""
    pieces = [
        b"\x00",
        b"\xff\xfe",
        b'"',
        b"\x07",
        b"\r",
        "\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
        b"\x80",
        b"\n\n",
        b"\t",
    ]
    pieces += [b"&a [*a]", b"!!python/object", b"{", b"1e999", b"9" * 400, b";", b"'", b": ", b"<<: ", b"%"]
    at = int(rng.integers(len(data)))
    return data[:at] + pieces[int(rng.integers(len(pieces)))] + data[at:]


BYTE_MUTANTS: tuple[Callable[[Random, bytes], bytes], ...] = (bytes_flipped, bytes_cut, bytes_moved, bytes_inserted)


def csv_same(rng: Random, data: bytes) -> bytes:
    """Return a CSV with the same content in another of its usual forms."""
    text = data.decode()
    kind = int(rng.integers(6))
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


def member_changed(rng: Random, data: bytes) -> bytes:
    """Return a workbook with one of its members changed, and packed again as a sound archive."""
    source = zipfile.ZipFile(io.BytesIO(data))
    names = source.namelist()
    chosen = names[int(rng.integers(len(names)))]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in names:
            content = source.read(name)
            if name == chosen:
                mutate = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
                content = b"" if rng.random() < 0.1 else mutate(rng, content)
            target.writestr(name, content)
    return file.getvalue()


# ---- mutants of YAML


def _paths(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every entry below a node."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def _holder(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        data = data[key]
    return data


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, "", "abc", "1e-3", [], {}, [[]], {"a": 1}, 0, -1, 1e300, -1e-300, 10**30, 0.5, "5 parsec", "nan"),
    *("\x07", "a" * 3000, "../../etc/passwd", "12:30", [1, 2, 3, 4, 5, 6], "1 h", "20 degC", "5 m3/d", [0.0, 0.0]),
)


def yaml_value(rng: Random, data: Any) -> None:
    """Put an odd value in the place of one."""
    paths = list(_paths(data))
    path = paths[int(rng.integers(len(paths)))]
    _holder(data, path)[path[-1]] = deepcopy(ODD_VALUES[int(rng.integers(len(ODD_VALUES)))])


def yaml_scaled(rng: Random, data: Any) -> None:
    """Change a number by a factor."""
    paths = [p for p in _paths(data) if isinstance(_holder(data, p)[p[-1]], int | float)]
    path = paths[int(rng.integers(len(paths)))]
    _holder(data, path)[path[-1]] *= float(rng.choice([-1, 0, 1e-6, 1e3, 1e9]))


def yaml_lost(rng: Random, data: Any) -> None:
    """Remove an entry."""
    paths = list(_paths(data))
    path = paths[int(rng.integers(len(paths)))]
    del _holder(data, path)[path[-1]]


def yaml_moved(rng: Random, data: Any) -> None:
    """Put the value of one entry in the place of another."""
    paths = list(_paths(data))
    one, other = (paths[int(k)] for k in rng.integers(len(paths), size=2))
    value = json.loads(json.dumps(_holder(data, one)[one[-1]]))
    _holder(data, other)[other[-1]] = value


def yaml_unknown_key(rng: Random, data: Any) -> None:
    """Add a key that nothing reads, to a section of fixed keys."""
    sections = [(), *(p for p in _paths(data) if p in FIXED_SECTIONS and isinstance(_holder(data, p)[p[-1]], dict))]
    path = sections[int(rng.integers(len(sections)))]
    node = data
    for key in path:
        node = node[key]
    node["volumme"] = 1


FIXED_SECTIONS = {
    *(("plant",), ("model",), ("data",), ("training",), ("network",), ("plant", "wastage"), ("plant", "settler")),
    *(("plant", "influent"), ("plant", "return_sludge")),
}

YAML_MUTANTS: tuple[tuple[Callable[[Random, Any], None], Expectation], ...] = (
    (yaml_value, "any"),
    (yaml_scaled, "any"),
    (yaml_lost, "any"),
    (yaml_moved, "any"),
    (yaml_unknown_key, "seen"),
)


# ---- one mutant of a kind of file

FORMATS: dict[str, tuple[str, Callable[[Grid], bytes]]] = {
    "csv": ("plant.csv", as_csv),
    "xlsx": ("plant.xlsx", as_xlsx),
    "parquet": ("plant.parquet", as_parquet),
}
"""File name of the series in each format, and how a grid becomes a file."""


def mutate(kind: str, folder: Path, rng: Random) -> tuple[str, Expectation]:
    """Change one thing about the files of a kind; return what was done, and what is expected."""
    if kind in FORMATS:
        return _mutate_grid(kind, folder, rng)
    if kind == "run":
        return _mutate_run(folder / "run", rng)
    path = folder / f"{kind}.yaml"
    if rng.random() < 0.4:
        change = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
        path.write_bytes(change(rng, path.read_bytes()))
        return change.__name__, "any"
    mutant, expected = YAML_MUTANTS[int(rng.integers(len(YAML_MUTANTS)))]
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for _ in range(int(rng.integers(1, 3)) if expected == "any" else 1):
        mutant(rng, data)
        if not isinstance(data, dict) or not data:
            break
    path.write_text(yaml.safe_dump(data, sort_keys=False, width=1000), encoding="utf-8")
    return mutant.__name__, expected


def _mutate_grid(kind: str, folder: Path, rng: Random) -> tuple[str, Expectation]:
    name, render = FORMATS[kind]
    draw = rng.random()
    if draw < 0.6:
        mutant, expected = GRID_MUTANTS[int(rng.integers(len(GRID_MUTANTS)))]
        grid = plant_grid()
        mutant(rng, grid)
        (folder / name).write_bytes(render(grid))
        return mutant.__name__, expected
    change: Callable[[Random, bytes], bytes]
    if kind == "csv" and draw < 0.7:
        change, expected = csv_same, "same"
    elif kind == "xlsx" and draw < 0.8:
        change, expected = member_changed, "any"
    else:
        change, expected = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))], "any"
    (folder / name).write_bytes(change(rng, (folder / name).read_bytes()))
    return change.__name__, expected


def _mutate_run(run: Path, rng: Random) -> tuple[str, Expectation]:
    files = sorted(path for path in run.rglob("*") if path.is_file())
    path = files[int(rng.integers(len(files)))]
    what = path.relative_to(run).as_posix()
    draw = rng.random()
    if draw < 0.1:
        path.unlink()
        return f"{what} removed", "same"
    if draw < 0.15:
        path.unlink()
        path.mkdir()
        return f"{what} a folder", "same"
    if draw < 0.6 or path.suffix != ".json" or not path.read_bytes():
        if path.read_bytes():
            change = BYTE_MUTANTS[int(rng.integers(len(BYTE_MUTANTS)))]
            path.write_bytes(change(rng, path.read_bytes()))
            return f"{what} {change.__name__}", "same"
        path.write_bytes(b"x")
        return f"{what} x", "same"
    data = json.loads(path.read_text(encoding="utf-8"))
    mutant = (yaml_value, yaml_lost, yaml_moved)[int(rng.integers(3))]
    mutant(rng, data)
    path.write_text(json.dumps(data), encoding="utf-8")
    return f"{what} {mutant.__name__}", "same"
