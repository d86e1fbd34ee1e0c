"""The Rosenbrock-W method: order, stability, gradients, inputs."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from asm_hybrid.solver.explicit import integrate_explicit
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate
from asm_hybrid.solver.steady import steady_state
from asm_hybrid.solver.tableaus import ROS34PW2


class Problem:
    """A system from two functions; the state is one block."""

    floor = switches = None

    def __init__(self, f, jacobian):
        self.f, self.j = f, jacobian

    def prepare(self, inputs):
        return inputs.unbind(-2)

    def derivative(self, x, u):
        return self.f(x, u)

    def inverse(self, x, u, shift):
        blocks = self.j(x, u)
        return torch.linalg.inv(shift * torch.eye(blocks.shape[-1], dtype=blocks.dtype) - blocks)

    def solve(self, inverse, right):
        return (inverse @ right.unsqueeze(-1)).squeeze(-1)

    def output(self, x, u):
        return x.flatten(-2)


def brusselator(x, u):
    a, b = x.unbind(-1)
    da = u[..., :1] + a * a * b - 4.0 * a
    return torch.stack([da, 3.0 * a - a * a * b], dim=-1)


def exact_jacobian(f):
    def jacobian(x, u):
        return torch.stack([torch.autograd.functional.jacobian(lambda y: f(y, u), x)[0, 0, :, 0, 0, :]])[None]

    return jacobian


def no_jacobian(x, u):
    return torch.zeros(*x.shape, x.shape[-1], dtype=x.dtype)


def ramp(knots, rate=0.5):
    return (1.0 + rate * torch.linspace(0, 1, knots, dtype=torch.float64)).reshape(1, knots, 1)


def reference(rate=0.5):
    def f(t, y):
        return [1.0 + rate * t + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]]

    return solve_ivp(f, (0, 1), [1.0, 1.0], method="Radau", rtol=1e-12, atol=1e-13).y[:, -1]


@pytest.mark.parametrize("jacobian", [no_jacobian, exact_jacobian(brusselator)], ids=["none", "exact"])
def test_observed_order_with_any_jacobian_held_between_knots(jacobian):
    x0 = torch.ones(1, 1, 2, dtype=torch.float64)
    inputs, expected = ramp(5), reference()
    errors = []
    for substeps in (8, 16, 32, 64):
        found = integrate(Problem(brusselator, jacobian), x0, inputs, Grid(0.25, substeps)).final
        errors.append(np.abs(found.numpy().ravel() - expected).max())
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates[-1] > ROS34PW2.order - 0.2, rates


def test_order_conditions_hold_for_an_arbitrary_matrix():
    """Order three as a W-method (Hairer and Wanner 1996, section IV.7): conditions in alpha, beta and gamma apart."""
    gamma = np.linalg.inv(np.diag(np.full(4, 1 / ROS34PW2.gamma)) - _lower(ROS34PW2.c))
    alpha = _lower(ROS34PW2.a) @ gamma
    b = np.array(ROS34PW2.m) @ gamma
    ones = np.ones(4)
    conditions = {
        "b": (b @ ones, 1.0),
        "b alpha": (b @ alpha @ ones, 0.5),
        "b gamma": (b @ gamma @ ones, 0.0),
        "b alpha^2": (b @ (alpha @ ones) ** 2, 1 / 3),
        "b alpha alpha": (b @ alpha @ alpha @ ones, 1 / 6),
        "b alpha gamma": (b @ alpha @ gamma @ ones, 0.0),
        "b gamma alpha": (b @ gamma @ alpha @ ones, 0.0),
        "b gamma gamma": (b @ gamma @ gamma @ ones, 0.0),
    }
    wrong = {k: v for k, v in conditions.items() if abs(v[0] - v[1]) > 1e-12}
    assert not wrong


def _lower(rows):
    out = np.zeros((4, 4))
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def test_stiff_decay_is_damped_and_its_gradient_is_nearly_zero():
    """Prothero-Robinson: x' = -L (x - cos t) - sin t with L = 1e4; the true dx(T)/dx0 is exp(-L T)."""
    stiff = 1e4

    def f(x, u):
        return -stiff * (x - u[..., :1, None]) + u[..., 1:, None]

    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    inputs = torch.stack([torch.cos(t), -torch.sin(t)], dim=-1)[None]
    x0 = torch.full((1, 1, 1), 2.0, dtype=torch.float64, requires_grad=True)
    problem = Problem(f, lambda x, u: torch.full((1, 1, 1, 1), -stiff, dtype=torch.float64))
    found = integrate(problem, x0, inputs, Grid(0.1, 2)).final
    (slope,) = torch.autograd.grad(found.sum(), x0)
    assert abs(float(found.detach()) - np.cos(1.0)) < 1e-3
    assert abs(float(slope)) < 1e-6


def test_gradient_with_held_jacobian_approaches_finite_differences():
    inputs = ramp(5)

    def run(value, substeps):
        x0 = torch.stack([value, torch.ones_like(value)], dim=-1).reshape(1, 1, 2)
        return integrate(
            Problem(brusselator, exact_jacobian(brusselator)), x0, inputs, Grid(0.25, substeps)
        ).final.sum()

    errors = []
    for substeps in (8, 16, 32):
        value = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(run(value, substeps), value)
        step = 1e-5
        with torch.no_grad():
            numeric = (run(value + step, 256) - run(value - step, 256)) / (2 * step)
        errors.append(abs(float(slope - numeric)))
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates.min() > 1.8, (errors, rates)


def test_a_jump_in_the_input_is_met_at_its_knot():
    def f(x, u):
        return u[..., :1, None].expand_as(x)

    inputs = torch.tensor([[[0.0], [0.0], [6.0], [6.0]]], dtype=torch.float64)
    x0 = torch.zeros(1, 1, 1, dtype=torch.float64)
    held = integrate(Problem(f, no_jacobian), x0, inputs, Grid(0.5, 1, linear=False))
    assert held.outputs.flatten().tolist() == pytest.approx([0, 0, 0, 3.0])
    linear = integrate(Problem(f, no_jacobian), x0, inputs, Grid(0.5, 1))
    assert linear.outputs.flatten().tolist() == pytest.approx([0, 0, 1.5, 4.5])


def test_a_diverging_window_is_flagged_and_leaves_the_others_alone():
    def f(x, u):
        return x * x

    x0 = torch.tensor([[[1e3]], [[0.1]]], dtype=torch.float64)
    inputs = torch.zeros(2, 101, 1, dtype=torch.float64)
    problem = Problem(f, no_jacobian)
    both = integrate(problem, x0, inputs, Grid(0.01, 1))
    alone = integrate(problem, x0[1:], inputs[1:], Grid(0.01, 1))
    assert both.ok.tolist() == [False, True]
    assert torch.equal(both.final[1:], alone.final)


def test_explicit_method_converges_at_order_four():
    def f(x, u):
        return torch.stack(
            [
                u[..., 0] + x[..., 0] ** 2 * x[..., 1] - 4 * x[..., 0],
                3 * x[..., 0] - x[..., 0] ** 2 * x[..., 1],
            ],
            -1,
        )

    errors = []
    for knots in (17, 33, 65):
        path = integrate_explicit(f, torch.ones(1, 2, dtype=torch.float64), ramp(knots), 1.0 / (knots - 1))
        errors.append(np.abs(path[0, -1].numpy() - reference()).max())
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates[-1] > 3.8, rates


def test_explicit_method_holds_inputs_from_the_previous_knot():
    inputs = torch.tensor([[[0.0], [6.0], [6.0]]], dtype=torch.float64)
    path = integrate_explicit(lambda x, u: u, torch.zeros(1, 1, dtype=torch.float64), inputs, 0.5, linear=False)
    assert path.flatten().tolist() == pytest.approx([0.0, 0.0, 3.0])


def test_steady_state_of_a_stiff_system():
    def f(x):
        return torch.stack([1e4 * (x[:, 1] - x[:, 0]), 2.0 - x[:, 0] * x[:, 1]], dim=-1)

    def jacobian(x):
        row0 = torch.tensor([[-1e4, 1e4]], dtype=torch.float64).expand(len(x), 2)
        return torch.stack([row0, torch.stack([-x[:, 1], -x[:, 0]], dim=-1)], dim=1)

    found = steady_state(f, jacobian, torch.tensor([[5.0, 0.1], [0.3, 8.0]], dtype=torch.float64))
    assert found.flatten().tolist() == pytest.approx([2**0.5] * 4)


@pytest.mark.parametrize(("count", "most"), [(1, 0.15), (4, 0.3)])
def test_checkpoints_bound_the_memory_and_change_no_bit(count, most):
    """Sixteen intervals: one or four of them held at once; what is saved in between are the states."""
    found, bytes_held = [], []
    for checkpoint in (None, count):
        x0 = torch.ones(8, 1, 2, dtype=torch.float64, requires_grad=True)
        held = 0

        def pack(tensor):
            nonlocal held
            held += tensor.numel() * tensor.element_size()
            return tensor

        system = Problem(brusselator, lambda x, u: torch.zeros(8, 1, 2, 2, dtype=torch.float64))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            solution = integrate(system, x0, ramp(17), Grid(1 / 16, 4, settling=2), checkpoint=checkpoint)
        bytes_held.append(held)
        (slope,) = torch.autograd.grad(solution.outputs.square().sum(), x0)
        found.append((solution.outputs.detach(), slope))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert bytes_held[1] < most * bytes_held[0], bytes_held


def test_finer_steps_in_the_first_interval_resolve_a_start_off_the_slow_course():
    def f(x, u):
        a, b = x.unbind(-1)
        return torch.stack([-400.0 * (a - b), -b], dim=-1)

    def jacobian(x, u):
        return torch.tensor([[-400.0, 400.0], [0.0, -1.0]], dtype=torch.float64).expand(1, 1, 2, 2)

    x0 = torch.tensor([[[3.0, 1.0]]], dtype=torch.float64)
    inputs = torch.zeros(1, 3, 1, dtype=torch.float64)
    # a' = -400 (a - b), b' = -b: b = exp(-t), a = 400/399 exp(-t) + (3 - 400/399) exp(-400 t)
    exact = 400 / 399 * np.exp(-0.01) + (3 - 400 / 399) * np.exp(-4.0)
    errors = []
    for settling in (1, 4, 16):
        outputs = integrate(Problem(f, jacobian), x0, inputs, Grid(0.01, 1, settling=settling)).outputs
        assert outputs.shape == (1, 3, 2)
        errors.append(abs(float(outputs[0, 1, 0]) - exact))
    assert errors[1] < errors[0] / 5
    assert errors[2] < errors[1] / 20


def test_points_within_steps_converge_as_the_steps_do():
    expected = solve_ivp(
        lambda t, y: [1.0 + 0.5 * t + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]],
        (0, 1), [1.0, 1.0], method="Radau", rtol=1e-12, atol=1e-13, t_eval=np.linspace(0, 1, 29),
    ).y.T  # fmt: skip
    errors = []
    for substeps in (8, 16, 32):
        x0 = torch.ones(1, 1, 2, dtype=torch.float64)
        found = integrate(
            Problem(brusselator, exact_jacobian(brusselator)), x0, ramp(5), Grid(0.25, substeps, points=7)
        )
        errors.append(np.abs(found.outputs[0].numpy() - expected).max())
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates.min() > ROS34PW2.order - 0.2, (errors, rates)
    assert ROS34PW2.within(1.0) == pytest.approx(ROS34PW2.m, abs=1e-12)


@pytest.mark.parametrize("jacobian", [no_jacobian, exact_jacobian(brusselator)], ids=["none", "exact"])
def test_jumps_in_the_input_cost_no_order(jacobian):
    levels, y = [1.0, 3.0, 0.5, 2.0], np.ones(2)
    for level in levels:
        y = solve_ivp(
            lambda t, y, u: [u + y[0] ** 2 * y[1] - 4 * y[0], 3 * y[0] - y[0] ** 2 * y[1]],
            (0, 0.25), y, "Radau", args=(level,), rtol=1e-12, atol=1e-13,
        ).y[:, -1]  # fmt: skip
    held = torch.tensor([*levels, 9.0], dtype=torch.float64).reshape(1, 5, 1)
    errors = []
    for substeps in (8, 16, 32, 64):
        x0 = torch.ones(1, 1, 2, dtype=torch.float64)
        found = integrate(Problem(brusselator, jacobian), x0, held, Grid(0.25, substeps, linear=False)).final
        errors.append(np.abs(found.numpy().ravel() - y).max())
    rates = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert rates[-1] > ROS34PW2.order - 0.2, rates
