"""What a training will take: the count of its work, and what is said of it. No test looks at the clock."""

from dataclasses import replace

import numpy as np
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.plant import Plant
from asm_hybrid.plant.initial_state import cold_start
from asm_hybrid.training.cost import (
    FILTER,
    OVERHEAD,
    Cost,
    Extent,
    Pace,
    Timing,
    cost_findings,
    duration,
    estimate,
    extent,
)
from asm_hybrid.training.cost_timing import machine_memory, time_training, training_cost
from asm_hybrid.training.kalman_likelihood import WITHOUT

PACE = Timing(
    f=Pace(1e-3, 1e-5),
    hybrid=Pace(2e-3, 2e-5),
    neural=Pace(1e-4, 1e-6),
    gradient=Pace(5e-3, 5e-5),
    neural_gradient=Pace(4e-4, 4e-6),
    forward=Pace(2e-3, 2e-5),
    held=2e4,
    start=0.1,
)
WORK = Extent(
    record=3000,
    calibration=1000,
    validated=2000,
    trained=960,
    window=48,
    horizon=96,
    origins=(100, 200),
    sets=5,
    evaluations=10,
    members=3,
    batch=64,
    iterations=200,
    validate_every=20,
    stages=("calibration", "windows"),
    learns=True,
    state=60,
    weights=5000,
    layered=False,
)


def part(work, name):
    return dict(estimate(work, PACE).parts)[name]


def test_a_calibration_by_likelihood_grows_with_what_is_searched_and_the_square_of_the_state():
    by_likelihood = replace(WORK, noises=2)
    assert part(by_likelihood, "calibration of f") == pytest.approx(
        OVERHEAD
        * (10 / 2 * (2 + 5 + 2) + WITHOUT / 2 * 2 * (1 + 5 + 2))
        * (1000 * FILTER * 60**2 + PACE.f.seconds(1000, 1))
    )
    assert part(replace(by_likelihood, state=120), "calibration of f") > 2 * part(by_likelihood, "calibration of f")


def test_gradients_grow_with_iterations_members_and_windows():
    once = part(WORK, "gradients of n") - part(replace(WORK, iterations=0), "gradients of n")
    twice = part(replace(WORK, iterations=400), "gradients of n") - part(replace(WORK, iterations=0), "gradients of n")
    assert once == pytest.approx(OVERHEAD * 200 * 51 * (5e-3 + 5e-5 * 3 * 20))
    assert twice == pytest.approx(2 * once)
    more = part(replace(WORK, members=6), "gradients of n")
    fewer = part(replace(WORK, batch=5), "gradients of n")
    assert fewer < part(WORK, "gradients of n") < more


def test_calibration_grows_with_parameters_and_evaluations():
    assert part(replace(WORK, evaluations=20), "calibration of f") > 1.5 * part(WORK, "calibration of f")
    assert part(replace(WORK, sets=50), "calibration of f") > part(WORK, "calibration of f")
    assert part(replace(WORK, layered=True), "calibration of f") > part(WORK, "calibration of f")
    assert "calibration of f" not in dict(estimate(replace(WORK, sets=0), PACE).parts)


def test_every_stage_that_simulates_counts():
    shooting = replace(WORK, stages=("windows", "shooting"))
    assert part(shooting, "gradients of n") > part(WORK, "gradients of n")
    recomputed = replace(WORK, kept=8)
    assert part(recomputed, "gradients of n") > part(WORK, "gradients of n")
    assert estimate(recomputed, PACE).memory < estimate(WORK, PACE).memory


def test_f_alone_has_no_n():
    names = [name for name, _ in estimate(replace(WORK, learns=False), PACE).parts]
    assert not any("of n" in name for name in names)
    assert "pure neural ODE" in names


def test_memory_grows_with_members_windows_and_weights():
    one, two = estimate(WORK, PACE).memory, estimate(replace(WORK, members=300), PACE).memory
    assert two > 10 * one
    assert estimate(replace(WORK, weights=10**10), PACE).memory > 1e11


def test_hours_and_gigabytes_are_warned_of():
    assert not list(cost_findings(Cost((("a", 60.0),), 1e9), 8e9, "x.yaml"))
    long = list(cost_findings(Cost((("gradients of n", 9e4), ("b", 1.0)), 1e9), 8e9, "x.yaml"))
    assert [f.severity for f in long] == ["warning"]
    assert "gradients of n" in long[0].message
    large = list(cost_findings(Cost((("a", 60.0),), 7e9), 8e9, "x.yaml"))
    assert "memory" in large[0].message
    assert not list(cost_findings(Cost((), 7e9), None, "x.yaml"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (64.0, "64 s"), (400.0, "6.7 min"), (4e4, "11 h"), (1e6, "12 d")]
)
def test_times_have_a_unit_that_suits_them(seconds, text):
    assert duration(seconds) == text


@pytest.fixture
def case(tmp_path):
    config = load_config(write_case(tmp_path))
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    return config, plant, read_dataset(config, table, plant.layout)


def test_the_work_of_a_config_is_counted(case):
    config, plant, dataset = case
    work = extent(config, plant, dataset)
    assert (work.record, work.window, work.members, work.sets, work.iterations) == (240, 4, 2, 2, 4)
    assert work.trained == round((dataset.blocks["train"][1] - 0.25) * 48)
    assert work.windows(12) == work.trained // 12
    assert work.learns


def test_pieces_are_timed_for_every_kind_of_n(case, tmp_path):
    config, plant, dataset = case
    state = cold_start(plant, {"Q_in": 5000.0})
    timing = time_training(config, plant, dataset, state, 0.1)
    for pace in (timing.f, timing.hybrid, timing.gradient, timing.neural, timing.neural_gradient):
        assert pace.fixed + pace.each > 0
    assert timing.held > 8 * state.size
    text = CONFIG.replace("mode: hybrid", "mode: mechanistic").replace(
        "network: {hidden: [4], inputs: [S_NH, S_O]}", ""
    )
    alone = load_config(write_case(tmp_path, text))
    assert time_training(alone, plant, dataset, state, 0.1).held == 0


def test_networks_too_large_to_try_are_counted_and_not_built(case, tmp_path):
    _, plant, dataset = case
    config = load_config(write_case(tmp_path, CONFIG.replace("hidden: [4]", f"hidden: {[1024] * 8}")))
    cost = training_cost(config, plant, dataset, np.zeros(plant.shape), 0.1)
    assert cost.parts == ()
    assert cost.memory > 2e9
    assert machine_memory(config) is None or machine_memory(config) > 1e8
