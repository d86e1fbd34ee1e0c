"""Samples dated by the day alone, stamps that are shifted, and headers that speak of another substance."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.data.findings import Place
from asm_hybrid.data.species import check_header

SOURCE = """\
    lab:
      file: lab.csv
      time: {column: date, format: "%Y-%m-%d", zone: Europe/Amsterdam}
      columns:
        NH4_lab: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.3}
  blocks:"""


@pytest.fixture
def laboratory(record):
    record.replace("  blocks:", SOURCE)
    days = pd.date_range("2021-06-02", periods=3).strftime("%Y-%m-%d")
    pd.DataFrame({"date": days, "NH4_lab": [1.0, 2.0, 3.0]}).to_csv(record.folder / "lab.csv", index=False)
    return record


def alone(dataset):
    return [f for f in dataset.quality if f.kind == "date alone"]


def observed(dataset):
    (found,) = [o for o in dataset.observations if o.label == "NH4_lab"]
    return dataset.to_stamp(found.times[0])


def test_dates_without_a_time_of_day_are_a_warning(laboratory):
    dataset = laboratory.read()
    (found,) = alone(dataset)
    assert found.column == "NH4_lab"
    assert "shift" in found.fix
    assert observed(dataset) == pd.Timestamp("2021-06-01 22:00", tz="UTC")


@pytest.mark.parametrize(
    ("shift", "first"),
    [
        ("8 h", "2021-06-02 06:00"),
        ("1 d", "2021-06-02 22:00"),
        ("0 d", "2021-06-01 22:00"),
        ("-30 min", "2021-06-01 21:30"),
    ],
)
def test_a_shift_moves_the_stamps_and_says_that_they_are_understood(laboratory, shift, first):
    laboratory.replace("zone: Europe/Amsterdam", f"zone: Europe/Amsterdam, shift: {shift}")
    dataset = laboratory.read()
    assert alone(dataset) == []
    assert observed(dataset) == pd.Timestamp(first, tz="UTC")


def test_a_composite_dated_by_its_day_is_told_of_the_day_it_is_taken_for(laboratory):
    laboratory.replace("noise: 0.3}\n  blocks:", "noise: 0.3, sample: {composite: 24 h}}\n  blocks:")
    (found,) = alone(laboratory.read())
    assert "ends at its stamp" in found.message
    assert "shift: 1 d" in found.fix


def test_stamps_with_a_time_of_day_are_no_finding(record):
    assert alone(record.read()) == []


def test_what_several_columns_share_is_told_once(laboratory):
    laboratory.text = laboratory.text.replace(
        "noise: 0.3}\n  blocks:",
        "noise: 0.3}\n        NO3_lab: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 0.3}\n  blocks:",
    )
    days = pd.date_range("2021-05-30", periods=6).strftime("%Y-%m-%d")
    frame = pd.DataFrame({"date": days, "NH4_lab": np.arange(1.0, 7.0), "NO3_lab": np.arange(2.0, 8.0)})
    frame.to_csv(laboratory.folder / "lab.csv", index=False)
    outside = [f for f in laboratory.read().quality if "lie outside of the inputs' time" in f.message]
    assert [f.column for f in outside] == ["NH4_lab, NO3_lab"]


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("NO3", "aerobic.S_NH"),
        ("NH4_N [mg/L]", "aerobic.S_NO"),
        ("AIT-101 Ammonium", "effluent.S_NO3"),
        ("DO_2", "aerobic.S_NO"),
        ("COD in", "influent.TKN"),
        ("Temp", "Q_in"),
        ("lab_NOx", "effluent.S_NH4"),
    ],
)
def test_a_header_that_speaks_of_another_substance_is_found(header, target):
    (found,) = check_header(target, Place("plant.csv", header, "mg/L", np.arange(2)))
    assert (found.kind, found.severity) == ("header", "warning")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("NO3", "aerobic.S_NO"),
        ("NO2", "aerobic.S_NO2"),
        ("NH4_in", "influent.S_NH"),
        ("NH4/NO3 ratio", "aerobic.S_NO"),
        ("flow", "Q_in"),
        ("T_water", "T"),
        ("tag 4711", "aerobic.S_NH"),
        ("COD soluble", "influent.S_S"),
        ("Nitrogen, total", "effluent.TN"),
        ("station 3", "aerobic.S_NO"),
        ("DOC", "aerobic.S_NO"),
    ],
)
def test_headers_that_fit_or_tell_nothing_are_no_finding(header, target):
    assert check_header(target, Place("plant.csv", header, "mg/L", np.arange(2))) == []
