"""Generic neural ODEs from their configs: what is learnt, written, repeated, and refused."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

import asm_hybrid as ah
from asm_hybrid.cli import main
from asm_hybrid.equations.config import load_ode_config
from asm_hybrid.equations.fit import _OdeRun, describe_ode, train_ode
from asm_hybrid.equations.problem import TableField, linear_fit
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.jobs import EquationJob, PlantJob, open_job
from asm_hybrid.kinetics import load_table
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.solver.adjoint import ADJOINTS
from asm_hybrid.training import Silent

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = [p for p in sorted(CONFIGS.glob("*.yaml")) if isinstance(open_job(p), EquationJob)]
FIT = """
name: small
ode:
  table: lotka_volterra
  fit: {alpha: {start: 2.2, bounds: [0.1, 10]}, beta: {start: 1.0, bounds: [0.01, 5]}}
initial: {predator: 1.0, prey: 1.0}
span: [0, 2]
data: {times: {count: 5}, target: {prey: 1.0}}
solver: {method: rk4, steps: 4}
training: {iterations: 40, learning_rate: 0.2}
"""
CHAIN = """
name: chain
title: A chain with a fast intermediate
description: A becomes B, and B decays so fast that it is never far from its equilibrium with A.
source: lotka1925
continuity: {materials: [], tolerance: 0}
components:
  S_A: {unit: g/m3, phase: soluble, symbol: "S_A", description: what there is at first}
  S_B: {unit: g/m3, phase: soluble, symbol: "S_B", description: intermediate}
parameters:
  k_1: {default: 1.0, unit: 1/d, bounds: [0.1, 10], source: lotka1925, note: chosen, description: first step}
  k_2: {default: 10.0, unit: 1/d, bounds: [0.1, 100], source: lotka1925, note: chosen, description: second step}
processes:
  first:  {rate: k_1 * S_A, stoichiometry: {S_A: -1, S_B: 1}, description: A becomes B}
  second: {rate: k_2 * S_B, stoichiometry: {S_B: -1}, description: B decays}
"""
FAST = """
name: fast
ode: {table: chain.yaml, fit: {k_2: {start: 8.0, bounds: [1, 50]}}, algebraic: [S_B]}
initial: {S_A: 1.0, S_B: 0.0}
span: [0, 1]
data: {times: {count: 2}, target: {S_B: [0.1, 0.03678794]}}
solver: {method: rodas5p, steps: 1}
training: {iterations: 30, learning_rate: 0.1}
"""
LEARN = """
name: small
ode: {network: {hidden: [8], features: cubic}}
initial: {u1: 1.5, u2: 0.0}
span: [0, 1]
data:
  times: {count: 12, spacing: random}
  truth: {features: cubic, matrix: [[-0.1, 2.0], [-2.0, -0.1]]}
extrapolation: {count: 3, box: {u1: [-1, 1], u2: [-1, 1]}}
solver: {rtol: 1.0e-4, atol: 1.0e-5}
training: {iterations: 3, segment_iterations: 150, learning_rate: 0.03}
"""


def written(folder, text):
    path = folder / "small.yaml"
    path.write_text(text)
    return path


def summary_of(folder):
    return json.loads((folder / "summary.json").read_text())


def test_parameters_of_a_table_are_fitted_within_their_bounds(tmp_path):
    found = train_ode(written(tmp_path, FIT), tmp_path / "run")
    scores = found.summary["scores"]["data"]
    assert scores["model"] < 0.1 * scores["start"]
    verify_manifest(found.folder)
    rows = json.loads((found.folder / "parameters.json").read_text())["parameters"]
    assert [r["name"] for r in rows] == ["alpha", "beta"]
    assert all(r["bounds"][0] < r["fitted"] < r["bounds"][1] for r in rows)
    assert found.summary["units"] == {"prey": "g/m3", "predator": "g/m3"}
    assert (found.folder / "config.yaml").read_text() == FIT
    curves = pd.read_csv(found.folder / "predictions.csv")
    assert set(curves["series"]) == {"data", "model", "start"}
    assert curves.loc[curves["series"] == "data", "predator"].isna().all()


def test_an_algebraic_state_follows_the_others(tmp_path):
    """``0 = k_1 S_A - k_2 S_B`` from the start on, and the fit goes through the start that was found."""
    (tmp_path / "chain.yaml").write_text(CHAIN)
    config = written(tmp_path, FAST)
    assert "S_A from 1, S_B (algebraic) from 0" in "\n".join(describe_ode(config))
    found = train_ode(config, tmp_path / "run")
    (row,) = json.loads((found.folder / "parameters.json").read_text())["parameters"]
    assert row["fitted"] == pytest.approx(10.0, rel=0.05)
    curves = pd.read_csv(found.folder / "predictions.csv").set_index("series").loc["model"]
    assert (curves["S_A"] / curves["S_B"]).to_numpy() == pytest.approx(row["fitted"], rel=1e-4)


def test_the_right_hand_side_is_that_of_lotka_and_volterra():
    fit = load_ode_config(CONFIGS / "lotka_volterra.yaml").ode.fit
    field = TableField(load_table("lotka_volterra"), fit, ("predator", "prey"))
    x = torch.tensor([[3.0, 2.0], [0.5, 4.0]], dtype=torch.float64)
    predator, prey = x.unbind(-1)
    found = field.right_side()(torch.tensor(0.0), x)
    expected = torch.stack([0.4 * prey * predator - 2.0 * predator, 2.2 * prey - prey * predator], dim=-1)
    assert torch.allclose(found, expected, atol=1e-12)


def test_a_network_learns_the_spiral_and_beats_the_baselines(tmp_path):
    found = open_job(written(tmp_path, LEARN)).run(tmp_path / "run", Silent())
    scores = found.summary["scores"]
    assert scores["data"]["model"] < scores["data"]["linear"] < scores["data"]["constant"]
    assert len(scores["extrapolation"]["trajectories"]) == 3
    for names in (scores["data"], scores["extrapolation"]["median"]):
        assert set(names) == {"model", "constant", "linear"}
    verify_manifest(found.folder)
    for name in ("weights.safetensors", "plot.svg", "plot.png", "metrics.jsonl", "environment.json"):
        assert (found.folder / name).stat().st_size > 0
    assert "median of extrapolations" in found.text
    curves = pd.read_csv(found.folder / "predictions.csv")
    data = curves[curves["series"] == "data"]
    assert len(data) == 12
    steps = data["time"].diff().dropna()
    assert steps.min() > 0
    assert steps.max() > 2 * steps.min()


def test_equal_seeds_make_equal_files_and_others_do_not(tmp_path):
    text = LEARN.replace("segment_iterations: 150", "segment_iterations: 2")
    folders = [train_ode(written(tmp_path, text), tmp_path / f"run{i}").folder for i in range(2)]
    other = train_ode(written(tmp_path, text.replace("training: {", "training: {seed: 2, ")), tmp_path / "other").folder
    for name in ("metrics.jsonl", "predictions.csv", "weights.safetensors"):
        a, b, c = ((f / name).read_bytes() for f in (*folders, other))
        assert a == b
        assert a != c


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_shipped_configs_run(path, tmp_path, capsys):
    text = path.read_text()
    config = load_ode_config(path)
    for key in ("segment_iterations", "iterations"):
        old = f"  {key}: {getattr(config.training, key)}"
        text = text.replace(old, f"  {key}: 2") if old in text else text
    short = written(tmp_path, text)
    assert load_ode_config(short).training.iterations == 2
    with pytest.raises(SystemExit) as caught:
        main(["train", str(short), "--out", str(tmp_path / "run")])
    assert not caught.value.code
    assert "on the data" in capsys.readouterr().out
    assert summary_of(tmp_path / "run")["stopped"] == "finished"
    found = open_job(path).check()
    assert found.errors == 0
    assert "parameters to fit" in "\n".join(found.lines)


def test_all_examples_are_shipped():
    assert {p.stem for p in SHIPPED} == {"delayed_logistic", "double_well", "lotka_volterra", "spiral"}


def test_noise_is_drawn_and_a_series_can_be_the_target(tmp_path):
    noisy = LEARN.replace("features: cubic, matrix", "noise: 0.5, features: cubic, matrix")
    noisy = noisy.replace("segment_iterations: 150", "segment_iterations: 0")
    found = train_ode(written(tmp_path, noisy), tmp_path / "noisy")
    curves = pd.read_csv(found.folder / "predictions.csv")
    assert curves[curves["series"] == "data"]["u1"].iloc[0] != 1.5
    series = FIT.replace("{prey: 1.0}}", "{prey: [1, 2, 3, 2, 1]}}").replace("iterations: 40", "iterations: 1")
    found = train_ode(written(tmp_path, series), tmp_path / "series")
    curves = pd.read_csv(found.folder / "predictions.csv")
    assert curves[curves["series"] == "data"]["prey"].tolist() == [1, 2, 3, 2, 1]


def test_linear_least_squares_finds_a_slow_linear_equation():
    matrix = torch.tensor([[-0.1, 0.3], [-0.2, -0.1]], dtype=torch.float64)
    times = torch.linspace(0, 2, 60, dtype=torch.float64)
    values = torch.tensor([1.0, 0.5], dtype=torch.float64) @ torch.linalg.matrix_exp(times[:, None, None] * matrix)
    assert torch.allclose(linear_fit(times, values), matrix, atol=1e-4)


def test_a_solution_that_fails_is_an_error_and_leaves_the_best_parameters(tmp_path, monkeypatch):
    calls, own = [], _OdeRun.loss

    def fails_late(run):
        calls.append(1)
        if len(calls) > 20:
            raise SimulationError("rk4: 1 of 1 solutions left the finite numbers")
        return own(run)

    monkeypatch.setattr(_OdeRun, "loss", fails_late)
    with pytest.raises(SimulationError, match="best parameters so far are saved"):
        train_ode(written(tmp_path, FIT), tmp_path / "run")
    rows = json.loads((tmp_path / "run" / "parameters.json").read_text())["parameters"]
    assert all(r["fitted"] != r["start"] for r in rows)
    assert not (tmp_path / "run" / "summary.json").exists()


@pytest.mark.parametrize("text", [FIT, LEARN])
def test_every_adjoint_learns_the_same(tmp_path, text):
    text = text.replace("iterations: 40", "iterations: 1").replace("segment_iterations: 150", "segment_iterations: 1")
    losses = []
    for adjoint in ADJOINTS:
        path = written(tmp_path, text.replace("solver: {", f"solver: {{adjoint: {adjoint}, "))
        found = train_ode(path, tmp_path / adjoint)
        losses.append([json.loads(line)["loss"] for line in (found.folder / "metrics.jsonl").read_text().splitlines()])
    assert all(other == pytest.approx(losses[0], rel=1e-3) for other in losses[1:])


def test_stopping_a_run_keeps_what_it_found(tmp_path, monkeypatch):
    calls, own = [], _OdeRun.loss

    def stopped(run):
        calls.append(1)
        if len(calls) == 10:
            raise KeyboardInterrupt
        return own(run)

    monkeypatch.setattr(_OdeRun, "loss", stopped)
    found = open_job(written(tmp_path, FIT)).run(tmp_path / "run", Silent())
    assert found.interrupted
    assert summary_of(found.folder)["stopped"] == "interrupted"
    verify_manifest(found.folder)


@pytest.mark.parametrize(
    ("text", "old", "new", "words"),
    [
        (FIT, "table: lotka_volterra", "table: lotka_voltera", ["lotka_volterra", ":4"]),
        (FIT, "alpha: {", "alfa: {", ["'alfa'", "'alpha'"]),
        (FIT, "start: 2.2", "start: 20", ["starts at 20", "[0.1, 10]"]),
        (FIT, "start: 2.2", "start: 10", ["starts at 10"]),
        (FIT, "[0.1, 10]", "[10, 0.1]", ["lower below upper"]),
        (FIT, "ode:", "ode:\n  network: {hidden: [4]}", ["both given"]),
        (FIT, "table: lotka_volterra", "", ["neither"]),
        (FIT, "prey: 1.0}\nspan", "pray: 1.0}\nspan", ["'prey' is no state"]),
        (FIT, "predator: 1.0, ", "", ["'predator' is missing"]),
        (FIT, "target: {prey: 1.0}", "target: {prey: [1, 2]}", ["2 values", "5 values"]),
        (FIT, ", target: {prey: 1.0}", "", ["neither 'target' nor 'truth'"]),
        (FIT, "iterations: 40", "iterations: 40, segment_iterations: 2", ["without a truth"]),
        (FIT, "method: rk4", "method: rk5", ["'rk4'", "solver.method"]),
        (FIT, "[0, 2]", "[2, 0]", ["span"]),
        (LEARN, "{network: {hidden: [8], features: cubic}}", "{table: lotka_volterra}", ["without 'fit'"]),
        (LEARN, "features: cubic}}", "features: cubik}}", ["cubic"]),
        (LEARN, "[[-0.1, 2.0], [-2.0, -0.1]]", "[[-0.1, 2.0]]", ["2 rows of 2"]),
        (LEARN, "u2: [-1, 1]", "u3: [-1, 1]", ["does not name the states"]),
        (LEARN, "network", "netwrok", ["netwrok", "network"]),
        (FIT, "method: rk4", "adjoint: backsolv, method: rk4", ["'backsolve'", "solver.adjoint"]),
        (FIT, "method: rk4, steps: 4", "adjoint: backsolve, method: rodas4", ["with rodas4", "solver.adjoint"]),
        (FIT, "  table:", "  algebraic: [pray]\n  table:", ["'pray' is no state"]),
        (FIT, "  table:", "  algebraic: [prey]\n  table:", ["rk4 takes no mass matrix", "solver.method"]),
    ],
)
def test_a_config_that_is_refused(tmp_path, text, old, new, words):
    assert old in text
    path = written(tmp_path, text.replace(old, new, 1))
    for run in (lambda: open_job(path).check(), lambda: train_ode(path, tmp_path / "run")):
        with pytest.raises(InputError) as caught:
            run()
        assert all(w in str(caught.value) for w in words), str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_network_without_data_is_refused(tmp_path):
    start = LEARN.index("data:")
    text = LEARN[:start] + LEARN[LEARN.index("extrapolation:") :]
    with pytest.raises(InputError, match="'data' is missing"):
        train_ode(written(tmp_path, text))


def test_a_plant_is_no_ode(tmp_path):
    assert isinstance(open_job(CONFIGS / "quickstart.yaml"), PlantJob)
    path = written(tmp_path, FIT + "plant: {tanks: {}}\n")
    assert isinstance(open_job(path), PlantJob)


def test_what_a_generic_ode_cannot_is_refused_with_the_remedy(tmp_path, capsys):
    path, run = written(tmp_path, FIT), tmp_path / "run"
    open_job(path).run(run, Silent())
    assert refusal(capsys, "simulate", path).startswith(
        f"error: {path}: the config of a generic ODE cannot be simulated"
    )
    for command in (["export", run], ["compare", run, run], ["train", "--resume", run], ["simulate", run]):
        assert "the run of a generic ODE cannot be" in refusal(capsys, *command)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "small.yaml"]


def refusal(capsys, *arguments):
    """Run a command that must be refused; return its message."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_a_generic_ode_has_no_record_to_correct(tmp_path):
    config = Path(__file__).parents[2] / "configs" / "spiral.yaml"
    with pytest.raises(InputError, match="no record of a plant that could be corrected"):
        ah.run(config, tmp_path / "run", accept=True)
    assert not (tmp_path / "run").exists()
