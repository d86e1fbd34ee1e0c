"""Consistent starts of differential-algebraic equations, and what is refused of mass matrices and systems."""

import math

import numpy as np
import pytest
import torch

from asm_hybrid import ODELayer
from asm_hybrid.errors import InputError
from asm_hybrid.solver.algebra import Algebra
from asm_hybrid.solver.solve import solve

DISSOCIATION = [10.0 ** (3.0 - pk) for pk in (9.25, 6.35, 10.33, 2.15, 7.20, 12.35, 4.76)]
"""Ammonium, carbonate (2), phosphate (3), acetate at 25 °C [mol/m3], as textbooks have them."""


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def balance(x):
    """Charge balance of ammonium, carbonate, phosphate, acetate, other ions, and pH as the algebraic state."""
    ammonium, carbonate, phosphate, acetate, others, ph = x.unbind(-1)
    h = 10.0 ** (3.0 - ph)
    n, c1, c2, p1, p2, p3, a = (k / h for k in DISSOCIATION)
    charge = others + h - 1e-8 / h + ammonium / (1.0 + n) - acetate * a / (1.0 + a)
    charge = charge - carbonate * (c1 + 2.0 * c1 * c2) / (1.0 + c1 + c1 * c2)
    charge = charge - phosphate * (p1 + 2.0 * p1 * p2 + 3.0 * p1 * p2 * p3) / (1.0 + p1 + p1 * p2 + p1 * p2 * p3)
    return torch.cat([-x[..., :5], charge.unsqueeze(-1)], -1)


def waters(count):
    """Random waters with their pH in the last place."""
    draw = torch.Generator().manual_seed(1)
    low, high = doubles(0.1, 0.5, 0.01, 0.01, 0.0, 4.0), doubles(5.0, 20.0, 1.0, 5.0, 0.0, 10.0)
    x = low + (high - low) * torch.rand(count, 6, generator=draw, dtype=torch.float64)
    x[:, 4] = -balance(x)[:, 5]
    return x, 4.0 + 6.0 * torch.rand(count, generator=draw, dtype=torch.float64)


def test_a_thousand_charge_balances_in_under_ten_iterations():
    """From a random pH between 4 and 10 to another."""
    expected, starts = waters(1000)
    algebra = Algebra.of(np.diag([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), 2e-16, expected)
    given = torch.cat([expected[:, :5], starts.unsqueeze(-1)], -1)

    def slopes(x):
        return torch.func.jacrev(lambda at: balance(at).sum(0))(x).movedim(0, -2)

    found, iterations = algebra.consistent(
        balance, slopes, given, (1e-7, 1e-9), 0.0
    )  # side by side: the slowest counts
    assert iterations < 10
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert torch.equal(found[:, :5], given[:, :5])


def test_the_start_is_found_for_every_element_and_keeps_what_is_fixed():
    """With a full matrix ``M x`` is kept, and a consistent start is left alone."""
    mass = np.array([[1.0, 1.0], [2.0, 2.0]])

    def f(t, x):
        return torch.stack([x[..., 0], 2.0 * x[..., 0] + x[..., 1] ** 3 - 8.0], -1)

    x0 = doubles([0.0, 3.0], [1.0, 1.0])
    start = solve(f, x0, [0.0, 0.0], method="rodas5p", mass=mass).states[0]
    np.testing.assert_allclose(start.sum(-1), x0.sum(-1), rtol=1e-12)
    np.testing.assert_allclose(start[:, 1], 2.0, rtol=1e-12)
    again = solve(f, start, [0.0, 0.0], method="rodas5p", mass=mass).states[0]
    np.testing.assert_allclose(again, start, atol=1e-14)


def test_the_gradient_of_a_start_is_that_of_the_implicit_function():
    """``z = (a x)²`` from ``0 = √z - a x``, first and second derivatives, of parameter and differential state."""

    def found(v):
        f = lambda t, y: torch.stack([-y[0], torch.sqrt(y[1]) - v[0] * y[0]])  # noqa: E731
        return solve(f, torch.stack([v[1], torch.ones_like(v[0])]), [0.0], method="rodas4", mass=[1, 0]).states[0, 1]

    at = doubles(3.0, 0.5)
    assert float(found(at)) == pytest.approx(2.25)
    np.testing.assert_allclose(torch.autograd.functional.jacobian(found, at), [1.5, 9.0], rtol=1e-12)
    np.testing.assert_allclose(torch.autograd.functional.hessian(found, at), [[0.5, 6.0], [6.0, 18.0]], rtol=1e-10)


def test_elements_without_numbers_are_left_alone():
    f = lambda t, x: torch.stack([-x[..., 0], x[..., 1] - x[..., 0]], -1)  # noqa: E731
    x0 = doubles([1.0, 0.0], [math.nan, 0.0])
    found = solve(f, x0, [0.0, 1.0], method="rodas5p", mass=[1, 0], check=False)
    assert found.ok.tolist() == [True, False]
    assert found.states[-1, 0].tolist() == pytest.approx([math.exp(-1.0)] * 2, rel=1e-6)


def linear(t, x):
    return torch.stack([-x[..., 0], x[..., 1] - x[..., 0]], -1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "dopri5"}, "dopri5 takes no mass matrix"),
        ({"method": "rk4", "steps": 3}, "rk4 takes no mass matrix"),
        ({"method": "ros34pw2"}, "ros34pw2, which holds its Jacobian, takes no mass matrix"),
        ({"adjoint": "backsolve"}, "asked for with rodas5p"),
        ({"mass": lambda t, x: torch.eye(2)}, "a function of time or state"),
        ({"mass": "eye"}, "no matrix of numbers"),
        ({"mass": [[1.0], [1.0, 0.0]]}, "no matrix of numbers"),
        ({"mass": [1.0, 0.0, 0.0]}, r"shape \(3,\) for 2 states"),
        ({"mass": torch.zeros(4, 2, 2)}, r"shape \(4, 2, 2\) for 2 states"),
        ({"mass": 1.0}, r"shape \(\) for 2 states"),
        ({"mass": [1.0, math.nan]}, "complex or infinite numbers, or none"),
        ({"mass": torch.tensor([1.0, 1.0j])}, "complex or infinite numbers, or none"),
        ({"mass": torch.ones(2, requires_grad=True)}, "carries gradients"),
        ({"x0": (doubles(1.0), doubles(1.0))}, "a state of several tensors"),
        (
            {"f": lambda t, x: torch.stack([-x[..., 0], x[..., 1] ** 2 + x[..., 1] + 1.0], -1)},
            r"no consistent start .* at time 0: .*f\[1\] is still .*, at x\[1\] = ",
        ),
        (
            {"f": lambda t, x: torch.stack([x[..., 1], x[..., 0] - 3.0], -1)},
            r"singular at time 0: x\[1\] = 0 does not follow .* of which f\[1\] is -2",
        ),
        (
            {"f": lambda t, x: torch.stack([x[..., 1], x[..., 0] * torch.log(x[..., 1])], -1)},
            "the Jacobian is not finite at time 0",
        ),
        (
            {"f": lambda t, x: torch.stack([x[..., 1], x[..., 1] + math.inf * x[..., 0].detach()], -1)},
            "f is not finite at time 0",
        ),
    ],
)
def test_what_is_refused(change, words):
    given = {"f": linear, "x0": doubles(1.0, 0.0), "times": [0.0, 1.0], "method": "rodas5p", "mass": [1, 0]} | change
    with pytest.raises(InputError, match=words):
        solve(**given)


def pendulum(t, x):
    """Index 3: the constraint knows neither the velocities nor the tension."""
    a, b, u, v, tension = x.unbind(-1)
    return torch.stack([u, v, -tension * a, -tension * b - 9.81, a**2 + b**2 - 1.0], -1)


def test_a_system_of_a_higher_index_is_named_with_its_element():
    x0 = doubles([1.0, 0.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0, 9.81])
    with pytest.raises(InputError, match=r"in element 0 of the batch: x\[4\] = 0 .* f\[4\] is 0") as error:
        solve(pendulum, x0, [0.0, 1.0], method="rodas4", mass=[1, 1, 1, 1, 0])
    assert "index 1" in str(error.value)
    assert "differentiate" in str(error.value)


def test_one_element_without_a_start_is_named():
    f = lambda t, x: torch.stack([-x[..., 0], torch.exp(x[..., 1]) - x[..., 0]], -1)  # noqa: E731
    with pytest.raises(InputError, match="in element 1 of the batch"):
        solve(f, doubles([1.0, 0.0], [-1.0, 0.0]), [0.0, 1.0], method="rodas5p", mass=[1, 0])


def test_a_layer_refuses_what_solve_refuses():
    layer = ODELayer(torch.nn.Linear(2, 2).double(), (0.0, 1.0), mass=[1, 0])
    with pytest.raises(InputError, match="dopri5 takes no mass matrix"):
        layer(doubles(1.0, 0.0))
