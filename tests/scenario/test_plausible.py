"""What a check finds in a plant that does not fit its record: wastage, units, balances, and steady states."""

import numpy as np
import pandas as pd
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.checking import check
from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.errors import SimulationError
from asm_hybrid.plant import Plant
from asm_hybrid.scenario.compiled import CompiledPlant
from asm_hybrid.scenario.operation import mean_inputs, operation
from asm_hybrid.scenario.plausible import compare, fitting_wastage, sludge_findings, solids_ratio, steady_findings
from asm_hybrid.scenario.record_balance import balance_findings, leaving, record_balance

MLSS = "        MLSS: {role: observation, as: aerobic.TSS, unit: mg/L, noise: 100}\n"
COLUMN = "        NO3: {role: observation, as: aerobic.S_NO, unit: mg N/L, noise: 0.2}\n"


def opened(path):
    config = load_config(path)
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    dataset = read_dataset(config, table, plant.layout)
    parameters = np.array([p.default for p in table.parameters])
    found = operation(plant, parameters, mean_inputs(dataset.input_names, dataset.inputs))
    return found, dataset


def with_sludge(folder, text=CONFIG, level=None):
    """Write the small plant with a column of MLSS, which swings around a level; that of f for its own wastage."""
    path = write_case(folder, CONFIG)
    if level is None:
        found, _ = opened(path)
        level = found.expected["aerobic.TSS"]
    frame = pd.read_csv(folder / "plant.csv")
    frame["MLSS"] = level * (1 + 0.02 * np.sin(np.arange(len(frame)) / 7))
    frame.to_csv(folder / "plant.csv", index=False, float_format="%.6g")
    path.write_text(text.replace(COLUMN, COLUMN + MLSS), encoding="utf-8")
    return path


def findings_of(path):
    found, dataset = opened(path)
    measured = compare(found, dataset.observations)
    balances = record_balance(found, dataset, solids_ratio(measured))
    return [*steady_findings(found, "x"), *sludge_findings(found, measured, "x"), *balance_findings(balances, "x")]


def test_a_plant_that_fits_its_record_has_no_finding(tmp_path):
    path = with_sludge(tmp_path)
    assert findings_of(path) == []
    found, dataset = opened(path)
    assert solids_ratio(compare(found, dataset.observations)) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("given", "low"), [("wastage: {flow: 3.75}", True), ("wastage: {flow: 90 m3/h}", False)])
def test_a_wastage_in_another_unit_is_found_with_one_that_fits(tmp_path, given, low):
    path = with_sludge(tmp_path, CONFIG.replace("wastage: {flow: 90}", given))
    sludge = [f for f in findings_of(path) if f.kind == "sludge"]
    assert [f.column for f in sludge] == ["MLSS"]
    assert sludge[0].severity == "warning"
    assert ("too low" in sludge[0].fix) == low
    assert "m3/h or m3/d" in sludge[0].fix
    found, dataset = opened(path)
    fits = fitting_wastage(found, solids_ratio(compare(found, dataset.observations)))
    assert fits == pytest.approx(90.0, rel=0.15)


def test_a_wastage_that_is_twice_too_large_is_found(tmp_path):
    path = with_sludge(tmp_path, CONFIG.replace("wastage: {flow: 90}", "wastage: {flow: 200}"))
    assert [f.column for f in findings_of(path)] == ["MLSS"]


def test_without_measured_sludge_a_sludge_that_no_plant_has_is_found(tmp_path):
    path = write_case(tmp_path, CONFIG)
    assert findings_of(path) == []
    path.write_text(CONFIG.replace("wastage: {flow: 90}", "wastage: {flow: 0.5}"), encoding="utf-8")
    found = findings_of(path)
    assert [f.kind for f in found] == ["sludge"]
    assert "sludge age" in found[0].message
    assert "wastage" in found[0].fix


def test_more_nitrogen_in_the_effluent_than_in_the_influent_is_found(tmp_path):
    path = write_case(tmp_path, CONFIG)
    path.write_text(CONFIG.replace("as: aerobic.S_NO, unit: mg N/L", "as: aerobic.S_NO, unit: g N/L"), encoding="utf-8")
    found = findings_of(path)
    assert [f.kind for f in found] == ["balance"]
    assert "N balance" in found[0].message
    assert "NO3" in found[0].fix


def test_more_nitrogen_than_cod_can_denitrify_is_found(tmp_path):
    path = write_case(tmp_path, CONFIG)
    text = CONFIG.replace("as: influent.S_NH, unit: mg N/L", "as: influent.S_NH, unit: g N/L")
    path.write_text(text, encoding="utf-8")
    found, dataset = opened(path)
    balances = record_balance(found, dataset, None)
    assert any("denitrified" in f.message for f in balance_findings(balances, "x"))


def test_balances_add_up_and_name_their_columns(tmp_path):
    found, dataset = opened(with_sludge(tmp_path))
    cod, nitrogen = record_balance(found, dataset, 1.0)
    assert (cod.material, nitrogen.material) == ("COD", "N")
    assert nitrogen.labels == ("NH4", "NO3")
    assert nitrogen.complete
    assert cod.labels == ()
    flow = dataset.inputs[:, 0]
    no3 = next(o for o in dataset.observations if o.label == "NO3")
    weight = np.interp(no3.times, dataset.times, flow)
    part = leaving(found, "TN", {"S_NO": ("NO3", float(weight @ no3.values / weight.sum()))}).measured
    assert part == pytest.approx(float(weight @ no3.values / weight.sum()))
    parts = nitrogen.wasted + nitrogen.effluent + nitrogen.effluent_rest + nitrogen.left
    assert parts == pytest.approx(nitrogen.influent)
    assert 0 < nitrogen.left < nitrogen.limit
    # all that f expects: oxygen used is what closes the balance of COD with nitrate and dinitrogen in it
    expected = {name: ("x", found.expected[f"effluent.{name}"]) for name in ("S_NH", "S_NO")}
    assert leaving(found, "TN", expected).total == pytest.approx(found.expected["effluent.TN"])


def test_a_sum_counts_once_beside_its_parts(tmp_path):
    found, _ = opened(with_sludge(tmp_path))
    means = {"S_NH": ("NH4", 5.0), "S_NO": ("NO3", 7.0), "TKN": ("TKN", 8.0), "S_O": ("DO", 2.0)}
    both = leaving(found, "TN", means)
    assert both.measured == pytest.approx(15.0)
    assert both.whole
    assert both.rest == pytest.approx(0.0)
    assert leaving(found, "TN", means | {"TN": ("TN", 20.0)}).measured == pytest.approx(20.0)


@pytest.mark.parametrize("failure", [SimulationError("no steady state was found: 1"), RuntimeError("singular")])
def test_a_plant_without_steady_state_is_a_finding_and_the_check_goes_on(tmp_path, monkeypatch, failure):
    path = with_sludge(tmp_path)

    def fail(*_):
        raise failure

    monkeypatch.setattr(CompiledPlant, "steady_state", fail)
    found = check(path)
    assert found.errors == 0
    text = "\n".join(found.lines)
    assert "f does not settle under the mean inputs" in text
    assert "balances of the record" in text
    assert "training on this machine" in text


def test_concentrations_below_zero_at_steady_state_are_named(tmp_path):
    found, _ = opened(with_sludge(tmp_path))
    below = dict(found.expected) | {"aerobic.S_NH": -3.2}
    changed = type(found)(**{**vars(found), "expected": below})
    (finding,) = steady_findings(changed, "x")
    assert "aerobic.S_NH at -3.2" in finding.message


def test_the_sections_of_a_check_come_in_the_order_of_the_plant(tmp_path):
    lines = check(with_sludge(tmp_path)).lines
    heads = ["source online", "constants in use", "blocks", "water", "operation", "measured", "balances", "training"]
    at = [next(i for i, line in enumerate(lines) if line.startswith(head)) for head in [*heads, "findings"]]
    assert at == sorted(at)
    assert lines[-1] == "0 errors, 0 warnings"
    shown = next(line for line in lines if line.split()[:2] == ["MLSS", "aerobic.TSS"])
    assert shown.split()[-1] in ("1", "0.999", "1.01", "0.99")


def test_a_check_of_constant_inputs_alone_is_told_too(tmp_path):
    path = with_sludge(tmp_path)
    frame = pd.read_csv(tmp_path / "plant.csv")
    frame[["flow", "NH4_in", "DO"]] = [5000.0, 30.0, 1.5]
    frame.to_csv(tmp_path / "plant.csv", index=False)
    found = check(path)
    assert found.errors == 0
    assert any("sludge age (SRT)" in line for line in found.lines)


def test_a_plant_that_cannot_be_trained_is_an_error_of_the_check(tmp_path):
    path = write_case(tmp_path)
    late = CONFIG.replace(
        "return_sludge: {to: anoxic, flow: 4000}", "return_sludge: {to: anoxic, flow: 4000, delay: 30 min}"
    )
    path.write_text(late, encoding="utf-8")
    found = check(path)
    assert found.errors == 1
    assert "for training, a plant whose streams arrive at once" in "\n".join(found.lines)


def test_sludge_a_thousand_times_too_small_is_a_unit(tmp_path):
    (finding,) = [f for f in findings_of(with_sludge(tmp_path, level=3.3)) if f.kind == "sludge"]
    assert finding.fix == "check the unit of MLSS: a factor of about 1000, g/L taken as mg/L?"
