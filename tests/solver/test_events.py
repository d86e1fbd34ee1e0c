"""Events: none is missed where its sign shows, and times are right, with their derivatives, whatever the method."""

import math

import pytest
import torch

from asm_hybrid.errors import SimulationError
from asm_hybrid.solver.solve import ADAPTIVE, FIXED, solve
from asm_hybrid.solver.tableaus import METHODS

STIFF = tuple(METHODS)


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


def options_of(method, size=0.01):
    return {"options": {"step_size": size}} if method in FIXED else {}


def spring(t, x):
    """x'' = -x."""
    return torch.stack([x[..., 1], -x[..., 0]], dim=-1)


def straight(t, x):
    return torch.ones_like(x)


def thrown(t, x):
    """A ball that is thrown up, with gravity of 9.81."""
    return torch.stack([x[..., 1], -9.81 + 0.0 * x[..., 0]], dim=-1)


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED, *STIFF])
@pytest.mark.parametrize("end", [4.0, math.inf], ids=["with an end", "without an end"])
def test_the_time_is_right_with_every_method(method, end):
    """A spring that starts at rest at 1 passes 0.3 at arccos 0.3."""
    found = solve(
        spring, doubles(1.0, 0.0), [0.0, end], method=method, event=lambda t, x: x[..., 0] - 0.3, **options_of(method)
    )
    tolerance = {"euler": 2e-2, "midpoint": 1e-4, "heun2": 1e-4, "fehlberg2": 1e-4}.get(method, 5e-6)
    assert found.event_time.item() == pytest.approx(math.acos(0.3), abs=tolerance)
    assert found.event_state[0].item() == pytest.approx(0.3, abs=1e-12)
    assert found.event_state[0].item() >= 0.3
    assert found.times[-1] == found.event_time
    assert len(found.times) == 2


@pytest.mark.parametrize("method", ["bosh3", "adaptive_heun"])
def test_a_thrown_ball_of_low_order(method):
    exact = (4.0 + math.sqrt(16.0 + 2 * 9.81 * 7.0)) / 9.81
    found = solve(thrown, doubles(7.0, 4.0), [0.0, 5.0], method=method, event=lambda t, x: x[..., 0])
    assert found.event_time.item() == pytest.approx(exact, abs=1e-7)
    assert found.event_state[1].item() == pytest.approx(4.0 - 9.81 * exact, abs=1e-6)


@pytest.mark.parametrize("method", ["dopri5", "dopri8", "bosh3", "rk4", "rodas5p"])
def test_no_returned_state_shows_a_change_that_was_missed(method):
    """Values that are below zero between 2.2 and 2.6 alone, and again from 7.3 on: steps would run over them."""

    def values(t, x):
        return (x[0] - 2.2) * (x[0] - 2.6) * (7.3 - x[0])

    extra = {"steps": 1} if method == "rk4" else {}
    for count in (26, 101):
        times = torch.linspace(0.0, 10.0, count, dtype=torch.float64)
        found = solve(straight, doubles(0.0), times, method=method, event=values, **extra)
        assert found.event_time.item() == pytest.approx(2.2, abs=1e-9)
        assert bool((torch.stack([values(None, x) for x in found.states[:-1]]) > 0.0).all())


def test_large_steps_of_high_order_miss_no_event_between_returned_times():
    times = torch.linspace(0.0, 9.0, 91, dtype=torch.float64)
    found = solve(
        spring, doubles(0.0, 1.0), times, method="dopri8", rtol=1e-5, atol=1e-7, event=lambda t, x: x[..., 0] - 0.8
    )
    assert found.event_time.item() == pytest.approx(math.asin(0.8), abs=1e-5)


@pytest.mark.parametrize("method", [*ADAPTIVE, "rk4", "midpoint", *STIFF])
def test_an_event_exactly_at_the_last_time_counts(method):
    extra = {"steps": 20} if method in FIXED else {}
    for end in (1.3, 0.7, 2.9):
        found = solve(
            straight, doubles(0.0), [0.0, 0.5, end], method=method, event=lambda t, x, e=end: x[0] - e, **extra
        )
        assert found.event_time.item() == pytest.approx(end, abs=1e-9)
    turned = solve(straight, doubles(1.0), [1.0, 0.0], method=method, event=lambda t, x: x[0], **extra)
    assert turned.event_time.item() == pytest.approx(0.0, abs=1e-9)
    later = solve(straight, doubles(0.0), [0.0, 1.0], method=method, event=lambda t, x: x[0] - 1.01, **extra)
    assert later.event_time is None


def test_the_last_time_counts_although_the_solution_is_not_exact():
    found = solve(lambda t, x: -x, doubles(1.0), [0.0, 1.0], event=lambda t, x: x[0] - math.exp(-1.0))
    assert found.event_time.item() == pytest.approx(1.0, abs=1e-6)


def test_the_first_of_several_values_and_backwards():
    found = solve(
        spring, doubles(1.0, 0.0), [0.0, 6.0], event=lambda t, x: torch.stack([x[0] + 0.5, x[0] - 0.5, 9.0 - t])
    )
    assert found.event_time.item() == pytest.approx(math.acos(0.5), abs=1e-7)
    back = solve(spring, doubles(1.0, 0.0), [0.0, -math.inf], event=lambda t, x: x[0] - 0.5)
    assert back.event_time.item() == pytest.approx(-math.acos(0.5), abs=1e-7)


def test_an_event_that_jumps_and_has_no_slope():
    found = solve(straight, doubles(0.0), [0.0, 3.0], event=lambda t, x: torch.sign(x[0].detach() - 1.7) + 0.5)
    assert found.event_time.item() == pytest.approx(1.7, abs=1e-9)


@pytest.mark.parametrize("method", ["dopri5", "rk4", "rodas5p"])
def test_first_and_second_derivatives_of_an_event(method):
    """A ball from height H falls for √(2 H / g); it is also thrown from a time that is learnt."""
    height, begin = doubles(8.0)[0].requires_grad_(), doubles(0.5)[0].requires_grad_()
    times = torch.stack([begin, begin.detach() + 4.0])
    extra = {"steps": 40} if method == "rk4" else {}
    x0 = torch.stack([height, torch.zeros_like(height)])
    found = solve(thrown, x0, times, method=method, event=lambda t, x: x[..., 0], **extra)
    took = math.sqrt(16.0 / 9.81)
    assert found.event_time.item() == pytest.approx(0.5 + took, abs=1e-8)
    first = torch.autograd.grad(found.event_time, (height, begin), create_graph=True)
    assert [g.item() for g in first] == pytest.approx([took / 16.0, 1.0], abs=1e-7)
    second = torch.autograd.grad(first[0], height, retain_graph=True)[0]
    assert second.item() == pytest.approx(-took / (4.0 * 64.0), abs=1e-7)
    speed = torch.autograd.grad(found.event_state[1], height, create_graph=True)[0]
    assert speed.item() == pytest.approx(-9.81 * took / 16.0, abs=1e-6)
    assert torch.autograd.grad(speed, height)[0].item() == pytest.approx(9.81 * took / 256.0, abs=1e-6)


def test_the_adjoint_up_to_an_event_without_an_end():
    rate = doubles(0.8)[0].requires_grad_()
    x0 = doubles(2.0).requires_grad_()
    found = solve(
        lambda t, x: -rate * x, x0, [0.0], event=lambda t, x: x[0] - 0.5, adjoint="backsolve", parameters=(rate,)
    )
    assert found.event_time.item() == pytest.approx(math.log(4.0) / 0.8, abs=1e-6)
    by = torch.autograd.grad(found.event_time, (rate, x0))
    assert by[0].item() == pytest.approx(-math.log(4.0) / 0.64, rel=1e-5)
    assert by[1].item() == pytest.approx(1.0 / (0.8 * 2.0), rel=1e-5)


@pytest.mark.parametrize("adjoint", [False, True])
def test_times_that_come_after_an_event_have_no_gradient(adjoint):
    times = doubles(0.0, 0.3, 2.0, 5.0).requires_grad_()
    extra = {"adjoint": "backsolve", "parameters": ()} if adjoint else {}
    found = solve(
        lambda t, x: -x * t, doubles(1.0), times, event=lambda t, x: x[0] - 0.5, rtol=1e-10, atol=1e-12, **extra
    )
    assert len(found.times) == 3
    loss = found.states.sum() + found.event_time
    (by,) = torch.autograd.grad(loss, times)
    assert by[0].item() == pytest.approx(0.0, abs=1e-6)  # nothing moves at time zero
    assert by[1].item() == pytest.approx(-0.3 * math.exp(-0.045), abs=1e-6)
    assert by[2:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED, *STIFF])
def test_an_event_that_is_zero_at_the_start_counts_when_it_comes_back(method):
    found = solve(spring, doubles(0.0, 1.0), [0.0, 5.0], method=method, event=lambda t, x: x[..., 0],
                  **options_of(method))  # fmt: skip
    tolerance = {"euler": 2e-2, "midpoint": 1e-4, "heun2": 1e-4, "fehlberg2": 1e-4}.get(method, 5e-6)
    assert found.event_time.item() == pytest.approx(math.pi, abs=tolerance)
    assert solve(straight, doubles(0.0), [0.0, 2.0], event=lambda t, x: x[0]).event_time is None


def test_zero_at_the_start_backwards_beside_others_and_back_within_the_first_step():
    back = solve(spring, doubles(0.0, 1.0), [0.0], event=lambda t, x: x[..., 0], options={"max_step": 0.5})
    assert back.event_time.item() == pytest.approx(math.pi, abs=1e-6)
    two = solve(spring, doubles(0.0, 1.0), [0.0, -9.0], event=lambda t, x: torch.stack([x[0], x[1] - 0.5]))
    assert two.event_time.item() == pytest.approx(-math.pi / 3.0, abs=1e-6)
    hop = solve(thrown, doubles(0.0, 0.981), [0.0, 9.0], event=lambda t, x: x[..., 0], options={"first_step": 3.0})
    assert hop.event_time.item() == pytest.approx(0.2, abs=1e-9)
    rests = solve(lambda t, x: (t > 1.0) * torch.cos(t) + 0.0 * x, doubles(0.0), [0.0, 9.0],
                  event=lambda t, x: x[0] - 0.5 * (t > 2.0), options={"jump_t": [1.0]})  # fmt: skip
    assert rests.event_time.item() == pytest.approx(2.0, abs=1e-9)


def test_an_event_that_never_comes_is_named_where_there_is_no_end():
    for method, extra in (("dopri5", {"max_step": 0.1}), ("rk4", {"step_size": 0.1}), ("rodas4", {"max_step": 0.1})):
        with pytest.raises(SimulationError, match="the event has not come until time"):
            solve(spring, doubles(1.0, 0.0), [0.0], method=method, event=lambda t, x: x[0] + 2.0,
                  options={"max_num_steps": 50, **extra})  # fmt: skip


def test_an_event_in_half_precision():
    found = solve(spring, torch.tensor([0.0, 1.0]).half(), [0.0, 5.0], event=lambda t, x: x[0] - 0.5)
    assert found.event_time.item() == pytest.approx(math.pi / 6.0, abs=0.01)


def test_an_event_that_never_comes_is_an_error_where_there_is_no_end():
    for method, extra in (("dopri5", {"max_step": 0.1}), ("rk4", {"step_size": 0.1})):
        with pytest.raises(SimulationError, match="50 steps"):
            solve(spring, doubles(1.0, 0.0), [0.0], method=method, event=lambda t, x: x[0] + 2.0,
                  options={"max_num_steps": 50, **extra})  # fmt: skip
    with pytest.raises(SimulationError, match="not a number"):
        solve(straight, doubles(0.0), [0.0, 2.0], event=lambda t, x: torch.sqrt(1.0 - x[0]) + 1.0)
