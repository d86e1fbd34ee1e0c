"""The diagnosis names the place that n really changes, and the verdict says who wins."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from small_plant import CONFIG, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.artefacts import write_manifest
from asm_hybrid.diagnosis import diagnose
from asm_hybrid.diagnosis.contributions import contributions
from asm_hybrid.diagnosis.forecast import forecast_verdict
from asm_hybrid.diagnosis.missing import window_starts
from asm_hybrid.diagnosis.verdict import verdict
from asm_hybrid.training import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run whose n was overwritten: it halves one rate, wherever it acts."""
    torch.set_num_threads(1)
    base = tmp_path_factory.mktemp("diagnosis")
    text = CONFIG.replace("iterations: 4", "iterations: 0").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    folder = train(write_case(base, text), base / "run").folder
    return folder


def set_factor(model, process, factor):
    """Let n multiply one rate by a constant, for every seed."""
    k = model.plant.table.process_names.index(process)
    with torch.no_grad():
        for p in model.term.parameters():
            p.zero_()
        limit = np.log(10.0)
        next(iter(model.term)).network.biases[-1][..., k] = limit * np.arctanh(np.log(factor) / limit)


@pytest.mark.parametrize("process", ["aerobic_growth_autotrophs", "anoxic_growth_heterotrophs"])
def test_the_process_that_n_changes_is_named_first(run, tmp_path, process):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    model = load_model(folder)
    set_factor(model, process, 0.5)
    model.save(folder)
    write_manifest(folder)
    missing = diagnose(folder)["missing"]
    shares = {}
    for row in missing:
        shares[row["name"]] = shares.get(row["name"], 0.0) + row["share"]
    assert missing[0]["name"] == process
    if process == "aerobic_growth_autotrophs":
        assert missing[0]["tank"] == "aerobic"
    assert shares[process] == pytest.approx(1.0)
    named = next(r for r in missing if r["name"] == process and r["tank"] == missing[0]["tank"])
    assert named["learnt"] == pytest.approx(-0.5 * named["own"], rel=1e-9)
    table = pd.read_csv(folder / "contributions.csv")
    rows = table[(table["name"] == process) & (table["own"] > 1e-6)]
    np.testing.assert_allclose(rows["learnt"], -0.5 * rows["own"], rtol=1e-4)
    assert set(table["block"].dropna()) == {"train", "validate", "test"}


def test_an_n_that_does_nothing_has_no_share(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    missing = diagnose(tmp_path / "run")["missing"]
    assert {row["share"] for row in missing} == {0.0}
    assert {row["learnt"] for row in missing} == {0.0}


def test_contributions_are_f_and_what_n_adds(run):
    model = load_model(run)
    set_factor(model, "aerobic_growth_autotrophs", 2.0)
    table = read_inputs(run)
    u = torch.tensor(table[[s.name for s in model.plant.inputs]].to_numpy())[:4]
    X = model.start[1].repeat(4, 1, 1)
    found = contributions(model, next(iter(model.term)).member(0), X, u)
    k = model.plant.table.process_names.index("aerobic_growth_autotrophs")
    np.testing.assert_allclose(found["learnt"][..., k], found["own"][..., k], rtol=1e-12)
    assert np.abs(np.delete(found["learnt"], k, axis=-1)).max() == 0.0
    np.testing.assert_allclose(found["oxygen"][:, 1], u[:, model.plant.input_index["aerobic.S_O"]])
    assert not model.term.outside(X, u).any()


def test_windows_spread_over_the_record():
    assert window_starts(97, 48) == [0, 48]
    assert window_starts(20, 48) == [0]
    many = window_starts(48 * 300 + 1, 48)
    assert len(many) == 24
    assert (many[0], many[-1]) == (0, 299 * 48)


def scored(**rmse):
    """Return a summary with one variable a keyword: (hybrid, best baseline)."""
    test = {
        name: {
            "mean": {"rmse": 9.0, "rmse_seeds": [9.0]},
            "recalibrated": {"rmse": other, "rmse_seeds": [other]},
            "hybrid": {"rmse": own, "rmse_seeds": [own, own * 1.1]},
        }
        for name, (own, other) in rmse.items()
    }
    return {"mode": "hybrid", "scores": {"test": test}, "variables": {n: {"unit": "g N/m3"} for n in rmse}}


def test_verdict_of_a_win():
    found = verdict(scored(NH4=(1.0, 2.0), NO3=(3.0, 4.0)))
    assert found["wins"]
    assert "beats every baseline on the test block, in all 2 variables" in found["sentence"]
    assert "NH4: RMSE 1 against 2 g N/m3 by the best baseline, recalibrated (50 % lower)" in found["sentence"]
    assert found["variables"]["NH4"]["seeds_better"] == 2


def test_verdict_of_a_partial_win_and_of_a_loss():
    partial = verdict(scored(NH4=(1.0, 2.0), NO3=(5.0, 4.0)))
    assert not partial["wins"]
    assert "in NH4, but loses to a baseline in NO3" in partial["sentence"]
    loss = verdict(scored(NH4=(3.0, 2.0)))
    assert not loss["wins"]
    assert "does not beat the best baseline" in loss["sentence"]
    assert "(50 % higher)" in loss["sentence"]


def test_verdict_when_every_seed_diverges_or_nothing_is_scored():
    summary = scored(NH4=(1.0, 2.0))
    del summary["scores"]["test"]["NH4"]["hybrid"]
    found = verdict(summary)
    assert not found["wins"]
    assert "NH4: it diverges" in found["sentence"]
    summary["scores"]["test"] = {}
    assert "nothing can be said" in verdict(json.loads(json.dumps(summary)))["sentence"]


def test_where_persistence_wins_is_said():
    def models(persistence, hybrid):
        return {"persistence": {"rmse": persistence}, "hybrid": {"rmse": hybrid}}

    test = {
        "1 h": {"NH4": models(0.3, 0.4), "NO3": models(0.4, 0.4)},
        "6 h": {"NH4": models(0.8, 0.4), "NO3": models(0.3, 0.4)},
        "24 h": {"NH4": models(0.8, 0.4), "NO3": {"persistence": {"rmse": 0.1}}},
        "48 h": {},
    }
    found = forecast_verdict({"forecast": {"scores": {"test": test}}}, "hybrid")
    assert found["persistence_wins"] == {"1 h": ["NH4", "NO3"], "6 h": ["NO3"], "24 h": []}
    assert found["sentences"] == [
        "At 1 h persistence wins in NH4, NO3.",
        "At 6 h persistence wins in NO3; the hybrid is better in NH4.",
        "At 24 h the hybrid diverges in NO3, and has no score.",
        "At 24 h the hybrid is better than persistence in NH4.",
        "At 48 h there is no forecast to compare on the test block.",
    ]
