"""One call for all methods: accuracy, gradients of everything, events, stiffness, and what is refused."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import nn

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.adjoint import ADJOINTS
from asm_hybrid.solver.solve import ADAPTIVE, FIXED, StiffnessWarning, solve
from asm_hybrid.solver.tableaus import METHODS

STIFF = tuple(METHODS)
MATRIX = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def swirl(t, x):
    """The cubic spiral with a rate that moves in time."""
    return (x**3) @ MATRIX * (1.0 + 0.3 * torch.sin(3.0 * t))


def steps_of(method, fixed):
    return None if method in ADAPTIVE else fixed


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED, *STIFF])
def test_every_method_meets_the_reference_on_a_batch(method):
    times, x0 = doubles(0.1, 0.35, 0.5, 1.0), doubles([1.2, 0.1], [0.3, -0.9], [-0.6, 0.5]).unsqueeze(1)
    found = solve(swirl, x0, times, method=method, steps=steps_of(method, 200), rtol=1e-7, atol=1e-9)
    assert found.states.shape == (4, 3, 1, 2)
    assert found.ok.shape == (3, 1)
    assert bool(found.ok.all())
    assert found.evaluations > 0
    loose = {"euler": 2e-2, "midpoint": 1e-4, "heun2": 1e-4, "fehlberg2": 1e-4, "adaptive_heun": 1e-5, "bosh3": 5e-6}
    tolerance = loose.get(method, 1e-6)
    for i in range(3):

        def right(t, y):
            return swirl(torch.tensor(t), torch.as_tensor(y)).numpy()

        exact = solve_ivp(
            right, (0.1, 1.0), x0[i, 0].numpy(), method="DOP853", t_eval=times.numpy(), rtol=1e-12, atol=1e-13
        )
        assert np.abs(found.states[:, i, 0].numpy() - exact.y.T).max() < tolerance


def central(loss, at, h=1e-3):
    """Central differences of fourth order."""
    flat = at.detach().flatten()
    out = []
    for i in range(len(flat)):
        unit = torch.zeros_like(flat)
        unit[i] = h
        a, b, c, d = (loss((flat + k * unit).view_as(at)) for k in (-2, -1, 1, 2))
        out.append((a - 8 * b + 8 * c - d) / (12 * h))
    return torch.stack(out).view_as(at).detach()


@pytest.mark.parametrize(
    ("method", "steps", "adjoint"),
    [
        ("dopri5", None, False),
        ("dopri5", None, True),
        ("dopri8", None, False),
        ("rk4", 8, False),
        ("midpoint", 8, False),
        ("rodas4", 8, False),
        ("rodas5p", 8, False),
    ],
)
def test_gradients_of_start_times_and_parameters(method, steps, adjoint):
    x0, times, rate = doubles([1.2, 0.1], [0.3, -0.9]), doubles(0.1, 0.4, 0.9), doubles(1.3, 0.4)
    weights = torch.arange(1.0, 13.0, dtype=torch.float64).view(3, 2, 2).cos()

    def loss(x0, times, rate):
        def f(t, x):
            return rate[0] * (x**3) @ MATRIX * (1.0 + rate[1] * torch.sin(3.0 * t))

        extra = {"adjoint": "backsolve", "parameters": (rate,)} if adjoint else {}
        found = solve(f, x0, times, method=method, steps=steps, rtol=1e-10, atol=1e-11, **extra)
        return (found.states * weights).sum()

    given = [x0.requires_grad_(), times.requires_grad_(), rate.requires_grad_()]
    gradients = torch.autograd.grad(loss(*given), given)
    plain = [g.detach() for g in given]
    for k, gradient in enumerate(gradients):

        def alone(v, k=k):
            with torch.no_grad():
                return loss(*plain[:k], v, *plain[k + 1 :])

        assert torch.allclose(gradient, central(alone, plain[k]), atol=1e-6, rtol=1e-6)


def test_the_w_method_has_its_gradient_up_to_its_order():
    rate = doubles(1.3).requires_grad_()
    times, x0 = doubles(0.0, 1.0), doubles(1.2, 0.1)
    errors = []
    for steps in (8, 16, 32):
        found = solve(lambda t, x: rate * (x**3) @ MATRIX, x0, times, method="ros34pw2", steps=steps)
        exact = solve(lambda t, x: rate * (x**3) @ MATRIX, x0, times, method="dopri8", rtol=1e-11, atol=1e-12)
        of = [torch.autograd.grad(s.states[-1].sum(), rate)[0] for s in (found, exact)]
        errors.append(abs(float(of[0] - of[1])))
    assert errors[2] < errors[1] / 3 < errors[0] / 9
    assert errors[2] < 2e-2


def test_elements_with_parameters_of_their_own_under_a_stiff_method():
    rates = doubles([1.0], [20.0], [3000.0])
    found = solve(lambda t, x: -rates * (x - torch.cos(t)), doubles([1.0], [1.0], [1.0]), doubles(0, 1), steps=60,
                  method="rodas5p")  # fmt: skip
    k = rates.squeeze(-1)
    particular = (k**2 * math.cos(1) + k * math.sin(1)) / (k**2 + 1)
    exact = particular + (1 - k**2 / (k**2 + 1)) * torch.exp(-k)
    assert torch.allclose(found.states[-1, :, 0], exact, atol=1e-8)


def test_a_given_jacobian_is_used():
    seen = []

    def jacobian(t, x):
        seen.append(float(t))
        return (3.0 * x.square()).unsqueeze(-1) * MATRIX

    def f(t, x):
        return (x**3) @ MATRIX

    own, given = (
        solve(f, doubles(1.2, 0.1), doubles(0.0, 0.5), method="rodas4", steps=10, jacobian=j).states
        for j in (None, lambda t, x: jacobian(t, x).mT)
    )
    assert torch.allclose(own, given, atol=1e-14)
    assert len(seen) == 10


def fall(t, x):
    return torch.stack([x[..., 1], -9.81 + 0.0 * x[..., 0]], dim=-1)


@pytest.mark.parametrize("adjoint", [False, True])
def test_the_event_of_a_falling_ball_and_its_gradient(adjoint):
    height, floor = doubles(10.0).squeeze().requires_grad_(), doubles(2.0).squeeze().requires_grad_()
    begin = doubles(0.5).squeeze().requires_grad_()
    x0 = torch.stack([height, torch.zeros_like(height)])
    times = torch.cat([begin.unsqueeze(0), doubles(1.0, 5.0)])
    extra = {"adjoint": "backsolve", "parameters": ()} if adjoint else {}
    found = solve(fall, x0, times, event=lambda t, x: x[..., 0] - floor, **extra)
    took = math.sqrt(2 * 8.0 / 9.81)
    assert found.event_time.item() == pytest.approx(0.5 + took, abs=1e-9)
    assert found.event_state[1].item() == pytest.approx(-9.81 * took, abs=1e-8)
    assert found.times.tolist() == pytest.approx([0.5, 1.0, 0.5 + took])
    assert torch.equal(found.states[-1], found.event_state)
    by = torch.autograd.grad(found.event_time, (height, floor, begin), retain_graph=True)
    assert [float(g) for g in by] == pytest.approx([1 / (9.81 * took), -1 / (9.81 * took), 1.0], abs=1e-6)
    (slope,) = torch.autograd.grad(found.event_state[1], height)
    assert float(slope) == pytest.approx(-1 / took, abs=1e-6)


def test_an_event_that_does_not_come_is_none():
    found = solve(fall, doubles(10.0, 0.0), doubles(0.0, 0.5, 1.0), event=lambda t, x: x[..., 0])
    assert found.event_time is None
    assert found.states.shape == (3, 2)


def prothero_robinson(t, x):
    """Prothero and Robinson (1974), λ = 10⁴, with the solution cos t."""
    return -1e4 * (x - torch.cos(t)) - torch.sin(t)


def predator_prey(t, x):
    prey, predator = x.unbind(-1)
    return torch.stack([prey - 0.1 * prey * predator, 0.05 * prey * predator - predator], dim=-1)


def test_prothero_robinson_is_called_stiff_and_the_stiff_methods_solve_it():
    with pytest.warns(StiffnessWarning, match="stiff for dopri5"):
        solve(prothero_robinson, doubles(1.0), doubles(0.0, 0.3))
    with pytest.warns(StiffnessWarning, match="stiff for rk4"):
        solve(prothero_robinson, doubles(1.0), doubles(0.0, 0.01), method="rk4", steps=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in STIFF:
            found = solve(prothero_robinson, doubles(1.0), doubles(0.0, 0.3), method=method, steps=20)
            assert float(found.states[-1]) == pytest.approx(math.cos(0.3), abs=1e-6)


@pytest.mark.parametrize("rtol", [1e-3, 1e-7])
def test_lotka_volterra_is_not_called_stiff(rtol):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve(predator_prey, doubles(10.0, 5.0), torch.linspace(0, 60, 7, dtype=torch.float64), rtol=rtol)
        solve(predator_prey, doubles(10.0, 5.0), doubles(0, 10), method="rk4", steps=100)


def test_what_does_not_converge_is_an_error_never_a_result():
    def explodes(t, x):
        return x**2

    with pytest.raises(SimulationError, match="dopri5 does not converge"):
        solve(explodes, doubles(1.0), doubles(0.0, 2.0))
    x0 = doubles([1.0], [1e3])
    with pytest.raises(SimulationError, match="1 of 2 solutions"):
        solve(explodes, x0, doubles(0.0, 0.9), method="rk4", steps=30)
    found = solve(explodes, x0, doubles(0.0, 0.9), method="rk4", steps=30, check=False)
    assert found.ok.tolist() == [True, False]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"method": "dopry5"}, "dopri5"),
        ({"method": "rosenbrock"}, "there is no method"),
        ({"times": doubles(0.0, 1.0, 0.5)}, "neither ascend nor descend"),
        ({"times": doubles()}, "one time at least"),
        ({"times": doubles(0.0, math.inf)}, "not finite"),
        ({"times": doubles(0.0, math.nan)}, "not finite"),
        ({"x0": ()}, "empty"),
        ({"x0": doubles()}, "empty"),
        ({"x0": [1.0, 2.0]}, "float or complex tensor"),
        ({"f": lambda t, x: x * 1j}, "complex numbers for real states"),
        ({"f": lambda t, x: (x, x)}, "Python type tuple"),
        ({"rtol": doubles(1e-3, 1e-3, 1e-3)}, "does not fit the state"),
        ({"options": {"frist_step": 1.0}}, "first_step"),
        ({"options": {"max_step": -1.0}}, "above zero"),
        ({"options": {"min_step": 2.0, "max_step": 1.0}}, "above 'max_step'"),
        ({"options": {"step_size": 1.0}}, "chooses its steps itself"),
        ({"method": "rodas5p", "x0": doubles(1.0, 2.0).half()}, "single or double"),
        ({"adjoint_options": {"rtol": 1e-3}}, "with adjoint='discrete'"),
        ({"adjoint": "backsolve", "parameters": (), "adjoint_options": {"method": "rodas4"}}, "with rodas4"),
        ({"adjoint": "backsolve", "parameters": (), "dense": True}, "with dense"),
        ({"event": lambda t, x: x[0], "method": "rk4", "steps": 3, "times": doubles(0.0)}, "no end but the event"),
        ({"event": lambda t, x: x[0] * math.nan}, "not a number at the start"),
        ({"jacobian": lambda t, x: x, "x0": (doubles(1.0),), "method": "rodas4"}, "a Jacobian is given"),
        ({"x0": torch.tensor([1, 2])}, "float"),
        ({"f": lambda t, x: x[..., :1]}, "one slope for every state"),
        ({"method": "rk4"}, "'steps' is missing"),
        ({"method": "rodas5p", "steps": 0}, "'steps' is 0"),
        ({"steps": 3}, "chooses its steps itself"),
        ({"adjoint": "backsolve", "method": "rodas4", "steps": 3}, "grows as fast backwards"),
        ({"adjoint": "backsolve"}, "f is no module"),
        ({"parameters": ()}, "with adjoint='discrete'"),
    ],
)
def test_arguments_that_are_refused(change, words):
    given = {"f": lambda t, x: -x, "x0": doubles(1.0, 2.0), "times": doubles(0.0, 1.0)} | change
    with pytest.raises(InputError, match=words):
        solve(given.pop("f"), given.pop("x0"), given.pop("times"), **given)


def test_the_adjoint_finds_the_parameters_of_a_module():
    class Field(nn.Linear):
        def forward(self, t, x):
            return torch.tanh(super().forward(x))

    torch.manual_seed(0)
    field, x0, times = Field(2, 2).double(), doubles(0.3, -0.2), doubles(0.0, 1.0)
    found = [
        torch.autograd.grad(solve(field, x0, times, adjoint=a, rtol=1e-10, atol=1e-11).states[-1].sum(), field.weight)
        for a in ADJOINTS
    ]
    assert all(torch.allclose(found[0][0], other[0], atol=1e-8) for other in found[1:])


@pytest.mark.parametrize(
    ("method", "order"),
    [("euler", 1), ("midpoint", 2), ("rk4", 4), ("ros34pw2", 3), ("rodas4", 4), ("rodas5p", 5)],
)
def test_observed_order_of_fixed_steps(method, order):
    """x' = x² cos t has the solution x0 / (1 - x0 sin t)."""
    x0, end, errors = doubles(0.7), 1.0, []
    for steps in (20, 40, 80):
        found = solve(lambda t, x: x * x * torch.cos(t), x0, doubles(0.0, end), method=method, steps=steps)
        errors.append(abs(float(found.states[-1].detach()) - 0.7 / (1 - 0.7 * math.sin(end))))
    rates = [math.log2(a / b) for a, b in pairwise(errors)]
    assert abs(rates[-1] - order) < 0.2, rates


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "bosh3", "adaptive_heun", "ros34pw2", "rodas4", "rodas5p"])
def test_chosen_steps_grow_in_number_as_the_order_says(method):
    """Errors are in proportion to the tolerance, and the work to its power of minus one over the order of control."""
    order = {"dopri5": 5, "dopri8": 8, "bosh3": 3, "adaptive_heun": 2, "ros34pw2": 3, "rodas4": 4, "rodas5p": 5}[method]
    work, errors = [], []
    loose = 1e-3 if order == 2 else 1e-6
    for tolerance in (loose, 1e-3 * loose):
        found = solve(
            lambda t, x: x * x * torch.cos(t), doubles(0.9), doubles(0.0, 3.0), method=method, rtol=tolerance,
            atol=tolerance,
        )  # fmt: skip
        work.append(found.evaluations)
        errors.append(abs(float(found.states[-1].detach()) - 0.9 / (1 - 0.9 * math.sin(3.0))))
    assert errors[1] < 100 * tolerance
    assert 0.6 < math.log10(work[1] / work[0]) * order / 3.0 < 1.2, (work, errors)
