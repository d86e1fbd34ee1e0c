"""Events that change a solution: resets, modes, their gradients, and what is refused because it never ends."""

import math

import pytest
import torch
from torch import nn

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.changes import Event
from asm_hybrid.solver.layer import ODELayer
from asm_hybrid.solver.solve import solve

GRAVITY = 9.81
TIGHT = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def falls(t, x):
    return torch.stack([x[..., 1], -GRAVITY + 0.0 * x[..., 0]], dim=-1)


def bounce(share):
    return Event(lambda t, x: x[0], lambda t, x: torch.stack([0.0 * x[0], -share * x[1]]), "floor")


def ball(given, times, **options):
    """A ball from a height, with the share of speed that it keeps at the floor."""
    height, share = given
    return solve(falls, torch.stack([height, 0.0 * height]), times, event=bounce(share), **options)


def thermostat(given, times, **options):
    """A room of 10 degrees with a heater of 20 degrees that is on from `low` to `high`."""
    low, high, loss = given

    def f(t, x):
        return torch.stack([loss * (10.0 - x[0]) + 20.0 * x[1], 0.0 * x[1]])

    switch = Event(
        lambda t, x: x[1] * (high - x[0]) + (1.0 - x[1]) * (x[0] - low),
        lambda t, x: torch.stack([x[0], 1.0 - x[1]]),
        "thermostat",
    )
    return solve(f, doubles(15.0, 1.0), times, event=switch, **options)


def checked_gradient(run, at, within):
    """Compare the gradient of a number with central differences."""
    given = at.clone().requires_grad_()
    (slope,) = torch.autograd.grad(run(given), given)
    with torch.no_grad():
        for i in range(len(at)):
            by = torch.zeros_like(at)
            by[i] = 1e-6 * max(1.0, abs(float(at[i])))
            rise = float(run(at + by) - run(at - by)) / (2.0 * float(by[i]))
            assert slope[i].item() == pytest.approx(rise, rel=within, abs=within)


@pytest.mark.parametrize(
    ("method", "extra"),
    [("dopri5", {}), ("dopri8", {}), ("bosh3", {}), ("rk4", {"steps": 3}), ("rodas4", TIGHT), ("rodas5p", {})],
)
def test_a_ball_bounces_with_every_kind_of_method(method, extra):
    found = ball(doubles(1.0, 0.8), [0.0, 0.3, 1.0, 1.5], method=method, **extra)
    first = math.sqrt(2.0 / GRAVITY)
    assert [float(e.time) for e in found.events] == pytest.approx([first, first * 2.6], abs=1e-6)
    speed = math.sqrt(2.0 * GRAVITY) * 0.64
    late = 1.5 - first * 2.6
    assert found.states[-1].tolist() == pytest.approx(
        [speed * late - GRAVITY / 2.0 * late**2, speed - GRAVITY * late], abs=1e-5
    )
    assert found.events[0].name == "floor"
    assert found.events[0].after[1].item() == pytest.approx(-0.8 * found.events[0].before[1].item())
    checked_gradient(
        lambda p: (s := ball(p, [0.0, 0.3, 1.0, 1.5], method=method, **extra)).states[-1].sum() + s.states[2, 0],
        doubles(1.0, 0.8),
        1e-6,
    )


@pytest.mark.parametrize(("method", "extra"), [("dopri5", TIGHT), ("rodas5p", TIGHT)])
def test_modes_switch_the_equation_and_thresholds_have_gradients(method, extra):
    times = [0.0, 0.9, 1.5]
    found = thermostat(doubles(18.0, 22.0, 1.3), times, method=method, **extra)
    end = 10.0 + 20.0 / 1.3
    on = math.log((end - 15.0) / (end - 22.0)) / 1.3
    off = on + math.log(12.0 / 8.0) / 1.3
    assert [float(e.time) for e in found.events][:2] == pytest.approx([on, off], abs=1e-8)
    assert found.states[:, 1].tolist() == [1.0, 0.0, 1.0]
    checked_gradient(
        lambda p: thermostat(p, times, method=method, **extra).states[1:, 0].square().sum(),
        doubles(18.0, 22.0, 1.3),
        1e-6,
    )
    checked_gradient(
        lambda p: thermostat(p, times, method=method, **extra).events[1].time, doubles(18.0, 22.0, 1.3), 1e-6
    )


def test_times_and_second_derivatives_through_an_event():
    begin = doubles(0.2)[0].requires_grad_()
    height = doubles(1.0)[0].requires_grad_()
    times = torch.stack([begin, torch.as_tensor(1.0, dtype=torch.float64)])
    x = ball(torch.stack([height, doubles(0.8)[0]]), times, **TIGHT).states[-1, 0]
    fell, speed = math.sqrt(2.0 / GRAVITY), math.sqrt(2.0 * GRAVITY)
    late = 0.8 - fell
    (by_begin, by_height) = torch.autograd.grad(x, (begin, height), create_graph=True)
    after = 0.8 * speed - GRAVITY * late
    assert by_begin.item() == pytest.approx(-after, abs=1e-7)
    # x = 0.8 sqrt(2 g H) s - g s^2 / 2 with s = 0.8 - sqrt(2 H / g)
    by = [0.8 * speed / 2.0, -0.8 * speed / 4.0, -fell / 2.0, fell / 4.0]
    assert by_height.item() == pytest.approx(by[0] * late + after * by[2], abs=1e-7)
    (second,) = torch.autograd.grad(by_height, height)
    exact = by[1] * late + 2.0 * by[0] * by[2] - GRAVITY * by[2] ** 2 + after * by[3]
    assert second.item() == pytest.approx(exact, abs=1e-6)


def test_between_the_times_and_at_the_time_of_an_event():
    found = thermostat(doubles(18.0, 22.0, 1.3), [0.0, 2.0], dense=True)
    first = float(found.events[0].time)
    states = found.at([first - 1e-3, first, first + 1e-3])
    assert states[:, 1].tolist() == [1.0, 1.0, 0.0]  # at the event itself, the state before it
    assert states[1, 0].item() == pytest.approx(22.0, abs=1e-5)
    asked = thermostat(doubles(18.0, 22.0, 1.3), [0.0, first, 2.0])
    assert asked.states[1].tolist() == pytest.approx([22.0, 1.0], abs=1e-9)
    assert asked.states[2].tolist() == pytest.approx(found.states[1].tolist(), abs=1e-6)


def test_one_event_brings_others_at_the_same_time_and_one_ends_the_solution():
    """A tank that is emptied when it is full counts; at the third time it ends."""
    full = Event(lambda t, x: 1.0 - x[0], lambda t, x: torch.stack([0.0 * x[0], x[1] + 1.0]), "full")
    ends = Event(lambda t, x: 2.5 - x[1], None, "third")
    found = solve(lambda t, x: torch.stack([2.0 + 0.0 * x[0], 0.0 * x[1]]), doubles(0.0, 0.0), [0.0, math.inf],
                  event=[ends, full])  # fmt: skip
    assert found.event_time.item() == pytest.approx(1.5, abs=1e-9)
    assert found.event_state.tolist() == pytest.approx([0.0, 3.0], abs=1e-9)
    assert [e.name for e in found.events] == ["full"] * 3
    back = solve(lambda t, x: torch.stack([2.0 + 0.0 * x[0], 0.0 * x[1]]), doubles(0.5, 0.0), [1.0, 0.0],
                 event=Event(lambda t, x: x[0], lambda t, x: x + 1.0))  # fmt: skip
    assert float(back.events[0].time) == pytest.approx(0.75, abs=1e-9)
    assert back.states[-1].tolist() == pytest.approx([0.5, 2.0], abs=1e-9)  # at 0.75 and at 0.25
    last = solve(lambda t, x: -torch.ones_like(x), doubles(1.0), [0.0, 1.0], event=Event(lambda t, x: x[0]))
    assert last.event_time.item() == pytest.approx(1.0, abs=1e-9)


def test_jumps_of_f_and_algebraic_states_beside_changes():
    """f jumps at 0.5, where an event comes as well; an algebraic state follows the change."""
    clock = Event(lambda t, x: 0.5 - t + 0.0 * x[0] + 10.0 * x[1], lambda t, x: torch.stack([x[0], 1.0 + x[1]]))

    def f(t, x):
        return torch.stack([(1.0 + 2.0 * (t > 0.5)) * (1.0 + x[1]), 0.0 * x[1]])

    found = solve(f, doubles(0.0, 0.0), [0.0, 1.0], event=clock, options={"jump_t": [0.5]}, method="rodas5p")
    assert found.states[-1].tolist() == pytest.approx([0.5 + 0.5 * 6.0, 1.0], abs=1e-8)
    double = Event(lambda t, x: 1.0 - x[0], lambda t, x: torch.stack([0.2 * x[0], x[1]]), "reset")
    found = solve(lambda t, x: torch.stack([x[1], x[1] - 2.0 * x[0] - 1.0]), doubles(0.0, 1.0), [0.0, 0.8],
                  method="rodas5p", mass=[1.0, 0.0], event=double, **TIGHT)  # fmt: skip
    assert found.events[0].after.tolist() == pytest.approx([0.2, 1.4], abs=1e-9)
    late = 0.8 - math.log(3.0) / 2.0
    assert found.states[-1, 0].item() == pytest.approx(0.7 * math.exp(2.0 * late) - 0.5, abs=1e-7)


def test_events_that_accumulate_are_refused_with_their_limit():
    limit = math.sqrt(2.0 / GRAVITY) * (1.0 + 0.5) / (1.0 - 0.5)
    with pytest.raises(SimulationError, match=r"floor comes ever faster .* \(Zeno\)") as refused:
        ball(doubles(1.0, 0.5), [0.0, 5.0])
    assert f"at time {limit:.6g}" in str(refused.value)
    assert len(ball(doubles(1.0, 0.5), [0.0, limit - 0.01]).events) == 7


@pytest.mark.parametrize("band", [0.0, 1e-11])
def test_events_that_push_back_from_both_sides_are_refused(band):
    def f(t, x):
        return torch.stack([0.3 - x[1], 0.0 * x[1]])

    relay = Event(lambda t, x: x[0] * x[1] + band, lambda t, x: torch.stack([x[0], -x[1]]), "relay")
    with pytest.raises(SimulationError, match=r"relay chatters at time 1\.42857.*\n?.*dead band"):
        solve(f, doubles(1.0, 1.0), [0.0, 5.0], event=relay)
    wide = Event(lambda t, x: x[0] * x[1] + 0.1, lambda t, x: torch.stack([x[0], -x[1]]), "relay")
    assert len(solve(f, doubles(1.0, 1.0), [0.0, 5.0], event=wide).events) > 5


def test_events_that_come_always_never_or_for_each_row_are_refused():
    def decay(t, x):
        return -x

    always = Event(lambda t, x: x[0] - 2.0, lambda t, x: x - 1.0, "low")
    with pytest.raises(InputError, match="the value of low is below zero at the start, time 0"):
        solve(decay, doubles(1.0), [0.0, 1.0], event=always)
    with pytest.raises(SimulationError, match="low would come always: its value is still -1 behind"):
        solve(decay, doubles(3.0), [0.0, 1.0], event=always)
    with pytest.raises(InputError, match="no event ends the solution"):
        solve(decay, doubles(3.0), [0.0], event=always)
    with pytest.raises(SimulationError, match="the event has not come until time"):
        solve(decay, doubles(3.0), [0.0], event=Event(lambda t, x: x[0] + 1.0), options={"max_num_steps": 30})
    with pytest.raises(InputError, match="one by one"):
        solve(decay, doubles([3.0], [4.0]), [0.0, 1.0], event=Event(lambda t, x: x[:, 0] - 2.0, lambda t, x: x))
    with pytest.raises(InputError, match="the change of the event gives shape"):
        solve(decay, doubles(3.0), [0.0, 1.0], event=Event(lambda t, x: x[0] - 2.0, lambda t, x: x[0]))
    with pytest.raises(InputError, match="a list of these events"):
        solve(decay, doubles(3.0), [0.0, 1.0], event=[always, lambda t, x: x])
    with pytest.raises(InputError, match="with delays"):
        solve(lambda t, x, lag: -lag, doubles(3.0), [0.0, 1.0], event=always, delays=1.0, history=doubles(3.0))
    with pytest.raises(InputError, match="use adjoint='discrete'"):
        solve(decay, doubles(3.0), [0.0, 1.0], event=always, adjoint="backsolve", parameters=())
    with pytest.raises(InputError, match="cannot be called"):
        Event(1.0)


def test_a_layer_learns_the_threshold_of_an_event():
    class Low(nn.Module):
        def __init__(self):
            super().__init__()
            self.level = nn.Parameter(doubles(0.5)[0])

        def forward(self, t, x):
            return x[0] - self.level

    class Decay(nn.Module):
        def forward(self, x):
            return -x

    low = Low()
    layer = ODELayer(Decay(), (0.0, 1.0), event=Event(low, lambda t, x: x + 1.0, "refill"), **TIGHT)
    assert [name for name, _ in layer.named_parameters()] == ["event_parts.0.level"]
    end = layer(doubles(1.0))[0]
    # x = (level + 1) exp(-(1 - s)) with s = -log(level)
    assert end.item() == pytest.approx(1.5 / 0.5 * math.exp(-1.0), abs=1e-8)
    end.backward()
    assert low.level.grad.item() == pytest.approx(-math.exp(-1.0) / 0.25, abs=1e-7)
