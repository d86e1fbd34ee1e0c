"""States and times of every kind, dense output and second derivatives, on equations with known solutions."""

import math

import pytest
import torch
from torch import nn

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.solve import ADAPTIVE, FIXED, solve
from asm_hybrid.solver.tableaus import METHODS

STIFF = tuple(METHODS)
ALL = [*ADAPTIVE, *FIXED, *STIFF]
TOLERANCE = {"euler": 4e-2, "midpoint": 5e-4, "heun2": 5e-4, "fehlberg2": 1e-4, "heun3": 1e-5}


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def steps_of(method, steps=40):
    return {"steps": steps} if method in FIXED else {}


def near(method):
    return {"rel": 0.0, "abs": TOLERANCE.get(method, 1e-6)}


def waning(t, x):
    """x' = -x cos t, with the solution x0 exp(sin t0 - sin t)."""
    return -x * torch.cos(t)


@pytest.mark.parametrize("method", ALL)
class TestEveryMethod:
    def test_a_state_without_axes(self, method):
        found = solve(waning, doubles(2.0)[0], [0.0, 1.0], method=method, **steps_of(method))
        assert found.states.shape == (2,)
        assert found.states[-1].item() == pytest.approx(2.0 * math.exp(-math.sin(1.0)), **near(method))

    def test_complex_states(self, method):
        x0 = torch.tensor([1.0 + 0.5j, 2.0], dtype=torch.complex128)
        found = solve(lambda t, x: (0.2 + 1.0j) * x, x0, [0.0, 1.0], method=method, **steps_of(method))
        exact = x0 * torch.exp(torch.tensor(0.2 + 1.0j, dtype=torch.complex128))
        assert found.states.dtype == torch.complex128
        assert float((found.states[-1] - exact).abs().max()) < 2 * TOLERANCE.get(method, 1e-6)

    def test_several_tensors(self, method):
        x0 = (
            doubles(1.0, 2.0),
            torch.zeros(2, 2, dtype=torch.float64),
            doubles(0.0)[0],
            torch.ones(1, dtype=torch.complex128),
        )

        def f(t, x):
            level, total, clock, turn = x
            return -level, level.sum() + 0.0 * total, torch.ones_like(clock), 1j * turn

        found = solve(f, x0, [0.0, 0.5, 1.0], method=method, **steps_of(method))
        level, total, clock, turn = found.states
        assert [s.shape for s in found.states] == [(3, 2), (3, 2, 2), (3,), (3, 1)]
        assert level[-1, 1].item() == pytest.approx(2.0 * math.exp(-1.0), **near(method))
        assert total[-1, 0, 1].item() == pytest.approx(3.0 * (1.0 - math.exp(-1.0)), **near(method))
        assert clock.tolist() == pytest.approx([0.0, 0.5, 1.0])
        assert turn[-1].real.item() == pytest.approx(math.cos(1.0), **near(method))

    def test_reversed_times(self, method):
        times = doubles(1.0, 0.4, -0.5)
        found = solve(waning, doubles(1.0), times, method=method, **steps_of(method))
        exact = torch.exp(math.sin(1.0) - torch.sin(times))
        assert found.states[:, 0].tolist() == pytest.approx(exact.tolist(), abs=3 * TOLERANCE.get(method, 1e-6))

    def test_single_repeated_and_zero_length_times(self, method):
        def at(*times):
            return solve(waning, doubles(1.0), doubles(*times), method=method, **steps_of(method)).states[:, 0].tolist()

        assert at(0.3) == [1.0]
        assert at(0.3, 0.3) == [1.0, 1.0]
        twice, once = at(0.0, 0.0, 0.5, 0.5, 1.0), at(0.0, 0.5, 1.0)
        assert twice == [once[0], once[0], once[1], once[1], once[2]]

    def test_dense_output(self, method):
        asked = torch.linspace(0.0, 2.0, 17, dtype=torch.float64)
        found = solve(waning, doubles(1.0), [0.0, 2.0], method=method, dense=True, **steps_of(method, 60))
        tolerance = TOLERANCE.get(method, 1e-6)
        assert float((found.at(asked)[:, 0] - torch.exp(-torch.sin(asked))).abs().max()) < tolerance
        assert found.at(0.7).shape == (1,)
        assert torch.equal(found.at(asked.flip(0)), found.at(asked).flip(0))
        with pytest.raises(InputError, match="outside"):
            found.at(2.1)

    def test_a_jump_of_f(self, method):
        """What happens at 0.35 is seen from both sides."""

        def f(t, x):
            return torch.where(t < 0.35, 2.0, -1.0) * torch.ones_like(x)

        found = solve(f, doubles(0.0), [0.0, 1.0], method=method, options={"jump_t": [0.35]}, **steps_of(method, 4))
        assert found.states[-1].item() == pytest.approx(0.7 - 0.65, abs=1e-12)

    def test_times_are_more_precise_than_states(self, method):
        """Days since a far origin, in steps of a minute: single precision cannot tell them apart."""
        origin = 738_000.0
        times = origin + torch.arange(4, dtype=torch.float64) / 1440.0

        def f(t, x):
            return torch.cos(1440.0 * (t - origin)) * 1440.0 * torch.ones_like(x)

        found = solve(f, torch.zeros(1), times, method=method, **steps_of(method, 80))
        assert torch.equal(found.times, times)
        assert found.states.dtype == torch.float32
        exact = torch.sin(torch.arange(4, dtype=torch.float64))
        assert float((found.states[:, 0] - exact).abs().max()) < max(10 * TOLERANCE.get(method, 0.0), 3e-4)


def test_times_that_are_numbers_are_as_precise_as_those_of_a_tensor():
    for times in ([0.0, 0.1], (0.0, 0.1), torch.tensor([0.0, 0.1], dtype=torch.float64)):
        assert solve(waning, torch.ones(1), times).times[-1].item() == 0.1
    assert solve(waning, torch.ones(1), torch.arange(2)).times.dtype == torch.float64
    assert solve(waning, torch.ones(1), torch.tensor([0.0, 0.1])).times.dtype == torch.float32


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "rk4", "rodas4", "rodas5p"])
def test_second_derivatives(method):
    """x' = p x t has the solution exp(p (b² - a²) / 2); its derivatives by p, a and b are known."""
    p, a, b = (doubles(v)[0].requires_grad_() for v in (1.1, 0.2, 1.3))
    extra = {"steps": 60} if method in FIXED else {"rtol": 1e-8, "atol": 1e-10}
    times = torch.stack([a, a + 0.4 * (b - a), b])
    y = solve(lambda t, x: p * x * t, doubles(1.0), times, method=method, **extra).states[-1].sum()
    first = torch.autograd.grad(y, (p, a, b), create_graph=True)
    second = [torch.autograd.grad(g, (p, a, b), retain_graph=True) for g in first]

    def exact(p, a, b):
        return torch.exp(p * (b**2 - a**2) / 2.0)

    values = tuple(v.detach() for v in (p, a, b))
    for own, other in zip(first, torch.autograd.functional.jacobian(exact, values), strict=True):
        assert own.item() == pytest.approx(other.item(), abs=2e-6)
    for row, others in zip(second, torch.autograd.functional.hessian(exact, values), strict=True):
        assert [v.item() for v in row] == pytest.approx([v.item() for v in others], abs=2e-5)


def test_the_adjoint_has_no_second_derivatives_and_says_so():
    p = doubles(1.1)[0].requires_grad_()
    y = solve(lambda t, x: p * x, doubles(1.0), [0.0, 1.0], adjoint="backsolve", parameters=(p,)).states[-1].sum()
    (first,) = torch.autograd.grad(y, p, create_graph=True)
    assert first.item() == pytest.approx(math.exp(1.1), abs=1e-5)
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        torch.autograd.grad(first, p)


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "rk4"])
def test_gradients_of_repeated_and_reversed_times(method):
    times = doubles(1.0, 0.6, 0.6, 0.1).requires_grad_()
    states = solve(waning, doubles(1.0), times, method=method, **steps_of(method)).states[:, 0]
    weights = doubles(0.3, 1.0, 2.0, -0.7)
    (found,) = torch.autograd.grad((weights * states).sum(), times)
    slopes = -states.detach() * torch.cos(times.detach())
    exact = weights * slopes
    exact[0] = (weights[1:] * states.detach()[1:]).sum() * math.cos(1.0)
    assert found.tolist() == pytest.approx(exact.tolist(), abs=1e-5)


@pytest.mark.parametrize("seminorm", [False, True])
def test_the_adjoint_of_complex_and_several_tensors(seminorm):
    rate, x0 = torch.tensor(0.3 + 0.9j, dtype=torch.complex128, requires_grad=True), doubles(1.0).requires_grad_()
    own = {"rtol": 1e-9, "atol": 1e-11, "method": "dopri8", "seminorm": seminorm}
    losses = []
    for extra in ({}, {"adjoint": "backsolve", "parameters": (rate,), "adjoint_options": own}):
        f = solve(
            lambda t, x: (rate * x[0], -x[1] * t), (torch.ones(2, dtype=torch.complex128), x0), [0.0, 0.5, 1.0],
            rtol=1e-9, atol=1e-11, **extra,
        )  # fmt: skip
        loss = f.states[0].real.sum() + f.states[0][-1].imag.square().sum() + f.states[1].sum()
        losses.append(torch.autograd.grad(loss, (rate, x0)))
    for direct, adjoint in zip(*losses, strict=True):
        assert torch.allclose(direct, adjoint, atol=1e-6)


def robertson(t, x):
    """Robertson (1966), with time constants from 1e-4 on."""
    a, b, c = x.unbind(-1)
    slow, fast = 0.04 * a - 1e4 * b * c, 3e7 * b * b
    return torch.stack([-slow, slow - fast, fast], dim=-1)


@pytest.mark.parametrize("method", ["rodas4", "rodas5p"])
@pytest.mark.parametrize(("end", "exact"), [(1e8, 2.0834e-5), (1e11, 2.0833e-8)])
def test_robertson_over_one_span(method, end, exact):
    """The first step is of 1e-4 or so, the last of the span's length."""
    found = solve(robertson, doubles(1.0, 0.0, 0.0), [0.0, end], method=method, rtol=1e-6, atol=1e-12)
    assert found.steps < 1000
    assert found.states[-1, 0].item() == pytest.approx(exact, rel=1e-3)
    assert found.states[-1].sum().item() == pytest.approx(1.0, abs=1e-6)
    default = solve(robertson, doubles(1.0, 0.0, 0.0), [0.0, end], method=method)
    assert default.states[-1, 0].item() == pytest.approx(exact, abs=1e-7)


@pytest.mark.parametrize("method", [*ADAPTIVE, *STIFF])
def test_default_tolerances_are_those_of_the_type(method):
    """In single precision the tolerance of double precision would be below what the numbers can tell apart."""
    work = {}
    for dtype in (torch.float32, torch.float64):
        found = solve(lambda t, x: x, torch.ones(1, dtype=dtype), [0.0, 1.0], method=method)
        work[dtype] = found.evaluations
        assert found.states[-1].item() == pytest.approx(math.e, rel=1e-5 if dtype == torch.float64 else 1e-3)
    assert work[torch.float32] <= 1.5 * work[torch.float64]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("method", ["dopri5", "bosh3", "rk4"])
def test_half_precision(dtype, method):
    net = nn.Linear(4, 4).to(dtype)
    x = torch.ones(3, 4, dtype=dtype)
    found = solve(lambda t, x: torch.tanh(net(x)), x, [0.0, 1.0], method=method, **steps_of(method))
    assert found.states.dtype == dtype
    found.states[-1].sum().backward()
    assert bool(torch.isfinite(net.weight.grad).all())


def test_remedies_are_remedies():
    """No method is advised to who uses it, and none of the same kind."""
    for method in STIFF:
        with pytest.raises(SimulationError) as error:
            solve(lambda t, x: x**2, doubles(1.0), [0.0, 2.0], method=method)
        assert "does not converge at time 1" in str(error.value)
        assert not any(f"({other})" in str(error.value) for other in STIFF)
    with pytest.raises(SimulationError, match="larger tolerances or raise max_num_steps"):
        solve(robertson, doubles(1.0, 0.0, 0.0), [0.0, 1e4], method="rodas5p", options={"max_num_steps": 10})


def test_a_stiff_method_gives_up_one_element_alone():
    found = solve(lambda t, x: x**2, doubles([5.0], [0.1]), [0.0, 0.1, 0.5], method="rodas5p", check=False)
    assert found.ok.tolist() == [False, True]
    assert found.states[1, 0, 0].item() == pytest.approx(10.0, rel=1e-6)
    assert found.states[-1, 1, 0].item() == pytest.approx(0.1 / 0.95, rel=1e-6)


def test_tolerances_for_every_entry():
    """A state that is not to be exact does not shorten the steps."""

    def f(t, x):
        return torch.stack([-x[0], torch.cos(300.0 * t)])

    x0 = doubles(1.0, 0.0)
    tight, loose = (solve(f, x0, [0.0, 1.0], atol=a) for a in (1e-9, doubles(1e-9, 1e3)))
    assert loose.evaluations < tight.evaluations / 3
    pair = solve(lambda t, x: (-x[0], torch.cos(300.0 * t) + 0.0 * x[1]), (doubles(1.0), doubles(0.0)), [0.0, 1.0],
                 atol=(1e-9, 1e3), rtol=(1e-7, 1.0))  # fmt: skip
    assert pair.evaluations < tight.evaluations / 3
