"""The scripts of the benchmarks and of the shipped data still fit the program."""

import importlib
import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks"
RELIABILITY = FOLDER / "reliability"
SCRIPTS = sorted(path.stem for folder in (FOLDER, RELIABILITY) for path in folder.glob("*.py"))
PEERS = {"run_bsm2_python": (), "run_diffrax": ("diffrax", "jax"), "run_qsdsan": ()}
"""Scripts that run in environments of their own, and what they import from there at once."""
DATA = sorted((ROOT / "data").rglob("*.py"))


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(RELIABILITY))
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_can_be_imported(script):
    assert importlib.import_module(script).__doc__


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_reads_its_arguments(script, capsys, monkeypatch):
    module = importlib.import_module(script)
    if "argparse" not in vars(module):
        pytest.skip("takes no arguments")
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.parametrize("script", ["compare", "make_environments", *PEERS])
def test_a_script_of_the_peers_reads_its_arguments(script, capsys, monkeypatch):
    for needed in PEERS.get(script, ()):
        pytest.importorskip(needed)
    monkeypatch.syspath_prepend(str(FOLDER / "peers"))
    module = importlib.import_module(f"peers.{script}" if script not in PEERS else script)
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 0
    assert "usage" in capsys.readouterr().out


def loaded(path):
    """Return the module of a script that lies in no package."""
    spec = importlib.util.spec_from_file_location(f"data_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.parent.name)
def test_a_script_of_the_data_reads_its_arguments(path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    with pytest.raises(SystemExit) as caught:
        loaded(path).main()
    assert caught.value.code == 0
    assert "usage" in capsys.readouterr().out


@pytest.mark.slow
def test_the_quickstart_data_are_what_their_script_makes(tmp_path, monkeypatch):
    torch.set_num_threads(1)
    shipped = ROOT / "data" / "quickstart"
    monkeypatch.setattr(sys, "argv", ["make.py", "--out", str(tmp_path)])
    loaded(shipped / "make.py").main()
    assert (tmp_path / "truth.yaml").read_text() == (shipped / "truth.yaml").read_text()
    # figures are written with four decimals and with five digits: the last may differ between versions of torch
    for name, tolerance in (
        ("truth.csv", {"rtol": 2e-6, "atol": 1.1e-4}),
        ("plant.csv", {"rtol": 1.1e-4, "atol": 1.1e-4}),
    ):
        made, kept = pd.read_csv(tmp_path / name), pd.read_csv(shipped / name)
        pd.testing.assert_frame_equal(made, kept, check_exact=False, **tolerance)


def test_the_training_step_of_the_benchmarks_can_be_taken():
    problem = importlib.import_module("train_step_problem").Problem(windows=2, hours=0.5)
    ours = importlib.import_module("train_step").ours(problem, 1)
    found = problem.step(ours)
    assert found.loss > 0
    assert (abs(found.network) > 0).any()
    assert (found.parameters != 0).all()


def test_the_quickstart_step_of_the_benchmarks_can_be_taken():
    case = importlib.import_module("solver_step").Case()
    found = case.iterate(lambda: case.ours(3, case.grid))
    assert all(value > 0 for value in found[:3])


def test_a_few_random_plants_are_finite_or_refused_by_name_and_lose_nothing(tmp_path):
    judge = importlib.import_module("random_plants").judge
    found = [judge(3, number, tmp_path) for number in range(8)]
    assert [fault for judged in found for fault in judged.faults] == []
    assert sum(judged.outcome == "finite" for judged in found) >= 3
