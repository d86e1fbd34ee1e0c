"""Files that a stranger wrote to do harm: each is refused with a named error, or does none, in little time and memory.

Every case here writes its files and gives them to the function behind a command. What is refused ends in one
`InputError`; no case may take ten seconds of the processor or a gigabyte, write outside its folder, or run what a text
says.

Other attacks have tests where they belong:

- expressions of tables, their functions and sizes: `kinetics/test_bad_tables.py`; markup in tables, on pages, in
  Markdown and LaTeX: `kinetics/test_document.py`
- formulas in cells of CSV: `test_artefacts.py`, `report/test_formula_labels.py`; of workbooks:
  `export/test_workbook.py`
- markup in names and errors, on the page of a run: `report/test_report_page.py`, of a study:
  `studies/test_study_page.py`, in a notebook: `notebook/test_results.py`
- zips of runs, with paths that climb, links, bombs, and sizes that are not true: `test_unpacked.py`,
  `export/test_bundle.py`, `datasets/test_getting.py`
- links and folders in the place of what is written: `export/test_exporting.py`; paths asked of the page:
  `serve/test_run_files.py`, `serve/test_guard.py`
- SQL that changes something, and secrets in messages: `data/test_sql_sources.py`
- workbooks that unpack to gigabytes, cells far away, Parquet with damaged metadata: `data/test_reading.py`
- run folders that are damaged or made up: `training/test_mutated_folder.py`
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pickle
import re
import shutil
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_plant import CONFIG, write_case

import asm_hybrid as ah
from asm_hybrid.artefacts import write_csv_atomic
from asm_hybrid.checking import check
from asm_hybrid.errors import AsmHybridError, InputError
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import write_manifest
from asm_hybrid.optimisation.definition import load_goal
from asm_hybrid.report.compare import compare_runs

SECONDS, MEGABYTES = 10.0, 1000.0
WATCHED = Path(__file__).parent.parent / "benchmarks" / "reliability"
HARM = "harm.txt"
CODE = f"__import__('pathlib').Path('{HARM}').touch()"
STUDY = """\
factors: {load: {input: load, scale: {uniform: [0.8, 1.2]}}}
design: {method: latin_hypercube, cases: 4}
scenario: {days: 1}
"""
GOAL = """\
minimise: OCI
scenario: {days: 1}
decisions: {oxygen: {input: "*.kla", scale: {uniform: [0.8, 1.2]}}}
"""
TABLE = """\
name: own
components: {S: {unit: g/m3, phase: soluble}}
continuity: {materials: [], tolerance: 0}
parameters: {k: {default: 1.0, unit: 1/d, bounds: [0.1, 2.0], source: here, description: a rate}}
processes: {decay: {rate: k * S, stoichiometry: {S: -1}, description: decay}}
"""
Act = Callable[[Path], object]


# ---- what the cases are made of


def study(old: str, new: str) -> Act:
    """Return what runs a study in which a piece is another one."""

    def act(folder: Path) -> object:
        assert STUDY.count(old) == 1
        (folder / "study.yaml").write_text(STUDY.replace(old, new), encoding="utf-8")
        return ah.sweep("cstr", folder / "study.yaml", folder / "out", workers=1)

    return act


def listed(write: Callable[[Path], object]) -> Act:
    """Return what runs a study whose cases stand in a file that is written so."""

    def act(folder: Path) -> object:
        write(folder / "cases.csv")
        return study("{method: latin_hypercube, cases: 4}", "{method: list, file: cases.csv}")(folder)

    return act


def goal(old: str, new: str) -> Act:
    """Return what reads a goal in which a piece is another one."""

    def act(folder: Path) -> object:
        assert GOAL.count(old) == 1
        (folder / "goal.yaml").write_text(GOAL.replace(old, new), encoding="utf-8")
        return load_goal(folder / "goal.yaml")

    return act


def table(old: str, new: str) -> Act:
    """Return what reads a kinetics table in which a piece is another one."""

    def act(folder: Path) -> object:
        assert TABLE.count(old) == 1
        (folder / "own.yaml").write_text(TABLE.replace(old, new), encoding="utf-8")
        return load_table(folder / "own.yaml")

    return act


def config(old: str, new: str) -> Act:
    """Return what checks a config in which a piece is another one, beside its series."""

    def act(folder: Path) -> object:
        assert CONFIG.count(old) == 1, old
        return checked(write_case(folder, CONFIG.replace(old, new)))

    return act


def series(write: Callable[[Path], object], name: str = "plant.csv") -> Act:
    """Return what checks a config whose series are a file that is written so."""

    def act(folder: Path) -> object:
        path = write_case(folder, CONFIG.replace("plant.csv", name))
        (folder / name).unlink(missing_ok=True)
        write(folder / name)
        return checked(path)

    return act


def checked(path: Path) -> object:
    """Check a config; findings of its data that are errors count as a refusal."""
    found = check(path)
    if found.errors:
        raise InputError("\n".join(found.lines)[-2000:])
    return found


def folder_of_run(write: Callable[[Path], object]) -> Act:
    """Return what predicts by a run of which a file was replaced, its manifest with it."""

    def act(folder: Path) -> object:
        run = folder / "run"
        write(run)
        write_manifest(run)
        return ah.load_model(run).predict(ah.read_inputs(run).iloc[:3]), compare_runs([run, folder / "whole"])

    return act


def book(parts: dict[str, bytes]) -> bytes:
    """Return a workbook with its least parts, some of them others."""
    least = {
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "xl/workbook.xml": b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        b'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        b'<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        b'relationships"><Relationship Id="r1" Type="worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        b"<sheetData/></worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (least | parts).items():
            archive.writestr(name, content)
    return file.getvalue()


def another_table(folder: Path) -> object:
    """Read a table that extends a link to another file."""
    (folder / "base.yaml").symlink_to("/etc/passwd")
    return table("name: own", "name: own\nextends: base.yaml")(folder)


def climbing_zip(folder: Path) -> object:
    """Read a bundle as a zip, of which a member lies outside."""
    with zipfile.ZipFile(folder / "run.zip", "w") as archive:
        for file in (folder / "run").rglob("*"):
            archive.write(file, file.relative_to(folder))
        archive.writestr(f"../../{HARM}", "x")
    return ah.load_model(folder / "run.zip")


def weights(content: bytes) -> Act:
    """Return what reads a run whose weights are something else."""
    return folder_of_run(lambda run: (run / "weights.safetensors").write_bytes(content))


class Harm:
    """What does harm when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, (CODE,))


def npy() -> bytes:
    """Return an array of NumPy that says it has 10^15 numbers."""
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"
    head += b" " * (117 - len(head)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def tensors(header: object) -> bytes:
    """Return safetensors with a header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def parquet_of_many_cells(path: Path) -> None:
    """Write Parquet whose pages unpack to far more than they are: one value, three million times, in twenty columns."""
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3_000_000, np.int32)), ["2024-03-04 00:00"])
    pq.write_table(pa.table({f"c{i}": column for i in range(20)}), path, compression="zstd")


def bomb_of_a_workbook(path: Path) -> None:
    """Write a workbook of half a megabyte, whose sheet unpacks to more than half a gigabyte."""
    path.write_bytes(book({}))
    deflated = zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1)
    with deflated as archive, archive.open("xl/sharedStrings.xml", "w") as stream:
        for _ in range(510):
            stream.write(b" " * 1_000_000)


def bomb(levels: int) -> str:
    """Return YAML whose aliases stand for 9^levels values."""
    lines = ['a0: &a0 ["x"]'] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


LONG = "n" * 1_000_000
DEEP = "(" * 900 + "k" + ")" * 900

REFUSED: dict[tuple[str, str], Act] = {
    # studies
    ("study: code in the place of a parameter", "is no parameter of asm1"): study(
        "input: load, scale", f'parameter: "{CODE}", scale'
    ),
    ("study: a factor that climbs out of the folder", "the value is '../../load'"): study("{load:", "{../../load:"),
    ("study: a name that climbs out of the folder", "the value is '../../harm'"): study(
        "scenario: {days: 1}", "name: ../../harm"
    ),
    ("study: a name that is a path from the root", "the value is '/tmp/harm'"): study(
        "scenario: {days: 1}", "name: /tmp/harm"
    ),
    ("study: a name of a million characters", "(name): the value is 'nnn"): study(
        "scenario: {days: 1}", f"name: {LONG[:900_000]}"
    ),
    ("study: a file of two megabytes", "the file is too large"): study(
        "scenario: {days: 1}", f"description: {LONG}{LONG}"
    ),
    ("study: aliases that expand without end", "an anchor (&name) is not allowed"): study(
        "scenario: {days: 1}", bomb(20)
    ),
    ("study: an object of Python", "a tag (tag:yaml.org,2002:python/object/apply:os.system) is not allowed"): study(
        "{days: 1}", "!!python/object/apply:os.system [touch harm.txt]"
    ),
    ("study: nesting without end", "nesting"): study("{days: 1}", "[" * 100_000),
    ("study: a range to infinity", "the number .inf is not finite"): study("[0.8, 1.2]", "[0.8, .inf]"),
    ("study: a range of numbers that are none", "the number .nan is not finite"): study("[0.8, 1.2]", "[.nan, 1.2]"),
    ("study: a range beyond what a computer holds", "the number 1e999 is not finite"): study(
        "[0.8, 1.2]", "[0.8, 1e999]"
    ),
    ("study: a grid of 10^12 cases", "the design has 1,000,000,000,000 cases"): study(
        "factors: {load: {input: load, scale: {uniform: [0.8, 1.2]}}}\ndesign: {method: latin_hypercube, cases: 4}",
        "factors:\n"
        + "".join(
            f"  f{i}: {{parameter: {p}, scale: {{uniform: [0.8, 1.2]}}}}\n"
            for i, p in enumerate(["mu_H", "K_S", "K_OH", "K_NO", "b_H", "eta_g"])
        )
        + "design: {method: grid, levels: 100}",
    ),
    ("study: 10^18 cases", "1,000,000,000,000,000,000 cases"): study("cases: 4", "cases: 1000000000000000000"),
    ("study: Sobol indices of 2^60 cases", "at most 100,000 cases"): study(
        "{method: latin_hypercube, cases: 4}", "{method: sobol_indices, base: 1152921504606846976}"
    ),
    ("study: series of a microsecond", "(outputs.every)"): study(
        "scenario:", "outputs: {series: [effluent.NH4], every: 1e-12}\nscenario:"
    ),
    ("study: a simulation of a million years", "(scenario.days): the value is 365000000"): study(
        "{days: 1}", "{days: 365000000}"
    ),
    ("study: a key of Python's objects", "there is no key '__class__"): study(
        "input: load, scale", 'key: "__class__.__init__.__globals__", scale'
    ),
    ("study: a scenario that is another file", "/etc/passwd:1: the top level holds"): study("{days: 1}", "/etc/passwd"),
    ("study: a scenario without end", "/dev/zero: the file is too large"): study("{days: 1}", "/dev/zero"),
    ("study: cases that are a link to another file", "is no factor"): listed(
        lambda path: path.symlink_to("/etc/passwd")
    ),
    ("study: cases that are a link to themselves", "there is no file"): listed(lambda path: path.symlink_to(path)),
    ("study: cases that are a pipe nobody writes", "there is no file"): listed(os.mkfifo),
    ("study: cases without end", "there is no file"): listed(lambda path: path.symlink_to("/dev/zero")),
    ("study: formulas in the place of cases", "'=1+1' is no value of load"): listed(
        lambda path: path.write_text("load\n=1+1\n")
    ),
    ("study: not a number in the place of a case", "'nan' is no value of load"): listed(
        lambda path: path.write_text("load\n1.0\nnan\n")
    ),
    ("study: cases of a hundred thousand columns", "the column 'c0' is no factor"): listed(
        lambda path: path.write_text(",".join(f"c{i}" for i in range(100_000)) + "\n" + "1," * 99_999 + "1\n")
    ),
    # goals
    ("goal: code in the place of a weight", "(minimise.OCI): the value is"): goal("OCI", f'{{OCI: "{CODE}"}}'),
    ("goal: aliases that expand without end", "an anchor (&name) is not allowed"): goal(
        "scenario: {days: 1}", bomb(20)
    ),
    ("goal: a limit that is no number", "the number .nan is not finite"): goal(
        "scenario:", "limits: {effluent.NH4 mean: .nan}\nscenario:"
    ),
    ("goal: 10^12 simulations", "a number of 100000 or below"): goal(
        "scenario:", "search: {evaluations: 1000000000000}\nscenario:"
    ),
    ("goal: a schedule of nanoseconds", "(schedules.air.every)"): goal(
        "scenario:", "schedules: {air: {input: T, scale: [0.5, 1], every: 1e-14}}\nscenario:"
    ),
    ("goal: a name that climbs out of the folder", "the value is '../../harm'"): goal(
        "scenario:", "name: ../../harm\nscenario:"
    ),
    ("goal: a scenario without end", "/dev/zero: the file is too large"): goal("{days: 1}", "/dev/zero"),
    ("goal: verified by another file", "the value is '/etc/passwd'"): goal(
        "scenario:", "verify: {winter: /etc/passwd}\nscenario:"
    ),
    # kinetics tables
    ("table: code in a rate", "Call is not allowed"): table("k * S,", f'"{CODE}",'),
    ("table: brackets without end", "is not an expression"): table("k * S,", f'"{DEEP} * S",'),
    ("table: a tower of powers", "an exponent is not a whole number"): table("k * S,", '"9**9**9**9**9 * k * S",'),
    ("table: a name of a million characters", "cannot be a name"): table("name: own", f"name: {LONG[:900_000]}"),
    ("table: a value of five thousand digits", "is not finite"): table("default: 1.0", "default: " + "9" * 5000),
    ("table: extends a file elsewhere", "the top level holds"): another_table,
    ("table: extends itself", "the table extends itself"): table("name: own", "name: own\nextends: own.yaml"),
    # configs
    ("config: 10^9 knots", "knots"): config("interval: 30 min", "interval: 1e-9"),
    ("config: a network of 10^18 units", "at most 8 layers of at most 1024 units"): config(
        "hidden: [4]", "hidden: [1000000000000000000]"
    ),
    ("config: code in the place of the kinetics", "there is no kinetics table"): config(
        "kinetics: asm1", f'kinetics: "{CODE}"'
    ),
    ("config: kinetics that are a device", "there is no kinetics table"): config(
        "kinetics: asm1", "kinetics: /dev/zero"
    ),
    ("config: a database without a question", "begins with 'DROP'"): config(
        "file: plant.csv", 'sql: {url: "sqlite:///plant.db", query: "DROP TABLE plant; SELECT 1"}'
    ),
    # series
    ("series: a device without end", "is no file"): series(lambda path: path.symlink_to("/dev/zero")),
    ("series: a pipe nobody writes", "is no file"): series(os.mkfifo),
    ("series: a link to itself", "symbolic links"): series(lambda path: path.symlink_to(path)),
    ("series: a program", "is no text"): series(lambda path: path.write_bytes(b"\x7fELF" + bytes(range(256)) * 40)),
    ("series: one cell of twenty megabytes", "not a readable CSV file"): series(
        lambda path: path.write_bytes(b"x" * 20_000_000)
    ),
    ("series: a workbook that unpacks to half a gigabyte", "unpacks to more than 500 MB"): series(
        bomb_of_a_workbook, "plant.xlsx"
    ),
    ("series: a workbook that asks for another file", "declares entities"): series(
        lambda path: path.write_bytes(
            book(
                {
                    "xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><workbook xmlns:r="r">'
                    b'<sheets><sheet name="&e;" sheetId="1" r:id="r1"/></sheets></workbook>'
                }
            )
        ),
        "plant.xlsx",
    ),
    ("series: a workbook whose sheet lies outside", "it has no worksheet"): series(
        lambda path: path.write_bytes(
            book(
                {
                    "xl/_rels/workbook.xml.rels": b'<Relationships><Relationship Id="r1" '
                    b'Target="../../../../etc/passwd"/></Relationships>'
                }
            )
        ),
        "plant.xlsx",
    ),
    ("series: Parquet of 60 million cells", "more than 50 million cells"): series(
        parquet_of_many_cells, "plant.parquet"
    ),
    ("series: formulas in the place of values", "the cell '=1+1' is not a number"): series(
        lambda path: path.write_text("time,flow,NH4_in,DO,NH4,NO3\n2024-03-04 00:00,=1+1,=A1,1,1,1\n")
    ),
    # runs and bundles
    ("run: a pickle in the place of weights", "weights.safetensors"): weights(pickle.dumps(Harm())),
    ("run: an array of NumPy in the place of weights", "weights.safetensors"): weights(npy()),
    ("run: weights with a header of exabytes", "weights.safetensors"): weights(struct.pack("<Q", 2**60) + b"{}"),
    ("run: weights of a shape without end", "weights.safetensors"): weights(
        tensors({"w": {"dtype": "F64", "shape": [2**31, 2**31], "data_offsets": [0, 2**62]}})
    ),
    ("run: weights with a header that nests without end", "weights.safetensors"): weights(tensors(b"[" * 1_000_000)),
    ("run: a config that is a link to another file", "config.yaml"): folder_of_run(
        lambda run: ((run / "config.yaml").unlink(), (run / "config.yaml").symlink_to("/etc/passwd"))
    ),
    ("run: a summary that nests without end", "summary.json"): folder_of_run(
        lambda run: (run / "summary.json").write_text("[" * 1_000_000, encoding="utf-8")
    ),
    ("bundle: a zip with a path that climbs", "lies outside its folder"): climbing_zip,
}
HARMLESS: dict[str, Act] = {
    "study: values that lead to a path": study(
        "{input: load, scale: {uniform: [0.8, 1.2]}}", '{key: model.kinetics, set: {values: ["../../etc/passwd"]}}'
    ),
    "study: indicators by a pattern of many stars": study(
        "scenario:", 'outputs: {indicators: ["' + "*e" * 60 + 'x", EQI]}\nscenario:'
    ),
    "study: markup in what it is for": study(
        "scenario:", 'description: "</title><script>alert(1)</script>"\nscenario:'
    ),
}


# ---- the tests


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Return a folder to work in, with a run where the case needs one."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(WATCHED))
    if request.node.callspec.id.startswith(("run", "bundle")):
        shutil.copytree(request.getfixturevalue("small_run"), folder / "run")
        shutil.copytree(folder / "run", folder / "whole")
    return folder


def within_bounds(act: Callable[[], None], folder: Path) -> None:
    """Do something in little time and memory, without a trace outside its folder."""
    watched = importlib.import_module("watched")
    watched.forget_peak()
    before, began = watched.peak_memory(), time.process_time()
    act()
    assert time.process_time() - began < SECONDS
    assert watched.peak_memory() - before < MEGABYTES
    assert not list(folder.parent.parent.rglob(HARM))


@pytest.mark.parametrize(("name", "words"), REFUSED, ids=[name for name, _ in REFUSED])
def test_refused_by_name(name: str, words: str, place: Path) -> None:
    def act() -> None:
        with pytest.raises(InputError, match=re.escape(words)) as caught:
            REFUSED[name, words](place)
        assert len(str(caught.value)) < 5000

    within_bounds(act, place)


@pytest.mark.parametrize("name", HARMLESS)
def test_does_no_harm(name: str, place: Path) -> None:
    def act() -> None:
        with contextlib.suppress(AsmHybridError):
            HARMLESS[name](place)

    within_bounds(act, place)
    for page in place.rglob("*.html"):
        assert "<script>alert" not in page.read_text(encoding="utf-8")


def test_labels_that_are_formulas_are_text_in_files(tmp_path: Path) -> None:
    write_csv_atomic(tmp_path / "out.csv", pd.DataFrame({"=cmd|' /C calc'!A0": ["=HYPERLINK(1)"]}))
    assert not any(line.startswith(("=", "@", "+")) for line in (tmp_path / "out.csv").read_text().splitlines())


def test_there_are_forty() -> None:
    assert len(REFUSED) + len(HARMLESS) >= 40
