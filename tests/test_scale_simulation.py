"""The simulation of studies on many processes: every case once, no faster than its limits, the same for a seed."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("scale_model")


@pytest.fixture
def costs(model):
    return model.Costs(
        scheduler_submit=1e-4, scheduler_case=5e-4, scheduler_byte=1e-9, scheduler_rest=0.03,
        scheduler_beat=1e-3, scheduler_join=5e-3, client_submit=1e-4, client_case=3e-4,
        client_byte=1e-9, worker_case=2e-3, worker_begin=3.0, worker_open=1.0, sync=5e-3, disk=1e8,
    )  # fmt: skip


def test_one_worker_takes_the_sum_of_its_cases(model):
    found = model.simulate(model.Costs(), model.Setting(1, 50, 2.0))
    assert found.wall == pytest.approx(100.0)
    assert found.efficiency == pytest.approx(1.0)


def test_one_worker_takes_the_sum_of_times_that_differ(model):
    found = model.simulate(model.Costs(), model.Setting(1, 300, 2.0, spread=0.5))
    assert found.wall == pytest.approx(found.evaluated)
    assert found.evaluated == pytest.approx(600.0, rel=0.1)


def test_what_a_worker_does_before_its_first_case_is_added(model):
    costs = model.Costs(worker_begin=3.0, worker_open=1.0, worker_case=0.5, end=7.0)
    assert model.simulate(costs, model.Setting(1, 4, 2.0)).wall == pytest.approx(3 + 1 + 4 * 2.5 + 7)


@pytest.mark.parametrize("workers", [2, 7, 40])
def test_cases_of_equal_length_take_whole_rounds(model, workers):
    found = model.simulate(model.Costs(), model.Setting(workers, 280, 1.0, ahead=1))
    assert found.wall == pytest.approx(-(-280 // workers))


def test_every_case_comes_in_once(model, costs):
    found = model.simulate(costs, model.Setting(30, 2500, 0.3, spread=0.4))
    assert found.collected == [1] * 2500
    assert found.failed == found.deaths == 0


def test_every_case_comes_in_once_though_workers_die(model, costs):
    setting = model.Setting(20, 800, 10.0, spread=0.3, deaths=60.0, restart=5.0)
    found = model.simulate(costs, setting)
    assert found.deaths > 20
    assert found.collected == [1] * 800
    assert found.wall > model.simulate(costs, replace(setting, deaths=0.0)).wall


def test_a_case_that_outlives_its_workers_again_and_again_has_failed(model):
    setting = model.Setting(3, 12, 300.0, deaths=3600 / 30, restart=1.0)
    found = model.simulate(model.Costs(), setting)
    assert found.failed > 0
    assert found.collected == [1] * 12
    assert found.deaths >= found.failed * (model.DEATHS + 1)


def test_more_workers_are_never_slower_where_nothing_is_in_the_way(model):
    walls = [model.simulate(model.Costs(), model.Setting(n, 400, 1.0, ahead=1)).wall for n in (1, 2, 3, 5, 16, 64, 500)]
    assert walls == sorted(walls, reverse=True)


@pytest.mark.parametrize("workers", [4, 64, 600])
def test_no_part_does_more_than_it_can(model, costs, workers):
    setting = model.Setting(workers, 2500, 0.05, row=20_000, bandwidth=1e7)
    found = model.simulate(costs, setting)
    limits = model.limits(costs, setting)
    assert 2500 / found.wall <= min(limits.values()) * (1 + 1e-9)
    assert all(0 <= share <= 1 for share in found.busy.values())


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"scheduler_case": 0.02}, "scheduler"),
        ({"client_case": 0.02}, "client"),
        ({"disk": 2e5}, "disk"),
    ],
)
def test_the_slowest_part_sets_the_rate(model, costs, change, part):
    slow = replace(costs, **change)
    setting = model.Setting(200, 2000, 0.05, row=4000)
    found = model.simulate(slow, setting)
    limit = model.limits(slow, setting)[part]
    assert limit == min(model.limits(slow, setting).values())
    assert 0.7 * limit < 2000 / found.wall <= limit
    assert max(found.busy, key=found.busy.get) in (part, "client")


def test_a_slow_network_sets_the_rate(model, costs):
    setting = model.Setting(200, 1000, 0.05, row=100_000, bandwidth=2e6)
    found = model.simulate(costs, setting)
    assert 9.0 < 1000 / found.wall <= 10.0
    assert found.busy["network"] > 0.9


def test_the_same_seed_gives_the_same_study(model, costs):
    setting = model.Setting(12, 500, 2.0, spread=0.4, deaths=20.0, seed=5)
    assert model.simulate(costs, setting) == model.simulate(costs, setting)
    assert model.simulate(costs, setting).wall != model.simulate(costs, replace(setting, seed=6)).wall


def test_signs_of_life_of_too_many_workers_are_refused(model):
    with pytest.raises(ValueError, match="no time left"):
        model.simulate(model.Costs(scheduler_beat=0.01), model.Setting(1000, 10, 1.0))
