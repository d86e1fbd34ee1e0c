"""Flows, influents and nitrification that no plant has, and series of one water that contradict each other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.checking import check
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.operation import mean_inputs, operation
from asm_hybrid.scenario.plausible import compare
from asm_hybrid.scenario.same_water import same_water_findings
from asm_hybrid.scenario.unlikely import flow_findings, nitrification_findings, sewage_findings

LAB = """\
    lab:
      file: lab.csv
      time: {column: date, format: "%Y-%m-%d %H:%M", zone: UTC}
      columns:
        NOx_lab: {role: observation, as: effluent.S_NO, unit: mg N/L, noise: 0.3}
"""


def findings_of(path):
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    parameters = np.array([p.default for p in table.parameters])
    found = operation(plant, parameters, mean_inputs(dataset.input_names, dataset.inputs))
    measured = compare(found, dataset.observations)
    return [
        *flow_findings(found, "x"),
        *sewage_findings(found, "x"),
        *nitrification_findings(found, measured, "x"),
        *same_water_findings(found, dataset.observations, "x"),
    ]


def changed(folder, old, new):
    path = write_case(folder, CONFIG)
    assert CONFIG.count(old) == 1
    path.write_text(CONFIG.replace(old, new), encoding="utf-8")
    return path


def test_a_plant_that_can_be_has_no_finding(tmp_path):
    assert findings_of(write_case(tmp_path, CONFIG)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("return_sludge: {to: anoxic, flow: 4000}", "return_sludge: {to: anoxic, flow: 4000 m3/h}", "return sludge"),
        ("return_sludge: {to: anoxic, flow: 4000}", "return_sludge: {to: anoxic, flow: 167}", "return sludge"),
        ("to: anoxic, flow: 12000}", "to: anoxic, flow: 500}", "recycles together"),
        ("aerobic: {volume: 2000}", "aerobic: {volume: 200000}", "the water stays"),
    ],
)
def test_a_flow_or_volume_in_another_unit_is_found(tmp_path, old, new, said):
    flows = [f for f in findings_of(changed(tmp_path, old, new)) if f.kind == "flows"]
    assert any(said in f.message for f in flows)
    assert all(f.severity == "warning" for f in flows)


def test_an_influent_by_the_hour_that_is_by_the_day_is_found_in_three_ways(tmp_path):
    found = findings_of(changed(tmp_path, "as: Q_in, unit: m3/d", "as: Q_in, unit: m3/h"))
    assert [f.kind for f in found[:2]] == ["flows", "flows"]
    (washed,) = [f for f in found if f.kind == "nitrification"]
    assert washed.message.startswith("the plant nitrifies and f does not")
    assert washed.column == "NH4"


def test_a_plant_that_does_not_nitrify_beside_an_f_that_does_is_found(tmp_path):
    path = write_case(tmp_path, CONFIG)
    frame = pd.read_csv(tmp_path / "plant.csv")
    frame["NH4"] = frame["NH4"] * 0 + 30
    frame.to_csv(tmp_path / "plant.csv", index=False)
    (found,) = findings_of(path)
    assert found.message.startswith("f nitrifies and the plant does not")


@pytest.mark.parametrize("unit", ["ug N/L", "g N/L"])
def test_ammonium_of_the_influent_in_another_unit_is_found(tmp_path, unit):
    found = findings_of(changed(tmp_path, "as: influent.S_NH, unit: mg N/L", f"as: influent.S_NH, unit: {unit}"))
    assert any(f.kind == "influent" for f in found)


def with_laboratory(folder, factor, samples=4):
    """Add a laboratory at the effluent, whose nitrate is that of the sensor in the last tank times a factor."""
    path = write_case(folder, CONFIG)
    frame = pd.read_csv(folder / "plant.csv")
    rows = frame.dropna().iloc[20 :: 200 // samples]
    pd.DataFrame({"date": rows["time"], "NOx_lab": rows["NO3"] * factor}).to_csv(folder / "lab.csv", index=False)
    path.write_text(CONFIG.replace("  blocks:", LAB + "  blocks:"), encoding="utf-8")
    return path


def test_a_sensor_and_a_laboratory_that_measure_one_water_and_differ_are_found(tmp_path):
    (found,) = findings_of(with_laboratory(tmp_path, 3.0, samples=10))
    assert found.kind == "contradiction"
    assert found.column == "NO3, NOx_lab"
    lines = "\n".join(check(tmp_path / "config.yaml").lines)
    assert "both measure the same water" in lines


def test_series_that_agree_or_are_too_few_are_no_finding(tmp_path):
    assert findings_of(with_laboratory(tmp_path, 1.1, samples=10)) == []
    assert findings_of(with_laboratory(tmp_path, 3.0, samples=2)) == []


def test_tanks_whose_water_differs_are_not_compared(tmp_path):
    path = with_laboratory(tmp_path, 3.0, samples=10)
    text = path.read_text(encoding="utf-8").replace("as: aerobic.S_NO", "as: anoxic.S_NO")
    path.write_text(text, encoding="utf-8")
    assert [f for f in findings_of(path) if f.kind == "contradiction"] == []


def test_a_composite_is_compared_with_the_mean_over_its_period(tmp_path):
    path = write_case(tmp_path, CONFIG)
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    parameters = np.array([p.default for p in table.parameters])
    found = operation(plant, parameters, mean_inputs(dataset.input_names, dataset.inputs))
    base = next(o for o in dataset.observations if o.label == "NO3")
    times = np.arange(0, 12, 1 / 24)
    steps = replace(base, times=times, values=np.where(times % 2 < 1, 2.0, 10.0), censored=np.zeros(len(times), int))
    ends = np.arange(1.0, 12.0) - 1e-6
    means = np.where(ends % 2 < 1, 2.0, 10.0)
    daily = replace(base, label="lab", times=ends, values=means, censored=np.zeros(len(ends), int), period=1.0)
    assert list(same_water_findings(found, (steps, daily), "x")) == []
    late = replace(daily, values=3 * means)
    assert len(list(same_water_findings(found, (steps, late), "x"))) == 1
