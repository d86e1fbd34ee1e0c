"""What drives a prediction has to lie at the knots, with every input finite and by its name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import build_layout, load_kinetics, load_plant
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import Plant
from asm_hybrid.training.model_inputs import check_possible, first_knot, knot_values, read_inputs

NAMES = ("Q_in", "T", "influent.S_NH")
BEGIN = pd.Timestamp("2024-03-04", tz="UTC")
INTERVAL = 1.0 / 48.0


def frame(rows=10):
    times = pd.date_range(BEGIN, periods=rows, freq="30min")
    values = np.arange(rows * 3, dtype=float).reshape(rows, 3)
    return pd.DataFrame({"time": times} | {n: values[:, i] for i, n in enumerate(NAMES)})


def values(inputs, begin=BEGIN, interval=INTERVAL):
    return knot_values(inputs, NAMES, begin, interval)


def test_rows_at_the_knots_are_taken_in_whatever_form_their_times_have():
    whole = frame()
    expected = whole[list(NAMES)].to_numpy()
    berlin = whole["time"].dt.tz_convert("Europe/Berlin")
    forms = [
        whole,
        whole[["influent.S_NH", "time", "T", "Q_in"]],
        whole.assign(time=berlin, note="a column that nothing reads"),
        whole.assign(time=whole["time"].dt.tz_localize(None)),
        whole.assign(time=whole["time"].astype(str)),
        whole.assign(time=whole["time"].dt.tz_localize(None).astype("datetime64[s]")),
        whole.assign(time=whole["time"] + pd.Timedelta(milliseconds=300)),
        whole.set_index("time"),
        whole.set_index(pd.Index(range(50, 60))),
        whole.astype(dict.fromkeys(NAMES, "Float64")),
    ]
    for form in forms:
        np.testing.assert_array_equal(values(form), expected)
    np.testing.assert_array_equal(values(whole.iloc[:4]), expected[:4])
    np.testing.assert_array_equal(values(whole.iloc[3:], begin=None), expected[3:])


def test_knots_whose_distance_is_no_whole_number_of_seconds_are_known():
    n = 10_000
    stamps = [(BEGIN + pd.Timedelta(days=i / 700)).round("ms") for i in range(n)]
    assert len(values(frame(n).assign(time=stamps), interval=1 / 700)) == n


@pytest.mark.parametrize(
    ("change", "row", "words"),
    [
        (lambda f: f.iloc[::2], 1, "2024-03-04 01:00 UTC, and the knot there at 2024-03-04 00:30 UTC"),
        (lambda f: f.drop(index=[4, 5]), 4, "the row is at 2024-03-04 03:00 UTC"),
        (lambda f: f.iloc[3:], 0, "begin at 2024-03-04 01:30 UTC, and the start state of the model"),
        (lambda f: f.assign(time=f["time"] - pd.Timedelta(hours=1)), 0, "begin at 2024-03-03 23:00 UTC"),
        (lambda f: f.iloc[[0, 1, 3, 2, 4]], 3, "lies before the one above it"),
        (lambda f: f.iloc[[0, 1, 1, 2, 3]], 2, "the knot there at 2024-03-04 01:00 UTC"),
        (lambda f: f.set_index("time").iloc[::2], 1, "the knot there"),
        (lambda f: f.assign(time=[*f["time"][:5], pd.NaT, *f["time"][6:]]), 5, "no time"),
    ],
)
def test_rows_that_are_not_the_knots_are_refused_by_the_first_one(change, row, words):
    with pytest.raises(InputError, match=words) as error:
        values(change(frame()))
    assert f"inputs, row {row} (counted from 0)" in str(error.value)
    assert "expected: " in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, None])
def test_a_gap_is_named_by_row_column_and_time(value):
    gap = frame()
    gap.loc[7, "T"] = value
    with pytest.raises(InputError, match=r"column T, row 7 \(counted from 0, 2024-03-04 03:30 UTC\)"):
        values(gap)
    gap.loc[8:, list(NAMES)] = np.nan
    with pytest.raises(InputError, match=r"column T, row 7 \(counted from 0(?s:.*)7 values are not finite"):
        values(gap)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (frame().rename(columns={"Q_in": "Qin"}), r"lack Q_in(?s:.*)did you mean 'Qin'"),
        (frame()[["time"]], "lack Q_in, T, influent.S_NH"),
        (pd.concat([frame(), frame()["T"]], axis=1), "T is there twice"),
        (pd.concat([frame(), frame()["time"]], axis=1), "several columns 'time'"),
        (frame().assign(T="warm"), "column T: the column does not hold numbers"),
        (frame().assign(time=range(10)), "they are numbers"),
        (frame().assign(time="yesterday"), "the times cannot be read"),
        (frame().assign(T=1j), "T: the column does not hold numbers .*complex"),
        (frame().drop(columns="time"), "the inputs have no times"),
        (np.ones((10, 3)), "the inputs are a ndarray(?s:.*)a DataFrame with times(?s:.*)read_inputs"),
        (frame(1), "1 rows"),
        (frame(0), "0 rows"),
        ("inputs.csv", "the inputs are a str"),
        (None, "inputs"),
    ],
)
def test_what_is_no_table_of_inputs_is_refused(inputs, words):
    with pytest.raises(InputError, match=words):
        values(inputs)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Q_in", -8000.0, "Q_in, row 7 .*-8000 m3/d"),
        ("influent.S_NH", -0.5, "influent.S_NH, row 7"),
        ("tank_5.kla", -1.0, "tank_5.kla, row 7"),
        ("T", 285.0, "T, row 7 .*285 degC"),
        ("T", -4.0, None),
        ("wastage", 60000.0, r"drawn from 'settler' .*backwards, in 10 % of the time"),
    ],
)
def test_inputs_that_cannot_be_are_refused(name, value, words):
    file = load_plant("bsm1")
    plant = Plant(load_kinetics(file), build_layout(file, load_kinetics(file)))
    given = np.tile([plant.layout.constants[spec.name] for spec in plant.inputs], (10, 1))
    check_possible(plant, given, 1 / 24)
    given[7, plant.input_index[name]] = value
    if words is None:
        check_possible(plant, given, 1 / 24)
        return
    with pytest.raises(InputError, match=words):
        check_possible(plant, given, 1 / 24)


def test_the_inputs_of_a_folder_go_through_its_manifest(tmp_path):
    path = tmp_path / "inputs.csv"
    frame().to_csv(path, index=False)
    with pytest.raises(InputError, match=r"no manifest\.json"):
        read_inputs(tmp_path)
    write_manifest(tmp_path)
    pd.testing.assert_frame_equal(read_inputs(tmp_path), frame(), check_dtype=False)
    assert first_knot(tmp_path) == BEGIN
    path.write_bytes(path.read_bytes().replace(b"7.0", b"7.5"))
    with pytest.raises(InputError, match=r"inputs\.csv was changed"):
        read_inputs(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time\n",
        "a,b\n1,2\n",
        "time,Q_in\n",
        "time,Q_in\nx,1\n",
        "time,Q_in\n2024-03-04,x\n",
        "time,Q_in\n2024-03-04,nan\n",
        "time,Q_in\n2024-03-05,1\n2024-03-04,1\n",
        "time,Q_in\n2024-03-04\n",
        "time,Q_in\n2024-03-04,1,2,3\n",
    ],
)
def test_inputs_of_a_folder_that_cannot_be_used_are_named(tmp_path, text):
    (tmp_path / "inputs.csv").write_text(text)
    write_manifest(tmp_path)
    with pytest.raises(InputError, match=r"inputs\.csv"):
        read_inputs(tmp_path)
