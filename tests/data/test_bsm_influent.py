"""Influent files of the benchmarks: every published layout, and bad files."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from asm_hybrid.data.bsm import LAYOUTS, read_bsm_influent
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table
from asm_hybrid.units import parse_unit

BSM = Path(__file__).parents[3] / "shared" / "data" / "bsm"
needs_files = pytest.mark.skipif(not BSM.is_dir(), reason="the benchmark influents are not here")

RAW = {"S_I": 30, "S_S": 60, "X_I": 50, "X_S": 200, "X_BH": 28, "S_NH": 31, "S_ND": 7, "X_ND": 10, "S_ALK": 5}
TSS = 0.75 * (50 + 200 + 28)


def table(width, count=5):
    """Return rows of a made-up file as numbers."""
    value = RAW | {"TSS": TSS, "Q_in": 20000, "T": 15}
    rows = np.array([[value.get(name, 0.0) for name in LAYOUTS[width]]] * count)
    rows[:, 0] = np.arange(count) / 96
    rows[:, LAYOUTS[width].index("Q_in")] += np.arange(count)
    return rows


def text(rows, separator="\t", form="{:.7g}"):
    return "".join(separator.join(form.format(v) for v in row) + "\r\n" for row in rows)


@pytest.fixture
def read(tmp_path):
    def run(content, name="Inf_dry_2006.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_bsm_influent(path)

    return run


@pytest.mark.parametrize("width", [10, 15, 16, 22])
def test_layouts_are_told_by_their_columns(read, width):
    influent = read(text(table(width)))
    frame = influent.frame
    assert influent.findings == ()
    assert influent.interpolation == "previous"
    np.testing.assert_allclose(frame["Q_in"], 20000 + np.arange(5))
    np.testing.assert_allclose(frame["time"], np.arange(5) / 96, atol=1e-7)
    assert ("T" in frame) == (width == 22)
    for name, value in RAW.items():
        expected = 7.0 if name == "S_ALK" and width == 10 else value
        assert set(frame[f"influent.{name}"]) == {expected}
    assert set(frame["influent.S_N2"]) == {0.0}


def test_columns_and_units_are_those_of_the_model(read):
    asm1 = load_table("asm1")
    influent = read(text(table(22)))
    assert {n for n in influent.frame if n.startswith("influent.")} == {f"influent.{n}" for n in asm1.component_names}
    assert list(influent.units) == list(influent.frame)
    for component in asm1.components:
        own, other = parse_unit(component.unit), parse_unit(influent.units[f"influent.{component.name}"])
        assert own.compatible(other)
        assert own.size == other.size


@pytest.mark.parametrize(
    ("before", "separator", "form"),
    [
        ("#1\r\ndouble t_data(5,15)\t# t Si^ISs\r\n", "\t", "{:.7g}"),
        ("", "   ", "{:.7e}"),
        ("% made by Matlab\n\n", ",", "{:.7E}"),
        ("t,SI,SS,XI,XS,XBH,XBA,XP,SO,SNO,SNH,SND,XND,SALK,Q\n", ", ", "{:.7g}"),
        ("t [d]; S_I [g/m3]\n", ";", "{:.7g}"),
    ],
)
def test_separators_headers_and_exponents(read, before, separator, form):
    plain = read(text(table(15))).frame
    given = read(before + text(table(15), separator, form)).frame
    np.testing.assert_allclose(given, plain, rtol=1e-6)


def test_fortran_exponents_and_gzip(read):
    fortran = text(table(22), "  ", "{:.7e}").replace("e", "D")
    given = read(gzip.compress(fortran.encode()), "inf.txt.gz").frame
    np.testing.assert_allclose(given, read(text(table(22))).frame, rtol=1e-6)


def change(row, column, value):
    rows = [[f"{v:.7g}" for v in r] for r in table(16)]
    rows[row][column] = value
    return "# a line\n" + "".join("\t".join(r) + "\n" for r in rows)


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (2, 10, "abc", "row 4, column 11 (S_NH): 'abc' is not a number"),
        (2, 10, "3,5", "write numbers with a decimal point"),
        (2, 10, "1_0", "row 4, column 11 (S_NH): '1_0' is not a number"),
        (2, 10, "-3.5", "row 4, column 11 (S_NH): -3.5 is negative"),
        (2, 10, "NaN", "row 4, column 11 (S_NH): nan is not a finite number"),
        (2, 10, "1e999", "row 4, column 11 (S_NH): inf is not a finite number"),
        (2, 10, "", "row 4: the row has 15 cells"),
        (2, 0, "0.0104", "row 4, column 1 (time): the time 0.0104 d follows 0.01041667 d"),
    ],
)
def test_bad_cells_are_told_by_row_and_column(read, row, column, value, words):
    with pytest.raises(InputError) as caught:
        read(change(row, column, value))
    assert words in str(caught.value)
    assert "expected:" in str(caught.value)
    assert "fix:" in str(caught.value)


def test_an_empty_cell_between_commas_is_told(read):
    with pytest.raises(InputError, match=r"row 1, column 3 \(S_S\): the cell is empty"):
        read("0,30,,50,200,28,0,0,0,0,31,7,10,7,20000\n")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("0 1 2\n", "the file has 3 columns"),
        ("# nothing\n", "no row of numbers"),
        (b"\x1f\x8bdamaged", "compressed file is damaged"),
        (gzip.compress(b"0 1 2\n" * 100, mtime=0)[:-9], "compressed file is damaged"),
        (
            "time,Q,SI,SS,XI,XS,XBH,XBA,XP,SO,SNO,SNH,SND,XND,SALK\n" + text(table(15), ","),
            "header names column 3 'si'",
        ),
    ],
)
def test_files_that_are_no_benchmark_influent(read, content, words):
    with pytest.raises(InputError, match=words):
        read(content)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_bsm_influent(tmp_path / "absent.txt")


def test_gaps_and_short_steps_are_warned_of_with_rows(read):
    rows = table(15, 8)
    rows[4:, 0] += 0.5
    rows[6:, 0] -= 5 / 1440
    gap, short = read(text(rows)).findings
    assert (gap.severity, gap.kind, gap.rows) == ("warning", "gap", "row 5")
    assert "1 of 7 steps are longer than 15 min, the longest 735 min" in gap.message
    assert (short.kind, short.rows) == ("sampling", "row 7")


def test_a_tss_of_other_components_is_warned_of(read):
    rows = table(16)
    rows[3, 14] *= 1.05
    (finding,) = read(text(rows)).findings
    assert (finding.severity, finding.kind, finding.rows) == ("warning", "TSS", "row 4")
    assert finding.column == "15 (TSS)"


# Flow-weighted means: those of BSM1 are the constant influent of Alex et al. (2018).
@needs_files
def test_bsm1_files():
    frame = read_bsm_influent(BSM / "bsm1_asm1_Inf_dry.txt").frame.iloc[:1344]
    assert frame["Q_in"].mean() == pytest.approx(18446.33, rel=1e-6)
    published = {"S_I": 30, "S_S": 69.5, "X_I": 51.2, "X_S": 202.32, "X_BH": 28.17, "S_NH": 31.56, "S_ND": 6.95}
    for name, value in published.items():
        mean = np.average(frame[f"influent.{name}"], weights=frame["Q_in"])
        assert mean == pytest.approx(value, abs=0.01)
    for name, flow in {"rain": 52126, "strm": 60000}.items():
        influent = read_bsm_influent(BSM / f"bsm1_asm1_Inf_{name}.txt")
        assert influent.findings == ()
        assert influent.frame["Q_in"].max() == flow


@needs_files
def test_the_bsm2_file():
    influent = read_bsm_influent(BSM / "dyninfluent_bsm2_609d.csv.gz")
    assert influent.findings == ()
    assert len(influent.frame) == 609 * 96 + 1
    assert influent.frame["T"].between(9.5, 20.5).all()
    assert influent.frame["Q_in"].mean() == pytest.approx(21021.9, abs=0.1)


@pytest.mark.parametrize(("value", "found"), [(1e300, r"1e\+300"), (65535, "65535")])
def test_values_that_cannot_be_measured_are_refused(read, value, found):
    rows = table(16, 40)
    rows[20, LAYOUTS[16].index("S_NH")] = value
    with pytest.raises(InputError, match=found) as error:
        read(text(rows))
    assert "row 21" in str(error.value)


def test_a_value_far_above_all_others_is_told(read):
    rows = table(16, 40)
    rows[:, LAYOUTS[16].index("S_NH")] += np.arange(40) / 10
    rows[20, LAYOUTS[16].index("S_NH")] = 4321.5
    (finding,) = read(text(rows)).findings
    assert (finding.severity, finding.kind, finding.rows) == ("warning", "far outside", "row 21")


def test_water_that_is_too_hot_is_told_by_row_and_column(read):
    rows = table(22)
    rows[:, [15, 16]] = rows[:, [16, 15]]
    with pytest.raises(InputError, match=r"column 17 \(T\): water of 20000 degC cannot be"):
        read(text(rows))
