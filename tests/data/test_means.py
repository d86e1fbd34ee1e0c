"""Inputs that are sampled faster than the knots, or change between them: their integrals are kept."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.data.means import Curve, on_knots

MINUTES = 4 * 1440
"""One-minute rows from 2021-06-01 00:00; the row of minute k is row k + 2 of the file."""


def fast(record, **columns):
    """Make the record of a test one of one-minute rows."""
    minute = np.arange(MINUTES)
    times = pd.Timestamp("2021-06-01") + pd.to_timedelta(minute, unit="min")
    rows = {"flow": 400 + minute / 100, "NH4_in": 30 + np.sin(minute / 300), "DO": 1 + 0.5 * np.cos(minute / 300)}
    rows |= {"NH4": 3 + np.sin(minute / 500)} | columns
    record.frame = pd.DataFrame({"time": times.strftime("%Y-%m-%d %H:%M")} | rows)
    return record.replace("interval: 30 min", "interval: 15 min")


def pump(minutes, on, period, value, phase=0):
    return np.where((np.arange(minutes) - phase) % period < on, float(value), 0.0)


def column(data, name):
    return data.inputs[:, data.input_names.index(name)]


def integral(knots, values, kind):
    """Return the integral of what the model sees."""
    joined = (values[1:] + values[:-1]) / 2 if kind == "linear" else values[:-1]
    return float(np.sum(np.diff(knots) * joined))


@pytest.mark.parametrize("kind", ["linear", "previous"])
@pytest.mark.parametrize(("on", "period", "phase"), [(4, 15, 0), (4, 15, 8), (11, 60, 3), (7, 20, 19), (1, 15, 14)])
def test_a_pump_that_switches_within_an_interval_keeps_its_mean(record, kind, on, period, phase):
    flow = pump(MINUTES, on, period, 900.0, phase)
    fast(record, flow=flow).replace("interval: 15 min", f"interval: 15 min\n  interpolation: {kind}")
    data = record.read()
    seen = integral(data.times, column(data, "Q_in"), kind) / data.span
    assert seen == pytest.approx(900 * 24 * on / period, rel=3e-3)  # the last minute is held to the last knot


@pytest.mark.parametrize("kind", ["linear", "previous"])
@pytest.mark.parametrize("samples", ["linear", "previous"])
def test_the_integral_of_irregular_samples_is_kept(kind, samples):
    rng = np.random.default_rng(3)
    knots = np.arange(97) / 96
    at = np.sort(np.concatenate([knots[[0, -1]], rng.random(300) ** 2]))
    values = rng.gamma(1.0, 100.0, at.size)
    put = on_knots(knots, Curve(at, values, samples), kind).values
    exact = np.diff(at) @ ((values[1:] + values[:-1]) / 2 if samples == "linear" else values[:-1])
    assert integral(knots, put, kind) == pytest.approx(exact, rel=1e-3 if samples == "previous" else 1e-12)
    assert values.min() <= put.min() <= put.max() <= values.max()


def test_every_interval_of_held_knots_has_the_mean_of_its_samples():
    knots = np.arange(5) / 96
    at = np.arange(4 * 15 + 1) / 1440
    values = np.random.default_rng(1).random(at.size)
    put = on_knots(knots, Curve(at, values, "previous"), "previous").values
    np.testing.assert_allclose(put[:-1], values[:-1].reshape(4, 15).mean(axis=1), rtol=1e-12)
    assert put[-1] == values[-1]


def test_a_knot_joined_by_lines_has_the_mean_of_the_time_around_it():
    knots = np.arange(5) / 96
    at = np.arange(4 * 30 + 1) / 2880
    values = np.random.default_rng(1).random(at.size)
    put = on_knots(knots, Curve(at, values, "linear"), "linear").values
    around = values[15:46]
    assert put[1] == pytest.approx((around.sum() - around[0] / 2 - around[-1] / 2) / 30)


@pytest.mark.parametrize("kind", ["linear", "previous"])
def test_samples_at_the_knots_stay_as_they_are_to_the_bit(kind):
    values = np.random.default_rng(1).random(400)
    knots = np.arange(400) / 96
    rounded = np.array([float(f"{t:.7g}") for t in knots])
    exact = on_knots(knots, Curve(knots, values, kind), kind)
    np.testing.assert_array_equal(exact.values, values)
    assert not exact.filled.any()
    if kind == "previous":
        np.testing.assert_array_equal(on_knots(knots, Curve(rounded, values, kind), kind).values, values)


def test_samples_a_little_closer_than_the_knots_are_read_at_them():
    rng = np.random.default_rng(2)
    knots = np.arange(400) / 96
    at = np.sort(np.arange(416) / 100 + rng.normal(0, 0.001, 416))
    at[0] = 0.0
    values = rng.random(416)
    np.testing.assert_array_equal(
        on_knots(knots, Curve(at, values, "linear"), "linear").values, np.interp(knots, at, values)
    )


@pytest.mark.parametrize("interval", ["15 min", "30 min"])
def test_ten_minutes_do_not_fit_into_a_quarter_of_an_hour(record, interval):
    minute = np.arange(0, MINUTES, 10)
    flow = np.where(minute % 30 == 10, 900.0, 0.0)
    fast(record)
    record.frame = record.frame.iloc[minute].assign(flow=flow)
    record.text = record.text.replace("interval: 15 min", f"interval: {interval}")
    data = record.read()
    assert integral(data.times, column(data, "Q_in"), "linear") / data.span == pytest.approx(300 * 24, rel=5e-3)


def test_a_held_pump_that_is_logged_when_it_switches_keeps_its_mean(record):
    fast(record).replace("interval: 15 min", "interval: 15 min\n  interpolation: previous")
    switch = pd.date_range("2021-06-01 00:01", periods=96, freq="h")
    rows = [
        f"{on:%Y-%m-%d %H:%M},60\n{off:%Y-%m-%d %H:%M},0"
        for on, off in zip(switch, switch + pd.Timedelta("28min"), strict=True)
    ]
    (record.folder / "was.csv").write_text("\n".join(["time,was", "2021-06-01 00:00,0", *rows]), encoding="utf-8")
    record.replace("  blocks:", PUMP).replace("  influent:\n", "  wastage: {from: settler}\n  influent:\n")
    record.replace("settler: {type: none}", "settler: {type: ideal}")
    data = record.read()
    assert integral(data.times, column(data, "wastage"), "previous") / data.span == pytest.approx(60 * 24 * 28 / 60)


PUMP = """\
    pump:
      file: was.csv
      time: {column: time, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        was: {role: input, as: wastage, unit: m3/h}
  blocks:"""


def test_a_mean_concentration_keeps_the_load(record):
    """Strong sewage comes with the pump: a mean over time would give less than half of the ammonium."""
    flow = pump(MINUTES, 5, 15, 1200.0)
    strong = np.where(flow > 0, 60.0, 6.0)
    fast(record, flow=flow, NH4_in=strong).replace("interval: 15 min", "interval: 15 min\n  interpolation: previous")
    data = record.read()
    load = integral(data.times, column(data, "Q_in") * column(data, "influent.S_NH"), "previous")
    assert load / data.span == pytest.approx(1200 * 24 * 60 / 3, rel=1e-6)
    np.testing.assert_allclose(column(data, "influent.S_NH")[:-1], 60.0)


def test_where_nothing_flows_a_concentration_has_its_mean_over_time():
    knots = np.arange(3) / 96
    at = np.arange(31) / 1440
    flow = Curve(at, np.where(at < 14.5 / 1440, 0.0, 100.0), "previous")
    values = np.arange(31.0)
    put = on_knots(knots, Curve(at, values, "previous"), "previous", flow).values
    assert put[0] == pytest.approx(values[:15].mean())
    assert put[1] == pytest.approx(values[15:30].mean())


def test_a_gap_of_a_fast_input_is_bridged_and_said_to_be(record):
    fast(record)
    record.frame.loc[1440:1619, "flow"] = np.nan
    data = record.read()
    filled = np.flatnonzero(data.input_filled[:, data.input_names.index("Q_in")])
    np.testing.assert_array_equal(filled, np.arange(96, 108))
    assert column(data, "Q_in")[100] == pytest.approx((400 + 15.0) * 24, rel=1e-3)


def test_short_outages_of_a_fast_input_are_no_gaps(record):
    fast(record)
    record.frame = record.frame.drop(index=[*range(718, 724), *range(1000, 1007)])
    assert not record.read().input_filled.any()


def test_what_switches_within_an_interval_is_said_to_be_averaged(record):
    aerated = pump(MINUTES, 5, 10, 3.0)
    data = fast(record, DO=aerated).read()
    (found,) = [f for f in data.quality if f.kind == "averaged"]
    assert (found.severity, found.column) == ("warning", "DO")
    assert "interval: 2 min" in found.fix
    assert not [f for f in fast_again(record).read().quality if f.kind == "averaged"]


def fast_again(record):
    """Give the tank a cycle of hours, with a little noise: means over 15 min show it."""
    record.file.unlink()
    noise = np.random.default_rng(1).normal(0, 0.1, MINUTES)
    record.frame["DO"] = np.abs(pump(MINUTES, 120, 240, 3.0) + noise)
    return record


def test_interpolation_of_a_column_stands_beside_that_of_the_others(record):
    """The integral of a held column is kept in a model that joins the knots by lines."""
    fast(record).replace("NH4_in: {role: input,", "NH4_in: {role: input, interpolation: previous,")
    record.frame["NH4_in"] = np.where(np.arange(MINUTES) < 1447, 20.0, 40.0)
    record.frame.loc[np.arange(MINUTES) % 180 != 7, "NH4_in"] = np.nan
    record.frame.loc[0, "NH4_in"] = 20.0
    record.frame["flow"] = 400.0
    data = record.read()
    values = column(data, "influent.S_NH")
    assert set(values[:96]) == {20.0}
    assert set(values[98:]) == {40.0}
    seen = integral(data.times, values, "linear")
    assert seen == pytest.approx(20 * 1447 / 1440 + 40 * (data.span - 1447 / 1440), rel=1e-9)
    assert not data.input_filled.any()
