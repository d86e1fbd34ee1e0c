"""Long tables: a row for each value of each tag, as historians export them."""

import re

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import build_layout, load_kinetics
from asm_hybrid.data.check_text import check_data
from asm_hybrid.data.series import read_sources
from asm_hybrid.errors import InputError

SECTION = "long: {tag: Tag, value: Value}"
UNTIL = pd.Timestamp("2021-06-02", tz="UTC")


def tall(record, section=SECTION):
    """Turn the file of a record into a long one, by time as a historian writes it, and the config with it."""
    record.file.unlink(missing_ok=True)
    record.frame = record.frame.melt(id_vars="time", var_name="Tag", value_name="Value")
    record.frame = record.frame.sort_values("time", kind="stable").reset_index(drop=True)
    record.replace("      time: {column", f"      {section}\n      time: {{column")
    return record


def saved(record, kind):
    record.frame["Value"] = record.frame["Value"].astype(float)
    record.frame.to_csv(record.folder / "plant.csv", index=False)
    if kind == "xlsx":
        record.frame.to_excel(record.folder / "plant.xlsx", index=False, engine="xlsxwriter")
    elif kind == "parquet":
        record.frame.to_parquet(record.folder / "plant.parquet", index=False)
    record.replace("plant.csv", f"plant.{kind}")
    return record


def read(record, until=None):
    config = record.config()
    table = load_kinetics(config)
    return read_sources(config, table, build_layout(config, table), until)


def refused(record, *words):
    with pytest.raises(InputError) as caught:
        record.read()
    for word in words:
        assert word in str(caught.value)


def tag(record, name):
    """Return the rows of a tag, as a mask over the frame."""
    return record.frame["Tag"] == name


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_reads_as_the_wide_file_does(record, kind):
    wide = record.read()
    long = saved(tall(record), kind).read()
    digits = 1e-14 if kind == "xlsx" else 0.0  # a workbook keeps sixteen
    np.testing.assert_allclose(long.inputs, wide.inputs, rtol=digits)
    for one, other in zip(long.observations, wide.observations, strict=True):
        np.testing.assert_array_equal(one.times, other.times)
        np.testing.assert_allclose(one.values, other.values, rtol=digits)
    assert not long.quality
    assert long.fingerprint[0]["columns"] == ["flow", "NH4_in", "DO", "NH4"]


def test_the_order_of_tags_does_not_matter(record):
    wide = record.read()
    tall(record)
    record.frame = record.frame.sort_values("Tag", kind="stable")
    np.testing.assert_array_equal(record.read().inputs, wide.inputs)


def test_rows_in_messages_are_those_of_the_file(record):
    row = np.flatnonzero(tag(tall(record), "NH4"))[3]
    record.frame["Value"] = record.frame["Value"].astype(object)
    record.frame.loc[row, "Value"] = "oops"
    refused(record, f"column NH4, row {row + 2}", "'oops' is not a number")


def test_tags_at_their_own_times(record):
    """A historian writes a value when it changes: each tag has times of its own, and none has gaps by the others."""
    tall(record)
    late = tag(record, "NH4")
    record.frame.loc[late, "time"] = record.frame.loc[late, "time"].str.replace(":00", ":07")
    sources, findings = read(record)
    assert [[s.header for s in source.series] for source in sources] == [["flow", "NH4_in", "DO"], ["NH4"]]
    assert not findings
    assert not any(np.isnan(s.values).any() for source in sources for s in source.series)
    lines = record.check().lines
    assert sum(line.startswith("source online: ") for line in lines) == 2


def test_unknown_tag_is_named_with_its_nearest(record):
    tall(record).frame.loc[tag(record, "NH4"), "Tag"] = "NH4N"
    refused(record, "has no tag 'NH4'", "columns.NH4", "did you mean 'NH4N'")


def test_numeric_tags(record):
    tall(record)
    record.frame["Tag"] = record.frame["Tag"].map({"flow": 101.0, "NH4_in": 102, "DO": 103, "NH4": 104.0})
    for name, number in (("flow", 101), ("NH4_in", 102), ("DO", 103), ("NH4", 104)):
        record.replace(f"        {name}:", f'        "{number}":')
    assert [s.header for s in read(saved(record, "xlsx"))[0][0].series] == ["101", "102", "103", "104"]


def test_rows_without_a_tag_and_tags_that_are_not_used(record):
    wide = record.read()
    tall(record)
    more = pd.DataFrame({"time": "never", "Tag": [np.nan, *(f"T{i}" for i in range(50))], "Value": "x"})
    record.frame = pd.concat([record.frame, more])
    np.testing.assert_array_equal(record.read().inputs, wide.inputs)
    (line,) = [line for line in record.check().lines if "not used" in line]
    assert line.startswith("  not used: T0, T1, ")
    assert line.endswith("and 20 more")


def test_a_stamp_that_stands_twice_for_a_tag(record):
    tall(record)
    record.frame = pd.concat([record.frame, record.frame[tag(record, "DO")].iloc[[5]]])
    refused(record, "column DO", "the stamp 2021-06-01 05:00:00 UTC stands more than once")


def test_a_tag_whose_time_goes_back(record):
    tall(record)
    record.frame = record.frame.sample(frac=1.0, random_state=1)
    refused(record, "time goes back", "rows in order of time")


def test_no_stamp_can_be_told_apart_only_where_a_tag_has_it_twice(record):
    tall(record).replace("zone: UTC", "zone: Europe/Amsterdam")
    record.frame["time"] = record.frame["time"].str.replace("2021-06", "2021-10").str.replace("-10-01 ", "-10-31 ")
    record.frame = record.frame[record.frame["time"].str.startswith("2021-10-31")]
    refused(record, "2021-10-31 02:00:00 exists twice in Europe/Amsterdam", "cannot be told apart")


QUALITY = "long: {tag: Tag, value: Value, quality: Q, good: [192, Good]}"


@pytest.mark.parametrize("good", ["192", "192.0", "good", " Good "])
def test_quality(record, good):
    tall(record, QUALITY).frame["Q"] = good
    row = np.flatnonzero(tag(record, "NH4"))[2]
    record.frame.loc[row, "Q"] = "Bad"
    sources, (finding,) = read(record)
    (series,) = [s for s in sources[0].series if s.header == "NH4"]
    assert np.flatnonzero(np.isnan(series.values)).tolist() == [2]
    assert finding.kind == "quality"
    assert finding.where.endswith(f"column NH4, row {row + 2}")
    assert "1 of 96 values are left out" in finding.message
    assert "says 'Bad'" in finding.message


def test_quality_that_is_a_number_in_a_workbook_or_empty(record):
    tall(record, QUALITY).frame["Q"] = 192.0
    rows = np.flatnonzero(tag(record, "DO"))[:2]
    record.frame.loc[rows[0], "Q"], record.frame.loc[rows[1], "Q"] = np.nan, 24.0
    (finding,) = read(saved(record, "xlsx"))[1]
    assert "2 of 96 values" in finding.message
    assert "it is empty" in finding.message


def test_no_good_value(record):
    tall(record, QUALITY).frame["Q"] = "0x80"
    refused(record, "no cell has a value")


def test_rows_after_a_time_are_not_there(record):
    tall(record)
    late = tag(record, "NH4") & (record.frame["time"] < "2021-06-03")
    record.frame = record.frame[~late]
    sources, _ = read(record, UNTIL)
    assert all(source.times.max() <= UNTIL for source in sources)
    (series,) = [s for source in sources for s in source.series if s.header == "NH4"]
    assert np.isnan(series.values).all()
    with pytest.raises(InputError, match="no row lies at or before 2020-01-01"):
        read(record, pd.Timestamp("2020-01-01", tz="UTC"))


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("long: {tag: Tag}", ["long", "'value'"]),
        ("long: {tag: Tag, value: Tag}", ["'Tag' is both long.tag and long.value"]),
        ("long: {tag: time, value: Value}", ["'time' is both time.column and long.tag"]),
        ("long: {tag: Tag, value: Value, quality: Q}", ["no 'good'", "good: [192, Good]"]),
        ("long: {tag: Tag, value: Value, good: [192]}", ["no 'quality'"]),
        ("long: {tag: Tag, values: Value}", ["unknown key 'values'", "the key 'value' is missing"]),
        ("long: {tag: Tags, value: Value}", ["has no column 'Tags'", "long.tag", "did you mean 'Tag'"]),
    ],
)
def test_sections_that_cannot_be(record, section, words):
    refused(tall(record, section), *words)


def test_a_wide_file_read_as_a_long_one(record):
    record.replace("      time: {column", f"      {SECTION}\n      time: {{column")
    refused(record, "has no column 'Tag', but a column 'flow'", "remove 'long'")


def test_the_resolved_config_reads_the_same(record):
    tall(record)
    record.read()
    text = record.config().to_yaml(record.folder)
    assert re.search(r"long:.*tag: Tag", text, re.DOTALL)
    record.text = text
    record.read()
    assert not check_data(record.config(), load_kinetics(record.config()), layout(record), "case").errors


def layout(record):
    return build_layout(record.config(), load_kinetics(record.config()))
