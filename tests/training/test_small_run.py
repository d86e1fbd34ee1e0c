"""One small run from its config to its folder, and what can be done with the folder."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from run_files import bundle_of
from safetensors.torch import load_file
from small_plant import CONFIG, TRUE, write_case

from asm_hybrid import load_model, read_inputs
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.training import train
from asm_hybrid.training.compared import model_of
from asm_hybrid.training.fit import Fit
from asm_hybrid.workflow import run_training

MODELS = ["mean", "diurnal", "least_squares", "mechanistic", "recalibrated", "neural", "hybrid"]


@pytest.fixture(scope="module")
def run(small_run):
    return small_run


@pytest.fixture(scope="module")
def summary(run):
    return json.loads((run / "summary.json").read_text())


def test_the_folder_holds_what_it_should(run):
    files = {p.name for p in run.iterdir()}
    assert files >= {
        "config.yaml",
        "data.json",
        "environment.json",
        "metrics.jsonl",
        "weights.safetensors",
        "manifest.json",
        "predictions.csv",
        "forecasts.csv",
        "inputs.csv",
        "parameters.json",
        "contributions.csv",
        "answers.csv",
        "summary.json",
        "report.html",
        "kinetics.yaml",
        "kinetics.py",
    }
    verify_manifest(run)


def test_the_summary_scores_every_model(summary):
    assert list(summary["scores"]["test"]) == ["NH4", "NO3"]
    for models in summary["scores"]["test"].values():
        assert list(models) == MODELS
        for name, score in models.items():
            assert set(score) >= {"rmse", "mae", "bias", "r2", "rmse_seeds"}
            assert len(score["rmse_seeds"]) == (2 if name in ("neural", "hybrid") else 1)
            assert score["rmse"] == pytest.approx(np.median(score["rmse_seeds"]))
    assert summary["stopped"] == "finished"
    assert summary["verdict"]["model"] == "hybrid"


def test_scores_are_those_of_the_predictions(run, summary):
    table = pd.read_csv(run / "predictions.csv")
    for variable, models in summary["scores"]["test"].items():
        rows = table[(table["variable"] == variable) & (table["block"] == "test")]
        for name in ("mean", "diurnal", "least_squares", "mechanistic", "recalibrated"):
            rmse = np.sqrt(((rows[name] - rows["measured"]) ** 2).mean())
            assert rmse == pytest.approx(models[name]["rmse"], rel=1e-9)


def test_the_summary_holds_forecasts_apart_from_the_scores_of_simulations(run, summary):
    found = summary["forecast"]
    assert found["horizons"] == [1, 6, 24]
    assert list(found["scores"]) == ["validate", "test"]
    assert set(found["persistence_wins"]) == {"1 h", "6 h", "24 h"}
    assert len(found["sentences"]) == 3
    models = found["scores"]["test"]["1 h"]["NH4"]
    assert list(models) == ["persistence", "diurnal", "mechanistic", "recalibrated", "neural", "hybrid"]
    assert "persistence" not in summary["scores"]["test"]["NH4"]
    table = pd.read_csv(run / "forecasts.csv")
    assert set(table["horizon"]) == {1, 6, 24}
    assert (table["block"] == "test").sum() == sum(
        variable["hybrid"]["n"] for horizon in found["scores"]["test"].values() for variable in horizon.values()
    )
    for (block, horizon, variable), rows in table.groupby(["block", "horizon", "variable"]):
        held = (rows["measured"] >= rows["band_low"]) & (rows["measured"] <= rows["band_high"])
        assert found["bands"][block][f"{horizon} h"][variable]["coverage"] == pytest.approx(held.mean())


def test_coverage_is_that_of_the_bands_in_the_predictions(run, summary):
    table = pd.read_csv(run / "predictions.csv")
    for variable, row in summary["bands"]["variables"].items():
        for block in ("validate", "test"):
            rows = table[(table["variable"] == variable) & (table["block"] == block)]
            held = (rows["measured"] >= rows["band_low"]) & (rows["measured"] <= rows["band_high"])
            assert row[block]["coverage"] == pytest.approx(held.mean())
            assert row[block]["n"] == len(rows)
        assert (rows["band_low"] <= rows["hybrid"]).all()
    warned = [w for w in summary["warnings"] if "% band of" in w]
    forecast = [row for found in summary["forecast"]["bands"]["test"].values() for row in found.values()]
    rows = [row["test"] for row in summary["bands"]["variables"].values()] + [r for r in forecast if r["n"] >= 20]
    off = [not 0.8 <= row["coverage"] <= 0.97 for row in rows]
    assert len(warned) == sum(off)


def test_what_is_missing_is_ranked_and_adds_up(summary):
    shares = [row["share"] for row in summary["missing"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0)
    assert {row["tank"] for row in summary["missing"]} == {"anoxic", "aerobic"}


def test_recalibration_comes_near_the_truth(tmp_path):
    run = tmp_path / "run"
    run_training(write_case(tmp_path, CONFIG.replace("mode: hybrid", "mode: mechanistic")), run)
    summary = json.loads((run / "summary.json").read_text())
    rows = {row["name"]: row for row in json.loads((run / "parameters.json").read_text())["parameters"]}
    for name, value in TRUE.items():
        assert rows[name]["calibrated"]
        assert rows[name]["value"] == pytest.approx(value, rel=0.05)
    scores = summary["scores"]["test"]["NH4"]
    assert scores["recalibrated"]["rmse"] < 0.3 * scores["mechanistic"]["rmse"]


def test_metrics_hold_every_stage_and_no_times(run):
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert {r["stage"] for r in records} == {"calibration", "n", "the pure neural ODE"}
    allowed = {"stage", "evaluation", "iteration", "loss", "validation", "best", "parameters", "skipped"}
    assert set().union(*records) <= allowed | {"learning_rate"}


def test_the_folder_and_its_bundle_predict_the_same_without_the_data(run, tmp_path):
    copy = tmp_path / "elsewhere" / "run"
    shutil.copytree(run, copy)
    bundle = bundle_of(copy, tmp_path / "bundle")
    moved = tmp_path / "moved"
    bundle.rename(moved)
    original, loaded = load_model(run), load_model(moved)
    inputs = read_inputs(moved)
    a, b = original.predict(inputs), loaded.predict(inputs)
    assert list(a) == ["NH4", "NH4 low", "NH4 high", "NO3", "NO3 low", "NO3 high"]
    seeds = original.simulate(torch.tensor(inputs[list(original.plant.inputs.names)].to_numpy())).outputs.numpy()
    np.testing.assert_array_equal(a["NO3"], np.median(seeds[..., 1], axis=0))
    np.testing.assert_array_equal(a["NH4 low"], seeds[..., 0].min(axis=0))
    np.testing.assert_array_equal(a["NH4 high"], seeds[..., 0].max(axis=0))
    states = pd.DataFrame(original.state(inputs["time"][20]).numpy()[:, original.plant.rows.active > 0])
    states.columns = original.plant.rows.names
    assert len(states) == 2
    later = original.predict(inputs.iloc[20:40], start=states)
    np.testing.assert_allclose(later.iloc[0], a.iloc[20], rtol=1e-12)
    with pytest.raises(InputError, match=r"3 rows(?s:.*)one row, or 2"):
        original.predict(inputs, start=states.iloc[[0, 0, 1]])
    assert (a - b).abs().max().max() <= 1e-12
    table = pd.read_csv(run / "predictions.csv")
    rows = table[table["variable"] == "NH4"]
    hours = (pd.to_datetime(rows["time"], utc=True) - inputs["time"][0]).dt.total_seconds() / 1800
    at_knots = b["NH4"].to_numpy()[hours.round().astype(int)]
    np.testing.assert_allclose(at_knots, rows["hybrid"], rtol=0, atol=1e-12)


def test_a_tampered_weights_file_is_refused(run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    weights = bytearray((copy / "weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(bytes(weights))
    with pytest.raises(InputError, match=r"weights\.safetensors"):
        load_model(copy)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError):
        load_model(tmp_path)


def test_without_iterations_the_hybrid_is_recalibrated_f_to_the_last_bit(tmp_path):
    text = CONFIG.replace("iterations: 4", "iterations: 0").replace(
        "calibration_evaluations: 3", "calibration_evaluations: 1"
    )
    train(write_case(tmp_path, text), tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "predictions.csv", dtype=str)
    for column in ("hybrid", "hybrid_low", "hybrid_high"):
        assert (table[column] == table["recalibrated"]).all()


@pytest.mark.parametrize(
    ("change", "own", "models"),
    [
        (("mode: hybrid", "mode: mechanistic"), "recalibrated", MODELS[:-1]),
        (("mode: hybrid", "mode: neural"), "neural", MODELS[:-1]),
        (("inputs: [S_NH, S_O]", "placement: state"), "hybrid", MODELS),
        (("iterations: 4", "iterations: 4, gradient: record"), "hybrid", MODELS),
    ],
)
def test_other_modes_run_through_to_the_report(tmp_path, change, own, models):
    text = CONFIG.replace(*change).replace("iterations: 4", "iterations: 2")
    result = run_training(write_case(tmp_path, text), tmp_path / "run")
    assert list(result.summary["scores"]["test"]["NH4"]) == models
    assert result.summary["verdict"]["model"] == own
    assert model_of(load_model(tmp_path / "run")).name == own
    assert own in result.summary["forecast"]["scores"]["test"]["1 h"]["NH4"]
    assert ("bands" in result.summary) == (own == "hybrid")
    rows = pd.read_csv(tmp_path / "run" / "forecasts.csv")
    middle = (rows["band_low"] + rows["band_high"]) / 2
    assert (np.abs(middle - rows[own])[rows["band_low"] > 0] < 1e-9).all()
    assert (rows["band_low"] > 0).any()
    assert (tmp_path / "run" / "report.html").stat().st_size > 10_000
    if "state" in change[1]:
        assert set(pd.read_csv(tmp_path / "run" / "contributions.csv")["kind"]) == {"component"}


@pytest.mark.parametrize(
    ("gradient", "begin", "carries"), [("window", 12, False), ("block", 12, True), ("record", 0, True)]
)
def test_a_gradient_reaches_back_to_a_window_the_block_or_the_record(tmp_path, monkeypatch, gradient, begin, carries):
    seen, begin_fit = [], Fit.__init__

    def watch(self, problem, settings, *args):
        first = int(problem.windows.starts[0]), int(problem.windows.counts(torch.tensor([0]))) > 0
        seen.append((*first, settings.carries_adjoint))
        begin_fit(self, problem, settings, *args)

    monkeypatch.setattr(Fit, "__init__", watch)
    text = CONFIG.replace("iterations: 4", f"iterations: 1, gradient: {gradient}")
    train(write_case(tmp_path, text), tmp_path / "run")
    assert seen == [(begin, begin > 0, carries), (12, True, False)]  # n; the pure neural ODE


def test_the_gradient_is_checked_on_windows_that_have_samples(tmp_path):
    text = CONFIG.replace("iterations: 4", "iterations: 1, gradient: record").replace("window: 2 h", "window: 30 min")
    train(write_case(tmp_path, text), tmp_path / "run")
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))
    assert summary["gradient_error"] > 0  # 12 windows without samples go before, and more than 8 are not compared


def test_a_diverging_training_names_place_and_parameters_and_keeps_the_last_good_model(tmp_path, monkeypatch):
    from asm_hybrid.hybrid.learnt_term import LearntTerm

    healthy, calls = LearntTerm.rates, []

    def breaks(self, rho, X, u):
        found = healthy(self, rho, X, u)
        calls.append(1)
        return found * torch.nan if torch.is_grad_enabled() and len(calls) > 135 else found

    monkeypatch.setattr(LearntTerm, "rates", breaks)
    with pytest.raises(SimulationError) as caught:
        train(write_case(tmp_path), tmp_path / "run")
    message = str(caught.value)
    for part in ("every window diverges at iteration", "first NH4 at 2024-03-0", "mu_A = ", str(tmp_path / "run")):
        assert part in message
    monkeypatch.undo()
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["stopped"] == "failed"
    model = load_model(tmp_path / "run")
    assert np.isfinite(model.predict(read_inputs(tmp_path / "run"))).all(axis=None)


def test_a_bad_config_leaves_nothing_behind(tmp_path):
    path = write_case(tmp_path)
    path.write_text(CONFIG.replace("role: imposed, as: aerobic.S_O", "role: imposed, as: aerobic.S_OO"))
    with pytest.raises(InputError, match="S_OO"):
        train(path, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_hold_every_seed(run):
    weights = load_file(run / "weights.safetensors")
    assert weights["n.by_kind.process.network.weights.0"].shape[:2] == (2, 2)  # seed, input
    assert weights["n.by_kind.process.network.weights.1"].abs().max() > 0
