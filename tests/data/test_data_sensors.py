"""Detection limits, composite samples, and what a column says of its sensor."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import load_config
from asm_hybrid.data.censoring import ABOVE, BELOW
from asm_hybrid.errors import InputError

NH4 = "NH4: {role: observation, as: aerobic.S_NH, unit: mg N/L, noise: 0.3}"
NH4_IN = "NH4_in: {role: input, as: influent.S_NH, unit: mg N/L}"
Q_IN = "flow: {role: input, as: Q_in, unit: m3/h}"
LAB = """\
    lab:
      file: lab.csv
      time: {column: time, format: "%Y-%m-%d", zone: UTC}
      columns:
"""
DO = "DO: {role: imposed, as: aerobic.S_O, unit: mg/L}"


def with_keys(column, keys):
    return column[:-1] + ", " + keys + "}"


def observed(dataset):
    (found,) = dataset.observations
    return found


def test_cells_below_a_limit_count_as_censored_at_the_number_they_give(record):
    found = observed(record.set("NH4", [5, 9], "<0.05").set("NH4", 12, " < 0.1").read())
    assert found.rows[found.censored == BELOW].tolist() == [5, 9, 12]
    assert found.values[found.censored == BELOW].tolist() == [0.05, 0.05, 0.1]


def test_values_at_or_below_the_limit_of_the_column_are_censored_at_it(record):
    record.set("NH4", 5, 0.2).set("NH4", 6, 0.01).set("NH4", 7, 0.21).set("NH4", 8, "<0.02").set("NH4", 9, "<0.5")
    found = observed(record.replace(NH4, with_keys(NH4, "detection_limit: 0.2")).read())
    chosen = np.isin(found.rows, [5, 6, 7, 8, 9])
    assert found.values[chosen].tolist() == [0.2, 0.2, 0.21, 0.02, 0.5]
    assert found.censored[chosen].tolist() == [BELOW, BELOW, 0, BELOW, BELOW]
    assert np.count_nonzero(found.censored) == 4


def test_values_at_which_a_sensor_saturates_are_censored_from_above(record):
    record.set("NH4", 5, 9.97).set("NH4", 6, 10.1).set("NH4", 7, 9.96).set("NH4", 8, "> 12").set("NH4", 9, "<0.05")
    found = observed(record.replace(NH4, with_keys(NH4, "saturation: 9.97")).read())
    chosen = np.isin(found.rows, [5, 6, 7, 8, 9])
    assert found.values[chosen].tolist() == [9.97, 9.97, 9.96, 12.0, 0.05]
    assert found.censored[chosen].tolist() == [ABOVE, ABOVE, 0, ABOVE, BELOW]
    assert np.count_nonzero(found.censored) == 4


def test_excluded_periods_hold_no_samples_and_no_bad_cells(record):
    record.set("NH4", 9, "broken").set("NH4", 14, 4.0)
    periods = "exclude: [['2021-06-01 07:00', '2021-06-01 08:30'], ['2021-06-01T12:30+00:30', '2021-06-01 13:00']]"
    record.replace(NH4, with_keys(NH4, periods))
    found = observed(record.read())
    assert sorted(set(range(2, 98)) - set(found.rows)) == [9, 10, 14, 15]
    assert "2 periods left out" in "\n".join(record.check().lines)


def test_one_row_is_excluded_by_its_stamp(record):
    stamp = "2021-06-01 07:00"
    found = observed(record.replace(NH4, with_keys(NH4, f"exclude: [['{stamp}', '{stamp}']]")).read())
    (row,) = set(range(2, 98)) - set(found.rows)
    assert record.frame["time"][row - 2] == stamp


def test_an_input_is_bridged_over_an_excluded_period(record):
    record.set("flow", slice(10, 13), 9999)
    record.replace("unit: m3/h}", "unit: m3/h, exclude: [[2021-06-01 08:00, 2021-06-01 10:59]]}")
    flow = record.read().inputs[:, 0] / 24
    assert flow[16:22] == pytest.approx(np.arange(408, 411, 0.5))


def test_an_excluded_period_without_rows_is_reported(record):
    dataset = record.replace(NH4, with_keys(NH4, "exclude: [[2020-06-01, 2020-06-02]]")).read()
    (found,) = (f for f in dataset.quality if f.kind == "exclude")
    assert "between 2020-06-01 and 2020-06-02" in found.message
    assert "NH4.exclude.0" in found.where


def test_a_limit_is_in_the_unit_of_the_column(record):
    column = with_keys(NH4, "detection_limit: 60").replace("mg N/L", "ug N/L")
    record.frame["NH4"] *= 1000
    found = observed(record.set("NH4", 5, "<40").set("NH4", 6, 50).replace(NH4, column).read())
    assert found.values[np.isin(found.rows, [5, 6])] == pytest.approx([0.04, 0.06])


def test_limits_in_a_file_with_a_decimal_comma(record):
    record.replace("file: plant.csv", 'file: plant.csv\n      separator: ";"\n      decimal: ","')
    frame = record.frame.map(lambda cell: str(cell).replace(".", ",") if not isinstance(cell, str) else cell)
    frame.loc[3, "NH4"] = "<0,05"  # row 5
    frame.to_csv(record.file, sep=";", index=False)
    found = observed(record.read())
    assert found.values[found.censored == BELOW].tolist() == [0.05]
    assert found.values[found.rows == 6] == pytest.approx(3 + np.sin(4 / 5), abs=1e-12)


def test_a_row_of_samples_below_the_limit_is_no_frozen_sensor(record):
    dataset = record.set("NH4", slice(20, 50), "<0.05").read()
    assert "frozen sensor" not in {f.kind for f in dataset.quality}
    stuck = record.set("NH4", slice(20, 50), 0.05).read() if not record.file.unlink() else None
    assert "frozen sensor" in {f.kind for f in stuck.quality}


def test_composites_that_begin_before_the_inputs_are_not_used(record):
    dataset = record.replace(NH4, with_keys(NH4, "sample: {composite: 24 h, weight: flow}")).read()
    found = observed(dataset)
    assert found.period == 1.0
    assert found.times[0] == pytest.approx(1.0)  # the period that ends then begins with the record
    (finding,) = (f for f in dataset.quality if f.kind == "outside the inputs")
    assert finding.rows == "rows 2-25"
    np.testing.assert_allclose(found.flow, dataset.inputs[:, dataset.input_names.index("Q_in")])


def test_an_influent_composed_by_flow_keeps_the_load_where_it_is_held(record):
    """What a sampler takes in proportion to flow, times the flow of its day, is the load of the day."""
    times = pd.date_range("2021-06-02", periods=4, freq="D")
    lab = pd.DataFrame({"time": times.strftime("%Y-%m-%d"), "NH4_in": [20.0, 26.0, 32.0, 38.0]})
    lab.to_csv(record.folder / "lab.csv", index=False)
    record.replace("        " + NH4_IN + "\n", "")
    column = with_keys(NH4_IN, "sample: {composite: 24 h, weight: flow}")
    record.replace("  interval: 30 min", "  interval: 30 min\n  interpolation: previous")
    record.replace("  blocks:", LAB + "        " + column + "\n  blocks:")
    dataset = record.read()
    load, flow = (dataset.inputs[:, dataset.input_names.index(name)][48:96] for name in ("influent.S_NH", "Q_in"))
    assert np.sum(load * flow) / np.sum(flow) == pytest.approx(26.0)


@pytest.mark.parametrize("kind", ["previous", "linear"])
def test_an_input_of_daily_means_keeps_them(record, kind):
    """Exactly where it is held; on straight lines between the middles where the means lie on one."""
    times = pd.date_range("2021-06-02", periods=4, freq="D")
    means = [20.0, 26.0, 32.0, 38.0]
    pd.DataFrame({"time": times.strftime("%Y-%m-%d"), "NH4_in": means}).to_csv(record.folder / "lab.csv", index=False)
    record.replace("        " + NH4_IN + "\n", "").replace(
        "  interval: 30 min", f"  interval: 30 min\n  interpolation: {kind}"
    )
    record.replace("  blocks:", LAB + "        " + with_keys(NH4_IN, "sample: {composite: 24 h}") + "\n  blocks:")
    dataset = record.read()
    series = dataset.inputs[:, dataset.input_names.index("influent.S_NH")]
    assert dataset.times[-1] == pytest.approx(95 / 24)  # from the begin of the first period to the end of the flow
    if kind == "previous":
        assert series[:48].tolist() == [20.0] * 48
        assert series[48:96].tolist() == [26.0] * 48
    else:
        assert np.trapezoid(series[48:97], dataset.times[48:97]) == pytest.approx(26.0)
        assert series[24] == 20.0
        assert series[72] == 26.0
        assert series[:24].tolist() == [20.0] * 24


def test_check_shows_what_it_understood_of_sensors(record):
    record.set("NH4", [5, 9], "<0.05").replace(NH4, with_keys(NH4, "bias: learn, lag: 10 min, delay: 20 min"))
    text = "\n".join(record.check().lines)
    assert "2 below the detection limit, bias learnt, lag 10 min, delay 20 min" in text
    record.replace(", bias: learn, lag: 10 min, delay: 20 min", ", sample: {composite: 6 h}")
    assert "composite of 6 h" in "\n".join(record.check().lines)


@pytest.mark.parametrize(
    ("column", "keys", "parts"),
    [
        (NH4, "bias: 0.3", ["NH4.bias", "the value is 0.3", "learn", "corrections.offsets"]),
        (NH4, "lag: 0 min", ["NH4.lag", "'0 min'", "above zero"]),
        (NH4, "lag: -5 min", ["NH4.lag", "'-5 min'"]),
        (NH4, "lag: 3 m3", ["NH4.lag"]),
        (NH4, "delay: -5 min", ["NH4.delay", "'-5 min'", "above zero"]),
        (NH4, "delay: 2 d", ["NH4.delay", "'2 d'", "at most 24 h", "time.shift"]),
        (NH4, "delay: 5 min, sample: {composite: 24 h}", ["a delay and is a composite"]),
        (Q_IN, "delay: 5 min", ["'input' and 'delay'"]),
        (NH4, "lag: 5 min, sample: {composite: 24 h}", ["a lag and is a composite"]),
        (NH4, "sample: daily", ["NH4.sample", "'daily'", "{composite: 24 h}"]),
        (NH4, "sample: {composite: 0 h}", ["NH4.sample.composite"]),
        (NH4, "sample: {composite: 24 h, weight: volume}", ["NH4.sample.weight", "'time' or 'flow'"]),
        (NH4, "detection_limit: 0", ["NH4.detection_limit", "above 0"]),
        (NH4, "saturation: -1", ["NH4.saturation", "above 0"]),
        (NH4, "detection_limit: 2, saturation: 1", ["saturates at 1", "detection limit is 2"]),
        (DO, "saturation: 10", ["'imposed' and 'saturation'", "for observations only"]),
        (NH4_IN, "detection_limit: 0.1", ["'input' and 'detection_limit'", "for observations only"]),
        (NH4_IN, "bias: learn", ["'input' and 'bias'"]),
        (DO, "lag: learn", ["'imposed' and 'lag'"]),
        (DO, "sample: {composite: 24 h}", ["'imposed' and is a composite"]),
        (
            Q_IN,
            "sample: {composite: 24 h, weight: flow}",
            ["Q_in is a composite with 'weight: flow'", "a mean over time"],
        ),
    ],
)
def test_sensors_that_cannot_be(record, column, keys, parts):
    changed = with_keys(column, keys)
    with pytest.raises(InputError) as caught:
        record.replace(column, changed).config()
    message = str(caught.value)
    assert f"case.yaml:{record.line(changed)}" in message
    for part in parts:
        assert part in message


def test_the_resolved_config_reads_back(record):
    record.replace(
        NH4,
        with_keys(
            NH4, "detection_limit: 0.1, saturation: 9, exclude: [[2021-06-02, 2021-06-03]], bias: learn, lag: 10 min"
        ),
    )
    record.replace(NH4_IN, with_keys(NH4_IN, "sample: {composite: 24 h}"))
    config = record.config()
    copy = record.folder / "copy.yaml"
    copy.write_text(config.to_yaml(record.folder), encoding="utf-8")
    columns = load_config(copy).data.sources["online"].columns
    assert columns == config.data.sources["online"].columns
    assert columns["NH4"].lag == pytest.approx(10 / 1440)
    assert columns["DO"].sample is None
