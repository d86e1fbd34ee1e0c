"""The scripts of the benchmarks still fit the program."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_can_be_imported(script):
    assert importlib.import_module(script).__doc__


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


def test_a_few_random_plants_are_finite_or_refused_by_name_and_lose_nothing():
    found = importlib.import_module("random_plants").run(8, seed=3)
    assert found["faults"] == []
    assert found["finite"] >= 3
