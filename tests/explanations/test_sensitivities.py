"""What small changes do along a trajectory, against differences of simulations."""

import numpy as np
import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.explanations.arena import Arena
from asm_hybrid.explanations.fit import bounded_ridge
from asm_hybrid.explanations.knobs import Knob
from asm_hybrid.explanations.rate_factors import Shape
from asm_hybrid.explanations.read import record_of
from asm_hybrid.explanations.suspects import shapes_of, suspects
from asm_hybrid.kinetics.candidates import candidates_for
from asm_hybrid.plant import Plant
from asm_hybrid.solver.variation import sensitivities

STEP = 1e-4


def test_the_variational_equations_converge_with_the_square_of_the_step():
    def error(knots):
        t = np.linspace(0.0, 1.0, knots)
        seen = np.empty((knots, 1, 1))

        def slopes(begin, end):
            return np.full((end - begin, 1, 1), -3.0), np.cos(t[begin:end])[:, None, None]

        def see(begin, found):
            seen[begin : begin + len(found)] = found

        sensitivities(slopes, np.array([[2.0]]), t[1], knots, see)
        exact = (3 * np.cos(t) + np.sin(t)) / 10 + (2 - 0.3) * np.exp(-3 * t)
        return np.abs(seen[-1, 0, 0] - exact[-1])

    assert error(201) / error(401) == pytest.approx(4.0, rel=0.15)


@pytest.fixture(scope="module")
def arena(tmp_path_factory):
    config = load_config(write_case(tmp_path_factory.mktemp("sensitivities"), CONFIG))
    plant = Plant(load_kinetics(config), build_layout(config, load_kinetics(config)))
    return Arena(record_of(config, plant, read_dataset(config, plant.table, plant.layout)))


def check(problem, knobs, at, tolerance):
    near = problem.linearise(knobs, at)
    for k, knob in enumerate(knobs):
        ends = []
        for sign in (-1, 1):
            moved = at.copy()
            moved[k] += sign * STEP * knob.spread
            ends.append(problem.errors(knobs, moved, problem.simulate(knobs, moved)))
        difference = (ends[1] - ends[0]) / (2 * STEP * knob.spread)
        size = np.sqrt(np.mean(difference**2))
        assert np.sqrt(np.mean((near.slopes[:, k] - difference) ** 2)) < tolerance * size + 1e-9, knob.name


def test_slopes_of_parameters_and_of_the_first_state_are_those_of_simulations(arena):
    check(arena.problem(), arena.knobs, np.full(len(arena.knobs), 0.05), 0.03)


def test_slopes_of_data_faults_are_those_of_simulations(arena):
    faults = [e for e in suspects(arena.record, {}, ()) if e.family != "kinetics"]
    knobs = [knob for e in faults for knob in e.ways[""]]
    assert {"influent.N", "flow.wastage", "oxygen.aerobic", "sensor.NH4.drift"} <= {e.name for e in faults}
    check(arena.problem(), knobs, np.zeros(len(knobs)), 0.05)


def test_slopes_of_factors_and_candidates_are_those_of_simulations(arena):
    candidates = [c for c in candidates_for(arena.record.plant.table) if c.name in ("reject_water", "anammox")]
    shapes = (
        Shape("aerobic_growth_autotrophs"),
        Shape("aerobic_growth_autotrophs", "S_NH", "low", 3.0, 0.5, 0.2),
        Shape("aerobic_growth_autotrophs", "Q_in", "high", 4500.0, 6500.0, 300.0),
    )
    knobs = [Knob(str(s), 0.7, -2.5, 2.5, entry=s) for s in shapes]
    knobs += [Knob(c.rate_constant, c.typical, 0.0, c.bounds[1], entry=c.rate_constant) for c in candidates]
    at = np.array([0.1, -0.2, 0.2, *(0.3 * c.typical for c in candidates)])
    check(arena.problem(candidates, shapes), knobs, at, 0.05)


def test_with_everything_at_zero_the_plant_is_f(arena):
    candidates = candidates_for(arena.record.plant.table)
    shapes = (Shape("ammonification"), Shape("ammonification", "S_ND", "low", 1.0, 0.1, 0.05))
    plain, whole = arena.problem(), arena.problem(candidates, shapes)
    outputs = [p.simulate((), np.zeros(0)).outputs for p in (plain, whole)]
    assert outputs[1] == pytest.approx(outputs[0], rel=1e-7)


def test_what_a_plant_holds_none_of_drives_nothing(arena):
    knots = len(arena.record.inputs)
    states = arena.start * np.random.default_rng(2).uniform(0.5, 1.5, (knots, *arena.start.shape))
    names = arena.record.plant.table.component_names
    assert "S_NO" in shapes_of(arena.record, states)["decay_autotrophs"]
    states[..., names.index("S_NO")] *= 1e-31
    found = shapes_of(arena.record, states)
    assert all("S_NO" not in ways for ways in found.values())
    assert "S_NH" in found["decay_autotrophs"]


def test_a_fit_of_knobs_that_do_the_same_stays_within_its_bounds() -> None:
    """Rounding leaves the products of slopes of equal knobs with a curvature below zero."""
    slopes = np.random.default_rng(3).normal(size=(50, 1)) * np.array([[1e9, 1e9, 1e9, 1.0]])
    gram = slopes.T @ slopes + np.diag([1.0, 1.0, 1.0, 4.0])
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(gram)
    errors = slopes[:, 0] * 3e-9  # which the three of them take away by a sum of -3e-9
    found = bounded_ridge(gram, slopes.T @ errors, np.full(4, -1e-9), np.full(4, 1.0))
    np.testing.assert_allclose(found[:3], -1e-9, rtol=1e-6)
    assert abs(found[3]) < 1e-6
