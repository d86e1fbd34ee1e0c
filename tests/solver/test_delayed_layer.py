"""A layer whose field looks back: delays and histories that are learnt, and what is refused."""

import copy

import pytest
import torch
from test_solve import central
from torch import nn

from asm_hybrid import ODELayer
from asm_hybrid.errors import InputError
from asm_hybrid.solver.solve import solve


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.set_num_threads(1)
    torch.manual_seed(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


class Field(nn.Module):
    """Looks at the present and at all that lies back."""

    def __init__(self, delays):
        super().__init__()
        self.delays = delays
        self.inner = nn.Linear(2 * (1 + delays), 2).double()

    def forward(self, x, lags):
        parts = lags.unbind() if self.delays > 1 else (lags,)
        return torch.tanh(self.inner(torch.cat([x, *parts], -1)))


class Above(nn.Module):
    """Two delays above zero."""

    def __init__(self):
        super().__init__()
        self.logs = nn.Parameter(doubles(-0.7, 0.2))

    def forward(self):
        return self.logs.exp()


class Slope(nn.Module):
    """A history with a slope that is learnt, from the layer's input."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(doubles(0.4, -0.2))

    def forward(self, t, x):
        return x + t * self.slope


def learnt(value):
    return nn.Parameter(torch.tensor(value, dtype=torch.float64))


FOUR = {"method": "rk4", "steps": 4}
CASES = {
    "one delay": lambda: ODELayer(Field(1), 1.0, delays=learnt(0.6), **FOUR),
    "one of two, path": lambda: ODELayer(Field(2), (0.0, 0.7, 1.0), path=True, delays=[0.5, learnt(0.9)], **FOUR),
    "a module, and a history": lambda: ODELayer(Field(2), 1.0, delays=Above(), history=Slope(), **FOUR),
    "a stiff method": lambda: ODELayer(Field(1), 1.0, delays=learnt(0.6), method="rodas4", steps=1),
}


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_gradients_with_delays(make):
    layer = make()
    x = torch.randn(2, dtype=torch.float64, requires_grad=True)
    given = [x, *(p for name, p in layer.named_parameters() if not name.startswith("field"))]
    assert len(given) > 1
    gradients = torch.autograd.grad(layer(x).square().sum(), given)
    for p, gradient in zip(given, gradients, strict=True):

        def value(v, p=p):
            with torch.no_grad():
                kept = p.detach().clone()
                p.copy_(v)
                out = layer(x).square().sum()
                p.copy_(kept)
            return out

        assert gradient.abs().min() > 1e-6
        assert torch.allclose(gradient, central(value, p), atol=1e-5, rtol=1e-5)


def test_the_layer_is_what_solve_gives_and_is_copied_like_any_module():
    field, x = Field(1), torch.randn(3, 2, dtype=torch.float64)
    expected = solve(lambda t, x, lag: field(x, lag), x, [0.0, 2.0], delays=0.6, history=x).states[-1]
    layer = ODELayer(field, 2.0, delays=torch.tensor(0.6, dtype=torch.float64))
    assert torch.allclose(layer(x), expected, atol=1e-12)
    assert "delays" in layer.state_dict()
    constant = ODELayer(field, 2.0, delays=[0.6], history=torch.ones(3, 2, dtype=torch.float64))
    with pytest.raises(RuntimeError):  # one delay in a sequence has an axis of its own
        constant(x)
    several = ODELayer(Field(2), 1.0, delays=[learnt(0.6), 0.3], **FOUR)
    again = copy.deepcopy(several)
    with torch.no_grad():
        next(again.delays.parameters()).fill_(0.9)
    assert not torch.equal(again(x), several(x))


def test_a_timed_field_has_its_lag_behind_the_state():
    class Timed(nn.Module):
        def forward(self, t, x, lag):
            return t * lag - x

    layer = ODELayer(Timed(), (0.0, 0.5), timed=True, delays=1.0, history=lambda t, x: x * t)
    found = layer(doubles(2.0))
    plain = solve(lambda t, x: t * 2.0 * (t - 1.0) - x, doubles(2.0), [0.0, 0.5])
    assert torch.allclose(found, plain.states[-1], atol=1e-8)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delays": -1.0}, ["the delay is -1", "+tau"]),
        ({"delays": [0.5, 0.0]}, ["delay 1 is 0"]),
        ({"delays": lambda x: x}, ["depend on time or state"]),
        ({"delays": nn.Linear(1, 1)}, ["Linear that is given something", "depend on time or state"]),
        ({"delays": None, "history": doubles(1.0)}, ["'history' is given without 'delays'"]),
        ({"adjoint": "backsolve"}, ["adjoint", "with delays"]),
        ({"history": lambda t, x: x[..., :1]}, ["shape (3, 1)"]),
        ({"history": lambda t, x: x / (t > -0.3)}, ["at time -0.6", "not finite", "reach as far back"]),
    ],
)
def test_what_is_refused(given, words):
    with pytest.raises(InputError) as caught:
        ODELayer(Field(1), 2.0, **({"delays": 0.6} | given))(torch.ones(3, 2, dtype=torch.float64))
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_delay_that_is_learnt_below_zero_is_named():
    layer = ODELayer(Field(1), 2.0, delays=learnt(0.6))
    with torch.no_grad():
        layer.delays.fill_(-0.1)
    with pytest.raises(InputError, match=r"the delay is -0\.1"):
        layer(torch.ones(3, 2, dtype=torch.float64))
