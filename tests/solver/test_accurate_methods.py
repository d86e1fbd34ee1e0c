"""Rodas4 and Rodas5P: order with moving inputs, stiff problems, and gradients of the discrete solution."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from test_rosenbrock import Problem, brusselator, ramp, reference

from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate
from asm_hybrid.solver.tableaus import METHODS, RODAS4, RODAS5P, ROS34PW2

ACCURATE = [RODAS4, RODAS5P]


class Exact(Problem):
    """A system whose Jacobian torch works out, as part of the graph."""

    def __init__(self, f):
        super().__init__(f, None)

    def full_jacobian(self, x, u):
        columns = []
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            y = self.f(x, u)
            for i in range(y.shape[-1]):
                (row,) = torch.autograd.grad(y[..., i].sum(), x, create_graph=True, allow_unused=True)
                columns.append(torch.zeros_like(x) if row is None else row)
        return torch.stack([c.flatten(-2) for c in columns], dim=-2)


@pytest.mark.parametrize("tableau", ACCURATE, ids=lambda t: t.name)
@pytest.mark.parametrize("rate", [0.0, 0.5, 20.0])
def test_observed_order_where_inputs_run_straight(tableau, rate):
    x0, expected = torch.ones(1, 1, 2, dtype=torch.float64), reference(rate)
    errors = []
    for substeps in (2, 4, 8) if tableau is RODAS5P else (4, 8, 16):
        found = integrate(Exact(brusselator), x0, ramp(5, rate), Grid(0.25, substeps), tableau=tableau).final
        errors.append(np.abs(found.detach().numpy().ravel() - expected).max())
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates[-1] > tableau.order - 0.2 or errors[-1] < 1e-10, (rates, errors)


def robertson(x, u):
    a, b, c = x.unbind(-1)
    slow, fast, back = 0.04 * a, 3e7 * b**2, 1e4 * b * c
    return torch.stack([back - slow, slow - back - fast, fast], dim=-1)


def hires(x, u):
    """HIRES of Schäfer (1975), as in Hairer and Wanner (1996), section IV.10."""
    y = x.unbind(-1)
    return torch.stack(
        [
            -1.71 * y[0] + 0.43 * y[1] + 8.32 * y[2] + 0.0007,
            1.71 * y[0] - 8.75 * y[1],
            -10.03 * y[2] + 0.43 * y[3] + 0.035 * y[4],
            8.32 * y[1] + 1.71 * y[2] - 1.12 * y[3],
            -1.745 * y[4] + 0.43 * y[5] + 0.43 * y[6],
            -280 * y[5] * y[7] + 0.69 * y[3] + 1.71 * y[4] - 0.43 * y[5] + 0.69 * y[6],
            280 * y[5] * y[7] - 1.81 * y[6],
            -280 * y[5] * y[7] + 1.81 * y[6],
        ],
        dim=-1,
    )


@pytest.mark.parametrize("tableau", ACCURATE, ids=lambda t: t.name)
@pytest.mark.parametrize(
    ("f", "start", "end"),
    [(robertson, [1.0, 0.0, 0.0], 40.0), (hires, [1.0, 0, 0, 0, 0, 0, 0, 0.0057], 50.0)],
    ids=["Robertson", "HIRES"],
)
def test_stiff_problems_equal_radau(tableau, f, start, end):
    """Steps are fixed: twenty in each of the intervals, which double from a small one on, as the transients fade."""

    def right(_, y):
        return f(torch.as_tensor(y)[None, None], None)[0, 0].numpy()

    expected = solve_ivp(right, (0, end), start, "Radau", rtol=1e-10, atol=1e-14).y[:, -1]
    x0 = torch.tensor(start, dtype=torch.float64).reshape(1, 1, -1)
    still, edges = torch.zeros(1, 2, 1, dtype=torch.float64), end * 0.5 ** np.arange(22, -1, -1)
    for length in np.diff(edges, prepend=0.0):
        x0 = integrate(Exact(f), x0, still, Grid(float(length), 20, False), tableau=tableau).final.detach()
    np.testing.assert_allclose(x0.numpy().ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("tableau", ACCURATE, ids=lambda t: t.name)
def test_a_stiff_start_is_forgotten(tableau):
    """Prothero and Robinson (1974): y' = -λ (y - sin t) + cos t; the end does not depend on the start."""

    def f(x, u):
        return -1e4 * (x - u[..., :1].unsqueeze(-1)) + u[..., 1:2].unsqueeze(-1)

    t = torch.linspace(0, 1, 201, dtype=torch.float64)
    knots = torch.stack([torch.sin(t), torch.cos(t)], dim=-1)[None]
    x0 = torch.zeros(1, 1, 1, dtype=torch.float64, requires_grad=True)
    final = integrate(Exact(f), x0, knots, Grid(1 / 200, 1), tableau=tableau).final
    (slope,) = torch.autograd.grad(final.sum(), x0)
    assert float(final.detach()) == pytest.approx(np.sin(1.0), abs=1e-6)
    assert abs(float(slope)) < 1e-12


@pytest.mark.parametrize("tableau", ACCURATE, ids=lambda t: t.name)
def test_the_gradient_is_that_of_the_discrete_solution(tableau):
    """Finite differences of the same coarse steps: the Jacobian is exact in the backward pass."""
    x0 = torch.ones(1, 1, 2, dtype=torch.float64)

    def loss(p):
        def f(x, u):
            a, b = x.unbind(-1)
            return torch.stack([u[..., :1] + a * a * b - p[0] * a, p[1] * a - a * a * b], dim=-1)

        start = x0.clone().requires_grad_()
        return integrate(Exact(f), start, ramp(3), Grid(0.5, 1), tableau=tableau).final.square().sum()

    p = torch.tensor([4.0, 3.0], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(p), p)
    for i in range(2):
        step = torch.zeros(2, dtype=torch.float64)
        step[i] = 1e-5
        difference = (loss(p.detach() + step) - loss(p.detach() - step)) / 2e-5
        assert float(gradient[i]) == pytest.approx(float(difference.detach()), rel=1e-6)


def test_methods_by_name():
    assert {"ros34pw2": ROS34PW2, "rodas4": RODAS4, "rodas5p": RODAS5P} == METHODS
