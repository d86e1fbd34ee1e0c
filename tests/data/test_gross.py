"""Values that no water can hold, that a number format writes in place of a value, or that lie far off."""

from pathlib import Path

import numpy as np
import pytest

from asm_hybrid.config.schema.data_sections import ColumnSection
from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.data.findings import Place
from asm_hybrid.data.gross import check_far, check_impossible
from asm_hybrid.data.low import check_low
from asm_hybrid.errors import InputError

BSM = Path(__file__).parents[3] / "shared" / "data" / "bsm"
DAYS = np.arange(768) / 96
WAVE = np.sin(2 * np.pi * DAYS)
SERIES = {
    "flow": ("input", "Q_in", "m3/h", "m3/d", 24.0, 400 + 120 * WAVE),
    "NH4_in": ("input", "influent.S_NH", "mg N/L", "g N/m3", 1.0, 30 + 9 * WAVE),
    "NH4": ("observation", "aerobic.S_NH", "mg N/L", "g N/m3", 1.0, 3 + 2.4 * WAVE),
    "MLSS": ("observation", "aerobic.TSS", "g/L", "g TSS/m3", 1000.0, 3.5 + 0.2 * WAVE),
    "DO": ("imposed", "aerobic.S_O", "mg/L", "g O2/m3", 1.0, 1.5 + WAVE),
    "T": ("input", "T", "degC", "degC", 1.0, 15 + DAYS / 3),
    "RAS": ("input", "return_sludge", "m3/h", "m3/d", 24.0, np.where(DAYS > 4, 350.0, 400.0)),
}
LIMITS = [65535, 32767, 32766.7, 6553.5, 2147483647, 1e20, 3.4028235e38, 1e300, 9999, 99999, -9999, -32768]


def check(name, values, **more):
    """Return the findings about values of a column, those that are errors alone where there are any."""
    role, target, written, unit, factor, _ = SERIES[name]
    keys = {"role": role, "as": target, "unit": written, **({"noise": 1.0} if role == "observation" else {}), **more}
    column, place = ColumnSection.model_validate(keys), Place("f.csv", name, written, np.arange(values.size) + 2)
    internal = values * factor
    found = check_impossible(values, internal, place, target, unit, column.range)
    return found or check_far(values, internal, place, unit, column.range)


def spoilt(name, value, rows=(100, 500)):
    values = np.round(SERIES[name][-1], 3)
    values[list(rows)] = value
    return values


@pytest.mark.parametrize("name", SERIES)
def test_good_series_are_not_found(name):
    assert check(name, np.round(SERIES[name][-1], 3)) == []


@pytest.mark.parametrize("rows", [(100,), (100, 500)], ids=["once", "twice"])
@pytest.mark.parametrize("value", LIMITS)
@pytest.mark.parametrize("name", SERIES)
def test_limits_of_number_formats_and_impossible_values_are_errors_with_their_rows(name, value, rows):
    found = check(name, spoilt(name, value, rows))
    assert {f.severity for f in found} == {"error"}
    assert {f.rows for f in found} == {"row 102" if len(rows) == 1 else "rows 102, 502"}
    assert "missing: [" in found[0].fix


@pytest.mark.parametrize("name", ["flow", "NH4_in", "NH4"])
def test_a_number_that_is_also_read_off_is_an_error_where_it_is_apart(name):
    (found,) = check(name, spoilt(name, 8888))
    assert (found.severity, found.kind, found.rows) == ("error", "sentinel", "rows 102, 502")


@pytest.mark.parametrize("value", [1e6, 87654.3])
@pytest.mark.parametrize("name", ["flow", "NH4_in", "NH4", "RAS"])
def test_values_far_above_all_others_are_told(name, value):
    (found,) = check(name, spoilt(name, value))
    assert (found.severity, found.kind, found.rows) == ("warning", "far outside", "rows 102, 502")
    assert "'exclude'" in found.fix
    assert check(name, spoilt(name, value), range=[0, 1e6]) == []


def test_a_number_that_may_be_a_word_is_told():
    (found,) = check("flow", spoilt("flow", 999))
    assert (found.severity, found.kind) == ("warning", "sentinel")
    (found,) = check("RAS", spoilt("RAS", 8888))
    assert found.severity == "warning"  # steps: it may well have been set
    (found,) = check("NH4", spoilt("NH4", 999))
    assert found.severity == "error"


def test_several_limits_do_not_hide_each_other():
    values = spoilt("NH4", 65535)
    values[[7, 8]], values[9], values[10] = 32767, 1e30, 2147483647
    found = check("NH4", values)
    assert {f.rows for f in found} == {"rows 102, 502", "rows 9-10", "rows 11-12"}


def test_a_limit_that_the_remedy_names_is_left_out(record):
    record.set("NH4", [12, 13], 3.4028235e38)
    with pytest.raises(InputError, match=r"missing: \[3\.4028235e\+38\]"):
        record.read()
    record.file.unlink()
    data = record.replace("      columns:", "      missing: [3.4028235e+38]\n      columns:").read()
    assert data.observations[0].values.size == 94


@pytest.mark.parametrize("column", ["flow", "NH4_in", "DO", "NH4"])
def test_the_check_counts_an_impossible_value_as_an_error(record, column):
    report = record.set(column, 60, 1e300).check()
    assert report.errors == 1
    assert f"column {column}, row 60: 1 of 96 values is 1e+300" in "\n".join(report.lines)


def test_a_value_too_large_to_convert_is_impossible(record):
    with pytest.raises(InputError, match=r"1\.7e\+308 m3/h, which no flow can be"):
        record.set("flow", 60, 1.7e308).set("flow", 61, -1.7e308).read()


def test_a_quantity_has_a_limit_in_its_own_unit(record):
    record.set("flow", 60, 1e9)
    with pytest.raises(InputError, match="which no flow can be"):
        record.read()


@pytest.mark.parametrize(
    "flow",
    [
        np.where(np.arange(768) % 15 < 5, 1200.0, 0.0),
        np.where(np.arange(768) % 15 < 5, 1200.0, 1.2),
        np.where(np.arange(768) % 15 < 5, 888.0, 0.0),
        np.full(768, 999.0),
        np.where(np.arange(768) == 300, 190.0, 5.0),
        400 + 7000 * np.exp(-(((DAYS - 4) / 0.05) ** 2)),
        np.maximum(0, WAVE - 0.9) * 1e4,
        np.array([300.0, 310.0, 4000.0]),
        np.where(np.arange(768) % 3 == 0, 1.5, np.round(500.4 + 300 * WAVE, 1)),
    ],
    ids=["pump", "pump at rest", "pump of 888", "constant", "set point", "storm", "overflow", "few", "two levels"],
)
def test_real_peaks_and_steps_are_not_found(flow):
    assert check("flow", flow) == []


def test_what_is_near_zero_may_rise():
    assert check("NH4", np.where(np.arange(768) == 100, 8.0, 0.05 + 0.001 * np.arange(768) / 768)) == []


@pytest.mark.skipif(not BSM.is_dir(), reason="the influents of the benchmark are not at hand")
@pytest.mark.parametrize("weather", ["dry", "rain", "strm"])
def test_influents_of_the_benchmark_are_not_found(weather):
    frame = read_bsm_influent(BSM / f"bsm1_asm1_Inf_{weather}.txt").frame
    for name in frame.columns:
        values = frame[name].to_numpy(dtype=float)
        assert check("flow" if name == "Q_in" else "NH4_in", values) == [], name


# --- far below


def low(name, values, **more):
    return check_low(values, Place("f.csv", name, SERIES[name][2], np.arange(values.size) + 2), SERIES[name][1], **more)


@pytest.mark.parametrize("name", SERIES)
def test_good_series_are_not_far_below(name):
    assert low(name, np.round(SERIES[name][-1], 3)) == []


@pytest.mark.parametrize("name", ["flow", "NH4_in", "NH4", "MLSS", "T"])
def test_zeros_where_nothing_else_is_near_zero(name):
    (found,) = low(name, spoilt(name, 0.0))
    assert (found.severity, found.kind, found.rows) == ("warning", "zeros", "rows 102, 502")
    assert "missing: [0]" in found.fix


def test_zeros_that_are_measured():
    drained = np.maximum(3 + 3.6 * WAVE, 0.0)
    assert (drained == 0).any()
    assert low("NH4", drained) == []
    assert low("NH4", spoilt("NH4", 0.0), limited=True) == []
    for turned_off in ("DO", "RAS"):
        assert low(turned_off, spoilt(turned_off, 0.0, range(100, 180))) == []
    pumped = np.where(WAVE > 0, np.round(400 + 20 * np.cos(DAYS * 50), 2), 0.0)
    assert low("flow", pumped) == []


def test_a_tenth_of_the_values_are_zero_for_none():
    (found,) = low("MLSS", spoilt("MLSS", 0.0, range(0, 768, 10)))
    assert found.message.startswith("77 of 768 values are 0")


@pytest.mark.parametrize("name", ["flow", "MLSS", "NH4_in"])
def test_thousandths_of_the_other_values(name):
    values = np.round(SERIES[name][-1], 3)
    values[::7] /= 1000
    (found,) = low(name, values)
    assert (found.severity, found.kind) == ("warning", "thousandths")
    assert found.rows.startswith("rows 2, 9, 16")


def test_low_values_that_are_no_thousandths():
    values = np.round(SERIES["flow"][-1], 3)
    values[::7] = 8.0
    assert low("flow", values) == []


def test_the_smallest_number_of_a_file_makes_no_warning_of_the_library():
    values = np.round(SERIES["flow"][-1], 3)
    values[7] = 5e-324
    assert all(found.kind in ("zeros", "thousandths") for found in low("flow", values))
