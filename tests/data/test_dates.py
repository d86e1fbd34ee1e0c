"""Samples that are stamped with a date alone."""

import pandas as pd
import pytest

from asm_hybrid.data.series import read_sources

LAB = """    lab:
      file: lab.csv
      time: {column: date, format: FORMAT, zone: Europe/Amsterdam}
      columns:
        COLUMN
"""
DATES = [f"{day:02d}.06.2021" for day in range(1, 5)]


def findings(record, column, stamps=DATES, form='"%d.%m.%Y"', kind="dates"):
    lab = pd.DataFrame({"date": stamps, "value": [20.0, 21.0, 22.0, 20.5][: len(stamps)]})
    lab.to_csv(record.folder / "lab.csv", index=False)
    record.replace("  blocks:", LAB.replace("COLUMN", column).replace("FORMAT", form) + "  blocks:")
    config = record.config()
    table = config.table()
    _, found = read_sources(config, table, config.layout(table))
    return [f for f in found if f.kind == kind]


def without_ammonium(record):
    return record.replace("        NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}\n", "")


GRAB = "value: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 1}"


def test_a_composite_with_a_date(record):
    column = "value: {role: input, as: influent.S_NH, unit: mg N/L, sample: {composite: 24 h}}"
    (finding,) = findings(without_ammonium(record), column)
    assert (finding.severity, finding.column) == ("warning", "value")
    assert "taken as the 24 h before its date" in finding.message
    assert "give 24:00" in finding.fix


def test_a_grab_sample_with_a_date(record):
    (finding,) = findings(record, GRAB)
    assert "the samples are taken as of 0:00" in finding.message
    assert "composite: 24 h" in finding.fix


@pytest.mark.parametrize(
    ("column", "stamps", "form"),
    [
        ("value: {role: input, as: influent.S_NH, unit: mg N/L, interpolation: previous}", DATES, '"%d.%m.%Y"'),
        (GRAB.replace("S_NO", "S_NH"), [f"{date} 08:00" for date in DATES], '"%d.%m.%Y %H:%M"'),
        (GRAB.replace("S_NO", "S_NH"), [f"{DATES[0]} 00:00", f"{DATES[1]} 07:00"], '"%d.%m.%Y %H:%M"'),
    ],
)
def test_times_that_are_given(record, column, stamps, form):
    assert not findings(
        without_ammonium(record) if "S_NH," in column and "input" in column else record, column, stamps, form
    )
