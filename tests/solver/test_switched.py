"""Steps that are split where something switches: times, gradients, windows by themselves, and what chatters."""

import math

import pytest
import torch

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.grid import Grid
from asm_hybrid.solver.rosenbrock import integrate

HEAT, LOSS = 20.0, 1.3


class Thermostat:
    names = ("room",)

    def __init__(self, low, high):
        self.low, self.high = low, high

    def distances(self, x, u):
        warm, mode = x[..., 0, :1], x[..., 0, 1:]
        return mode * (self.high - warm) + (1.0 - mode) * (warm - self.low)

    def switched(self, x, u, which):
        warm, mode = x[..., 0, :1], x[..., 0, 1:]
        return torch.cat([warm, torch.where(which, 1.0 - mode, mode)], -1).unsqueeze(-2)


class Room:
    """A room whose heater a thermostat switches; the outside temperature is an input."""

    floor = None

    def __init__(self, low, high):
        self.switches = Thermostat(low, high)

    def prepare(self, inputs):
        return inputs.unbind(-2)

    def derivative(self, x, u):
        warm, mode = x[..., :1], x[..., 1:]
        return torch.cat([LOSS * (u.unsqueeze(-2) - warm) + HEAT * mode, 0.0 * mode], -1)

    def inverse(self, x, u, shift):
        matrix = torch.tensor([[-LOSS, HEAT], [0.0, 0.0]], dtype=x.dtype)
        shift = shift.unsqueeze(-1) if isinstance(shift, torch.Tensor) else shift
        return torch.linalg.inv(shift * torch.eye(2, dtype=x.dtype) - matrix)

    def solve(self, inverse, right):
        return (inverse @ right.unsqueeze(-1)).squeeze(-1)

    def output(self, x, u):
        return x[..., 0, :1]


def outside(rise):
    """Return inputs at nine knots, ``(knot, input)``."""
    return (10.0 + rise * torch.linspace(0.0, 1.0, 9, dtype=torch.float64)).unsqueeze(-1)


def run(given, steps, *, linear=True, points=1, windows=(0.0, 1.3), rise=2.0):
    start, low, high = given
    modes = [float(k % 2 == 0) for k in range(len(windows))]
    rows = [torch.stack([start + w, m + 0.0 * start]) for w, m in zip(windows, modes, strict=True)]
    return integrate(
        Room(low, high), torch.stack(rows).unsqueeze(-2), outside(rise), Grid(0.25, steps, linear, points),
        record_knots=True,
    )  # fmt: skip


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_a_thermostat_follows_its_exact_course():
    """At 10 degrees outside, heated from 15 to 22, left to fall to 18, and heated again."""
    found = run(doubles(15.0, 18.0, 22.0), 8, windows=(0.0,), rise=0.0, points=24)
    top = 10.0 + HEAT / LOSS
    on = math.log((top - 15.0) / (top - 22.0)) / LOSS
    again = on + math.log(12.0 / 8.0) / LOSS

    def exact(t):
        if t < on:
            return top - (top - 15.0) * math.exp(-LOSS * t)
        if t < again:
            return 10.0 + 12.0 * math.exp(-LOSS * (t - on))
        return top - (top - 18.0) * math.exp(-LOSS * (t - again))

    times = [k * 0.25 / 24 for k in range(145)]  # up to 1.5, before it is warm again
    assert found.outputs[0, :145, 0].tolist() == pytest.approx([exact(t) for t in times], abs=5e-5)
    assert found.knots[0, :6, 0, 1].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("linear", [True, False])
def test_gradients_go_through_the_times_of_switches(linear):
    def loss(given):
        return run(given, 12, linear=linear, points=3).outputs.square().mean()

    at = doubles(15.0, 18.0, 22.0)
    given = at.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(given), given)
    with torch.no_grad():
        for i, by in enumerate(1e-5 * torch.eye(3, dtype=torch.float64)):
            assert slope[i].item() == pytest.approx(float(loss(at + by) - loss(at - by)) / 2e-5, rel=1e-5)


def test_no_window_depends_on_the_others():
    together = run(doubles(15.0, 18.0, 22.0), 2, points=3)
    alone = run(doubles(15.0, 18.0, 22.0), 2, points=3, windows=(0.0,))
    assert torch.equal(together.outputs[0], alone.outputs[0])
    assert torch.equal(together.knots[0], alone.knots[0])
    again = integrate(
        Room(*doubles(18.0, 22.0)), doubles(15.0, 1.0).reshape(1, 1, 2), outside(2.0), Grid(0.25, 2, points=3),
        checkpoint=2,
    )  # fmt: skip
    assert torch.equal(again.outputs[0], alone.outputs[0])


def test_a_dead_band_that_is_far_too_narrow_is_refused_by_name():
    with pytest.raises(SimulationError, match=r"'room' chatters: .* more than 20 times within a step of 180 min"):
        run(doubles(15.0, 21.999, 22.0), 2)
    with pytest.raises(SimulationError, match="'room' chatters: it switches again and again at one time"):
        run(doubles(15.0, 22.0, 18.0), 2, windows=(5.0,))
