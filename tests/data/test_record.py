"""From when to when the record runs: set points that are written when they change, and columns that cut it."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.data.series import on_change
from asm_hybrid.errors import InputError

SOURCE = """\
    panel:
      file: panel.csv
      time: {{column: time, format: "%Y-%m-%d %H:%M", zone: UTC}}
      columns:
        {header}: {{role: input, as: {target}, unit: {unit}{more}}}
  blocks:"""


def panel(record, rows, *, header="RAS", target="return_sludge", unit="m3/h", more="", kind="previous"):
    """Give the plant a column in a file of its own."""
    (record.folder / "panel.csv").write_text("\n".join([f"time,{header}", *rows]), encoding="utf-8")
    record.replace("  blocks:", SOURCE.format(header=header, target=target, unit=unit, more=more))
    if target in ("return_sludge", "wastage"):
        given = "{to: anoxic}" if target == "return_sludge" else "{from: settler}"
        record.replace("  influent:\n", f"  {target}: {given}\n  influent:\n")
        record.replace("settler: {type: none}", "settler: {type: ideal}")
    return record.replace("  interval: 30 min", f"  interval: 30 min\n  interpolation: {kind}")


def column(data, name):
    return data.inputs[:, data.input_names.index(name)]


def kinds(data):
    return [f.kind for f in data.quality]


RAS = ["2021-06-01 00:00,400", "2021-06-01 20:00,350", "2021-06-02 05:10,420"]


@pytest.mark.parametrize(("target", "header"), [("return_sludge", "RAS"), ("wastage", "was")])
def test_the_last_set_point_holds_to_the_end_of_the_record(record, target, header):
    data = panel(record, RAS, target=target, header=header).read()
    assert data.span == pytest.approx(95 / 24)
    assert data.observations[0].values.size == 96
    assert data.quality == ()
    assert set(column(data, target)[60:] / 24) == {420.0}
    assert not data.input_filled.any()


def test_one_row_is_enough_for_a_set_point(record):
    data = panel(record, RAS[:1]).read()
    assert data.span == pytest.approx(95 / 24)
    assert set(column(data, "return_sludge")) == {400 * 24.0}


def test_changes_close_together_leave_no_gap_after_them(record):
    rows = [f"2021-06-01 00:{minute:02},{400 + minute}" for minute in (0, 5, 10, 20, 30)]
    data = panel(record, [*rows, "2021-06-04 20:00,440"]).read()
    assert data.quality == ()
    assert not data.input_filled.any()


def test_a_column_may_hold_its_values_where_lines_join_those_of_the_others(record):
    data = panel(record, RAS, kind="linear", more=", interpolation: previous").read()
    assert data.span == pytest.approx(95 / 24)
    assert data.quality == ()
    held = column(data, "return_sludge") / 24
    assert (held[10], held[50], held[-1]) == (400.0, 350.0, 420.0)


def test_the_check_says_that_a_value_holds(record):
    assert "holds until changed" in "\n".join(panel(record, RAS).check().lines)


def test_a_column_that_ends_the_record_is_named(record):
    data = panel(record, RAS, kind="linear").read()
    (cut,) = [f for f in data.quality if f.kind == "record cut"]
    assert (cut.severity, cut.column, cut.file) == ("warning", "RAS", f"{record.folder}/panel.csv")
    assert "at 2021-06-02 05:10 UTC this column ends the record" in cut.message
    assert "go on to 2021-06-04 23:00" in cut.message
    assert "interpolation: previous" in cut.fix
    (outside,) = [f for f in data.quality if f.kind == "outside the inputs"]
    assert "since RAS (" in outside.message
    assert "ends at 2021-06-02 05:10" in outside.message


def test_a_set_point_that_is_joined_by_lines_is_told(record):
    rows = [*RAS, "2021-06-04 23:00,420"]
    (lines,) = panel(record, rows, kind="linear").read().quality
    assert (lines.severity, lines.kind, lines.column) == ("warning", "joined by lines", "RAS")
    assert "over up to 2.7 d" in lines.message
    record.text = record.text.replace(
        "as: return_sludge, unit: m3/h", "as: return_sludge, unit: m3/h, interpolation: linear"
    )
    assert record.read().quality == ()


def test_a_column_that_begins_the_record_is_named(record):
    data = panel(record, ["2021-06-03 00:00,400", "2021-06-03 20:00,350"]).read()
    (cut,) = [f for f in data.quality if f.kind == "record cut"]
    assert "at 2021-06-03 00:00 UTC this column begins the record" in cut.message
    (outside,) = [f for f in data.quality if f.kind == "outside the inputs"]
    assert "since RAS (" in outside.message
    assert "begins at" in outside.message


def test_a_regular_sensor_that_stops_is_a_sensor_that_stops(record):
    times = pd.date_range("2021-06-01", periods=40, freq="h")
    data = panel(record, [f"{t:%Y-%m-%d %H:%M},{400 + t.hour}" for t in times]).read()
    assert data.span == pytest.approx(39 / 24)
    assert "record cut" in kinds(data)


def test_an_outage_of_a_regular_held_sensor_is_a_gap(record):
    record.set("flow", slice(20, 44), "")
    data = record.replace("  interval: 30 min", "  interval: 30 min\n  interpolation: previous").read()
    filled = np.flatnonzero(data.input_filled[:, data.input_names.index("Q_in")]) / 2
    assert (filled.min(), filled.max()) == (18.0, 41.5)  # a sample is in force for an hour, then for none
    assert "gap" in kinds(data)


def test_what_is_usually_measured_is_not_held_for_long_in_silence(record):
    record.replace("  temperature: 15\n", "")
    rows = ["2021-06-01 00:00,15", "2021-06-01 09:30,16", "2021-06-01 14:00,15.5"]
    panel(record, rows, header="temp", target="T", unit="degC")
    (held,) = [f for f in record.read().quality if f.kind == "last value held"]
    assert (held.severity, held.rows) == ("warning", "row 4")
    assert "holds for 3.4 d" in held.message
    record.text = record.text.replace("unit: degC}", "unit: degC, interpolation: previous}")
    assert record.read().quality == ()


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (np.arange(5.0), True),
        (np.arange(50) / 24, False),
        (np.delete(np.arange(50) / 24, slice(10, 30)), False),
        (np.cumsum(np.random.default_rng(1).gamma(0.5, 1.0, 50)), True),
        (np.sort(np.concatenate([np.arange(50) / 24, np.random.default_rng(1).random(5)])), False),
    ],
    ids=["few", "clock", "clock with an outage", "by hand", "clock and changes"],
)
def test_whether_a_series_is_written_when_it_changes(days, expected):
    assert on_change(days) is expected


def test_interpolation_is_no_word_for_observations(record):
    record.replace("unit: mg N/L, noise: 0.3", "unit: mg N/L, noise: 0.3, interpolation: previous")
    with pytest.raises(InputError, match="'observation' and 'interpolation'"):
        record.read()


def test_too_many_knots_are_refused_with_their_number_and_the_columns(record):
    record.frame.loc[95, "time"] = "2099-06-01 00:00"
    with pytest.raises(InputError) as error:
        record.replace("interval: 30 min", "interval: 1 min").read()
    assert "from 2021-06-01 00:00 to 2099-06-01 00:00 UTC" in str(error.value)
    assert "knots at an interval of 1 min" in str(error.value)
    assert "stamps of flow, NH4_in, DO" in str(error.value)


def test_an_interval_far_below_that_of_the_samples_is_said_to_gain_nothing(record):
    (fine,) = [f for f in record.replace("interval: 30 min", "interval: 10 s").read().quality]
    assert fine.kind == "fine interval"
    assert "34201 knots; the inputs are 1 h or more apart" in fine.message
    assert fine.fix.startswith("set 'interval: 1 h'")


def test_a_record_with_very_many_knots_says_what_it_takes(record):
    data = record.replace("interval: 30 min", "interval: 1.5 s").read()
    (large,) = [f for f in data.quality if f.kind == "large record"]
    assert "228001 knots at an interval of 1.5 s" in large.message
    assert "MB" in large.message


def test_composites_that_overlap_are_told(record):
    record.replace("unit: m3/h", "unit: m3/h, sample: {composite: 24 h}")
    (found,) = [f for f in record.read().quality if f.kind == "overlapping composites"]
    assert (found.column, found.severity) == ("flow", "warning")
    assert "95 of 96 periods of 24 h" in found.message


def test_a_set_point_from_before_the_record_takes_no_time_from_it(record):
    data = panel(record, ["2021-05-01 00:00,400", "2021-06-02 05:10,420"]).read()
    assert data.span == pytest.approx(95 / 24)
    assert data.quality == ()


def test_one_value_that_is_joined_by_lines_is_told_what_it_lacks(record):
    with pytest.raises(InputError, match="RAS has one value: add 'interpolation: previous'"):
        panel(record, RAS[:1], kind="linear").read()
