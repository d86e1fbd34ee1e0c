"""CVODES through CasADi: known solutions, jumps, events, steady states, and what is said when it fails."""

import casadi
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.cvodes import CHUNK, CompiledProblem


def problem(derivative, n=1, m=1, **options):
    x, u = casadi.SX.sym("x", n), casadi.SX.sym("u", m)
    names = [f"x{i}" for i in range(n)]
    return CompiledProblem(x, u, casadi.vertcat(*derivative(x, u)), names, **options)


def follow(x, u):
    """A first-order lag with a time constant of 0.1 d."""
    return [(u[0] - x[0]) / 0.1]


@pytest.mark.parametrize("count", [3, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
def test_held_inputs_jump_at_their_times(count):
    times = np.cumsum(np.concatenate([[0.0], np.random.default_rng(0).uniform(0.01, 0.3, count)]))
    levels = np.random.default_rng(1).uniform(-1, 1, (count, 1))
    found = problem(follow, tolerance=1e-9).run(np.array([0.5]), times, levels)
    expected = [0.5]
    for length, level in zip(np.diff(times), levels[:, 0], strict=True):
        expected.append(level + (expected[-1] - level) * np.exp(-length / 0.1))
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-7)


def test_inputs_run_straight_between_their_values():
    times = np.array([0.0, 0.2, 0.25, 1.0])
    begin, end = np.array([[0.0], [3.0], [1.0]]), np.array([[2.0], [3.0], [0.0]])
    found = problem(follow, tolerance=1e-9).run(np.array([1.0]), times, begin, end)

    def right(t, x):
        k = min(int(np.searchsorted(times, t, side="right")) - 1, 2)
        share = (t - times[k]) / (times[k + 1] - times[k])
        return (begin[k] + share * (end[k] - begin[k]) - x) / 0.1

    x = np.array([1.0])
    for k in range(3):
        x = solve_ivp(right, times[k : k + 2] - [0, 1e-12], x, rtol=1e-11, atol=1e-12).y[:, -1]
        assert found[k + 1, 0] == pytest.approx(x[0], abs=1e-7)


def test_robertson_equals_radau():
    """The chemical problem of Robertson (1966), as in Hairer and Wanner (1996), section IV.10."""

    def right(x, _):
        slow, fast, back = 0.04 * x[0], 3e7 * x[1] ** 2, 1e4 * x[1] * x[2]
        return [back - slow, slow - back - fast, fast]

    times = np.array([0.0, 1.0, 100.0, 1e4])
    found = problem(right, 3, tolerance=1e-8).run(np.array([1.0, 0.0, 0.0]), times, np.zeros((3, 1)))
    expected = solve_ivp(lambda _, x: right(x, None), (0, 1e4), [1, 0, 0], "Radau", times, rtol=1e-10, atol=1e-14).y.T
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-10)


def test_errors_shrink_with_the_tolerance():
    def right(x, u):
        return [x[1], 50 * (1 - x[0] ** 2) * x[1] - x[0]]

    times, start, still = np.linspace(0, 40, 41), np.array([2.0, 0.0]), np.zeros((40, 1))
    tight = problem(right, 2, tolerance=1e-11).run(start, times, still)
    errors = [np.abs(problem(right, 2, tolerance=t).run(start, times, still) - tight)[:, 0].max() for t in (1e-4, 1e-7)]
    assert errors[1] < errors[0] / 50


def test_a_switch_turns_at_its_limits():
    """A level that rises at 2 a day when on and falls at 1 a day when off, between 1 and 3."""
    x, u = casadi.SX.sym("x", 2), casadi.SX.sym("u")
    events = x[1] * (3 - x[0]) + (1 - x[1]) * (x[0] - 1)
    after = casadi.vertcat(x[0], 1 - x[1])
    made = CompiledProblem(x, u, casadi.vertcat(3 * x[1] - 1, 0), ["level", "mode"], events, [after])
    times = np.linspace(0, 12, 121)
    found = made.run(np.array([2.0, 1.0]), times, np.zeros((120, 1)))
    position = np.mod(times + 0.5, 3.0)
    expected = np.where(position < 1.0, 1 + 2 * position, 3 - (position - 1))
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-6)
    assert found[:, 0].min() > 1 - 1e-6
    assert found[:, 0].max() < 3 + 1e-6


def test_an_event_that_is_due_at_the_start_happens():
    x, u = casadi.SX.sym("x", 2), casadi.SX.sym("u")
    made = CompiledProblem(x, u, casadi.vertcat(x[1], 0), ["a", "b"], 1 - 2 * x[1], [casadi.vertcat(x[0], 0)])
    assert made.run(np.array([0.0, 1.0]), np.array([0.0, 1.0]), np.zeros((1, 1)))[-1, 0] == pytest.approx(0.0)


@pytest.mark.parametrize("end", [0.5, np.nextafter(0.5, 0.0), np.nextafter(0.5, 1.0)])
def test_a_switch_at_a_time_that_is_asked_for_happens_there(end):
    """A clock that starts again at 0.5 d; the inputs change at that very time."""
    x, u = casadi.SX.sym("x", 2), casadi.SX.sym("u")
    made = CompiledProblem(x, u, casadi.vertcat(1, 0), ["clock", "n"], 0.5 - x[0], [casadi.vertcat(0, x[1] + 1)])
    found = made.run(np.zeros(2), np.array([0.0, end, 0.75, 1.25]), np.zeros((3, 1)))
    np.testing.assert_allclose(found[2:], [[0.25, 1.0], [0.25, 2.0]], atol=1e-9)


def test_an_event_that_rises_from_zero_waits():
    x, u = casadi.SX.sym("x", 2), casadi.SX.sym("u")
    made = CompiledProblem(x, u, casadi.vertcat(1 - 2 * x[0], 0), ["a", "n"], x[0], [casadi.vertcat(x[0], x[1] + 1)])
    assert made.run(np.zeros(2), np.array([0.0, 1.0]), np.zeros((1, 1)))[-1, 1] == 0.0


def test_switches_without_end_are_an_error():
    x, u = casadi.SX.sym("x"), casadi.SX.sym("u")
    made = CompiledProblem(x, u, casadi.SX(0), ["a"], casadi.SX(-1) + 0 * x, [x])
    with pytest.raises(SimulationError, match="without end"):
        made.run(np.zeros(1), np.array([0.0, 1.0]), np.zeros((1, 1)))


def test_steady_states_are_found_from_far_and_told_when_there_is_none():
    found = problem(lambda x, u: [u[0] - x[0] / (1 + x[0])]).steady_state(np.array([50.0]), np.array([0.5]))
    assert found.state[0] == pytest.approx(1.0, abs=1e-8)
    assert found.residual < 1e-9
    with pytest.raises(SimulationError, match="no steady state"):
        problem(lambda x, u: [u[0]]).steady_state(np.array([0.0]), np.array([1.0]))


def test_a_state_that_does_not_move_does_not_stop_newton():
    found = problem(lambda x, u: [u[0] - x[0], 0 * x[1]], 2).steady_state(np.array([5.0, 7.0]), np.array([2.0]))
    np.testing.assert_allclose(found.state, [2.0, 7.0], atol=1e-8)


def test_a_failure_names_time_state_and_cause():
    exploding = problem(lambda x, u: [x[0] ** 2, -x[1]], 2)
    with pytest.raises(SimulationError, match=r"between 0 and 2 d.*x0 = 1"):
        exploding.run(np.array([1.0, 1.0]), np.array([0.0, 2.0]), np.zeros((1, 1)))


def test_an_input_that_is_no_number_is_refused_with_its_time():
    levels = np.array([[1.0], [np.nan]])
    with pytest.raises(SimulationError, match=r"not a number from 0\.5 d on"):
        problem(follow).run(np.zeros(1), np.array([0.0, 0.5, 1.0]), levels)


def test_a_singular_jacobian_is_no_steady_state_and_what_piles_up_is_named():
    def two_of_one(x, u):
        return [u[0] + 0.0 * x[0], u[0] - x[1] + x[2], x[1] - x[2]]

    x, u = casadi.SX.sym("x", 3), casadi.SX.sym("u", 1)
    names = ["tank.X_I", "tank.a", "tank.b"]
    found = CompiledProblem(x, u, casadi.vertcat(*two_of_one(x, u)), names)
    with pytest.raises(SimulationError) as caught:
        found.steady_state(np.ones(3), np.array([5.0]))
    assert "no steady state" in str(caught.value)
    assert "X_I piles up" in str(caught.value)
    assert "{" not in str(caught.value)


def test_what_runs_out_while_a_steady_state_is_looked_for_is_named():
    found = problem(lambda x, u: [-u[0] + 0.0 * x[0]])
    with pytest.raises(SimulationError, match="x0 runs out"):
        found.steady_state(np.array([10.0]), np.array([3.0]))


def chemostat(x, u):
    """Biomass and substrate, of which 10 come in; u is the dilution rate."""
    growth = x[1] / (1 + x[1]) * x[0]
    return [growth - u[0] * x[0], u[0] * (10 - x[1]) - growth]


@pytest.mark.parametrize("trace", [1e-1, 1e-3, 1e-6])
def test_a_trace_of_biomass_that_grows_is_no_washout(trace):
    found = problem(chemostat, 2).steady_state(np.array([trace, 10.0]), np.array([0.9])).state
    np.testing.assert_allclose(found, [1.0, 9.0], rtol=1e-6)


def test_biomass_that_is_not_there_does_not_come():
    found = problem(chemostat, 2).steady_state(np.array([0.0, 5.0]), np.array([0.5])).state
    np.testing.assert_allclose(found, [0.0, 10.0], atol=1e-8)


def test_biomass_that_grows_too_slowly_is_washed_out():
    found = problem(chemostat, 2).steady_state(np.array([5.0, 5.0]), np.array([0.92])).state
    np.testing.assert_allclose(found, [0.0, 10.0], atol=1e-6)


def test_newton_goes_on_where_a_fast_state_that_follows_a_slow_one_is_off_for_a_step():
    followed = problem(lambda x, u: [1e-5 * (u[0] - x[0]), 100 * (x[0] ** 2 - x[1])], 2)
    found = followed.steady_state(np.array([5.0, 25.0]), np.array([1.0])).state
    np.testing.assert_allclose(found, [1.0, 1.0], rtol=1e-6)
