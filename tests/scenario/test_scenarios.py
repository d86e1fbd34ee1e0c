"""Scenarios: what changes, what does not, and what is refused."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.cli import main
from asm_hybrid.errors import InputError
from asm_hybrid.export import export_bundle
from asm_hybrid.manifest import write_manifest
from asm_hybrid.plant import InputSpec
from asm_hybrid.scenario import run_scenario as MODULE
from asm_hybrid.scenario.changes import Knots, StampClock, apply_changes, change_texts
from asm_hybrid.scenario.definition import load_scenario
from asm_hybrid.workflow import run_training

PERIOD = '{start: "2024-03-07", end: "2024-03-08 12:00"}'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("scenario")
    text = CONFIG.replace("iterations: 4", "iterations: 2").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    run_training(write_case(base, text), base / "run")
    return base / "run"


@pytest.fixture
def no_plot(monkeypatch):
    """Leave out the plot, which takes longer than the simulation."""
    monkeypatch.setattr(MODULE, "plot_scenario", lambda *_: {})


def write(folder, changes, period=PERIOD, extra=""):
    path = folder / "scenario.yaml"
    listed = "\n".join(f"  - {c}" for c in changes)
    path.write_text(f"name: case\n{extra}period: {period}\nchanges:\n{listed}\n")
    return path


def simulate(run, path, out):
    """Simulate a file that holds one scenario."""
    (result,) = MODULE.simulate(run, path, out)
    return result


def test_changes_act_on_their_inputs_and_in_their_period(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.3}", '{input: wastage, set: 5 m3/h, start: "2024-03-08"}'])
    result = simulate(run, path, tmp_path / "out")
    means = result.table.set_index("quantity")
    assert means.loc["effluent.S_I", "scenario"] > 1.05 * means.loc["effluent.S_I", "base"]
    series = pd.read_csv(tmp_path / "out" / "series.csv")
    assert series["time"][0] == "2024-03-07T00:00:00+00:00"
    assert len(series) == 73
    assert (tmp_path / "out" / "plot.png").stat().st_size > 10_000
    assert (tmp_path / "out" / "scenario.yaml").read_text() == path.read_text()


def test_the_base_case_is_the_run_itself(run, tmp_path, no_plot):
    result = simulate(run, write(tmp_path, ["{input: T, shift: -4}"]), tmp_path / "out")
    predicted = load_model(run).predict(read_inputs(run))
    base = result.series["aerobic.S_NH base"].to_numpy()
    np.testing.assert_allclose(base, predicted["NH4"][3 * 48 : 3 * 48 + 73], rtol=1e-12)


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
def test_the_plant_answers_as_a_plant_does(run, tmp_path, no_plot, change, quantity, sign):
    means = simulate(run, write(tmp_path, [change]), tmp_path / "out").table.set_index("quantity")
    assert sign * (means.loc[quantity, "scenario"] - means.loc[quantity, "base"]) > 0


def test_without_a_period_it_is_the_test_block(run, tmp_path, no_plot):
    (tmp_path / "scenario.yaml").write_text("changes: [{input: T, shift: -2}]\n")
    result = simulate(run, tmp_path / "scenario.yaml", tmp_path / "out")
    start, end = (pd.Timestamp(t) for t in json.loads((run / "summary.json").read_text())["blocks"]["test"])
    times = pd.to_datetime(result.series["time"])
    assert times.iloc[0] - pd.Timedelta("30min") < start <= times.iloc[0]
    assert times.iloc[-1] <= end < times.iloc[-1] + pd.Timedelta("30min")
    assert result.name == "scenario"


def test_an_effluent_mean_weighs_by_flow(run, tmp_path, no_plot):
    result = simulate(run, write(tmp_path, ["{input: T, shift: 0}"]), tmp_path / "out")
    inputs = read_inputs(run).iloc[3 * 48 : 3 * 48 + 73]
    flow = (inputs["Q_in"] - inputs["wastage"]).to_numpy()
    by_hand = (result.series["effluent.S_I base"].to_numpy() * flow).sum() / flow.sum()
    assert result.table.set_index("quantity").loc["effluent.S_I", "base"] == pytest.approx(by_hand, rel=1e-9)


def test_a_bundle_gives_the_same_files_byte_for_byte(run, tmp_path):
    path = write(tmp_path, ["{input: load, scale: 1.2}"])
    simulate(run, path, tmp_path / "a")
    simulate(export_bundle(run, tmp_path / "bundle"), path, tmp_path / "b")
    files = {p.name for p in (tmp_path / "a").iterdir()}
    assert files == {"series.csv", "summary.csv", "scenario.yaml", "scenario.json", "plot.png", "plot.svg"}
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_command_prints_the_means(run, tmp_path, capsys, no_plot):
    path = write(tmp_path, ["{input: load, scale: 1.3}"])
    with pytest.raises(SystemExit) as caught:
        main(["simulate", str(run), "--scenario", str(path), "--out", str(tmp_path / "out")])
    assert not caught.value.code
    out = capsys.readouterr().out
    assert "effluent.TN" in out
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
            ["drawn from 'settler'", "scenario.yaml:4 (changes.0.input)", "2024-03-07 00:30"],
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
        simulate(run, write(tmp_path, changes), tmp_path / "out")
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
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], period), tmp_path / "out")


def test_an_unknown_zone_is_refused(run, tmp_path):
    with pytest.raises(InputError, match="Mars/Base"):
        simulate(run, write(tmp_path, ["{input: Q_in, scale: 2}"], extra="zone: Mars/Base\n"), tmp_path / "out")


def test_a_state_far_outside_of_the_training_is_said(run, tmp_path, no_plot):
    result = simulate(run, write(tmp_path, ["{input: influent.S_NH, scale: 6}"]), tmp_path / "out")
    assert result.outside_hours > 1.0
    driven, read = result.outside[0], next(d for d in result.outside if d.quantity == "S_NH" and d.place == "anoxic")
    assert (driven.place, driven.quantity, driven.unit) == ("influent", "S_NH", "g N/m3")
    assert driven.low > 2 * driven.trained_high
    assert read.low > read.trained_high > read.trained_low
    assert 0.0 < read.hours <= result.outside_hours
    facts = json.loads((result.folder / "scenario.json").read_text())
    assert facts["outside"][0] == asdict(driven)


def test_a_scenario_within_the_trained_range_names_nothing(run, tmp_path, no_plot):
    period = '{start: "2024-03-05", end: "2024-03-06"}'
    result = simulate(run, write(tmp_path, ["{input: return_sludge, scale: 1}"], period), tmp_path / "out")
    assert result.outside == ()
    assert result.outside_hours == 0.0


@pytest.mark.parametrize(
    ("changes", "flagged"),
    [
        (["{input: load, scale: 0}"], True),
        (["{input: aerobic.S_O, set: 0 mg/L}"], True),
        (["{input: return_sludge, scale: 1}"], False),
    ],
)
def test_inputs_that_training_has_not_seen_are_said(run, tmp_path, no_plot, changes, flagged):
    """No load and no oxygen are outside at all times; the record as it is only where its flow is higher than ever."""
    result = simulate(run, write(tmp_path, changes), tmp_path / "out")
    table, blocks = read_inputs(run), json.loads((run / "summary.json").read_text())["blocks"]
    begin, end = (pd.Timestamp(t) for t in blocks["train"])
    highest = table.loc[(table["time"] >= begin) & (table["time"] <= end), "Q_in"].max()
    period = table[(table["time"] >= "2024-03-07") & (table["time"] <= "2024-03-08 12:00")]
    rain = 0.5 * int((period["Q_in"] > highest * (1 + 1e-6)).sum())
    assert 0.0 < rain < 36.5
    assert result.outside_hours >= 36.0 if flagged else result.outside_hours == pytest.approx(rain, abs=6.0)


def test_an_interrupted_run_can_still_be_simulated(run, tmp_path, no_plot):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["stopped"] == "finished"
    bare = export_bundle(run, tmp_path / "bare")
    (bare / "summary.json").unlink()
    path = write(tmp_path, ["{input: T, shift: 1}"])
    with pytest.raises(InputError, match=r"summary\.json is missing"):
        simulate(bare, path, tmp_path / "out")
    write_manifest(bare)
    assert len(simulate(bare, path, tmp_path / "out").series) == 73


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: case\nchanges: []\n", ["scenario.yaml", "there is no change", "scenarios by name"]),
        ("name: case\n", ["there is no change"]),
        ("changes: [{input: T, shift: 1}]\nscenarios: {a: [{input: T, shift: 2}]}\n", ["both changes and scenarios"]),
        ("days: 3\nchanges: [{input: T, shift: 1}]\n", ["scenario.yaml:1 (days)", "'days'", "period"]),
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
    monkeypatch.setattr(MODULE, "_run", lambda *_: pytest.fail("the scenario was run"))
    path = write(tmp_path, ["{input: T, shift: 1}"])
    assert "--out" in refused(capsys, "simulate", run, "--scenario", path, "--out", path / "sub" / "out")


def test_a_failing_plot_leaves_nothing(run, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(MODULE, "plot_scenario", fail)
    with pytest.raises(RuntimeError, match="no fonts"):
        simulate(run, write(tmp_path, ["{input: T, shift: 1}"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("linear", "first", "end"), [(True, 3, 6), (False, 2, 5)])
def test_nothing_changes_before_the_start_or_from_the_end_on(tmp_path, linear, first, end):
    path = write(tmp_path, ["{input: load, scale: 2}", "{input: T, set: 10 degC}"], '{start: "2024-03-04 01:00"}')
    specs = [InputSpec("Q_in", "m3/d", "Q_in"), InputSpec("T", "degC", "T"), InputSpec("wastage", "m3/d", "wastage")]
    units = {"S_S": "g COD/m3", "S_O": "g O2/m3"}
    specs += [InputSpec(f"influent.{name}", unit, "influent", name) for name, unit in units.items()]
    times = pd.date_range("2024-03-04", periods=6, freq="30min", tz="UTC")
    base = np.tile([1000.0, 15.0, 10.0, 50.0, 1.0], (6, 1))
    scenario = load_scenario(path)
    clock, days = StampClock(times[0]), np.arange(6) / 48
    (case,) = scenario.cases
    knots = Knots(days, (days[2], days[-1]), clock, linear)
    changed = apply_changes(scenario, case, specs, ["influent.S_S"], knots, base)
    expected = base.copy()
    expected[first:end, 1] = 10.0
    expected[first:end, 3] = 100.0
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
    scenarios = "{cold: [{input: T, shift: -6}], warm: [{input: T, shift: 3}]}"
    path.write_text(f"name: case\nperiod: {PERIOD}\nscenarios: {scenarios}\n")
    cold, warm = MODULE.simulate(run, path, tmp_path / "out")
    assert (cold.name, warm.name) == ("cold", "warm")
    assert (cold.folder, warm.folder) == (tmp_path / "out" / "cold", tmp_path / "out" / "warm")
    means = [r.table.set_index("quantity").loc["aerobic.S_NH"] for r in (cold, warm)]
    assert means[0]["base"] == means[1]["base"]
    assert means[0]["scenario"] > means[0]["base"] > means[1]["scenario"]
    assert (warm.folder / "summary.csv").exists()


def test_a_run_without_a_scenario_is_refused(run, capsys):
    assert "--scenario" in refused(capsys, "simulate", run)
