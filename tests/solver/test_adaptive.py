"""Steps that follow from a tolerance: stiff problems, refused steps, windows that are given up, gradients, jumps."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from test_accurate_methods import Exact, hires, robertson
from test_rosenbrock import brusselator, ramp, reference

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver import adaptive
from asm_hybrid.solver.adaptive import Controlled, integrate_adaptive
from asm_hybrid.solver.solve import solve
from asm_hybrid.solver.tableaus import METHODS, RODAS4, ROS34PW2

ALL = list(METHODS.values())


class Stiff(Exact):
    """A system that every method takes."""

    def inverse(self, x, u, shift):
        full = self.full_jacobian(x, u).detach()
        return torch.linalg.inv(shift * torch.eye(full.shape[-1], dtype=full.dtype) - full).unsqueeze(-3)


@pytest.mark.parametrize("tableau", ALL, ids=lambda t: t.name)
@pytest.mark.parametrize(
    ("f", "start", "end"),
    [(robertson, [1.0, 0.0, 0.0], 1e4), (hires, [1.0, 0, 0, 0, 0, 0, 0, 0.0057], 321.8122)],
    ids=["Robertson", "HIRES"],
)
def test_stiff_problems_equal_radau_within_the_tolerance(tableau, f, start, end):
    def right(_, y):
        return f(torch.as_tensor(y)[None, None], None)[0, 0].numpy()

    expected = solve_ivp(right, (0, end), start, "Radau", rtol=1e-11, atol=1e-15).y[:, -1]
    times, x0 = torch.tensor([0.0, end], dtype=torch.float64), torch.tensor(start, dtype=torch.float64)
    errors, work = [], []
    for rtol in (1e-4, 1e-6):
        found = solve(lambda t, x: f(x, None), x0, times, method=tableau.name.lower(), rtol=rtol, atol=1e-4 * rtol)
        errors.append(np.abs(found.states[-1].detach().numpy() / expected - 1).max())
        work.append(found.evaluations)
    assert errors[0] < 5e-4
    assert errors[1] < 5e-6
    assert work[1] < 6 * work[0]


@pytest.mark.parametrize("tableau", ALL, ids=lambda t: t.name)
def test_refused_steps_leave_nothing_behind(tableau):
    """The first try overflows; the gradient is finite, and that of finite differences at tight tolerances."""

    def final(p):
        def f(x, u):
            return p * torch.exp(-80.0 * (x - u[..., :1, None]))  # a step too long overflows

        x0 = torch.zeros(1, 1, 1, dtype=torch.float64)
        run = Controlled(Stiff(f), 1e-11, 1e-12, tableau=tableau, step=1.0)
        still = torch.zeros(1, 1, dtype=torch.float64)
        return run.interval(x0, still, still, 1.0).sum(), run

    p = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    found, run = final(p)
    (slope,) = torch.autograd.grad(found, p)
    assert run.refused > 0
    assert float(found.detach()) == pytest.approx(np.log1p(80.0 * 2.0) / 80.0, rel=1e-8)
    assert float(slope) == pytest.approx(1.0 / (1.0 + 80.0 * 2.0), rel=1e-6)


def test_a_window_without_a_solution_is_given_up_alone(monkeypatch):
    x0 = torch.tensor([[[5.0]], [[0.1]]], dtype=torch.float64)  # x' = x²: ends at 0.2, and at 10
    inputs = torch.zeros(2, 3, 1, dtype=torch.float64)
    found, _ = integrate_adaptive(Stiff(lambda x, u: x * x), x0, inputs, 0.5, rtol=1e-8, atol=1e-10)
    assert found.ok.tolist() == [False, True]
    assert float(found.final[1]) == pytest.approx(0.1 / 0.9, rel=1e-7)
    assert found.outputs[0, 0].tolist() == [5.0]
    monkeypatch.setattr(adaptive, "MOST_STEPS", 5)
    with pytest.raises(SimulationError, match="more than 5 steps"):
        integrate_adaptive(Stiff(lambda x, u: x * x), x0[1:], inputs[1:], 0.5, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("tableau", ALL, ids=lambda t: t.name)
def test_inputs_that_run_straight_and_jump(tableau):
    x0 = torch.ones(1, 1, 2, dtype=torch.float64)
    found, run = integrate_adaptive(Stiff(brusselator), x0, ramp(5), 0.25, rtol=1e-8, atol=1e-10, tableau=tableau)
    np.testing.assert_allclose(found.final.detach().numpy().ravel(), reference(), rtol=1e-6)
    levels, y = [1.0, 3.0, 0.5, 2.0], np.ones(2)
    for level in levels:
        y = solve_ivp(
            lambda t, y, u: [u + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]],
            (0, 0.25), y, "Radau", args=(level,), rtol=1e-12, atol=1e-13,
        ).y[:, -1]  # fmt: skip
    held = torch.tensor([*levels, 9.0], dtype=torch.float64).reshape(1, 5, 1)
    found, run = integrate_adaptive(
        Stiff(brusselator), x0, held, 0.25, rtol=1e-8, atol=1e-10, tableau=tableau, linear=False
    )
    np.testing.assert_allclose(found.final.detach().numpy().ravel(), y, rtol=1e-6)
    assert run.steps > 4


def test_a_stiff_decay_is_damped_in_the_gradient_too():
    """Prothero and Robinson (1974): the end does not depend on the start, at whatever step the tolerance allows."""
    for tableau in (ROS34PW2, RODAS4):
        t = torch.linspace(0, 1, 11, dtype=torch.float64)
        knots = torch.stack([torch.sin(t), torch.cos(t)], dim=-1)[None]
        x0 = torch.full((1, 1, 1), 1.0, dtype=torch.float64, requires_grad=True)
        system = Stiff(lambda x, u: -1e4 * (x - u[..., :1].unsqueeze(-1)) + u[..., 1:2].unsqueeze(-1))
        found, run = integrate_adaptive(system, x0, knots, 0.1, rtol=1e-5, atol=1e-7, tableau=tableau)
        (slope,) = torch.autograd.grad(found.final.sum(), x0)
        assert run.steps < 300
        assert float(found.final.detach()) == pytest.approx(np.sin(1.0), abs=1e-3)
        assert abs(float(slope)) < 1e-12
