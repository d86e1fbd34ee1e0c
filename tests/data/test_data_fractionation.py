"""Measured sums on the knots: components, gaps, and errors with time and rows."""

import numpy as np
import pytest

from asm_hybrid.errors import InputError

COMPOSITION = """    composition: {S_I: 30, S_S: 70, X_I: 50, X_S: 200, X_BH: 28, X_BA: 0, X_P: 0, S_O: 0,
      S_NO: 0, S_ND: 7, X_ND: 10, S_ALK: 7, S_N2: 0}
"""
COLUMNS = """        COD_in: {role: input, as: influent.COD, unit: mg/L}
        TKN_in: {role: input, as: influent.TKN, unit: g N/L}
"""


@pytest.fixture
def sums(record):
    """Return the record with measured sums in place of components."""
    record.replace(COMPOSITION, "    fractionation: {type: raw}\n    composition: {S_ALK: 7}\n")
    record.replace("        DO: {", COLUMNS + "        DO: {")
    hours = np.arange(len(record.frame))
    record.frame["COD_in"] = 500 + 50 * np.sin(hours / 4)
    record.frame["TKN_in"] = (60 + 3 * np.sin(hours / 4)) / 1000
    return record


def column(dataset, name):
    return dataset.inputs[:, dataset.input_names.index(f"influent.{name}")]


def test_sums_become_components_on_the_knots(sums):
    data = sums.read()
    names = [name for name in data.input_names if name.startswith("influent.")]
    assert len(names) == 14
    cod = np.interp(np.arange(191) / 2, np.arange(96), sums.frame["COD_in"])
    np.testing.assert_allclose(column(data, "S_I"), 0.046 * cod, rtol=1e-12)
    organics = sum(column(data, name) for name in ("S_I", "S_S", "X_I", "X_S", "X_BH"))
    np.testing.assert_allclose(organics, cod, rtol=1e-12)
    tkn = np.interp(np.arange(191) / 2, np.arange(96), sums.frame["TKN_in"] * 1000)
    nitrogen = sum(column(data, name) for name in ("S_NH", "S_ND", "X_ND"))
    bound = 0.086 * column(data, "X_BH") + 0.06 * column(data, "X_I")
    np.testing.assert_allclose(nitrogen + bound, tkn, rtol=1e-12)
    assert set(column(data, "X_BA")) == {0.0}
    assert set(column(data, "S_ALK")) == {7.0}


def test_constant_sums_give_constant_components(sums):
    sums.replace(COLUMNS, "").replace("{S_ALK: 7}", "{S_ALK: 7, COD: 400, TKN: 55 mg N/L}")
    data = sums.read()
    np.testing.assert_allclose(column(data, "X_S"), 0.614 * 400, rtol=1e-12)
    assert np.ptp(column(data, "X_ND")) > 0


def test_a_gap_in_a_sum_is_a_gap_in_its_components(sums):
    data = sums.set("COD_in", slice(20, 30), "").read()
    filled = data.input_filled[:, data.input_names.index("influent.X_S")]
    where = np.flatnonzero(filled) / 2
    assert (where.min(), where.max()) == (17.5, 27.5)
    for name, expected in {"X_ND": True, "S_NH": False, "X_BA": False, "S_ALK": False}.items():
        assert data.input_filled[:, data.input_names.index(f"influent.{name}")].any() == expected


def test_a_block_without_a_sum_is_an_error(sums):
    sums.set("TKN_in", slice(50, 97), "")
    with pytest.raises(InputError, match=r"'validate' has no measured value of influent\.TKN"):
        sums.read()


def failure(record):
    with pytest.raises(InputError) as caught:
        record.read()
    return caught.value


def test_ammonium_above_nitrogen_is_named_with_rows_and_time(sums):
    error = failure(sums.set("NH4_in", [12, 13], 70))
    assert error.where.endswith("plant.csv, column TKN_in, NH4_in, rows 12-13")
    assert error.found.startswith("S_NH is above TKN: TKN less S_NH is -")
    assert "g N/m3 at 2021-06-01 11:00 UTC (TKN 61.14, S_NH 70)" in error.found
    assert "the worst of 3 of 191 knots" in error.found
    assert "mg NH4/L is not mg N/L" in error.fix


def test_negative_organic_nitrogen_is_named_with_rows_and_time(sums):
    error = failure(sums.set("TKN_in", 40, 0.035))
    assert error.where.endswith("plant.csv, column TKN_in, NH4_in, COD_in, row 40")
    assert "S_ND and X_ND would be negative: TKN less that of X_I, X_BH, S_NH is -" in error.found
    assert "at 2021-06-02 14:00 UTC (TKN 35, S_NH 30.3, COD 4" in error.found
    assert "knots" not in error.found


def test_a_daily_mean_beside_an_hourly_analyser_is_told(sums):
    (sums.folder / "lab.csv").write_text("day,TKN\n" + "".join(f"2021-06-0{day} 00:00,31\n" for day in range(1, 6)))
    sums.replace("        TKN_in: {role: input, as: influent.TKN, unit: g N/L}\n", "")
    lab = """    lab:
      file: lab.csv
      time: {column: day, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        TKN: {role: input, as: influent.TKN, unit: mg N/L}
"""
    sums.replace("  blocks:", lab + "  blocks:")
    message = str(failure(sums))
    assert f"column TKN ({sums.folder / 'lab.csv'}), NH4_in" in message
    assert "TKN has a value every 24 h and NH4_in every 1 h" in message
    assert "give S_ND and X_ND under composition" in message


def test_constants_are_named_by_their_line(sums):
    sums.replace(COLUMNS, "").replace("        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}\n", "")
    sums.replace("{S_ALK: 7}", "{S_ALK: 7, COD: 400, TKN: 30, S_NH: 28}")
    error = failure(sums)
    assert f"case.yaml:{sums.line('composition')} (plant.influent.composition)" in error.where
    assert "would be negative" in error.found


def test_negative_cells_are_found_before_they_are_split(sums):
    error = failure(sums.set("COD_in", 40, -3))
    assert "column COD_in, row 40" in error.where
    assert "plausible range" in error.found


def test_tss_far_off_is_a_warning(sums):
    sums.replace("        DO: {", "        TSS_in: {role: input, as: influent.TSS, unit: mg/L}\n        DO: {")
    sums.frame["TSS_in"] = 240 + np.arange(96) / 10
    (found,) = [f for f in sums.read().quality if f.kind == "fractionation"]
    assert found.severity == "warning"
    assert found.column == "TSS_in"
    assert "TSS of the components is" in found.message


def test_tss_may_set_the_particulate_cod(sums):
    sums.replace("        DO: {", "        TSS_in: {role: input, as: influent.TSS, unit: mg/L}\n        DO: {")
    sums.frame["TSS_in"] = 240 + np.arange(96) / 10
    data = sums.replace("{type: raw}", "{type: raw, tss: scale}").read()
    solids = 0.75 * (column(data, "X_I") + column(data, "X_S") + column(data, "X_BH"))
    np.testing.assert_allclose(solids, 240 + np.arange(191) / 20, rtol=1e-12)
    assert not [f for f in data.quality if f.kind == "fractionation"]


def test_check_shows_the_fractions_and_the_components(sums):
    text = "\n".join(sums.check().lines)
    assert "influent, fractionated as raw sewage for ASM1" in text
    assert "f_SI 0.046" in text
    assert "taken as zero: X_BA, X_P, S_O, S_NO, S_N2" in text
    assert any(line.split()[:1] == ["X_ND"] and "g N/m3" in line for line in text.splitlines())


def test_check_lists_what_cannot_be_split(sums):
    report = sums.set("NH4_in", 12, 70).check()
    assert report.errors >= 1
    assert "S_NH is above TKN" in "\n".join(report.lines)


def test_check_says_nothing_of_a_fractionation_that_is_not_there(record):
    assert "fractionated" not in "\n".join(record.check().lines)
