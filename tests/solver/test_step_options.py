"""Options of the steps, what is called at them, and the look-out for stiff problems."""

import math
import warnings

import pytest
import torch
from torch import nn

from asm_hybrid import ODELayer
from asm_hybrid.solver.solve import ADAPTIVE, FIXED, StiffnessWarning, solve
from asm_hybrid.solver.stiffness import fastest_decay


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


class Recorded:
    """x' = -x, and the steps that were tried, taken and refused."""

    def __init__(self, rate=1.0):
        self.rate, self.tried, self.taken, self.refused, self.times = rate, [], [], [], []

    def __call__(self, t, x):
        self.times.append(float(t))
        return -self.rate * x

    def callback_step(self, t, x, h):
        self.tried.append((float(t), h))

    def callback_accept_step(self, t, x, h):
        self.taken.append((float(t), h))

    def callback_reject_step(self, t, x, h):
        self.refused.append((float(t), h))


@pytest.mark.parametrize("method", [*ADAPTIVE, "rodas4", "ros34pw2"])
def test_callbacks(method):
    f = Recorded(20.0)
    found = solve(f, doubles(1.0), [0.0, 1.0], method=method, rtol=1e-3, atol=1e-5, options={"first_step": 0.9})
    assert f.tried[0] == (0.0, pytest.approx(0.9) if f.tried[0][1] > 0.6 else 0.5)
    assert len(f.refused) > 0
    assert len(f.taken) == found.steps
    assert len(f.tried) == len(f.taken) + len(f.refused)
    assert sum(h for _, h in f.taken) == pytest.approx(1.0)


def test_callbacks_of_fixed_steps_and_of_the_adjoint():
    class Field(nn.Linear):
        steps = back = 0

        def forward(self, t, x):
            return super().forward(x)

        def callback_step(self, t, x, h):
            self.steps += 1

        def callback_step_adjoint(self, t, x, h):
            self.back += 1

    field = Field(2, 2)
    solve(field, torch.ones(2), [0.0, 1.0], method="rk4", steps=7, adjoint="backsolve").states.sum().backward()
    assert (field.steps, field.back) == (7, 7)
    f = Recorded()
    with pytest.warns(UserWarning, match="callback_step alone"):
        solve(f, doubles(1.0), [0.0, 1.0], method="rk4", steps=3)


def test_least_greatest_and_first_step():
    f = Recorded()
    solve(f, doubles(1.0), [0.0, 1.0], options={"max_step": 0.07, "first_step": 0.01})
    assert f.taken[0][1] == pytest.approx(0.01)
    assert max(h for _, h in f.taken) <= 0.07
    f = Recorded(50.0)
    solve(f, doubles(1.0), [0.0, 1.0], options={"min_step": 0.01}, stiffness=False)
    assert min(h for _, h in f.taken[:-1]) >= 0.01 - 1e-12
    assert all(h > 0.01 for _, h in f.refused)


@pytest.mark.parametrize("method", ["dopri5", "rodas4", "rk4"])
@pytest.mark.parametrize("way", [1.0, -1.0])
def test_steps_end_where_they_are_asked_to(method, way):
    f = Recorded()
    extra = {"steps": 2} if method in FIXED else {}
    del Recorded.callback_accept_step, Recorded.callback_reject_step
    try:
        solve(f, doubles(1.0), [0.0, way], method=method, options={"step_t": [0.123 * way, 0.77 * way, 5.0]}, **extra)
    finally:
        Recorded.callback_accept_step = lambda self, t, x, h: self.taken.append((float(t), h))
        Recorded.callback_reject_step = lambda self, t, x, h: self.refused.append((float(t), h))
    begins = [t for t, _ in f.tried]
    assert 0.123 * way in begins
    assert 0.77 * way in begins
    assert all(0.0 <= way * t <= 1.0 + 1e-12 for t in f.times)


def test_a_size_of_fixed_steps():
    found = solve(lambda t, x: -x, doubles(1.0), [0.0, 0.25, 1.0], method="rk4", options={"step_size": 0.1})
    assert found.steps == 3 + 8
    assert found.states[-1].item() == pytest.approx(math.exp(-1.0), abs=1e-5)


def test_a_norm_of_ones_own():
    seen = []

    def norm(errors):
        seen.append([e.shape for e in errors])
        return errors[0].abs().max()

    x0 = (doubles(1.0, 2.0), doubles(0.0)[0])
    solve(lambda t, x: (-x[0], torch.cos(500.0 * t) + 0.0 * x[1]), x0, [0.0, 1.0], options={"norm": norm})
    assert seen[0] == [(2,), ()]


def test_returned_times_cost_no_steps_where_the_method_interpolates():
    few, many = (
        solve(lambda t, x: torch.cos(t) * x, doubles(1.0), torch.linspace(0.0, 6.0, n, dtype=torch.float64))
        for n in (2, 201)
    )
    assert many.evaluations == few.evaluations
    exact = torch.exp(torch.sin(many.times))
    assert float((many.states[:, 0] - exact).abs().max()) < 2e-6


def falling(t, v):
    """A fall from rest with drag: the slope of the speed has no derivative at rest."""
    return doubles(0.0, -9.81) - 0.2 * v * torch.sqrt((v**2).sum(-1, keepdim=True))


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
def test_a_jacobian_that_is_no_number_ends_nothing(method):
    extra = {"steps": 60} if method in FIXED else {}
    found = solve(falling, doubles(0.0, 0.0), [0.0, 6.0], method=method, **extra)
    assert found.states[-1, 1].item() == pytest.approx(-math.sqrt(9.81 / 0.2), abs=2e-2)


def test_the_check_costs_a_tenth_at_most_and_can_be_left_out():
    calls = [0]

    def f(t, x):
        calls[0] += 1
        return -x

    for extra in ({"method": "rk4", "steps": 10}, {"method": "rk4", "steps": 100}, {"method": "euler", "steps": 5}, {}):
        counts = []
        for stiffness in (True, False):
            calls[0] = 0
            solve(f, torch.ones(7, 300), [0.0, 1.0], stiffness=stiffness, **extra)
            counts.append(calls[0])
        assert counts[0] <= 1.1 * counts[1]


def test_a_layer_leaves_the_check_out():
    field = nn.Linear(1, 1, bias=False)
    nn.init.constant_(field.weight, -100.0)
    x = torch.ones(1, 1)
    with pytest.warns(StiffnessWarning, match="stiff for rk4"):
        ODELayer(field, method="rk4", steps=45)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ODELayer(field, method="rk4", steps=45, stiffness=False)(x)


def test_the_fastest_decay_is_found():
    torch.manual_seed(3)
    turn = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64))[0]
    for rates, exact in (
        ([-1000.0, *(-1.0,) * 11], 1000.0),
        ([-400.0, -350.0, *(-2.0,) * 10], 400.0),
        ([50.0, *(-0.5,) * 11], 0.5),
    ):
        matrix = turn @ torch.diag(doubles(*rates)) @ turn.T
        x = torch.randn(5, 12, dtype=torch.float64)
        found = fastest_decay(lambda t, x, m=matrix: x @ m.T, 0.0, x, torch.ones_like(x), 4)
        assert found == pytest.approx(exact, rel=0.1, abs=3.0)
    spin = torch.tensor([[0.0, 300.0], [-300.0, 0.0]], dtype=torch.float64)
    assert fastest_decay(lambda t, x: x @ spin, 0.0, doubles(1.0, 2.0), doubles(1.0, 1.0), 4) < 1.0
    nilpotent = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    assert fastest_decay(lambda t, x: x @ nilpotent, 0.0, doubles(0.0, -14.0), doubles(0.0, 14.0), 4) < 1.0


def test_a_stiff_element_of_a_batch_is_noticed():
    rates = torch.ones(50, 1, dtype=torch.float64)
    rates[17] = 900.0
    with pytest.warns(StiffnessWarning):
        solve(lambda t, x: -rates * x, torch.ones(50, 1, dtype=torch.float64), [0.0, 1.0], method="rk4", steps=400)
