"""Findings that do not stop a run, and the text of `asm-hybrid check`."""

import numpy as np
import pytest

from asm_hybrid.data.findings import row_summary
from asm_hybrid.errors import InputError


def findings(record, kind):
    return [f for f in record.read().quality if f.kind == kind]


def test_good_series_have_no_findings(record):
    assert record.read().quality == ()


def test_value_out_of_range_is_reported_and_kept(record):
    record.replace("noise: 0.3", "noise: 0.3, range: [0, 10]").set("NH4", [9, 10, 11, 30], 25.0)
    (found,) = findings(record, "range")
    assert found.severity == "warning"
    assert found.rows == "rows 9-11, 30"
    assert "4 of 96" in found.message
    assert found.expected == "values in [0, 10] mg N/L"
    assert (record.read().observations[0].values == 25.0).sum() == 4


def test_negative_observation_is_a_warning(record):
    (found,) = findings(record.set("NH4", 9, -0.05), "range")
    assert (found.severity, found.rows) == ("warning", "row 9")


def test_frozen_sensor(record):
    record.set("NH4", slice(40, 60), 3.25)
    (found,) = findings(record, "frozen sensor")
    assert found.rows == "rows 40-59"
    assert "0.8 d at 3.25 mg N/L" in found.message
    assert (record.read().observations[0].values == 3.25).sum() == 20


def test_an_analyser_that_rests_with_a_little_noise_is_frozen(record):
    noise = 0.002 * np.random.default_rng(1).random(30)
    record.frame.loc[40:69, "NH4"] = 3.25 + noise
    (found,) = findings(record, "frozen sensor")
    assert found.rows == "rows 42-71"
    assert "without a movement, the longest 1.2 d at 3.25" in found.message
    assert "'exclude'" in found.fix


def test_an_analyser_that_rests_at_its_lowest_values_may_well_read_zero(record):
    noise = 0.002 * np.random.default_rng(1).random(30)
    record.frame["NH4"] += 1.0
    record.frame.loc[40:69, "NH4"] = 0.1 + noise
    assert findings(record, "frozen sensor") == []


def test_only_observations_are_asked_whether_they_rest(record):
    record.frame.loc[40:69, "DO"] = 1.25 + 0.002 * np.random.default_rng(1).random(30)
    assert findings(record, "frozen sensor") == []


def test_series_in_steps_is_not_frozen(record):
    record.frame["NH4_in"] = np.repeat(np.arange(4.0) + 30, 24)
    assert findings(record, "frozen sensor") == []


def test_series_with_a_base_value_is_not_frozen(record):
    steps = np.where(np.arange(96) % 32 < 4, np.arange(96) / 10, 0.0)
    record.frame["NH4_in"] = 30.0 - steps
    assert findings(record, "frozen sensor") == []


def test_temperature_may_rest_for_hours(record):
    record.replace("  temperature: 15\n", "")
    record.replace("        DO: {", "        T: {role: input, as: T, unit: degC}\n        DO: {")
    record.frame["T"] = 15.0 + np.maximum(0, np.arange(96) - 20) / 100
    assert findings(record, "frozen sensor") == []
    record.file.unlink()
    record.frame["T"] = 15.0 + np.maximum(0, np.arange(96) - 40) / 100
    assert [f.column for f in findings(record, "frozen sensor")] == ["T"]


def test_constant_column(record):
    record.frame["NH4_in"] = 30.0
    (found,) = findings(record, "constant column")
    assert (found.column, found.message) == ("NH4_in", "every value is 30")


def test_columns_with_the_same_values(record):
    record.frame["DO"] = record.frame["NH4"]
    (found,) = findings(record, "duplicate columns")
    assert (found.column, found.message) == ("NH4", "the column holds the same values as 'DO'")


def test_gap_is_named_once_for_columns_that_share_it(record):
    record.frame = record.frame.drop(index=range(20, 44))
    (found,) = findings(record, "gap")
    assert found.column == "flow, NH4_in, DO, NH4"
    assert found.rows == "rows 21-22"
    assert "the longest is 1.0 d" in found.message


def test_block_that_is_mostly_bridged(record):
    record.set("flow", slice(5, 30), "")
    (found,) = findings(record, "inputs bridged")
    assert "'train'" in found.message
    assert "Q_in (5" in found.message


def test_blocks_that_touch(record):
    (found,) = findings(record.replace("validate: [0.55, 0.7]", "validate: [0.5, 0.7]"), "blocks touch")
    assert "train and validate" in found.message


def test_large_flow_is_no_sentinel(record):
    record.frame["flow"] = 9000.0 + np.arange(96)
    assert findings(record.set("flow", 9, 9999.0), "sentinel") == []


def test_sentinel_within_the_declared_range_is_a_value(record):
    record.replace("noise: 0.3", "noise: 0.3, range: [0, 10000]").set("NH4", 9, 9999)
    assert record.read().observations[0].values.max() == 9999


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], ""),
        ([5], "row 5"),
        ([5, 6, 7, 9], "rows 5-7, 9"),
        (range(1, 40, 2), "rows 1, 3, 5, 7 and 16 more"),
    ],
)
def test_row_summary(rows, text):
    assert row_summary(rows) == text


def test_check_report_of_good_data(record):
    report = record.check()
    text = "\n".join(report.lines)
    assert report.errors == 0
    assert f"{record.file}, 96 rows" in text
    assert "2021-06-01 00:00:00 to 2021-06-04 23:00:00 UTC, median interval 60 min" in text
    rows = {line.split()[0]: line.split() for line in report.lines if line.startswith("  ")}
    assert rows["flow"][1:] == ["input", "Q_in", "m3/h", "400", "…", "495", "0.0", "%"]
    assert rows["NH4"][1:3] == ["observation", "aerobic.S_NH"]
    assert rows["influent.S_S"][1:] == ["70", "g", "COD/m3"]
    assert rows["test"][-1] == "24"
    assert "191 knots every 30 min" in text
    assert list(report.lines[-2:]) == ["", "0 errors, 0 warnings"]
    assert "findings: none" in report.lines


def test_check_report_names_every_error(record):
    record.set("NH4", 9, "bad").set("DO", 12, -999).set("flow", slice(40, 60), 444)
    report = record.check()
    text = "\n".join(report.lines)
    assert report.errors == 2
    assert "column NH4, row 9: the cell 'bad'" in text
    assert "column DO, row 12" in text
    assert "missing: [-999]" in text
    assert "column flow, rows 40-59" in text


def test_check_report_names_blocks_that_cannot_be_placed(record):
    record.replace("validate: [0.55, 0.7]", "validate: [0.45, 0.7]")
    report = record.check()
    assert report.errors == 1
    assert "begins before the block 'train' ends" in "\n".join(report.lines)


def test_check_report_of_a_bad_config(record):
    with pytest.raises(InputError, match="hiden"):
        record.replace("training:", "network: {hiden: [8]}\ntraining:").check()
