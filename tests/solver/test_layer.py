"""A differential equation inside `nn.Sequential`: gradients of inputs, parameters, initial state and time span."""

import copy
import math

import pytest
import torch
from test_solve import central
from torch import nn

import asm_hybrid
from asm_hybrid import ODELayer
from asm_hybrid.errors import InputError


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.set_num_threads(1)
    torch.manual_seed(1)


def field():
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 3)).double()


class End(nn.Module):
    """An end time above zero."""

    def __init__(self):
        super().__init__()
        self.log = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))

    def forward(self):
        return torch.exp(self.log)


class Timed(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = field()

    def forward(self, t, x):
        return self.inner(x) * torch.cos(t)


CASES = {
    "end as a parameter": lambda: ODELayer(
        field(), nn.Parameter(torch.tensor(0.8, dtype=torch.float64)), rtol=1e-9, atol=1e-10
    ),
    "end as a function, whole path": lambda: ODELayer(field(), End(), path=True, rtol=1e-9, atol=1e-10),
    "initial state as a function, adjoint": lambda: ODELayer(
        field(), End(), start=nn.Linear(3, 3).double(), adjoint="backsolve", rtol=1e-9, atol=1e-10
    ),
    "all times as a parameter, timed, rk4": lambda: ODELayer(
        Timed(), nn.Parameter(torch.tensor([0.1, 0.5, 1.0], dtype=torch.float64)), timed=True, method="rk4", steps=4
    ),
    "stiff": lambda: ODELayer(field(), End(), method="rodas5p", steps=4),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_gradients_inside_a_sequential(make):
    net = nn.Sequential(nn.Linear(2, 3).double(), make(), nn.Linear(3, 1).double())
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    loss = net(x).square().sum()
    given = [x, *net.parameters()]
    gradients = torch.autograd.grad(loss, given)
    assert any("span" in name for name, _ in net.named_parameters())

    def value(p):
        def of(v):
            with torch.no_grad():
                kept = p.detach().clone()
                p.copy_(v)
                out = net(x).square().sum()
                p.copy_(kept)
            return out

        return of

    for p, gradient in zip(given, gradients, strict=True):
        assert torch.allclose(gradient, central(value(p), p), atol=1e-6, rtol=1e-6)


def test_it_learns_its_end_time():
    decay = nn.Linear(1, 1, bias=False).double().requires_grad_(False)
    decay.weight.fill_(-1.0)
    layer = ODELayer(decay, nn.Parameter(torch.tensor(0.3, dtype=torch.float64)), method="rk4", steps=10)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (layer(torch.ones(1, 1, dtype=torch.float64)) - 0.5).square().sum().backward()
        optimiser.step()
    assert layer.span.item() == pytest.approx(0.693147, abs=1e-4)


def test_it_is_saved_copied_and_cast_like_any_module():
    layer = ODELayer(field(), (0.0, 0.5, 1.0), path=True)
    x = torch.randn(4, 3, dtype=torch.float64)
    again = copy.deepcopy(layer)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again(x), layer(x))
    assert layer(x).shape == (3, 4, 3)
    single = layer.float()(x.float())
    assert single.dtype == torch.float32


def test_what_is_refused():
    with pytest.raises(InputError, match="dopri5"):
        ODELayer(field(), method="dopri6")
    with pytest.raises(InputError, match="no option 'tol'"):
        ODELayer(field(), tol=1e-3)
    with pytest.raises(InputError, match="neither ascend nor descend"):
        ODELayer(field(), (0.0, 1.0, 0.5))(torch.zeros(3, dtype=torch.float64))
    with pytest.raises(InputError, match="did you mean 'stiffness'"):
        ODELayer(field(), stifness=False)
    with pytest.raises(InputError, match="the field is NoneType"):
        ODELayer(None)


def test_it_is_exported():
    assert "ODELayer" in asm_hybrid.__all__


class Level(nn.Module):
    """An event: the first state falls to a level, which is learnt."""

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.4, dtype=torch.float64))

    def forward(self, t, x):
        return (x[..., 0] - self.level).min()


@pytest.mark.parametrize("options", [{}, {"method": "rk4", "options": {"step_size": 0.05}}, {"method": "rodas5p"}])
def test_an_event_ends_the_layer_with_or_without_an_end(options):
    decay = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(decay.weight, -2.0)
    for span in ((0.0, 5.0), (0.0, float("inf")), (0.0,)):
        layer = ODELayer(decay, span, event=Level(), **options)
        out = layer(torch.ones(1, 1, dtype=torch.float64))
        found = layer.solve(torch.ones(1, 1, dtype=torch.float64))
        assert out.item() == pytest.approx(0.4, abs=1e-9)
        assert found.event_time.item() == pytest.approx(-math.log(0.4) / 2.0, abs=1e-6)
        by = torch.autograd.grad(found.event_time, (layer.event.level, decay.weight))
        assert by[0].item() == pytest.approx(-1.0 / 0.8, rel=1e-4)
        assert by[1].item() == pytest.approx(-math.log(0.4) / 4.0, rel=1e-4)
    assert ODELayer(decay, (0.0, 0.1), event=Level(), **options).solve(torch.ones(1, 1).double()).event_time is None


def test_a_layer_of_several_tensors_and_its_callbacks():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.rate, self.seen = nn.Parameter(torch.tensor(0.7)), 0

        def forward(self, x):
            return -self.rate * x[0], x[0].sum(-1)

        def callback_step(self, t, x, h):
            self.seen += len(x)

    pair = Pair()
    layer = ODELayer(pair, start=lambda x: (x, x[..., 0] * 0.0), stiffness=False)
    level, total = layer(torch.ones(4, 3))
    assert (level.shape, total.shape) == ((4, 3), (4,))
    assert torch.allclose(total, 3.0 * (1.0 - torch.exp(-pair.rate)) / pair.rate * torch.ones(4), atol=1e-4)
    assert pair.seen > 0
    assert pair.seen % 2 == 0
