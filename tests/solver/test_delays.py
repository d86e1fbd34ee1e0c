"""Constant delays: exact solutions, the stated orders, a chaotic reference, gradients, events, and what is refused."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from asm_hybrid.errors import InputError, SimulationError
from asm_hybrid.solver.delays import WITHOUT
from asm_hybrid.solver.solve import ADAPTIVE, FIXED, solve
from asm_hybrid.solver.tableaus import METHODS

ALLOWED = tuple(m for m in (*ADAPTIVE, *FIXED, *METHODS) if m not in WITHOUT)
ORDERS = {
    **{"euler": 1, "midpoint": 2, "heun2": 2, "fehlberg2": 2, "adaptive_heun": 2, "heun3": 3, "bosh3": 3},
    **{"ros34pw2": 3, "rk4": 4, "rodas4": 4, "dopri5": 5, "tsit5": 5},
}


@pytest.fixture(autouse=True)
def _quiet_threads():
    torch.set_num_threads(1)


def doubles(*values):
    return torch.tensor(values, dtype=torch.float64)


ONE = doubles(1.0)


def decay(t, x, lag):
    """y'(t) = -y(t - 1)."""
    return -lag


def exact_decay(t):
    """Its solution with history 1: ``Σ (-1)^k (t - k + 1)^k / k!`` over k up to the whole part of t, and one."""
    return sum((-1.0) ** k * max(t - (k - 1), 0.0) ** k / math.factorial(k) for k in range(int(t) + 2))


def sized(method, h):
    """Steps of a length, in place of those that a tolerance asks for."""
    return {"options": {"step_size": h} if method in FIXED else {"first_step": h, "min_step": h, "max_step": h}}


@pytest.mark.parametrize("method", ALLOWED)
def test_the_piecewise_polynomial(method):
    times = [0.0, 0.3, 1.0, 2.0, 2.5, 3.2]
    extra = sized(method, 0.02) if method in FIXED else {"rtol": 1e-6, "atol": 1e-6}
    found = solve(decay, ONE, times, method=method, delays=1.0, history=ONE, dense=True, **extra)
    tolerance = {"euler": 2e-2, "midpoint": 1e-4, "heun2": 1e-4, "fehlberg2": 5e-4}.get(method, 1e-5)
    exact = doubles(*map(exact_decay, times))
    assert (found.states[:, 0] - exact).abs().max() < tolerance
    between = [0.11, 1.234, 2.99]
    assert (found.at(between)[:, 0] - doubles(*map(exact_decay, between))).abs().max() < tolerance


def waves(t, x, lags):
    """Two delays, and a start and a history that do not solve it."""
    return torch.cos(3.0 * t) + lags[1] * lags[0] - 0.2 * x**2


@pytest.fixture(scope="module")
def fine_waves():
    return waved("dopri5", 2.0**-7)


def waved(method, h):
    times = torch.linspace(0.0, 2.0, 5, dtype=torch.float64)
    past = {"delays": [1.0, 0.5], "history": lambda t: torch.cos(t).reshape(1)}
    return solve(waves, doubles(0.5), times, method=method, stiffness=False, **past, **sized(method, h)).states


@pytest.mark.parametrize("method", ALLOWED)
def test_the_stated_order_with_two_delays(method, fine_waves):
    """Steps are powers of two, so that all have one length."""
    sizes = (2.0**-4, 2.0**-5)
    errors = [(waved(method, h) - fine_waves).square().mean().sqrt().item() for h in sizes]
    rate = math.log2(errors[0] / errors[1])
    assert rate == pytest.approx(ORDERS[method], abs=0.2), errors


def mackey_glass(x, lag):
    """Glass and Mackey (2010), Scholarpedia 5 (3), 6908: β = 0.2, γ = 0.1, n = 10, and τ = 17."""
    return 0.2 * lag / (1.0 + lag**10) - 0.1 * x


@pytest.fixture(scope="module")
def reference():
    """Mackey and Glass by the method of steps with SciPy: one piece a delay, each on the dense output of the last."""
    pieces = []

    def past(t):
        return 1.2 if t <= 0.0 else float(pieces[min(int(t / 17.0), len(pieces) - 1)](t)[0])

    x = 1.2
    for k in range(8):
        found = solve_ivp(
            lambda t, y: [mackey_glass(y[0], past(t - 17.0))], (17.0 * k, 17.0 * (k + 1)), [x], method="DOP853",
            rtol=1e-13, atol=1e-13, dense_output=True, max_step=0.5,
        )  # fmt: skip
        pieces.append(found.sol)
        x = found.y[0, -1]
    return np.array([past(t) for t in (17.0, 50.0, 100.0, 136.0)])


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "rk4"])
def test_mackey_glass(method, reference):
    extra = {"options": {"step_size": 0.25}} if method == "rk4" else {"rtol": 1e-9, "atol": 1e-10}
    found = solve(lambda t, x, lag: mackey_glass(x, lag), doubles(1.2), [0.0, 17.0, 50.0, 100.0, 136.0], method=method,
                  delays=17.0, history=doubles(1.2), **extra)  # fmt: skip
    assert np.abs(found.states[1:, 0].numpy() - reference).max() < 1e-6


def prey(rates, x0, delays, slope, times, **extra):
    """Solve a predator and its prey, which it eats after one delay and grows from after another; it starts apart."""

    def f(t, x, lags):
        eaten, grown = x[..., 0] * lags[0][..., 1], lags[1][..., 0] * lags[1][..., 1]
        return torch.stack([x[..., 0] * (rates[0] - x[..., 0]) - eaten, rates[1] * grown - 0.5 * x[..., 1]], -1)

    return solve(f, x0, times, delays=delays, history=lambda t: doubles(0.7, 0.5) + slope * torch.sin(t), dense=True,
                 **extra)  # fmt: skip


@pytest.mark.parametrize(
    ("method", "extra"),
    [
        ("dopri5", {"rtol": 1e-8, "atol": 1e-10}),
        ("rk4", {"steps": 5}),
        ("euler", {"steps": 5}),
        ("rodas4", {"steps": 5}),
    ],
)
def test_gradients_of_parameters_starts_histories_times_and_delays(method, extra):
    given = [doubles(1.2, 0.9), doubles(0.8, 0.4), doubles(0.37, 1.0), doubles(0.3), doubles(0.0, 0.8, 1.9)]
    weights = torch.arange(1.0, 7.0, dtype=torch.float64).cos().view(3, 2)

    def loss(*leaves):
        found = prey(*leaves, method=method, **extra)
        return (found.states * weights).sum() + found.at([0.5, 1.3]).sum()

    leaves = [v.clone().requires_grad_() for v in given]
    gradients = torch.autograd.grad(loss(*leaves), leaves)
    (alone,) = torch.autograd.grad(loss(*given[:2], leaves[2], *given[3:]), leaves[2])
    assert alone.tolist() == pytest.approx(gradients[2].tolist(), abs=1e-6)
    for k, gradient in enumerate(gradients):
        for i in range(len(gradient)):
            ends = []
            for by in (-1e-4, 1e-4):
                moved = [v.clone() for v in given]
                moved[k][i] += by
                with torch.no_grad():
                    ends.append(loss(*moved).item())
            assert gradient[i].item() == pytest.approx((ends[1] - ends[0]) / 2e-4, rel=1e-5, abs=1e-5), (k, i)


def test_the_gradient_of_a_delay_where_the_solution_jumps_and_where_kinks_are_returned():
    """y' = -y(t - τ) from 2 with history 1: y = 2 - t, and 2 - τ - 2 (t - τ) + (t - τ)²/2 between τ and 2 τ."""
    tau = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    for method, extra in (("dopri5", {}), ("rk4", {"steps": 3}), ("rodas4", {})):
        found = solve(decay, doubles(2.0), [0.0, 0.5, 1.3], method=method, delays=tau, history=ONE, **extra)
        slopes = [torch.autograd.grad(x.sum(), tau, retain_graph=True)[0].item() for x in found.states[1:]]
        assert slopes == pytest.approx([0.0, 2.0 - 1.0 - 0.5], abs=1e-8)
        smooth = solve(decay, ONE, [0.0, 0.8, 1.6], method=method, delays=tau, history=ONE, dense=True, **extra)
        for x, exact in ((smooth.states[1], 0.0), (smooth.at(0.8), 0.0), (smooth.states[2], -0.8)):
            assert torch.autograd.grad(x.sum(), tau, retain_graph=True)[0].item() == pytest.approx(exact, abs=1e-8)


def test_second_derivatives_of_a_delay():
    tau = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    x = solve(decay, ONE, [0.0, 1.5], delays=tau, history=ONE, rtol=1e-10, atol=1e-12).states[-1]
    (first,) = torch.autograd.grad(x.sum(), tau, create_graph=True)
    (second,) = torch.autograd.grad(first, tau)
    assert first.item() == pytest.approx(-(1.5 - 0.8), abs=1e-8)  # of 1 - t + (t - τ)²/2
    assert second.item() == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("method", ALLOWED)
def test_a_delay_that_changes_nothing_gives_the_bits_of_the_equation_without(method):
    def plain(t, x):
        return torch.sin(3.0 * t) - x**3

    times, x0 = [0.0, 0.2, 0.7, 2.0], doubles(0.9, -0.3)
    steps = {"steps": 6} if method in FIXED else {}
    without = solve(plain, x0, times, method=method, stiffness=False, **steps)
    beyond = solve(lambda t, x, lag: plain(t, x), x0, times, method=method, delays=2.5, history=x0, stiffness=False,
                   **steps)  # fmt: skip
    assert torch.equal(beyond.states, without.states)
    assert beyond.steps == without.steps
    broken = {"step_t": [0.75, 1.5][: ORDERS[method]], "max_step": 0.75}
    short = solve(lambda t, x, lag: plain(t, x) + 0.0 * lag, x0, times, method=method, delays=0.75, history=x0,
                  stiffness=False, **steps)  # fmt: skip
    limited = solve(plain, x0, times, method=method, stiffness=False, options=broken, **steps)
    assert torch.equal(short.states, limited.states)


def test_batches_tuples_complex_numbers_and_single_precision():
    x0 = doubles([1.0, 0.5], [2.0, -0.3], [0.1, 0.2])
    rates = doubles([1.0], [0.5], [2.0])
    options = {"rtol": 1e-9, "atol": 1e-11}
    both = solve(lambda t, x, lags: -rates * lags[0] + 0.1 * lags[1], x0, [0.0, 2.2], delays=(0.7, 1.0),
                 history=lambda t: x0 * torch.cos(t), **options).states  # fmt: skip
    assert both.shape == (2, 3, 2)
    for i in range(3):
        past = {"delays": doubles(0.7, 1.0), "history": lambda t, i=i: x0[i] * torch.cos(t)}
        alone = solve(lambda t, x, lags, i=i: -rates[i] * lags[0] + 0.1 * lags[1], x0[i], [0.0, 2.2], **past,
                      **options).states  # fmt: skip
        assert torch.allclose(both[:, i], alone, atol=1e-8)
    pair = (torch.tensor(1.0 + 0.5j, dtype=torch.complex128), doubles(0.3))

    def coupled(t, x, lags):
        assert lags[0].shape == (2,)
        assert lags[1].shape == (2, 1)
        return 1j * lags[0][0] - x[0], lags[1][1] * x[1]

    found = solve(coupled, pair, [0.0, 1.5], delays=[0.5, 1.0], history=pair).states
    assert found[0].dtype == torch.complex128
    assert found[1].shape == (2, 1)
    single = solve(decay, torch.ones(1), torch.tensor([0.0, 2.5]), delays=1.0, history=torch.ones(1))
    assert single.states.dtype == torch.float32
    assert single.states[-1].item() == pytest.approx(exact_decay(2.5), abs=1e-5)


@pytest.mark.parametrize("method", ["dopri5", "rk4", "rodas4"])
def test_events_and_their_derivatives(method):
    """y falls as 1 - t, and then as 1 - t + (t - τ)²/2: it is -0.1 at t = τ + 1 - √(1 - 2 (1.1 - τ))."""
    tau = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    extra = {"options": {"step_size": 0.2}} if method == "rk4" else {"rtol": 1e-9, "atol": 1e-11}
    later = solve(decay, ONE, [0.0], method=method, delays=tau, history=ONE, event=lambda t, x: x + 0.1, **extra)
    root = math.sqrt(1.0 - 2.0 * (1.1 - 0.8))
    assert later.event_time.item() == pytest.approx(1.8 - root, abs=1e-7)
    (by,) = torch.autograd.grad(later.event_time, tau)
    assert by.item() == pytest.approx(1.0 - 1.0 / root, abs=1e-5)


def test_a_solution_is_the_history_of_the_next():
    """The gradient of a delay runs through the times of the earlier solution."""
    tau = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    whole = solve(decay, ONE, [0.0, 2.3], delays=tau, history=ONE)
    (direct,) = torch.autograd.grad(whole.states[-1].sum(), tau)
    for method, extra in (("tsit5", {}), ("rk4", {"steps": 2}), ("rodas4", {"steps": 2})):
        first = solve(decay, ONE, [0.0, 1.4], method=method, delays=tau, history=ONE, dense=True, **extra)
        second = solve(decay, first.states[-1], [1.4, 2.3], method=method, delays=tau, history=first.at,
                       options={"jump_t": [0.9]}, **extra)  # fmt: skip
        assert second.states[-1].item() == pytest.approx(whole.states[-1].item(), abs=1e-8)
        (split,) = torch.autograd.grad(second.states[-1].sum(), tau)
        assert split.item() == pytest.approx(direct.item(), abs=1e-6)


def test_a_history_that_jumps_and_an_f_that_jumps():
    """What jumps in jump_t comes back: y' = y(t - 1) with a history of 0 up to -0.4, and 1 behind."""
    found = solve(lambda t, x, lag: lag, doubles(0.0), [0.0, 0.5, 1.0], method="rk4", steps=1, delays=1.0,
                  history=lambda t: (t > -0.4).to(torch.float64).reshape(1), options={"jump_t": [-0.4]})  # fmt: skip
    assert found.states[:, 0].tolist() == pytest.approx([0.0, 0.0, 0.4], abs=1e-14)
    pulse = solve(lambda t, x, lag: lag + (t > 0.2), doubles(0.0), [0.0, 1.0, 1.8], method="rk4", steps=1, delays=1.0,
                  history=doubles(0.0), options={"jump_t": [0.2]})  # fmt: skip
    assert pulse.states[:, 0].tolist() == pytest.approx([0.0, 0.8, 1.6 + 0.6**2 / 2.0], abs=1e-13)


def test_small_delays_limit_the_steps():
    tiny = solve(lambda t, x, lag: -lag, ONE, [0.0, 1.0], delays=0.01, history=ONE, stiffness=False)
    assert tiny.steps >= 100
    fixed = solve(lambda t, x, lag: -lag, ONE, [0.0, 1.0], method="euler", steps=2, delays=0.01, history=ONE)
    assert fixed.steps >= 100
    for method, extra in (("dopri5", {}), ("rk4", {"steps": 1})):
        with pytest.raises((SimulationError, InputError), match="smallest delay"):
            solve(decay, ONE, [0.0, 9.0], method=method, delays=0.01, history=ONE, options={"max_num_steps": 50},
                  **extra)  # fmt: skip


def test_a_delay_keeps_its_digits():
    found = solve(lambda t, x, lag: lag, ONE, [0.0, 0.1], method="euler", steps=1, delays=0.1,
                  history=lambda t: (1e9 * (t + 0.1)).reshape(1))  # fmt: skip
    assert found.states[-1].item() == pytest.approx(1.0, abs=1e-7)


def fails_before(begin):
    def history(t):
        if float(t.detach()) < begin:
            raise ValueError("no data")
        return torch.ones(1, dtype=torch.float64)

    return history


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delays": -1.0}, ["the delay is -1", "above zero", "+tau"]),
        ({"delays": 0.0}, ["the delay is 0", "leave the delay out"]),
        ({"delays": [1.0, math.nan]}, ["delay 1 is nan"]),
        ({"delays": math.inf}, ["inf"]),
        ({"delays": []}, ["empty"]),
        ({"delays": "1"}, ["'1'"]),
        ({"delays": True}, ["True"]),
        ({"delays": 1j}, ["no real number"]),
        ({"delays": lambda t, x: 1.0}, ["delays that depend on time or state"]),
        ({"delays": [1.0, lambda x: x]}, ["delay 1 is a function"]),
        ({"delays": torch.ones(2, 2)}, ["(2, 2)", "one by one"]),
        ({"history": None}, ["without 'history'", "history=x0"]),
        ({"delays": None}, ["without 'delays'"]),
        ({"history": 1.0}, ["history: the history has Python type float"]),
        ({"history": doubles(1.0, 1.0)}, ["shape (2,) for states (1,)"]),
        ({"history": lambda t: torch.ones(3)}, ["at time -1, the history has shape (3,)"]),
        ({"history": doubles(math.nan)}, ["not finite"]),
        ({"history": fails_before(-0.7)}, ["fails at time -1: no data", "from -1", "shorter delays"]),
        ({"history": lambda t: torch.sqrt(t + 0.7).reshape(1)}, ["at time -1, the history has numbers", "not finite"]),
        ({"history": lambda t: torch.log(-0.2 - t).reshape(1)}, ["at time -4.94066e-324", "not finite"]),
        ({"history": lambda t: torch.where(abs(t + 0.5) < 0.1, math.nan, t).reshape(1)}, ["at time -0.", "not finite"]),
        ({"mass": [1.0], "method": "rodas4"}, ["'mass' and 'delays'", "divide f by M", "chain of lags"]),
        ({"mass": [0.0], "method": "rodas5p", "history": None}, ["'mass' and 'delays'", "within f"]),
        ({"method": "dopri8"}, ["dopri8", "dopri5 or tsit5"]),
        ({"method": "rodas5p"}, ["rodas5p", "rodas4"]),
        ({"adjoint": "backsolve", "parameters": ()}, ["adjoint", "with delays", "from the steps"]),
        ({"times": [1.0, 0.0]}, ["descend", "ascending"]),
        ({"options": {"min_step": 2.0}}, ["min_step", "smallest delay of 1"]),
    ],
)  # fmt: skip
def test_what_is_refused(given, words):
    arguments = {"delays": 1.0, "history": ONE, "times": [0.0, 2.0]} | given
    with pytest.raises(InputError) as caught:
        solve(decay, ONE, arguments.pop("times"), **arguments)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_history_that_ends_too_early_is_named_with_the_earlier_solution():
    first = solve(lambda t, x: -x, ONE, [0.0, 0.5], dense=True)
    with pytest.raises(InputError, match=r"fails at time -0\.5: the time -0\.5 is outside of the solution"):
        solve(decay, first.states[-1], [0.5, 1.0], delays=1.0, history=first.at)
