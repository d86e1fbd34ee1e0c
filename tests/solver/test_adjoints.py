"""How gradients are found: four ways that agree where each may be used, and what is refused or warned of elsewhere."""

import math
import warnings

import pytest
import torch
from torch import nn

from asm_hybrid import ODELayer
from asm_hybrid.errors import InputError
from asm_hybrid.solver.adjoint import ADJOINTS
from asm_hybrid.solver.checkpointed import _Checkpointed
from asm_hybrid.solver.solve import AdjointWarning, solve


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def rivals(rate):
    """Lotka and Volterra's equations with a rate that moves in time."""

    def f(t, x):
        prey, predator = x.unbind(-1)
        return torch.stack([rate[0] * prey - prey * predator, predator * (prey - rate[1] * (1 + 0.3 * t.sin()))], -1)

    return f


def gradients(adjoint, times, x0=None, make=rivals, **options):
    x0 = doubles([1.5, 1.0], [0.7, 1.2]) if x0 is None else x0
    x0, rate = x0.clone().requires_grad_(), doubles(1.3, 0.9).requires_grad_()
    extra = {} if adjoint == "discrete" else {"parameters": (rate,)}
    found = solve(make(rate), x0, times, adjoint=adjoint, **extra, **options)
    states = found.states
    weights = torch.arange(1.0, 1.0 + states.numel(), dtype=torch.float64).view(states.shape).cos()
    return states.detach(), *torch.autograd.grad((states * weights).sum(), (x0, rate))


TIMES = [0.0, 0.0, 0.4, 1.7, 1.7, 2.5]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("dopri5", {}),
        ("bosh3", {"rtol": 1e-4, "atol": 1e-6, "options": {"jump_t": [0.9], "first_step": 0.3}}),
        ("rk4", {"steps": 5}),
        ("rodas5p", {"rtol": 1e-4, "atol": 1e-6}),
        ("ros34pw2", {"steps": 5, "options": {"jump_t": [0.9]}}),
        ("ros34pw2", {"rtol": 1e-3, "atol": 1e-5}),
    ],
)
def test_checkpointed_is_discrete_within_rounding(method, options):
    plain = gradients("discrete", TIMES, method=method, **options)
    again = gradients("checkpointed", TIMES, method=method, **options)
    assert torch.equal(plain[0], again[0])
    for a, b in zip(plain[1:], again[1:], strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("adjoint", ["backsolve", "interpolated"])
@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_the_adjoint_equation_agrees_within_tolerance(adjoint, direction):
    times = [direction * t for t in TIMES]
    plain, found = (gradients(a, times, rtol=1e-9, atol=1e-11) for a in ("discrete", adjoint))
    assert torch.equal(plain[0], found[0])
    for a, b in zip(plain[1:], found[1:], strict=True):
        assert torch.allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", ["rodas4", "ros34pw2", "rk4"])
def test_interpolated_with_other_methods(method):
    steps = {"steps": 20} if method == "rk4" else {"rtol": 1e-7, "atol": 1e-9}
    exact = gradients("discrete", TIMES, rtol=1e-9, atol=1e-11)
    found = gradients("interpolated", TIMES, method=method, **steps)
    for a, b in zip(exact[1:], found[1:], strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-4)


def test_gradients_of_times_and_events_of_the_interpolated_adjoint():
    def value(adjoint):
        times, rate = doubles(0.0, 0.6, 1.1).requires_grad_(), doubles(1.3, 0.9).requires_grad_()
        extra = {} if adjoint == "discrete" else {"parameters": (rate,)}
        found = solve(rivals(rate), doubles(1.5, 1.0), times, adjoint=adjoint, **extra)
        ends = solve(rivals(rate), doubles(1.5, 1.0), [0.0], event=lambda t, x: x[0] - 0.8, adjoint=adjoint, **extra)
        loss = found.states[:, 0].square().sum() + ends.event_time + ends.event_state[1]
        return torch.autograd.grad(loss, (times, rate))

    for a, b in zip(value("discrete"), value("interpolated"), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_checkpoints_are_about_the_root_of_the_steps(monkeypatch):
    seen, own = [], _Checkpointed.backward

    def looked(ctx, given):
        seen.append((len(ctx.trail.marks), len(ctx.trail.kept), ctx.trail._every))
        return own(ctx, given)

    monkeypatch.setattr(_Checkpointed, "backward", staticmethod(looked))
    for steps in (1, 2, 50, 400):
        gradients("checkpointed", [0.0, 1.0], method="euler", steps=steps)
    assert [n for n, _, _ in seen] == [1, 2, 50, 400]
    assert all(max(kept, every) <= 3 * math.sqrt(n) + 1 for n, kept, every in seen)


def prothero(stiffness):
    """Prothero and Robinson's equation, whose solution is rate[0] cos(t)."""

    def make(rate):
        return lambda t, x: -stiffness * (x - rate[0] * t.cos()) - rate[0] * t.sin() + 0.0 * rate[1]

    return make


def test_a_stiff_problem_is_right_with_all_but_backsolve():
    """``x(1) = p cos(1)``, whatever the start."""
    extra = {"x0": doubles(1.3), "make": prothero(1e3), "method": "rodas4", "rtol": 1e-6, "atol": 1e-8}
    for adjoint in ("discrete", "checkpointed", "interpolated"):
        _, start, rate = gradients(adjoint, [0.0, 1.0], **extra)
        assert float(start.abs().max() - 1.0) < 1e-6  # the weight of the first state, which is the start itself
        assert float(rate[0]) == pytest.approx(math.cos(1.0) * math.cos(2.0), abs=1e-5)


def test_a_stiff_problem_given_to_backsolve_is_warned_of():
    with pytest.warns(AdjointWarning, match="stiff for adjoint='backsolve': its fastest time constant is 0.001"):
        solve(prothero(1e3)(doubles(1.3, 0.0)), doubles(1.3), [0.0, 1.0], adjoint="backsolve", parameters=(),
              rtol=1e-3, atol=1e-3, options={"max_step": 1e-3})  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gradients("backsolve", [0.0, 0.05, 0.1], x0=doubles(1.3), make=prothero(1e2), stiffness=False)
        gradients("backsolve", TIMES)


def test_a_state_that_is_lost_on_the_way_back_is_warned_of():
    """Thirty fast time constants: not stiff for the method, and lost all the same."""
    with pytest.warns(AdjointWarning, match="from time 1 to 0 misses the one that was there"):
        gradients("backsolve", [0.0, 1.0], x0=doubles(1.3), make=prothero(30.0), rtol=1e-5, atol=1e-6)


class Pull(nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = nn.Parameter(doubles(0.7))

    def forward(self, x):
        return -self.rate * x**2


@pytest.mark.parametrize("adjoint", ADJOINTS)
def test_the_layer_takes_every_adjoint(adjoint):
    layer = ODELayer(Pull(), 2.0, adjoint=adjoint)
    layer(doubles(1.0)).sum().backward()
    assert float(layer.field.rate.grad) == pytest.approx(-2.0 / 2.4**2, abs=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"adjoint": "backsolv"}, ["'backsolv'", "did you mean 'backsolve'"]),
        ({"adjoint": True}, ["True", "write 'backsolve'"]),
        ({"adjoint": False}, ["False", "write 'discrete'"]),
        ({"adjoint": "backsolve", "method": "rodas4"}, ["with rodas4", "interpolated"]),
        ({"adjoint": "interpolated", "method": "rodas5p"}, ["with rodas5p", "rodas4 or ros34pw2"]),
        ({"adjoint": "interpolated", "method": "dopri8"}, ["with dopri8", "dopri5 or tsit5"]),
        ({"adjoint": "interpolated", "adjoint_options": {"method": "rodas5p"}}, ["adjoint_options", "with rodas5p"]),
        ({"adjoint": "interpolated", "mass": [1.0], "method": "rodas4"}, ["with mass", "discrete"]),
        ({"adjoint": "interpolated", "dense": True}, ["with dense"]),
        ({"adjoint": "interpolated", "adjoint_options": {"seminorm": True}}, ["no entry 'seminorm'"]),
        ({"adjoint": "interpolated", "delays": 1.0, "history": doubles(1.0)}, ["with delays"]),
        ({"adjoint": "checkpointed", "event": lambda t, x: x}, ["with event"]),
        ({"adjoint": "checkpointed", "mass": [1.0], "method": "rodas4"}, ["with mass"]),
        ({"adjoint": "checkpointed", "times": doubles(0.0, 1.0).requires_grad_()}, ["times that carry gradients"]),
        ({"adjoint": "checkpointed", "adjoint_options": {}}, ["'adjoint_options'", "goes back through the steps"]),
        ({"adjoint": "checkpointed", "parameters": None}, ["f is no module", "parameters=…"]),
    ],
)  # fmt: skip
def test_what_is_refused(given, words):
    arguments = {"times": [0.0, 1.0], "parameters": ()} | given
    with pytest.raises(InputError) as caught:
        solve(lambda t, x, *lag: -x, doubles(1.0), arguments.pop("times"), **arguments)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_the_layer_refuses_when_it_is_made():
    with pytest.raises(InputError, match="with delays"):
        ODELayer(Pull(), adjoint="interpolated", delays=1.0)
