from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import build_layout, load_kinetics
from asm_hybrid.data.censoring import ABOVE
from asm_hybrid.data.knots import bridged, interpolate
from asm_hybrid.plant import PlantInputs

TILBURG = Path(__file__).parents[3] / "shared" / "data" / "tilburg"


def column(dataset, name):
    return dataset.inputs[:, dataset.input_names.index(name)]


def test_inputs_are_converted_and_interpolated_onto_the_knots(record):
    data = record.read()
    assert data.origin == pd.Timestamp("2021-06-01", tz="UTC")
    np.testing.assert_allclose(data.times, np.arange(2 * 95 + 1) / 48, rtol=1e-13)
    np.testing.assert_allclose(column(data, "Q_in"), (400 + np.arange(191) / 2) * 24, rtol=1e-12)
    assert np.isfinite(data.inputs).all()


def test_previous_holds_the_last_sample(record):
    data = record.replace("  interval: 30 min", "  interval: 30 min\n  interpolation: previous").read()
    np.testing.assert_allclose(column(data, "Q_in"), (400 + np.arange(191) // 2) * 24, rtol=1e-12)


def test_constants_fill_the_other_inputs(record):
    data = record.read()
    assert set(column(data, "T")) == {15.0}
    assert set(column(data, "influent.S_S")) == {70.0}
    assert set(column(data, "return_sludge")) == {0.0}
    assert not data.input_filled.any()


def test_inputs_have_the_order_of_the_layout(record):
    config = record.config()
    table = load_kinetics(config)
    specs = PlantInputs.of(build_layout(config, table), table)
    data = record.read()
    assert data.input_names == tuple(s.name for s in specs)
    assert data.input_units == tuple(s.unit for s in specs)


def test_observations_keep_their_own_times(record):
    record.frame = record.frame.drop(index=[5, 6, 40])
    record.set("NH4", 12, "")
    data = record.read()
    (seen,) = data.observations
    hours = np.delete(np.arange(96), [5, 6, 40])
    hours, rows = np.delete(hours, 10), np.delete(np.arange(93) + 2, 10)
    np.testing.assert_allclose(seen.times, hours / 24, rtol=1e-12)
    np.testing.assert_allclose(seen.values, 3 + np.sin(hours / 5), rtol=1e-12)
    np.testing.assert_array_equal(seen.rows, rows)
    assert (seen.label, seen.target, seen.noise) == ("NH4", "aerobic.S_NH", 0.3)


def test_noise_is_converted_with_the_values(record):
    record.replace("unit: mg N/L, noise: 0.3", "unit: g N/L, noise: 0.0003")
    record.frame["NH4"] /= 1000
    (seen,) = record.read().observations
    assert seen.noise == pytest.approx(0.3)
    assert seen.values.max() == pytest.approx(4.0, abs=0.01)


def test_missing_inputs_are_bridged_and_said_to_be(record):
    record.set("flow", slice(20, 30), "").set("DO", 50, "")
    data = record.read()
    flow = data.input_names.index("Q_in")
    np.testing.assert_allclose(data.inputs[:, flow], (400 + np.arange(191) / 2) * 24, rtol=1e-12)
    filled = np.flatnonzero(data.input_filled[:, flow]) / 2
    assert (filled.min(), filled.max()) == (17.5, 27.5)
    assert not data.input_filled[:, data.input_names.index("aerobic.S_O")].any()


def test_declared_missing_values_are_gaps(record):
    record.set("NH4", [12, 13], -999)
    data = record.replace("      columns:", "      missing: [-999]\n      columns:").read()
    assert data.observations[0].values.size == 94
    assert data.observations[0].values.min() > 0


def test_blocks_as_shares_and_as_times(record):
    data = record.replace("test: [0.75, 1.0]", 'test: ["2021-06-04", "2021-06-04 20:00"]').read()
    span = 95 / 24
    assert data.blocks["train"] == data.blocks["calibrate"] == pytest.approx((0.0, 0.5 * span))
    assert data.blocks["validate"] == pytest.approx((0.55 * span, 0.7 * span))
    assert data.blocks["test"] == pytest.approx((3.0, 3 + 20 / 24))


def test_block_times_are_in_the_zone_of_the_sources(record):
    record.replace("zone: UTC", 'zone: "+02:00"')
    data = record.replace("test: [0.75, 1.0]", 'test: ["2021-06-04", "2021-06-04 22:00Z"]').read()
    assert data.zone == "+02:00"
    assert data.origin == pd.Timestamp("2021-05-31 22:00", tz="UTC")
    assert data.blocks["test"] == pytest.approx((3.0, 95 / 24))
    assert data.to_stamp(1.0).isoformat() == "2021-06-01T22:00:00+00:00"


def test_numeric_time(record):
    record.replace('format: "%Y-%m-%d %H:%M", zone: UTC', 'unit: h, origin: "2021-06-01 12:00", zone: Europe/Amsterdam')
    record.frame["time"] = np.arange(96)
    data = record.read()
    assert data.origin == pd.Timestamp("2021-06-01 10:00", tz="UTC")
    assert data.span == pytest.approx(95 / 24)


def test_stamps_with_their_own_offset(record):
    record.frame["time"] = pd.to_datetime(record.frame["time"]).dt.strftime("%Y-%m-%dT%H:%M+02:00")
    data = record.replace('format: "%Y-%m-%d %H:%M", zone: UTC', "format: ISO8601").read()
    assert data.origin == pd.Timestamp("2021-05-31 22:00", tz="UTC")


def test_summer_time_is_resolved(record):
    record.frame["time"] = (pd.Timestamp("2021-03-26") + pd.to_timedelta(np.arange(96), unit="h")).strftime(
        "%Y-%m-%d %H:%M"
    )
    record.frame = record.frame.drop(index=50)  # 2021-03-28 02:00 does not exist
    data = record.replace("zone: UTC", "zone: Europe/Amsterdam").read()
    assert data.span == pytest.approx(94 / 24)


def test_comma_as_decimal_sign(record):
    wanted = record.read().inputs
    record.file.unlink()
    record.frame.to_csv(record.file, index=False, sep=";", decimal=",")
    data = record.replace(
        "      file: plant.csv", '      file: plant.csv\n      separator: ";"\n      decimal: ","'
    ).read()
    np.testing.assert_array_equal(data.inputs, wanted)


@pytest.mark.parametrize("stamps", [False, True], ids=["text", "stamps"])
@pytest.mark.parametrize("suffix", [".parquet", ".xlsx"])
def test_parquet_and_excel_hold_the_same(record, suffix, stamps):
    wanted = record.read()
    if stamps:
        record.frame["time"] = pd.to_datetime(record.frame["time"])
        record.replace('format: "%Y-%m-%d %H:%M", zone', "zone")
    record.file = record.folder / f"plant{suffix}"
    if suffix == ".parquet":
        record.frame.to_parquet(record.file)
    else:
        with pd.ExcelWriter(record.file, engine="xlsxwriter") as book:
            pd.DataFrame({"a": [1]}).to_excel(book, sheet_name="notes")
            record.frame.to_excel(book, sheet_name="series", index=False)
    sheet = "\n      sheet: series" if suffix == ".xlsx" else ""
    data = record.replace("file: plant.csv", f"file: plant{suffix}{sheet}").read()
    np.testing.assert_allclose(data.inputs, wanted.inputs, rtol=1e-14)
    assert data.origin == wanted.origin
    first = 1 if suffix == ".parquet" else 2
    assert data.observations[0].rows[0] == first


def test_blank_lines_do_not_shift_row_numbers(record):
    lines = record.frame.to_csv(index=False).splitlines()
    record.file.write_text("\n".join([*lines[:3], "", *lines[3:], "", ""]), encoding="utf-8")
    rows = record.read().observations[0].rows
    assert list(rows[:4]) == [2, 3, 5, 6]
    assert rows.size == 96


def test_windows_line_ends_and_byte_order_mark(record):
    wanted = record.read().inputs
    text = record.file.read_text(encoding="utf-8")
    record.file.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    np.testing.assert_array_equal(record.read().inputs, wanted)


def test_two_sources_share_the_time_they_have_in_common(record):
    lab = record.folder / "lab.csv"
    lab.write_text("day,T\n01/06/2021 06:00,15\n03/06/2021 06:00,17\n04/06/2021 18:00,16\n", encoding="utf-8")
    record.replace("  temperature: 15\n", "")
    record.replace(
        "  blocks:",
        '    lab:\n      file: lab.csv\n      time: {column: day, format: "%d/%m/%Y %H:%M", zone: UTC}\n'
        "      columns:\n        T: {role: input, as: T, unit: degC}\n  blocks:",
    )
    data = record.read()
    assert data.origin == pd.Timestamp("2021-06-01 06:00", tz="UTC")
    assert data.span == pytest.approx(3.5)
    assert column(data, "T")[48] == pytest.approx(16.0)
    (outside,) = [f for f in data.quality if f.kind == "outside the inputs"]
    assert outside.rows == "rows 2-7, 93-97"
    assert data.observations[0].times.size == 96 - 11


def test_fingerprint_names_the_file_and_its_hash(record):
    (first,) = record.read().fingerprint
    assert first["file"] == "plant.csv"
    assert first["rows"] == 96
    assert first["columns"] == ["time", "flow", "NH4_in", "DO", "NH4"]
    assert first["first"] == "2021-06-01T00:00:00+00:00"
    assert len(first["sha256"]) == 64


def test_last_knot_holds_the_last_inputs_so_that_no_observation_is_lost(record):
    data = record.replace("interval: 30 min", "interval: 7 h").read()
    assert data.times.size == 15
    assert 95 / 24 < data.span < 102 / 24
    assert column(data, "Q_in")[-1] == pytest.approx((0.5 * 494.75 + 3 * 495) / 3.5 * 24)  # over the last half
    assert data.observations[0].values.size == 96


def test_knots_on_samples_are_never_bridged():
    times = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0])
    knots = np.arange(13.0)
    np.testing.assert_array_equal(np.flatnonzero(bridged(knots, times)), np.arange(4, 10))
    values = interpolate(knots, times, times * 2, "linear")
    np.testing.assert_allclose(values, knots * 2)


@pytest.mark.skipif(not TILBURG.is_dir(), reason="the Tilburg series are not at hand")
def test_tilburg():
    from asm_hybrid.config import load_config
    from asm_hybrid.data import read_dataset

    config = load_config(Path(__file__).parents[2] / "configs" / "tilburg.yaml")
    table = load_kinetics(config)
    data = read_dataset(config, table, build_layout(config, table))
    assert {o.label: o.times.size for o in data.observations} == {"NO3": 6847, "NH4": 7704}
    assert data.span == pytest.approx(189.3, abs=0.02)
    assert data.blocks["test"][0] == pytest.approx(0.7 * data.span)
    assert not any(f.severity == "error" for f in data.quality)
    assert {f.column for f in data.quality if f.kind == "frozen sensor"} == {"NH4"}  # those of NO3 are left out
    assert (data.observations[1].censored == ABOVE).sum() == 108
    assert column(data, "Q_in").mean() == pytest.approx(54_550, rel=0.01)


def test_held_samples_bear_stamps_that_are_rounded():
    knots = np.arange(40 * 96) / 96
    values = np.arange(knots.size, dtype=float)
    stamps = np.array([float(f"{t:.7g}") for t in knots])
    assert (stamps > knots).any()
    np.testing.assert_array_equal(interpolate(knots, stamps, values, "previous"), values)
