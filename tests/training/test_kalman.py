"""The extended Kalman filter: moments against references, samples at their own times, limits, and the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from scipy.stats import norm
from small_plant import CONFIG

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import Observation
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.hybrid.compiled_system import open_values
from asm_hybrid.hybrid.system import PlantSystem
from asm_hybrid.plant import Plant
from asm_hybrid.plant.process_noise import ProcessNoise
from asm_hybrid.training import start_state
from asm_hybrid.training.kalman import Belief, KalmanFilter
from asm_hybrid.training.kalman_likelihood import Likelihood, first_belief, lost_without
from asm_hybrid.training.kalman_moments import seen, transition
from asm_hybrid.training.kalman_search import Scores, most_likely
from asm_hybrid.training.kalman_steps import kalman_steps
from asm_hybrid.training.unknowns import Unknowns

DAYS, PER_DAY = 1.0, 96


def van_loan(J, D, h):
    """Return F and Q from one exponential of twice the size."""
    n = len(J)
    found = expm(np.block([[-J, np.diag(D)], [np.zeros((n, n)), J.T]]) * h)
    F = found[n:, n:].T
    return F, F @ found[:n, n:]


class Case:
    """Two tanks with oxygen given in one, over a day."""

    def __init__(self, folder):
        path = folder / "config.yaml"
        path.write_text(CONFIG, encoding="utf-8")
        config = load_config(path)
        table = load_kinetics(config)
        self.plant = Plant(table, build_layout(config, table))
        t = np.arange(int(DAYS * PER_DAY) + 1) / PER_DAY
        series = {
            "Q_in": 5000.0 * (1.0 - 0.3 * np.cos(2 * np.pi * t)),
            "influent.S_NH": 30.0 * (1.0 - 0.3 * np.cos(2 * np.pi * t)),
            "aerobic.S_O": 1.5 + 0.4 * np.cos(2 * np.pi * t),
        }
        constants = self.plant.layout.constants
        self.u = np.stack([series.get(s.name, constants.get(s.name, 0.0) + 0 * t) for s in self.plant.inputs], axis=1)
        parameters = torch.tensor([p.default for p in table.parameters], dtype=torch.float64)
        self.system = PlantSystem(self.plant, parameters, ("aerobic.S_NH", "aerobic.S_NO"))
        self.typical = torch.as_tensor(self.u.mean(0))
        self.steady = start_state(self.system, self.typical)
        self.first = first_belief(self.plant, self.steady[0].numpy())
        self.values = open_values(self.system, (1,))((0,))

    def noise(self, share, component="S_NH"):
        """Return noise of a component in both tanks, in proportion."""
        relative = np.zeros(self.plant.shape)
        relative[:, self.plant.table.component_names.index(component)] = share
        return ProcessNoise(np.zeros(self.plant.shape), relative)

    def states_noise(self, share):
        noise, active = self.noise(share), self.plant.rows.active > 0
        return ProcessNoise(noise.absolute[active], noise.relative[active])

    def observation(self, times, values, k=0, noise=0.2, **more):
        target, count = self.system.targets[k], len(times)
        marks = np.zeros(count, dtype=np.int8)
        return Observation(
            target, target, np.asarray(times), np.asarray(values), noise, "g/m3", np.arange(count), marks, **more
        )

    def filter(self, times, values, *, every=1, substeps=3):
        """Return a filter of ammonium, and of one sample of nitrate."""
        observations = [self.observation(times, values), self.observation(times[:1], [8.0], 1)]
        inputs, interval = np.ascontiguousarray(self.u[::every]), every / PER_DAY
        return KalmanFilter(kalman_steps(self.system, substeps, True), observations, inputs, interval, 0.0, DAYS)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return Case(tmp_path_factory.mktemp("kalman"))


def test_covariance_moves_exactly_however_stiff():
    rng = np.random.default_rng(0)
    rates = -np.logspace(-2, 4, 12)
    turn = rng.normal(size=(12, 12)) + 3.0 * np.eye(12)
    J = turn @ np.diag(rates) @ np.linalg.inv(turn)
    root = rng.normal(size=(12, 12))
    P, D = root @ root.T, rng.random(12)
    F, Q = transition(J, D, 0.01)
    found = F @ P @ F.T + Q
    h = 0.01 / 16  # Van Loan's own exponential overflows where J h is large
    F, Q = van_loan(J, D, h)
    expected = P
    for _ in range(16):
        expected = F @ expected @ F.T + Q
    assert np.allclose(found, expected, rtol=1e-3, atol=1e-6 * np.abs(expected).max())
    F, Q = transition(J, D * (np.arange(12) < 3), 1.0)
    assert np.abs(Q - Q.T).max() < 1e-12 * np.abs(Q).max()
    assert np.linalg.eigvalsh(Q).min() > -1e-12 * np.abs(Q).max()


@pytest.mark.parametrize("z", [-35.0, -12.0, -1.0, 0.5, 3.0])
def test_a_limit_says_what_a_cut_normal_distribution_does(z):
    variance = 4.0
    below = seen(2.0 * z, variance, 1)
    grid = z - np.linspace(0.0, 20.0 if z > -5.0 else 2.0, 400001)
    weight = np.exp(norm.logpdf(grid) - norm.logpdf(z))
    mean = np.average(grid, weights=weight)
    assert below.move * 2.0 == pytest.approx(mean, rel=1e-4)
    assert 1.0 - below.kept == pytest.approx(np.average((grid - mean) ** 2, weights=weight), rel=1e-2)
    assert below.cost == pytest.approx(-norm.logcdf(z), rel=1e-5)
    above = seen(-2.0 * z, variance, -1)
    assert (above.move, above.kept, above.cost) == (-below.move, below.kept, below.cost)


def test_mean_and_covariance_follow_the_equations_between_samples(case):
    """Against steps of 20 s, and an exponential of another author."""
    end = 12
    times = np.array([end / PER_DAY])
    found = case.filter(times, [0.0]).run(case.first, case.states_noise(0.3), case.values)
    steps, x, P = kalman_steps(case.system, 1, True), case.first.mean, case.first.covariance
    noise, parts = case.states_noise(0.3), 45
    for i in range(end * parts):
        u = [np.array([np.interp((i + k) / parts, np.arange(97), c) for c in case.u.T]) for k in (0, 1)]
        J = steps.jacobian(x, u[0], case.values)
        D = noise.diffusion(x) ** 2 + noise.relative**2 * P.diagonal()
        F, Q = van_loan(J, D, 1.0 / PER_DAY / parts)
        x, P = steps.state(x, np.stack(u), case.values, 1.0 / PER_DAY / parts), F @ P @ F.T + Q
    shown, slopes = steps.sensors(x, u[1], case.values)
    k = int(np.flatnonzero(found.columns == 0)[0])
    assert -found.errors[k] == pytest.approx(shown[0], rel=2e-3)
    assert found.variances[k] == pytest.approx(slopes[0] @ P @ slopes[0] + 0.2**2, rel=1e-2)


def test_the_jacobian_is_exact(case):
    steps, x, u = kalman_steps(case.system, 1, True), case.first.mean, case.u[5]
    found = steps.jacobian(x, u, case.values)
    size = 1e-5 * np.maximum(np.abs(x), 1e-2)

    def f(at):
        return np.asarray(steps.system.derivative(at, u, case.values)).ravel()

    expected = np.stack([(f(x + e) - f(x - e)) / (2 * e.sum()) for e in np.diag(size)], axis=1)
    assert np.allclose(found, expected, atol=1e-8 * np.abs(expected).max())


def test_without_noise_and_doubt_it_simulates(case):
    times = np.arange(1, 97) / PER_DAY
    none = ProcessNoise(*np.zeros((2, len(case.first.mean))))
    sure = Belief(case.first.mean, np.zeros_like(case.first.covariance))
    found = case.filter(times, np.full(96, 5.0)).run(sure, none, case.values)
    x, steps = case.first.mean, kalman_steps(case.system, 3, True)
    for i in range(96):
        x = steps.state(x, case.u[i : i + 2], case.values, 1.0 / PER_DAY)
    assert np.allclose(found.last.mean, x, rtol=1e-10)
    assert np.array_equal(found.states[-1], found.last.mean)


def test_samples_count_at_their_own_times(case):
    """Between knots they give what they give at knots that are closer."""
    times, rng = np.arange(1, 97, 3) / PER_DAY, np.random.default_rng(1)
    values = 5.0 + rng.normal(size=len(times))
    sparse, dense = (
        case.filter(times, values, every=every).run(case.first, case.states_noise(0.3), case.values) for every in (4, 1)
    )
    # inputs are straight lines between the knots of an hour in one, and cosines in the other
    assert sparse.cost == pytest.approx(dense.cost, rel=1e-2)
    assert np.allclose(sparse.variances, dense.variances, rtol=0.02)


def test_a_sample_moves_what_is_not_measured_too(case):
    times = np.array([0.5])
    at, low = (
        case.filter(times, [v]).run(case.first, case.states_noise(0.3), case.values).states[48] for v in (8.0, 1.0)
    )
    names = case.plant.rows.names
    moved = {n: a - b for n, a, b in zip(names, at, low, strict=True)}
    assert moved["aerobic.S_NH"] > 1.0
    assert moved["anoxic.S_NH"] > 0.3
    assert moved["aerobic.X_BA"] < 0.0  # more ammonium: fewer nitrifiers
    assert moved["aerobic.S_O"] == 0.0  # a series gives it


def test_samples_tell_of_the_first_state_too(case):
    """Against the state from which a simulation meets the samples: nitrifiers differ, and nothing else is known."""
    x, names = case.first.mean, list(case.plant.rows.names)
    fewer, column = x.copy(), [k for k, n in enumerate(names) if n.endswith("X_BA")]
    fewer[column] *= 0.9
    steps, shown = kalman_steps(case.system, 3, True), []
    at = fewer
    for i in range(96):
        at = steps.state(at, case.u[i : i + 2], case.values, 1.0 / PER_DAY)
        shown.append(steps.sensors(at, case.u[i + 1], case.values)[0][0])
    doubt = np.zeros(len(x))
    doubt[column] = 0.2 * x[column]
    none = ProcessNoise(*np.zeros((2, len(x))))
    kalman = replace(
        case.filter(np.arange(1, 97) / PER_DAY, shown),
        observations=[case.observation(np.arange(1, 97) / PER_DAY, shown), case.observation([0.5], [8.0], 1, 1e3)],
    )
    found = kalman.run(Belief(x, np.outer(doubt, doubt)), none, case.values)
    assert found.first[column] == pytest.approx(fewer[column], rel=0.01)
    assert found.last.mean == pytest.approx(at, rel=0.01, abs=0.02)


def test_states_stay_above_zero(case):
    times = np.arange(1, 97) / PER_DAY
    found = case.filter(times, np.full(96, -30.0)).run(case.first, case.states_noise(1.0), case.values)
    assert np.isfinite(found.cost)
    limited = np.isfinite(kalman_steps(case.system, 3, True).system.floor)
    assert found.states[:, limited].min() >= 0.0


def test_means_are_refused_by_name(case):
    mean = case.observation([0.5], [5.0], period=1.0)
    with pytest.raises(InputError, match=r"aerobic\.S_NH is a mean over 24 h"):
        replace(case.filter(np.array([0.5]), [5.0]), observations=[mean])


def test_a_state_that_leaves_the_numbers_has_no_likelihood(case):
    times = np.array([0.5])
    wild = case.filter(times, [5.0]).run(
        Belief(np.full_like(case.first.mean, np.nan), case.first.covariance), case.states_noise(0.3), case.values
    )
    assert wild.cost == np.inf


def test_search_finds_mean_and_spread_of_a_normal_sample():
    sample = 3.0 + 0.5 * np.random.default_rng(0).normal(size=400)
    unknowns = Unknowns.of_parameters(["mean"], np.array([1.0]), np.array([[0.01, 100.0]])).with_more(
        ["spread"], 10.0, 20.0, profiled=True
    )

    def filtered(places):
        errors, variances = sample - np.exp(places[:, :1]), np.exp(2.0 * places[:, 1:]) + 0.0 * sample
        costs = 0.5 * (errors**2 / variances + np.log(2 * np.pi * variances))
        return Scores(errors, variances, costs, np.ones(len(sample), dtype=bool))

    found = most_likely(unknowns, np.zeros(2), filtered, max_evaluations=60)
    assert found.converged
    assert np.exp(found.x) == pytest.approx([sample.mean(), sample.std()], rel=2e-3)
    spread = np.sqrt(np.diag(found.covariance))
    assert spread == pytest.approx([sample.std() / sample.mean() / 20.0, 1.0 / np.sqrt(800.0)], rel=0.01)

    def lost(places):
        found = filtered(places)
        return replace(found, costs=found.costs + np.inf)

    with pytest.raises(SimulationError, match="diverges over the calibration block at mean = 1"):
        most_likely(unknowns, np.zeros(2), lost, max_evaluations=60)


def test_the_likelihood_scales_noise_and_moves_parameters(case):
    table = case.plant.table
    k = table.parameter_names.index("mu_A")
    default = float(case.system.parameters[k])
    noises = {"S_NH": case.noise(0.3)}
    unknowns = Likelihood.unknowns_of(["mu_A"], np.array([default]), np.array([[0.1, 2.0]]), noises)
    kalman = case.filter(np.arange(4, 97, 4) / PER_DAY, np.full(24, 4.0))
    likelihood = Likelihood(case.system, kalman, unknowns, noises, case.typical, case.steady)
    place = np.array([np.log(default), 0.0])
    plain = kalman.run(case.first, case.states_noise(0.3), case.values)
    moved = np.array([np.log(1.5 * default), np.log(2.0)])
    found = likelihood.scores(np.stack([place, moved]))
    assert found.costs[0].sum() == pytest.approx(plain.cost, rel=1e-6)
    assert likelihood.noise(moved).relative.max() == pytest.approx(0.6)
    parameters = case.system.parameters.clone()
    parameters[k] = 1.5 * default
    system = PlantSystem(case.plant, parameters, case.system.targets)
    first = first_belief(case.plant, start_state(system, case.typical)[0].numpy())
    other = kalman.run(first, case.states_noise(0.6), open_values(system, (1,))((0,)))
    assert found.costs[1].sum() == pytest.approx(other.cost, rel=1e-6)


@pytest.mark.parametrize("wrong", ["S_NH", "S_NO"])
def test_the_likelihood_loses_most_without_the_noise_of_the_wrong_equation(case, wrong):
    """A source in the aerobic tank that comes and goes, of which f knows nothing."""
    steps, x, shown = kalman_steps(case.system, 3, True), case.first.mean.copy(), []
    own = list(case.plant.rows.names).index(f"aerobic.{wrong}")
    for i in range(96):
        x = steps.state(x, case.u[i : i + 2], case.values, 1.0 / PER_DAY)
        x[own] = max(x[own] + 0.5 * np.sin(2 * np.pi * i / 24), 0.0)
        shown.append(steps.sensors(x, case.u[i + 1], case.values)[0])
    times, noise = np.arange(1, 97) / PER_DAY, 0.2 * np.random.default_rng(4).normal(size=(96, 2))
    observations = [case.observation(times, (np.array(shown) + noise)[:, k], k) for k in (0, 1)]
    noises = {name: case.noise(0.3, name) for name in ("S_NH", "S_NO")}
    unknowns = Likelihood.unknowns_of((), np.empty(0), np.empty((0, 2)), noises)
    kalman = replace(case.filter(times, np.zeros(96)), observations=observations)
    likelihood = Likelihood(case.system, kalman, unknowns, noises, case.typical, case.steady)
    found = most_likely(unknowns, unknowns.centre, likelihood.scores, max_evaluations=40)
    lost = lost_without(likelihood, found, lambda _, less: less.scores)
    (other,) = set(noises) - {wrong}
    assert lost[wrong] > 20.0
    assert abs(lost[other]) < 0.2 * lost[wrong]
    alone = likelihood.without(wrong)
    assert (alone.unknowns.names, list(alone.noises)) == ((other,), [other])
    assert {n.name: n.lost for n in likelihood.noises_found(found, lost)} == lost
    assert lost_without(alone, found, lambda _, less: less.scores) == {}  # nothing to compare with
