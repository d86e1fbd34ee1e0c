"""n on a parameter that is wrong in f: it finds the right one, in the right tank, and by how much."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, TRUE, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.export import export_bundle
from asm_hybrid.workflow import run_training

CHANGES = {
    "calibrate: [mu_A, eta_g]": "calibrate: [], parameters: {eta_g: 0.6}",
    "inputs: [S_NH, S_O]": "inputs: [S_NH, S_O], placement: parameters, parameters: [mu_A, K_OH]",
    "seeds: [1, 2]": "seeds: [1]",
    "iterations: 4, validate_every: 2": "iterations: 25, validate_every: 5, learning_rate: 0.1",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Train once with the growth rate of nitrifiers wrong in f; return the run folder."""
    torch.set_num_threads(1)
    base, text = tmp_path_factory.mktemp("parameters"), CONFIG
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    run_training(write_case(base, text), base / "run")
    return base / "run"


def test_the_hybrid_halves_the_error_of_f(run):
    summary = json.loads((run / "summary.json").read_text())
    assert summary["placement"] == "parameters"
    for models in summary["scores"]["test"].values():
        assert models["hybrid"]["rmse"] < 0.5 * models["recalibrated"]["rmse"]


def test_the_diagnosis_names_the_parameter_the_tank_and_the_size(run):
    first = json.loads((run / "summary.json").read_text())["missing"][0]
    assert (first["parameter"], first["tank"], first["unit"]) == ("mu_A", "aerobic", "1/d")
    assert first["share"] > 0.8
    model = load_model(run)
    default = float(model.parameters[model.plant.table.parameter_names.index("mu_A")])
    assert first["learnt"] / first["own"] == pytest.approx(TRUE["mu_A"] / default - 1.0, abs=0.06)
    table = pd.read_csv(run / "contributions.csv")
    assert set(table["parameter"]) == {"mu_A", "K_OH"}
    assert "parameters of the rates" in (run / "report.html").read_text()


def test_the_run_and_its_bundle_predict_the_same(run, tmp_path):
    inputs = read_inputs(run)
    bundle = export_bundle(run, tmp_path / "bundle")
    found, exported = load_model(run).predict(inputs), load_model(bundle).predict(inputs)
    assert np.array_equal(found, exported)
