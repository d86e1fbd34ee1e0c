"""n where it is not on rates, in an f with one wrong parameter: what it gains, what it finds, and that it is kept."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import bundle_of
from safetensors.torch import load_file
from small_plant import BEYOND, CONFIG, TRUE, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.scenario.plants import simulate_run
from asm_hybrid.training import without_gradients
from asm_hybrid.workflow import run_training

PLACEMENTS = {
    "parameters": "parameters, parameters: [mu_A, K_OH]",
    "output": "output",
    "rates and forcing": "[forcing, rates], type: mlp, processes: [aerobic_growth_autotrophs], influent: [S_NH], "
    "inputs: {rates: [S_NH, S_O], forcing: [Q_in, load.TN, time_of_day]}",
}
CHANGES = {
    "calibrate: [mu_A, eta_g]": "calibrate: [], parameters: {eta_g: 0.6}",
    "seeds: [1, 2]": "seeds: [1]",
    "iterations: 4, validate_every: 2": "iterations: 25, validate_every: 5, learning_rate: 0.1",
}


@pytest.fixture(scope="module", params=sorted(PLACEMENTS))
def run(request, tmp_path_factory):
    """Train once a placement, with the growth rate of nitrifiers wrong in f; return the run folder."""
    torch.set_num_threads(1)
    base, text = tmp_path_factory.mktemp(request.param), CONFIG
    inputs = "" if "inputs" in PLACEMENTS[request.param] else "inputs: [S_NH, S_O], "
    placed = {"inputs: [S_NH, S_O]": f"{inputs}placement: {PLACEMENTS[request.param]}"}
    if request.param == "rates and forcing":  # two terms take longer to share the work between them
        placed |= {"iterations: 25": "iterations: 60", "window: 2 h": "window: 6 h"}
    for old, new in (CHANGES | placed).items():
        assert old in text
        text = text.replace(old, new)
    run_training(write_case(base, text), base / "run")
    return base / "run"


def test_the_hybrid_is_nearer_to_the_truth_than_f(run):
    summary = json.loads((run / "summary.json").read_text())
    most = {"parameters": 0.5, "output": 0.8}.get(summary["placements"][0], 0.75)
    for models in summary["scores"]["test"].values():
        assert models["hybrid"]["rmse"] < most * models["recalibrated"]["rmse"]


def test_the_diagnosis_names_what_n_changes(run):
    summary, model = json.loads((run / "summary.json").read_text()), load_model(run)
    table, first = pd.read_csv(run / "contributions.csv"), summary["missing"][0]
    report = (run / "report.html").read_text(encoding="utf-8")
    assert sum(row["share"] for row in summary["missing"]) == pytest.approx(1.0)
    if summary["placements"] == ["parameters"]:
        assert (first["name"], first["tank"], first["unit"]) == ("mu_A", "aerobic", "1/d")
        assert first["share"] > 0.8
        default = float(model.parameters[model.plant.table.parameter_names.index("mu_A")])
        assert first["learnt"] / first["own"] == pytest.approx(TRUE["mu_A"] / default - 1.0, abs=0.06)
        assert set(table["name"]) == {"mu_A", "K_OH"}
        assert "parameters of the rates" in report
    elif summary["placements"] == ["rates", "forcing"]:
        assert (first["kind"], first["name"]) == ("process", "aerobic_growth_autotrophs")
        assert {row["tank"] for row in summary["missing"] if row["kind"] == "influent"} == {"influent"}
        assert set(table["kind"]) == {"process", "influent"}
        assert "process rates; concentrations of the influent" in report
        assert any("reads the time of day" in w for w in summary["warnings"])
    else:
        assert {(row["name"], row["tank"]) for row in summary["missing"]} == {
            ("aerobic.S_NH", "aerobic"),
            ("aerobic.S_NO", "aerobic"),
        }
        assert set(table["tank"]) == {"aerobic"}
        assert "measured variables, not the states" in report


def test_output_leaves_the_states_to_f(run):
    model, stored = load_model(run), load_file(run / "states.safetensors")
    inputs = read_inputs(run)[[s.name for s in model.plant.inputs]].to_numpy()
    f = without_gradients(model.recalibrated()).simulate(model.start[1:], torch.tensor(inputs), record_knots=True)
    same = torch.allclose(f.knots[0, stored["knot"]], stored["X"], rtol=1e-9, atol=1e-9)
    assert same == (model.config.network.placement == ("output",))


def test_what_n_adds_to_measurements_is_told_from_the_states(run):
    """The states are those of f where n corrects measurements, and what is shown is what the run predicts."""
    model = load_model(run)
    (case,) = simulate_run(run).cases
    shown = [name for name in case.record.columns if name.endswith(" shown")]
    if model.config.network.placement != ("output",):
        assert shown == []
        return
    count, inputs = len(case.record.times), read_inputs(run)[[s.name for s in model.plant.inputs]].to_numpy()
    solution = model.simulate(torch.tensor(inputs), record_knots=True)
    f = without_gradients(model.recalibrated()).simulate(model.start[1:], torch.tensor(inputs))
    for i, target in enumerate(model.targets):
        for found, of in ((f"{target} shown", solution), (target, f)):
            expected = of.outputs[0, -count:, i].numpy()
            np.testing.assert_allclose(case.record.columns[found], expected, rtol=1e-8, atol=1e-10)
    assert sorted(shown) == sorted(f"{target} shown" for target in model.targets)


def test_a_run_is_simulated_as_torch_does_over_its_record(run):
    model, knots = load_model(run), read_inputs(run)
    base = torch.tensor(knots[[s.name for s in model.plant.inputs]].to_numpy())
    more = base.clone()
    more[:, model.plant.input_index["Q_in"]] *= 1.2
    inputs, targets = torch.stack([base, more]), (*model.targets, "effluent.TN", "effluent.TSS")
    with torch.no_grad():
        start = model.start[1].expand(1, 2, -1, -1)
        expected = model.hybrid(targets).simulate(start, inputs, record_knots=True)
    found = model.simulate(inputs, targets, record_knots=True)
    size = expected.outputs.abs().amax(-2, keepdim=True)
    assert float(((found.outputs - expected.outputs).abs() / size).max()) < 1e-10
    size = expected.knots.abs().amax(-3, keepdim=True).clamp(min=1e-3)
    assert float(((found.knots - expected.knots).abs() / size).max()) < 1e-10
    assert float((found.outputs[0, 0] - found.outputs[0, 1]).abs().max()) > 0.1


def test_the_run_and_its_bundle_predict_the_same(run, tmp_path):
    inputs = read_inputs(run)
    bundle = bundle_of(run, tmp_path / "bundle")
    pd.testing.assert_frame_equal(load_model(run).predict(inputs), load_model(bundle).predict(inputs), rtol=0, atol=0)


def test_air_beside_imposed_oxygen_reaches_n_in_run_bundle_and_scenario(tmp_path):
    text = CONFIG.replace("DO: {", "Q_air: {role: input, as: aerobic.air, unit: m3/h}\n        DO: {")
    path = write_case(tmp_path, text.replace("inputs: [S_NH, S_O]", "inputs: [S_NH, air]"), truth=BEYOND)
    plant = pd.read_csv(tmp_path / "plant.csv")
    plant.assign(Q_air=2000 + 100 * plant["flow"] / 5000).to_csv(tmp_path / "plant.csv", index=False)
    run_training(path, tmp_path / "run")
    model, inputs = load_model(tmp_path / "run"), read_inputs(tmp_path / "run")
    bundle = load_model(bundle_of(tmp_path / "run", tmp_path / "bundle"))
    pd.testing.assert_frame_equal(bundle.predict(inputs), model.predict(inputs), rtol=0, atol=0)
    scenario = tmp_path / "more.yaml"
    scenario.write_text("name: more\nchanges:\n  - {input: aerobic.air, scale: 1.02}\n")
    base, case = simulate_run(tmp_path / "run", scenario).cases
    more = inputs.assign(**{"aerobic.air": 1.02 * inputs["aerobic.air"]})
    assert not model.predict(more).equals(model.predict(inputs))
    assert (case.record.columns["aerobic.S_NH"] != base.record.columns["aerobic.S_NH"]).any()
