"""The cheapest extra measurement that tells explanations apart, on trajectories made for it."""

import numpy as np
import pandas as pd
import pytest

from asm_hybrid.config import build_layout, load_plant
from asm_hybrid.diagnosis.tell_apart import (
    COMPOSITE,
    GRAB,
    ONLINE,
    measurable_targets,
    tell_apart,
    usual_noise,
)
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table
from asm_hybrid.plant import Plant

TABLE = load_table("asm1")
TARGETS = ["aerobic.S_NH", "aerobic.S_ALK", "effluent.TSS"]
DAYS = 20
TIMES = pd.date_range("2024-03-04", periods=24 * DAYS, freq="h", tz="UTC")


def predicted(**changes):
    """Return trajectories of two explanations that differ by what is added to targets of the second."""
    first = np.full((len(TIMES), len(TARGETS)), 2.0)
    second = first.copy()
    for target, values in changes.items():
        second[:, TARGETS.index(target.replace("__", "."))] += values
    return {"process.a": first, "influent.N": second}


def test_the_clearest_target_and_days_are_found_in_units_of_noise():
    bump = np.where((np.arange(len(TIMES)) // 24 >= 11) & (np.arange(len(TIMES)) // 24 < 14), 0.5, 0.0)
    found = tell_apart(predicted(aerobic__S_ALK=bump, effluent__TSS=0.1), TARGETS, TIMES, TABLE)
    assert found["target"] == "aerobic.S_ALK"
    assert (found["tank"], found["variable"], found["unit"]) == ("aerobic", "S_ALK", "mol/m3")
    assert (found["begin"], found["end"], found["days"]) == ("2024-03-15", "2024-03-17", 3)
    assert found["way"] == f"{GRAB} at 08:00"
    assert found["difference"] == pytest.approx(0.5)
    level = 2.0 + 0.5 * 3 / DAYS / 2
    assert found["noise"] == pytest.approx(0.05 * level + 0.1)
    assert found["times_noise"] == pytest.approx(found["difference"] / found["noise"])
    assert found["between"] == ["process.a", "influent.N"]
    assert "would tell them apart: in days like 2024-03-15 to 2024-03-17" in found["text"]
    assert "0.5 mol/m3" in found["text"]


def test_a_difference_at_night_needs_a_composite_or_a_sensor():
    night = np.where(TIMES.hour < 6, 3.0, 0.0)
    found = tell_apart(predicted(aerobic__S_NH=night), TARGETS, TIMES, TABLE)
    assert found["way"] == COMPOSITE
    assert found["difference"] == pytest.approx(0.75)
    assert "24-h composites of ammonium (S_NH) in aerobic for 3 days" in found["text"]


def test_swings_that_a_composite_averages_out_need_a_sensor():
    swing = 1.5 * np.sin(2 * np.pi * np.arange(len(TIMES)) / 2.0 + np.pi / 4) * (TIMES.hour < 7)
    found = tell_apart(predicted(aerobic__S_NH=swing), TARGETS, TIMES, TABLE)
    assert found["way"] == ONLINE


def test_what_is_measured_already_comes_last_and_then_in_the_laboratory():
    both = predicted(aerobic__S_NH=3.0, aerobic__S_ALK=0.5)
    assert tell_apart(both, TARGETS, TIMES, TABLE, measured=["aerobic.S_NH"])["target"] == "aerobic.S_ALK"
    twice = [*TARGETS, "effluent.S_NH"]
    alike = {name: values[:, [0, 1, 2, 0]] for name, values in predicted(aerobic__S_NH=3.0).items()}
    found = tell_apart(alike, twice, TIMES, TABLE, measured=["aerobic.S_NH"])
    assert found["target"] == "aerobic.S_NH"
    assert found["way"].startswith(GRAB)
    assert "beside the sensor" in found["text"]


def test_a_difference_below_the_noise_is_said_to_tell_nothing():
    found = tell_apart(predicted(aerobic__S_NH=0.05), TARGETS, TIMES, TABLE)
    assert not found["clear"]
    assert found["times_noise"] < 1
    assert found["text"].startswith("No usual measurement would tell them apart")


def test_of_three_the_pairs_that_are_told_apart_are_counted():
    three = predicted(aerobic__S_NH=3.0)
    three["flow.wastage"] = three["influent.N"] + 1e-3
    found = tell_apart(three, TARGETS, TIMES, TABLE)
    assert "would tell 2 of 3 pairs apart" in found["text"]
    assert found["difference"] == pytest.approx(3.0)


def test_days_are_those_of_the_place():
    bump = np.where((np.arange(len(TIMES)) >= 23) & (np.arange(len(TIMES)) < 23 + 72), 4.0, 0.0)
    found = tell_apart(predicted(aerobic__S_NH=bump), TARGETS, TIMES, TABLE, zone="Europe/Amsterdam")
    assert (found["begin"], found["end"]) == ("2024-03-05", "2024-03-07")


def test_nothing_to_tell_gives_none():
    one = predicted()
    assert tell_apart({"process.a": one["process.a"]}, TARGETS, TIMES, TABLE) is None
    assert tell_apart(one, TARGETS, TIMES, TABLE) is None
    short = {name: values[:48] for name, values in predicted(aerobic__S_NH=3.0).items()}
    assert tell_apart(short, TARGETS, TIMES[:48], TABLE) is None


def test_a_trajectory_of_another_shape_is_refused():
    wrong = predicted() | {"flow.wastage": np.zeros((3, 3))}
    with pytest.raises(InputError, match=r"flow\.wastage has the shape \(3, 3\)"):
        tell_apart(wrong, TARGETS, TIMES, TABLE)


def test_noises_are_of_what_is_measured_that_way():
    assert usual_noise("S_NH", ONLINE, 4.0) == pytest.approx(0.4)
    assert usual_noise("S_NH4", GRAB, 4.0) == pytest.approx(0.3)
    assert usual_noise("S_ALK", ONLINE, 4.0) is None
    assert usual_noise("X_BH", GRAB, 4.0) is None


def test_targets_that_can_be_measured_are_those_of_the_table_and_free():
    config = load_plant("bsm1")
    table = load_table("asm1")
    plant = Plant(table, build_layout(config, table))
    found = measurable_targets(plant)
    assert "effluent.TSS" in found
    assert f"{plant.layout.tank_names[0]}.S_ALK" in found
    assert not any(target.endswith((".X_BH", ".S_I")) for target in found)
