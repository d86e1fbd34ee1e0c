"""The diagnosis names the place that n really changes, and the verdict says who wins."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from asm_hybrid import load_model, read_inputs
from asm_hybrid.diagnosis import diagnose
from asm_hybrid.diagnosis.contributions import contributions
from asm_hybrid.diagnosis.forecast_value import forecast_verdict
from asm_hybrid.diagnosis.switch_off import window_starts
from asm_hybrid.diagnosis.verdict import verdict
from asm_hybrid.manifest import write_manifest


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


def test_an_n_that_does_nothing_is_said_and_has_no_rows(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    summary = diagnose(tmp_path / "run")
    assert summary["n_found_nothing"]
    assert summary["missing"] == []
    found = summary["verdict"]
    assert not found["wins"]
    assert "recalibrated" in found["same_as"]
    assert found["sentence"].startswith(
        "n found nothing that validation confirms, so the hybrid model is recalibrated f. On the test block"
    )
    for label, row in found["misfit"].items():
        assert row["rmse"] == summary["scores"]["test"][label]["recalibrated"]["rmse"]
        assert row["times_noise"] == pytest.approx(row["rmse"] / summary["variables"][label]["noise"])
        assert "recalibrated" not in found["variables"][label]["open_against"]
        assert found["variables"][label]["best_baseline"] != "recalibrated"


def test_an_n_that_moves_predictions_by_less_than_the_sensor_shows_has_found_nothing(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    model = load_model(folder)
    set_factor(model, "hydrolysis_nitrogen", 1.00001)
    model.save(folder)
    write_manifest(folder)
    assert diagnose(folder)["n_found_nothing"]


def test_what_leaves_the_trained_range_is_named_with_its_tank_values_and_hours(run, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    model = load_model(folder)
    term = next(iter(model.term))
    set_factor(model, "aerobic_growth_autotrophs", 0.5)
    k = term.spec.inputs.index("S_NH")
    with torch.no_grad():
        term.low[k], term.high[k], term.width[k] = 0.0, 1e-3, 1e-3
    model.save(folder)
    write_manifest(folder)
    summary = diagnose(folder)
    assert {(row["place"], row["quantity"], row["unit"]) for row in summary["outside"]} == {
        ("anoxic", "S_NH", "g N/m3"),
        ("aerobic", "S_NH", "g N/m3"),
    }
    longest = summary["outside"][0]
    assert (longest["trained_low"], longest["trained_high"]) == (0.0, 1e-3)
    assert longest["high"] > longest["low"] > 1e-3
    assert longest["hours"] == 121.0
    warning = next(w for w in summary["warnings"] if "n fades" in w)
    assert "in 100 % of the hours" in warning
    assert "S_NH in anoxic" in warning
    assert "g N/m3 where it was trained on 0 to 0.001, for 121 h" in warning


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
    assert not any(term.outside(X, u).any() for term in model.term)


def test_windows_spread_over_the_record():
    assert window_starts(97, 48) == [0, 48]
    assert window_starts(20, 48) == [0]
    many = window_starts(48 * 300 + 1, 48)
    assert len(many) == 24
    assert (many[0], many[-1]) == (0, 299 * 48)


def scored(mode="hybrid", intervals=(-60.0, -20.0), **rmse):
    """Return a summary with one variable a keyword: (own model, best baseline), and an interval of their change."""
    own = {"hybrid": "hybrid", "neural": "neural", "mechanistic": "recalibrated"}[mode]
    best = "mechanistic" if own == "recalibrated" else "recalibrated"
    test = {
        name: {
            "mean": {"rmse": 9.0, "mae": 7.0, "bias": 1.0, "rmse_seeds": [9.0]},
            best: {"rmse": other, "mae": other, "bias": 0.0, "rmse_seeds": [other]},
            own: {"rmse": mine, "mae": mine, "bias": 0.0, "rmse_seeds": [mine, mine * 1.1]},
        }
        for name, (mine, other) in rmse.items()
    }
    limits = dict.fromkeys(rmse, intervals) if isinstance(intervals, tuple) else intervals
    change = {
        name: {own: {best: {"low": low, "high": high}, "mean": {"low": -95.0, "high": -80.0}}}
        for name, (low, high) in limits.items()
    }
    variables = {n: {"unit": "g N/m3", "noise": 0.25} for n in rmse}
    return {"mode": mode, "scores": {"test": test}, "improvement": change, "variables": variables}


@pytest.mark.parametrize(
    ("mode", "name", "other"),
    [
        ("hybrid", "The hybrid model", "recalibrated f"),
        ("neural", "The pure neural ODE", "recalibrated f"),
        ("mechanistic", "Recalibrated f", "f with default parameters"),
    ],
)
def test_verdict_of_a_win(mode, name, other):
    found = verdict(scored(mode, NH4=(1.0, 2.0), NO3=(3.0, 4.0)))
    assert found["wins"]
    assert found["sentence"].startswith(f"{name} beats every baseline on the test block, in both variables. ")
    figures = f"NH4: RMSE 1 against 2 g N/m3 by {other} (50 % lower; 90 % interval -60 to -20 %)"
    assert figures in found["sentence"]
    assert found["variables"]["NH4"]["own_rmse"] == 1.0
    assert found["variables"]["NH4"]["seeds_better"] == 2
    assert not any("hybrid" in key for key in found["variables"]["NH4"])


@pytest.mark.parametrize("interval", [(-60.0, 5.0), (-60.0, 0.0), (-3.0, 40.0)])
@pytest.mark.parametrize("mode", ["hybrid", "neural", "mechanistic"])
def test_an_interval_that_holds_zero_is_no_win_and_no_loss(mode, interval):
    mine = 1.0 if interval[0] < -10 else 2.2
    found = verdict(scored(mode, interval, NH4=(mine, 2.0)))
    assert not found["wins"]
    assert found["variables"]["NH4"]["outcome"] == "open"
    assert "cannot be told apart from" in found["sentence"]
    assert "which includes zero, so that the data do not decide" in found["sentence"]
    for word in ("beats", "loses"):
        assert word not in found["sentence"]


def test_a_baseline_that_is_not_the_best_may_leave_it_open():
    summary = scored(NH4=(1.0, 2.0))
    summary["improvement"]["NH4"]["hybrid"]["mean"] = {"low": -99.0, "high": 3.0}
    found = verdict(summary)
    assert found["variables"]["NH4"]["outcome"] == "open"
    assert "cannot be told apart from mean" in found["sentence"]
    assert not found["wins"]


def test_without_an_interval_nothing_is_said_to_be_better_or_worse():
    summary = scored(NH4=(1.0, 2.0))
    del summary["improvement"]
    found = verdict(summary)
    assert found["variables"]["NH4"]["outcome"] == "open"
    assert "too few days for an interval" in found["sentence"]
    assert "beats" not in found["sentence"]


def test_verdict_of_a_partial_win_and_of_a_loss():
    limits = {"NH4": (-60.0, -20.0), "NO3": (10.0, 40.0), "MLSS": (-0.3, 0.2)}
    partial = verdict(scored(intervals=limits, NH4=(1.0, 2.0), NO3=(5.0, 4.0), MLSS=(4.0, 4.01)))
    assert not partial["wins"]
    assert partial["sentence"].startswith(
        "The hybrid model, on the test block, beats every baseline in NH4, cannot be told apart from recalibrated f "
        "in MLSS and loses to a baseline in NO3. "
    )
    assert "90 % interval -0.3 to +0.2 %" in partial["sentence"]
    loss = verdict(scored(intervals=(20.0, 80.0), NH4=(3.0, 2.0)))
    assert not loss["wins"]
    assert loss["variables"]["NH4"]["worse_than"] == ["recalibrated"]
    assert "loses to a baseline" in loss["sentence"]
    assert "(50 % higher; 90 % interval +20 to +80 %)" in loss["sentence"]


def test_a_baseline_without_any_error_is_no_traceback():
    found = verdict(scored(intervals=(1.0, 9e9), NH4=(1.0, 0.0)))
    assert found["variables"]["NH4"]["change_percent"] is None
    assert "against 0 g N/m3" in found["sentence"]


def test_f_that_was_not_recalibrated_is_not_its_own_baseline():
    summary = scored("mechanistic", NH4=(2.0, 2.0))
    summary["scores"]["test"]["NH4"]["recalibrated"]["rmse_seeds"] = [2.0]
    found = verdict(summary)
    assert found["same_as"] == ["mechanistic"]
    assert found["variables"]["NH4"]["best_baseline"] == "mean"
    assert found["sentence"].startswith("The mechanistic model with its default parameters beats every baseline")


def test_an_n_at_zero_never_wins_and_names_what_f_misses():
    summary = scored(NH4=(2.0, 2.0)) | {"n_found_nothing": True}
    found = verdict(summary)
    assert not found["wins"]
    assert found["misfit"] == {"NH4": {"rmse": 2.0, "noise": 0.25, "times_noise": 8.0}}
    assert found["sentence"].startswith(
        "n found nothing that validation confirms, so the hybrid model is recalibrated f. On the test block "
        "recalibrated f misses NH4 by 2 g N/m3 (RMSE), 8 times the noise of its sensor. "
    )
    summary["variables"]["NH4"]["noise"] = 2.0
    assert "about the noise of its sensor" in verdict(summary)["sentence"]


def test_sensors_that_were_learnt_set_a_silent_hybrid_apart():
    summary = scored(NH4=(1.0, 2.0)) | {"n_found_nothing": True}
    assert "so the hybrid model is recalibrated f." in verdict(summary)["sentence"]
    found = verdict(summary | {"sensors": {"NH4": {"bias": {"value": 0.3, "learnt": True}}}})
    assert not found["wins"]
    assert found["same_as"] == []
    assert "recalibrated f but for what was learnt of the sensors" in found["sentence"]


def test_verdict_when_every_seed_diverges_or_nothing_is_scored():
    summary = scored(NH4=(1.0, 2.0))
    del summary["scores"]["test"]["NH4"]["hybrid"]
    found = verdict(summary)
    assert not found["wins"]
    assert "NH4: it diverges" in found["sentence"]
    summary["scores"]["test"] = {}
    assert "nothing can be said" in verdict(json.loads(json.dumps(summary)))["sentence"]


def test_where_persistence_wins_is_said_as_far_as_it_can_be_told():
    def models(persistence, hybrid):
        return {"persistence": {"rmse": persistence}, "hybrid": {"rmse": hybrid}}

    test = {
        "1 h": {"NH4": models(0.3, 0.4), "NO3": models(0.4, 0.41)},
        "6 h": {"NH4": models(0.8, 0.4), "NO3": models(0.3, 0.4)},
        "24 h": {"NH4": models(0.8, 0.4), "NO3": {"persistence": {"rmse": 0.1}}},
        "48 h": {},
    }
    change = {
        "1 h": {"NH4": {"low": 5.0, "high": 60.0}, "NO3": {"low": -9.0, "high": 12.0}},
        "6 h": {"NH4": {"low": -70.0, "high": -20.0}, "NO3": {"low": 2.0, "high": 50.0}},
    }
    found = forecast_verdict({"forecast": {"scores": {"test": test}, "improvement": {"test": change}}}, "hybrid")
    assert found["persistence_wins"] == {"1 h": ["NH4"], "6 h": ["NO3"], "24 h": []}
    assert found["open"] == {"1 h": ["NO3"], "6 h": [], "24 h": ["NH4"]}
    assert found["sentences"] == [
        "At 1 h persistence wins in NH4; the hybrid model and persistence cannot be told apart in NO3.",
        "At 6 h the hybrid model is better than persistence in NH4; persistence wins in NO3.",
        "At 24 h the hybrid model diverges in NO3, and has no score.",
        "At 24 h the hybrid model and persistence cannot be told apart, for want of days, in NH4.",
        "At 48 h there is no forecast to compare on the test block.",
    ]
