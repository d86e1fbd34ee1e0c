"""Stochastic differential equations: orders, moments, gradients, paths that a seed fixes, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from test_solve import central
from torch import nn

from asm_hybrid import ODELayer, StiffnessWarning, solve
from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.wiener import Wiener

DOUBLE = torch.float64
GROWTH, NOISE = 0.6, 0.8
ALL = [
    ("euler_maruyama", "ito", 0.5),
    ("milstein", "ito", 1.0),
    ("milstein", "stratonovich", 1.0),
    ("stochastic_heun", "stratonovich", 1.0),
    ("implicit_euler_maruyama", "ito", 0.5),
    ("implicit_milstein", "ito", 1.0),
    ("implicit_milstein", "stratonovich", 1.0),
]


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.set_num_threads(1)
    torch.manual_seed(1)


def one(*values):
    return torch.tensor(values or (1.0,), dtype=DOUBLE)


def geometric(method, steps, interpretation="ito", paths=1000, noise=NOISE, seed=3):
    """Geometric Brownian motion from 1 at time 1, ``(path,)``, and the exact solution on the same paths."""
    found = solve(
        lambda t, x: GROWTH * x,
        one(),
        [0.0, 1.0],
        diffusion=lambda t, x: noise * x,
        method=method,
        steps=steps,
        seed=seed,
        paths=paths,
        interpretation=interpretation,
        stiffness=False,
    )
    end = Wiener(seed, (paths, 1), DOUBLE, torch.device("cpu")).increments(0, 1.0, 1)[0, :, 0]
    own = 0.5 * noise**2 if interpretation == "ito" else 0.0
    return found.states[-1, :, 0], torch.exp(GROWTH - own + noise * end)


def mean_and_error(values):
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


@pytest.mark.parametrize(("method", "interpretation", "order"), ALL)
def test_strong_order(method, interpretation, order):
    errors = {}
    for steps in (8, 64):
        found, exact = geometric(method, steps, interpretation)
        errors[steps] = mean_and_error((found - exact).abs())
    seen = math.log2(errors[8][0] / errors[64][0]) / 3
    uncertain = math.hypot(*(error / mean for mean, error in errors.values())) / (3 * math.log(2))
    assert uncertain < 0.05
    assert abs(seen - order) < 0.1 + 2 * uncertain


@pytest.mark.parametrize("method", ["euler_maruyama", "milstein", "implicit_euler_maruyama", "implicit_milstein"])
@pytest.mark.parametrize("power", [1, 2])
def test_weak_order(method, power):
    """Errors of mean and second moment, on the paths of the exact solution, which takes most of the chance out."""
    errors = {}
    for steps in (4, 16):
        found, exact = geometric(method, steps, paths=20_000, noise=0.4)
        errors[steps] = mean_and_error(found**power - exact**power)
    uncertain = math.hypot(*(error / abs(mean) for mean, error in errors.values())) / (2 * math.log(2))
    seen = math.log2(errors[4][0] / errors[16][0]) / 2
    assert uncertain < 0.12
    assert abs(seen - 1.0) < 0.1 + 2 * uncertain


@pytest.mark.parametrize(("method", "interpretation", "order"), ALL)
def test_mean_and_variance_of_ornstein_uhlenbeck(method, interpretation, order):
    rate, noise, paths = 2.0, 0.7, 5000
    times = [0.0, 0.5, 2.0]
    found = solve(
        lambda t, x: -rate * x,
        one(1.5),
        times,
        diffusion=lambda t, x: torch.full_like(x, noise),
        method=method,
        options={"step_size": 0.02},
        seed=11,
        paths=paths,
        interpretation=interpretation,
        stiffness=False,
    )
    assert found.steps == 100
    for t, x in zip(times[1:], found.states[1:, :, 0], strict=True):
        variance = noise**2 / (2 * rate) * (1 - math.exp(-2 * rate * t))
        assert abs(float(x.mean()) - 1.5 * math.exp(-rate * t)) < 3 * math.sqrt(variance / paths)
        assert abs(float(x.var()) - variance) < 3 * variance * math.sqrt(2 / paths)


@pytest.mark.parametrize(("method", "interpretation", "order"), ALL)
def test_mean_and_variance_of_geometric_brownian_motion(method, interpretation, order):
    x, _ = geometric(method, 128, interpretation, paths=5000, noise=0.3, seed=5)
    growth = GROWTH + (0.5 * 0.3**2 if interpretation == "stratonovich" else 0.0)
    variance = math.exp(2 * growth) * (math.exp(0.3**2) - 1)
    assert abs(float(x.mean()) - math.exp(growth)) < 3 * math.sqrt(variance / len(x))
    squares = (x - x.mean()).square()
    assert abs(float(squares.mean()) - variance) < 3 * float(squares.std()) / math.sqrt(len(x))


def test_a_seed_fixes_the_path_whatever_the_steps():
    wiener = Wiener(5, (2000,), DOUBLE, torch.device("cpu"))
    fine = wiener.increments(4, 0.3, 24)
    torch.testing.assert_close(fine.reshape(12, 2, -1).sum(1), wiener.increments(4, 0.3, 12))
    for steps in (1, 5, 16):
        torch.testing.assert_close(wiener.increments(4, 0.3, steps).sum(0), fine.sum(0))
    spread = fine @ fine.T / 2000  # independent, of variance h
    torch.testing.assert_close(spread, torch.eye(24, dtype=DOUBLE) * 0.3 / 24, atol=0.003, rtol=0)
    assert not torch.equal(wiener.increments(5, 0.3, 24), fine)
    single = Wiener(5, (2000,), torch.float32, torch.device("cpu")).increments(4, 0.3, 24)
    torch.testing.assert_close(single, fine.float())


def test_noise_that_turns_a_state_keeps_its_length():
    """``dx = A x ∘ dW`` with a skew matrix A: scalar noise, after Stratonovich, whose solution is a rotation by W."""
    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=DOUBLE)

    def solved(method, steps, **noise):
        x = solve(
            lambda t, x: torch.zeros_like(x),
            one(1.0, 0.0),
            [0.0, 1.0],
            method=method,
            steps=steps,
            seed=2,
            paths=200,
            interpretation="stratonovich",
            stiffness=False,
            **noise,
        ).states[-1]
        angle = Wiener(2, (200, 1), DOUBLE, torch.device("cpu")).increments(0, 1.0, 1)[0]
        return float((x - torch.cat([angle.cos(), angle.sin()], -1)).norm(dim=-1).mean())

    scalar = {"diffusion": lambda t, x: x @ turn.T, "noise": "scalar"}
    general = {"diffusion": lambda t, x: (x @ turn.T).unsqueeze(-1), "noise": "general"}
    for method, noise in (("milstein", scalar), ("stochastic_heun", scalar), ("stochastic_heun", general)):
        assert 0.9 < math.log2(solved(method, 16, **noise) / solved(method, 128, **noise)) / 3 < 1.1
    assert solved("stochastic_heun", 16, **scalar) == pytest.approx(solved("stochastic_heun", 16, **general), rel=1e-12)


@pytest.mark.parametrize("method", ["euler_maruyama", "implicit_euler_maruyama"])
def test_general_noise_has_the_covariance_of_its_processes(method):
    mixing = torch.tensor([[0.5, 0.2, 0.0], [0.0, 0.3, -0.4]], dtype=DOUBLE)
    x = solve(
        lambda t, x: torch.zeros_like(x),
        one(1.0, 2.0),
        [0.0, 2.0],
        diffusion=lambda t, x: mixing.expand(*x.shape, 3),
        noise="general",
        method=method,
        steps=2,
        seed=7,
        paths=20_000,
    ).states[-1]
    torch.testing.assert_close(torch.cov(x.T), 2.0 * mixing @ mixing.T, atol=0.015, rtol=0)


def test_stiff_drift_takes_steps_that_explicit_methods_do_not_bear():
    """A fast state beside a slow one; the slow one's moments come out at steps of 50 fast time constants."""
    rates = one(1000.0, 1.0)

    def solved(method):
        return solve(
            lambda t, x: -rates * (x - one(2.0, 0.0)),
            one(0.0, 1.0),
            [0.0, 1.0, 2.0],
            diffusion=lambda t, x: one(0.1, 0.2).expand_as(x),
            method=method,
            steps=60,
            seed=4,
            paths=2000,
            check=False,
            stiffness=False,
        )

    for method in ("implicit_milstein", "implicit_euler_maruyama"):
        x = solved(method).states[-1]
        variance = 0.2**2 / 2 * (1 - math.exp(-4))
        assert abs(float(x[:, 1].mean()) - math.exp(-2)) < 3 * math.sqrt(variance / 2000) + 0.003
        assert abs(float(x[:, 1].var()) - variance) < 3 * variance * math.sqrt(2 / 2000) + 0.0003
        assert float((x[:, 0] - 2.0).abs().max()) < 0.1
    assert float(solved("milstein").states[-1, :, 0].abs().min()) > 1e30


def test_an_explicit_method_says_that_the_drift_is_stiff():
    with pytest.warns(StiffnessWarning, match="take implicit_milstein"):
        solve(
            lambda t, x: -95.0 * x,
            one(1.0),
            [0.0, 2.0],
            diffusion=lambda t, x: 0.1 * x,
            method="milstein",
            steps=100,
            seed=1,
        )


@pytest.mark.parametrize(("method", "interpretation", "order"), ALL)
def test_gradients_along_the_paths(method, interpretation, order):
    weights = torch.tensor([[-0.5, 0.3], [0.2, -0.8]], dtype=DOUBLE)

    def end(p):
        states = solve(
            lambda t, x: torch.tanh(x @ weights) * p[0] - p[1] * x**3,
            p[2:4],
            [0.0, 0.4, 1.0],
            diffusion=lambda t, x: p[4] * torch.sin(x) + p[5],
            method=method,
            steps=5,
            seed=9,
            paths=3,
            interpretation=interpretation,
        ).states
        return (states[1:] ** 2).sum()

    at = one(0.7, 0.4, 0.5, -1.2, 0.3, 0.2)
    asked = at.clone().requires_grad_()
    found = torch.autograd.grad(end(asked), asked)[0]
    torch.testing.assert_close(found, central(end, at), rtol=1e-6, atol=1e-8)


def test_without_noise_left_it_is_the_method_of_an_equation_without():
    def f(t, x):
        return -x * (1 + t)

    none = {"diffusion": lambda t, x: torch.zeros_like(x), "steps": 7}
    plain = solve(f, one(1.0, 3.0), [0.0, 1.0, 1.0, 1.5], method="euler", steps=7).states
    torch.testing.assert_close(
        solve(f, one(1.0, 3.0), [0.0, 1.0, 1.0, 1.5], method="euler_maruyama", **none).states, plain
    )
    implicit = solve(f, one(1.0, 3.0), [0.0, 1.0], method="implicit_milstein", **none).states[-1]
    expected = one(1.0, 3.0)
    for i in range(7):
        expected = expected / (1 + (1 + i / 7) / 7)
    torch.testing.assert_close(implicit, expected)


class Learnt(nn.Module):
    def __init__(self):
        super().__init__()
        self.log = nn.Parameter(torch.tensor([-1.0, -2.0], dtype=DOUBLE))

    def forward(self, x):
        return self.log.exp().expand_as(x)


def layer(**options):
    torch.manual_seed(2)
    drift = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    return ODELayer(drift, (0.0, 1.0), diffusion=Learnt(), method="milstein", steps=10, **options)


def test_a_layer_learns_its_diffusion_and_draws_anew():
    found = layer(paths=50)
    assert {"diffusion.log"} <= {name for name, _ in found.named_parameters()}
    x = torch.ones(4, 2, dtype=DOUBLE)
    torch.manual_seed(5)
    first, second = found(x), found(x)
    torch.manual_seed(5)
    assert torch.equal(found(x), first)
    assert first.shape == (50, 4, 2)
    assert not torch.equal(first, second)
    torch.autograd.backward(first.var(0).sum())
    assert bool((found.diffusion.log.grad > 0).all())
    fixed = layer(seed=3)
    assert torch.equal(fixed(x), fixed(x))
    with pytest.raises(InputError, match="'dopri5' is no method for equations with noise"):
        ODELayer(nn.Linear(2, 2).double(), diffusion=Learnt())


def problem(**changed):
    """An equation with noise, and what a test changes."""
    given = {
        "f": lambda t, x: -x,
        "x0": one(1.0, 2.0),
        "times": [0.0, 1.0],
        "diffusion": lambda t, x: 0.1 * x,
        "method": "milstein",
        "steps": 4,
    } | changed
    return solve(given.pop("f"), given.pop("x0"), given.pop("times"), **given)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"method": "dopri5", "steps": None}, r"(?s)'dopri5' is no method for .*implicit_milstein"),
        ({"method": "milstien"}, "did you mean 'milstein'"),
        ({"diffusion": None}, "(?s)milstein is a method for equations with noise, and none is given.*dopri5"),
        ({"diffusion": None, "method": "rk4", "seed": 1}, "'seed' is given without noise"),
        ({"diffusion": None, "method": "rk4", "paths": 3}, "'paths' is given without noise"),
        ({"diffusion": 0.1}, "diffusion is float, and cannot be called"),
        ({"steps": None}, "milstein takes fixed steps, and 'steps' is missing"),
        ({"noise": "full"}, "noise is 'full'"),
        ({"interpretation": "wiener"}, "interpretation is 'wiener'"),
        ({"noise": "general"}, "(?s)milstein is used with general noise.*euler_maruyama"),
        ({"method": "euler_maruyama", "interpretation": "stratonovich"}, "(?s)integral of Ito.*stochastic_heun"),
        ({"method": "stochastic_heun"}, "(?s)integral of Stratonovich.*milstein"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"paths": 0}, "paths is 0"),
        ({"rtol": 1e-3}, "'rtol' is given, and noise too"),
        ({"adjoint": "backsolve"}, "(?s)'adjoint' is given, and noise too.*path by path"),
        ({"mass": torch.ones(2)}, "'mass' is given, and noise too"),
        ({"event": lambda t, x: x[..., 0]}, "(?s)'event' is given, and noise too.*returned times"),
        ({"delays": 0.1}, "(?s)'delays' is given, and noise too.*chain of lags"),
        ({"dense": True}, "'dense' is given, and noise too"),
        ({"options": {"max_step": 0.1}}, "options has 'max_step', and noise is given"),
        ({"steps": None, "options": {"step_size": 1e-9}}, "asks for 1000000000 steps"),
        ({"times": [1.0, 0.0]}, "the times descend, and noise is given"),
        ({"times": torch.tensor([0.0, 1.0], requires_grad=True)}, "the times carry gradients, and noise is given"),
        ({"x0": (one(), one())}, "noise is given for a state of several tensors"),
        ({"x0": one().half()}, "milstein is used with torch.float16"),
        ({"diffusion": lambda t, x: torch.ones(3)}, r"(?s)the diffusion returns shape \(3,\).*expand_as"),
        ({"diffusion": lambda t, x: 0.1}, "the diffusion returns Python type float"),
        (
            {"diffusion": lambda t, x: torch.ones(3), "noise": "general", "method": "euler_maruyama"},
            r"(?s)the diffusion returns shape \(3,\).*real numbers \(2, w\)",
        ),
        ({"diffusion": lambda t, x: x.flip(-1)}, "the diffusion of state 0 depends on state 1"),
        (
            {"diffusion": lambda t, x: 0.1 * t * x.prod(-1, keepdim=True).expand_as(x), "method": "implicit_milstein"},
            "(?s)the diffusion of state . depends on state .*implicit_euler_maruyama",
        ),
    ],
)
def test_what_does_not_go_with_noise_is_refused(changed, words):
    with pytest.raises(InputError, match=words):
        problem(**changed)


def test_paths_that_leave_the_finite_numbers_are_told_with_their_time():
    with pytest.raises(SimulationError, match=r"milstein: 1 of 2 paths left the finite numbers by time 2"):
        solve(
            lambda t, x: x**3,
            one(0.0, 3.0).unsqueeze(-1),
            [0.0, 1e-3, 2.0, 3.0],
            diffusion=lambda t, x: 0.1 * x,
            method="milstein",
            steps=50,
            seed=1,
        )


@pytest.mark.parametrize(
    ("method", "interpretation", "theirs"),
    [("euler_maruyama", "ito", "euler"), ("milstein", "ito", "milstein"),
     ("milstein", "stratonovich", "milstein"), ("stochastic_heun", "stratonovich", "heun")],
)  # fmt: skip
def test_torchsde_takes_the_same_steps(method, interpretation, theirs):
    torchsde = pytest.importorskip("torchsde")
    wiener = Wiener(8, (5, 2), DOUBLE, torch.device("cpu"))

    class Path(torchsde.BaseBrownian):
        dtype, device, shape, levy_area_approximation = DOUBLE, torch.device("cpu"), (5, 2), "none"

        def __call__(self, ta, tb=None, **_):
            return wiener.increments(0, 1.0, 16)[round(float(ta) * 16)]

        def __repr__(self):
            return "the same path"

        size = None

    class Equation(nn.Module):
        noise_type, sde_type = "diagonal", interpretation

        def f(self, t, x):
            return torch.sin(x) - t * x

        def g(self, t, x):
            return 0.3 * x + 0.1

    equation, x0 = Equation(), torch.randn(5, 2, dtype=DOUBLE)
    ours = solve(
        equation.f,
        x0,
        [0.0, 1.0],
        diffusion=equation.g,
        method=method,
        interpretation=interpretation,
        steps=16,
        seed=8,
    ).states[-1]
    found = torchsde.sdeint(equation, x0, torch.tensor([0.0, 1.0], dtype=DOUBLE), bm=Path(), method=theirs, dt=1 / 16)
    torch.testing.assert_close(ours, found[-1], rtol=1e-12, atol=1e-12)
