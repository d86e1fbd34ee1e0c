"""Scenarios of a run: what changes, what does not, controllers that it gets, and what is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import bundle_of
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import InputSpec
from asm_hybrid.report import simulation as MODULE
from asm_hybrid.report.case_style import TimeAxis
from asm_hybrid.scenario.changes import Knots, StampClock, apply_changes, change_texts
from asm_hybrid.scenario.definition import load_scenario
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.scenario.result_folder import series_table, write_plant_folder
from asm_hybrid.scenario.summary import effect_warnings, indicator_table, main_rows
from asm_hybrid.workflow import run_training

PERIOD = '{start: "2024-03-07", end: "2024-03-08 12:00"}'


@pytest.fixture(scope="module")
def run(small_run):
    return small_run


@pytest.fixture
def no_plot(monkeypatch):
    """Leave out plots and page, which take longer than the simulation."""
    monkeypatch.setattr(MODULE, "simulation_files", lambda *_: {})


def write(folder, changes, period=PERIOD, extra=""):
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {c}" for c in changes)
    path.write_text(f"name: case\n{extra}period: {period}\nchanges:\n{listed}\n")
    return path


def simulate(run, path):
    """Simulate a file that holds one scenario, and return base case and scenario."""
    base, case = simulate_run(run, path).cases
    return base, case


def means(*cases):
    """Return the means over time of everything recorded."""
    return [{name: float(v.mean()) for name, v in case.record.columns.items()} for case in cases]


def test_changes_act_on_their_inputs_and_in_their_period(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.3}", '{input: wastage, set: 5 m3/h, start: "2024-03-08"}'])
    result, folder = MODULE.run_fitted_simulation(run, path, tmp_path / "out")
    base, case = result.cases
    assert case.changes == ("load × 1.3", "wastage = 5 m3/h from 2024-03-08")
    np.testing.assert_allclose(case.record.columns["influent.S_I"], 1.3 * base.record.columns["influent.S_I"])
    late = case.record.times >= 1.0
    np.testing.assert_allclose(case.record.columns["wastage"], np.where(late, 120.0, 90.0))
    assert case.record.columns["effluent.S_I"][-1] > 1.05 * base.record.columns["effluent.S_I"][-1]
    series = pd.read_csv(folder / "case" / "series.csv")
    assert series["time"][0] == "2024-03-07T00:00:00+00:00"
    assert len(series) == 73
    assert (folder / "measured.png").stat().st_size > 10_000
    assert (folder / "scenario.yaml").read_text() == path.read_text()
    assert "The base case is the prediction of the run" in (folder / "index.html").read_text()


def test_the_base_case_is_the_run_itself(run, tmp_path):
    base, _ = simulate(run, write(tmp_path, ["{input: T, shift: -4}"]))
    model = load_model(run)
    inputs = torch.tensor(read_inputs(run)[[s.name for s in model.plant.inputs]].to_numpy())
    predicted = model.simulate(inputs).outputs[..., 3 * 48 : 3 * 48 + 73, 0].numpy()
    for record, how in ((base.record, np.median), (base.low, np.min), (base.high, np.max)):
        np.testing.assert_allclose(record.columns["aerobic.S_NH"], how(predicted, axis=0), rtol=1e-9)


@pytest.mark.parametrize(
    ("change", "quantity", "sign"),
    [
        ("{input: T, shift: -6}", "aerobic.S_NH", 1),
        ("{input: aerobic.S_O, set: 0.2 mg/L}", "aerobic.S_NH", 1),
        ("{input: influent.S_NH, scale: 0.5}", "effluent.TN", -1),
        ("{input: wastage, scale: 3}", "effluent.TSS", -1),
        ("{input: recycle.internal, scale: 0.1}", "aerobic.S_NO", 1),
    ],
)
def test_the_plant_answers_as_a_plant_does(run, tmp_path, change, quantity, sign):
    base, case = means(*simulate(run, write(tmp_path, [change])))
    assert sign * (case[quantity] - base[quantity]) > 0


def test_without_a_scenario_the_base_case_runs_over_the_test_block(run):
    result = simulate_run(run)
    (case,) = result.cases
    start, end = (pd.Timestamp(t) for t in json.loads((run / "summary.json").read_text())["blocks"]["test"])
    stamps = result.stamps(case.record.times)
    assert stamps[0] - pd.Timedelta("30min") < start <= stamps[0]
    assert stamps[-1] <= end < stamps[-1] + pd.Timedelta("30min")
    assert {"EQI", "aeration energy", "aerobic.S_NH over time"} <= {i.name for i in case.indicators}


def test_a_tolerance_takes_the_place_of_the_steps_of_training(run, tmp_path):
    found = []
    for tolerance in (1e-4, 1e-6, 1e-8):
        path = tmp_path / f"{tolerance}.yaml"
        path.write_text(f"tolerance: {tolerance}\n", encoding="utf-8")
        result = simulate_run(run, path)
        assert result.fitted is not None
        assert not result.fitted.by_knots
        found.append(result.cases[0].record.states)
    scale = np.abs(found[-1]).max(axis=0)
    coarse, fine = (float((np.abs(states - found[-1]) / scale).max()) for states in found[:2])
    assert fine < 1e-4
    assert fine < coarse / 5


def test_every_member_is_simulated_and_differences_are_its_own(run, tmp_path):
    result = simulate_run(run, write(tmp_path, ["{input: influent.S_NH, scale: 1.1}"]))
    base, case = result.cases
    assert len(case.members) == result.fitted.members == 2
    (row,) = (row for row in main_rows(result.cases) if row.name == "effluent.NH4 mean")
    own = [{i.name: i.value for i in member} for member in (*base.members, *case.members)]
    b1, b2, c1, c2 = (found["effluent.NH4 mean"] for found in own)
    assert b1 != b2
    assert row.values == pytest.approx(((b1 + b2) / 2, (c1 + c2) / 2))
    assert row.ranges[1] == (min(c1, c2), max(c1, c2))
    if not row.by_f[1]:
        assert row.changes[1] == pytest.approx(((c1 / b1 - 1) + (c2 / b2 - 1)) / 2)
    table = series_table(result, case)
    low, high, middle = (table[f"aerobic.S_NH{what} [g N/m3]"] for what in (" low", " high", ""))
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert (low < high).any()


def test_a_bundle_gives_the_same_files_byte_for_byte(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.2}"])
    write_plant_folder(simulate_run(run, path), tmp_path / "a", {})
    write_plant_folder(simulate_run(bundle_of(run, tmp_path / "bundle"), path), tmp_path / "b", {})
    files = {p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*")}
    names = {"base/series.csv", "case/series.csv", "indicators.csv", "scenario.yaml", "trust.json"}
    assert {p.as_posix() for p in files} == names
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_command_prints_the_indicators(run, tmp_path, capsys, no_plot):
    path = write(tmp_path, ["{input: load, scale: 1.3}"])
    with pytest.raises(SystemExit) as caught:
        main(["simulate", str(run), "--scenario", str(path), "--out", str(tmp_path / "out")])
    assert not caught.value.code
    out = capsys.readouterr().out
    assert "effluent.TN mean" in out
    assert "medians of 2 seeds" in out
    assert str(tmp_path / "out") in out.replace("\n", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["{input: Qin, scale: 2}"], ["Qin", "Q_in", "scenario.yaml:4"]),
        (["{input: Q_in, scale: 2, shift: 1}"], ["scale and shift", "exactly one"]),
        (["{input: Q_in}"], ["exactly one"]),
        (["{input: Q_in, factor: 2}"], ["factor"]),
        (["{input: Q_in, scale: -1}"], ["scale"]),
        (["{input: influent.S_NH, shift: -500}"], ["negative", "influent.S_NH"]),
        (
            ["{input: wastage, set: 1e6}"],
            ["drawn from 'settler'", "scenario.yaml:4 (changes.0.input)", "2024-03-07 00:00"],
        ),
        (["{input: Q_in, scale: 0.001}"], ["backwards", "scenario.yaml:3"]),
        (["{input: wastage, set: 5 mg/L}"], ["mg/L", "m3/d", "scenario.yaml:4 (changes.0.set)"]),
        (["{input: wastage, set: lots}"], ["lots", "m3/d", "changes.0.set"]),
        (["{input: wastage, set: -5}"], ["negative", "changes.0.set"]),
        (["{input: T, shift: -40}"], ["impossible", "-5 degC", "changes.0.shift"]),
        (["{input: aerobik.S_O, scale: 2}"], ["did you mean 'aerobic.S_O'"]),
        (["{input: T, shift: 1}", "{input: T, shift: x}"], ["changes.1.shift", "a number"]),
        (['{input: Q_in, scale: 2, start: "2024-03-08", end: "2024-03-07 12:00"}'], ["ends before", "0.start"]),
        (['{input: Q_in, scale: 2, end: "2024-03-06"}'], ["ends before", "changes.0.end"]),
        (['{input: Q_in, scale: 2, start: "2024-03-08 18:00", end: "2024-03-08 20:00"}'], ["no part", "0.start"]),
        (['{input: Q_in, scale: 2, start: "2031-01-01", end: "2031-01-02"}'], ["no part of the record"]),
        (['{input: Q_in, scale: 2, start: "yesterday"}'], ["yesterday", "ISO"]),
        (["{input: Q_in, scale: 2, scale: 3}"], ["scale", "twice"]),
    ],
)
def test_a_bad_change_is_refused(run, tmp_path, changes, words):
    with pytest.raises(InputError) as caught:
        MODULE.run_fitted_simulation(run, write(tmp_path, changes), tmp_path / "out")
    assert all(w in str(caught.value) for w in words), str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "period",
    [
        '{start: "2024-03-08", end: "2024-03-07"}',
        '{start: "2020-01-01", end: "2020-02-01"}',
        '{start: "2024-03-07", end: "2025-01-01"}',
    ],
)
def test_a_period_outside_of_the_record_is_refused(run, tmp_path, period):
    with pytest.raises(InputError, match="2024-03-04"):
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], period))


def test_an_unknown_zone_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="Mars/Base"):
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], extra="zone: Mars/Base\n"))


def test_a_state_far_outside_of_the_training_is_told_by_f_alone(run, tmp_path):
    """Where n is off in a case and not in the base case, their difference is that of two models, and is not given."""
    result = simulate_run(run, write(tmp_path, ["{input: influent.S_NH, scale: 6}"]))
    base, case = result.cases
    assert case.outside_hours > 1.0
    outside = case.trust.departures
    driven, read = outside[0], next(d for d in outside if d.quantity == "S_NH" and d.place == "anoxic")
    assert (driven.place, driven.quantity, driven.unit) == ("influent", "S_NH", "g N/m3")
    assert driven.low > 2 * driven.trained_high
    assert read.low > read.trained_high > read.trained_low
    assert 0.0 < read.hours <= case.outside_hours
    (row,) = (row for row in main_rows(result.cases) if row.name == "effluent.NH4 mean")
    assert row.by_f == (False, True)
    alone = [{i.name: i.value for i in c.alone.indicators}["effluent.NH4 mean"] for c in (base, case)]
    assert row.changes[1] == pytest.approx(alone[1] / alone[0] - 1)
    assert row.changes[1] != pytest.approx(row.values[1] / row.values[0] - 1, rel=1e-6)
    assert any("that of f alone against f alone" in text for text in effect_warnings(result.cases))
    assert {"case f alone", "case change of f alone [%]"} <= set(indicator_table(result.cases).columns)
    assert "case change [%]" not in indicator_table(result.cases).columns
    write_plant_folder(result, tmp_path / "out", {})
    facts = json.loads((tmp_path / "out" / "trust.json").read_text())["cases"]["case"]
    assert facts["outside"][0]["place"] == "influent"
    assert facts["effect_by_f_alone"] is True


def test_f_alone_is_calibrated_f(run, tmp_path):
    base, case = simulate(run, write(tmp_path, ["{input: influent.S_NH, scale: 6}"]))
    model = load_model(run)
    inputs = torch.tensor(read_inputs(run)[[s.name for s in model.plant.inputs]].to_numpy())
    with torch.no_grad():
        f = model.recalibrated().simulate(model.start[1:], inputs).outputs[0, 3 * 48 : 3 * 48 + 73, 0].numpy()
    np.testing.assert_allclose(base.alone.record.columns["aerobic.S_NH"], f, rtol=1e-9)
    assert case.alone.record.columns["aerobic.S_NH"].mean() > f.mean()


def test_a_scenario_within_the_trained_range_names_nothing(run, tmp_path):
    period = '{start: "2024-03-05", end: "2024-03-06"}'
    result = simulate_run(run, write(tmp_path, ["{input: return_sludge, scale: 1}"], period))
    for case in result.cases:
        assert case.trust.departures == ()
        assert case.outside_hours == 0.0
        assert case.alone is None
    assert effect_warnings(result.cases) == []


@pytest.mark.parametrize(
    ("changes", "flagged"),
    [
        (["{input: load, scale: 0}"], True),
        (["{input: aerobic.S_O, set: 0 mg/L}"], True),
        (["{input: return_sludge, scale: 1}"], False),
    ],
)
def test_inputs_that_training_has_not_seen_are_said(run, tmp_path, changes, flagged):
    """No load and no oxygen are outside at all times; the record as it is only where its flow is higher than ever."""
    base, case = simulate(run, write(tmp_path, changes))
    table, blocks = read_inputs(run), json.loads((run / "summary.json").read_text())["blocks"]
    begin, end = (pd.Timestamp(t) for t in blocks["train"])
    highest = table.loc[(table["time"] >= begin) & (table["time"] <= end), "Q_in"].max()
    period = table[(table["time"] >= "2024-03-07") & (table["time"] <= "2024-03-08 12:00")]
    rain = 0.5 * int((period["Q_in"] > highest * (1 + 1e-6)).sum())
    assert 0.0 < rain < 36.5
    assert base.outside_hours == pytest.approx(rain, abs=6.0)
    assert case.outside_hours >= 36.0 if flagged else case.outside_hours == base.outside_hours


CONTROLLED = """\
name: control
zone: Europe/Amsterdam
period: {start: "2024-03-07 01:00", end: "2024-03-08 01:00"}
score_from: 6 h
scenarios:
  fixed:
    control:
      oxygen: {measure: aerobic.S_O, move: aerobic.kla, setpoint: 1.5 mg/L, gain: 300, integral_time: 10 min,
        offset: 60, high: 500}
  by-ammonium:
    changes: [{input: ammonium.setpoint, set: 3 mg N/L, start: "2024-03-07 13:00"}]
    control:
      oxygen: {measure: aerobic.S_O, move: aerobic.kla, setpoint: 1.5 mg/L, gain: 300, integral_time: 10 min,
        offset: 60, high: 500}
      ammonium: {measure: aerobic.S_NH, move: oxygen.setpoint, setpoint: 1 mg N/L, gain: -0.5, integral_time: 2 h,
        offset: 1.5, low: 0.5, high: 2.5}
  intermittent:
    cycles:
      blower: {phases: [{name: air, duration: 40 min, set: {aerobic.kla: 150 1/d}}, {duration: 20 min}]}
"""


@pytest.fixture(scope="module")
def controlled(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("controlled") / "scenario.yaml"
    path.write_text(CONTROLLED)
    return simulate_run(run, path)


def test_controllers_and_time_tables_free_the_oxygen_that_was_imposed(controlled):
    base, fixed, by_ammonium, cycled = (case.record.columns for case in controlled.cases)
    times = controlled.cases[0].record.times
    late = times > 0.25
    assert np.ptp(base["aerobic.S_O"]) > 0.5
    np.testing.assert_allclose(fixed["aerobic.S_O"][late], 1.5, atol=0.02)
    assert fixed["aerobic.kla"][late].min() > 0
    assert np.ptp(by_ammonium["oxygen.setpoint"]) > 0.3
    np.testing.assert_allclose(by_ammonium["ammonium.setpoint"], np.where(times >= 0.5 - 1e-9, 3.0, 1.0))
    assert set(np.unique(cycled["aerobic.kla"])) == {0.0, 150.0}
    assert cycled["aerobic.S_O"].min() < 0.3
    assert cycled["aerobic.S_O"].max() > 1.0
    for case in controlled.cases[1:]:
        assert "aerobic.S_O is no longer imposed" in case.changes
    assert controlled.cases[2].changes[:2] == (
        "controller oxygen: aerobic.S_O at 1.5 mg/L by aerobic.kla",
        "controller ammonium: aerobic.S_NH at 1 mg N/L by oxygen.setpoint",
    )
    energies = [{i.name: i.value for i in case.indicators}["aeration energy"] for case in controlled.cases]
    assert min(energies) > 0


def test_a_case_that_needs_another_integrator_has_it_in_the_base_case_too(run, controlled):
    """CVODES, for all; it begins with the state of the run, and stays near to the run's own prediction."""
    assert not controlled.fitted.by_knots
    record = controlled.cases[0].record
    model = load_model(run)
    inputs = torch.tensor(read_inputs(run)[[s.name for s in model.plant.inputs]].to_numpy())
    predicted = np.median(model.simulate(inputs).outputs[:, 3 * 48 : 3 * 48 + 49, 0].numpy(), axis=0)
    np.testing.assert_allclose(record.columns["aerobic.S_NH"][0], predicted[0], rtol=1e-9)
    np.testing.assert_allclose(record.columns["aerobic.S_NH"], predicted, rtol=0.05)
    assert (record.columns["aerobic.S_NH"][1:] != predicted[1:]).all()


def test_times_are_written_and_shown_in_the_zone_of_the_file(controlled):
    table = series_table(controlled, controlled.cases[1])
    assert table["time"][0] == "2024-03-07T01:00:00+01:00"
    axis = TimeAxis(controlled.fitted.origin, controlled.fitted.zone)
    assert axis.label == "time (Europe/Amsterdam)"
    assert axis.at(0.5) == pytest.approx(pd.Timestamp("2024-03-07 12:00", tz="UTC").timestamp() / 86400)
    assert controlled.influent.startswith("the record of the run, 2024-03-07 01:00 +0100 to 2024-03-08 01:00")


def test_a_run_takes_another_influent(run, tmp_path):
    """From the steady state of its means, with the other inputs as they are on average in the record."""
    path = tmp_path / "scenario.yaml"
    made = "{flow: 5000, COD: 400, TKN: 40, temperature: 16, temperature_season: 0, noise: 0}"
    path.write_text(f"days: 2\nspin_up: 1\ninfluent: {{generate: {made}}}\nchanges: [{{input: T, shift: -3}}]\n")
    result = simulate_run(run, path)
    base, cold = result.cases
    assert result.residual < 1e-6
    assert base.record.times[-1] == 2.0
    oxygen = read_inputs(run)["aerobic.S_O"].mean()
    np.testing.assert_allclose(base.record.columns["aerobic.S_O"], oxygen)
    assert "aerobic.S_O" in result.influent
    assert cold.record.columns["aerobic.S_NH"].mean() > base.record.columns["aerobic.S_NH"].mean()
    assert result.stamps(base.record.times) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("control: {o: {measure: aerobic.S_O, move: aerobic.kla}}\n", ["scenario.yaml:1", "lacks setpoint, gain"]),
        (
            "control: {o: {measure: aerobic.S_X, move: aerobic.kla, setpoint: 1,gain: 1, integral_time: 1, high: 9}}\n",
            ["scenario.yaml:1 (control.o.measure)", "S_X"],
        ),
        (
            "scenarios:\n  a:\n    control:\n      o: {type: on_off, measure: aerobic.S_O, move: aerobic.air, on: 1, "
            "switch_on: 1, switch_off: 2}\n",
            ["scenario.yaml:4 (scenarios.a.control.o.move)", "'aerobic.air' is not an input"],
        ),
        (
            "control: {o: {measure: aerobic.S_NH, move: aerobic.S_O, setpoint: 1, gain: 1, integral_time: 1, "
            "high: 9}}\n",
            ["scenario.yaml", "aerobic.S_O is imposed by a column", "move aerobic.kla"],
        ),
        ("cycles: {c: {phases: [{duration: 1 h, set: {aerobik.kla: 9}}]}}\n", ["scenario.yaml:1 (cycles.c", "aerobik"]),
        ("scenarios: {a: {control: {}}}\n", ["has no change"]),
        ("spin_up: 2 d\nchanges: [{input: T, shift: 1}]\n", ["(spin_up)", "'influent'"]),
        ("period: {start: 2024-03-07}\ninfluent: {generate: {}}\n", ["(period)", "'influent'"]),
        ("score_from: 9 d\n", ["(score_from)", "before day"]),
    ],
)
def test_controllers_and_keys_that_cannot_be_are_refused(run, tmp_path, text, words):
    (tmp_path / "scenario.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        simulate_run(run, tmp_path / "scenario.yaml")
    assert all(w in str(caught.value) for w in words), str(caught.value)


def test_an_interrupted_run_can_still_be_simulated(run, tmp_path):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["stopped"] == "finished"
    bare = bundle_of(run, tmp_path / "bare")
    (bare / "summary.json").unlink()
    path = write(tmp_path, ["{input: T, shift: 1}"])
    with pytest.raises(InputError, match=r"summary\.json is missing"):
        simulate(bare, path)
    write_manifest(bare)
    assert len(simulate(bare, path)[1].record.times) == 73


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("changes: [{input: T, shift: 1}]\nscenarios: {a: [{input: T, shift: 2}]}\n", ["both changes and scenarios"]),
        ("name: ../case\nchanges: [{input: T, shift: 1}]\n", ["scenario.yaml:1 (name)"]),
        ("name: case\nchange: [{input: T, shift: 1}]\n", ["change", "changes"]),
        ("name: case\nchanges: [{input: T, shift: 1}\n", ["scenario.yaml", "YAML"]),
        ("name: case\nperiod: {begin: 2024-03-07}\nchanges: [{input: T, shift: 1}]\n", ["begin", "start"]),
    ],
)
def test_a_bad_file_ends_with_two_and_writes_nothing(run, tmp_path, capsys, text, words):
    (tmp_path / "scenario.yaml").write_text(text)
    before = sorted(run.rglob("*"))
    message = refused(capsys, "simulate", run, "--scenario", tmp_path / "scenario.yaml")
    assert all(w in message for w in words), message
    assert sorted(run.rglob("*")) == before


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    err = capsys.readouterr().err
    assert caught.value.code == 2
    assert "Traceback" not in err
    assert err.count("error:") == 1
    return err


def damage(folder, name, how):
    if how == "gone":
        (folder / name).unlink()
    else:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content))


@pytest.mark.parametrize("command", ["simulate", "export"])
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("weights.safetensors", "changed"),
        ("inputs.csv", "changed"),
        ("summary.json", "changed"),
        ("config.yaml", "changed"),
        ("weights.safetensors", "gone"),
        ("inputs.csv", "gone"),
        ("kinetics.yaml", "gone"),
        ("manifest.json", "gone"),
    ],
)
def test_a_damaged_run_ends_with_two_and_names_the_file(run, tmp_path, capsys, command, name, how):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    damage(copy, name, how)
    files = sorted(tmp_path.rglob("*"))
    path = write(tmp_path, ["{input: T, shift: 1}"])
    extra = ["--scenario", path] if command == "simulate" else []
    message = refused(capsys, command, copy, *extra)
    assert name in message
    assert str(copy) in message
    assert sorted(tmp_path.rglob("*")) == sorted([*files, path])


@pytest.mark.parametrize("what", ["nowhere", "empty", "file"])
def test_what_is_no_run_ends_with_two(tmp_path, capsys, what):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    path = write(tmp_path, ["{input: T, shift: 1}"])
    assert str(tmp_path / what) in refused(capsys, "simulate", tmp_path / what, "--scenario", path)


def test_a_target_below_a_file_is_refused_before_any_work(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(MODULE, "simulate_run", lambda *_: pytest.fail("the scenario was run"))
    path = write(tmp_path, ["{input: T, shift: 1}"])
    assert "--out" in refused(capsys, "simulate", run, "--scenario", path, "--out", path / "sub" / "out")


def test_a_failing_plot_leaves_nothing(run, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(MODULE, "simulation_files", fail)
    with pytest.raises(RuntimeError, match="no fonts"):
        MODULE.run_fitted_simulation(run, write(tmp_path, ["{input: T, shift: 1}"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_nothing_changes_before_the_start_or_from_the_end_on(tmp_path):
    path = write(tmp_path, ["{input: load, scale: 2}", "{input: T, set: 10 degC}"], '{start: "2024-03-04 01:00"}')
    specs = [InputSpec("Q_in", "m3/d", "Q_in"), InputSpec("T", "degC", "T"), InputSpec("wastage", "m3/d", "wastage")]
    units = {"S_S": "g COD/m3", "S_O": "g O2/m3"}
    specs += [InputSpec(f"influent.{name}", unit, "influent", name) for name, unit in units.items()]
    times = pd.date_range("2024-03-04", periods=6, freq="30min", tz="UTC")
    base = np.tile([1000.0, 15.0, 10.0, 50.0, 1.0], (6, 1))
    scenario = load_scenario(path)
    clock, days = StampClock(times[0]), np.arange(6) / 48
    (case,) = scenario.cases
    knots = Knots(days, (days[2], days[-1]), clock)
    changed = apply_changes(scenario, case, specs, ["influent.S_S"], knots, base)
    expected = base.copy()
    expected[2:5, 1] = 10.0
    expected[2:5, 3] = 100.0
    np.testing.assert_array_equal(changed, expected)
    assert change_texts(scenario, case, specs, ["influent.S_S"]) == ("load × 2", "T = 10 degC")


def test_times_are_read_in_the_zone_of_the_file(tmp_path):
    path = write(tmp_path, ["{input: T, shift: 1}"], extra="zone: Europe/Amsterdam\n")
    scenario = load_scenario(path)
    clock = StampClock(pd.Timestamp("2024-06-30", tz="UTC"))
    assert clock.read(scenario, "2024-07-01", "period") == 22 / 24
    with pytest.raises(InputError, match="2024-03-31 02:30"):
        clock.read(scenario, "2024-03-31 02:30", "period")


def test_several_scenarios_have_a_folder_each(run, tmp_path, no_plot):
    path = tmp_path / "scenario.yaml"
    scenarios = "{cold: [{input: T, shift: -6}], warm: {changes: [{input: T, shift: 3}]}}"
    path.write_text(f"name: case\nperiod: {PERIOD}\nscenarios: {scenarios}\n")
    result, folder = MODULE.run_fitted_simulation(run, path, tmp_path / "out")
    assert [case.name for case in result.cases] == ["base", "cold", "warm"]
    base, cold, warm = (found["aerobic.S_NH"] for found in means(*result.cases))
    assert cold > base > warm
    assert (folder / "warm" / "series.csv").exists()


@pytest.mark.slow
def test_cases_are_simulated_alike_in_other_processes(run, controlled, tmp_path, monkeypatch):
    path = tmp_path / "scenario.yaml"
    path.write_text(CONTROLLED)
    monkeypatch.setattr("asm_hybrid.scenario.simulation.SERIAL", 0.0)
    there = simulate_run(run, path, workers=2)
    for a, b in zip(controlled.cases, there.cases, strict=True):
        assert a.indicators == b.indicators


def test_a_run_whose_n_is_zero_is_told_as_f(run, tmp_path, capsys, no_plot):
    from safetensors.torch import load_file, save_file

    silent = tmp_path / "silent"
    shutil.copytree(run, silent)
    weights = load_file(silent / "weights.safetensors")
    for name in (name for name in weights if name.startswith("n.") and ".network." in name):
        weights[name] = torch.zeros_like(weights[name])
    save_file(weights, silent / "weights.safetensors")
    write_manifest(silent)
    with pytest.raises(SystemExit) as ended:
        main(["simulate", str(silent), "--out", str(tmp_path / "out")])
    assert ended.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "n found nothing that validation confirms and is zero" in printed
    assert "seeds" not in printed
    assert "f alone" not in printed
    table = pd.read_csv(tmp_path / "out" / "indicators.csv")
    assert list(table.columns) == ["indicator", "unit", "description", "base"]


def test_a_pure_neural_model_gives_its_series_and_their_means(tmp_path):
    text = CONFIG.replace("mode: hybrid, calibrate: [mu_A, eta_g]", "mode: neural").replace(
        "iterations: 4", "iterations: 2"
    )
    run_training(write_case(tmp_path, text), tmp_path / "run")
    path = write(tmp_path, ["{input: Q_in, scale: 1.1}"])
    result, folder = MODULE.run_fitted_simulation(tmp_path / "run", path, tmp_path / "out")
    base, case = result.cases
    assert list(case.record.columns) == ["aerobic.S_NH", "aerobic.S_NO"]
    (nitrate,) = (i for i in case.indicators if i.name == "aerobic.S_NO over time")
    assert nitrate.value == pytest.approx(
        np.median([{i.name: i.value for i in own}["aerobic.S_NO over time"] for own in case.members])
    )
    model = load_model(tmp_path / "run")
    inputs = torch.tensor(read_inputs(tmp_path / "run")[[s.name for s in model.plant.inputs]].to_numpy())
    predicted = np.median(model.simulate(inputs).outputs[:, 3 * 48 : 3 * 48 + 73, 0].numpy(), axis=0)
    np.testing.assert_allclose(base.record.columns["aerobic.S_NH"], predicted, rtol=1e-9)
    assert (case.record.columns["aerobic.S_NH"][1:] != predicted[1:]).any()
    assert case.outside_hours > 0
    assert {p.name for p in folder.iterdir()} >= {"index.html", "measured.png", "indicators.csv", "base", "case"}
    path.write_text(
        "control: {o: {measure: aerobic.S_O, move: aerobic.kla, setpoint: 1, gain: 1, integral_time: 1, high: 9}}\n"
    )
    with pytest.raises(InputError, match="a pure neural model has no plant"):
        simulate_run(tmp_path / "run", path)
